"""Spotting a part of a video: the events are those of the whole video."""

from __future__ import annotations

import numpy as np
import pytest
from tiny_models import random_model
from tiny_tracks import tiny_tracks

from onball.config import ComponentConfig, TrackingConfig
from onball.errors import InputError
from onball.progress import Progress
from onball.spotting.spotter import Spotter
from onball.timing import first_grid_index, grid_times
from onball.video import VideoWriter, reading

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """A video of 60 s of noise that changes every 200 ms."""
    path = tmp_path_factory.mktemp("video") / "noise.mp4"
    rng = np.random.default_rng(0)
    with VideoWriter(path, (64, 36), 5, gop=25) as writer:
        for _ in range(300):
            writer.write(rng.integers(0, 255, (36, 64, 3), np.uint8))
    return path


@pytest.fixture(scope="module")
def spotter():
    """A random model with windows of 20 frames, neighbouring frames and displacements."""
    return small_spotter(
        backbone=ComponentConfig(name="test_byobnet", pretrained=False, neighbours=2),
        temporal=ComponentConfig(name="bilstm", hidden=8),
    )


def small_spotter(**parts) -> Spotter:
    net, config = random_model(**parts)
    inference = config.inference.model_copy(
        update={"window_frames": 20, "threshold": 0.0, "nms_window_ms": 500}
    )
    return Spotter(net, config.model_copy(update={"inference": inference}), device="cpu")


@pytest.fixture(scope="module")
def whole(spotter, video):
    return spotter.spot(video)


@pytest.mark.parametrize(
    "start_ms, end_ms", [(20_000, 25_000), (0, 12_340), (31_111, None), (59_000, 90_000)]
)
def test_events_of_a_part_are_those_of_the_whole_video(spotter, video, whole, start_ms, end_ms):
    part = spotter.spot(video, start_ms=start_ms, end_ms=end_ms)
    expected = whole.between(start_ms, end_ms)
    assert len(expected) > 5
    assert [(e.position_ms, e.label) for e in part] == [(e.position_ms, e.label) for e in expected]
    assert [e.confidence for e in part] == [e.confidence for e in expected]


def test_only_frames_around_the_part_are_read(spotter, video, monkeypatch):
    shown: list[int] = []
    decode = reading.decode_frames

    def watched(*args):
        for frame in decode(*args):
            shown.append(round(frame.time_ms))
            yield frame

    monkeypatch.setattr(reading, "decode_frames", watched)
    spotter.spot(video, start_ms=30_000, end_ms=32_000)
    assert min(shown) >= 20_000 and max(shown) <= 37_000


def test_a_model_of_tracks_spots_a_part_like_the_whole_video(video):
    spotter = small_spotter(backbone=ComponentConfig(name="none"), tracking=TrackingConfig())
    tracks = tiny_tracks(grid_times(60_000, 12.5)[::3].tolist(), duration_ms=60_000)
    whole = spotter.spot(video, tracks=tracks)
    part = spotter.spot(video, tracks=tracks, start_ms=20_000, end_ms=40_000)
    assert [(e.position_ms, e.label) for e in part] == [
        (e.position_ms, e.label) for e in whole.between(20_000, 40_000)
    ]


def test_progress_counts_the_part_and_has_the_name_of_the_match(spotter, video):
    seen: list[Progress] = []
    events = spotter.spot(
        video, start_ms=20_000, end_ms=26_000, name="cup final", progress=seen.append
    )
    assert seen[0] == Progress("cup final", 0, 6_000, "ms")
    assert seen[-1] == Progress("cup final", 6_000, 6_000, "ms")
    amounts = [report.done for report in seen]
    assert amounts == sorted(amounts)
    assert events.match == "cup final"
    assert events.info is not None
    assert (events.info.start_ms, events.info.end_ms) == (20_000, 26_000)


def test_events_are_reported_as_they_are_found(spotter, video, whole):
    found, reports_before = [], []
    seen: list[Progress] = []

    def on_event(event):
        found.append(event)
        reports_before.append(len(seen))

    events = spotter.spot(video, end_ms=15_000, progress=seen.append, on_event=on_event)
    assert tuple(found) == events.events and len(found) == len(whole.between(0, 15_000))
    assert reports_before[0] < len(seen) / 2


@pytest.mark.parametrize("start_ms, end_ms", [(5_000, 5_000), (-1, None), (6_000, 5_000)])
def test_an_empty_part_is_an_error(spotter, video, start_ms, end_ms):
    with pytest.raises(InputError, match="is empty"):
        spotter.spot(video, start_ms=start_ms, end_ms=end_ms)


def test_frames_for_a_part_begin_with_the_context_of_a_chunk_of_the_whole_video(spotter):
    engine = spotter._engine
    first, stop = engine.frames_for(first_grid_index(20_000, 12.5), 300)
    assert (first + 2) % 32 == 0 and first <= 250 - 20 - 2
    assert stop >= 300 + 20 + 2
    assert engine.frames_for(0, 10)[0] == 0
