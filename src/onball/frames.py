"""Frames of a video in memory: `FrameBatch`, a piece of a stream, and `FrameSource`, random access.

Nothing here needs a video library; `onball.video.read_frames` reads batches from a file, and
`onball.data.frames` has the sources that read from a video or from a cache. `check_batches` checks
a stream that may come from elsewhere.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from onball.errors import InputError
from onball.events import POSITION_LIMIT_MS

Scaling = Literal["area", "opencv"]
"""Scaling of the frames of a video.

`area` averages all pixels of an area, in HD colours where a large video does not name its colours;
`opencv` gives the bytes of `cv2.VideoCapture` and `cv2.resize`, which interpolates and skips pixels.
"""


class FrameBatch(NamedTuple):
    """Consecutive sampled frames.

    Attributes:
        frames: uint8 `[T, H, W, 3]`, RGB.
        pts_ms: int64 `[T]`, milliseconds since the first shown frame of the video.
    """

    frames: NDArray[np.uint8]
    pts_ms: NDArray[np.int64]


class FrameSource(Protocol):
    """Random access to the sampled frames of one video, at least one.

    In training, features of a backbone can take the place of frames (`onball.data.features`).
    """

    @property
    def times_ms(self) -> NDArray[np.int64]:
        """Time of each sampled frame, int64 `[T]`, ascending."""

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Frames `start` to `stop` (not included), uint8 `[t, H, W, 3]`, RGB.

        Features are float32 `[t, C]`.
        """


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

    def batches(
        self, *, start_ms: int = 0, end_ms: int | None = None, threads: int = 0
    ) -> Iterator[FrameBatch]:
        """Frames from `start_ms` to before `end_ms`, in order of time; None is the end.

        `threads` has no effect: nothing is decoded.
        """
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


# Checks of a stream

#: Largest deviation of the rate of a stream from that of the model, as a ratio.
_RATE_TOLERANCE = 0.1
#: Steps between frames that are enough to judge the rate, and that are remembered for it.
_ENOUGH_STEPS, _MOST_STEPS = 8, 64


def check_batches(
    batches: Iterable[FrameBatch],
    fps: float,
    size: tuple[int, int] | None,
    advice: str,
) -> Iterator[FrameBatch]:
    """Pass on the batches of a stream that a model can take, and raise at the first it cannot.

    A rate is judged by the median and by the mean of the last steps between frames, of which one
    must be within 10 % of the wanted step: a stream may have gaps or an unsteady clock.

    Args:
        batches: consecutive frames of one video; empty batches are left out.
        fps: rate of the model, in frames per second.
        size: width and height that the model takes; None for any.
        advice: how to make such frames; part of the messages about size and rate.

    Raises:
        InputError: frames that are not uint8 `[T, H, W, 3]` in RGB or have another size, times that
            are not one integer per frame, do not increase, also from one batch to the next, or have
            another rate. The message is one line with the batch, counted from 1.
    """
    if isinstance(batches, FrameBatch):
        raise InputError(
            "a single FrameBatch is given: give an iterable of batches, such as a list"
        )
    steps: deque[int] = deque(maxlen=_MOST_STEPS)
    last: int | None = None
    for number, batch in enumerate(batches, start=1):
        try:
            frames, times = _checked(batch, size, advice)
            if not len(times):
                continue
            new = np.diff(times) if last is None else np.diff(times, prepend=last)
            if (new <= 0).any():
                index = int(np.argmax(new <= 0)) + (last is None)
                before = last if index == 0 else times[index - 1]
                raise InputError(
                    f"frame {index} is at {times[index]} ms, after one at {before} ms: times must "
                    "increase, also from one batch to the next"
                )
            steps.extend(new.tolist())
            if len(steps) >= _ENOUGH_STEPS:
                _check_rate(steps, fps, advice)
        except InputError as error:
            raise InputError(f"batch {number}: {error}") from None
        last = int(times[-1])
        yield FrameBatch(frames, times)
    if steps:
        _check_rate(steps, fps, advice)


def _checked(
    batch: Any, size: tuple[int, int] | None, advice: str
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The frames and times of a batch. Raises `InputError`."""
    if not isinstance(batch, tuple) or len(batch) != 2:
        raise InputError(f"is of type {type(batch).__name__}: give a FrameBatch(frames, pts_ms)")
    frames, times = batch[0], np.asarray(batch[1])
    check_pixels(frames, dimensions=4)
    if times.ndim != 1 or times.dtype.kind not in "iu":
        raise InputError(
            f"pts_ms is {times.dtype} {list(times.shape)}: give whole milliseconds, int64 [T]"
        )
    if len(times) != len(frames):
        raise InputError(
            f"has {len(frames)} frames and {len(times)} times: give one time per frame"
        )
    if len(times) and not (times.min() >= 0 and times.max() < POSITION_LIMIT_MS):
        raise InputError(
            f"frames are at {times.min()} to {times.max()} ms: give milliseconds since the first frame"
        )
    height, width = frames.shape[1:3]
    if size is not None and (width, height) != size:
        raise InputError(
            f"frames are {width} × {height}, and the model takes {size[0]} × {size[1]} pixels "
            f"(width × height): {advice}"
        )
    return frames, times.astype(np.int64, copy=False)


def check_pixels(pixels: Any, dimensions: int) -> None:
    """Check the type and shape of one frame `[H, W, 3]`, or of several `[T, H, W, 3]`.

    Args:
        pixels: anything.
        dimensions: 3 for one frame, 4 for several.

    Raises:
        InputError: it is not a NumPy array, not uint8, or of another shape.
    """
    subject, shape = ("frames are", "[T, H, W, 3]") if dimensions == 4 else ("is", "[H, W, 3]")
    wanted = f"uint8 {shape}"
    if not isinstance(pixels, np.ndarray):
        kind = type(pixels).__name__
        raise InputError(f"{subject} of type {kind}: give a NumPy array, {wanted}")
    found = f"{subject} {pixels.dtype} {list(pixels.shape)}"
    if pixels.ndim != dimensions:
        single = dimensions == 4 and pixels.ndim == 3
        hint = ": of one frame, give frame[None]" if single else ""
        raise InputError(f"{found}, not {wanted}{hint}")
    if pixels.shape[-1] != 3:
        first = pixels.shape[-3] == 3
        axes = "(0, 2, 3, 1)" if dimensions == 4 else "(1, 2, 0)"
        hint = f"channels come last: transpose{axes}" if first else "give three channels, RGB"
        raise InputError(f"{found}, not {wanted}: {hint}")
    if pixels.dtype != np.uint8:
        raise InputError(f"{found}, not {wanted}: convert to values from 0 to 255")


def _check_rate(steps: Iterable[int], fps: float, advice: str) -> None:
    """Compare the steps between frames with those of the model. Raises `InputError`."""
    wanted = 1000 / fps
    # Steps of whole milliseconds: at most one off, at rates at which that matters.
    tolerance = max(_RATE_TOLERANCE * wanted, 1.0)
    found = np.array([np.median(list(steps)), np.mean(list(steps))])
    if (abs(found - wanted) > tolerance).all():
        raise InputError(
            f"frames are {found[0]:.4g} ms apart, {1000 / found[0]:.4g} frames/s, and the model "
            f"takes {fps:.4g} frames/s: {advice}"
        )
