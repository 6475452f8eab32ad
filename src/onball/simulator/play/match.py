"""Records a match tick by tick, in arrays made once, and turns the record into a `Motion`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from onball.actions import Action
from onball.assets import reference_statistics
from onball.events import Event, EventList, Team
from onball.simulator.bodies.gestures import lasts
from onball.simulator.play.formation import team_of
from onball.simulator.play.open_play import Planner
from onball.simulator.play.people import Orders, People, Phase
from onball.simulator.play.plan import Contact, Segment, Vector, ticks_of, unit
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
    Gesture,
    Motion,
    halftime_metadata,
)

_LASTING = (Gesture.CARRY, Gesture.WALL, Gesture.CELEBRATE)
_STILL = 0.35  # m/s, below which a substitute stretches
_NEVER = np.int32(1 << 20)


@dataclass(frozen=True)
class _Mark:
    """A gesture of somebody about a tick; `lasts` ticks if it is one of any length."""

    tick: int
    person: int
    gesture: Gesture
    lasts: int = 0


class Recorder:
    """Room for `capacity` ticks; people are recorded by who they are, not by the side they play on."""

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
        self._stops: list[tuple[int, int, int]] = []  # begin, end, person of interest
        self._dead = False
        self._halves: list[int] = []
        self._rows = np.arange(PEOPLE)
        self._at: NDArray[np.float64] = np.zeros(3)
        self._before: NDArray[np.float64] = np.zeros(3)

    @property
    def full(self) -> bool:
        """Whether the last tick is recorded."""
        return self.ticks >= self.capacity

    def begin_half(self, *, swapped: bool) -> None:
        """From here on people play; `swapped`: home plays on the right side."""
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
        """The segment starts with the next tick: its cues, and whether the ball is dead."""
        for cue in segment.cues:
            self._marks.append(
                _Mark(self.ticks + cue.tick, self._who(cue.person), cue.gesture, cue.lasts)
            )
        dead = segment.phase is not Phase.PLAY
        if dead and not self._dead:
            focus = segment.carrier if segment.focus is None else segment.focus
            self._stops.append((self.ticks, self.capacity, self._who(focus)))
        self._dead = dead

    def add(self, people: People, ball: Vector) -> None:
        """One tick."""
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
        """A contact happened at the last tick recorded."""
        tick = self.ticks - 1
        self._marks.append(_Mark(tick, self._who(contact.person), contact.gesture))
        if contact.action is not None and self._stops and self._dead:
            begin, _, person = self._stops[-1]
            self._stops[-1] = (begin, tick, person)

    def ball_on_ground(self) -> Vector:
        """Where the ball is, `[2]`."""
        return self._at[:2]

    def ball_velocity(self) -> Vector:
        """How the ball moves, `[3]`, m/s."""
        return (self._at - self._before) * (1000 / TICK_MS)

    def _who(self, row: int) -> int:
        return int(np.flatnonzero(self._rows == row)[0])

    def motion(self, name: str) -> Motion:
        """Everything recorded."""
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
        """For each tick and person the gesture that shows, and the time since its contact."""
        gesture = np.zeros((n, PEOPLE), np.uint8)
        since = np.full((n, PEOPLE), _NEVER, np.int32)
        for person in SUBSTITUTES:
            still = speed[:, person] < _STILL
            began = np.maximum.accumulate(np.where(still, 0, np.arange(n)))
            gesture[still, person] = Gesture.STRETCH
            since[still, person] = (np.arange(n) - began)[still] * TICK_MS
        lasting = [m for m in self._marks if m.lasts and m.gesture in _LASTING]
        for mark in lasting:
            window = np.arange(max(mark.tick, 0), min(mark.tick + mark.lasts, n))
            gesture[window, mark.person] = mark.gesture
            since[window, mark.person] = (window - mark.tick) * TICK_MS
        nearest = np.full((n, PEOPLE), _NEVER, np.int32)
        for mark in self._marks:
            if mark.lasts or mark.gesture is Gesture.NONE:
                continue
            begin, end = lasts(mark.gesture)
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
    """Speeds averaged over five ticks, so that legs do not flicker between gaits."""
    padded = np.pad(speed, ((2, 2), (0, 0)), mode="edge")
    return np.asarray(sum(padded[i : i + len(speed)] for i in range(5)) / 5, dtype=np.float32)


# --- Plays a match: runs the planned segments tick by tick and records everything that mo


#: Fouls per drive. One in 0.5 leads to a free kick that the annotators call a pass.
_SHORT_FOULS = 0.022
_KICK_OFF_WAIT_S = 3.0
_LYING_S: dict[Gesture, float] = {
    Gesture.SLIDE: 0.8,
    Gesture.DIVE_LEFT: 2.2,
    Gesture.DIVE_RIGHT: 2.2,
    Gesture.FALL: 2.3,
    Gesture.KNEE_SLIDE: 2.4,
}


def play_match(seed: int, duration_ms: int, *, name: str = "", halves: int = 1) -> Motion:
    """Simulates one match of that length.

    The same arguments give the same match, bit by bit, on the same version of NumPy.

    Args:
        seed: any non-negative integer.
        duration_ms: length of the video to be, at least one tick.
        name: SoccerNet's name of the match, for its `EventList`.
        halves: 1, or 2 of equal length; in the second the teams have changed sides.
    """
    rng = np.random.default_rng([seed, 0x0B0A11])
    rates = reference_statistics()["events_per_in_play_minute"]
    pace = Pace({Action(action): float(rate) for action, rate in rates.items()}, seed)
    ticks = max(1, -(-duration_ms // TICK_MS))
    recorder = Recorder(ticks)
    first_team = int(rng.integers(2))
    for half in range(halves):
        recorder.begin_half(swapped=half % 2 == 1)
        end = ticks if half == halves - 1 else round(ticks * (half + 1) / halves)
        # The side that did not kick off now does, from the other half of the pitch: the same row.
        _Half(rng, pace, recorder, end, first_team).play()
    return recorder.motion(name)


@dataclass
class _Half:
    """One half: planners that share its people, and the loop that plays what they plan."""

    rng: np.random.Generator
    pace: Pace
    recorder: Recorder
    end: int
    kick_off_team: int

    def play(self) -> None:
        """From the kick-off until the recorder is at `end`."""
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
                    self._run_all(self.restarts.whistle(contact))
                    return
                pending = self._restart(contact)
                segment = next(pending, None) or self.planner.next_segment(contact)
            self._run(segment)
            contact = segment.end or contact

    def _restart(self, contact: Contact) -> Iterator[Segment]:
        """Segments of a stoppage that follows this contact; none if play goes on."""
        if contact.action is Action.OUT:
            return self.restarts.after_out(contact, self.recorder.ball_velocity())
        if contact.action is Action.GOAL:
            return self.restarts.after_goal(contact)
        if contact.action is Action.DRIVE:
            progress = self.planner.situation(contact).progress
            # Fouls in a side's own half lead to short free kicks only.
            if progress > 5 and self.pace.due(Action.FREE_KICK) > 0.6:
                return self.restarts.after_foul(contact, long=True)
            if progress < 35 and self.rng.random() < _SHORT_FOULS:
                return self.restarts.after_foul(contact, long=False)
        return iter(())

    @staticmethod
    def _may_end(contact: Contact) -> bool:
        return contact.action in (Action.PASS, Action.DRIVE) and abs(float(contact.point[0])) < 35

    def _run_all(self, segments: Iterator[Segment]) -> None:
        for segment in segments:
            self._run(segment)

    def _run(self, segment: Segment) -> None:
        """Moves everybody through one segment."""
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
            ball_at = recorder.ball_on_ground()
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
                    self._goes_down(cue.person, cue.gesture)
        if segment.end is not None:
            self._label(segment.end)

    def _goes_down(self, person: int, gesture: Gesture) -> None:
        if gesture in _LYING_S:
            self.people.lie(person, ticks_of(_LYING_S[gesture]))

    def _label(self, contact: Contact) -> None:
        self.recorder.touch(contact)
        self._goes_down(contact.person, contact.gesture)
        if contact.action is None:
            return
        now = (self.recorder.ticks - 1) * TICK_MS
        last = self._last_label_ms
        self.pace.record(contact.action, 99.0 if last is None else (now - last) / 1000)
        self._last_label_ms = now
        team = Team.LEFT if team_of(contact.person) == 0 else Team.RIGHT
        self.recorder.events.append(Event(position_ms=now, label=contact.action, team=team))
