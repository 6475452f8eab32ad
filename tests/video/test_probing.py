"""`probe`: properties of a video from its header and its first frame."""

from __future__ import annotations

from fractions import Fraction

import pytest
from numbered_videos import CLIPS, decode_plainly, hide_lead_in, steady, uneven, write_video

from onball.video import probe


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "avi"])
@pytest.mark.parametrize("rate", [25, 50, Fraction(30000, 1001)], ids=str)
def test_properties_of_a_video_with_constant_frame_rate(tmp_path, suffix, rate):
    path = write_video(tmp_path / f"video.{suffix}", steady(rate, 4), rate)
    info = probe(path)
    assert (info.width, info.height, info.codec) == (64, 48, "h264")
    assert (info.pixel_format, info.rotation, info.variable_rate) == ("yuv420p", 0, False)
    assert info.fps == pytest.approx(float(rate), rel=0.001)
    assert info.duration_ms == pytest.approx(4000, abs=45)
    assert info.frame_count == pytest.approx(4 * float(rate), abs=1)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_a_variable_frame_rate_is_detected(tmp_path, suffix):
    path = write_video(tmp_path / f"video.{suffix}", uneven(4))
    assert probe(path).variable_rate


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_one_repeated_frame_is_not_a_variable_frame_rate(tmp_path, suffix):
    times = [time + (time > 2) for time in steady(25, 4)]
    assert not probe(write_video(tmp_path / f"video.{suffix}", times)).variable_rate


def test_a_hidden_lead_in_is_not_counted(tmp_path):
    path = write_video(tmp_path / "video.mp4", steady(25, 5))
    hide_lead_in(path, Fraction(1))
    info = probe(path)
    assert info.duration_ms == 4000
    assert info.frame_count == len(decode_plainly(path)[0]) == 100


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_a_late_start_is_not_counted(tmp_path, suffix):
    path = write_video(tmp_path / f"video.{suffix}", [time + 7 for time in steady(25, 4)])
    assert probe(path).duration_ms == pytest.approx(4000, abs=45)


@pytest.mark.skipif(not CLIPS, reason="no ../shared/clips beside this checkout")
@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: clip.stem)
def test_properties_of_real_broadcasts(clip):
    info = probe(clip)
    assert clip.stem.endswith(f"{info.height}p")
    assert 23.9 < info.fps < 30.1
    assert info.frame_count == pytest.approx(info.duration_ms * info.fps / 1000, rel=0.01)
