"""Score calibration, fitted on labelled matches: a strictly increasing map of [0, 1] per action.

There are two kinds. `probability` is isotonic regression of "this prediction matches a label" on the
score (Zadrozny and Elkan, "Transforming classifier scores into accurate multiclass probability
estimates", KDD 2002): of the predictions with a confidence of 0.7, about 70 % match. `rank` is the
empirical distribution function of the scores: they then spread evenly over 0 to 1, where SoccerNet's
metric has its 200 thresholds.

Both are strictly increasing, so the order of the predictions of an action stays, and with it
everything that depends only on the order, such as exact AP.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from onball.actions import BALL_ACTIONS, ActionSet, EventLabel
from onball.config.inference import MAX_KNOTS, Knots
from onball.errors import DataError
from onball.evaluation.average_precision import PRCurve
from onball.evaluation.spotting import action_matcher
from onball.events import EventColumns, EventList

#: Actions with fewer matched predictions share the map of all actions together.
MIN_MATCHED = 10
#: Number of digits of the knots in a saved model.
_DIGITS = 8
#: Smallest value at score 1, so that the map increases even if nothing matches.
_LEAST_END = 1e-6

_Floats = NDArray[np.float64]
_Hits = NDArray[np.bool_]


class CalibrationKind(StrEnum):
    """Meaning of a calibrated score."""

    PROBABILITY = "probability"
    RANK = "rank"


@dataclass(frozen=True, slots=True)
class FittedCalibration:
    """Calibration of a model.

    Attributes:
        maps: knots of the map of each action.
        report_thresholds: calibrated confidence of each action with the best F1.
        matched: number of predictions of each action that match a label.
        pooled: actions with fewer than `MIN_MATCHED` of these. They share the map and the threshold
            fitted on the predictions of all actions together.
    """

    maps: dict[EventLabel, Knots]
    report_thresholds: dict[EventLabel, float]
    matched: dict[EventLabel, int]
    pooled: tuple[EventLabel, ...]


def fit_calibration(
    truth: Sequence[EventList],
    predictions: Sequence[EventList],
    kind: CalibrationKind,
    *,
    tolerance_s: float = 1.0,
    actions: ActionSet = BALL_ACTIONS,
) -> FittedCalibration:
    """Fit maps and report thresholds to the predictions for some labelled matches.

    Args:
        truth: annotations, one list per match.
        predictions: raw predictions for the same matches, down to a low score.
        kind: meaning of a calibrated score.
        tolerance_s: δ in seconds; a prediction matches within ±δ/2.
        actions: actions to calibrate; events of others are ignored.

    Raises:
        DataError: fewer than `MIN_MATCHED` predictions match a label in total.
    """
    samples = list(_samples(truth, predictions, tolerance_s, actions))
    every = _Sample.together(samples)
    if every.hits.sum() < MIN_MATCHED:
        raise DataError(
            f"only {int(every.hits.sum())} predictions match a label, {MIN_MATCHED} or more are "
            "needed to calibrate: take a split with more labels or a better model"
        )
    maps: dict[EventLabel, Knots] = {}
    thresholds: dict[EventLabel, float] = {}
    pooled = tuple(
        action
        for action, sample in zip(actions, samples, strict=True)
        if sample.hits.sum() < MIN_MATCHED
    )
    for action, own in zip(actions, samples, strict=True):
        sample = every if action in pooled else own
        if kind is CalibrationKind.PROBABILITY:
            maps[action] = fit_probability(sample.scores, sample.hits)
        else:
            maps[action] = fit_rank(sample.scores)
        scores = calibrated(maps[action], sample.scores)
        best = PRCurve.of(scores, sample.hits, sample.positives).best.threshold or 0.0
        # Rounded down, so that the event with exactly this confidence is shown.
        thresholds[action] = math.floor(best * 10_000) / 10_000
    matched = {a: int(s.hits.sum()) for a, s in zip(actions, samples, strict=True)}
    return FittedCalibration(maps, thresholds, matched, pooled)


def calibrated(knots: Knots, scores: _Floats) -> _Floats:
    """Apply a map to scores `[N]`, 0 to 1."""
    return np.interp(scores, [score for score, _ in knots], [value for _, value in knots])


def fit_probability(scores: _Floats, hits: _Hits) -> Knots:
    """Fit a map from a score to the probability that a prediction with this score matches a label.

    The blocks of the isotonic regression become knots at their mean scores, with linear
    interpolation in between, so that equal probabilities keep the order of their scores. Each block
    is shrunk towards the overall fraction of matches with the weight of one prediction: ten matches
    of ten do not give probability 1.

    Args:
        scores: `[N]`, 0 to 1, at least one.
        hits: `[N]`, mask of the predictions that match a label.
    """
    values, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    matched = np.bincount(inverse, weights=hits).astype(np.float64)
    weights = counts.astype(np.float64)
    fitted = pool_adjacent_violators(matched / weights, weights)
    blocks = _Blocks.of(fitted, values * weights, weights, matched)
    blocks = blocks.shrunk_towards(float(hits.mean()))
    # Small blocks shrink more than large ones, which may violate the order: pool again.
    fitted = pool_adjacent_violators(blocks.fractions, blocks.counts)
    blocks = _Blocks.of(fitted, blocks.score_sums, blocks.counts, blocks.matched)
    blocks = blocks.at_most(MAX_KNOTS - 2)
    scores, fractions = blocks.score_sums / blocks.counts, blocks.fractions
    # Above the highest block the map continues with the same slope: a net whose scores of 0.99 match
    # six times in ten must not end at 1.
    x, y = np.append(0.0, scores)[-2:], np.append(0.0, fractions)[-2:]
    slope = (y[1] - y[0]) / max(x[1] - x[0], 1e-9)
    return _knots(scores, fractions, min(1.0, float(y[1] + slope * (1 - x[1]))))


def fit_rank(scores: _Floats) -> Knots:
    """Fit a map from a score to the fraction of the `scores` `[N]` below it."""
    ranks = np.linspace(0.0, 1.0, MAX_KNOTS - 2)
    # The lowest and the highest score stay off 0 and 1, which are for scores beyond them.
    return _knots(np.quantile(scores, ranks), (0.5 + ranks * (len(ranks) - 1)) / len(ranks))


def pool_adjacent_violators(values: _Floats, weights: _Floats) -> _Floats:
    """Compute the isotonic regression, the nearest non-decreasing sequence in weighted squares.

    The algorithm is that of Ayer et al., "An empirical distribution function for sampling with
    incomplete information", 1955: neighbours in the wrong order become one block with their mean.
    `scipy.optimize.isotonic_regression` gives the same numbers up to rounding, but with it equal
    neighbours may differ in the last digit and become blocks, and knots, of their own.

    Args:
        values: `[N]`.
        weights: `[N]`, above 0.
    """
    means: list[float] = []
    masses: list[float] = []
    lengths: list[int] = []
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        mean, mass, length = value, weight, 1
        while means and means[-1] >= mean:
            other = masses.pop()
            mean = (means.pop() * other + mean * mass) / (other + mass)
            mass += other
            length += lengths.pop()
        means.append(mean)
        masses.append(mass)
        lengths.append(length)
    return np.repeat(np.array(means, np.float64), np.array(lengths, np.int64))


def calibration_errors(
    truth: Sequence[EventList],
    predictions: Sequence[EventList],
    *,
    tolerance_s: float = 1.0,
    bins: int = 10,
    actions: ActionSet = BALL_ACTIONS,
) -> dict[EventLabel, float]:
    """Compute the expected calibration error of each action, 0 to 1; NaN without predictions.

    This is the absolute difference of the mean confidence and the fraction of matches in each of
    `bins` equal parts of 0 to 1, averaged with the numbers of predictions as weights (Guo et al.,
    "On calibration of modern neural networks", ICML 2017).
    """
    errors: dict[EventLabel, float] = {}
    samples = _samples(truth, predictions, tolerance_s, actions)
    for action, sample in zip(actions, samples, strict=True):
        places = np.minimum((sample.scores * bins).astype(np.int64), bins - 1)
        gaps = np.bincount(places, weights=sample.scores - sample.hits, minlength=bins)
        count = len(sample.scores)
        errors[action] = float(np.abs(gaps).sum() / count) if count else float("nan")
    return errors


@dataclass(frozen=True, slots=True)
class _Sample:
    """Predictions of an action: scores `[N]`, mask of matches `[N]`, and the number of labels."""

    scores: _Floats
    hits: _Hits
    positives: int

    @classmethod
    def together(cls, samples: Sequence[_Sample]) -> _Sample:
        return cls(
            np.concatenate([sample.scores for sample in samples]),
            np.concatenate([sample.hits for sample in samples]),
            sum(sample.positives for sample in samples),
        )


def _samples(
    truth: Sequence[EventList],
    predictions: Sequence[EventList],
    tolerance_s: float,
    actions: ActionSet,
) -> Iterator[_Sample]:
    """Yield the sample of each action, paired as SoccerNet's evaluator does."""
    columns = EventColumns.of(truth, actions), EventColumns.of(predictions, actions)
    matcher = action_matcher(*columns, len(truth), actions)
    hits = matcher.match(tolerance_s) >= 0
    for (start, stop), positives in zip(pairwise(matcher.bounds), matcher.positives, strict=True):
        yield _Sample(matcher.scores[start:stop], hits[start:stop], int(positives))


@dataclass(frozen=True, slots=True)
class _Blocks:
    """Groups of predictions in order of score, `[B]` each: sums of scores, counts, matches."""

    score_sums: _Floats
    counts: _Floats
    matched: _Floats

    @classmethod
    def of(cls, fitted: _Floats, score_sums: _Floats, counts: _Floats, matched: _Floats) -> _Blocks:
        """Group predictions by the distinct values of the non-decreasing `fitted`."""
        starts = np.flatnonzero(np.diff(fitted, prepend=-np.inf) > 0)
        return cls(*(np.add.reduceat(part, starts) for part in (score_sums, counts, matched)))

    @property
    def fractions(self) -> _Floats:
        """Fraction of matches of each block."""
        return self.matched / self.counts

    def shrunk_towards(self, fraction: float) -> _Blocks:
        """Add to each block one prediction at its mean score, of which this fraction matches."""
        more = self.counts + 1.0
        return _Blocks(self.score_sums * more / self.counts, more, self.matched + fraction)

    def at_most(self, number: int) -> _Blocks:
        """Join neighbours, those with the smallest difference first, until `number` are left."""
        blocks = self
        while len(blocks.counts) > number:
            counts = blocks.counts
            mass = counts[:-1] * counts[1:] / (counts[:-1] + counts[1:])
            group = np.arange(len(counts), dtype=np.float64)
            group[int(np.argmin(mass * np.diff(blocks.fractions) ** 2)) + 1 :] -= 1
            blocks = _Blocks.of(group, blocks.score_sums, counts, blocks.matched)
        return blocks


def _knots(scores: _Floats, values: _Floats, end: float = 1.0) -> Knots:
    """Knots through these points, in order, from (0, 0) to (1, end).

    Points that do not increase after rounding are left out.
    """
    knots = [(0.0, 0.0)]
    end = round(end, _DIGITS)
    for x, y in zip(scores.round(_DIGITS).tolist(), values.round(_DIGITS).tolist(), strict=True):
        if knots[-1][0] < x < 1 and knots[-1][1] < y < end:
            knots.append((x, y))
    return (*knots, (1.0, max(end, _LEAST_END)))
