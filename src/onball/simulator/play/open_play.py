"""Planning of open play: from one contact with the ball to the next, until the ball goes out or in.

`Planner.next_segment` draws the next action from the possession script and plans the segment that leads to
it: the carrier keeps the ball, another player receives it, an opponent wins it (`Duels`), or the passage of
play ends (`Finishing`). An action that is impossible at this place is drawn again.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from onball.actions import Action
from onball.simulator.play.ball import BallPath, Dribble, Flight, Held, Roll
from onball.simulator.play.formation import attack_direction, members, outfield, team_of
from onball.simulator.play.people import Appointment, People
from onball.simulator.play.plan import (
    Contact,
    Cue,
    Segment,
    angle_of,
    meet,
    offset_of,
    ticks_of,
    unit,
)
from onball.simulator.play.script import KEEPS_THE_BALL, Pace, PossessionScript, Situation, Step
from onball.simulator.world import (
    ASSISTANTS,
    BALL_RADIUS,
    CONTACT_OFFSET,
    GOAL_WIDTH,
    GOALKEEPERS,
    HALF_LENGTH,
    HALF_WIDTH,
    TICK_MS,
    TICK_S,
    Floats,
    Gesture,
)

RIGHT_AND_LEFT: dict[Action, tuple[Gesture, Gesture]] = {
    Action.PASS: (Gesture.KICK_RIGHT, Gesture.KICK_LEFT),
    Action.DRIVE: (Gesture.TOUCH_RIGHT, Gesture.TOUCH_LEFT),
    Action.SHOT: (Gesture.SHOT_RIGHT, Gesture.SHOT_LEFT),
    Action.HIGH_PASS: (Gesture.LOFT_RIGHT, Gesture.LOFT_LEFT),
    Action.CROSS: (Gesture.LOFT_RIGHT, Gesture.LOFT_LEFT),
    Action.FREE_KICK: (Gesture.LOFT_RIGHT, Gesture.LOFT_LEFT),
}
"""Kicks with the right and with the left foot for each action."""
LOFTED = (Action.HIGH_PASS, Action.CROSS, Action.FREE_KICK)

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
"""Mean speed of the ball along the ground after each action, m/s: the lowest (below it the receiver waits
with the ball instead), the preferred, the highest."""
_HARDEST_KICK = 32.0  # m/s at the foot
_SHORTEST_WAIT_S = 0.24
_TACKLE_REACH = 0.45
"""Largest distance, metres, between the ball and the foot of a tackler at the planned contact."""


class _Decisions:
    """Base of random decisions and plans that depend on where people are.

    Args:
        rng: random numbers of the match.
        people: current positions and velocities; never changed.
    """

    def __init__(self, rng: np.random.Generator, people: People) -> None:
        self._rng = rng
        self._people = people


class Planner(_Decisions):
    """Plans of the segments of open play.

    Args:
        rng, people: random numbers and people of the match.
        script: choice of the next action.
    """

    def __init__(self, rng: np.random.Generator, people: People, script: PossessionScript) -> None:
        super().__init__(rng, people)
        self._script = script
        self._choices = Choices(rng, people)
        self._duels = Duels(rng, people)
        self._finishing = Finishing(rng, people, script.pace)
        self._intended: Step | None = None

    def situation(self, contact: Contact) -> Situation:
        """Position of the ball, relative to the acting side."""
        direction = attack_direction(contact.person)
        return Situation(float(contact.point[0]) * direction, abs(float(contact.point[1])))

    def next_segment(self, contact: Contact) -> Segment:
        """The segment from this contact to the next."""
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
            if step.action in exclude:  # nothing else is possible
                return self._carry(contact, Step(Action.PASS, step.gap_s, True))
            exclude.add(step.action)

    def _plan(self, contact: Contact, step: Step) -> Segment | None:
        """Plan a segment for this step; None if it is impossible from here."""
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

    # -- the carrier keeps the ball ------------------------------------------------------------

    def _carried_to(self, contact: Contact, step: Step) -> tuple[Contact, float]:
        """The wanted contact of the carrier at the end of a dribble, and its distance in metres."""
        person, seconds = contact.person, step.gap_s
        heading = self._choices.run_direction(person, step.action, contact.point)
        keeper = person in GOALKEEPERS
        speed = float(self._rng.uniform(1.8, 5.5)) if not keeper else 1.2
        run = heading * speed * max(seconds - 0.3, 0.1)
        # Nobody turns on the spot: limit the change of the run, relative to the momentum, to that of
        # an acceleration of 4.5 m/s² on the least-effort path.
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
        lead = float(np.clip(0.10 * distance / seconds, 0.05, 0.7))
        ticks = ticks_of(seconds)
        return Dribble(ticks * TICK_MS / 1000, touches, lead, offset, CONTACT_OFFSET[end.gesture])

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

    # -- another player receives it ------------------------------------------------------------

    def _send(self, contact: Contact, step: Step) -> Segment | None:
        """The ball goes to another player, who acts at once or receives it and acts later."""
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
            # A goalkeeper catches the ball before he acts.
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
        """Choose a path along the ground or through the air."""
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

    def _receiver(self, contact: Contact, step: Step, speed: float) -> tuple[int | None, Floats]:
        """Choose the receiver and the point `[2]` where he meets the ball; None if nobody can.

        All candidates are scored by the speed that the ball needs, its direction relative to the
        heading of the passer, and the ground it gains, plus Gumbel noise; the best score wins.
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
        # Aim a little ahead of his run, at a point that he can reach in time.
        lead = np.array([direction if step.same_team else -direction, 0.0]) * 0.5
        lead += self._rng.normal(0, 0.5, 2)
        lead *= reach / max(1.0, float(np.linalg.norm(lead)))
        point = expected[best] + lead
        progress = point[0] * attack_direction(int(people[best]))
        if progress < {Action.SHOT: 28.0, Action.CROSS: 18.0}.get(step.action, -99.0):
            return None, point  # too far from the opponents' goal
        limit = np.array([HALF_LENGTH - 1.2, HALF_WIDTH - 1.2])
        return int(people[best]), np.clip(point, -limit, limit)


class Choices(_Decisions):
    """Random choices of a player about to act: direction of his run, limb, heading."""

    def run_direction(self, person: int, action: Action, point: Floats) -> Floats:
        """Direction of a run with the ball from `point`, `[2]`: up the pitch, and not out of it."""
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
        """Draw the gesture of an action; three of four kicks are with the right foot."""
        if action is Action.HEADER:
            return Gesture.HEADER
        right, left = RIGHT_AND_LEFT.get(action, (Gesture.NONE, Gesture.NONE))
        return right if self._rng.random() < 0.75 else left

    def facing(self, person: int, action: Action, point: Floats, default: float) -> float:
        """Draw the heading of the body, radians: mostly towards the next target of the ball."""
        direction = attack_direction(person)
        goal = np.array([direction * HALF_LENGTH, 0.0]) - point[:2]
        if action in (Action.SHOT, Action.CROSS):
            return angle_of(goal)
        if action is Action.HEADER:
            return default + float(self._rng.normal(0, 0.5))
        forward = angle_of(np.array([direction, 0.0]))
        return forward + float(self._rng.normal(0, 1.0))


class Duels(_Decisions):
    """Plans in which an opponent wins the ball: tackles, steals, blocks and saves."""

    def dispossess(
        self, contact: Contact, step: Step, wish: Contact, path: Dribble
    ) -> Segment | None:
        """An opponent takes the ball from the carrier; None if nobody gets there in time.

        Args:
            contact: last contact of the carrier.
            step: the next action.
            wish: contact to which the carrier would like to dribble.
            path: path of that dribble.
        """
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
        # Both players are at the ball; its path ends at the foot of the tackler.
        path = replace(path, end_offset=CONTACT_OFFSET[Gesture.NONE])
        cues: tuple[Cue, ...] = ()
        if gesture is Gesture.SLIDE and self._rng.random() < 0.5:
            cues = (Cue(carrier, Gesture.FALL, ticks),)
        return Segment(path, ticks, carrier, team_of(carrier), (run, chase), taken, cues=cues)

    def block(self, contact: Contact, step: Step) -> Segment | None:
        """An opponent blocks the ball, or the goalkeeper saves it; None if nobody is near its path."""
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
        """The goalkeeper dives at a shot and parries it."""
        people = self._people
        keeper = GOALKEEPERS[1 - team_of(contact.person)]
        goal = np.array([attack_direction(contact.person) * HALF_LENGTH, 0.0])
        distance = float(np.linalg.norm(people.xy[keeper] - contact.point[:2]))
        if not 5.0 < distance < 30.0 or np.linalg.norm(people.xy[keeper] - goal) > 9.0:
            return None
        ticks = ticks_of(max(step.gap_s, distance / 22.0, 0.32))
        gesture = Gesture.DIVE_LEFT if self._rng.random() < 0.5 else Gesture.DIVE_RIGHT
        facing = angle_of(contact.point[:2] - people.xy[keeper])
        # A side step precedes the dive.
        sideways = math.copysign(0.6, CONTACT_OFFSET[gesture][1])
        step_to = people.xy[keeper] + sideways * np.array([-math.sin(facing), math.cos(facing)])
        point = step_to + offset_of(gesture, facing)[:2]
        end, due = meet(people, step.action, keeper, point, gesture, facing, ticks)
        path = Flight.between(contact.point, end.point, ticks * TICK_S)
        return Segment(path, ticks, contact.person, team_of(contact.person), (due,), end)


class Finishing(_Decisions):
    """Plans of the last segment before dead time: the ball crosses a line.

    Args:
        rng, people: random numbers and people of the match.
        pace: events so far, compared with the expected ones.
    """

    def __init__(self, rng: np.random.Generator, people: People, pace: Pace) -> None:
        super().__init__(rng, people)
        self._pace = pace

    def play_out(self, contact: Contact, seconds: float, *, lofted: bool) -> Segment | None:
        """The ball goes out: over the goal line after a shot, else over a near line; None if too far."""
        shot = contact.action is Action.SHOT
        point = self._crossing(contact)
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
        chased_to = 0.25 * self._people.xy[chaser] + 0.75 * point[:2]
        chase = Appointment(chaser, chased_to, end.facing, ticks)
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

    def _crossing(self, contact: Contact) -> Floats:
        """Draw the centre of the ball `[3]` at the tick at which the whole ball is over a line."""
        rng = self._rng
        x, y = float(contact.point[0]), float(contact.point[1])
        direction = attack_direction(contact.person)
        shot = contact.action is Action.SHOT
        end_x = direction if shot else math.copysign(1.0, x)
        to_goal_line, to_side = HALF_LENGTH - end_x * x, HALF_WIDTH - abs(y)
        # The nearer line is more probable, with a preference for the restart that is overdue.
        preference = 1.6 * math.exp(0.5 * min(max(self._pace.due(Action.THROW_IN), -3), 3))
        over_goal_line = to_side / (to_side + preference * to_goal_line + 1e-6)
        if shot or (to_goal_line < 30 and rng.random() < over_goal_line):
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
        """The ball goes into the goal; the contact, and with it the label, is on the goal line."""
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

    def _dive(self, keeper: int, point: Floats) -> Gesture:
        """The dive towards the ball of a goalkeeper who faces up the pitch."""
        to_his_left = (point[1] - self._people.xy[keeper, 1]) * attack_direction(keeper) > 0
        return Gesture.DIVE_LEFT if to_his_left else Gesture.DIVE_RIGHT
