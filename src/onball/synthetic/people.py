"""How 22 players and a referee move when nothing special is asked of them, and how they get there.

Players hold a 4-4-2 that shifts and breathes with the ball; the nearest opponent presses. Whoever has an
appointment with the ball runs so as to be at the place at the time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onball.synthetic.world import (
    GOALKEEPERS,
    HALF_LENGTH,
    HALF_WIDTH,
    PEOPLE,
    REFEREE,
    TEAM_SIZE,
    TICK_MS,
)

Array = NDArray[np.float64]

MAX_SPEED = 8.8  # m/s
MAX_ACCELERATION = 6.5  # m/s²
TICK_S = TICK_MS / 1000

#: 4-4-2 of a side that attacks towards +x, around the centre of its block.
_FORMATION = np.array(
    [
        (-50.0, 0.0),
        (-17.0, -21.0),
        (-20.0, -7.0),
        (-20.0, 7.0),
        (-17.0, 21.0),
        (-1.0, -22.0),
        (-4.0, -7.5),
        (-4.0, 7.5),
        (-1.0, 22.0),
        (13.0, -7.0),
        (13.0, 8.0),
    ]
)


def attack_direction(person: int) -> float:
    """+1 for the left team, which attacks towards +x; -1 for the right team."""
    return 1.0 if person < TEAM_SIZE else -1.0


def team_of(person: int) -> int:
    """0 for the left team, 1 for the right team."""
    return 0 if person < TEAM_SIZE else 1


def members(team: int) -> range:
    """The people of a team, goalkeeper first."""
    return range(team * TEAM_SIZE, (team + 1) * TEAM_SIZE)


@dataclass(frozen=True)
class Appointment:
    """Somebody must be at `place` `[2]`, facing `facing` (radians), at `time_s`; standing if `stop`."""

    person: int
    place: Array
    facing: float
    time_s: float
    stop: bool = False


class Crowd:
    """Positions, velocities and headings of all people, stepped 25 times a second."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self.xy = np.zeros((PEOPLE, 2))
        self.velocity = np.zeros((PEOPLE, 2))
        self.heading = np.zeros(PEOPLE)
        self.stride = rng.uniform(0, 2 * np.pi, PEOPLE)
        self._wander = rng.normal(0, 2.0, (PEOPLE, 2))
        self._pace = rng.uniform(0.85, 1.15, PEOPLE)
        self.xy[:] = self._slots(np.zeros(2), possession=0, kick_off=True)
        self.heading[TEAM_SIZE:REFEREE] = np.pi

    def _slots(self, ball: Array, possession: int, *, kick_off: bool = False) -> Array:
        """Where everybody would like to stand, `[PEOPLE, 2]`."""
        slots = np.empty((PEOPLE, 2))
        for team in (0, 1):
            direction = 1.0 if team == 0 else -1.0
            has_ball = team == possession
            along = ball[0] * direction
            shape = _FORMATION.copy()
            centre = np.clip(0.72 * along + (4.0 if has_ball else -5.0), -24, 27)
            shape[1:, 0] = shape[1:, 0] * (1.1 if has_ball else 0.85) + centre
            shape[1:, 1] = shape[1:, 1] * (1.1 if has_ball else 0.8) + 0.3 * ball[1] * direction
            shape[0, 0] = -49.5 + 0.12 * np.clip(along + 50, 0, 80)
            shape[0, 1] = 0.12 * ball[1] * direction
            if kick_off:
                shape[1:, 0] = np.minimum(shape[1:, 0] - 5, -1.5)
            slots[team * TEAM_SIZE : (team + 1) * TEAM_SIZE] = shape * direction
        slots[REFEREE] = 0.8 * ball + (-9.0, 7.0)
        slots += self._wander
        slots[:REFEREE, 0] = np.clip(slots[:REFEREE, 0], -HALF_LENGTH + 0.5, HALF_LENGTH - 0.5)
        slots[:, 1] = np.clip(slots[:, 1], -HALF_WIDTH + 1, HALF_WIDTH - 1)
        return slots

    def step(
        self,
        time_s: float,
        ball: Array,
        possession: int,
        appointments: list[Appointment],
        *,
        kick_off: bool = False,
        dead: bool = False,
    ) -> None:
        """One tick: everybody steers, keeping to what a body can do.

        Args:
            time_s: the time at the end of the tick.
            ball: where people believe the ball to be, `[2]`.
            possession: the team that has it.
            appointments: who has to be where and when.
            kick_off: both teams go to their own halves.
            dead: the ball is out of play; nobody presses or hurries.
        """
        self._wander += self._rng.normal(0, 0.16, (PEOPLE, 2)) - 0.004 * self._wander
        slots = self._slots(ball, possession, kick_off=kick_off)
        if not dead:
            self._press(slots, ball, possession, {a.person for a in appointments})
        away = slots - self.xy
        distance = np.linalg.norm(away, axis=1, keepdims=True)
        top = np.where(distance > 12, 7.0, np.where(distance > 5, 5.0, 3.2)) * self._pace[:, None]
        if dead:
            top = np.minimum(top, 5.5 if kick_off else 3.5)
        wanted = away / (distance + 1e-6) * np.minimum(top, 0.9 * distance)
        acceleration = _limited((wanted - self.velocity) / 0.45, 4.5)
        for appointment in appointments:
            acceleration[appointment.person] = self._keep(appointment, time_s)
        self.velocity = _limited(self.velocity + acceleration * TICK_S, MAX_SPEED)
        self.velocity += self._elbow_room()
        before = self.xy.copy()
        self.xy = self.xy + self.velocity * TICK_S
        for appointment in appointments:
            self._arrive(appointment, time_s)
        speed = np.linalg.norm(self.xy - before, axis=1) / TICK_S
        self.stride += TICK_S * np.where(speed > 0.3, 2 * np.pi * (0.75 + 0.11 * speed), 0.0)
        self._turn(ball, speed, appointments, time_s)

    def _press(self, slots: Array, ball: Array, possession: int, busy: set[int]) -> None:
        """The two nearest outfield opponents close in, to arm's length and to a few metres."""
        defenders = np.array([p for p in members(1 - possession) if p not in GOALKEEPERS])
        gaps = np.linalg.norm(self.xy[defenders] - ball, axis=1)
        own_goal = np.array([-HALF_LENGTH if possession == 1 else HALF_LENGTH, 0.0])
        goalward = (own_goal - ball) / (np.linalg.norm(own_goal - ball) + 1e-6)
        for person, room in zip(
            defenders[np.argsort(gaps, kind="stable")[:2]], (2.2, 6.0), strict=True
        ):
            if int(person) not in busy:
                slots[person] = ball + goalward * room

    def _keep(self, appointment: Appointment, time_s: float) -> Array:
        """The acceleration of least effort that ends at the place at the time."""
        left = max(appointment.time_s - time_s, TICK_S)
        velocity = self.velocity[appointment.person]
        gap = appointment.place - self.xy[appointment.person]
        if appointment.stop:
            pull = 6 * gap / left**2 - 4 * velocity / left
        else:
            pull = 3 * (gap - velocity * left) / left**2
        return np.asarray(_limited(pull[None], MAX_ACCELERATION)[0])

    def _arrive(self, appointment: Appointment, time_s: float) -> None:
        """The last steps are placed: what is missing to the spot shrinks to nothing at the time."""
        left = appointment.time_s - time_s
        if left < 0.24:
            gap = appointment.place - self.xy[appointment.person]
            share = 1.0 if left < TICK_S / 2 else TICK_S / (left + TICK_S)
            step = gap * share
            length = float(np.linalg.norm(step))
            self.xy[appointment.person] += step * min(1.0, 0.3 / (length + 1e-9))

    def _elbow_room(self) -> Array:
        """A small push apart for people who stand in each other."""
        apart = self.xy[:, None] - self.xy[None]
        gaps = np.linalg.norm(apart, axis=2) + np.eye(PEOPLE) * 9
        push = np.clip(0.7 - gaps, 0, None) / (gaps + 1e-3)
        return np.asarray((apart * push[..., None]).sum(1))

    def _turn(
        self, ball: Array, speed: Array, appointments: list[Appointment], time_s: float
    ) -> None:
        to_ball = ball - self.xy
        wanted = np.where(
            speed > 1.8,
            np.arctan2(self.velocity[:, 1], self.velocity[:, 0]),
            np.arctan2(to_ball[:, 1], to_ball[:, 0]),
        )
        rate = np.full(PEOPLE, 6.0)
        for appointment in appointments:
            if appointment.time_s - time_s < 0.5:
                wanted[appointment.person] = appointment.facing
                rate[appointment.person] = 12.0
        turn = (wanted - self.heading + np.pi) % (2 * np.pi) - np.pi
        self.heading += np.clip(turn, -rate * TICK_S, rate * TICK_S)


def _limited(vectors: Array, most: float) -> Array:
    """Rows of `[n, 2]`, shortened to that length where they are longer."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors * np.minimum(1.0, most / (length + 1e-9)))
