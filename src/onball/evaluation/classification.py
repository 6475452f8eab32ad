"""How well clips are classified: average precision as scikit-learn computes it.

Clips are ranked by score and every distinct score is a threshold; clips with equal scores pass it
together. Two ways to measure the area below the points of precision over recall:

- `average_precision`, the headline: the sum of precision times gain in recall, in steps. This is
  `average_precision_score`, which scikit-learn prefers because lines between the points promise
  what no threshold gives.
- `pr_auc`: the trapezoid rule, `auc` of `precision_recall_curve`, from precision 1 at recall 0.

As in spotting, an action that no clip has is worth 0 and counts in the mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from onball.actions import ACTIONS, NUM_ACTIONS, Action
from onball.errors import DataError
from onball.evaluation.average_precision import MeanAP


@dataclass(frozen=True, slots=True)
class ClassificationResult(MeanAP):
    """How well a classifier says which actions a clip holds.

    Attributes:
        ap: average precision of each action, 0 to 1.
        pr_auc: the same area by the trapezoid rule.
        clips: how many clips were classified.
        positives: how many of them hold each action.
    """

    ap: dict[Action, float]
    pr_auc: dict[Action, float]
    clips: int
    positives: dict[Action, int]

    def as_json(self) -> dict[str, Any]:
        """The attributes and means by their names; names of actions as keys."""
        return {
            "task": "classification",
            "map12": self.map12,
            "map10": self.map10,
            "ap": {action.value: ap for action, ap in self.ap.items()},
            "pr_auc": {action.value: area for action, area in self.pr_auc.items()},
            "clips": self.clips,
            "positives": {action.value: count for action, count in self.positives.items()},
        }


def evaluate_classification(present: ArrayLike, scores: ArrayLike) -> ClassificationResult:
    """AP per action of a clip classifier.

    Args:
        present: `[N, 12]`, bool: which actions each clip holds, in the order of `ACTIONS`.
        scores: `[N, 12]`, 0 to 1: how sure the classifier is of each.

    Raises `DataError` if there is no clip, for scores that are NaN or outside 0 to 1, `ValueError`
    for other shapes and for a `present` that holds more than truth values.
    """
    truth, values = _checked(present, scores)
    if truth.ndim != 2 or truth.shape[1] != NUM_ACTIONS:
        raise ValueError(f"arrays of shape {truth.shape}: give [clips, {NUM_ACTIONS}]")
    if len(truth) == 0:
        raise DataError("no clips to evaluate: the split holds none")
    if values.min() < 0 or values.max() > 1:
        raise DataError(
            f"scores from {values.min():g} to {values.max():g}: give probabilities, 0 to 1"
        )
    curves = {
        action: _Curve.of(truth[:, column], values[:, column])
        for column, action in enumerate(ACTIONS)
    }
    return ClassificationResult(
        ap={action: curve.steps() for action, curve in curves.items()},
        pr_auc={action: curve.trapezoid() for action, curve in curves.items()},
        clips=len(truth),
        positives=dict(zip(ACTIONS, truth.sum(axis=0).tolist(), strict=True)),
    )


def average_precision(truth: ArrayLike, scores: ArrayLike) -> float:
    """Area below precision over recall in steps, 0 to 1; 0 if nothing is true.

    Args:
        truth: `[N]`, bool.
        scores: `[N]`, the higher the surer, of any range.

    Raises `DataError` for a score that is NaN, `ValueError` for other shapes and for a `truth`
    that holds more than truth values.
    """
    return _Curve.of(*_checked_row(truth, scores)).steps()


def pr_auc(truth: ArrayLike, scores: ArrayLike) -> float:
    """Area below precision over recall by the trapezoid rule; otherwise as `average_precision`."""
    return _Curve.of(*_checked_row(truth, scores)).trapezoid()


@dataclass(frozen=True, slots=True)
class _Curve:
    """Precision and recall at each distinct score, from the highest down; empty if nothing is true.

    Attributes:
        precision: `[K]`.
        recall: `[K]`, never falling; its last value is 1.
    """

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]

    @classmethod
    def of(cls, truth: NDArray[np.bool_], scores: NDArray[np.float64]) -> _Curve:
        if not truth.any():
            return cls(np.empty(0), np.empty(0))
        order = np.argsort(-scores, kind="stable")
        found = np.cumsum(truth[order])
        # A threshold takes in all clips of its score: it lies behind the last of them.
        ranked = scores[order]
        last = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)
        return cls(found[last] / (last + 1), found[last] / found[-1])

    def steps(self) -> float:
        return float(np.sum(np.diff(self.recall, prepend=0.0) * self.precision))

    def trapezoid(self) -> float:
        if len(self.recall) == 0:
            return 0.0
        precision = np.concatenate(([1.0], self.precision))
        middle = (precision[1:] + precision[:-1]) / 2
        return float(np.sum(np.diff(self.recall, prepend=0.0) * middle))


def _checked_row(
    truth: ArrayLike, scores: ArrayLike
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """`_checked` for arrays of one dimension."""
    truth, values = _checked(truth, scores)
    if truth.ndim != 1:
        raise ValueError(f"arrays of shape {truth.shape}: give one number per clip")
    return truth, values


def _checked(truth: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """The arrays as bool and float64. Raises `ValueError` and `DataError`."""
    flags, values = np.asarray(truth), np.asarray(scores, dtype=np.float64)
    if flags.shape != values.shape:
        raise ValueError(f"truth of shape {flags.shape}, scores of shape {values.shape}")
    if flags.dtype != np.bool_ and not np.isin(flags, (0, 1)).all():
        raise ValueError("truth must be True or False (1 or 0) for each clip and action")
    if np.isnan(values).any():
        raise DataError("a score is NaN: the classifier failed on a clip; train it again")
    return flags.astype(np.bool_), values
