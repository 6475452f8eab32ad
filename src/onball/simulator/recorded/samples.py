"""Samples of tracking data from kloppy: players and periods on a pitch of 105 x 68 m, and in ticks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onball.simulator.world import (
    BALL_RADIUS,
    PITCH_LENGTH,
    PITCH_WIDTH,
    TEAM_SIZE,
    TICK_MS,
    Floats,
)

_TEAMS = {"home": 0, "away": 1}
_SHOOT_OUT = 5  # kloppy's number of that "period"
_PLAYER_GAP_MS = 2000
"""Players are not on the pitch, or their position is unknown, during longer gaps in a track."""
_BALL_GAP_MS = 1000
_FLAT = BALL_RADIUS + 0.05
"""A ball that is never above this height, metres, was recorded without its height."""


@dataclass(frozen=True)
class Person:
    """A tracked player.

    Attributes:
        id: the provider's id.
        team: 0 home, 1 away.
        number: shirt number, or None.
        keeper: True for a goalkeeper according to the metadata.
    """

    id: str
    team: int
    number: int | None
    keeper: bool


@dataclass(frozen=True)
class Period:
    """Samples of one period on a pitch of 105 x 68 m, in which either team may defend the left goal.

    Attributes:
        number: the provider's number of the period, from 1.
        times_ms: time since the kick-off of the period, strictly increasing, `[F]`.
        xy: positions of the players, metres, `[F, players, 2]`; NaN where unknown.
        ball: centre of the ball, metres, `[F, 3]`; NaN where unknown, possibly only the height.
    """

    number: int
    times_ms: NDArray[np.int64]
    xy: NDArray[np.float32]
    ball: NDArray[np.float32]

    @property
    def ticks(self) -> int:
        """Number of ticks from the first sample to the last."""
        return int(self.times_ms[-1] - self.times_ms[0]) // TICK_MS + 1


def read_periods(dataset: Any) -> tuple[tuple[Person, ...], tuple[Period, ...]]:
    """Players and periods of a kloppy `TrackingDataset` in the coordinates of its provider.

    A penalty shoot-out is left out: it has no sides. Positions are scaled linearly along each axis. kloppy's
    `transform` is not used: it scales the areas between the lines of the pitch separately, which moves
    players by up to 1.3 m on a pitch of 100 x 64 m and distorts their speed at the lines.
    """
    people: dict[tuple[int, str], int] = {}
    found: list[Person] = []
    frames: dict[int, list[Any]] = {}
    for frame in dataset.records:
        if frame.period.id == _SHOOT_OUT:
            continue
        frames.setdefault(int(frame.period.id), []).append(frame)
        for player in frame.players_data:
            team = _TEAMS.get(player.team.ground.value) if player.team else None
            if team is not None and (team, str(player.player_id)) not in people:
                people[team, str(player.player_id)] = len(found)
                found.append(_person(player, team))
    to_pitch = _Scale(dataset.metadata.coordinate_system)
    periods = [_period(number, frames[number], people, to_pitch) for number in sorted(frames)]
    return tuple(found), tuple(periods)


def _person(player: Any, team: int) -> Person:
    number = player.jersey_no
    position = getattr(player.starting_position, "name", "")
    return Person(
        id=str(player.player_id),
        team=team,
        number=None if number is None else int(number),
        keeper=position == "Goalkeeper",
    )


class _Scale:
    """Linear map from a coordinate system of kloppy to metres from the centre spot."""

    def __init__(self, system: Any) -> None:
        pitch = system.pitch_dimensions
        self._x = self._limits(pitch.x_dim, PITCH_LENGTH, system)
        self._y = self._limits(pitch.y_dim, PITCH_WIDTH, system)
        # The side of the main camera, where y is negative here, is the bottom of a screen.
        self._up = 1.0 if system.vertical_orientation.value == "bottom-to-top" else -1.0
        self._height = {"cm": 0.01, "ft": 0.3048, "y": 0.9144}.get(pitch.unit.value, 1.0)

    @staticmethod
    def _limits(axis: Any, length: float, system: Any) -> tuple[float, float]:
        if axis.min is not None and axis.max is not None:
            return float(axis.min), float(axis.max)
        # A pitch of unknown size is assumed to have 105 x 68 m.
        return (-length / 2, length / 2) if system.origin.value == "center" else (0.0, length)

    def __call__(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Points `[..., 2 or 3]` in metres, with the height (if any) above the ground."""
        out = points.copy()
        for axis, (low, high) in enumerate((self._x, self._y)):
            out[..., axis] = (points[..., axis] - low) / (high - low) - 0.5
        out[..., 0] *= PITCH_LENGTH
        out[..., 1] *= PITCH_WIDTH * self._up
        out[..., 2:] *= self._height
        return out


def _period(
    number: int, frames: list[Any], people: dict[tuple[int, str], int], to_pitch: _Scale
) -> Period:
    xy = np.full((len(frames), len(people), 2), np.nan, np.float32)
    ball = np.full((len(frames), 3), np.nan, np.float32)
    times = np.empty(len(frames), np.int64)
    for row, frame in enumerate(frames):
        times[row] = round(frame.timestamp.total_seconds() * 1000)
        if frame.ball_coordinates is not None:
            point = frame.ball_coordinates
            height = getattr(point, "z", None)
            ball[row] = point.x, point.y, np.nan if height is None else height
        for player, data in frame.players_data.items():
            team = _TEAMS.get(player.team.ground.value) if player.team else None
            if team is not None and data.coordinates is not None:
                xy[row, people[team, str(player.player_id)]] = (
                    data.coordinates.x,
                    data.coordinates.y,
                )
    times, first = np.unique(times, return_index=True)
    return Period(number, times, to_pitch(xy[first]), to_pitch(ball[first]))


# Samples in ticks


@dataclass(frozen=True)
class Stint:
    """Time of a player on the pitch without a long gap.

    Attributes:
        person: index of the player.
        begin, end: first tick of the recording, and the tick after the last one.
        xy: positions, metres, `[end - begin, 2]`.
    """

    person: int
    begin: int
    end: int
    xy: NDArray[np.float32]


def stints(period: Period, begin: int, turn: float) -> list[Stint]:
    """Stints of all players in a period, interpolated to ticks, in order of their begin.

    Args:
        period: the samples.
        begin: first tick of the period.
        turn: -1 rotates the pitch by 180 degrees, 1 does not.
    """
    found = []
    times = period.times_ms - period.times_ms[0]
    for person in range(period.xy.shape[1]):
        known = np.flatnonzero(~np.isnan(period.xy[:, person, 0]))
        gaps = np.flatnonzero(np.diff(times[known]) > _PLAYER_GAP_MS) + 1
        for part in np.split(known, gaps):
            if not len(part):
                continue
            ticks = np.arange(-(-times[part[0]] // TICK_MS), times[part[-1]] // TICK_MS + 1)
            places = [
                np.interp(ticks * TICK_MS, times[part], turn * period.xy[part, person, axis])
                for axis in (0, 1)
            ]
            if len(ticks):
                first, end = begin + int(ticks[0]), begin + int(ticks[-1]) + 1
                found.append(Stint(person, first, end, np.stack(places, 1).astype(np.float32)))
    return sorted(found, key=lambda stint: (stint.begin, stint.person))


def ball_on_ticks(period: Period, turn: float) -> NDArray[np.float32]:
    """Centre of the ball at each tick of a period, `[ticks, 3]`; `turn` as in `stints`.

    NaN in gaps of more than a second; only the height is NaN where it was not recorded.
    """
    grid = np.arange(period.ticks) * TICK_MS
    times = period.times_ms - period.times_ms[0]
    places = period.ball.astype(np.float64) * (turn, turn, 1.0)
    if not (places[:, 2] > _FLAT).any():
        places[:, 2] = np.nan
    columns = [_filled(times, places[:, axis], grid) for axis in range(3)]
    columns[2] = np.maximum(columns[2], BALL_RADIUS)
    return np.stack(columns, axis=1).astype(np.float32)


def _filled(times: NDArray[np.int64], values: Floats, grid: NDArray[np.int64]) -> Floats:
    """Interpolate values `[F]` at times of a grid; NaN in long gaps."""
    known = np.flatnonzero(~np.isnan(values))
    if not len(known):
        return np.full(len(grid), np.nan)
    after = np.searchsorted(times[known], grid)
    inside = np.clip(after, 0, len(known) - 1)
    exact = times[known][inside] == grid
    between = (after > 0) & (after < len(known))
    gap = times[known][inside] - times[known][np.maximum(after - 1, 0)]
    filled = np.interp(grid, times[known], values[known])
    return np.where(exact | (between & (gap <= _BALL_GAP_MS)), filled, np.nan)


def averaged(values: Floats, width: int) -> Floats:
    """Moving average of `[T, ...]` over an odd number of ticks, ignoring NaN."""
    known = ~np.isnan(values)
    pad = ((width // 2 + 1, width // 2), *((0, 0),) * (values.ndim - 1))
    total = np.cumsum(np.pad(np.where(known, values, 0.0), pad), axis=0)
    count = np.cumsum(np.pad(known, pad), axis=0, dtype=np.int64)
    number = count[width:] - count[:-width]
    return np.asarray((total[width:] - total[:-width]) / np.maximum(number, 1))


# Teams


def home_defends_left(period: Period, people: Sequence[Person]) -> bool:
    """True if the home team defends the left goal in a period: its outermost players are further left."""
    middle = []
    for team in (0, 1):
        x = period.xy[:, [p.team == team for p in people], 0]
        x = x[~np.isnan(x).all(axis=1)] if x.size else x
        # Goalkeepers are the outermost players, at the ends that their teams defend.
        middle.append(np.mean(np.nanmin(x, 1) + np.nanmax(x, 1)) if x.size else 0.0)
    return bool(middle[0] <= middle[1])


def deepest(period: Period, people: Sequence[Person], team: int, home_left: bool) -> int | None:
    """The player of a team's first eleven who is on average nearest to his own goal: its goalkeeper.

    Args:
        period: samples.
        people: all players.
        team: 0 home, 1 away.
        home_left: whether the home team defends the left goal.

    Returns:
        Index of the player; None if the team has no player in the first second.
    """
    early = period.xy[period.times_ms <= period.times_ms[0] + 1000, :, 0]
    seen = np.count_nonzero(~np.isnan(early), axis=0)
    eleven = [i for i, person in enumerate(people) if person.team == team and seen[i]]
    toward = 1.0 if home_left == (team == 0) else -1.0
    return min(eleven, key=lambda i: toward * float(np.nanmean(period.xy[:, i, 0])), default=None)


def rows_of_team(
    found: Sequence[Stint], people: Sequence[Person], keeper: int | None
) -> tuple[list[tuple[int, Stint]], int]:
    """Assign the stints of a team to its rows 0 to 10.

    A player keeps his row; a substitute takes the row of the player who left last for good. Row 0 is that
    of the goalkeeper. A track without a row (of an unidentified player, say) may borrow an empty one.

    Args:
        found: stints of the team, in order of their begin.
        people: all players.
        keeper: index of the goalkeeper if the metadata do not name one.

    Returns:
        Rows and stints, and the number of stints for which there was no row.
    """
    last_end = {stint.person: stint.end for stint in found}
    owner: list[int | None] = [None] * TEAM_SIZE
    busy_until = [0] * TEAM_SIZE
    placed, dropped = [], 0
    for stint in found:
        free = [row for row in range(TEAM_SIZE) if busy_until[row] <= stint.begin]
        is_keeper = stint.person == keeper or people[stint.person].keeper
        own = [row for row in free if owner[row] == stint.person]
        vacant = [row for row in free if owner[row] is None and (row == 0) == is_keeper]
        gone = [
            row for row in free if (who := owner[row]) is not None and last_end[who] <= stint.begin
        ]
        left = sorted(gone, key=lambda row: -busy_until[row])
        if is_keeper:
            left.sort(key=lambda row: row != 0)
        choices = own or vacant or left or free[::-1]
        if not choices:
            dropped += 1
            continue
        row = choices[0]
        if not own and (vacant or left) and stint.person not in owner:
            owner[row] = stint.person
        busy_until[row] = stint.end
        placed.append((row, stint))
    return placed, dropped
