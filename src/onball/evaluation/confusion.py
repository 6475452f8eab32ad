"""Which action is taken for which: detections paired with labels of any action."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from onball.actions import ACTIONS, NUM_ACTIONS
from onball.evaluation.matching import Matcher

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
    reach = matcher.reach(tolerance_s)
    starts = np.searchsorted(ordered, moments - reach, "left")
    counts = np.searchsorted(ordered, moments + reach, "right") - starts
    detection = np.repeat(np.arange(len(chosen)), counts)
    # The how-manieth pair of its detection each pair is.
    within = np.arange(len(detection)) - np.repeat(np.cumsum(counts) - counts, counts)
    return by_time[np.repeat(starts, counts) + within], detection
