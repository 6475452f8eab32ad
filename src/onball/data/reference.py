"""Labelled play held against statistics of real annotations, figure by figure.

The reference's gaps are given per transition, as 10, 50 and 90 % quantiles. The median gap after an
action is the median of the mixture of its transitions: each a two-sided log-normal distribution
through its three quantiles, weighted with its probability. (Medians do not average: after SHOT the
mean of the medians would be 1.19 s, the median of the mixture is 1.03 s.) Probabilities that do not
sum to 1, because rare transitions are left out, are normalised.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from onball.actions import ACTIONS, Action
from onball.data.statistics import PlayStatistics

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
        """From the content of `synthetic/motion/bas_statistics.json`."""
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
