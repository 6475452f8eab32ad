"""Keeps a simulated match to the counted rates of real ones.

Where the ball is decides what can happen, and chance alone makes a rare action twice too frequent in one
match and absent from the next. `Pace` counts both labels and time in play, and leans the script's choices
towards what is overdue: a goal every half hour of play, a free kick every twenty minutes.
"""

from __future__ import annotations

import math

from onball.actions import ACTIONS, Action

STRETCH_S = 5.0
"""Labels further apart than this do not belong to one stretch of play, as in the reference."""

_GOLDEN = 0.6180339887498949
#: The rarer an action, the more firmly one too few or too many is led back.
_LOOSEST, _FIRMEST = 0.25, 4.0
_MOST = 12.0
_RESERVE = 0.2
"""An action comes early as easily as late, so it is held back until this much of it is overdue."""


class Pace:
    """Labels and minutes in play so far, against rates per minute in play.

    Args:
        rates: events per minute in play, for each action.
        seed: where in its interval the first of each rare action is due. Neighbouring seeds spread these
            evenly (a golden-ratio sequence), so several matches together keep the rates, too.
    """

    def __init__(self, rates: dict[Action, float], seed: int) -> None:
        self._rates = rates
        self._minutes = 0.0
        self._counts = dict.fromkeys(ACTIONS, 0)
        self._credit = {
            action: (_GOLDEN * (seed + 1) + 0.37 * action.order) % 1.0 - 0.5 for action in ACTIONS
        }

    def record(self, action: Action, since_last_s: float) -> None:
        """A label, that long after the one before it."""
        self._counts[action] += 1
        if since_last_s <= STRETCH_S:
            self._minutes += since_last_s / 60

    def due(self, action: Action) -> float:
        """How many of this action are missing by now; negative if there were too many."""
        return self._rates[action] * self._minutes + self._credit[action] - self._counts[action]

    def weight(self, action: Action) -> float:
        """By how much more likely than usual this action should be."""
        firmness = min(_FIRMEST, _LOOSEST + 0.8 / math.sqrt(self._rates[action]))
        due = self.due(action) - _RESERVE
        return float(min(max(math.exp(firmness * due), 1 / _MOST), _MOST))

    def tail(self) -> float:
        """Factor for the spread of long gaps: above 1 if there were too many actions in all.

        Medians stay as they are counted; only how long the long gaps last gives way.
        """
        missing = sum(self.due(action) for action in ACTIONS)
        return float(min(max(1.0 - 0.03 * missing, 0.7), 1.4))
