"""Bootstrap confidence intervals of AP, over matches or over blocks of five minutes.

The bootstrap of Efron ("Bootstrap methods: another look at the jackknife", 1979) draws as many units
as there are, with replacement, and computes the AP of each sample. Detections and labels are counted
once per unit, so that a sample is a weighted sum. Pairing is not repeated: a detection belongs to
the block of the label that it matches. Blocks of one match resemble each other, so intervals over
blocks say less about other matches than intervals over matches do; with two or three matches, the
latter are coarse.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from onball.actions import BALL_ACTIONS, ActionSet, EventLabel
from onball.evaluation.average_precision import RECALL_LEVELS, THRESHOLDS, means_of
from onball.evaluation.matching import HALF_MINUTES, Matcher
from onball.files import to_json

Unit = Literal["matches", "blocks"]
BLOCK_MINUTES = 5
#: Confidence level of the intervals.
LEVEL = 0.95
_PERCENTILES = (2.5, 97.5)
_BLOCKS = HALF_MINUTES // BLOCK_MINUTES


@dataclass(frozen=True, slots=True)
class Intervals:
    """Confidence intervals, each as (low, high).

    Attributes:
        unit: unit of resampling, whole matches or blocks of 5 minutes.
        units: number of units.
        resamples: number of samples.
        seed: seed of the samples.
        level: confidence level.
        means: interval of each mean, by its key.
        ap: interval of each action. Its AP is 0 in a sample without labels, as in the metric.
    """

    unit: Unit
    units: int
    resamples: int
    seed: int
    level: float
    means: dict[str, tuple[float, float]]
    ap: dict[EventLabel, tuple[float, float]]

    def as_json(self) -> dict[str, Any]:
        """Convert to JSON types, by attribute; the means by their keys."""
        content: dict[str, Any] = to_json(self)
        ap = content.pop("ap")
        means = content.pop("means")
        return {**content, **means, "ap": ap}


def bootstrap(
    matcher: Matcher,
    matched: NDArray[np.int64],
    matches: int,
    unit: Unit,
    *,
    actions: ActionSet = BALL_ACTIONS,
    resamples: int = 1000,
    seed: int = 0,
) -> Intervals | None:
    """Compute intervals of SoccerNet's AP; None with fewer than two units, or without resamples.

    Args:
        matcher: an `action_matcher`.
        matched: `[N]`, the label of each of its detections at one tolerance, or -1.
        matches: number of matches.
        unit: unit of resampling.
        actions: the actions of the matcher.
        resamples: number of samples.
        seed: seed of the samples.
    """
    label_unit, detection_unit, units = assign_units(matcher, matched, matches, unit)
    if units < 2 or resamples < 1:
        return None
    draws = np.random.default_rng(seed).multinomial(units, np.full(units, 1 / units), resamples)
    weights = draws.T.astype(np.float64)
    ap = weighted_ap(matcher, matched >= 0, label_unit, detection_unit, weights)
    return Intervals(
        unit=unit,
        units=units,
        resamples=resamples,
        seed=seed,
        level=LEVEL,
        means={
            mean.key: _interval(ap[[actions.index(action) for action in mean.actions]].mean(axis=0))
            for mean in means_of(actions)
        },
        ap={action: _interval(row) for action, row in zip(actions, ap, strict=True)},
    )


def assign_units(
    matcher: Matcher, matched: NDArray[np.int64], matches: int, unit: Unit
) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Return the unit of each label `[L]` and of each detection `[N]`, and the number of units."""
    labels, detections = matcher.labels, matcher.detections
    if unit == "matches":
        return labels.match, detections.match, matches
    length_ms = BLOCK_MINUTES * 60_000
    halves = max(labels.half.max(initial=1), detections.half.max(initial=1))
    of_label, of_detection = (
        (events.match * halves + events.half - 1) * _BLOCKS
        + np.minimum(events.position_ms // length_ms, _BLOCKS - 1)
        for events in (labels, detections)
    )
    hits = matched >= 0
    of_detection[hits] = of_label[matched[hits]]
    known, compact = np.unique(np.concatenate((of_label, of_detection)), return_inverse=True)
    return compact[: len(labels)], compact[len(labels) :], len(known)


def weighted_ap(
    matcher: Matcher,
    hits: NDArray[np.bool_],
    label_unit: NDArray[np.int64],
    detection_unit: NDArray[np.int64],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Compute the AP of weighted units.

    Args:
        matcher: an `action_matcher`, of C actions.
        hits: `[N]`, mask of the detections that match a label.
        label_unit, detection_unit: `[L]` and `[N]`, the unit of each.
        weights: `[U, R]`, in sample r, unit u counts `weights[u, r]` times.

    Returns:
        `[C, R]`, AP of each action in each sample.
    """
    units, resamples = weights.shape
    # Index of the highest of SoccerNet's thresholds that each detection reaches.
    reached = np.searchsorted(THRESHOLDS, matcher.scores, "right") - 1
    ap = np.zeros((matcher.classes, resamples))
    for action, (start, stop) in enumerate(
        zip(matcher.bounds[:-1].tolist(), matcher.bounds[1:].tolist(), strict=True)
    ):
        of_action = label_unit[matcher.label_class == action]
        if not len(of_action):  # its AP is 0 in every sample
            continue
        positives = np.bincount(of_action, minlength=units) @ weights
        place = detection_unit[start:stop] * len(THRESHOLDS) + reached[start:stop]
        kept = _counts(place, units) @ weights
        found = _counts(place[hits[start:stop]], units) @ weights
        precision = found / np.maximum(kept, 1)
        recall = found / np.maximum(positives, 1)
        best = np.maximum.accumulate(precision, axis=0)
        for level in RECALL_LEVELS:
            # Recall decreases along the thresholds: those that reach the level come first.
            reaching = (recall >= level).sum(axis=0)
            value = best[np.maximum(reaching - 1, 0), np.arange(resamples)]
            ap[action] += np.where(reaching > 0, value, 0.0)
        ap[action] *= positives > 0
    return ap / len(RECALL_LEVELS)


def _counts(place: NDArray[np.int64], units: int) -> NDArray[np.float64]:
    """`[200, U]`, number of detections of each unit that reach each threshold."""
    counts = np.bincount(place, minlength=units * len(THRESHOLDS)).reshape(units, -1)
    return np.ascontiguousarray(counts[:, ::-1].cumsum(axis=1)[:, ::-1].T, dtype=np.float64)


def _interval(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.percentile(values, _PERCENTILES)
    return float(low), float(high)
