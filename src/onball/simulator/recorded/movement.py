"""How recorded people face, run and step, from nothing but where they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from onball.actions import Action
from onball.simulator.play.ball import GRAVITY
from onball.simulator.play.open_play import RIGHT_AND_LEFT
from onball.simulator.play.people import TICK_S
from onball.simulator.recorded.acts import LONG, Act, Placed
from onball.simulator.recorded.samples import Floats, averaged, seen_ball
from onball.simulator.world import (
    ASSISTANTS,
    BALL_RADIUS,
    CONTACT_OFFSET,
    GOAL_WIDTH,
    HALF_LENGTH,
    HALF_WIDTH,
    PEOPLE,
    PLAYERS,
    REFEREE,
    TEAM_SIZE,
    TICK_MS,
    Gesture,
)

_RUNNING = 1.0  # m/s: above it a body faces where it goes, below it the ball
_TURN = 8.0  # rad/s
_MAX_SPEED = 12.0  # m/s; a faster "movement" is a row that changed hands


def gait(
    xy: NDArray[np.float32], ball: NDArray[np.float32], halves: Sequence[int]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Heading, speed and stride `[T, PEOPLE]`, as in `WorldState`, of people who moved so; never NaN."""
    steps = np.full(xy.shape, np.nan)
    steps[1:] = np.diff(xy.astype(np.float64), axis=0) / TICK_S
    steps[np.linalg.norm(steps, axis=2) > _MAX_SPEED] = np.nan
    velocity = averaged(steps, 7)
    speed = np.linalg.norm(velocity, axis=2)
    speed[np.isnan(xy[..., 0])] = 0.0
    to_ball = seen_ball(ball)[:, None] - xy
    facing = np.where((speed > _RUNNING)[..., None], velocity, to_ball)
    wanted = np.nan_to_num(np.arctan2(facing[..., 1], facing[..., 0]))
    heading = wanted.copy()
    here = ~np.isnan(xy[..., 0])
    fresh = np.zeros_like(here)  # who has just come turns at once
    fresh[1:] = here[1:] & ~here[:-1]
    fresh[[tick for tick in halves if tick < len(xy)]] = True
    for tick in range(1, len(xy)):
        turn = (wanted[tick] - heading[tick - 1] + np.pi) % (2 * np.pi) - np.pi
        most = np.where(fresh[tick], np.pi, _TURN * TICK_S)
        heading[tick] = heading[tick - 1] + np.clip(turn, -most, most)
    cadence = np.where(speed > 0.3, 2 * np.pi * (0.75 + 0.11 * speed), 0.0)
    start = np.arange(PEOPLE) * 2.4  # nobody walks in step with his neighbour
    stride = start + np.cumsum(cadence * TICK_S, axis=0)
    return heading.astype(np.float32), speed.astype(np.float32), stride.astype(np.float32)


# --- The gestures with which recorded actions are made, and when each shows.


_LASTS_MS = 1000
_CELEBRATION_LASTS_MS = 9000
_OTHER_THAN_KICKS: dict[Action, Gesture] = {
    Action.HEADER: Gesture.HEADER,
    Action.THROW_IN: Gesture.THROW_IN,
    Action.BALL_PLAYER_BLOCK: Gesture.BLOCK,
    Action.PLAYER_SUCCESSFUL_TACKLE: Gesture.TACKLE,
    Action.GOAL: Gesture.CELEBRATE,
}


def gesture_of(act: Act, ball_on_left: bool) -> Gesture:
    """What the body does; the foot is the named one, else the one on the ball's side."""
    if act.action in RIGHT_AND_LEFT:
        if act.body == "head":
            return Gesture.HEADER
        if act.body == "hand":
            return Gesture.NONE
        return RIGHT_AND_LEFT[act.action][act.body == "left" or (not act.body and ball_on_left)]
    if act.body == "slide":
        return Gesture.SLIDE
    return _OTHER_THAN_KICKS.get(act.action, Gesture.NONE)


def contact_height(act: Act) -> float:
    """How high the ball is as the act is made, metres."""
    if act.action not in _OTHER_THAN_KICKS:
        return BALL_RADIUS
    return CONTACT_OFFSET[gesture_of(act, ball_on_left=False)][2]


def gesture_tracks(
    contacts: Iterable[tuple[int, int, Gesture]], ticks: int
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Gesture and time since its contact `[ticks, PEOPLE]`, from (tick, row, gesture) of contacts.

    Between two contacts of one body the nearer one counts.
    """
    gesture = np.zeros((ticks, PEOPLE), np.uint8)
    gesture_ms = np.full((ticks, PEOPLE), _LASTS_MS, np.int32)
    for tick, row, what in contacts:
        if row < 0 or what is Gesture.NONE:
            continue
        lasts = _CELEBRATION_LASTS_MS if what is Gesture.CELEBRATE else _LASTS_MS
        window = np.arange(max(0, tick - _LASTS_MS // TICK_MS), min(ticks, tick + lasts // TICK_MS))
        since = (window - tick) * TICK_MS
        nearer = np.abs(since) <= np.abs(gesture_ms[window, row])
        nearer |= gesture[window, row] == 0
        gesture[window[nearer], row] = what
        gesture_ms[window[nearer], row] = since[nearer]
    return gesture, gesture_ms


# --- What the ball tells about recorded actions, and they about the ball.


_HIGH = 2.0  # metres: over everybody's head
_LONGEST_FLIGHT = 3500 // TICK_MS  # no kick flies longer
_CROSSES_WITHIN = 5000 // TICK_MS  # from a shot to the goal, from a kick to the ball's going out
_CROSSES_AFTER = 1000 // TICK_MS  # if nobody saw it
_LOFTED = {Action.HIGH_PASS, Action.CROSS}


def as_played(placed: Sequence[Placed], ball: NDArray[np.float32]) -> list[Placed]:
    """The acts, in order, with what only the ball tells: high passes, when it goes out or in."""
    ordered = sorted(placed, key=lambda p: p.tick)
    out = []
    for index, item in enumerate(ordered):
        later = [p.tick for p in ordered[index + 1 : index + 8] if p.tick > item.tick]
        end = min([*later[:1], item.tick + _LONGEST_FLIGHT, len(ball)])
        flight = ball[item.tick : end]
        if item.act.unsure and _flew(flight, item.act.goal_kick):
            item = replace(item, act=replace(item.act, action=Action.HIGH_PASS))
        if item.act.side is None and item.act.action in (Action.GOAL, Action.OUT):
            goal = item.act.action is Action.GOAL
            # Many providers give the moment of the kick: the ball itself tells better.
            until = item.tick + _CROSSES_WITHIN
            until = until if goal else min([*later[:1], until])
            crossing = _crossing(ball[item.tick : until], goal)
            if crossing is not None:
                item = replace(item, tick=item.tick + crossing)
            elif goal or any(p.tick == item.tick for p in ordered[max(0, index - 3) : index]):
                item = replace(item, tick=item.tick + _CROSSES_AFTER)
        out.append(item)
    # A goal after the end of the recording is not in it.
    return sorted((p for p in out if p.tick < len(ball)), key=lambda p: p.tick)


def _flew(flight: NDArray[np.float32], goal_kick: bool) -> bool:
    known = flight[~np.isnan(flight[:, 0])]
    if not len(known):
        return False
    if (known[:, 2] > _HIGH).any():
        return True
    return goal_kick and float(np.linalg.norm(known[:, :2] - known[0, :2], axis=1).max()) > LONG


def _crossing(path: NDArray[np.float32], goal: bool) -> int | None:
    """When a ball `[T, 3]` is first beyond a line: between the posts, or anywhere; None if never."""
    x, y = np.abs(path[:, 0]), np.abs(path[:, 1])
    if goal:
        beyond = (x > HALF_LENGTH) & (y < GOAL_WIDTH / 2 + 0.3)
    else:
        beyond = (x > HALF_LENGTH) | (y > HALF_WIDTH)
    found = np.flatnonzero(beyond)
    return int(found[0]) if len(found) else None


def with_heights(ball: NDArray[np.float32], placed: Sequence[Placed]) -> NDArray[np.float32]:
    """The ball `[T, 3]` with a height wherever its place is known.

    Where none was recorded the ball rolls, except between a high pass or a cross and the next event:
    there it flies a parabola under gravity, from and to the heights at which those contacts are.
    """
    ball = ball.copy()
    missing = np.isnan(ball[:, 2]) & ~np.isnan(ball[:, 0])
    height = np.full(len(ball), BALL_RADIUS)
    for item, after in zip_longest(placed, placed[1:]):
        start = contact_height(item.act)
        end_tick = len(ball) if after is None else after.tick
        lasts = min(end_tick - item.tick, _LONGEST_FLIGHT)
        if lasts <= 0:
            continue
        met = after is not None and after.tick - item.tick <= _LONGEST_FLIGHT
        end = contact_height(after.act) if after is not None and met else BALL_RADIUS
        if item.act.action not in _LOFTED:
            if start <= 1.0 and end <= 1.0:
                continue
            if start > 1.0 and end <= 1.0:  # headed or thrown: it falls
                lasts = min(lasts, 20)
        share = np.arange(lasts) / lasts
        seconds = lasts * TICK_MS / 1000
        curve = start + (end - start) * share
        if item.act.action in _LOFTED:
            curve += GRAVITY / 2 * seconds**2 * share * (1 - share)
        height[item.tick : item.tick + lasts] = curve
    ball[missing, 2] = np.maximum(height, BALL_RADIUS)[missing]
    return ball


# --- Who is not recorded is made up so as to follow play: the referee and his assistants.


_REFEREE_DISTANCE, _REFEREE_SPEED = 9.0, 7.0  # metres, m/s
_FORESIGHT = 25  # ticks


def add_officials(
    xy: NDArray[np.float32], ball: NDArray[np.float32], halves: Sequence[int]
) -> None:
    """Fills the referee's and the assistants' columns of `xy` `[T, PEOPLE, 2]`.

    The referee follows the ball at 9 m; an assistant runs along each touchline, level with the
    second last defender of his half or the ball. kloppy leaves real officials out.
    """
    path = seen_ball(ball)
    xy[:, REFEREE] = _referee(path)
    for half, begin in enumerate(halves):
        end = halves[half + 1] if half + 1 < len(halves) else len(xy)
        stretch = slice(begin, end)
        for assistant, toward in zip(ASSISTANTS, (1.0, -1.0), strict=True):
            defends_right = (toward > 0) == (half % 2 == 0)  # the away team, in the first half
            team = slice(TEAM_SIZE, PLAYERS) if defends_right else slice(0, TEAM_SIZE)
            level = np.sort(np.nan_to_num(toward * xy[stretch, team, 0], nan=0.0), axis=1)[:, -2]
            level = np.clip(np.maximum(level, toward * path[stretch, 0]), 0, HALF_LENGTH)
            xy[stretch, assistant, 0] = toward * averaged(level[:, None], 25)[:, 0]
            xy[stretch, assistant, 1] = -toward * (HALF_WIDTH + 0.8)


def _referee(path: Floats) -> Floats:
    """Someone who is drawn towards a place 9 m from the ball, on the side where he is, `[T, 2]`."""
    place, velocity = path[0] + (-6.4, 6.4), np.zeros(2)
    out = np.empty_like(path)
    limit = np.array([HALF_LENGTH - 1, HALF_WIDTH - 1])
    # He reads play a second ahead, which makes up for his own inertia.
    ahead = np.minimum(np.arange(len(path)) + _FORESIGHT, len(path) - 1)
    for tick, ball in enumerate(averaged(path, 25)[ahead]):
        away = place - ball
        wanted = ball + away * (_REFEREE_DISTANCE / (float(np.hypot(*away)) + 1e-6))
        velocity += (4.0 * (wanted - place) - 4.0 * velocity) * TICK_S
        velocity *= min(1.0, _REFEREE_SPEED / (float(np.hypot(*velocity)) + 1e-6))
        place = np.clip(place + velocity * TICK_S, -limit, limit)
        out[tick] = place
    return out
