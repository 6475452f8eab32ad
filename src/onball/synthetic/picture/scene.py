"""One moment as a camera sees it: what every layer of the painter draws from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from onball.synthetic.bodies.pose import skeleton
from onball.synthetic.world import Camera, Moment

Floats = NDArray[np.float64]
Canvas = NDArray[np.uint8]

NEAR = 1.0
"""Nothing nearer to the camera than this (metres) is drawn."""


class Opened(NamedTuple):
    """What the camera saw of the balls when the shutter opened.

    Attributes:
        moment: the world at that time.
        matrix: as `Scene.matrix`, of the camera at that time.
    """

    moment: Moment
    matrix: Floats


@dataclass(frozen=True)
class Scene:
    """A moment, its bodies and the projection onto a canvas.

    Attributes:
        moment: the world.
        camera: who looks at it.
        joints: `[PEOPLE, len(Joint), 3]`, metres.
        matrix: `[3, 4]`: world point (homogeneous) to canvas pixel times depth. Whole numbers are
            the centres of pixels, as OpenCV has it.
        pixels_per_metre: at a depth of one metre.
        width, height: of the canvas.
        opened: what was when the shutter opened; None for a picture without motion blur.
    """

    moment: Moment
    camera: Camera
    joints: Floats
    matrix: Floats
    pixels_per_metre: float
    width: int
    height: int
    opened: Opened | None = None

    @classmethod
    def of(
        cls,
        moment: Moment,
        camera: Camera,
        width: int,
        height: int,
        before: tuple[Moment, Camera] | None = None,
    ) -> Scene:
        """The scene on a canvas of that size; `before` is what was when the shutter opened."""
        to_centres = np.array([[1.0, 0, -0.5], [0, 1.0, -0.5], [0, 0, 1.0]])
        opened = None
        if before is not None:
            opened = Opened(before[0], to_centres @ before[1].matrix(width, height))
        return cls(
            moment=moment,
            camera=camera,
            joints=skeleton(moment),
            matrix=to_centres @ camera.matrix(width, height),
            pixels_per_metre=camera.focal * height,
            width=width,
            height=height,
            opened=opened,
        )

    @property
    def eye(self) -> Floats:
        """Where the camera is, `[3]`, metres."""
        return self.camera.position

    def project(self, points: Floats) -> tuple[Floats, Floats]:
        """World points `[..., 3]` to canvas pixels `[..., 2]` and depths `[...]` in metres.

        Points nearer than `NEAR` or behind the camera have pixels without meaning.
        """
        return _project(self.matrix, points)

    def project_opened(self, points: Floats) -> tuple[Floats, Floats]:
        """As `project`, for the camera when the shutter opened."""
        return _project(self.matrix if self.opened is None else self.opened.matrix, points)

    def ground(self) -> Floats:
        """The homography `[3, 3]` from the ground (x, y, 1) to canvas pixels."""
        return self.matrix[:, [0, 1, 3]]

    def horizon(self) -> float:
        """The lowest row (a y, growing downwards) at which the camera sees no ground."""
        to_ground = np.linalg.inv(self.ground())
        # Points of the horizon are mapped to infinity: a * x + b * y + c = 0.
        a, b, c = to_ground[2]
        if abs(b) < 1e-12:
            return 0.0
        return float(max(-(a * x + c) / b for x in (0.0, self.width - 1.0)))


def _project(matrix: Floats, points: Floats) -> tuple[Floats, Floats]:
    homogeneous = points @ matrix[:, :3].T + matrix[:, 3]
    depth = homogeneous[..., 2]
    return homogeneous[..., :2] / np.where(depth < NEAR, NEAR, depth)[..., None], depth
