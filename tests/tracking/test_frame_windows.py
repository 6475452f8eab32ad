"""Windows around players and ball: never without the ball, smooth, of the picture's aspect."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from onball.config import FrameCropConfig
from onball.tracking.crop import crop_windows
from onball.tracks import BALL, PERSON, TrackedVideo, Tracks
from onball.video import VideoWriter, read_frames
from onball.video.windows import read_windows

W, H = 400, 224
TIMES = np.arange(0, 8000, 80, dtype=np.int64)


def wandering(seed=0, cuts=(), ball_seen=0.7):
    """Ten people about a ball that wanders through the picture and is not always seen."""
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
def test_a_ball_in_sight_is_never_cut_off(seed):
    tracks = wandering(seed)
    windows = crop_windows(tracks, TIMES, FrameCropConfig(least_scale=0.3))
    balls = tracks.where(tracks.kinds == BALL)
    own = windows[np.searchsorted(TIMES, balls.time_ms)]
    shares = balls.boxes / [W, H, W, H]
    assert (shares[:, :2] >= own[:, :2] - 1e-6).all() and (shares[:, 2:] <= own[:, 2:] + 1e-6).all()


@pytest.mark.parametrize("seed", range(3))
def test_windows_have_the_pictures_aspect_and_lie_within_it(seed):
    windows = crop_windows(wandering(seed), TIMES, FrameCropConfig())
    size = windows[:, 2:] - windows[:, :2]
    assert np.allclose(size[:, 0], size[:, 1], atol=1e-5)
    assert windows.min() >= 0 and windows.max() <= 1
    assert size.min() >= 0.45 - 1e-5


def test_windows_move_smoothly_and_jump_at_a_cut():
    tracks = wandering(1)
    left = tracks.time_ms < 4000
    boxes = tracks.boxes.copy()
    boxes[:, [0, 2]] = np.where(
        left[:, None], 20 + boxes[:, [0, 2]] * 0.3, 260 + boxes[:, [0, 2]] * 0.3
    )
    tracks = replace(tracks, boxes=boxes, video=replace(tracks.video, cuts_ms=(4000,)))
    windows = crop_windows(tracks, TIMES, FrameCropConfig())
    moves = np.abs(np.diff((windows[:, :2] + windows[:, 2:]) / 2, axis=0)).max(axis=1)
    assert moves[49] > 0.2
    assert np.delete(moves, 49).max() < 0.1


def test_without_a_ball_the_people_are_shown_and_without_people_everything():
    tracks = wandering(0, ball_seen=0.0)
    boxes = tracks.boxes * np.float32(0.3)
    windows = crop_windows(replace(tracks, boxes=boxes), TIMES, FrameCropConfig())
    assert ((windows[:, 0] + windows[:, 2]) / 2).max() < 0.4
    nobody = tracks.where(np.zeros(len(tracks), bool))
    assert np.allclose(crop_windows(nobody, TIMES, FrameCropConfig()), [0, 0, 1, 1], atol=1e-5)
    assert crop_windows(nobody, TIMES[:0], FrameCropConfig()).shape == (0, 4)


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """2 s with a red square that moves right over a smooth ground."""
    path = tmp_path_factory.mktemp("films") / "film.mp4"
    ground = np.stack(np.meshgrid(np.linspace(0, 90, 160), np.linspace(0, 90, 96)), -1).mean(-1)
    with VideoWriter(path, (160, 96), 25, crf=5) as writer:
        for index in range(50):
            picture = np.repeat(ground[..., None], 3, axis=2).astype(np.uint8)
            picture[40:56, 20 + 2 * index : 36 + 2 * index] = [230, 20, 20]
            writer.write(picture)
    return path


def read(batches):
    parts = list(batches)
    return np.concatenate([p.frames for p in parts]), np.concatenate([p.pts_ms for p in parts])


def test_the_whole_picture_as_window_is_what_read_frames_gives(film):
    whole = read(read_frames(film, 12.5, (80, 48)))
    cut = read(read_windows(film, 12.5, (80, 48), lambda t: np.tile([0.0, 0, 1, 1], (len(t), 1))))
    assert cut[1].tolist() == whole[1].tolist()
    # Red is stored at half the resolution: scaling before and after its colours are made differs.
    assert np.abs(cut[0].astype(int) - whole[0]).mean() < 1.5


def test_a_window_that_follows_keeps_the_marker_in_its_middle(film):
    def windows(times):
        x = (28 + 2 * times / 40) / 160
        return np.stack([x - 0.1, 0 * x + 0.4, x + 0.1, 0 * x + 0.6], axis=1)

    frames, _ = read(read_windows(film, 12.5, (40, 24), windows, start_ms=80, end_ms=1500))
    red = (frames[..., 0] > 150) & (frames[..., 1] < 90)
    for frame in red:
        y, x = np.nonzero(frame)
        assert abs(x.mean() - 19.5) < 2 and abs(y.mean() - 11.5) < 2
        assert 14 <= np.ptp(x) <= 24  # 16 of 32 source pixels, on 40
