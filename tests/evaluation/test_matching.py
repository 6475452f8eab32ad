"""Pairing of labels and detections of any actions."""

from __future__ import annotations

import random

import numpy as np

from onball.actions import ACTIONS, Action
from onball.evaluation.matching import confusion_matrix, nearest_pairs, pairs_within
from onball.evaluation.spotting import action_matcher
from onball.events import Event, EventColumns, EventList


def columns(*events: Event) -> EventColumns:
    return EventColumns.of([EventList(events)])


def pairs(labels: EventColumns, detections: EventColumns, tolerance_s: float = 1.0) -> list:
    found = nearest_pairs(labels, detections, tolerance_s)
    return list(zip(*(side.tolist() for side in found), strict=True))


def test_the_nearest_pair_is_matched_first_and_every_event_once():
    labels = columns(Event(1000, Action.PASS), Event(1400, Action.PASS))
    detections = columns(Event(1240, Action.PASS, 0.9), Event(1800, Action.PASS, 0.5))
    assert pairs(labels, detections) == [(1, 0)]
    assert pairs(labels, detections, 2.0) == [(1, 0), (0, 1)]


def test_ties_in_distance_prefer_the_same_action_then_the_higher_confidence():
    label = columns(Event(1000, Action.PASS))
    other, weak, strong = (
        Event(1040, Action.SHOT, 0.9), Event(960, Action.PASS, 0.2), Event(1040, Action.PASS, 0.3),
    )  # fmt: skip
    assert pairs(label, columns(other, weak)) == [(0, 1)]
    assert pairs(label, columns(other, weak, strong)) == [(0, 2)]


def test_pairs_never_cross_halves_or_matches():
    labels = EventColumns.of([EventList((Event(1000, Action.PASS),)), EventList()])
    detections = EventColumns.of(
        [EventList((Event(1000, Action.PASS, half=2),)), EventList((Event(1000, Action.PASS),))]
    )
    assert pairs(labels, detections) == []
    assert len(pairs_within(labels, detections, 60.0)[0]) == 0


def test_pairs_within_the_tolerance_agree_with_exhaustive_search():
    rng = random.Random(0)
    labels, detections = (
        columns(*(Event(rng.randrange(0, 20_000, 40), rng.choice(ACTIONS)) for _ in range(60)))
        for _ in range(2)
    )
    found = set(
        zip(*(side.tolist() for side in pairs_within(labels, detections, 1.0)), strict=True)
    )
    # In frames, rounded down as SoccerNet's evaluator does.
    label_frames, frames = ((25 * (c.position_ms / 1000)).astype(int) for c in (labels, detections))
    distance = np.abs(label_frames[:, None] - frames[None])
    assert found == set(map(tuple, np.argwhere(distance <= 12).tolist()))


def test_the_confusion_matrix_counts_pairs_misses_and_false_alarms():
    truth = columns(Event(1000, Action.PASS), Event(5000, Action.SHOT), Event(9000, Action.OUT))
    found = columns(
        Event(1040, Action.PASS, 0.9), Event(5000, Action.CROSS, 0.8), Event(20_000, Action.GOAL, 0.7)
    )  # fmt: skip
    matcher = action_matcher(truth, found, 1)
    matrix = confusion_matrix(matcher, np.ones(3, bool), 1.0)
    expected = np.zeros((13, 13), int)
    for row, column in (
        (Action.PASS.order, Action.PASS.order), (Action.SHOT.order, Action.CROSS.order),
        (Action.OUT.order, 12), (12, Action.GOAL.order),
    ):  # fmt: skip
        expected[row, column] = 1
    assert np.array_equal(matrix, expected)
