"""Small tools on arrays that grids, balls and motions share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def seconds(times_ms: NDArray[np.int64]) -> Floats:
    """The moments in seconds, `[T]`."""
    return times_ms.astype(np.float64) / 1000


def rank_in_group(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """0, 1, 2 … within each run of equal numbers, `[N]`."""
    if not len(groups):
        return np.zeros(0, np.int64)
    starts = np.flatnonzero(np.r_[True, groups[1:] != groups[:-1]])
    lengths = np.diff(np.r_[starts, len(groups)])
    return np.arange(len(groups)) - np.repeat(starts, lengths)


def row_median(values: Floats) -> Floats:
    """The median of the known numbers of each row, `[T]`; NaN where there is none."""
    count = np.isfinite(values).sum(axis=1)
    ordered = np.sort(values, axis=1)  # unknown ones come last
    index = (count - 1).clip(0)[:, None]
    middle = np.take_along_axis(ordered, index // 2, axis=1)
    other = np.take_along_axis(ordered, (count // 2).clip(0, values.shape[1] - 1)[:, None], axis=1)
    return np.asarray((middle + other)[:, 0] / 2)
