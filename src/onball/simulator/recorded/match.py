"""Recorded matches: tracking and event data become a `Motion`, as a simulated match is one.

`recorded_motion` reads the files; `RecordedMatch` resamples players and ball to ticks, places the actions
on them, and completes what the data lack: officials, headings, gestures, the height of the ball.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onball.errors import DataError, InputError, OnballWarning
from onball.events import Event, EventList, Team
from onball.formats.providers.actions import RecordedAction, actions_of_events
from onball.formats.providers.loading import load_tracking_data
from onball.simulator.recorded.actions import PlacedAction, actions_of_labels, dead_times
from onball.simulator.recorded.movement import (
    add_officials,
    gait,
    gesture_of,
    gesture_tracks,
    refine_by_ball,
    with_heights,
)
from onball.simulator.recorded.providers import EVENTS, TRACKING, provider_of, read_events
from onball.simulator.recorded.samples import (
    Period,
    Person,
    Stint,
    ball_on_ticks,
    deepest,
    home_defends_left,
    read_periods,
    rows_of_team,
    stints,
)
from onball.simulator.world import PEOPLE, PLAYERS, TEAM_SIZE, TICK_MS, Motion, halftime_metadata

_KICK_OFF_SLACK = 25  # ticks by which events may precede or follow the samples of their period
_BREAK = 75  # ticks between two periods, in which everybody stands and no ball is visible
_MOST_FRAMES_PER_SECOND = 60  # of any provider


def recorded_motion(
    tracking: Path,
    events: Path | None = None,
    *,
    provider: str | None = None,
    meta: Path | None = None,
    events_provider: str | None = None,
    events_meta: Path | None = None,
    start_ms: int = 0,
    duration_ms: int | None = None,
    name: str = "",
) -> Motion:
    """Read the motion and the labels of a recorded match.

    Time 0 is the first frame of the first period, or `start_ms` after it; periods follow each other after a
    break of three seconds. If necessary, a period is rotated so that the home team defends the left goal
    in the first and the right goal in the second one, as everywhere in the simulator. The pitch is scaled
    to 105 x 68 m. In a file of labels, times of the first half count from the first frame and those of
    another half from its begin, and sides are those of the tracking file.

    Args:
        tracking: file of tracking data; of Metrica's CSV, that of either team.
        events: file of event data, a `Labels-ball.json` or onball's CSV; None for no labels.
        provider: one of `providers.TRACKING`; None detects it by the content.
        meta: metadata that the provider needs; for Metrica's CSV, found by name.
        events_provider: one of `providers.EVENTS`; None detects it by the content.
        events_meta: metadata that the events need; None for `meta` if that is of the same provider.
        start_ms: length of the recording to skip, milliseconds.
        duration_ms: length of the recording to read, milliseconds; None for all.
        name: SoccerNet's name of the match, for the labels.

    Warns:
        OnballWarning: with counts of events that are no ball actions, of actions outside the tracking data,
            and of players beyond the eleventh of a team.

    Raises:
        InputError: if a file is missing, a provider is unknown, or kloppy cannot read a file.
        DataError: if nothing is recorded there, or the events are of another match.
    """
    if start_ms < 0:
        raise InputError(f"start at {start_ms} ms: choose 0 or later")
    if duration_ms is not None and duration_ms <= 0:
        raise InputError(f"duration of {duration_ms} ms: choose more than 0")
    provider, meta = _tracking_source(tracking, provider, meta)
    limit = None
    if duration_ms is not None:
        limit = (start_ms + duration_ms) * _MOST_FRAMES_PER_SECOND // 1000 + 60
    people, periods = read_periods(load_tracking_data(tracking, provider, meta, limit))
    match = RecordedMatch(tracking, people, periods, start_ms, duration_ms)
    left_out = []
    if match.left_out:
        left_out.append(
            f"{tracking}: {match.left_out} stretches of players beyond the eleventh of a team"
        )
    if events is not None:
        # The CSV of the other team is "metadata" of Metrica's tracking data, but not of its events.
        shared = None if meta.suffix.lower() == ".csv" else meta
        found, ignored = _read_actions(events, events_provider, events_meta, (provider, shared))
        outside = match.place(found)
        # With a limit, later events may belong to the part of the tracking data that was not read.
        if limit is None and outside:
            if outside == len(found):
                raise DataError(
                    f"{events}: no event of it lies within {tracking}: are they of one match?"
                )
            left_out.append(f"{events}: {outside} actions outside the tracking data")
        if ignored:
            kinds = ", ".join(f"{count} {kind}" for kind, count in ignored.most_common())
            left_out.append(
                f"{events}: {ignored.total()} events that are no ball actions ({kinds})"
            )
    for line in left_out:
        warnings.warn(f"{line}: left out", OnballWarning, stacklevel=2)
    return match.motion(name)


def _tracking_source(path: Path, provider: str | None, meta: Path | None) -> tuple[str, Path]:
    """Provider and metadata of tracking data; the second CSV of Metrica is found by its name."""
    provider = provider_of(path, provider, TRACKING, "--tracking-provider")
    if meta is None and provider == "metrica":
        swap = {"home": "away", "away": "home", "Home": "Away", "Away": "Home"}
        other = path.with_name(re.sub("|".join(swap), lambda m: swap[m[0]], path.name))
        meta = other if other != path and other.is_file() else None
    if meta is None:
        raise InputError(
            f"{path}: {provider} tracking data needs {TRACKING[provider].needs}: add --tracking-meta FILE"
        )
    return provider, meta


def _read_actions(
    path: Path, name: str | None, meta: Path | None, tracking: tuple[str, Path | None]
) -> tuple[list[RecordedAction], Counter[str]]:
    """Actions in a file of events, and counts of its other events; `tracking`: provider and metadata."""
    name = provider_of(path, name, EVENTS, "--events-provider")
    needs = EVENTS[name].needs
    if meta is None and name == tracking[0]:
        meta = tracking[1]
    if needs and meta is None:
        raise InputError(f"{path}: {name} event data needs {needs}: add --events-meta FILE")
    content = read_events(path, name, meta)
    if isinstance(content, EventList):
        return actions_of_labels(content), Counter()
    return actions_of_events(content)


class RecordedMatch:
    """A recorded match, cut to a stretch of its recording.

    Args:
        source: file of tracking data, for error messages.
        people: all players.
        periods: samples of all periods.
        start_ms: begin of the stretch, milliseconds.
        duration_ms: length of the stretch, milliseconds; None for all.

    Attributes:
        left_out: number of stints without a row.

    Raises:
        DataError: if nothing is recorded in the stretch.
    """

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
        # Periods in the stretch, and for each -1 if it is rotated by 180 degrees, else 1.
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
        self._stints: dict[int, list[tuple[int, Stint]]] = {}
        self._placed: list[PlacedAction] = []
        self._xy, self._ball = self._on_ticks()

    def _on_ticks(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Players `[T, PEOPLE, 2]` and ball `[T, 3]` at all ticks; NaN in periods outside the stretch."""
        xy = np.full((self._total, PEOPLE, 2), np.nan, np.float32)
        ball = np.full((self._total, 3), np.nan, np.float32)
        found: list[Stint] = []
        for i, turn in self._turns.items():
            begin, period = self._begins[i], self._periods[i]
            found += stints(period, begin, turn)
            ball[begin : begin + period.ticks] = ball_on_ticks(period, turn)
        first = next(iter(self._turns))
        home_left = self._turns[first] > 0
        for team in (0, 1):
            keeper = None
            if not any(p.keeper and p.team == team for p in self._people):
                keeper = deepest(self._periods[first], self._people, team, home_left)
            mine = [stint for stint in found if self._people[stint.person].team == team]
            placed, dropped = rows_of_team(mine, self._people, keeper)
            self.left_out += dropped
            for row, stint in placed:
                row += team * TEAM_SIZE
                xy[stint.begin : stint.end, row] = stint.xy
                self._stints.setdefault(stint.person, []).append((row, stint))
        for i in self._turns:
            over = self._begins[i] + self._periods[i].ticks
            xy[over : over + _BREAK] = xy[over - 1]
        return xy, ball

    def place(self, found: Sequence[RecordedAction]) -> int:
        """Place actions in the match; returns the number of those outside the tracking data."""
        placed = [
            PlacedAction(recorded, tick)
            for recorded in found
            if (tick := self._tick(recorded)) is not None
        ]
        inside = [item for item in placed if self._start <= item.tick < self._end]
        played = refine_by_ball(inside, self._ball[: self._end])
        self._placed = [self._with_person(item) for item in played]
        return len(found) - len(placed)

    def _tick(self, recorded: RecordedAction) -> int | None:
        """Tick of an action in the recording, or None if it is outside."""
        if recorded.side is not None:
            index = recorded.half - 1
            if index >= len(self._periods):
                return None
            tick = self._begins[index] + round(recorded.time_ms / TICK_MS)
            return tick if tick < self._total else None
        for begin, period in zip(self._begins, self._periods, strict=True):
            if period.number == recorded.half:
                tick = round((recorded.time_ms - int(period.times_ms[0])) / TICK_MS)
                inside = -_KICK_OFF_SLACK <= tick < period.ticks + _KICK_OFF_SLACK
                return begin + min(max(tick, 0), period.ticks - 1) if inside else None
        return None

    def _order(self, tick: int) -> tuple[int, float]:
        """Index of the period of a tick among those in the stretch, and the rotation of that period."""
        later = [k for k, i in enumerate(self._turns) if self._begins[i] <= tick]
        order = later[-1] if later else 0
        return order, list(self._turns.values())[order]

    def _with_person(self, item: PlacedAction) -> PlacedAction:
        """Add team and row: of the player in the event, or of the one who is nearest to the ball."""
        recorded, tick = item.recorded, item.tick
        order, turn = self._order(tick)
        if recorded.side in (Team.LEFT, Team.RIGHT):
            left = (recorded.side is Team.LEFT) == (turn > 0)
            recorded = replace(recorded, team=int(left == (order % 2 == 1)))
        row = self._named(recorded, tick)
        if row < 0:
            row = _nearest_row(self._xy[tick], self._ball[tick], recorded.team)
        return PlacedAction(recorded, tick, row)

    def _named(self, recorded: RecordedAction, tick: int) -> int:
        """Row of the player in the event if he is on the pitch, else -1."""
        mine = [(i, p) for i, p in enumerate(self._people) if p.team == recorded.team]
        by_id = [i for i, p in mine if recorded.player is not None and p.id == recorded.player]
        by_number = [
            i for i, p in mine if recorded.number is not None and p.number == recorded.number
        ]
        for person in by_id or by_number:
            for row, stint in self._stints.get(person, []):
                if stint.begin <= tick < stint.end:
                    return row
        return -1

    def _side(self, item: PlacedAction) -> Team:
        if item.recorded.team is None:
            return Team.UNKNOWN
        home_left = self._order(item.tick)[0] % 2 == 0
        return Team.LEFT if (item.recorded.team == 0) == home_left else Team.RIGHT

    def motion(self, name: str) -> Motion:
        """Motion and labels of the stretch; `name` is SoccerNet's name of the match."""
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
            contacts.append((item.tick, item.row, gesture_of(item.recorded, on_left)))
        gesture, gesture_ms = gesture_tracks(contacts, len(xy))
        labels = [
            Event(item.tick * TICK_MS, item.recorded.action, team=self._side(was))
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
            events=EventList.of(labels, match=name, metadata=halftime_metadata(halves)),
            dead_times=dead_times(placed, halves, breaks),
            halves=tuple(halves),
        )


def _nearest_row(xy: NDArray[np.float32], ball: NDArray[np.float32], team: int | None) -> int:
    """Row of the player of a team (None: of both) who is nearest to the ball, or -1 if none is visible.

    Args:
        xy: positions, `[PEOPLE, 2]`.
        ball: centre of the ball, `[3]`.
        team: 0 home, 1 away, or None.
    """
    rows = range(PLAYERS) if team is None else range(team * TEAM_SIZE, (team + 1) * TEAM_SIZE)
    gaps = np.linalg.norm(xy[rows] - ball[:2], axis=1)
    return -1 if np.isnan(gaps).all() else int(rows[int(np.nanargmin(gaps))])
