"""What the camera does to everything behind its subject: motion blur of a pan, and depth of field."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from onball.synthetic.bodies.pose import Joint
from onball.synthetic.picture.look import Look
from onball.synthetic.picture.opencv import cv2
from onball.synthetic.picture.scene import NEAR, Canvas, Floats, Scene

LONGEST = 26.0
"""Longest motion blur in pixels of a 224-line picture."""
FIGURES_SHARE = 0.4
"""Share of the pan's blur on people: many of them run the way the camera pans."""
_SEEN = 0.5  # a blur of less than this many pixels is left out


def pan(scene: Scene) -> Floats:
    """How far the view moved while the shutter was open, canvas pixels `[2]`."""
    if scene.opened is None:
        return np.zeros(2)
    ahead = scene.eye + 60.0 * scene.camera.rotation[2]
    now, _ = scene.project(ahead)
    past, depth = scene.project_opened(ahead)
    return np.asarray(now - past) if depth > NEAR else np.zeros(2)


def smear(picture: Canvas, way: Floats, longest: float) -> Canvas:
    """The picture blurred along a straight way `[2]` in pixels; itself where that is not seen."""
    length = float(np.linalg.norm(way))
    if length < _SEEN:
        return picture
    way = way * min(1.0, longest / length)
    return np.asarray(cv2.filter2D(picture, -1, _kernel(way), borderType=cv2.BORDER_REPLICATE))


def _kernel(way: Floats) -> NDArray[np.float32]:
    """A line of that direction and length, its weights summing to 1."""
    reach = np.ceil(np.abs(way) / 2).astype(int)
    kernel = np.zeros(2 * reach[::-1] + 1, np.float32)
    steps = 4 * max(int(np.abs(way).max()), 1) + 1
    points = np.linspace(-0.5, 0.5, steps)[:, None] * way + reach
    if reach[1] == 0 or reach[0] == 0 or np.abs(way).min() < 0.4:
        points[:, np.argmin(np.abs(way))] = reach[np.argmin(np.abs(way))]
    places = np.round(points).astype(int)
    np.add.at(kernel, (places[:, 1], places[:, 0]), 1.0)
    return np.asarray(kernel / kernel.sum())


class Backdrop:
    """Blurs what is painted before the subject is."""

    def __init__(self, look: Look, canvas_height: int) -> None:
        self._aperture = look.lens.aperture
        self._height = canvas_height
        self._longest = LONGEST * canvas_height / 224

    def sharp_to(self, scene: Scene) -> float:
        """The distance in metres beyond which people belong to the backdrop; infinite if none do."""
        subject = self._subject(scene)
        if subject is None:
            return float("inf")
        # Where the blur is a pixel of a 224-line picture.
        inverse = 1 / subject - 2.0 / 224 / self._strength(scene)
        return float("inf") if inverse <= 0 else 1 / inverse

    def draw(self, canvas: Canvas, scene: Scene) -> None:
        """Blur the canvas: along the pan, and by the distance from the subject."""
        way = pan(scene)
        blurred = smear(canvas, way, self._longest)
        if blurred is not canvas:
            canvas[:] = blurred
        subject = self._subject(scene)
        if subject is not None:
            self._defocus(canvas, scene, subject)

    def _strength(self, scene: Scene) -> float:
        """Diameter of the blur in picture heights for a point 1/m away from the subject."""
        return self._aperture * scene.camera.focal**2

    def _subject(self, scene: Scene) -> float | None:
        """How far away the person is for whom the picture is taken; None where all is sharp."""
        pixels, depth = scene.project(scene.joints[:, Joint.PELVIS])
        with np.errstate(invalid="ignore"):
            seen = (depth > NEAR) & (np.abs(pixels - (scene.width / 2, scene.height / 2)) < (
                scene.width / 2, scene.height / 2)).all(1)  # fmt: skip
        if not seen.any():
            return None
        off = np.abs(pixels[:, 0] / scene.width - 0.5)
        size = np.where(seen, np.exp(-((off / 0.18) ** 2)) / np.where(seen, depth, 1.0), 0.0)
        subject = float(depth[np.argmax(size)])
        # Behind the farthest stand nothing is less sharp.
        return subject if self._strength(scene) / subject * 224 > 1.2 else None

    def _defocus(self, canvas: Canvas, scene: Scene, subject: float) -> None:
        farthest = max(1 / subject - 1 / 150.0, 0.0)
        sigma = self._strength(scene) * farthest * self._height / 2.5
        if sigma < _SEEN:
            return
        sigma = min(sigma, 0.06 * self._height)
        # Much blur needs few pixels.
        smaller = 1 if sigma < 3 else 4
        size = (scene.width // smaller, scene.height // smaller)
        soft = cv2.resize(canvas, size, interpolation=cv2.INTER_AREA) if smaller > 1 else canvas
        soft = cv2.GaussianBlur(soft, (0, 0), sigma / smaller)
        if smaller > 1:
            soft = cv2.resize(soft, (scene.width, scene.height), interpolation=cv2.INTER_LINEAR)
        share = (self._row_blur(scene, subject) / max(farthest, 1e-9)).clip(0, 1) ** 0.6
        first = int(np.flatnonzero(np.append(share, 0) < 1)[0])
        last = int(np.flatnonzero(np.append(share, 1.0) > 0.02)[-1])
        canvas[:first] = soft[:first]
        if last > first:
            weight = share[first:last, None, None].astype(np.float32)
            mixed = canvas[first:last] + weight * (
                soft[first:last].astype(np.float32) - canvas[first:last]
            )
            canvas[first:last] = mixed

    @staticmethod
    def _row_blur(scene: Scene, subject: float) -> Floats:
        """|1 / depth - 1 / subject| of the ground in the middle of every row; of infinity above it."""
        rows = np.arange(scene.height, dtype=np.float64)
        middle = np.stack([np.full_like(rows, scene.width / 2), rows, np.ones_like(rows)])
        # The third row of the inverse homography: 1 / depth, but for one factor for all rows.
        ground = np.linalg.inv(scene.ground()) @ middle
        below = rows > scene.horizon() + 1
        metres = np.zeros((len(rows), 3))
        metres[below, :2] = (ground[:2, below] / ground[2, below]).T
        _, depth = scene.project(metres)
        inverse = np.where(below & (depth > NEAR), 1 / np.maximum(depth, NEAR), 0.0)
        return np.asarray(np.maximum(1 / subject - inverse, 0.4 * (inverse - 1 / subject)))
