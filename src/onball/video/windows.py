"""`read_windows`: a video as batches of frames, each cut to a window of its own before it is scaled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import Interpolation, VideoReformatter

from onball.video.reader import FrameBatch, read_frames

#: As `onball.video.convert` scales whole pictures.
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
