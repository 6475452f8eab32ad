"""`read_frames`: a video as batches of RGB frames, sampled by presentation time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path
from statistics import median

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import Interpolation, VideoReformatter

from onball.frames import FrameBatch
from onball.timing import first_grid_index, grid_time
from onball.video.decoding import (
    Picture,
    RgbConverter,
    Source,
    open_source,
    orientation,
    rotation,
    shown_pictures,
)


def read_frames(
    path: str | Path,
    fps: float | Fraction | None = 12.5,
    size: tuple[int, int] | None = (398, 224),
    *,
    start_ms: int = 0,
    end_ms: int | None = None,
    batch_frames: int = 32,
    threads: int = 0,
) -> Iterator[FrameBatch]:
    """Read a video as batches of frames at regular moments, whatever its own frame rate.

    The moments are t_k = round(1000·k / fps) ms after the first shown frame; each shows the frame
    of the film that is nearest in time, the earlier of two equally near. The last moment is the
    last one within half the duration of the last frame. Reading from `start_ms` gives exactly the
    frames that reading from 0 gives there. No more than one batch is in memory.

    Args:
        path: the video file.
        fps: sampled frames per second; None gives every frame at its own time.
        size: width and height in pixels (the picture is stretched to it, its aspect is not
            kept); None keeps the film's own size. Always upright.
        start_ms: first moment.
        end_ms: the moment to stop before; None reads to the end.
        batch_frames: frames per batch; the last batch may have fewer, none is empty.
        threads: decoding threads; 0 is one per core, best for one reader at a time. Several
            readers beside each other do best with 1 each.

    Yields:
        Batches in order of time. Their arrays are not reused.

    Raises:
        ValueError: at once, for settings that make no sense.
        VideoError: on the first batch, if the file is missing or no video.

    A damaged or cut-off file gives the frames that are there and one `OnballWarning`.
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
    return _batches(path, fps, size, start_ms, end_ms, batch_frames, threads)


def _batches(
    path: str | Path,
    fps: float | Fraction | None,
    size: tuple[int, int] | None,
    start_ms: int,
    end_ms: int | None,
    batch_frames: int,
    threads: int,
) -> Iterator[FrameBatch]:
    if fps is None:
        # One millisecond earlier: a frame's time is rounded up to `start_ms` from before it.
        pictures = shown_pictures(path, max(0, start_ms - 1), threads)
        moments = _own_moments(pictures, start_ms)
    else:
        first = first_grid_index(start_ms, fps)
        pictures = shown_pictures(path, grid_time(first, fps), threads)
        moments = _grid_moments(pictures, fps, first)

    convert = RgbConverter(size)
    shown: av.VideoFrame | None = None
    frames: npt.NDArray[np.uint8] | None = None
    pts_ms = np.empty(batch_frames, np.int64)
    count = 0
    for frame, time_ms in moments:
        if end_ms is not None and time_ms >= end_ms:
            break
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


def _own_moments(pictures: Iterator[Picture], start_ms: int) -> Iterator[tuple[av.VideoFrame, int]]:
    """Every picture from `start_ms` on, at its own time."""
    for picture in pictures:
        time_ms = round(picture.time_ms)
        if time_ms >= start_ms:
            yield picture.frame, time_ms


def _grid_moments(
    pictures: Iterator[Picture], fps: float | Fraction, index: int
) -> Iterator[tuple[av.VideoFrame, int]]:
    """The moments from grid index `index` on, each with the nearest picture."""
    previous: Picture | None = None
    time_ms = grid_time(index, fps)
    for picture in pictures:
        if previous is not None:
            middle = (previous.time_ms + picture.time_ms) / 2
            while time_ms <= middle:
                yield previous.frame, time_ms
                index += 1
                time_ms = grid_time(index, fps)
        previous = picture
    if previous is not None:
        end = previous.time_ms + previous.duration_ms / 2
        while time_ms <= end:
            yield previous.frame, time_ms
            index += 1
            time_ms = grid_time(index, fps)


# --- `read_windows`: a video as batches of frames, each cut to a window of its own before


#: As `onball.video.decoding` scales whole pictures.
_SCALING = Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.BITEXACT


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
    """Read a video as `read_frames` does, but of each frame only a window, scaled to `size`.

    The window is cut out of the picture as it is stored, so that it gains detail where it is
    smaller than the picture.

    Args:
        path, fps, size, start_ms, end_ms, batch_frames, threads: as of `read_frames`.
        windows_at: gives the windows of the frames at some moments `[t]`, as x0, y0, x1, y1 in
            shares of the picture's width and height, `[t, 4]`; edges are rounded to whole pixels.

    Yields and raises what `read_frames` does.
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
    return _cut(batches, size, windows_at)


def _cut(
    batches: Iterator[FrameBatch],
    size: tuple[int, int],
    windows_at: Callable[[npt.NDArray[np.int64]], npt.NDArray[np.float32]],
) -> Iterator[FrameBatch]:
    """The frames' windows, in batches as they come."""
    scaler = VideoReformatter()
    for frames, pts_ms in batches:
        height, width = frames.shape[1:3]
        scaled = np.empty((len(frames), size[1], size[0], 3), np.uint8)
        for index, window in enumerate(windows_at(pts_ms)):
            x0, y0, x1, y1 = _pixels(window, width, height)
            scaled[index] = _scaled(scaler, frames[index, y0:y1, x0:x1], size)
        yield FrameBatch(scaled, pts_ms)


def _pixels(window: npt.NDArray[np.float32], width: int, height: int) -> tuple[int, int, int, int]:
    """The window in whole pixels, at least one, inside the picture.

    Its size is rounded by itself, so that it does not change by a pixel as the window moves.
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
        frame, width=size[0], height=size[1], format="rgb24", interpolation=_SCALING
    )
    return np.asarray(scaled.to_ndarray(), np.uint8)


# --- `probe`: what a video is, from its header, its index and its first picture.


#: Where a container has no index of all frames, this many are looked at.
_SAMPLED_PACKETS = 250
#: H.264 and HEVC store a picture at most this many places before or after its turn.
_MOST_REORDERED = 16


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What a video is.

    Attributes:
        path: the file.
        width: of the upright picture, in pixels.
        height: of the upright picture, in pixels.
        fps: average frames per second.
        duration_ms: length of the film, from the container's header; 0 where it does not say.
        frame_count: shown frames; exact for MP4 and MOV, else estimated from length and rate.
        codec: FFmpeg's name of the codec, for example `h264`.
        pixel_format: FFmpeg's name of the stored pixel format, for example `yuv420p`.
        rotation: degrees the stored picture is turned clockwise to be upright: 0, 90, 180, 270.
        variable_rate: the time between frames varies; judged by the whole film in MP4 and MOV,
            by its beginning in other containers.
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


def probe(path: str | Path) -> VideoInfo:
    """Look at a video without decoding more than its first shown picture.

    Raises `VideoError` if `path` is missing, is no video, or no picture can be decoded.
    """
    with open_source(path, threads=1) as source:
        first = next(source.pictures()).frame
        swapped = orientation(first)[0]
        context = source.stream.codec_context
        indexed = _indexed_times(source)
        duration_ms = source.declared_ms or Fraction(source.container.duration or 0, 1000)
        return VideoInfo(
            path=Path(path),
            width=first.height if swapped else first.width,
            height=first.width if swapped else first.height,
            fps=float(source.rate),
            duration_ms=round(duration_ms),
            frame_count=len(indexed) if indexed else round(duration_ms * source.rate / 1000),
            codec=context.codec.canonical_name,
            pixel_format=context.pix_fmt or "",
            rotation=rotation(first),
            variable_rate=_varies(indexed or _sampled_times(source)),
        )


def _indexed_times(source: Source) -> list[int]:
    """Decoding ticks of all shown frames where the container's index has them all, else none."""
    index = source.stream.index_entries
    if not source.stream.frames or len(index) < source.stream.frames:
        return []
    return [entry.timestamp for entry in index if not entry.is_discard]


def _sampled_times(source: Source) -> list[int]:
    """Presentation ticks of the packets that come next."""
    packets = islice(source.container.demux(source.stream), _SAMPLED_PACKETS)
    ticks = sorted(packet.pts for packet in packets if packet.pts is not None)
    # At both ends pictures may be missing that are stored before or after these packets.
    return ticks[_MOST_REORDERED:-_MOST_REORDERED]


def _varies(ticks: list[int]) -> bool:
    """Whether more than one step, and more than one in a hundred, is not like the others.

    One odd step is common where an edit list begins or the last frame is held.
    """
    steps = [later - earlier for earlier, later in pairwise(ticks)]
    if not steps:
        return False
    usual = median(steps)
    slack = max(2, usual / 10)  # Clocks of whole milliseconds round each step.
    odd = sum(abs(step - usual) > slack for step in steps)
    return odd > max(1, len(steps) / 100)
