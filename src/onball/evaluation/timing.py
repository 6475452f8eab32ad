"""How far from their labels the right detections are, in milliseconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onball.actions import ACTIONS, Action

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
        reach_ms: int,
        frame_ms: int,
    ) -> TimingErrors:
        """The summary of errors `[P]` whose pairs are of the actions `[P]`.

        Args:
            reach_ms: no error is larger than this, but for the rounding to frames.
            frame_ms: bars are a whole number of frames wide.
        """
        width = frame_ms * max(1, -(-2 * reach_ms // (frame_ms * (_MOST_BINS - 2))))
        side = -(-reach_ms // width)
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
