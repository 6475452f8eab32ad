"""A strip of frames around a moment, as a JPEG, and what is labelled and found on its time axis."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from onball.actions import Action
from onball.errors import VideoError, optional_dependency
from onball.evaluation.matching import nearest_pairs, pairs_within
from onball.events import Event, EventColumns, EventList
from onball.files import atomic_path
from onball.reports.figures import slug, write_csv
from onball.reports.runs import EvaluatedSpotting, SpottedMatch
from onball.timing import nearest_frames
from onball.video import probe, read_frames

with optional_dependency("pillow", "plot", "A report"):
    from PIL import Image


FRAMES = 7
STEP_MS = 240
#: A strip shows this much time on each side of its moment: half a frame beyond the outer ones.
REACH_MS = STEP_MS * FRAMES // 2
#: Times of the frames of a strip, relative to its middle.
STRIP_TIMES_MS = tuple((index - FRAMES // 2) * STEP_MS for index in range(FRAMES))
_FRAME_WIDTH = 192
_GAP = 2
_READ_FPS = 25
_QUALITY = 72
#: What a character and a mark take of the strip's width, in per cent, so that names never meet.
_CHARACTER, _MARK = 0.95, 3.0


@dataclass(frozen=True, slots=True)
class Mark:
    """An event on the time axis of a strip.

    Attributes:
        event: label or detection.
        at: per cent of the strip's width.
        row: 0 is the upper one; marks whose names would meet are in different ones.
        turned: the name is at the left of the mark, because there is no room at its right.
    """

    event: Event
    at: float
    row: int
    turned: bool


def strip(video: Path, position_ms: int) -> bytes:
    """Seven frames side by side as a JPEG, the middle one at the moment, the others 0.24 s apart.

    Grey stands for moments before the film begins and after it ends. Raises `VideoError` if the
    file is no video.
    """
    info = probe(video)
    height = max(2, round(_FRAME_WIDTH * info.height / info.width))
    start = max(0, position_ms - REACH_MS)
    frames: list[NDArray[np.uint8]] = []
    times: list[int] = []
    size = (_FRAME_WIDTH, height)
    end = position_ms + REACH_MS
    for batch in read_frames(video, _READ_FPS, size, start_ms=start, end_ms=end, threads=1):
        frames += list(batch.frames)
        times += batch.pts_ms.tolist()
    picture = np.full((height, FRAMES * (_FRAME_WIDTH + _GAP) - _GAP, 3), 255, np.uint8)
    for index in range(FRAMES):
        wanted = position_ms + (index - FRAMES // 2) * STEP_MS
        left = index * (_FRAME_WIDTH + _GAP)
        picture[:, left : left + _FRAME_WIDTH] = _nearest(frames, times, wanted, height)
    data = io.BytesIO()
    Image.fromarray(picture).save(data, "JPEG", quality=_QUALITY, optimize=True)
    return data.getvalue()


def marks(events: Iterable[Event], position_ms: int, half: int) -> list[Mark]:
    """Where the events within the strip are on its axis, in order of time."""
    near = [e for e in events if e.half == half and abs(e.position_ms - position_ms) < REACH_MS]
    ends: list[float] = []
    placed = []
    for event in sorted(near, key=lambda e: e.position_ms):
        at = 50 + 50 * (event.position_ms - position_ms) / REACH_MS
        width = _MARK + _CHARACTER * (len(event.label) + 5)
        turned = at + width > 100
        begin, end = (at - width, at + 1) if turned else (at - 1, at + width)
        row = next((i for i, taken in enumerate(ends) if taken <= begin), len(ends))
        if row == len(ends):
            ends.append(end)
        ends[row] = end
        placed.append(Mark(event, at, row, turned))
    return placed


def _nearest(
    frames: list[NDArray[np.uint8]], times: list[int], wanted: int, height: int
) -> NDArray[np.uint8]:
    blank = np.full((height, _FRAME_WIDTH, 3), 190, np.uint8)
    if not times:
        return blank
    index = int(nearest_frames(np.array([wanted]), np.array(times))[0])
    return frames[index] if abs(times[index] - wanted) < STEP_MS // 2 else blank


# --- Which moments are worth looking at: found, missed, mixed up and imagined, some of ea


#: Moments of one kind are at least so far apart, or the pictures would be the same.
_APART_MS = 1500


class Kind(StrEnum):
    """What happened to a label or a detection."""

    FOUND = "found"
    FALSE_ALARM = "false alarm"
    MISSED = "missed"
    MIXED_UP = "mixed up"


@dataclass(frozen=True, slots=True)
class Moment:
    """A label, a detection, or a pair of both.

    Attributes:
        kind: found: a pair of one action; mixed up: of two; else one of both is None.
        match: where it is.
        label, detection: the pair.
        support: of a missed label, the confidence of the surest detection of its action in reach,
            which stayed below the threshold; else that of the detection.
    """

    kind: Kind
    match: SpottedMatch
    label: Event | None
    detection: Event | None
    support: float

    @property
    def event(self) -> Event:
        """The label if there is one, else the detection."""
        event = self.label or self.detection
        assert event is not None
        return event

    @property
    def error_ms(self) -> int | None:
        """How late the detection of a pair is."""
        if self.label is None or self.detection is None:
            return None
        return self.detection.position_ms - self.label.position_ms


def shown_detections(match: SpottedMatch, thresholds: Mapping[Action, float | None]) -> list[Event]:
    """The detections that reach the threshold of their action; None lets none through."""
    return [
        event
        for event in match.predictions
        if (least := thresholds[event.label]) is not None and event.confidence >= least
    ]


def find_moments(
    matches: Sequence[SpottedMatch],
    thresholds: Mapping[Action, float | None],
    tolerance_s: float,
) -> list[Moment]:
    """Every label and every detection shown, paired as in the confusion matrix: the nearest first.

    Args:
        matches: of the split.
        thresholds: of each action.
        tolerance_s: δ in seconds; pairs are at most δ/2 apart, in frames, as in the metric.
    """
    return [moment for match in matches for moment in _of_match(match, thresholds, tolerance_s)]


def choose(moments: Iterable[Moment], kind: Kind, most: int) -> list[Moment]:
    """The most telling ones of a kind, first one of each action, then a second.

    Those are the surest detections, and of missed labels the ones with the least support, those
    that were on screen first.
    """
    of_action: dict[Action, list[Moment]] = defaultdict(list)
    for moment in sorted((m for m in moments if m.kind is kind), key=_order):
        of_action[moment.event.label].append(moment)
    chosen: list[Moment] = []
    depth = 0
    while len(chosen) < most and depth < max(map(len, of_action.values()), default=0):
        level = [group[depth] for group in of_action.values() if depth < len(group)]
        for moment in sorted(level, key=_order):
            if len(chosen) < most and not any(_same(moment, other) for other in chosen):
                chosen.append(moment)
        depth += 1
    return chosen


def _order(moment: Moment) -> tuple[bool, float, int]:
    """Smaller is more telling. Equal ones are shuffled, the same way each time."""
    telling = moment.support if moment.kind is Kind.MISSED else -moment.support
    place = crc32(f"{moment.match.name} {moment.event.half} {moment.event.position_ms}".encode())
    return (not moment.event.visible, telling, place)


def _same(one: Moment, other: Moment) -> bool:
    near = abs(one.event.position_ms - other.event.position_ms) < _APART_MS
    return near and one.match is other.match and one.event.half == other.event.half


def _of_match(
    match: SpottedMatch, thresholds: Mapping[Action, float | None], tolerance_s: float
) -> list[Moment]:
    labels = match.truth.events
    shown = EventList.of(shown_detections(match, thresholds))
    label_columns = EventColumns.of([match.truth])
    pairs = nearest_pairs(label_columns, EventColumns.of([shown]), tolerance_s)
    moments = []
    for i, j in zip(*(indices.tolist() for indices in pairs), strict=True):
        kind = Kind.FOUND if labels[i].label is shown[j].label else Kind.MIXED_UP
        moments.append(Moment(kind, match, labels[i], shown[j], shown[j].confidence))
    for j in sorted(set(range(len(shown))) - set(pairs[1].tolist())):
        moments.append(Moment(Kind.FALSE_ALARM, match, None, shown[j], shown[j].confidence))
    everything = EventColumns.of([match.predictions])
    near_label, near = pairs_within(label_columns, everything, tolerance_s)
    same = label_columns.action[near_label] == everything.action[near]
    support = np.zeros(len(labels))
    np.maximum.at(support, near_label[same], everything.confidence[near[same]])
    for i in sorted(set(range(len(labels))) - set(pairs[0].tolist())):
        moments.append(Moment(Kind.MISSED, match, labels[i], None, float(support[i])))
    return moments


# --- Moments to look at, as HTML: a strip of frames with its time axis, for each kind som


_EACH = 5


@dataclass(frozen=True, slots=True)
class Gallery:
    """The chosen moments of a run.

    Attributes:
        run: its name.
        moments: of each kind, with their pictures (JPEG; None where there is no film to read).
        thresholds: of each action, from which on detections are shown.
    """

    run: str
    moments: Mapping[Kind, Sequence[tuple[Moment, bytes | None]]]
    thresholds: Mapping[Action, float | None]

    @classmethod
    def of(cls, one: EvaluatedSpotting, progress: Callable[[str, float], None]) -> Gallery:
        """Choose the moments of a run, and read their frames from the films."""
        thresholds = {action: best.threshold for action, best in one.report.best.items()}
        found = find_moments(one.matches, thresholds, one.report.tolerance_s)
        chosen = [moment for kind in Kind for moment in choose(found, kind, _EACH)]
        pictures: dict[Kind, list[tuple[Moment, bytes | None]]] = {kind: [] for kind in Kind}
        for number, moment in enumerate(chosen):
            progress(f"{one.run.name}: frames of moments", number / len(chosen))
            pictures[moment.kind].append((moment, _picture(moment)))
        progress(f"{one.run.name}: frames of moments", 1.0)
        return cls(one.run.name, pictures, thresholds)

    def label_marks(self, moment: Moment) -> list[Mark]:
        """Labels on the time axis of a strip."""
        return marks(moment.match.truth, moment.event.position_ms, moment.event.half)

    def detection_marks(self, moment: Moment) -> list[Mark]:
        """Detections shown on the time axis of a strip."""
        shown = shown_detections(moment.match, self.thresholds)
        return marks(shown, moment.event.position_ms, moment.event.half)

    def write(self, folder: Path) -> None:
        """Write each strip as `gallery_<run>_<kind>_<number>.jpg`, and what they show as CSV."""
        rows: list[list[object]] = []
        for kind, moments in self.moments.items():
            for number, (moment, jpeg) in enumerate(moments, 1):
                name = f"gallery_{slug(self.run)}_{slug(kind.value)}_{number}.jpg"
                if jpeg is not None:
                    with atomic_path(folder / name) as aside:
                        aside.write_bytes(jpeg)
                label, found = moment.label, moment.detection
                rows.append([
                    kind.value, moment.match.name, moment.event.half, moment.event.position_ms,
                    label.label.value if label else None, found.label.value if found else None,
                    found.confidence if found else None, moment.error_ms,
                    name if jpeg is not None else None,
                ])  # fmt: skip
        header = ("kind", "match", "half", "position_ms", "labelled", "found", "confidence",
                  "error_ms", "picture")  # fmt: skip
        write_csv(folder / f"gallery_{slug(self.run)}.csv", header, rows)


def _picture(moment: Moment) -> bytes | None:
    if moment.match.video is None:
        return None
    try:
        return strip(moment.match.video, moment.event.position_ms)
    except VideoError:  # the figures do not need the film
        return None
