"""The gallery of a report: examples of what a spotting run detects, misses and confuses.

`find_examples` pairs labels and detections, `choose_examples` selects a few of each kind, and
`Gallery.build` reads a strip of video frames for each. `marks` places labels and detections on the
time axis below a strip.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from onball.actions import ActionSet, EventLabel
from onball.errors import VideoError, optional_dependency
from onball.evaluation.matching import nearest_pairs, pairs_within
from onball.events import Event, EventColumns, EventList
from onball.files import atomic_path
from onball.progress import Progress, ProgressCallback, no_progress
from onball.reports.figures import slug, write_csv
from onball.reports.runs import EvaluatedMatch, EvaluatedSpotting
from onball.timing import nearest_frames
from onball.video import probe, read_frames

with optional_dependency("pillow", "plot", "A report"):
    from PIL import Image

#: Number of examples of each kind.
_EXAMPLES_PER_KIND = 5
#: Smallest distance of two examples of one kind. Strips of closer ones would show the same frames.
_MIN_DISTANCE_MS = 1500

_FRAMES, _STEP_MS = 7, 240
#: Times of the frames of a strip, relative to its middle.
STRIP_TIMES_MS = tuple((index - _FRAMES // 2) * _STEP_MS for index in range(_FRAMES))
#: A strip covers this much time on either side of its middle: half a step beyond the outer frames.
STRIP_RADIUS_MS = _STEP_MS * _FRAMES // 2
#: Widest frame of a strip, with which a ball is a few pixels wide, and the gap between frames.
_FRAME_WIDTH, _GAP = 320, 2
_READ_FPS = 25
_JPEG_QUALITY = 72
#: Grey of frames before the beginning and after the end of the video.
_BLANK = 190

#: Width of a mark and of each character of its name, in per cent of the width of a strip.
_MARK_WIDTH, _CHARACTER_WIDTH = 3.0, 0.95


class Kind(StrEnum):
    """Relation of a label and a detection."""

    FOUND = "found"
    FALSE_ALARM = "false alarm"
    MISSED = "missed"
    MIXED_UP = "mixed up"


@dataclass(frozen=True, slots=True)
class Example:
    """A label, a detection, or a pair of both.

    Attributes:
        kind: `FOUND`, a pair of one action; `MIXED_UP`, a pair of two actions; `FALSE_ALARM`, a
            detection without a label; `MISSED`, a label without a detection.
        match: match of the events.
        label, detection: the events; one of them may be None.
        support: confidence of the detection. For a missed label, the highest confidence of the
            detections of its action within the tolerance, all of which are below the threshold.
    """

    kind: Kind
    match: EvaluatedMatch
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
        """Time of the detection minus time of the label; None without a pair."""
        if self.label is None or self.detection is None:
            return None
        return self.detection.position_ms - self.label.position_ms


def shown_detections(
    match: EvaluatedMatch, thresholds: Mapping[EventLabel, float | None]
) -> list[Event]:
    """Select the detections that reach the threshold of their action; None selects none of it."""
    return [
        event
        for event in match.predictions
        if (threshold := thresholds.get(event.label)) is not None and event.confidence >= threshold
    ]


def find_examples(
    matches: Sequence[EvaluatedMatch],
    thresholds: Mapping[EventLabel, float | None],
    tolerance_s: float,
) -> list[Example]:
    """Pair all labels and shown detections as the confusion matrix does, the nearest first.

    Args:
        matches: matches of the split.
        thresholds: threshold of each action, see `shown_detections`.
        tolerance_s: δ in seconds; pairs are at most δ/2 apart, in frames.

    Returns: one example per pair, per unpaired label and per unpaired detection.
    """
    return [
        example for match in matches for example in _pair_events(match, thresholds, tolerance_s)
    ]


def _pair_events(
    match: EvaluatedMatch, thresholds: Mapping[EventLabel, float | None], tolerance_s: float
) -> list[Example]:
    # The thresholds have the evaluated actions: predictions of others count for nothing.
    evaluated = ActionSet(tuple(thresholds), tuple(thresholds))
    labels = match.truth.events
    shown = EventList.of(shown_detections(match, thresholds))
    label_columns = EventColumns.of([match.truth], evaluated)
    pairs = nearest_pairs(label_columns, EventColumns.of([shown], evaluated), tolerance_s)
    examples = []
    for i, j in zip(*(indices.tolist() for indices in pairs), strict=True):
        kind = Kind.FOUND if labels[i].label == shown[j].label else Kind.MIXED_UP
        examples.append(Example(kind, match, labels[i], shown[j], shown[j].confidence))
    for j in sorted(set(range(len(shown))) - set(pairs[1].tolist())):
        examples.append(Example(Kind.FALSE_ALARM, match, None, shown[j], shown[j].confidence))
    predictions = EventColumns.of([match.predictions], evaluated)
    near_label, near = pairs_within(label_columns, predictions, tolerance_s)
    same = label_columns.action[near_label] == predictions.action[near]
    support = np.zeros(len(labels))
    np.maximum.at(support, near_label[same], predictions.confidence[near[same]])
    for i in sorted(set(range(len(labels))) - set(pairs[0].tolist())):
        examples.append(Example(Kind.MISSED, match, labels[i], None, float(support[i])))
    return examples


def choose_examples(examples: Iterable[Example], kind: Kind, count: int) -> list[Example]:
    """Choose the clearest examples of a kind: one of each action, then a second of each, and so on.

    The clearest are the detections of highest confidence; of missed labels those with the least
    support. Events that are visible on screen come first.
    """
    of_action: dict[EventLabel, list[Example]] = defaultdict(list)
    for example in sorted((e for e in examples if e.kind is kind), key=_rank):
        of_action[example.event.label].append(example)
    chosen: list[Example] = []
    depth = 0
    while len(chosen) < count and depth < max(map(len, of_action.values()), default=0):
        level = [group[depth] for group in of_action.values() if depth < len(group)]
        for example in sorted(level, key=_rank):
            if len(chosen) < count and not any(_overlap(example, other) for other in chosen):
                chosen.append(example)
        depth += 1
    return chosen


def _rank(example: Example) -> tuple[bool, float, int]:
    """Sort key; equal examples are in a pseudo-random order that is the same in each report."""
    event = example.event
    clearness = -example.support if example.kind is Kind.MISSED else example.support
    shuffle = crc32(f"{example.match.name} {event.half} {event.position_ms}".encode())
    return (not event.visible, -clearness, shuffle)


def _overlap(one: Example, other: Example) -> bool:
    near = abs(one.event.position_ms - other.event.position_ms) < _MIN_DISTANCE_MS
    return near and one.match is other.match and one.event.half == other.event.half


def strip(video: Path, position_ms: int) -> bytes:
    """Read seven frames, 0.24 s apart, the fourth at `position_ms`, and join them side by side.

    Frames before the beginning and after the end of the video are grey.

    Returns: a JPEG file.

    Raises:
        VideoError: the file is no video.
    """
    info = probe(video)
    width = min(_FRAME_WIDTH, info.width)
    height = max(2, round(width * info.height / info.width))
    frames: list[NDArray[np.uint8]] = []
    times: list[int] = []
    for batch in read_frames(
        video,
        _READ_FPS,
        (width, height),
        start_ms=max(0, position_ms - STRIP_RADIUS_MS),
        end_ms=position_ms + STRIP_RADIUS_MS,
        threads=1,
    ):
        frames += list(batch.frames)
        times += batch.pts_ms.tolist()
    joined = np.full((height, _FRAMES * (width + _GAP) - _GAP, 3), 255, np.uint8)
    for index, offset_ms in enumerate(STRIP_TIMES_MS):
        left = index * (width + _GAP)
        frame = _frame_at(frames, times, position_ms + offset_ms)
        joined[:, left : left + width] = _BLANK if frame is None else frame
    data = io.BytesIO()
    Image.fromarray(joined).save(data, "JPEG", quality=_JPEG_QUALITY, optimize=True)
    return data.getvalue()


def _frame_at(
    frames: list[NDArray[np.uint8]], times_ms: list[int], time_ms: int
) -> NDArray[np.uint8] | None:
    if not times_ms:
        return None
    index = int(nearest_frames(np.array([time_ms]), np.array(times_ms))[0])
    return frames[index] if abs(times_ms[index] - time_ms) < _STEP_MS // 2 else None


@dataclass(frozen=True, slots=True)
class Mark:
    """An event on the time axis of a strip.

    Attributes:
        event: label or detection.
        at: position, in per cent of the width of the strip.
        row: row of the mark, 0 is the upper one. Marks whose names would overlap are in different
            rows.
        turned: whether the name is to the left of the mark, for lack of space to its right.
    """

    event: Event
    at: float
    row: int
    turned: bool


def marks(events: Iterable[Event], position_ms: int, half: int) -> list[Mark]:
    """Place the events within a strip on its time axis, in order of time."""
    near = [
        event
        for event in events
        if event.half == half and abs(event.position_ms - position_ms) < STRIP_RADIUS_MS
    ]
    ends: list[float] = []
    placed = []
    for event in sorted(near, key=lambda e: e.position_ms):
        at = 50 + 50 * (event.position_ms - position_ms) / STRIP_RADIUS_MS
        width = _MARK_WIDTH + _CHARACTER_WIDTH * (len(event.label) + 5)
        turned = at + width > 100
        begin, end = (at - width, at + 1) if turned else (at - 1, at + width)
        row = next((i for i, taken in enumerate(ends) if taken <= begin), len(ends))
        if row == len(ends):
            ends.append(end)
        ends[row] = end
        placed.append(Mark(event, at, row, turned))
    return placed


@dataclass(frozen=True, slots=True)
class Gallery:
    """Examples of a run with their frames.

    Attributes:
        run: name of the run.
        examples: examples of each kind, each with its strip (JPEG; None if there is no video).
        thresholds: threshold of each action, from which on detections are shown.
    """

    run: str
    examples: Mapping[Kind, Sequence[tuple[Example, bytes | None]]]
    thresholds: Mapping[EventLabel, float | None]

    @classmethod
    def build(cls, one: EvaluatedSpotting, *, progress: ProgressCallback = no_progress) -> Gallery:
        """Choose examples of a run and read their frames from the videos.

        Args:
            one: results of the run.
            progress: called with the number of examples whose frames are read.
        """
        thresholds: dict[EventLabel, float | None] = {
            action: best.threshold for action, best in one.report.best.items()
        }
        found = find_examples(one.matches, thresholds, one.report.tolerance_s)
        chosen = [
            example for kind in Kind for example in choose_examples(found, kind, _EXAMPLES_PER_KIND)
        ]
        examples: dict[Kind, list[tuple[Example, bytes | None]]] = {kind: [] for kind in Kind}
        for done, example in enumerate(chosen):
            progress(Progress("frames of examples", done, len(chosen), "steps"))
            examples[example.kind].append((example, _read_strip(example)))
        progress(Progress("frames of examples", len(chosen), len(chosen), "steps"))
        return cls(one.run.name, examples, thresholds)

    def label_marks(self, example: Example) -> list[Mark]:
        """Place the labels on the time axis of an example."""
        return marks(example.match.truth, example.event.position_ms, example.event.half)

    def detection_marks(self, example: Example) -> list[Mark]:
        """Place the shown detections on the time axis of an example."""
        shown = shown_detections(example.match, self.thresholds)
        return marks(shown, example.event.position_ms, example.event.half)

    def write(self, folder: Path) -> None:
        """Write each strip as `gallery_<run>_<kind>_<number>.jpg`, and a table of them as CSV."""
        rows: list[list[object]] = []
        for kind, examples in self.examples.items():
            for number, (example, jpeg) in enumerate(examples, 1):
                name = f"gallery_{slug(self.run)}_{slug(kind.value)}_{number}.jpg"
                if jpeg is not None:
                    with atomic_path(folder / name) as temporary:
                        temporary.write_bytes(jpeg)
                label, found = example.label, example.detection
                rows.append([
                    kind.value, example.match.name, example.event.half, example.event.position_ms,
                    label.label.value if label else None, found.label.value if found else None,
                    found.confidence if found else None, example.error_ms,
                    name if jpeg is not None else None,
                ])  # fmt: skip
        header = ("kind", "match", "half", "position_ms", "labelled", "found", "confidence",
                  "error_ms", "picture")  # fmt: skip
        write_csv(folder / f"gallery_{slug(self.run)}.csv", header, rows)


def _read_strip(example: Example) -> bytes | None:
    if example.match.video is None:
        return None
    try:
        return strip(example.match.video, example.event.position_ms)
    except VideoError:  # all other parts of the report need no video
        return None
