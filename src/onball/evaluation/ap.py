"""11-point interpolated average precision, at SoccerNet's thresholds and at exact ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
