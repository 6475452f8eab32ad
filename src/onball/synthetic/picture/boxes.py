"""The true boxes of people and balls in the picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from onball.synthetic.bodies.pose import END_RADII, ENDS, START_RADII, STARTS
from onball.synthetic.picture.lens import distort
from onball.synthetic.picture.scene import NEAR, Scene
from onball.synthetic.world import BALL_RADIUS, PEOPLE, Camera, Moment

_SIDES = np.array([(-1.0, 0.0), (1.0, 0.0), (0.0, -1.0), (0.0, 1.0)])


def boxes(
    moment: Moment, camera: Camera, width: int = 398, height: int = 224, distortion: float = 0.0
) -> NDArray[np.float32]:
    """Boxes of everyone and of the balls, as the camera sees them, cut to the picture.

    Args:
        moment: the world.
        camera: who looks at it.
        width, height: of the picture.
        distortion: k1 of the lens (`Look.distortion`); `Painter.boxes` knows that of its look.

    Returns: `[PEOPLE + 2, 4]`, x0, y0, x1, y1 in pixels (0, 0 is the outer corner of the first
    pixel); the last two rows are the ball and the spare ball. NaN for what is not in the picture.
    Hidden people and balls have boxes too.
    """
    scene = Scene.of(moment, camera, width, height)
    starts, ends = scene.joints[:, STARTS], scene.joints[:, ENDS]
    balls = np.stack([moment.ball, moment.spare_ball]).astype(np.float64)[:, None]
    found = np.full((PEOPLE + 2, 4), np.nan, np.float32)
    people = np.concatenate([starts, ends], 1)
    radii = np.concatenate([START_RADII, END_RADII])
    for rows, points, radius in (
        (slice(0, PEOPLE), people, radii),
        (slice(PEOPLE, PEOPLE + 2), balls, np.array([BALL_RADIUS])),
    ):
        pixels, depth = scene.project(points)
        pixels = pixels + 0.5  # from centres of pixels to their outer corners
        reach = radius * scene.pixels_per_metre / np.maximum(depth, NEAR)
        # The four outermost points of every ball, where the lens puts them.
        outline = pixels[..., None, :] + reach[..., None, None] * _SIDES
        outline = distort(outline, width, height, distortion)
        low, high = outline.min((1, 2)), outline.max((1, 2))
        with np.errstate(invalid="ignore"):
            seen = (depth.min(1) > NEAR) & (high > 0).all(1) & (low < (width, height)).all(1)
        box = np.concatenate([low, high], 1).clip(0, (width, height, width, height))
        found[rows] = np.where(seen[:, None], box, np.nan)
    return found
