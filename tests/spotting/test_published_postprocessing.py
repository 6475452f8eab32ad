"""Post-processing of published models: small cases by hand, and the authors' results."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from onball.config import InferenceConfig, SuppressionConfig
from onball.spotting.decoding import detect_events
from onball.spotting.engine import ScoredFrames
from onball.spotting.published import (
    Peak,
    PublishedPeaks,
    average_clips,
    hard_nms,
    keep_highest,
    move_scores,
    smoothed_peaks,
    soft_nms,
)

VARIABLE = "ONBALL_PUBLISHED_VECTORS"


def column(*scores: float) -> np.ndarray:
    return np.array(scores, np.float64)[:, None]


def test_scores_move_to_their_event_and_the_highest_counts():
    scores = np.array([[0.1, 0.4], [0.3, 0.2], [0.5, 0.1]], np.float32)
    moved = move_scores(scores, np.array([1.4, 0.0, 7.0]))
    assert moved.tolist() == np.array([[0, 0], [0.3, 0.4], [0.5, 0.1]], np.float32).tolist()


def test_clips_are_averaged_over_those_with_a_score():
    clips = np.array([[[9], [2], [4]], [[6], [0], [8]], [[3], [3], [5]]], np.float32)
    mean = average_clips(clips, [-1, 0, 3], 5)
    # The middle row of the second clip is 0 and does not count; two rows are outside the video.
    assert mean[:, 0].tolist() == [4, 4, 8, 3, 3]


def test_soft_suppression_lowers_scores_by_their_squared_distance():
    scores = column(0.0, 0.8, 0.4, 0.0, 0.0, 0.6)
    # A quarter of the window from the event at frame 1, then three quarters from that at frame 5.
    lowered = 0.4 / 16 * 9 / 16
    peaks = soft_nms(scores, 4, 0.01)
    assert peaks == [Peak(1, 0, 0.8), Peak(2, 0, pytest.approx(lowered)), Peak(5, 0, 0.6)]
    assert [p.frame for p in soft_nms(scores, 4, 0.02)] == [1, 5]


def test_columns_of_a_group_suppress_each_other():
    scores = np.array([[0.9, 0.5], [0.0, 0.0], [0.0, 0.4]])
    assert len(soft_nms(scores, 2, 0.1)) == 3
    assert soft_nms(scores, 2, 0.1, groups=[0, 0]) == [Peak(0, 0, 0.9), Peak(2, 1, 0.4)]


def test_greedy_suppression_keeps_what_is_beyond_the_window():
    scores = column(0.5, 0.9, 0.6, 0.3, 0.2)
    assert [p.frame for p in hard_nms(scores, 1, 0.1)] == [1, 3]
    # Frame 3 is near frame 2, which is higher although it is dropped.
    assert [p.frame for p in keep_highest(scores, 1, 0.1)] == [1]


def test_smoothed_peaks_are_apart_and_keep_the_higher_one():
    scores = np.zeros((60, 1))
    scores[[20, 28, 45], 0] = 1.0, 0.9, 0.8
    peaks = smoothed_peaks(scores, 1.0, 0.2, 15)
    assert [p.frame for p in peaks] == [20, 45]
    assert peaks[0].score == pytest.approx(0.398942, abs=1e-4)
    assert [p.frame for p in smoothed_peaks(scores, 1.0, 0.2, 8)] == [20, 28, 45]


@pytest.mark.parametrize("smooth", [1, 15])
@pytest.mark.parametrize(
    ("method", "whole"),
    [
        ("soft_nms", lambda scores, groups: soft_nms(scores, 6, 0.01, groups)),
        ("hard_nms", lambda scores, _: hard_nms(scores, 6, 0.01)),
        ("keep_highest", lambda scores, _: keep_highest(scores, 6, 0.01)),
        ("smoothed_peaks", lambda scores, _: smoothed_peaks(scores, 2.0, 0.01, 7)),
    ],
)
def test_events_found_in_a_stream_are_those_of_the_whole(method, whole, smooth):
    random = np.random.default_rng(5)
    scores = random.uniform(0, 1, (400, 4)) ** 4
    kernel = np.hanning(smooth + 2)[1:-1]
    scores = np.stack(
        [np.convolve(column, kernel / kernel.sum(), "same") for column in scores.T], 1
    )
    groups = [0, 1, 0, 1] if method == "soft_nms" else [0, 1, 2, 3]
    config = SuppressionConfig(method=method, window=6, sigma=2.0)
    stream = PublishedPeaks(config, 0.01, groups)
    pieces = [stream.push(piece) for piece in np.split(scores, [1, 30, 31, 100, 250, 250, 390])]
    pieces.append(stream.finish())
    found, expected = [peak for piece in pieces for peak in piece], whole(scores, groups)
    assert len(expected) > 50
    assert [peak[:2] for peak in found] == [peak[:2] for peak in expected]
    assert np.allclose([p.score for p in found], [p.score for p in expected], atol=1e-12)
    if method in ("soft_nms", "hard_nms"):
        assert all(pieces[index] for index in (3, 4, 7))


@pytest.mark.parametrize("cuts", [[], [1, 2, 3, 40, 79], [40]])
def test_margins_of_a_video_have_no_events_and_no_part_in_the_smoothing(cuts):
    scores = np.random.default_rng(2).uniform(0, 1, (80, 12)).astype(np.float32)
    times = np.arange(80) * 40
    config = InferenceConfig(
        suppression={"method": "smoothed_peaks", "window": 4, "sigma": 1.0, "margin": 10},
        threshold=0.2,
    )

    def events(begin: int) -> list[tuple[int, int, float]]:
        parts = zip(np.split(scores[begin:], cuts), np.split(times[begin:], cuts), strict=True)
        scored = (ScoredFrames(*part) for part in parts if len(part[1]))
        return [
            (event.position_ms // 40, event.label.order, event.confidence)
            for event in detect_events(scored, config, 0, 0.2)
        ]

    peaks = smoothed_peaks(scores[10:70], 1.0, 0.2, 5)
    expected = [(10 + peak.frame, peak.label, peak.score) for peak in peaks]
    assert np.allclose(events(0), expected)
    # What begins later is a part of a video: only its end has a margin.
    assert min(events(5))[0] < 10 and max(events(5))[0] < 70


def test_a_video_within_its_margins_has_no_events():
    scored = [ScoredFrames(np.ones((15, 12), np.float32), np.arange(15) * 40)]
    config = InferenceConfig(
        suppression={"method": "smoothed_peaks", "window": 4, "margin": 10}, threshold=0.2
    )
    assert list(detect_events(scored, config, 0, 0.2)) == []


@pytest.fixture(scope="module")
def vectors():
    folder = os.environ.get(VARIABLE)
    if not folder:
        pytest.skip(f"{VARIABLE} is not set: it names the folder of the reference vectors")
    return lambda name: dict(np.load(Path(folder) / name / "vectors.npz"))


def check(peaks: list[Peak], expected: np.ndarray, first_label: int = 1) -> None:
    found = np.array([(p.frame, p.label + first_label, p.score) for p in peaks])
    assert found.shape == expected.shape
    assert np.array_equal(found[:, :2], expected[:, :2])
    assert np.abs(found[:, 2] - expected[:, 2]).max() < 1e-6


def test_events_are_those_of_adaspots_authors(vectors):
    given = vectors("adaspot_soccernetball_small")
    frames = int(given["post_num_frames"]) // int(given["post_stride"])
    mean = average_clips(given["post_clips"], given["post_starts"].tolist(), frames)
    assert np.abs(mean - given["post_average"]).max() < 1e-6
    check(soft_nms(mean[:, 1:], 12, 0.01), given["post_softnms_12_001_frame_class_score"])
    check(hard_nms(mean[:, 1:], 6, 0.01), given["post_nms_6_001_frame_class_score"])


def test_events_are_those_of_the_other_authors(vectors):
    given = vectors("e2espot_soccer_rny002")
    peaks = keep_highest(given["post_scores"][:, 1:], 2, 0.01)
    check(peaks, given["post_nms_2_001_frame_class_score"])
    given = vectors("snteamspotting_baseline")
    peaks = soft_nms(given["post_scores"][:, 1:], 12, 0.01, [label // 2 for label in range(24)])
    check(peaks, given["post_softnms_12_001_frame_class_score"])
    given = vectors("lromul_2023_final")
    expected = given["post_events_frame_class_confidence"] - [int(given["post_first_frame"]), 0, 0]
    check(smoothed_peaks(given["post_probabilities"], 3.0, 0.2, 15), expected, first_label=0)


@pytest.mark.parametrize(
    "name",
    [
        "tdeed_soccernetball_challenge1",
        "tdeed_soccernetball_challenge2",
        "snteamspotting_baseline",
    ],
)
def test_moved_scores_are_those_of_t_deeds_authors(vectors, name):
    given = vectors(name)
    logits = given["logits"][0, :, :13].astype(np.float64)
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    moved = move_scores(scores, -given["displacement"][0])
    assert np.abs(moved - given["scores"][0]).max() < 1e-6
