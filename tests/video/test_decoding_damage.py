"""Decoding of damaged, truncated and invalid files."""

from __future__ import annotations

import warnings
from pathlib import Path

import av
import numpy as np
import pytest
from numbered_videos import numbered, numbers, steady, write_video

from onball.errors import OnballWarning, VideoError
from onball.video import probe, read_frames


def noisy_video(path: Path) -> Path:
    """Write 5 s at 25 fps of numbered frames with noise, so that every frame has some bytes."""
    rng = np.random.default_rng(0)
    frames = [
        np.clip(numbered(i).astype(int) + rng.integers(-20, 20, (48, 64, 3)), 0, 255)
        for i in range(125)
    ]
    return write_video(
        path,
        steady(25, 5),
        options={"g": "25", "movflags": "faststart"},
        frames=[frame.astype(np.uint8) for frame in frames],
    )


def move_index_to_start(path: Path) -> None:
    """Move the index of an MP4 to its start, so that its end can be damaged."""
    whole = path.with_name("whole.mp4")
    path.rename(whole)
    with (
        av.open(str(whole)) as source,
        av.open(str(path), "w", options={"movflags": "faststart"}) as target,
    ):
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)


@pytest.fixture(params=["mp4", "mkv", "ts"])
def video(request, tmp_path):
    path = noisy_video(tmp_path / f"video.{request.param}")
    if request.param == "mp4":
        move_index_to_start(path)
    return path


def read_with_warnings(path, **settings):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        batches = list(read_frames(path, None, None, **settings))
    shown = numbers(np.concatenate([batch.frames for batch in batches]))
    return shown, [warning for warning in caught if warning.category is OnballWarning]


def test_an_intact_file_gives_no_warning(video):
    assert read_with_warnings(video) == (list(range(125)), [])


@pytest.mark.parametrize("threads", [1, 3])
def test_a_truncated_file_gives_its_frames_and_one_warning(video, threads):
    content = video.read_bytes()
    video.write_bytes(content[: len(content) * 6 // 10])
    shown, caught = read_with_warnings(video, threads=threads)
    assert 60 < len(shown) < 90
    assert shown[:60] == list(range(60))
    if video.suffix != ".ts":  # A transport stream has no length in its header.
        (warning,) = caught
        message = str(warning.message)
        assert str(video) in message
        assert " s" in message
        assert "\n" not in message


@pytest.mark.parametrize("threads", [1, 3])
def test_a_tail_of_zeros_gives_the_frames_before_and_one_warning(video, threads):
    content = video.read_bytes()
    keep = len(content) * 6 // 10
    video.write_bytes(content[:keep] + bytes(len(content) - keep))
    shown, caught = read_with_warnings(video, threads=threads)
    assert shown[:60] == list(range(60))
    assert len(shown) < 90
    assert len(caught) == (0 if video.suffix == ".ts" else 1)


def test_damage_in_the_middle_does_not_end_the_video(video):
    content = bytearray(video.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 1500] = np.random.default_rng(1).bytes(1500)
    video.write_bytes(content)
    shown, _ = read_with_warnings(video)
    assert shown[:40] == list(range(40))
    assert shown[-20:] == list(range(105, 125))


def test_the_warning_names_the_time(tmp_path):
    path = noisy_video(tmp_path / "video.mp4")
    move_index_to_start(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 6 // 10])
    shown, (warning,) = read_with_warnings(path)
    time = float(str(warning.message).split(" s")[0].split()[-1])
    assert time == pytest.approx(len(shown) / 25, abs=0.2)


def invalid_video(kind: str, folder: Path) -> Path:
    path = folder / kind
    match kind:
        case "folder":
            path.mkdir()
        case "empty.mp4":
            path.touch()
        case "text.mp4" | "text.txt" | "notes.nfo":
            path.write_text("Kick-off 20:45\n" * 200)
        case "noise.mp4":
            path.write_bytes(np.random.default_rng(0).bytes(50_000))
        case "no_index.mp4":
            content = noisy_video(folder / "whole.mp4").read_bytes()
            path.write_bytes(content[: len(content) // 2])
        case "no_frames.mp4":
            noisy_video(folder / "whole.mp4")
            move_index_to_start(folder / "whole.mp4")
            content = (folder / "whole.mp4").read_bytes()
            start = content.index(b"mdat") + 4
            path.write_bytes(content[:start] + bytes(len(content) - start))
        case "sound.wav" | "sound.mp4":
            with av.open(str(path), "w") as container:
                codec = "pcm_s16le" if path.suffix == ".wav" else "aac"
                stream = container.add_stream(codec, rate=48000, layout="mono")
                dtype, kind = (np.int16, "s16") if codec == "pcm_s16le" else (np.float32, "fltp")
                frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), dtype), kind, "mono")
                frame.rate = 48000
                container.mux(stream.encode(frame))
                container.mux(stream.encode(None))
        case "still.png":
            write_video(path, [0], codec="png", pixel_format="rgb24", kind="image2")
    return path


@pytest.mark.parametrize(
    "kind",
    [
        "missing.mp4",
        "folder",
        "empty.mp4",
        "text.mp4",
        "text.txt",
        "notes.nfo",
        "noise.mp4",
        "no_index.mp4",
        "no_frames.mp4",
        "sound.wav",
        "sound.mp4",
        "still.png",
    ],
)
@pytest.mark.parametrize("start_ms", [0, 1000])
def test_an_invalid_video_is_an_error_that_names_the_file(tmp_path, kind, start_ms):
    path = invalid_video(kind, tmp_path)
    with pytest.raises(VideoError) as caught:
        next(read_frames(path, start_ms=start_ms))
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert caught.value.exit_code == 2
    with pytest.raises(VideoError):
        probe(path)
