"""Statistics of labelled play: frequency of actions, gaps between them, and changes of team.

Only labels are needed, no video. `PlayStatistics.of` counts; `compare` compares the result with
statistics of real annotations; `ClipCounts.of` counts the clips that contain each action.

In-play time
    The reference (`assets/bas_statistics.json`) counts "in-play stretches only", without defining
    them. Its numbers imply a definition: no 90 % quantile of a gap exceeds 4.75 s, the pooled 95 %
    quantile is 3.72 s, and only THROW IN ever follows OUT, although a goal kick or a corner follows
    every other one, later. Pooling its transitions, weighted by the count of the action before, and
    cutting them at 5 s reproduces its pooled quantiles (25 %: 1.04 s against 1.00; 50 %: 1.50 against
    1.44; 75 %: 2.25 against 2.20; 95 %: 3.74 against 3.72). Events more than 5 s apart were therefore
    not counted as neighbours, and here

    * a *stretch* is a maximal run of events of one half, each at most 5.0 s after the one before;
    * *in-play time* is the sum of the durations of the stretches, last event minus first;
    * gaps and teams are compared only between neighbours within a stretch.

Inconsistency of the reference
    Its 12357 events in 362.6 minutes are 1.76 s per event, and its mean gap is 1.75 s, as if hardly a
    stretch ever ended. But its transitions lead to fewer HIGH PASS, CROSS, FREE KICK and THROW IN
    than it counts: the others begin stretches. That allows at most 12034 gaps, together at most 345
    minutes. Its minutes therefore contain at least 5 % more than the gaps (perhaps a margin around
    each stretch), and play that equals the real one is measured here with *at least 5 % more* events
    per minute than the reference.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any

import numpy as np

from onball.actions import ACTIONS, BALL_ACTIONS, Action, ActionSet, EventLabel
from onball.events import Event, EventList, Team
from onball.timing import nearest_grid_index

#: Neighbouring events farther apart than this belong to different stretches of play.
STRETCH_GAP_MS = 5000
QUANTILES = (0.1, 0.5, 0.9)

#: Tolerance of events per minute in per cent, and that of rare actions, of which dozens are counted.
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
#: Tolerance of median gaps in per cent, and the actions whose gaps are compared.
GAP_TOLERANCE = 15.0
GAP_ACTIONS = (Action.PASS, Action.DRIVE, Action.HIGH_PASS, Action.HEADER)
#: Tolerance of the fraction of next events by the same team, in percentage points.
SAME_TEAM_TOLERANCE = 5.0

#: 90 % and 97.5 % quantile of the standard normal distribution.
_Z90 = 1.2815515655446004
_Z975 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class ActionStatistics:
    """Counts and statistics of one action.

    Attributes:
        events: number of events, including stretches of one event.
        per_minute: events per minute in play; None without time in play.
        gaps_s: 10, 50 and 90 % quantile of the seconds until the next event of the stretch; None
            if no event follows.
        same_team: fraction of these next events by the same team, 0 to 1; None without any with
            known teams.
        gaps: number of next events.
    """

    events: int
    per_minute: float | None
    gaps_s: tuple[float, float, float] | None
    same_team: float | None
    gaps: int


@dataclass(frozen=True, slots=True)
class PlayStatistics:
    """Statistics of the labelled events of some matches.

    Attributes:
        matches: number of matches.
        events: number of events.
        stretches: number of stretches of play, see the docstring of this module.
        in_play_minutes: sum of their durations.
        same_team: fraction of next events by the same team, over all actions; None without any.
        actions: statistics of each action.
        team_pairs: number of next events with known teams.
    """

    matches: int
    events: int
    stretches: int
    in_play_minutes: float
    same_team: float | None
    actions: dict[EventLabel, ActionStatistics]
    team_pairs: int

    @classmethod
    def of(cls, matches: Iterable[EventList], classes: ActionSet = BALL_ACTIONS) -> PlayStatistics:
        """Count the events of matches.

        Args:
            matches: annotations of each match.
            classes: the actions that they may have.
        """
        counts: dict[EventLabel, int] = dict.fromkeys(classes, 0)
        gaps: dict[EventLabel, list[int]] = {action: [] for action in classes}
        same: dict[EventLabel, list[bool]] = {action: [] for action in classes}
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
                gaps=len(gaps[action]),
            )
            for action in classes
        }
        everyone = [value for values in same.values() for value in values]
        return cls(
            matches=number,
            events=sum(counts.values()),
            stretches=stretches,
            in_play_minutes=minutes,
            same_team=_share(everyone),
            actions=actions,
            team_pairs=len(everyone),
        )

    def as_json(self) -> dict[str, Any]:
        """Convert to JSON types under readable keys; None if there are no events to count."""
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
    """Split the events of a match into stretches of play, in order.

    A stretch is a maximal run of events of one half, each at most 5.0 s after the one before.

    Args:
        events: events of one match, in any order.
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


@dataclass(frozen=True, slots=True)
class Transition:
    """Transition from one action to the next.

    Attributes:
        weight: probability, not normalised.
        quantiles_s: 10, 50 and 90 % quantile of the gap in seconds, ascending, above 0.
    """

    weight: float
    quantiles_s: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Reference:
    """Statistics of real annotations.

    Attributes:
        per_minute: events per in-play minute.
        median_gap_s: median seconds until the next event, for actions after which one follows.
        gap_density: probability density of these gaps at their median, per second.
        same_team: fraction of next events by the same team, 0 to 1.
        in_play_minutes: minutes of play.
    """

    per_minute: dict[Action, float]
    median_gap_s: dict[Action, float]
    gap_density: dict[Action, float]
    same_team: float
    in_play_minutes: float

    @classmethod
    def of(cls, statistics: Mapping[str, Any]) -> Reference:
        """Convert the content of `assets/bas_statistics.json`."""
        transitions = {
            Action(name): [
                Transition(entry["p"], tuple(entry["gap_s_p10_p50_p90"]))
                for entry in following.values()
            ]
            for name, following in statistics["transitions"].items()
            if following
        }
        medians = {action: mixture_median(parts) for action, parts in transitions.items()}
        return cls(
            per_minute={
                Action(name): float(rate)
                for name, rate in statistics["events_per_in_play_minute"].items()
            },
            median_gap_s=medians,
            gap_density={
                action: mixture_density(parts, medians[action])
                for action, parts in transitions.items()
            },
            same_team=float(statistics["next_event_same_team_share"]),
            in_play_minutes=float(statistics["in_play_minutes"]),
        )


class Verdict(StrEnum):
    """Result of a comparison."""

    WITHIN = "within"
    """The difference is within the tolerance."""
    OUTSIDE = "outside"
    """The difference exceeds the tolerance, and is too large to be random."""
    TOO_FEW = "too few to tell"
    """The difference exceeds the tolerance, but so few events differ as much at random."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Comparison of one statistic with the reference.

    Attributes:
        quantity: `per_minute`, `median_gap_s` or `same_team`.
        action: the action; None for all actions together.
        found, real: value here (None without events) and in the reference.
        difference: in per cent of `real`, for `same_team` in percentage points; None without `found`.
        tolerance: largest accepted difference, in the same unit.
        chance: half the width of the 95 % interval, in the same unit: real play of this length differs
            as much at random. None if there is nothing to count.
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
        """True if the difference is within the tolerance; False without a value."""
        # Rounded, so that a difference of 0.05 is five points despite binary fractions.
        return self.difference is not None and round(abs(self.difference), 9) <= self.tolerance

    @property
    def verdict(self) -> Verdict:
        """Verdict on the difference: within the tolerance, outside, or perhaps random."""
        if self.within:
            return Verdict.WITHIN
        if self.difference is None or self.chance is None or abs(self.difference) <= self.chance:
            return Verdict.TOO_FEW
        return Verdict.OUTSIDE

    def as_json(self) -> dict[str, Any]:
        """Convert to JSON types, with `within` and `verdict`."""
        return {
            "quantity": self.quantity,
            "action": self.action and self.action.value,
            "found": self.found,
            "real": self.real,
            "difference": self.difference,
            "tolerance": self.tolerance,
            "chance": self.chance,
            "within": self.within,
            "verdict": self.verdict.value,
        }


def compare(play: PlayStatistics, reference: Reference) -> list[Comparison]:
    """Compare the rate of each action, median gaps, and the fraction of next events by the same team.

    The 95 % intervals are those of independent events drawn from the reference: counts are Poisson
    distributed, a median of n gaps has a standard error of 1 / (2 f √n), where f is the density of the
    gaps at their median, and teams are drawn one by one.
    """
    rows = []
    for action in ACTIONS:
        found = play.actions[action]
        real = reference.per_minute[action]
        tolerance = RATE_TOLERANCE if action in FREQUENT else RARE_RATE_TOLERANCE
        difference = _per_cent(found.per_minute, real)
        expected = real * play.in_play_minutes
        chance = 100 * _Z975 / math.sqrt(expected) if expected else None
        rows.append(
            Comparison("per_minute", action, found.per_minute, real, difference, tolerance, chance)
        )
    for action in GAP_ACTIONS:
        gaps, count = play.actions[action].gaps_s, play.actions[action].gaps
        median = gaps[1] if gaps else None
        real = reference.median_gap_s[action]
        difference = _per_cent(median, real)
        chance = None
        if count:
            error_s = 1 / (2 * reference.gap_density[action] * math.sqrt(count))
            chance = 100 * _Z975 * error_s / real
        rows.append(
            Comparison("median_gap_s", action, median, real, difference, GAP_TOLERANCE, chance)
        )
    share, real = play.same_team, reference.same_team
    points = chance = None
    if share is not None:
        points = 100 * (share - real)
        chance = 100 * _Z975 * math.sqrt(real * (1 - real) / play.team_pairs)
    rows.append(Comparison("same_team", None, share, real, points, SAME_TEAM_TOLERANCE, chance))
    return rows


def mixture_median(transitions: Sequence[Transition]) -> float:
    """Median gap in seconds over all transitions, computed by bisection to a microsecond.

    Each transition is a two-sided log-normal distribution with its three quantiles; weights are
    normalised.

    Args:
        transitions: at least one, with a total weight above 0.
    """
    # The median of a mixture lies between the medians of its parts.
    low = min(transition.quantiles_s[1] for transition in transitions)
    high = max(transition.quantiles_s[1] for transition in transitions)
    while high - low > 1e-6:
        middle = (low + high) / 2
        low, high = (middle, high) if _mixture_below(transitions, middle) < 0.5 else (low, middle)
    return (low + high) / 2


def mixture_density(transitions: Sequence[Transition], time_s: float) -> float:
    """Density of the gaps of `mixture_median` at a time, per second, over 0.1 s around it."""
    above, below = (_mixture_below(transitions, time_s + step) for step in (0.05, -0.05))
    return (above - below) / 0.1


def _mixture_below(transitions: Sequence[Transition], time_s: float) -> float:
    """Fraction of the gaps of all transitions that are shorter than a time."""
    total = sum(transition.weight for transition in transitions)
    return sum(t.weight * _share_below(time_s, t.quantiles_s) for t in transitions) / total


def _share_below(time_s: float, quantiles_s: tuple[float, float, float]) -> float:
    """Distribution function of the two-sided log-normal with these quantiles."""
    low, middle, high = quantiles_s
    spread = math.log(middle / low) if time_s < middle else math.log(high / middle)
    z = _Z90 * math.log(time_s / middle) / spread
    return 0.5 * (1 + math.erf(z / math.sqrt(2)))


def _per_cent(found: float | None, real: float) -> float | None:
    return None if found is None else 100 * (found / real - 1)


@dataclass(frozen=True, slots=True)
class ClipCounts:
    """Numbers of adjacent clips with each action, from the start of each half to its last event.

    Training draws clips at random; these are the clips of one pass without overlap.

    Attributes:
        clips: number of clips.
        not_empty: number of clips with any event.
        holding: number of clips with each action.
    """

    clips: int
    not_empty: int
    holding: dict[EventLabel, int]

    @classmethod
    def of(
        cls,
        matches: Iterable[EventList],
        clip_frames: int,
        fps: float,
        classes: ActionSet = BALL_ACTIONS,
    ) -> ClipCounts:
        """Count the clips of matches.

        Args:
            matches: annotations of each match.
            clip_frames: sampled frames in a clip.
            fps: sampled frames per second. An event belongs to the nearest sampled frame.
            classes: the actions that they may have.
        """
        clips = not_empty = 0
        holding: dict[EventLabel, int] = dict.fromkeys(classes, 0)
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
        """Convert to JSON types under readable keys."""
        actions = {action.value: count for action, count in self.holding.items()}
        return {"clips": self.clips, "with_events": self.not_empty, "holding": actions}
