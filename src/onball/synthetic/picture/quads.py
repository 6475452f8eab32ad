"""Flat four-cornered things in the world: which are seen, and how they get onto the canvas."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from onball.synthetic.picture.colours import RGB
from onball.synthetic.picture.opencv import cv2
from onball.synthetic.picture.scene import NEAR, Canvas, Floats, Scene

_PIECES = 6
Part = tuple[float, float]


def drop_hidden(
    scene: Scene, quads: Floats, hidden: NDArray[np.bool_] | None = None
) -> Iterator[tuple[int, Part, Floats]]:
    """Indices, parts and canvas corners `[4, 2]` of the quads that reach into the picture.

    Args:
        scene: whose canvas.
        quads: `[N, 4, 3]`, metres, from the upper left corner clockwise.
        hidden: `[N]`, quads to leave out in any case.

    Of a quad that reaches behind the camera, upright slices are kept, from which share to which share of
    its width they go being the part; the part of a whole quad is (0, 1).
    """
    pixels, depth = scene.project(quads)
    nearest, farthest = depth.min(1), depth.max(1)
    inside = (nearest > NEAR) & _in_picture(pixels, scene)
    wanted = inside | ((nearest <= NEAR) & (farthest > NEAR))
    if hidden is not None:
        wanted &= ~hidden
    indices = np.flatnonzero(wanted)
    for i in indices[np.argsort(-depth[indices].mean(1))].tolist():
        if inside[i]:
            yield i, (0.0, 1.0), pixels[i]
            continue
        share = (np.arange(_PIECES + 1) / _PIECES)[:, None]
        upper = quads[i, 0] + share * (quads[i, 1] - quads[i, 0])
        lower = quads[i, 3] + share * (quads[i, 2] - quads[i, 3])
        slices = np.stack([upper[:-1], upper[1:], lower[1:], lower[:-1]], 1)
        cuts, behind = scene.project(slices)
        seen = (behind.min(1) > NEAR) & _in_picture(cuts, scene)
        for piece in np.flatnonzero(seen).tolist():
            yield i, (piece / _PIECES, (piece + 1) / _PIECES), cuts[piece]


def _in_picture(pixels: Floats, scene: Scene) -> NDArray[np.bool_]:
    low, high = pixels.min(1), pixels.max(1)
    return np.asarray((high > 0).all(1) & (low < (scene.width, scene.height)).all(1))


def fill(canvas: Canvas, corners: Floats, colour: RGB) -> None:
    """Fill the convex quad with these canvas corners `[4, 2]`."""
    fixed = np.round(np.clip(corners, -20_000, 20_000) * 16).astype(np.int32)
    cv2.fillConvexPoly(canvas, fixed, colour, cv2.LINE_8, 4)


def paste(canvas: Canvas, texture: Canvas, corners: Floats) -> None:
    """Warp a texture onto the quad with these canvas corners, touching no more than its box."""
    height, width = canvas.shape[:2]
    x0, y0 = np.maximum(np.floor(corners.min(0)), 0).astype(int).tolist()
    x1, y1 = np.minimum(np.ceil(corners.max(0)) + 1, (width, height)).astype(int).tolist()
    if x1 <= x0 or y1 <= y0 or np.abs(corners).max() > 60_000:
        return
    # A texel to spare on each side hides the seams between panels.
    right, bottom = texture.shape[1] - 2.0, texture.shape[0] - 2.0
    source = np.array([(1, 1), (right, 1), (right, bottom), (1, bottom)], np.float32)
    target = (corners - (x0, y0)).astype(np.float32)
    cv2.warpPerspective(
        texture,
        cv2.getPerspectiveTransform(source, target),
        (x1 - x0, y1 - y0),
        dst=canvas[y0:y1, x0:x1],
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_TRANSPARENT,
    )
