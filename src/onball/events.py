"""`Event` and `EventList`: the one currency between all parts of the package."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, overload

from onball.actions import Action


class Team(StrEnum):
    """Whose action it is, named by the side of the pitch that the team defends on screen."""

    LEFT = "left"
    RIGHT = "right"
    UNKNOWN = "unknown"

    @property
    def other(self) -> Team:
        """The opponent; `UNKNOWN` stays unknown."""
        if self is Team.UNKNOWN:
            return self
        return Team.RIGHT if self is Team.LEFT else Team.LEFT


@dataclass(frozen=True, slots=True, order=True)
class Event:
    """One action at one moment. Events sort by time.

    Attributes:
        position_ms: integer milliseconds since the first shown frame of the video, not negative.
        label: the action.
        confidence: 0 to 1; 1 for annotations.
        team: left, right or unknown.
        half: 1 or 2, as SoccerNet's `gameTime` has it.
        visible: False if the annotators marked the moment as "not shown".
        extra: other fields of the entry in its source file, kept so that writing it again loses
            nothing. Plays no part in comparing events.

    Raises `ValueError` for a negative position, a confidence outside [0, 1] or a half below 1.
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
        """The class of its action in a per-frame classifier, 1 to 12 (0 is the background)."""
        return 1 + self.label.order

    @property
    def game_time(self) -> str:
        """SoccerNet's `gameTime`: half, minutes and seconds, for example `1 - 01:04`."""
        minutes, seconds = divmod(self.position_ms // 1000, 60)
        return f"{self.half} - {minutes:02d}:{seconds:02d}"


@dataclass(frozen=True, slots=True)
class EventList:
    """Events of one video in order of time, and what else its file said.

    Attributes:
        events: sorted by position.
        match: SoccerNet's `<league>/<season>/<match>`, or any name of the video; may be empty.
        metadata: other top-level fields of the source file (`UrlYoutube`, `halftime`, …), kept so
            that reading and writing again loses nothing.
    """

    events: tuple[Event, ...] = ()
    match: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls, events: Iterable[Event], match: str = "", metadata: dict[str, Any] | None = None
    ) -> EventList:
        """The events, sorted by time (stable: events at one moment keep their order)."""
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
        """Only the events for which `keep` is true."""
        return replace(self, events=tuple(event for event in self.events if keep(event)))

    def above(self, threshold: float) -> EventList:
        """Only the events with at least that confidence."""
        return self.where(lambda event: event.confidence >= threshold)

    def counts(self) -> Counter[Action]:
        """How many events each action has."""
        return Counter(event.label for event in self.events)
