"""Figures of a match that follow from its events: counts, bins of five minutes, chains of possession.

Chains. A chain is a series of events of one team, as far as the events tell: it ends before an event of
the other team, after OUT or GOAL, at the end of a half, and before a gap of more than 15 s. An event whose
team is unknown, and OUT and GOAL whatever their team, belong to the chain before them. Where no team is
known, a chain is a sequence of play of both teams, which ends by the other rules.

Teams. `left` and `right` are sides of the image, which the teams change at half-time: the first team is the
left one of odd halves, and the right one of even halves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from onball.actions import Action, EventLabel
from onball.events import Event, EventList, SpottingInfo, Team

#: Bins of the table of counts.
BIN_MS = 5 * 60_000
_HALF_MINUTES = 45
LONGEST_GAP_MS = 15_000
#: Events after which the ball is not in play.
_STOPPAGES = (Action.OUT, Action.GOAL)
#: Events that chains lead to.
ATTEMPTS = (Action.SHOT, Action.GOAL)
FIRST, SECOND = 1, 2
"""Numbers of the teams; 0 is unknown."""


def team_of(event: Event) -> int:
    """Return the number of the team of an event: 1 is the one on the left in the first half."""
    if event.team is Team.UNKNOWN:
        return 0
    is_left = event.team is Team.LEFT
    return FIRST if is_left == (event.half % 2 == 1) else SECOND


@dataclass(frozen=True, slots=True)
class Chain:
    """Events in a row of one team.

    Attributes:
        team: its number; 0 if no event has a team.
        events: its events by time.
    """

    team: int
    events: tuple[Event, ...]

    @property
    def has_attempt(self) -> bool:
        """True if there is a shot or goal in it."""
        return any(event.label in ATTEMPTS for event in self.events)


def find_chains(events: Iterable[Event]) -> list[Chain]:
    """Return the chains of possession, in order of time; see the module for the rule."""
    chains: list[Chain] = []
    current: list[Event] = []
    team = 0

    def close() -> None:
        if current:
            chains.append(Chain(team, tuple(current)))
            current.clear()

    for event in sorted(events, key=lambda one: (one.half, one.position_ms)):
        own = 0 if event.label in _STOPPAGES and current else team_of(event)
        if current and (
            event.half != current[-1].half
            or event.position_ms - current[-1].position_ms > LONGEST_GAP_MS
            or current[-1].label in _STOPPAGES
            or (own and team and own != team)
        ):
            close()
        if not current:
            team = team_of(event)
        team = team or own
        current.append(event)
    close()
    return chains


@dataclass(frozen=True, slots=True)
class ChainCounts:
    """Figures of the chains of a team that have two or more events.

    Attributes:
        chains: number of chains.
        mean_events: mean number of events.
        longest: the chain with the most events; None if there is none.
        with_attempt: number of chains with a shot or goal, of one event too.
    """

    chains: int
    mean_events: float
    longest: Chain | None
    with_attempt: int


def count_chains(chains: Sequence[Chain]) -> ChainCounts:
    """Count chains."""
    long = [chain for chain in chains if len(chain.events) > 1]
    return ChainCounts(
        len(long),
        sum(len(chain.events) for chain in long) / len(long) if long else 0.0,
        max(long, key=lambda chain: len(chain.events), default=None),
        sum(chain.has_attempt for chain in chains),
    )


@dataclass(frozen=True, slots=True)
class Bin:
    """Five minutes of a half.

    Attributes:
        half: 1, 2 …
        name: minutes, `45–50`.
        counts: number of events by action.
    """

    half: int
    name: str
    counts: Counter[EventLabel] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        return self.counts.total()


def count_bins(events: EventList) -> list[Bin]:
    """Count events in bins of five minutes of each half.

    Minutes are those of the match clock in halves whose kick-off is known, and otherwise of the video.
    """
    info = events.info or SpottingInfo()
    by_half: dict[int, list[Event]] = {}
    for event in events:
        by_half.setdefault(event.half, []).append(event)
    bins: list[Bin] = []
    for half, inside in sorted(by_half.items()):
        clocks = {event: info.clock_ms(event) for event in inside}
        known = all(clock is not None for clock in clocks.values())
        base = _HALF_MINUTES * (half - 1) if known else 0
        times = [max(0, clocks[event] or 0) if known else event.position_ms for event in inside]
        first = 0 if known or len(by_half) == 1 else min(times) // BIN_MS
        made = [
            Bin(half, f"{base + 5 * k}–{base + 5 * k + 5}")
            for k in range(first, max(times) // BIN_MS + 1)
        ]
        for event, time_ms in zip(inside, times, strict=True):
            made[time_ms // BIN_MS - first].counts[event.label] += 1
        bins += made
    return bins
