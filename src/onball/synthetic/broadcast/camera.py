"""The main camera of a broadcast: high on the stand, panning, tilting and zooming after the ball.

An operator follows with a human lag and a little overshoot, sees passes coming, zooms out for long balls
and in when play is slow. The picture hides where the ball will be only for an instant; it is the motion of
this camera, too, from which a spotter learns.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from onball.synthetic.world import HALF_LENGTH, HALF_WIDTH, TICK_MS, Camera, Motion

Array = NDArray[np.float64]

_BODY_HEIGHT = 1.8  # metres
_PICTURE_HEIGHT = 224  # pixels, the unit in which the size of a player is thought of


@dataclass(frozen=True)
class Station:
    """Where the camera stands and how its operator works.

    Attributes:
        x, back, height: metres from the centre spot along the pitch, behind it, and above it.
        player_px: how tall the operator keeps a player near the ball, in pixels of a 224-line picture.
        speed: how quickly he follows, rad/s of a spring.
        damping: of that spring; below 1 he overshoots.
        foresight_s: how far ahead he reads the game.
        breathing: how much he zooms in and out as he pleases, as a share.
    """

    x: float
    back: float
    height: float
    player_px: float
    speed: float
    damping: float
    foresight_s: float
    breathing: float

    @classmethod
    def random(cls, seed: int) -> Station:
        """The station of one match."""
        rng = np.random.default_rng([seed, 0xCA3])
        return cls(
            x=float(rng.normal(0, 2.5)),
            back=float(rng.uniform(66, 94)),
            height=float(rng.uniform(13, 25)),
            player_px=float(rng.uniform(16.5, 24.0)),
            speed=float(rng.uniform(2.6, 3.8)),
            damping=float(rng.uniform(0.72, 1.0)),
            foresight_s=float(rng.uniform(0.2, 0.45)),
            breathing=float(rng.uniform(0.0, 0.12)),
        )


class CameraPath:
    """The main camera at every time of a match."""

    def __init__(self, motion: Motion, station: Station, seed: int = 0) -> None:
        self._position = np.array([station.x, -station.back, station.height])
        ball = visible_ball(motion)
        wanted = _look_at(ball, station)
        starts = [*motion.halves, len(ball)]
        self._target = np.empty_like(wanted)
        self._focal = np.empty(len(ball))
        rng = np.random.default_rng([seed, 0xCA4])
        for begin, end in pairwise(starts):
            part = slice(begin, end)
            if end > begin:
                self._follow_half(part, ball, wanted, station, rng)

    def _follow_half(
        self, part: slice, ball: Array, wanted: Array, station: Station, rng: np.random.Generator
    ) -> None:
        """Targets and focal lengths of one half: he starts each one at rest."""
        self._target[part] = follow(wanted[part], station.speed, station.damping)
        target = self._target[part]
        distance = np.linalg.norm(self._position - np.pad(target, ((0, 0), (0, 1))), axis=1)
        # Long balls are watched wider: the operator opens up as the ball runs away from the middle.
        stray = np.linalg.norm(ball[part] - target, axis=1)
        open_up = 1 / (1 + 0.02 * np.clip(stray - 4, 0, 14))
        focal = station.player_px * distance / (_PICTURE_HEIGHT * _BODY_HEIGHT) * open_up
        knots = max(2, len(focal) // 200 + 2)  # a new mood every eight seconds
        moods = np.interp(
            np.linspace(0, knots - 1, len(focal)), np.arange(knots), rng.normal(0, 1, knots)
        )
        focal = focal * np.exp(station.breathing * moods)
        self._focal[part] = follow(focal[:, None], 1.2, 1.0)[:, 0]

    def at(self, time_ms: int) -> Camera:
        """The camera at that time, interpolated linearly between ticks."""
        tick, rest = divmod(max(time_ms, 0), TICK_MS)
        tick = min(tick, len(self._focal) - 1)
        after = min(tick + 1, len(self._focal) - 1)
        share = rest / TICK_MS
        x, y = self._target[tick] * (1 - share) + self._target[after] * share
        focal = self._focal[tick] * (1 - share) + self._focal[after] * share
        return Camera.looking_at(self._position, np.array([x, y, 1.0]), float(focal))


def visible_ball(motion: Motion) -> Array:
    """Ball on the ground plane `[T, 2]`; where it is out of sight, straight on to where it reappears."""
    ball = motion.ball[:, :2].astype(np.float64)
    seen = np.flatnonzero(~np.isnan(ball[:, 0]))
    if not len(seen):
        return np.zeros_like(ball)
    if len(seen) == len(ball):
        return ball
    ticks = np.arange(len(ball))
    return np.stack([np.interp(ticks, seen, ball[seen, axis]) for axis in (0, 1)], axis=1)


def follow(wanted: Array, speed: float, damping: float) -> Array:
    """A damped spring drawn along `wanted` `[T, n]`, starting at rest on it; rad/s and its damping."""
    step = TICK_MS / 1000
    place, velocity = wanted[0].copy(), np.zeros(wanted.shape[1])
    path = np.empty_like(wanted)
    for tick, goal in enumerate(wanted):
        velocity += (speed**2 * (goal - place) - 2 * damping * speed * velocity) * step
        place = place + velocity * step
        path[tick] = place
    return path


def _look_at(ball: Array, station: Station) -> Array:
    """Where the operator would like the middle of the picture to be, `[T, 2]`."""
    ahead = min(round(station.foresight_s * 1000 / TICK_MS), len(ball) - 1)
    seen_coming = np.concatenate([ball[ahead:], np.repeat(ball[-1:], ahead, axis=0)])
    x = np.clip(seen_coming[:, 0], -HALF_LENGTH + 10, HALF_LENGTH - 10)
    # The picture keeps to the middle of the pitch across it: the far side needs little tilt.
    y = np.clip(0.75 * seen_coming[:, 1] + 3.0, -HALF_WIDTH + 10, HALF_WIDTH - 6)
    return np.stack([x, y], axis=1)
