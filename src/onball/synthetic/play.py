"""Plays a match: runs the planned segments tick by tick and records everything that moved."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from onball.actions import Action
from onball.events import Event, EventList, Team
from onball.synthetic.people import Appointment, Crowd, team_of
from onball.synthetic.plan import Contact, Segment, unit
from onball.synthetic.planner import Planner
from onball.synthetic.restarts import Restarts
from onball.synthetic.script import PossessionScript
from onball.synthetic.world import PEOPLE, TICK_MS, Gesture, Motion

_GESTURE_LASTS_MS = 1000
"""A gesture may begin this long before its contact and end this long after; the body decides."""


@dataclass
class _Record:
    """Growing columns of what happened, one row per tick."""

    xy: list[NDArray[np.float64]] = field(default_factory=list)
    heading: list[NDArray[np.float64]] = field(default_factory=list)
    stride: list[NDArray[np.float64]] = field(default_factory=list)
    ball: list[NDArray[np.float64]] = field(default_factory=list)
    contacts: list[tuple[int, Contact]] = field(default_factory=list)


def play_match(seed: int, duration_ms: int, *, name: str = "") -> Motion:
    """Simulates one match of that length.

    The same seed gives the same match, bit by bit, on the same version of NumPy. A shorter match is the
    beginning of a longer one.

    Args:
        seed: any non-negative integer.
        duration_ms: length of the video to be, at least one tick.
        name: SoccerNet's name of the match, for its `EventList`.
    """
    rng = np.random.default_rng([seed, 0x0B0A11])
    crowd = Crowd(rng)
    script = PossessionScript(rng)
    planner = Planner(rng, crowd, script)
    restarts = Restarts(rng, crowd)
    record = _Record()
    ticks = max(1, -(-duration_ms // TICK_MS))
    pending = restarts.kick_off(0, wait_s=3.0)
    while len(record.xy) < ticks:
        segment, *pending = pending
        _run(segment, crowd, record)
        if pending:
            continue
        contact = segment.end
        assert contact is not None, "the last planned segment ends with a contact"
        if contact.action is Action.OUT:
            pending = restarts.after_out(contact)
        elif contact.action is Action.GOAL:
            pending = restarts.after_goal(contact)
        elif _fouled(contact, planner, script, rng):
            pending = restarts.after_foul(contact)
        else:
            pending = planner.next_segments(contact)
    return _motion(record, ticks, name)


def _fouled(
    contact: Contact, planner: Planner, script: PossessionScript, rng: np.random.Generator
) -> bool:
    # Fouls in a side's own half lead to short free kicks, which are labelled as passes: only the
    # other half counts, where about half of all drives begin: hence the factor of 2.
    if contact.action is not Action.DRIVE or planner.situation(contact).progress < 5:
        return False
    return bool(rng.random() < 2 * script.foul_probability)


def _run(segment: Segment, crowd: Crowd, record: _Record) -> None:
    """Moves everybody through one segment."""
    for tick in range(1, segment.ticks + 1):
        seconds = tick * TICK_MS / 1000
        crowd_ball = _believed_ball(record, segment)
        appointments = list(segment.appointments)
        if segment.celebrating is not None:
            corner = np.array([np.sign(crowd_ball[0]) * 49.0, 30.0])
            appointments.append(Appointment(segment.celebrating, corner, 1.2, seconds + 3.0))
        crowd.step(
            seconds, crowd_ball, segment.possession, appointments,
            kick_off=segment.kick_off, dead=segment.dead,
        )  # fmt: skip
        last = tick == segment.ticks
        if last and segment.end is not None:
            ball = segment.end.point
        else:
            ahead = unit(float(crowd.heading[segment.carrier]))
            ball = segment.path.at(seconds, crowd.xy[segment.carrier], ahead)
        record.xy.append(crowd.xy.copy())
        record.heading.append(crowd.heading.copy())
        record.stride.append(crowd.stride.copy())
        record.ball.append(np.array(ball))
    if segment.end is not None:
        record.contacts.append((len(record.xy) - 1, segment.end))
    if segment.celebrating is not None:
        celebration = Contact(None, segment.celebrating, np.zeros(3), Gesture.CELEBRATE, 0.0)
        record.contacts.append((len(record.xy) - 1, celebration))


def _believed_ball(record: _Record, segment: Segment) -> NDArray[np.float64]:
    """Where people look: at the ball, or at where it will be played from."""
    if record.ball and not np.isnan(record.ball[-1][0]):
        return record.ball[-1][:2]
    if segment.appointments:
        return segment.appointments[0].place
    return np.zeros(2)


def _motion(record: _Record, ticks: int, name: str) -> Motion:
    xy = np.stack(record.xy[:ticks]).astype(np.float32)
    speed = np.zeros(xy.shape[:2], np.float32)
    if ticks > 1:
        speed[1:] = np.linalg.norm(np.diff(xy, axis=0), axis=2) * (1000 / TICK_MS)
        speed[0] = speed[1]
    gesture, gesture_ms = _gestures(record.contacts, ticks)
    events = [
        Event(
            position_ms=tick * TICK_MS,
            label=contact.action,
            team=Team.LEFT if team_of(contact.person) == 0 else Team.RIGHT,
        )
        for tick, contact in record.contacts
        if contact.action is not None and tick < ticks
    ]
    return Motion(
        xy=xy,
        heading=np.stack(record.heading[:ticks]).astype(np.float32),
        speed=_smoothed(speed),
        stride=np.stack(record.stride[:ticks]).astype(np.float32),
        gesture=gesture,
        gesture_ms=gesture_ms,
        ball=np.stack(record.ball[:ticks]).astype(np.float32),
        events=EventList.of(events, match=name),
    )


def _smoothed(speed: NDArray[np.float32]) -> NDArray[np.float32]:
    """Speeds averaged over five ticks, so that legs do not flicker between gaits."""
    padded = np.pad(speed, ((2, 2), (0, 0)), mode="edge")
    return np.asarray(sum(padded[i : i + len(speed)] for i in range(5)) / 5, dtype=np.float32)


def _gestures(
    contacts: list[tuple[int, Contact]], ticks: int
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """For each tick and person the gesture of the nearest contact, and the time since it."""
    gesture = np.zeros((ticks, PEOPLE), np.uint8)
    gesture_ms = np.full((ticks, PEOPLE), _GESTURE_LASTS_MS, np.int32)
    reach = _GESTURE_LASTS_MS // TICK_MS
    for tick, contact in contacts:
        if contact.gesture is Gesture.NONE or contact.action is Action.OUT:
            continue
        lasts = 3 * reach if contact.gesture is Gesture.CELEBRATE else reach
        window = np.arange(max(0, tick - lasts), min(ticks, tick + lasts))
        since = (window - tick) * TICK_MS
        nearer = np.abs(since) <= np.abs(gesture_ms[window, contact.person])
        nearer |= gesture[window, contact.person] == 0
        gesture[window[nearer], contact.person] = contact.gesture
        gesture_ms[window[nearer], contact.person] = since[nearer]
    return gesture, gesture_ms
