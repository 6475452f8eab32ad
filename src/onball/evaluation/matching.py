"""Which detections match a label: the pairing inside SoccerNet's spotting metric.

Moments become frames as in the published package: `int(fps · (ms / 1000))` in floating point,
rounding error and all, in halves of at most 120 minutes. Of several detections of one action on
one frame the last given counts; of several labels, one. Per action and half the labels, in order
of time, each take the highest-scoring free detection at most δ/2 away, the earlier one on a tie.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from onball.actions import Action
from onball.events import EventList

_HALF_MINUTES = 120


class Matcher:
    """Truth and detections as sorted arrays, prepared once for any number of tolerances.

    All actions, matches and halves lie on one axis of frames, each in a stretch of its own with a
    gap behind it as long as itself, so that one search serves them all and nothing reaches over.

    Attributes:
        scores: `[N]`, the detections that count, in the order of the axis: by action first.
        bounds: `[A + 1]`, the detections of action `a` are `scores[bounds[a]:bounds[a + 1]]`.
        positives: `[A]`, how many labels each action has to find.
        truth_counts: `[A]`, how many labels were given, also those that share a frame.
        prediction_counts: `[A]`, the same for detections.
    """

    def __init__(
        self,
        truth: Sequence[EventList],
        predictions: Sequence[EventList],
        fps: int,
        actions: Sequence[Action],
    ) -> None:
        self._fps = fps
        self._half_frames = _HALF_MINUTES * 60 * fps
        labels = _Columns.of(truth, actions)
        detections = _Columns.of(predictions, actions)
        self.truth_counts = np.bincount(labels.action, minlength=len(actions))
        self.prediction_counts = np.bincount(detections.action, minlength=len(actions))

        halves = int(max(labels.half.max(initial=1), detections.half.max(initial=1)))
        cells = halves * len(truth)
        action_starts = np.arange(len(actions) + 1) * cells * 2 * self._half_frames
        self._truth_frames = np.unique(self._on_axis(labels, halves, cells))
        self.positives = np.diff(np.searchsorted(self._truth_frames, action_starts))

        frames = self._on_axis(detections, halves, cells)
        order = np.argsort(frames, kind="stable")
        frames = frames[order]
        last_given = np.ones(len(frames), bool)
        last_given[:-1] = frames[1:] != frames[:-1]
        self._frames = frames[last_given]
        self.scores = detections.confidence[order][last_given]
        self.bounds = np.searchsorted(self._frames, action_starts)

    def _on_axis(self, events: _Columns, halves: int, cells: int) -> NDArray[np.int64]:
        """The frame of each event on the common axis, `cells` stretches per action."""
        frames = (self._fps * (events.position_ms / 1000)).astype(np.int64)
        stretch = events.action * cells + events.match * halves + events.half - 1
        return stretch * 2 * self._half_frames + np.minimum(frames, self._half_frames - 1)

    def match(self, tolerance_s: float) -> NDArray[np.bool_]:
        """`[N]`, which detections match a label at tolerance δ in seconds."""
        reach = int(min(tolerance_s * self._fps / 2, self._half_frames))
        starts = np.searchsorted(self._frames, self._truth_frames - reach, "left")
        stops = np.searchsorted(self._frames, self._truth_frames + reach, "right")
        hits = np.zeros(len(self._frames), bool)
        free = self.scores.copy()
        # One label after another, because each takes its detection from those that follow.
        for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
            if start == stop:
                continue
            best = start + int(free[start:stop].argmax())  # the earliest of the highest
            if free[best] >= 0:
                hits[best] = True
                free[best] = -1
        return hits


@dataclass(frozen=True, slots=True)
class _Columns:
    """The events of several matches, a column for each attribute; `action` is an index."""

    match: NDArray[np.int64]
    half: NDArray[np.int64]
    action: NDArray[np.int64]
    position_ms: NDArray[np.int64]
    confidence: NDArray[np.float64]

    @classmethod
    def of(cls, matches: Sequence[EventList], actions: Sequence[Action]) -> _Columns:
        index = {action: number for number, action in enumerate(actions)}
        events = [event for match in matches for event in match]
        n = len(events)
        action = np.fromiter((index.get(event.label, -1) for event in events), np.int64, n)
        keep = action >= 0
        return cls(
            np.repeat(np.arange(len(matches)), np.array([len(m) for m in matches], np.int64))[keep],
            np.fromiter(map(attrgetter("half"), events), np.int64, n)[keep],
            action[keep],
            np.fromiter(map(attrgetter("position_ms"), events), np.int64, n)[keep],
            np.fromiter(map(attrgetter("confidence"), events), np.float64, n)[keep],
        )
