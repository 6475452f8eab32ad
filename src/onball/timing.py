"""Frame times: the sampling grid, and the frame nearest to a time.

Videos are sampled on a regular grid in presentation time: sampled frame k is shown
round(1000 · k / fps) milliseconds after the first frame of the video, whatever the frame rate of
the video itself. All times are integer milliseconds.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray


def grid_time(index: int, fps: float | Fraction) -> int:
    """Time of sampled frame `index` (0, 1, …) in milliseconds."""
    return round(index * 1000 / fps)


def first_grid_index(time_ms: int, fps: float | Fraction) -> int:
    """Index of the first sampled frame at or after `time_ms`."""
    index = max(0, int(time_ms * fps / 1000) - 1)
    while grid_time(index, fps) < time_ms:
        index += 1
    return index


def nearest_grid_index(time_ms: int, fps: float) -> int:
    """Index of the sampled frame nearest to `time_ms`; halves are rounded to the even index."""
    return round(time_ms * fps / 1000)


def grid_times(duration_ms: int, fps: float) -> NDArray[np.int64]:
    """Times of all sampled frames before `duration_ms`, int64 `[T]`."""
    indices = np.arange(first_grid_index(duration_ms, fps), dtype=np.int64)
    return np.rint(indices * 1000 / fps).astype(np.int64)


def nearest_frames(
    positions_ms: NDArray[np.int64], times_ms: NDArray[np.int64]
) -> NDArray[np.intp]:
    """Index of the frame nearest in time to each position, `[E]`; of two equally near, the earlier.

    Args:
        positions_ms: `[E]`, in any order.
        times_ms: `[T]`, time of each frame, ascending, T ≥ 1.
    """
    after = np.searchsorted(times_ms, positions_ms).clip(0, len(times_ms) - 1)
    before = (after - 1).clip(0)
    # An earlier position than all frames has both neighbours at index 0.
    nearer_before = np.abs(positions_ms - times_ms[before]) <= np.abs(
        times_ms[after] - positions_ms
    )
    nearest: NDArray[np.intp] = np.where(nearer_before, before, after)
    return nearest


def frame_spacing(times_ms: NDArray[np.int64]) -> int:
    """Median distance in time of neighbouring frames `[T]`, in milliseconds; 0 for a single frame."""
    return int(np.median(np.diff(times_ms))) if len(times_ms) > 1 else 0
