"""Plays a match: runs the planned segments tick by tick and records everything that moved."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from onball.actions import Action
from onball.events import Event, Team
from onball.synthetic.motion.formation import team_of
from onball.synthetic.motion.pace import Pace
from onball.synthetic.motion.people import Orders, People
from onball.synthetic.motion.plan import Contact, Segment, ticks_of, unit
from onball.synthetic.motion.planner import Planner
from onball.synthetic.motion.recorder import Recorder
from onball.synthetic.motion.restarts import Restarts
from onball.synthetic.motion.script import PossessionScript, reference_statistics
from onball.synthetic.world import TICK_MS, Gesture, Motion

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
