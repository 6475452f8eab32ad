"""`Spotter.spot` with a model of tracks: given tracks, and tracks of a detector."""

from __future__ import annotations

import pytest
import torch
from tiny_detectors import write_detector
from tiny_matches import write_flashes
from tiny_models import random_model
from tiny_tracks import tiny_tracks

from onball.config import ComponentConfig, TrackingConfig
from onball.errors import InputError
from onball.formats.tracks_parquet import read_about, read_tracks
from onball.progress import Progress
from onball.spotting.spotter import Spotter

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    folder = tmp_path_factory.mktemp("match")
    write_flashes(folder, 0)
    return folder / "224p.mp4"


@pytest.fixture(scope="module")
def detector(tmp_path_factory):
    """File of a detector of red areas."""
    return write_detector(tmp_path_factory.mktemp("detector") / "red.onnx", "yolov8")


@pytest.fixture
def spotter():
    net, config = random_model(backbone=ComponentConfig(name="none"), tracking=TrackingConfig())
    return Spotter(net, config, device="cpu")


def test_tracks_of_a_detector_are_stored_and_reused(spotter, video, detector, tmp_path):
    seen: list[Progress] = []
    path = tmp_path / "tracks.parquet"
    first = spotter.spot(video, detector=str(detector), keep_tracks=path, progress=seen.append)
    assert {at.task for at in seen} == {"tracking 224p.mp4", "224p.mp4"}
    assert read_about(path)["detector"].startswith("red.onnx")
    made = path.stat().st_mtime_ns
    again = spotter.spot(video, detector=str(detector), keep_tracks=path)
    assert again == first and path.stat().st_mtime_ns == made
    assert spotter.spot(video, tracks=read_tracks(path, video)) == first


def test_tracks_are_made_at_the_rate_of_the_model(video, detector, tmp_path):
    net, config = random_model(
        backbone=ComponentConfig(name="none"), tracking=TrackingConfig(fps=5)
    )
    path = tmp_path / "tracks.parquet"
    Spotter(net, config, device="cpu").spot(video, detector=str(detector), keep_tracks=path)
    assert read_about(path)["fps"] == 5


@pytest.mark.slow
def test_tracks_that_are_not_stored_give_the_same_events(spotter, video, detector, tmp_path):
    kept = spotter.spot(video, detector=str(detector), keep_tracks=tmp_path / "t.parquet")
    assert spotter.spot(video, detector=str(detector)) == kept
    assert [path.name for path in video.parent.iterdir() if path.suffix == ".parquet"] == []


def test_a_detector_chooses_its_own_device_if_that_of_the_net_is_automatic(detector):
    net, config = random_model(backbone=ComponentConfig(name="none"), tracking=TrackingConfig())
    spotter = Spotter(net, config, device="auto")
    spotter.device = torch.device("mps")  # as on a Mac, whose GPU ONNX Runtime does not use
    opened = spotter.open_detector(str(detector))
    assert opened.name.startswith("red.onnx")
    assert spotter.open_detector(str(detector)) is opened


def test_given_tracks_take_precedence_over_the_detector(spotter, video):
    tracks = tiny_tracks([2000])
    expected = spotter.spot(video, tracks=tracks)
    assert spotter.spot(video, tracks=tracks, detector="missing.onnx") == expected


def test_without_tracks_or_detector_the_error_says_how_to_make_them(spotter, video):
    with pytest.raises(InputError, match="onball track"):
        spotter.spot(video)


def test_events_are_streamed_when_the_video_was_tracked(video, detector):
    net, config = random_model(
        backbone=ComponentConfig(name="none"), tracking=TrackingConfig(detector=str(detector))
    )
    spotter = Spotter(net, config, device="cpu")
    seen: list[Progress] = []
    events = list(spotter.stream(video, name="match", progress=seen.append))
    assert events == list(spotter.spot(video).events) != []
    assert [at.task for at in seen][:1] == ["tracking match"]
