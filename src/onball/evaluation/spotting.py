"""Spotting mAP as SoccerNet's evaluator computes it, variants of it, and timing errors.

The definition is that of the published package `SoccerNet` (`Evaluation/ActionSpotting.py`; Giancola
et al., "SoccerNet: A Scalable Dataset for Action Spotting in Soccer Videos", CVPR Workshops 2018).
Detections are paired with labels as `matching` describes. Precision and recall at 200 thresholds
from 0 to 1 on the raw score give the 11-point interpolated AP of each action; an action without
labels has AP 0 and counts in the mean. Several δ are averaged by the trapezoid rule over their list,
as if they were evenly spaced.

The actions are those of a list (`ActionSet`): the 12 of SoccerNet by default, or any other.

Visibility is ignored: this is the package's `a_mAP`, over labels shown and not shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onball.actions import BALL_ACTIONS, ActionSet, EventLabel
from onball.errors import ConfigError
from onball.evaluation.average_precision import MeanAP, Ranking, by_name, means_of
from onball.evaluation.matching import Matcher
from onball.events import SIDES, EventColumns, EventList
from onball.files import to_json

#: SoccerNet's lists of tolerances δ, in seconds.
LOOSE_TOLERANCES_S: tuple[float, ...] = tuple(range(5, 61, 5))
TIGHT_TOLERANCES_S: tuple[float, ...] = (1, 2, 3, 4, 5)
#: Maximum number of bars of a histogram; wide tolerances have wider bars.
_MOST_BINS = 51


@dataclass(frozen=True, slots=True)
class SpottingResult(MeanAP):
    """Average precision at one tolerance.

    Attributes:
        actions: the evaluated actions.
        tolerance_s: δ in seconds; a prediction matches within ±δ/2.
        ap: average precision of each action, 0 to 1, as SoccerNet computes it.
        exact_ap: the same with every distinct score of the action as a threshold instead of 200
            fixed ones. It depends only on the order of the scores; `ap` also on their values.
        truth_counts: number of annotations of each action.
        prediction_counts: number of predictions of each action.
    """

    actions: ActionSet
    tolerance_s: float
    ap: dict[EventLabel, float]
    exact_ap: dict[EventLabel, float]
    truth_counts: dict[EventLabel, int]
    prediction_counts: dict[EventLabel, int]

    @property
    def exact_map_all(self) -> float:
        """`map_all` with exact thresholds."""
        return means_of(self.actions)[0].of(self.exact_ap)

    @property
    def exact_map_headline(self) -> float:
        """`map_headline` with exact thresholds."""
        return means_of(self.actions)[-1].of(self.exact_ap)

    @property
    def exact_map12(self) -> float:
        """`exact_map_all`, under its usual name for the 12 actions."""
        return self.exact_map_all

    @property
    def exact_map10(self) -> float:
        """`exact_map_headline`, under its usual name for the 12 actions."""
        return self.exact_map_headline

    def as_json(self) -> dict[str, Any]:
        """Convert to JSON types; fractions from 0 to 1, the tolerance in seconds."""
        return {
            "tolerance_s": self.tolerance_s,
            **self.means_json(),
            **{f"exact_{mean.key}": mean.of(self.exact_ap) for mean in means_of(self.actions)},
            "ap": by_name(self.ap),
            "exact_ap": by_name(self.exact_ap),
            "labels": by_name(self.truth_counts),
            "predictions": by_name(self.prediction_counts),
        }


@dataclass(frozen=True, slots=True)
class AverageResult(MeanAP):
    """Average mAP over several tolerances.

    Attributes:
        actions: the evaluated actions.
        ap: average precision of each action, averaged over the tolerances by the trapezoid rule.
        results: result at each tolerance, in the order of the argument.
    """

    actions: ActionSet
    ap: dict[EventLabel, float]
    results: tuple[SpottingResult, ...]

    def as_json(self) -> dict[str, Any]:
        """Convert to JSON types, without the single results; tolerances in seconds."""
        return {
            "tolerances_s": [result.tolerance_s for result in self.results],
            **self.means_json(),
            "ap": by_name(self.ap),
        }


def evaluate_spotting(
    truth: Sequence[EventList],
    predictions: Sequence[EventList],
    *,
    tolerance_s: float = 1.0,
    fps: int = 25,
    actions: ActionSet = BALL_ACTIONS,
) -> SpottingResult:
    """Compute AP per action as SoccerNet's evaluator does, at one tolerance.

    Unlike in SoccerNet's evaluator, halves after the second count as well.

    Args:
        truth: annotations, one list per match.
        predictions: predictions for the same matches in the same order.
        tolerance_s: δ in seconds.
        fps: frame rate at which times are compared, a whole number; SoccerNet uses 25.
        actions: actions to evaluate; events of others are ignored.

    Raises:
        ValueError: the sequences differ in length.
        ConfigError: a tolerance or frame rate out of range.
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
    actions: ActionSet = BALL_ACTIONS,
) -> AverageResult:
    """Compute AP averaged over tolerances as SoccerNet's `average_mAP` does, by default "tight".

    Arguments and errors are those of `evaluate_spotting`; `tolerances_s` must not be empty.
    """
    if len(truth) != len(predictions):
        raise ValueError(f"{len(truth)} matches of truth, {len(predictions)} of predictions")
    check_tolerances(tolerances_s)
    if fps != int(fps) or fps < 1:
        raise ConfigError(f"fps {fps}: SoccerNet's metric needs a whole number of at least 1")
    columns = EventColumns.of(truth, actions), EventColumns.of(predictions, actions)
    return average_of(action_matcher(*columns, len(truth), actions, fps), tolerances_s, actions)


def check_tolerances(tolerances_s: Sequence[float]) -> None:
    """Raise `ConfigError` for an empty list, or a tolerance that is not above 0."""
    if not tolerances_s or not all(0 < tolerance < float("inf") for tolerance in tolerances_s):
        raise ConfigError(f"tolerances {list(tolerances_s)}: give seconds above 0")


def action_matcher(
    truth: EventColumns,
    predictions: EventColumns,
    matches: int,
    actions: ActionSet = BALL_ACTIONS,
    fps: int = 25,
) -> Matcher:
    """Create a matcher whose classes are the actions of the columns; other events are ignored.

    Args:
        truth, predictions: events as columns of these actions.
        matches: number of matches.
        actions: the actions.
        fps: frame rate at which times are compared.
    """
    return Matcher(
        truth,
        predictions,
        true_class=truth.action,
        predicted_class=predictions.action,
        classes=len(actions),
        matches=matches,
        fps=int(fps),
    )


def average_of(
    matcher: Matcher, tolerances_s: Sequence[float], actions: ActionSet = BALL_ACTIONS
) -> AverageResult:
    """Compute AP averaged over tolerances from an `action_matcher` of these actions."""
    rankings = rankings_of(matcher)
    return average_results(
        [result_of(matcher, rankings, matcher.match(d) >= 0, d, actions) for d in tolerances_s]
    )


def average_results(results: Sequence[SpottingResult]) -> AverageResult:
    """Average results of the same actions at evenly spaced tolerances."""
    ap = {action: _trapezoid([result.ap[action] for result in results]) for action in results[0].ap}
    return AverageResult(results[0].actions, ap, tuple(results))


def rankings_of(matcher: Matcher) -> list[Ranking]:
    """Rank the detections of each class."""
    bounds = pairwise(matcher.bounds.tolist())
    return [Ranking.of(matcher.scores[start:stop], start) for start, stop in bounds]


def result_of(
    matcher: Matcher,
    rankings: Sequence[Ranking],
    hits: NDArray[np.bool_],
    tolerance_s: float,
    actions: ActionSet = BALL_ACTIONS,
) -> SpottingResult:
    """Compute the result at one tolerance.

    Args:
        matcher: an `action_matcher` of the actions.
        rankings: the ranking of each action, of `rankings_of`.
        hits: `[N]`, mask of the detections that match a label at this tolerance.
        tolerance_s: δ in seconds.
        actions: the actions.
    """
    ap, exact_ap = {}, {}
    for action, ranking, positives in zip(
        actions, rankings, matcher.positives.tolist(), strict=True
    ):
        ap[action], exact_ap[action] = ranking.ap(hits, positives)
    return SpottingResult(
        actions=actions,
        tolerance_s=tolerance_s,
        ap=ap,
        exact_ap=exact_ap,
        truth_counts=dict(zip(actions, matcher.truth_counts.tolist(), strict=True)),
        prediction_counts=dict(zip(actions, matcher.prediction_counts.tolist(), strict=True)),
    )


def _trapezoid(values: Sequence[float]) -> float:
    """Mean of a curve through evenly spaced values, or the only value."""
    if len(values) == 1:
        return values[0]
    return sum((a + b) / 2 for a, b in pairwise(values)) / (len(values) - 1)


@dataclass(frozen=True, slots=True)
class TeamResult(MeanAP):
    """Team-aware average precision: a detection must have the side of its label.

    Attributes:
        actions: the evaluated actions.
        tolerance_s: δ in seconds.
        ap: AP of each action, averaged over its sides with the numbers of labels as weights.
        side_ap: AP of each action and side ("left", "right") that has labels.
        labels_without_side: number of annotations without a side, which are ignored.
        predictions_without_side: number of predictions without a side, which match nothing.
    """

    actions: ActionSet
    tolerance_s: float
    ap: dict[EventLabel, float]
    side_ap: dict[tuple[EventLabel, str], float]
    labels_without_side: int
    predictions_without_side: int

    def as_json(self) -> dict[str, Any]:
        """Convert to JSON types: attributes and means by name, sides as `PASS left`."""
        return {
            "tolerance_s": self.tolerance_s,
            **self.means_json(),
            "ap": by_name(self.ap),
            "side_ap": {f"{action} {side}": ap for (action, side), ap in self.side_ap.items()},
            "labels_without_side": self.labels_without_side,
            "predictions_without_side": self.predictions_without_side,
        }


def evaluate_teams(
    truth: EventColumns,
    predictions: EventColumns,
    matches: int,
    *,
    actions: ActionSet = BALL_ACTIONS,
    tolerance_s: float = 1.0,
    fps: int = 25,
) -> TeamResult | None:
    """Compute team-aware AP at one tolerance; None if no annotation has a side.

    Args:
        truth, predictions: events as columns of the actions, without others.
        matches: number of matches.
        actions: the actions.
        tolerance_s: δ in seconds.
        fps: frame rate at which times are compared.
    """
    if not (truth.side >= 0).any():
        return None
    matcher = Matcher(
        truth,
        predictions,
        true_class=_side_class(truth),
        predicted_class=_side_class(predictions),
        classes=len(SIDES) * len(actions),
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
    for index, action in enumerate(actions):
        classes = [len(SIDES) * index + side for side in range(len(SIDES))]
        total = sum(positives[c] for c in classes)
        weighted = sum(positives[c] * values[c] for c in classes)
        ap[action] = weighted / total if total else 0.0
        for side, c in zip(SIDES, classes, strict=True):
            if positives[c]:
                side_ap[action, side.value] = values[c]
    return TeamResult(
        actions,
        tolerance_s,
        ap,
        side_ap,
        labels_without_side=int((truth.side < 0).sum()),
        predictions_without_side=int((predictions.side < 0).sum()),
    )


def _side_class(events: EventColumns) -> NDArray[np.int64]:
    """Class of each event, two per action; -1 without a side."""
    return np.where(events.side >= 0, len(SIDES) * events.action + events.side, -1)


@dataclass(frozen=True, slots=True)
class TimingErrors:
    """Signed timing errors of matched pairs: position of the detection minus that of the label.

    Attributes:
        pairs: number of pairs.
        median_ms: median error, below 0 if detections come early; None without pairs.
        median_absolute_ms: median absolute error; None without pairs.
        median_ms_per_action: median error of each action that has pairs.
        edges_ms: `[B + 1]`, edges of the histogram, whose middle bar is centred on 0.
        counts: `[B]`, pairs per bar.
    """

    pairs: int
    median_ms: float | None
    median_absolute_ms: float | None
    median_ms_per_action: dict[EventLabel, float]
    edges_ms: NDArray[np.int64]
    counts: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        errors_ms: NDArray[np.int64],
        action: NDArray[np.int64],
        *,
        actions: ActionSet = BALL_ACTIONS,
        radius_ms: int,
        frame_ms: int,
    ) -> TimingErrors:
        """Summarise errors.

        Args:
            errors_ms: `[P]`, error of each pair.
            action: `[P]`, index of the action of each pair.
            actions: the actions.
            radius_ms: largest error, apart from the rounding to frames.
            frame_ms: length of a frame; bars are a whole number of frames wide.
        """
        width = frame_ms * max(1, -(-2 * radius_ms // (frame_ms * (_MOST_BINS - 2))))
        side = -(-radius_ms // width)
        edges = np.arange(-side, side + 2) * width - width // 2
        # Rounding to frames may exceed the radius by a frame, which the outermost bars include.
        clipped = np.clip(errors_ms, edges[0], edges[-1] - 1)
        present = set(action.tolist())
        return cls(
            pairs=len(errors_ms),
            median_ms=float(np.median(errors_ms)) if len(errors_ms) else None,
            median_absolute_ms=float(np.median(np.abs(errors_ms))) if len(errors_ms) else None,
            median_ms_per_action={
                one: float(np.median(errors_ms[action == index]))
                for index, one in enumerate(actions)
                if index in present
            },
            edges_ms=edges,
            counts=np.histogram(clipped, edges)[0].astype(np.int64),
        )

    def as_json(self) -> dict[str, Any]:
        """Convert to JSON types, by attribute."""
        return dict(to_json(self))
