"""Players and periods of a kloppy data set, scaled from its provider's pitch to ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onball.simulator.world import BALL_RADIUS, PITCH_LENGTH, PITCH_WIDTH, TEAM_SIZE, TICK_MS

_TEAMS = {"home": 0, "away": 1}
_SHOOT_OUT = 5  # kloppy's number of that "period"


@dataclass(frozen=True)
class Person:
    """A tracked player: his provider's id and shirt number, team 0 (home) or 1 (away)."""

    id: str
    team: int
    number: int | None
    keeper: bool


@dataclass(frozen=True)
class Period:
    """The samples of one period, on our pitch but as the file has it: either team may defend the left.

    Attributes:
        number: the provider's number of the period, from 1.
        times_ms: since the period's kick-off, strictly growing, `[F]`.
        xy: players' places, NaN where unknown, `[F, players, 2]`.
        ball: `[F, 3]`, NaN where unknown; a height may be NaN alone.
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
    """Players and periods of a kloppy `TrackingDataset` that is in its provider's own coordinates.

    A shoot-out is left out: it has no sides.
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
    """From a kloppy coordinate system to ours, linearly along each axis."""

    def __init__(self, system: Any) -> None:
        pitch = system.pitch_dimensions
        self._x = self._limits(pitch.x_dim, PITCH_LENGTH, system)
        self._y = self._limits(pitch.y_dim, PITCH_WIDTH, system)
        # On a screen the main camera's side is the bottom: there our y is negative.
        self._up = 1.0 if system.vertical_orientation.value == "bottom-to-top" else -1.0
        self._height = {"cm": 0.01, "ft": 0.3048, "y": 0.9144}.get(pitch.unit.value, 1.0)

    @staticmethod
    def _limits(axis: Any, length: float, system: Any) -> tuple[float, float]:
        if axis.min is not None and axis.max is not None:
            return float(axis.min), float(axis.max)
        # A pitch of unknown size is taken to be ours.
        return (-length / 2, length / 2) if system.origin.value == "center" else (0.0, length)

    def __call__(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Points `[..., 2 or 3]` in metres; the height, if any, from the ground."""
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


# --- From samples to the simulator's grid of ticks.


Floats = NDArray[np.float64]

_PLAYER_GAP_MS = 2000  # longer holes in a track: he was not on the pitch (or nobody knows where)
_BALL_GAP_MS = 1000
_FLAT = BALL_RADIUS + 0.05  # a ball that never rises above this was recorded without its height


@dataclass(frozen=True)
class Stay:
    """A stretch in which a person is on the pitch, in ticks of the whole recording, `end` excluded."""

    person: int
    begin: int
    end: int
    xy: NDArray[np.float32]


def stays(period: Period, begin: int, turn: float) -> list[Stay]:
    """Everybody's stretches on the pitch, interpolated to ticks, in order of their beginning.

    Args:
        period: the samples.
        begin: the tick with which the period begins.
        turn: -1 turns the pitch by half a circle, 1 leaves it.
    """
    found = []
    times = period.times_ms - period.times_ms[0]
    for person in range(period.xy.shape[1]):
        known = np.flatnonzero(~np.isnan(period.xy[:, person, 0]))
        holes = np.flatnonzero(np.diff(times[known]) > _PLAYER_GAP_MS) + 1
        for part in np.split(known, holes):
            if not len(part):
                continue
            ticks = np.arange(-(-times[part[0]] // TICK_MS), times[part[-1]] // TICK_MS + 1)
            places = [
                np.interp(ticks * TICK_MS, times[part], turn * period.xy[part, person, axis])
                for axis in (0, 1)
            ]
            if len(ticks):
                first, end = begin + int(ticks[0]), begin + int(ticks[-1]) + 1
                found.append(Stay(person, first, end, np.stack(places, 1).astype(np.float32)))
    return sorted(found, key=lambda stay: (stay.begin, stay.person))


def ball_on_ticks(period: Period, turn: float) -> NDArray[np.float32]:
    """The ball `[ticks, 3]`, NaN in holes; a height is NaN alone where only the place is known."""
    grid = np.arange(period.ticks) * TICK_MS
    times = period.times_ms - period.times_ms[0]
    places = period.ball.astype(np.float64) * (turn, turn, 1.0)
    if not (places[:, 2] > _FLAT).any():
        places[:, 2] = np.nan
    columns = [_filled(times, places[:, axis], grid) for axis in range(3)]
    columns[2] = np.maximum(columns[2], BALL_RADIUS)
    return np.stack(columns, axis=1).astype(np.float32)


def _filled(times: NDArray[np.int64], values: Floats, grid: NDArray[np.int64]) -> Floats:
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


def seen_ball(ball: NDArray[np.float32]) -> Floats:
    """The ball on the ground `[T, 2]`; while out of sight, on its way to where it reappears."""
    known = np.flatnonzero(~np.isnan(ball[:, 0]))
    if not len(known):
        return np.zeros((len(ball), 2))
    ticks = np.arange(len(ball))
    return np.stack([np.interp(ticks, known, ball[known, axis]) for axis in (0, 1)], axis=1)


def averaged(values: Floats, width: int) -> Floats:
    """Moving average over an odd number of ticks, `[T, n]`; NaN do not count."""
    known = ~np.isnan(values)
    pad = ((width // 2 + 1, width // 2), *((0, 0),) * (values.ndim - 1))
    total = np.cumsum(np.pad(np.where(known, values, 0.0), pad), axis=0)
    count = np.cumsum(np.pad(known, pad), axis=0, dtype=np.int64)
    number = count[width:] - count[:-width]
    return np.asarray((total[width:] - total[:-width]) / np.maximum(number, 1))


# --- What makes recorded players a team: the goal they defend, their keeper, and who fill


def home_defends_left(period: Period, people: Sequence[Person]) -> bool:
    """Whether the home team defends the left goal: its outermost players stand further left."""
    middle = []
    for team in (0, 1):
        x = period.xy[:, [p.team == team for p in people], 0]
        x = x[~np.isnan(x).all(axis=1)] if x.size else x
        # The keepers keep the outermost places at the ends that their teams defend.
        middle.append(np.mean(np.nanmin(x, 1) + np.nanmax(x, 1)) if x.size else 0.0)
    return bool(middle[0] <= middle[1])


def deepest(period: Period, people: Sequence[Person], team: int, home_left: bool) -> int | None:
    """Who of a team's first eleven is on average nearest to his own goal: surely its keeper."""
    early = period.xy[period.times_ms <= period.times_ms[0] + 1000, :, 0]
    seen = np.count_nonzero(~np.isnan(early), axis=0)
    eleven = [i for i, person in enumerate(people) if person.team == team and seen[i]]
    toward = 1.0 if home_left == (team == 0) else -1.0
    return min(eleven, key=lambda i: toward * float(np.nanmean(period.xy[:, i, 0])), default=None)


def rows_of_team(
    found: Sequence[Stay], people: Sequence[Person], keeper: int | None
) -> tuple[list[tuple[int, Stay]], int]:
    """Which of a team's rows, 0 to 10, each stay fills, and how many stays there was no row for.

    A player keeps his row; one who comes on takes that of who left last for good. Row 0 is the
    goalkeeper's. A track without a place of its own (an unnamed one, say) may borrow an empty row.
    """
    # In order of beginnings, so that the last one's remains.
    last_end = {stay.person: stay.end for stay in found}
    owner: list[int | None] = [None] * TEAM_SIZE
    busy_until = [0] * TEAM_SIZE
    placed, dropped = [], 0
    for stay in found:
        free = [row for row in range(TEAM_SIZE) if busy_until[row] <= stay.begin]
        is_keeper = stay.person == keeper or people[stay.person].keeper
        own = [row for row in free if owner[row] == stay.person]
        vacant = [row for row in free if owner[row] is None and (row == 0) == is_keeper]
        gone = [
            row for row in free if (who := owner[row]) is not None and last_end[who] <= stay.begin
        ]
        left = sorted(gone, key=lambda row: -busy_until[row])
        if is_keeper:
            left.sort(key=lambda row: row != 0)
        choices = own or vacant or left or free[::-1]
        if not choices:
            dropped += 1
            continue
        row = choices[0]
        if not own and (vacant or left) and stay.person not in owner:
            owner[row] = stay.person
        busy_until[row] = stay.end
        placed.append((row, stay))
    return placed, dropped
