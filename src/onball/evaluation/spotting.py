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
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onball.actions import ACTIONS, ACTIONS_MAP10, NUM_ACTIONS, Action
from onball.errors import ConfigError
from onball.evaluation.average_precision import MeanAP, Ranking, mean_ap
from onball.evaluation.matching import Matcher
from onball.events import SIDES, EventColumns, EventList

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
    matcher = action_matcher(
        EventColumns.of(truth), EventColumns.of(predictions), len(truth), fps, actions
    )
    return average_of(matcher, tolerances_s, actions)


def check_tolerances(tolerances_s: Sequence[float]) -> None:
    """Raise `ConfigError` if there is none, or one that is not above 0."""
    if not tolerances_s or not all(0 < tolerance < float("inf") for tolerance in tolerances_s):
        raise ConfigError(f"tolerances {list(tolerances_s)}: give seconds above 0")


def action_matcher(
    truth: EventColumns,
    predictions: EventColumns,
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


# --- Team-aware mAP: an action counts only with the side of the pitch it belongs to.


@dataclass(frozen=True, slots=True)
class TeamResult(MeanAP):
    """How well predictions tell actions together with their side.

    Attributes:
        tolerance_s: δ in seconds.
        ap: AP of each action, its sides weighted by their labels.
        side_ap: AP of each action and side ("left", "right"), of those that have labels.
        labels_without_side: annotations that name no side; they cannot be looked for.
        predictions_without_side: predictions that name no side; they find nothing.
    """

    tolerance_s: float
    ap: dict[Action, float]
    side_ap: dict[tuple[Action, str], float]
    labels_without_side: int
    predictions_without_side: int

    def as_json(self) -> dict[str, Any]:
        """The attributes and means by their names; sides as `PASS left`."""
        return {
            "tolerance_s": self.tolerance_s,
            "map12": self.map12,
            "map10": self.map10,
            "ap": {action.value: ap for action, ap in self.ap.items()},
            "side_ap": {f"{action} {side}": ap for (action, side), ap in self.side_ap.items()},
            "labels_without_side": self.labels_without_side,
            "predictions_without_side": self.predictions_without_side,
        }


def evaluate_teams(
    truth: EventColumns,
    predictions: EventColumns,
    matches: int,
    *,
    tolerance_s: float = 1.0,
    fps: int = 25,
) -> TeamResult | None:
    """Team-aware AP at one tolerance; None if no annotation names a side."""
    if not (truth.side >= 0).any():
        return None
    matcher = Matcher(
        truth,
        predictions,
        true_class=_side_class(truth),
        predicted_class=_side_class(predictions),
        classes=len(SIDES) * NUM_ACTIONS,
        matches=matches,
        fps=fps,
    )
    hits = matcher.match(tolerance_s) >= 0
    positives = matcher.positives.tolist()
    values = [
        ranking.ap(hits, count)[0]
        for ranking, count in zip(rankings_of(matcher), positives, strict=True)
    ]
    ap, side_ap = {}, {}
    for action in ACTIONS:
        classes = [len(SIDES) * action.order + side for side in range(len(SIDES))]
        total = sum(positives[c] for c in classes)
        weighted = sum(positives[c] * values[c] for c in classes)
        ap[action] = weighted / total if total else 0.0
        for side, c in zip(SIDES, classes, strict=True):
            if positives[c]:
                side_ap[action, side.value] = values[c]
    return TeamResult(
        tolerance_s,
        ap,
        side_ap,
        labels_without_side=int((truth.side < 0).sum()),
        predictions_without_side=int((predictions.side < 0).sum()),
    )


def _side_class(events: EventColumns) -> NDArray[np.int64]:
    """The class of each event: two per action; -1 without a side."""
    return np.where(events.side >= 0, len(SIDES) * events.action + events.side, -1)


# --- How far from their labels the right detections are, in milliseconds.


#: At most so many bars in a histogram, so that wide tolerances give wider bars and not more.
_MOST_BINS = 51


@dataclass(frozen=True, slots=True)
class TimingErrors:
    """Signed errors of matched pairs: the detection's moment minus the label's.

    Attributes:
        pairs: how many pairs there are.
        median_ms: the median error, below 0 if detections come early; None without pairs.
        median_absolute_ms: the median distance.
        median_ms_per_action: the median error of each action that has pairs.
        edges_ms: `[B + 1]`, the histogram's edges; the middle bar is centred on 0.
        counts: `[B]`, pairs per bar.
    """

    pairs: int
    median_ms: float | None
    median_absolute_ms: float | None
    median_ms_per_action: dict[Action, float]
    edges_ms: NDArray[np.int64]
    counts: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        errors_ms: NDArray[np.int64],
        action: NDArray[np.int64],
        *,
        radius_ms: int,
        frame_ms: int,
    ) -> TimingErrors:
        """The summary of errors `[P]` whose pairs are of the actions `[P]`.

        Args:
            radius_ms: no error is larger than this, but for the rounding to frames.
            frame_ms: bars are a whole number of frames wide.
        """
        width = frame_ms * max(1, -(-2 * radius_ms // (frame_ms * (_MOST_BINS - 2))))
        side = -(-radius_ms // width)
        edges = np.arange(-side, side + 2) * width - width // 2
        # A frame more than the reach is possible; the outermost bars take it.
        clipped = np.clip(errors_ms, edges[0], edges[-1] - 1)
        present = np.unique(action).tolist()
        return cls(
            pairs=len(errors_ms),
            median_ms=float(np.median(errors_ms)) if len(errors_ms) else None,
            median_absolute_ms=float(np.median(np.abs(errors_ms))) if len(errors_ms) else None,
            median_ms_per_action={
                ACTIONS[index]: float(np.median(errors_ms[action == index])) for index in present
            },
            edges_ms=edges,
            counts=np.histogram(clipped, edges)[0].astype(np.int64),
        )

    def as_json(self) -> dict[str, Any]:
        """The attributes by their names; arrays as lists."""
        return {
            "pairs": self.pairs,
            "median_ms": self.median_ms,
            "median_absolute_ms": self.median_absolute_ms,
            "median_ms_per_action": {str(k): v for k, v in self.median_ms_per_action.items()},
            "edges_ms": self.edges_ms.tolist(),
            "counts": self.counts.tolist(),
        }
