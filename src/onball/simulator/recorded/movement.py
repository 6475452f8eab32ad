"""Movement of recorded people and ball, as far as the data lack it.

Headings, speeds and strides follow from positions, gestures from actions, the height of the ball from the
actions around it, and the referee and his assistants from the play. Conversely, the path of the ball
corrects the actions: passes that were high, and the times of OUT and GOAL.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from onball.actions import Action
from onball.formats.providers.actions import LONG, RecordedAction
from onball.simulator.play.ball import GRAVITY
from onball.simulator.play.open_play import RIGHT_AND_LEFT
from onball.simulator.recorded.actions import PlacedAction
from onball.simulator.recorded.samples import averaged
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
    TICK_S,
    Floats,
    Gesture,
    ball_on_ground,
    strides_per_second,
    wrap_angle,
)

_RUNNING = 1.0  # m/s: above it a body faces its direction, below it the ball
_STANDING = 0.3  # m/s, up to which legs do not step
_TURN = 8.0  # rad/s
_MAX_SPEED = 12.0  # m/s; a faster movement is a row that changed to another player
_GESTURE_MS = 1000
_CELEBRATION_MS = 9000
_OTHER_THAN_KICKS: dict[Action, Gesture] = {
    Action.HEADER: Gesture.HEADER,
    Action.THROW_IN: Gesture.THROW_IN,
    Action.BALL_PLAYER_BLOCK: Gesture.BLOCK,
    Action.PLAYER_SUCCESSFUL_TACKLE: Gesture.TACKLE,
    Action.GOAL: Gesture.CELEBRATE,
}
_HIGH = 2.0  # metres, above all heads
_LONGEST_FLIGHT = 3500 // TICK_MS  # ticks
_CROSSES_WITHIN = (
    5000 // TICK_MS
)  # ticks from a shot to the goal, from a kick to the ball being out
_CROSSES_AFTER = 1000 // TICK_MS  # ticks, if the ball is not visible on the line
_LOFTED = {Action.HIGH_PASS, Action.CROSS}
_REFEREE_DISTANCE, _REFEREE_SPEED = 9.0, 7.0  # metres, m/s
_FORESIGHT = 25  # ticks


def gait(
    xy: NDArray[np.float32], ball: NDArray[np.float32], halves: Sequence[int]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Headings, speeds and strides of people, each `[T, PEOPLE]`, from their positions; never NaN.

    Args:
        xy: positions, `[T, PEOPLE, 2]`, metres; NaN while somebody is not visible.
        ball: centre of the ball, `[T, 3]`.
        halves: first tick of each half.
    """
    steps = np.full(xy.shape, np.nan)
    steps[1:] = np.diff(xy.astype(np.float64), axis=0) / TICK_S
    steps[np.linalg.norm(steps, axis=2) > _MAX_SPEED] = np.nan
    velocity = averaged(steps, 7)
    speed = np.linalg.norm(velocity, axis=2)
    speed[np.isnan(xy[..., 0])] = 0.0
    to_ball = ball_on_ground(ball)[:, None] - xy
    facing = np.where((speed > _RUNNING)[..., None], velocity, to_ball)
    wanted = np.nan_to_num(np.arctan2(facing[..., 1], facing[..., 0]))
    heading = wanted.copy()
    visible = ~np.isnan(xy[..., 0])
    appeared = np.zeros_like(visible)  # these people turn at once
    appeared[1:] = visible[1:] & ~visible[:-1]
    appeared[[tick for tick in halves if tick < len(xy)]] = True
    for tick in range(1, len(xy)):
        turn = wrap_angle(wanted[tick] - heading[tick - 1])
        most = np.where(appeared[tick], np.pi, _TURN * TICK_S)
        heading[tick] = heading[tick - 1] + np.clip(turn, -most, most)
    cadence = np.where(speed > _STANDING, 2 * np.pi * strides_per_second(speed), 0.0)
    start = np.arange(PEOPLE) * 2.4  # so that people do not walk in step
    stride = start + np.cumsum(cadence * TICK_S, axis=0)
    return heading.astype(np.float32), speed.astype(np.float32), stride.astype(np.float32)


# Gestures


def gesture_of(recorded: RecordedAction, ball_on_left: bool) -> Gesture:
    """Gesture of an action, with the recorded foot or else the foot on the side of the ball."""
    if recorded.action in RIGHT_AND_LEFT:
        if recorded.body == "head":
            return Gesture.HEADER
        if recorded.body == "hand":
            return Gesture.NONE
        return RIGHT_AND_LEFT[recorded.action][
            recorded.body == "left" or (not recorded.body and ball_on_left)
        ]
    if recorded.body == "slide":
        return Gesture.SLIDE
    return _OTHER_THAN_KICKS.get(recorded.action, Gesture.NONE)


def contact_height(recorded: RecordedAction) -> float:
    """Height of the ball at an action, metres."""
    if recorded.action not in _OTHER_THAN_KICKS:
        return BALL_RADIUS
    return CONTACT_OFFSET[gesture_of(recorded, ball_on_left=False)][2]


def gesture_tracks(
    contacts: Iterable[tuple[int, int, Gesture]], ticks: int
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Gesture and time since its contact, each `[ticks, PEOPLE]`, from contacts (tick, row, gesture).

    Between two contacts of one person, the nearer one counts.
    """
    gesture = np.zeros((ticks, PEOPLE), np.uint8)
    gesture_ms = np.full((ticks, PEOPLE), _GESTURE_MS, np.int32)
    for tick, row, shown in contacts:
        if row < 0 or shown is Gesture.NONE:
            continue
        after_ms = _CELEBRATION_MS if shown is Gesture.CELEBRATE else _GESTURE_MS
        begin, end = tick - _GESTURE_MS // TICK_MS, tick + after_ms // TICK_MS
        window = np.arange(max(0, begin), min(ticks, end))
        since = (window - tick) * TICK_MS
        nearer = np.abs(since) <= np.abs(gesture_ms[window, row])
        nearer |= gesture[window, row] == 0
        gesture[window[nearer], row] = shown
        gesture_ms[window[nearer], row] = since[nearer]
    return gesture, gesture_ms


# Ball


def refine_by_ball(placed: Sequence[PlacedAction], ball: NDArray[np.float32]) -> list[PlacedAction]:
    """Correct actions by the ball `[T, 3]`: passes that were high, and the times of OUT and GOAL.

    Returns:
        The actions in order of time, without those after the end of the recording.
    """
    ordered = sorted(placed, key=lambda p: p.tick)
    out = []
    for index, item in enumerate(ordered):
        later = [p.tick for p in ordered[index + 1 : index + 8] if p.tick > item.tick]
        end = min([*later[:1], item.tick + _LONGEST_FLIGHT, len(ball)])
        flight = ball[item.tick : end]
        if item.recorded.maybe_high and _flew(flight, item.recorded.goal_kick):
            item = replace(item, recorded=replace(item.recorded, action=Action.HIGH_PASS))
        if item.recorded.side is None and item.recorded.action in (Action.GOAL, Action.OUT):
            goal = item.recorded.action is Action.GOAL
            # Many providers give the time of the kick, not that at which the ball crosses the line.
            until = item.tick + _CROSSES_WITHIN
            until = until if goal else min([*later[:1], until])
            crossing = _crossing(ball[item.tick : until], goal)
            if crossing is not None:
                item = replace(item, tick=item.tick + crossing)
            elif goal or any(p.tick == item.tick for p in ordered[max(0, index - 3) : index]):
                item = replace(item, tick=item.tick + _CROSSES_AFTER)
        out.append(item)
    return sorted((p for p in out if p.tick < len(ball)), key=lambda p: p.tick)


def _flew(flight: NDArray[np.float32], goal_kick: bool) -> bool:
    """True if a ball `[T, 3]` rose above all heads, or if a goal kick was long."""
    known = flight[~np.isnan(flight[:, 0])]
    if not len(known):
        return False
    if (known[:, 2] > _HIGH).any():
        return True
    return goal_kick and float(np.linalg.norm(known[:, :2] - known[0, :2], axis=1).max()) > LONG


def _crossing(path: NDArray[np.float32], goal: bool) -> int | None:
    """First index at which a ball `[T, 3]` is in the goal, or beyond any line; None if it never is."""
    x, y = np.abs(path[:, 0]), np.abs(path[:, 1])
    if goal:
        beyond = (x > HALF_LENGTH) & (y < GOAL_WIDTH / 2 + 0.3)
    else:
        beyond = (x > HALF_LENGTH) | (y > HALF_WIDTH)
    found = np.flatnonzero(beyond)
    return int(found[0]) if len(found) else None


def with_heights(ball: NDArray[np.float32], placed: Sequence[PlacedAction]) -> NDArray[np.float32]:
    """Add the height to a ball `[T, 3]` wherever only its place is known.

    The ball rolls, except between a high pass or a cross and the next action: there it follows a parabola
    under gravity between the heights of the two contacts.
    """
    ball = ball.copy()
    missing = np.isnan(ball[:, 2]) & ~np.isnan(ball[:, 0])
    height = np.full(len(ball), BALL_RADIUS)
    for item, after in zip_longest(placed, placed[1:]):
        start = contact_height(item.recorded)
        end_tick = len(ball) if after is None else after.tick
        lasts = min(end_tick - item.tick, _LONGEST_FLIGHT)
        if lasts <= 0:
            continue
        met = after is not None and after.tick - item.tick <= _LONGEST_FLIGHT
        end = contact_height(after.recorded) if after is not None and met else BALL_RADIUS
        if item.recorded.action not in _LOFTED:
            if start <= 1.0 and end <= 1.0:
                continue
            if start > 1.0 and end <= 1.0:  # headed or thrown: it falls
                lasts = min(lasts, 20)
        fraction = np.arange(lasts) / lasts
        seconds = lasts * TICK_MS / 1000
        curve = start + (end - start) * fraction
        if item.recorded.action in _LOFTED:
            curve += GRAVITY / 2 * seconds**2 * fraction * (1 - fraction)
        height[item.tick : item.tick + lasts] = curve
    ball[missing, 2] = np.maximum(height, BALL_RADIUS)[missing]
    return ball


# Officials


def add_officials(
    xy: NDArray[np.float32], ball: NDArray[np.float32], halves: Sequence[int]
) -> None:
    """Simulate the referee and his assistants, whom kloppy leaves out, in their columns of `xy`.

    The referee follows the ball at a distance of 9 m; each assistant runs along his touchline, level with
    the second last defender of his half or the ball.

    Args:
        xy: positions, `[T, PEOPLE, 2]`, metres; changed in place.
        ball: centre of the ball, `[T, 3]`.
        halves: first tick of each half.
    """
    path = ball_on_ground(ball)
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
    """Path `[T, 2]` of a person who is pulled to the nearest place 9 m from the ball `[T, 2]`."""
    place, velocity = path[0] + (-6.4, 6.4), np.zeros(2)
    out = np.empty_like(path)
    limit = np.array([HALF_LENGTH - 1, HALF_WIDTH - 1])
    # The referee anticipates the play by a second, which compensates his inertia.
    ahead = np.minimum(np.arange(len(path)) + _FORESIGHT, len(path) - 1)
    for tick, ball in enumerate(averaged(path, 25)[ahead]):
        away = place - ball
        wanted = ball + away * (_REFEREE_DISTANCE / (float(np.hypot(*away)) + 1e-6))
        velocity += (4.0 * (wanted - place) - 4.0 * velocity) * TICK_S
        velocity *= min(1.0, _REFEREE_SPEED / (float(np.hypot(*velocity)) + 1e-6))
        place = np.clip(place + velocity * TICK_S, -limit, limit)
        out[tick] = place
    return out
