"""Comparison of the events of a match with its labels at one tolerance, for the viewer.

The pairs do not depend on a confidence threshold: each label takes the detection with the highest
score, so that dropping detections with low scores changes no other pair. The page therefore counts
true and false positives at any threshold itself, from the pairs that `compare_events` gives it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from onball.actions import ActionSet
from onball.evaluation.average_precision import PRCurve, by_name, means_of
from onball.evaluation.spotting import action_matcher, check_tolerances, rankings_of, result_of
from onball.events import EventColumns, EventList

#: Pair of an event that does not count: another one of its action is on the same frame.
DUPLICATE = -2
#: Pair of an event that has none.
UNPAIRED = -1


@dataclass(frozen=True, slots=True)
class Comparison:
    """Events of a match compared with its labels.

    Attributes:
        tolerance_s: δ in seconds; pairs are at most δ/2 apart.
        pairs: for each event the index of its label, or `UNPAIRED`, or `DUPLICATE`.
        duplicates: indices of labels that do not count, because an earlier one is on their frame.
        means: mean AP by name, over all classes and over the headline.
        ap: average precision by class.
        labels: number of labels by class.
        curves: precision and recall over the threshold, of all classes together and of each.
    """

    tolerance_s: float
    pairs: list[int]
    duplicates: list[int]
    means: dict[str, float]
    ap: dict[str, float]
    labels: dict[str, int]
    curves: dict[str, PRCurve]

    def as_json(self) -> dict[str, Any]:
        """Convert to JSON types."""
        return {
            "tolerance_s": self.tolerance_s,
            "pairs": self.pairs,
            "duplicates": self.duplicates,
            "means": self.means,
            "ap": self.ap,
            "labels": self.labels,
            "curves": {
                name: [curve.threshold.tolist(), curve.precision.tolist(), curve.recall.tolist()]
                for name, curve in ((name, each.thinned()) for name, each in self.curves.items())
            },
        }


def compare_events(
    events: EventList, truth: EventList, classes: ActionSet, tolerance_s: float
) -> Comparison:
    """Compare events with labels as SoccerNet's evaluator does.

    Args:
        events: events of a match.
        truth: its labels.
        classes: classes to compare; others are unpaired.
        tolerance_s: δ in seconds.

    Raises:
        ConfigError: the tolerance is not above 0.
    """
    check_tolerances([tolerance_s])
    columns = EventColumns.of([truth], classes), EventColumns.of([events], classes)
    matcher = action_matcher(*columns, 1, classes)
    found = matcher.match(tolerance_s)
    result = result_of(matcher, rankings_of(matcher), found >= 0, tolerance_s, classes)

    # Of several labels on one frame the first counts, of several detections the last.
    label_at = {key: index for index, key in reversed(list(enumerate(_keys(columns[0]))))}
    event_at = {key: index for index, key in enumerate(_keys(columns[1]))}
    counted = [label_at[key] for key in _keys(matcher.labels)]
    detected = [event_at[key] for key in _keys(matcher.detections)]
    pairs = np.full(len(events), DUPLICATE)
    for detection, label in zip(detected, found.tolist(), strict=True):
        pairs[detection] = counted[label] if label >= 0 else UNPAIRED
    hits = found >= 0
    curves = {"": PRCurve.of(matcher.scores, hits, int(matcher.positives.sum()))}
    for index, label in enumerate(classes):
        part = slice(matcher.bounds[index], matcher.bounds[index + 1])
        curve = PRCurve.of(matcher.scores[part], hits[part], int(matcher.positives[index]))
        curves[label.value] = curve
    return Comparison(
        tolerance_s=tolerance_s,
        pairs=pairs.tolist(),
        duplicates=sorted(set(range(len(truth))) - set(counted)),
        means={mean.name: mean.of(result.ap) for mean in means_of(classes)},
        ap=by_name(result.ap),
        labels={label.value: count for label, count in result.truth_counts.items()},
        curves=curves,
    )


_Key = tuple[int, int, int]


def _keys(columns: EventColumns) -> list[_Key]:
    """Half, class and position of each event."""
    return list(
        zip(
            columns.half.tolist(),
            columns.action.tolist(),
            columns.position_ms.tolist(),
            strict=True,
        )
    )
