"""Live sources over the network of this machine: RTMP, RTSP, a growing HLS playlist, plain HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import av
import numpy as np
import pytest
from live_streams import (
    LIMIT_S,
    collect,
    fast_clock,
    free_port,
    numbered_stream,
    sender,
    served,
    wait_until,
)
from numbered_videos import numbers
from stream_servers import RtmpServer, rtsp_server

from onball.video.live import LiveFrame, LiveSource
from onball.video.live_address import LiveAddress
from onball.video.notices import StreamConnected, StreamGap, StreamLost
from onball.video.stream_clock import Backoff

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def video(tmp_path_factory) -> Path:
    return numbered_stream(tmp_path_factory.mktemp("live") / "match.mp4", 8, options={"g": "25"})


def opened(address: str, **options: str) -> LiveSource:
    parsed = LiveAddress.parse(address, options=options)
    settings = {"max_behind_s": 1e9, "backoff": Backoff(0.1), "give_up_s": LIMIT_S}
    return LiveSource(parsed, 12.5, (64, 48), **settings)


def assert_steady(frames: list[LiveFrame], most_uneven: int = 0) -> None:
    """Frames show what is at their times, from wherever the stream was joined.

    Up to `most_uneven` steps may be a frame shorter or longer: RTP adjusts its clock at first.
    """
    shown = np.array(numbers(np.stack([frame.pixels for frame in frames])))
    assert [frame.number for frame in frames] == list(range(len(frames)))
    off = np.abs(np.diff(shown) - 2)
    assert off.max() <= 1 and off.sum() <= most_uneven


@pytest.mark.parametrize(
    ("scheme", "kind", "listen", "send"),
    [
        ("rtmp", "flv", {"listen": "1"}, ()),
        ("rtsp", "rtsp", {"rtsp_flags": "listen"}, ("rtsp_transport=tcp",)),
        ("rtsp", "rtsp", {"rtsp_flags": "listen"}, ("rtsp_transport=udp",)),
    ],
    ids=["rtmp", "rtsp over tcp", "rtsp over udp"],
)
def test_a_sender_is_received_frame_by_frame(video, scheme, kind, listen, send):
    url = f"{scheme}://127.0.0.1:{free_port()}/live/match"
    source, frames, notices = opened(url, **listen), [], []
    with source, sender(video, url, kind, *send, speed=2):
        while not any(isinstance(notice, StreamLost) for notice in notices):
            for item in source.take(16):
                (frames if isinstance(item, LiveFrame) else notices).append(item)
    assert isinstance(notices[0], StreamConnected) and notices[0].width == 64
    assert len(frames) >= 95
    assert_steady(frames, most_uneven=2 if scheme == "rtsp" else 0)


def receive(source: LiveSource, frames: list, notices: list, enough: Callable[[], bool]) -> None:
    """Take frames and notices until there are enough."""
    ends_at = time.monotonic() + LIMIT_S
    while not enough():
        assert time.monotonic() < ends_at, "the stream does not come"
        for item in source.take(16):
            (frames if isinstance(item, LiveFrame) else notices).append(item)


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_a_camera_is_received_frame_by_frame(video, transport):
    with rtsp_server(video) as url:
        source, frames, notices = opened(url, rtsp_transport=transport), [], []
        with source:
            receive(source, frames, notices, lambda: len(frames) >= 90)
    assert isinstance(notices[0], StreamConnected)
    assert (notices[0].width, notices[0].codec, notices[0].format) == (64, "h264", "rtsp")
    assert numbers(frames[0].pixels[None])[0] <= 2
    assert_steady(frames[:90], most_uneven=2)


def test_a_server_that_is_started_again_is_found_again(video, tmp_path):
    server = RtmpServer(tmp_path)
    source, frames, notices = opened(server.url), [], []
    with ExitStack() as opening:
        with server.running(), sender(video, server.url, "flv", speed=1):
            wait_until(lambda: has_stream(server.url))
            opening.enter_context(source)
            receive(source, frames, notices, lambda: len(frames) >= 25)
        first = len(frames)
        receive(source, frames, notices, lambda: isinstance(notices[-1], StreamLost))
        with server.running(), sender(video, server.url, "flv", speed=1):
            receive(source, frames, notices, lambda: len(frames) >= first + 25)
    kinds = [type(notice) for notice in notices]
    assert kinds[:4] == [StreamConnected, StreamLost, StreamConnected, StreamGap]
    gap = notices[3]
    before = [frame for frame in frames if frame.number * 80 <= gap.start_ms + 20]
    after = [frame for frame in frames if frame.number * 80 >= gap.end_ms]
    assert len(before) + len(after) == len(frames) and len(before) >= 25 and after
    for part in (before, after):
        shown = np.array(numbers(np.stack([frame.pixels for frame in part])))
        assert (np.diff(shown) == 2).all()


def has_stream(url: str) -> bool:
    """True if a server has the stream that is sent to it."""
    try:
        av.open(url, timeout=5).close()
    except (av.FFmpegError, OSError):
        return False
    return True


def test_a_growing_playlist_is_followed_until_it_is_finished(video, tmp_path):
    playlist = tmp_path / "live.m3u8"
    options = ("hls_time=1", "hls_list_size=4", "hls_flags=delete_segments")
    with served(tmp_path) as site, sender(video, str(playlist), "hls", *options, speed=1):
        wait_until(lambda: playlist.exists() and playlist.read_text().count("#EXTINF") >= 2)
        source = opened(f"{site}/live.m3u8")
        frames, notices = collect(source)
    assert [type(notice) for notice in notices] == [StreamConnected, StreamLost]
    assert source.end_reason == "the stream is over"
    assert_steady(frames)
    shown = numbers(np.stack([frame.pixels for frame in frames]))
    assert 0 < shown[0] <= 125, "it begins with the newest segment"
    assert shown[-1] >= 196


def test_a_video_on_a_web_server_is_played_like_a_file(video):
    with served(video.parent) as site:
        clock = fast_clock(4)
        source = LiveSource(
            LiveAddress.parse(f"{site}/{video.name}"),
            12.5,
            (64, 48),
            clock=clock,
            max_behind_s=1e9,
        )
        begun_s = clock()
        frames, notices = collect(source)
        assert clock() - begun_s >= 7.5
    assert [type(notice) for notice in notices] == [StreamConnected]
    assert len(frames) == 100
    assert_steady(frames)
