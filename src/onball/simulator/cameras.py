"""Broadcast cameras: the main camera that follows the ball, and the director who cuts away from it.

The main camera is high on the stand. Its operator pans, tilts and zooms after the ball with a human lag
and a little overshoot, anticipates passes, and zooms out for long balls; the motion of this camera is
itself a cue from which a spotter learns. During dead time the director cuts to close-ups, replays and a
camera behind the goal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from onball.actions import Action
from onball.simulator.world import (
    HALF_LENGTH,
    HALF_WIDTH,
    TICK_MS,
    TICK_S,
    Camera,
    DeadTime,
    Floats,
    Motion,
    ball_on_ground,
)

_BODY_HEIGHT = 1.8  # metres
_REFERENCE_HEIGHT = 224  # pixels of the image in which `CameraSetup.player_px` counts
_ZOOM_PERIOD = 200  # ticks (eight seconds) between two random zoom factors
_LEAD_MS = 2_000
"""The main camera is back on air this long before play restarts."""
_SHORTEST_MS = 1_600
_REPLAY_MS = 4_500  # of match time
_FOCUS_WINDOW = 13  # ticks; close-ups average their target, because nobody pans with each step


@dataclass(frozen=True)
class CameraSetup:
    """Position of the main camera and habits of its operator.

    Attributes:
        x, back, height: metres from the centre spot along the pitch, behind it, and above it.
        player_px: height at which the operator keeps a player near the ball, in pixels of an image with
            224 lines.
        speed: natural frequency of the spring that models the operator, rad/s.
        damping: damping ratio of that spring; below 1 the operator overshoots.
        foresight_s: anticipation of the ball's path, seconds.
        breathing: standard deviation of the random zoom, as a fraction of the focal length.
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
    def random(cls, seed: int) -> CameraSetup:
        """Draw the setup of one match."""
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

    @classmethod
    def broad(cls, seed: int) -> CameraSetup:
        """Draw the setup of one match from ranges as wide as real stadiums and operators."""
        rng = np.random.default_rng([seed, 0xCA5])
        back = float(rng.uniform(52, 100))
        return cls(
            x=float(rng.normal(0, 4.0)),
            back=back,
            height=float(back * np.tan(np.radians(rng.uniform(10, 26)))),
            player_px=float(rng.uniform(13.0, 32.0)),
            speed=float(rng.uniform(1.6, 4.2)),
            damping=float(rng.uniform(0.6, 1.1)),
            foresight_s=float(rng.uniform(0.0, 0.6)),
            breathing=float(rng.uniform(0.0, 0.2)),
        )


class CameraPath:
    """The main camera at every time of a match.

    Args:
        motion: the match.
        setup: position of the camera and habits of its operator.
        seed: seeds the random zoom.
    """

    def __init__(self, motion: Motion, setup: CameraSetup, seed: int = 0) -> None:
        self._position = np.array([setup.x, -setup.back, setup.height])
        ball = ball_on_ground(motion.ball)
        wanted = _wanted_target(ball, setup)
        starts = [*motion.halves, len(ball)]
        self._target = np.empty_like(wanted)
        self._focal = np.empty(len(ball))
        rng = np.random.default_rng([seed, 0xCA4])
        for begin, end in pairwise(starts):
            part = slice(begin, end)
            if end > begin:
                self._follow_half(part, ball, wanted, setup, rng)

    def _follow_half(
        self,
        part: slice,
        ball: Floats,
        wanted: Floats,
        setup: CameraSetup,
        rng: np.random.Generator,
    ) -> None:
        """Compute targets and focal lengths of one half, which the camera begins at rest."""
        self._target[part] = follow(wanted[part], setup.speed, setup.damping)
        target = self._target[part]
        distance = np.linalg.norm(self._position - np.pad(target, ((0, 0), (0, 1))), axis=1)
        # The operator zooms out as the ball runs away from the centre of the image.
        stray = np.linalg.norm(ball[part] - target, axis=1)
        zoom_out = 1 / (1 + 0.02 * np.clip(stray - 4, 0, 14))
        focal = setup.player_px * distance / (_REFERENCE_HEIGHT * _BODY_HEIGHT) * zoom_out
        knots = max(2, len(focal) // _ZOOM_PERIOD + 2)
        zoom = np.interp(
            np.linspace(0, knots - 1, len(focal)), np.arange(knots), rng.normal(0, 1, knots)
        )
        focal = focal * np.exp(setup.breathing * zoom)
        self._focal[part] = follow(focal[:, None], 1.2, 1.0)[:, 0]

    def at(self, time_ms: int) -> Camera:
        """The camera at a time in ms, interpolated linearly between ticks."""
        tick, rest = divmod(max(time_ms, 0), TICK_MS)
        tick = min(tick, len(self._focal) - 1)
        after = min(tick + 1, len(self._focal) - 1)
        weight = rest / TICK_MS
        x, y = self._target[tick] * (1 - weight) + self._target[after] * weight
        focal = self._focal[tick] * (1 - weight) + self._focal[after] * weight
        return Camera.looking_at(self._position, np.array([x, y, 1.0]), float(focal))


def _wanted_target(ball: Floats, setup: CameraSetup) -> Floats:
    """Points on the ground on which the operator would like to centre the image, `[T, 2]`."""
    ahead = min(round(setup.foresight_s * 1000 / TICK_MS), len(ball) - 1)
    anticipated = np.concatenate([ball[ahead:], np.repeat(ball[-1:], ahead, axis=0)])
    x = np.clip(anticipated[:, 0], -HALF_LENGTH + 10, HALF_LENGTH - 10)
    # Across the pitch the target stays near the middle: the far side needs little tilt.
    y = np.clip(0.75 * anticipated[:, 1] + 3.0, -HALF_WIDTH + 10, HALF_WIDTH - 6)
    return np.stack([x, y], axis=1)


def follow(wanted: Floats, speed: float, damping: float) -> Floats:
    """Path `[T, n]` of a damped spring that is pulled along `wanted` `[T, n]` and starts at rest on it.

    Args:
        wanted: one target per tick.
        speed: natural frequency, rad/s.
        damping: damping ratio.
    """
    pull, brake = speed**2, 2 * damping * speed
    path = np.empty_like(wanted)
    for column in range(wanted.shape[1]):
        goals = wanted[:, column].tolist()  # numbers of Python are much faster than arrays of two
        place, velocity, places = goals[0], 0.0, []
        for goal in goals:
            velocity += (pull * (goal - place) - brake * velocity) * TICK_S
            place += velocity * TICK_S
            places.append(place)
        path[:, column] = places
    return path


class Shot(StrEnum):
    """Kinds of camera that can be on air."""

    MAIN = "main"
    CLOSE_UP = "close_up"
    BEHIND_GOAL = "behind_goal"
    REPLAY = "replay"


@dataclass(frozen=True)
class View:
    """The camera that is on air at one time of the video.

    Attributes:
        shot: kind of camera.
        camera: position, orientation and focal length.
        world_ms: match time that it shows, ms; in a replay, earlier than the time of the video.
    """

    shot: Shot
    camera: Camera
    world_ms: int


@dataclass(frozen=True)
class CutHabits:
    """Habits of a director: how often and how long to cut away from the main camera.

    Attributes:
        probability: of a cut in a dead time that has room for one.
        stop: probability that no further cut follows before play restarts; after a goal there is one
            as long as there is room.
        shortest_ms, longest_ms: of close-ups.
        delay_ms: shortest and longest time from the end of play to the first cut.
    """

    probability: float
    stop: float = 0.6
    shortest_ms: int = 2_000
    longest_ms: int = 4_500
    delay_ms: tuple[int, int] = (1_300, 2_600)

    @classmethod
    def random(cls, rng: np.random.Generator) -> CutHabits:
        """Draw a director who often stays on the main camera."""
        return cls(probability=float(rng.uniform(0.5, 0.9)))

    @classmethod
    def broad(cls, rng: np.random.Generator) -> CutHabits:
        """Draw any director: from one who hardly cuts to one who uses each stop for several cuts."""
        return cls(
            probability=float(rng.uniform(0.4, 1.0)),
            stop=float(rng.uniform(0.0, 0.6)),
            shortest_ms=1_600,
            longest_ms=int(rng.uniform(2_200, 5_000)),
            delay_ms=(1_000, int(rng.uniform(1_200, 2_600))),
        )


@dataclass(frozen=True)
class _Take:
    """One cut away from the main camera."""

    begin_ms: int
    end_ms: int
    shot: Shot
    person: int = 0
    position: tuple[float, float, float] = (0.0, 0.0, 0.0)
    size: float = 0.6  # body height as a fraction of the image height
    from_ms: int = 0  # replays: match time at which they begin
    speed: float = 1.0  # replays: match time per video time


class Director:
    """Choice of the camera on air for every time of a match.

    Args:
        motion: the match.
        seed: seed of the match; determines cuts, camera positions and operators.
        cuts: False stays on the main camera throughout.
        camera: the main camera; None draws one by the seed.
        broad: draw the habits of the director from wide ranges.
    """

    def __init__(
        self,
        motion: Motion,
        seed: int,
        *,
        cuts: bool = True,
        camera: CameraSetup | None = None,
        broad: bool = False,
    ) -> None:
        self._motion = motion
        self._main = CameraPath(motion, camera or CameraSetup.random(seed), seed)
        self._ball = ball_on_ground(motion.ball)
        self._takes: list[_Take] = []
        rng = np.random.default_rng([seed, 0xC07])
        self._habits = (CutHabits.broad if broad else CutHabits.random)(rng)
        for dead in motion.dead_times if cuts else ():
            if dead.begins_half or rng.random() < self._habits.probability:
                self._takes += self._cut(dead, rng)
        self._begins = np.array([take.begin_ms for take in self._takes], dtype=np.int64)

    def at(self, time_ms: int) -> View:
        """The camera on air at a time of the video in ms."""
        take = self._take_at(time_ms)
        if take is None:
            return View(Shot.MAIN, self._main.at(time_ms), time_ms)
        world_ms = time_ms
        if take.shot is Shot.REPLAY:
            world_ms = take.from_ms + round((time_ms - take.begin_ms) * take.speed)
        return View(take.shot, self._camera(take, world_ms), world_ms)

    def before(self, time_ms: int, shutter_ms: int) -> tuple[int, Camera]:
        """Match time in ms and camera at the opening of the shutter of the frame at `time_ms`."""
        view, take = self.at(time_ms), self._take_at(time_ms)
        earlier = max(view.world_ms - shutter_ms, 0)
        if take is None:
            return earlier, self._main.at(earlier)
        return earlier, self._camera(take, earlier)

    def shots(self) -> list[tuple[int, int, Shot]]:
        """Cuts away from the main camera: begin and end in ms of the video, and kind of camera."""
        return [(take.begin_ms, take.end_ms, take.shot) for take in self._takes]

    def _take_at(self, time_ms: int) -> _Take | None:
        index = int(np.searchsorted(self._begins, time_ms, side="right")) - 1
        if index < 0 or time_ms >= self._takes[index].end_ms:
            return None
        return self._takes[index]

    # -- choice of takes -----------------------------------------------------------------------

    def _cut(self, dead: DeadTime, rng: np.random.Generator) -> list[_Take]:
        """Consecutive takes during one dead time."""
        if dead.begins_half or dead.begin_ms == 0:
            return []
        begin = dead.begin_ms + int(rng.uniform(*self._habits.delay_ms))
        end = dead.end_ms - _LEAD_MS
        halves = [half * TICK_MS for half in self._motion.halves[1:]]
        if dead.end_ms in halves:
            # After the half-time whistle, stay away from the main camera while people change places.
            end = dead.end_ms
        takes: list[_Take] = []
        goal = self._label_at(dead.begin_ms) is Action.GOAL
        while end - begin >= _SHORTEST_MS:
            room = end - begin
            take = self._choose(dead, begin, room, goal, bool(takes), rng)
            takes.append(take)
            begin = take.end_ms
            if not goal and rng.random() < self._habits.stop:
                break
        return takes

    def _choose(
        self, dead: DeadTime, begin: int, room: int, goal: bool, later: bool,
        rng: np.random.Generator,
    ) -> _Take:  # fmt: skip
        """One take that begins at `begin` and lasts at most `room` (ms); `later`: not the first one."""
        draw = float(rng.random())
        if room > _REPLAY_MS + 800 and later and draw < (0.8 if goal else 0.5):
            speed = float(rng.choice([0.5, 0.6, 1.0]))
            length = min(room, round(_REPLAY_MS / speed))
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
        habits = self._habits
        length = min(room, int(rng.uniform(habits.shortest_ms, habits.longest_ms)))
        if room - length < _SHORTEST_MS and room < 6_000:
            length = room
        ball = self._ball[min(begin // TICK_MS, len(self._ball) - 1)]
        if abs(ball[0]) > 36 and draw > 0.8:
            position = (math.copysign(HALF_LENGTH + 14, ball[0]), float(rng.uniform(-6, 6)), 7.0)
            return _Take(begin, begin + length, Shot.BEHIND_GOAL, position=position)
        x = float(self._motion.xy[min(begin // TICK_MS, self._motion.ticks - 1), dead.person, 0])
        x = x if math.isfinite(x) else float(ball[0])
        position = (x + float(rng.uniform(-25, 25)), -44.0, float(rng.uniform(2.0, 9.0)))
        size = float(rng.uniform(0.4, 0.9))
        return _Take(begin, begin + length, Shot.CLOSE_UP, dead.person, position, size)

    def _label_at(self, time_ms: int) -> Action | None:
        for event in self._motion.events:
            if abs(event.position_ms - time_ms) <= 2 * TICK_MS:
                return Action(event.label)
        return None

    # -- cameras --------------------------------------------------------------------------------

    def _camera(self, take: _Take, world_ms: int) -> Camera:
        tick = world_ms / TICK_MS
        position = np.array(take.position)
        if take.shot is Shot.BEHIND_GOAL:
            ball = _smoothed_at(self._ball, tick)
            target = np.array([math.copysign(40.0, position[0]), 0.3 * ball[1], 1.0])
            return Camera.looking_at(position, target, 1.15)
        if take.shot is Shot.REPLAY:
            spot = _smoothed_at(self._ball, tick)
            target = np.array([spot[0], spot[1], 1.1])
        else:
            spot = _smoothed_at(self._motion.xy[:, take.person], tick)
            if not np.isfinite(spot).all():  # a recorded player whose track has a gap here
                spot = _smoothed_at(self._ball, tick)
            target = np.array([spot[0], spot[1], 1.25 if take.size < 0.6 else 1.4])
        distance = float(np.linalg.norm(target - position))
        return Camera.looking_at(position, target, take.size * distance / _BODY_HEIGHT)


def _smoothed_at(path: NDArray[np.floating], tick: float) -> Floats:
    """Point `[2]` of a path `[T, 2]` at a fractional tick, averaged over half a second."""
    first = math.floor(tick)
    values = []
    for base in (first, first + 1):
        low = min(max(base - _FOCUS_WINDOW // 2, 0), len(path) - 1)
        window = path[low : max(base + _FOCUS_WINDOW // 2 + 1, low + 1)]
        values.append(window.astype(np.float64).mean(0))
    weight = tick - first
    return np.asarray(values[0] * (1 - weight) + values[1] * weight)
