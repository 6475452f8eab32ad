"""The full report of a spotting evaluation: every figure of `onball evaluate`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onball.actions import BALL_ACTIONS, ActionSet, EventLabel
from onball.errors import ConfigError
from onball.evaluation.average_precision import (
    MeanAP,
    OperatingPoint,
    PRCurve,
    Ranking,
    by_name,
    classes_json,
)
from onball.evaluation.bootstrap import Intervals, Unit, bootstrap
from onball.evaluation.matching import NOTHING, Matcher, confusion_matrix
from onball.evaluation.spotting import (
    LOOSE_TOLERANCES_S,
    TIGHT_TOLERANCES_S,
    AverageResult,
    SpottingResult,
    TeamResult,
    TimingErrors,
    action_matcher,
    average_results,
    check_tolerances,
    evaluate_teams,
    rankings_of,
    result_of,
)
from onball.events import EventColumns, EventList

#: Tolerances with a result of their own in the report, in seconds; 1 is the headline.
TOLERANCES_S: tuple[float, ...] = (0.5, 1, 2, 3, 4, 5)
_FPS = 25


@dataclass(frozen=True, slots=True)
class MatchRow(MeanAP):
    """Figures of one match, at the report's tolerance.

    Attributes:
        actions: the evaluated actions.
        name: name of the match.
        labels, predictions: numbers of events.
        ap: SoccerNet's AP of each action; 0 for an action without a label in the match.
        shown: all actions together, at the best thresholds of the whole report.
        median_ms: median timing error of the pairs shown; None without any.
    """

    actions: ActionSet
    name: str
    labels: int
    predictions: int
    ap: dict[EventLabel, float]
    shown: OperatingPoint
    median_ms: float | None

    def as_json(self) -> dict[str, Any]:
        """Convert to JSON types: the attributes and the means by name."""
        return {
            "name": self.name,
            "labels": self.labels,
            "predictions": self.predictions,
            **self.means_json(),
            "ap": by_name(self.ap),
            "precision": self.shown.precision,
            "recall": self.shown.recall,
            "f1": self.shown.f1,
            "median_ms": self.median_ms,
        }


@dataclass(frozen=True, slots=True)
class SpottingReport:
    """All figures of an evaluation of spotting.

    Detections are "shown" if they reach the threshold of their action with the best F1.

    Attributes:
        result: result at the report's tolerance, as are all attributes except the next three.
        results: results at each of `TOLERANCES_S`; `at(1)` is the headline.
        tight, loose: averages over SoccerNet's lists of tolerances.
        teams: team-aware AP; None if no annotation has a side.
        curves: precision over recall of each action, thinned, with its best threshold.
        shown: precision and recall of all actions together.
        timing: timing errors of the shown detections that match a label.
        confusion: rows are labels and columns shown detections, see `confusion_matrix`.
        matches: figures of each match.
        intervals: confidence intervals over matches and over 5-minute blocks; None where there is
            only one.
        same_frame_predictions: number of predictions that do not count because a later one of the
            same action has the same frame, as in SoccerNet's evaluator.
        lowest_confidence: of all predictions; None without any. Not part of `as_json`.
    """

    result: SpottingResult
    results: tuple[SpottingResult, ...]
    tight: AverageResult
    loose: AverageResult
    teams: TeamResult | None
    curves: dict[EventLabel, PRCurve]
    shown: OperatingPoint
    timing: TimingErrors
    confusion: NDArray[np.int64]
    matches: tuple[MatchRow, ...]
    intervals: dict[Unit, Intervals | None]
    same_frame_predictions: int
    lowest_confidence: float | None

    @property
    def actions(self) -> ActionSet:
        """The evaluated actions."""
        return self.result.actions

    @property
    def confusion_names(self) -> tuple[str, ...]:
        """Names of the rows and columns of `confusion`."""
        return (*(action.value for action in self.actions), NOTHING)

    @property
    def tolerance_s(self) -> float:
        """δ in seconds; a prediction matches within ±δ/2."""
        return self.result.tolerance_s

    @property
    def best(self) -> dict[EventLabel, OperatingPoint]:
        """Operating point of each action with the highest F1."""
        return {action: curve.best for action, curve in self.curves.items()}

    def at(self, tolerance_s: float) -> SpottingResult:
        """Return the result at one of `TOLERANCES_S`. Raises `KeyError` for another tolerance."""
        return {result.tolerance_s: result for result in self.results}[tolerance_s]

    def as_json(self) -> dict[str, Any]:
        """Convert to JSON types: actions by name, fractions from 0 to 1, no NaN."""
        return {
            "task": "spotting",
            **classes_json(self.actions),
            **{f"{key}_at1": value for key, value in self.at(1).means_json().items()},
            "tolerance_s": self.tolerance_s,
            "result": self.result.as_json(),
            "results": [result.as_json() for result in self.results],
            "tight": self.tight.as_json(),
            "loose": self.loose.as_json(),
            "teams": self.teams.as_json() if self.teams else None,
            "shown": self.shown.as_json(),
            "curves": {action.value: curve.as_json() for action, curve in self.curves.items()},
            "timing": self.timing.as_json(),
            "confusion": {"names": list(self.confusion_names), "matrix": self.confusion.tolist()},
            "matches": [row.as_json() for row in self.matches],
            "intervals": {unit: i.as_json() if i else None for unit, i in self.intervals.items()},
            "same_frame_predictions": self.same_frame_predictions,
        }


def report_spotting(
    truth: Sequence[EventList],
    predictions: Sequence[EventList],
    tolerance_s: float = 1.0,
    *,
    names: Sequence[str] | None = None,
    actions: ActionSet = BALL_ACTIONS,
    resamples: int = 1000,
    seed: int = 0,
) -> SpottingReport:
    """Compute all figures of the predictions for some matches.

    Args:
        truth: annotations, one list per match.
        predictions: predictions for the same matches in the same order.
        tolerance_s: δ in seconds, for all figures at one tolerance.
        names: names of the matches; by default `EventList.match` of the annotations.
        actions: actions to evaluate; events of others are ignored.
        resamples: number of bootstrap samples; 0 leaves the intervals out.
        seed: seed of the bootstrap.

    Raises:
        ValueError: the sequences differ in length.
        ConfigError: a tolerance out of range or a negative number of resamples.
    """
    if len(truth) != len(predictions):
        raise ValueError(f"{len(truth)} matches of truth, {len(predictions)} of predictions")
    names = [events.match for events in truth] if names is None else list(names)
    columns = EventColumns.of(truth, actions), EventColumns.of(predictions, actions)
    return report_columns(
        *columns, names, tolerance_s, actions=actions, resamples=resamples, seed=seed
    )


def report_columns(
    truth: EventColumns,
    predictions: EventColumns,
    names: Sequence[str],
    tolerance_s: float = 1.0,
    *,
    actions: ActionSet = BALL_ACTIONS,
    resamples: int = 1000,
    seed: int = 0,
) -> SpottingReport:
    """Compute a report as `report_spotting` from events as columns of the actions."""
    truth, predictions = (events.where(events.action >= 0) for events in (truth, predictions))
    check_tolerances([tolerance_s])
    if resamples < 0:
        raise ConfigError(f"resamples {resamples}: give 0 or more")
    matcher = action_matcher(truth, predictions, len(names), actions, _FPS)
    matched = {
        delta: matcher.match(delta)
        for delta in {tolerance_s, *TOLERANCES_S, *TIGHT_TOLERANCES_S, *LOOSE_TOLERANCES_S}
    }
    rankings = rankings_of(matcher)
    solved = {
        d: result_of(matcher, rankings, found >= 0, d, actions) for d, found in matched.items()
    }
    found = matched[tolerance_s]
    hits = found >= 0
    curves = _curves(matcher, hits, actions)
    shown = _shown(matcher, curves)
    units: tuple[Unit, Unit] = ("matches", "blocks")
    return SpottingReport(
        result=solved[tolerance_s],
        results=tuple(solved[delta] for delta in TOLERANCES_S),
        tight=average_results([solved[delta] for delta in TIGHT_TOLERANCES_S]),
        loose=average_results([solved[delta] for delta in LOOSE_TOLERANCES_S]),
        teams=evaluate_teams(
            truth, predictions, len(names), actions=actions, tolerance_s=tolerance_s, fps=_FPS
        ),
        curves=curves,
        shown=OperatingPoint.of_counts(
            int((hits & shown).sum()), int(shown.sum()), len(matcher.labels)
        ),
        timing=_timing(matcher, found, hits & shown, tolerance_s, actions),
        confusion=confusion_matrix(matcher, shown, tolerance_s),
        matches=tuple(
            _match_row(matcher, found, shown, index, name, actions)
            for index, name in enumerate(names)
        ),
        intervals={
            unit: bootstrap(
                matcher, found, len(names), unit, actions=actions, resamples=resamples, seed=seed
            )
            for unit in units
        },
        same_frame_predictions=len(predictions) - len(matcher.scores),
        lowest_confidence=float(predictions.confidence.min()) if len(predictions) else None,
    )


def _curves(
    matcher: Matcher, hits: NDArray[np.bool_], actions: ActionSet
) -> dict[EventLabel, PRCurve]:
    curves = {}
    for index, action in enumerate(actions):
        part = slice(*matcher.bounds[index : index + 2].tolist())
        positives = int(matcher.positives[index])
        curves[action] = PRCurve.of(matcher.scores[part], hits[part], positives).thinned()
    return curves


def _shown(matcher: Matcher, curves: dict[EventLabel, PRCurve]) -> NDArray[np.bool_]:
    """`[N]`, mask of the detections that reach the best threshold of their action."""
    least = [curve.best.threshold for curve in curves.values()]
    thresholds = np.array([np.inf if value is None else value for value in least])
    return matcher.scores >= thresholds[matcher.detection_class]


def _timing(
    matcher: Matcher,
    found: NDArray[np.int64],
    pairs: NDArray[np.bool_],
    tolerance_s: float,
    actions: ActionSet,
) -> TimingErrors:
    frame_ms = 1000 // matcher.fps
    return TimingErrors.of(
        matcher.detections.position_ms[pairs] - matcher.labels.position_ms[found[pairs]],
        matcher.detection_class[pairs],
        actions=actions,
        radius_ms=max(1, matcher.radius(tolerance_s)) * frame_ms,
        frame_ms=frame_ms,
    )


def _match_row(
    matcher: Matcher,
    found: NDArray[np.int64],
    shown: NDArray[np.bool_],
    index: int,
    name: str,
    actions: ActionSet,
) -> MatchRow:
    of_label, of_detection = matcher.labels.match == index, matcher.detections.match == index
    positives = np.bincount(matcher.label_class[of_label], minlength=len(actions))
    hits, scores = found[of_detection] >= 0, matcher.scores[of_detection]
    action = matcher.detection_class[of_detection]
    ap = {}
    for number, one in enumerate(actions):
        mine = action == number
        ap[one] = Ranking.of(scores[mine]).ap(hits[mine], int(positives[number]))[0]
    pairs = of_detection & shown & (found >= 0)
    errors = matcher.detections.position_ms[pairs] - matcher.labels.position_ms[found[pairs]]
    return MatchRow(
        actions=actions,
        name=name,
        labels=int(of_label.sum()),
        predictions=int(of_detection.sum()),
        ap=ap,
        shown=OperatingPoint.of_counts(
            int(pairs.sum()), int((of_detection & shown).sum()), int(of_label.sum())
        ),
        median_ms=float(np.median(errors)) if len(errors) else None,
    )
