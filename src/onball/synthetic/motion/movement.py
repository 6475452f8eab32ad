"""What a body can do in one tick: least-effort steering under limits of speed and acceleration.

Positions advance by semi-implicit Euler steps of one tick: v ← v + a·dt, x ← x + v·dt. The steering is the
exact solution for that scheme, so that who is not held back by a limit arrives on the tick. Whoever plans
an appointment calls `arrival` first and plans with where the person will really be.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from onball.synthetic.world import TICK_MS

Array = NDArray[np.float64]

MAX_SPEED = 9.2  # m/s
MAX_ACCELERATION = 6.6  # m/s²
MAX_TURN = 12.0  # rad/s, of a body about to act
TICK_S = TICK_MS / 1000


def limited(vectors: Array, most: float) -> Array:
    """Rows of `[n, 2]`, shortened to that length where they are longer."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors * np.minimum(1.0, most / (length + 1e-9)))


def turned(heading: float, wanted: float, most: float) -> float:
    """The heading after a turn towards `wanted` by at most `most` radians."""
    turn = (wanted - heading + math.pi) % (2 * math.pi) - math.pi
    return heading + min(max(turn, -most), most)


def _push(gap: float, velocity: float, ticks: int, stop: bool) -> float:
    """Acceleration along one axis in the first of `ticks` ticks, least effort over all of them.

    The shortest vector of accelerations a_1 … a_n (in the 2-norm) that covers `gap` and, if `stop`, ends
    at rest: a = Rᵀ(RRᵀ)⁻¹b with the rows R of the Euler scheme.
    """
    n, dt = ticks, TICK_S
    short = gap - n * velocity * dt
    squares = n * (n + 1) * (2 * n + 1) / 6
    if not stop or n == 1:
        return n * short / (squares * dt * dt)
    g00, g01, g11 = squares * dt**4, n * (n + 1) / 2 * dt**3, n * dt * dt
    determinant = g00 * g11 - g01 * g01
    first = (g11 * short + g01 * velocity) / determinant
    second = (-g01 * short - g00 * velocity) / determinant
    return first * n * dt * dt + second * dt


def advance(
    place: tuple[float, float],
    velocity: tuple[float, float],
    target: tuple[float, float],
    ticks: int,
    stop: bool,
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Place and velocity one tick on, for somebody due at `target` in `ticks` ticks."""
    ax = _push(target[0] - place[0], velocity[0], ticks, stop)
    ay = _push(target[1] - place[1], velocity[1], ticks, stop)
    effort = math.hypot(ax, ay)
    if effort > MAX_ACCELERATION:
        ax, ay = ax * MAX_ACCELERATION / effort, ay * MAX_ACCELERATION / effort
    vx, vy = velocity[0] + ax * TICK_S, velocity[1] + ay * TICK_S
    speed = math.hypot(vx, vy)
    if speed > MAX_SPEED:
        vx, vy = vx * MAX_SPEED / speed, vy * MAX_SPEED / speed
    return (place[0] + vx * TICK_S, place[1] + vy * TICK_S), (vx, vy)


def arrival(place: Array, velocity: Array, target: Array, ticks: int, stop: bool) -> Array:
    """Where `[2]` somebody due at `target` in `ticks` ticks will really be by then."""
    at = (float(place[0]), float(place[1]))
    moving = (float(velocity[0]), float(velocity[1]))
    goal = (float(target[0]), float(target[1]))
    for left in range(ticks, 0, -1):
        at, moving = advance(at, moving, goal, left, stop)
    return np.array(at)
