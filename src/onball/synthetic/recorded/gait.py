"""How recorded people face, run and step, from nothing but where they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from onball.synthetic.motion.movement import TICK_S
from onball.synthetic.recorded.ticks import averaged, seen_ball
from onball.synthetic.world import PEOPLE

_RUNNING = 1.0  # m/s: above it a body faces where it goes, below it the ball
_TURN = 8.0  # rad/s
_MAX_SPEED = 12.0  # m/s; a faster "movement" is a row that changed hands


def gait(
    xy: NDArray[np.float32], ball: NDArray[np.float32], halves: Sequence[int]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Heading, speed and stride `[T, PEOPLE]`, as in `Moment`, of people who moved so; never NaN."""
    steps = np.full(xy.shape, np.nan)
    steps[1:] = np.diff(xy.astype(np.float64), axis=0) / TICK_S
    steps[np.linalg.norm(steps, axis=2) > _MAX_SPEED] = np.nan
    velocity = averaged(steps, 7)
    speed = np.linalg.norm(velocity, axis=2)
    speed[np.isnan(xy[..., 0])] = 0.0
    to_ball = seen_ball(ball)[:, None] - xy
    facing = np.where((speed > _RUNNING)[..., None], velocity, to_ball)
    wanted = np.nan_to_num(np.arctan2(facing[..., 1], facing[..., 0]))
    heading = wanted.copy()
    here = ~np.isnan(xy[..., 0])
    fresh = np.zeros_like(here)  # who has just come turns at once
    fresh[1:] = here[1:] & ~here[:-1]
    fresh[[tick for tick in halves if tick < len(xy)]] = True
    for tick in range(1, len(xy)):
        turn = (wanted[tick] - heading[tick - 1] + np.pi) % (2 * np.pi) - np.pi
        most = np.where(fresh[tick], np.pi, _TURN * TICK_S)
        heading[tick] = heading[tick - 1] + np.clip(turn, -most, most)
    cadence = np.where(speed > 0.3, 2 * np.pi * (0.75 + 0.11 * speed), 0.0)
    start = np.arange(PEOPLE) * 2.4  # nobody walks in step with his neighbour
    stride = start + np.cumsum(cadence * TICK_S, axis=0)
    return heading.astype(np.float32), speed.astype(np.float32), stride.astype(np.float32)
