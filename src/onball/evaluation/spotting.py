"""Spotting mAP as SoccerNet's evaluator computes it, and the same with exact thresholds.

The definition is that of the published package `SoccerNet` (`Evaluation/ActionSpotting.py`).
Detections are paired with labels as `matching` describes. Precision and recall at 200 thresholds
from 0 to 1 on the raw score give the 11-point interpolated AP of each action; an action without
labels has AP 0 and counts in the mean. Several δ are averaged by the trapezoid rule over their
list, as if they were evenly spaced.

Visibility plays no part: this is the package's `a_mAP`, over labels shown and not shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from onball.actions import ACTIONS, ACTIONS_MAP10, NUM_ACTIONS, Action
from onball.errors import ConfigError
from onball.evaluation.ap import Ranking
from onball.evaluation.columns import Columns
from onball.evaluation.matching import Matcher
from onball.evaluation.means import MeanAP, mean_ap
from onball.events import EventList

#: SoccerNet's lists of tolerances δ, in seconds.
LOOSE_TOLERANCES_S: tuple[float, ...] = tuple(range(5, 61, 5))
TIGHT_TOLERANCES_S: tuple[float, ...] = (1, 2, 3, 4, 5)


@dataclass(frozen=True, slots=True)
class SpottingResult(MeanAP):
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
    def exact_map12(self) -> float:
        """`map12` with exact thresholds."""
        return mean_ap(self.exact_ap, ACTIONS)

    @property
    def exact_map10(self) -> float:
        """`map10` with exact thresholds."""
        return mean_ap(self.exact_ap, ACTIONS_MAP10)


@dataclass(frozen=True, slots=True)
class AverageResult(MeanAP):
    """Average mAP over several tolerances.

    Attributes:
        ap: average precision of each action, averaged over the tolerances by the trapezoid rule.
        results: the result at each tolerance, in the order asked for.
    """

    ap: dict[Action, float]
    results: tuple[SpottingResult, ...]


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
    check_tolerances(tolerances_s)
    if fps != int(fps) or fps < 1:
        raise ConfigError(f"fps {fps}: SoccerNet's metric needs a whole number of at least 1")
    matcher = action_matcher(Columns.of(truth), Columns.of(predictions), len(truth), fps, actions)
    return average_of(matcher, tolerances_s, actions)


def check_tolerances(tolerances_s: Sequence[float]) -> None:
    """Raise `ConfigError` if there is none, or one that is not above 0."""
    if not tolerances_s or not all(0 < tolerance < float("inf") for tolerance in tolerances_s):
        raise ConfigError(f"tolerances {list(tolerances_s)}: give seconds above 0")


def action_matcher(
    truth: Columns,
    predictions: Columns,
    matches: int,
    fps: int = 25,
    actions: Sequence[Action] = ACTIONS,
) -> Matcher:
    """A matcher whose classes are the actions, in their order; other events play no part."""
    number = np.full(NUM_ACTIONS, -1)
    for index, action in enumerate(actions):
        number[action.order] = index
    return Matcher(
        truth,
        predictions,
        true_class=number[truth.action],
        predicted_class=number[predictions.action],
        classes=len(actions),
        matches=matches,
        fps=int(fps),
    )


def average_of(
    matcher: Matcher, tolerances_s: Sequence[float], actions: Sequence[Action] = ACTIONS
) -> AverageResult:
    """AP averaged over tolerances, of the matcher that `action_matcher` made of these actions."""
    rankings = rankings_of(matcher)
    return average_results(
        [result_of(matcher, rankings, matcher.match(d) >= 0, d, actions) for d in tolerances_s]
    )


def average_results(results: Sequence[SpottingResult]) -> AverageResult:
    """The average of results at evenly spaced tolerances, of the same actions."""
    ap = {action: _trapezoid([result.ap[action] for result in results]) for action in results[0].ap}
    return AverageResult(ap, tuple(results))


def rankings_of(matcher: Matcher) -> list[Ranking]:
    """The ranked detections of each class."""
    bounds = pairwise(matcher.bounds.tolist())
    return [Ranking.of(matcher.scores[start:stop], start) for start, stop in bounds]


def result_of(
    matcher: Matcher,
    rankings: Sequence[Ranking],
    hits: NDArray[np.bool_],
    tolerance_s: float,
    actions: Sequence[Action] = ACTIONS,
) -> SpottingResult:
    """The result at one tolerance, of the detections `[N]` that match a label at it."""
    ap, exact_ap = {}, {}
    for action, ranking, positives in zip(
        actions, rankings, matcher.positives.tolist(), strict=True
    ):
        ap[action], exact_ap[action] = ranking.ap(hits, positives)
    return SpottingResult(
        tolerance_s=tolerance_s,
        ap=ap,
        exact_ap=exact_ap,
        truth_counts=dict(zip(actions, matcher.truth_counts.tolist(), strict=True)),
        prediction_counts=dict(zip(actions, matcher.prediction_counts.tolist(), strict=True)),
    )


def _trapezoid(values: Sequence[float]) -> float:
    """The mean of a curve through evenly spaced values; a single value is its own mean."""
    if len(values) == 1:
        return values[0]
    return sum((a + b) / 2 for a, b in pairwise(values)) / (len(values) - 1)
