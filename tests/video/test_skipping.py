"""Frames that are not sampled: not decoded where no other refers to them, and never converted."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from numbered_videos import hide_lead_in, steady, uneven, write_video

from onball.timing import first_grid_index, grid_time
from onball.video import read_frames
from onball.video.decoding import decode_frames
from onball.video.pixels import RgbConverter
from onball.video.reading import at_grid_times
from onball.video.skipping import SampledTimes

BFRAMES = {"bf": "3", "g": "50"}
KINDS = {
    "h264": ("a.mp4", "libx264", steady(25, 4), BFRAMES),
    "h264 open GOP": ("a.mp4", "libx264", steady(50, 2), {"g": "15", "x264-params": "open-gop=1"}),
    "h264 uneven": ("a.mp4", "libx264", uneven(4), BFRAMES),
    "h264 lead-in": ("lead.mp4", "libx264", steady(25, 4), BFRAMES),
    "h264 mkv": ("a.mkv", "libx264", steady(Fraction(30000, 1001), 3), BFRAMES),
    "hevc": ("a.mp4", "libx265", steady(25, 3), {"x265-params": "bframes=4:log-level=none"}),
}


def write(kind: str, folder: Path) -> Path:
    name, codec, times, options = KINDS[kind]
    path = write_video(folder / name, times, codec=codec, options=options)
    if "lead-in" in kind:
        hide_lead_in(path, Fraction(7, 10))
    return path


def sample(path: Path, fps: float, start_ms: int, threads: int, *, skip: bool):
    """Times and pixels of the sampled frames, and the number of frames that are decoded."""
    first, convert = first_grid_index(start_ms, fps), RgbConverter()
    sampled = SampledTimes(fps, first) if skip else None
    decoded = list(decode_frames(path, grid_time(first, fps), threads, sampled))
    found = [(time, convert(frame)) for frame, time in at_grid_times(iter(decoded), fps, first)]
    return [time for time, _ in found], np.stack([pixels for _, pixels in found]), len(decoded)


@pytest.mark.parametrize("kind", KINDS)
def test_the_sampled_frames_are_those_of_decoding_everything(kind, tmp_path):
    path = write(kind, tmp_path)
    of_all = left = 0
    for fps, start_ms, threads in ((12.5, 0, 1), (7, 0, 2), (12.5, 1300, 1), (3, 900, 2)):
        times, pixels, decoded = sample(path, fps, start_ms, threads, skip=False)
        found = sample(path, fps, start_ms, threads, skip=True)
        assert found[0] == times
        assert np.array_equal(found[1], pixels)
        of_all, left = of_all + decoded, left + found[2]
    assert left < 0.85 * of_all, "frames are left out"


def test_a_frame_that_higher_temporal_layers_may_use_is_decoded(tmp_path):
    options = {"x265-params": "bframes=4:temporal-layers=3:log-level=none"}
    path = write_video(tmp_path / "a.mp4", steady(25, 2), codec="libx265", options=options)
    assert sample(path, 5, 0, 1, skip=True)[2] == 50


def test_interlaced_frames_are_all_decoded(tmp_path):
    options = {"flags": "+ilme+ildct", "x264-params": "tff=1:bframes=3"}
    path = write_video(tmp_path / "a.mp4", steady(25, 2), options=options)
    plain, found = (sample(path, 5, 0, 1, skip=skip) for skip in (False, True))
    assert np.array_equal(found[1], plain[1]) and found[2] >= 45


def test_all_frames_after_a_damaged_one_are_decoded(tmp_path):
    path = write("h264", tmp_path)
    content = bytearray(path.read_bytes())
    begin = content.index(b"mdat") + len(content) // 3
    content[begin : begin + 600] = bytes(600)
    path.write_bytes(content)
    with pytest.warns(match="damaged"):
        batches = list(read_frames(path, 12.5, None, threads=1))
    times = np.concatenate([batch.pts_ms for batch in batches])
    assert times.tolist() == [grid_time(index, 12.5) for index in range(50)]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_a_pipe_is_read_once(tmp_path):
    path, pipe = write("h264 mkv", tmp_path), tmp_path / "pipe.mkv"
    os.mkfifo(pipe)
    writer = Thread(target=lambda: pipe.write_bytes(path.read_bytes()), daemon=True)
    writer.start()
    found = np.concatenate([batch.frames for batch in read_frames(pipe, 12.5, None)])
    writer.join()
    assert np.array_equal(found, sample(path, 12.5, 0, 1, skip=True)[1])


def test_only_sampled_frames_are_converted(tmp_path, monkeypatch):
    path = write("h264", tmp_path)
    convert, converted = RgbConverter.__call__, []

    def count(self, frame):
        converted.append(frame.pts)
        return convert(self, frame)

    monkeypatch.setattr(RgbConverter, "__call__", count)
    frames = sum(len(batch.frames) for batch in read_frames(path, 5, (32, 24), threads=1))
    assert frames == len(converted) == len(set(converted)) == 20
