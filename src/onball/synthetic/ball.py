"""Where the ball is between two contacts: rolling, flying, at a foot, in a hand, or out of sight.

A path is solved backwards from where and when the ball must arrive, so that the foot meets it exactly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from onball.synthetic.world import BALL_RADIUS

GRAVITY = 9.81
Vector = NDArray[np.float64]


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
    """Through the air under gravity, with a little side swerve; reaches `end` after `duration`.

    If `hop` > 0, the ball lands `hop` seconds before the end and bounces once to get there.
    """

    start: Vector
    end: Vector
    duration: float
    swerve: float = 0.0  # metres of bow to the left in the middle of the flight
    hop: float = 0.0

    def at(self, seconds: float, feet: Vector, ahead: Vector) -> Vector:
        share = seconds / self.duration
        # Air drag: the ball covers more ground early than late.
        travelled = share * (1.15 - 0.15 * share)
        point = self.start + (self.end - self.start) * travelled
        flat = self.end[:2] - self.start[:2]
        left = np.array([-flat[1], flat[0]]) / (np.linalg.norm(flat) + 1e-6)
        point[:2] += left * (4 * self.swerve * share * (1 - share))
        point[2] = self._height(seconds)
        return point

    def _height(self, seconds: float) -> float:
        landing = self.duration - self.hop
        if self.hop > 0 and seconds > landing:
            since = seconds - landing
            arrival = float(self.end[2])
            bow = 0.5 * GRAVITY * since * (self.hop - since)
            return max(BALL_RADIUS, BALL_RADIUS + (arrival - BALL_RADIUS) * since / self.hop + bow)
        end_height = BALL_RADIUS if self.hop > 0 else float(self.end[2])
        start_height = float(self.start[2])
        rise = (end_height - start_height) / landing + 0.5 * GRAVITY * landing
        return max(BALL_RADIUS, start_height + rise * seconds - 0.5 * GRAVITY * seconds**2)


@dataclass(frozen=True)
class Dribble:
    """At the carrier's feet: pushed ahead and caught up with, `touches` times until the end."""

    duration: float
    touches: int
    reach: float  # metres that the ball runs ahead between two touches
    start_offset: Vector  # where the ball was, relative to the feet, when the dribble began

    def at(self, seconds: float, feet: Vector, ahead: Vector) -> Vector:
        phase = (seconds / self.duration * self.touches) % 1.0
        distance = 0.47 + self.reach * 4 * phase * (1 - phase)
        wanted = np.array([ahead[0] * distance, ahead[1] * distance, BALL_RADIUS])
        # The first quarter second blends from where the ball came to where the carrier wants it.
        settled = min(1.0, seconds / 0.25)
        settled = settled * settled * (3 - 2 * settled)
        offset = self.start_offset * (1 - settled) + wanted * settled
        return np.array([feet[0] + offset[0], feet[1] + offset[1], max(offset[2], BALL_RADIUS)])


@dataclass(frozen=True)
class Held:
    """In the hands: `height` above the ground, `forward` of the body."""

    height: float
    forward: float

    def at(self, seconds: float, feet: Vector, ahead: Vector) -> Vector:
        spot = feet + ahead * self.forward
        return np.array([spot[0], spot[1], self.height])


@dataclass(frozen=True)
class Resting:
    """Lies still at one point."""

    point: Vector

    def at(self, seconds: float, feet: Vector, ahead: Vector) -> Vector:
        return self.point


@dataclass(frozen=True)
class OutOfSight:
    """Behind the boards or on its way to a ball boy: no ball is seen."""

    def at(self, seconds: float, feet: Vector, ahead: Vector) -> Vector:
        return np.full(3, np.nan)
