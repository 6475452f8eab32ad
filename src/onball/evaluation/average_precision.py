"""11-point interpolated average precision, at SoccerNet's thresholds and at exact ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onball.actions import ACTIONS, ACTIONS_MAP10, Action

#: SoccerNet's thresholds on the raw score.
THRESHOLDS = np.linspace(0, 1, 200)
RECALL_LEVELS = np.arange(11) / 10


@dataclass(frozen=True, slots=True)
class Ranking:
    """The detections of one class from the highest score down, and where thresholds cut.

    Attributes:
        order: `[N]`, their indices in the array of scores.
        kept: `[200]`, how many reach each of SoccerNet's thresholds.
        kept_exact: `[K]`, how many reach each distinct score, from the lowest score up.
    """

    order: NDArray[np.intp]
    kept: NDArray[np.intp]
    kept_exact: NDArray[np.intp]

    @classmethod
    def of(cls, scores: NDArray[np.float64], start: int = 0) -> Ranking:
        """The ranking of `scores` `[N]`; the indices of `order` begin with `start`."""
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
        """AP at SoccerNet's thresholds and at exact ones.

        Args:
            hits: of all scores, which are right.
            positives: how many labels there are to find.
        """
        found = np.concatenate(([0], np.cumsum(hits[self.order])))
        return (
            interpolated_ap(found, self.kept, positives),
            interpolated_ap(found, self.kept_exact, positives),
        )


def interpolated_ap(found: NDArray[np.int64], kept: NDArray[np.intp], positives: int) -> float:
    """11-point interpolated AP; 0 without labels or detections.

    Args:
        found: `[N + 1]`, how many of the first 0, 1 … N detections are right.
        kept: `[K]`, how many detections each threshold keeps, never rising.
        positives: how many labels there are to find.
    """
    kept = kept[kept > 0]
    if positives == 0 or len(kept) == 0:
        return 0.0
    best = np.maximum.accumulate(found[kept] / kept)
    recall = found[kept] / positives
    # Recall falls along the thresholds: those that reach a level are the first of them.
    reaching = np.searchsorted(-recall, -RECALL_LEVELS, "right")
    precision = best[reaching[reaching > 0] - 1]
    return float(precision.sum() / len(RECALL_LEVELS))


# --- Precision over recall of one action, and the threshold where F1 is best.


#: A curve keeps at most so many of its points: enough for any picture of it.
MOST_POINTS = 200


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """What a user gets who shows the events from one threshold up.

    Attributes:
        threshold: least confidence; None if showing nothing is best, because nothing is right.
        precision, recall, f1: 0 to 1; 0 where there is nothing to divide by.
    """

    threshold: float | None
    precision: float
    recall: float
    f1: float

    @classmethod
    def of_counts(
        cls, found: int, shown: int, positives: int, threshold: float | None = None
    ) -> OperatingPoint:
        """Of `shown` events `found` are right, and there are `positives` labels."""
        return cls(
            threshold,
            precision=found / shown if shown else 0.0,
            recall=found / positives if positives else 0.0,
            f1=2 * found / (shown + positives) if shown + positives else 0.0,
        )

    def as_json(self) -> dict[str, Any]:
        """The attributes by their names."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class PRCurve:
    """Precision and recall at exact thresholds, from the highest score down.

    Attributes:
        threshold, precision, recall: `[K]`, K at most 200; recall never falls. Of the points
            between the first and the last those that first reach a recall are kept.
        best: where F1 is highest; of equal ones the highest threshold.
    """

    threshold: NDArray[np.float64]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    best: OperatingPoint

    @classmethod
    def of(cls, scores: NDArray[np.float64], hits: NDArray[np.bool_], positives: int) -> PRCurve:
        """The curve of the detections of one action.

        Args:
            scores: `[N]`.
            hits: `[N]`, which of them match a label.
            positives: how many labels there are. Without any the curve has no points.
        """
        if positives == 0 or len(scores) == 0:
            empty = np.empty(0)
            return cls(empty, empty, empty, OperatingPoint(None, 0.0, 0.0, 0.0))
        order = np.argsort(-scores, kind="stable")
        ranked = scores[order]
        # A threshold takes in all detections of its score: it lies behind the last of them.
        last = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)
        found, shown = np.cumsum(hits[order])[last], last + 1
        best = int(np.argmax(2 * found / (shown + positives)))
        threshold = float(ranked[last[best]]) if found[best] else None
        shown_best = int(shown[best]) if found[best] else 0
        points = _thinned(found / positives, best)
        return cls(
            threshold=ranked[last][points],
            precision=(found / shown)[points],
            recall=(found / positives)[points],
            best=OperatingPoint.of_counts(int(found[best]), shown_best, positives, threshold),
        )

    def as_json(self) -> dict[str, Any]:
        """The attributes by their names; arrays as lists."""
        return {
            "threshold": self.threshold.tolist(),
            "precision": self.precision.tolist(),
            "recall": self.recall.tolist(),
            "best": self.best.as_json(),
        }


def _thinned(recall: NDArray[np.float64], best: int) -> NDArray[np.intp]:
    """Which points of a curve to keep: the ends, the best, and others evenly over recall."""
    n = len(recall)
    if n <= MOST_POINTS:
        return np.arange(n)
    # The first point of a recall is the most precise one of that recall.
    levels = np.linspace(recall[0], recall[-1], MOST_POINTS - 2)
    firsts = np.searchsorted(recall, levels, "left")
    return np.unique(np.concatenate((firsts, [0, best, n - 1])))[:MOST_POINTS]


# --- mAP12 and mAP10: means of the AP of single actions.


class MeanAP:
    """What every result has that knows the AP of each action.

    Attributes:
        ap: average precision of each action that was evaluated, 0 to 1.
    """

    __slots__ = ()
    ap: dict[Action, float]

    @property
    def map12(self) -> float:
        """Mean AP over all actions that were evaluated (the 12, unless told otherwise)."""
        return mean_ap(self.ap, ACTIONS)

    @property
    def map10(self) -> float:
        """Mean AP without FREE KICK and GOAL."""
        return mean_ap(self.ap, ACTIONS_MAP10)


def mean_ap(ap: Mapping[Action, float], actions: Iterable[Action]) -> float:
    """Mean over those of the actions that were evaluated; NaN if none was."""
    values = [ap[action] for action in actions if action in ap]
    return sum(values) / len(values) if values else float("nan")
