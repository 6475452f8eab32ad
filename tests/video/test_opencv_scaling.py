"""Frames as OpenCV reads and scales them, with OpenCV as the oracle."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from numbered_videos import steady, write_video

from onball.assets import sample_match
from onball.config import DataConfig
from onball.data.frames import VideoFrames, cache_folder
from onball.data.layout import VIDEO_FILE
from onball.models.published import list_models
from onball.video import read_frames, sample_frames
from onball.video.scaling import resize

cv2 = pytest.importorskip("cv2")
SAMPLE = sample_match() / VIDEO_FILE


def by_opencv(video: Path, count: int, size: tuple[int, int]) -> np.ndarray:
    capture = cv2.VideoCapture(str(video))
    frames = [capture.read()[1][..., ::-1] for _ in range(count)]
    return np.stack([cv2.resize(np.ascontiguousarray(frame), size) for frame in frames])


@pytest.mark.parametrize(
    ("source", "target"),
    [((128, 72), (80, 45)), ((64, 36), (80, 45)), ((85, 48), (80, 45)), ((190, 107), (31, 20))],
)
def test_an_image_is_scaled_to_the_bytes_of_opencv(source, target):
    image = np.random.default_rng(0).integers(0, 256, (source[1], source[0], 3), np.uint8)
    assert np.array_equal(resize(image, target), cv2.resize(image, target))


def test_an_image_of_the_size_is_unchanged():
    image = np.random.default_rng(0).integers(0, 256, (36, 64, 3), np.uint8)
    assert np.array_equal(resize(image, (64, 36)), image)


def test_frames_of_a_video_are_those_of_opencv():
    size = (160, 90)
    expected = by_opencv(SAMPLE, 3, size).astype(int)
    batch = next(read_frames(SAMPLE, None, size, batch_frames=3, scaling="opencv"))
    # Processors may round the conversion of colours differently.
    assert np.abs(batch.frames - expected).max() <= 1
    averaged = next(read_frames(SAMPLE, None, size, batch_frames=3))
    assert np.abs(averaged.frames - expected).max() > 20


def test_rotated_frames_are_scaled_upright(tmp_path):
    video = write_video(tmp_path / "phone.mp4", steady(25, 0.2), size=(64, 48), rotate=90)
    size = (30, 40)
    batch = next(read_frames(video, None, size, batch_frames=1, scaling="opencv"))
    assert np.abs(batch.frames - by_opencv(video, 1, size).astype(int)).max() <= 1


def test_frames_from_elsewhere_are_scaled_alike():
    images = np.random.default_rng(0).integers(0, 256, (2, 36, 64, 3), np.uint8)
    (batch,) = sample_frames(images, 5, (20, 10), source_fps=5, scaling="opencv")
    assert np.array_equal(batch.frames[1], cv2.resize(images[1], (20, 10)))


def test_caches_differ_and_published_models_take_the_frames_of_opencv(tmp_path):
    plain, opencv = (DataConfig(scaling=scaling) for scaling in ("area", "opencv"))
    folders = {cache_folder(VideoFrames(SAMPLE, data), tmp_path) for data in (plain, opencv)}
    assert len(folders) == 2
    assert {model.config.scaling for model in list_models()} == {"opencv"}
    config = list_models()[0].config
    assert config.sampling(plain).scaling == "opencv"
    first = next(islice(VideoFrames(SAMPLE, config).batches(batch_frames=1), 1))
    assert np.abs(first.frames[0] - by_opencv(SAMPLE, 1, config.size)[0].astype(int)).max() <= 1
