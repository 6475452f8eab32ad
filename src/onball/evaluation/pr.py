"""Precision over recall of one action, and the threshold where F1 is best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
