"""Decode the frames of a video with exact times, and convert them to RGB arrays.

Time 0 is the first shown frame. Times are the presentation timestamps of the container: lead-in
hidden by an MP4 edit list is not shown, and start offsets and reordered frames make no difference.
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
from onball.frames import Scaling
from onball.video.scaling import resize

#: Formats of still images, which FFmpeg opens as videos.
_IMAGES = ("image2", "_pipe")
#: Format of ANSI art, as which FFmpeg opens any `.txt`.
_TEXT = "tty"
#: Distances before the requested time at which a keyframe is searched, one after the other. Usually
#: the first succeeds; transport streams have no index, and MP4 indexes by decoding time.
_SEEK_BACK_MS = (0, 1_000, 4_000, 16_000, 64_000)
#: A file may end this much before the length in its header without being called damaged.
_END_TOLERANCE_MS = 500
#: Consecutive errors after which reading a container ends.
_MAX_READ_ERRORS = 100

#: Area averaging: every source pixel counts, so that a ball two pixels wide survives shrinking.
#: The other two flags make the result the same on every processor.
SCALING = Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
#: Conversion to RGB as in `cv2.VideoCapture`, which does not interpolate colours.
_OPENCV = Interpolation.BICUBIC | Interpolation.BITEXACT
_UNSPECIFIED_COLOURS = 2
#: Videos taller than this are in HD colours unless they say otherwise, as players assume.
_TALLEST_SD = 576


class DecodedFrame(NamedTuple):
    """A decoded frame and its time.

    Attributes:
        frame: output of the decoder: stored size and pixel format, not rotated.
        time_ms: exact milliseconds since the first shown frame.
        duration_ms: time for which it is shown; the average of the file if not stored.
    """

    frame: av.VideoFrame
    time_ms: Fraction
    duration_ms: Fraction


class VideoSource:
    """An open video file: a container and its main video stream. Opened by `open_source`.

    Args:
        path: the file.
        container: the open container.
        threads: decoding threads; 0 is one per core.

    Raises `VideoError` if there is no video stream, or its codec is unknown.
    """

    def __init__(self, path: Path, container: av.container.InputContainer, threads: int) -> None:
        self.path = path
        self.container = container
        self.stream = main_video_stream(path, container)
        self.stream.codec_context.thread_count = threads
        self.stream.codec_context.thread_type = "AUTO"
        self.ms_per_tick = Fraction(self.stream.time_base) * 1000
        # AVI stores no presentation times; its decoding times, once past the decoder's delay,
        # advance with the shown frames.
        self._has_presentation_times = "avi" not in container.format.name.split(",")
        self._warned = False

    @property
    def rate(self) -> Fraction:
        """Average frames per second; 25 if the file has no frame rate."""
        rate = self.stream.average_rate or self.stream.guessed_rate
        return Fraction(rate) if rate else Fraction(25)

    @property
    def declared_ms(self) -> Fraction | None:
        """Length in milliseconds by the header of the container; None if it has none."""
        if self.stream.duration:
            return Fraction(self.stream.duration) * self.ms_per_tick
        if self.container.duration and len(self.container.streams) == 1:
            # Matroska measures its length from time 0, the others from their first packet.
            matroska = "matroska" in self.container.format.name
            offset = max(self.container.start_time or 0, 0) if matroska else 0
            return Fraction(self.container.duration - offset, 1000)
        return None

    def frames(self) -> Iterator[DecodedFrame]:
        """All shown frames, in order of time.

        Warns once (`OnballWarning`) if some cannot be decoded or the file ends early. Raises
        `VideoError` if no frame can be decoded.
        """
        frames = self._decode()
        first = next(frames, None)
        if first is None:
            raise VideoError(
                f"{self.path}: no frame of it can be decoded: check that the file is complete"
            )
        origin = first[1]
        return self._timed(chain([first], frames), origin)

    def frames_from(self, start_ms: int, origin: int) -> Iterator[DecodedFrame] | None:
        """The same frames, from one shown at or before `start_ms`.

        `origin` is the tick of the first shown frame. Returns None if seeking to that time fails;
        the file must then be opened again and read from its beginning.
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
            frames = self._decode(from_keyframe=True)
            first = next(frames, None)
            if first is not None and first[1] <= wanted:
                return self._timed(chain([first], frames), origin)
        return None

    def first_tick(self) -> int | None:
        """Presentation tick of the first shown frame; None if the file has no presentation times.

        Seeking needs them.
        """
        tick = next(self.frames()).frame.pts
        return int(tick) if tick is not None and self._has_presentation_times else None

    def _timed(
        self, frames: Iterator[tuple[av.VideoFrame, int]], origin: int
    ) -> Iterator[DecodedFrame]:
        end = Fraction(0)
        for frame, tick in frames:
            time = (tick - origin) * self.ms_per_tick
            duration = (frame.duration or 0) * self.ms_per_tick or 1000 / self.rate
            yield DecodedFrame(frame, time, duration)
            end = time + duration
        declared = self.declared_ms
        if declared is not None and declared - end > _END_TOLERANCE_MS:
            self._warn(
                f"ends at {_seconds(end)} of {_seconds(declared)}: damaged or cut short, "
                "what comes before is used"
            )

    def _decode(self, from_keyframe: bool = False) -> Iterator[tuple[av.VideoFrame, int]]:
        """Decoded frames and their presentation ticks, strictly increasing.

        After a seek (`from_keyframe`) nothing is decoded before the next keyframe, and frames shown
        before that keyframe but coded after it are dropped: they may refer to frames that were not
        decoded.
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
                    if tick < previous:  # Two frames at one time are common and harmless.
                        self._warn_damage(previous)
                    continue
                previous = tick
                yield frame, tick

    def _packets(self) -> Iterator[av.Packet | None]:
        """Packets of the stream, also after damage; None or an empty packet flushes the decoder."""
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
            return  # Live recordings begin in the middle of a group of pictures (GOP).
        time = (previous - (self.stream.start_time or 0)) * self.ms_per_tick
        self._warn(f"damaged at {_seconds(time)}: what cannot be decoded there is left out")

    def _warn(self, message: str) -> None:
        if not self._warned:
            self._warned = True
            warnings.warn(f"{self.path}: {message}", OnballWarning, stacklevel=2)


@contextmanager
def open_source(path: str | Path, threads: int = 0) -> Iterator[VideoSource]:
    """Open a video; `threads` decode it (0: one per core).

    Raises `VideoError` if `path` is missing, a folder, empty, or no video.
    """
    path = Path(path)
    if path.is_dir():
        raise VideoError(f"{path}: is a folder: give a video file")
    if not path.exists():
        raise VideoError(f"{path}: no such file: check the path")
    if path.is_file() and path.stat().st_size == 0:
        raise VideoError(f"{path}: is empty: copy or download it again")
    try:
        # Tags may be in any encoding; a wrong one must not prevent reading the frames.
        container = av.open(str(path), metadata_errors="replace")
    except (av.FFmpegError, OSError) as error:
        raise VideoError(
            f"{path}: not a readable video ({error.strerror}): give a complete video file"
        ) from error
    with container:
        yield VideoSource(path, container, threads)


def decode_frames(path: str | Path, start_ms: int = 0, threads: int = 0) -> Iterator[DecodedFrame]:
    """Decode a video, in order of time, from a frame shown at or before `start_ms`.

    `start_ms` changes the first frame only, not the frames after it or their times.

    Args:
        path: the video.
        start_ms: time in milliseconds since the first shown frame.
        threads: decoding threads; 0 is one per core.

    Raises `VideoError` as `open_source` does, and if no frame can be decoded. Damage gives one
    `OnballWarning`.
    """
    path = Path(path)
    if start_ms > 0:
        with open_source(path, threads) as source:
            origin = _origin(path)
            frames = None if origin is None else source.frames_from(start_ms, origin)
            if frames is not None:
                yield from frames
                return
    with open_source(path, threads) as source:
        yield from source.frames()


def _origin(path: Path) -> int | None:
    """Tick of time 0, found once per file: training opens the same match thousands of times."""
    status = path.stat()
    return _origin_of(path.resolve(), status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=4096)
def _origin_of(path: Path, size: int, modified_ns: int) -> int | None:
    with open_source(path, threads=1) as source:
        return source.first_tick()


def main_video_stream(path: Path | str, container: av.container.InputContainer) -> av.VideoStream:
    """Return the video stream of a container to read: neither a cover picture nor a still image.

    Raises `VideoError`, which names `path`, if there is none.
    """
    streams = [
        stream
        for stream in container.streams.video
        if not stream.disposition & av.stream.Disposition.attached_pic
    ]
    if any(name in container.format.name for name in _IMAGES):
        raise VideoError(f"{path}: is an image, not a video: give a video file")
    if container.format.name == _TEXT:
        raise VideoError(f"{path}: is a text file, not a video: give a video file")
    if not streams:
        raise VideoError(
            f"{path}: holds no video ({container.format.long_name}): give a video file"
        )
    if streams[0].codec_context is None:
        raise VideoError(f"{path}: its video codec is not known here: convert it to H.264")
    return next((s for s in streams if s.disposition & av.stream.Disposition.default), streams[0])


def _seconds(time_ms: Fraction) -> str:
    return f"{float(time_ms) / 1000:.2f} s"


class RgbConverter:
    """Converts decoded frames of one video to RGB arrays of one size.

    Args:
        size: width and height in pixels of the upright result; None keeps that of the first frame.
        scaling: filter and colours.
    """

    def __init__(self, size: tuple[int, int] | None = None, scaling: Scaling = "area") -> None:
        self._size = size
        self._scaling = scaling
        # One scaler for the whole video: setting it up costs more than converting a frame.
        self._scaler = VideoReformatter()
        self._orientation: tuple[bool, bool, bool] | None = None

    def __call__(self, frame: av.VideoFrame) -> npt.NDArray[np.uint8]:
        """Convert a frame to uint8 `[H, W, 3]`, RGB, upright by the display matrix of the video."""
        if self._orientation is None:
            self._orientation = orientation(frame)
        swapped = self._orientation[0]
        if self._size is None:
            self._size = (frame.height, frame.width) if swapped else (frame.width, frame.height)
        if self._scaling == "opencv":
            return resize(_upright(self._as_opencv(frame), self._orientation), self._size)
        width, height = reversed(self._size) if swapped else self._size
        untagged = frame.colorspace == _UNSPECIFIED_COLOURS and not frame.format.is_rgb
        hd = untagged and min(frame.width, frame.height) > _TALLEST_SD
        scaled = self._scaler.reformat(
            frame,
            width=width,
            height=height,
            format="rgb24",
            src_colorspace=Colorspace.ITU709 if hd else None,
            interpolation=SCALING,
        )
        return _upright(np.asarray(scaled.to_ndarray(), np.uint8), self._orientation)

    def _as_opencv(self, frame: av.VideoFrame) -> npt.NDArray[np.uint8]:
        """Stored pixels in RGB as `cv2.VideoCapture` converts them, not scaled or rotated."""
        if frame.format.name == "rgb24":
            return np.asarray(frame.to_ndarray(), np.uint8)
        converted = self._scaler.reformat(frame, format="rgb24", interpolation=_OPENCV)
        return np.asarray(converted.to_ndarray(), np.uint8)


def _upright(
    pixels: npt.NDArray[np.uint8], steps: tuple[bool, bool, bool]
) -> npt.NDArray[np.uint8]:
    """Stored pixels turned upright by the steps of `orientation`."""
    swapped, flip_x, flip_y = steps
    if swapped:
        pixels = pixels.transpose(1, 0, 2)
    if flip_x:
        pixels = pixels[:, ::-1]
    if flip_y:
        pixels = pixels[::-1]
    return pixels


def orientation(frame: av.VideoFrame) -> tuple[bool, bool, bool]:
    """Steps that turn a stored frame upright: swap x and y, then mirror x, then mirror y.

    They follow from the display matrix (ISO/IEC 14496-12, 8.3.2), of which only quarter turns and
    mirrorings are used: a stored point (x, y) is shown at (a·x + c·y, b·x + d·y).

    Call this for one frame per video: a frame whose side data was read is in a reference cycle
    with them, and its memory is only freed by Python's garbage collector.
    """
    data = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return False, False, False
    a, b, _, c, d = (int(value) for value in np.frombuffer(bytes(data), np.int32)[:5])
    swapped = abs(b) > abs(a)
    return (True, c < 0, b < 0) if swapped else (False, a < 0, d < 0)


def rotation(frame: av.VideoFrame) -> int:
    """Clockwise rotation that shows a stored frame upright, in degrees: 0, 90, 180 or 270."""
    swapped, flip_x, flip_y = orientation(frame)
    if swapped:
        return 90 if flip_x else 270
    return 180 if flip_y else 0
