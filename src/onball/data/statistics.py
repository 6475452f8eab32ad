"""How often each action happens in labelled play, after how long, and by which team.

Needs labels alone, no video. `PlayStatistics.of` counts; `compare` in `onball.data.statistics` holds
the result against statistics of real annotations.

In-play time
    The reference (`assets/bas_statistics.json`) counts "in-play stretches only". Which, its own
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

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from onball.actions import ACTIONS, Action
from onball.events import Event, EventList, Team
from onball.timing import nearest_grid_index

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
    """Statistics of the labelled events of some matches.

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


# --- Labelled play held against statistics of real annotations, figure by figure.


#: Events per minute may differ by so many per cent; rare actions, counted in dozens, by more.
RATE_TOLERANCE = 10.0
RARE_RATE_TOLERANCE = 25.0
FREQUENT = (
    Action.PASS,
    Action.DRIVE,
    Action.HEADER,
    Action.HIGH_PASS,
    Action.OUT,
    Action.THROW_IN,
    Action.CROSS,
    Action.SHOT,
)
#: Median gaps of these actions are compared, within so many per cent.
GAP_TOLERANCE = 15.0
GAP_ACTIONS = (Action.PASS, Action.DRIVE, Action.HIGH_PASS, Action.HEADER)
#: The share of next events by the same team, within so many points.
SAME_TEAM_TOLERANCE = 5.0

#: The 90 % quantile of the standard normal distribution.
_Z90 = 1.2815515655446004


@dataclass(frozen=True, slots=True)
class Transition:
    """One way to go on after an action.

    Attributes:
        weight: its probability, before normalising.
        quantiles_s: 10, 50 and 90 % quantile of the gap in seconds, ascending, above 0.
    """

    weight: float
    quantiles_s: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Reference:
    """The figures that play is compared with.

    Attributes:
        per_minute: events per in-play minute.
        median_gap_s: median seconds until the next event, for actions after which one follows.
        same_team: share of next events by the same team, 0 to 1.
        in_play_minutes: how much play was counted.
    """

    per_minute: dict[Action, float]
    median_gap_s: dict[Action, float]
    same_team: float
    in_play_minutes: float

    @classmethod
    def of(cls, statistics: Mapping[str, Any]) -> Reference:
        """From the content of `assets/bas_statistics.json`."""
        return cls(
            per_minute={
                Action(name): float(rate)
                for name, rate in statistics["events_per_in_play_minute"].items()
            },
            median_gap_s={
                Action(name): mixture_median(
                    [
                        Transition(entry["p"], tuple(entry["gap_s_p10_p50_p90"]))
                        for entry in following.values()
                    ]
                )
                for name, following in statistics["transitions"].items()
                if following
            },
            same_team=float(statistics["next_event_same_team_share"]),
            in_play_minutes=float(statistics["in_play_minutes"]),
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """One figure, here and in the reference.

    Attributes:
        quantity: `per_minute`, `median_gap_s` or `same_team`.
        action: whose figure it is; None for all actions together.
        found, real: the figure here (None if there was nothing to count) and in the reference.
        difference: in per cent of the real one, in points for `same_team`; None without `found`.
        tolerance: how large the difference may be, in the same unit.
        chance: the standard deviation of a count so large, in per cent of it, for `per_minute`:
            a larger difference is hardly chance. None if nothing was counted.
    """

    quantity: str
    action: Action | None
    found: float | None
    real: float
    difference: float | None
    tolerance: float
    chance: float | None = None

    @property
    def within(self) -> bool:
        """Whether the difference is within the tolerance; never without a figure."""
        # Rounded, so that a share of 0.05 above is five points also in binary.
        return self.difference is not None and round(abs(self.difference), 9) <= self.tolerance

    def as_json(self) -> dict[str, Any]:
        """The fields, and `within`."""
        return {
            "quantity": self.quantity,
            "action": self.action and self.action.value,
            "found": self.found,
            "real": self.real,
            "difference": self.difference,
            "tolerance": self.tolerance,
            "chance": self.chance,
            "within": self.within,
        }


def compare(play: PlayStatistics, reference: Reference) -> list[Comparison]:
    """Every figure that has a tolerance: the rate of each action, median gaps, the same team."""
    rows = []
    for action in ACTIONS:
        found = play.actions[action]
        real = reference.per_minute[action]
        tolerance = RATE_TOLERANCE if action in FREQUENT else RARE_RATE_TOLERANCE
        difference = _per_cent(found.per_minute, real)
        chance = 100 / math.sqrt(found.events) if found.events else None
        rows.append(
            Comparison("per_minute", action, found.per_minute, real, difference, tolerance, chance)
        )
    for action in GAP_ACTIONS:
        gaps = play.actions[action].gaps_s
        median = gaps[1] if gaps else None
        real = reference.median_gap_s[action]
        difference = _per_cent(median, real)
        rows.append(Comparison("median_gap_s", action, median, real, difference, GAP_TOLERANCE))
    share = play.same_team
    points = None if share is None else 100 * (share - reference.same_team)
    rows.append(
        Comparison("same_team", None, share, reference.same_team, points, SAME_TEAM_TOLERANCE)
    )
    return rows


def mixture_median(transitions: Sequence[Transition]) -> float:
    """The median gap in seconds over all transitions, at least one, with a weight above 0.

    Each is a two-sided log-normal distribution through its three quantiles; their weights are
    normalised. Found by halving, to a microsecond.
    """
    total = sum(transition.weight for transition in transitions)
    # The median of a mixture lies between those of its parts.
    low = min(transition.quantiles_s[1] for transition in transitions)
    high = max(transition.quantiles_s[1] for transition in transitions)
    while high - low > 1e-6:
        middle = (low + high) / 2
        below = sum(t.weight * _share_below(middle, t.quantiles_s) for t in transitions)
        low, high = (middle, high) if below < total / 2 else (low, middle)
    return (low + high) / 2


def _share_below(time_s: float, quantiles_s: tuple[float, float, float]) -> float:
    """The distribution function of the two-sided log-normal with these quantiles."""
    low, middle, high = quantiles_s
    spread = math.log(middle / low) if time_s < middle else math.log(high / middle)
    z = _Z90 * math.log(time_s / middle) / spread
    return 0.5 * (1 + math.erf(z / math.sqrt(2)))


def _per_cent(found: float | None, real: float) -> float | None:
    return None if found is None else 100 * (found / real - 1)


# --- In how many clips does each action occur? Rare actions need many clips to be seen in


@dataclass(frozen=True, slots=True)
class ClipCounts:
    """Clips side by side, without overlap, from the start of each half to its last event.

    Training draws its clips at random places; these are what it would see in one even pass.

    Attributes:
        clips: how many there are.
        not_empty: how many hold any event.
        holding: how many hold each action.
    """

    clips: int
    not_empty: int
    holding: dict[Action, int]

    @classmethod
    def of(cls, matches: Iterable[EventList], clip_frames: int, fps: float) -> ClipCounts:
        """Counts the clips of these matches.

        Args:
            matches: the annotations of each.
            clip_frames: sampled frames in a clip.
            fps: sampled frames per second. An event lies on the frame nearest to it.
        """
        clips = not_empty = 0
        holding = dict.fromkeys(ACTIONS, 0)
        for match in matches:
            places = {
                (event.half, nearest_grid_index(event.position_ms, fps) // clip_frames, event.label)
                for event in match
            }
            filled = {(half, clip) for half, clip, _ in places}
            not_empty += len(filled)
            for half in {half for half, _ in filled}:
                clips += 1 + max(clip for other, clip in filled if other == half)
            for _, _, action in places:
                holding[action] += 1
        return cls(clips, not_empty, holding)

    def as_json(self) -> dict[str, Any]:
        """The numbers under readable keys."""
        actions = {action.value: count for action, count in self.holding.items()}
        return {"clips": self.clips, "with_events": self.not_empty, "holding": actions}
