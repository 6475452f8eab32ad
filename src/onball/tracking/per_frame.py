"""Numbers for each sampled frame of a video, looked up by the frame's time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class PerFrame:
    """Numbers for each frame.

    Attributes:
        times_ms: int64 `[T]`, ascending, at least one.
        values: float32 `[T, F]`.
    """

    times_ms: NDArray[np.int64]
    values: NDArray[np.float32]

    def at(self, times_ms: NDArray[np.int64]) -> NDArray[np.float32]:
        """The numbers of the frames nearest to these moments `[t]`, float32 `[t, F]`."""
        after = np.searchsorted(self.times_ms, times_ms).clip(1, max(1, len(self.times_ms) - 1))
        last = len(self.times_ms) - 1
        before, after = (after - 1).clip(0, last), after.clip(0, last)
        nearer = times_ms - self.times_ms[before] <= self.times_ms[after] - times_ms
        return self.values[np.where(nearer, before, after)]
