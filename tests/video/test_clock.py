"""Videos whose container keeps time badly: clocks that begin again or jump, AVI, program streams."""

from __future__ import annotations

import warnings
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from irregular_videos import join_bytes, shift_times, write_packets_again, write_streams, write_tone
from numbered_videos import numbered, numbers, write_video

from onball.errors import OnballWarning
from onball.video import probe, read_frames

MPEG2 = {"codec": "mpeg2video", "options": {"g": "12", "bf": "2"}}


def recording(path: Path, first: int, last: int, **settings) -> Path:
    """Write frames `first` to `last` (included) at 25 fps; the clock begins at 0."""
    frames = (numbered(number) for number in range(first, last + 1))
    times = [Fraction(number, 25) for number in range(last + 1 - first)]
    return write_video(path, times, frames=frames, **settings)


def read(
    path: Path, fps: float | None = None, **settings
) -> tuple[list[int], list[int], list[str]]:
    """Numbers and times of all frames, and the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        batches = list(read_frames(path, fps, None, threads=1, **settings))
    shown = numbers(np.concatenate([batch.frames for batch in batches])) if batches else []
    times = [int(time) for batch in batches for time in batch.pts_ms]
    messages = [str(w.message) for w in caught if w.category is OnballWarning]
    assert len(messages) == sum(w.category is not ResourceWarning for w in caught)
    return shown, times, messages


def assert_reads_the_same_from_any_time(path: Path, count: int) -> None:
    """Check times and numbers, read from some times, against those that are read from 0."""
    shown, times, _ = read(path)
    for start in np.linspace(1, times[-1], count).astype(int).tolist():
        part, at, _ = read(path, start_ms=start)
        keep = [k for k, time in enumerate(times) if time >= start]
        assert (part, at) == ([shown[k] for k in keep], [times[k] for k in keep]), start


@pytest.mark.parametrize(
    ("suffix", "settings"),
    [("ts", {}), ("ts", MPEG2), ("mpg", MPEG2), ("mkv", {}), ("mkv", {"codec": "mpeg4"})],
    ids=["ts", "ts_mpeg2", "mpg", "mkv", "mkv_mpeg4"],
)
def test_a_clock_that_begins_again_goes_on_after_the_last_frame(tmp_path, suffix, settings):
    spans = [(0, 24), (25, 54), (55, 69)] if suffix != "mkv" else [(0, 24), (25, 69)]
    parts = [
        recording(tmp_path / f"{first}.{suffix}", first, last, **settings) for first, last in spans
    ]
    path = join_bytes(parts, tmp_path / f"joined.{suffix}")
    shown, times, messages = read(path)
    assert shown == list(range(70))
    assert times == [40 * number for number in range(70)]
    (message,) = messages
    assert message.startswith(f"{path}: its clock begins again at 1.00 s")
    info = probe(path)
    assert (info.duration_ms, info.frame_count, info.fps) == (2800, 70, 25)
    assert_reads_the_same_from_any_time(path, 5)


def test_recordings_of_one_frame_follow_each_other(tmp_path):
    parts = [recording(tmp_path / f"{k}.ts", k, k) for k in range(5)]
    path = join_bytes(parts, tmp_path / "joined.ts")
    assert read(path)[:2] == (list(range(5)), [0, 40, 80, 120, 160])
    assert probe(path).duration_ms == 200


@pytest.mark.parametrize("suffix", ["ts", "mkv", "mp4", "flv"])
def test_a_jump_of_the_clock_is_named_and_left_out(tmp_path, suffix):
    source = recording(tmp_path / "video.mp4", 0, 79)
    # 20 hours are more than the durations in an MP4 of this clock can hold.
    hours = 3 if suffix == "mp4" else 20
    path = tmp_path / f"jumps.{suffix}"
    write_packets_again(source, path, shift_times(1.6, hours * 3600))
    shown, times, messages = read(path)
    assert shown == list(range(80))
    assert times == pytest.approx([40 * number for number in range(80)], abs=45)
    (message,) = messages
    assert f"its clock jumps by {hours:02d}:00:00 at 1.6" in message
    info = probe(path)
    # FFmpeg gives two packets of an FLV no time where the clock jumps.
    assert info.duration_ms == pytest.approx(3200, abs=85 if suffix == "flv" else 1)
    assert info.fps == pytest.approx(25, rel=0.03)
    assert_reads_the_same_from_any_time(path, 4)


def test_restarts_and_jumps_in_one_stream_are_both_named(tmp_path):
    source = recording(tmp_path / "video.mp4", 0, 39)
    jumping = write_packets_again(source, tmp_path / "jumps.ts", shift_times(0.8, 50_000))
    second = recording(tmp_path / "second.ts", 40, 69)
    path = join_bytes([jumping, second], tmp_path / "joined.ts")
    shown, times, messages = read(path)
    assert (shown, times) == (list(range(70)), [40 * number for number in range(70)])
    assert ["jumps" in messages[0], "begins again at 1.60 s" in messages[1]] == [True, True]
    assert_reads_the_same_from_any_time(path, 4)


@pytest.mark.parametrize("seconds", [-30_000, 4, 30_000])
def test_a_single_wrong_time_does_not_move_the_frames_after_it(tmp_path, seconds):
    source = recording(tmp_path / "video.mp4", 0, 49, options={"bf": "0"})

    def change(index: int, packet) -> bool:
        if index == 30:
            packet.pts = max(packet.dts, packet.pts + round(seconds / packet.time_base))
        return True

    path = write_packets_again(source, tmp_path / "wrong.ts", change)
    if seconds < 0:
        content = bytearray(path.read_bytes())
        path.write_bytes(_with_earlier_time(content, 30))
    shown, times, messages = read(path)
    assert set(range(50)) - set(shown) <= {30}
    assert times == [40 * number for number in shown]
    assert len(messages) == 1 and "damaged at 1.16 s" in messages[0]


def _with_earlier_time(content: bytearray, index: int) -> bytes:
    """A transport stream whose PES packet `index` of video is shown at 0."""
    starts = [k for k in range(len(content) - 4) if content[k : k + 4] == b"\x00\x00\x01\xe0"]
    at = starts[index] + 9
    content[at : at + 5] = bytes([content[at] & 0xF1, 0, 1, 0, 1])
    return bytes(content)


def test_a_held_frame_is_no_jump(tmp_path):
    times = [Fraction(0), Fraction(1, 25), Fraction(120), Fraction(120) + Fraction(1, 25)]
    path = write_video(tmp_path / "video.mp4", times)
    assert read(path) == ([0, 1, 2, 3], [0, 40, 120_000, 120_040], [])


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_an_avi_with_empty_chunks_shows_all_frames_at_their_times(tmp_path, codec):
    options = {"bf": "2", "g": "20"} if codec == "mpeg4" else None
    times = [Fraction(2 * number, 50) for number in range(60)]
    path = write_video(tmp_path / "video.avi", times, 50, codec=codec, options=options)
    assert read(path) == (list(range(60)), [40 * number for number in range(60)], [])
    assert probe(path).frame_count == 60
    assert probe(path).fps == 25


def test_frames_after_a_damaged_group_of_an_avi_keep_their_times(tmp_path):
    path = recording(tmp_path / "video.avi", 0, 99)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 300] = np.random.default_rng(3).bytes(300)
    path.write_bytes(content)
    shown, times, _ = read(path)
    assert shown[-15:] == list(range(85, 100))
    assert times[-15:] == [40 * number for number in range(85, 100)]


def test_a_program_stream_gives_the_same_frames_from_any_time(tmp_path):
    path = recording(tmp_path / "video.mpg", 0, 99, **MPEG2)
    assert read(path) == (list(range(100)), [40 * number for number in range(100)], [])
    assert_reads_the_same_from_any_time(path, 12)


@pytest.mark.parametrize(
    ("suffix", "settings", "first"),
    [
        ("ts", {}, 20),
        ("ts", MPEG2, 12),
        ("mpg", MPEG2, 12),
        ("mkv", {"codec": "mpeg4", "options": {"g": "20", "bf": "0"}}, 20),
        ("webm", {"codec": "libvpx-vp9", "options": {"g": "20", "cpu-used": "8"}}, 20),
    ],
    ids=["h264", "mpeg2", "mpg", "mpeg4", "vp9"],
)
def test_a_stream_that_begins_inside_a_group_begins_with_its_next_keyframe(
    tmp_path, suffix, settings, first
):
    source = recording(tmp_path / f"video.{suffix}", 0, 59, **settings)
    path = write_packets_again(source, tmp_path / f"inside.{suffix}", lambda index, _: index >= 7)
    shown, times, messages = read(path)
    assert shown == list(range(first, 60))
    assert times == [40 * number for number in range(60 - first)]
    assert messages == []
    assert probe(path).duration_ms == times[-1] + 40
    assert probe(path).frame_count == len(shown)


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "flv"])
def test_the_length_is_that_of_the_frames_if_the_sound_is_longer(tmp_path, suffix):
    video = recording(tmp_path / "video.mp4", 0, 24)
    sound = write_tone(tmp_path / "sound.mp4", 6)
    path = write_streams([video, sound], tmp_path / f"both.{suffix}")
    assert probe(path).duration_ms == pytest.approx(1000, abs=45)
    assert read(path)[2] == []


def test_a_webm_without_length_is_measured(tmp_path):
    vp9 = {"codec": "libvpx-vp9", "options": {"g": "20", "cpu-used": "8"}}
    source = recording(tmp_path / "video.webm", 0, 29, **vp9)
    path = write_packets_again(source, tmp_path / "live.webm", options={"live": "1"})
    info = probe(path)
    assert (info.duration_ms, info.frame_count, info.fps) == (1200, 30, 25)
    assert_reads_the_same_from_any_time(path, 3)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_damaged_beginning_does_not_move_the_frames_after_it(tmp_path, suffix):
    path = recording(tmp_path / f"video.{suffix}", 0, 59)
    with av.open(str(path)) as container:
        packet = next(container.demux(video=0))
        content, at = path.read_bytes(), path.read_bytes().index(bytes(packet)[:100])
    path.write_bytes(content[:at] + b"\xff" * (packet.size - 8) + content[at + packet.size - 8 :])
    shown, times, messages = read(path)
    assert shown == list(range(shown[0], 60)) and 0 < shown[0] <= 20
    assert times == [40 * number for number in shown]
    assert len(messages) == 1 and f"damaged until {shown[0] / 25:.2f} s" in messages[0]
    part, at, _ = read(path, start_ms=1500)
    assert (part, at) == (list(range(38, 60)), [40 * number for number in range(38, 60)])
