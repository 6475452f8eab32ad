"""Calibration and thresholds of decoded events, on streams of scores."""

from __future__ import annotations

import numpy as np
import pytest

from onball.actions import NUM_ACTIONS, Action
from onball.config import InferenceConfig
from onball.events import Event, EventList
from onball.spotting.decoding import (
    apply_calibration,
    confident_events,
    decode_events,
    detect_events,
    score_bound,
)
from onball.spotting.engine import ScoredFrames

#: Maps all scores into the upper half and back below.
BENT = ((0.0, 0.0), (0.2, 0.6), (0.8, 0.7), (1.0, 1.0))


def waves(frames: int) -> list[ScoredFrames]:
    random = np.random.default_rng(6)
    probabilities = (random.random((frames, NUM_ACTIONS)) ** 3).astype(np.float32)
    times = np.arange(frames, dtype=np.int64) * 80
    return [ScoredFrames(probabilities[i : i + 7], times[i : i + 7]) for i in range(0, frames, 7)]


def test_without_a_calibration_confidences_are_the_scores():
    config = InferenceConfig()
    for threshold in (0.01, 0.4):
        plain = list(detect_events(waves(300), config, 0, threshold))
        assert list(decode_events(waves(300), config, 0, threshold)) == plain
    assert list(decode_events(waves(300), config, 0)) == list(
        detect_events(waves(300), config, 0, config.threshold)
    )


def test_calibration_changes_confidences_but_neither_events_nor_their_order():
    config = InferenceConfig(calibration={Action.PASS: BENT}, threshold=0.1)
    plain = list(detect_events(waves(300), config, 0, 0.1))
    events = list(decode_events(waves(300), config, 0))
    assert [(e.position_ms, e.label) for e in events] == [(e.position_ms, e.label) for e in plain]
    for before, after in zip(plain, events, strict=True):
        if before.label is not Action.PASS:
            assert after == before
    passes = [e.label is Action.PASS for e in plain]
    scores, confidences = (
        np.array([e.confidence for e in some])[passes] for some in (plain, events)
    )
    assert (np.argsort(scores) == np.argsort(confidences)).all()
    assert not np.allclose(scores, confidences)


@pytest.mark.parametrize("threshold", [0.0, 0.003, 0.3, 0.6, 0.65, 1.0])
def test_a_given_threshold_applies_to_the_calibrated_confidence(threshold):
    config = InferenceConfig(calibration={Action.PASS: BENT})
    every = apply_calibration(detect_events(waves(300), config, 0, 0.0), config)
    expected = [event for event in every if event.confidence >= threshold]
    assert list(decode_events(waves(300), config, 0, threshold)) == expected


def test_no_score_below_the_bound_reaches_the_confidence():
    config = InferenceConfig(calibration={Action.PASS: BENT})
    assert score_bound(0.6, config) == pytest.approx(0.2)
    assert score_bound(0.65, InferenceConfig()) == 0.65


def test_events_are_yielded_as_soon_as_they_are_final():
    config = InferenceConfig(calibration={Action.PASS: BENT})
    read = 0

    def source():
        nonlocal read
        for part in waves(700):
            read += 1
            yield part

    next(decode_events(source(), config, 0))
    assert read < 20


def test_confident_events_reach_the_report_threshold_of_their_action():
    config = InferenceConfig(report_threshold=0.5, report_thresholds={Action.GOAL: 0.1})
    events = EventList.of(
        Event(position, action, confidence)
        for position, (action, confidence) in enumerate(
            [(Action.PASS, 0.4), (Action.PASS, 0.5), (Action.GOAL, 0.1), (Action.GOAL, 0.05)]
        )
    )
    assert [event.position_ms for event in confident_events(events, config)] == [1, 2]
