"""Pairs of events and labels that the page counts from."""

from __future__ import annotations

import numpy as np
import pytest

from onball.actions import BALL_ACTIONS
from onball.errors import ConfigError
from onball.evaluation import evaluate_spotting
from onball.events import Event, EventList
from onball.viewer.scoring import DUPLICATE, UNPAIRED, compare_events


def random_events(seed: int, count: int, certain: bool) -> EventList:
    rng = np.random.default_rng(seed)
    return EventList.of(
        Event(
            int(rng.integers(0, 60_000)),
            str(rng.choice(["PASS", "DRIVE", "SHOT"])),
            1.0 if certain else float(rng.random()),
        )
        for _ in range(count)
    )


def test_pairs_are_those_of_the_evaluator_and_so_is_the_mean_ap():
    truth = EventList.of([Event(1000, "PASS"), Event(2000, "SHOT"), Event(3000, "PASS")])
    found = EventList.of([Event(1080, "PASS", 0.9), Event(2000, "DRIVE", 0.7), Event(4000, "PASS")])
    compared = compare_events(found, truth, BALL_ACTIONS, 1.0)
    assert compared.pairs == [0, UNPAIRED, UNPAIRED]
    expected = evaluate_spotting([truth], [found])
    assert compared.means == {"mAP12": expected.map12, "mAP10": expected.map10}
    assert compared.ap["PASS"] == expected.ap["PASS"] and compared.labels["PASS"] == 2


def test_of_events_on_one_frame_only_one_counts():
    truth = EventList.of([Event(1000, "PASS"), Event(1010, "PASS")])
    found = EventList.of([Event(1000, "PASS", 0.9), Event(1010, "PASS", 0.8)])
    compared = compare_events(found, truth, BALL_ACTIONS, 1.0)
    assert compared.pairs == [DUPLICATE, 0] and compared.duplicates == [1]


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.8])
def test_pairs_from_a_threshold_up_are_those_of_the_events_from_it_up(threshold):
    """The page counts at any threshold from the pairs of all events."""
    truth, found = random_events(1, 60, True), random_events(2, 200, False)
    compared = compare_events(found, truth, BALL_ACTIONS, 2.0)
    kept = [p for p, e in zip(compared.pairs, found, strict=True) if e.confidence >= threshold]
    alone = compare_events(found.above(threshold), truth, BALL_ACTIONS, 2.0)
    assert sum(p >= 0 for p in kept) == sum(p >= 0 for p in alone.pairs) > 0
    curve = compared.curves[""]
    at = int((curve.threshold >= threshold).sum()) - 1
    recall = sum(p >= 0 for p in kept) / (len(truth) - len(compared.duplicates))
    assert curve.recall[at] == pytest.approx(recall)


@pytest.mark.parametrize("tolerance_s", [0, -1, float("nan"), float("inf")])
def test_a_tolerance_is_above_zero(tolerance_s):
    with pytest.raises(ConfigError):
        compare_events(EventList(), EventList(), BALL_ACTIONS, tolerance_s)
