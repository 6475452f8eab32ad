"""Possession script: which action follows, after which time, and by which team.

`PossessionScript` is a semi-Markov chain over the 12 actions with statistics of real annotations. The
position of the ball limits the possible actions, and independent draws would make a rare action twice too
frequent in one match and absent from the next. `Pace` therefore counts labels and time in play, and raises
the weight of actions that are overdue: a goal every half hour in play, a free kick every twenty minutes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from onball.actions import ACTIONS, Action
from onball.assets import reference_statistics

STRETCH_S = 5.0
"""Largest gap in seconds between labels of one stretch of play, as in the reference statistics."""

_GOLDEN = 0.6180339887498949
_LEAST_GAIN, _MOST_GAIN = 0.25, 4.0
"""Limits of the feedback gain, which is higher for rarer actions."""
_MOST_WEIGHT = 12.0
_RESERVE = 0.2
"""Subtracted from the amount due: an action happens early as easily as late."""

_SAME_TEAM: dict[tuple[Action, Action], float] = {
    (Action.PASS, Action.HEADER): 0.55,
    (Action.DRIVE, Action.DRIVE): 0.0,  # lost the ball without a clean tackle
    (Action.HEADER, Action.PASS): 0.6,
    (Action.HEADER, Action.DRIVE): 0.5,
    (Action.HEADER, Action.HEADER): 0.45,
    (Action.HEADER, Action.HIGH_PASS): 0.35,
    (Action.HIGH_PASS, Action.HEADER): 0.35,
    (Action.HIGH_PASS, Action.PASS): 0.65,
    (Action.HIGH_PASS, Action.DRIVE): 0.7,
    (Action.HIGH_PASS, Action.HIGH_PASS): 0.3,
    (Action.CROSS, Action.HEADER): 0.45,
    (Action.CROSS, Action.PASS): 0.4,
    (Action.CROSS, Action.DRIVE): 0.3,
    (Action.CROSS, Action.HIGH_PASS): 0.1,
    (Action.THROW_IN, Action.HEADER): 0.65,
    (Action.SHOT, Action.DRIVE): 0.1,
    (Action.SHOT, Action.HEADER): 0.2,
    (Action.SHOT, Action.HIGH_PASS): 0.1,
    (Action.BALL_PLAYER_BLOCK, Action.PASS): 0.5,
    (Action.BALL_PLAYER_BLOCK, Action.DRIVE): 0.5,
    (Action.BALL_PLAYER_BLOCK, Action.HEADER): 0.5,
    (Action.BALL_PLAYER_BLOCK, Action.HIGH_PASS): 0.7,
    (Action.BALL_PLAYER_BLOCK, Action.SHOT): 0.0,
    (Action.BALL_PLAYER_BLOCK, Action.BALL_PLAYER_BLOCK): 0.0,
    (Action.FREE_KICK, Action.HEADER): 0.45,
}
"""Probability that the next action is by the same team; `_SAME_TEAM_DEFAULT` for other pairs."""
_SAME_TEAM_DEFAULT = 0.81

KEEPS_THE_BALL = (Action.DRIVE, Action.PLAYER_SUCCESSFUL_TACKLE)
"""Actions after which the same player acts again."""
_BY_OPPONENT = (Action.PLAYER_SUCCESSFUL_TACKLE, Action.BALL_PLAYER_BLOCK, Action.THROW_IN)
"""Actions that are always by the opponents of the team that acted last."""
_BY_SAME = (Action.OUT, Action.GOAL, Action.SHOT, Action.CROSS)
"""Actions that are always by the team that touched the ball last."""


class Pace:
    """Labels and minutes in play so far, compared with rates per minute in play.

    Args:
        rates: events per minute in play, for each action.
        seed: determines the part of its interval after which the first of each action is due. Consecutive
            seeds spread these evenly (golden-ratio sequence), so that several matches together have the
            rates, too.
    """

    def __init__(self, rates: dict[Action, float], seed: int) -> None:
        self._rates = rates
        self._minutes = 0.0
        self._counts = dict.fromkeys(ACTIONS, 0)
        self._credit = {
            action: (_GOLDEN * (seed + 1) + 0.37 * action.order) % 1.0 - 0.5 for action in ACTIONS
        }

    def record(self, action: Action, since_last_s: float) -> None:
        """Count a label, `since_last_s` seconds after the one before it."""
        self._counts[action] += 1
        if since_last_s <= STRETCH_S:
            self._minutes += since_last_s / 60

    def due(self, action: Action) -> float:
        """Number of missing events of this action; negative if there were too many."""
        return self._rates[action] * self._minutes + self._credit[action] - self._counts[action]

    def weight(self, action: Action) -> float:
        """Factor for the probability of this action: above 1 if it is overdue."""
        gain = min(_MOST_GAIN, _LEAST_GAIN + 0.8 / math.sqrt(self._rates[action]))
        due = self.due(action) - _RESERVE
        return float(min(max(math.exp(gain * due), 1 / _MOST_WEIGHT), _MOST_WEIGHT))

    def tail(self) -> float:
        """Factor for the spread of gaps above the median: above 1 if there were too many actions.

        Medians of the gaps keep their counted values; only long gaps change.
        """
        missing = sum(self.due(action) for action in ACTIONS)
        return float(min(max(1.0 - 0.03 * missing, 0.7), 1.4))


@dataclass(frozen=True)
class Situation:
    """Position of the ball, relative to the side in possession.

    Attributes:
        progress: metres from the halfway line towards the opponents' goal, -52.5 to 52.5.
        wide: distance from the long axis of the pitch, metres, 0 to 34.
    """

    progress: float
    wide: float


@dataclass(frozen=True)
class Step:
    """The next action.

    Attributes:
        action: its label.
        gap_s: seconds until it.
        same_team: whether the same team acts.
    """

    action: Action
    gap_s: float
    same_team: bool


def draw_gap(
    rng: np.random.Generator, quantiles: tuple[float, float, float], tail: float = 1.0
) -> float:
    """Draw a time in seconds from a two-sided log-normal distribution.

    Args:
        rng: random numbers.
        quantiles: 10, 50 and 90 % quantiles, seconds.
        tail: factor for the spread above the median.
    """
    low, middle, high = quantiles
    z = float(rng.standard_normal())
    # 1.2816 is the 90 % quantile of the standard normal distribution.
    spread = math.log(middle / low) if z < 0 else math.log(high / middle) * tail
    return float(np.clip(middle * math.exp(z * spread / 1.2816), 0.16, 4.9))


def _place_weight(action: Action, situation: Situation) -> float:
    """Factor for the probability of an action at a place, 0 where football rules it out.

    Shots come from a small part of the pitch but keep their fraction of all actions, so they are more
    probable there, and so on.
    """
    progress, wide = situation.progress, situation.wide
    if action is Action.SHOT:
        return 4.0 if progress > 30 and wide < 20 else 0.0
    if action is Action.CROSS:
        return 6.0 if progress > 22 and wide > 12 else 0.0
    if action is Action.HIGH_PASS:
        return 1.2 if progress < 30 else 0.4
    if action is Action.OUT:
        return 1.5 if wide > 16 or abs(progress) > 36 else 0.3
    if action is Action.BALL_PLAYER_BLOCK:
        return 0.9  # sometimes nobody is near enough
    if action in (Action.GOAL, Action.PLAYER_SUCCESSFUL_TACKLE):
        return 0.7
    return 1.0


class PossessionScript:
    """Random choice of the next action, given the current one and the position of the ball.

    Args:
        rng: random numbers of the match.
        pace: events so far, compared with the expected ones.
    """

    def __init__(self, rng: np.random.Generator, pace: Pace) -> None:
        self._rng = rng
        self.pace = pace
        self._transitions = {
            Action(current): {Action(name): entry for name, entry in following.items()}
            for current, following in reference_statistics()["transitions"].items()
        }

    def next(self, current: Action, situation: Situation, *, exclude: frozenset[Action]) -> Step:
        """Draw the step after `current`, without the actions in `exclude`, which are impossible here."""
        following = {
            action: entry
            for action, entry in self._transitions[current].items()
            if action not in exclude
        }
        weights = np.array(
            [
                entry["p"] * _place_weight(action, situation) * self.pace.weight(action)
                for action, entry in following.items()
            ]
        )
        if not len(weights) or weights.sum() <= 0:
            return Step(Action.DRIVE, 1.3, same_team=True)
        action = list(following)[int(self._rng.choice(len(weights), p=weights / weights.sum()))]
        quantiles = tuple(following[action]["gap_s_p10_p50_p90"])
        gap = draw_gap(self._rng, quantiles, self.pace.tail())
        return Step(action, gap, self._same_team(current, action))

    def _same_team(self, current: Action, action: Action) -> bool:
        if action in _BY_OPPONENT:
            return False
        if action in _BY_SAME and (current, action) not in _SAME_TEAM:
            return True
        if current in KEEPS_THE_BALL and (current, action) not in _SAME_TEAM:
            return True
        probability = _SAME_TEAM.get((current, action), _SAME_TEAM_DEFAULT)
        return bool(self._rng.random() < probability)
