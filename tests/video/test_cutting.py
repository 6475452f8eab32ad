"""`cut_video`: exactly the frames of a span, with exact times between them."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from numbered_videos import (
    decode_plainly,
    hide_lead_in,
    numbered,
    numbers,
    steady,
    uneven,
    write_video,
)

from onball.errors import VideoError
from onball.video import cut_video, probe, read_frames


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
@pytest.mark.parametrize("times", [steady(25, 4), uneven(4)], ids=["steady", "variable"])
@pytest.mark.parametrize(
    ("start_ms", "end_ms"), [(0, 400), (1000, 2000), (1001, 1999), (3000, 9000)]
)
def test_a_cut_video_has_the_frames_of_the_span_at_their_intervals(
    tmp_path, suffix, times, start_ms, end_ms
):
    source = write_video(tmp_path / f"video.{suffix}", times)
    count = cut_video(source, start_ms, end_ms, tmp_path / "piece.mp4")
    shown, piece_times = decode_plainly(tmp_path / "piece.mp4")
    inside = [i for i, time in enumerate(times) if start_ms <= time * 1000 < end_ms]
    assert shown == inside
    assert count == len(inside)
    wanted = [float(times[i] - times[inside[0]]) for i in inside]
    assert [float(time) for time in piece_times] == pytest.approx(wanted, abs=0.00051)


def test_times_count_from_the_first_shown_frame(tmp_path):
    source = write_video(tmp_path / "video.mp4", steady(25, 4))
    hide_lead_in(source, Fraction(1))
    cut_video(source, 400, 800, tmp_path / "piece.mp4")
    assert decode_plainly(tmp_path / "piece.mp4")[0] == list(range(35, 45))


def test_colours_of_high_definition_are_kept(tmp_path):
    frame = np.full((720, 1280, 3), (60, 140, 50), np.uint8)
    source = write_video(
        tmp_path / "video.mp4", steady(25, 0.2), size=(1280, 720), frames=[frame] * 5
    )
    cut_video(source, 0, 200, tmp_path / "piece.mp4")
    before, after = (
        next(read_frames(path, None, (64, 36))).frames.astype(int)
        for path in (source, tmp_path / "piece.mp4")
    )
    assert np.abs(before - after).max() <= 3


def test_a_rotated_video_is_cut_upright(tmp_path):
    source = write_video(
        tmp_path / "video.mp4",
        steady(25, 1),
        rotate=90,
        frames=[np.ascontiguousarray(np.rot90(numbered(i, 48, 64), -1)) for i in range(25)],
    )
    cut_video(source, 200, 400, tmp_path / "piece.mp4")
    info = probe(tmp_path / "piece.mp4")
    assert (info.width, info.height, info.rotation) == (48, 64, 0)
    assert numbers(next(read_frames(tmp_path / "piece.mp4", None, None)).frames) == list(
        range(5, 10)
    )


def test_a_video_of_odd_size_is_cut(tmp_path):
    source = write_video(
        tmp_path / "video.mkv", steady(25, 1), codec="ffv1", size=(65, 49), pixel_format="yuv444p"
    )
    cut_video(source, 200, 400, tmp_path / "piece.mp4")
    frames = next(read_frames(tmp_path / "piece.mp4", None, None)).frames
    assert frames.shape == (5, 50, 66, 3)
    assert numbers(frames) == list(range(5, 10))


def test_a_span_without_frames_is_an_error_and_leaves_no_file(tmp_path):
    source = write_video(tmp_path / "video.mp4", steady(25, 1))
    with pytest.raises(VideoError, match="no frame from 5000 to 6000 ms") as caught:
        cut_video(source, 5000, 6000, tmp_path / "piece.mp4")
    assert str(source) in str(caught.value)
    assert not (tmp_path / "piece.mp4").exists()


@pytest.mark.parametrize("span", [(-1, 5), (5, 5), (6, 5)])
def test_an_empty_or_negative_span_is_refused(tmp_path, span):
    with pytest.raises(ValueError, match="no span"):
        cut_video(tmp_path / "video.mp4", *span, tmp_path / "piece.mp4")
