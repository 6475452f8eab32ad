"""`VideoWriter`: RGB frames to an H.264 file that nobody sees before it is complete."""

from __future__ import annotations

import math
from contextlib import ExitStack
from fractions import Fraction
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import numpy as np
import numpy.typing as npt
from av.video.frame import PictureType
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from onball.errors import OnballError, VideoError
from onball.files import atomic_path
from onball.video.decoding import RgbConverter, open_source, orientation, shown_pictures

_FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}
#: Limited range is what every player understands; the flags make the same bytes everywhere.
_CODED: dict[str, Any] = {
    "dst_color_range": ColorRange.MPEG,
    "interpolation": Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.BITEXACT,
}


class VideoWriter:
    """Writes an H.264 video (4:2:0); a context manager.

    The file appears under its name when the block ends well, and not at all if it raises. The
    same frames with the same settings and library versions give the same bytes.

    Args:
        path: `.mp4`, `.m4v`, `.mov` or `.mkv`; its folder is made if missing.
        size: width and height in pixels. 4:2:0 needs even numbers: an odd one is made even by
            repeating the last row or column.
        fps: frames per second, for frames written without a time.
        crf: x264's constant rate factor: 0 is lossless, 23 its default, 51 the worst.
        gop: most frames between two keyframes.
        preset: x264's preset, from `ultrafast` to `placebo`.
        threads: encoding threads; 0 is as many as x264 likes.
        options: other options of x264, by FFmpeg's names.
        time_base: seconds per tick of the file's clock; by default one in which milliseconds and
            frames of `fps` are both exact.

    Raises `OnballError` if the file cannot be written, `ValueError` for other suffixes or sizes.
    """

    def __init__(
        self,
        path: str | Path,
        size: tuple[int, int],
        fps: float | Fraction,
        *,
        crf: int = 23,
        gop: int = 250,
        preset: str = "veryfast",
        threads: int = 1,
        options: dict[str, str] | None = None,
        time_base: Fraction | None = None,
    ) -> None:
        self.path = Path(path)
        if self.path.suffix.lower() not in _FORMATS:
            known = ", ".join(_FORMATS)
            raise ValueError(f"{self.path}: unknown kind of video file (known: {known})")
        if min(size) < 1 or fps <= 0:
            raise ValueError(f"{self.path}: no video of size {size} at {fps} fps")
        self.size = size
        self._even_size = (size[0] + size[0] % 2, size[1] + size[1] % 2)
        self._rate = Fraction(fps).limit_denominator(1001)
        # In ticks of 1 / lcm(rate, 1000) s both a frame and a millisecond are whole numbers.
        self._time_base = time_base or Fraction(1, math.lcm(self._rate.numerator, 1000))
        self._options = {
            "crf": str(crf),
            "preset": preset,
            "g": str(gop),
            # x264's macroblock tree reads memory that it never wrote where the width is no
            # multiple of 32: with it, the same frames give different files now and then.
            "mbtree": "0",
            **(options or {}),
        }
        self._threads = threads
        self._scaler = VideoReformatter()
        self._count = 0
        self._last_tick = -1

    def __enter__(self) -> Self:
        kind = _FORMATS[self.path.suffix.lower()]
        # The index in front lets browsers play the file before they have all of it.
        flags = {} if kind == "matroska" else {"movflags": "+faststart"}
        with ExitStack() as opened:  # What is open is closed again if a later step fails.
            temporary = opened.enter_context(atomic_path(self.path))
            self._container: Any = opened.enter_context(
                av.open(str(temporary), "w", format=kind, options=flags)
            )
            self._stream = self._container.add_stream(
                "libx264", rate=self._rate, options=self._options
            )
            self._stream.width, self._stream.height = self._even_size
            self._stream.pix_fmt = "yuv420p"
            context = self._stream.codec_context
            context.time_base = self._time_base
            context.thread_count = self._threads
            self._opened = opened.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self._opened.__exit__(kind, error, trace)
            return
        with self._opened:  # If the last pictures cannot be written, the file goes as well.
            if self._count == 0:
                raise OnballError(f"{self.path}: no frame was written to it")
            self._container.mux(self._stream.encode(None))

    def write(self, frame: npt.NDArray[np.uint8], pts_ms: int | Fraction | None = None) -> None:
        """Add a frame, uint8 `[H, W, 3]`, RGB.

        Without `pts_ms` it is shown one frame duration after the one before it; with it, that
        many milliseconds after time 0. Raises `ValueError` for another shape or type, or a time
        that is not after the last one.
        """
        width, height = self.size
        if frame.shape != (height, width, 3) or frame.dtype != np.uint8:
            raise ValueError(
                f"{self.path}: expected a frame of uint8 [{height}, {width}, 3], "
                f"got {frame.dtype} {list(frame.shape)}"
            )
        if self._even_size != self.size:
            padding = ((0, height % 2), (0, width % 2), (0, 0))
            frame = np.pad(frame, padding, mode="edge")
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
        coded = self._scaler.reformat(
            picture, format="yuv420p", dst_colorspace=Colorspace.ITU601, **_CODED
        )
        self.write_picture(coded, 1000 * self._count / self._rate if pts_ms is None else pts_ms)

    def write_picture(self, picture: av.VideoFrame, pts_ms: int | Fraction) -> None:
        """Add a decoded picture without the way over RGB; its colours stay as they are coded.

        The picture's times and type are overwritten. Raises `ValueError` for a time that is not
        after the last one.
        """
        tick = round(Fraction(pts_ms) / 1000 / self._time_base)
        if tick <= self._last_tick:
            raise ValueError(
                f"{self.path}: a frame at {float(pts_ms):.3f} ms is not after the one before it"
            )
        width, height = self._even_size
        coded = self._scaler.reformat(
            picture, width=width, height=height, format="yuv420p", **_CODED
        )
        coded.pts, coded.time_base = tick, self._time_base
        coded.duration = round(1 / self._rate / self._time_base)
        coded.pict_type = PictureType.NONE  # A keyframe of the source need not be one here.
        if self._count == 0:  # The encoder is opened by its first frame.
            context = self._stream.codec_context
            context.colorspace, context.color_range = coded.colorspace, ColorRange.MPEG
            context.color_primaries, context.color_trc = coded.color_primaries, coded.color_trc
        try:
            packets = self._stream.encode(coded)
        except av.FFmpegError as error:
            raise OnballError(
                f"{self.path}: x264 refuses ({error.strerror}): check size, crf, preset and options"
            ) from error
        self._container.mux(packets)
        self._last_tick = tick
        self._count += 1


# --- `cut_video`: an exact piece of a video as a file of its own.


def cut_video(
    source: str | Path,
    start_ms: int,
    end_ms: int,
    target: str | Path,
    *,
    crf: int = 18,
    preset: str = "veryfast",
    threads: int = 0,
) -> int:
    """Cut out all frames shown in [start_ms, end_ms) and encode them anew as H.264.

    Time 0 of the piece is its first frame; the distances between frames stay exactly as they
    are, whatever the frame rate. The picture is upright in the piece. There is no sound.

    Args:
        source: the video.
        start_ms: first moment, milliseconds since the first shown frame of `source`.
        end_ms: the moment to stop before.
        target: the piece, `.mp4`, `.m4v`, `.mov` or `.mkv`; written aside and then renamed.
        crf: x264's constant rate factor; 18 is hard to tell from the source.
        preset: x264's preset.
        threads: for decoding and encoding; 0 is one per core.

    Returns:
        The number of frames in the piece.

    Raises `ValueError` for an empty or negative span, `VideoError` if `source` cannot be read or
    shows no frame in the span, `OnballError` if `target` cannot be written.
    """
    if not 0 <= start_ms < end_ms:
        raise ValueError(f"no span from {start_ms} to {end_ms} ms")
    with open_source(source, threads=1) as opened:
        rate, ms_per_tick = opened.rate, opened.ms_per_tick
    pictures = (p for p in shown_pictures(source, start_ms, threads) if p.time_ms >= start_ms)
    first = next(pictures, None)
    if first is None or first.time_ms >= end_ms:
        raise VideoError(f"{source}: shows no frame from {start_ms} to {end_ms} ms: it is shorter")

    shape = (first.frame.width, first.frame.height)
    # As coded, without the loss of going over RGB, unless the picture has to be turned or padded.
    as_coded = not any(orientation(first.frame)) and shape[0] % 2 == 0 and shape[1] % 2 == 0
    to_rgb = RgbConverter(shape if as_coded else None)
    if not as_coded:
        height, width, _ = to_rgb(first.frame).shape
        shape = (width, height)
    with VideoWriter(
        target, shape, rate, crf=crf, preset=preset, threads=threads, time_base=ms_per_tick / 1000
    ) as writer:
        count = 0
        for picture in chain([first], pictures):
            if picture.time_ms >= end_ms:
                break
            time_ms = picture.time_ms - first.time_ms
            if as_coded:
                writer.write_picture(picture.frame, time_ms)
            else:
                writer.write(to_rgb(picture.frame), time_ms)
            count += 1
    return count
