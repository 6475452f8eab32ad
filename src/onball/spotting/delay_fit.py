"""Joint fit of the shift of each clock and the delay of each code to distances of tags and spots.

A tag of code c has, with probability m_c, a spot of its action, whose distance is normally distributed
around shift + deviation of c with a standard deviation that all codes share; other spots are spread
evenly. Deviations of codes are normally distributed around 0, with a variance that is estimated too:
where codes differ little, or have few tags, their deviations shrink towards 0. The maximum of the
likelihood is found by expectation maximisation (Dempster, Laird and Rubin, 1977), with errors by the
observed information (Louis, 1982). Tags weigh by their probability of having a spot, and spots by their
confidence against the density of their action: a code that the model finds badly counts little.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

_FIRST_SPREAD_S = 0.6
_SPREADS_S = (0.1, 1.0)
"""Bounds of the standard deviation of distances."""
_FIRST_MATCHED, _MATCHED_PRIOR = 0.3, 4
"""Probability of a spot, and the number of tags that it counts for in the estimate of each code."""
_FIRST_DEVIATION_S = 0.3
_LEAST_DEVIATION_S = 0.03
_ROUNDS, _PRECISION_S = 200, 1e-4


@dataclass(frozen=True, slots=True)
class Distances:
    """Tags, and all pairs of a tag and a spot of its action near it.

    Attributes:
        clock: index of the clock of each tag, `[N]`.
        code: index of the code of each tag, `[N]`.
        tag: index of the tag of each pair, `[P]`.
        distance_s: time from the tag to the spot in seconds, `[P]`.
        ratio: confidence of the spot by the mean density of its action, in seconds, `[P]`.
    """

    clock: Indices
    code: Indices
    tag: Indices
    distance_s: Floats
    ratio: Floats


@dataclass(frozen=True, slots=True)
class DelayFit:
    """Result of `fit_delays`.

    Attributes:
        shifts_s: shift of each clock: the mean distance of all tags, `[G]`.
        shift_errors_s: their standard errors.
        deviations_s: distance of each code relative to the shift, `[K]`: negative for late tags.
        deviation_errors_s: their standard errors.
        spread_s: standard deviation of the distances of a code.
    """

    shifts_s: Floats
    shift_errors_s: Floats
    deviations_s: Floats
    deviation_errors_s: Floats
    spread_s: float


def fit_delays(distances: Distances, *, one_shift: bool = False) -> DelayFit:
    """Fit shifts and deviations.

    Args:
        distances: the tags and pairs.
        one_shift: fit one shift for all clocks.
    """
    clock = np.zeros_like(distances.clock) if one_shift else distances.clock
    code, tag, distance = distances.code, distances.tag, distances.distance_s
    clocks, codes = int(distances.clock.max()) + 1, int(code.max()) + 1
    pair_clock, pair_code = clock[tag], code[tag]
    tags_of_code = np.bincount(code, minlength=codes)
    shift, deviation = np.zeros(clocks), np.zeros(codes)
    spread, prior = _FIRST_SPREAD_S, _FIRST_DEVIATION_S
    matched = np.full(codes, _FIRST_MATCHED)
    for _ in range(_ROUNDS):
        former = np.concatenate([shift, deviation])
        # Expectation: the probability of each pair.
        rest = distance - shift[pair_clock] - deviation[pair_code]
        density = np.exp(-0.5 * (rest / spread) ** 2) / (spread * np.sqrt(2 * np.pi))
        likelihood = matched[pair_code] * distances.ratio * density
        none = 1 - matched[code] + np.bincount(tag, likelihood, minlength=len(code))
        weight = likelihood / none[tag]
        support = np.bincount(pair_code, weight, minlength=codes)
        if support.sum() < 1:
            break
        # Maximisation: shifts and deviations in turn, then the variances.
        matched = support + _FIRST_MATCHED * _MATCHED_PRIOR
        matched = (matched / (tags_of_code + _MATCHED_PRIOR)).clip(0.01, 0.99)
        spread = float(np.sqrt((weight * rest**2).sum() / weight.sum()).clip(*_SPREADS_S))
        of_clock = np.bincount(pair_clock, weight, minlength=clocks)
        step = np.bincount(pair_clock, weight * rest, minlength=clocks)
        shift = shift + step / np.maximum(of_clock, 1e-9)
        rest = distance - shift[pair_clock]
        own = np.bincount(pair_code, weight * rest, minlength=codes)
        deviation = own / (support + (spread / prior) ** 2)
        variance = 1 / (support / spread**2 + 1 / prior**2)
        seen = support > 0
        prior = float(np.sqrt((deviation**2 + variance)[seen].mean()).clip(_LEAST_DEVIATION_S))
        # What all tags have in common belongs to the shifts.
        common = float((tags_of_code * deviation).sum() / tags_of_code.sum())
        deviation, shift = deviation - common, shift + common
        if np.abs(np.concatenate([shift, deviation]) - former).max() < _PRECISION_S:
            break
    rest = distance - shift[pair_clock] - deviation[pair_code]
    score = np.bincount(tag, weight * rest / spread**2, minlength=len(code))
    squares = np.bincount(tag, weight * rest**2 / spread**4, minlength=len(code))
    weights = np.bincount(tag, weight / spread**2, minlength=len(code))
    information = weights - squares + score**2
    of_clocks: Floats = np.bincount(clock, information, minlength=clocks).astype(float)
    of_codes = np.bincount(code, information, minlength=codes).clip(0)
    return DelayFit(
        np.full(clocks, shift[0]) if one_shift else shift,
        _errors(np.full(clocks, of_clocks[0]) if one_shift else of_clocks),
        deviation,
        _errors(of_codes + 1 / prior**2),
        spread,
    )


def _errors(information: Floats) -> Floats:
    """Standard errors by Fisher's information; infinite where there is none."""
    return np.where(information > 0, 1 / np.sqrt(np.where(information > 0, information, 1)), np.inf)
