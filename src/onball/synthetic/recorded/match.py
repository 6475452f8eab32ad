"""A recorded match on the simulator's grid of ticks: its people, its ball, and the events placed on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onball.errors import DataError
from onball.events import Event, EventList, Team
from onball.synthetic.recorded.acts import Act, Placed
from onball.synthetic.recorded.dead_times import dead_times
from onball.synthetic.recorded.flight import as_played, with_heights
from onball.synthetic.recorded.gait import gait
from onball.synthetic.recorded.gestures import gesture_of, gesture_tracks
from onball.synthetic.recorded.officials import add_officials
from onball.synthetic.recorded.periods import Period, Person
from onball.synthetic.recorded.teams import deepest, home_defends_left, rows_of_team
from onball.synthetic.recorded.ticks import Stay, ball_on_ticks, stays
from onball.synthetic.world import PEOPLE, PLAYERS, TEAM_SIZE, TICK_MS, Motion, half_time

_KICK_OFF_SLACK = 25  # ticks by which events may precede or follow their period's samples
_BREAK = 75  # ticks between two periods: everybody stands, no ball is in sight


class RecordedMatch:
    """A match cut to the wanted stretch. Raises `DataError` if nothing is recorded there."""

    def __init__(
        self,
        source: Path,
        people: Sequence[Person],
        periods: Sequence[Period],
        start_ms: int,
        duration_ms: int | None,
    ) -> None:
        if not people or not periods:
            raise DataError(f"{source}: no player is tracked in it: is it the right file?")
        self._people, self._periods = people, periods
        lengths = [period.ticks + _BREAK for period in periods]
        self._begins = [sum(lengths[:i]) for i in range(len(periods))]
        self._total = sum(lengths) - _BREAK
        wanted = self._total if duration_ms is None else -(-duration_ms // TICK_MS)
        self._start = start_ms // TICK_MS
        self._end = min(self._total, self._start + wanted)
        #: The kept periods, and for each whether the pitch is turned (-1) or not (1).
        self._turns: dict[int, float] = {}
        for i, period in enumerate(periods):
            if self._begins[i] < self._end and self._begins[i] + period.ticks > self._start:
                home_left = home_defends_left(period, people)
                self._turns[i] = 1.0 if home_left == (len(self._turns) % 2 == 0) else -1.0
        if not self._turns:
            seconds = self._total * TICK_MS / 1000
            raise DataError(
                f"{source}: nothing at {start_ms} ms: the recording has {seconds:.1f} s: "
                "choose an earlier start"
            )
        self.left_out = 0
        self._stays: dict[int, list[tuple[int, Stay]]] = {}
        self._placed: list[Placed] = []
        self._xy, self._ball = self._on_ticks()

    def _on_ticks(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Players and ball over all ticks of the recording; periods that are not kept stay NaN."""
        xy = np.full((self._total, PEOPLE, 2), np.nan, np.float32)
        ball = np.full((self._total, 3), np.nan, np.float32)
        found: list[Stay] = []
        for i, turn in self._turns.items():
            begin, period = self._begins[i], self._periods[i]
            found += stays(period, begin, turn)
            ball[begin : begin + period.ticks] = ball_on_ticks(period, turn)
        first = next(iter(self._turns))
        home_left = self._turns[first] > 0
        for team in (0, 1):
            keeper = None
            if not any(p.keeper and p.team == team for p in self._people):
                keeper = deepest(self._periods[first], self._people, team, home_left)
            mine = [stay for stay in found if self._people[stay.person].team == team]
            placed, dropped = rows_of_team(mine, self._people, keeper)
            self.left_out += dropped
            for row, stay in placed:
                row += team * TEAM_SIZE
                xy[stay.begin : stay.end, row] = stay.xy
                self._stays.setdefault(stay.person, []).append((row, stay))
        for i in self._turns:
            over = self._begins[i] + self._periods[i].ticks
            xy[over : over + _BREAK] = xy[over - 1]
        return xy, ball

    def place(self, found: Sequence[Act]) -> int:
        """Puts acts on the grid and keeps them; returns how many lie outside the tracking data."""
        placed = [Placed(act, tick) for act in found if (tick := self._tick(act)) is not None]
        inside = [item for item in placed if self._start <= item.tick < self._end]
        played = as_played(inside, self._ball[: self._end])
        self._placed = [self._with_person(item) for item in played]
        return len(found) - len(placed)

    def _tick(self, act: Act) -> int | None:
        """The tick of an act in the recording, or None if it lies outside."""
        if act.side is not None:
            index = act.half - 1
            if index >= len(self._periods):
                return None
            tick = self._begins[index] + round(act.time_ms / TICK_MS)
            return tick if tick < self._total else None
        for begin, period in zip(self._begins, self._periods, strict=True):
            if period.number == act.half:
                tick = round((act.time_ms - int(period.times_ms[0])) / TICK_MS)
                inside = -_KICK_OFF_SLACK <= tick < period.ticks + _KICK_OFF_SLACK
                return begin + min(max(tick, 0), period.ticks - 1) if inside else None
        return None

    def _order(self, tick: int) -> tuple[int, float]:
        """Which of the kept periods a tick is in, counted from 0, and how that one is turned."""
        later = [k for k, i in enumerate(self._turns) if self._begins[i] <= tick]
        order = later[-1] if later else 0
        return order, list(self._turns.values())[order]

    def _with_person(self, item: Placed) -> Placed:
        act, tick = item.act, item.tick
        order, turn = self._order(tick)
        if act.side in (Team.LEFT, Team.RIGHT):
            left = (act.side is Team.LEFT) == (turn > 0)
            act = replace(act, team=int(left == (order % 2 == 1)))
        row = self._named(act, tick)
        if row < 0:
            row = _nearest_row(self._xy[tick], self._ball[tick], act.team)
        return Placed(act, tick, row)

    def _named(self, act: Act, tick: int) -> int:
        """The row of the player whom the event names, if he is on the pitch; else -1."""
        mine = [(i, p) for i, p in enumerate(self._people) if p.team == act.team]
        by_id = [i for i, p in mine if act.player is not None and p.id == act.player]
        by_number = [i for i, p in mine if act.number is not None and p.number == act.number]
        for person in by_id or by_number:
            for row, stay in self._stays.get(person, []):
                if stay.begin <= tick < stay.end:
                    return row
        return -1

    def _side(self, item: Placed) -> Team:
        if item.act.team is None:
            return Team.UNKNOWN
        home_left = self._order(item.tick)[0] % 2 == 0
        return Team.LEFT if (item.act.team == 0) == home_left else Team.RIGHT

    def motion(self, name: str) -> Motion:
        """Everything within the wanted stretch."""
        window = slice(self._start, self._end)
        xy = self._xy[window].copy()
        placed = [replace(item, tick=item.tick - self._start) for item in self._placed]
        begins = [self._begins[i] - self._start for i in self._turns]
        halves = [0, *begins[1:]]
        ball = with_heights(self._ball[window], placed)
        add_officials(xy, ball, halves)
        heading, speed, stride = gait(xy, ball, halves)
        contacts = []
        for item in placed:
            away = ball[item.tick, :2] - xy[item.tick, item.row]
            facing = heading[item.tick, item.row]
            on_left = float(np.cos(facing) * away[1] - np.sin(facing) * away[0]) > 0
            contacts.append((item.tick, item.row, gesture_of(item.act, on_left)))
        gesture, gesture_ms = gesture_tracks(contacts, len(xy))
        labels = [
            Event(item.tick * TICK_MS, item.act.action, team=self._side(was))
            for item, was in zip(placed, self._placed, strict=True)
        ]
        breaks = [begin - _BREAK for begin in begins[1:]]
        return Motion(
            xy=xy,
            heading=heading,
            speed=speed,
            stride=stride,
            gesture=gesture,
            gesture_ms=gesture_ms,
            ball=ball,
            spare_ball=np.full_like(ball, np.nan),
            events=EventList.of(labels, match=name, metadata=half_time(halves)),
            dead_times=dead_times(placed, halves, breaks),
            halves=tuple(halves),
        )


def _nearest_row(xy: NDArray[np.float32], ball: NDArray[np.float32], team: int | None) -> int:
    """Who of the team (None: of both) is nearest to the ball `[3]`, of people `[PEOPLE, 2]`; or -1."""
    rows = range(PLAYERS) if team is None else range(team * TEAM_SIZE, (team + 1) * TEAM_SIZE)
    gaps = np.linalg.norm(xy[rows] - ball[:2], axis=1)
    return -1 if np.isnan(gaps).all() else int(rows[int(np.nanargmin(gaps))])
