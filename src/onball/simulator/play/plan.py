"""The small vocabulary in which play is planned: contacts, and the segments between them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from onball.actions import Action
from onball.simulator.play.ball import BallPath
from onball.simulator.play.people import Appointment, People, Phase
from onball.simulator.world import CONTACT_OFFSET, TICK_MS, Gesture

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Contact:
    """Somebody touches the ball, or the ball crosses a line.

    Attributes:
        action: the label of this moment, or None for a touch that has none.
        person: who acts (for OUT and GOAL: who touched the ball last).
        point: centre of the ball `[3]`.
        gesture: what the body does.
        facing: direction of the body, radians.
    """

    action: Action | None
    person: int
    point: Vector
    gesture: Gesture
    facing: float


@dataclass(frozen=True)
class Cue:
    """A gesture without a contact: feints, falls, signals, a ball that is carried, a wall.

    Attributes:
        tick: when its moment is, in ticks of its segment.
        lasts: ticks that a gesture of any length (CARRY, WALL) goes on from there.
    """

    person: int
    gesture: Gesture
    tick: int
    lasts: int = 0


@dataclass(frozen=True)
class Segment:
    """A stretch of play during which the ball follows one path.

    Attributes:
        path: the way of the ball.
        ticks: how long, at least 1.
        carrier: the person whose feet or hands the path refers to.
        possession: the side that has the ball.
        appointments: who has to be where; their ticks count from the start of the segment.
        end: the contact at the end, if any.
        phase: whether the ball is in play.
        stations: places of people in a set piece, `[2]` each.
        keep_off: opponents keep their distance from the ball, which lies still.
        cues: gestures beside the contact.
        focus: in dead time, who is of interest to the director.
    """

    path: BallPath
    ticks: int
    carrier: int
    possession: int
    appointments: tuple[Appointment, ...] = ()
    end: Contact | None = None
    phase: Phase = Phase.PLAY
    stations: dict[int, Vector] = field(default_factory=dict)
    keep_off: bool = False
    cues: tuple[Cue, ...] = ()
    focus: int | None = None

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.ticks * TICK_MS / 1000


def ticks_of(seconds: float) -> int:
    """That many seconds in ticks, at least one."""
    return max(1, round(seconds * 1000 / TICK_MS))


def unit(angle: float) -> Vector:
    """The direction `[2]` of an angle."""
    return np.array([math.cos(angle), math.sin(angle)])


def angle_of(vector: Vector) -> float:
    """The angle of a direction `[2]`."""
    return math.atan2(float(vector[1]), float(vector[0]))


def offset_of(gesture: Gesture, facing: float) -> Vector:
    """From where a body stands to the ball `[3]` at the contact, in the world's directions."""
    forward, left, up = CONTACT_OFFSET[gesture]
    ahead = unit(facing)
    return np.array(
        [ahead[0] * forward - ahead[1] * left, ahead[1] * forward + ahead[0] * left, up]
    )


def meet(
    people: People,
    action: Action | None,
    person: int,
    point: Vector,
    gesture: Gesture,
    facing: float,
    ticks: int,
    *,
    stop: bool = False,
) -> tuple[Contact, Appointment]:
    """An appointment with the ball near `point` `[2]`, and the contact as it will really be.

    The contact lies where the person's legs allow: exactly at the limb that the gesture uses.
    """
    place = np.asarray(point[:2], dtype=np.float64) - offset_of(gesture, facing)[:2]
    appointment = Appointment(person, place, facing, ticks, stop)
    stance = people.foresee(appointment)
    offset = offset_of(gesture, stance.facing)
    where = np.array([*(stance.place + offset[:2]), offset[2]])
    return Contact(action, person, where, gesture, stance.facing), appointment


def meet_surely(
    people: People,
    person: int,
    point: Vector,
    gesture: Gesture,
    facing: float,
    ticks: int,
    action: Action | None = None,
) -> tuple[Contact, Appointment]:
    """As `meet`, standing, with the ball exactly at `point` `[3]`: as many more ticks as it takes."""
    while True:
        contact, due = meet(people, action, person, point, gesture, facing, ticks, stop=True)
        if float(np.linalg.norm(contact.point[:2] - point[:2])) < 0.1 or ticks > 1000:
            return contact, due
        ticks = ticks + max(3, ticks // 5)


def go_to(person: int, place: Vector, facing: float, ticks: int) -> Appointment:
    """An appointment to stand at a place `[2]`."""
    return Appointment(person, np.asarray(place, dtype=np.float64), facing, ticks, stop=True)
