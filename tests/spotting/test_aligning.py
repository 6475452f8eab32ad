"""Alignment of tags with spots: shifts, delays, and the refusal to guess."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from simulated_play import HALF_MS, HALVES_MS, simulated_labels, spots_of, tags_of

from onball.actions import Action
from onball.errors import InputError
from onball.events import Event, EventList, SpottingInfo
from onball.spotting.aligning import align_tags
from onball.spotting.alignment import AlignmentError, TimedCode

STARTS = {1: 12_340, 2: HALF_MS + 25_670}
DELAYS = {"PASS": 700, "DRIVE": 1100, "HEADER": 500, "OUT": 1900, "HIGH PASS": 1300}


@pytest.fixture(scope="module")
def truth():
    return simulated_labels()


def test_shifts_are_recovered_within_80_ms(truth):
    errors = []
    for seed in range(2):
        alignment = align_tags(tags_of(truth, seed, STARTS), spots_of(truth, seed))
        alignment.require_certain()
        assert alignment.unused == {}
        # All tags are a second late, and nothing in them says so: that is part of the shift.
        errors += [alignment.shifts_ms[period] - (STARTS[period] - 1000) for period in STARTS]
        # The spread of tags and spots together, 0.36 s, over the root of about 150 agreeing tags.
        assert all(25 < one.error_ms < 60 for one in alignment.periods)
    assert np.abs(errors).max() < 80


def test_delays_of_codes_are_recovered_beside_the_shifts(truth):
    errors = []
    for seed in range(2):
        tags = tags_of(truth, seed, STARTS, delays_ms=DELAYS)
        alignment = align_tags(tags, spots_of(truth, seed))
        for period, start_ms in STARTS.items():
            for code in ("PASS", "DRIVE"):
                placed_ms = alignment.place(TimedCode(code, 300_000, period), delays=True)
                errors.append(placed_ms - (300_000 + start_ms - DELAYS[code]))
        for one in alignment.delays:
            assert one.pairs >= 3 and one.error_ms <= 250
            true_ms = DELAYS.get(one.code, 1000) - DELAYS["PASS"]
            found_ms = one.delay_ms - alignment.delays_ms["PASS"]
            assert abs(found_ms - true_ms) < 80 + 4 * one.error_ms
    assert np.sqrt(np.square(errors).mean()) < 80


def test_codes_without_a_delay_of_their_own_shrink_to_the_common_one(truth):
    alignment = align_tags(tags_of(truth, 0, STARTS), spots_of(truth, 0))
    assert len(alignment.delays) >= 6
    assert max(abs(one.delay_ms) for one in alignment.delays) < 80


def test_delays_are_absolute_if_the_shifts_are_known(truth):
    errors = []
    for seed in range(2):
        tags = tags_of(truth, seed, STARTS, delays_ms=DELAYS)
        alignment = align_tags(tags, spots_of(truth, seed), shifts_ms=STARTS)
        assert alignment.shifts_ms == STARTS
        errors += [alignment.delays_ms[code] - DELAYS[code] for code in ("PASS", "DRIVE")]
    assert np.sqrt(np.square(errors).mean()) < 80


def test_a_poor_model_suffices(truth):
    spots = spots_of(truth, 5, found=0.4, confused=0.2, false=2)
    alignment = align_tags(tags_of(truth, 5, STARTS), spots)
    alignment.require_certain()
    for period, start_ms in STARTS.items():
        assert abs(alignment.shifts_ms[period] - (start_ms - 1000)) < 250


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("filmed", [1, 2])
def test_spots_of_other_play_are_refused(truth, seed, filmed):
    begin_ms, end_ms = HALVES_MS[filmed]
    spots = spots_of(truth.between(begin_ms, end_ms), seed, found=0.9, false=0.2)
    tags = [tag for tag in tags_of(truth, seed, STARTS) if tag.period != filmed]
    alignment = align_tags(tags, spots)
    with pytest.raises(AlignmentError, match=r"period \d: (a shift of .* fits nearly|only)"):
        alignment.require_certain()
    assert alignment.shifts_ms == {}


@pytest.mark.parametrize("seed", range(3))
def test_spots_at_random_times_are_refused(truth, seed):
    rng = np.random.default_rng(seed)
    spots = spots_of(truth, seed)
    scattered = [replace(one, position_ms=int(rng.uniform(0, 2 * HALF_MS))) for one in spots]
    alignment = align_tags(tags_of(truth, seed, STARTS), replace(spots, events=tuple(scattered)))
    assert not any(period.is_certain for period in alignment.periods)


def test_halves_in_the_wrong_order_are_noticed(truth):
    alignment = align_tags(tags_of(truth, 6, STARTS, swapped=True), spots_of(truth, 6))
    with pytest.raises(InputError, match=r"period 2: .* before period 1: .*in the wrong order"):
        alignment.require_certain()


def test_a_period_that_was_not_filmed_is_refused_alone(truth):
    spots = spots_of(truth.between(0, HALF_MS), 7)
    spots = replace(spots.between(0, HALF_MS), info=SpottingInfo(duration_ms=HALF_MS))
    alignment = align_tags(tags_of(truth, 7, STARTS), spots)
    first, second = alignment.periods
    assert first.is_certain and abs(first.shift_ms - (STARTS[1] - 1000)) < 80
    assert not second.is_certain
    with pytest.raises(AlignmentError, match="period 2"):
        alignment.place(TimedCode("PASS", 5000, 2))
    assert alignment.place(TimedCode("PASS", 5000, 1)) == first.shift_ms + 5000


def test_codes_are_mapped_and_those_without_an_action_are_counted(truth):
    names = {"PASS": "Pase", "DRIVE": "Conducción"}
    tags = [
        replace(tag, code=names.get(tag.code, "Otro"), period=None)
        for tag in tags_of(truth, 8, {1: 500, 2: 500})
    ]
    codes = {"Pase": Action.PASS, "Conducción": Action.DRIVE, "Otro": None}
    alignment = align_tags(tags, spots_of(truth, 8), codes=codes)
    (whole,) = alignment.periods
    assert whole.period is None and whole.is_certain and abs(whole.shift_ms + 500) < 80
    assert alignment.unused == {"Otro": sum(tag.code == "Otro" for tag in tags)}
    with pytest.raises(InputError, match=r"no tag has an action of the model.*'Pase'"):
        align_tags(tags, spots_of(truth, 8))


def test_a_part_of_the_video_aligns_tags_of_all_of_it(truth):
    spots = spots_of(truth, 9).between(200_000, HALF_MS)
    info = SpottingInfo(duration_ms=2 * HALF_MS, start_ms=200_000, end_ms=HALF_MS)
    first = [tag for tag in tags_of(truth, 9, STARTS) if tag.period == 1]
    alignment = align_tags(first, replace(spots, info=info))
    assert abs(alignment.shifts_ms[1] - (STARTS[1] - 1000)) < 100


def test_a_clock_that_runs_at_another_rate_is_reported(truth):
    tags = [replace(tag, time_ms=round(tag.time_ms * 1.002)) for tag in tags_of(truth, 10, STARTS)]
    first = align_tags(tags, spots_of(truth, 10)).periods[0]
    # 0.2 % of the 320 s between the middles of the first and the last third.
    assert first.drift_ms is not None and -1000 < first.drift_ms < -350


def test_no_spots_and_few_tags_are_one_clear_line():
    tags = [TimedCode("PASS", 1000, 1)]
    with pytest.raises(InputError, match="the model found nothing"):
        align_tags(tags, EventList())
    spots = EventList.of([Event(5000, Action.PASS, 0.9)], info=SpottingInfo(duration_ms=60_000))
    with pytest.raises(AlignmentError, match="only 1 tag agrees"):
        align_tags(tags, spots).require_certain()
    with pytest.raises(InputError, match=r"period 1: .* no shift is given"):
        align_tags(tags, spots, shifts_ms={2: 0})
