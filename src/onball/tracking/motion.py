"""Change over time on the grid: of people, of the camera, of anything."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from onball.tracking.arrays import Floats, row_median, seconds
from onball.tracking.grid import GridTracks


def derivative(values: Floats, times_s: Floats, shot: NDArray[np.int64]) -> Floats:
    """Change per second of `[T, F]`: centred where both neighbours are known and in the same shot.

    At the ends of a shot or of what is known it is one-sided; a lone number has none (NaN).
    """
    count = len(values)
    ahead = np.full_like(values, np.nan)
    if count > 1:
        step = np.diff(times_s)[:, None]
        ahead[:-1] = np.diff(values, axis=0) / step
        ahead[:-1][np.diff(shot) != 0] = np.nan
    behind = np.full_like(values, np.nan)
    behind[1:] = ahead[:-1]
    return mean_of_known(ahead, behind)


def mean_of_known(one: Floats, other: Floats) -> Floats:
    """The mean of two numbers where both are known, else the one that is."""
    mean = (one + other) / 2
    return np.where(np.isfinite(mean), mean, np.where(np.isfinite(one), one, other))


def people_velocities(grid: GridTracks) -> Floats:
    """`[T, P, 3]`: velocity x, y in picture widths per second, and of log height; NaN if unknown.

    Of those who are followed from the frame before or to the frame after, in the same shot.
    """
    people, ids = grid.people, grid.people_ids
    values = np.concatenate([people[..., :2], np.log(people[..., 3:])], axis=-1)
    ahead = np.full_like(values, np.nan)
    behind = np.full_like(values, np.nan)
    if len(people) < 2:
        return ahead
    step = np.diff(seconds(grid.times_ms))[:, None, None]
    same = (ids[:-1, :, None] == ids[1:, None, :]) & (ids[:-1, :, None] >= 0)
    same &= (np.diff(grid.shot) == 0)[:, None, None]
    for target, later, earlier, pairs in (
        (ahead[:-1], values[1:], values[:-1], same),
        (behind[1:], values[:-1], values[1:], same.transpose(0, 2, 1)),
    ):
        found, where = pairs.any(axis=2), pairs.argmax(axis=2)
        there = np.take_along_axis(later, where[..., None], axis=1)
        change = (there - earlier) / (step if target.base is ahead else -step)
        target[found] = change[found]
    return mean_of_known(ahead, behind)


def camera_motion(velocities: Floats) -> Floats:
    """`[T, 3]`: how the picture moves, the median of its people: x, y, and zoom as d log height."""
    return np.stack([row_median(velocities[..., axis]) for axis in range(3)], axis=1)


def since_true(
    happened: NDArray[np.bool_], times_s: Floats, shot: NDArray[np.int64], most: float
) -> Floats:
    """Seconds since it was last true in the same shot, `[T]`, at most `most`."""
    index = np.where(happened, np.arange(len(happened)), -1)
    last = np.maximum.accumulate(index) if len(index) else index
    safe = last.clip(0)
    known = (last >= 0) & (shot[safe] == shot)
    return np.where(known, np.minimum(times_s - times_s[safe], most), most)
