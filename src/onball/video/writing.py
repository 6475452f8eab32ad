"""Write H.264 videos from RGB or decoded frames, with sound: `VideoWriter`."""

from __future__ import annotations

import math
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import numpy as np
import numpy.typing as npt
from av.video.frame import PictureType
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from onball.errors import OnballError
from onball.files import atomic_path
from onball.video.sound import SoundFormat, SoundTrack

_FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}
#: Every player supports limited range; the flags make the bytes the same on every processor.
_CODED: dict[str, Any] = {
    "dst_color_range": ColorRange.MPEG,
    "interpolation": Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.BITEXACT,
}


def open_output(path: Path) -> Any:
    """Open a video file for writing, in the container of its suffix."""
    kind = _FORMATS[path.suffix.lower()]
    # With the index in front, browsers play the file before they have loaded it.
    flags = {} if kind == "matroska" else {"movflags": "+faststart"}
    return av.open(str(path), "w", format=kind, options=flags)


class VideoWriter:
    """Writes an H.264 video (4:2:0); a context manager.

    The file appears under its name when the block succeeds, and not at all if it raises. The same
    frames with the same settings and library versions give the same bytes.

    Args:
        path: `.mp4`, `.m4v`, `.mov` or `.mkv`; its folder is created if it is missing.
        size: width and height in pixels. 4:2:0 needs even numbers: for odd ones the last row or
            column is repeated.
        fps: frames per second, for frames written without a time.
        crf: constant rate factor of x264: 0 is lossless, 23 its default, 51 the worst.
        gop: largest number of frames between two keyframes.
        preset: preset of x264, from `ultrafast` to `placebo`.
        threads: encoding threads; 0 lets x264 choose.
        options: other options of x264, by their names in FFmpeg.
        time_base: seconds per tick of the timestamps; by default one that represents milliseconds
            and frames of `fps` exactly.

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
        # A frame and a millisecond are both whole numbers of ticks of 1 / lcm(rate, 1000) s.
        self._time_base = time_base or Fraction(1, math.lcm(self._rate.numerator, 1000))
        self._options = {
            "crf": str(crf),
            "preset": preset,
            "g": str(gop),
            # The macroblock tree of x264 reads uninitialised memory unless the width is a multiple
            # of 32: with it, the same frames sometimes give different files.
            "mbtree": "0",
            **(options or {}),
        }
        self._threads = threads
        self._scaler = VideoReformatter()
        self._count = 0
        self._last_tick = -1
        self._last: av.VideoFrame | None = None
        self._held_ticks = 0
        self._first_dts: int | None = None
        self._tracks: list[SoundTrack] = []

    def __enter__(self) -> Self:
        with ExitStack() as opened:  # Closes what is open if a later step fails.
            temporary = opened.enter_context(atomic_path(self.path))
            self._container: Any = opened.enter_context(open_output(temporary))
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
        with self._opened:  # The file is deleted if the last frames cannot be written.
            if self._count == 0:
                raise OnballError(f"{self.path}: no frame was written to it")
            self._finish()
            for track in self._tracks:
                track.finish()

    def add_sound(self, form: SoundFormat) -> SoundTrack:
        """Add a stream of sound, to be written beside the frames; before the first frame."""
        self._tracks.append(SoundTrack(self._container, form))
        return self._tracks[-1]

    def write(
        self,
        frame: npt.NDArray[np.uint8],
        pts_ms: int | Fraction | None = None,
        duration_ms: Fraction | None = None,
    ) -> None:
        """Add a frame.

        Args:
            frame: uint8 `[H, W, 3]`, RGB.
            pts_ms: presentation time in milliseconds; by default that of frame number k at `fps`.
            duration_ms: time for which it is shown, if it is the last one; 1 / `fps` by default.

        Raises `ValueError` for another shape or type, or a time that is not after the last one.
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
        rgb = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
        coded = self._scaler.reformat(
            rgb, format="yuv420p", dst_colorspace=Colorspace.ITU601, **_CODED
        )
        if pts_ms is None:
            pts_ms = 1000 * self._count / self._rate
        self.write_decoded(coded, pts_ms, duration_ms)

    def write_decoded(
        self, frame: av.VideoFrame, pts_ms: int | Fraction, duration_ms: Fraction | None = None
    ) -> None:
        """Add a decoded frame without conversion to RGB; its colours stay as they are coded.

        Raises `ValueError` for a time that is not after the last one.
        """
        tick = round(Fraction(pts_ms) / 1000 / self._time_base)
        if tick <= self._last_tick:
            raise ValueError(
                f"{self.path}: a frame at {float(pts_ms):.3f} ms is not after the one before it"
            )
        width, height = self._even_size
        coded = self._scaler.reformat(frame, width=width, height=height, format="yuv420p", **_CODED)
        coded.pts, coded.time_base = tick, self._time_base
        duration_s = 1 / self._rate if duration_ms is None else duration_ms / 1000
        coded.duration = round(duration_s / self._time_base)
        coded.pict_type = PictureType.NONE  # Lets the encoder choose keyframes.
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
        if packets and self._first_dts is None:
            self._first_dts = packets[0].dts
        self._container.mux(packets)
        self._last_tick = tick
        self._last = coded
        self._held_ticks = coded.duration
        self._count += 1

    def _finish(self) -> None:
        """Write the last frames, so that the file has the length of what is shown.

        The last frame is repeated at the end of its time if it is held. Containers know the duration of
        the frame that is decoded last, which with B-frames is another one than that shown last.
        """
        step = round(1 / self._rate / self._time_base)
        packets: list[Any] = []
        end_tick = self._last_tick + self._held_ticks
        if self._last is not None and self._held_ticks >= 2 * step:
            # A copy: the encoder still refers to the frame that it got.
            again = av.VideoFrame.from_ndarray(self._last.to_ndarray(), format="yuv420p")
            again.pts, again.time_base = end_tick - step, self._time_base
            again.duration, again.pict_type = step, PictureType.NONE
            packets += self._stream.encode(again)
        packets += self._stream.encode(None)
        if packets:
            shown_last = max(packets, key=lambda packet: packet.pts)
            if self._held_ticks != step:
                shown_last.duration = end_tick - shown_last.pts
            if self.path.suffix.lower() != ".mkv":
                first = packets[0].dts if self._first_dts is None else self._first_dts
                packets[-1].duration = end_tick - (packets[-1].dts - first)
        self._container.mux(packets)
