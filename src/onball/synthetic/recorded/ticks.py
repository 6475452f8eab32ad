"""From samples to the simulator's grid of ticks.

A provider's frames come at its own rate and with holes: here they become places 25 times a second, each
player's for as long as he is on the pitch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onball.synthetic.recorded.periods import Period
from onball.synthetic.world import BALL_RADIUS, TICK_MS

Floats = NDArray[np.float64]

_PLAYER_GAP_MS = 2000  # longer holes in a track: he was not on the pitch (or nobody knows where)
_BALL_GAP_MS = 1000
_FLAT = BALL_RADIUS + 0.05  # a ball that never rises above this was recorded without its height


@dataclass(frozen=True)
class Stay:
    """A stretch in which a person is on the pitch, in ticks of the whole recording, `end` excluded."""

    person: int
    begin: int
    end: int
    xy: NDArray[np.float32]


def stays(period: Period, begin: int, turn: float) -> list[Stay]:
    """Everybody's stretches on the pitch, interpolated to ticks, in order of their beginning.

    Args:
        period: the samples.
        begin: the tick with which the period begins.
        turn: -1 turns the pitch by half a circle, 1 leaves it.
    """
    found = []
    times = period.times_ms - period.times_ms[0]
    for person in range(period.xy.shape[1]):
        known = np.flatnonzero(~np.isnan(period.xy[:, person, 0]))
        holes = np.flatnonzero(np.diff(times[known]) > _PLAYER_GAP_MS) + 1
        for part in np.split(known, holes):
            if not len(part):
                continue
            ticks = np.arange(-(-times[part[0]] // TICK_MS), times[part[-1]] // TICK_MS + 1)
            places = [
                np.interp(ticks * TICK_MS, times[part], turn * period.xy[part, person, axis])
                for axis in (0, 1)
            ]
            if len(ticks):
                first, end = begin + int(ticks[0]), begin + int(ticks[-1]) + 1
                found.append(Stay(person, first, end, np.stack(places, 1).astype(np.float32)))
    return sorted(found, key=lambda stay: (stay.begin, stay.person))


def ball_on_ticks(period: Period, turn: float) -> NDArray[np.float32]:
    """The ball `[ticks, 3]`, NaN in holes; a height is NaN alone where only the place is known."""
    grid = np.arange(period.ticks) * TICK_MS
    times = period.times_ms - period.times_ms[0]
    places = period.ball.astype(np.float64) * (turn, turn, 1.0)
    if not (places[:, 2] > _FLAT).any():
        places[:, 2] = np.nan
    columns = [_filled(times, places[:, axis], grid) for axis in range(3)]
    columns[2] = np.maximum(columns[2], BALL_RADIUS)
    return np.stack(columns, axis=1).astype(np.float32)


def _filled(times: NDArray[np.int64], values: Floats, grid: NDArray[np.int64]) -> Floats:
    known = np.flatnonzero(~np.isnan(values))
    if not len(known):
        return np.full(len(grid), np.nan)
    after = np.searchsorted(times[known], grid)
    inside = np.clip(after, 0, len(known) - 1)
    exact = times[known][inside] == grid
    between = (after > 0) & (after < len(known))
    gap = times[known][inside] - times[known][np.maximum(after - 1, 0)]
    filled = np.interp(grid, times[known], values[known])
    return np.where(exact | (between & (gap <= _BALL_GAP_MS)), filled, np.nan)


def seen_ball(ball: NDArray[np.float32]) -> Floats:
    """The ball on the ground `[T, 2]`; while out of sight, on its way to where it reappears."""
    known = np.flatnonzero(~np.isnan(ball[:, 0]))
    if not len(known):
        return np.zeros((len(ball), 2))
    ticks = np.arange(len(ball))
    return np.stack([np.interp(ticks, known, ball[known, axis]) for axis in (0, 1)], axis=1)


def averaged(values: Floats, width: int) -> Floats:
    """Moving average over an odd number of ticks, `[T, n]`; NaN do not count."""
    known = ~np.isnan(values)
    pad = ((width // 2 + 1, width // 2), *((0, 0),) * (values.ndim - 1))
    total = np.cumsum(np.pad(np.where(known, values, 0.0), pad), axis=0)
    count = np.cumsum(np.pad(known, pad), axis=0, dtype=np.int64)
    number = count[width:] - count[:-width]
    return np.asarray((total[width:] - total[:-width]) / np.maximum(number, 1))
