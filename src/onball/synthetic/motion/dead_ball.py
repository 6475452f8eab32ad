"""What the ball does once it is out of play: it rolls out, or comes back from boards and stands."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from onball.synthetic.motion.ball import BallPath, Flight, Roll
from onball.synthetic.motion.movement import TICK_S
from onball.synthetic.motion.plan import Cue, Vector, ticks_of
from onball.synthetic.world import BALL_RADIUS, HALF_WIDTH, Gesture

_TO_BOARDS = 4.0  # metres from a line to the boards, less the ball
_BOARDS_HEIGHT = 1.0
_GRASS = 1.8  # 1/s: how a ball left alone slows down
_ROLLS_OUT_S = 1.4


def beyond_the_line(point: Vector, velocity: Vector) -> Iterator[tuple[BallPath, int, Vector]]:
    """The ball's way after it crossed a line at `point` `[3]` with `velocity` `[3]`, m/s.

    Yields paths with their length in ticks and the place `[3]` where each ends.
    """
    sideways = abs(point[1]) >= HALF_WIDTH
    outward = (
        np.array([0.0, math.copysign(1.0, point[1])])
        if sideways
        else np.array([math.copysign(1.0, point[0]), 0.0])
    )
    flat = np.asarray(velocity[:2], dtype=np.float64)
    fast = max(float(flat @ outward), 1.2)
    along = flat - (flat @ outward) * outward
    # Nothing flies along the line for ever: what goes sideways is kept within 45 degrees.
    along *= min(1.0, fast / (float(np.linalg.norm(along)) + 1e-6))
    way = fast * outward + along
    speed = float(np.linalg.norm(way))
    if point[2] > _BOARDS_HEIGHT:
        yield from _into_the_stand(point, way, fast)
        return
    rolls = speed / _GRASS * -math.expm1(-_GRASS * _ROLLS_OUT_S)
    if rolls * fast / speed < _TO_BOARDS:
        end = _on_ground(point[:2] + way / speed * rolls)
        yield Roll(point, end, _ROLLS_OUT_S, friction=_GRASS), ticks_of(_ROLLS_OUT_S), end
        return
    ticks = ticks_of(_TO_BOARDS / fast * 1.1)
    boards = _on_ground(point[:2] + way * (_TO_BOARDS / fast))
    yield Roll(point, boards, ticks * TICK_S, friction=0.3), ticks, boards
    back = _on_ground(boards[:2] - outward * min(0.6 + 0.08 * fast, 2.2) + along * 0.15)
    ticks = ticks_of(1.3)
    yield Roll(boards, back, ticks * TICK_S, friction=2.0), ticks, back


def _into_the_stand(
    point: Vector, way: Vector, fast: float
) -> Iterator[tuple[BallPath, int, Vector]]:
    """Over the boards into the stand, and somebody throws it back."""
    reach = 9.0
    ticks = ticks_of(reach / max(fast, 9.0))
    seat = np.array([*(point[:2] + way * (reach / fast)), float(np.clip(point[2], 2.0, 4.0))])
    yield Flight.between(point, seat, ticks * TICK_S), ticks, seat
    outward = way / np.linalg.norm(way)
    front = _on_ground(seat[:2] - outward * (reach - 2.6))
    ticks = ticks_of(1.6)
    yield Flight.between(seat, front, ticks * TICK_S, bounces=1), ticks, front


def carry_cue(person: int, ticks: int, then: Gesture) -> tuple[Cue, ...]:
    """Carries the ball in his hands until the next gesture takes over."""
    begin, before = 10, 22 if then is Gesture.THROW_IN else 10
    if ticks <= begin + before:
        return ()
    return (Cue(person, Gesture.CARRY, begin, ticks - begin - before),)


def _on_ground(point: Vector) -> Vector:
    return np.array([point[0], point[1], BALL_RADIUS])
