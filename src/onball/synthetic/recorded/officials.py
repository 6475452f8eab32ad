"""Who is not recorded is made up so as to follow play: the referee and his assistants."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from onball.synthetic.motion.movement import TICK_S
from onball.synthetic.recorded.ticks import Floats, averaged, seen_ball
from onball.synthetic.world import (
    ASSISTANTS,
    HALF_LENGTH,
    HALF_WIDTH,
    PLAYERS,
    REFEREE,
    TEAM_SIZE,
)

_REFEREE_DISTANCE, _REFEREE_SPEED = 9.0, 7.0  # metres, m/s
_FORESIGHT = 25  # ticks


def add_officials(
    xy: NDArray[np.float32], ball: NDArray[np.float32], halves: Sequence[int]
) -> None:
    """Fills the referee's and the assistants' columns of `xy` `[T, PEOPLE, 2]`.

    The referee follows the ball at 9 m; an assistant runs along each touchline, level with the
    second last defender of his half or the ball. kloppy leaves real officials out.
    """
    path = seen_ball(ball)
    xy[:, REFEREE] = _referee(path)
    for half, begin in enumerate(halves):
        end = halves[half + 1] if half + 1 < len(halves) else len(xy)
        stretch = slice(begin, end)
        for assistant, toward in zip(ASSISTANTS, (1.0, -1.0), strict=True):
            defends_right = (toward > 0) == (half % 2 == 0)  # the away team, in the first half
            team = slice(TEAM_SIZE, PLAYERS) if defends_right else slice(0, TEAM_SIZE)
            level = np.sort(np.nan_to_num(toward * xy[stretch, team, 0], nan=0.0), axis=1)[:, -2]
            level = np.clip(np.maximum(level, toward * path[stretch, 0]), 0, HALF_LENGTH)
            xy[stretch, assistant, 0] = toward * averaged(level[:, None], 25)[:, 0]
            xy[stretch, assistant, 1] = -toward * (HALF_WIDTH + 0.8)


def _referee(path: Floats) -> Floats:
    """Someone who is drawn towards a place 9 m from the ball, on the side where he is, `[T, 2]`."""
    place, velocity = path[0] + (-6.4, 6.4), np.zeros(2)
    out = np.empty_like(path)
    limit = np.array([HALF_LENGTH - 1, HALF_WIDTH - 1])
    # He reads play a second ahead, which makes up for his own inertia.
    ahead = np.minimum(np.arange(len(path)) + _FORESIGHT, len(path) - 1)
    for tick, ball in enumerate(averaged(path, 25)[ahead]):
        away = place - ball
        wanted = ball + away * (_REFEREE_DISTANCE / (float(np.hypot(*away)) + 1e-6))
        velocity += (4.0 * (wanted - place) - 4.0 * velocity) * TICK_S
        velocity *= min(1.0, _REFEREE_SPEED / (float(np.hypot(*velocity)) + 1e-6))
        place = np.clip(place + velocity * TICK_S, -limit, limit)
        out[tick] = place
    return out
