"""Every kind of file: codecs × containers, clocks, shapes, streams and damage.

A file gives its frames at their times, or one clear line. By default some of each kind are tested.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Collection
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product
from pathlib import Path

import av
import numpy as np
import pytest
from irregular_videos import write_packets_again, write_streams, write_tone
from numbered_videos import hide_lead_in, numbered, numbers, steady, uneven, write_video

from onball.errors import OnballWarning, VideoError
from onball.video import probe, read_frames

os.environ.setdefault("SVT_LOG", "1")  # The AV1 encoder prints its settings.


@dataclass(frozen=True)
class Codec:
    """An encoder and its settings."""

    encoder: str
    pixel_format: str = "yuv420p"
    options: dict[str, str] = field(default_factory=dict)


X265 = {"x265-params": "keyint=20:log-level=none:bframes=3", "preset": "ultrafast"}
CODECS = {
    "h264": Codec("libx264"),
    "hevc": Codec("libx265", options=X265),
    "hevc10": Codec("libx265", "yuv420p10le", X265),
    "vp9": Codec("libvpx-vp9", options={"g": "20", "cpu-used": "8"}),
    "av1": Codec("libsvtav1", options={"g": "20", "preset": "12", "crf": "20"}),
    "mpeg2": Codec("mpeg2video", options={"g": "12", "bf": "2"}),
    "mpeg4": Codec("mpeg4", options={"g": "12", "bf": "2"}),
    "mjpeg": Codec("mjpeg", "yuvj420p"),
    "prores": Codec("prores_ks", "yuv422p10le"),
}
#: Suffix and options of the muxer of each kind of container.
CONTAINERS: dict[str, tuple[str, dict[str, str]]] = {
    "mp4": ("mp4", {}),
    "fragmented": ("mp4", {"movflags": "frag_keyframe+empty_moov"}),
    "mkv": ("mkv", {}),
    "webm_live": ("webm", {"live": "1"}),
    "mov": ("mov", {}),
    "avi": ("avi", {}),
    "ts": ("ts", {}),
    "mpg": ("mpg", {}),
    "m3u8": ("m3u8", {"hls_time": "1", "hls_list_size": "0"}),
}
#: Codecs that each container may hold, as far as FFmpeg writes them.
LEGAL = {
    "mp4": {"h264", "hevc", "hevc10", "vp9", "av1", "mpeg2", "mpeg4", "mjpeg"},
    "fragmented": {"h264", "hevc", "hevc10", "vp9", "av1", "mpeg4"},
    "mkv": set(CODECS),
    "webm_live": {"vp9", "av1"},
    "mov": {"h264", "hevc", "hevc10", "mpeg2", "mpeg4", "mjpeg", "prores"},
    "avi": {"h264", "vp9", "av1", "mpeg2", "mpeg4", "mjpeg"},
    "ts": {"h264", "hevc", "hevc10", "mpeg2", "mpeg4"},
    "mpg": {"mpeg2"},
    "m3u8": {"h264", "hevc", "hevc10"},
}
MATRIX = [(codec, kind) for kind, codec in product(CONTAINERS, CODECS) if codec in LEGAL[kind]]
#: Tested by default: each codec and each container once.
USUAL = {
    ("h264", "fragmented"), ("h264", "m3u8"), ("hevc10", "mp4"), ("vp9", "webm_live"),
    ("av1", "mkv"), ("mpeg4", "avi"), ("mpeg2", "ts"), ("mjpeg", "mov"), ("prores", "mov"),
}  # fmt: skip
SIZE = (96, 64)


def some(cases: list, usual: Collection) -> list:
    """The cases, of which those that are not usual are slow tests."""
    parameters = []
    for case in cases:
        marks = () if case in usual else (pytest.mark.slow,)
        values = case if isinstance(case, tuple) else (case,)
        parameters.append(pytest.param(*values, marks=marks, id="-".join(map(str, values))))
    return parameters


def write(
    path: Path,
    codec: str = "h264",
    *,
    count: int = 50,
    rate: Fraction | int = 25,
    muxer: dict[str, str] | None = None,
    size: tuple[int, int] = SIZE,
    interlaced: bool = False,
    aspect: Fraction | None = None,
) -> Path:
    """Write numbered frames with a codec into a container."""
    settings = CODECS[codec]
    options = {"g": "20", "bf": "3", "preset": "ultrafast"} if codec == "h264" else {}
    if interlaced:
        options["x264-params"] = "tff=1"
    with av.open(str(path), "w", options=muxer or {}) as container:
        stream = container.add_stream(
            settings.encoder, rate=rate, options={**options, **settings.options}
        )
        stream.width, stream.height = size
        stream.pix_fmt = settings.pixel_format
        stream.codec_context.time_base = base = 1 / Fraction(rate)
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        for number in range(count):
            frame = av.VideoFrame.from_ndarray(numbered(number, *size))
            frame.pts, frame.time_base, frame.duration = number, base, 1
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def read(path: Path, start_ms: int = 0, size=None) -> tuple[list[int], list[int], list[str]]:
    """Numbers and times of all frames, and the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        batches = list(read_frames(path, None, size, start_ms=start_ms, threads=1))
    shown = [number for batch in batches for number in numbers(batch.frames)]
    times = [int(time) for batch in batches for time in batch.pts_ms]
    return shown, times, [str(w.message) for w in caught if w.category is OnballWarning]


def assert_is_read(path: Path, count: int = 50, rate: Fraction | int = 25) -> None:
    """Check numbers, times, length and rate, and reading from some times."""
    shown, times, messages = read(path)
    assert (shown, messages) == (list(range(count)), [])
    assert times == pytest.approx([1000 * k / float(rate) for k in range(count)], abs=1)
    info = probe(path)
    assert info.duration_ms == pytest.approx(1000 * count / rate, abs=1000 / float(rate) + 5)
    assert info.frame_count == count
    assert info.fps == pytest.approx(float(rate), rel=0.02)
    for start in (1, times[count // 3], times[-1] - 1):
        part, at, _ = read(path, start)
        kept = [k for k in range(count) if times[k] >= start]
        assert (part, at) == (kept, [times[k] for k in kept])


@pytest.mark.parametrize(("codec", "kind"), some(MATRIX, USUAL))
def test_every_codec_in_every_container(tmp_path, codec, kind):
    suffix, muxer = CONTAINERS[kind]
    assert_is_read(write(tmp_path / f"video.{suffix}", codec, muxer=muxer))


RATES = [Fraction(24000, 1001), 24, Fraction(30000, 1001), 50, Fraction(60000, 1001), 100, 120]


@pytest.mark.parametrize(
    ("suffix", "rate"),
    some([*product(["mp4", "mkv", "ts", "avi"], RATES)], {("mkv", RATES[0]), ("ts", 120)}),
)
def test_every_frame_rate(tmp_path, suffix, rate):
    assert_is_read(write(tmp_path / f"video.{suffix}", rate=rate), rate=rate)


@pytest.mark.parametrize("suffix", some(["mp4", "mkv", "mov", "ts", "flv"], {"mkv"}))
def test_flashes_of_a_variable_rate_are_at_their_times(tmp_path, suffix):
    times = uneven(4)
    flashes = set(range(5, len(times), 7))
    frames = (
        np.full((64, 96, 3), 235 if k in flashes else 20, np.uint8) for k in range(len(times))
    )
    path = write_video(tmp_path / f"video.{suffix}", times, size=SIZE, frames=frames)
    seen = [
        int(time)
        for batch in read_frames(path, None, None, threads=1)
        for time, frame in zip(batch.pts_ms, batch.frames, strict=True)
        if frame.mean() > 127
    ]
    assert seen == pytest.approx([float(times[k] * 1000) for k in sorted(flashes)], abs=1)


def moved(seconds: Fraction | int):
    """A change of packets: all times are later."""

    def change(index: int, packet: av.Packet) -> bool:
        ticks = round(seconds / packet.time_base)
        packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
        return True

    return change


@pytest.mark.parametrize(
    ("name", "seconds", "options"),
    some(
        [
            ("late.mp4", 7, {}),
            ("late.ts", 7, {}),
            ("negative.mkv", Fraction(-1, 2), {"avoid_negative_ts": "disabled"}),
            ("negative.mp4", Fraction(-1, 2), {"use_editlist": "1"}),
            ("wrap.ts", 2**33 // 90000 - 1, {}),
            ("wrap.mpg", 2**33 // 90000 - 1, {}),
        ],
        [("negative.mp4", Fraction(-1, 2), {"use_editlist": "1"})],
    ),
)
def test_clocks_that_begin_anywhere_and_wrap(tmp_path, name, seconds, options):
    source = write(tmp_path / "source.mp4", "mpeg2" if name.endswith("mpg") else "h264")
    path = write_packets_again(source, tmp_path / name, moved(seconds), options=options)
    shown, times, messages = read(path)
    assert messages == []
    assert shown[-20:] == list(range(30, 50))
    assert times == [40 * (number - shown[0]) for number in shown]
    assert probe(path).duration_ms == pytest.approx(times[-1] + 40, abs=45)


def test_a_wrapping_clock_is_read_through(tmp_path):
    source = write(tmp_path / "source.mp4")
    path = write_packets_again(source, tmp_path / "video.ts", moved(2**33 // 90000 - 1))
    assert_is_read(path)


def test_an_edit_list_hides_the_lead_in(tmp_path):
    path = write_video(tmp_path / "video.mp4", steady(25, 2))
    hide_lead_in(path, Fraction(1, 2))
    assert read(path)[:2] == (list(range(13, 50)), [40 * k for k in range(37)])


@pytest.mark.parametrize(
    ("codec", "size"),
    some(
        [
            ("h264", (64, 128)), ("prores", (66, 50)), ("mpeg4", (98, 66)), ("mjpeg", (97, 65)),
            ("h264", (3840, 2160)), ("hevc", (3840, 2160)),
        ],
        {("h264", (64, 128)), ("mjpeg", (97, 65))},
    ),
)  # fmt: skip
def test_frames_of_every_shape(tmp_path, codec, size):
    path = write(tmp_path / "video.mov", codec, size=size, count=5)
    assert read(path, size=(96, 64))[0] == list(range(5))
    assert (probe(path).width, probe(path).height) == size


def test_interlaced_video_and_pixels_that_are_not_square(tmp_path):
    path = write(tmp_path / "video.ts", interlaced=True, aspect=Fraction(16, 11))
    assert_is_read(path)
    assert (probe(path).width, probe(path).height) == SIZE


@pytest.mark.parametrize("pixel_format", ["gray", "yuvj420p", "yuv422p", "yuv444p10le"])
def test_pixel_formats(tmp_path, pixel_format):
    path = write_video(tmp_path / "video.mkv", steady(25, 1), pixel_format=pixel_format, size=SIZE)
    assert read(path) == (list(range(25)), [40 * k for k in range(25)], [])


def picture(path: Path, codec: str, size: tuple[int, int] = (32, 16)) -> Path:
    """Write a single frame, as thumbnails and covers are."""
    return write(path, codec, count=1, size=size)


@pytest.mark.parametrize(
    ("suffix", "codec", "first"),
    some(
        [*product(["mkv", "mp4", "mov"], ["mjpeg", "h264"], [True, False])],
        {("mkv", "mjpeg", True), ("mp4", "h264", False)},
    ),
)
@pytest.mark.parametrize("size", [(32, 16), (640, 360)], ids=["small", "large"])
def test_a_picture_beside_the_video_is_not_taken_for_it(tmp_path, suffix, codec, first, size):
    streams = [picture(tmp_path / "cover.mov", codec, size), write(tmp_path / "film.mp4")]
    path = write_streams(streams if first else streams[::-1], tmp_path / f"both.{suffix}")
    assert_is_read(path)


@pytest.mark.parametrize("suffix", ["ts", "mkv"])
def test_of_several_videos_the_largest_is_read(tmp_path, suffix):
    small = write(tmp_path / "small.mp4", size=(48, 32))
    path = write_streams([small, write(tmp_path / "large.mp4")], tmp_path / f"both.{suffix}")
    assert_is_read(path)
    assert (probe(path).width, probe(path).height) == SIZE


@pytest.mark.parametrize("suffix", some(["mp4", "mkv", "ts", "flv", "mov"], {"mkv"}))
@pytest.mark.parametrize("seconds", [1, 5])
def test_sound_shorter_or_longer_than_the_video(tmp_path, suffix, seconds):
    streams = [write(tmp_path / "film.mp4"), write_tone(tmp_path / "sound.mp4", seconds)]
    path = write_streams(streams, tmp_path / f"both.{suffix}")
    shown, _, messages = read(path)
    assert (shown, messages) == (list(range(50)), [])
    assert probe(path).duration_ms == pytest.approx(2000, abs=45)


@pytest.mark.parametrize(
    "name", ["12:30 kick-off.mp4", "http:match.mp4", "concat:a|b.mp4", "a%03d?.mp4", "-.mp4"]
)
def test_files_of_any_name(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "film.mp4", count=3).rename(tmp_path / name)
    assert read(Path(name))[0] == [0, 1, 2]


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode on Windows")
def test_a_name_that_is_no_utf_8(tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.mp4")
    write(tmp_path / "film.mp4", count=3).rename(path)
    assert read(path)[0] == [0, 1, 2]


@pytest.mark.parametrize(
    ("codec", "kind"),
    some(
        [("h264", "mp4"), ("h264", "mkv"), ("h264", "ts"), ("h264", "avi"), ("mpeg4", "avi"),
         ("mpeg2", "mpg"), ("hevc", "mp4"), ("vp9", "webm_live"), ("h264", "fragmented")],
        set(),
    ),
)  # fmt: skip
def test_flipped_bytes_give_frames_or_one_line(tmp_path, codec, kind):
    """200 damaged copies; times of the frames before the damage are right in all of them."""
    suffix, muxer = CONTAINERS[kind]
    source = write(tmp_path / f"source.{suffix}", codec, muxer=muxer)
    assert_damage_is_survived(source, copies=200)


def test_some_flipped_bytes_give_frames_or_one_line(tmp_path):
    assert_damage_is_survived(write(tmp_path / "source.ts"), copies=12)


def assert_damage_is_survived(source: Path, copies: int) -> None:
    content = source.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(copies):
        damaged = bytearray(content)
        at = int(rng.integers(len(content)))
        damaged[at] ^= int(rng.integers(1, 256))
        path = source.with_name(f"damaged{source.suffix}")
        path.write_bytes(damaged)
        try:
            _, times, messages = read(path, size=(24, 16))
        except VideoError as error:
            assert "\n" not in str(error) and str(error).startswith(str(path))
            continue
        assert times == sorted(times)
        assert times[-1] <= 60_000
        assert len(messages) <= 3
