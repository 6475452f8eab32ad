"""Planning of dead time, from the stop of play to the labelled restart.

The ball rolls out or comes back from the boards or the stand, somebody fetches it and brings it to its
place, others take their places, and the taker throws or kicks it. `Restarts` puts these steps together
for kick-offs, throw-ins, goal kicks, corners and free kicks, as generators of segments.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from onball.actions import Action
from onball.simulator.play.ball import BallPath, Dribble, Flight, Held, Resting, Roll
from onball.simulator.play.formation import attack_direction, outfield, team_of
from onball.simulator.play.people import People, Phase
from onball.simulator.play.plan import (
    Contact,
    Cue,
    Segment,
    angle_of,
    go_to,
    meet,
    meet_exactly,
    ticks_of,
    unit,
)
from onball.simulator.play.script import Pace
from onball.simulator.world import (
    BALL_RADIUS,
    GOALKEEPERS,
    HALF_LENGTH,
    HALF_WIDTH,
    REFEREE,
    TEAM_SIZE,
    TICK_S,
    Floats,
    Gesture,
)

Segments = Iterator[Segment]

_TO_BOARDS = 4.0  # metres from a line to the boards, less the ball
_BOARDS_HEIGHT = 1.0  # metres
_GRASS = 1.8  # rate at which a ball left alone slows down, 1/s
_ROLLS_OUT_S = 1.4
_ATTACKERS = ((-8.0, -4.0), (-10.5, 1.0), (-7.0, 4.5), (-12.0, 6.0), (-11.5, -7.0), (-19.0, 3.0))
"""Places of attackers before a goal at x = 0 with the pitch at negative x, metres."""
_WALL_GAP = 0.62  # metres between two players of the wall
_WALL_DISTANCE = 9.15  # metres from the ball (law 13)


def beyond_the_line(point: Floats, velocity: Floats) -> Iterator[tuple[BallPath, int, Floats]]:
    """Paths of the ball after it crossed a line at `point` `[3]` with `velocity` `[3]`, m/s.

    Yields:
        A path, its duration in ticks, and the point `[3]` at which it ends.
    """
    sideways = abs(point[1]) >= HALF_WIDTH
    outward = (
        np.array([0.0, math.copysign(1.0, point[1])])
        if sideways
        else np.array([math.copysign(1.0, point[0]), 0.0])
    )
    flat = np.asarray(velocity[:2], dtype=np.float64)
    fast = max(float(flat @ outward), 1.2)
    along = flat - (flat @ outward) * outward
    # Limit the direction to 45 degrees from the normal of the line, so that the ball gets away from it.
    along *= min(1.0, fast / (float(np.linalg.norm(along)) + 1e-6))
    flat = fast * outward + along
    speed = float(np.linalg.norm(flat))
    if point[2] > _BOARDS_HEIGHT:
        yield from _into_the_stand(point, flat, fast)
        return
    rolls = speed / _GRASS * -math.expm1(-_GRASS * _ROLLS_OUT_S)
    if rolls * fast / speed < _TO_BOARDS:
        end = _on_ground(point[:2] + flat / speed * rolls)
        yield Roll(point, end, _ROLLS_OUT_S, friction=_GRASS), ticks_of(_ROLLS_OUT_S), end
        return
    ticks = ticks_of(_TO_BOARDS / fast * 1.1)
    boards = _on_ground(point[:2] + flat * (_TO_BOARDS / fast))
    yield Roll(point, boards, ticks * TICK_S, friction=0.3), ticks, boards
    back = _on_ground(boards[:2] - outward * min(0.6 + 0.08 * fast, 2.2) + along * 0.15)
    ticks = ticks_of(1.3)
    yield Roll(boards, back, ticks * TICK_S, friction=2.0), ticks, back


def _into_the_stand(
    point: Floats, velocity: Floats, fast: float
) -> Iterator[tuple[BallPath, int, Floats]]:
    """Paths over the boards into the stand, and back onto the grass."""
    distance = 9.0
    ticks = ticks_of(distance / max(fast, 9.0))
    seat = np.array(
        [*(point[:2] + velocity * (distance / fast)), float(np.clip(point[2], 2.0, 4.0))]
    )
    yield Flight.between(point, seat, ticks * TICK_S), ticks, seat
    outward = velocity / np.linalg.norm(velocity)
    front = _on_ground(seat[:2] - outward * (distance - 2.6))
    ticks = ticks_of(1.6)
    yield Flight.between(seat, front, ticks * TICK_S, bounces=1), ticks, front


def _on_ground(point: Floats) -> Floats:
    return np.array([point[0], point[1], BALL_RADIUS])


def box_places(
    rng: np.random.Generator, xy: Floats, team: int, goal: Floats, busy: set[int]
) -> dict[int, Floats]:
    """Places `[2]`, by person, of attackers in the box and of the defenders who mark them.

    Args:
        rng: random numbers of the match, for small deviations.
        xy: current positions, `[PEOPLE, 2]`.
        team: attacking side.
        goal: centre of the goal, `[2]`.
        busy: people with other tasks.
    """
    inward = -1.0 if goal[0] > 0 else 1.0
    spots = np.array(_ATTACKERS) + rng.normal(0, 0.9, (len(_ATTACKERS), 2))
    attackers = goal + np.stack([-inward * spots[:, 0], spots[:, 1]], 1)
    places: dict[int, Floats] = {}
    _assign(places, xy, outfield(team), attackers, busy)
    toward = (goal - attackers) / np.linalg.norm(goal - attackers, axis=1, keepdims=True)
    markers = attackers + 1.1 * toward + rng.normal(0, 0.2, attackers.shape)
    posts = goal + np.array([(inward * 0.8, -3.0), (inward * 4.5, 3.2)])
    _assign(places, xy, outfield(1 - team), np.concatenate([markers, posts]), busy)
    return places


def wall_places(ball: Floats, goal: Floats) -> list[Floats]:
    """Four places `[2]`, shoulder to shoulder, between the ball `[2]` and the near post of a goal `[2]`."""
    near_post = goal + np.array([0.0, 2.4 * np.sign(ball[1] or 1.0)])
    ahead = unit(angle_of(near_post - ball))
    middle = ball + _WALL_DISTANCE * ahead
    across = np.array([-ahead[1], ahead[0]])
    return [middle + _WALL_GAP * (i - 1.5) * across for i in range(4)]


def _assign(
    places: dict[int, Floats],
    xy: Floats,
    people: NDArray[np.int64],
    spots: Floats,
    busy: set[int],
) -> None:
    """Assign each spot, in turn, to the nearest person who has none yet."""
    free = [int(p) for p in people if int(p) not in busy]
    for spot in spots:
        if not free:
            return
        nearest = min(free, key=lambda p: float(np.linalg.norm(xy[p] - spot)))
        free.remove(nearest)
        places[nearest] = spot


class RestartSteps:
    """Parts that several kinds of restart have in common, as generators of segments.

    Args:
        people: current positions and velocities; never changed.
    """

    def __init__(self, people: People) -> None:
        self._people = people

    def fetch(
        self,
        taker: int,
        ball: Floats,
        speed: float,
        phase: Phase,
        stations: dict[int, Floats] | None = None,
    ) -> Segments:
        """The taker goes to the ball and picks it up.

        Args:
            taker: index of the person.
            ball: the resting ball, `[3]`.
            speed: planned speed, m/s.
            phase: state of play.
            stations: by person, places `[2]` of others.
        """
        way = ball[:2] - self._people.xy[taker]
        distance = float(np.linalg.norm(way))
        ticks = ticks_of(max(0.9, 1.4 * distance / speed + 0.4))
        contact, due = meet_exactly(
            self._people, taker, ball, Gesture.PICK_UP, angle_of(way), ticks
        )
        yield Segment(
            Resting(ball), due.ticks, taker, team_of(taker), (due,), replace(contact, point=ball),
            phase=phase, stations=stations or {}, focus=taker,
        )  # fmt: skip

    def bring(
        self,
        taker: int,
        ball: Floats,
        spot: Floats,
        speed: float,
        phase: Phase,
        *,
        stations: dict[int, Floats] | None = None,
        action: Action | None = None,
        facing: float | None = None,
        seconds: float | None = None,
        hold_s: float = 0.0,
    ) -> Segments:
        """The taker carries the ball to a spot and puts it down there, or throws it in.

        Args:
            taker: index of the person.
            ball: the ball, `[3]`.
            spot: place of the ball at the end, `[3]`.
            speed: planned speed, m/s.
            phase: state of play.
            stations: by person, places `[2]` of others.
            action: THROW_IN for a throw-in, None to put the ball down.
            facing: heading at the end, radians; None for the direction of the walk.
            seconds: duration; None follows from the distance.
            hold_s: seconds in addition to that of the walk.
        """
        way = spot[:2] - self._people.xy[taker]
        distance = float(np.linalg.norm(way))
        ticks = ticks_of(seconds or (max(1.2, 1.4 * distance / speed + 0.6) + hold_s))
        gesture = Gesture.THROW_IN if action is Action.THROW_IN else Gesture.PICK_UP
        if facing is None:
            facing = angle_of(way) if distance > 1.0 else float(self._people.heading[taker])
        contact, due = meet_exactly(self._people, taker, spot, gesture, facing, ticks, action)
        ticks = due.ticks
        path: BallPath = Held(
            ticks * TICK_S, Gesture.PICK_UP, gesture, self._in_body_frame(taker, ball)
        )
        # Between lifting the ball and the next gesture he carries it.
        begin, before = 10, 22 if gesture is Gesture.THROW_IN else 10
        cues: tuple[Cue, ...] = ()
        if ticks > begin + before:
            cues = (Cue(taker, Gesture.CARRY, begin, ticks - begin - before),)
        yield Segment(
            path, ticks, taker, team_of(taker), (due,), contact, phase=phase,
            stations=stations or {}, cues=cues, focus=taker,
        )  # fmt: skip

    def kick(
        self,
        action: Action,
        taker: int,
        spot: Floats,
        facing: float,
        wait_s: float,
        *,
        phase: Phase = Phase.DEAD,
        stations: dict[int, Floats] | None = None,
        cues: tuple[Cue, ...] = (),
    ) -> Segments:
        """The taker walks behind the resting ball, waits, and kicks it after a run-up.

        Args:
            action: label of the kick; PASS for a short one.
            taker: index of the person.
            spot: the ball, `[3]`.
            facing: direction of the kick, radians.
            wait_s: least number of seconds until the run-up.
            phase: state of play.
            stations: by person, places `[2]` of others.
            cues: gestures of others while they wait.
        """
        short = action is Action.PASS
        gesture = Gesture.KICK_RIGHT if short else Gesture.LOFT_RIGHT
        run_up_s = 0.9 if short else 1.3
        behind = spot[:2] - unit(facing) * (1.0 if short else 3.0)
        walk_s = 1.4 * float(np.linalg.norm(self._people.xy[taker] - behind)) / 3.5 + 0.8
        if phase is Phase.KICK_OFF:
            walk_s = max(walk_s, self._seconds_to_own_halves(taker))
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

    def _in_body_frame(self, person: int, ball: Floats) -> tuple[float, float, float]:
        """The ball `[3]` relative to a person: metres ahead, to the left, and up."""
        away = ball[:2] - self._people.xy[person]
        ahead = unit(float(self._people.heading[person]))
        return float(away @ ahead), float(ahead[0] * away[1] - ahead[1] * away[0]), float(ball[2])

    def _seconds_to_own_halves(self, taker: int) -> float:
        """Seconds until everybody but the taker can be in his own half."""
        x = self._people.xy[:REFEREE, 0]
        away = np.where(np.arange(REFEREE) < TEAM_SIZE, x, -x)
        away[taker] = 0.0
        return float(max(away.max(), 0.0)) / 4.0

    def nearest_of(
        self, point: Floats, team: int, count: int, *, without: int | None = None
    ) -> list[int]:
        """The `count` outfield players of a side who are nearest to a point `[2]` or `[3]`."""
        people = np.array([p for p in outfield(team) if p != without])
        gaps = np.linalg.norm(self._people.xy[people] - point[:2], axis=1)
        return [int(p) for p in people[np.argsort(gaps, kind="stable")[:count]]]


class Restarts(RestartSteps):
    """Generators of the segments of dead time, from the stop of play to the labelled restart.

    Args:
        rng: random numbers of the match.
        people: current positions and velocities; never changed.
        pace: events so far, compared with the expected ones.
    """

    def __init__(self, rng: np.random.Generator, people: People, pace: Pace) -> None:
        super().__init__(people)
        self._rng = rng
        self._pace = pace

    def kick_off(self, team: int, *, wait_s: float) -> Segments:
        """Kick-off by a side, at the earliest after `wait_s`; everybody walks to his own half."""
        taker = team * TEAM_SIZE + 9
        spot = np.array([0.0, 0.0, BALL_RADIUS])
        facing = angle_of(np.array([-attack_direction(taker), 0.3]))
        yield from self.kick(Action.PASS, taker, spot, facing, wait_s, phase=Phase.KICK_OFF)

    def after_goal(self, goal: Contact) -> Segments:
        """The scorer's side celebrates, an opponent brings the ball back, and the opponents kick off."""
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

    def after_out(self, out: Contact, velocity: Floats) -> Segments:
        """Throw-in after a side line; goal kick or corner after a goal line.

        Args:
            out: contact at which the ball crossed the line.
            velocity: of the ball, `[3]`, m/s.
        """
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
        """The carrier is tripped, and his side takes a free kick.

        Args:
            drive: last contact of the carrier.
            long: a lofted free kick with the label FREE KICK; otherwise a short PASS.
        """
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
        stations: dict[int, Floats] = {}
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
            towards_goal = unit(angle_of(goal - spot[:2]))
            guards = self.nearest_of(spot[:2] + _WALL_DISTANCE * towards_goal, 1 - team, 4)
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
        """The end of a half: three seconds in which the carrier stops."""
        person = contact.person
        ticks = ticks_of(3.0)
        offset = np.array([*(contact.point[:2] - self._people.xy[person]), contact.point[2]])
        end = self._people.xy[person] + 0.8 * self._people.velocity[person]
        yield Segment(
            Dribble(ticks * TICK_S, 2, 0.1, offset), ticks, person, team_of(person),
            (go_to(person, end, contact.facing, ticks),), phase=Phase.DEAD, focus=REFEREE,
            cues=(Cue(REFEREE, Gesture.SIGNAL, 10),),
        )  # fmt: skip

    # -- restarts after the ball was out -------------------------------------------------------

    def _throw_in(self, out: Contact, rest: Floats, team: int) -> Segments:
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

    def _goal_kick(self, rest: Floats, team: int) -> Segments:
        keeper = GOALKEEPERS[team]
        direction = attack_direction(keeper)
        spot = np.array([-47.0 * direction, math.copysign(6.0, rest[1]), BALL_RADIUS])
        yield from self.fetch(keeper, rest, 3.2, Phase.DEAD)
        yield from self.bring(keeper, rest, spot, 3.0, Phase.DEAD)
        due = self._pace.due(Action.HIGH_PASS) - 0.3 * self._pace.due(Action.PASS)
        long = min(max(0.65 + 0.15 * due, 0.2), 0.9)
        action = Action.HIGH_PASS if self._rng.random() < long else Action.PASS
        facing = angle_of(np.array([direction, float(self._rng.normal(0, 0.4))]))
        yield from self.kick(action, keeper, spot, facing, float(self._rng.uniform(3, 14)))

    def _corner(self, out: Contact, rest: Floats, team: int) -> Segments:
        end, side = math.copysign(1.0, out.point[0]), math.copysign(1.0, out.point[1])
        spot = np.array([end * (HALF_LENGTH - 0.4), side * (HALF_WIDTH - 0.4), BALL_RADIUS])
        taker = int(self.nearest_of(spot[:2], team, 1)[0])
        goal = np.array([end * HALF_LENGTH, 0.0])
        stations = box_places(self._rng, self._people.xy, team, goal, {taker})
        yield from self.fetch(taker, rest, 5.5, Phase.DEAD, stations)
        yield from self.bring(taker, rest, spot, 4.6, Phase.DEAD, stations=stations)
        long = min(max(0.85 + 0.1 * self._pace.due(Action.CROSS), 0.5), 0.95)
        action = Action.CROSS if self._rng.random() < long else Action.PASS
        facing = angle_of(np.array([end * 44.0, 0.0]) - spot[:2])
        wait = float(self._rng.uniform(4, 14))
        yield from self.kick(
            action, taker, spot, facing, wait, stations=stations,
            cues=(Cue(taker, Gesture.SIGNAL, max(1, ticks_of(wait) - 40)),),
        )  # fmt: skip
