"""The main camera of a broadcast: high on the stand, panning, tilting and zooming after the ball.

An operator follows with a human lag and a little overshoot, sees passes coming, zooms out for long balls
and in when play is slow. The picture hides where the ball will be only for an instant; it is the motion of
this camera, too, from which a spotter learns.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from onball.actions import Action
from onball.simulator.world import HALF_LENGTH, HALF_WIDTH, TICK_MS, Camera, DeadTime, Motion

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


# --- The director: cuts from the main camera to close-ups, replays and other places while


_LEAD_MS = 2_000
"""The main camera is back this long before play goes on."""
_SHORTEST_MS = 1_600
_FOCUS_WINDOW = 13  # ticks over which a close-up's target is averaged: nobody pans with each step


class Shot(StrEnum):
    """Which camera is on air."""

    MAIN = "main"
    CLOSE_UP = "close_up"
    BEHIND_GOAL = "behind_goal"
    REPLAY = "replay"


@dataclass(frozen=True)
class View:
    """What is on air at one time.

    Attributes:
        shot: which kind of camera.
        camera: where it looks.
        world_ms: the time of the world that it shows; earlier than now in a replay.
    """

    shot: Shot
    camera: Camera
    world_ms: int


@dataclass(frozen=True)
class _Take:
    """One cut away from the main camera."""

    begin_ms: int
    end_ms: int
    shot: Shot
    person: int = 0
    position: tuple[float, float, float] = (0.0, 0.0, 0.0)
    size: float = 0.6  # height of a body as a share of the picture's
    from_ms: int = 0  # replays: when in the world they begin
    speed: float = 1.0  # of replays


class Director:
    """Decides, for every time of a match, which camera is on air.

    Args:
        motion: the match.
        seed: of the match; cuts, stations and operators follow from it.
        cuts: False stays on the main camera throughout.
    """

    def __init__(self, motion: Motion, seed: int, *, cuts: bool = True) -> None:
        self._motion = motion
        self._main = CameraPath(motion, Station.random(seed), seed)
        self._ball = visible_ball(motion)
        self._takes: list[_Take] = []
        rng = np.random.default_rng([seed, 0xC07])
        share = float(rng.uniform(0.5, 0.9))
        for dead in motion.dead_times if cuts else ():
            if dead.begins_half or rng.random() < share:
                self._takes += self._cut(dead, rng)
        self._begins = np.array([take.begin_ms for take in self._takes], dtype=np.int64)

    def at(self, time_ms: int) -> View:
        """What is on air at that time of the video."""
        take = self._take_at(time_ms)
        if take is None:
            return View(Shot.MAIN, self._main.at(time_ms), time_ms)
        world_ms = time_ms
        if take.shot is Shot.REPLAY:
            world_ms = take.from_ms + round((time_ms - take.begin_ms) * take.speed)
        return View(take.shot, self._camera(take, world_ms), world_ms)

    def before(self, time_ms: int, shutter_ms: int) -> tuple[int, Camera]:
        """World time and camera when the shutter of the frame at `time_ms` opened."""
        view, take = self.at(time_ms), self._take_at(time_ms)
        earlier = max(view.world_ms - shutter_ms, 0)
        if take is None:
            return earlier, self._main.at(earlier)
        return earlier, self._camera(take, earlier)

    def shots(self) -> list[tuple[int, int, Shot]]:
        """The cuts away from the main camera: begin and end in ms, and what is shown."""
        return [(take.begin_ms, take.end_ms, take.shot) for take in self._takes]

    def _take_at(self, time_ms: int) -> _Take | None:
        index = int(np.searchsorted(self._begins, time_ms, side="right")) - 1
        if index < 0 or time_ms >= self._takes[index].end_ms:
            return None
        return self._takes[index]

    # -- cutting -------------------------------------------------------------------------------

    def _cut(self, dead: DeadTime, rng: np.random.Generator) -> list[_Take]:
        """Takes of one stretch of dead time, one after the other."""
        if dead.begins_half or dead.begin_ms == 0:
            return []
        begin = dead.begin_ms + int(rng.uniform(1_300, 2_600))
        end = dead.end_ms - _LEAD_MS
        halves = [half * TICK_MS for half in self._motion.halves[1:]]
        if dead.end_ms in halves:
            # After the whistle: away from the main camera before people change places.
            end = dead.end_ms
        takes: list[_Take] = []
        goal = self._label_at(dead.begin_ms) is Action.GOAL
        while end - begin >= _SHORTEST_MS:
            room = end - begin
            take = self._choose(dead, begin, room, goal, bool(takes), rng)
            takes.append(take)
            begin = take.end_ms
            if not goal and rng.random() < 0.6:
                break
        return takes

    def _choose(
        self, dead: DeadTime, begin: int, room: int, goal: bool, later: bool,
        rng: np.random.Generator,
    ) -> _Take:  # fmt: skip
        chance = float(rng.random())
        replay_ms = 4_500
        if room > replay_ms + 800 and later and chance < (0.8 if goal else 0.5):
            speed = float(rng.choice([0.5, 0.6, 1.0]))
            length = min(room, round(replay_ms / speed))
            x = float(self._ball[min(dead.begin_ms // TICK_MS, len(self._ball) - 1), 0])
            position = (
                (math.copysign(HALF_LENGTH + 12, x), float(rng.uniform(-9, 9)), 6.0)
                if goal and rng.random() < 0.5
                else (x + float(rng.uniform(-12, 12)), -45.0, float(rng.uniform(3.0, 9.0)))
            )
            return _Take(
                begin, begin + length, Shot.REPLAY, position=position,
                size=float(rng.uniform(0.16, 0.3)),
                from_ms=max(0, dead.begin_ms + 900 - round(length * speed)), speed=speed,
            )  # fmt: skip
        length = min(room, int(rng.uniform(2_000, 4_500)))
        if room - length < _SHORTEST_MS and room < 6_000:
            length = room
        where = self._ball[min(begin // TICK_MS, len(self._ball) - 1)]
        if abs(where[0]) > 36 and chance > 0.8:
            position = (math.copysign(HALF_LENGTH + 14, where[0]), float(rng.uniform(-6, 6)), 7.0)
            return _Take(begin, begin + length, Shot.BEHIND_GOAL, position=position)
        x = float(self._motion.xy[min(begin // TICK_MS, self._motion.ticks - 1), dead.person, 0])
        x = x if math.isfinite(x) else float(where[0])
        position = (x + float(rng.uniform(-25, 25)), -44.0, float(rng.uniform(2.0, 9.0)))
        size = float(rng.uniform(0.4, 0.9))
        return _Take(begin, begin + length, Shot.CLOSE_UP, dead.person, position, size)

    def _label_at(self, time_ms: int) -> Action | None:
        for event in self._motion.events:
            if abs(event.position_ms - time_ms) <= 2 * TICK_MS:
                return event.label
        return None

    # -- cameras --------------------------------------------------------------------------------

    def _camera(self, take: _Take, world_ms: int) -> Camera:
        tick = world_ms / TICK_MS
        position = np.array(take.position)
        if take.shot is Shot.BEHIND_GOAL:
            ball = self._smooth(self._ball, tick)
            target = np.array([math.copysign(40.0, position[0]), 0.3 * ball[1], 1.0])
            return Camera.looking_at(position, target, 1.15)
        if take.shot is Shot.REPLAY:
            spot = self._smooth(self._ball, tick)
            target = np.array([spot[0], spot[1], 1.1])
        else:
            spot = self._smooth(self._motion.xy[:, take.person], tick)
            if not np.isfinite(spot).all():  # a recorded player whom the data lose for a while
                spot = self._smooth(self._ball, tick)
            target = np.array([spot[0], spot[1], 1.25 if take.size < 0.6 else 1.4])
        distance = float(np.linalg.norm(target - position))
        return Camera.looking_at(position, target, take.size * distance / 1.8)

    def _smooth(self, path: NDArray[np.floating], tick: float) -> Array:
        """A path `[T, 2]` at that tick, averaged over half a second and between ticks."""
        first = math.floor(tick)
        values = []
        for base in (first, first + 1):
            low = min(max(base - _FOCUS_WINDOW // 2, 0), len(path) - 1)
            window = path[low : max(base + _FOCUS_WINDOW // 2 + 1, low + 1)]
            values.append(window.astype(np.float64).mean(0))
        share = tick - first
        return np.asarray(values[0] * (1 - share) + values[1] * share)
