"""Open play: from one contact with the ball to the next: who, where, and by which way the ball gets there."""

from __future__ import annotations

import numpy as np

from onball.actions import Action
from onball.synthetic.motion.ball import BallPath, Dribble, Flight, Held, Roll
from onball.synthetic.motion.choices import Choices
from onball.synthetic.motion.duels import Duels
from onball.synthetic.motion.finishing import Finishing
from onball.synthetic.motion.formation import attack_direction, members, team_of
from onball.synthetic.motion.people import People
from onball.synthetic.motion.plan import (
    Contact,
    Cue,
    Segment,
    Vector,
    angle_of,
    meet,
    ticks_of,
    unit,
)
from onball.synthetic.motion.script import KEEPS_THE_BALL, PossessionScript, Situation, Step
from onball.synthetic.world import (
    BALL_RADIUS,
    CONTACT_OFFSET,
    GOALKEEPERS,
    HALF_LENGTH,
    HALF_WIDTH,
    TICK_MS,
    Gesture,
)

LOFTED = (Action.HIGH_PASS, Action.CROSS, Action.FREE_KICK)

#: How fast the ball travels after each action, metres per second along the ground: the least before
#: a receiver would rather wait for it, the preferred, the most.
_SPEEDS: dict[Action, tuple[float, float, float]] = {
    Action.PASS: (6.0, 11.0, 19.0),
    Action.HEADER: (4.0, 8.0, 14.0),
    Action.HIGH_PASS: (9.0, 15.0, 23.0),
    Action.CROSS: (10.0, 16.0, 23.0),
    Action.THROW_IN: (5.0, 8.5, 13.0),
    Action.SHOT: (14.0, 22.0, 27.0),
    Action.BALL_PLAYER_BLOCK: (3.0, 7.0, 15.0),
    Action.PLAYER_SUCCESSFUL_TACKLE: (3.0, 7.0, 14.0),
    Action.FREE_KICK: (11.0, 16.0, 23.0),
    Action.DRIVE: (4.0, 8.0, 14.0),
}
_HARDEST_KICK = 32.0  # m/s at the foot
_SHORTEST_WAIT_S = 0.24


class Planner:
    """Plans open play. `people` is read for positions, never changed."""

    def __init__(self, rng: np.random.Generator, people: People, script: PossessionScript) -> None:
        self._rng = rng
        self._people = people
        self._script = script
        self._choices = Choices(rng, people)
        self._duels = Duels(rng, people)
        self._finishing = Finishing(rng, people, script.pace)
        self._intended: Step | None = None

    def situation(self, contact: Contact) -> Situation:
        """The ball's place as the acting side sees it."""
        direction = attack_direction(contact.person)
        return Situation(float(contact.point[0]) * direction, abs(float(contact.point[1])))

    def next_segment(self, contact: Contact) -> Segment:
        """The way from this contact to the next."""
        if contact.action is None and self._intended is not None:
            intended, self._intended = self._intended, None
            return self._carry(contact, intended)
        current = contact.action or Action.PASS
        exclude: set[Action] = set()
        while True:
            step = self._script.next(current, self.situation(contact), exclude=frozenset(exclude))
            segment = self._plan(contact, step)
            if segment is not None:
                return segment
            if step.action in exclude:  # nothing is possible: he keeps the ball
                return self._carry(contact, Step(Action.PASS, step.gap_s, True))
            exclude.add(step.action)

    def _plan(self, contact: Contact, step: Step) -> Segment | None:
        """A segment for this step, or None if it cannot happen from here."""
        if step.action is Action.OUT:
            return self._finishing.play_out(contact, step.gap_s, lofted=contact.action in LOFTED)
        if step.action is Action.GOAL:
            return self._finishing.score(contact, step.gap_s)
        if contact.action in KEEPS_THE_BALL:
            if step.same_team:
                return self._carry(contact, step)
            end, distance = self._carried_to(contact, step)
            path = self._dribble(contact, end, step.gap_s, distance)
            return self._duels.dispossess(contact, step, end, path)
        if step.action is Action.BALL_PLAYER_BLOCK:
            return self._duels.block(contact, step)
        return self._send(contact, step)

    # -- on the ball -------------------------------------------------------------------------

    def _carried_to(self, contact: Contact, step: Step) -> tuple[Contact, float]:
        """Where a dribble should end: the contact wished for, by the carrier, and the distance."""
        person, seconds = contact.person, step.gap_s
        heading = self._choices.run_direction(person, step.action, contact.point)
        keeper = person in GOALKEEPERS
        speed = float(self._rng.uniform(1.8, 5.5)) if not keeper else 1.2
        run = heading * speed * max(seconds - 0.3, 0.1)
        # Nobody turns on the spot: what he runs differs from where his momentum takes him by no
        # more than legs can do in the time (4.5 m/s² of the least-effort way there).
        momentum = self._people.velocity[person] * seconds
        change = run - momentum
        most = 1.5 * seconds * seconds
        run = momentum + change * min(1.0, most / (float(np.linalg.norm(change)) + 1e-9))
        end = contact.point[:2] + run
        limit = np.array([HALF_LENGTH - 1.2, HALF_WIDTH - 1.2])
        end = np.clip(end, -limit, limit)
        gesture = self._choices.gesture(step.action)
        facing = self._choices.facing(person, step.action, end, angle_of(heading))
        point = np.array([end[0], end[1], BALL_RADIUS])
        return Contact(step.action, person, point, gesture, facing), float(np.linalg.norm(run))

    def _dribble(self, contact: Contact, end: Contact, seconds: float, distance: float) -> Dribble:
        feet = self._people.xy[contact.person]
        offset = np.array([*(contact.point[:2] - feet), contact.point[2]])
        touches = max(1, round(seconds / 0.55))
        reach = float(np.clip(0.10 * distance / seconds, 0.05, 0.7))
        ticks = ticks_of(seconds)
        return Dribble(ticks * TICK_MS / 1000, touches, reach, offset, CONTACT_OFFSET[end.gesture])

    def _carry(self, contact: Contact, step: Step) -> Segment:
        """The same player runs with the ball, or holds it in his hands, and then acts."""
        wish, distance = self._carried_to(contact, step)
        ticks, person = ticks_of(step.gap_s), contact.person
        end, due = meet(
            self._people, step.action, person, wish.point, wish.gesture, wish.facing, ticks
        )
        cues: tuple[Cue, ...] = ()
        path: BallPath
        if contact.gesture is Gesture.CATCH:
            path = Held(ticks * TICK_MS / 1000, contact.gesture, end.gesture)
            cues = (Cue(person, Gesture.CARRY, 4, max(1, ticks - 12)),)
        else:
            path = self._dribble(contact, end, step.gap_s, distance)
            if step.gap_s > 1.3 and self._rng.random() < 0.2:
                cues = (Cue(person, Gesture.FEINT, ticks // 2),)
        return Segment(path, ticks, person, team_of(person), (due,), end, cues=cues)

    # -- the ball leaves -----------------------------------------------------------------------

    def _send(self, contact: Contact, step: Step) -> Segment | None:
        """The ball goes to another player, who acts at once or keeps it until his moment."""
        action = contact.action or Action.PASS
        slowest, preferred, fastest = _SPEEDS[action]
        receiver, point = self._receiver(contact, step, preferred)
        if receiver is None:
            return None
        distance = float(np.linalg.norm(point - contact.point[:2]))
        airborne = action in LOFTED or step.action is Action.HEADER or contact.point[2] > 0.3
        if airborne or action is Action.SHOT:
            fastest = min(fastest, _HARDEST_KICK / (1 + 0.0068 * distance))
        longest = min(distance / slowest, 3.6) if airborne else distance / slowest
        seconds = float(np.clip(step.gap_s, distance / fastest, max(longest, 0.2)))
        waits = step.action is not Action.HEADER and step.gap_s - seconds > _SHORTEST_WAIT_S
        first = Action.DRIVE if waits else step.action
        gesture = self._choices.gesture(first)
        if receiver in GOALKEEPERS and action in (Action.SHOT, Action.CROSS, Action.HEADER):
            # He has it safely first; what he does with it comes after.
            gesture, waits = Gesture.CATCH, True
        facing = self._choices.facing(receiver, first, point, angle_of(contact.point[:2] - point))
        if gesture is Gesture.CATCH:
            facing = angle_of(contact.point[:2] - point)
        ticks = ticks_of(seconds)
        arrival, due = meet(
            self._people, None if waits else step.action, receiver, point, gesture, facing, ticks
        )
        if waits:
            left = max(step.gap_s - ticks * TICK_MS / 1000, 0.3)
            if gesture is Gesture.CATCH:
                left = max(left, float(self._rng.uniform(1.2, 3.2)))
            self._intended = Step(step.action, left, True)
        return Segment(
            self._path(contact, arrival, ticks), ticks, contact.person, team_of(receiver), (due,),
            arrival,
        )  # fmt: skip

    def _path(self, start: Contact, end: Contact, ticks: int) -> BallPath:
        seconds = ticks * TICK_MS / 1000
        lofted = start.action in LOFTED
        low = start.point[2] < 0.3 and not lofted and end.point[2] < 0.6
        if low and (start.action is not Action.SHOT or self._rng.random() < 0.4):
            return Roll(start.point, end.point, seconds)
        bounces = 0
        distance = float(np.linalg.norm(end.point[:2] - start.point[:2]))
        if end.point[2] < 0.3 and seconds > 0.9 and start.action is not Action.SHOT:
            bounces = int(self._rng.random() < 0.5)
        if distance / seconds * (1 + 0.0068 * distance) > 0.85 * _HARDEST_KICK:
            bounces = 0
        curl = float(self._rng.normal(0, 0.10 if start.action is not Action.CROSS else 0.16))
        return Flight.between(
            start.point, end.point, seconds, curl=curl if lofted else 0.3 * curl, bounces=bounces
        )

    def _receiver(self, contact: Contact, step: Step, speed: float) -> tuple[int | None, Vector]:
        """Who gets the ball, and where `[2]`.

        Everybody who could is scored by how natural the ball to him is: its speed, its direction
        against the way the passer faces, and the ground it gains; chance does the rest.
        """
        team = team_of(contact.person) if step.same_team else 1 - team_of(contact.person)
        people = np.array([p for p in members(team) if p != contact.person])
        if contact.action is Action.SHOT and not step.same_team:
            people = np.array([p for p in people if p in GOALKEEPERS])
        xy, velocity = self._people.xy[people], self._people.velocity[people]
        seconds = float(np.clip(step.gap_s, 0.35, 3.2))
        reach = min(3.0 * seconds * seconds, 4.0 * seconds) * 0.55
        expected = xy + velocity * min(seconds, 0.6)
        ways = expected - contact.point[:2]
        distances = np.linalg.norm(ways, axis=1) + 1e-6
        direction = attack_direction(contact.person)
        needed = distances / seconds
        score = -(((needed - speed) / 4.5) ** 2)
        score += 0.9 * (ways @ unit(contact.facing)) / distances
        score += 0.045 * np.clip(ways[:, 0] * direction, -18, 24)
        score -= 3.0 * np.isin(people, GOALKEEPERS) * (contact.action is not Action.SHOT)
        score -= 2.0 * (distances < 3.0)
        if step.action in (Action.CROSS, Action.SHOT) or contact.action is Action.CROSS:
            score -= 0.12 * np.abs(expected[:, 0] * direction - 42)
        score += self._rng.gumbel(0, 0.8, len(people))
        best = int(np.argmax(score))
        fastest = _SPEEDS[contact.action or Action.PASS][2]
        if distances[best] / seconds > 1.7 * fastest:
            return None, expected[best]
        # Into his run: a little ahead, towards where he can be by then.
        lead = np.array([direction if step.same_team else -direction, 0.0]) * 0.5
        lead += self._rng.normal(0, 0.5, 2)
        lead *= reach / max(1.0, float(np.linalg.norm(lead)))
        point = expected[best] + lead
        progress = point[0] * attack_direction(int(people[best]))
        if progress < {Action.SHOT: 28.0, Action.CROSS: 18.0}.get(step.action, -99.0):
            return None, point  # too far from the opponents' goal
        limit = np.array([HALF_LENGTH - 1.2, HALF_WIDTH - 1.2])
        return int(people[best]), np.clip(point, -limit, limit)
