"""Places towards which people move: team shapes that shift with the ball, marking, runs, bystanders."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from onball.simulator.world import (
    ASSISTANTS,
    GOALKEEPERS,
    HALF_LENGTH,
    HALF_WIDTH,
    PEOPLE,
    PLAYERS,
    REFEREE,
    SUBSTITUTES,
    TEAM_SIZE,
    TICK_MS,
    TICK_S,
    Floats,
)

_SHAPES: dict[str, tuple[tuple[float, float], ...]] = {
    "4-4-2": ((-17, -21), (-20, -7), (-20, 7), (-17, 21), (-1, -22), (-4, -7.5), (-4, 7.5), (-1, 22),
              (13, -7), (13, 8)),
    "4-3-3": ((-17, -21), (-20, -7), (-20, 7), (-17, 21), (-6, 0), (-2, -11), (-2, 11), (10, -21),
              (14, 0), (10, 21)),
    "4-2-3-1": ((-17, -21), (-20, -7), (-20, 7), (-17, 21), (-8, -6), (-8, 6), (4, -20), (5, 0),
                (4, 20), (14, 1)),
    "3-5-2": ((-20, -12), (-21, 0), (-20, 12), (-3, -25), (-6, -9), (-8, 1), (-5, 10), (-3, 25),
              (12, -6), (13, 7)),
}  # fmt: skip
"""Outfield places of a side that attacks towards +x, relative to the centre of its block, metres."""
_WARM_UP_LINE = HALF_WIDTH + 2.4
"""Substitutes warm up between the far touchline and the boards."""


# While play is planned, rows 0-10 are the side that defends the left goal.


def attack_direction(person: int) -> float:
    """+1 for the side that attacks towards +x, -1 for the other."""
    return 1.0 if person < TEAM_SIZE else -1.0


def team_of(person: int) -> int:
    """0 for the side that defends the left goal, 1 for the other."""
    return 0 if person < TEAM_SIZE else 1


def members(team: int) -> range:
    """Rows of a side, goalkeeper first."""
    return range(team * TEAM_SIZE, (team + 1) * TEAM_SIZE)


def outfield(team: int) -> NDArray[np.int64]:
    """Rows of a side without its goalkeeper, `[10]`."""
    return np.array(members(team)[1:])


#: Rows of each team's players, and indices of those without the goalkeeper.
_ROWS = [slice(team * TEAM_SIZE, (team + 1) * TEAM_SIZE) for team in (0, 1)]
_OUTFIELD = [outfield(team) for team in (0, 1)]


def lengths(vectors: Floats) -> Floats:
    """Lengths `[...]` of vectors `[..., 2]`; several times as fast as `np.linalg.norm` for few."""
    x, y = vectors[..., 0], vectors[..., 1]
    return np.asarray(np.sqrt(x * x + y * y))


class Formation:
    """Places of 22 players, officials and substitutes.

    Args:
        rng: random numbers of the match; chooses one of four formations for each side.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        names = list(_SHAPES)
        self._shapes = [
            np.array(((-50.0, 0.0), *_SHAPES[names[int(rng.integers(len(names)))]]))
            for _ in range(2)
        ]
        self._width = rng.uniform(0.92, 1.08, 2)
        self._line = rng.uniform(-3.0, 3.0, 2)  # metres by which each side plays higher
        self._wander = rng.normal(0, 2.0, (PEOPLE, 2))
        self._run_left_s = np.zeros(PLAYERS)
        self._run = np.zeros((PLAYERS, 2))
        self._jog = rng.uniform(0, 60, len(SUBSTITUTES))
        self._ticks = 0

    def places(self, ball: Floats, possession: int, *, kick_off: bool = False) -> Floats:
        """Places without set pieces and appointments, `[PEOPLE, 2]`, metres.

        Args:
            ball: position on the ground, `[2]`.
            possession: side that has the ball.
            kick_off: both sides stay in their own halves.
        """
        ball_x, ball_y = ball.tolist()
        places = np.empty((PEOPLE, 2))
        for team in (0, 1):
            direction = 1.0 if team == 0 else -1.0
            has_ball = team == possession
            along = ball_x * direction
            centre = 0.72 * along + (4.0 if has_ball else -5.0) + self._line[team]
            centre = min(max(centre, -24.0), 27.0)
            shape = places[_ROWS[team]]
            shape[:] = self._shapes[team]
            block = shape[1:]
            block *= (1.1, 1.1) if has_ball else (0.85, 0.8)
            block *= (1.0, self._width[team])
            block += (centre, 0.3 * ball_y * direction)
            shape[0] = -49.5 + 0.12 * min(max(along + 50, 0.0), 80.0), 0.12 * ball_y * direction
            if kick_off:
                block[:, 0] = np.minimum(block[:, 0] - 5, -1.5)
                # Law 8: opponents are at least 9.15 m from the ball.
                gap = lengths(block)
                near = (gap < 9.6) & (team != possession)
                block[near, 0] -= 9.6 - gap[near]
            shape *= direction
        places[REFEREE] = 0.8 * ball + (-9.0, 7.0)
        places += self._wander
        if not kick_off:
            places[:PLAYERS] += self._run * (self._run_left_s > 0)[:, None]
        _limit(places[:PLAYERS, 0], HALF_LENGTH - 0.5)
        _limit(places[:, 1], HALF_WIDTH - 1)
        self._place_assistants(places, ball)
        self._place_substitutes(places)
        return places

    def drift(self, possession: int, *, live: bool) -> None:
        """Advance the random part by one tick: small deviations, and runs off the ball in live play."""
        rng = self._rng
        self._ticks += 1
        self._wander += rng.normal(0, 0.16, (PEOPLE, 2)) - 0.004 * self._wander
        self._run_left_s = np.maximum(self._run_left_s - TICK_S, 0.0)
        starts = rng.random(PLAYERS) < 0.05 * TICK_S
        if not live:
            self._run_left_s[:] = 0.0
            return
        for person in np.flatnonzero(starts & (self._run_left_s == 0)).tolist():
            if team_of(person) == possession and person not in GOALKEEPERS:
                forward = attack_direction(person) * rng.uniform(6, 15)
                self._run[person] = forward, rng.normal(0, 5)
                self._run_left_s[person] = rng.uniform(1.2, 3.0)

    def running(self) -> NDArray[np.bool_]:
        """Mask of players on a run off the ball, `[PLAYERS]`."""
        return self._run_left_s > 0

    def mark(
        self, places: Floats, xy: Floats, ball: Floats, possession: int, busy: set[int]
    ) -> None:
        """Move defenders towards nearby opponents, and the two nearest to the ball towards it, in place.

        Args:
            places: from `places`, `[PEOPLE, 2]`; changed in place.
            xy: positions of people, `[PEOPLE, 2]`.
            ball: position on the ground, `[2]`.
            possession: side that has the ball.
            busy: people with appointments, who do not press.
        """
        defenders, attackers = _OUTFIELD[1 - possession], _OUTFIELD[possession]
        own_goal = np.array([-HALF_LENGTH if possession == 1 else HALF_LENGTH, 0.0])
        from_place, opponents = places[defenders], xy[attackers]
        gaps = lengths(from_place[:, None] - opponents)
        closest = np.argmin(gaps, axis=1)
        nearest = opponents[closest]
        goalward = own_goal - nearest
        goalward /= (lengths(goalward) + 1e-6)[:, None]
        pull = 0.55 * np.minimum(np.maximum(1 - (gaps.min(1) - 3) / 9, 0), 1)[:, None]
        places[defenders] += pull * (nearest + 1.8 * goalward - from_place)
        to_ball = lengths(xy[defenders] - ball)
        goalward = (own_goal - ball) / (np.linalg.norm(own_goal - ball) + 1e-6)
        pressing = defenders[np.argsort(to_ball, kind="stable")[:2]]
        for person, room in zip(pressing, (1.7, 5.5), strict=True):
            if int(person) not in busy:
                places[person] = ball + goalward * room

    @staticmethod
    def _place_assistants(places: Floats, ball: Floats) -> None:
        """Put each assistant level with the second last defender or the ball, in his half."""
        for assistant, side, team in ((ASSISTANTS[0], 1.0, 1), (ASSISTANTS[1], -1.0, 0)):
            depths = sorted((side * places[_ROWS[team], 0]).tolist())
            line = max(depths[-2], side * float(ball[0]), 0.0)
            # The assistant of the right half is on the near side, the other one on the far side.
            places[assistant] = (
                side * min(line, HALF_LENGTH + 0.4),
                -side * (HALF_WIDTH + 1.1),
            )

    def _place_substitutes(self, places: Floats) -> None:
        """Let substitutes jog up and down the far side, with pauses for stretching."""
        seconds = self._ticks * TICK_MS / 1000
        rows = []
        for number, jog in enumerate(self._jog.tolist()):
            home = -1.0 if number < len(SUBSTITUTES) // 2 else 1.0
            cycle = (seconds + jog) % 60
            # 0-15 s out, 15-30 s on the spot, 30-45 s back, 45-60 s on the spot.
            fraction = min(cycle / 15, 1.0) if cycle < 30 else max(1 - (cycle - 30) / 15, 0.0)
            lane = number % (len(SUBSTITUTES) // 2)
            rows.append(
                (home * (16.0 + 3.2 * lane + 14.0 * fraction), _WARM_UP_LINE + 0.5 * (lane % 2))
            )
        places[SUBSTITUTES[0] : SUBSTITUTES[-1] + 1] = rows


def _limit(values: Floats, most: float) -> None:
    """Limit numbers to -`most` … `most`, in place."""
    np.minimum(np.maximum(values, -most, out=values), most, out=values)
