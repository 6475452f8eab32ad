"""Spotting mAP as SoccerNet's evaluator computes it, and the same with exact thresholds.

The definition is that of the published package `SoccerNet` (`Evaluation/ActionSpotting.py`).
Detections are paired with labels as `matching` describes. Precision and recall at 200 thresholds
from 0 to 1 on the raw score give the 11-point interpolated AP of each action; an action without
labels has AP 0 and counts in the mean. Several δ are averaged by the trapezoid rule over their
list, as if they were evenly spaced.

Visibility plays no part: this is the package's `a_mAP`, over labels shown and not shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from onball.actions import ACTIONS, ACTIONS_MAP10, Action
from onball.errors import ConfigError
from onball.evaluation.matching import Matcher
from onball.events import EventList

#: SoccerNet's lists of tolerances δ, in seconds.
LOOSE_TOLERANCES_S: tuple[float, ...] = tuple(range(5, 61, 5))
TIGHT_TOLERANCES_S: tuple[float, ...] = (1, 2, 3, 4, 5)

_THRESHOLDS = np.linspace(0, 1, 200)
_RECALL_LEVELS = np.arange(11) / 10


@dataclass(frozen=True, slots=True)
class SpottingResult:
    """How well predictions agree with annotations at one tolerance.

    Attributes:
        tolerance_s: δ in seconds; a prediction matches within ±δ/2.
        ap: average precision of each action, 0 to 1, as SoccerNet computes it.
        exact_ap: the same with every distinct score of the action as a threshold instead of 200
            fixed ones. It depends on the order of the scores alone; `ap` also on their values.
        truth_counts: how many annotations each action has.
        prediction_counts: how many predictions each action has.
    """

    tolerance_s: float
    ap: dict[Action, float]
    exact_ap: dict[Action, float]
    truth_counts: dict[Action, int]
    prediction_counts: dict[Action, int]

    @property
    def map12(self) -> float:
        """Mean AP over all actions that were evaluated (the 12, unless told otherwise)."""
        return _mean_ap(self.ap, ACTIONS)

    @property
    def map10(self) -> float:
        """Mean AP without FREE KICK and GOAL."""
        return _mean_ap(self.ap, ACTIONS_MAP10)

    @property
    def exact_map12(self) -> float:
        """`map12` with exact thresholds."""
        return _mean_ap(self.exact_ap, ACTIONS)

    @property
    def exact_map10(self) -> float:
        """`map10` with exact thresholds."""
        return _mean_ap(self.exact_ap, ACTIONS_MAP10)


@dataclass(frozen=True, slots=True)
class AverageResult:
    """Average mAP over several tolerances.

    Attributes:
        ap: average precision of each action, averaged over the tolerances by the trapezoid rule.
        results: the result at each tolerance, in the order asked for.
    """

    ap: dict[Action, float]
    results: tuple[SpottingResult, ...]

    @property
    def map12(self) -> float:
        """Mean over all actions that were evaluated (the 12, unless told otherwise)."""
        return _mean_ap(self.ap, ACTIONS)

    @property
    def map10(self) -> float:
        """Mean without FREE KICK and GOAL."""
        return _mean_ap(self.ap, ACTIONS_MAP10)


def evaluate_spotting(
    truth: Sequence[EventList],
    predictions: Sequence[EventList],
    *,
    tolerance_s: float = 1.0,
    fps: int = 25,
    actions: Sequence[Action] = ACTIONS,
) -> SpottingResult:
    """AP per action of the predictions for some matches, as SoccerNet's evaluator computes it.

    Args:
        truth: the annotations, one list per match.
        predictions: the predictions for the same matches in the same order.
        tolerance_s: δ in seconds.
        fps: the frame rate at which moments are compared, a whole number; SoccerNet uses 25.
        actions: evaluate these only, and pass over all other events.

    Raises `ValueError` if the two sequences differ in length, `ConfigError` for a tolerance or
    frame rate out of range. Where SoccerNet drops halves after the second, they count here.
    """
    return average_map(
        truth, predictions, tolerances_s=(tolerance_s,), fps=fps, actions=actions
    ).results[0]


def average_map(
    truth: Sequence[EventList],
    predictions: Sequence[EventList],
    *,
    tolerances_s: Sequence[float] = TIGHT_TOLERANCES_S,
    fps: int = 25,
    actions: Sequence[Action] = ACTIONS,
) -> AverageResult:
    """AP averaged over tolerances, as SoccerNet's `average_mAP` does; "tight" unless told else.

    Arguments and errors are those of `evaluate_spotting`; `tolerances_s` must not be empty.
    """
    if len(truth) != len(predictions):
        raise ValueError(f"{len(truth)} matches of truth, {len(predictions)} of predictions")
    if not tolerances_s or not all(0 < tolerance < float("inf") for tolerance in tolerances_s):
        raise ConfigError(f"tolerances {list(tolerances_s)}: give seconds above 0")
    if fps != int(fps) or fps < 1:
        raise ConfigError(f"fps {fps}: SoccerNet's metric needs a whole number of at least 1")
    matcher = Matcher(truth, predictions, int(fps), actions)
    rankings = [_Ranking.of(matcher.scores, *bounds) for bounds in pairwise(matcher.bounds)]
    results = tuple(_solve(matcher, rankings, actions, delta) for delta in tolerances_s)
    ap = {action: _trapezoid([result.ap[action] for result in results]) for action in actions}
    return AverageResult(ap, results)


def _solve(
    matcher: Matcher, rankings: Sequence[_Ranking], actions: Sequence[Action], tolerance_s: float
) -> SpottingResult:
    """The result at one tolerance."""
    hits = matcher.match(tolerance_s)
    ap, exact_ap = {}, {}
    for action, ranking, positives in zip(actions, rankings, matcher.positives, strict=True):
        found = np.concatenate(([0], np.cumsum(hits[ranking.order])))
        ap[action] = _interpolated_ap(found, ranking.kept, positives)
        exact_ap[action] = _interpolated_ap(found, ranking.kept_exact, positives)
    return SpottingResult(
        tolerance_s=tolerance_s,
        ap=ap,
        exact_ap=exact_ap,
        truth_counts=dict(zip(actions, matcher.truth_counts.tolist(), strict=True)),
        prediction_counts=dict(zip(actions, matcher.prediction_counts.tolist(), strict=True)),
    )


@dataclass(frozen=True, slots=True)
class _Ranking:
    """The detections of one action from the highest score down, and where thresholds cut.

    Attributes:
        order: their indices in the arrays of the matcher.
        kept: how many reach each of SoccerNet's thresholds.
        kept_exact: how many reach each distinct score.
    """

    order: NDArray[np.intp]
    kept: NDArray[np.intp]
    kept_exact: NDArray[np.intp]

    @classmethod
    def of(cls, scores: NDArray[np.float64], start: int, stop: int) -> _Ranking:
        ascending = np.argsort(scores[start:stop])
        values = scores[start:stop][ascending]
        n = stop - start
        return cls(
            order=start + ascending[::-1],
            kept=n - np.searchsorted(values, _THRESHOLDS, "left"),
            kept_exact=n - np.searchsorted(values, np.unique(values), "left"),
        )


def _interpolated_ap(found: NDArray[np.int64], kept: NDArray[np.intp], positives: int) -> float:
    """11-point interpolated AP.

    Args:
        found: `[N + 1]`, how many of the first 0, 1 … N detections are right.
        kept: `[K]`, how many detections each threshold keeps.
        positives: how many labels there are to find.
    """
    kept = kept[kept > 0]
    if positives == 0 or len(kept) == 0:
        return 0.0
    precision = found[kept] / kept
    recall = found[kept] / positives
    reached = recall >= _RECALL_LEVELS[:, None]
    return float(np.where(reached, precision, 0.0).max(axis=1).sum() / len(_RECALL_LEVELS))


def _trapezoid(values: Sequence[float]) -> float:
    """The mean of a curve through evenly spaced values; a single value is its own mean."""
    if len(values) == 1:
        return values[0]
    return sum((a + b) / 2 for a, b in pairwise(values)) / (len(values) - 1)


def _mean_ap(ap: Mapping[Action, float], actions: Iterable[Action]) -> float:
    """Mean over those of the actions that were evaluated; NaN if none was."""
    values = [ap[action] for action in actions if action in ap]
    return sum(values) / len(values) if values else float("nan")
