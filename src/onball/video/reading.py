"""Read a video: its properties (`probe`), and its frames at regular times (`read_frames`).

Frames come in batches of RGB arrays, whole or, by `read_windows`, cropped to a window each.
`sample_frames` makes the same of frames that do not come from a file.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice, pairwise, takewhile
from pathlib import Path
from statistics import median
from typing import Any, Literal

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import VideoReformatter

from onball.errors import InputError, VideoError
from onball.files import shell_quoted
from onball.frames import FrameBatch, Scaling, check_pixels
from onball.timing import first_grid_index, grid_time
from onball.video.decoding import (
    DecodedFrame,
    VideoSource,
    decode_frames,
    open_source,
    timeline_of,
)
from onball.video.pixels import SCALING, RgbConverter, orientation, rotation
from onball.video.skipping import SampledTimes

Channels = Literal["rgb", "bgr"]
"""Order of the colours of a frame."""

#: Number of frames whose times are compared where a container has no index of all frames.
_SAMPLED_PACKETS = 250
#: The rate in a header may differ this much from the measured one, as a ratio.
_RATE_TOLERANCE = 0.02
#: H.264 and HEVC store a frame at most this many places before or after its turn.
_MOST_REORDERED = 16


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """Properties of a video file.

    Attributes:
        path: the file.
        width: width of the upright frames, in pixels.
        height: height of the upright frames, in pixels.
        fps: average frames per second.
        duration_ms: length of the video without its sound, by the header of the container; measured
            where the header cannot be relied on, as in transport streams.
        frame_count: number of shown frames; exact for MP4 and MOV and where the length is measured,
            else estimated from length and rate.
        codec: FFmpeg's name of the codec, such as `h264`.
        pixel_format: FFmpeg's name of the stored pixel format, such as `yuv420p`.
        rotation: clockwise rotation that shows stored frames upright, in degrees: 0, 90, 180, 270.
        variable_rate: True if the time between frames varies, in the whole video for MP4 and MOV,
            at its beginning for other containers.
        time_code: time code of the first frame, `10:00:00:00`, as cameras record it; empty if the file
            has none.
    """

    path: Path
    width: int
    height: int
    fps: float
    duration_ms: int
    frame_count: int
    codec: str
    pixel_format: str
    rotation: int
    variable_rate: bool
    time_code: str = ""


def probe(path: str | Path) -> VideoInfo:
    """Read the properties of a video; only its first frame is decoded.

    All packets of the file are read if it is not MP4, MOV, Matroska or AVI, or has no index.

    Raises `VideoError` if `path` is missing, is no video or a pipe, or no frame can be decoded.
    """
    if Path(path).is_fifo() or Path(path).is_char_device():
        raise VideoError(
            f"{path}: is a pipe or a device, which cannot be read twice: give a file, or follow it with "
            f"`onball live {shell_quoted(path)}`"
        )
    with open_source(path, threads=1) as source:
        timeline = timeline_of(path)
        first = next(source.frames()).frame
        swapped = orientation(first)[0]
        context = source.stream.codec_context
        indexed = _indexed_times(source)
        measured = timeline.length
        rate = source.rate
        if measured is not None:
            duration_ms = (measured.end - timeline.origin) * source.ms_per_tick
            count, times = measured.frames, list(measured.times)
            average = count * 1000 / duration_ms
            if (
                abs(rate - average) > _RATE_TOLERANCE * average
            ):  # Averaged over a break, or guessed.
                rate = average
        else:
            declared = source.declared_end
            ticks = 0 if declared is None else declared - timeline.origin
            duration_ms = max(Fraction(0), ticks * source.ms_per_tick)
            count = len(indexed) or round(duration_ms * rate / 1000)
            times = indexed or _sampled_times(source)
        return VideoInfo(
            path=Path(path),
            width=first.height if swapped else first.width,
            height=first.width if swapped else first.height,
            fps=float(rate),
            duration_ms=round(duration_ms),
            frame_count=count,
            codec=context.codec.canonical_name,
            pixel_format=context.pix_fmt or "",
            rotation=rotation(first),
            variable_rate=_varies(times),
            time_code=_time_code(source),
        )


def _time_code(source: VideoSource) -> str:
    """Time code in the header of a file, of the file or of one of its tracks."""
    tracks = (track.metadata for track in source.container.streams)
    found = (metadata.get("timecode", "") for metadata in (source.container.metadata, *tracks))
    return next(filter(None, found), "")


def _indexed_times(source: VideoSource) -> list[int]:
    """Decoding ticks of all shown frames if the index of the container has them all, else none."""
    index = source.stream.index_entries
    if not source.stream.frames or len(index) < source.stream.frames:
        return []
    return [entry.timestamp for entry in index if not entry.is_discard]


def _sampled_times(source: VideoSource) -> list[int]:
    """Presentation ticks of the next packets."""
    packets = islice(source.container.demux(source.stream), _SAMPLED_PACKETS)
    ticks = sorted(packet.pts for packet in packets if packet.pts is not None)
    # At both ends frames may be missing that are stored before or after these packets.
    return ticks[_MOST_REORDERED:-_MOST_REORDERED]


def _varies(ticks: list[int]) -> bool:
    """True if more than one step, and more than one in a hundred, differs from the median step.

    One such step is common where an edit list begins or the last frame is held.
    """
    steps = [later - earlier for earlier, later in pairwise(ticks)]
    if not steps:
        return False
    usual = median(steps)
    slack = max(2, usual / 10)  # Clocks of whole milliseconds round each step.
    odd = sum(abs(step - usual) > slack for step in steps)
    return odd > max(1, len(steps) / 100)


def read_frames(
    path: str | Path,
    fps: float | Fraction | None = 12.5,
    size: tuple[int, int] | None = (398, 224),
    *,
    start_ms: int = 0,
    end_ms: int | None = None,
    batch_frames: int = 32,
    threads: int = 0,
    scaling: Scaling = "area",
) -> Generator[FrameBatch]:
    """Read a video as batches of frames at regular times, whatever its own frame rate.

    The times are t_k = round(1000·k / fps) ms after the first shown frame; at each, the frame of
    the video nearest in time is returned, the earlier of two equally near. The last time is the
    last one within half the duration of the last frame. Reading from `start_ms` gives exactly the
    frames that reading from 0 gives there. At most one batch is in memory.

    Args:
        path: the video file.
        fps: sampled frames per second; None gives every frame at its own time.
        size: width and height in pixels, to which frames are stretched (the aspect ratio is not
            kept); None keeps the size of the video. Frames are always upright.
        start_ms: first time, in milliseconds.
        end_ms: time to stop before, in milliseconds; None reads to the end.
        batch_frames: frames per batch; the last batch may have fewer, none is empty.
        threads: decoding threads; 0 is one per core, best for a single reader; 1 is best for
            several readers at the same time.
        scaling: `area` averages areas; `opencv` gives the pixels of `cv2.VideoCapture` and `cv2.resize`.

    Yields:
        Batches in order of time. Their arrays are not reused.

    Raises:
        ValueError: a setting is out of range; raised at the call.
        VideoError: the file is missing or no video; raised with the first batch.

    A damaged or truncated file gives the frames that can be decoded and one `OnballWarning`.
    """
    if fps is not None and not 0 < fps <= 1000:
        raise ValueError(f"fps {fps} is outside (0, 1000]")
    if size is not None and min(size) < 1:
        raise ValueError(f"size {size} has no pixels")
    if start_ms < 0:
        raise ValueError(f"start_ms {start_ms} is negative")
    if batch_frames < 1:
        raise ValueError(f"batch_frames {batch_frames} is below 1")
    if threads < 0:
        raise ValueError(f"threads {threads} is negative")
    return _batches(path, fps, size, start_ms, end_ms, batch_frames, threads, scaling)


def frame_near(
    path: str | Path, position_ms: int, size: tuple[int, int], within_ms: int = 200
) -> npt.NDArray[np.uint8] | None:
    """Return the frame that is nearest to a position, uint8 `[H, W, 3]`.

    Args:
        path: the video file.
        position_ms: the position, in milliseconds.
        size: width and height in pixels, to which the frame is stretched.
        within_ms: largest distance of the frame from the position.

    Returns:
        The frame; None if there is none so near.

    Raises:
        VideoError: the file is missing or no video.
    """
    start_ms, end_ms = max(0, position_ms - within_ms), position_ms + within_ms
    best, nearest = None, within_ms + 1
    for batch in read_frames(path, None, size, start_ms=start_ms, end_ms=end_ms, threads=1):
        for image, time_ms in zip(batch.frames, batch.pts_ms, strict=True):
            distance = abs(int(time_ms) - position_ms)
            if distance < nearest:
                best, nearest = image, distance
    return best


def _batches(
    path: str | Path,
    fps: float | Fraction | None,
    size: tuple[int, int] | None,
    start_ms: int,
    end_ms: int | None,
    batch_frames: int,
    threads: int,
    scaling: Scaling,
) -> Generator[FrameBatch]:
    if fps is None:
        # One millisecond earlier: a frame's time is rounded up to `start_ms` from before it.
        decoded = decode_frames(path, max(0, start_ms - 1), threads)
        timed = _at_own_times(decoded, start_ms)
    else:
        first = first_grid_index(start_ms, fps)
        start = grid_time(first, fps)
        decoded = decode_frames(path, start, threads, SampledTimes(fps, first))
        timed = at_grid_times(decoded, fps, first)

    if end_ms is not None:
        timed = takewhile(lambda pair: pair[1] < end_ms, timed)
    try:
        yield from _in_batches(timed, size, batch_frames, scaling)
    except av.FFmpegError as error:
        raise VideoError(
            f"{path}: its frames cannot be converted to RGB ({error.strerror}): convert the video "
            "to H.264"
        ) from error


def _in_batches(
    timed: Iterator[tuple[av.VideoFrame, int]],
    size: tuple[int, int] | None,
    batch_frames: int,
    scaling: Scaling,
) -> Iterator[FrameBatch]:
    """Convert and scale frames, each given with its time, and put them into batches."""
    convert = RgbConverter(size, scaling)
    shown: av.VideoFrame | None = None
    frames: npt.NDArray[np.uint8] | None = None
    pts_ms = np.empty(batch_frames, np.int64)
    count = 0
    for frame, time_ms in timed:
        if frame is not shown:  # A held frame is converted once.
            shown, pixels = frame, convert(frame)
        if frames is None:
            frames = np.empty((batch_frames, *pixels.shape), np.uint8)
        frames[count], pts_ms[count] = pixels, time_ms
        count += 1
        if count == batch_frames:
            yield FrameBatch(frames, pts_ms)
            frames, pts_ms, count = None, np.empty(batch_frames, np.int64), 0
    if frames is not None:
        yield FrameBatch(frames[:count], pts_ms[:count])


def _at_own_times(
    decoded: Iterator[DecodedFrame], start_ms: int
) -> Iterator[tuple[av.VideoFrame, int]]:
    """Every frame from `start_ms` on, with its own time."""
    for current in decoded:
        time_ms = round(current.time_ms)
        if time_ms >= start_ms:
            yield current.frame, time_ms


def at_grid_times(
    decoded: Iterator[DecodedFrame], fps: float | Fraction, index: int
) -> Iterator[tuple[av.VideoFrame, int]]:
    """Yield the nearest frame to each time of the sampling grid, with that time.

    Args:
        decoded: frames of a video, in order of time.
        fps: sampled frames per second.
        index: index of the first sampled frame.
    """
    previous: DecodedFrame | None = None
    time_ms = grid_time(index, fps)
    for current in decoded:
        if previous is not None:
            middle = (previous.time_ms + current.time_ms) / 2
            while time_ms <= middle:
                yield previous.frame, time_ms
                index += 1
                time_ms = grid_time(index, fps)
        previous = current
    if previous is not None:
        end = previous.time_ms + previous.duration_ms / 2
        while time_ms <= end:
            yield previous.frame, time_ms
            index += 1
            time_ms = grid_time(index, fps)


def sample_frames(
    frames: Iterable[npt.NDArray[np.uint8]] | Iterable[tuple[float, npt.NDArray[np.uint8]]],
    fps: float | Fraction,
    size: tuple[int, int] | None,
    *,
    source_fps: float | Fraction | None = None,
    channels: Channels = "rgb",
    batch_frames: int = 32,
    scaling: Scaling = "area",
) -> Iterator[FrameBatch]:
    """Sample and scale frames that do not come from a file, as `read_frames` does those of a video.

    The same frames are chosen at the same times as from a video file with these frames, and scaled
    by the same filter. Frames of size `size` are therefore equal to those from the file; others
    differ by about one level of 255, because a file's colours are converted while they are scaled,
    and by more at sharp edges between colours.

    At most one batch and two frames are in memory. Frames are copied, so that the source may write
    the next one into the same array.

    Args:
        frames: frames uint8 `[H, W, 3]`, upright, of any sizes; or pairs of time and frame. Times
            are in milliseconds (`int`, `float` or `Fraction`) from any origin; the first becomes 0.
            Of two frames at one time the first counts.
        fps: sampled frames per second.
        size: width and height in pixels, to which frames are stretched; None keeps that of the
            first frame.
        source_fps: frames per second of `frames`, if they come without times.
        channels: order of the colours in `frames`; OpenCV's is `bgr`.
        batch_frames: frames per batch; the last batch may have fewer. Smaller ones come sooner.
        scaling: see `read_frames`.

    Yields:
        Batches in order of time. Their arrays are not reused.

    Raises:
        ValueError: a setting is out of range; raised at the call.
        InputError: a frame is not of that form, its time is missing, or earlier than the last one.
            The message has the frame, counted from 0.
    """
    if not 0 < fps <= 1000:
        raise ValueError(f"fps {fps} is outside (0, 1000]")
    if source_fps is not None and not source_fps > 0:
        raise ValueError(f"source_fps {source_fps} is not above 0")
    if channels not in ("rgb", "bgr"):
        raise ValueError(f"channels '{channels}' is neither 'rgb' nor 'bgr'")
    if size is not None and min(size) < 1:
        raise ValueError(f"size {size} has no pixels")
    if batch_frames < 1:
        raise ValueError(f"batch_frames {batch_frames} is below 1")
    decoded = _as_decoded(frames, source_fps, f"{channels}24", Fraction(1000) / Fraction(fps))
    return _in_batches(at_grid_times(decoded, fps, 0), size, batch_frames, scaling)


def _as_decoded(
    frames: Iterable[Any], source_fps: float | Fraction | None, pixel_format: str, step: Fraction
) -> Iterator[DecodedFrame]:
    """Frames with times from 0 and durations: the time since the frame before, `step` at first."""
    origin: Fraction | None = None
    previous = Fraction(0)
    for index, item in enumerate(frames):
        try:
            time, pixels = _timed_pixels(item, index, source_fps)
            check_pixels(pixels, dimensions=3)
            origin = time if origin is None else origin
            time -= origin
            if time < previous:
                raise InputError(
                    f"is at {float(time + origin):.10g} ms, before the last one at "
                    f"{float(previous + origin):.10g} ms: times must increase"
                )
        except InputError as error:
            raise InputError(f"frame {index}: {error}") from None
        if index and time == previous:
            continue
        if source_fps is not None:
            step = 1000 / Fraction(source_fps)
        elif index:
            step = time - previous
        previous = time
        image = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format=pixel_format)
        yield DecodedFrame(image, time, step)


def _timed_pixels(
    item: Any, index: int, source_fps: float | Fraction | None
) -> tuple[Fraction, Any]:
    """The time and the pixels of a frame that may come with its time. Raises `InputError`."""
    paired = isinstance(item, tuple) and len(item) == 2
    if source_fps is not None:
        if paired:
            raise InputError("has a time: give either the frame rate or pairs of time and frame")
        return index * 1000 / Fraction(source_fps), item
    if not paired:
        raise InputError("has no time: give the frame rate, or pairs of time and frame")
    time, pixels = item
    try:
        return Fraction(time if isinstance(time, Fraction) else float(time)), pixels
    except (TypeError, ValueError, OverflowError):
        kind = type(time).__name__
        raise InputError(f"its time is of type {kind}, not a number of milliseconds") from None


def read_windows(
    path: str | Path,
    fps: float | Fraction | None,
    size: tuple[int, int],
    windows_at: Callable[[npt.NDArray[np.int64]], npt.NDArray[np.float32]],
    *,
    start_ms: int = 0,
    end_ms: int | None = None,
    batch_frames: int = 32,
    threads: int = 0,
) -> Iterator[FrameBatch]:
    """Read a video as `read_frames` does, each frame cropped to a window and scaled to `size`.

    Windows are cropped at the stored resolution, so that smaller windows keep more detail.

    Args:
        path, fps, size, start_ms, end_ms, batch_frames, threads: see `read_frames`.
        windows_at: function from times in milliseconds `[t]` to the windows of these frames
            `[t, 4]`: x0, y0, x1, y1 as fractions of width and height; edges are rounded to pixels.

    Yields and raises the same as `read_frames`.
    """
    if min(size) < 1:
        raise ValueError(f"size {size} has no pixels")
    batches = read_frames(
        path,
        fps,
        None,
        start_ms=start_ms,
        end_ms=end_ms,
        batch_frames=batch_frames,
        threads=threads,
    )
    return _crop(batches, size, windows_at)


def _crop(
    batches: Iterator[FrameBatch],
    size: tuple[int, int],
    windows_at: Callable[[npt.NDArray[np.int64]], npt.NDArray[np.float32]],
) -> Iterator[FrameBatch]:
    """The windows of the frames, batch by batch."""
    scaler = VideoReformatter()
    for frames, pts_ms in batches:
        height, width = frames.shape[1:3]
        scaled = np.empty((len(frames), size[1], size[0], 3), np.uint8)
        for index, window in enumerate(windows_at(pts_ms)):
            x0, y0, x1, y1 = _pixels(window, width, height)
            scaled[index] = _scaled(scaler, frames[index, y0:y1, x0:x1], size)
        yield FrameBatch(scaled, pts_ms)


def _pixels(window: npt.NDArray[np.float32], width: int, height: int) -> tuple[int, int, int, int]:
    """The window in whole pixels, at least one, inside the frame.

    Its size is rounded, not its right and lower edge, so that a moving window keeps its size.
    """
    x0, y0, x1, y1 = (float(side) for side in window)
    columns = min(width, max(1, round((x1 - x0) * width)))
    rows = min(height, max(1, round((y1 - y0) * height)))
    left = min(width - columns, max(0, round(x0 * width)))
    top = min(height - rows, max(0, round(y0 * height)))
    return left, top, left + columns, top + rows


def _scaled(
    scaler: VideoReformatter, pixels: npt.NDArray[np.uint8], size: tuple[int, int]
) -> npt.NDArray[np.uint8]:
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
    scaled = scaler.reformat(
        frame, width=size[0], height=size[1], format="rgb24", interpolation=SCALING, threads=1
    )
    return np.asarray(scaled.to_ndarray(), np.uint8)
