"""How a passage of play ends: the ball crosses a line, or the goal line between the posts."""

from __future__ import annotations

import math

import numpy as np

from onball.actions import Action
from onball.synthetic.motion.ball import BallPath, Flight, Roll
from onball.synthetic.motion.formation import attack_direction, outfield, team_of
from onball.synthetic.motion.movement import TICK_S
from onball.synthetic.motion.pace import Pace
from onball.synthetic.motion.people import Appointment, People
from onball.synthetic.motion.plan import Contact, Cue, Segment, Vector, angle_of, ticks_of
from onball.synthetic.world import (
    ASSISTANTS,
    BALL_RADIUS,
    GOAL_WIDTH,
    GOALKEEPERS,
    HALF_LENGTH,
    HALF_WIDTH,
    Gesture,
)


class Finishing:
    """Plans the last segment before dead time. `people` is only read."""

    def __init__(self, rng: np.random.Generator, people: People, pace: Pace) -> None:
        self._rng = rng
        self._people = people
        self._pace = pace

    def play_out(self, contact: Contact, seconds: float, *, lofted: bool) -> Segment | None:
        """The ball crosses a line: a goal line after shots, else one that is near."""
        shot = contact.action is Action.SHOT
        point = self._where_out(contact)
        distance = float(np.linalg.norm(point[:2] - contact.point[:2]))
        if distance > 45:
            return None
        fastest = 26.0 if shot else 17.0
        ticks = ticks_of(float(np.clip(seconds, distance / fastest, distance / 3.0 + 0.3)))
        airborne = shot or lofted or contact.point[2] > 0.6
        end = Contact(
            Action.OUT, contact.person, point, Gesture.NONE,
            angle_of(point[:2] - contact.point[:2]),
        )  # fmt: skip
        path: BallPath
        if airborne:
            bounces = 0 if shot or ticks * TICK_S < 1.2 else 1
            path = Flight.between(contact.point, point, ticks * TICK_S, bounces=bounces)
        else:
            path = Roll(contact.point, point, ticks * TICK_S)
        rivals = outfield(1 - team_of(contact.person))
        chaser = int(rivals[np.argmin(np.linalg.norm(self._people.xy[rivals] - point[:2], axis=1))])
        goal_of = 0.25 * self._people.xy[chaser] + 0.75 * point[:2]
        chase = Appointment(chaser, goal_of, end.facing, ticks)
        cues: tuple[Cue, ...] = ()
        if abs(point[1]) >= HALF_WIDTH:
            flag = ASSISTANTS[0] if point[1] < 0 else ASSISTANTS[1]
            cues = (Cue(flag, Gesture.SIGNAL, ticks + 8),)
        elif shot:
            keeper = GOALKEEPERS[1 - team_of(contact.person)]
            if self._rng.random() < 0.5 and abs(point[1]) < 7 and point[2] < 2.6:
                cues = (Cue(keeper, self._dive(keeper, point), ticks - 2),)
        return Segment(
            path, ticks, contact.person, team_of(contact.person), (chase,), end, cues=cues
        )

    def _where_out(self, contact: Contact) -> Vector:
        """The ball's centre `[3]` as it has just crossed a line wholly."""
        rng = self._rng
        x, y = float(contact.point[0]), float(contact.point[1])
        direction = attack_direction(contact.person)
        shot = contact.action is Action.SHOT
        end_x = direction if shot else math.copysign(1.0, x)
        to_goal_line, to_side = HALF_LENGTH - end_x * x, HALF_WIDTH - abs(y)
        # Geometry decides, leaning towards the kind of restart that is overdue.
        lean = 1.6 * math.exp(0.5 * min(max(self._pace.due(Action.THROW_IN), -3), 3))
        share = to_side / (to_side + lean * to_goal_line + 1e-6)
        if shot or (to_goal_line < 30 and rng.random() < share):
            off = float(rng.uniform(GOAL_WIDTH / 2 + 0.6, GOAL_WIDTH / 2 + 7))
            side = math.copysign(1.0, y if not shot else float(rng.normal()))
            wide = side * off if shot or abs(y) < 12 else y + float(rng.normal(0, 4))
            wide = math.copysign(min(max(abs(wide), GOAL_WIDTH / 2 + 0.6), HALF_WIDTH - 1), wide)
            height = BALL_RADIUS
            if shot:
                height = float(rng.uniform(0.2, 3.4))
                if rng.random() < 0.35:  # over the bar
                    wide, height = float(rng.uniform(-4, 4)), float(rng.uniform(2.9, 4.6))
            return np.array([end_x * (HALF_LENGTH + BALL_RADIUS), wide, height])
        along = x + direction * float(rng.uniform(-2, 14))
        side = math.copysign(1.0, y)
        return np.array([np.clip(along, -50, 50), side * (HALF_WIDTH + BALL_RADIUS), BALL_RADIUS])

    def score(self, contact: Contact, seconds: float) -> Segment | None:
        """Into the goal: the label falls when the ball crosses the line."""
        direction = attack_direction(contact.person)
        point = np.array([
            direction * (HALF_LENGTH + BALL_RADIUS),
            float(self._rng.uniform(-1, 1)) * (GOAL_WIDTH / 2 - 0.4),
            float(self._rng.uniform(BALL_RADIUS, 2.1)),
        ])  # fmt: skip
        distance = float(np.linalg.norm(point - contact.point))
        ticks = ticks_of(float(np.clip(seconds, distance / 27.0, distance / 9.0)))
        end = Contact(Action.GOAL, contact.person, point, Gesture.NONE, contact.facing)
        keeper = GOALKEEPERS[1 - team_of(contact.person)]
        at_line = np.array([direction * 51.4, 0.6 * point[1]])
        dive = Appointment(keeper, at_line, math.pi if direction > 0 else 0.0, ticks)
        cues = (Cue(keeper, self._dive(keeper, point), max(1, ticks - 1)),)
        path = Flight.between(contact.point, point, ticks * TICK_S)
        return Segment(
            path, ticks, contact.person, team_of(contact.person), (dive,), end, cues=cues
        )

    def _dive(self, keeper: int, point: Vector) -> Gesture:
        """Towards the ball, as the keeper faces up the pitch."""
        to_his_left = (point[1] - self._people.xy[keeper, 1]) * attack_direction(keeper) > 0
        return Gesture.DIVE_LEFT if to_his_left else Gesture.DIVE_RIGHT
