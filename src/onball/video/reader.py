"""`read_frames`: a video as batches of RGB frames, sampled by presentation time."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import numpy.typing as npt

from onball.video.convert import RgbConverter
from onball.video.source import Picture, shown_pictures


class FrameBatch(NamedTuple):
    """Consecutive sampled frames.

    Attributes:
        frames: uint8 `[T, H, W, 3]`, RGB.
        pts_ms: int64 `[T]`, milliseconds since the first shown frame of the video.
    """

    frames: npt.NDArray[np.uint8]
    pts_ms: npt.NDArray[np.int64]


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


def grid_ms(index: int, fps: float | Fraction) -> int:
    """The moment of sampled frame `index` (0, 1, …) in milliseconds."""
    return round(index * 1000 / fps)


def first_grid_index(time_ms: int, fps: float | Fraction) -> int:
    """The index of the first sampled frame at or after `time_ms`."""
    index = max(0, int(time_ms * fps / 1000) - 1)
    while grid_ms(index, fps) < time_ms:
        index += 1
    return index


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
        pictures = shown_pictures(path, grid_ms(first, fps), threads)
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
    time_ms = grid_ms(index, fps)
    for picture in pictures:
        if previous is not None:
            middle = (previous.time_ms + picture.time_ms) / 2
            while time_ms <= middle:
                yield previous.frame, time_ms
                index += 1
                time_ms = grid_ms(index, fps)
        previous = picture
    if previous is not None:
        end = previous.time_ms + previous.duration_ms / 2
        while time_ms <= end:
            yield previous.frame, time_ms
            index += 1
            time_ms = grid_ms(index, fps)
