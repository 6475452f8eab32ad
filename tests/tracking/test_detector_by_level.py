"""Simulated detectors opened by name, and the choice of videos that still need tracks."""

from __future__ import annotations

import numpy as np
import pytest
from tiny_matches import write_flashes
from tiny_tracks import tiny_tracks

from onball.errors import DataError, InputError
from onball.formats.tracks_parquet import write_tracks
from onball.outputs import OutputConflictError
from onball.tracking.detectors.opening import open_detector
from onball.tracking.detectors.simulated import SimulatedDetector, simulated_level
from onball.tracking.pipeline import track_video, untracked

TIMES = np.array([0, 80, 160])


@pytest.fixture
def video(tmp_path):
    """Video of a match with its true tracks."""
    folder = tmp_path / "match"
    write_flashes(folder, 0)
    write_tracks(tiny_tracks([2000]), folder / "tracks.parquet")
    return folder / "224p.mp4"


@pytest.mark.parametrize(
    ("name", "level"),
    [("simulated:strong", "strong"), ("simulated", "medium"), ("rfdetr:small", None), ("", None)],
)
def test_the_level_follows_the_name_and_is_medium_by_default(name, level):
    assert simulated_level(name) == level


def test_a_simulated_detector_is_opened_by_its_level_and_the_video(video):
    opened = open_detector("simulated:strong", video=str(video), seed=3)
    built = SimulatedDetector(tiny_tracks([2000]), "strong", 3, "match")
    assert opened.name == built.name == "simulated:strong, seed 3"
    no_pixels = np.zeros(0, np.uint8)
    for one, other in zip(
        opened.detect(no_pixels, TIMES), built.detect(no_pixels, TIMES), strict=True
    ):
        np.testing.assert_array_equal(one.boxes, other.boxes)
        np.testing.assert_array_equal(one.scores, other.scores)


def test_a_simulated_detector_needs_a_level_a_video_and_true_tracks(video):
    with pytest.raises(InputError, match="simulated:mild: is for simulated matches"):
        open_detector("simulated:mild")
    with pytest.raises(InputError, match="unknown level 'brutal'"):
        open_detector("simulated:brutal", video=video)
    video.with_name("tracks.parquet").unlink()
    with pytest.raises(DataError, match=r"tracks\.parquet"):
        open_detector("simulated:mild", video=video)


def test_only_videos_without_tracks_are_left(video, tmp_path):
    detector = open_detector("simulated:mild", video=video)
    out, other = tmp_path / "mild.parquet", tmp_path / "other.parquet"
    track_video(video, detector, out)
    jobs = {video: out, tmp_path / "second.mp4": other}
    assert untracked(jobs, detector.name) == {tmp_path / "second.mp4": other}
    for name, fps, change in (
        ("another", 12.5, f"detector {detector.name} instead of another"),
        (detector.name, 25.0, r"fps 12\.5 instead of 25\.0"),
    ):
        with pytest.raises(
            OutputConflictError, match=rf"mild\.parquet: holds tracks with {change}"
        ):
            untracked(jobs, name, fps)
    renamed = video.rename(video.with_name("other.mp4"))
    with pytest.raises(OutputConflictError, match=rf"video {video.name} instead of other\.mp4"):
        untracked({renamed: out}, detector.name)
    other.write_text("mine")
    with pytest.raises(OutputConflictError, match="is there and is no tracks file"):
        untracked({tmp_path / "second.mp4": other}, detector.name)
