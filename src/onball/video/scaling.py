"""Scaling of RGB frames as OpenCV does it, for models whose authors prepared their frames with it.

`cv2.resize` with its default filter interpolates between four pixels with weights of 11 bits. `resize` gives
the same bytes without OpenCV, which is an optional package here.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

#: Weight of a whole pixel.
_ONE = 1 << 11
_Integers = npt.NDArray[np.int32]


class _Axis(NamedTuple):
    """Two source pixels for each target pixel of an axis, and their weights, int32 `[n]`."""

    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]
    weight: _Integers
    other: _Integers


def resize(image: npt.NDArray[np.uint8], size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Scale an image as `cv2.resize(image, size)` does, to the same bytes.

    Args:
        image: uint8 `[H, W, 3]`.
        size: width and height of the result.
    """
    height, width = image.shape[:2]
    if (width, height) == size:
        return image
    columns, rows = _axis(width, size[0], clamped=True), _axis(height, size[1], clamped=False)
    wide = image[:, columns.first] * columns.weight[:, None]
    wide += image[:, columns.second] * columns.other[:, None]
    # The same shifts as OpenCV's, which round down twice.
    wide >>= 4
    scaled = (wide[rows.first] * rows.weight[:, None, None]) >> 16
    scaled += (wide[rows.second] * rows.other[:, None, None]) >> 16
    scaled += 2
    scaled >>= 2
    return scaled.astype(np.uint8)


@lru_cache(maxsize=32)
def _axis(source: int, target: int, *, clamped: bool) -> _Axis:
    """Pixels and weights of an axis; `clamped` as in OpenCV's horizontal pass, which is unlike the other."""
    place = ((np.arange(target) + 0.5) * (source / target) - 0.5).astype(np.float32)
    low = np.floor(place).astype(np.int64)
    fraction = place - low.astype(np.float32)
    if clamped:
        fraction[(low < 0) | (low >= source - 1)] = 0
    weight, other = (
        np.rint(part * np.float32(_ONE)).astype(np.int32) for part in (1 - fraction, fraction)
    )
    return _Axis(low.clip(0, source - 1), (low + 1).clip(0, source - 1), weight, other)
