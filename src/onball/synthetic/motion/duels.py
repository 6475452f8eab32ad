"""An opponent gets to the ball: tackles, steals, blocks and saves."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from onball.actions import Action
from onball.synthetic.motion.ball import Dribble, Flight, Roll
from onball.synthetic.motion.formation import attack_direction, outfield, team_of
from onball.synthetic.motion.movement import TICK_S
from onball.synthetic.motion.people import People
from onball.synthetic.motion.plan import (
    Contact,
    Cue,
    Segment,
    angle_of,
    meet,
    offset_of,
    ticks_of,
    unit,
)
from onball.synthetic.motion.script import Step
from onball.synthetic.world import CONTACT_OFFSET, GOALKEEPERS, HALF_LENGTH, Gesture

_TACKLE_REACH = 0.45
"""Metres by which a tackler's foot may be beside the ball that his gesture expects: legs stretch."""


class Duels:
    """Plans how the ball is won. `people` is only read."""

    def __init__(self, rng: np.random.Generator, people: People) -> None:
        self._rng = rng
        self._people = people

    def dispossess(
        self, contact: Contact, step: Step, wish: Contact, path: Dribble
    ) -> Segment | None:
        """An opponent takes the ball off the carrier's foot; None if nobody gets there."""
        people, carrier = self._people, contact.person
        rivals = outfield(1 - team_of(carrier))
        gaps = np.linalg.norm(people.xy[rivals] - wish.point[:2], axis=1)
        nearest = int(np.argmin(gaps))
        if gaps[nearest] > 1.5 + 5.0 * max(step.gap_s - 0.2, 0):
            return None
        ticks = ticks_of(step.gap_s)
        kept, run = meet(people, None, carrier, wish.point, Gesture.NONE, wish.facing, ticks)
        tackler = int(rivals[nearest])
        gesture = Gesture.TOUCH_RIGHT
        if step.action is Action.PLAYER_SUCCESSFUL_TACKLE:
            gesture = Gesture.SLIDE if self._rng.random() < 0.5 else Gesture.TACKLE
        approach = angle_of(kept.point[:2] - people.xy[tackler])
        taken, chase = meet(people, step.action, tackler, kept.point, gesture, approach, ticks)
        if float(np.linalg.norm(taken.point[:2] - kept.point[:2])) > _TACKLE_REACH:
            return None
        # Both are at the ball: it comes to where the tackler's foot is.
        path = replace(path, end_offset=CONTACT_OFFSET[Gesture.NONE])
        cues: tuple[Cue, ...] = ()
        if gesture is Gesture.SLIDE and self._rng.random() < 0.5:
            cues = (Cue(carrier, Gesture.FALL, ticks),)
        return Segment(path, ticks, carrier, team_of(carrier), (run, chase), taken, cues=cues)

    def block(self, contact: Contact, step: Step) -> Segment | None:
        """A body or a pair of gloves gets in the ball's way."""
        if contact.action in (Action.SHOT, Action.HEADER) and self._rng.random() < 0.5:
            saved = self._save(contact, step)
            if saved is not None:
                return saved
        people = self._people
        rivals = outfield(1 - team_of(contact.person))
        ways = people.xy[rivals] - contact.point[:2]
        gaps = np.linalg.norm(ways, axis=1)
        cost = gaps - 2.0 * (ways @ unit(contact.facing)) / (gaps + 1e-6)
        nearest = int(np.argmin(cost))
        if not 1.2 < gaps[nearest] < 5.0 + 10.0 * step.gap_s:
            return None
        ticks = ticks_of(max(step.gap_s, gaps[nearest] / 22.0))
        point = contact.point[:2] + ways[nearest] * (1 - 0.3 / gaps[nearest])
        end, due = meet(
            people, step.action, int(rivals[nearest]), point, Gesture.BLOCK,
            angle_of(-ways[nearest]), ticks,
        )  # fmt: skip
        path = Roll(contact.point, end.point, ticks * TICK_S, friction=0.2)
        return Segment(path, ticks, contact.person, team_of(contact.person), (due,), end)

    def _save(self, contact: Contact, step: Step) -> Segment | None:
        """The goalkeeper dives at a shot and turns it aside."""
        people = self._people
        keeper = GOALKEEPERS[1 - team_of(contact.person)]
        goal = np.array([attack_direction(contact.person) * HALF_LENGTH, 0.0])
        distance = float(np.linalg.norm(people.xy[keeper] - contact.point[:2]))
        if not 5.0 < distance < 30.0 or np.linalg.norm(people.xy[keeper] - goal) > 9.0:
            return None
        ticks = ticks_of(max(step.gap_s, distance / 22.0, 0.32))
        gesture = Gesture.DIVE_LEFT if self._rng.random() < 0.5 else Gesture.DIVE_RIGHT
        facing = angle_of(contact.point[:2] - people.xy[keeper])
        # A side step before the dive.
        aside = math.copysign(0.6, CONTACT_OFFSET[gesture][1])
        step_to = people.xy[keeper] + aside * np.array([-math.sin(facing), math.cos(facing)])
        point = step_to + offset_of(gesture, facing)[:2]
        end, due = meet(people, step.action, keeper, point, gesture, facing, ticks)
        path = Flight.between(contact.point, end.point, ticks * TICK_S)
        return Segment(path, ticks, contact.person, team_of(contact.person), (due,), end)
