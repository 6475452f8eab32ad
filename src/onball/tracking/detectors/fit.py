"""A frame as the input of a net, and its boxes back on the scale of the frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from onball.errors import MissingDependencyError

try:
    import cv2
except ImportError:
    raise MissingDependencyError(
        "opencv-python-headless", "track", "Detecting players and ball"
    ) from None

_GREY = 114


@dataclass(frozen=True, slots=True)
class Fit:
    """How a frame lies in the net's input.

    Attributes:
        scale: x and y, pixels of the input per pixel of the frame.
        offset: where the frame's corner lies in the input, in its pixels.
        size: width and height of the frame.
    """

    scale: tuple[float, float]
    offset: tuple[float, float]
    size: tuple[int, int]

    def back(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Boxes `[N, 4]` of the input as those of the frame, cut at its edges."""
        scale, offset = (np.tile(np.array(pair), 2) for pair in (self.scale, self.offset))
        largest = np.tile(np.array(self.size), 2)
        return np.asarray(((boxes - offset) / scale).clip(0, largest), np.float32)


def fit_frame(
    frame: NDArray[np.uint8], width: int, height: int, how: Literal["corner", "middle", "stretch"]
) -> tuple[NDArray[np.uint8], Fit]:
    """The frame `[H, W, 3]` scaled into `[height, width, 3]`.

    Args:
        how: `corner` and `middle` keep its aspect and fill the rest with grey, beside and below it
            or on all sides; `stretch` does not keep it.
    """
    rows, columns = frame.shape[:2]
    if how == "stretch":
        scaled = _resized(frame, width, height)
        return scaled, Fit((width / columns, height / rows), (0.0, 0.0), (columns, rows))
    ratio = min(width / columns, height / rows)
    inner = (max(1, round(columns * ratio)), max(1, round(rows * ratio)))
    left, top = (0, 0) if how == "corner" else ((width - inner[0]) // 2, (height - inner[1]) // 2)
    filled = np.full((height, width, 3), _GREY, np.uint8)
    filled[top : top + inner[1], left : left + inner[0]] = _resized(frame, *inner)
    scale = (inner[0] / columns, inner[1] / rows)
    return filled, Fit(scale, (float(left), float(top)), (columns, rows))


def _resized(frame: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    if frame.shape[:2] == (height, width):
        return frame
    resized = cv2.resize(
        np.ascontiguousarray(frame), (width, height), interpolation=cv2.INTER_LINEAR
    )
    return np.asarray(resized, np.uint8)
