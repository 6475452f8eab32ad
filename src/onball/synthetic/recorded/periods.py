"""Players and periods of a kloppy data set, scaled from its provider's pitch to ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onball.synthetic.world import PITCH_LENGTH, PITCH_WIDTH, TICK_MS

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
