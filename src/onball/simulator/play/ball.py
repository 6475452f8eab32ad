"""Where the ball is between two contacts: rolling, flying, at a foot, in two hands, or at rest.

A path is solved backwards from where and when the ball must arrive, so that the foot meets it exactly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from onball.simulator.bodies.gestures import held_ball
from onball.simulator.world import BALL_RADIUS, CONTACT_OFFSET, TICK_MS, Gesture

Vector = NDArray[np.float64]

GRAVITY = 9.81
DRAG = 0.0135
"""Deceleration by the air per v², 1/m: ½·ρ·c·A/m with c = 0.25 for a ball of 430 g and 22 cm."""
RESTITUTION, GRIP = 0.55, 0.72
"""What a bounce on grass leaves of the vertical and of the horizontal speed."""
_STEP_S = 0.01
_RISES_S, _DROPS_S = 0.6, 0.45
"""How long a ball takes from the ground to the chest, and from the chest onto the foot."""
_HANDS_AT_THE_END = {Gesture.THROW_IN: 1.0, Gesture.PICK_UP: 0.6}
"""Seconds before its contact from which such a gesture leads the ball."""


class BallPath(Protocol):
    """A piece of the ball's way.

    `at(seconds, feet, ahead)` is the ball's centre `[3]` that many seconds after the piece began;
    `feet` `[2]` is where the player in charge of it stands and `ahead` the unit vector `[2]` he faces.
    """

    def at(self, seconds: float, feet: Vector, ahead: Vector) -> Vector: ...


@dataclass(frozen=True)
class Roll:
    """Along the ground, slowed by the grass; it leaves `start` and reaches `end` after `duration`."""

    start: Vector
    end: Vector
    duration: float
    friction: float = 0.5  # 1/s

    def at(self, seconds: float, feet: Vector, ahead: Vector) -> Vector:
        share = math.expm1(-self.friction * seconds) / math.expm1(-self.friction * self.duration)
        point = self.start + (self.end - self.start) * share
        # A ball that starts or ends in the air (from a knee, to a block) sinks or rises on its way.
        point[2] = max(point[2], BALL_RADIUS)
        return point


@dataclass(frozen=True)
class Flight:
    """Through the air: points `[n, 3]` at every tick from the start."""

    points: Vector

    @classmethod
    def between(
        cls, start: Vector, end: Vector, duration: float, *, curl: float = 0.0, bounces: int = 0
    ) -> Flight:
        """Solves the launch so that the ball is at `end` after `duration` seconds.

        Gravity, drag by v², and a Magnus force that bends the flight to the left by `curl`·v (1/s);
        with `bounces` it touches the ground that often on its way.
        """
        count = max(1, round(duration * 1000 / TICK_MS))
        first = _first_guess(start, end, duration, bounces)
        launch = first.copy()
        for _ in range(8):
            tries = np.concatenate([launch[None], launch + 0.05 * np.eye(3)])
            ends = _fly(start, tries, duration, curl, bounces)[-1]
            miss = end - ends[0]
            if np.abs(miss).max() < 0.01:
                break
            slopes = (ends[1:] - ends[0]).T / 0.05
            change = np.linalg.lstsq(slopes, miss, rcond=None)[0]
            launch = launch + np.clip(change, -8, 8)
        way = _fly(start, launch[None], duration, curl, bounces)[:, 0]
        # What the solver left over is spread along the way; a launch that no foot can give (it did not
        # converge) is replaced by the plain parabola.
        if np.abs(way[-1] - end).max() > 0.6 or not np.isfinite(way).all():
            share = np.linspace(0, 1, len(way))[:, None]
            way = start + (end - start) * share
            seconds = share[:, 0] * duration
            way[:, 2] += 0.5 * GRAVITY * seconds * (duration - seconds)
        way = way + np.linspace(0, 1, len(way))[:, None] * (end - way[-1])
        way[:, 2] = np.maximum(way[:, 2], BALL_RADIUS)
        times = np.arange(count + 1) * TICK_MS / 1000
        grid = np.linspace(0, duration, len(way))
        return cls(np.stack([np.interp(times, grid, way[:, axis]) for axis in range(3)], 1))

    def at(self, seconds: float, feet: Vector, ahead: Vector) -> Vector:
        tick = min(round(seconds * 1000 / TICK_MS), len(self.points) - 1)
        return np.array(self.points[tick])


def _first_guess(start: Vector, end: Vector, duration: float, bounces: int) -> Vector:
    flat = (end[:2] - start[:2]) / duration
    # With b bounces the flights last d, e·d, e²·d …; each later one is slower along the ground.
    parts = RESTITUTION ** np.arange(bounces + 1)
    first = duration / float(parts.sum())
    slower = float((parts * GRIP ** np.arange(bounces + 1)).sum() / parts.sum())
    target = float(end[2]) if bounces == 0 else BALL_RADIUS
    up = (target - float(start[2])) / first + 0.5 * GRAVITY * first
    boost = 1 + 0.5 * DRAG * float(np.linalg.norm(flat)) * duration
    return np.array([*(flat / slower * boost), up])


def _fly(start: Vector, launches: Vector, duration: float, curl: float, bounces: int) -> Vector:
    """Points `[steps + 1, n, 3]` of n launches `[n, 3]`."""
    steps = max(2, round(duration / _STEP_S))
    dt = duration / steps
    point = np.repeat(start[None].astype(np.float64), len(launches), 0)
    speed = launches.astype(np.float64).copy()
    left = np.full(len(launches), bounces)
    way = np.empty((steps + 1, len(launches), 3))
    way[0] = point
    for step in range(1, steps + 1):
        pace = np.sqrt((speed**2).sum(1, keepdims=True))
        force = -DRAG * pace * speed
        force[:, 0] -= curl * speed[:, 1]
        force[:, 1] += curl * speed[:, 0]
        force[:, 2] -= GRAVITY
        before = speed
        speed = speed + force * dt
        point = point + 0.5 * (before + speed) * dt
        down = (point[:, 2] < BALL_RADIUS) & (speed[:, 2] < 0) & (left > 0)
        if down.any():
            speed[down] *= (GRIP, GRIP, -RESTITUTION)
            point[down, 2] = BALL_RADIUS + RESTITUTION * (BALL_RADIUS - point[down, 2])
            left = left - down
        way[step] = point
    return way


@dataclass(frozen=True)
class Dribble:
    """At the carrier's feet: pushed ahead and caught up with, `touches` times until the end.

    Attributes:
        duration: seconds.
        touches: how often the foot meets the ball.
        reach: metres that the ball runs ahead between two touches.
        start_offset: where the ball was, relative to the feet, when the dribble began, `[3]`.
        end_offset: metres ahead, to the left and up, where the carrier's next contact wants it.
    """

    duration: float
    touches: int
    reach: float
    start_offset: Vector
    end_offset: tuple[float, float, float] = (0.47, 0.0, BALL_RADIUS)

    def at(self, seconds: float, feet: Vector, ahead: Vector) -> Vector:
        phase = (seconds / self.duration * self.touches) % 1.0
        ready = _smooth(1 - (self.duration - seconds) / 0.25)
        forward, left, up = self.end_offset
        distance = (0.47 + self.reach * 4 * phase * (1 - phase)) * (1 - ready) + forward * ready
        aside = left * ready
        wanted = np.array(
            [
                ahead[0] * distance - ahead[1] * aside,
                ahead[1] * distance + ahead[0] * aside,
                BALL_RADIUS * (1 - ready) + up * ready,
            ]
        )
        # The first quarter second blends from where the ball came to where the carrier wants it.
        settled = _smooth(seconds / min(0.25, self.duration))
        offset = self.start_offset * (1 - settled) + wanted * settled
        return np.array([feet[0] + offset[0], feet[1] + offset[1], max(offset[2], BALL_RADIUS)])


@dataclass(frozen=True)
class Held:
    """In two hands: from the end of one gesture, before the chest, into the next.

    Attributes:
        duration: seconds.
        first: the gesture by which it came into the hands.
        last: the gesture with which it leaves them; a kick drops it onto the foot.
        start_offset: where the ball was at the start: metres ahead, to the left, up; None where `first`
            has it.
    """

    duration: float
    first: Gesture
    last: Gesture
    start_offset: tuple[float, float, float] | None = None

    def at(self, seconds: float, feet: Vector, ahead: Vector) -> Vector:
        offset = self._offset(seconds)
        if self.start_offset is not None:
            late = np.array(self.start_offset) - self._offset(0.0)
            offset = offset + late * (1 - _smooth(seconds / 0.3))
        return np.array(
            [
                feet[0] + ahead[0] * offset[0] - ahead[1] * offset[1],
                feet[1] + ahead[1] * offset[0] + ahead[0] * offset[1],
                max(offset[2], BALL_RADIUS),
            ]
        )

    def _offset(self, seconds: float) -> Vector:
        carried = np.array(held_ball(Gesture.CARRY, 1_000))
        since, left = seconds, self.duration - seconds
        comes = _smooth(since / min(_RISES_S, self.duration / 2))
        coming = np.array(held_ball(self.first, round(1000 * min(since, _RISES_S))))
        offset = coming * (1 - comes) + carried * comes
        if self.last in _HANDS_AT_THE_END:
            goes = _smooth(1 - left / min(_HANDS_AT_THE_END[self.last], self.duration / 2))
            going = np.array(held_ball(self.last, -round(1000 * left)))
        else:
            goes = _smooth(1 - left / min(_DROPS_S, self.duration / 2))
            going = np.array(CONTACT_OFFSET[self.last])
        # The last tenth of the way is the contact's own, whatever the hands do.
        if left < 0.1:
            going = going + (np.array(CONTACT_OFFSET[self.last]) - going) * (1 - left / 0.1)
        return np.asarray(offset * (1 - goes) + going * goes)


@dataclass(frozen=True)
class Resting:
    """Lies still at one point."""

    point: Vector

    def at(self, seconds: float, feet: Vector, ahead: Vector) -> Vector:
        return self.point


def _smooth(share: float) -> float:
    share = min(max(share, 0.0), 1.0)
    return share * share * (3 - 2 * share)
