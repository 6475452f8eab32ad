"""Events, the type in which all parts of the package exchange annotations and predictions.

Event          one action at one time, checked when it is made
EventList      the events of one video, with filters, conversions, `save` and `load`
SpottingInfo   the model, video and thresholds that a list of events was spotted with
EventColumns   events of several videos as arrays, for the metric
"""

from __future__ import annotations

import json
import math
import operator
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsFloat, SupportsIndex, overload

import numpy as np
from numpy.typing import NDArray

from onball.actions import BALL_ACTIONS, Action, ActionSet, EventLabel, Label, parse_action
from onball.errors import LabelError, optional_dependency

if TYPE_CHECKING:
    import pandas as pd

#: Positions are below this. Larger ones would be 30 years of video: a date, or another unit.
POSITION_LIMIT_MS = 10**12


class Team(StrEnum):
    """Team of an action, named by the side of the pitch that it defends in the image."""

    LEFT = "left"
    RIGHT = "right"
    UNKNOWN = "unknown"

    @property
    def other(self) -> Team:
        """The opponent; `UNKNOWN` stays `UNKNOWN`."""
        if self is Team.UNKNOWN:
            return self
        return Team.RIGHT if self is Team.LEFT else Team.LEFT


#: Teams by side index, in the order of the classes of a net that distinguishes the teams.
SIDES = (Team.LEFT, Team.RIGHT)
#: Side index of an event whose team is unknown.
UNKNOWN_SIDE = -1


def side_of(team: Team) -> int:
    """Return the side index of a team: 0 for left, 1 for right, else `UNKNOWN_SIDE`."""
    return SIDES.index(team) if team in SIDES else UNKNOWN_SIDE


#: `side_of` as a table.
SIDE_INDEX: dict[Team, int] = {team: side_of(team) for team in Team}


@dataclass(frozen=True, slots=True, order=True, repr=False)
class Event:
    """One action at one point in time. Events sort by time.

        Event(12_480, Action.PASS, 0.8, Team.LEFT)
        Event(12_480, "pass", 0.8, "left")  # the same

    Attributes:
        position_ms: integer milliseconds since the first displayed frame of the video, 0 or more.
        label: the action. The name of one of the 12 is converted, whatever its case; any other kind
            of event is a `Label`, which an `ActionSet` declares.
        confidence: 0 to 1; 1 for annotations.
        team: left, right or unknown. Its name is converted, whatever its case.
        half: 1 or 2, as in SoccerNet's `gameTime`.
        visible: False if the annotators marked the action as "not shown".
        extra: other fields of the entry in its source file, so that writing it again loses
            nothing. Ignored in comparisons.

    NumPy's numbers are converted to Python's.

    Raises:
        LabelError: a label or team that does not exist, a position or half that is not a whole
            number (of type `float` or `bool`, for example), a negative position, a half below 1, a
            confidence that is not a number from 0 to 1, or a `visible` that is not a `bool`.
    """

    position_ms: int
    label: EventLabel
    confidence: float = 1.0
    team: Team = Team.UNKNOWN
    half: int = 1
    visible: bool = True
    extra: dict[str, Any] = field(default_factory=dict, compare=False)

    if TYPE_CHECKING:
        # What the generated constructor takes, because `__post_init__` converts it.
        def __init__(
            self,
            position_ms: SupportsIndex,
            label: EventLabel | str,
            confidence: SupportsFloat = 1.0,
            team: Team | str = Team.UNKNOWN,
            half: SupportsIndex = 1,
            visible: bool | np.bool_ = True,
            extra: dict[str, Any] = ...,
        ) -> None: ...

    def __post_init__(self) -> None:
        # Events are made by the hundred thousand: what has the right type is not converted.
        if type(self.position_ms) is not int:
            self._convert("position_ms", _whole_number(self.position_ms, "position_ms"))
        if type(self.label) is not Action and type(self.label) is not Label:
            self._convert("label", parse_action(self.label))
        if type(self.confidence) is not float:
            self._convert("confidence", _real_number(self.confidence, "confidence"))
        if type(self.team) is not Team:
            self._convert("team", parse_team(self.team))
        if type(self.half) is not int:
            self._convert("half", _whole_number(self.half, "half"))
        if type(self.visible) is not bool:
            self._convert("visible", _truth(self.visible, "visible"))
        if not 0 <= self.position_ms < POSITION_LIMIT_MS:
            problem = "negative" if self.position_ms < 0 else "more than 30 years of video"
            raise LabelError(f"position {self.position_ms} ms is {problem}")
        if not 0.0 <= self.confidence <= 1.0:
            raise LabelError(f"confidence {self.confidence} is outside [0, 1]")
        if self.half < 1:
            raise LabelError(f"half {self.half} is below 1")

    def _convert(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)  # the dataclass is frozen

    def __repr__(self) -> str:
        parts = [_clock(self.position_ms), self.label.value, f"{self.confidence:.3f}"]
        if self.team is not Team.UNKNOWN:
            parts.append(self.team.value)
        if self.half != 1:
            parts.append(f"half {self.half}")
        if not self.visible:
            parts.append("not shown")
        return f"<Event {' '.join(parts)}>"

    @property
    def class_index(self) -> int:
        """Class of the action in a per-frame classifier, 1 to 12; 0 is the background.

        Labels other than the 12 actions have a class in an `ActionSet` only: `LabelError`.
        """
        return 1 + BALL_ACTIONS.index(self.label)

    @property
    def game_time(self) -> str:
        """Half, minutes and seconds as SoccerNet's `gameTime`, for example `1 - 01:04`."""
        return format_game_time(self.half, self.position_ms)

    def to_dict(self) -> dict[str, Any]:
        """Return the attributes but `extra`, as types that JSON has; `Event(**fields)` reverses it."""
        return {
            "position_ms": self.position_ms,
            "label": self.label.value,
            "confidence": self.confidence,
            "team": self.team.value,
            "half": self.half,
            "visible": self.visible,
        }


def format_game_time(half: int, time_ms: int) -> str:
    """Format a time in a half as SoccerNet's `gameTime`, for example `1 - 01:04`."""
    minutes, seconds = divmod(time_ms // 1000, 60)
    return f"{half} - {minutes:02d}:{seconds:02d}"


def parse_team(name: str) -> Team:
    """Parse the name of a team; case and outer blanks are ignored.

    Raises:
        LabelError: it is none of left, right and unknown.
    """
    try:
        return Team(name.strip().lower())
    except (ValueError, AttributeError):
        raise LabelError(f"team '{name}' does not exist: known: {', '.join(Team)}") from None


def _whole_number(value: Any, name: str) -> int:
    try:
        if isinstance(value, bool):
            raise TypeError
        return operator.index(value)
    except TypeError:
        hint = ": round it first" if isinstance(value, float | np.floating) else ""
        raise LabelError(f"{_typed(name, value)}, not a whole number{hint}") from None


def _real_number(value: Any, name: str) -> float:
    # Text is refused, although `float` would take it; so are True and False.
    try:
        if isinstance(value, str | bytes | bool | np.bool_):
            raise TypeError
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise LabelError(f"{_typed(name, value)}, not a number") from None


def _truth(value: Any, name: str) -> bool:
    if not isinstance(value, np.bool_):
        raise LabelError(f"{_typed(name, value)}, not True or False")
    return bool(value)


def _typed(name: str, value: object) -> str:
    return f"{name} {' '.join(str(value).split())[:60]} is of type {type(value).__name__}"


def _clock(position_ms: int) -> str:
    minutes, milliseconds = divmod(position_ms, 60_000)
    return f"{minutes:02d}:{milliseconds / 1000:06.3f}"


@dataclass(frozen=True, slots=True)
class VideoPart:
    """One of several video files that are spotted as one match.

    Attributes:
        video: name of the file.
        start_ms: position of its first frame in the match, where the file before it ends.
        duration_ms: its length.
    """

    video: str
    start_ms: int
    duration_ms: int


@dataclass(frozen=True, slots=True)
class SpottingInfo:
    """Model, video and settings that events were spotted with.

    `results_spotting.json` stores it as an object "onball", with the names of the attributes as
    keys, which SoccerNet's evaluator ignores. A new attribute needs a default, and nothing else.

    Attributes:
        model: name of the model; empty if unknown.
        model_fingerprint: short hexadecimal digest of the model's files; empty if unknown.
        video: name of the video file; empty if unknown.
        duration_ms: length of the video in milliseconds; None if unknown.
        thresholds: lowest confidence of an event that is shown to people, by action; an action
            without one is always shown. None shows all.
        actions: actions that are shown to people; None shows all.
        classes: classes of the model.
        kickoffs_ms: position of the kick-off of half 1, 2 …, in milliseconds; negative if it is
            before the beginning of the video, None if it is not in this video. Empty if unknown.
        start_ms: begin of the part of the video that was spotted; None is that of the video.
        end_ms: end of that part; None is that of the video.
        parts: the files of a match that is in several; empty if it is in one.
        extra: other fields of the object in its file, so that writing it again loses nothing.

    Raises:
        LabelError: an action of `actions` or `thresholds` is none of the classes, or a threshold is
            not from 0 to 1.
    """

    model: str = ""
    model_fingerprint: str = ""
    video: str = ""
    duration_ms: int | None = None
    thresholds: Mapping[EventLabel, float] | None = None
    actions: tuple[EventLabel, ...] | None = None
    classes: ActionSet = BALL_ACTIONS
    kickoffs_ms: tuple[int | None, ...] = ()
    start_ms: int | None = None
    end_ms: int | None = None
    parts: tuple[VideoPart, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.actions is not None:
            shown = tuple(self.classes.parse(action) for action in self.actions)
            object.__setattr__(self, "actions", shown)
        if self.thresholds is None:
            return
        parsed = {
            self.classes.parse(action): _real_number(value, "threshold")
            for action, value in self.thresholds.items()
        }
        for action, value in parsed.items():
            if not 0.0 <= value <= 1.0:
                raise LabelError(f"threshold {value} of {action} is outside [0, 1]")
        object.__setattr__(self, "thresholds", parsed)

    def shows(self, event: Event) -> bool:
        """Return True if an event is of the actions shown to people and reaches its threshold."""
        least = 0.0 if self.thresholds is None else self.thresholds.get(event.label, 0.0)
        return event.confidence >= least and (self.actions is None or event.label in self.actions)

    def half_at(self, position_ms: int) -> int:
        """Return the half of a position: the last one that kicks off before it, or the first."""
        known = [
            (kickoff, half)
            for half, kickoff in enumerate(self.kickoffs_ms, start=1)
            if kickoff is not None
        ]
        begun = [half for kickoff, half in known if kickoff <= position_ms]
        return begun[-1] if begun else known[0][1] if known else 1

    def clock_ms(self, event: Event) -> int | None:
        """Return the time from the kick-off of an event's half to the event, in milliseconds.

        It is negative before the kick-off, and None if that is unknown.
        """
        if event.half > len(self.kickoffs_ms):
            return None
        kickoff = self.kickoffs_ms[event.half - 1]
        return None if kickoff is None else event.position_ms - kickoff


@dataclass(frozen=True, slots=True, repr=False)
class EventList:
    """Events of one video in order of time, with the metadata of their source file.

        events = EventList.load("results_spotting.json")
        shots = events.shown.of_action("SHOT", "GOAL").between(0, 600_000)
        shots.to_pandas()

    A list is not changed: filters and slices return new ones, which keep `match`, `metadata` and
    `info`.

    Attributes:
        events: sorted by position; `EventList.of` sorts.
        match: SoccerNet's `<league>/<season>/<match>`, or any name of the video; may be empty.
        metadata: other top-level fields of the source file (`UrlYoutube`, `halftime`, …), so that
            reading and writing it again loses nothing.
        info: model, video and thresholds of spotted events; None for annotations, and for files
            that onball did not write.

    Raises:
        LabelError: something in `events` is no `Event`.
    """

    events: tuple[Event, ...] = ()
    match: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)
    info: SpottingInfo | None = None

    def __post_init__(self) -> None:
        if type(self.events) is not tuple:
            object.__setattr__(self, "events", tuple(self.events))
        for event in self.events:
            if not isinstance(event, Event):
                raise LabelError(f"{_typed('entry', event)}, not an Event")

    @classmethod
    def of(
        cls,
        events: Iterable[Event],
        match: str = "",
        metadata: dict[str, Any] | None = None,
        info: SpottingInfo | None = None,
    ) -> EventList:
        """Sort events by time. The sort is stable: simultaneous events keep their order."""
        unsorted = cls(tuple(events), match, dict(metadata or {}), info)
        ordered = tuple(sorted(unsorted.events, key=lambda event: event.position_ms))
        return replace(unsorted, events=ordered)

    def __len__(self) -> int:
        return len(self.events)

    def __iter__(self) -> Iterator[Event]:
        return iter(self.events)

    @overload
    def __getitem__(self, index: int) -> Event: ...
    @overload
    def __getitem__(self, index: slice) -> EventList: ...
    def __getitem__(self, index: int | slice) -> Event | EventList:
        if isinstance(index, slice):
            return replace(self, events=self.events[index])
        return self.events[index]

    def __repr__(self) -> str:
        name = f" {self.match!r}" if self.match else ""
        noun = "event" if len(self) == 1 else "events"
        if not self.events:
            return f"<EventList{name}: 0 events>"
        first, last = (_clock(event.position_ms) for event in (self.events[0], self.events[-1]))
        counts = ", ".join(f"{count} {label}" for label, count in self.counts().most_common())
        return f"<EventList{name}: {len(self)} {noun}, {first} to {last}: {counts}>"

    # Filters

    def where(self, keep: Callable[[Event], bool]) -> EventList:
        """Return the events for which `keep` is true."""
        return replace(self, events=tuple(event for event in self.events if keep(event)))

    def above(self, threshold: float | Mapping[EventLabel, float]) -> EventList:
        """Return the events with at least this confidence.

        Args:
            threshold: one for all actions, or one for each; an action without one keeps all events.
        """
        if isinstance(threshold, Mapping):
            return self.where(lambda event: event.confidence >= threshold.get(event.label, 0.0))
        return self.where(lambda event: event.confidence >= threshold)

    @property
    def shown(self) -> EventList:
        """Events to show to people: those of the actions of `info` that reach its thresholds.

        They are the events that the command line writes into `events.csv`. Without `info`, or if it
        has neither, all events are shown.
        """
        return self if self.info is None else self.where(self.info.shows)

    def of_action(self, *actions: EventLabel | str) -> EventList:
        """Return the events of some actions, given as labels or by name.

        Names are those of the 12 actions, of `info.classes`, and of the labels of the events.

        Raises:
            LabelError: an action does not exist.
        """
        wanted = {self._parse(action) for action in actions}
        return self.where(lambda event: event.label in wanted)

    def _parse(self, name: EventLabel | str) -> EventLabel:
        if type(name) is Action or type(name) is Label:
            return name
        return self.classes.union(BALL_ACTIONS).parse(name)

    def between(self, start_ms: float = 0, end_ms: float | None = None) -> EventList:
        """Return the events from `start_ms` to before `end_ms`, in milliseconds; None: to the end."""
        end = math.inf if end_ms is None else end_ms
        return self.where(lambda event: start_ms <= event.position_ms < end)

    @property
    def classes(self) -> ActionSet:
        """Classes of the events: those of `info`, or else the 12 actions, and other labels."""
        labels = tuple(dict.fromkeys(event.label for event in self.events))
        declared = BALL_ACTIONS if self.info is None else self.info.classes
        return declared.union(ActionSet(labels, labels))

    def counts(self) -> Counter[EventLabel]:
        """Count the events of each action."""
        return Counter(event.label for event in self.events)

    # Conversions

    def as_labels(self) -> EventList:
        """Return the events as annotations, for example a corrected table: with confidence 1."""
        certain = tuple(replace(event, confidence=1.0) for event in self.events)
        return replace(self, events=certain, info=None)

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return one dictionary per event, see `Event.to_dict`."""
        return [event.to_dict() for event in self.events]

    def to_json(self, indent: int | None = None) -> str:
        """Return `to_dicts` as JSON text; `save` writes SoccerNet's form instead.

        Args:
            indent: blanks per level; None writes one line.
        """
        return json.dumps(self.to_dicts(), indent=indent, ensure_ascii=False)

    def to_pandas(self) -> pd.DataFrame:
        """Return a table with one row per event and the columns of `Event.to_dict`.

        Raises:
            MissingDependencyError: pandas is not installed.
        """
        with optional_dependency("pandas", "pandas", "EventList.to_pandas"):
            import pandas as pd
        columns = {
            "position_ms": np.fromiter((e.position_ms for e in self.events), np.int64, len(self)),
            "label": [event.label.value for event in self.events],
            "confidence": np.fromiter((e.confidence for e in self.events), np.float64, len(self)),
            "team": [event.team.value for event in self.events],
            "half": np.fromiter((e.half for e in self.events), np.int64, len(self)),
            "visible": np.fromiter((e.visible for e in self.events), np.bool_, len(self)),
        }
        return pd.DataFrame(columns)

    # Files

    def save(self, path: str | Path) -> None:
        """Write all events into a file, in the format of its suffix.

        `.json` is SoccerNet's: annotations if the name begins with `Labels`, as that of
        `Labels-ball.json` does, and predictions (`results_spotting.json`) otherwise. `.csv` is the
        table of `write_event_table`.

        Args:
            path: the file; it is replaced if it exists.

        Raises:
            InputError: the suffix is another one.
            OnballError: the file cannot be written.
        """
        # Formats are built on events. Only here do events know of them.
        from onball.formats.event_files import write_event_file

        write_event_file(self, path)

    @classmethod
    def load(cls, path: str | Path, actions: ActionSet = BALL_ACTIONS) -> EventList:
        """Read a file that `save` writes, or any of SoccerNet's annotations or predictions.

        Args:
            path: a file with the suffix `.json` or `.csv`.
            actions: actions that may occur. Predictions may also have those of the model that
                found them, if onball wrote the file.

        Raises:
            LabelError: the file is missing or damaged; the message names the file and the entry.
            InputError: the suffix is another one.
        """
        from onball.formats.event_files import read_event_file

        return read_event_file(path, actions)


@dataclass(frozen=True, slots=True)
class EventColumns:
    """Events of several matches as arrays `[N]`, one per attribute; the metric computes with them.

    Attributes:
        match: index of the match, from 0.
        half: from 1.
        action: index of the action in an `ActionSet`, 0 to 11 for the 12 actions; -1 for others.
        position_ms: integer milliseconds.
        confidence: 0 to 1.
        side: 0 left, 1 right, -1 unknown, see `side_of`.
    """

    match: NDArray[np.int64]
    half: NDArray[np.int64]
    action: NDArray[np.int64]
    position_ms: NDArray[np.int64]
    confidence: NDArray[np.float64]
    side: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.match)

    @classmethod
    def of(cls, matches: Sequence[EventList], actions: ActionSet = BALL_ACTIONS) -> EventColumns:
        """Convert event lists, one per match; events keep their order.

        Args:
            matches: events of each match.
            actions: the set that indices of actions refer to; the index of others is -1.
        """
        index: dict[str, int] = {label: number for number, label in enumerate(actions)}
        events = [event for match in matches for event in match]
        n = len(events)
        return cls(
            np.repeat(np.arange(len(matches)), np.array([len(m) for m in matches], np.int64)),
            np.fromiter(map(attrgetter("half"), events), np.int64, n),
            np.fromiter((index.get(event.label, -1) for event in events), np.int64, n),
            np.fromiter(map(attrgetter("position_ms"), events), np.int64, n),
            np.fromiter(map(attrgetter("confidence"), events), np.float64, n),
            np.fromiter((SIDE_INDEX[event.team] for event in events), np.int64, n),
        )

    @classmethod
    def joined(cls, parts: Sequence[EventColumns]) -> EventColumns:
        """Concatenate the events of single matches; the i-th part becomes match i."""
        parts = [replace(part, match=np.full(len(part), i)) for i, part in enumerate(parts)]
        if not parts:
            return cls.of([])
        return cls(*(np.concatenate([getattr(p, name) for p in parts]) for name in cls.__slots__))

    def where(self, keep: NDArray[np.bool_] | NDArray[np.intp]) -> EventColumns:
        """Return the events chosen by a mask `[N]`, or by indices in any order."""
        return EventColumns(*(getattr(self, name)[keep] for name in self.__slots__))
