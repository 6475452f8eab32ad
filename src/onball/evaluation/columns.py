"""Events of several matches as arrays: what the metric computes with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from onball.actions import ACTION_INDEX
from onball.classes import side_of
from onball.events import EventList, Team

#: `onball.classes.side_of` as a table, for columns of teams.
SIDE_INDEX: dict[Team, int] = {team: side_of(team) for team in Team}


@dataclass(frozen=True, slots=True)
class Columns:
    """A column `[N]` for each attribute of the events, in the order of their files.

    Attributes:
        match: which match, from 0.
        half: from 1.
        action: index of the action, 0 to 11.
        position_ms: integer milliseconds.
        confidence: 0 to 1.
        side: 0 left, 1 right, -1 unknown, see `onball.classes.side_of`.
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
    def of(cls, matches: Sequence[EventList]) -> Columns:
        """The events of the matches, one match after the other."""
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
    def joined(cls, parts: Sequence[Columns]) -> Columns:
        """One match after the other; each part is one match."""
        parts = [replace(part, match=np.full(len(part), i)) for i, part in enumerate(parts)]
        if not parts:
            return cls.of([])
        return cls(*(np.concatenate([getattr(p, name) for p in parts]) for name in cls.__slots__))

    def where(self, keep: NDArray[np.bool_] | NDArray[np.intp]) -> Columns:
        """Only the events that `keep` chooses: truth values `[N]`, or indices in any order."""
        return Columns(*(getattr(self, name)[keep] for name in self.__slots__))
