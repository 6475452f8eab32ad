"""Events, the type in which all parts of the package exchange annotations and predictions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from operator import attrgetter
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from onball.actions import ACTION_INDEX, Action


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


@dataclass(frozen=True, slots=True, order=True)
class Event:
    """One action at one point in time. Events sort by time.

    Attributes:
        position_ms: integer milliseconds since the first displayed frame of the video, 0 or more.
        label: the action.
        confidence: 0 to 1; 1 for annotations.
        team: left, right or unknown.
        half: 1 or 2, as in SoccerNet's `gameTime`.
        visible: False if the annotators marked the action as "not shown".
        extra: other fields of the entry in its source file, so that writing it again loses
            nothing. Ignored in comparisons.

    Raises:
        ValueError: a negative position, a confidence outside [0, 1] or a half below 1.
    """

    position_ms: int
    label: Action
    confidence: float = 1.0
    team: Team = Team.UNKNOWN
    half: int = 1
    visible: bool = True
    extra: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.position_ms < 0:
            raise ValueError(f"position {self.position_ms} ms is negative")
        if not 0.0 <= self.confidence <= 1.0:
            raise ValueError(f"confidence {self.confidence} is outside [0, 1]")
        if self.half < 1:
            raise ValueError(f"half {self.half} is below 1")

    @property
    def class_index(self) -> int:
        """Class of the action in a per-frame classifier, 1 to 12; 0 is the background."""
        return 1 + self.label.order

    @property
    def game_time(self) -> str:
        """Half, minutes and seconds as SoccerNet's `gameTime`, for example `1 - 01:04`."""
        minutes, seconds = divmod(self.position_ms // 1000, 60)
        return f"{self.half} - {minutes:02d}:{seconds:02d}"


@dataclass(frozen=True, slots=True)
class EventList:
    """Events of one video in order of time, with the metadata of their source file.

    Attributes:
        events: sorted by position.
        match: SoccerNet's `<league>/<season>/<match>`, or any name of the video; may be empty.
        metadata: other top-level fields of the source file (`UrlYoutube`, `halftime`, …), so that
            reading and writing it again loses nothing.
    """

    events: tuple[Event, ...] = ()
    match: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls, events: Iterable[Event], match: str = "", metadata: dict[str, Any] | None = None
    ) -> EventList:
        """Sort events by time. The sort is stable: simultaneous events keep their order."""
        ordered = tuple(sorted(events, key=lambda event: event.position_ms))
        return cls(ordered, match, dict(metadata or {}))

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

    def where(self, keep: Callable[[Event], bool]) -> EventList:
        """Return the events for which `keep` is true."""
        return replace(self, events=tuple(event for event in self.events if keep(event)))

    def above(self, threshold: float) -> EventList:
        """Return the events with at least this confidence."""
        return self.where(lambda event: event.confidence >= threshold)

    def counts(self) -> Counter[Action]:
        """Count the events of each action."""
        return Counter(event.label for event in self.events)


@dataclass(frozen=True, slots=True)
class EventColumns:
    """Events of several matches as arrays `[N]`, one per attribute; the metric computes with them.

    Attributes:
        match: index of the match, from 0.
        half: from 1.
        action: index of the action, 0 to 11.
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
    def of(cls, matches: Sequence[EventList]) -> EventColumns:
        """Convert event lists, one per match; events keep their order."""
        events = [event for match in matches for event in match]
        n = len(events)
        return cls(
            np.repeat(np.arange(len(matches)), np.array([len(m) for m in matches], np.int64)),
            np.fromiter(map(attrgetter("half"), events), np.int64, n),
            np.fromiter((ACTION_INDEX[event.label] for event in events), np.int64, n),
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
