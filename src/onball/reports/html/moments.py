"""Which moments are worth looking at: found, missed, mixed up and imagined, some of each action."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from zlib import crc32

from onball.actions import Action
from onball.events import Event
from onball.reports.html.evaluated import SpottedMatch

_FPS = 25
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


class _Timeline:
    """Events in order of time, for looking up those near a moment."""

    def __init__(self, events: Iterable[Event]) -> None:
        self.events = sorted(events, key=lambda event: event.position_ms)
        self._times = [event.position_ms for event in self.events]

    def near(self, event: Event, tolerance_s: float) -> Iterator[int]:
        """Indices of the events in reach, at most δ/2 away in frames, as in the metric."""
        reach = tolerance_s * _FPS / 2
        wide = int(500 * tolerance_s) + 2 * 1000 // _FPS
        start = bisect_left(self._times, event.position_ms - wide)
        stop = bisect_right(self._times, event.position_ms + wide)
        for index in range(start, stop):
            other = self.events[index]
            if other.half == event.half and abs(_frame(other) - _frame(event)) <= reach:
                yield index


def _of_match(
    match: SpottedMatch, thresholds: Mapping[Action, float | None], tolerance_s: float
) -> list[Moment]:
    labels = list(match.truth)
    shown = _Timeline(shown_detections(match, thresholds))
    pairs = []
    for i, label in enumerate(labels):
        for j in shown.near(label, tolerance_s):
            other = shown.events[j]
            distance = abs(label.position_ms - other.position_ms)
            pairs.append((distance, label.label is not other.label, -other.confidence, i, j))
    moments = []
    free_labels, free_detections = set(range(len(labels))), set(range(len(shown.events)))
    for _, differs, _, i, j in sorted(pairs):
        if i in free_labels and j in free_detections:
            free_labels.discard(i)
            free_detections.discard(j)
            kind = Kind.MIXED_UP if differs else Kind.FOUND
            found = shown.events[j]
            moments.append(Moment(kind, match, labels[i], found, found.confidence))
    for j in sorted(free_detections):
        found = shown.events[j]
        moments.append(Moment(Kind.FALSE_ALARM, match, None, found, found.confidence))
    everything = _Timeline(match.predictions)
    for i in sorted(free_labels):
        near = (everything.events[j] for j in everything.near(labels[i], tolerance_s))
        same = [event.confidence for event in near if event.label is labels[i].label]
        moments.append(Moment(Kind.MISSED, match, labels[i], None, max(same, default=0.0)))
    return moments


def _frame(event: Event) -> int:
    return int(_FPS * (event.position_ms / 1000))
