"""Videos for a browser: thumbnails, frame times, and copies of files that browsers cannot play."""

from __future__ import annotations

import io
import time
from fractions import Fraction

import av
import numpy as np
import pytest
from numbered_videos import decode_plainly, numbers, steady, uneven, write_video
from PIL import Image
from sounding_videos import heard_from, write_with_sound

from onball.errors import VideoError
from onball.video import probe
from onball.viewer.media import (
    Proxies,
    Thumbnails,
    encode_jpeg,
    frame_times_ms,
    is_playable,
    make_proxy,
)


def wait_for(proxies: Proxies, video) -> str:
    """State of a proxy once it is not being made any more."""
    deadline = time.monotonic() + 60
    while proxies.progress(video).state == "running" and time.monotonic() < deadline:
        time.sleep(0.01)
    return proxies.progress(video).state


def test_a_thumbnail_shows_the_frame_at_its_position(small_video):
    thumbnails = Thumbnails()
    for frame in (0, 27, 99):
        image = Image.open(io.BytesIO(thumbnails.get(small_video, frame * 40)))
        assert numbers(np.asarray(image.convert("RGB"))[None]) == [frame]
    assert thumbnails.get(small_video, 0) is thumbnails.get(small_video, 0)


def test_a_jpeg_has_the_colours_of_the_frame():
    frame = np.full((32, 48, 3), (200, 40, 90), np.uint8)
    decoded = np.asarray(Image.open(io.BytesIO(encode_jpeg(frame))).convert("RGB"), int)
    assert decoded.shape == frame.shape and np.abs(decoded - frame).max() < 12


def test_frame_times_are_those_of_the_decoded_frames(tmp_path):
    video = write_video(tmp_path / "uneven.mp4", uneven(3), 25)
    _, times = decode_plainly(video)
    assert frame_times_ms(video) == pytest.approx([float(time * 1000) for time in times], abs=0.02)


@pytest.mark.parametrize(
    ("name", "codec", "pixels", "playable"),
    [
        ("a.mp4", "libx264", "yuv420p", True),
        ("a.mp4", "libx264", "yuv422p", False),
        ("a.mkv", "libx264", "yuv420p", False),
        ("a.mp4", "mpeg4", "yuv420p", False),
    ],
)
def test_what_browsers_play_is_known_by_container_codec_and_pixels(
    tmp_path, name, codec, pixels, playable
):
    video = write_video(tmp_path / name, steady(25, 0.4), codec=codec, pixel_format=pixels)
    assert is_playable(probe(video)) is playable


@pytest.mark.parametrize("name", ["a.avi", "a.mkv"])
def test_a_proxy_has_the_same_frames_at_the_same_times(tmp_path, name):
    codec = "mpeg4" if name.endswith("avi") else "libx264"
    times = steady(25, 2) if name.endswith("avi") else [Fraction(i * i, 250) for i in range(30)]
    options = {"qscale": "2"} if codec == "mpeg4" else {}
    video = write_video(tmp_path / name, times, codec=codec, size=(96, 64), options=options)
    proxies = Proxies(tmp_path / "proxies")
    assert proxies.progress(video).state == "none"
    assert proxies.start(video).state in ("running", "ready")
    assert wait_for(proxies, video) == "ready"
    expected, made = decode_plainly(video), decode_plainly(proxies.path(video))
    assert made[0] == expected[0] == list(range(len(times)))
    assert [float(t) for t in made[1]] == pytest.approx([float(t) for t in expected[1]], abs=1e-3)
    assert is_playable(probe(proxies.path(video)))


def test_a_proxy_has_the_sound_at_its_time(tmp_path):
    video = write_with_sound(tmp_path / "a.mkv", 1.6, 0.8)
    proxies = Proxies(tmp_path / "proxies")
    proxies.start(video)
    assert wait_for(proxies, video) == "ready"
    heard, end_s = heard_from(proxies.path(video))
    assert heard == pytest.approx(0.8, abs=0.03) and end_s == pytest.approx(1.6, abs=0.05)
    with av.open(str(proxies.path(video))) as made:
        assert [stream.codec_context.name for stream in made.streams.audio] == ["aac"]


def test_a_proxy_is_made_once_also_by_another_launch(tmp_path):
    video = write_video(tmp_path / "a.mkv", steady(25, 0.4))
    first = Proxies(tmp_path / "proxies")
    first.start(video)
    assert wait_for(first, video) == "ready"
    made = first.path(video).stat().st_mtime_ns
    assert Proxies(tmp_path / "proxies").start(video).state == "ready"
    assert first.path(video).stat().st_mtime_ns == made


def test_a_proxy_that_cannot_be_made_says_why_and_leaves_nothing(tmp_path):
    video = tmp_path / "no.avi"
    video.write_bytes(b"no video")
    proxies = Proxies(tmp_path / "proxies")
    proxies.start(video)
    assert wait_for(proxies, video) == "failed"
    assert "no.avi" in proxies.progress(video).error
    assert not list((tmp_path).rglob("*.mp4"))
    with pytest.raises(VideoError):
        make_proxy(video, tmp_path / "x.mp4", lambda _: None)


def test_a_server_that_ends_leaves_no_half_of_a_proxy(tmp_path):
    video = write_video(tmp_path / "a.mkv", steady(25, 4))
    proxies = Proxies(tmp_path / "proxies")
    proxies.close()  # before the first frame
    proxies.start(video)
    assert wait_for(proxies, video) == "none"
    assert list((tmp_path / "proxies").glob("*")) == []
