"""Matches that were recorded: tracking data and event data become a `Motion` to paint.

Tracking and events are read through kloppy, from whatever provider they come; SoccerNet's
`Labels-ball.json` and our own CSV can stand in for the events.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onball.errors import DataError, InputError, MissingDependencyError, OnballWarning
from onball.events import Event, EventList, Team
from onball.formats.csv_table import read_csv
from onball.formats.soccernet import read_labels
from onball.synthetic.recorded import events as acts
from onball.synthetic.recorded import motion as tracks
from onball.synthetic.recorded.events import Act, Placed
from onball.synthetic.recorded.motion import Period, Person, Stay
from onball.synthetic.world import PEOPLE, TEAM_SIZE, TICK_MS, Motion

try:
    from kloppy import (
        datafactory,
        metrica,
        opta,
        secondspectrum,
        skillcorner,
        sportec,
        statsbomb,
        statsperform,
        tracab,
        wyscout,
    )
except ImportError:  # pragma: no cover - depends on the installation
    raise MissingDependencyError("kloppy", "recorded", "Rendering recorded matches") from None

_MOST_FRAMES_PER_SECOND = 60
_KICK_OFF_SLACK = 25  # ticks by which events may precede or follow their period's samples


@dataclass(frozen=True)
class _Source:
    """A format: what its first bytes match, what else it needs, how to read it.

    Attributes:
        names: the loader's names of the file and of what it needs; none: it takes the file alone.
        coordinates: a provider's own leave the numbers as they are, which is exact and fast.
    """

    looks: str
    needs: str
    load: Callable[..., Any]
    names: tuple[str, ...] = ()
    coordinates: str = "kloppy"

    def read(self, file: Path, meta: Path | None, limit: int | None = None) -> Any:
        """What is in the file; of tracking data, the first `limit` frames."""
        if not self.names:
            return self.load(file)
        files = dict(zip(self.names, (file, meta), strict=False))
        options = {} if limit is None else {"limit": limit}
        return self.load(**files, coordinates=self.coordinates, **options)


def _load_metrica(file: Path, meta: Path, **options: Any) -> Any:
    """Metrica's tracking: the CSV of one team and that of the other, or EPTS and its metadata."""
    if _head(meta).lstrip().startswith(b"<"):
        return metrica.load_tracking_epts(meta_data=meta, raw_data=file, **options)
    home, away = (meta, file) if b"Away" in _head(file).split(b"\n")[0] else (file, meta)
    return metrica.load_tracking_csv(home_data=home, away_data=away, **options)


_RAW = ("raw_data", "meta_data")
_EVENT = ("event_data", "meta_data")
TRACKING: dict[str, _Source] = {
    "metrica": _Source(
        r"\s*,,,|\d+:(NaN|-?\d*\.\d+),", "the other team's CSV, or the EPTS metadata",
        _load_metrica, ("file", "meta"), "metrica",
    ),
    "secondspectrum": _Source(
        r'(?s).*"frameIdx".*"homePlayers"', "the metadata, JSON or XML",
        secondspectrum.load, _RAW, "secondspectrum",
    ),
    "skillcorner": _Source(
        r'(?s)\s*[\[{].*("player_data"|"trackable_object")', "the match's JSON",
        skillcorner.load, _RAW, "skillcorner",
    ),
    "sportec": _Source(
        r"(?s).*<(Positions|FrameSet)\b", "the match information, XML",
        sportec.load_tracking, _RAW, "sportec",
    ),
    "statsperform": _Source(
        r"\d{12,};", "the MA1 feed",
        statsperform.load_tracking, ("ma25_data", "ma1_data"), "sportvu",
    ),
    "tracab": _Source(
        r'\d+:-?\d+,-?\d+,-?\d+,-?\d+,|(?s:.*"FrameData")', "the metadata, XML or JSON",
        tracab.load, _RAW, "tracab",
    ),
}  # fmt: skip
EVENTS: dict[str, _Source] = {
    "csv": _Source(r"match_id,", "", read_csv),
    "datafactory": _Source(
        r'(?s).*"(incidences|homeTeamName)"', "", datafactory.load, ("event_data",)
    ),
    "metrica": _Source(r'(?s).*"subtypes"', "the EPTS metadata", metrica.load_event, _EVENT),
    "opta": _Source(r"(?s).*<Games\b", "the F7 feed", opta.load, ("f24_data", "f7_data")),
    "soccernet": _Source(r'(?s).*"(annotations|UrlLocal)"', "", read_labels),
    "sportec": _Source(
        r"(?s).*<Event\b.*EventTime", "the match information, XML", sportec.load_event, _EVENT
    ),
    "statsbomb": _Source(
        r'(?s).*"possession_team"', "the line-ups, JSON",
        statsbomb.load, ("event_data", "lineup_data"),
    ),
    "statsperform": _Source(
        r'(?s).*(<matchEvents|"matchInfo")', "the MA1 feed",
        statsperform.load_event, ("ma3_data", "ma1_data"),
    ),
    "wyscout": _Source(r'(?s).*"matchPeriod"', "", wyscout.load, ("event_data",)),
}  # fmt: skip


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
        provider: one of `TRACKING`; None: known by its content.
        meta: the metadata that the provider needs; found by its name for Metrica's CSV.
        events_provider: one of `EVENTS`; None: known by its content.
        events_meta: the metadata that the events need; None: `meta`, if that is of the same provider.
        start_ms: how much of the recording to skip.
        duration_ms: how much of it to take; None: all.
        name: SoccerNet's name of the match, for the labels.

    Warns with `OnballWarning` how many events of which kinds are no ball actions, and what lies outside
    the tracking.

    Raises `InputError` for a missing file, an unknown provider, or one that kloppy cannot read, and
    `DataError` if the recording is empty there or the events are of another match.
    """
    if start_ms < 0 or (duration_ms is not None and duration_ms <= 0):
        raise InputError(
            f"start {start_ms} ms, duration {duration_ms} ms: choose a stretch of time"
        )
    provider, meta = _tracking_source(tracking, provider, meta)
    limit = None
    if duration_ms is not None:
        limit = (start_ms + duration_ms) * _MOST_FRAMES_PER_SECOND // 1000 + 60
    dataset = _read(tracking, provider, TRACKING[provider], meta, limit)
    people, periods = tracks.read_periods(dataset)
    match = _Recording(tracking, people, periods, start_ms, duration_ms)
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


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(1 << 17)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as problem:
        raise InputError(f"{path}: cannot be read ({problem.strerror})") from problem


def _known(path: Path, name: str | None, sources: dict[str, _Source], flag: str) -> str:
    """The provider of a file: the named one, or the only one that it looks like."""
    text = _head(path).decode("utf-8", "replace").lstrip("\ufeff")
    choices = ", ".join(sources)
    if name is not None:
        if name.lower() not in sources:
            raise InputError(f"unknown provider '{name}' of {path}: choose one of {choices}")
        return name.lower()
    fitting = [key for key, source in sources.items() if re.match(source.looks, text)]
    if len(fitting) != 1:
        raise InputError(f"{path}: cannot tell whose format this is: name it, {flag} {choices}")
    return fitting[0]


def _tracking_source(path: Path, provider: str | None, meta: Path | None) -> tuple[str, Path]:
    provider = _known(path, provider, TRACKING, "--tracking-provider")
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
    name = _known(path, name, EVENTS, "--events-provider")
    source = EVENTS[name]
    if meta is None and name == tracking[0]:
        meta = tracking[1]
    if source.needs and meta is None:
        raise InputError(f"{path}: {name} event data needs {source.needs}: add --events-meta FILE")
    content = _read(path, name, source, meta)
    if isinstance(content, EventList):
        return acts.acts_of_labels(content), Counter()
    return acts.acts_of_dataset(content)


def _read(
    path: Path, name: str, source: _Source, meta: Path | None, limit: int | None = None
) -> Any:
    """What is in a file. Raises `InputError` with one line for whatever kloppy stumbles over."""
    files = [path] if meta is None or not source.needs else [path, meta]
    for file in files:
        _head(file)
    try:
        with warnings.catch_warnings():
            # About orientations and formations, which are not used here.
            warnings.simplefilter("ignore")
            return source.read(path, meta, limit)
    except InputError:
        raise
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise InputError(
            f"{' with '.join(map(str, files))}: kloppy cannot read this as data of {name} ({reason}): "
            "check that the files belong together, or name another provider"
        ) from error


class _Recording:
    """A recording on the grid of ticks, cut to the wanted stretch; events are placed on it."""

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
        lengths = [period.ticks + tracks.BREAK_TICKS for period in periods]
        self._begins = [sum(lengths[:i]) for i in range(len(periods))]
        self._total = sum(lengths) - tracks.BREAK_TICKS
        wanted = self._total if duration_ms is None else -(-duration_ms // TICK_MS)
        self._start = start_ms // TICK_MS
        self._end = min(self._total, self._start + wanted)
        #: The kept periods, and for each whether the pitch is turned (-1) or not (1).
        self._turns: dict[int, float] = {}
        for i, period in enumerate(periods):
            if self._begins[i] < self._end and self._begins[i] + period.ticks > self._start:
                home_left = tracks.home_defends_left(period, people)
                self._turns[i] = 1.0 if home_left == (len(self._turns) % 2 == 0) else -1.0
        if not self._turns:
            seconds = self._total * TICK_MS / 1000
            raise DataError(
                f"{source}: nothing at {start_ms} ms: the recording has {seconds:.1f} s"
            )
        self.left_out = 0
        self._stays: dict[int, list[tuple[int, Stay]]] = {}
        self._placed: list[Placed] = []
        self._xy, self._ball = self._on_ticks()

    def _on_ticks(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Players and ball over all ticks of the recording; periods that are not kept stay NaN."""
        xy = np.full((self._total, PEOPLE, 2), np.nan, np.float32)
        ball = np.full((self._total, 3), np.nan, np.float32)
        stays: list[Stay] = []
        for i, turn in self._turns.items():
            begin, period = self._begins[i], self._periods[i]
            stays += tracks.stays(period, begin, turn)
            ball[begin : begin + period.ticks] = tracks.ball_on_ticks(period, turn)
        first = next(iter(self._turns))
        home_left = self._turns[first] > 0
        for team in (0, 1):
            keeper = None
            if not any(p.keeper and p.team == team for p in self._people):
                keeper = tracks.deepest(self._periods[first], self._people, team, home_left)
            mine = [stay for stay in stays if self._people[stay.person].team == team]
            placed, dropped = tracks.rows_of_team(mine, self._people, keeper)
            self.left_out += dropped
            for row, stay in placed:
                row += team * TEAM_SIZE
                xy[stay.begin : stay.end, row] = stay.xy
                self._stays.setdefault(stay.person, []).append((row, stay))
        for i in self._turns:
            over = self._begins[i] + self._periods[i].ticks
            xy[over : over + tracks.BREAK_TICKS] = xy[over - 1]
        return xy, ball

    def place(self, found: Sequence[Act]) -> int:
        """Puts acts on the grid and keeps them; returns how many lie outside the tracking data."""
        placed = [Placed(act, tick) for act in found if (tick := self._tick(act)) is not None]
        inside = [item for item in placed if self._start <= item.tick < self._end]
        played = acts.as_played(inside, self._ball[: self._end])
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
            row = acts.nearest_row(self._xy[tick], self._ball[tick], act.team)
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
        ball = acts.with_heights(self._ball[window], placed)
        tracks.add_officials(xy, ball, halves)
        heading, speed, stride = tracks.gait(xy, ball, halves)
        contacts = []
        for item in placed:
            away = ball[item.tick, :2] - xy[item.tick, item.row]
            facing = heading[item.tick, item.row]
            on_left = float(np.cos(facing) * away[1] - np.sin(facing) * away[0]) > 0
            contacts.append((item.tick, item.row, acts.gesture_of(item.act, on_left)))
        gesture, gesture_ms = acts.gesture_tracks(contacts, len(xy))
        labels = [
            Event(item.tick * TICK_MS, item.act.action, team=self._side(was))
            for item, was in zip(placed, self._placed, strict=True)
        ]
        breaks = [begin - tracks.BREAK_TICKS for begin in begins[1:]]
        return Motion(
            xy=xy,
            heading=heading,
            speed=speed,
            stride=stride,
            gesture=gesture,
            gesture_ms=gesture_ms,
            ball=ball,
            spare_ball=np.full_like(ball, np.nan),
            events=EventList.of(labels, match=name, metadata=_half_time(halves)),
            dead_times=acts.dead_times(placed, halves, breaks),
            halves=tuple(halves),
        )


def _half_time(halves: Sequence[int]) -> dict[str, str]:
    """SoccerNet's `halftime`, as its label files have it."""
    if len(halves) < 2:
        return {}
    seconds = halves[1] * TICK_MS // 1000
    return {"halftime": f"1 - {seconds // 60:02d}:{seconds % 60:02d}"}
