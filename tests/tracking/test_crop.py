"""Windows around players and ball: smooth, with the frame's aspect ratio, around the ball, and stable
against false balls.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from onball.config import BallCropConfig
from onball.tracking.crop import crop_windows
from onball.tracks import BALL, PERSON, UNTRACKED, TrackedVideo, Tracks

W, H = 400, 224
TIMES = np.arange(0, 8000, 80, dtype=np.int64)
STEADY = (120.0, 110.0)
FAR = (385.0, 12.0)


def match(places, cuts=()):
    """Ten people on the left; a ball at `places[i]`, x and y in pixels, or not seen (None)."""
    rows = []
    for time, place in zip(TIMES, places, strict=True):
        for number in range(10):
            x = 80 + 10 * number
            rows.append((time, number, PERSON, x - 3, 100, x + 3, 116))
        if place is not None:
            x, y = place
            rows.append((time, UNTRACKED, BALL, x - 1.5, y - 1.5, x + 1.5, y + 1.5))
    table = np.array(rows)
    return Tracks(
        table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), table[:, 2].astype(np.uint8),
        table[:, 3:].astype(np.float32), np.full(len(table), 0.5, np.float32),
        TrackedVideo(W, H, 8000, 12.5, cuts),
    )  # fmt: skip


def windows_of(places, cuts=()):
    return crop_windows(match(places, cuts), TIMES, BallCropConfig())


def moves(windows):
    return np.abs(np.diff((windows[:, :2] + windows[:, 2:]) / 2, axis=0)).max(axis=1)


def holds(windows, place):
    x, y = place[0] / W, place[1] / H
    return (windows[:, 0] <= x) & (x <= windows[:, 2]) & (windows[:, 1] <= y) & (y <= windows[:, 3])


@pytest.mark.parametrize("length", [1, 3])
@pytest.mark.parametrize("every", [10, 20])
def test_occasional_false_balls_do_not_move_the_window(length, every):
    places = [FAR if index % every < length else STEADY for index in range(len(TIMES))]
    windows = windows_of(places)
    assert moves(windows).max() < 0.005
    assert holds(windows, STEADY).all()


def test_a_false_ball_at_the_first_and_the_last_frame_is_dropped_too():
    places = [STEADY] * len(TIMES)
    places[0] = places[-1] = FAR
    assert moves(windows_of(places)).max() < 0.005


def test_a_ball_that_stays_at_a_new_position_is_followed_within_a_second():
    """No ball can move that far between two frames: the first boxes there are taken for false ones."""
    places = [STEADY] * 50 + [FAR] * 50
    windows = windows_of(places)
    assert holds(windows[:40], STEADY).all() and holds(windows[62:], FAR).all()


def test_a_ball_seen_in_a_single_frame_is_kept():
    places = [None] * len(TIMES)
    places[50] = FAR
    assert holds(windows_of(places)[50:51], FAR).all()


def test_a_ball_seen_briefly_after_a_cut_is_kept():
    places = [STEADY] * 50 + [FAR] * 2 + [None] * 48
    assert holds(windows_of(places, cuts=(4000,))[50:52], FAR).all()


def test_a_hard_shot_is_followed():
    """The ball crosses the frame's width within a second."""
    x = np.r_[np.full(44, 20.0), np.linspace(20, 380, 13), np.full(43, 380.0)]
    places = [(float(at), 112.0) for at in x]
    windows = windows_of(places)
    for window, place in zip(windows, places, strict=True):
        assert holds(window[None], place).all()


def random_match(seed=0, cuts=(), ball_seen=0.7):
    """Ten people around a ball that moves randomly and is not always seen."""
    rng = np.random.default_rng(seed)
    count = len(TIMES)
    ball = np.cumsum(rng.normal(0, 6, (count, 2)), axis=0) + [200, 112]
    ball = np.abs((ball - 2) % (2 * np.array([W - 4, H - 4])) - [W - 4, H - 4]) + 2
    people = ball[:, None] + rng.normal(0, 60, (1, 10, 2))
    rows = []
    for index, time in enumerate(TIMES):
        for number, place in enumerate(people[index].clip([5, 9], [W - 5, H - 9])):
            rows.append((time, number, PERSON, *(place - [4, 8]), *(place + [4, 8])))
        if rng.random() < ball_seen:
            rows.append((time, 50, BALL, *(ball[index] - 1.5), *(ball[index] + 1.5)))
    table = np.array(rows)
    return Tracks(
        table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), table[:, 2].astype(np.uint8),
        table[:, 3:].astype(np.float32), np.ones(len(table), np.float32),
        TrackedVideo(W, H, 8000, 12.5, cuts),
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
def test_a_visible_ball_is_always_within_the_window(seed):
    tracks = random_match(seed)
    windows = crop_windows(tracks, TIMES, BallCropConfig(least_scale=0.3))
    balls = tracks.where(tracks.kinds == BALL)
    own = windows[np.searchsorted(TIMES, balls.time_ms)]
    fractions = balls.boxes / [W, H, W, H]
    assert (fractions[:, :2] >= own[:, :2] - 1e-6).all() and (
        fractions[:, 2:] <= own[:, 2:] + 1e-6
    ).all()


@pytest.mark.parametrize("seed", range(3))
def test_windows_have_the_aspect_ratio_of_the_frame_and_lie_within_it(seed):
    windows = crop_windows(random_match(seed), TIMES, BallCropConfig())
    size = windows[:, 2:] - windows[:, :2]
    assert np.allclose(size[:, 0], size[:, 1], atol=1e-5)
    assert windows.min() >= 0 and windows.max() <= 1
    assert size.min() >= 0.45 - 1e-5


def test_windows_move_smoothly_and_jump_at_a_cut():
    tracks = random_match(1)
    left = tracks.time_ms < 4000
    boxes = tracks.boxes.copy()
    boxes[:, [0, 2]] = np.where(
        left[:, None], 20 + boxes[:, [0, 2]] * 0.3, 260 + boxes[:, [0, 2]] * 0.3
    )
    tracks = replace(tracks, boxes=boxes, video=replace(tracks.video, cuts_ms=(4000,)))
    windows = crop_windows(tracks, TIMES, BallCropConfig())
    moves = np.abs(np.diff((windows[:, :2] + windows[:, 2:]) / 2, axis=0)).max(axis=1)
    assert moves[49] > 0.2
    assert np.delete(moves, 49).max() < 0.1


def test_without_a_ball_the_people_are_shown_and_without_people_everything():
    tracks = random_match(0, ball_seen=0.0)
    boxes = tracks.boxes * np.float32(0.3)
    windows = crop_windows(replace(tracks, boxes=boxes), TIMES, BallCropConfig())
    assert ((windows[:, 0] + windows[:, 2]) / 2).max() < 0.4
    nobody = tracks.where(np.zeros(len(tracks), bool))
    assert np.allclose(crop_windows(nobody, TIMES, BallCropConfig()), [0, 0, 1, 1], atol=1e-5)
    assert crop_windows(nobody, TIMES[:0], BallCropConfig()).shape == (0, 4)
