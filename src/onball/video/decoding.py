"""Opening a video and decoding the pictures it shows, each with its exact time.

Time 0 is the first shown picture. The container's own presentation timestamps count, so lead-in
behind an MP4 edit list is not shown, and start offsets and reordered pictures make no difference.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import Colorspace, Interpolation, VideoReformatter

from onball.errors import OnballWarning, VideoError

#: FFmpeg opens these as if they were films: still images and, as ANSI art, any `.txt`.
_NOT_FILMS = ("tty", "image2", "_pipe")
#: How far before the wanted moment to look for a keyframe, one after the other. Usually the first
#: is right; transport streams have no index, and MP4 indexes by decoding time.
_SEEK_BACK_MS = (0, 1_000, 4_000, 16_000, 64_000)
#: A file may end this much before the length in its header without being called damaged.
_END_TOLERANCE_MS = 500
#: Errors in a row after which a container is given up.
_MAX_READ_ERRORS = 100


class Picture(NamedTuple):
    """A decoded picture and when it is shown.

    Attributes:
        frame: as the decoder gave it: stored size, own pixel format, not rotated.
        time_ms: exact milliseconds since the first shown picture.
        duration_ms: how long it is shown; the file's average where the file does not say.
    """

    frame: av.VideoFrame
    time_ms: Fraction
    duration_ms: Fraction


class Source:
    """An open video file: a container and the one stream of it that is the film."""

    def __init__(self, path: Path, container: av.container.InputContainer, threads: int) -> None:
        self.path = path
        self.container = container
        self.stream = _film_stream(path, container)
        self.stream.codec_context.thread_count = threads
        self.stream.codec_context.thread_type = "AUTO"
        self.ms_per_tick = Fraction(self.stream.time_base) * 1000
        # AVI stores no presentation times; its decoding times, once past the decoder's delay,
        # advance with the shown pictures.
        self._has_presentation_times = "avi" not in container.format.name.split(",")
        self._warned = False

    @property
    def rate(self) -> Fraction:
        """Average frames per second; 25 where the file does not say."""
        rate = self.stream.average_rate or self.stream.guessed_rate
        return Fraction(rate) if rate else Fraction(25)

    @property
    def declared_ms(self) -> Fraction | None:
        """The film's length by the container's header, None where it does not say."""
        if self.stream.duration:
            return Fraction(self.stream.duration) * self.ms_per_tick
        if self.container.duration and len(self.container.streams) == 1:
            # Matroska counts its length from time 0, the others from their first packet.
            matroska = "matroska" in self.container.format.name
            offset = max(self.container.start_time or 0, 0) if matroska else 0
            return Fraction(self.container.duration - offset, 1000)
        return None

    def pictures(self) -> Iterator[Picture]:
        """All shown pictures, in order of time.

        Warns once (`OnballWarning`) if some cannot be decoded or the file ends early.
        """
        frames = self._frames()
        first = next(frames, None)
        if first is None:
            raise VideoError(
                f"{self.path}: no picture of it can be decoded: check that the file is complete"
            )
        origin = first[1]
        return self._timed(chain([first], frames), origin)

    def pictures_from(self, start_ms: int, origin: int) -> Iterator[Picture] | None:
        """The same pictures, from one that is shown at or before `start_ms`.

        `origin` is the tick of the first shown picture. None if the file cannot be entered there;
        then it has to be read from its beginning, and opened anew for that.
        """
        wanted = origin + start_ms // self.ms_per_tick
        for back_ms in _SEEK_BACK_MS:
            target = wanted - back_ms // self.ms_per_tick
            if target < origin:
                return None
            try:
                self.container.seek(int(target), stream=self.stream)
            except av.FFmpegError:
                return None
            frames = self._frames(from_keyframe=True)
            first = next(frames, None)
            if first is not None and first[1] <= wanted:
                return self._timed(chain([first], frames), origin)
        return None

    def first_tick(self) -> int | None:
        """The presentation tick of the first shown picture; None where the file has no such times.

        Without them a file cannot be entered in the middle.
        """
        tick = next(self.pictures()).frame.pts
        return int(tick) if tick is not None and self._has_presentation_times else None

    def _timed(self, frames: Iterator[tuple[av.VideoFrame, int]], origin: int) -> Iterator[Picture]:
        end = Fraction(0)
        for frame, tick in frames:
            time = (tick - origin) * self.ms_per_tick
            duration = (frame.duration or 0) * self.ms_per_tick or 1000 / self.rate
            yield Picture(frame, time, duration)
            end = time + duration
        declared = self.declared_ms
        if declared is not None and declared - end > _END_TOLERANCE_MS:
            self._warn(
                f"ends at {_seconds(end)} of {_seconds(declared)}: damaged or cut short, "
                "what comes before is used"
            )

    def _frames(self, from_keyframe: bool = False) -> Iterator[tuple[av.VideoFrame, int]]:
        """Decoded frames and their presentation ticks, strictly increasing.

        After a seek (`from_keyframe`) nothing is decoded before the next keyframe, and what is
        shown before that keyframe but coded after it is dropped: it may refer to pictures that
        were not decoded.
        """
        step = max(1, round(1000 / self.rate / self.ms_per_tick))
        previous: int | None = None
        lowest: int | None = None
        for packet in self._packets():
            if from_keyframe and lowest is None:
                if packet is None or not packet.is_keyframe or packet.pts is None:
                    continue
                lowest = packet.pts
            try:
                frames = self.stream.decode(packet)
            except av.FFmpegError:
                self._warn_damage(previous)
                continue
            for frame in frames:
                tick = frame.pts if self._has_presentation_times else frame.dts
                if tick is None:
                    tick = 0 if previous is None else previous + (frame.duration or step)
                if lowest is not None and tick < lowest:
                    continue
                if previous is not None and tick <= previous:
                    if tick < previous:  # Two pictures at one time are common and harmless.
                        self._warn_damage(previous)
                    continue
                previous = tick
                yield frame, tick

    def _packets(self) -> Iterator[av.Packet | None]:
        """The film's packets, read on after damage; None or an empty packet flushes the decoder."""
        errors = 0
        while errors < _MAX_READ_ERRORS:
            try:
                for packet in self.container.demux(self.stream):
                    errors = 0
                    yield packet
                return
            except av.FFmpegError:
                errors += 1
        yield None

    def _warn_damage(self, previous: int | None) -> None:
        if previous is None:
            return  # Streams recorded live begin in the middle of a group of pictures.
        time = (previous - (self.stream.start_time or 0)) * self.ms_per_tick
        self._warn(f"damaged at {_seconds(time)}: what cannot be decoded there is left out")

    def _warn(self, message: str) -> None:
        if not self._warned:
            self._warned = True
            warnings.warn(f"{self.path}: {message}", OnballWarning, stacklevel=2)


@contextmanager
def open_source(path: str | Path, threads: int = 0) -> Iterator[Source]:
    """The open video; `threads` decode it (0: one per core).

    Raises `VideoError` if `path` is missing, a folder, empty, or no film.
    """
    path = Path(path)
    if path.is_dir():
        raise VideoError(f"{path}: is a folder: give a video file")
    if not path.exists():
        raise VideoError(f"{path}: no such file: check the path")
    if path.is_file() and path.stat().st_size == 0:
        raise VideoError(f"{path}: is empty: copy or download it again")
    try:
        # Tags may be in any encoding; a wrong one must not keep the pictures from being read.
        container = av.open(str(path), metadata_errors="replace")
    except (av.FFmpegError, OSError) as error:
        raise VideoError(
            f"{path}: not a readable video ({error.strerror}): give a complete video file"
        ) from error
    with container:
        yield Source(path, container, threads)


def shown_pictures(path: str | Path, start_ms: int = 0, threads: int = 0) -> Iterator[Picture]:
    """The pictures of a video, in order of time, from one shown at or before `start_ms`.

    Which pictures come, and their times, do not depend on `start_ms`, only where they begin.
    Damage gives one `OnballWarning`. Raises `VideoError` as `open_source` does, and if no picture
    can be decoded.
    """
    path = Path(path)
    if start_ms > 0:
        with open_source(path, threads) as source:
            origin = _origin(path)
            pictures = None if origin is None else source.pictures_from(start_ms, origin)
            if pictures is not None:
                yield from pictures
                return
    with open_source(path, threads) as source:
        yield from source.pictures()


def _origin(path: Path) -> int | None:
    """The tick of time 0, found once per file: training opens the same match thousands of times."""
    status = path.stat()
    return _origin_of(path.resolve(), status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=4096)
def _origin_of(path: Path, size: int, modified_ns: int) -> int | None:
    with open_source(path, threads=1) as source:
        return source.first_tick()


def _film_stream(path: Path, container: av.container.InputContainer) -> av.VideoStream:
    streams = [
        stream
        for stream in container.streams.video
        if not stream.disposition & av.stream.Disposition.attached_pic
    ]
    if not streams or any(name in container.format.name for name in _NOT_FILMS):
        raise VideoError(f"{path}: holds no film ({container.format.long_name}): give a video file")
    if streams[0].codec_context is None:
        raise VideoError(f"{path}: its video codec is not known here: convert it to H.264")
    return next((s for s in streams if s.disposition & av.stream.Disposition.default), streams[0])


def _seconds(time_ms: Fraction) -> str:
    return f"{float(time_ms) / 1000:.2f} s"


# --- Decoded pictures to RGB arrays: upright, resized, in the colours the film means.


#: Area averaging: every source pixel counts, so that a ball two pixels wide survives shrinking.
#: The other two make the result the same on every processor.
_SCALING = Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
_UNSPECIFIED_COLOURS = 2
#: Films taller than this are in HD colours if they do not say otherwise, as players assume.
_TALLEST_SD = 576


class RgbConverter:
    """Turns pictures of one film into RGB arrays of one size.

    Args:
        size: width and height in pixels of the upright result; None keeps that of the first
            picture.
    """

    def __init__(self, size: tuple[int, int] | None = None) -> None:
        self._size = size
        # One scaler for the whole film: setting it up costs more than a picture.
        self._scaler = VideoReformatter()
        self._orientation: tuple[bool, bool, bool] | None = None

    def __call__(self, frame: av.VideoFrame) -> npt.NDArray[np.uint8]:
        """The picture as uint8 `[H, W, 3]`, RGB, turned as the film's display matrix says."""
        if self._orientation is None:
            self._orientation = orientation(frame)
        swapped, flip_x, flip_y = self._orientation
        if self._size is None:
            self._size = (frame.height, frame.width) if swapped else (frame.width, frame.height)
        width, height = reversed(self._size) if swapped else self._size
        untagged = frame.colorspace == _UNSPECIFIED_COLOURS and not frame.format.is_rgb
        hd = untagged and min(frame.width, frame.height) > _TALLEST_SD
        scaled = self._scaler.reformat(
            frame,
            width=width,
            height=height,
            format="rgb24",
            src_colorspace=Colorspace.ITU709 if hd else None,
            interpolation=_SCALING,
        )
        pixels = np.asarray(scaled.to_ndarray(), np.uint8)
        if swapped:
            pixels = pixels.transpose(1, 0, 2)
        if flip_x:
            pixels = pixels[:, ::-1]
        if flip_y:
            pixels = pixels[::-1]
        return pixels


def orientation(frame: av.VideoFrame) -> tuple[bool, bool, bool]:
    """How to turn a stored picture upright: swap x and y, then mirror x, then mirror y.

    From the display matrix (ISO/IEC 14496-12, 8.3.2), of which only quarter turns and mirrorings
    are used: a stored point (x, y) is shown at (a·x + c·y, b·x + d·y).

    Ask it of one frame per film: a frame whose side data was looked at is in a reference cycle
    with them, and its memory waits for Python's garbage collector.
    """
    data = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return False, False, False
    a, b, _, c, d = (int(value) for value in np.frombuffer(bytes(data), np.int32)[:5])
    swapped = abs(b) > abs(a)
    return (True, c < 0, b < 0) if swapped else (False, a < 0, d < 0)


def rotation(frame: av.VideoFrame) -> int:
    """Degrees by which the film asks its pictures to be turned clockwise: 0, 90, 180 or 270."""
    swapped, flip_x, flip_y = orientation(frame)
    if swapped:
        return 90 if flip_x else 270
    return 180 if flip_y else 0
