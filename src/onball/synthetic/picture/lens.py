"""The lens: where its distortion puts things in the picture.

With pixels counted from the middle of the picture and divided by half its diagonal, a point that
a pinhole camera (`Camera.project`) sees at `u` is seen at

    d = u * (1 + k1 * |u|^2) * zoom,    zoom = 1 / (1 + min(k1, 0)).

A negative k1 is a barrel, a positive one a pincushion. The zoom enlarges a barrel until its corners
fill the corners of the picture. Intrinsics of a camera's matrix and this k1 are all that is needed
to project onto a painted picture.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def distort(pixels: Floats, width: int, height: int, k1: float) -> Floats:
    """Where pinhole pixels `[..., 2]` (0, 0 is the picture's outer corner) are in the picture."""
    if k1 == 0:
        return pixels
    middle, half = np.array([width / 2, height / 2]), np.hypot(width, height) / 2
    offset = pixels - middle
    square = (offset**2).sum(-1, keepdims=True) / half**2
    if k1 < 0:
        # Beyond its turning point the polynomial would fold far-away points back into the picture.
        square = np.minimum(square, -1 / (3 * k1))
    return np.asarray(middle + offset * (1 + k1 * square) / (1 + min(k1, 0.0)))


def undistort(pixels: Floats, width: int, height: int, k1: float) -> Floats:
    """The inverse of `distort` for pixels in the picture."""
    middle, half = np.array([width / 2, height / 2]), np.hypot(width, height) / 2
    wanted = (pixels - middle) / half * (1 + min(k1, 0.0))
    radius = np.linalg.norm(wanted, axis=-1, keepdims=True)
    straight = radius.copy()
    for _ in range(8):  # Newton: r * (1 + k1 * r^2) = radius
        straight -= (straight * (1 + k1 * straight**2) - radius) / (1 + 3 * k1 * straight**2)
    return np.asarray(middle + wanted * half * straight / np.maximum(radius, 1e-12))
