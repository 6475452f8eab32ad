"""From one contact with the ball to the next: who, where, and by which way the ball gets there."""

from __future__ import annotations

import math

import numpy as np

from onball.actions import Action
from onball.synthetic.ball import BallPath, Dribble, Flight, Roll
from onball.synthetic.people import Appointment, Crowd, attack_direction, members, team_of
from onball.synthetic.plan import Contact, Segment, Vector, angle_of, appointment, unit
from onball.synthetic.script import KEEPS_THE_BALL, PossessionScript, Situation, Step
from onball.synthetic.world import (
    BALL_RADIUS,
    CONTACT_OFFSET,
    GOAL_WIDTH,
    GOALKEEPERS,
    HALF_LENGTH,
    HALF_WIDTH,
    TICK_MS,
    Gesture,
)

_LOFTED = (Action.HIGH_PASS, Action.CROSS, Action.FREE_KICK)

#: How fast the ball travels after each action, metres per second along the ground: the least before
#: a receiver would rather wait for it, the preferred, the most.
_SPEEDS: dict[Action, tuple[float, float, float]] = {
    Action.PASS: (6.0, 11.0, 19.0),
    Action.HEADER: (4.0, 8.0, 14.0),
    Action.HIGH_PASS: (9.0, 15.0, 24.0),
    Action.CROSS: (10.0, 16.0, 24.0),
    Action.THROW_IN: (5.0, 8.5, 13.0),
    Action.SHOT: (14.0, 22.0, 28.0),
    Action.BALL_PLAYER_BLOCK: (3.0, 7.0, 15.0),
    Action.PLAYER_SUCCESSFUL_TACKLE: (3.0, 7.0, 14.0),
    Action.FREE_KICK: (11.0, 16.0, 24.0),
    Action.DRIVE: (4.0, 8.0, 14.0),
}


def ticks_of(seconds: float) -> int:
    """That many seconds in ticks, at least one."""
    return max(1, round(seconds * 1000 / TICK_MS))


class Planner:
    """Plans open play. `crowd` is read for positions, never changed."""

    def __init__(self, rng: np.random.Generator, crowd: Crowd, script: PossessionScript) -> None:
        self._rng = rng
        self._crowd = crowd
        self._script = script

    def situation(self, contact: Contact) -> Situation:
        """The ball's place as the acting side sees it."""
        direction = attack_direction(contact.person)
        return Situation(float(contact.point[0]) * direction, abs(float(contact.point[1])))

    def next_segments(self, contact: Contact) -> list[Segment]:
        """The way from this contact to the next labelled one."""
        assert contact.action is not None
        exclude: set[Action] = set()
        while True:
            step = self._script.next(
                contact.action, self.situation(contact), exclude=frozenset(exclude)
            )
            segments = self._plan(contact, step)
            if segments:
                return segments
            exclude.add(step.action)

    def _plan(self, contact: Contact, step: Step) -> list[Segment]:
        """Segments for this step, or an empty list if it cannot happen from here."""
        if step.action is Action.OUT:
            return self._play_out(contact, step.gap_s)
        if step.action is Action.GOAL:
            return self._score(contact, step.gap_s)
        if contact.action in KEEPS_THE_BALL:
            if step.same_team:
                return self._carry(contact, step)
            return self._dispossess(contact, step)
        if step.action is Action.BALL_PLAYER_BLOCK:
            return self._block(contact, step)
        return self._send(contact, step)

    # -- on the ball -------------------------------------------------------------------------

    def _run_direction(self, person: int, action: Action, point: Vector) -> Vector:
        """Where a man with the ball heads, `[2]`: up the pitch, kept inside it."""
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

    def _carried_to(self, contact: Contact, step: Step) -> tuple[Contact, float]:
        """Where a dribble ends: the contact (by the carrier) and the distance run."""
        person, seconds = contact.person, step.gap_s
        heading = self._run_direction(person, step.action, contact.point)
        speed = float(self._rng.uniform(1.8, 5.5)) if person not in GOALKEEPERS else 1.2
        run = heading * speed * max(seconds - 0.3, 0.1)
        # Nobody turns on the spot: what he runs differs from where his momentum takes him by no
        # more than legs can do in the time (4.5 m/s² of the least-effort way there).
        momentum = self._crowd.velocity[person] * seconds
        change = run - momentum
        most = 1.5 * seconds * seconds
        run = momentum + change * min(1.0, most / (float(np.linalg.norm(change)) + 1e-9))
        distance = float(np.linalg.norm(run))
        end = contact.point[:2] + run
        end = np.clip(end, (-HALF_LENGTH + 1, -HALF_WIDTH + 1), (HALF_LENGTH - 1, HALF_WIDTH - 1))
        gesture = self._gesture(step.action)
        facing = self._facing(person, step.action, end, angle_of(heading))
        point = np.array([end[0], end[1], BALL_RADIUS])
        return Contact(step.action, person, point, gesture, facing), distance

    def _dribble(self, contact: Contact, seconds: float, distance: float) -> Dribble:
        feet = self._crowd.xy[contact.person]
        offset = np.array([*(contact.point[:2] - feet), contact.point[2]])
        touches = max(1, round(seconds / 0.55))
        reach = float(np.clip(0.10 * distance / seconds, 0.05, 0.7))
        return Dribble(seconds, touches, reach, offset)

    def _carry(self, contact: Contact, step: Step) -> list[Segment]:
        """The same player runs with the ball and then acts."""
        end, distance = self._carried_to(contact, step)
        ticks = ticks_of(step.gap_s)
        seconds = ticks * TICK_MS / 1000
        path = self._dribble(contact, seconds, distance)
        return [
            Segment(
                path, ticks, contact.person, team_of(contact.person),
                (appointment(end, seconds),), end,
            )
        ]  # fmt: skip

    def _dispossess(self, contact: Contact, step: Step) -> list[Segment]:
        """An opponent takes the ball off the carrier's foot."""
        end, distance = self._carried_to(contact, step)
        rivals = np.array([p for p in members(1 - team_of(contact.person)) if p not in GOALKEEPERS])
        gaps = np.linalg.norm(self._crowd.xy[rivals] - end.point[:2], axis=1)
        nearest = int(np.argmin(gaps))
        if gaps[nearest] > 1.0 + 4.5 * max(step.gap_s - 0.2, 0):
            return []
        ticks = ticks_of(step.gap_s)
        seconds = ticks * TICK_MS / 1000
        tackler = int(rivals[nearest])
        slides = step.action is Action.PLAYER_SUCCESSFUL_TACKLE and self._rng.random() < 0.6
        gesture = Gesture.SLIDE if slides else Gesture.KICK_RIGHT
        approach = angle_of(end.point[:2] - self._crowd.xy[tackler])
        taken = Contact(step.action, tackler, end.point, gesture, approach)
        kept = Contact(None, contact.person, end.point, Gesture.NONE, end.facing)
        path = self._dribble(contact, seconds, distance)
        return [
            Segment(
                path, ticks, contact.person, team_of(contact.person),
                (appointment(kept, seconds), appointment(taken, seconds)), taken,
            )
        ]  # fmt: skip

    # -- the ball leaves -----------------------------------------------------------------------

    def _send(self, contact: Contact, step: Step) -> list[Segment]:
        """The ball goes to another player, who acts at once or keeps it until his moment."""
        assert contact.action is not None
        slowest, preferred, fastest = _SPEEDS[contact.action]
        receiver, point = self._receiver(contact, step, preferred)
        if receiver is None:
            return []
        distance = float(np.linalg.norm(point - contact.point[:2]))
        airborne = contact.action in _LOFTED or step.action is Action.HEADER
        longest = min(distance / slowest, 3.6) if airborne else distance / slowest
        seconds = float(np.clip(step.gap_s, distance / fastest, max(longest, 0.2)))
        waits = step.action is not Action.HEADER and step.gap_s - seconds > 0.24
        first = Action.DRIVE if waits else step.action
        gesture = self._gesture(first)
        if receiver in GOALKEEPERS and contact.action in (Action.SHOT, Action.CROSS):
            gesture = Gesture.CATCH
        facing = self._facing(receiver, first, point, angle_of(contact.point[:2] - point))
        height = CONTACT_OFFSET[gesture][2]
        arrival = Contact(
            None if waits else step.action, receiver, np.array([*point, height]), gesture, facing
        )
        ticks = ticks_of(seconds)
        seconds = ticks * TICK_MS / 1000
        flight = Segment(
            self._path(contact, arrival, seconds), ticks, contact.person, team_of(receiver),
            (appointment(arrival, seconds),), arrival,
        )  # fmt: skip
        if not waits:
            return [flight]
        held, distance = self._carried_to(arrival, Step(step.action, step.gap_s - seconds, True))
        ticks = ticks_of(step.gap_s - seconds)
        seconds = ticks * TICK_MS / 1000
        place = arrival.point[:2] - unit(facing) * CONTACT_OFFSET[gesture][0]
        offset = np.array([*(arrival.point[:2] - place), height])
        dribble = Dribble(seconds, max(1, round(seconds / 0.55)), 0.1, offset)
        return [
            flight,
            Segment(
                dribble, ticks, receiver, team_of(receiver), (appointment(held, seconds),), held
            ),
        ]

    def _receiver(self, contact: Contact, step: Step, speed: float) -> tuple[int | None, Vector]:
        """Who gets the ball, and where `[2]`.

        Everybody who could is scored by how natural the ball to him is: its speed, its direction
        against the way the passer faces, and the ground it gains; chance does the rest.
        """
        team = team_of(contact.person) if step.same_team else 1 - team_of(contact.person)
        people = np.array([p for p in members(team) if p != contact.person])
        if contact.action is Action.SHOT and not step.same_team:
            people = np.array([p for p in people if p in GOALKEEPERS])
        seconds = float(np.clip(step.gap_s, 0.35, 3.2))
        reach = min(3.0 * seconds * seconds, 4.0 * seconds) * 0.55
        expected = self._crowd.xy[people] + self._crowd.velocity[people] * min(seconds, 0.6)
        ways = expected - contact.point[:2]
        distances = np.linalg.norm(ways, axis=1) + 1e-6
        direction = attack_direction(contact.person)
        needed = distances / seconds
        score = -(((needed - speed) / 4.5) ** 2)
        score += 0.9 * (ways @ unit(contact.facing)) / distances
        score += 0.045 * np.clip(ways[:, 0] * direction, -18, 24)
        keeper = np.isin(people, GOALKEEPERS)
        if contact.action is not Action.SHOT:
            score -= 3.0 * keeper
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
        if step.action is Action.SHOT and abs(point[0]) < 28:
            return None, point
        limit = (HALF_LENGTH - 0.8, HALF_WIDTH - 0.8)
        return int(people[best]), np.clip(point, [-v for v in limit], limit)

    def _block(self, contact: Contact, step: Step) -> list[Segment]:
        """A nearby opponent gets his body in the way."""
        rivals = np.array([p for p in members(1 - team_of(contact.person)) if p not in GOALKEEPERS])
        ways = self._crowd.xy[rivals] - contact.point[:2]
        gaps = np.linalg.norm(ways, axis=1)
        cost = gaps - 2.0 * (ways @ unit(contact.facing)) / (gaps + 1e-6)
        nearest = int(np.argmin(cost))
        if not 1.2 < gaps[nearest] < 5.0 + 10.0 * step.gap_s:
            return []
        ticks = ticks_of(max(step.gap_s, gaps[nearest] / 24.0))
        seconds = ticks * TICK_MS / 1000
        blocker = int(rivals[nearest])
        point = contact.point[:2] + ways[nearest] * (1 - 0.3 / gaps[nearest])
        end = Contact(
            step.action, blocker, np.array([*point, 0.5]), Gesture.BLOCK,
            angle_of(-ways[nearest]),
        )  # fmt: skip
        path = Roll(contact.point, end.point, seconds, friction=0.2)
        return [
            Segment(path, ticks, contact.person, team_of(contact.person),
                    (appointment(end, seconds),), end)
        ]  # fmt: skip

    def _play_out(self, contact: Contact, seconds: float) -> list[Segment]:
        """The ball crosses a line: a goal line after shots, else the nearer one."""
        x, y = float(contact.point[0]), float(contact.point[1])
        direction = attack_direction(contact.person)
        shot = contact.action is Action.SHOT
        end_x = direction if shot else math.copysign(1.0, x)
        to_goal_line, to_side = HALF_LENGTH - end_x * x, HALF_WIDTH - abs(y)
        if shot or (to_goal_line < 14 and self._rng.random() < 0.8) or to_goal_line < to_side * 0.6:
            off = float(self._rng.uniform(GOAL_WIDTH / 2 + 0.6, GOAL_WIDTH / 2 + 7))
            side = math.copysign(1.0, y if not shot else float(self._rng.normal()))
            wide = side * off if shot or abs(y) < 12 else y + float(self._rng.normal(0, 4))
            wide = math.copysign(min(max(abs(wide), GOAL_WIDTH / 2 + 0.6), HALF_WIDTH - 1), wide)
            point = np.array([end_x * (HALF_LENGTH + BALL_RADIUS), wide])
        else:
            along = x + direction * float(self._rng.uniform(-2, 14))
            side = math.copysign(1.0, y)
            point = np.array([np.clip(along, -50, 50), side * (HALF_WIDTH + BALL_RADIUS)])
        distance = float(np.linalg.norm(point - contact.point[:2]))
        fastest = 26.0 if shot else 18.0
        ticks = ticks_of(float(np.clip(seconds, distance / fastest, distance / 3.5 + 0.3)))
        seconds = ticks * TICK_MS / 1000
        airborne = shot or contact.action in _LOFTED or contact.point[2] > 1
        height = float(self._rng.uniform(0.2, 3.5)) if shot else BALL_RADIUS
        end = Contact(
            Action.OUT, contact.person, np.array([*point, height]), Gesture.NONE,
            angle_of(point - contact.point[:2]),
        )  # fmt: skip
        path: BallPath = (
            Flight(contact.point, end.point, seconds, hop=0.0 if shot else 0.25 * seconds)
            if airborne
            else Roll(contact.point, end.point, seconds)
        )
        chaser = self._nearest(point, 1 - team_of(contact.person))
        chase = Appointment(
            chaser, 0.25 * self._crowd.xy[chaser] + 0.75 * point, end.facing, seconds
        )
        return [Segment(path, ticks, contact.person, team_of(contact.person), (chase,), end)]

    def _score(self, contact: Contact, seconds: float) -> list[Segment]:
        """Into the goal: the label falls when the ball crosses the line."""
        direction = attack_direction(contact.person)
        point = np.array([
            direction * (HALF_LENGTH + BALL_RADIUS),
            float(self._rng.uniform(-1, 1)) * (GOAL_WIDTH / 2 - 0.4),
            float(self._rng.uniform(BALL_RADIUS, 2.1)),
        ])  # fmt: skip
        distance = float(np.linalg.norm(point - contact.point))
        ticks = ticks_of(float(np.clip(seconds, distance / 28.0, distance / 9.0)))
        seconds = ticks * TICK_MS / 1000
        end = Contact(Action.GOAL, contact.person, point, Gesture.CELEBRATE, contact.facing)
        keeper = GOALKEEPERS[1 - team_of(contact.person)]
        dive = Appointment(keeper, np.array([direction * 51.6, 0.6 * point[1]]), np.pi, seconds)
        path = Flight(contact.point, point, seconds)
        return [Segment(path, ticks, contact.person, team_of(contact.person), (dive,), end)]

    # -- small choices -------------------------------------------------------------------------

    def _path(self, start: Contact, end: Contact, seconds: float) -> BallPath:
        lofted = start.action in _LOFTED
        header = end.gesture is Gesture.HEADER
        if not lofted and not header and start.point[2] < 0.3 and start.action is not Action.SHOT:
            return Roll(start.point, end.point, seconds)
        on_ground = end.point[2] < 0.3
        hop = float(self._rng.uniform(0.1, 0.3)) * seconds if on_ground else 0.0
        swerve = float(self._rng.normal(0, 1.2)) if lofted else 0.0
        return Flight(start.point, end.point, seconds, swerve=swerve, hop=hop)

    def _gesture(self, action: Action) -> Gesture:
        right = self._rng.random() < 0.75
        if action is Action.HEADER:
            return Gesture.HEADER
        if action in _LOFTED:
            return Gesture.LOFT_RIGHT if right else Gesture.LOFT_LEFT
        if action in (Action.PASS, Action.SHOT):
            return Gesture.KICK_RIGHT if right else Gesture.KICK_LEFT
        return Gesture.NONE

    def _facing(self, person: int, action: Action, point: Vector, default: float) -> float:
        """Which way the body looks as it acts: mostly where the ball should go next."""
        direction = attack_direction(person)
        goal = np.array([direction * HALF_LENGTH, 0.0]) - point[:2]
        if action in (Action.SHOT, Action.CROSS):
            return angle_of(goal)
        if action is Action.HEADER:
            return default + float(self._rng.normal(0, 0.5))
        forward = angle_of(np.array([direction, 0.0]))
        return forward + float(self._rng.normal(0, 1.0))

    def _nearest(self, point: Vector, team: int) -> int:
        people = np.array([p for p in members(team) if p not in GOALKEEPERS])
        return int(people[np.argmin(np.linalg.norm(self._crowd.xy[people] - point, axis=1))])
