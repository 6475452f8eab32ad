"""The small vocabulary in which play is planned: contacts, and the segments between them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onball.actions import Action
from onball.synthetic.ball import BallPath
from onball.synthetic.people import Appointment
from onball.synthetic.world import CONTACT_OFFSET, Gesture

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
class Segment:
    """A stretch of play during which the ball follows one path.

    Attributes:
        path: the way of the ball.
        ticks: how long, at least 1.
        carrier: the person whose feet or hands the path refers to.
        possession: the team that has the ball.
        appointments: who has to be where; their `time_s` counts from the start of the segment.
        end: the contact at the end, if any.
        dead: the ball is out of play.
        kick_off: both teams go to their own halves.
        celebrating: the person who runs with raised arms.
    """

    path: BallPath
    ticks: int
    carrier: int
    possession: int
    appointments: tuple[Appointment, ...] = ()
    end: Contact | None = None
    dead: bool = False
    kick_off: bool = False
    celebrating: int | None = None


def unit(angle: float) -> Vector:
    """The direction `[2]` of an angle."""
    return np.array([math.cos(angle), math.sin(angle)])


def angle_of(vector: Vector) -> float:
    """The angle of a direction `[2]`."""
    return math.atan2(float(vector[1]), float(vector[0]))


def standing_place(point: Vector, facing: float, gesture: Gesture) -> Vector:
    """Where the body must stand `[2]` so that this gesture meets a ball at `point`."""
    forward, left, _ = CONTACT_OFFSET[gesture]
    ahead = unit(facing)
    return np.asarray(point[:2] - ahead * forward - np.array([-ahead[1], ahead[0]]) * left)


def appointment(contact: Contact, time_s: float, *, stop: bool = False) -> Appointment:
    """The appointment that brings the contact's person to it."""
    place = standing_place(contact.point, contact.facing, contact.gesture)
    return Appointment(contact.person, place, contact.facing, time_s, stop)
