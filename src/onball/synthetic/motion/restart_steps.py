"""The steps that every restart consists of: somebody fetches the ball, brings it to its place, kicks it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from onball.actions import Action
from onball.synthetic.motion.ball import BallPath, Held, Resting
from onball.synthetic.motion.dead_ball import carry_cue
from onball.synthetic.motion.formation import outfield, team_of
from onball.synthetic.motion.movement import TICK_S
from onball.synthetic.motion.people import People, Phase
from onball.synthetic.motion.plan import (
    Cue,
    Segment,
    Vector,
    angle_of,
    go_to,
    meet,
    meet_surely,
    ticks_of,
    unit,
)
from onball.synthetic.world import REFEREE, TEAM_SIZE, Gesture

Segments = Iterator[Segment]


class RestartSteps:
    """Generators of segments for the parts of a restart. `people` is only read."""

    def __init__(self, people: People) -> None:
        self._people = people

    def fetch(
        self,
        taker: int,
        ball: Vector,
        speed: float,
        phase: Phase,
        stations: dict[int, Vector] | None = None,
    ) -> Segments:
        """Somebody goes to the ball where it lies and picks it up."""
        way = ball[:2] - self._people.xy[taker]
        distance = float(np.linalg.norm(way))
        ticks = ticks_of(max(0.9, 1.4 * distance / speed + 0.4))
        contact, due = meet_surely(self._people, taker, ball, Gesture.PICK_UP, angle_of(way), ticks)
        yield Segment(
            Resting(ball), due.ticks, taker, team_of(taker), (due,), replace(contact, point=ball),
            phase=phase, stations=stations or {}, focus=taker,
        )  # fmt: skip

    def bring(
        self,
        taker: int,
        ball: Vector,
        spot: Vector,
        speed: float,
        phase: Phase,
        *,
        stations: dict[int, Vector] | None = None,
        action: Action | None = None,
        facing: float | None = None,
        seconds: float | None = None,
        hold_s: float = 0.0,
    ) -> Segments:
        """He carries the ball in his hands to `spot` and puts it down there, or throws it in."""
        way = spot[:2] - self._people.xy[taker]
        distance = float(np.linalg.norm(way))
        ticks = ticks_of(seconds or (max(1.2, 1.4 * distance / speed + 0.6) + hold_s))
        gesture = Gesture.THROW_IN if action is Action.THROW_IN else Gesture.PICK_UP
        if facing is None:
            facing = angle_of(way) if distance > 1.0 else float(self._people.heading[taker])
        contact, due = meet_surely(self._people, taker, spot, gesture, facing, ticks, action)
        ticks = due.ticks
        path: BallPath = Held(
            ticks * TICK_S, Gesture.PICK_UP, gesture, self._in_his_frame(taker, ball)
        )
        yield Segment(
            path, ticks, taker, team_of(taker), (due,), contact, phase=phase,
            stations=stations or {}, cues=carry_cue(taker, ticks, gesture), focus=taker,
        )  # fmt: skip

    def kick(
        self,
        action: Action,
        taker: int,
        spot: Vector,
        facing: float,
        wait_s: float,
        *,
        phase: Phase = Phase.DEAD,
        stations: dict[int, Vector] | None = None,
        cues: tuple[Cue, ...] = (),
    ) -> Segments:
        """A ball that lies on the ground, and somebody who kicks it after a run-up."""
        short = action is Action.PASS
        gesture = Gesture.KICK_RIGHT if short else Gesture.LOFT_RIGHT
        run_up_s = 0.9 if short else 1.3
        behind = spot[:2] - unit(facing) * (1.0 if short else 3.0)
        walk_s = 1.4 * float(np.linalg.norm(self._people.xy[taker] - behind)) / 3.5 + 0.8
        if phase is Phase.KICK_OFF:
            walk_s = max(walk_s, self._slowest_home(taker))
        ticks = ticks_of(max(wait_s, walk_s))
        yield Segment(
            Resting(spot), ticks, taker, team_of(taker), (go_to(taker, behind, facing, ticks),),
            phase=phase, stations=stations or {}, keep_off=True, cues=cues, focus=taker,
        )  # fmt: skip
        run = ticks_of(run_up_s)
        kick, due = meet(self._people, action, taker, spot, gesture, facing, run)
        yield Segment(
            Resting(spot), run, taker, team_of(taker), (due,), replace(kick, point=spot),
            phase=phase, stations=stations or {}, keep_off=True, focus=taker,
        )  # fmt: skip

    def _in_his_frame(self, person: int, ball: Vector) -> tuple[float, float, float]:
        """Where the ball is from somebody: metres ahead, to his left, and up."""
        away = ball[:2] - self._people.xy[person]
        ahead = unit(float(self._people.heading[person]))
        return float(away @ ahead), float(ahead[0] * away[1] - ahead[1] * away[0]), float(ball[2])

    def _slowest_home(self, taker: int) -> float:
        """Seconds until everybody can be in his own half."""
        x = self._people.xy[:REFEREE, 0]
        away = np.where(np.arange(REFEREE) < TEAM_SIZE, x, -x)
        away[taker] = 0.0
        return float(max(away.max(), 0.0)) / 4.0

    def nearest_of(
        self, point: Vector, team: int, count: int, *, without: int | None = None
    ) -> list[int]:
        people = np.array([p for p in outfield(team) if p != without])
        gaps = np.linalg.norm(self._people.xy[people] - point[:2], axis=1)
        return [int(p) for p in people[np.argsort(gaps, kind="stable")[:count]]]
