"""Simulation of a match: planned segments run tick by tick and are recorded as a `Motion`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from onball.actions import Action
from onball.assets import reference_statistics
from onball.events import Event, EventList, Team
from onball.simulator.bodies.gestures import gesture_span
from onball.simulator.play.formation import team_of
from onball.simulator.play.open_play import Planner
from onball.simulator.play.people import Orders, People, Phase
from onball.simulator.play.plan import Contact, Segment, ticks_of, unit
from onball.simulator.play.restarts import Restarts
from onball.simulator.play.script import Pace, PossessionScript
from onball.simulator.world import (
    BALL_RADIUS,
    PEOPLE,
    PLAYERS,
    SUBSTITUTES,
    TEAM_SIZE,
    TICK_MS,
    DeadTime,
    Floats,
    Gesture,
    Motion,
    halftime_metadata,
)

_SHORT_FOULS = 0.022
"""Fouls per drive. Half of them lead to a free kick that the annotators label as a pass."""
_KICK_OFF_WAIT_S = 3.0
_LYING_S: dict[Gesture, float] = {
    Gesture.SLIDE: 0.8,
    Gesture.DIVE_LEFT: 2.2,
    Gesture.DIVE_RIGHT: 2.2,
    Gesture.FALL: 2.3,
    Gesture.KNEE_SLIDE: 2.4,
}
"""Seconds on the ground after the contact of a gesture."""
_ANY_DURATION = (Gesture.CARRY, Gesture.WALL, Gesture.CELEBRATE)
_STILL = 0.35  # m/s, below which a substitute stretches
_NEVER = np.int32(1 << 20)


MOST_RARE = 20.0
"""Largest factor of the rates of rare actions: with more, hardly anything changes."""
_NOT_RARE = 0.9  # events per minute in play


def play_match(
    seed: int, duration_ms: int, *, name: str = "", halves: int = 1, rare: float = 1.0
) -> Motion:
    """Simulate one match.

    The same arguments give the same match, bit by bit, on the same version of NumPy.

    Args:
        seed: any non-negative integer.
        duration_ms: length of the video, at least one tick.
        name: SoccerNet's name of the match, for its `EventList`.
        halves: 1, or 2 of equal length; teams change sides in between. A match that is too short
            for it has no second half.
        rare: factor of the rates of actions that happen less often than 0.9 times per minute in play, up
            to that rate: shots, crosses, blocks, tackles, free kicks, goals. Play does not follow
            entirely: a shot still needs an attack.
    """
    rng = np.random.default_rng([seed, 0x0B0A11])
    pace = Pace(action_rates(rare), seed)
    ticks = max(1, -(-duration_ms // TICK_MS))
    recorder = Recorder(ticks)
    first_team = int(rng.integers(2))
    for half in range(halves):
        if recorder.full:
            break  # the first half ends at a pass, which a match of seconds may be too short for
        recorder.begin_half(swapped=half % 2 == 1)
        end = ticks if half == halves - 1 else round(ticks * (half + 1) / halves)
        # The other team kicks off the second half, from the other side: the same rows.
        _Half(rng, pace, recorder, end, first_team).play()
    return recorder.motion(name)


def action_rates(rare: float = 1.0) -> dict[Action, float]:
    """Events of each action per minute in play, with the factor `rare` of `play_match`."""
    rates = reference_statistics()["events_per_in_play_minute"]
    return {
        Action(action): max(float(rate), min(rare * float(rate), _NOT_RARE))
        for action, rate in rates.items()
    }


@dataclass
class _Half:
    """Simulation of one half: planners that share its people, and the loop that runs their plans."""

    rng: np.random.Generator
    pace: Pace
    recorder: Recorder
    end: int
    kick_off_team: int

    def play(self) -> None:
        """Simulate from the kick-off until the recorder is at the tick `end`."""
        self.people = People(self.rng, kick_off_team=self.kick_off_team)
        script = PossessionScript(self.rng, self.pace)
        self.planner = Planner(self.rng, self.people, script)
        self.restarts = Restarts(self.rng, self.people, self.pace)
        self._last_label_ms: int | None = None
        pending: Iterator[Segment] = self.restarts.kick_off(
            self.kick_off_team, wait_s=_KICK_OFF_WAIT_S
        )
        contact: Contact | None = None
        last = self.end == self.recorder.capacity
        while not self.recorder.full:
            segment = next(pending, None)
            if segment is None:
                assert contact is not None, "every restart ends with a contact"
                if not last and self.recorder.ticks >= self.end and self._may_end(contact):
                    for segment in self.restarts.whistle(contact):
                        self._run(segment)
                    return
                pending = self._restart(contact)
                segment = next(pending, None) or self.planner.next_segment(contact)
            self._run(segment)
            contact = segment.end or contact

    def _restart(self, contact: Contact) -> Iterator[Segment]:
        """Segments of the stoppage that follows a contact; none if play continues."""
        if contact.action is Action.OUT:
            return self.restarts.after_out(contact, self.recorder.ball_velocity())
        if contact.action is Action.GOAL:
            return self.restarts.after_goal(contact)
        if contact.action is Action.DRIVE:
            progress = self.planner.situation(contact).progress
            # Fouls in the own half lead to short free kicks only.
            if progress > 5 and self.pace.due(Action.FREE_KICK) > 0.6:
                return self.restarts.after_foul(contact, long=True)
            if progress < 35 and self.rng.random() < _SHORT_FOULS:
                return self.restarts.after_foul(contact, long=False)
        return iter(())

    @staticmethod
    def _may_end(contact: Contact) -> bool:
        return contact.action in (Action.PASS, Action.DRIVE) and abs(float(contact.point[0])) < 35

    def _run(self, segment: Segment) -> None:
        """Advance everybody through one segment."""
        people, recorder = self.people, self.recorder
        recorder.begin(segment)
        for tick in range(1, segment.ticks + 1):
            if recorder.full:
                return
            due = tuple(
                replace(a, ticks=a.ticks - tick + 1)
                for a in segment.appointments
                if a.ticks >= tick
            )
            ball_at = recorder.ball_place()
            people.step(
                Orders(
                    ball_at, segment.possession, segment.phase, due, segment.stations,
                    ball_at if segment.keep_off else None,
                )
            )  # fmt: skip
            if tick == segment.ticks and segment.end is not None:
                ball = segment.end.point
            else:
                ahead = unit(float(people.heading[segment.carrier]))
                ball = segment.path.at(tick * TICK_MS / 1000, people.xy[segment.carrier], ahead)
            recorder.add(people, ball)
            for cue in segment.cues:
                if cue.tick == tick:
                    self._lie_after(cue.person, cue.gesture)
        if segment.end is not None:
            self._finish(segment.end)

    def _lie_after(self, person: int, gesture: Gesture) -> None:
        if gesture in _LYING_S:
            self.people.lie(person, ticks_of(_LYING_S[gesture]))

    def _finish(self, contact: Contact) -> None:
        """Record the contact at the end of a segment, and its label."""
        self.recorder.touch(contact)
        self._lie_after(contact.person, contact.gesture)
        if contact.action is None:
            return
        now = (self.recorder.ticks - 1) * TICK_MS
        last = self._last_label_ms
        self.pace.record(contact.action, 99.0 if last is None else (now - last) / 1000)
        self._last_label_ms = now
        team = Team.LEFT if team_of(contact.person) == 0 else Team.RIGHT
        self.recorder.events.append(Event(position_ms=now, label=contact.action, team=team))


@dataclass(frozen=True)
class _Mark:
    """A gesture of a person with its contact at `tick`; `lasts` ticks if it has any duration."""

    tick: int
    person: int
    gesture: Gesture
    lasts: int = 0


class Recorder:
    """Record of a match in preallocated arrays, by person (home team first), not by side.

    Args:
        capacity: largest number of ticks.

    Attributes:
        ticks: number of recorded ticks.
        events: labels so far.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.ticks = 0
        self.events: list[Event] = []
        self._xy = np.empty((capacity, PEOPLE, 2), np.float32)
        self._heading = np.empty((capacity, PEOPLE), np.float32)
        self._stride = np.empty((capacity, PEOPLE), np.float32)
        self._ball = np.empty((capacity, 3), np.float32)
        self._spare = np.full((capacity, 3), np.nan, np.float32)
        self._marks: list[_Mark] = []
        self._stops: list[tuple[int, int, int]] = []  # begin, end, person to show
        self._dead = False
        self._halves: list[int] = []
        self._rows = np.arange(PEOPLE)
        self._at: Floats = np.zeros(3)
        self._before: Floats = np.zeros(3)

    @property
    def full(self) -> bool:
        """True once `capacity` ticks are recorded."""
        return self.ticks >= self.capacity

    def begin_half(self, *, swapped: bool) -> None:
        """Begin a half with the next tick; `swapped` if the home team defends the right goal."""
        if self._halves:
            if self._dead:
                begin, _, person = self._stops[-1]
                self._stops[-1] = (begin, self.ticks, person)
            self._stops.append((self.ticks, self.capacity, PLAYERS))
            self._dead = True
        self._halves.append(self.ticks)
        self._rows = np.arange(PEOPLE)
        if swapped:
            self._rows[:PLAYERS] = (self._rows[:PLAYERS] + TEAM_SIZE) % PLAYERS
        self._at = np.array([0.0, 0.0, BALL_RADIUS])
        self._before = self._at

    def begin(self, segment: Segment) -> None:
        """Begin a segment with the next tick: record its cues, and the begin of dead time."""
        for cue in segment.cues:
            self._marks.append(
                _Mark(self.ticks + cue.tick, self._person(cue.person), cue.gesture, cue.lasts)
            )
        dead = segment.phase is not Phase.PLAY
        if dead and not self._dead:
            focus = segment.carrier if segment.focus is None else segment.focus
            self._stops.append((self.ticks, self.capacity, self._person(focus)))
        self._dead = dead

    def add(self, people: People, ball: Floats) -> None:
        """Record one tick: people, and the centre of the ball `[3]`."""
        tick = self.ticks
        self._xy[tick] = people.xy[self._rows]
        self._heading[tick] = people.heading[self._rows]
        self._stride[tick] = people.stride[self._rows]
        self._ball[tick] = ball
        juggler = SUBSTITUTES[0]
        ahead = 0.62 * unit(float(people.heading[juggler]))
        self._spare[tick] = (*(people.xy[juggler] + ahead), BALL_RADIUS)
        self._before, self._at = self._at, np.array(ball, dtype=np.float64)
        self.ticks += 1

    def touch(self, contact: Contact) -> None:
        """Record a contact at the last recorded tick."""
        tick = self.ticks - 1
        self._marks.append(_Mark(tick, self._person(contact.person), contact.gesture))
        if contact.action is not None and self._stops and self._dead:
            begin, _, person = self._stops[-1]
            self._stops[-1] = (begin, tick, person)

    def ball_place(self) -> Floats:
        """Position of the ball on the ground, `[2]`."""
        return self._at[:2]

    def ball_velocity(self) -> Floats:
        """Velocity of the ball, `[3]`, m/s."""
        return (self._at - self._before) * (1000 / TICK_MS)

    def _person(self, row: int) -> int:
        """Index of the person who plays in a row of `People`."""
        return int(np.flatnonzero(self._rows == row)[0])

    def motion(self, name: str) -> Motion:
        """The recorded match; `name` is SoccerNet's name of it."""
        n = self.ticks
        speed = np.zeros((n, PEOPLE), np.float32)
        if n > 1:
            speed[1:] = np.linalg.norm(np.diff(self._xy[:n], axis=0), axis=2) * (1000 / TICK_MS)
            for half in self._halves:
                speed[half] = speed[min(half + 1, n - 1)]
        gesture, gesture_ms = self._gestures(n, speed)
        return Motion(
            xy=self._xy[:n],
            heading=self._heading[:n],
            speed=_smoothed(speed),
            stride=self._stride[:n],
            gesture=gesture,
            gesture_ms=gesture_ms,
            ball=self._ball[:n],
            spare_ball=self._spare[:n],
            events=EventList.of(
                [e for e in self.events if e.position_ms < n * TICK_MS], match=name,
                metadata=halftime_metadata(self._halves),
            ),
            dead_times=self._dead_times(n),
            halves=tuple(self._halves),
        )  # fmt: skip

    def _dead_times(self, n: int) -> tuple[DeadTime, ...]:
        return tuple(
            DeadTime(begin * TICK_MS, min(end, n - 1) * TICK_MS, person, begin in self._halves[1:])
            for begin, end, person in self._stops
            if begin < n
        )

    def _gestures(
        self, n: int, speed: NDArray[np.float32]
    ) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
        """Gesture and time since its contact, each `[n, PEOPLE]`.

        Where gestures of a person overlap, the one with the nearest contact prevails; gestures of any
        duration give way to all others.
        """
        gesture = np.zeros((n, PEOPLE), np.uint8)
        since = np.full((n, PEOPLE), _NEVER, np.int32)
        for person in SUBSTITUTES:
            still = speed[:, person] < _STILL
            began = np.maximum.accumulate(np.where(still, 0, np.arange(n)))
            gesture[still, person] = Gesture.STRETCH
            since[still, person] = (np.arange(n) - began)[still] * TICK_MS
        for mark in [m for m in self._marks if m.lasts and m.gesture in _ANY_DURATION]:
            window = np.arange(max(mark.tick, 0), min(mark.tick + mark.lasts, n))
            gesture[window, mark.person] = mark.gesture
            since[window, mark.person] = (window - mark.tick) * TICK_MS
        nearest = np.full((n, PEOPLE), _NEVER, np.int32)
        for mark in self._marks:
            if mark.lasts or mark.gesture is Gesture.NONE:
                continue
            begin, end = gesture_span(mark.gesture)
            first, last = mark.tick + begin // TICK_MS, mark.tick - -end // TICK_MS
            window = np.arange(max(0, first), min(n, last + 1))
            after = (window - mark.tick) * TICK_MS
            nearer = np.abs(after) <= nearest[window, mark.person]
            shown = window[nearer]
            gesture[shown, mark.person] = mark.gesture
            since[shown, mark.person] = after[nearer]
            nearest[shown, mark.person] = np.abs(after[nearer])
        since[gesture == Gesture.NONE] = 0
        return gesture, since


def _smoothed(speed: NDArray[np.float32]) -> NDArray[np.float32]:
    """Speeds averaged over five ticks, so that legs do not switch between gaits at every tick."""
    padded = np.pad(speed, ((2, 2), (0, 0)), mode="edge")
    return np.asarray(sum(padded[i : i + len(speed)] for i in range(5)) / 5, dtype=np.float32)
