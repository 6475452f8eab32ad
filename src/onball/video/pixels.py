"""Convert decoded frames to upright RGB arrays, whatever their colours, size and orientation."""

from __future__ import annotations

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import Colorspace, Interpolation, VideoReformatter

from onball.frames import Scaling
from onball.video.scaling import resize

#: Area averaging: every source pixel counts, so that a ball two pixels wide survives shrinking.
#: The other two flags make the result the same on every processor.
SCALING = Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
#: Conversion to RGB as in `cv2.VideoCapture`, which does not interpolate colours.
_OPENCV = Interpolation.BICUBIC | Interpolation.BITEXACT
_UNSPECIFIED_COLOURS = 2
#: Videos taller than this are in HD colours unless they say otherwise, as players assume.
_TALLEST_SD = 576


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
