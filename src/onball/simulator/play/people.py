"""What a body can do in one tick: least-effort steering under limits of speed and acceleration.

Positions advance by semi-implicit Euler steps of one tick: v ← v + a·dt, x ← x + v·dt. The steering is the
exact solution for that scheme, so that who is not held back by a limit arrives on the tick. Whoever plans
an appointment calls `arrival` first and plans with where the person will really be.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from onball.simulator.play.formation import Formation, members
from onball.simulator.world import PEOPLE, PLAYERS, REFEREE, TEAM_SIZE, TICK_MS

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


# --- How everybody moves: 25 steps a second, within what legs can do.


SET_PIECE_DISTANCE = 9.3
"""Metres that opponents keep from a ball about to be kicked: law 13's 9.15 and a toe."""
_TURN_S = 0.5
"""Somebody about to act turns to where he will face from this long before."""


class Phase(Enum):
    """What everybody makes of the moment."""

    PLAY = "play"
    DEAD = "dead"  # nobody presses or hurries
    KICK_OFF = "kick-off"  # both teams go to their own halves


@dataclass(frozen=True)
class Appointment:
    """Somebody is due at `place` `[2]`, facing `facing` (radians), in `ticks`; standing if `stop`."""

    person: int
    place: Array
    facing: float
    ticks: int
    stop: bool = False


@dataclass(frozen=True)
class Stance:
    """Where somebody will really be, `[2]`, and which way he will face, when an appointment is due."""

    place: Array
    facing: float


@dataclass(frozen=True)
class Orders:
    """What is asked of everybody during one tick.

    Attributes:
        ball: where people believe the ball to be, `[2]`.
        possession: the side that has it.
        phase: play, dead time or kick-off.
        appointments: who is due where; `ticks` counts down to 1 in the last tick.
        stations: places that replace those of the formation, such as in a wall.
        keep_off: a ball at a set piece, `[2]`, from which the other side keeps its distance (law 13).
    """

    ball: Array
    possession: int
    phase: Phase
    appointments: tuple[Appointment, ...] = ()
    stations: dict[int, Array] = field(default_factory=dict)
    keep_off: Array | None = None


class People:
    """Positions, velocities, headings and strides of everyone."""

    def __init__(self, rng: np.random.Generator, *, kick_off_team: int = 0) -> None:
        self.formation = Formation(rng)
        self.velocity = np.zeros((PEOPLE, 2))
        self.heading = np.zeros(PEOPLE)
        self.stride = rng.uniform(0, 2 * np.pi, PEOPLE)
        self._pace = rng.uniform(0.85, 1.15, PEOPLE)
        self._down = np.zeros(PEOPLE, np.int64)  # ticks for which somebody lies or gets up
        self.xy = self.formation.places(np.zeros(2), kick_off_team, kick_off=True)
        self.heading[TEAM_SIZE:REFEREE] = np.pi

    def foresee(self, appointment: Appointment) -> Stance:
        """How an appointment made now will be kept."""
        person = appointment.person
        place = arrival(
            self.xy[person], self.velocity[person], appointment.place, appointment.ticks,
            appointment.stop,
        )  # fmt: skip
        # Up to half a second before, people face where they like: more than half a turn is not needed.
        most = min(appointment.ticks * TICK_S, _TURN_S) * MAX_TURN
        return Stance(place, turned(float(self.heading[person]), appointment.facing, most))

    def lie(self, person: int, ticks: int) -> None:
        """Somebody lies on the ground and gets up for that long: he goes nowhere of his own will."""
        self._down[person] = max(self._down[person], ticks)

    def step(self, orders: Orders) -> None:
        """One tick."""
        live = orders.phase is Phase.PLAY
        busy = {a.person for a in orders.appointments}
        self.formation.drift(orders.possession, live=live)
        kick_off = orders.phase is Phase.KICK_OFF
        places = self.formation.places(orders.ball, orders.possession, kick_off=kick_off)
        if live:
            self.formation.mark(places, self.xy, orders.ball, orders.possession, busy)
        for person, place in orders.stations.items():
            places[person] = place
        if orders.keep_off is not None:
            _keep_off(places, orders.keep_off, 1 - orders.possession)
        velocity = self._tend(places, orders)
        before = self.xy
        moved = before + velocity * TICK_S
        for a in orders.appointments:
            at, going = before[a.person].tolist(), self.velocity[a.person].tolist()
            goal = a.place.tolist()
            moved[a.person], velocity[a.person] = advance(
                (at[0], at[1]), (going[0], going[1]), (goal[0], goal[1]), a.ticks, a.stop
            )
        self.xy, self.velocity = moved, velocity
        speed = np.linalg.norm(velocity, axis=1)
        self.stride = self.stride + TICK_S * np.where(
            speed > 0.3, 2 * np.pi * (0.75 + 0.11 * speed), 0.0
        )
        self._turn(orders, speed)

    def _tend(self, places: Array, orders: Orders) -> Array:
        """New velocities `[PEOPLE, 2]` of people who go to their places."""
        away = places - self.xy
        distance = np.linalg.norm(away, axis=1, keepdims=True)
        top = np.where(distance > 12, 7.0, np.where(distance > 5, 5.0, 3.2))
        top = np.where(self.formation.running()[:, None] & (distance > 4), 7.8, top)
        top = top * self._pace[:, None]
        if orders.phase is not Phase.PLAY:
            # Who is far from his place trots, the others walk.
            walk = np.where(distance > 10, 4.2, 2.0)
            top = np.minimum(top, 5.5 if orders.phase is Phase.KICK_OFF else walk)
            top[list(orders.stations)] = np.where(distance[list(orders.stations)] > 8, 5.0, 2.6)
        top[PLAYERS + 3 :] = np.minimum(top[PLAYERS + 3 :], 3.0)
        wanted = away / (distance + 1e-6) * np.minimum(top, 0.9 * distance)
        down = self._down > 0
        wanted[down] = 0.0
        self._down = np.maximum(self._down - 1, 0)
        acceleration = limited((wanted - self.velocity) / 0.45, 4.5)
        acceleration[~down] += self._elbow_room()[~down]
        acceleration = limited(acceleration, MAX_ACCELERATION)
        return limited(self.velocity + acceleration * TICK_S, MAX_SPEED)

    def _elbow_room(self) -> Array:
        """A push apart, m/s², for people who stand in each other."""
        apart = self.xy[:, None] - self.xy[None]
        gaps = np.linalg.norm(apart, axis=2) + np.eye(PEOPLE) * 9
        push = 12 * np.clip(0.8 - gaps, 0, None) / (gaps + 1e-3)
        return np.asarray((apart * push[..., None]).sum(1))

    def _turn(self, orders: Orders, speed: Array) -> None:
        to_ball = orders.ball - self.xy
        wanted = np.where(
            speed > 1.8,
            np.arctan2(self.velocity[:, 1], self.velocity[:, 0]),
            np.arctan2(to_ball[:, 1], to_ball[:, 0]),
        )
        rate = np.full(PEOPLE, 6.0)
        for appointment in orders.appointments:
            if (appointment.ticks - 1) * TICK_S < _TURN_S:
                wanted[appointment.person] = appointment.facing
                rate[appointment.person] = MAX_TURN
        turn = (wanted - self.heading + np.pi) % (2 * np.pi) - np.pi
        self.heading = self.heading + np.clip(turn, -rate * TICK_S, rate * TICK_S)


def _keep_off(places: Array, ball: Array, team: int) -> None:
    """Moves the places of a side that are too near the ball straight away from it."""
    rows = np.array(members(team))
    away = places[rows] - ball
    gaps = np.linalg.norm(away, axis=1, keepdims=True)
    near = gaps[:, 0] < SET_PIECE_DISTANCE
    outward = (away + 1e-3) / (gaps + 2e-3)
    places[rows[near]] = ball + SET_PIECE_DISTANCE * outward[near]
