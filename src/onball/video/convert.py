"""Decoded pictures to RGB arrays: upright, resized, in the colours the film means."""

from __future__ import annotations

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import Colorspace, Interpolation, VideoReformatter

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
