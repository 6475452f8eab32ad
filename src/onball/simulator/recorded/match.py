"""A recorded match on the simulator's grid of ticks: its people, its ball, and the events placed on it."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onball.data.layout import SPLITS_FILE, read_splits, write_splits
from onball.errors import DataError, InputError, OnballWarning
from onball.events import Event, EventList, Team
from onball.files import require_writable
from onball.simulator.dataset import Outputs, write_match
from onball.simulator.recorded.acts import Act, Placed, acts_of_dataset, acts_of_labels, dead_times
from onball.simulator.recorded.movement import (
    add_officials,
    as_played,
    gait,
    gesture_of,
    gesture_tracks,
    with_heights,
)
from onball.simulator.recorded.providers import EVENTS, TRACKING, provider_of, read_file
from onball.simulator.recorded.samples import (
    Period,
    Person,
    Stay,
    ball_on_ticks,
    deepest,
    home_defends_left,
    read_periods,
    rows_of_team,
    stays,
)
from onball.simulator.rendering import MatchPlan
from onball.simulator.world import PEOPLE, PLAYERS, TEAM_SIZE, TICK_MS, Motion, halftime_metadata

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
            events=EventList.of(labels, match=name, metadata=halftime_metadata(halves)),
            dead_times=dead_times(placed, halves, breaks),
            halves=tuple(halves),
        )


def _nearest_row(xy: NDArray[np.float32], ball: NDArray[np.float32], team: int | None) -> int:
    """Who of the team (None: of both) is nearest to the ball `[3]`, of people `[PEOPLE, 2]`; or -1."""
    rows = range(PLAYERS) if team is None else range(team * TEAM_SIZE, (team + 1) * TEAM_SIZE)
    gaps = np.linalg.norm(xy[rows] - ball[:2], axis=1)
    return -1 if np.isnan(gaps).all() else int(rows[int(np.nanargmin(gaps))])


# --- Matches that were recorded: tracking data and event data become a `Motion` to paint.


_MOST_FRAMES_PER_SECOND = 60


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
    """The motion and the labels of a recorded match.

    Time 0 is the first frame of the first period, or `start_ms` after it; the periods follow each other
    after a break of three seconds. Each is turned, if need be, so that the home team defends the left goal
    in the first and the right goal in the second, as everywhere in the simulator. The pitch is scaled
    to 105 x 68 m. A file of labels counts its first half from the first frame, each further half from
    that half's beginning, and names sides as the tracking file has them.

    Args:
        tracking: the file of tracking data; of Metrica's CSV, that of either team.
        events: the file of event data, a `Labels-ball.json` or our CSV; None: no labels.
        provider: one of `formats.TRACKING`; None: known by its content.
        meta: the metadata that the provider needs; found by its name for Metrica's CSV.
        events_provider: one of `formats.EVENTS`; None: known by its content.
        events_meta: the metadata that the events need; None: `meta`, if that is of the same provider.
        start_ms: how much of the recording to skip.
        duration_ms: how much of it to take; None: all.
        name: SoccerNet's name of the match, for the labels.

    Warns with `OnballWarning` how many events of which kinds are no ball actions, and what lies outside
    the tracking.

    Raises `InputError` for a missing file, an unknown provider, or one that kloppy cannot read, and
    `DataError` if the recording is empty there or the events are of another match.
    """
    if start_ms < 0:
        raise InputError(f"start at {start_ms} ms: choose 0 or later")
    if duration_ms is not None and duration_ms <= 0:
        raise InputError(f"duration of {duration_ms} ms: choose more than 0")
    provider, meta = _tracking_source(tracking, provider, meta)
    limit = None
    if duration_ms is not None:
        limit = (start_ms + duration_ms) * _MOST_FRAMES_PER_SECOND // 1000 + 60
    people, periods = read_periods(read_file(tracking, provider, TRACKING, meta, limit))
    match = RecordedMatch(tracking, people, periods, start_ms, duration_ms)
    told = []
    if match.left_out:
        told.append(
            f"{tracking}: {match.left_out} stretches of players beyond the eleventh of a team"
        )
    if events is not None:
        # A CSV of the other team is Metrica's "metadata" for tracking, but not for events.
        spare = None if meta.suffix.lower() == ".csv" else meta
        found, ignored = _acts(events, events_provider, events_meta, (provider, spare))
        outside = match.place(found)
        # A part of the tracking data cannot tell whether later events belong to it.
        if limit is None and outside:
            if outside == len(found):
                raise DataError(
                    f"{events}: no event of it lies within {tracking}: are they of one match?"
                )
            told.append(f"{events}: {outside} actions outside the tracking data")
        if ignored:
            kinds = ", ".join(f"{count} {kind}" for kind, count in ignored.most_common())
            told.append(f"{events}: {ignored.total()} events that are no ball actions ({kinds})")
    for line in told:
        warnings.warn(f"{line}: left out", OnballWarning, stacklevel=2)
    return match.motion(name)


def _tracking_source(path: Path, provider: str | None, meta: Path | None) -> tuple[str, Path]:
    """The provider and the metadata of tracking data; Metrica's other CSV is found by its name."""
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


def _acts(
    path: Path, name: str | None, meta: Path | None, tracking: tuple[str, Path | None]
) -> tuple[list[Act], Counter[str]]:
    """The actions in a file of events, and how many there are of the other kinds."""
    name = provider_of(path, name, EVENTS, "--events-provider")
    needs = EVENTS[name].needs
    if meta is None and name == tracking[0]:
        meta = tracking[1]
    if needs and meta is None:
        raise InputError(f"{path}: {name} event data needs {needs}: add --events-meta FILE")
    content = read_file(path, name, EVENTS, meta)
    if isinstance(content, EventList):
        return acts_of_labels(content), Counter()
    return acts_of_dataset(content)


# --- A recorded match as one match of a data set: its files, and how it is rendered.


@dataclass(frozen=True)
class Recording:
    """The files of a recorded match; what is None is guessed or not needed.

    Attributes:
        tracking, events: the files.
        tracking_provider, events_provider: names of their formats.
        tracking_meta, events_meta: files of metadata.
    """

    tracking: Path
    events: Path | None = None
    tracking_provider: str | None = None
    tracking_meta: Path | None = None
    events_provider: str | None = None
    events_meta: Path | None = None


def write_recording(
    root: Path,
    plan: MatchPlan,
    recording: Recording,
    duration_ms: int | None,
    outputs: Outputs,
) -> tuple[int, str, Generator[int, None, None]]:
    """Reads a recorded match and renders it into `root`, listed in the split `test`.

    Args:
        root: folder of the data set.
        plan: look, cameras and video; length and halves are the recording's.
        recording: its files.
        duration_ms: how much of it; None: all.
        outputs: what is written.

    Returns: the number of frames, the name of the match, and a generator that renders it and yields how
    many frames were written since the last time.

    Raises what `recorded_motion` raises, and `DataError` if the match is there.
    """

    name = f"recorded/matches/{recording.tracking.stem}"
    folder = root / name
    if folder.exists():
        raise DataError(f"{folder} is there already: choose another --out or delete it")
    motion = recorded_motion(
        recording.tracking,
        recording.events,
        provider=recording.tracking_provider,
        meta=recording.tracking_meta,
        events_provider=recording.events_provider,
        events_meta=recording.events_meta,
        duration_ms=duration_ms,
        name=name,
    )
    plan = replace(plan, duration_ms=motion.ticks * TICK_MS, halves=len(motion.halves))
    require_writable(root)

    def render() -> Generator[int, None, None]:
        written = 0
        for frames in write_match(plan, folder, name, outputs, motion):
            yield frames - written
            written = frames
        splits = read_splits(root) if (root / SPLITS_FILE).exists() else {}
        names = {split: list(listed) for split, listed in splits.items()}
        names.setdefault("test", []).append(name)
        write_splits(root, names)

    return plan.frames, name, render()
