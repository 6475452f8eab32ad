"""Small videos whose frames encode their number, with irregularities of real files."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

CODE_BITS = 12
CLIPS = sorted((Path(__file__).parents[2].parent / "shared" / "clips").glob("*.mp4"))


def numbered(number: int, width: int = 64, height: int = 48) -> np.ndarray:
    """A frame, uint8 `[H, W, 3]`, that encodes `number` as 12 black and white bars, 6 in each half."""
    bits = (number >> np.arange(CODE_BITS)) & 1
    rows = np.arange(height) * 2 // height
    columns = np.arange(width) * 6 // width
    grey = np.where(bits[rows[:, None] * 6 + columns[None, :]], 235, 20)
    return np.repeat(grey[:, :, None], 3, axis=2).astype(np.uint8)


def numbers(frames: np.ndarray) -> list[int]:
    """Numbers encoded in frames `[T, H, W, 3]`."""
    _, height, width, _ = frames.shape
    ys = (np.array([1, 3]) * height) // 4
    xs = (np.arange(6) * 2 + 1) * width // 12
    bits = frames[:, ys][:, :, xs, 1].reshape(-1, CODE_BITS) > 127
    return [int(value) for value in bits @ (1 << np.arange(CODE_BITS))]


def write_video(
    path: Path,
    times: Sequence[Fraction],
    rate: Fraction | int = 25,
    *,
    codec: str = "libx264",
    kind: str | None = None,
    size: tuple[int, int] = (64, 48),
    pixel_format: str = "yuv420p",
    options: dict[str, str] | None = None,
    rotate: int = 0,
    frames: Iterable[np.ndarray] | None = None,
    time_base: Fraction | None = None,
) -> Path:
    """Write a video whose frame i is shown at `times[i]` seconds, with PyAV alone."""
    defaults = {"g": "20", "bf": "3", "preset": "ultrafast"} if codec == "libx264" else {}
    images = frames if frames is not None else (numbered(i, *size) for i in range(len(times)))
    with av.open(str(path), "w", format=kind) as container:
        stream = container.add_stream(codec, rate=rate, options={**defaults, **(options or {})})
        stream.width, stream.height = size
        stream.pix_fmt = pixel_format
        if path.suffix != ".avi":  # An AVI's clock ticks once per frame.
            # MPEG-2 and MPEG-4 know few time bases.
            coarse = codec.startswith("mpeg")
            stream.codec_context.time_base = time_base or (
                1 / Fraction(rate) if coarse else Fraction(1, 90000)
            )
        base = stream.codec_context.time_base or 1 / Fraction(rate)
        if rotate:
            stream.set_display_rotation(rotate)
        for time, pixels in zip(times, images, strict=True):
            frame = av.VideoFrame.from_ndarray(pixels)
            frame.pts, frame.time_base = round(time / base), base
            frame.duration = round(1 / Fraction(rate) / base)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def steady(rate: Fraction | int, seconds: float) -> list[Fraction]:
    """Times of all frames before `seconds` at a constant rate."""
    step = 1 / Fraction(rate)
    return [i * step for i in range(int(Fraction(seconds) / step))]


def uneven(seconds: float, seed: int = 0) -> list[Fraction]:
    """Times at a variable rate: intervals of 10 to 150 ms, and one gap of 700 ms."""
    rng = np.random.default_rng(seed)
    steps = rng.integers(10, 150, size=1000)
    steps[9] = 700
    times = np.concatenate([[0], np.cumsum(steps)])
    return [Fraction(int(time), 1000) for time in times if time < seconds * 1000]


def hide_lead_in(path: Path, seconds: Fraction) -> None:
    """Delay the start of the MP4's edit list, as trimming without re-encoding does."""
    content = bytearray(path.read_bytes())
    at = content.index(b"elst") + 4
    version, count, length, begin = struct.unpack_from(">IIIi", content, at)
    assert (version, count) == (0, 1)
    movie_at = content.index(b"mvhd") + 4
    movie_clock = struct.unpack_from(">I", content, movie_at + 12)[0]
    media_at = content.index(b"mdhd") + 4
    media_clock = struct.unpack_from(">I", content, media_at + 12)[0]
    length -= round(seconds * movie_clock)
    begin += round(seconds * media_clock)
    struct.pack_into(">IIIi", content, at, version, count, length, begin)
    path.write_bytes(content)


def decode_plainly(path: Path) -> tuple[list[int], list[Fraction]]:
    """Reference decoder: numbers and times (seconds, the first 0) of all frames, with PyAV alone."""
    with av.open(str(path)) as container:
        decoded = [
            (frame.to_ndarray(format="rgb24"), frame.pts * frame.time_base)
            for frame in container.decode(video=0)
        ]
    first = decoded[0][1]
    return numbers(np.stack([pixels for pixels, _ in decoded])), [t - first for _, t in decoded]


def nearest(times: Sequence[Fraction], time_ms: int) -> int:
    """Index of the frame with the nearest time (seconds); the earlier of two equally near ones."""
    return min(range(len(times)), key=lambda i: (abs(times[i] * 1000 - time_ms), times[i]))
