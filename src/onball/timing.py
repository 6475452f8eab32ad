"""Times: the sampling grid, the frame nearest to a time, and times as text.

Videos are sampled on a regular grid in presentation time: sampled frame k is shown
round(1000 · k / fps) milliseconds after the first frame of the video, whatever the frame rate of
the video itself. All times are integer milliseconds.
"""

from __future__ import annotations

import re
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from onball.errors import InputError

_TIME = re.compile(
    r"(?:(?:(?P<h>\d{1,3}):)?(?P<m>\d{1,4}):)?(?P<s>\d{1,7})(?:[.,](?P<f>\d{1,6}))?", re.ASCII
)


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


# Text


def format_time(position_ms: int) -> str:
    """Format a position as `HH:MM:SS`, the second that it is in."""
    minutes, seconds = divmod(position_ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}"


def parse_time(text: str) -> int:
    """Parse a time such as `1:02:03.5`, `62:03`, `3723.5` or `3723,5` and return milliseconds.

    Raises:
        InputError: it is no time.
    """
    found = _TIME.fullmatch(text.strip())
    hours, minutes, seconds = (int(found[part] or 0) if found else 0 for part in "hms")
    # A unit with a larger one before it counts to 59; the largest may exceed that.
    if not found or (found["m"] and seconds > 59) or (found["h"] and minutes > 59):
        raise InputError(f"'{text}' is not a time: write 1:02:03, 62:03 or 3723.5 (seconds)")
    fraction_ms = round(float(f"0.{found['f'] or 0}") * 1000)
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + fraction_ms
