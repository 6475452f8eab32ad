"""Places of training clips: reproducible, within the video, balanced over actions."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from onball.data.clips import ClipPlace, ClipSampler, MatchEvents


def match(num_frames: int, events: dict[int, int]) -> MatchEvents:
    frames = np.array(list(events), dtype=np.intp)
    return MatchEvents(num_frames, frames, np.array(list(events.values()), dtype=np.int64))


def draw(sampler: ClipSampler, count: int, epoch: int = 0) -> list[ClipPlace]:
    return [sampler.clip(epoch, index) for index in range(count)]


def test_a_clip_depends_on_seed_epoch_and_index_only():
    matches = [match(500, {100: 1, 300: 2}), match(900, {50: 1})]
    sampler = ClipSampler(matches, 50, 0.5, seed=1)
    first = draw(sampler, 40)
    assert draw(ClipSampler(matches, 50, 0.5, seed=1), 40) == first
    assert [sampler.clip(0, index) for index in reversed(range(40))] == first[::-1]
    assert draw(sampler, 40, epoch=1) != first
    assert draw(ClipSampler(matches, 50, 0.5, seed=2), 40) != first


def test_clips_lie_within_their_video():
    matches = [match(60, {0: 1, 59: 1}), match(50, {25: 3}), match(7, {3: 2})]
    places = draw(ClipSampler(matches, 50, 0.5, seed=0), 500)
    assert {place.match for place in places} == {0, 1, 2}
    assert {place.start for place in places if place.match == 0} <= set(range(11))
    assert {place.start for place in places if place.match > 0} == {0}


def test_uniform_clips_are_uniform_over_all_matches_time():
    sampler = ClipSampler([match(149, {}), match(349, {0: 1})], 50, 0.0, seed=0)
    places = draw(sampler, 8000)
    starts = np.array([place.start + 100 * place.match for place in places])
    histogram = np.histogram(starts, bins=8, range=(0, 400))[0]
    assert abs(histogram / 1000 - 1).max() < 0.15
    assert starts.max() == 399


def test_a_clip_around_an_action_has_it_in_its_middle_half():
    matches = [match(5000, dict.fromkeys(range(200, 4800, 333), 1))]
    for place in draw(ClipSampler(matches, 50, 1.0, seed=0), 300):
        offsets = matches[0].frames - place.start
        assert ((offsets >= 12) & (offsets < 38)).any()


def test_actions_are_drawn_by_the_square_root_of_their_count():
    events = {10 * i: 1 for i in range(900)} | {10_000 + 100 * i: 2 for i in range(9)}
    places = draw(ClipSampler([match(20_000, events)], 4, 1.0, seed=0), 4000)
    seen = Counter("rare" if place.start > 9500 else "frequent" for place in places)
    assert seen["frequent"] / seen["rare"] == pytest.approx(10, rel=0.2)


def test_without_any_event_all_clips_are_uniform():
    assert len(set(draw(ClipSampler([match(500, {})], 50, 1.0, seed=0), 50))) > 20


def test_class_balance_goes_from_their_frequencies_to_equal_frequencies():
    events = {10 * i: 1 for i in range(400)} | {10_000 + 100 * i: 2 for i in range(25)}

    def ratio(balance: float) -> float:
        sampler = ClipSampler([match(20_000, events)], 4, 1.0, seed=0, class_balance=balance)
        rare = sum(place.start > 9500 for place in draw(sampler, 4000))
        return (4000 - rare) / rare

    # 400 events against 25, each drawn ∝ n^-b: 16^(1 - b) to 1.
    assert ratio(0.0) == pytest.approx(16, rel=0.2)
    assert ratio(0.5) == pytest.approx(4, rel=0.15)
    assert ratio(0.75) == pytest.approx(2, rel=0.1)
    assert ratio(1.0) == pytest.approx(1, rel=0.1)


def test_seeds_keep_their_clips_across_versions():
    sampler = ClipSampler([match(900, {100 * i: 1 + i // 3 for i in range(5)})], 50, 1.0, seed=0)
    assert [place.start for place in draw(sampler, 6)] == [80, 169, 173, 180, 168, 63]


def test_a_match_without_frames_has_no_clip():
    sampler = ClipSampler([match(0, {}), match(60, {30: 1}), match(0, {})], 50, 0.2, seed=0)
    places = draw(sampler, 200)
    assert {place.match for place in places} == {1}
    assert {place.start for place in places} == set(range(11))


@pytest.mark.parametrize(
    "wrong",
    [
        {"class_balance": -0.1},
        {"class_balance": 1.5},
        {"class_balance": float("nan")},
        {"action_share": -0.5},
        {"clip_frames": 0},
        {"matches": []},
        {"matches": [match(0, {})]},
        {"matches": [match(-3, {}), match(60, {})]},
    ],
)
def test_values_out_of_range_are_refused(wrong):
    good = {"matches": [match(60, {30: 1})], "clip_frames": 50, "action_share": 0.5, "seed": 0}
    with pytest.raises(ValueError, match=r"class_balance|at least one frame"):
        ClipSampler(**{**good, **wrong})
