"""Evaluation of clip classifiers: average precision as scikit-learn computes it.

Clips are ranked by score and every distinct score is a threshold, which clips with equal scores pass
together. There are two areas under the curve of precision over recall:

- `average_precision`, the headline: precision times the gain in recall, in steps. This is
  scikit-learn's `average_precision_score`, which avoids the optimism of interpolating linearly
  between points.
- `pr_auc`: the trapezoid rule, scikit-learn's `auc` of `precision_recall_curve`.

The curve is that of spotting (`PRCurve`): a few lines more than a call of torchmetrics or
scikit-learn, which the core would otherwise depend on. As in spotting, an action without a clip has
AP 0 and counts in the mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from onball.actions import BALL_ACTIONS, ActionSet, EventLabel
from onball.errors import DataError
from onball.evaluation.average_precision import MeanAP, PRCurve, by_name, classes_json


@dataclass(frozen=True, slots=True)
class ClassificationResult(MeanAP):
    """Average precision of a clip classifier.

    Attributes:
        actions: the actions.
        ap: average precision of each action, 0 to 1.
        pr_auc: area under the same curve by the trapezoid rule.
        clips: number of classified clips.
        positives: number of clips with each action.
    """

    actions: ActionSet
    ap: dict[EventLabel, float]
    pr_auc: dict[EventLabel, float]
    clips: int
    positives: dict[EventLabel, int]

    def as_json(self) -> dict[str, Any]:
        """Convert to JSON types: the task, the means, and the attributes by name."""
        return {
            "task": "classification",
            **classes_json(self.actions),
            **self.means_json(),
            "ap": by_name(self.ap),
            "pr_auc": by_name(self.pr_auc),
            "clips": self.clips,
            "positives": by_name(self.positives),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any], actions: ActionSet) -> ClassificationResult:
        """Restore the result of some actions from `as_json`.

        Raises:
            DataError: a figure is missing or is no number.
        """
        try:
            return cls(
                actions,
                ap={action: float(content["ap"][action.value]) for action in actions},
                pr_auc={action: float(content["pr_auc"][action.value]) for action in actions},
                clips=int(content["clips"]),
                positives={action: int(content["positives"][action.value]) for action in actions},
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"no result of a clip classifier ({error!r})") from None


def evaluate_classification(
    present: ArrayLike,
    scores: ArrayLike,
    *,
    actions: ActionSet = BALL_ACTIONS,
    predicted: ActionSet | None = None,
) -> ClassificationResult:
    """Compute the average precision of a clip classifier per action.

    Args:
        present: bool `[N, C]`, the actions in each clip, in the order of `actions`.
        scores: `[N, C]`, the classifier's probability of each.
        actions: the C actions.
        predicted: actions that the classifier predicts, by default all; the AP of others is 0.

    Raises:
        DataError: there is no clip, or a score is NaN or outside 0 to 1.
        ValueError: other shapes, or a `present` with other values than 0 and 1.
    """
    truth, values = _checked(present, scores)
    if truth.ndim != 2 or truth.shape[1] != len(actions):
        raise ValueError(f"arrays of shape {truth.shape}: give [clips, {len(actions)}]")
    if len(truth) == 0:
        raise DataError("no clips to evaluate: the split holds none")
    if values.min() < 0 or values.max() > 1:
        raise DataError(
            f"scores from {values.min():g} to {values.max():g}: give probabilities, 0 to 1"
        )
    predicted = actions if predicted is None else predicted
    curves = {
        action: _curve(truth[:, column], values[:, column])
        if action in predicted
        else PRCurve.of(np.empty(0), np.empty(0, bool), 0)
        for column, action in enumerate(actions)
    }
    return ClassificationResult(
        actions,
        ap={action: curve.step_area() for action, curve in curves.items()},
        pr_auc={action: curve.trapezoid_area() for action, curve in curves.items()},
        clips=len(truth),
        positives=dict(zip(actions, truth.sum(axis=0).tolist(), strict=True)),
    )


def average_precision(truth: ArrayLike, scores: ArrayLike) -> float:
    """Area under precision over recall in steps, 0 to 1; 0 if nothing is true.

    Args:
        truth: bool `[N]`.
        scores: `[N]`, of any range.

    Raises:
        DataError: a score is NaN.
        ValueError: other shapes, or a `truth` with other values than 0 and 1.
    """
    return _curve(*_checked_row(truth, scores)).step_area()


def pr_auc(truth: ArrayLike, scores: ArrayLike) -> float:
    """Area under precision over recall by the trapezoid rule; otherwise as `average_precision`."""
    return _curve(*_checked_row(truth, scores)).trapezoid_area()


def _curve(truth: NDArray[np.bool_], scores: NDArray[np.float64]) -> PRCurve:
    return PRCurve.of(scores, truth, int(truth.sum()))


def _checked_row(
    truth: ArrayLike, scores: ArrayLike
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Convert arrays of one dimension, see `_checked`."""
    truth, values = _checked(truth, scores)
    if truth.ndim != 1:
        raise ValueError(f"arrays of shape {truth.shape}: give one number per clip")
    return truth, values


def _checked(truth: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Convert the arrays to bool and float64. Raises `ValueError` and `DataError`."""
    flags, values = np.asarray(truth), np.asarray(scores, dtype=np.float64)
    if flags.shape != values.shape:
        raise ValueError(f"truth of shape {flags.shape}, scores of shape {values.shape}")
    if flags.dtype != np.bool_ and not np.isin(flags, (0, 1)).all():
        raise ValueError("truth must be True or False (1 or 0) for each clip and action")
    if np.isnan(values).any():
        raise DataError("a score is NaN: the classifier failed on a clip; train it again")
    return flags.astype(np.bool_), values
