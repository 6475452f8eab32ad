"""Convert decoded frames to upright RGB arrays, whatever their colours, size and orientation."""

from __future__ import annotations

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from onball.frames import Scaling
from onball.video.scaling import resize

#: Area averaging: every source pixel counts, so that a ball two pixels wide survives shrinking.
#: The other two flags make the result the same on every processor.
SCALING = Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
#: Conversion to RGB as in `cv2.VideoCapture`, which does not interpolate colours.
_OPENCV = Interpolation.BICUBIC | Interpolation.BITEXACT
#: By default each frame would be divided among all cores, however many threads the user allows.
_THREADS = 1
#: Matrix coefficients (ITU-T H.273): some by name, those that the scaler converts, and others.
_UNSPECIFIED_COLOURS, _YCGCO, _DERIVED, _BT2020 = 2, 8, 12, 9
_CONVERTIBLE = frozenset({0, 1, 2, 4, 5, 6, 7, 9})
_NAMES = {
    10: "BT.2020 with constant luminance",
    11: "SMPTE ST 2085",
    12: "derived from the primaries",
    13: "derived from the primaries, with constant luminance",
    14: "ICtCp",
    15: "IPT-C2",
    16: "YCgCo-Re",
    17: "YCgCo-Ro",
}
#: Matrix coefficients by colour primaries, of colours that are derived from the latter.
_OF_PRIMARIES = {1: 1, 5: 5, 6: 6, 7: 7, 9: 9}
_FULL_RANGE = 2
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
        if frame.colorspace not in _CONVERTIBLE:
            if frame.colorspace == _YCGCO and not frame.format.is_rgb:
                return _upright(self._from_ycgco(frame), self._orientation)
            frame.colorspace = _nearest_colours(frame)
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
            threads=_THREADS,
        )
        return _upright(np.asarray(scaled.to_ndarray(), np.uint8), self._orientation)

    def _from_ycgco(self, frame: av.VideoFrame) -> npt.NDArray[np.uint8]:
        """Stored pixels in RGB, scaled, of a frame in YCgCo, which the scaler does not convert."""
        assert self._orientation is not None and self._size is not None
        width, height = reversed(self._size) if self._orientation[0] else self._size
        full = frame.color_range == _FULL_RANGE or frame.format.name.startswith("yuvj")
        frame.colorspace = _UNSPECIFIED_COLOURS
        scaled = self._scaler.reformat(
            frame,
            width=width,
            height=height,
            format="yuv444p",
            dst_color_range=ColorRange.JPEG if full else ColorRange.MPEG,
            interpolation=SCALING,
            threads=_THREADS,
        )
        luma, green, orange = scaled.to_ndarray().astype(np.float32)
        if full:
            green, orange = green - 128, orange - 128
        else:
            luma, green, orange = (
                (plane - zero) * (255 / span)
                for plane, zero, span in ((luma, 16, 219), (green, 128, 224), (orange, 128, 224))
            )
        rgb = np.stack([luma - green + orange, luma + green, luma - green - orange], axis=-1)
        return np.asarray(np.rint(rgb.clip(0, 255)), np.uint8)

    def _as_opencv(self, frame: av.VideoFrame) -> npt.NDArray[np.uint8]:
        """Stored pixels in RGB as `cv2.VideoCapture` converts them, not scaled or rotated."""
        if frame.format.name == "rgb24":
            return np.asarray(frame.to_ndarray(), np.uint8)
        converted = self._scaler.reformat(
            frame, format="rgb24", interpolation=_OPENCV, threads=_THREADS
        )
        return np.asarray(converted.to_ndarray(), np.uint8)


def inexact_colours(frame: av.VideoFrame) -> str:
    """Name the tagged colours of a frame if they are not converted exactly; else an empty string."""
    tag = frame.colorspace
    if tag in _CONVERTIBLE or tag == _YCGCO or frame.format.is_rgb:
        return ""
    if tag == _DERIVED and frame.color_primaries in _OF_PRIMARIES:
        return ""
    return f"{_NAMES[tag]} ({tag})" if tag in _NAMES else f"matrix {tag}"


def has_usual_colours(frame: av.VideoFrame) -> bool:
    """True if the colours of a frame can be scaled and coded again without conversion to RGB."""
    return frame.colorspace in _CONVERTIBLE


def _nearest_colours(frame: av.VideoFrame) -> int:
    """Convertible matrix coefficients in place of others, by the primaries of the frame.

    Files with such tags are often in usual colours, and tagged by mistake.
    """
    if frame.colorspace not in _NAMES or frame.format.is_rgb:
        return _UNSPECIFIED_COLOURS
    default = _UNSPECIFIED_COLOURS if frame.colorspace == _DERIVED else _BT2020
    return _OF_PRIMARIES.get(frame.color_primaries, default)


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
