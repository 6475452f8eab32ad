"""Where people stand for corners and free kicks: the box and the wall."""

from __future__ import annotations

import numpy as np

from onball.synthetic.motion.formation import outfield
from onball.synthetic.motion.plan import Vector, angle_of, unit

#: Places before a goal at x = 0 with the pitch at negative x: attackers, metres.
_ATTACKERS = ((-8.0, -4.0), (-10.5, 1.0), (-7.0, 4.5), (-12.0, 6.0), (-11.5, -7.0), (-19.0, 3.0))
_WALL_GAP = 0.62
_DISTANCE = 9.15
"""Metres between the ball and the wall (law 13)."""


def box_places(
    rng: np.random.Generator, xy: Vector, team: int, goal: Vector, busy: set[int]
) -> dict[int, Vector]:
    """Places `[2]` of attackers in the box and of the defenders who mark them.

    Args:
        rng: moves everybody about a little.
        xy: where people are, `[PEOPLE, 2]`.
        team: the attacking side.
        goal: the middle of the goal line, `[2]`.
        busy: people with other tasks.
    """
    inward = -1.0 if goal[0] > 0 else 1.0
    spots = np.array(_ATTACKERS) + rng.normal(0, 0.9, (len(_ATTACKERS), 2))
    attackers = goal + np.stack([-inward * spots[:, 0], spots[:, 1]], 1)
    places: dict[int, Vector] = {}
    _assign(places, xy, outfield(team), attackers, busy)
    toward = (goal - attackers) / np.linalg.norm(goal - attackers, axis=1, keepdims=True)
    markers = attackers + 1.1 * toward + rng.normal(0, 0.2, attackers.shape)
    posts = goal + np.array([(inward * 0.8, -3.0), (inward * 4.5, 3.2)])
    _assign(places, xy, outfield(1 - team), np.concatenate([markers, posts]), busy)
    return places


def wall_places(ball: Vector, goal: Vector) -> list[Vector]:
    """Four places `[2]` shoulder to shoulder between ball and near post."""
    near_post = goal + np.array([0.0, 2.4 * np.sign(ball[1] or 1.0)])
    ahead = unit(angle_of(near_post - ball))
    middle = ball + _DISTANCE * ahead
    across = np.array([-ahead[1], ahead[0]])
    return [middle + _WALL_GAP * (i - 1.5) * across for i in range(4)]


def _assign(
    places: dict[int, Vector], xy: Vector, people: Vector, spots: Vector, busy: set[int]
) -> None:
    """Each spot, in turn, to the nearest of those who have none yet."""
    free = [int(p) for p in people if int(p) not in busy]
    for spot in spots:
        if not free:
            return
        nearest = min(free, key=lambda p: float(np.linalg.norm(xy[p] - spot)))
        free.remove(nearest)
        places[nearest] = spot
