"""Track features: known motions give known values; unknown values are NaN."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from onball.tracking.features import as_inputs, feature_names, mirrored_signs, track_features
from onball.tracks import BALL, GOAL, PERSON, TrackedVideo, Tracks

W, H = 400, 224
NAMES = feature_names("full")


def tracks_of(ball, people, fps=12.5, cuts=(), missing=()):
    """Tracks of a ball and people; `ball(t)` and `people(t)` give centres at t seconds."""
    rows = []
    times = np.round(np.arange(0, 4000, 1000 / fps)).astype(int)
    for time in times:
        for number, (x, y) in enumerate(people(time / 1000)):
            rows.append((time, number, PERSON, x - 3, y - 8, x + 3, y + 8))
        if ball is not None and not any(a <= time < b for a, b in missing):
            x, y = ball(time / 1000)
            rows.append((time, 99, BALL, x - 1, y - 1, x + 1, y + 1))
    table = np.array(rows, float).reshape(-1, 7)
    return Tracks(
        table[:, 0].astype(np.int64),
        table[:, 1].astype(np.int64),
        table[:, 2].astype(np.uint8),
        table[:, 3:].astype(np.float32),
        np.ones(len(table), np.float32),
        TrackedVideo(W, H, 4000, fps, cuts),
    )


def standing(t):
    return [(100, 100), (150, 60), (220, 120), (300, 180), (350, 90)]


def at(tracks, name, fps=12.5, which="full"):
    times = np.round(np.arange(0, 4000, 1000 / fps)).astype(np.int64)
    return track_features(tracks, times, which)[:, feature_names(which).index(name)]


def test_the_features_of_the_study_are_mean_position_ball_and_people():
    features = track_features(tracks_of(lambda t: (50, 50), standing), np.array([0]), "study")[0]
    x, y = np.mean(standing(0), axis=0)
    assert features == pytest.approx([x / W - 0.5, y / H - 0.5, 1, 0.5], abs=1e-5)


def test_the_study_features_ignore_weak_detections():
    tracks = tracks_of(lambda t: (50, 50), standing)
    weak = replace(tracks, scores=np.where(tracks.kinds == BALL, 0.4, 0.9).astype(np.float32))
    assert (at(weak, "ball_seen", which="study") == 0).all()
    assert (at(weak, "ball_seen") == 1).all()


def test_the_velocity_of_the_ball_is_relative_to_the_camera():
    def pan(t):  # the camera pans right by 40 pixels a second: everything moves left
        return [(x - 40 * t, y) for x, y in standing(t)]

    tracks = tracks_of(lambda t: (120 + 20 * t, 100), pan)
    assert at(tracks, "camera_velocity_x")[5:-5] == pytest.approx(-40 / W * 4, abs=1e-3)
    assert at(tracks, "ball_velocity_x")[5:-5] == pytest.approx(60 / W * 3, abs=1e-3)
    assert at(tracks, "ball_speed")[5:-5] == pytest.approx(60 / W * 3, abs=1e-3)
    assert at(tracks, "ball_acceleration")[5:-5] == pytest.approx(0, abs=1e-3)


def test_the_acceleration_peaks_at_a_kick():
    tracks = tracks_of(lambda t: (100 + 50 * max(0, t - 2), 108), standing)
    kick = at(tracks, "ball_acceleration")
    assert abs(int(kick.argmax()) - 25) <= 1
    assert kick[:20].max() < 0.05 * kick.max()


@pytest.mark.parametrize("rate", [6.25, 25.0, 50.0])
def test_features_do_not_depend_on_the_frame_rate_of_the_tracks(rate):
    def ball(t):
        return 100 + 30 * t, 100 + 10 * t

    speed = at(tracks_of(ball, standing, fps=rate), "ball_speed")
    assert np.nanmedian(speed) == pytest.approx(np.hypot(30, 10) / W * 3, rel=0.1)


def test_a_short_gap_of_the_ball_is_interpolated_and_flagged():
    tracks = tracks_of(lambda t: (100 + 30 * t, 100), standing, missing=[(1000, 1700)])
    seen = at(tracks, "ball_seen")
    assert seen[11] == 1 and (seen[13:21] == 0).all()
    assert np.isfinite(at(tracks, "ball_x")).all()
    since, until = at(tracks, "ball_unseen_for"), at(tracks, "ball_unseen_until")
    assert since[15] == pytest.approx(1.2 - 0.96, abs=0.01)
    assert until[15] == pytest.approx(1.76 - 1.2, abs=0.1)


def test_a_long_gap_is_unknown_and_not_zero():
    tracks = tracks_of(lambda t: (100, 100), standing, missing=[(1000, 2600)])
    for name in ("ball_x", "ball_speed", "near1_distance", "nearest_lead"):
        assert np.isnan(at(tracks, name)[14:32]).all(), name
    assert at(tracks, "people")[20] == pytest.approx(0.5)


def test_neither_interpolation_nor_velocity_crosses_a_cut():
    def ball(t):
        return (100, 100) if t < 2 else (300, 60)

    def people(t):
        return standing(t) if t < 2 else [(x / 2 + 20, y) for x, y in standing(t)]

    tracks = tracks_of(ball, people, cuts=(2000,))
    assert np.nanmax(at(tracks, "ball_speed")) == pytest.approx(0, abs=1e-6)
    assert np.flatnonzero(at(tracks, "cut")).tolist() == [25]
    assert at(tracks, "shot_age")[25] == 0
    inferred = tracks_of(
        ball, lambda t: standing(t) if t < 2 else [(x - 90, y) for x, y in standing(t)]
    )
    assert np.flatnonzero(at(inferred, "cut")).tolist() == [25]


def test_the_offset_of_the_nearest_person_is_in_their_heights():
    tracks = tracks_of(lambda t: (108, 100), standing)  # 8 px right of and 8 px above the feet
    assert at(tracks, "near1_offset_x")[10] == pytest.approx(0.5 * 8 / 16, abs=1e-4)
    assert at(tracks, "near1_offset_y")[10] == pytest.approx(0.5 * -8 / 16, abs=1e-4)


def test_a_change_of_the_nearest_person_is_flagged():
    tracks = tracks_of(lambda t: (100, 108) if t < 2 else (220, 128), standing)
    assert np.flatnonzero(at(tracks, "nearest_changed") == 1).tolist() == [25]


@pytest.mark.parametrize("which", ["study", "full", "ball"])
def test_a_mirrored_frame_changes_only_signs(which):
    rng = np.random.default_rng(0)
    steps = rng.normal(0, 4, (60, 6, 2)).cumsum(axis=0)

    def place(number, t):
        return (
            np.array([200, 112]) + 30 * number * np.array([1, 0.4]) + steps[round(t * 12.5), number]
        )

    tracks = tracks_of(lambda t: place(5, t), lambda t: [place(n, t) for n in range(-2, 3)])
    boxes = tracks.boxes.copy()
    boxes[:, [0, 2]] = W - boxes[:, [2, 0]]
    times = np.arange(0, 4000, 80)
    one = track_features(tracks, times, which)
    other = track_features(replace(tracks, boxes=boxes), times, which)
    turned = as_inputs(one) * mirrored_signs(which)
    assert np.allclose(turned, as_inputs(other), atol=1e-3)


def kicked(t):
    """A ball that is at rest for two seconds, then flies."""
    return 150 + max(t - 2, 0) * 40, 70


def with_goal(tracks, box):
    times = np.unique(tracks.time_ms)
    order = np.argsort(np.r_[tracks.time_ms, times], kind="stable")
    goals = (
        times, np.full(len(times), 1000), np.full(len(times), GOAL, np.uint8),
        np.tile(np.array(box, np.float32), (len(times), 1)), np.ones(len(times), np.float32),
    )  # fmt: skip
    columns = ("time_ms", "track_ids", "kinds", "boxes", "scores")
    joined = (
        np.concatenate([getattr(tracks, name), new])[order]
        for name, new in zip(columns, goals, strict=True)
    )
    return Tracks(*joined, tracks.video)


def test_the_turn_of_the_ball_peaks_at_a_kick_in_heights_per_second():
    turn = at(tracks_of(kicked, standing), "turn", which="ball")
    assert np.nanargmax(turn) == 25  # two seconds at 12.5 frames per second
    assert np.nanmax(turn) == pytest.approx(0.12 * 40 / 16, rel=0.02)  # people are 16 pixels tall


def test_the_ball_set_does_not_depend_on_the_zoom():
    tracks = with_goal(tracks_of(kicked, standing), [300, 40, 340, 70])
    half = replace(tracks, boxes=tracks.boxes / 2 + np.tile([W / 4, H / 4], 2).astype(np.float32))
    names = feature_names("ball")
    zoomed = {"ball_x", "ball_y", "person_height", "goal_x"}
    rows = [index for index, name in enumerate(names) if name not in zoomed]
    times = np.arange(0, 4000, 80)
    one, other = (track_features(each, times, "ball")[:, rows] for each in (tracks, half))
    assert np.allclose(one, other, atol=2e-3, equal_nan=True)


def test_a_goal_is_a_place_and_no_person():
    tracks = tracks_of(kicked, standing)
    goal = with_goal(tracks, [170, 50, 220, 80])
    assert np.array_equal(at(goal, "people", which="ball"), at(tracks, "people", which="ball"))
    assert np.isnan(at(tracks, "goal_offset_x", which="ball")).all()
    assert at(goal, "goal_offset_x", which="ball")[0] == pytest.approx(0.15 * 45 / 16, rel=0.01)
    inside = at(goal, "ball_in_goal", which="ball")
    assert inside[:26].max() == 0 and inside[32:37].min() == 1
    assert (at(goal, "speed_to_goal", which="ball")[26:30] > 0.1).all()


def test_the_ball_with_the_longest_track_is_selected():
    tracks = tracks_of(lambda t: (100, 100), standing)
    times = np.unique(tracks.time_ms)
    false = Tracks(
        times,
        np.arange(1000, 1000 + len(times)),  # each frame another track
        np.full(len(times), BALL, np.uint8),
        np.tile(np.array([[300, 50, 302, 52]], np.float32), (len(times), 1)),
        np.full(len(times), 1.0, np.float32),
        tracks.video,
    )
    order = np.argsort(np.concatenate([tracks.time_ms, false.time_ms]), kind="stable")
    both = Tracks(
        *(
            np.concatenate([getattr(tracks, name), getattr(false, name)])[order]
            for name in ("time_ms", "track_ids", "kinds", "boxes", "scores")
        ),
        tracks.video,
    )
    assert np.allclose(at(both, "ball_x"), at(tracks, "ball_x"), equal_nan=True)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("which", ["study", "full", "ball"])
def test_empty_tracks_have_features(which):
    nothing = tracks_of(None, lambda t: [])
    times = np.arange(0, 6000, 80)
    features = track_features(nothing, times, which)
    assert features.shape == (len(times), len(feature_names(which)))
    assert (features[:40, feature_names(which).index("people")] == 0).all()
    assert np.isnan(features[-1]).all()  # beyond the video all features are unknown
    only_ball = tracks_of(lambda t: (50, 50), lambda t: [])
    assert np.isnan(track_features(only_ball, times, "full")[:40, NAMES.index("people_x")]).all()
    assert track_features(only_ball, times[:1], which).shape[0] == 1
    assert track_features(only_ball, times[:0], which).shape[0] == 0


def test_inputs_are_values_and_flags_of_known_ones():
    inputs = as_inputs(np.array([[0.5, np.nan]], np.float32))
    assert inputs.tolist() == [[0.5, 0.0, 1.0, 0.0]]
