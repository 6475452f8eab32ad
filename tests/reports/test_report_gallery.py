"""Examples of the gallery: pairs of labels and detections, and the choice among them."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from onball.actions import ACTIONS, Action
from onball.evaluation.metrics import report_spotting
from onball.events import Event, EventList
from onball.reports.gallery import STRIP_RADIUS_MS, Kind, choose_examples, find_examples, marks
from onball.reports.runs import EvaluatedMatch

ALL_SHOWN: dict[Action, float | None] = dict.fromkeys(ACTIONS, 0.5)


def match(truth: list[Event], found: list[Event], name: str = "a") -> EvaluatedMatch:
    return EvaluatedMatch(name, None, EventList.of(truth, name), EventList.of(found, name))


def event(ms: int, action: Action = Action.PASS, confidence: float = 1.0, half: int = 1) -> Event:
    return Event(ms, action, confidence, half=half)


def kinds(one: EvaluatedMatch) -> list[Kind]:
    return [example.kind for example in find_examples([one], ALL_SHOWN, 1.0)]


def test_a_detection_near_its_label_is_found_with_its_timing_error():
    (example,) = find_examples(
        [match([event(1000)], [event(1200, confidence=0.9)])], ALL_SHOWN, 1.0
    )
    assert example.kind is Kind.FOUND and example.error_ms == 200 and example.support == 0.9


def test_a_different_action_at_the_time_of_a_label_is_a_confusion():
    (example,) = find_examples([match([event(1000)], [event(1000, Action.SHOT)])], ALL_SHOWN, 1.0)
    assert example.kind is Kind.MIXED_UP
    assert example.event.label is Action.PASS and example.detection.label is Action.SHOT


@pytest.mark.parametrize("found", [event(1600), event(1000, half=2)], ids=["far", "other half"])
def test_a_detection_beyond_the_tolerance_is_a_false_alarm_and_its_label_missed(found):
    assert sorted(kinds(match([event(1000)], [found]))) == [Kind.FALSE_ALARM, Kind.MISSED]


def test_a_detection_below_the_threshold_supports_the_missed_label():
    (example,) = find_examples(
        [match([event(1000)], [event(1100, confidence=0.4)])], ALL_SHOWN, 1.0
    )
    assert example.kind is Kind.MISSED and example.support == 0.4


def test_an_action_without_threshold_has_no_detections():
    thresholds = {**ALL_SHOWN, Action.PASS: None}
    (example,) = find_examples([match([event(1000)], [event(1000)])], thresholds, 1.0)
    assert example.kind is Kind.MISSED


def test_counts_of_kinds_agree_with_the_confusion_matrix():
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
    counted = Counter(example.kind for example in find_examples(matches, thresholds, 1.0))
    matrix = report.confusion
    right = int(np.trace(matrix[:12, :12]))
    # The matrix leaves out events of one action on one frame, of which there are hardly any.
    assert counted[Kind.FOUND] == pytest.approx(right, abs=3)
    assert counted[Kind.MIXED_UP] == pytest.approx(matrix[:12, :12].sum() - right, abs=3)
    assert counted[Kind.MISSED] == pytest.approx(matrix[:12, 12].sum(), abs=3)
    assert counted[Kind.FALSE_ALARM] == pytest.approx(matrix[12].sum(), abs=3)


def test_one_example_of_each_action_is_chosen_before_a_second():
    found = [event(3000 * i, Action.PASS, 0.99 - 0.01 * i) for i in range(10)]
    found += [event(100_000, Action.SHOT, 0.6), event(110_000, Action.GOAL, 0.7)]
    examples = find_examples([match([], found)], ALL_SHOWN, 1.0)
    chosen = choose_examples(examples, Kind.FALSE_ALARM, 4)
    assert [m.event.label for m in chosen] == [Action.PASS, Action.GOAL, Action.SHOT, Action.PASS]
    assert chosen[0].support == 0.99 and chosen[3].support == 0.98


def test_a_scene_is_chosen_at_most_once():
    found = [event(10_000, Action.PASS, 0.9), event(10_600, Action.SHOT, 0.8)]
    examples = find_examples([match([], found)], ALL_SHOWN, 1.0)
    assert [m.event.label for m in choose_examples(examples, Kind.FALSE_ALARM, 4)] == [Action.PASS]


def test_names_on_a_time_axis_do_not_overlap():
    events = [event(10_000 + 90 * i, ACTIONS[i % 12], 0.5) for i in range(-9, 10)]
    placed = marks(events, 10_000, half=1)
    assert len(placed) == sum(abs(e.position_ms - 10_000) < STRIP_RADIUS_MS for e in events)
    spans: dict[int, list[tuple[float, float]]] = {}
    for mark in placed:
        width = 3 + 0.95 * (len(mark.event.label) + 5)
        span = (mark.at - width, mark.at) if mark.turned else (mark.at, mark.at + width)
        assert span[0] >= -1 and span[1] <= 101
        spans.setdefault(mark.row, []).append(span)
    for row in spans.values():
        ordered = sorted(row)
        assert all(a[1] <= b[0] + 1e-9 for a, b in pairwise(ordered))
