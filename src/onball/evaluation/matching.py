"""Pairing of detections with labels: as SoccerNet's metric does it, and across actions.

`Matcher` pairs within one class at a time, for average precision. It follows SoccerNet's evaluator
(`Evaluation/ActionSpotting.py` of the package `SoccerNet`; Giancola et al., "SoccerNet: A Scalable
Dataset for Action Spotting in Soccer Videos", CVPR Workshops 2018): times become frames, of several
labels of a class on one frame only the first counts and of several detections only the last; then
each label, in order of time, takes the detection with the highest score within ±δ/2 that is still
free.

`nearest_pairs` pairs labels and detections of any actions, the nearest first. The confusion matrix
and the examples in a report use it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from onball.events import EventColumns

#: Length of a half on the axis of frames. Later positions count as its last frame.
HALF_MINUTES = 120

#: Name of the last row and column of a confusion matrix, for detections and labels without a pair.
NOTHING = "nothing"


class Matcher:
    """Labels and detections as sorted arrays, prepared once for any number of tolerances.

    All classes, matches and halves share one axis of frames. Each has its own interval, followed by
    a gap of the same length, so that one search serves them all and never crosses an interval.

    Args:
        truth, predictions: events of the same matches.
        true_class, predicted_class: `[N]`, the class of each event, 0 to `classes` - 1; events
            with -1 are ignored. A class is an action, or an action of one side.
        classes: number of classes, C.
        matches: number of matches.
        fps: frame rate at which times are compared.

    Attributes:
        classes: number of classes, C.
        labels: the L labels that count, in the order of the axis: by class first.
        label_class: `[L]`.
        detections: the N detections that count, in the order of the axis.
        detection_class: `[N]`.
        scores: `[N]`, their confidences.
        bounds: `[C + 1]`, the detections of class `c` are `scores[bounds[c]:bounds[c + 1]]`.
        positives: `[C]`, number of labels that count.
        truth_counts: `[C]`, number of labels, including those that share a frame.
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
        self.fps, self.classes = fps, classes
        known, kept = true_class >= 0, predicted_class >= 0
        if not known.all():
            truth, true_class = truth.where(known), true_class[known]
        if not kept.all():
            predictions, predicted_class = predictions.where(kept), predicted_class[kept]
        self.truth_counts = np.bincount(true_class, minlength=classes)
        self.prediction_counts = np.bincount(predicted_class, minlength=classes)

        halves = int(max(truth.half.max(initial=1), predictions.half.max(initial=1)))
        cells = halves * matches
        stride = 2 * _half_frames(fps)
        class_starts = np.arange(classes + 1) * cells * stride

        starts = (true_class * cells + truth.match * halves + truth.half - 1) * stride
        self._label_frames, first = np.unique(
            starts + _frames(truth.position_ms, fps), return_index=True
        )
        self.labels, self.label_class = truth.where(first), true_class[first]
        self.positives = np.diff(np.searchsorted(self._label_frames, class_starts))

        starts = (
            predicted_class * cells + predictions.match * halves + predictions.half - 1
        ) * stride
        frames = starts + _frames(predictions.position_ms, fps)
        order = np.argsort(frames, kind="stable")
        frames = frames[order]
        last_given = np.ones(len(frames), bool)
        last_given[:-1] = frames[1:] != frames[:-1]
        order = order[last_given]
        self._frames = frames[last_given]
        self.detections, self.detection_class = predictions.where(order), predicted_class[order]
        self.scores = self.detections.confidence
        self.bounds = np.searchsorted(self._frames, class_starts)

    def radius(self, tolerance_s: float) -> int:
        """Largest distance of a pair in frames at tolerance δ in seconds."""
        return _radius(tolerance_s, self.fps)

    def match(self, tolerance_s: float) -> NDArray[np.int64]:
        """Pair the detections with labels of their class.

        Args:
            tolerance_s: δ in seconds; pairs are at most δ/2 apart, in frames.

        Returns:
            `[N]`, the index of the label that each detection matches, or -1.
        """
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


def confusion_matrix(
    matcher: Matcher, shown: NDArray[np.bool_], tolerance_s: float
) -> NDArray[np.int64]:
    """Count pairs of labels and detections by their actions, see `nearest_pairs`.

    Args:
        matcher: an `action_matcher`, of C actions.
        shown: `[N]`, mask of its detections: those that reach the threshold of their action.
        tolerance_s: δ in seconds; pairs are at most δ/2 apart, in frames.

    Returns:
        `[C + 1, C + 1]`, rows are labels and columns detections, in the order of the actions. The
        last row counts detections without a label, the last column labels without a detection.
    """
    chosen = np.flatnonzero(shown)
    label_action, action = matcher.label_class, matcher.detection_class[chosen]
    label, detection = nearest_pairs(
        matcher.labels, matcher.detections.where(chosen), tolerance_s, matcher.fps
    )
    n = matcher.classes
    matrix = np.zeros((n + 1, n + 1), np.int64)
    np.add.at(matrix, (label_action[label], action[detection]), 1)
    matrix[:n, n] = np.bincount(np.delete(label_action, label), minlength=n)
    matrix[n, :n] = np.bincount(np.delete(action, detection), minlength=n)
    return matrix


def nearest_pairs(
    labels: EventColumns, detections: EventColumns, tolerance_s: float, fps: int = 25
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pair labels and detections of any actions one to one, the nearest first.

    Of equally near pairs, those of one action come first, then those with higher confidence.

    Args:
        labels, detections: events of the same matches.
        tolerance_s: δ in seconds; pairs are at most δ/2 apart, in frames.
        fps: frame rate at which times are compared.

    Returns:
        Indices of the labels and of the detections, `[P]` each.
    """
    label, detection = pairs_within(labels, detections, tolerance_s, fps)
    distance = np.abs(labels.position_ms[label] - detections.position_ms[detection])
    differs = labels.action[label] != detections.action[detection]
    order = np.lexsort((-detections.confidence[detection], differs, distance))
    free_label = np.ones(len(labels), bool)
    free_detection = np.ones(len(detections), bool)
    pairs = []
    for row, column in zip(label[order].tolist(), detection[order].tolist(), strict=True):
        if free_label[row] and free_detection[column]:
            free_label[row] = free_detection[column] = False
            pairs.append((row, column))
    paired = np.array(pairs, np.int64).reshape(-1, 2)
    return paired[:, 0], paired[:, 1]


def pairs_within(
    labels: EventColumns, detections: EventColumns, tolerance_s: float, fps: int = 25
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find all pairs of a label and a detection of one half that are within the tolerance.

    Arguments and results are those of `nearest_pairs`; an event may be in several pairs.
    """
    halves = int(max(labels.half.max(initial=1), detections.half.max(initial=1)))
    stride = 2 * _half_frames(fps)
    label_frames, detection_frames = (
        (events.match * halves + events.half - 1) * stride + _frames(events.position_ms, fps)
        for events in (labels, detections)
    )
    by_time = np.argsort(label_frames, kind="stable")
    ordered = label_frames[by_time]
    radius = _radius(tolerance_s, fps)
    starts = np.searchsorted(ordered, detection_frames - radius, "left")
    counts = np.searchsorted(ordered, detection_frames + radius, "right") - starts
    detection = np.repeat(np.arange(len(detections)), counts)
    # Rank of each pair within its detection.
    rank = np.arange(len(detection)) - np.repeat(np.cumsum(counts) - counts, counts)
    return by_time[np.repeat(starts, counts) + rank], detection


def _half_frames(fps: int) -> int:
    return HALF_MINUTES * 60 * fps


def _frames(position_ms: NDArray[np.int64], fps: int) -> NDArray[np.int64]:
    """Frame of each position within its half, rounded down as SoccerNet's evaluator does."""
    frames = (fps * (position_ms / 1000)).astype(np.int64)
    return np.minimum(frames, _half_frames(fps) - 1)


def _radius(tolerance_s: float, fps: int) -> int:
    return int(min(tolerance_s * fps / 2, _half_frames(fps)))
