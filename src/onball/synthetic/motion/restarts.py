"""How play starts again: kick-offs, throw-ins, goal kicks, corners and free kicks.

Every method is a generator of segments: the next one is planned when the one before has been played, from
where people really are. The ball never vanishes: it rolls to the boards, is fetched, carried and put down.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from onball.actions import Action
from onball.synthetic.motion.ball import Dribble, Resting, Roll
from onball.synthetic.motion.dead_ball import beyond_the_line
from onball.synthetic.motion.formation import attack_direction, team_of
from onball.synthetic.motion.movement import TICK_S
from onball.synthetic.motion.pace import Pace
from onball.synthetic.motion.people import People, Phase
from onball.synthetic.motion.plan import (
    Contact,
    Cue,
    Segment,
    Vector,
    angle_of,
    go_to,
    ticks_of,
    unit,
)
from onball.synthetic.motion.restart_steps import RestartSteps, Segments
from onball.synthetic.motion.set_pieces import box_places, wall_places
from onball.synthetic.world import (
    BALL_RADIUS,
    GOALKEEPERS,
    HALF_LENGTH,
    HALF_WIDTH,
    REFEREE,
    TEAM_SIZE,
    Gesture,
)


class Restarts(RestartSteps):
    """Plans dead time, from the whistle to the labelled restart. `people` is only read."""

    def __init__(self, rng: np.random.Generator, people: People, pace: Pace) -> None:
        super().__init__(people)
        self._rng = rng
        self._pace = pace

    # -- the kinds of restart ------------------------------------------------------------------

    def kick_off(self, team: int, *, wait_s: float) -> Segments:
        """The ball lies on the centre spot; everybody walks to his own half."""
        taker = team * TEAM_SIZE + 9
        spot = np.array([0.0, 0.0, BALL_RADIUS])
        facing = angle_of(np.array([-attack_direction(taker), 0.3]))
        yield from self.kick(Action.PASS, taker, spot, facing, wait_s, phase=Phase.KICK_OFF)

    def after_goal(self, goal: Contact) -> Segments:
        """The scorers celebrate; one of the others takes the ball out of the net to the middle."""
        scorer, team = goal.person, team_of(goal.person)
        net = goal.point + np.array([math.copysign(1.2, goal.point[0]), 0, 0])
        net[2] = BALL_RADIUS
        corner = np.array([math.copysign(47.0, goal.point[0]), math.copysign(29.0, goal.point[1])])
        gesture = Gesture.KNEE_SLIDE if self._rng.random() < 0.4 else Gesture.CELEBRATE
        run = ticks_of(float(np.linalg.norm(self._people.xy[scorer] - corner)) / 5.0 + 0.8)
        cues = [Cue(scorer, Gesture.CELEBRATE, 12, max(1, run - 20))]
        cues += [Cue(scorer, Gesture.KNEE_SLIDE, run - 10)] if gesture is Gesture.KNEE_SLIDE else []
        cues.append(Cue(REFEREE, Gesture.SIGNAL, 20))
        friends = self.nearest_of(corner, team, 6)
        party = {person: corner + 1.6 * unit(1.05 * i) for i, person in enumerate(friends)}
        due = go_to(scorer, corner, angle_of(np.array([0.0, corner[1]])), run)
        roll = ticks_of(0.7)
        lie = max(1, run - roll)
        yield Segment(
            Roll(goal.point, net, roll * TICK_S, friction=3.0), roll, scorer, team,
            (replace(due, ticks=run),), phase=Phase.DEAD, stations=party, cues=tuple(cues),
            focus=scorer,
        )  # fmt: skip
        yield Segment(
            Resting(net), lie, scorer, team, (replace(due, ticks=lie),), phase=Phase.DEAD,
            stations=party, focus=scorer,
        )  # fmt: skip
        carrier = int(self.nearest_of(net[:2], 1 - team, 1)[0])
        centre = np.array([0.0, 0.0, BALL_RADIUS])
        yield from self.fetch(carrier, net, 4.0, Phase.KICK_OFF)
        yield from self.bring(carrier, net, centre, 5.0, Phase.KICK_OFF)
        yield from self.kick_off(1 - team, wait_s=float(self._rng.uniform(4, 9)))

    def after_out(self, out: Contact, velocity: Vector) -> Segments:
        """Throw-in at a side line; goal kick or corner at a goal line."""
        last_team = team_of(out.person)
        rest = out.point
        for path, ticks, end in beyond_the_line(out.point, velocity):
            rest = end
            yield Segment(
                path, ticks, out.person, 1 - last_team, phase=Phase.DEAD, focus=out.person
            )
        if abs(out.point[1]) >= HALF_WIDTH:
            yield from self._throw_in(out, rest, 1 - last_team)
        elif attack_direction(out.person) == math.copysign(1.0, out.point[0]):
            yield from self._goal_kick(rest, 1 - last_team)
        else:
            yield from self._corner(out, rest, 1 - last_team)

    def after_foul(self, drive: Contact, *, long: bool) -> Segments:
        """The carrier is brought down; his side takes a free kick."""
        person, team = drive.person, team_of(drive.person)
        ticks = ticks_of(0.8)
        offset = np.array([*(drive.point[:2] - self._people.xy[person]), drive.point[2]])
        nearest = int(self.nearest_of(drive.point[:2], 1 - team, 1)[0])
        yield Segment(
            Dribble(ticks * TICK_S, 1, 0.3, offset), ticks, person, team,
            (go_to(person, self._people.xy[person] + 0.5 * self._people.velocity[person],
                   drive.facing, ticks + 10),),
            phase=Phase.DEAD, focus=person,
            cues=(Cue(person, Gesture.FALL, ticks - 6), Cue(nearest, Gesture.SLIDE, ticks - 6),
                  Cue(REFEREE, Gesture.SIGNAL, ticks + 10)),
        )  # fmt: skip
        ball = self._people.xy[person] + 0.47 * unit(float(self._people.heading[person]))
        spot = np.array([*np.clip(ball, (-48, -31), (48, 31)), BALL_RADIUS])
        roll = ticks_of(1.2)
        yield Segment(
            Roll(np.array([*ball, BALL_RADIUS]), spot, roll * TICK_S), roll, person, team,
            phase=Phase.DEAD, focus=person,
        )  # fmt: skip
        taker = int(self.nearest_of(spot[:2], team, 2, without=person)[0])
        goal = np.array([attack_direction(taker) * HALF_LENGTH, 0.0])
        stations: dict[int, Vector] = {}
        cues: tuple[Cue, ...] = ()
        yield from self.fetch(taker, spot, 2.6, Phase.DEAD)
        yield from self.bring(
            taker, spot, spot, 2.0, Phase.DEAD, hold_s=float(self._rng.uniform(0.5, 2))
        )
        if not long:
            forward = angle_of(goal - spot[:2]) + float(self._rng.normal(0, 0.9))
            wait = float(self._rng.uniform(3, 13))
            yield from self.kick(Action.PASS, taker, spot, forward, wait)
            return
        if np.linalg.norm(goal - spot[:2]) < 34:
            wall = wall_places(spot[:2], goal)
            guards = self.nearest_of(spot[:2] + 9.15 * unit(angle_of(goal - spot[:2])), 1 - team, 4)
            stations |= dict(zip(guards, wall, strict=True))
            cues = tuple(Cue(guard, Gesture.WALL, 0, 600) for guard in guards)
        if abs(goal[0] - spot[0]) < 55:
            taken = {taker, *stations}
            stations |= box_places(self._rng, self._people.xy, team, goal, taken)
        wait = float(self._rng.uniform(10, 24))
        yield from self.kick(
            Action.FREE_KICK, taker, spot, angle_of(goal - spot[:2]), wait,
            stations=stations, cues=cues,
        )  # fmt: skip

    def whistle(self, contact: Contact) -> Segments:
        """The end of a half: play dies away for some seconds."""
        person = contact.person
        ticks = ticks_of(3.0)
        offset = np.array([*(contact.point[:2] - self._people.xy[person]), contact.point[2]])
        end = self._people.xy[person] + 0.8 * self._people.velocity[person]
        yield Segment(
            Dribble(ticks * TICK_S, 2, 0.1, offset), ticks, person, team_of(person),
            (go_to(person, end, contact.facing, ticks),), phase=Phase.DEAD, focus=REFEREE,
            cues=(Cue(REFEREE, Gesture.SIGNAL, 10),),
        )  # fmt: skip

    # -- kinds of out --------------------------------------------------------------------------

    def _throw_in(self, out: Contact, rest: Vector, team: int) -> Segments:
        side = math.copysign(1.0, out.point[1])
        taker = int(self.nearest_of(rest[:2], team, 1)[0])
        hurry = self._rng.random() < 0.45
        yield from self.fetch(taker, rest, 6.0 if hurry else 3.6, Phase.DEAD)
        x = float(np.clip(out.point[0], -HALF_LENGTH + 2, HALF_LENGTH - 2))
        facing = angle_of(
            np.array([float(self._rng.normal(0.5, 0.5)) * attack_direction(taker), -side])
        )
        line = np.array([x, side * (HALF_WIDTH + 0.25)])
        walk = float(np.linalg.norm(self._people.xy[taker] - line)) / (3.5 if hurry else 2.2)
        hold = float(self._rng.uniform(0.2, 1.2) if hurry else self._rng.uniform(2.0, 13.0))
        yield from self.bring(
            taker, rest, np.array([*(line + 0.25 * unit(facing)), 0.0]), 2.5, Phase.DEAD,
            action=Action.THROW_IN, facing=facing, seconds=max(1.3, walk + 0.6) + hold,
        )  # fmt: skip

    def _goal_kick(self, rest: Vector, team: int) -> Segments:
        keeper = GOALKEEPERS[team]
        direction = attack_direction(keeper)
        spot = np.array([-47.0 * direction, math.copysign(6.0, rest[1]), BALL_RADIUS])
        yield from self.fetch(keeper, rest, 3.2, Phase.DEAD)
        yield from self.bring(keeper, rest, spot, 3.0, Phase.DEAD)
        due = self._pace.due(Action.HIGH_PASS) - 0.3 * self._pace.due(Action.PASS)
        share = min(max(0.65 + 0.15 * due, 0.2), 0.9)
        action = Action.HIGH_PASS if self._rng.random() < share else Action.PASS
        facing = angle_of(np.array([direction, float(self._rng.normal(0, 0.4))]))
        yield from self.kick(action, keeper, spot, facing, float(self._rng.uniform(3, 14)))

    def _corner(self, out: Contact, rest: Vector, team: int) -> Segments:
        end, side = math.copysign(1.0, out.point[0]), math.copysign(1.0, out.point[1])
        spot = np.array([end * (HALF_LENGTH - 0.4), side * (HALF_WIDTH - 0.4), BALL_RADIUS])
        taker = int(self.nearest_of(spot[:2], team, 1)[0])
        goal = np.array([end * HALF_LENGTH, 0.0])
        stations = box_places(self._rng, self._people.xy, team, goal, {taker})
        yield from self.fetch(taker, rest, 5.5, Phase.DEAD, stations)
        yield from self.bring(taker, rest, spot, 4.6, Phase.DEAD, stations=stations)
        share = min(max(0.85 + 0.1 * self._pace.due(Action.CROSS), 0.5), 0.95)
        action = Action.CROSS if self._rng.random() < share else Action.PASS
        facing = angle_of(np.array([end * 44.0, 0.0]) - spot[:2])
        wait = float(self._rng.uniform(4, 14))
        yield from self.kick(
            action, taker, spot, facing, wait, stations=stations,
            cues=(Cue(taker, Gesture.SIGNAL, max(1, ticks_of(wait) - 40)),),
        )  # fmt: skip
