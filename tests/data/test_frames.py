"""Frames of a match from its video and from the cache."""

from __future__ import annotations

import io
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import numpy as np
import pytest

from onball.config import DataConfig
from onball.data.frames import VideoFrames, cache_folder, cached_frames
from onball.errors import DataError, InputError, OnballError
from onball.progress import Progress
from onball.video import read_frames

SIZE = (64, 36)


def video_of(data: DataConfig):
    return next(data.root.rglob("*.mp4"))


def frames_of(data: DataConfig) -> VideoFrames:
    return VideoFrames(video_of(data), data)


def test_the_cache_holds_the_frames_of_the_reader(data):
    progress = []
    cached = cached_frames(frames_of(data), data.cache, progress.append)
    batches = list(read_frames(video_of(data), data.fps, data.size))
    assert np.array_equal(cached.read(0, 50), np.concatenate([b.frames for b in batches]))
    assert np.array_equal(cached.times_ms, np.concatenate([b.pts_ms for b in batches]))
    assert progress[-1] == Progress(str(video_of(data)), cached.times_ms[-1], None, "ms")


def test_frames_beyond_the_end_are_an_error_that_says_how_many_there_are(data):
    frames = frames_of(data)
    count = len(frames.times_ms)
    assert len(frames.read(count - 2, count + 5)) == 2
    with pytest.raises(
        InputError, match=rf"has no frames {count} to {count + 5}: there are {count}"
    ):
        frames.read(count, count + 5)


def test_a_complete_cache_is_reused_without_opening_the_video(data, monkeypatch):
    first = cached_frames(frames_of(data), data.cache).read(3, 7)
    for reader in ("probe", "read_frames", "read_windows"):
        monkeypatch.delattr(f"onball.data.frames.{reader}")
    assert np.array_equal(cached_frames(frames_of(data), data.cache).read(3, 7), first)


def test_the_cache_folder_depends_on_content_and_sampling_not_on_the_path(data, tmp_path):
    video = video_of(data)
    here = cache_folder(VideoFrames(video, data), data.cache)
    copy = tmp_path / video.parent.name / video.name
    copy.parent.mkdir()
    shutil.copyfile(video, copy)
    assert cache_folder(VideoFrames(copy, data), data.cache) == here
    for change in ({"fps": 25.0}, {"width": 62}):
        other = VideoFrames(video, data.model_copy(update=change))
        assert cache_folder(other, data.cache) != here
    copy.write_bytes(video.read_bytes()[:-1] + b"x")
    assert cache_folder(VideoFrames(copy, data), data.cache) != here


def test_an_interrupted_build_leaves_no_cache(data):
    def interrupt(_: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cached_frames(frames_of(data), data.cache, interrupt)
    assert list(data.cache.iterdir()) == []


def test_of_several_that_need_a_cache_one_decodes_and_the_others_wait(data, monkeypatch):
    decoded, together = [], threading.Barrier(3)

    def read(*arguments, **settings):
        decoded.append(arguments)
        return read_frames(*arguments, **settings)

    def open_cache(_: int) -> np.ndarray:
        together.wait(timeout=60)
        return cached_frames(frames_of(data), data.cache).read(0, 5)

    monkeypatch.setattr("onball.data.frames.read_frames", read)
    with ThreadPoolExecutor(3) as pool:
        first, *others = pool.map(open_cache, range(3))
    assert len(decoded) == 1
    assert all(np.array_equal(other, first) for other in others)
    assert not list(data.cache.glob(".*")), "locks are removed"


def test_a_damaged_cache_names_the_folder_to_delete(data):
    folder = cache_folder(frames_of(data), data.cache)
    cached_frames(frames_of(data), data.cache)
    (folder / "frames.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(DataError, match=r"damaged frame cache.*delete the folder"):
        cached_frames(frames_of(data), data.cache)


def test_an_unwritable_cache_is_an_error_in_one_line(data, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OnballError, match=r"set data\.cache to another folder"):
        cached_frames(frames_of(data), tmp_path / "file" / "cache")


def test_video_and_cache_give_the_same_frames(data):
    direct, cached = frames_of(data), cached_frames(frames_of(data), data.cache)
    assert np.array_equal(direct.times_ms, cached.times_ms)
    for start, stop in ((0, 10), (17, 30), (40, 50)):
        assert np.array_equal(direct.read(start, stop), cached.read(start, stop))


@pytest.mark.parametrize("fps", [7.0, 12.5, 25.0, 29.97])
def test_a_video_is_sampled_at_the_times_of_the_reader(data, fps):
    read = [batch.pts_ms for batch in read_frames(video_of(data), fps, SIZE)]
    video = VideoFrames(video_of(data), data.model_copy(update={"fps": fps}))
    assert video.times_ms.tolist() == np.concatenate(read).tolist()


def test_a_video_without_length_in_its_header_is_measured(data, tmp_path):
    class Pipe(io.BytesIO):
        seek = None  # the writer cannot go back and write the length into the header

    stream = Pipe()
    with av.open(stream, "w", format="matroska") as container:
        track = container.add_stream("libx264", rate=25, width=64, height=36)
        for _ in range(5):
            frame = av.VideoFrame.from_ndarray(np.zeros((36, 64, 3), np.uint8), "rgb24")
            container.mux(track.encode(frame))
        container.mux(track.encode())
    video = tmp_path / "live.mkv"
    video.write_bytes(stream.getvalue())
    for frames in VideoFrames(video, data), cached_frames(VideoFrames(video, data), data.cache):
        assert frames.times_ms.tolist() == [0, 80, 160]


def test_names_of_caches_are_short_in_bytes_of_any_script(data, tmp_path):
    folder = tmp_path / ("比赛" * 37)  # 222 bytes; file systems take 255
    folder.mkdir()
    video = shutil.copy(video_of(data), folder / "224p.mp4")
    cached = cached_frames(VideoFrames(Path(video), data), tmp_path / "cache")
    (cache,) = (tmp_path / "cache").iterdir()
    assert len(cache.name.encode()) <= 100
    assert cache.name.startswith("比赛") or cache.name.startswith("赛比")
    assert len(cached.times_ms)
