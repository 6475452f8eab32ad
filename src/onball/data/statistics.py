"""How often each action happens in labelled play, after how long, and by which team.

Needs labels alone, no video. `PlayStatistics.of` counts; `compare` in `onball.data.reference` holds
the result against statistics of real annotations.

In-play time
    The reference (`synthetic/motion/bas_statistics.json`) counts "in-play stretches only". Which, its own
    numbers tell: no 90 % quantile of a gap exceeds 4.75 s, the pooled 95 % quantile is 3.72 s, and
    nothing but THROW IN ever follows OUT, although a goal kick or a corner follows every other one,
    later. Pooling its transitions, weighted by the count of the action before, and cutting them at
    5 s gives its pooled quantiles back (25 %: 1.04 s against 1.00; 50 %: 1.50 against 1.44; 75 %:
    2.25 against 2.20; 95 %: 3.74 against 3.72). So neighbours more than 5 s apart were not counted as
    such, and here

    * a *stretch* is a maximal run of events of one half, each at most 5.0 s after the one before;
    * *in-play time* is the sum of the stretches' durations, last event minus first;
    * gaps and teams are compared only between neighbours within a stretch.

What does not fit
    The reference's 12357 events in 362.6 minutes are 1.76 s per event, and its mean gap is 1.75 s,
    as if hardly a stretch ever ended. But its transitions lead to fewer HIGH PASS, CROSS, FREE KICK
    and THROW IN than there are: the others begin stretches. That allows 12034 gaps at most, together
    345 minutes at most. So its minutes hold at least 5 % more than the gaps (perhaps a margin
    around each stretch, which the file does not tell), and play exactly like the real one is
    measured here with *at least 5 % more* events per minute than the reference says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from onball.actions import ACTIONS, Action
from onball.events import Event, EventList, Team

#: Neighbouring events farther apart than this belong to different stretches of play.
STRETCH_GAP_MS = 5000
QUANTILES = (0.1, 0.5, 0.9)


@dataclass(frozen=True, slots=True)
class ActionStatistics:
    """What was counted of one action.

    Attributes:
        events: how many there are, in stretches of one event too.
        per_minute: events per minute in play; None without any time in play.
        gaps_s: 10, 50 and 90 % quantile of the seconds until the next event of the stretch; None
            if no event follows.
        same_team: share, 0 to 1, of these next events that are by the same team; None if none is.
    """

    events: int
    per_minute: float | None
    gaps_s: tuple[float, float, float] | None
    same_team: float | None


@dataclass(frozen=True, slots=True)
class PlayStatistics:
    """What was counted in some matches.

    Attributes:
        matches: number of matches.
        events: number of events.
        stretches: number of stretches of play, see this module's docstring.
        in_play_minutes: their durations added up.
        same_team: share of next events by the same team, over all actions; None without any.
        actions: each of the 12.
    """

    matches: int
    events: int
    stretches: int
    in_play_minutes: float
    same_team: float | None
    actions: dict[Action, ActionStatistics]

    @classmethod
    def of(cls, matches: Iterable[EventList]) -> PlayStatistics:
        """Counts the events of these matches."""
        counts = dict.fromkeys(ACTIONS, 0)
        gaps: dict[Action, list[int]] = {action: [] for action in ACTIONS}
        same: dict[Action, list[bool]] = {action: [] for action in ACTIONS}
        number = stretches = in_play_ms = 0
        for match in matches:
            number += 1
            for stretch in play_stretches(match):
                stretches += 1
                in_play_ms += stretch[-1].position_ms - stretch[0].position_ms
                for event in stretch:
                    counts[event.label] += 1
                for event, following in pairwise(stretch):
                    gaps[event.label].append(following.position_ms - event.position_ms)
                    if Team.UNKNOWN not in (event.team, following.team):
                        same[event.label].append(event.team is following.team)
        minutes = in_play_ms / 60_000
        actions = {
            action: ActionStatistics(
                events=counts[action],
                per_minute=counts[action] / minutes if minutes else None,
                gaps_s=_quantiles_s(gaps[action]),
                same_team=_share(same[action]),
            )
            for action in ACTIONS
        }
        everyone = [value for values in same.values() for value in values]
        return cls(number, sum(counts.values()), stretches, minutes, _share(everyone), actions)

    def as_json(self) -> dict[str, Any]:
        """The numbers under readable keys; None where there is nothing to count."""
        return {
            "matches": self.matches,
            "events": self.events,
            "stretches": self.stretches,
            "in_play_minutes": self.in_play_minutes,
            "next_event_same_team_share": self.same_team,
            "actions": {
                action.value: {
                    "events": found.events,
                    "per_in_play_minute": found.per_minute,
                    "gap_s_p10_p50_p90": found.gaps_s and list(found.gaps_s),
                    "next_event_same_team_share": found.same_team,
                }
                for action, found in self.actions.items()
            },
        }


def play_stretches(events: Iterable[Event]) -> Iterator[list[Event]]:
    """Maximal runs of events of one half, each at most 5.0 s after the one before, in order.

    Args:
        events: of one match, in any order.
    """
    stretch: list[Event] = []
    for event in sorted(events, key=lambda event: (event.half, event.position_ms)):
        if stretch and (
            event.half != stretch[-1].half
            or event.position_ms - stretch[-1].position_ms > STRETCH_GAP_MS
        ):
            yield stretch
            stretch = []
        stretch.append(event)
    if stretch:
        yield stretch


def _quantiles_s(gaps_ms: list[int]) -> tuple[float, float, float] | None:
    if not gaps_ms:
        return None
    low, middle, high = np.quantile(np.array(gaps_ms) / 1000, QUANTILES)
    return float(low), float(middle), float(high)


def _share(values: list[bool]) -> float | None:
    return sum(values) / len(values) if values else None
