"""Movement of all people, tick by tick, within limits of speed and acceleration.

Positions advance by semi-implicit Euler steps of one tick: v ← v + a·dt, x ← x + v·dt. A person with an
appointment is steered by the least-effort accelerations of that scheme, which arrive on the tick unless a
limit interferes. Plans use `People.foresee`, which gives the position that will really be reached.
Everybody else moves towards the place that the formation assigns.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from onball.simulator.play.formation import Formation, lengths, members
from onball.simulator.world import (
    PEOPLE,
    PLAYERS,
    REFEREE,
    TEAM_SIZE,
    TICK_S,
    Floats,
    strides_per_second,
    wrap_angle,
)

MAX_SPEED = 9.2  # m/s
MAX_ACCELERATION = 6.6  # m/s²
MAX_TURN = 12.0  # rad/s, of a person with an appointment
SET_PIECE_DISTANCE = 9.3
"""Metres that opponents keep from a ball at a set piece: 9.15 m (law 13) and a margin."""
_TURN_S = 0.5
"""People turn to the heading of an appointment during the seconds before it."""
_ROOM = 0.8
"""Distance between people, metres, below which they push each other apart."""
_STANDING = 0.3
"""Speed, m/s, up to which legs do not step."""


class Phase(Enum):
    """State of play, as it concerns the movement of people."""

    PLAY = "play"
    DEAD = "dead"  # nobody presses or hurries
    KICK_OFF = "kick-off"  # both teams go to their own halves


@dataclass(frozen=True)
class Appointment:
    """Request that a person is at a place at a given time.

    Attributes:
        person: index of the person.
        place: `[2]`, metres.
        facing: heading of the body, radians.
        ticks: ticks from now.
        stop: whether the person comes to rest there.
    """

    person: int
    place: Floats
    facing: float
    ticks: int
    stop: bool = False


@dataclass(frozen=True)
class Stance:
    """Position `[2]` and heading (radians) that a person really has when an appointment is due."""

    place: Floats
    facing: float


@dataclass(frozen=True)
class Orders:
    """Instructions to all people for one tick.

    Attributes:
        ball: position of the ball on the ground, `[2]`.
        possession: side that has it.
        phase: state of play.
        appointments: places to reach; `ticks` counts down to 1 in the last tick.
        stations: by person, places `[2]` that replace those of the formation, such as in a wall.
        keep_off: ball at a set piece, `[2]`, from which the other side keeps its distance (law 13).
    """

    ball: Floats
    possession: int
    phase: Phase
    appointments: tuple[Appointment, ...] = ()
    stations: dict[int, Floats] = field(default_factory=dict)
    keep_off: Floats | None = None


def _first_acceleration(gap: float, velocity: float, ticks: int, stop: bool) -> float:
    """First of `ticks` accelerations along one axis, with the least effort over all of them.

    The accelerations a_1 … a_n of the smallest 2-norm that cover `gap` and, if `stop`, end at rest:
    a = Rᵀ(RRᵀ)⁻¹b with the rows R of the Euler scheme.
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
    """Place (metres) and velocity (m/s) after one tick of a person due at `target` in `ticks` ticks."""
    ax = _first_acceleration(target[0] - place[0], velocity[0], ticks, stop)
    ay = _first_acceleration(target[1] - place[1], velocity[1], ticks, stop)
    acceleration = math.hypot(ax, ay)
    if acceleration > MAX_ACCELERATION:
        ax, ay = ax * MAX_ACCELERATION / acceleration, ay * MAX_ACCELERATION / acceleration
    vx, vy = velocity[0] + ax * TICK_S, velocity[1] + ay * TICK_S
    speed = math.hypot(vx, vy)
    if speed > MAX_SPEED:
        vx, vy = vx * MAX_SPEED / speed, vy * MAX_SPEED / speed
    return (place[0] + vx * TICK_S, place[1] + vy * TICK_S), (vx, vy)


def arrival(place: Floats, velocity: Floats, target: Floats, ticks: int, stop: bool) -> Floats:
    """Position `[2]` that a person due at `target` in `ticks` ticks will really reach by then."""
    at = (float(place[0]), float(place[1]))
    moving = (float(velocity[0]), float(velocity[1]))
    goal = (float(target[0]), float(target[1]))
    for left in range(ticks, 0, -1):
        at, moving = advance(at, moving, goal, left, stop)
    return np.array(at)


class People:
    """Positions, velocities and headings of all people.

    Args:
        rng: random numbers of the match.
        kick_off_team: side that kicks off.

    Attributes:
        formation: places towards which people move.
        xy: `[PEOPLE, 2]`, metres.
        velocity: `[PEOPLE, 2]`, m/s.
        heading: `[PEOPLE]`, radians.
        stride: phase of the running cycle, `[PEOPLE]`, radians.
    """

    def __init__(self, rng: np.random.Generator, *, kick_off_team: int = 0) -> None:
        self.formation = Formation(rng)
        self.velocity = np.zeros((PEOPLE, 2))
        self.heading = np.zeros(PEOPLE)
        self.stride = rng.uniform(0, 2 * np.pi, PEOPLE)
        self._pace = rng.uniform(0.85, 1.15, PEOPLE)
        self._down = np.zeros(PEOPLE, np.int64)  # ticks left lying or getting up
        self.xy = self.formation.places(np.zeros(2), kick_off_team, kick_off=True)
        self.heading[TEAM_SIZE:REFEREE] = np.pi

    def foresee(self, appointment: Appointment) -> Stance:
        """Position and heading that result from an appointment made now."""
        person = appointment.person
        place = arrival(
            self.xy[person], self.velocity[person], appointment.place, appointment.ticks,
            appointment.stop,
        )  # fmt: skip
        # The turn begins at most `_TURN_S` before, which suffices for half a turn.
        most = min(appointment.ticks * TICK_S, _TURN_S) * MAX_TURN
        return Stance(place, _turned(float(self.heading[person]), appointment.facing, most))

    def lie(self, person: int, ticks: int) -> None:
        """Keep a person on the ground for a number of ticks; only an appointment can move him."""
        self._down[person] = max(self._down[person], ticks)

    def step(self, orders: Orders) -> None:
        """Advance everybody by one tick."""
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
        velocity = self._velocity_towards(places, orders)
        before = self.xy
        moved = before + velocity * TICK_S
        for a in orders.appointments:
            at, going = before[a.person].tolist(), self.velocity[a.person].tolist()
            goal = a.place.tolist()
            moved[a.person], velocity[a.person] = advance(
                (at[0], at[1]), (going[0], going[1]), (goal[0], goal[1]), a.ticks, a.stop
            )
        self.xy, self.velocity = moved, velocity
        speed = lengths(velocity)
        self.stride = self.stride + TICK_S * np.where(
            speed > _STANDING, 2 * np.pi * strides_per_second(speed), 0.0
        )
        self._turn(orders, speed)

    def _velocity_towards(self, places: Floats, orders: Orders) -> Floats:
        """Velocities `[PEOPLE, 2]` of the next tick towards places `[PEOPLE, 2]`, m/s."""
        away = places - self.xy
        distance = lengths(away)
        top = np.where(distance > 12, 7.0, np.where(distance > 5, 5.0, 3.2))
        top[:PLAYERS][self.formation.running() & (distance[:PLAYERS] > 4)] = 7.8
        top *= self._pace
        if orders.phase is not Phase.PLAY:
            # People far from their places jog, the others walk.
            walk = np.where(distance > 10, 4.2, 2.0)
            top = np.minimum(top, 5.5 if orders.phase is Phase.KICK_OFF else walk)
            stations = list(orders.stations)
            top[stations] = np.where(distance[stations] > 8, 5.0, 2.6)
        top[PLAYERS + 3 :] = np.minimum(top[PLAYERS + 3 :], 3.0)
        reach = np.minimum(top, 0.9 * distance)
        wanted = away / (distance + 1e-6)[:, None] * reach[:, None]
        down = self._down > 0
        wanted[down] = 0.0
        self._down = np.maximum(self._down - 1, 0)
        acceleration = _limited((wanted - self.velocity) / 0.45, 4.5)
        self._separate(acceleration, ~down)
        acceleration = _limited(acceleration, MAX_ACCELERATION)
        return _limited(self.velocity + acceleration * TICK_S, MAX_SPEED)

    def _separate(self, accelerations: Floats, who: NDArray[np.bool_]) -> None:
        """Add to `[PEOPLE, 2]`, m/s², of those `who` overlap others, what pushes them apart."""
        x, y = self.xy.T
        dx, dy = x[:, None] - x, y[:, None] - y
        gaps = np.sqrt(dx * dx + dy * dy)
        gaps.flat[:: PEOPLE + 1] = np.inf
        rows, others = np.nonzero((gaps < _ROOM) & who[:, None])
        if not len(rows):
            return
        gap = gaps[rows, others]
        push = 12 * (_ROOM - gap) / (gap + 1e-3)
        total = np.zeros_like(accelerations)
        np.add.at(total, rows, (self.xy[rows] - self.xy[others]) * push[:, None])
        accelerations += total

    def _turn(self, orders: Orders, speed: Floats) -> None:
        """Turn runners to their direction, others to the ball, and people who are due to their task."""
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
        turn = wrap_angle(wanted - self.heading)
        most = rate * TICK_S
        self.heading = self.heading + np.minimum(np.maximum(turn, -most), most)


def _turned(heading: float, wanted: float, most: float) -> float:
    """Heading after a turn towards `wanted` by at most `most` radians."""
    turn = (wanted - heading + math.pi) % (2 * math.pi) - math.pi
    return heading + min(max(turn, -most), most)


def _limited(vectors: Floats, most: float) -> Floats:
    """Rows of `[n, 2]`, shortened to the length `most` where they are longer."""
    factor = np.minimum(1.0, most / (lengths(vectors) + 1e-9))
    return np.asarray(vectors * factor[:, None])


def _keep_off(places: Floats, ball: Floats, team: int) -> None:
    """Move the places of a side that are too near the ball straight away from it."""
    rows = np.array(members(team))
    away = places[rows] - ball
    gaps = np.linalg.norm(away, axis=1, keepdims=True)
    near = gaps[:, 0] < SET_PIECE_DISTANCE
    outward = (away + 1e-3) / (gaps + 2e-3)
    places[rows[near]] = ball + SET_PIECE_DISTANCE * outward[near]
