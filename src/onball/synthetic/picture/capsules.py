"""Capsules: the hull of two balls in the world, as a polygon on the canvas."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from onball.synthetic.picture.scene import NEAR, Floats, Scene

SHIFT = 4
"""Fractional bits of the coordinates handed to OpenCV."""
_COARSE, _FINE = (
    np.stack([np.cos(arc), np.sin(arc)], 1)
    for arc in (np.linspace(np.pi / 2, 3 * np.pi / 2, corners) for corners in (5, 11))
)
_THICK = 6.0  # from this radius in canvas pixels on, corners would show


class Capsules:
    """Many capsules on the canvas.

    Attributes:
        radii: `[2, N]`, canvas pixels, of both ends.
        seen: `[N]`, whether a capsule reaches into the canvas.
        depth: `[N]`, metres from the camera to its middle.
    """

    def __init__(
        self, starts: Floats, ends: Floats, radii: Floats, depth: Floats, seen: NDArray[np.bool_]
    ) -> None:
        self._starts, self._ends, self.radii = starts, ends, radii
        self.depth, self.seen = depth, seen

    @classmethod
    def project(
        cls, scene: Scene, starts: Floats, ends: Floats, start_radii: Floats, end_radii: Floats
    ) -> Capsules:
        """Capsules from points `[N, 3]` and radii `[N]` in metres; NaN points are not seen."""
        pixels, depth = scene.project(np.stack([starts, ends]))
        # OpenCV fills every pixel that the outline touches: about a third of a pixel too many.
        radii = (
            np.stack([start_radii, end_radii]) * scene.pixels_per_metre / np.maximum(depth, NEAR)
        )
        radii = np.maximum(radii - 0.35, 0.3)
        reach = radii.max(0)[:, None]
        with np.errstate(invalid="ignore"):
            seen = (
                (depth.min(0) > NEAR)
                & (pixels.max(0) + reach > 0).all(1)
                & (pixels.min(0) - reach < (scene.width, scene.height)).all(1)
            )
        return cls(pixels[0], pixels[1], radii, depth.mean(0), seen)

    def polygons(self) -> NDArray[np.int32]:
        """Outlines `[N, corners, 2]` in OpenCV's fixed-point pixels; zeros for capsules not seen."""
        along = self._ends - self._starts
        length = np.linalg.norm(along, axis=1, keepdims=True)
        along = np.where(length > 1e-6, along / np.maximum(length, 1e-6), (1.0, 0.0))
        normal = np.stack([-along[:, 1], along[:, 0]], 1)
        thickest = self.radii[:, self.seen].max(initial=0.0)
        half = _FINE if thickest > _THICK else _COARSE
        cap = half[:, :1] * along[:, None] + half[:, 1:] * normal[:, None]
        first = self._starts[:, None] + self.radii[0][:, None, None] * cap
        second = self._ends[:, None] - self.radii[1][:, None, None] * cap
        outline = np.concatenate([first, second], 1)
        outline[~self.seen] = 0.0
        return np.asarray(np.round(outline * 2**SHIFT), dtype=np.int32)

    def within(self, chosen: NDArray[np.intp], share: float, towards: Floats) -> Capsules:
        """Thinner capsules inside the chosen ones, moved to one side: where the light is brighter.

        Args:
            chosen: indices `[M]`.
            share: of the radii that is left.
            towards: `[2]`, canvas direction of the light, of length 1 or less.
        """
        radii = self.radii[:, chosen]
        moved = ((1 - share) * 0.9 * radii)[..., None] * towards
        return Capsules(
            self._starts[chosen] + moved[0],
            self._ends[chosen] + moved[1],
            radii * share,
            self.depth[chosen],
            self.seen[chosen],
        )
