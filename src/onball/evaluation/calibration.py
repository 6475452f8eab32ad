"""Score calibration, fitted on labelled matches: a strictly rising map of [0, 1] for each action.

Two kinds. `probability`: isotonic regression of "this prediction matches a label" on the score
(Zadrozny and Elkan, "Transforming classifier scores into accurate multiclass probability
estimates", KDD 2002), so that of the predictions with a confidence of 0.7 about 70 % are right.
`rank`: the empirical distribution function of the scores, so that they spread evenly over 0 to 1,
where SoccerNet's metric has its 200 thresholds.

Both rise strictly: the order of the predictions of an action, and all that hangs on it alone
(exact AP among them), stays as it was.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from onball.actions import ACTIONS, Action
from onball.config.schema import MAX_KNOTS, Knots
from onball.errors import DataError
from onball.evaluation.average_precision import PRCurve
from onball.evaluation.spotting import action_matcher
from onball.events import EventColumns, EventList

#: Fewer matched predictions than this say too little about an action: it gets the pooled map.
MIN_MATCHED = 10
#: Knots are rounded to so many digits in a saved model.
_DIGITS = 8
#: What score 1 means at least, so that the map rises even if nothing matches.
_LEAST_END = 1e-6

_Floats = NDArray[np.float64]
_Hits = NDArray[np.bool_]


class CalibrationKind(StrEnum):
    """What a calibrated score means."""

    PROBABILITY = "probability"
    RANK = "rank"


@dataclass(frozen=True, slots=True)
class FittedCalibration:
    """What calibration found out about a model.

    Attributes:
        maps: of every action, the knots of its map.
        report_thresholds: of every action, the calibrated confidence with the best F1.
        matched: of every action, how many predictions matched a label.
        pooled: actions with fewer than `MIN_MATCHED` of them. They share the map and the threshold
            fitted on the predictions of all actions together.
    """

    maps: dict[Action, Knots]
    report_thresholds: dict[Action, float]
    matched: dict[Action, int]
    pooled: tuple[Action, ...]


def fit_calibration(
    truth: Sequence[EventList],
    predictions: Sequence[EventList],
    kind: CalibrationKind,
    *,
    tolerance_s: float = 1.0,
) -> FittedCalibration:
    """Maps and report thresholds from the predictions for some labelled matches.

    Args:
        truth: the annotations, one list per match.
        predictions: raw predictions for the same matches, down to a low score.
        kind: what a calibrated score shall mean.
        tolerance_s: δ in seconds; a prediction matches within ±δ/2.

    Raises `DataError` if fewer than `MIN_MATCHED` predictions match a label in all.
    """
    samples = list(_samples(truth, predictions, tolerance_s))
    every = _Sample.together(samples)
    if every.hits.sum() < MIN_MATCHED:
        raise DataError(
            f"only {int(every.hits.sum())} predictions match a label, {MIN_MATCHED} or more are "
            "needed to calibrate: take a split with more labels or a better model"
        )
    maps: dict[Action, Knots] = {}
    thresholds: dict[Action, float] = {}
    pooled = tuple(
        action
        for action, sample in zip(ACTIONS, samples, strict=True)
        if sample.hits.sum() < MIN_MATCHED
    )
    for action, own in zip(ACTIONS, samples, strict=True):
        sample = every if action in pooled else own
        if kind is CalibrationKind.PROBABILITY:
            maps[action] = fit_probability(sample.scores, sample.hits)
        else:
            maps[action] = fit_rank(sample.scores)
        scores = calibrated(maps[action], sample.scores)
        best = PRCurve.of(scores, sample.hits, sample.positives).best.threshold or 0.0
        # Rounded down: the event with just that confidence belongs to those shown.
        thresholds[action] = math.floor(best * 10_000) / 10_000
    matched = {a: int(s.hits.sum()) for a, s in zip(ACTIONS, samples, strict=True)}
    return FittedCalibration(maps, thresholds, matched, pooled)


def calibrated(knots: Knots, scores: _Floats) -> _Floats:
    """The scores `[N]`, 0 to 1, through the map; strictly rising in them."""
    return np.interp(scores, [score for score, _ in knots], [value for _, value in knots])


def fit_probability(scores: _Floats, hits: _Hits) -> Knots:
    """The map from a score to the probability that a prediction with it matches a label.

    The blocks of the isotonic regression become knots at their mean scores; between them the map
    is linear, so that equal probabilities keep the order of their scores. Each block is drawn to
    the overall share of matches with the weight of one prediction: ten matches out of ten do not
    make certain.

    Args:
        scores: `[N]`, 0 to 1, at least one.
        hits: `[N]`, which of them match a label.
    """
    values, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    matched = np.bincount(inverse, weights=hits).astype(np.float64)
    weights = counts.astype(np.float64)
    fitted = pool_adjacent_violators(matched / weights, weights)
    blocks = _Blocks.of(fitted, values * weights, weights, matched)
    blocks = blocks.drawn_to(float(hits.mean()))
    # Small blocks are drawn further than large ones, which may break the order: pooled again.
    fitted = pool_adjacent_violators(blocks.shares, blocks.counts)
    blocks = _Blocks.of(fitted, blocks.score_sums, blocks.counts, blocks.matched)
    blocks = blocks.at_most(MAX_KNOTS - 2)
    scores, shares = blocks.score_sums / blocks.counts, blocks.shares
    # Beyond the highest block the map goes on as it came: a net that gives 0.99 to what is right
    # six times in ten must not end at 1.
    before, at = np.append(0.0, scores)[-2:], np.append(0.0, shares)[-2:]
    slope = (at[1] - at[0]) / max(before[1] - before[0], 1e-9)
    return _knots(scores, shares, min(1.0, float(at[1] + slope * (1 - before[1]))))


def fit_rank(scores: _Floats) -> Knots:
    """The map from a score to the share of the `scores` `[N]` that are below it."""
    shares = np.linspace(0.0, 1.0, MAX_KNOTS - 2)
    # The lowest and the highest score stay a little off 0 and 1, to which scores beyond them go.
    return _knots(np.quantile(scores, shares), (0.5 + shares * (len(shares) - 1)) / len(shares))


def pool_adjacent_violators(values: _Floats, weights: _Floats) -> _Floats:
    """The nearest non-decreasing sequence in weighted squares (isotonic regression).

    Args:
        values: `[N]`.
        weights: `[N]`, above 0.

    The algorithm is that of Ayer et al., "An empirical distribution function for sampling with
    incomplete information", 1955: neighbours in the wrong order become one block with their mean.
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
) -> dict[Action, float]:
    """Expected calibration error of each action, 0 to 1; NaN for one without predictions.

    In each of `bins` equal parts of 0 to 1, how far the mean confidence is from the share of
    matches; their mean, weighted by the number of predictions (Guo et al., "On calibration of
    modern neural networks", ICML 2017).
    """
    errors: dict[Action, float] = {}
    for action, sample in zip(ACTIONS, _samples(truth, predictions, tolerance_s), strict=True):
        places = np.minimum((sample.scores * bins).astype(np.int64), bins - 1)
        gaps = np.bincount(places, weights=sample.scores - sample.hits, minlength=bins)
        count = len(sample.scores)
        errors[action] = float(np.abs(gaps).sum() / count) if count else float("nan")
    return errors


@dataclass(frozen=True, slots=True)
class _Sample:
    """Predictions: their scores `[N]`, which match a label `[N]`, and how many labels there are."""

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
    truth: Sequence[EventList], predictions: Sequence[EventList], tolerance_s: float
) -> Iterator[_Sample]:
    """The sample of each action, paired as SoccerNet's evaluator does."""
    matcher = action_matcher(EventColumns.of(truth), EventColumns.of(predictions), len(truth))
    hits = matcher.match(tolerance_s) >= 0
    for (start, stop), positives in zip(pairwise(matcher.bounds), matcher.positives, strict=True):
        yield _Sample(matcher.scores[start:stop], hits[start:stop], int(positives))


@dataclass(frozen=True, slots=True)
class _Blocks:
    """Runs of predictions in order of score, `[B]` each: sums of scores, counts, matches."""

    score_sums: _Floats
    counts: _Floats
    matched: _Floats

    @classmethod
    def of(cls, fitted: _Floats, score_sums: _Floats, counts: _Floats, matched: _Floats) -> _Blocks:
        """One block for each distinct value of the non-decreasing `fitted`."""
        starts = np.flatnonzero(np.diff(fitted, prepend=-np.inf) > 0)
        return cls(*(np.add.reduceat(part, starts) for part in (score_sums, counts, matched)))

    @property
    def shares(self) -> _Floats:
        """Which part of each block matches."""
        return self.matched / self.counts

    def drawn_to(self, share: float) -> _Blocks:
        """Each block with one more prediction, at its mean score, of which that share matches."""
        more = self.counts + 1.0
        return _Blocks(self.score_sums * more / self.counts, more, self.matched + share)

    def at_most(self, number: int) -> _Blocks:
        """Neighbours are joined, those first that differ least, until so few are left."""
        blocks = self
        while len(blocks.counts) > number:
            counts = blocks.counts
            mass = counts[:-1] * counts[1:] / (counts[:-1] + counts[1:])
            group = np.arange(len(counts), dtype=np.float64)
            group[int(np.argmin(mass * np.diff(blocks.shares) ** 2)) + 1 :] -= 1
            blocks = _Blocks.of(group, blocks.score_sums, counts, blocks.matched)
        return blocks


def _knots(scores: _Floats, values: _Floats, end: float = 1.0) -> Knots:
    """Knots through these points, in order, from (0, 0) to (1, end).

    A point that does not rise after rounding is left out.
    """
    knots = [(0.0, 0.0)]
    end = round(end, _DIGITS)
    for x, y in zip(scores.round(_DIGITS).tolist(), values.round(_DIGITS).tolist(), strict=True):
        if knots[-1][0] < x < 1 and knots[-1][1] < y < end:
            knots.append((x, y))
    return (*knots, (1.0, max(end, _LEAST_END)))
