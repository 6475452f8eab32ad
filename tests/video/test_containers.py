"""Containers that FFmpeg reads in part, or for ever, without an error: joined, scrambled, running."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from irregular_videos import join_bytes, write_packets_again
from test_clock import read, recording

from onball.errors import VideoError
from onball.video import probe
from onball.video.containers import joined_files

#: PID of the first stream in a transport stream that FFmpeg writes.
VIDEO_PID = 256


@pytest.mark.parametrize(
    ("suffix", "count"), [("mp4", 2), ("mkv", 3), ("flv", 2), ("flv", 3), ("asf", 2)]
)
def test_joined_files_that_cannot_be_read_whole_are_named(tmp_path, suffix, count):
    codec = {"codec": "mpeg4"} if suffix == "asf" else {}
    part = recording(tmp_path / f"part.{suffix}", 0, 9, **codec)
    assert read(part)[2] == []
    path = join_bytes([part] * count, tmp_path / f"joined.{suffix}")
    assert f"{path}: is {count} files joined byte by byte" in read(path)[2][0]
    cut = tmp_path / f"cut.{suffix}"
    cut.write_bytes(path.read_bytes()[:-100])
    assert joined_files(cut) in (count - 1, count)


@pytest.mark.parametrize("count", [2, 3])
def test_joined_avis_are_read_whole(tmp_path, count):
    part = recording(tmp_path / "part.avi", 0, 9)
    path = join_bytes([part] * count, tmp_path / "joined.avi")
    frames, times, messages = read(path)
    assert (frames, messages) == (list(range(10)) * count, [])
    assert times == [40 * k for k in range(10 * count)]
    info = probe(path)
    assert info.frame_count == 10 * count
    assert info.duration_ms == pytest.approx(400 * count, abs=41)
    assert read(path, start_ms=600)[:2] == (frames[15:], times[15:])


def test_a_playlist_that_is_not_finished_is_an_error(tmp_path):
    recording(tmp_path / "part.ts", 0, 9)
    path = tmp_path / "running match.m3u8"
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:0.4,\npart.ts\n")
    of_all = tmp_path / "all.m3u8"
    of_all.write_text(f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{path.name}\n")
    with pytest.raises(VideoError, match="not finished"):
        probe(of_all)
    with pytest.raises(
        VideoError, match=r"not finished: follow it with `onball live '.*m3u8'`, or"
    ):
        probe(path)
    path.write_text(path.read_text() + "#EXT-X-ENDLIST\n")
    assert probe(path).frame_count == probe(of_all).frame_count == 10
    of_all.write_text(f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{of_all.name}\n")
    with pytest.raises(VideoError):
        probe(of_all)


def test_missing_files_of_a_playlist_are_named_and_times_stay_right(tmp_path):
    part = recording(tmp_path / "part.ts", 0, 99, options={"g": "25"})
    path = tmp_path / "match.m3u8"
    options = {"hls_time": "1", "hls_list_size": "0"}
    write_packets_again(part, path, format="hls", options=options)
    assert read(path)[2] == []
    (tmp_path / "match1.ts").unlink()
    frames, times, messages = read(path)
    assert messages == [
        f"{path}: files that it lists are missing (1, first match1.ts): what they show is left out, "
        "times stay right"
    ]
    assert frames == [*range(25), *range(50, 100)]
    assert times == [40 * number for number in frames]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_a_pipe_and_a_device_are_errors(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    for path in (tmp_path / "pipe.mp4", Path(os.devnull)):
        with pytest.raises(
            VideoError, match=r"is a pipe or a device, .*: give a file, or follow it"
        ):
            probe(path)


def test_a_damaged_size_in_an_mp4_is_survived(tmp_path):
    path = recording(tmp_path / "video.mp4", 0, 9)
    huge = b"\x00\x00\x00\x01free" + b"\xff" * 8
    path.write_bytes(path.read_bytes() + huge)
    assert read(path)[0] == list(range(10))


def scrambled(source: Path, part: slice, target: Path) -> Path:
    """Scramble a part of the packets of the video of a transport stream."""
    packets = np.frombuffer(source.read_bytes(), np.uint8).reshape(-1, 188).copy()
    rng = np.random.default_rng(0)
    for packet in packets[part]:
        if (int(packet[1]) & 0x1F) << 8 | int(packet[2]) == VIDEO_PID:
            begin = 5 + int(packet[4]) if packet[3] & 0x20 else 4
            packet[begin:] = rng.integers(0, 256, 188 - begin)
            packet[3] |= 0x80
    target.write_bytes(packets.tobytes())
    return target


@pytest.mark.parametrize("half", ["first", "second"])
def test_a_transport_stream_that_is_scrambled_in_part_is_named(tmp_path, half):
    source = recording(tmp_path / "plain.ts", 0, 99)
    assert read(source)[2] == []
    middle = source.stat().st_size // 188 // 2
    part = slice(0, middle) if half == "first" else slice(middle, None)
    path = scrambled(source, part, tmp_path / "scrambled.ts")
    shown, times, messages = read(path)
    assert shown == list(range(shown[0], shown[-1] + 1)) and 20 < len(shown) < 80
    assert times == [40 * k for k in range(len(shown))]
    assert messages[0].startswith(f"{path}: is scrambled in part, about ")


def test_a_scrambled_transport_stream_is_an_error(tmp_path):
    source = recording(tmp_path / "plain.ts", 0, 24)
    path = scrambled(source, slice(None), tmp_path / "scrambled.ts")
    with pytest.raises(VideoError, match=r"scrambled\.ts: is encrypted: decrypt it"):
        probe(path)


@pytest.mark.parametrize("options", [{}, {"movflags": "frag_keyframe+empty_moov"}])
def test_an_encrypted_mp4_is_an_error(tmp_path, options):
    source = recording(tmp_path / "video.mp4", 0, 9)
    secret = {"scheme": "cenc-aes-ctr", "key": "76a6c65c5ea762046bd749a2e632ccbb", "kid": "0" * 32}
    options = options | {f"encryption_{name}": value for name, value in secret.items()}
    path = write_packets_again(source, tmp_path / "secret.mp4", options=options)
    with pytest.raises(VideoError, match=r"secret\.mp4: is encrypted: "):
        probe(path)


def element(name: str, content: bytes) -> bytes:
    """An element of Matroska, whose size takes eight bytes."""
    return bytes.fromhex(name) + (1 << 56 | len(content)).to_bytes(8) + content


def test_an_encrypted_matroska_is_an_error(tmp_path):
    source = recording(tmp_path / "video.mkv", 0, 9)
    assert read(source)[0] == list(range(10))
    content = source.read_bytes()
    secret = element("5035", element("47e1", b"\5") + element("47e2", b"key of the film"))
    encodings = element("6d80", element("6240", element("5033", b"\1") + secret))
    # At the end of the only track; before the element of all tracks is their place in an index.
    tracks = content.rindex(bytes.fromhex("1654ae6b"))
    track = content.index(b"\xae\1", tracks)
    end = track + 9 + int.from_bytes(content[track + 2 : track + 9])
    changed = element("1654ae6b", element("ae", content[track + 9 : end] + encodings))
    segment = content.index(bytes.fromhex("18538067")) + 4
    size = int.from_bytes(content[segment : segment + 8]) + len(changed) - (end - tracks)
    whole = content[:segment] + size.to_bytes(8) + content[segment + 8 : tracks]
    path = tmp_path / "secret.mkv"
    path.write_bytes(whole + changed + content[end:])
    with pytest.raises(VideoError, match=r"secret\.mkv: is encrypted: "):
        probe(path)
