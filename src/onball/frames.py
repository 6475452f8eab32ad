"""Frames of a video in memory: `FrameBatch`, a piece of a stream, and `FrameSource`, random access.

Nothing here needs a video library; `onball.video.read_frames` reads batches from a file, and
`onball.data.frames` has the sources that read from a video or from a cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray


class FrameBatch(NamedTuple):
    """Consecutive sampled frames.

    Attributes:
        frames: uint8 `[T, H, W, 3]`, RGB.
        pts_ms: int64 `[T]`, milliseconds since the first shown frame of the video.
    """

    frames: NDArray[np.uint8]
    pts_ms: NDArray[np.int64]


class FrameSource(Protocol):
    """Random access to the sampled frames of one video, at least one."""

    @property
    def times_ms(self) -> NDArray[np.int64]:
        """Time of each sampled frame, int64 `[T]`, ascending."""

    def read(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Frames `start` to `stop` (not included), uint8 `[t, H, W, 3]`, RGB."""


class BlankFrames:
    """Single black pixels in place of frames, for nets that take tracks alone.

    Args:
        times_ms: int64 `[T]`, time of each frame.
    """

    def __init__(self, times_ms: NDArray[np.int64]) -> None:
        self._times_ms = times_ms

    @property
    def times_ms(self) -> NDArray[np.int64]:
        """Time of each frame, int64 `[T]`."""
        return self._times_ms

    def read(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Frames `start` to `stop` (not included), uint8 `[t, 1, 1, 3]`."""
        return np.zeros((min(stop, len(self._times_ms)) - start, 1, 1, 3), np.uint8)

    def batches(self, *, start_ms: int = 0, end_ms: int | None = None) -> Iterator[FrameBatch]:
        """Frames from `start_ms` to before `end_ms`, in order of time; None is the end."""
        times = self._times_ms
        first = int(np.searchsorted(times, start_ms))
        stop = len(times) if end_ms is None else int(np.searchsorted(times, end_ms))
        return frame_batches(BlankFrames(times[first:stop]))


def frame_batches(source: FrameSource, batch_frames: int = 256) -> Iterator[FrameBatch]:
    """All frames that can be read, in order of time, `batch_frames` at a time.

    A video may end before its header says so: reading then ends with a shorter batch.
    """
    count = len(source.times_ms)
    for start in range(0, count, batch_frames):
        stop = min(start + batch_frames, count)
        frames = source.read(start, stop)
        if len(frames):
            yield FrameBatch(frames, source.times_ms[start : start + len(frames)])
        if len(frames) < stop - start:
            return
