"""How play starts again: kick-offs, throw-ins, goal kicks, corners and free kicks."""

from __future__ import annotations

import math

import numpy as np

from onball.actions import Action
from onball.synthetic.ball import Dribble, Held, OutOfSight, Resting, Roll
from onball.synthetic.people import Crowd, attack_direction, members, team_of
from onball.synthetic.plan import Contact, Segment, Vector, angle_of, appointment, unit
from onball.synthetic.planner import ticks_of
from onball.synthetic.script import draw_gap, reference_statistics
from onball.synthetic.world import (
    BALL_RADIUS,
    CONTACT_OFFSET,
    GOALKEEPERS,
    HALF_LENGTH,
    HALF_WIDTH,
    TEAM_SIZE,
    TICK_MS,
    Gesture,
)


class Restarts:
    """Plans dead time, from the whistle to the labelled restart."""

    def __init__(self, rng: np.random.Generator, crowd: Crowd) -> None:
        self._rng = rng
        self._crowd = crowd

    def kick_off(self, team: int, *, wait_s: float) -> list[Segment]:
        """From everybody's walk to his own half to the first pass from the centre spot."""
        taker = team * TEAM_SIZE + 9
        spot = np.array([0.0, 0.0, BALL_RADIUS])
        facing = angle_of(np.array([-attack_direction(taker), 0.3]))
        return self._placed(Action.PASS, taker, spot, facing, wait_s, kick_off=True)

    def after_goal(self, goal: Contact) -> list[Segment]:
        """The ball lies in the net, the scorers celebrate, the other side kicks off."""
        net = goal.point + np.array([math.copysign(1.3, goal.point[0]), 0, 0])
        net[2] = BALL_RADIUS
        team = team_of(goal.person)
        lying = [
            Segment(Roll(goal.point, net, 0.4), ticks_of(0.4), goal.person, team, dead=True,
                    celebrating=goal.person),
            Segment(Resting(net), ticks_of(3.0), goal.person, team, dead=True,
                    celebrating=goal.person),
        ]  # fmt: skip
        return lying + self.kick_off(1 - team, wait_s=float(self._rng.uniform(12, 15)))

    def after_out(self, out: Contact) -> list[Segment]:
        """Throw-in at a side line; goal kick or corner at a goal line."""
        last_team = team_of(out.person)
        outward = unit(out.facing)
        beyond = out.point + np.array([*outward * 2.2, 0.0])
        beyond[2] = BALL_RADIUS
        rolls = Segment(
            Roll(out.point, beyond, 0.6), ticks_of(0.6), out.person, 1 - last_team, dead=True
        )
        if abs(out.point[1]) >= HALF_WIDTH:
            return [rolls, *self._throw_in(out, 1 - last_team)]
        end = math.copysign(1.0, out.point[0])
        if attack_direction(out.person) == end:
            return [rolls, *self._goal_kick(1 - last_team)]
        return [rolls, *self._corner(1 - last_team, end, math.copysign(1.0, out.point[1]))]

    def after_foul(self, drive: Contact) -> list[Segment]:
        """The carrier is stopped after a moment; his side takes a long free kick."""
        seconds = 0.8
        feet = self._crowd.xy[drive.person]
        offset = np.array([*(drive.point[:2] - feet), drive.point[2]])
        stopped = Segment(
            Dribble(seconds, 1, 0.1, offset), ticks_of(seconds), drive.person, team_of(drive.person)
        )
        spot = np.array([*np.clip(drive.point[:2], (-48, -31), (48, 31)), BALL_RADIUS])
        taker = self._nearest(spot, team_of(drive.person))
        goal = np.array([attack_direction(taker) * 45.0, 0.0])
        facing = angle_of(goal - spot[:2])
        wait = float(self._rng.uniform(6, 9))
        return [stopped, *self._placed(Action.FREE_KICK, taker, spot, facing, wait)]

    def _throw_in(self, out: Contact, team: int) -> list[Segment]:
        side = math.copysign(1.0, out.point[1])
        x = float(np.clip(out.point[0], -HALF_LENGTH + 2, HALF_LENGTH - 2))
        line = np.array([x, side * (HALF_WIDTH + 0.25)])
        taker = self._nearest(line, team)
        gaps = reference_statistics()["transitions"]["OUT"]["THROW IN"]["gap_s_p10_p50_p90"]
        walk = float(np.linalg.norm(self._crowd.xy[taker] - line)) / 4.5 + 0.8
        seconds = max(draw_gap(self._rng, tuple(gaps)) - 0.6, walk)
        facing = angle_of(np.array([0.5 * attack_direction(taker), -side]))
        forward, _, height = CONTACT_OFFSET[Gesture.THROW_IN]
        point = np.array([*(line + unit(facing) * forward), height])
        throw = Contact(Action.THROW_IN, taker, point, Gesture.THROW_IN, facing)
        hold = min(1.4, 0.5 * seconds)
        fetch_ticks, hold_ticks = ticks_of(seconds - hold), ticks_of(hold)
        # He is at the line a moment after the ball is in his hands, and stays there.
        settled = 0.2
        fetching = appointment(throw, fetch_ticks * TICK_MS / 1000 + settled)
        return [
            Segment(OutOfSight(), fetch_ticks, taker, team, (fetching,), dead=True),
            Segment(
                Held(height, 0.05),
                hold_ticks,
                taker,
                team,
                (appointment(throw, settled),),
                throw,
                dead=True,
            ),
        ]

    def _goal_kick(self, team: int) -> list[Segment]:
        keeper = GOALKEEPERS[team]
        direction = attack_direction(keeper)
        spot = np.array([-47.0 * direction, float(self._rng.choice([-6.0, 6.0])), BALL_RADIUS])
        action = Action.HIGH_PASS if self._rng.random() < 0.65 else Action.PASS
        facing = angle_of(np.array([direction, float(self._rng.normal(0, 0.4))]))
        return self._placed(action, keeper, spot, facing, float(self._rng.uniform(6, 9)))

    def _corner(self, team: int, end: float, side: float) -> list[Segment]:
        spot = np.array([end * (HALF_LENGTH - 0.4), side * (HALF_WIDTH - 0.4), BALL_RADIUS])
        taker = self._nearest(spot, team)
        action = Action.CROSS if self._rng.random() < 0.85 else Action.PASS
        facing = angle_of(np.array([end * 44.0, 0.0]) - spot[:2])
        walk = float(np.linalg.norm(self._crowd.xy[taker] - spot[:2])) / 4.0 + 1.5
        return self._placed(action, taker, spot, facing, max(walk, float(self._rng.uniform(7, 10))))

    def _placed(
        self,
        action: Action,
        taker: int,
        spot: Vector,
        facing: float,
        wait_s: float,
        *,
        kick_off: bool = False,
    ) -> list[Segment]:
        """A ball placed on the ground, and somebody who kicks it after a short run-up."""
        short = action is Action.PASS
        gesture = Gesture.KICK_RIGHT if short else Gesture.LOFT_RIGHT
        kick = Contact(action, taker, spot, gesture, facing)
        run_up = 0.9
        behind = spot[:2] - unit(facing) * (0.8 if short else 2.6)
        walk_s = float(np.linalg.norm(self._crowd.xy[taker] - behind)) / 3.5 + 1.0
        ticks = ticks_of(max(wait_s, walk_s + run_up))
        seconds = ticks * TICK_MS / 1000
        waiting = Contact(None, taker, np.array([*behind, 0.0]), Gesture.NONE, facing)
        appear = ticks_of(min(2.0, 0.4 * wait_s))
        walk = ticks - appear - ticks_of(run_up)
        team = team_of(taker)
        ready = (appear + walk) * TICK_MS / 1000
        start = (appointment(waiting, ready, stop=True),)
        return [
            Segment(OutOfSight(), appear, taker, team, start, dead=True, kick_off=kick_off),
            Segment(Resting(spot), max(1, walk), taker, team,
                    (appointment(waiting, ready - appear * TICK_MS / 1000, stop=True),), dead=True,
                    kick_off=kick_off),
            Segment(Resting(spot), ticks_of(run_up), taker, team,
                    (appointment(kick, min(run_up, seconds)),), kick, dead=True,
                    kick_off=kick_off),
        ]  # fmt: skip

    def _nearest(self, point: Vector, team: int) -> int:
        people = np.array([p for p in members(team) if p not in GOALKEEPERS])
        gaps = np.linalg.norm(self._crowd.xy[people] - point[:2], axis=1)
        return int(people[np.argmin(gaps)])
