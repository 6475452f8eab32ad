"""View of the simulated world through one camera: projection, lens distortion and true boxes.

Every layer of the painter draws from a `Scene`. Canvas coordinates are pixels, x to the right and y
down, with whole numbers at the centres of pixels (as in OpenCV); world coordinates are metres. This
module does without OpenCV.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from onball.formats.camera_parquet import distort
from onball.simulator.bodies.skeleton import END_RADII, ENDS, START_RADII, STARTS, skeleton
from onball.simulator.world import BALL_RADIUS, PEOPLE, Camera, WorldState

Floats = NDArray[np.float64]

NEAR = 1.0
"""Near clipping distance in metres: nothing closer to the camera is drawn."""
_OUTLINE = np.array([(-1.0, 0.0), (1.0, 0.0), (0.0, -1.0), (0.0, 1.0)])  # extremes of a circle


def undistort(pixels: Floats, width: int, height: int, k1: float) -> Floats:
    """Invert `distort` for pixels `[..., 2]` inside the frame."""
    middle, half = np.array([width / 2, height / 2]), np.hypot(width, height) / 2
    wanted = (pixels - middle) / half * (1 + min(k1, 0.0))
    radius = np.linalg.norm(wanted, axis=-1, keepdims=True)
    straight = radius.copy()
    for _ in range(8):  # Newton's method for r * (1 + k1 * r**2) = radius
        straight -= (straight * (1 + k1 * straight**2) - radius) / (1 + 3 * k1 * straight**2)
    return np.asarray(middle + wanted * half * straight / np.maximum(radius, 1e-12))


class ShutterOpening(NamedTuple):
    """State of the world and of the camera when the shutter opened.

    Attributes:
        state: the world.
        matrix: projection of the camera, `[3, 4]`, as `Scene.matrix`.
    """

    state: WorldState
    matrix: Floats


@dataclass(frozen=True)
class Scene:
    """The world at one time, its bodies, and its projection onto a canvas.

    Attributes:
        state: the world.
        camera: the camera that looks at it.
        joints: `[PEOPLE, len(Joint), 3]`, metres.
        matrix: `[3, 4]`, from world points (homogeneous) to canvas pixels times depth.
        pixels_per_metre: scale at a depth of one metre.
        width, height: size of the canvas, pixels.
        shutter_opening: state when the shutter opened; None for a frame without motion blur.
    """

    state: WorldState
    camera: Camera
    joints: Floats
    matrix: Floats
    pixels_per_metre: float
    width: int
    height: int
    shutter_opening: ShutterOpening | None = None

    @classmethod
    def of(
        cls,
        state: WorldState,
        camera: Camera,
        width: int,
        height: int,
        before: tuple[WorldState, Camera] | None = None,
    ) -> Scene:
        """Build the scene for a canvas of that size.

        Args:
            state: the world.
            camera: the camera that looks at it.
            width, height: size of the canvas, pixels.
            before: the world and the camera when the shutter opened, or None.
        """
        to_centres = np.array([[1.0, 0, -0.5], [0, 1.0, -0.5], [0, 0, 1.0]])
        opening = None
        if before is not None:
            opening = ShutterOpening(before[0], to_centres @ before[1].matrix(width, height))
        return cls(
            state=state,
            camera=camera,
            joints=skeleton(state),
            matrix=to_centres @ camera.matrix(width, height),
            pixels_per_metre=camera.focal * height,
            width=width,
            height=height,
            shutter_opening=opening,
        )

    @property
    def eye(self) -> Floats:
        """Position of the camera, `[3]`, metres."""
        return self.camera.position

    def project(self, points: Floats) -> tuple[Floats, Floats]:
        """Project world points `[..., 3]` to canvas pixels `[..., 2]` and depths `[...]` in metres.

        Pixels of points closer than `NEAR`, or behind the camera, are meaningless.
        """
        return _project(self.matrix, points)

    def project_at_opening(self, points: Floats) -> tuple[Floats, Floats]:
        """Project like `project`, with the camera as it was when the shutter opened."""
        opening = self.shutter_opening
        return _project(self.matrix if opening is None else opening.matrix, points)

    def ground_homography(self) -> Floats:
        """Homography `[3, 3]` from the ground (x, y, 1) to canvas pixels."""
        return self.matrix[:, [0, 1, 3]]

    def horizon_row(self) -> float:
        """Largest y, in canvas pixels, at which some column still shows no ground."""
        to_ground = np.linalg.inv(self.ground_homography())
        # Points on the horizon are mapped to infinity: a * x + b * y + c = 0.
        a, b, c = to_ground[2]
        if abs(b) < 1e-12:
            return 0.0
        return float(max(-(a * x + c) / b for x in (0.0, self.width - 1.0)))


def _project(matrix: Floats, points: Floats) -> tuple[Floats, Floats]:
    homogeneous = points @ matrix[:, :3].T + matrix[:, 3]
    depth = homogeneous[..., 2]
    return homogeneous[..., :2] / np.where(depth < NEAR, NEAR, depth)[..., None], depth


def boxes(
    state: WorldState, camera: Camera, width: int = 398, height: int = 224, distortion: float = 0.0
) -> NDArray[np.float32]:
    """Compute true bounding boxes of all people and balls, clipped to the frame.

    Occluded people and balls have boxes too.

    Args:
        state: the world.
        camera: the camera that looks at it.
        width, height: of the frame, pixels.
        distortion: k1 of the lens (`Look.distortion`).

    Returns:
        `[PEOPLE + 2, 4]`, x0, y0, x1, y1 in pixels, where (0, 0) is the outer corner of the first pixel;
        the last two rows are the ball and the spare ball. NaN outside the frame.
    """
    scene = Scene.of(state, camera, width, height)
    starts, ends = scene.joints[:, STARTS], scene.joints[:, ENDS]
    balls = np.stack([state.ball, state.spare_ball]).astype(np.float64)[:, None]
    found = np.full((PEOPLE + 2, 4), np.nan, np.float32)
    people = np.concatenate([starts, ends], 1)
    radii = np.concatenate([START_RADII, END_RADII])
    for rows, points, radius in (
        (slice(0, PEOPLE), people, radii),
        (slice(PEOPLE, PEOPLE + 2), balls, np.array([BALL_RADIUS])),
    ):
        pixels, depth = scene.project(points)
        pixels = pixels + 0.5  # from pixel centres to outer corners
        extent = radius * scene.pixels_per_metre / np.maximum(depth, NEAR)
        outline = pixels[..., None, :] + extent[..., None, None] * _OUTLINE
        outline = distort(outline, width, height, distortion)
        low, high = outline.min((1, 2)), outline.max((1, 2))
        with np.errstate(invalid="ignore"):
            visible = (depth.min(1) > NEAR) & (high > 0).all(1) & (low < (width, height)).all(1)
        box = np.concatenate([low, high], 1).clip(0, (width, height, width, height))
        found[rows] = np.where(visible[:, None], box, np.nan)
    return found
