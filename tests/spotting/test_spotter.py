"""`Spotter`: streams of frames, live frames, results, threads, and cancelling."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
from numbered_videos import steady, uneven, write_video
from tiny_models import random_model

from onball.actions import ACTIONS, Action
from onball.assets import sample_match
from onball.config import BallCropConfig, InferenceConfig
from onball.errors import InputError
from onball.events import EventList
from onball.formats import read_results, write_results
from onball.progress import Progress
from onball.spotting.compute import TorchCompute
from onball.spotting.spotter import Spotter
from onball.video import cut_video, read_frames

pytestmark = pytest.mark.usefixtures("one_thread")

#: Frames per second and size that the model takes.
RATE, SIZE = 12.5, (64, 36)


def noise(count: int, size: tuple[int, int], seed: int = 0) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    return [random.integers(0, 256, (size[1], size[0], 3), np.uint8) for _ in range(count)]


@pytest.fixture(scope="module")
def spotter() -> Spotter:
    net, config = random_model()
    inference = InferenceConfig(window_frames=16, report_thresholds={Action.PASS: 0.05})
    config = config.model_copy(update={"inference": inference})
    return Spotter(net, config, device="cpu", precision="32", name="tiny", fingerprint="0123")


@pytest.fixture(scope="module")
def videos(tmp_path_factory) -> list[Path]:
    """Two videos of noise without loss, at a steady and at a variable rate, 96 × 54 pixels."""
    folder = tmp_path_factory.mktemp("videos")
    paths = []
    for index, times in enumerate([steady(25, 4), uneven(8)]):
        pixels = noise(len(times), (96, 54), index)
        options = {"codec": "qtrle", "pixel_format": "rgb24", "size": (96, 54), "frames": pixels}
        paths.append(write_video(folder / f"{index}.mov", times, **options))
    return paths


@pytest.fixture(scope="module")
def expected(spotter, videos) -> list[EventList]:
    """Events of the two videos."""
    return [spotter.spot(video) for video in videos]


# Streams of frames


def test_a_stream_of_the_right_frames_gives_the_events_of_the_video(spotter, videos, expected):
    for video, events in zip(videos, expected, strict=True):
        assert len(events) > 3
        assert tuple(spotter.stream(read_frames(video, RATE, SIZE))) == events.events


def test_the_default_size_of_read_frames_is_an_error_that_names_the_right_call(spotter, videos):
    with pytest.raises(
        InputError,
        match=r"^batch 1: frames are 398 × 224, and the model takes 64 × 36 pixels .*: "
        r"read_frames\(path, 12.5, \(64, 36\)\) .* Spotter.sample_frames",
    ):
        next(spotter.stream(read_frames(videos[0])))


@pytest.mark.parametrize("method", ["stream", "scores"])
def test_a_stream_at_another_rate_is_an_error(spotter, videos, method):
    with pytest.raises(InputError, match=r"40 ms apart, 25 frames/s, and the model takes 12.5 fr"):
        list(getattr(spotter, method)(read_frames(videos[0], 25, SIZE)))


def test_frames_of_a_source_are_checked_too(spotter):
    class Frames:
        times_ms = np.arange(20) * 80

        def read(self, start: int, stop: int) -> np.ndarray:
            return np.zeros((stop - start, 36, 65, 3), np.uint8)

    with pytest.raises(InputError, match="frames are 65 × 36, and the model takes 64 × 36"):
        next(spotter.score_frames(Frames()))


# Live frames


def frames_of(video: Path, size: tuple[int, int] | None = None):
    """Every frame of a video with its time, as from a camera."""
    for batch in read_frames(video, None, size):
        yield from zip(batch.pts_ms.tolist(), batch.frames, strict=True)


def test_live_frames_give_exactly_the_events_of_the_file(spotter, videos, expected):
    for video, events in zip(videos, expected, strict=True):
        live = spotter.sample_frames(frames_of(video), batch_frames=5)
        assert tuple(spotter.stream(live)) == events.events


def test_live_frames_without_times_in_bgr_and_in_one_buffer(spotter, videos, expected):
    def camera():
        buffer = np.empty((54, 96, 3), np.uint8)
        for _, pixels in frames_of(videos[0]):
            buffer[:] = pixels[:, :, ::-1]
            yield buffer

    live = spotter.sample_frames(camera(), fps=25, channels="bgr")
    assert tuple(spotter.stream(live)) == expected[0].events


@pytest.mark.medium
def test_live_frames_of_a_compressed_video_give_nearly_the_events_of_the_file(tmp_path):
    """A file's chroma is half as fine, and converted while it is scaled: scores differ a little."""
    spotter = Spotter.from_pretrained(device="cpu", precision="32")
    cut_video(sample_match() / "224p.mp4", 20_000, 26_000, tmp_path / "cut.mp4")
    expected = spotter.spot(tmp_path / "cut.mp4")
    live = EventList.of(spotter.stream(spotter.sample_frames(frames_of(tmp_path / "cut.mp4"))))
    assert len(expected.above(0.2)) >= 1
    for event in expected.above(0.2):
        # A peak may move by a frame.
        near = live.of_action(event.label).between(event.position_ms - 80, event.position_ms + 81)
        assert [found.confidence for found in near] == [pytest.approx(event.confidence, abs=0.1)]
    assert len(live.above(0.3)) <= len(expected.above(0.2))


def test_a_model_that_takes_tracks_refuses_frames_at_the_call():
    net, config = random_model(crop=BallCropConfig())
    spotter = Spotter(net, config, device="cpu")
    for call in (spotter.sample_frames, spotter.scores):
        with pytest.raises(InputError, match="takes the tracks of players and ball"):
            call([])
    assert "takes tracks" in repr(spotter)


# Results


def test_results_say_what_they_were_made_with_and_what_is_shown(spotter, expected, tmp_path):
    events = expected[0]
    info = events.info
    assert (info.model, info.model_fingerprint, info.video) == ("tiny", "0123", "0.mov")
    assert info.duration_ms == 4_000
    assert info.thresholds == dict.fromkeys(ACTIONS, 0.3) | {Action.PASS: 0.05}
    assert 0 < len(events.shown) < len(events)
    assert events.shown == spotter.confident(events)
    write_results(events, tmp_path / "results_spotting.json")
    assert read_results(tmp_path / "results_spotting.json") == events


def test_with_a_threshold_all_events_are_shown(spotter, videos, expected):
    every = expected[0]
    threshold = sorted(event.confidence for event in every)[len(every) // 2]
    events = spotter.spot(videos[0], threshold=threshold)
    assert 0 < len(events) < len(every)
    assert events.shown == events and events.info.thresholds == dict.fromkeys(ACTIONS, threshold)


def test_a_loaded_model_has_a_name_and_a_fingerprint_of_its_files(spotter, tmp_path):
    spotter.save_pretrained(tmp_path / "mine" / "model")
    loaded = Spotter.from_pretrained(tmp_path / "mine" / "model", device="cpu")
    assert loaded.name == "mine/model"
    changed = loaded.config.model_copy(update={"inference": InferenceConfig(nms_window_ms=500)})
    Spotter(loaded.net, changed, device="cpu").save_pretrained(tmp_path / "other")
    others = [Spotter.from_pretrained(tmp_path / name, device="cpu") for name in ("other",) * 2]
    assert len({loaded.fingerprint, others[0].fingerprint, others[1].fingerprint}) == 2


def test_an_unknown_precision_is_an_error(spotter):
    with pytest.raises(InputError, match="'float32' does not exist: take auto, 32, bf16, fp16"):
        Spotter(spotter.net, spotter.config, device="cpu", precision="float32")


def test_a_spotter_is_shown_with_its_model_input_and_device(spotter):
    assert repr(spotter) == (
        "<Spotter 'tiny': 64 × 36 pixels at 12.5 frames/s, 12 actions, on cpu in float32>"
    )


# Threads


def test_threads_that_share_a_spotter_get_the_events_of_one_after_the_other(
    spotter, videos, expected
):
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(spotter.spot, videos * 2))
    assert found == expected * 2


# Progress and cancelling


@pytest.fixture(scope="module")
def long_video(tmp_path_factory) -> Path:
    """A video that is still read when its first scores are there."""
    path = tmp_path_factory.mktemp("long") / "long.mov"
    times = steady(RATE, 20)
    options = {"codec": "qtrle", "pixel_format": "rgb24", "size": SIZE}
    return write_video(path, times, frames=noise(len(times), SIZE, 0), **options)


def is_open(video: Path) -> bool:
    return str(video) in [file.path for file in psutil.Process().open_files()]


def test_progress_begins_at_zero_and_ends_at_the_total(spotter, videos):
    seen: list[Progress] = []
    spotter.spot(videos[0], progress=seen.append)
    assert {(at.task, at.total, at.unit) for at in seen} == {("0.mov", 4_000, "ms")}
    amounts = [at.done for at in seen]
    assert amounts == sorted(amounts) and (amounts[0], amounts[-1]) == (0, 4_000)
    seen.clear()
    list(spotter.stream(read_frames(videos[0], RATE, SIZE), progress=seen.append))
    assert seen and {at.total for at in seen} == {None}


class Cancelled(Exception):
    """Raised by a progress callback."""


def test_an_exception_in_the_callback_cancels_and_closes_the_video(spotter, long_video):
    was_open = []

    def cancel(progress: Progress) -> None:
        if progress.done > 0:
            was_open.append(is_open(long_video))
            raise Cancelled

    try:
        spotter.spot(long_video, progress=cancel)
        pytest.fail("not cancelled")
    except Cancelled:  # Its traceback is alive here.
        assert was_open == [True] and not is_open(long_video)
    assert len(spotter.spot(long_video)) > 3


@pytest.mark.parametrize("method", ["stream", "scores"])
def test_a_closed_iterator_closes_the_video(spotter, long_video, method):
    iterator = getattr(spotter, method)(long_video)
    next(iterator)
    assert is_open(long_video)
    iterator.close()
    assert not is_open(long_video)


def test_an_error_while_reading_closes_the_video(spotter, long_video, monkeypatch):
    def fail(*_):
        assert is_open(long_video)
        raise RuntimeError("out of memory")

    monkeypatch.setattr(TorchCompute, "features", fail)
    try:
        spotter.spot(long_video)
        pytest.fail("no error")
    except RuntimeError:
        assert not is_open(long_video)
