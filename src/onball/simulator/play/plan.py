"""Vocabulary of planned play: contacts with the ball, and the segments between them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from onball.actions import Action
from onball.simulator.play.ball import BallPath
from onball.simulator.play.people import Appointment, People, Phase
from onball.simulator.world import CONTACT_OFFSET, TICK_MS, Floats, Gesture


@dataclass(frozen=True)
class Contact:
    """A touch of the ball by a person, or the ball crossing a line.

    Attributes:
        action: its label, or None for a touch without a label.
        person: index of the acting person; for OUT and GOAL, of the last one to touch the ball.
        point: centre of the ball `[3]`, metres.
        gesture: movement of the body.
        facing: heading of the body, radians.
    """

    action: Action | None
    person: int
    point: Floats
    gesture: Gesture
    facing: float


@dataclass(frozen=True)
class Cue:
    """A gesture without a contact: a feint, a fall, a signal, carrying the ball, standing in a wall.

    Attributes:
        person: index of the person.
        gesture: movement of the body.
        tick: reference time of the gesture (its contact, if it had one), in ticks of its segment.
        lasts: duration in ticks from there, for gestures of any duration such as CARRY and WALL.
    """

    person: int
    gesture: Gesture
    tick: int
    lasts: int = 0


@dataclass(frozen=True)
class Segment:
    """Part of play during which the ball follows one path.

    Attributes:
        path: path of the ball.
        ticks: duration, at least 1.
        carrier: person whose feet or hands the path refers to.
        possession: side that has the ball.
        appointments: places to reach; their ticks count from the start of the segment.
        end: contact at the end, if any.
        phase: state of play.
        stations: by person, places `[2]` in a set piece.
        keep_off: whether opponents keep their distance from the ball, which lies still.
        cues: gestures besides that of the contact.
        focus: in dead time, the person whom the director may show; None for the carrier.
    """

    path: BallPath
    ticks: int
    carrier: int
    possession: int
    appointments: tuple[Appointment, ...] = ()
    end: Contact | None = None
    phase: Phase = Phase.PLAY
    stations: dict[int, Floats] = field(default_factory=dict)
    keep_off: bool = False
    cues: tuple[Cue, ...] = ()
    focus: int | None = None

    @property
    def seconds(self) -> float:
        """Duration in seconds."""
        return self.ticks * TICK_MS / 1000


def ticks_of(seconds: float) -> int:
    """Number of ticks of a duration, at least one."""
    return max(1, round(seconds * 1000 / TICK_MS))


def unit(angle: float) -> Floats:
    """Unit vector `[2]` of an angle in radians."""
    return np.array([math.cos(angle), math.sin(angle)])


def angle_of(vector: Floats) -> float:
    """Angle of a vector `[2]`, radians."""
    return math.atan2(float(vector[1]), float(vector[0]))


def offset_of(gesture: Gesture, facing: float) -> Floats:
    """Vector `[3]` from a person's position to the ball at the contact, in the directions of the pitch."""
    forward, left, up = CONTACT_OFFSET[gesture]
    ahead = unit(facing)
    return np.array(
        [ahead[0] * forward - ahead[1] * left, ahead[1] * forward + ahead[0] * left, up]
    )


def meet(
    people: People,
    action: Action | None,
    person: int,
    point: Floats,
    gesture: Gesture,
    facing: float,
    ticks: int,
    *,
    stop: bool = False,
) -> tuple[Contact, Appointment]:
    """Plan a contact of a person with the ball near a point.

    Args:
        people: current positions and velocities.
        action: label of the contact, or None.
        person: index of the person.
        point: wanted place of the ball, `[2]` or `[3]`.
        gesture: movement of the body.
        facing: wanted heading, radians.
        ticks: ticks from now.
        stop: whether the person comes to rest.

    Returns:
        The contact that will really take place, with the ball at the limb that the gesture uses, and the
        appointment that leads to it.
    """
    place = np.asarray(point[:2], dtype=np.float64) - offset_of(gesture, facing)[:2]
    appointment = Appointment(person, place, facing, ticks, stop)
    stance = people.foresee(appointment)
    offset = offset_of(gesture, stance.facing)
    where = np.array([*(stance.place + offset[:2]), offset[2]])
    return Contact(action, person, where, gesture, stance.facing), appointment


def meet_exactly(
    people: People,
    person: int,
    point: Floats,
    gesture: Gesture,
    facing: float,
    ticks: int,
    action: Action | None = None,
) -> tuple[Contact, Appointment]:
    """As `meet` with `stop`, but later than after `ticks` if the point `[3]` is not reached by then."""
    while True:
        contact, due = meet(people, action, person, point, gesture, facing, ticks, stop=True)
        if float(np.linalg.norm(contact.point[:2] - point[:2])) < 0.1 or ticks > 1000:
            return contact, due
        ticks = ticks + max(3, ticks // 5)


def go_to(person: int, place: Floats, facing: float, ticks: int) -> Appointment:
    """Appointment to stand at a place `[2]` with a heading in radians."""
    return Appointment(person, np.asarray(place, dtype=np.float64), facing, ticks, stop=True)
