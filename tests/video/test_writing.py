"""`VideoWriter`: atomic files, exact times and correct colours."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest
from numbered_videos import decode_plainly, numbered, numbers, uneven

from onball.errors import OnballError
from onball.video import VideoWriter, probe, read_frames


def write_numbers(path, count=50, size=(64, 48), fps=25, **settings):
    with VideoWriter(path, size, fps, **settings) as writer:
        for number in range(count):
            writer.write(numbered(number, *size))
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".m4v", ".mkv"])
@pytest.mark.parametrize("fps", [12.5, 25, Fraction(30000, 1001), 60, 23.976])
def test_frames_are_shown_at_their_times(tmp_path, suffix, fps):
    shown, times = decode_plainly(write_numbers(tmp_path / f"video{suffix}", fps=fps))
    assert shown == list(range(50))
    tolerance = 0.00051 if suffix == ".mkv" else 1e-6  # Matroska counts whole milliseconds.
    assert [float(t) for t in times] == pytest.approx([i / fps for i in range(50)], abs=tolerance)


def test_given_times_are_stored_with_millisecond_precision(tmp_path):
    times = [round(time * 1000) for time in uneven(4)]
    with VideoWriter(tmp_path / "video.mp4", (64, 48), 25) as writer:
        for number, time_ms in enumerate(times):
            writer.write(numbered(number), pts_ms=time_ms)
    shown, read = decode_plainly(tmp_path / "video.mp4")
    assert shown == list(range(len(times)))
    assert [time * 1000 for time in read] == times


def test_the_last_frame_lasts_as_long_as_the_others(tmp_path):
    for count in (1, 2, 50):
        path = write_numbers(tmp_path / "video.mp4", count)
        assert probe(path).duration_ms == 40 * count


def test_a_time_that_does_not_advance_is_refused(tmp_path):
    with (
        pytest.raises(ValueError, match="not after"),
        VideoWriter(tmp_path / "video.mp4", (64, 48), 25) as writer,
    ):
        writer.write(numbered(0), pts_ms=100)
        writer.write(numbered(1), pts_ms=100)


def test_the_same_frames_give_the_same_bytes(tmp_path):
    one, two = write_numbers(tmp_path / "one.mp4"), write_numbers(tmp_path / "two.mp4")
    assert one.read_bytes() == two.read_bytes()


def test_the_index_is_at_the_start_of_the_file(tmp_path):
    content = write_numbers(tmp_path / "video.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


@pytest.mark.parametrize("size", [(65, 48), (64, 49), (65, 49)], ids=str)
def test_an_odd_size_is_made_even_without_blurring(tmp_path, size):
    path = write_numbers(tmp_path / "video.mp4", 3, size, crf=1)
    width, height = size
    frames = next(read_frames(path, None, None)).frames
    assert frames.shape[1:3] == (height + height % 2, width + width % 2)
    wanted = np.stack([numbered(number, *size) for number in range(3)])
    assert np.abs(frames[:, :height, :width].astype(int) - wanted).mean() < 3


def test_colours_are_read_back(tmp_path):
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 256, (20, 3), dtype=np.uint8)
    with VideoWriter(tmp_path / "video.mkv", (64, 48), 25, crf=0) as writer:
        for colour in colours:
            writer.write(np.broadcast_to(colour, (48, 64, 3)))
    frames = np.concatenate([b.frames for b in read_frames(tmp_path / "video.mkv", None, None)])
    assert np.abs(frames[:, 24, 32].astype(int) - colours).max() <= 5
    with av.open(str(tmp_path / "video.mkv")) as container:
        assert next(container.decode(video=0)).colorspace == 6  # ITU-R BT.601, as it is coded.


def test_gop_is_the_maximum_distance_of_keyframes(tmp_path):
    path = write_numbers(tmp_path / "video.mp4", 50, gop=10)
    with av.open(str(path)) as container:
        keys = [packet.is_keyframe for packet in container.demux(video=0) if packet.size]
    assert np.diff(np.flatnonzero([*keys, True])).max() <= 10


def test_a_failure_leaves_no_file_and_keeps_the_old_one(tmp_path):
    path = write_numbers(tmp_path / "video.mp4", 10)
    before = path.read_bytes()
    with (
        pytest.raises(RuntimeError, match="the painter fell over"),
        VideoWriter(path, (64, 48), 25) as writer,
    ):
        writer.write(numbered(0))
        assert path.read_bytes() == before
        raise RuntimeError("the painter fell over")
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_writer_without_frames_leaves_no_file(tmp_path):
    with pytest.raises(OnballError, match="no frame"), VideoWriter(tmp_path / "f.mp4", (8, 8), 25):
        pass
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_option_value_leaves_no_file(tmp_path):
    with (
        pytest.raises(OnballError, match="preset"),
        VideoWriter(tmp_path / "f.mp4", (64, 48), 25, preset="warp") as writer,
    ):
        writer.write(numbered(0))
    assert list(tmp_path.iterdir()) == []


def test_missing_folders_are_created(tmp_path):
    path = write_numbers(tmp_path / "a" / "b" / "video.mp4", 3)
    assert numbers(next(read_frames(path, None, None)).frames) == [0, 1, 2]


@pytest.mark.parametrize(
    "frame",
    [
        np.zeros((48, 64), np.uint8),
        np.zeros((64, 48, 3), np.uint8),
        np.zeros((48, 64, 4), np.uint8),
        np.zeros((48, 64, 3), np.float32),
    ],
    ids=lambda frame: f"{frame.dtype}{frame.shape}",
)
def test_another_shape_or_type_is_refused(tmp_path, frame):
    with (
        pytest.raises(ValueError, match=r"expected a frame of uint8 \[48, 64, 3\]"),
        VideoWriter(tmp_path / "video.mp4", (64, 48), 25) as writer,
    ):
        writer.write(frame)


def test_an_unknown_suffix_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"\.mp4"):
        VideoWriter(tmp_path / "video.doc", (64, 48), 25)
