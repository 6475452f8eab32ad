"""Events of several matches as arrays: what the metric computes with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from onball.actions import ACTIONS, NUM_ACTIONS
from onball.events import EventColumns

# --- Which detections match a label: the pairing inside SoccerNet's spotting metric.


HALF_MINUTES = 120


class Matcher:
    """Truth and detections as sorted arrays, prepared once for any number of tolerances.

    All classes, matches and halves lie on one axis of frames, each in a stretch of its own with a
    gap behind it as long as itself, so that one search serves them all and nothing reaches over.

    Args:
        truth, predictions: of the same matches.
        true_class, predicted_class: `[N]`, the class of each event, 0 to `classes` - 1; events
            with -1 play no part. A class is an action, or an action of one side.
        classes: how many classes there are.
        matches: how many matches there are.
        fps: the frame rate at which moments are compared.

    Attributes:
        labels: `[L]`, the labels that count, in the order of the axis: by class first.
        label_class: `[L]`.
        detections: `[N]`, the detections that count, in the order of the axis.
        detection_class: `[N]`.
        scores: `[N]`, their confidences.
        bounds: `[C + 1]`, the detections of class `c` are `scores[bounds[c]:bounds[c + 1]]`.
        positives: `[C]`, how many labels each class has to find.
        truth_counts: `[C]`, how many labels were given, also those that share a frame.
        prediction_counts: `[C]`, the same for detections.
    """

    def __init__(
        self,
        truth: EventColumns,
        predictions: EventColumns,
        *,
        true_class: NDArray[np.int64],
        predicted_class: NDArray[np.int64],
        classes: int,
        matches: int,
        fps: int,
    ) -> None:
        self.fps = fps
        self._half_frames = HALF_MINUTES * 60 * fps
        known, kept = true_class >= 0, predicted_class >= 0
        if not known.all():
            truth, true_class = truth.where(known), true_class[known]
        if not kept.all():
            predictions, predicted_class = predictions.where(kept), predicted_class[kept]
        self.truth_counts = np.bincount(true_class, minlength=classes)
        self.prediction_counts = np.bincount(predicted_class, minlength=classes)

        halves = int(max(truth.half.max(initial=1), predictions.half.max(initial=1)))
        cells = halves * matches
        stretch = 2 * self._half_frames
        class_starts = np.arange(classes + 1) * cells * stretch

        places = (true_class * cells + truth.match * halves + truth.half - 1) * stretch
        self._label_frames, first = np.unique(
            places + self._frames_of(truth.position_ms), return_index=True
        )
        self.labels, self.label_class = truth.where(first), true_class[first]
        self.positives = np.diff(np.searchsorted(self._label_frames, class_starts))

        places = predicted_class * cells + predictions.match * halves + predictions.half - 1
        frames = places * stretch + self._frames_of(predictions.position_ms)
        order = np.argsort(frames, kind="stable")
        frames = frames[order]
        last_given = np.ones(len(frames), bool)
        last_given[:-1] = frames[1:] != frames[:-1]
        order = order[last_given]
        self._frames = frames[last_given]
        self.detections, self.detection_class = predictions.where(order), predicted_class[order]
        self.scores = self.detections.confidence
        self.bounds = np.searchsorted(self._frames, class_starts)

    def _frames_of(self, position_ms: NDArray[np.int64]) -> NDArray[np.int64]:
        frames = (self.fps * (position_ms / 1000)).astype(np.int64)
        return np.minimum(frames, self._half_frames - 1)

    def moments(self, events: EventColumns) -> NDArray[np.int64]:
        """`[K]`, events of these matches on an axis of frames without classes, apart as above."""
        halves = int(max(self.labels.half.max(initial=1), self.detections.half.max(initial=1)))
        stretch = (events.match * halves + events.half - 1) * 2 * self._half_frames
        return stretch + self._frames_of(events.position_ms)

    def radius(self, tolerance_s: float) -> int:
        """How many frames away a detection may be at tolerance δ in seconds."""
        return int(min(tolerance_s * self.fps / 2, self._half_frames))

    def match(self, tolerance_s: float) -> NDArray[np.int64]:
        """`[N]`, the index of the label that each detection matches at tolerance δ, or -1."""
        radius = self.radius(tolerance_s)
        starts = np.searchsorted(self._frames, self._label_frames - radius, "left")
        stops = np.searchsorted(self._frames, self._label_frames + radius, "right")
        found = np.full(len(self._frames), -1)
        free = self.scores.copy()
        near = np.flatnonzero(starts < stops)
        rows = zip(near.tolist(), starts[near].tolist(), stops[near].tolist(), strict=True)
        # One label after another, because each takes its detection from those that follow.
        for label, start, stop in rows:
            best = start + int(free[start:stop].argmax())  # the earliest of the highest
            if free[best] >= 0:
                found[best] = label
                free[best] = -1
        return found


# --- Which action is taken for which: detections paired with labels of any action.


#: What rows and columns of the matrix stand for.
CONFUSION_NAMES: tuple[str, ...] = (*(action.value for action in ACTIONS), "nothing")
_NOTHING = NUM_ACTIONS


def confusion_matrix(
    matcher: Matcher, shown: NDArray[np.bool_], tolerance_s: float
) -> NDArray[np.int64]:
    """`[13, 13]`, how often each label (row) was found as each action (column).

    Labels and detections are paired one to one, the nearest first; of equally near pairs those of
    one action come first, then those of higher confidence. The last row holds detections at
    moments without a label that is free, the last column labels that nothing was found for.

    Args:
        matcher: of the 12 actions.
        shown: `[N]`, which of its detections count: those from their action's threshold up.
        tolerance_s: δ in seconds; pairs are at most δ/2 apart, in frames, as in the metric.
    """
    chosen = np.flatnonzero(shown)
    action = matcher.detection_class[chosen]
    label, detection = _near_pairs(matcher, chosen, tolerance_s)
    label_ms = matcher.labels.position_ms[label]
    distance = np.abs(label_ms - matcher.detections.position_ms[chosen[detection]])
    differs = matcher.label_class[label] != action[detection]
    order = np.lexsort((-matcher.scores[chosen[detection]], differs, distance))

    matrix = np.zeros((NUM_ACTIONS + 1, NUM_ACTIONS + 1), np.int64)
    free_label = np.ones(len(matcher.labels), bool)
    free_detection = np.ones(len(chosen), bool)
    for row, column in zip(label[order].tolist(), detection[order].tolist(), strict=True):
        if free_label[row] and free_detection[column]:
            free_label[row] = free_detection[column] = False
            matrix[matcher.label_class[row], action[column]] += 1
    matrix[:NUM_ACTIONS, _NOTHING] = np.bincount(
        matcher.label_class[free_label], minlength=NUM_ACTIONS
    )
    matrix[_NOTHING, :NUM_ACTIONS] = np.bincount(action[free_detection], minlength=NUM_ACTIONS)
    return matrix


def _near_pairs(
    matcher: Matcher, chosen: NDArray[np.intp], tolerance_s: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Labels and places in `chosen` of all pairs within the tolerance, `[P]` each."""
    label_moments = matcher.moments(matcher.labels)
    by_time = np.argsort(label_moments, kind="stable")
    ordered = label_moments[by_time]
    moments = matcher.moments(matcher.detections)[chosen]
    radius = matcher.radius(tolerance_s)
    starts = np.searchsorted(ordered, moments - radius, "left")
    counts = np.searchsorted(ordered, moments + radius, "right") - starts
    detection = np.repeat(np.arange(len(chosen)), counts)
    # The how-manieth pair of its detection each pair is.
    within = np.arange(len(detection)) - np.repeat(np.cumsum(counts) - counts, counts)
    return by_time[np.repeat(starts, counts) + within], detection
