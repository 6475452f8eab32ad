"""`read_windows` compared with `read_frames`: times, rotation and detail."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numbered_videos import steady, write_video

from onball.errors import VideoError
from onball.video import FrameBatch, VideoWriter, read_frames
from onball.video.reading import read_windows


def whole(times):
    return np.tile(np.float32([0, 0, 1, 1]), (len(times), 1))


def joined(batches) -> FrameBatch:
    return FrameBatch(*(np.concatenate(parts) for parts in zip(*batches, strict=True)))


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_windows_are_of_the_upright_frame(tmp_path: Path, rotate):
    video = write_video(tmp_path / "video.mp4", steady(25, 1), rotate=rotate)
    expected = joined(read_frames(video, 12.5, (32, 40), threads=1))
    cut = joined(read_windows(video, 12.5, (32, 40), whole, threads=1))
    assert cut.frames.shape == expected.frames.shape
    assert np.abs(cut.frames.astype(int) - expected.frames).mean() < 1


@pytest.mark.parametrize("fps", [None, 10, 12.5, 40])
def test_start_end_and_batches_agree_with_read_frames(tmp_path: Path, fps):
    video = write_video(tmp_path / "video.mp4", steady(25, 2))
    part = {"start_ms": 420, "end_ms": 1300, "batch_frames": 7, "threads": 1}
    expected = list(read_frames(video, fps, (32, 24), **part))
    cut = list(read_windows(video, fps, (32, 24), whole, **part))
    assert [b.pts_ms.tolist() for b in cut] == [b.pts_ms.tolist() for b in expected]


def test_each_frame_has_the_window_of_its_time(tmp_path: Path):
    asked = []

    def windows(times):
        asked.extend(times.tolist())
        return whole(times)

    video = write_video(tmp_path / "video.mp4", steady(25, 2))
    cut = joined(read_windows(video, 12.5, (32, 24), windows, batch_frames=4, threads=1))
    assert asked == cut.pts_ms.tolist()


def test_a_window_has_detail_that_the_downscaled_frame_loses(tmp_path: Path):
    stripes = np.repeat(np.where(np.arange(256) // 2 % 2, 220, 30)[None, :], 128, axis=0)
    images = [np.repeat(stripes[:, :, None], 3, axis=2).astype(np.uint8)] * 10
    video = write_video(
        tmp_path / "video.mp4", steady(25, 0.4), size=(256, 128), frames=images,
        options={"crf": "5"},
    )  # fmt: skip
    quarter = np.float32([0.5, 0.5, 0.75, 0.75])
    cut = joined(
        read_windows(video, 12.5, (64, 32), lambda t: np.tile(quarter, (len(t), 1)), threads=1)
    )
    small = joined(read_frames(video, 12.5, (64, 32), threads=1))
    assert cut.frames.std() > 80  # every source pixel is a pixel
    assert small.frames.std() < 10  # each pixel is the mean of a dark and a light stripe


@pytest.mark.parametrize("corner", [(0.0, 0.0), (1.0, 1.0), (0.4, 0.9)])
def test_an_empty_window_is_one_pixel_within_the_frame(tmp_path: Path, corner):
    video = write_video(tmp_path / "video.mp4", steady(25, 0.4))
    window = np.float32([*corner, *corner])
    cut = joined(
        read_windows(video, 12.5, (5, 3), lambda t: np.tile(window, (len(t), 1)), threads=1)
    )
    assert cut.frames.shape[1:] == (3, 5, 3)
    assert (np.ptp(cut.frames.astype(int), axis=(1, 2)) == 0).all()


def test_invalid_window_settings_are_refused_at_once(tmp_path: Path):
    video = tmp_path / "none.mp4"
    with pytest.raises(ValueError, match="no pixels"):
        read_windows(video, 12.5, (0, 24), whole)
    with pytest.raises(ValueError, match="fps"):
        read_windows(video, 0, (32, 24), whole)
    with pytest.raises(VideoError):
        next(read_windows(video, 12.5, (32, 24), whole))


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """2 s with a red square that moves right over a smooth background."""
    path = tmp_path_factory.mktemp("numbered_videos") / "video.mp4"
    ground = np.stack(np.meshgrid(np.linspace(0, 90, 160), np.linspace(0, 90, 96)), -1).mean(-1)
    with VideoWriter(path, (160, 96), 25, crf=5) as writer:
        for index in range(50):
            image = np.repeat(ground[..., None], 3, axis=2).astype(np.uint8)
            image[40:56, 20 + 2 * index : 36 + 2 * index] = [230, 20, 20]
            writer.write(image)
    return path


def read(batches):
    parts = list(batches)
    return np.concatenate([p.frames for p in parts]), np.concatenate([p.pts_ms for p in parts])


def test_a_window_of_the_whole_frame_agrees_with_read_frames(video):
    whole = read(read_frames(video, 12.5, (80, 48)))
    cut = read(read_windows(video, 12.5, (80, 48), lambda t: np.tile([0.0, 0, 1, 1], (len(t), 1))))
    assert cut[1].tolist() == whole[1].tolist()
    # Red is stored at half the resolution: scaling before and after its colours are made differs.
    assert np.abs(cut[0].astype(int) - whole[0]).mean() < 1.5


def test_a_moving_window_keeps_the_marker_in_its_middle(video):
    def windows(times):
        x = (28 + 2 * times / 40) / 160
        return np.stack([x - 0.1, 0 * x + 0.4, x + 0.1, 0 * x + 0.6], axis=1)

    frames, _ = read(read_windows(video, 12.5, (40, 24), windows, start_ms=80, end_ms=1500))
    red = (frames[..., 0] > 150) & (frames[..., 1] < 90)
    for frame in red:
        y, x = np.nonzero(frame)
        assert abs(x.mean() - 19.5) < 2 and abs(y.mean() - 11.5) < 2
        assert 14 <= np.ptp(x) <= 24  # 16 of 32 source pixels, on 40
