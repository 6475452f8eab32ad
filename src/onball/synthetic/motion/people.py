"""How everybody moves: 25 steps a second, within what legs can do.

Whoever has an appointment with the ball runs so as to be at the place at the time; the others tend to
their places in the formation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from onball.synthetic.motion.formation import Formation, members
from onball.synthetic.motion.movement import (
    MAX_ACCELERATION,
    MAX_SPEED,
    MAX_TURN,
    TICK_S,
    advance,
    arrival,
    limited,
    turned,
)
from onball.synthetic.world import PEOPLE, PLAYERS, REFEREE, TEAM_SIZE

Array = NDArray[np.float64]

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
