"""Peaks of dense scores: the events of a whole video and of a stream are the same."""

from __future__ import annotations

import numpy as np
import pytest

from onball.actions import ACTIONS, NUM_ACTIONS, Action
from onball.config import InferenceConfig
from onball.events import Event, Team
from onball.spotting.decoding import PeakFinder, detect_events
from onball.spotting.engine import ScoredFrames

STEP_MS = 80


def dense(length: int, **scores: dict[int, float]) -> tuple[np.ndarray, np.ndarray]:
    """Scores that are zero except for the given action → {frame: score}."""
    probabilities = np.zeros((length, NUM_ACTIONS), np.float32)
    for name, values in scores.items():
        for frame, score in values.items():
            probabilities[frame, Action[name].order] = score
    return probabilities, np.arange(length) * STEP_MS


def find_peaks(
    scores: np.ndarray,
    times: np.ndarray,
    *,
    nms_window_ms: int,
    threshold: float,
    left: np.ndarray | None = None,
) -> list[Event]:
    """Events of a whole video, found at once."""
    finder = PeakFinder(nms_window_ms=nms_window_ms, threshold=threshold)
    return finder.push(scores, times, left) + finder.finish()


def greedy(probabilities: np.ndarray, times: np.ndarray, window: int, threshold: float):
    """Greedy non-maximum suppression by its definition, on all frames at once."""
    padded = np.pad(probabilities.astype(float), ((1, 1), (0, 0)), constant_values=-np.inf)
    events = []
    for index, action in enumerate(ACTIONS):
        column = padded[:, index]
        left = [
            (score, int(times[t]))
            for t, score in enumerate(column[1:-1])
            if score >= threshold and score > column[t] and score >= column[t + 2]
        ]
        while left:
            score, time = max(left, key=lambda item: (item[0], -item[1]))
            events.append(Event(time, action, score))
            left = [item for item in left if abs(item[1] - time) >= window]
    return sorted(events, key=lambda event: (event.position_ms, event.label.order))


def test_a_single_peak_is_one_event_at_its_frame():
    scores, times = dense(20, SHOT={9: 0.4, 10: 0.9, 11: 0.3})
    events = find_peaks(scores, times, nms_window_ms=1000, threshold=0.1)
    assert [(e.position_ms, e.label) for e in events] == [(800, Action.SHOT)]
    assert events[0].confidence == pytest.approx(0.9)


@pytest.mark.parametrize("weaker", [10, 30])
def test_suppression_is_symmetric_before_and_after_the_stronger_peak(weaker):
    scores, times = dense(41, PASS={20: 0.9, weaker: 0.5})
    window = 10 * STEP_MS
    apart = find_peaks(scores, times, nms_window_ms=window, threshold=0.1)
    close = find_peaks(scores, times, nms_window_ms=window + 1, threshold=0.1)
    assert [event.position_ms for event in apart] == sorted([20 * STEP_MS, weaker * STEP_MS])
    assert [event.position_ms for event in close] == [20 * STEP_MS]


def test_one_action_does_not_suppress_another():
    scores, times = dense(20, PASS={10: 0.9}, DRIVE={11: 0.2})
    labels = [e.label for e in find_peaks(scores, times, nms_window_ms=2000, threshold=0.1)]
    assert labels == [Action.PASS, Action.DRIVE]


def test_peaks_on_the_first_and_the_last_frame_count():
    scores, times = dense(20, OUT={0: 0.6, 19: 0.7})
    positions = [e.position_ms for e in find_peaks(scores, times, nms_window_ms=500, threshold=0.1)]
    assert positions == [0, 19 * STEP_MS]


def test_a_plateau_is_one_event():
    scores, times = dense(20, PASS={8: 0.5, 9: 0.5, 10: 0.5})
    events = find_peaks(scores, times, nms_window_ms=80, threshold=0.1)
    assert [event.position_ms for event in events] == [8 * STEP_MS]


def test_no_frames_give_no_events():
    empty = np.zeros((0, NUM_ACTIONS), np.float32)
    assert find_peaks(empty, np.zeros(0, np.int64), nms_window_ms=1000, threshold=0.1) == []


@pytest.mark.parametrize("seed", range(20))
def test_whole_and_stream_agree_with_the_definition(seed):
    rng = np.random.default_rng(seed)
    length = int(rng.integers(1, 400))
    # Few distinct values give ties and plateaus.
    scores = rng.integers(0, 12, (length, NUM_ACTIONS)).astype(np.float32) / 12
    times = np.cumsum(rng.integers(20, 120, length)) - 20
    window, threshold = int(rng.integers(1, 1500)), 0.3
    expected = greedy(scores, times, window, threshold)
    assert find_peaks(scores, times, nms_window_ms=window, threshold=threshold) == expected

    finder = PeakFinder(nms_window_ms=window, threshold=threshold)
    streamed = []
    start = 0
    while start < length:
        size = int(rng.integers(1, 40))
        streamed += finder.push(scores[start : start + size], times[start : start + size])
        start += size
    assert streamed + finder.finish() == expected


def test_a_stream_yields_an_event_soon_after_its_time():
    scores, times = dense(500, PASS={10: 0.9, 60: 0.8})
    finder = PeakFinder(nms_window_ms=1000, threshold=0.1)
    given_at = {}
    for frame in range(500):
        for event in finder.push(scores[frame : frame + 1], times[frame : frame + 1]):
            given_at[event.position_ms] = int(times[frame])
    assert set(given_at) == {800, 4800}
    assert all(now - time <= 1000 + 2 * STEP_MS for time, now in given_at.items())


def test_an_event_belongs_to_the_team_with_the_larger_part_at_its_frame():
    scores, times = dense(30, PASS={5: 0.8, 6: 0.7, 20: 0.6}, SHOT={10: 0.9})
    left = np.zeros_like(scores)
    left[5, Action.PASS.order], left[20, Action.PASS.order] = 0.5, 0.2
    left[6, Action.PASS.order] = 0.0  # neighbours do not count
    left[10, Action.SHOT.order] = 0.9
    events = find_peaks(scores, times, nms_window_ms=500, threshold=0.1, left=left)
    assert [(e.position_ms, e.team) for e in events] == [
        (5 * STEP_MS, Team.LEFT),
        (10 * STEP_MS, Team.LEFT),
        (20 * STEP_MS, Team.RIGHT),
    ]


def test_without_team_scores_the_team_is_unknown():
    scores, times = dense(20, SHOT={9: 0.4})
    events = find_peaks(scores, times, nms_window_ms=1000, threshold=0.1)
    assert [event.team for event in events] == [Team.UNKNOWN]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("size", [1, 2, 7])
def test_teams_are_the_same_however_the_stream_is_cut(seed, size):
    rng = np.random.default_rng(seed)
    scores = rng.random((60, NUM_ACTIONS), np.float32)
    left = scores * rng.random((60, NUM_ACTIONS), np.float32)
    times = np.arange(60) * STEP_MS
    whole = find_peaks(scores, times, nms_window_ms=400, threshold=0.3, left=left)
    finder = PeakFinder(nms_window_ms=400, threshold=0.3)
    streamed = []
    for start in range(0, 60, size):
        part = slice(start, start + size)
        streamed += finder.push(scores[part], times[part], left[part])
    assert streamed + finder.finish() == whole
    assert {event.team for event in whole} == {Team.LEFT, Team.RIGHT}
    for event in whole:
        frame, action = event.position_ms // STEP_MS, event.label.order
        assert (event.team is Team.LEFT) == (left[frame, action] > scores[frame, action] / 2)


def test_a_sum_of_both_teams_that_rounds_above_1_is_clipped():
    scores, times = dense(5, PASS={2: 1.0})
    scores[2, Action.PASS.order] = np.nextafter(np.float32(1), np.float32(2))
    (event,) = find_peaks(scores, times, nms_window_ms=80, threshold=0.1)
    assert event.confidence == 1.0


def test_scores_are_displaced_before_peaks_are_found():
    scores, times = dense(30, SHOT={8: 0.5, 9: 0.4, 14: 0.3})
    moves = np.zeros(30, np.float32)
    moves[[8, 9]], moves[14] = [3, 2], -3
    config = InferenceConfig(nms_window_ms=80)
    parts = [ScoredFrames(scores, times, None, moves)]
    (event,) = detect_events(parts, config, radius=4, threshold=0.1)
    assert (event.position_ms, event.confidence) == (11 * STEP_MS, pytest.approx(0.5))
    # Scores of a net without displacements are not moved.
    plain = [ScoredFrames(scores, times)]
    positions = [e.position_ms for e in detect_events(plain, config, radius=0, threshold=0.1)]
    assert positions == [8 * STEP_MS, 14 * STEP_MS]
