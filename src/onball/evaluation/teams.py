"""Team-aware mAP: an action counts only with the side of the pitch it belongs to.

For each action and side an AP as in `spotting`; the AP of the action is their mean, weighted by
the number of labels of each side, and the mAP the mean over the actions. An action without labels
scores 0 and counts in the mean, as in `spotting`. Every label weighs the same, shown or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onball.actions import ACTIONS, NUM_ACTIONS, Action
from onball.classes import SIDES
from onball.evaluation.columns import Columns
from onball.evaluation.matching import Matcher
from onball.evaluation.means import MeanAP
from onball.evaluation.spotting import rankings_of


@dataclass(frozen=True, slots=True)
class TeamResult(MeanAP):
    """How well predictions tell actions together with their side.

    Attributes:
        tolerance_s: δ in seconds.
        ap: AP of each action, its sides weighted by their labels.
        side_ap: AP of each action and side ("left", "right"), of those that have labels.
        labels_without_side: annotations that name no side; they cannot be looked for.
        predictions_without_side: predictions that name no side; they find nothing.
    """

    tolerance_s: float
    ap: dict[Action, float]
    side_ap: dict[tuple[Action, str], float]
    labels_without_side: int
    predictions_without_side: int

    def as_json(self) -> dict[str, Any]:
        """The attributes and means by their names; sides as `PASS left`."""
        return {
            "tolerance_s": self.tolerance_s,
            "map12": self.map12,
            "map10": self.map10,
            "ap": {action.value: ap for action, ap in self.ap.items()},
            "side_ap": {f"{action} {side}": ap for (action, side), ap in self.side_ap.items()},
            "labels_without_side": self.labels_without_side,
            "predictions_without_side": self.predictions_without_side,
        }


def evaluate_teams(
    truth: Columns, predictions: Columns, matches: int, *, tolerance_s: float = 1.0, fps: int = 25
) -> TeamResult | None:
    """Team-aware AP at one tolerance; None if no annotation names a side."""
    if not (truth.side >= 0).any():
        return None
    matcher = Matcher(
        truth,
        predictions,
        true_class=_side_class(truth),
        predicted_class=_side_class(predictions),
        classes=len(SIDES) * NUM_ACTIONS,
        matches=matches,
        fps=fps,
    )
    hits = matcher.match(tolerance_s) >= 0
    positives = matcher.positives.tolist()
    values = [
        ranking.ap(hits, count)[0]
        for ranking, count in zip(rankings_of(matcher), positives, strict=True)
    ]
    ap, side_ap = {}, {}
    for action in ACTIONS:
        classes = [len(SIDES) * action.order + side for side in range(len(SIDES))]
        total = sum(positives[c] for c in classes)
        weighted = sum(positives[c] * values[c] for c in classes)
        ap[action] = weighted / total if total else 0.0
        for side, c in zip(SIDES, classes, strict=True):
            if positives[c]:
                side_ap[action, side.value] = values[c]
    return TeamResult(
        tolerance_s,
        ap,
        side_ap,
        labels_without_side=int((truth.side < 0).sum()),
        predictions_without_side=int((predictions.side < 0).sum()),
    )


def _side_class(events: Columns) -> NDArray[np.int64]:
    """The class of each event: two per action; -1 without a side."""
    return np.where(events.side >= 0, len(SIDES) * events.action + events.side, -1)
