"""Alignment of tags with a video by the actions that a model finds in it.

tags      coded times of each period, by a clock whose beginning in the video is unknown
evidence  log-likelihood ratio of each shift: tags' impulse trains correlated with spots' densities
peak      the best shift of each period, against the best one elsewhere
delays    shift of each period and delay of each code, fitted to the distances of tags and spots
verdict   periods whose shift is not certain, or that are in the wrong order, have a problem

The evidence is a sum over tags. Spots of an action, weighted by confidence and smoothed by a
Gaussian, have the density S(t) with mean m. If `MATCHED` is the probability that a tag has a spot,
a tag at video time t contributes log(1 - MATCHED + MATCHED · S(t) / m). A tag of a rare action that
meets its spot thus counts more than a pass that meets one of many passes, and a tag outside the video
counts nothing. For tags that have nothing to do with the video, the ratio exceeds e^x at a given shift
with a probability of at most e^-x.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from onball.actions import ActionSet, EventLabel
from onball.errors import InputError, LabelError
from onball.events import EventList
from onball.spotting.alignment import Alignment, CodeDelay, PeriodShift, TimedCode
from onball.spotting.delay_fit import Distances, fit_delays
from onball.timing import format_time

Floats = NDArray[np.float64]

STEP_S = 0.04
"""Resolution of the search."""
KERNEL_S = 0.6
"""Standard deviation of the Gaussian that smooths spots: jitter of taggers, and different delays."""
MATCHED = 0.2
"""Assumed probability that a tag has a spot of its action; low, so that poor models align too."""
NEAR_S = 3.0
"""Shifts that differ by less belong to one peak."""
FIT_S = 4.0
"""Largest distance of a tag, with the shift of the peak applied, and a spot that may be its own."""
AGREE_S = 1.0
"""Largest distance, with shift and delay applied, at which they agree."""

MOST_FALSE = 0.001
"""Probability that tags without any relation to the video reach the evidence that is needed. A shift
exceeds x with a probability of e^-x, and shifts that differ by `KERNEL_S` are about independent."""
LEAST_MARGIN = 6.0
"""Least difference of the evidence at the best shift and elsewhere: odds of 400 to 1."""
LEAST_RATIO = 2.0
"""Least ratio of the two. Play is not uniform: with tags of another match both are large."""
LEAST_AGREEING = 8
"""Fewest tags that must agree with a spot for a certain shift."""
LEAST_PAIRS = 3
"""Fewest agreeing tags of a code for a delay of its own."""
MOST_ERROR_S = 0.25
"""Largest standard error of such a delay."""
DRIFT_MS = 400
"""A clock whose shift changes by more within a period runs at another rate, or the video was cut."""
WINDOW_MS = 60_000
"""Default for the largest difference of a shift from an expected one."""


def align_tags(
    tags: Iterable[TimedCode],
    spots: EventList,
    *,
    codes: Mapping[str, EventLabel | None] | None = None,
    duration_ms: int | None = None,
    shifts_ms: Mapping[int | None, int] | None = None,
    near_ms: Mapping[int | None, int] | None = None,
    window_ms: int | None = None,
) -> Alignment:
    """Find the shift of each period, and the delay of each code, that fit spots of a model best.

        spots = onball.EventList.load("onball-results/match/results_spotting.json")
        alignment = onball.align_tags(tags, spots)
        alignment.require_certain()

    Args:
        tags: the tags, in any order.
        spots: all candidates that a model found in the video, with their confidences. If they are
            of a part of the video (`info.start_ms`, `info.end_ms`), only that part counts.
        codes: action of each code; None for a code that is none of the model's. Without it, codes
            are looked up as names of the model's actions, see `ActionSet.find`.
        duration_ms: length of the video; None for that in `spots.info`, or up to the last spot.
        shifts_ms: shifts by period that are known. Then only delays are estimated, and they are
            absolute.
        near_ms: expected shifts by period; one that is missing is searched everywhere.
        window_ms: largest difference of a shift from the expected one; by default a minute.

    Returns:
        The alignment; its periods say whether they are certain.

    Raises:
        InputError: there are no tags with an action of the model, or no spots, or a shift is missing.
    """
    timed = list(tags)
    labels = _labels_of_codes(timed, spots.classes, codes)
    used = [tag for tag in timed if labels.get(tag.code) is not None]
    unused = Counter(tag.code for tag in timed if labels.get(tag.code) is None)
    if not len(spots):
        raise InputError(
            "the model found nothing in the video: there is nothing to align tags with"
        )
    if not used:
        names = ", ".join(f"'{code}'" for code, _ in unused.most_common(5))
        raise InputError(
            f"no tag has an action of the model ({names or 'there are no tags'}): name the action of "
            "each code, --map"
        )
    densities = _Densities(spots, duration_ms)
    groups = [_Group.of(period, used, labels) for period in _periods(used)]
    if shifts_ms is None:
        window_s = (WINDOW_MS if window_ms is None else window_ms) / 1000
        peaks = [
            _best_shifts(group, densities, (near_ms or {}).get(group.period), window_s)
            for group in groups
        ]
    else:
        peaks = [_known_shift(group, densities, shifts_ms) for group in groups]
    certain = [
        not _doubt(peak, densities.agreeing(group, peak.shift_s))
        for group, peak in zip(groups, peaks, strict=True)
    ]
    refined = _refine(groups, peaks, certain, densities, shifts_ms is not None)
    periods = [
        _describe(group, peak, shift_s, error_s, refined.delays, densities)
        for group, peak, shift_s, error_s in zip(
            groups, peaks, refined.shifts, refined.errors, strict=True
        )
    ]
    if shifts_ms is None:
        periods = _check_order(periods, groups)
    return Alignment(tuple(periods), refined.described, dict(unused))


def _labels_of_codes(
    tags: Sequence[TimedCode],
    classes: ActionSet,
    codes: Mapping[str, EventLabel | None] | None,
) -> dict[str, EventLabel | None]:
    """Action of each code; None if it is none of the model's."""
    labels: dict[str, EventLabel | None] = {}
    for code in dict.fromkeys(tag.code for tag in tags):
        if codes is not None:
            label = codes.get(code)
            labels[code] = label if label in classes else None
            continue
        try:
            labels[code] = classes.find(code)
        except LabelError:
            labels[code] = None
    return labels


def _periods(tags: Sequence[TimedCode]) -> list[int | None]:
    found = {tag.period for tag in tags}
    return sorted(found, key=lambda period: 0 if period is None else period)


@dataclass(frozen=True, slots=True)
class _Group:
    """Tags of a period as arrays `[N]`, in order of time."""

    period: int | None
    times_s: Floats
    codes: NDArray[np.str_]
    labels: NDArray[np.object_]

    @classmethod
    def of(
        cls,
        period: int | None,
        tags: Sequence[TimedCode],
        labels: Mapping[str, EventLabel | None],
    ) -> _Group:
        mine = sorted((t for t in tags if t.period == period), key=lambda tag: tag.time_ms)
        actions = np.empty(len(mine), object)
        actions[:] = [labels[tag.code] for tag in mine]
        return cls(
            period,
            np.array([tag.time_ms / 1000 for tag in mine]),
            np.array([tag.code for tag in mine]),
            actions,
        )


# Evidence


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Pairs of a tag and a spot as arrays `[P]`: tag, time from tag to spot, and the confidence of the
    spot by the mean density of its action."""

    row: NDArray[np.intp]
    offset_s: Floats
    ratio: Floats


class _Densities:
    """Spots of each action, and the evidence that a tag at each time of the video has.

    Args:
        spots: candidates of the model.
        duration_ms: length of the video, if it is known.

    Attributes:
        begin_s: begin of the part of the video that was spotted.
        evidence: of each action, at all steps from `begin_s` `[T]`.
    """

    def __init__(self, spots: EventList, duration_ms: int | None) -> None:
        info = spots.info
        last_s = max(event.position_ms for event in spots) / 1000 + STEP_S
        self.begin_s = 0.0 if info is None else (info.start_ms or 0) / 1000
        end_s = last_s
        if duration_ms is not None or (info is not None and info.duration_ms is not None):
            length = duration_ms if duration_ms is not None else info and info.duration_ms
            end_s = max(last_s, (length or 0) / 1000)
        if info is not None and info.end_ms is not None:
            end_s = min(end_s, info.end_ms / 1000)
        steps = max(1, round((end_s - self.begin_s) / STEP_S))
        self._length_s = steps * STEP_S
        self._spots: dict[EventLabel, tuple[Floats, Floats]] = {}
        self.evidence: dict[EventLabel, Floats] = {}
        for label in {event.label for event in spots}:
            mine = [event for event in spots if event.label == label and event.confidence > 0]
            if not mine:
                continue
            times = np.array([event.position_ms / 1000 for event in mine])
            weights = np.array([event.confidence for event in mine])
            self._spots[label] = times, weights
            self.evidence[label] = _tag_evidence(times - self.begin_s, weights, steps)

    def pairs(self, group: _Group, times_s: Floats, radius_s: float) -> _Pairs:
        """Pair each tag with all spots of its action within a radius.

        Args:
            group: the tags.
            times_s: estimated times of their actions in the video, `[N]`.
            radius_s: largest distance.
        """
        rows, offsets, ratios = [], [], []
        for label in set(group.labels):
            if label in self._spots:
                spots, weights = self._spots[label]
                mine = np.flatnonzero(group.labels == label)
                distance = spots - times_s[mine, None]
                tag, spot = np.nonzero(np.abs(distance) <= radius_s)
                rows.append(mine[tag])
                offsets.append(distance[tag, spot])
                ratios.append(weights[spot] * self._length_s / (weights.sum() + 1))
        if not rows:
            return _Pairs(np.zeros(0, np.intp), np.zeros(0), np.zeros(0))
        return _Pairs(np.concatenate(rows), np.concatenate(offsets), np.concatenate(ratios))

    def agreement(self, group: _Group, times_s: Floats) -> NDArray[np.bool_]:
        """Mask of the tags that have a spot within `AGREE_S`, and more of them than usual, `[N]`."""
        agree = np.zeros(len(times_s), bool)
        agree[self.pairs(group, times_s, AGREE_S).row] = True
        return agree & (self._at(group, times_s) > 0)

    def agreeing(self, group: _Group, shift_s: float) -> int:
        """Number of tags that agree with a spot at a shift."""
        return int(self.agreement(group, group.times_s + shift_s).sum())

    def total(self, group: _Group, shift_s: float) -> float:
        """Evidence of a shift."""
        return float(self._at(group, group.times_s + shift_s).sum())

    def _at(self, group: _Group, times_s: Floats) -> Floats:
        """Evidence of each tag at a time in the video, `[N]`."""
        values = np.zeros(len(times_s))
        for label in set(group.labels):
            if label in self.evidence:
                rows = group.labels == label
                index = np.rint((times_s[rows] - self.begin_s) / STEP_S).astype(int)
                curve = self.evidence[label]
                inside = (index >= 0) & (index < len(curve))
                values[rows] = np.where(inside, curve[index.clip(0, len(curve) - 1)], 0)
        return values


def _tag_evidence(times_s: Floats, weights: Floats, steps: int) -> Floats:
    """Evidence of one tag of an action at each step of the video, `[steps]`.

    Args:
        times_s: times of the action's spots.
        weights: their confidences.
        steps: length of the video in steps of `STEP_S`.
    """
    index = np.rint(times_s / STEP_S).astype(int)
    inside = (index >= 0) & (index < steps)
    impulses = np.bincount(index[inside], weights[inside], minlength=steps)
    half = round(4 * KERNEL_S / STEP_S)
    offsets = np.arange(-half, half + 1) * STEP_S
    kernel = np.exp(-0.5 * (offsets / KERNEL_S) ** 2)
    kernel /= kernel.sum() * STEP_S
    density = np.convolve(impulses, kernel)[half : half + steps]
    # One event anywhere is added, so that a few unlikely spots are no strong evidence.
    anywhere = 1 / (steps * STEP_S)
    ratio = (density + anywhere) / (density.mean() + anywhere)
    evidence: Floats = np.log(1 - MATCHED + MATCHED * ratio)
    return evidence


# Peak


@dataclass(frozen=True, slots=True)
class _Peak:
    """The best shift of those searched, and the best one that is not near it."""

    shift_s: float
    evidence: float
    second_s: float
    second_evidence: float
    searched_s: float = 0.0


def _best_shifts(
    group: _Group, densities: _Densities, near_ms: int | None, window_s: float
) -> _Peak:
    """Find the best shifts among all with which a tag is in the video, or near the expected one.

    Raises:
        InputError: no shift near the expected one has a tag in the video.
    """
    shifts, evidence = _evidence_by_shift(group, densities)
    if near_ms is not None:
        evidence = np.where(np.abs(shifts - near_ms / 1000) <= window_s, evidence, -np.inf)
        if not np.isfinite(evidence).any():
            raise InputError(
                f"with a shift of about {_signed(near_ms / 1000)}, no tag is in the video"
            )
    best = int(evidence.argmax())
    elsewhere = np.where(np.abs(shifts - shifts[best]) > NEAR_S, evidence, -np.inf)
    second = int(elsewhere.argmax())
    return _Peak(
        float(shifts[best]),
        float(evidence[best]),
        float(shifts[second]),
        float(elsewhere[second]),
        STEP_S * np.isfinite(evidence).sum(),
    )


def _evidence_by_shift(group: _Group, densities: _Densities) -> tuple[Floats, Floats]:
    """All shifts in steps of `STEP_S`, `[S]`, and their evidence, by Fourier transforms."""
    frames = np.rint(group.times_s / STEP_S).astype(int)
    first, length = frames.min(), int(np.ptp(frames)) + 1
    steps = max((len(curve) for curve in densities.evidence.values()), default=1)
    size = 1 << int(steps + length).bit_length()
    total = np.zeros(size // 2 + 1, complex)
    for label in set(group.labels):
        if label in densities.evidence:
            impulses = np.bincount(frames[group.labels == label] - first, minlength=length)
            spectrum = np.conj(np.fft.rfft(impulses, size))
            total += np.fft.rfft(densities.evidence[label], size) * spectrum
    lags = np.arange(1 - length, steps)
    evidence = np.fft.irfft(total, size)[lags % size]
    return (lags - first) * STEP_S + densities.begin_s, evidence


def _known_shift(
    group: _Group, densities: _Densities, shifts_ms: Mapping[int | None, int]
) -> _Peak:
    if group.period not in shifts_ms:
        raise InputError(f"period {group.period}: there are tags of it, but no shift is given")
    shift_s = shifts_ms[group.period] / 1000
    return _Peak(shift_s, densities.total(group, shift_s), shift_s, -np.inf)


def _doubt(peak: _Peak, agreeing: int) -> str:
    """Reason why a shift is not certain; empty if it is."""
    if agreeing < LEAST_AGREEING:
        noun = "tag agrees" if agreeing == 1 else "tags agree"
        return f"only {agreeing} {noun} with spots of the model, {LEAST_AGREEING} are needed"
    needed = math.log(max(1.0, peak.searched_s / KERNEL_S) / MOST_FALSE)
    if peak.evidence < needed:
        return (
            f"the evidence for a shift of {_signed(peak.shift_s)} is {peak.evidence:.0f}, and "
            f"{needed:.0f} is needed in a search of {peak.searched_s:.0f} s: give more tags, or about "
            "where to search"
        )
    if peak.evidence - peak.second_evidence < LEAST_MARGIN or (
        peak.evidence < LEAST_RATIO * peak.second_evidence
    ):
        return (
            f"a shift of {_signed(peak.second_s)} fits nearly as well as {_signed(peak.shift_s)} "
            f"(evidence {max(peak.second_evidence, 0):.0f} and {max(peak.evidence, 0):.0f})"
        )
    return ""


def _signed(seconds: float) -> str:
    sign = "-" if seconds < 0 else ""
    return sign + format_time(round(abs(seconds) * 1000))


# Delays


@dataclass(frozen=True, slots=True)
class _Refined:
    """Shifts of all groups and delays of codes, in seconds, with standard errors."""

    shifts: list[float]
    errors: list[float]
    delays: Mapping[str, float]
    described: tuple[CodeDelay, ...]


def _refine(
    groups: Sequence[_Group],
    peaks: Sequence[_Peak],
    certain: Sequence[bool],
    densities: _Densities,
    fixed: bool,
) -> _Refined:
    """Fit the shift of each period and the delay of each code together.

    Only certain periods count. A delay that all codes share becomes part of the shifts, unless they are
    `fixed`.
    """
    shifts, errors = [peak.shift_s for peak in peaks], [np.inf] * len(peaks)
    sure = [number for number, is_sure in enumerate(certain) if is_sure]
    if not sure:
        return _Refined(shifts, errors, {}, ())
    names = sorted({code for number in sure for code in groups[number].codes.tolist()})
    fit = fit_delays(_distances(groups, shifts, sure, densities, names), one_shift=fixed)
    late = -fit.deviations_s
    if fixed:
        late = late - fit.shifts_s[0]
    else:
        for index, number in enumerate(sure):
            shifts[number] += float(fit.shifts_s[index])
            errors[number] = float(fit.shift_errors_s[index])
    delays = dict(zip(names, late.tolist(), strict=True))
    agreeing: Counter[str] = Counter()
    for number in sure:
        times = groups[number].times_s + shifts[number] - _of_codes(groups[number], delays)
        agreeing.update(groups[number].codes[densities.agreement(groups[number], times)].tolist())
    described = tuple(
        CodeDelay(code, round(1000 * delay), round(1000 * error), agreeing[code])
        for (code, delay), error in zip(
            delays.items(), fit.deviation_errors_s.tolist(), strict=True
        )
        if agreeing[code] >= LEAST_PAIRS and error <= MOST_ERROR_S
    )
    known = {one.code: delays[one.code] for one in described}
    return _Refined(shifts, errors, known, described)


def _distances(
    groups: Sequence[_Group],
    shifts: Sequence[float],
    sure: Sequence[int],
    densities: _Densities,
    names: Sequence[str],
) -> Distances:
    """Distances of the tags of some groups and the spots near them, at the given shifts."""
    numbers = {name: number for number, name in enumerate(names)}
    parts: list[tuple[NDArray[np.intp], ...]] = []
    seconds, ratios, count = [], [], 0
    for index, number in enumerate(sure):
        group = groups[number]
        pairs = densities.pairs(group, group.times_s + shifts[number], FIT_S)
        codes = np.array([numbers[code] for code in group.codes.tolist()], np.intp)
        parts.append((np.full(len(codes), index, np.intp), codes, pairs.row + count))
        seconds.append(pairs.offset_s)
        ratios.append(pairs.ratio)
        count += len(codes)
    clock, code, tag = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return Distances(clock, code, tag, np.concatenate(seconds), np.concatenate(ratios))


def _of_codes(group: _Group, delays: Mapping[str, float]) -> Floats:
    """Delay of each tag of a group in seconds, `[N]`; 0 if its code has none."""
    return np.array([delays.get(code, 0.0) for code in group.codes.tolist()])


# Verdict


def _describe(
    group: _Group,
    peak: _Peak,
    shift_s: float,
    error_s: float,
    delays: Mapping[str, float],
    densities: _Densities,
) -> PeriodShift:
    times = group.times_s + shift_s - _of_codes(group, delays)
    agree = densities.agreement(group, times)
    return PeriodShift(
        period=group.period,
        shift_ms=round(shift_s * 1000),
        error_ms=round(error_s * 1000) if np.isfinite(error_s) else None,
        tags=len(times),
        agreeing=int(agree.sum()),
        evidence=peak.evidence,
        second_shift_ms=round(peak.second_s * 1000),
        second_evidence=peak.second_evidence,
        second_agreeing=densities.agreeing(group, peak.second_s),
        drift_ms=_drift_ms(group, times, agree, densities),
        problem=_doubt(peak, densities.agreeing(group, peak.shift_s)),
    )


def _drift_ms(
    group: _Group, times_s: Floats, agree: NDArray[np.bool_], densities: _Densities
) -> int | None:
    """Change of the shift from the first to the last third of the tags; None if too few agree."""
    thirds = np.arange(len(times_s)) * 3 // max(len(times_s), 1)
    if min(agree[thirds == 0].sum(), agree[thirds == 2].sum()) < LEAST_AGREEING:
        return None
    pairs = densities.pairs(group, times_s, FIT_S)
    none = np.zeros(len(times_s), np.intp)
    fit = fit_delays(Distances(thirds, none, pairs.row, pairs.offset_s, pairs.ratio))
    return round(1000 * float(fit.shifts_s[2] - fit.shifts_s[0]))


def _check_order(periods: list[PeriodShift], groups: Sequence[_Group]) -> list[PeriodShift]:
    """Add a problem to certain periods that follow each other in the wrong order, or overlap."""
    checked = list(periods)
    known = [
        (number, one, group)
        for number, (one, group) in enumerate(zip(periods, groups, strict=True))
        if one.is_certain and one.period is not None
    ]
    for (_, before, first), (number, after, second) in pairwise(known):
        end_s = first.times_s[-1] + before.shift_ms / 1000
        begin_s = second.times_s[0] + after.shift_ms / 1000
        if begin_s >= end_s:
            continue
        if second.times_s[-1] + after.shift_ms / 1000 <= first.times_s[0] + before.shift_ms / 1000:
            problem = (
                f"its tags fit a part of the video before period {before.period}: are the files, or "
                "the periods of the tags, in the wrong order?"
            )
        else:
            problem = (
                f"its tags begin at {_signed(begin_s)}, before the last tag of period "
                f"{before.period} at {_signed(end_s)}: are the periods of the tags right?"
            )
        checked[number] = replace(after, problem=problem, is_misplaced=True)
    return checked
