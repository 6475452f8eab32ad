"""Live sources: addresses, frames in real time, what is left out, lost connections, recordings."""

from __future__ import annotations

import os
import re
import threading
import time
from fractions import Fraction
from itertools import count
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
    wait_until,
)
from numbered_videos import decode_plainly, nearest, numbers

from onball.errors import OnballError, VideoError
from onball.video.live import LiveFrame, LiveSource
from onball.video.live_address import LiveAddress
from onball.video.notices import FramesSkipped, StreamConnected, StreamGap, StreamLost
from onball.video.recording import Recorder, check_recording
from onball.video.stream_clock import Backoff

SIZE = (64, 48)


@pytest.fixture(scope="module")
def video(tmp_path_factory) -> Path:
    """Six seconds at 25 frames per second."""
    return numbered_stream(tmp_path_factory.mktemp("live") / "match.mp4", 6)


def opened(address: str | Path | LiveAddress, fps: float = 12.5, **settings) -> LiveSource:
    parsed = address if isinstance(address, LiveAddress) else LiveAddress.parse(address)
    # No machine is too slow for this, unless the test says so.
    return LiveSource(parsed, fps, SIZE, **{"max_behind_s": 1e9} | settings)


def assert_sampled_as_a_file(frames, video: Path, fps: float = 12.5) -> None:
    stored, times = decode_plainly(video)
    assert [frame.number for frame in frames] == list(range(len(frames)))
    wanted = [stored[nearest(times, round(1000 * i / fps))] for i in range(len(frames))]
    assert numbers(np.stack([frame.pixels for frame in frames])) == wanted
    assert abs(len(frames) - float(times[-1]) * fps) <= 1.5


# Addresses


@pytest.mark.parametrize(
    ("source", "kind", "returns"),
    [
        ("-", "pipe", False),
        ("rtsp://camera/main", "network", True),
        ("https://host/live/index.m3u8", "network", True),
        ("file:///tmp/a.mp4", "file", False),
    ],
)
def test_the_kind_of_a_source_follows_from_its_address(source, kind, returns):
    address = LiveAddress.parse(source)
    assert (address.kind, address.returns) == (kind, returns)


def test_given_options_take_precedence_over_usual_ones():
    usual = LiveAddress.parse("rtsp://camera/main").options
    assert usual["rtsp_flags"] == "prefer_tcp"
    fast = LiveAddress.parse("rtsp://camera/main", options={"analyzeduration": "0"}).options
    assert fast == usual | {"analyzeduration": "0"}
    listening = LiveAddress.parse("rtsp://0.0.0.0:8554/x", options={"rtsp_flags": "listen"})
    assert listening.listens and listening.options["rtsp_flags"] == "listen"
    assert LiveAddress.parse("rtmp://0.0.0.0/x", options={"listen": "1"}).listens
    assert not LiveAddress.parse("rtmp://host/x").listens


def test_a_password_is_not_shown():
    address = LiveAddress.parse("rtsp://me:secret@camera:554/main?x=1")
    assert address.shown == "rtsp://me:***@camera:554/main?x=1"
    assert "secret" in address.url


def test_a_missing_file_and_a_folder_are_errors_at_once(tmp_path):
    with pytest.raises(VideoError, match=r"none\.mp4: no such file: check the path; a URL begins"):
        LiveAddress.parse(tmp_path / "none.mp4")
    with pytest.raises(VideoError, match="is a folder"):
        LiveAddress.parse(tmp_path)


def test_what_cannot_be_opened_is_one_line(tmp_path):
    text = tmp_path / "notes.xyz"
    text.write_text("no video\n" * 100)
    with pytest.raises(VideoError, match=r"notes\.xyz: not a video that FFmpeg recognises"):
        collect(opened(text))
    with pytest.raises(VideoError, match=r"rtmp://.*: cannot be read \(Connection refused\)"):
        collect(opened(f"rtmp://127.0.0.1:{free_port()}/live"))
    with pytest.raises(VideoError, match="FFmpeg has no such protocol here"):
        collect(opened("nothing://127.0.0.1/live"))


# Files and pipes


def test_a_file_in_real_time_gives_the_frames_that_reading_gives(video):
    frames, notices = collect(opened(video, clock=fast_clock(30)))
    assert_sampled_as_a_file(frames, video)
    assert notices == [StreamConnected(0, 64, 48, "h264", "mov")]


def test_a_file_is_played_at_the_speed_of_its_time(video):
    clock = fast_clock(4)
    begun = clock()
    frames, _ = collect(opened(video, clock=clock))
    due = np.array([frame.due_s for frame in frames]) - begun
    media = np.array([frame.number / 12.5 for frame in frames])
    assert (due[10:] >= media[10:] - 0.5).all(), "no frame comes before its time"


def test_without_real_time_a_file_is_read_at_once_and_nothing_is_left_out(video):
    def still() -> float:
        return 0.0

    frames, _ = collect(opened(video, realtime=False, max_behind_s=0.0, clock=still), most=3)
    assert_sampled_as_a_file(frames, video)


def test_a_named_pipe_is_read_to_its_end(tmp_path, video):
    stream, pipe = tmp_path / "match.ts", tmp_path / "pipe"
    numbered_stream(stream, 4)
    os.mkfifo(pipe)

    def write() -> None:
        with pipe.open("wb") as target:
            target.write(stream.read_bytes())

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    frames, notices = collect(opened(pipe))
    writer.join(LIMIT_S)
    assert_sampled_as_a_file(frames, stream)
    assert [type(notice) for notice in notices] == [StreamConnected]


def test_a_device_is_opened_by_its_format():
    address = LiveAddress.parse("testsrc=rate=25:duration=2:size=64x48", format="lavfi")
    assert address.kind == "device" and address.returns
    source = opened(address, backoff=Backoff(0.01), give_up_s=0)
    with source:
        taken = []
        while len(taken) < 20:
            taken += [item for item in source.take(16) if not isinstance(item, StreamConnected)]
    assert [frame.number for frame in taken[:20]] == list(range(20))


# Too slow


def test_a_consumer_that_is_too_slow_gets_evenly_thinned_frames_and_their_number(video):
    now = [0.0]
    source = opened(video, max_behind_s=0.5, clock=lambda: now[0], realtime=True)
    source.address = LiveAddress(str(video), "pipe", "a pipe")  # not paced
    frames, notices = [], []
    with source:
        wait_until(lambda: source._done)  # everything was decoded
        now[0] = 1000.0  # the consumer comes back late
        while not source.finished:
            for item in source.take(10):
                (notices if isinstance(item, FramesSkipped | StreamConnected) else frames).append(
                    item
                )
    indices = [frame.number for frame in frames]
    assert len(indices) <= 10 and set(np.diff(indices)) == {8}
    skipped = sum(notice.frames for notice in notices if isinstance(notice, FramesSkipped))
    assert skipped == source.skipped == 75 - len(indices)
    assert indices[-1] == 74, "the newest frame stays"
    assert numbers(np.stack([frame.pixels for frame in frames])) == [2 * i for i in indices]


def test_frames_that_wait_are_bounded(tmp_path):
    long = numbered_stream(tmp_path / "long.ts", 40)
    source = opened(LiveAddress(str(long), "pipe", "a pipe"))
    with source:
        wait_until(lambda: source._done)
        assert len(source._items) <= 251
        assert source.skipped >= 500 - 250


def test_frames_that_a_late_decoder_leaves_out_are_counted_and_not_replaced(tmp_path):
    stream = numbered_stream(tmp_path / "slow.ts", 8)

    def clock() -> float:  # late enough to leave out frames, but not to go on with a keyframe
        return 0.0 if "read" in threading.current_thread().name else 10.0

    source = opened(LiveAddress(str(stream), "pipe", "a pipe"), 25, max_behind_s=10.0, clock=clock)
    frames, notices = collect(source, most=250)
    assert [frame.number for frame in frames] == numbers(np.stack([f.pixels for f in frames]))
    assert 50 < source.skipped == 200 - len(frames)
    assert sum(one.frames for one in notices if isinstance(one, FramesSkipped)) == source.skipped


def test_a_decoder_that_is_late_continues_with_the_newest_keyframe(tmp_path):
    stream = numbered_stream(tmp_path / "slow.ts", 8, options={"g": "25", "bf": "0"})
    everything_is_read, reads = threading.Event(), count()

    def clock() -> float:
        if "read" in threading.current_thread().name:
            return next(reads) / 25  # packets come at the rate of their frames
        return 100.0 if source._frames_waiting >= 10 else 0.0  # decoding falls behind

    source = opened(LiveAddress(str(stream), "pipe", "a pipe"), max_behind_s=1.0, clock=clock)
    decode = source._decode
    source._decode = lambda: everything_is_read.wait(LIMIT_S) and decode()
    with source:
        wait_until(lambda: source._packets and source._packets[-1] is None)
        everything_is_read.set()
        wait_until(lambda: source._done)
        items = source.take(1000)
    (gap,) = [item for item in items if isinstance(item, StreamGap)]
    assert gap.reason == "decoding was too slow"
    frames = [item for item in items if isinstance(item, LiveFrame)]
    shown = numbers(np.stack([frame.pixels for frame in frames]))
    before = [number for number in shown if number < 175]  # that of the newest keyframe
    assert before == list(range(0, 2 * len(before), 2)) and 10 <= len(before) <= 12
    assert [index for index in shown if index >= 175] == list(range(176, 200, 2))
    assert gap.end_ms == 7000 and frames[-1].number == 99, "times stay right"


# Lost connections


@pytest.mark.medium
def test_a_stream_that_dies_and_returns_is_marked_and_its_times_stay_right(video):
    url = f"rtmp://127.0.0.1:{free_port()}/live/match"
    source = opened(
        # FFmpeg would analyse the first 5 MB, more than this stream has.
        LiveAddress.parse(url, "flv", options={"listen": "1", "probesize": "32"}),
        backoff=Backoff(0.05),
        give_up_s=LIMIT_S,
    )
    frames, notices = [], []

    def receive(enough) -> None:
        ends_at = time.monotonic() + LIMIT_S
        while not enough():
            assert time.monotonic() < ends_at
            for item in source.take(16):
                (frames if isinstance(item, LiveFrame) else notices).append(item)

    began_s, ended_s = [], []
    with source:
        for _ in range(2):
            enough = len(frames) + 12
            began_s.append(time.monotonic())
            with sender(video, url, "flv", "flush_packets=1", speed=1):
                receive(lambda enough=enough: len(frames) >= enough)
            ended_s.append(time.monotonic())
            if len(began_s) == 1:
                receive(lambda: isinstance(notices[-1], StreamLost))
    kinds = [type(notice) for notice in notices]
    assert kinds[:4] == [StreamConnected, StreamLost, StreamConnected, StreamGap]
    gap = notices[3]
    assert notices[1].time_ms == pytest.approx(gap.start_ms, abs=1)
    assert gap.reason == notices[1].reason != ""
    indices = np.array([frame.number for frame in frames])
    assert (np.diff(indices) > 0).all()
    times = indices * 80
    assert not ((times > gap.start_ms + 20) & (times < gap.end_ms)).any()
    # The gap is as long as nothing was sent: this, and the senders' start, took some time.
    sent_s = ended_s[0] - began_s[0], began_s[1] - ended_s[0]
    assert gap.start_ms / 1000 <= sent_s[0] + 0.1
    assert gap.end_ms / 1000 <= ended_s[1] - began_s[0] + 0.1
    assert (gap.end_ms - gap.start_ms) / 1000 >= sent_s[1] - 0.1


def test_a_source_that_does_not_return_is_given_up(video, monkeypatch):
    open_address, limits_s = LiveAddress.open, [LIMIT_S]

    def open_patiently(self, timeout_s):
        """Allow the process of the sender pauses of any length."""
        return open_address(self, limits_s.pop() if limits_s else timeout_s)

    monkeypatch.setattr(LiveAddress, "open", open_patiently)
    port = free_port()
    url = f"tcp://127.0.0.1:{port}?listen=1"
    stream = opened(
        LiveAddress(url, "network", "the stream", "mpegts"),
        clock=fast_clock(50),
        backoff=Backoff(0.05, 0.1),
        give_up_s=5,
        timeout_s=2,
    )
    given_up = pytest.raises(
        OnballError, match=r"the stream: .*; given up, \d+ s after it was lost"
    )
    with sender(video, f"tcp://127.0.0.1:{port}", "mpegts", speed=50), given_up:
        collect(stream)
    assert stream.end_reason == "the stream ended"


# Recording


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".ts"])
def test_a_recording_has_every_frame_of_the_stream_as_it_was(tmp_path, video, suffix):
    path = tmp_path / f"copy{suffix}"
    collect(opened(video, realtime=False, recorder=Recorder(path)))
    found, times = decode_plainly(path)
    wanted, wanted_times = decode_plainly(video)
    assert found == wanted
    assert max(abs(a - b) for a, b in zip(times, wanted_times, strict=True)) <= Fraction(1, 1000)
    with av.open(str(path)) as copy, av.open(str(video)) as original:
        assert copy.streams.video[0].codec.name == "h264"
        sizes = [
            [packet.size for packet in each.demux(each.streams.video[0]) if packet.size]
            for each in (copy, original)
        ]
    if suffix != ".ts":  # which stores parameters with every keyframe
        assert sizes[0] == sizes[1]


def test_a_stopped_stream_leaves_a_finished_recording(tmp_path, video):
    path = tmp_path / "copy.mp4"
    source = opened(video, clock=fast_clock(4), recorder=Recorder(path))
    taken = 0
    with source:
        while taken < 10:
            taken += len(source.take(1))
    assert source.recordings == (path,)
    found, _ = decode_plainly(path)
    # The last frames may refer to some that had not come yet.
    assert 15 <= len(found) < 150 and found[:15] == list(range(15))


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".ts"])
def test_a_stream_that_is_stopped_before_its_first_packet_leaves_no_recording(
    tmp_path, video, suffix
):
    recorder = Recorder(tmp_path / f"copy{suffix}")
    with av.open(str(video)) as source:
        recorder.connect(source.streams.video[0])
    recorder.close()  # with a header and no packet, FFmpeg crashes here
    assert recorder.files == [] and list(tmp_path.iterdir()) == []


def test_a_recording_continues_over_an_interruption_with_the_time_that_passed(tmp_path, video):
    recorder = Recorder(tmp_path / "copy.mkv")
    for received_s in (100.0, 110.0):
        with av.open(str(video)) as source:
            stream = source.streams.video[0]
            recorder.connect(stream)
            for packet in source.demux(stream):
                if packet.size:
                    recorder.write(packet, received_s + float(packet.dts * packet.time_base))
    recorder.close()
    assert len(recorder.files) == 1
    found, times = decode_plainly(recorder.files[0])
    assert found == [*range(150)] * 2
    assert float(times[150]) == pytest.approx(10, abs=0.1)


def test_a_stream_that_returns_in_another_size_goes_into_a_second_file(tmp_path, video):
    other = numbered_stream(tmp_path / "other.mp4", 1, size=(96, 72))
    recorder = Recorder(tmp_path / "copy.mkv")
    for path in (video, other):
        with av.open(str(path)) as source:
            recorder.connect(source.streams.video[0])
            for packet in source.demux(source.streams.video[0]):
                recorder.write(packet, 0.0)
    recorder.close()
    assert [path.name for path in recorder.files] == ["copy.mkv", "copy-2.mkv"]
    assert len(decode_plainly(recorder.files[1])[0]) == 25


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("copy.txt", "copy.txt: unknown kind of video file (known: .mkv, .mp4"),
        ("there.mkv", "there.mkv: is there already: give another name, or --overwrite"),
        ("nowhere/copy.mkv", "copy.mkv: its folder does not exist: create it first"),
    ],
)
def test_a_recording_that_cannot_be_written_is_refused_before_the_stream(tmp_path, name, message):
    (tmp_path / "there.mkv").write_bytes(b"")
    with pytest.raises(OnballError, match=re.escape(message)):
        check_recording(tmp_path / name)
    check_recording(tmp_path / "there.mkv", overwrite=True)
