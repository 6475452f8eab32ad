"""Moments of the gallery: how labels and detections are paired, and which are chosen."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from onball.actions import ACTIONS, Action
from onball.evaluation.metrics import report_spotting
from onball.events import Event, EventList
from onball.reports.moments import REACH_MS, Kind, choose, find_moments, marks
from onball.reports.runs import SpottedMatch

ALL_SHOWN: dict[Action, float | None] = dict.fromkeys(ACTIONS, 0.5)


def match(truth: list[Event], found: list[Event], name: str = "a") -> SpottedMatch:
    return SpottedMatch(name, None, EventList.of(truth, name), EventList.of(found, name))


def event(ms: int, action: Action = Action.PASS, confidence: float = 1.0, half: int = 1) -> Event:
    return Event(ms, action, confidence, half=half)


def kinds(one: SpottedMatch) -> list[Kind]:
    return [moment.kind for moment in find_moments([one], ALL_SHOWN, 1.0)]


def test_a_detection_near_its_label_is_found_and_says_how_late_it_is():
    (moment,) = find_moments([match([event(1000)], [event(1200, confidence=0.9)])], ALL_SHOWN, 1.0)
    assert moment.kind is Kind.FOUND and moment.error_ms == 200 and moment.support == 0.9


def test_another_action_at_the_moment_of_a_label_is_a_mix_up():
    (moment,) = find_moments([match([event(1000)], [event(1000, Action.SHOT)])], ALL_SHOWN, 1.0)
    assert moment.kind is Kind.MIXED_UP
    assert moment.event.label is Action.PASS and moment.detection.label is Action.SHOT


@pytest.mark.parametrize("found", [event(1600), event(1000, half=2)], ids=["far", "other half"])
def test_what_is_out_of_reach_is_a_miss_and_a_false_alarm(found):
    assert sorted(kinds(match([event(1000)], [found]))) == [Kind.FALSE_ALARM, Kind.MISSED]


def test_a_detection_below_the_threshold_leaves_a_miss_that_knows_of_it():
    (moment,) = find_moments([match([event(1000)], [event(1100, confidence=0.4)])], ALL_SHOWN, 1.0)
    assert moment.kind is Kind.MISSED and moment.support == 0.4


def test_an_action_without_threshold_has_no_detections():
    thresholds = {**ALL_SHOWN, Action.PASS: None}
    (moment,) = find_moments([match([event(1000)], [event(1000)])], thresholds, 1.0)
    assert moment.kind is Kind.MISSED


def test_kinds_are_counted_as_the_confusion_matrix_counts_them():
    rng = np.random.default_rng(3)
    matches = []
    for name in "ab":
        truth = [event(int(t), ACTIONS[rng.integers(12)]) for t in rng.integers(0, 200_000, 150)]
        found = [
            event(max(0, e.position_ms + int(rng.normal(0, 150))),
                  e.label if rng.random() < 0.7 else ACTIONS[rng.integers(12)],
                  float(rng.random()))
            for e in truth
        ]  # fmt: skip
        matches.append(match(truth, found, name))
    report = report_spotting(
        [m.truth for m in matches], [m.predictions for m in matches], resamples=0
    )
    thresholds = {action: best.threshold for action, best in report.best.items()}
    counted = Counter(moment.kind for moment in find_moments(matches, thresholds, 1.0))
    matrix = report.confusion
    right = int(np.trace(matrix[:12, :12]))
    # The matrix leaves out events of one action on one frame, of which there are hardly any.
    assert counted[Kind.FOUND] == pytest.approx(right, abs=3)
    assert counted[Kind.MIXED_UP] == pytest.approx(matrix[:12, :12].sum() - right, abs=3)
    assert counted[Kind.MISSED] == pytest.approx(matrix[:12, 12].sum(), abs=3)
    assert counted[Kind.FALSE_ALARM] == pytest.approx(matrix[12].sum(), abs=3)


def test_each_action_has_its_turn_before_one_has_its_second():
    found = [event(3000 * i, Action.PASS, 0.99 - 0.01 * i) for i in range(10)]
    found += [event(100_000, Action.SHOT, 0.6), event(110_000, Action.GOAL, 0.7)]
    moments = find_moments([match([], found)], ALL_SHOWN, 1.0)
    chosen = choose(moments, Kind.FALSE_ALARM, 4)
    assert [m.event.label for m in chosen] == [Action.PASS, Action.GOAL, Action.SHOT, Action.PASS]
    assert chosen[0].support == 0.99 and chosen[3].support == 0.98


def test_the_same_scene_is_not_chosen_twice():
    found = [event(10_000, Action.PASS, 0.9), event(10_600, Action.SHOT, 0.8)]
    moments = find_moments([match([], found)], ALL_SHOWN, 1.0)
    assert [m.event.label for m in choose(moments, Kind.FALSE_ALARM, 4)] == [Action.PASS]


def test_names_on_a_time_axis_never_meet():
    events = [event(10_000 + 90 * i, ACTIONS[i % 12], 0.5) for i in range(-9, 10)]
    placed = marks(events, 10_000, half=1)
    assert len(placed) == sum(abs(e.position_ms - 10_000) < REACH_MS for e in events)
    spans: dict[int, list[tuple[float, float]]] = {}
    for mark in placed:
        width = 3 + 0.95 * (len(mark.event.label) + 5)
        span = (mark.at - width, mark.at) if mark.turned else (mark.at, mark.at + width)
        assert span[0] >= -1 and span[1] <= 101
        spans.setdefault(mark.row, []).append(span)
    for row in spans.values():
        ordered = sorted(row)
        assert all(a[1] <= b[0] + 1e-9 for a, b in pairwise(ordered))
