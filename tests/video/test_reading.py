"""`read_frames`: times and frames of every kind of file, up to the last frame."""

from __future__ import annotations

import gc
import itertools
import warnings
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numbered_videos import (
    CLIPS,
    decode_plainly,
    hide_lead_in,
    nearest,
    numbered,
    numbers,
    steady,
    uneven,
    write_video,
)

from onball.video import FrameBatch, VideoWriter, read_frames

RATES = [
    Fraction(24000, 1001),
    Fraction(25),
    Fraction(30000, 1001),
    Fraction(30),
    Fraction(50),
    Fraction(60),
]


def read_all(path: Path, *args, **kwargs) -> FrameBatch:
    kwargs = {"size": None, "threads": 1, **kwargs}
    batches = list(read_frames(path, *args, **kwargs))
    if not batches:
        return FrameBatch(np.empty((0, 1, 1, 3), np.uint8), np.empty(0, np.int64))
    return FrameBatch(*(np.concatenate(parts) for parts in zip(*batches, strict=True)))


@pytest.fixture(scope="module")
def made_once(tmp_path_factory) -> Callable[..., Path]:
    """`make(*arguments, folder)` of the first call with these arguments; tests only read its file."""
    made: dict[tuple, Path] = {}

    def once(make: Callable[..., Path], *arguments: object) -> Path:
        key = (make, *arguments)
        if key not in made:
            made[key] = make(*arguments, tmp_path_factory.mktemp("video"))
        return made[key]

    return once


def video_at(rate: Fraction, folder: Path) -> Path:
    """A file of 2 s at a constant rate."""
    return write_video(folder / "video.mp4", steady(rate, 2), rate)


def video_of(kind: str, folder: Path) -> Path:
    """One of the files below, 4 to 5 s long."""
    times = steady(25, 5)
    path = folder / f"video.{kind.split('_')[0]}"
    match kind:
        case "mp4_long_gop":
            return write_video(path, times, options={"g": "250", "sc_threshold": "0"})
        case "mp4_open_gop":
            return write_video(path, times, options={"g": "15", "x264-params": "open-gop=1"})
        case "mp4_edit_list":
            write_video(path, times, options={"g": "40"})
            hide_lead_in(path, Fraction(7, 10))
            return path
        case "mp4_edit_list_between_frames":
            write_video(path, times)
            hide_lead_in(path, Fraction(73, 100))
            return path
        case "mp4_late_start" | "mkv_late_start" | "ts_late_start":
            return write_video(path, [time + 3 for time in times])
        case "mp4_variable" | "mkv_variable" | "ts_variable":
            return write_video(path, uneven(4))
        case "mp4_hevc":
            options = {"x265-params": "keyint=20:log-level=none:open-gop=1", "preset": "ultrafast"}
            return write_video(path, times, codec="libx265", options=options)
        case "webm":
            return write_video(
                path, times, codec="libvpx-vp9", options={"g": "20", "cpu-used": "8"}
            )
        case "avi":
            return write_video(path, times)
        case "avi_mpeg4":
            return write_video(path, times, codec="mpeg4", options={"g": "12"})
        case "h264":
            return write_video(path, times, options={"bf": "0"})
        case _:
            return write_video(path, times)


KINDS = [
    "mp4",
    "mp4_long_gop",
    "mp4_open_gop",
    "mp4_edit_list",
    "mp4_edit_list_between_frames",
    "mp4_late_start",
    "mp4_variable",
    "mp4_hevc",
    "mov",
    "mkv",
    "mkv_late_start",
    "mkv_variable",
    "ts",
    "ts_late_start",
    "ts_variable",
    "webm",
    "flv",
    "avi",
    "avi_mpeg4",
    "h264",
]


@pytest.mark.parametrize("rate", RATES, ids=str)
@pytest.mark.parametrize("fps", [12.5, 25, 10, 60])
def test_every_frame_rate_gives_the_same_times_and_the_nearest_frames(made_once, rate, fps):
    times = steady(rate, 2)
    batch = read_all(made_once(video_at, rate), fps)
    expected = [round(k * 1000 / fps) for k in range(1000)]
    assert batch.pts_ms.tolist() == expected[: len(batch.pts_ms)]
    assert numbers(batch.frames) == [nearest(times, int(t)) for t in batch.pts_ms]
    end_ms = (times[-1] + 1 / rate / 2) * 1000
    assert batch.pts_ms[-1] <= end_ms < expected[len(batch.pts_ms)]


def test_a_variable_frame_rate_gives_the_nearest_frames_and_repeats(tmp_path):
    times = uneven(5)
    path = write_video(tmp_path / "video.mp4", times, 25)
    batch = read_all(path, 12.5)
    assert batch.pts_ms.tolist() == list(range(0, 80 * len(batch.pts_ms), 80))
    shown = numbers(batch.frames)
    assert shown == [nearest(times, int(t)) for t in batch.pts_ms]
    assert max(len(list(group)) for _, group in itertools.groupby(shown)) >= 4


def test_the_earlier_of_two_equally_near_frames_is_read(tmp_path):
    times = [Fraction(0), Fraction(60, 1000), Fraction(100, 1000), Fraction(200, 1000)]
    path = write_video(tmp_path / "video.mp4", times)
    assert numbers(read_all(path, 12.5).frames) == [0, 1, 3]


@pytest.mark.parametrize("rate", RATES, ids=str)
def test_the_last_frame_is_read(tmp_path, rate):
    path = write_video(tmp_path / "video.mp4", steady(rate, 2), rate)
    every = decode_plainly(path)[0]
    assert numbers(read_all(path, None).frames) == every
    assert numbers(read_all(path, 2 * rate).frames)[-1] == every[-1]


def test_a_video_of_one_frame_gives_that_frame(tmp_path):
    path = write_video(tmp_path / "video.mp4", [Fraction(0)])
    batch = read_all(path, 12.5)
    assert (numbers(batch.frames), batch.pts_ms.tolist()) == ([0], [0])


@pytest.mark.parametrize("kind", KINDS)
def test_every_container_gives_all_frames_at_their_own_times(made_once, kind):
    path = made_once(video_of, kind)
    batch = read_all(path, None)
    if kind in ("avi", "h264"):  # These containers store no presentation times for a reference.
        shown, times = list(range(125)), steady(25, 5)
    else:
        shown, times = decode_plainly(path)
    assert numbers(batch.frames) == shown
    assert batch.pts_ms.tolist() == [round(time * 1000) for time in times]


def test_a_lead_in_hidden_by_an_edit_list_is_not_read(made_once):
    path = made_once(video_of, "mp4_edit_list")
    batch = read_all(path, 12.5)
    # 0.7 s of 25 fps are 17.5 frames: 18 is the first that begins after them, and is time 0.
    assert numbers(batch.frames)[:3] == [18, 20, 22]
    assert batch.pts_ms[:3].tolist() == [0, 80, 160]


@pytest.mark.parametrize("fps", [12.5, pytest.param(30, marks=pytest.mark.slow), None])
@pytest.mark.parametrize("kind", KINDS)
def test_reading_from_any_time_gives_the_same_frames_as_from_the_start(made_once, kind, fps):
    path = made_once(video_of, kind)
    whole = read_all(path, fps)
    for start_ms in (1, 40, 79, 80, 500, 799, 1234, 2401, 3601, 4790, 4960, 5000):
        # What follows a second after the start does not depend on it: once is enough.
        end_ms = start_ms + 1000 if 1 < start_ms < 4000 else None
        part = read_all(path, fps, start_ms=start_ms, end_ms=end_ms)
        keep = (whole.pts_ms >= start_ms) & (whole.pts_ms < (end_ms or 10_000))
        assert part.pts_ms.tolist() == whole.pts_ms[keep].tolist()
        assert np.array_equal(part.frames, whole.frames[keep]) or not keep.any()


def test_a_span_is_half_open(tmp_path):
    path = write_video(tmp_path / "video.mp4", steady(25, 4))
    batch = read_all(path, 12.5, start_ms=800, end_ms=1600)
    assert batch.pts_ms.tolist() == list(range(800, 1600, 80))
    assert numbers(batch.frames) == list(range(20, 40, 2))


def test_a_span_beyond_the_end_is_empty(tmp_path):
    path = write_video(tmp_path / "video.mp4", steady(25, 1))
    assert list(read_frames(path, start_ms=60_000)) == []


def test_all_batches_but_the_last_are_full_and_keep_their_content(tmp_path):
    path = write_video(tmp_path / "video.mp4", steady(25, 4))
    batches = list(read_frames(path, 12.5, (32, 24), batch_frames=16))
    assert [batch.frames.shape for batch in batches] == [(n, 24, 32, 3) for n in (16, 16, 16, 2)]
    assert all(batch.frames.dtype == np.uint8 for batch in batches)
    assert all(batch.pts_ms.dtype == np.int64 for batch in batches)
    assert [n for batch in batches for n in numbers(batch.frames)] == list(range(0, 100, 2))


def test_threads_do_not_change_the_frames(made_once):
    path = made_once(video_of, "mp4_long_gop")
    one, many = read_all(path, 12.5, threads=1), read_all(path, 12.5, threads=3)
    assert np.array_equal(one.frames, many.frames)
    assert np.array_equal(one.pts_ms, many.pts_ms)


@pytest.mark.parametrize(
    "setting",
    [{"fps": 0}, {"fps": -1}, {"size": (0, 5)}, {"start_ms": -1}, {"batch_frames": 0}],
    ids=str,
)
def test_invalid_settings_are_refused_at_once(tmp_path, setting):
    with pytest.raises(ValueError):
        read_frames(tmp_path / "any.mp4", **setting)


def test_an_abandoned_reader_closes_the_file(tmp_path):
    descriptors = Path("/proc/self/fd")
    if not descriptors.exists():
        pytest.skip("this system does not list open files in /proc")
    path = write_video(tmp_path / "video.mp4", steady(25, 4))
    before = len(list(descriptors.iterdir()))
    reader = read_frames(path, batch_frames=1)
    next(reader)
    assert len(list(descriptors.iterdir())) > before
    reader.close()
    assert len(list(descriptors.iterdir())) == before


def test_frames_are_freed_without_the_garbage_collector(tmp_path):
    path = write_video(tmp_path / "video.mp4", steady(25, 4))
    gc.collect()
    gc.disable()
    try:
        assert sum(len(batch.pts_ms) for batch in read_frames(path, None)) == 100
        # `isinstance` would look up `__class__`, which imports modules that are loaded on demand.
        alive = sum(issubclass(type(thing), av.VideoFrame) for thing in gc.get_objects())
    finally:
        gc.enable()
    assert alive <= 2


def test_the_start_time_of_a_replaced_file_is_read_again(tmp_path):
    path = write_video(tmp_path / "video.mkv", [time + 3 for time in steady(25, 4)])
    assert numbers(read_all(path, 12.5, start_ms=1600).frames)[0] == 40
    write_video(path, steady(25, 6))
    assert numbers(read_all(path, 12.5, start_ms=1600).frames)[0] == 40


@pytest.mark.skipif(not CLIPS, reason="no ../shared/clips beside this checkout")
@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: clip.stem)
def test_real_broadcasts_are_read_to_the_end_and_from_any_time(clip):
    size = (64, 36)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        whole = read_all(clip, 12.5, size=size, threads=0)
    _, times = _times_of(clip)
    assert whole.pts_ms.tolist() == list(range(0, 80 * len(whole.pts_ms), 80))
    assert 0 <= float(times[-1]) * 1000 + 20 - whole.pts_ms[-1] < 80
    for start_ms in np.linspace(0, whole.pts_ms[-1] + 40, 3).astype(int).tolist():
        part = read_all(clip, 12.5, size=size, threads=0, start_ms=start_ms, end_ms=start_ms + 400)
        keep = (whole.pts_ms >= start_ms) & (whole.pts_ms < start_ms + 400)
        assert part.pts_ms.tolist() == whole.pts_ms[keep].tolist()
        assert np.array_equal(part.frames, whole.frames[keep]) or not keep.any()


def _times_of(clip: Path) -> tuple[int, list[Fraction]]:
    """Times of the shown packets, by demuxing alone."""
    with av.open(str(clip)) as container:
        packets = container.demux(video=0)
        times = sorted(
            p.pts * p.time_base for p in packets if p.pts is not None and not p.is_discard
        )
    return len(times), [time - times[0] for time in times]


def test_a_written_video_is_read_unchanged(tmp_path):
    with VideoWriter(tmp_path / "video.mp4", (64, 48), Fraction(30000, 1001)) as writer:
        for number in range(60):
            writer.write(numbered(number))
    batch = read_all(tmp_path / "video.mp4", None)
    assert numbers(batch.frames) == list(range(60))
    assert batch.pts_ms.tolist() == [round(i * 1001 / 30) for i in range(60)]
