"""The chance level of predictions, and events in doubt."""

from __future__ import annotations

import numpy as np
import pytest

from onball import Event, EventList
from onball.actions import ACTIONS
from onball.evaluation.chance import ChanceLevel, ChanceTest

LENGTH_MS = 60_000
THRESHOLDS = dict.fromkeys(ACTIONS, 0.5)


def events(*entries: tuple[int, str, float]) -> EventList:
    return EventList.of(Event(ms, label, confidence) for ms, label, confidence in entries)


def every(seconds: int, offset_ms: int = 0, label: str = "PASS", confidence: float = 0.9):
    times = range(1000 + offset_ms, LENGTH_MS, 1000 * seconds)
    return events(*((ms, label, confidence) for ms in times))


def test_precision_recall_and_f1_count_events_from_the_threshold_on():
    truth = events((1000, "PASS", 1), (5000, "DRIVE", 1), (9000, "SHOT", 1))
    found = events(
        (1400, "PASS", 0.9),  # a pair
        (5000, "PASS", 0.8),  # the wrong action
        (9000, "SHOT", 0.4),  # below the threshold
        (20_000, "DRIVE", 0.7),  # nothing there
    )
    score = ChanceTest([truth], [found], [LENGTH_MS], THRESHOLDS).score(1.0)
    assert (score.precision, score.recall) == pytest.approx((1 / 3, 1 / 3))
    assert score.f1 == pytest.approx(1 / 3)
    assert score.mean_ap == pytest.approx((1 + 0 + 1) / 3)


def test_an_event_below_the_threshold_takes_no_label_from_one_above():
    truth = events((1000, "PASS", 1), (1300, "PASS", 1))
    found = events((1000, "PASS", 0.9), (1300, "PASS", 0.3))
    score = ChanceTest([truth], [found], [LENGTH_MS], THRESHOLDS).score(1.0)
    assert (score.precision, score.recall) == (1.0, 0.5)


def test_any_action_will_do_unless_actions_count():
    truth, found = events((1000, "PASS", 1)), events((1000, "SHOT", 0.9))
    blind = ChanceTest([truth], [found], [LENGTH_MS], THRESHOLDS, class_aware=False)
    assert blind.score(1.0).f1 == 1
    assert blind.score(1.0).mean_ap == 1
    assert ChanceTest([truth], [found], [LENGTH_MS], THRESHOLDS).score(1.0).f1 == 0


def test_events_in_doubt_are_neither_found_nor_missed_nor_false_alarms():
    truth, doubtful = events((1000, "PASS", 1)), events((5000, "DRIVE", 1), (8000, "SHOT", 1))
    found = events((1000, "PASS", 0.9), (5300, "PASS", 0.9))
    known = ChanceTest([truth], [found], [LENGTH_MS], THRESHOLDS).score(1.0)
    score = ChanceTest([truth], [found], [LENGTH_MS], THRESHOLDS, doubtful=[doubtful]).score(1.0)
    assert known.precision == 0.5
    assert (score.precision, score.recall, score.f1, score.mean_ap) == (1, 1, 1, 1)


def test_an_event_in_doubt_takes_nothing_from_a_sure_one():
    truth, doubtful = events((1000, "PASS", 1)), events((1200, "PASS", 1))
    found = events((1300, "PASS", 0.9))
    score = ChanceTest([truth], [found], [LENGTH_MS], THRESHOLDS, doubtful=[doubtful]).score(1.0)
    assert score.f1 == 1


def test_true_detections_are_far_above_chance():
    rng = np.random.default_rng(0)
    times = np.sort(rng.choice(LENGTH_MS, (2, 12), replace=False), axis=1)
    truth = [events(*((int(ms), "PASS", 0.9) for ms in row)) for row in times]
    test = ChanceTest(truth, truth, [LENGTH_MS] * 2, THRESHOLDS)
    levels = test.against_chance(1.0, 300)
    for level in levels.values():
        assert level.value == 1
        assert level.exceeded
        assert level.p < 0.02
    # Windows of a second around 12 labels cover a fifth of a minute.
    assert levels["f1"].mean == pytest.approx(0.2, abs=0.07)


def test_a_dense_raster_of_events_is_at_chance():
    rng = np.random.default_rng(1)
    times = np.sort(rng.choice(LENGTH_MS, 20, replace=False))
    truth = events(*((int(ms), "PASS", 1) for ms in times))
    levels = ChanceTest([truth], [every(2)], [LENGTH_MS], THRESHOLDS).against_chance(1.0, 200)
    assert not levels["f1"].exceeded
    assert levels["f1"].p > 0.05
    assert abs(levels["f1"].value - levels["f1"].mean) < 0.2


def test_each_video_has_a_shift_of_its_own_within_its_length():
    truth = [events((500, "PASS", 1)), events((59_000, "PASS", 1))]
    found = [events((500, "PASS", 0.9)), events((59_000, "PASS", 0.9))]
    # In a video of one second, most shifts stay within the tolerance; in the other hardly any.
    test = ChanceTest(truth, found, [1000, LENGTH_MS], THRESHOLDS)
    mean = np.mean([score.recall for score in test.shifted(1.8, 200)])
    assert 0.4 < mean < 0.6


def test_the_same_seed_gives_the_same_shifts():
    truth, found = every(7), every(5, 300)
    test = ChanceTest([truth], [found], [LENGTH_MS], THRESHOLDS)
    assert test.shifted(1.0, 5, seed=3) == test.shifted(1.0, 5, seed=3)
    assert test.shifted(1.0, 20, seed=3) != test.shifted(1.0, 20, seed=4)


def test_without_events_all_scores_are_zero_and_p_is_one():
    test = ChanceTest([every(7)], [events()], [LENGTH_MS], THRESHOLDS)
    levels = test.against_chance(1.0, 10)
    assert levels["f1"].value == 0
    assert levels["f1"].p == 1
    assert not levels["mean_ap"].exceeded


def test_p_counts_shifts_that_are_as_good():
    level = ChanceLevel(0.5, np.array([0.1, 0.2, 0.5, 0.6]))
    assert level.p == pytest.approx(3 / 5)
    assert not level.exceeded


def test_sequences_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="as many"):
        ChanceTest([events()], [], [1000], THRESHOLDS)
    with pytest.raises(ValueError, match="above 0"):
        ChanceTest([events()], [events()], [0], THRESHOLDS)
