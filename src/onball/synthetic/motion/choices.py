"""Small choices of a player about to act: where he heads, which limb he uses, which way he looks."""

from __future__ import annotations

import math

import numpy as np

from onball.actions import Action
from onball.synthetic.motion.formation import attack_direction
from onball.synthetic.motion.people import People
from onball.synthetic.motion.plan import Vector, angle_of, unit
from onball.synthetic.world import HALF_LENGTH, HALF_WIDTH, Gesture

RIGHT_AND_LEFT: dict[Action, tuple[Gesture, Gesture]] = {
    Action.PASS: (Gesture.KICK_RIGHT, Gesture.KICK_LEFT),
    Action.DRIVE: (Gesture.TOUCH_RIGHT, Gesture.TOUCH_LEFT),
    Action.SHOT: (Gesture.SHOT_RIGHT, Gesture.SHOT_LEFT),
    Action.HIGH_PASS: (Gesture.LOFT_RIGHT, Gesture.LOFT_LEFT),
    Action.CROSS: (Gesture.LOFT_RIGHT, Gesture.LOFT_LEFT),
    Action.FREE_KICK: (Gesture.LOFT_RIGHT, Gesture.LOFT_LEFT),
}


class Choices:
    """Chance with football sense. `people` is only read."""

    def __init__(self, rng: np.random.Generator, people: People) -> None:
        self._rng = rng
        self._people = people

    def run_direction(self, person: int, action: Action, point: Vector) -> Vector:
        """Where somebody with the ball heads, `[2]`: up the pitch, kept inside it."""
        direction = attack_direction(person)
        angle = self._rng.normal(0, 0.8)
        if action is Action.SHOT:
            goal = np.array([direction * HALF_LENGTH, 0.0]) - point[:2]
            return unit(angle_of(goal) + 0.3 * angle)
        heading = np.array([math.cos(angle) * direction, math.sin(angle)])
        if abs(point[1]) > HALF_WIDTH - 7:
            heading[1] = -math.copysign(abs(heading[1]), point[1])
        if point[0] * direction > HALF_LENGTH - 9:
            heading[0] = -0.3 * direction
        return np.asarray(heading / np.linalg.norm(heading))

    def gesture(self, action: Action) -> Gesture:
        """With which limb; three of four players use the right foot."""
        if action is Action.HEADER:
            return Gesture.HEADER
        right, left = RIGHT_AND_LEFT.get(action, (Gesture.NONE, Gesture.NONE))
        return right if self._rng.random() < 0.75 else left

    def facing(self, person: int, action: Action, point: Vector, default: float) -> float:
        """Which way the body looks as it acts: mostly where the ball should go next."""
        direction = attack_direction(person)
        goal = np.array([direction * HALF_LENGTH, 0.0]) - point[:2]
        if action in (Action.SHOT, Action.CROSS):
            return angle_of(goal)
        if action is Action.HEADER:
            return default + float(self._rng.normal(0, 0.5))
        forward = angle_of(np.array([direction, 0.0]))
        return forward + float(self._rng.normal(0, 1.0))
