"""Paths of the ball between two contacts: rolling, flying, dribbled, held in two hands, or at rest.

A path is solved from the point and the time at which the ball must arrive, so that the next contact meets
it exactly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from onball.simulator.bodies.gestures import held_ball
from onball.simulator.world import BALL_RADIUS, CONTACT_OFFSET, TICK_MS, Floats, Gesture

GRAVITY = 9.81
DRAG = 0.0135
"""Deceleration by air resistance per v², 1/m: ½·ρ·c·A/m with c = 0.25 for a ball of 430 g and 22 cm."""
RESTITUTION, GRIP = 0.55, 0.72
"""Fraction of the vertical and of the horizontal speed after a bounce on grass."""
_STEP_S = 0.01
_RISE_S, _DROP_S = 0.6, 0.45
"""Duration of lifting the ball from the ground to the chest, and of dropping it onto the foot."""
_LEAD_S = {Gesture.THROW_IN: 1.0, Gesture.PICK_UP: 0.6}
"""Gestures that guide a held ball before their contact, and for how many seconds."""


class BallPath(Protocol):
    """Path of the ball during one segment of play."""

    def at(self, seconds: float, feet: Floats, ahead: Floats) -> Floats:
        """Centre of the ball `[3]`.

        Args:
            seconds: time since the begin of the path.
            feet: position of the player in charge of the ball, `[2]`.
            ahead: unit vector that he faces, `[2]`.
        """


@dataclass(frozen=True)
class Roll:
    """Path along the ground that is slowed by the grass.

    Attributes:
        start, end: centre of the ball at the begin and at the end, `[3]`.
        duration: seconds from start to end.
        friction: rate of the exponential decay of the speed, 1/s.
    """

    start: Floats
    end: Floats
    duration: float
    friction: float = 0.5

    def at(self, seconds: float, feet: Floats, ahead: Floats) -> Floats:
        fraction = math.expm1(-self.friction * seconds) / math.expm1(-self.friction * self.duration)
        point = self.start + (self.end - self.start) * fraction
        # A ball that starts or ends in the air (from a knee, to a block) sinks or rises on the way.
        point[2] = max(point[2], BALL_RADIUS)
        return point


@dataclass(frozen=True)
class Flight:
    """Path through the air.

    Attributes:
        points: centre of the ball at every tick from the start, `[n, 3]`.
    """

    points: Floats

    @classmethod
    def between(
        cls, start: Floats, end: Floats, duration: float, *, curl: float = 0.0, bounces: int = 0
    ) -> Flight:
        """Solve the launch velocity for a flight from `start` to `end`, by Newton's method.

        The model has gravity, drag proportional to v², and a Magnus force to the left.

        Args:
            start, end: centre of the ball, `[3]`.
            duration: seconds.
            curl: lateral acceleration per speed, 1/s; negative bends the flight to the right.
            bounces: number of bounces on the ground between start and end.
        """
        count = max(1, round(duration * 1000 / TICK_MS))
        first = _first_guess(start, end, duration, bounces)
        launch = first.copy()
        for _ in range(8):
            candidates = np.concatenate([launch[None], launch + 0.05 * np.eye(3)])
            ends = _fly(start, candidates, duration, curl, bounces)[-1]
            miss = end - ends[0]
            if np.abs(miss).max() < 0.01:
                break
            slopes = (ends[1:] - ends[0]).T / 0.05
            change = np.linalg.lstsq(slopes, miss, rcond=None)[0]
            launch = launch + np.clip(change, -8, 8)
        path = _fly(start, launch[None], duration, curl, bounces)[:, 0]
        # A solution that did not converge (a kick harder than possible) becomes a plain parabola; the
        # remaining error of the others is spread along the path.
        if np.abs(path[-1] - end).max() > 0.6 or not np.isfinite(path).all():
            fraction = np.linspace(0, 1, len(path))[:, None]
            path = start + (end - start) * fraction
            seconds = fraction[:, 0] * duration
            path[:, 2] += 0.5 * GRAVITY * seconds * (duration - seconds)
        path = path + np.linspace(0, 1, len(path))[:, None] * (end - path[-1])
        path[:, 2] = np.maximum(path[:, 2], BALL_RADIUS)
        times = np.arange(count + 1) * TICK_MS / 1000
        grid = np.linspace(0, duration, len(path))
        return cls(np.stack([np.interp(times, grid, path[:, axis]) for axis in range(3)], 1))

    def at(self, seconds: float, feet: Floats, ahead: Floats) -> Floats:
        tick = min(round(seconds * 1000 / TICK_MS), len(self.points) - 1)
        return np.array(self.points[tick])


def _first_guess(start: Floats, end: Floats, duration: float, bounces: int) -> Floats:
    """Approximate launch velocity `[3]`, m/s, from which the solver starts."""
    flat = (end[:2] - start[:2]) / duration
    # With b bounces the flights last d, e·d, e²·d …; each one is slower along the ground.
    parts = RESTITUTION ** np.arange(bounces + 1)
    first = duration / float(parts.sum())
    slowdown = float((parts * GRIP ** np.arange(bounces + 1)).sum() / parts.sum())
    target = float(end[2]) if bounces == 0 else BALL_RADIUS
    up = (target - float(start[2])) / first + 0.5 * GRAVITY * first
    boost = 1 + 0.5 * DRAG * float(np.linalg.norm(flat)) * duration
    return np.array([*(flat / slowdown * boost), up])


def _fly(start: Floats, launches: Floats, duration: float, curl: float, bounces: int) -> Floats:
    """Integrate the flights of n launch velocities `[n, 3]`; returns points `[steps + 1, n, 3]`."""
    steps = max(2, round(duration / _STEP_S))
    dt = duration / steps
    point = np.repeat(start[None].astype(np.float64), len(launches), 0)
    velocity = launches.astype(np.float64).copy()
    bounces_left = np.full(len(launches), bounces)
    path = np.empty((steps + 1, len(launches), 3))
    path[0] = point
    for step in range(1, steps + 1):
        speed = np.sqrt((velocity**2).sum(1, keepdims=True))
        acceleration = -DRAG * speed * velocity
        acceleration[:, 0] -= curl * velocity[:, 1]
        acceleration[:, 1] += curl * velocity[:, 0]
        acceleration[:, 2] -= GRAVITY
        before = velocity
        velocity = velocity + acceleration * dt
        point = point + 0.5 * (before + velocity) * dt
        bounce = (point[:, 2] < BALL_RADIUS) & (velocity[:, 2] < 0) & (bounces_left > 0)
        if bounce.any():
            velocity[bounce] *= (GRIP, GRIP, -RESTITUTION)
            point[bounce, 2] = BALL_RADIUS + RESTITUTION * (BALL_RADIUS - point[bounce, 2])
            bounces_left = bounces_left - bounce
        path[step] = point
    return path


@dataclass(frozen=True)
class Dribble:
    """Path at the feet of a carrier, who pushes the ball ahead and catches up with it.

    Attributes:
        duration: seconds.
        touches: number of touches until the end.
        lead: largest distance that the ball runs ahead between two touches, metres.
        start_offset: ball relative to the feet at the start, in the directions of the pitch, `[3]`.
        end_offset: ball at the carrier's next contact: metres ahead, to the left and up.
    """

    duration: float
    touches: int
    lead: float
    start_offset: Floats
    end_offset: tuple[float, float, float] = (0.47, 0.0, BALL_RADIUS)

    def at(self, seconds: float, feet: Floats, ahead: Floats) -> Floats:
        phase = (seconds / self.duration * self.touches) % 1.0
        ready = _smooth(1 - (self.duration - seconds) / 0.25)
        forward, left, up = self.end_offset
        distance = (0.47 + self.lead * 4 * phase * (1 - phase)) * (1 - ready) + forward * ready
        lateral = left * ready
        wanted = np.array(
            [
                ahead[0] * distance - ahead[1] * lateral,
                ahead[1] * distance + ahead[0] * lateral,
                BALL_RADIUS * (1 - ready) + up * ready,
            ]
        )
        # Blend from the start point to the carrier's foot during the first quarter of a second.
        settled = _smooth(seconds / min(0.25, self.duration))
        offset = self.start_offset * (1 - settled) + wanted * settled
        return np.array([feet[0] + offset[0], feet[1] + offset[1], max(offset[2], BALL_RADIUS)])


@dataclass(frozen=True)
class Held:
    """Path in two hands: from the end of one gesture, held before the chest, into the next gesture.

    Attributes:
        duration: seconds.
        first: gesture by which the ball came into the hands.
        last: gesture with which it leaves them; a kick drops it onto the foot.
        start_offset: ball at the start: metres ahead, to the left, up; None for the position in `first`.
    """

    duration: float
    first: Gesture
    last: Gesture
    start_offset: tuple[float, float, float] | None = None

    def at(self, seconds: float, feet: Floats, ahead: Floats) -> Floats:
        offset = self._offset(seconds)
        if self.start_offset is not None:
            gap = np.array(self.start_offset) - self._offset(0.0)
            offset = offset + gap * (1 - _smooth(seconds / 0.3))
        return np.array(
            [
                feet[0] + ahead[0] * offset[0] - ahead[1] * offset[1],
                feet[1] + ahead[1] * offset[0] + ahead[0] * offset[1],
                max(offset[2], BALL_RADIUS),
            ]
        )

    def _offset(self, seconds: float) -> Floats:
        """Ball in the frame of the body: metres ahead, to the left, up, `[3]`."""
        carried = np.array(held_ball(Gesture.CARRY, 1_000))
        since, left = seconds, self.duration - seconds
        lifted = _smooth(since / min(_RISE_S, self.duration / 2))
        before = np.array(held_ball(self.first, round(1000 * min(since, _RISE_S))))
        offset = before * (1 - lifted) + carried * lifted
        if self.last in _LEAD_S:
            released = _smooth(1 - left / min(_LEAD_S[self.last], self.duration / 2))
            after = np.array(held_ball(self.last, -round(1000 * left)))
        else:
            released = _smooth(1 - left / min(_DROP_S, self.duration / 2))
            after = np.array(CONTACT_OFFSET[self.last])
        # In the last tenth of a second the ball moves to the point of contact, wherever the hands are.
        if left < 0.1:
            after = after + (np.array(CONTACT_OFFSET[self.last]) - after) * (1 - left / 0.1)
        return np.asarray(offset * (1 - released) + after * released)


@dataclass(frozen=True)
class Resting:
    """The ball lies still at one point `[3]`."""

    point: Floats

    def at(self, seconds: float, feet: Floats, ahead: Floats) -> Floats:
        return self.point


def _smooth(fraction: float) -> float:
    """Smooth step from 0 to 1."""
    fraction = min(max(fraction, 0.0), 1.0)
    return fraction * fraction * (3 - 2 * fraction)
