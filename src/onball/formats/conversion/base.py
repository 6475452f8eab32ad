"""Events as they are to be converted: chosen, with their excerpts, periods and frames.

Conversion   everything that a writer of `onball.formats.conversion` needs
Excerpt      a part of the video with one or more events
Period       a half of the match in the video
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

from onball.actions import BALL_ACTIONS, EventLabel
from onball.errors import InputError
from onball.events import Event, EventList, SpottingInfo, Team
from onball.formats.event_table import LAG_MS, LEAD_MS, TableStyle, match_clock

#: Codes of the markers of periods, which `onball.formats.tags` and Sportscode understand.
PERIOD_CODES = {1: "1H", 2: "2H", 3: "ET1", 4: "ET2"}
PERIOD_NAMES = {1: "1st half", 2: "2nd half", 3: "Extra time, 1st half", 4: "Extra time, 2nd half"}
PERIOD_COLOUR = "#ffffff"
#: Longest lead and lag, in seconds.
_LONGEST_S = 3600
_NOT_IN_FILE_NAMES = re.compile(r'[<>:"/\\|?*]')


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A part of the video with one or more events.

    Attributes:
        start_ms: its beginning.
        end_ms: its end.
        events: its events by time; more than one only where excerpts were merged.
    """

    start_ms: int
    end_ms: int
    events: tuple[Event, ...]

    @property
    def label(self) -> EventLabel:
        """Action of its first event."""
        return self.events[0].label

    @property
    def team(self) -> Team:
        """Team of its events, unknown if they are of both."""
        teams = {event.team for event in self.events}
        return teams.pop() if len(teams) == 1 else Team.UNKNOWN

    @property
    def confidence(self) -> float:
        """Highest confidence of its events."""
        return max(event.confidence for event in self.events)


def make_excerpts(
    events: Iterable[Event],
    lead_ms: int = LEAD_MS,
    lag_ms: int = LAG_MS,
    *,
    leads_ms: Mapping[EventLabel, int] | None = None,
    lags_ms: Mapping[EventLabel, int] | None = None,
    end_ms: int | None = None,
    merge: bool = False,
    across_actions: bool = False,
) -> list[Excerpt]:
    """Return the excerpts of events, in order of their beginning.

    Args:
        events: the events.
        lead_ms: length before an event, in milliseconds.
        lag_ms: length after an event.
        leads_ms: other lengths for single actions.
        lags_ms: other lengths for single actions.
        end_ms: end of the video, where excerpts end at the latest; None if it is unknown.
        merge: join excerpts of one action that overlap or touch.
        across_actions: with `merge`, join those of different actions too.
    """
    excerpts: list[Excerpt] = []
    for event in sorted(events, key=lambda event: event.position_ms):
        start = max(0, event.position_ms - (leads_ms or {}).get(event.label, lead_ms))
        end = event.position_ms + (lags_ms or {}).get(event.label, lag_ms)
        if end_ms is not None:
            end = max(start, min(end, end_ms))
        excerpts.append(Excerpt(start, end, (event,)))
    excerpts.sort(key=lambda excerpt: excerpt.start_ms)
    if not merge:
        return excerpts
    merged: list[Excerpt] = []
    last: dict[EventLabel | None, int] = {}
    for excerpt in excerpts:
        key = None if across_actions else excerpt.label
        index = last.get(key)
        if index is None or merged[index].end_ms < excerpt.start_ms:
            last[key] = len(merged)
            merged.append(excerpt)
        else:
            former = merged[index]
            both = sorted((*former.events, *excerpt.events), key=lambda event: event.position_ms)
            end = max(former.end_ms, excerpt.end_ms)
            merged[index] = Excerpt(former.start_ms, end, tuple(both))
    return merged


@dataclass(frozen=True, slots=True)
class Period:
    """A half of the match in the video, from its kick-off to its last event.

    Attributes:
        half: 1, 2 …
        start_ms: kick-off; 0 if it is before the video.
        end_ms: its last event, or if there is none the next kick-off or the end of the video.
    """

    half: int
    start_ms: int
    end_ms: int

    @property
    def code(self) -> str:
        """Code of its marker, `1H`."""
        return PERIOD_CODES.get(self.half, f"P{self.half}")

    @property
    def name(self) -> str:
        """Name for people, `1st half`."""
        return PERIOD_NAMES.get(self.half, f"Period {self.half}")


def find_periods(events: EventList) -> tuple[Period, ...]:
    """Return the periods of a match whose kick-offs are known, by `events.info`."""
    info = events.info or SpottingInfo()
    known = [
        (half, max(0, kickoff))
        for half, kickoff in enumerate(info.kickoffs_ms, start=1)
        if kickoff is not None
    ]
    periods = []
    for index, (half, start_ms) in enumerate(known):
        inside = [event.position_ms for event in events if event.half == half]
        following = known[index + 1][1] if index + 1 < len(known) else info.duration_ms
        end_ms = max(inside) if inside else start_ms if following is None else following
        periods.append(Period(half, start_ms, max(start_ms, end_ms)))
    return tuple(periods)


@dataclass(frozen=True, slots=True)
class Footage:
    """The video that a converted file refers to.

    Attributes:
        path: the file; None if only its name is known.
        name: name of the file; may be empty.
        size: width and height in pixels; None if unknown.
        duration_ms: its length; None if unknown.
        time_code_frame: number of its first frame by its own time code, 0 if it has none.
        has_sound: whether it has sound.
        start_ms: position of its first frame in the match; not 0 for later ones of several files.
    """

    path: Path | None = None
    name: str = ""
    size: tuple[int, int] | None = None
    duration_ms: int | None = None
    time_code_frame: int = 0
    has_sound: bool = False
    start_ms: int = 0


@dataclass(frozen=True, slots=True)
class Conversion:
    """Events with all that a writer needs.

    Attributes:
        name: name of the match, for titles.
        events: the events to write; their `info` has kick-offs, duration and model.
        folder: folder of the file that is written, for relative paths.
        leads_ms: lengths before single actions that the user chose; None of them is a default.
        lags_ms: lengths after single actions.
        merge: join excerpts of an action that overlap.
        periods: periods to mark; empty for none.
        rate: exact frames per second; None if unknown.
        timeline_frame: number of the first frame of the timeline that the user chose; None for the
            default of the format.
        drop_frame: write drop-frame time codes.
        files: the video, or the files of a match in their order; at least one.
        style: separator and decimal point of tables.
    """

    name: str
    events: EventList
    folder: Path
    leads_ms: Mapping[EventLabel, int] = field(default_factory=dict)
    lags_ms: Mapping[EventLabel, int] = field(default_factory=dict)
    merge: bool = False
    periods: Sequence[Period] = ()
    rate: Fraction | None = None
    timeline_frame: int | None = None
    drop_frame: bool = False
    files: Sequence[Footage] = (Footage(),)
    style: TableStyle = field(default_factory=TableStyle)

    @property
    def info(self) -> SpottingInfo:
        """Model, video and kick-offs of the events."""
        return self.events.info or SpottingInfo()

    def excerpts(self, lead_ms: int, lag_ms: int) -> list[Excerpt]:
        """Return the excerpts, with a default of the format for actions without a chosen length."""
        return make_excerpts(
            self.events,
            lead_ms,
            lag_ms,
            leads_ms=self.leads_ms,
            lags_ms=self.lags_ms,
            end_ms=self.info.duration_ms,
            merge=self.merge,
        )

    def by_file(self) -> list[Conversion]:
        """Return a conversion of the events of each file, with times of the file.

        That of a single video is this one. Of several, the names end with `-1`, `-2` …
        """
        if len(self.files) == 1:
            return [self]
        ends_ms = [*(file.start_ms for file in self.files[1:]), math.inf]
        return [
            self._of_file(number, file, end_ms)
            for number, (file, end_ms) in enumerate(zip(self.files, ends_ms, strict=True), start=1)
        ]

    def _of_file(self, number: int, file: Footage, end_ms: float) -> Conversion:
        """The events from the beginning of a file until `end_ms`."""
        start_ms = file.start_ms
        events = tuple(
            replace(event, position_ms=event.position_ms - start_ms)
            for event in self.events
            if start_ms <= event.position_ms < end_ms
        )
        kickoffs = (None if one is None else one - start_ms for one in self.info.kickoffs_ms)
        info = replace(
            self.info, duration_ms=file.duration_ms, kickoffs_ms=tuple(kickoffs), parts=()
        )
        return replace(
            self,
            name=f"{self.name}-{number}",
            events=replace(self.events, events=events, info=info),
            files=(replace(file, start_ms=0),),
        )

    def clock(self, event: Event) -> str:
        """Match clock of an event, `47'12`; empty if unknown."""
        return match_clock(event, self.info)

    @property
    def are_certain(self) -> bool:
        """True if all events have confidence 1, as labels have: it is not written then."""
        return all(event.confidence == 1 for event in self.events)

    def required_rate(self, format: str) -> Fraction:
        """Return the frame rate. Raises `InputError` if it is unknown."""
        if self.rate is None and self.files[0].path is not None:
            raise InputError(
                f"{format} counts frames, and the videos have different frame rates: give the one to count "
                "by with --fps"
            )
        if self.rate is None:
            raise InputError(
                f"{format} counts frames: name the video with --video, or give its frame rate with --fps"
            )
        return self.rate

    def details(self, excerpt: Excerpt) -> list[str]:
        """Texts about an excerpt, without its action: team, match clock and confidence."""
        first = excerpt.events[0]
        texts = [] if excerpt.team is Team.UNKNOWN else [excerpt.team.value]
        texts += [clock] if (clock := self.clock(first)) else []
        texts += [] if self.are_certain else [f"{excerpt.confidence:.2f}"]
        return texts


def frame_at(position_ms: int, rate: Fraction) -> int:
    """Return the number of the frame whose time is nearest to a position.

    Positions are rounded to milliseconds: the frame before would often be one too early.
    """
    return round(position_ms * rate / 1000)


def one_line(text: str) -> str:
    """Return a text without control characters, with single blanks for line breaks."""
    joined = " ".join(text.split())
    return "".join(char for char in joined if unicodedata.category(char) not in ("Cc", "Cs", "Cn"))


def file_name(text: str) -> str:
    """Return a text as a name that every file system takes, without a suffix."""
    name = _NOT_IN_FILE_NAMES.sub("_", one_line(text))
    return name.strip(" .") or "events"


# Settings of users


def lengths_ms(
    general: float | None, single: Mapping[str, float] | None, events: EventList, name: str
) -> dict[EventLabel, int]:
    """Milliseconds of each action that the user chose a length for."""
    known = events.classes
    chosen: dict[EventLabel, float] = {} if general is None else dict.fromkeys(known, general)
    for action, value in (single or {}).items():
        chosen[known.find(action, BALL_ACTIONS)] = value
    for value in chosen.values():
        if not 0 <= value <= _LONGEST_S:
            raise InputError(f"a {name} of {value:g} s is outside 0 to {_LONGEST_S}")
    return {label: round(1000 * value) for label, value in chosen.items()}


def with_kickoffs(
    events: EventList, kickoffs_s: Mapping[int, float] | Sequence[float] | None
) -> EventList:
    """Return the events with other kick-offs, and the halves that follow from these."""
    if kickoffs_s is None:
        return events
    if isinstance(kickoffs_s, Mapping):
        given = {half: round(1000 * time) for half, time in sorted(kickoffs_s.items())}
    else:
        given = {half: round(1000 * time) for half, time in enumerate(kickoffs_s, start=1)}
    if not given or min(given) < 1 or max(given) > 4:
        raise InputError("kick-offs are those of periods 1 to 4")
    if list(given.values()) != sorted(set(given.values())):
        raise InputError("a kick-off is not after the one before it")
    kickoffs = tuple(given.get(half) for half in range(1, max(given) + 1))
    info = replace(events.info or SpottingInfo(classes=events.classes), kickoffs_ms=kickoffs)
    halves = (replace(event, half=info.half_at(event.position_ms)) for event in events)
    return replace(events, events=tuple(halves), info=info)
