"""What the ball tells about recorded actions, and they about the ball.

How it flew tells a high pass from a pass, where it was tells when it went out or in; and a ball that
was recorded without its height flies as the actions demand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from onball.actions import Action
from onball.synthetic.motion.ball import GRAVITY
from onball.synthetic.recorded.acts import LONG, Placed
from onball.synthetic.recorded.gestures import contact_height
from onball.synthetic.world import BALL_RADIUS, GOAL_WIDTH, HALF_LENGTH, HALF_WIDTH, TICK_MS

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
