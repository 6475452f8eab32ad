"""Average precision: the ranking of detections, precision over recall, and means over classes.

There is one curve of precision over recall. `Ranking` sorts the detections of a class and knows how
many of them reach each threshold. From it follow

- 11-point interpolated AP as in SoccerNet's evaluator, on 200 thresholds from 0 to 1 (`Ranking.ap`),
  and the same with every distinct score as a threshold;
- `PRCurve`, precision and recall at every distinct score, for operating points, plots, and the areas
  that classification uses.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onball.actions import ACTIONS, ACTIONS_MAP10, BALL_ACTIONS, ActionSet, EventLabel
from onball.files import to_json

#: SoccerNet's thresholds on the raw score.
THRESHOLDS = np.linspace(0, 1, 200)
RECALL_LEVELS = np.arange(11) / 10
#: Maximum number of points of a thinned curve, enough for a plot of any size.
MOST_POINTS = 200


@dataclass(frozen=True, slots=True)
class Ranking:
    """Detections of one class from the highest score down, and the number that thresholds keep.

    Attributes:
        order: `[N]`, their indices in the array of scores.
        kept: `[200]`, number of detections that reach each of SoccerNet's thresholds.
        kept_exact: `[K]`, number that reach each distinct score, from the lowest score up.
    """

    order: NDArray[np.intp]
    kept: NDArray[np.intp]
    kept_exact: NDArray[np.intp]

    @classmethod
    def of(cls, scores: NDArray[np.float64], start: int = 0) -> Ranking:
        """Rank `scores` `[N]`; the indices of `order` begin with `start`."""
        ascending = np.argsort(scores)
        values = scores[ascending]
        n = len(values)
        distinct = np.ones(n, bool)
        distinct[1:] = values[1:] != values[:-1]
        return cls(
            order=start + ascending[::-1],
            kept=n - np.searchsorted(values, THRESHOLDS, "left"),
            kept_exact=n - np.flatnonzero(distinct),
        )

    def ap(self, hits: NDArray[np.bool_], positives: int) -> tuple[float, float]:
        """Compute AP at SoccerNet's thresholds and at exact ones.

        Args:
            hits: mask of all scores: the detections that match a label.
            positives: number of labels.
        """
        found = np.concatenate(([0], np.cumsum(hits[self.order])))
        return (
            interpolated_ap(found, self.kept, positives),
            interpolated_ap(found, self.kept_exact, positives),
        )


def interpolated_ap(found: NDArray[np.int64], kept: NDArray[np.intp], positives: int) -> float:
    """Compute 11-point interpolated AP; 0 without labels or detections.

    Args:
        found: `[N + 1]`, number of matches among the first 0, 1 … N detections.
        kept: `[K]`, number of detections that reach each threshold, not increasing.
        positives: number of labels.
    """
    kept = kept[kept > 0]
    if positives == 0 or len(kept) == 0:
        return 0.0
    best = np.maximum.accumulate(found[kept] / kept)
    recall = found[kept] / positives
    # Recall decreases along the thresholds: those that reach a level come first.
    reaching = np.searchsorted(-recall, -RECALL_LEVELS, "right")
    precision = best[reaching[reaching > 0] - 1]
    return float(precision.sum() / len(RECALL_LEVELS))


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """Precision and recall of the events from one threshold up.

    Attributes:
        threshold: the lowest confidence; None if no event should be shown, because none matches.
        precision, recall, f1: 0 to 1; 0 for a division by zero.
    """

    threshold: float | None
    precision: float
    recall: float
    f1: float

    @classmethod
    def of_counts(
        cls, found: int, shown: int, positives: int, threshold: float | None = None
    ) -> OperatingPoint:
        """Compute the point from counts.

        Args:
            found: number of events that match a label.
            shown: number of events from the threshold up.
            positives: number of labels.
            threshold: the threshold.
        """
        return cls(
            threshold,
            precision=found / shown if shown else 0.0,
            recall=found / positives if positives else 0.0,
            f1=2 * found / (shown + positives) if shown + positives else 0.0,
        )

    def as_json(self) -> dict[str, Any]:
        """Convert to JSON types, by attribute."""
        return dict(to_json(self))


@dataclass(frozen=True, slots=True)
class PRCurve:
    """Precision and recall at every distinct score, from the highest score down.

    Attributes:
        threshold, precision, recall: `[K]`; recall never decreases.
        best: the point with the highest F1; of equal ones the highest threshold.
    """

    threshold: NDArray[np.float64]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    best: OperatingPoint

    @classmethod
    def of(cls, scores: NDArray[np.float64], hits: NDArray[np.bool_], positives: int) -> PRCurve:
        """Compute the curve of the detections of one class.

        Args:
            scores: `[N]`.
            hits: `[N]`, mask of the detections that match a label.
            positives: number of labels. Without any, the curve has no points.
        """
        if positives == 0 or len(scores) == 0:
            empty = np.empty(0)
            return cls(empty, empty, empty, OperatingPoint(None, 0.0, 0.0, 0.0))
        ranking = Ranking.of(scores)
        shown = ranking.kept_exact[::-1]
        found = np.cumsum(hits[ranking.order])[shown - 1]
        threshold = scores[ranking.order[shown - 1]]
        best = int(np.argmax(2 * found / (shown + positives)))
        some = found[best] > 0
        return cls(
            threshold=threshold,
            precision=found / shown,
            recall=found / positives,
            best=OperatingPoint.of_counts(
                int(found[best]),
                int(shown[best]) if some else 0,
                positives,
                float(threshold[best]) if some else None,
            ),
        )

    def thinned(self) -> PRCurve:
        """Return at most `MOST_POINTS` points: the ends, the best, and others evenly over recall."""
        n = len(self.recall)
        if n <= MOST_POINTS:
            return self
        best = int(np.flatnonzero(self.threshold == self.best.threshold)[0]) if self.best.f1 else 0
        # The first point of a recall has the highest precision of that recall.
        levels = np.linspace(self.recall[0], self.recall[-1], MOST_POINTS - 2)
        firsts = np.searchsorted(self.recall, levels, "left")
        points = np.unique(np.concatenate((firsts, [0, best, n - 1])))[:MOST_POINTS]
        return replace(
            self,
            threshold=self.threshold[points],
            precision=self.precision[points],
            recall=self.recall[points],
        )

    def step_area(self) -> float:
        """Area under precision over recall in steps: precision times the gain in recall."""
        return float(np.sum(np.diff(self.recall, prepend=0.0) * self.precision))

    def trapezoid_area(self) -> float:
        """Area under precision over recall by the trapezoid rule, from precision 1 at recall 0."""
        if len(self.recall) == 0:
            return 0.0
        precision = np.concatenate(([1.0], self.precision))
        middle = (precision[1:] + precision[:-1]) / 2
        return float(np.sum(np.diff(self.recall, prepend=0.0) * middle))

    def as_json(self) -> dict[str, Any]:
        """Convert to JSON types, by attribute."""
        return dict(to_json(self))


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean AP: over all classes of a list, or over its headline.

    Attributes:
        name: as tables and charts print it, such as `mAP10`.
        key: key in JSON and CSV files, such as `map10`.
        actions: the classes that it averages over.
    """

    name: str
    key: str
    actions: tuple[EventLabel, ...]

    def of(self, ap: Mapping[EventLabel, float]) -> float:
        """Mean AP, or mean of another figure of each class; NaN if there is none of its classes."""
        values = [ap[action] for action in self.actions if action in ap]
        return sum(values) / len(values) if values else float("nan")


#: Names of the means by their keys in files: of the 12 actions, and of other lists.
MEAN_NAMES = {
    "map12": "mAP12",
    "map10": "mAP10",
    "map": "mAP",
    "map_headline": "headline mAP",
}


def means_of(actions: ActionSet) -> tuple[Mean, ...]:
    """Return the means of a list of classes: over all, and over its headline if that is smaller.

    For the 12 actions they are mAP12 and mAP10, for another list mAP and headline mAP.
    """
    usual = (set(actions), set(actions.headline)) == (set(ACTIONS), set(ACTIONS_MAP10))
    keys = ("map12", "map10") if usual else ("map", "map_headline")
    lists = (actions.names, actions.headline)
    means = [Mean(MEAN_NAMES[key], key, some) for key, some in zip(keys, lists, strict=True)]
    return tuple(means if len(actions.headline) < len(actions) else means[:1])


def headline_of(actions: ActionSet) -> Mean:
    """Return the mean by which models are compared: that over the headline."""
    return means_of(actions)[-1]


def headline_key(columns: Collection[str]) -> str | None:
    """Return the column of the headline mean in a file of any list of classes; None without one."""
    return next((key for key in ("map10", "map_headline", "map") if key in columns), None)


class MeanAP:
    """Base of results with an AP of each class.

    Attributes:
        actions: the evaluated classes.
        ap: average precision of each, 0 to 1.
    """

    __slots__ = ()
    actions: ActionSet
    ap: dict[EventLabel, float]

    @property
    def map_all(self) -> float:
        """Mean AP over all classes."""
        return means_of(self.actions)[0].of(self.ap)

    @property
    def map_headline(self) -> float:
        """Mean AP over the headline of the classes, by which models are compared."""
        return headline_of(self.actions).of(self.ap)

    @property
    def map12(self) -> float:
        """`map_all`, under its usual name for the 12 actions."""
        return self.map_all

    @property
    def map10(self) -> float:
        """`map_headline`, under its usual name for the 12 actions: without FREE KICK and GOAL."""
        return self.map_headline

    def means_json(self) -> dict[str, float]:
        """Return the means by their keys, `map12` and `map10` for the 12 actions."""
        return {mean.key: mean.of(self.ap) for mean in means_of(self.actions)}


def classes_json(actions: ActionSet) -> dict[str, list[str]]:
    """Return the names of the classes and of the headline; nothing for the 12 actions."""
    if actions == BALL_ACTIONS:
        return {}
    return {"classes": list(map(str, actions)), "headline": list(map(str, actions.headline))}


def by_name(values: Mapping[EventLabel, float]) -> dict[str, float]:
    """Convert values of classes to JSON types, by the name of the class."""
    return {action.value: value for action, value in values.items()}
