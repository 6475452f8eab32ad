"""Capsules, quads and textures on the canvas, drawn with OpenCV.

OpenCV is an optional dependency (extra `simulate`); the other painting modules import `cv2` from here.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from onball.errors import optional_dependency
from onball.simulator.look.colours import RGB
from onball.simulator.paint.scene import NEAR, Floats, Scene

with optional_dependency("opencv-python-headless", "simulate", "Painting simulated football"):
    import cv2 as cv2

Canvas = NDArray[np.uint8]
"""Image, uint8 `[H, W, 3]` (RGB) or `[H, W]`."""

FRACTION_BITS = 4
"""Fractional bits of the fixed-point coordinates that OpenCV takes."""
_COARSE_CAP, _FINE_CAP = (  # half circles as unit vectors (along, across)
    np.stack([np.cos(arc), np.sin(arc)], 1)
    for arc in (np.linspace(np.pi / 2, 3 * np.pi / 2, corners) for corners in (5, 11))
)
_FINE_RADIUS = 6.0  # canvas pixels; above it the corners of the coarse cap would show
_SLICES = 6  # of a quad that reaches behind the camera
Span = tuple[float, float]
"""Part of a quad's width, as fractions from its left edge: (begin, end)."""


class Capsules:
    """Projected capsules: each the convex hull of two circles on the canvas.

    Args:
        starts, ends: centres of the circles, `[N, 2]`, canvas pixels.
        radii: `[2, N]`, canvas pixels.
        depth: `[N]`, metres.
        visible: `[N]`.

    Attributes:
        radii: `[2, N]`, canvas pixels, of both ends.
        depth: `[N]`, metres from the camera to the middle of each capsule.
        visible: `[N]`, whether a capsule reaches into the canvas.
    """

    def __init__(
        self, starts: Floats, ends: Floats, radii: Floats, depth: Floats, visible: NDArray[np.bool_]
    ) -> None:
        self._starts, self._ends, self.radii = starts, ends, radii
        self.depth, self.visible = depth, visible

    @classmethod
    def project(
        cls, scene: Scene, starts: Floats, ends: Floats, start_radii: Floats, end_radii: Floats
    ) -> Capsules:
        """Project capsules given by points `[N, 3]` and radii `[N]` in metres.

        Capsules with a NaN point are invisible.
        """
        pixels, depth = scene.project(np.stack([starts, ends]))
        radii = (
            np.stack([start_radii, end_radii]) * scene.pixels_per_metre / np.maximum(depth, NEAR)
        )
        # OpenCV fills every pixel that the outline touches: about a third of a pixel too many.
        radii = np.maximum(radii - 0.35, 0.3)
        extent = radii.max(0)[:, None]
        with np.errstate(invalid="ignore"):
            visible = (
                (depth.min(0) > NEAR)
                & (pixels.max(0) + extent > 0).all(1)
                & (pixels.min(0) - extent < (scene.width, scene.height)).all(1)
            )
        return cls(pixels[0], pixels[1], radii, depth.mean(0), visible)

    def polygons(self) -> NDArray[np.int32]:
        """Outlines `[N, corners, 2]` in fixed-point pixels; zeros for invisible capsules."""
        along = self._ends - self._starts
        length = np.linalg.norm(along, axis=1, keepdims=True)
        along = np.where(length > 1e-6, along / np.maximum(length, 1e-6), (1.0, 0.0))
        normal = np.stack([-along[:, 1], along[:, 0]], 1)
        thickest = self.radii[:, self.visible].max(initial=0.0)
        half = _FINE_CAP if thickest > _FINE_RADIUS else _COARSE_CAP
        cap = half[:, :1] * along[:, None] + half[:, 1:] * normal[:, None]
        first = self._starts[:, None] + self.radii[0][:, None, None] * cap
        second = self._ends[:, None] - self.radii[1][:, None, None] * cap
        outline = np.concatenate([first, second], 1)
        outline[~self.visible] = 0.0
        return np.asarray(np.round(outline * 2**FRACTION_BITS), dtype=np.int32)

    def highlights(self, chosen: NDArray[np.intp], fraction: float, light: Floats) -> Capsules:
        """Thinner capsules inside the chosen ones, shifted towards the light.

        Args:
            chosen: indices `[M]`.
            fraction: of the radii that remains.
            light: direction of the light on the canvas, `[2]`, of length 1 or less.
        """
        radii = self.radii[:, chosen]
        shift = ((1 - fraction) * 0.9 * radii)[..., None] * light
        return Capsules(
            self._starts[chosen] + shift[0],
            self._ends[chosen] + shift[1],
            radii * fraction,
            self.depth[chosen],
            self.visible[chosen],
        )


def visible_quads(
    scene: Scene, quads: Floats, hidden: NDArray[np.bool_] | None = None
) -> Iterator[tuple[int, Span, Floats]]:
    """Iterate over the quads that reach into the canvas, from far to near.

    A quad that reaches behind the camera is cut into upright slices, and those in front are kept.

    Args:
        scene: projection and size of the canvas.
        quads: `[N, 4, 3]`, metres, clockwise from the upper left corner.
        hidden: `[N]`, quads to leave out.

    Yields:
        Index of a quad, the span of its width ((0, 1) for a whole quad), and corners `[4, 2]` in canvas
        pixels.
    """
    pixels, depth = scene.project(quads)
    nearest, farthest = depth.min(1), depth.max(1)
    whole = (nearest > NEAR) & _on_canvas(pixels, scene)
    wanted = whole | ((nearest <= NEAR) & (farthest > NEAR))
    if hidden is not None:
        wanted &= ~hidden
    indices = np.flatnonzero(wanted)
    for i in indices[np.argsort(-depth[indices].mean(1))].tolist():
        if whole[i]:
            yield i, (0.0, 1.0), pixels[i]
            continue
        fractions = (np.arange(_SLICES + 1) / _SLICES)[:, None]
        upper = quads[i, 0] + fractions * (quads[i, 1] - quads[i, 0])
        lower = quads[i, 3] + fractions * (quads[i, 2] - quads[i, 3])
        slices = np.stack([upper[:-1], upper[1:], lower[1:], lower[:-1]], 1)
        slice_pixels, slice_depth = scene.project(slices)
        visible = (slice_depth.min(1) > NEAR) & _on_canvas(slice_pixels, scene)
        for piece in np.flatnonzero(visible).tolist():
            yield i, (piece / _SLICES, (piece + 1) / _SLICES), slice_pixels[piece]


def _on_canvas(pixels: Floats, scene: Scene) -> NDArray[np.bool_]:
    low, high = pixels.min(1), pixels.max(1)
    return np.asarray((high > 0).all(1) & (low < (scene.width, scene.height)).all(1))


def fill_quad(canvas: Canvas, corners: Floats, colour: RGB) -> None:
    """Fill the convex quad with these corners `[4, 2]` in canvas pixels."""
    fixed = np.round(np.clip(corners, -20_000, 20_000) * 2**FRACTION_BITS).astype(np.int32)
    cv2.fillConvexPoly(canvas, fixed, colour, cv2.LINE_8, FRACTION_BITS)


def paste_texture(canvas: Canvas, texture: Canvas, corners: Floats) -> None:
    """Warp a texture onto the quad with these corners `[4, 2]`, clockwise from the upper left."""
    height, width = canvas.shape[:2]
    x0, y0 = np.maximum(np.floor(corners.min(0)), 0).astype(int).tolist()
    x1, y1 = np.minimum(np.ceil(corners.max(0)) + 1, (width, height)).astype(int).tolist()
    if x1 <= x0 or y1 <= y0 or np.abs(corners).max() > 60_000:
        return
    # A margin of one texel on each side hides the seams between panels.
    right, bottom = texture.shape[1] - 2.0, texture.shape[0] - 2.0
    source = np.array([(1, 1), (right, 1), (right, bottom), (1, bottom)], np.float32)
    target = (corners - (x0, y0)).astype(np.float32)
    # Only the bounding box is warped, which is much faster than the whole canvas.
    cv2.warpPerspective(
        texture,
        cv2.getPerspectiveTransform(source, target),
        (x1 - x0, y1 - y0),
        dst=canvas[y0:y1, x0:x1],
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_TRANSPARENT,
    )


def mipmaps(texture: Canvas, *, rows: bool = True, columns: bool = True) -> list[Canvas]:
    """Average a texture down to 1, 1/2, 1/4 and 1/8 of its rows, its columns, or both."""
    levels = [texture]
    for _ in range(3):
        height, width = levels[-1].shape[:2]
        size = (max(width // 2, 4) if columns else width, max(height // 2, 4) if rows else height)
        levels.append(
            np.asarray(cv2.resize(levels[-1], size, interpolation=cv2.INTER_AREA), np.uint8)
        )
    return levels
