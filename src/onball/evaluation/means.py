"""mAP12 and mAP10: means of the AP of single actions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from onball.actions import ACTIONS, ACTIONS_MAP10, Action


class MeanAP:
    """What every result has that knows the AP of each action.

    Attributes:
        ap: average precision of each action that was evaluated, 0 to 1.
    """

    __slots__ = ()
    ap: dict[Action, float]

    @property
    def map12(self) -> float:
        """Mean AP over all actions that were evaluated (the 12, unless told otherwise)."""
        return mean_ap(self.ap, ACTIONS)

    @property
    def map10(self) -> float:
        """Mean AP without FREE KICK and GOAL."""
        return mean_ap(self.ap, ACTIONS_MAP10)


def mean_ap(ap: Mapping[Action, float], actions: Iterable[Action]) -> float:
    """Mean over those of the actions that were evaluated; NaN if none was."""
    values = [ap[action] for action in actions if action in ap]
    return sum(values) / len(values) if values else float("nan")
