"""The balls as the camera sees them: white, never too small to see, a smear when they are fast."""

from __future__ import annotations

import numpy as np

from onball.synthetic.picture.capsules import SHIFT, Capsules
from onball.synthetic.picture.opencv import cv2
from onball.synthetic.picture.scene import NEAR, Canvas, Floats, Scene
from onball.synthetic.world import BALL_RADIUS

BALL_MINIMUM = 1.05
"""Least radius of a painted ball in pixels of a 224-line picture: television's never vanishes."""
WHITE, RIM, PATCH = (246, 246, 244), (70, 76, 62), (96, 98, 110)
FAINTEST = 0.35
"""Least opacity of a smear, however long."""
_PATCHED = 4.5  # canvas pixels of radius from which on patches are seen
_PATCHES = np.array([(1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1), (0, 0, -1.7)]) / np.sqrt(3)


class BallBrush:
    """Paints balls on a canvas that is `scale` times as large as a picture of 224 lines."""

    def __init__(self, scale: float) -> None:
        self._minimum = BALL_MINIMUM * scale
        self._rim = 0.45 * scale

    def draw(self, canvas: Canvas, scene: Scene, ball: Floats, opened: Floats, gain: float) -> None:
        """Paint one ball.

        Args:
            canvas, scene: where to.
            ball, opened: its centre `[3]` now and when the shutter opened, metres; NaN for none.
            gain: light on it.
        """
        if not np.isfinite(ball).all():
            return
        pixel, depth = scene.project(ball)
        size = np.array([scene.width + 50, scene.height + 50])
        if depth < NEAR or (pixel < -50).any() or (pixel > size).any():
            return
        radius = max(BALL_RADIUS * scene.pixels_per_metre / float(depth), self._minimum)
        colour = tuple(int(channel * gain) for channel in WHITE)
        if np.isfinite(opened).all():
            past, past_depth = scene.project_opened(opened)
            length = float(np.linalg.norm(pixel - past))
            if past_depth > NEAR and 0.7 * radius < length < scene.width:
                self._smear(canvas, past, pixel, radius, colour)
                return
        centre = np.round(pixel * 2**SHIFT).astype(int).tolist()
        rim, inner = (round(r * 2**SHIFT) for r in (radius + self._rim, radius))
        cv2.circle(canvas, centre, rim, RIM, -1, cv2.LINE_AA, SHIFT)
        cv2.circle(canvas, centre, inner, colour, -1, cv2.LINE_AA, SHIFT)
        if radius > _PATCHED:
            self._patch(canvas, scene, ball, pixel, radius)

    def _smear(
        self, canvas: Canvas, past: Floats, pixel: Floats, radius: float, colour: tuple[int, ...]
    ) -> None:
        """The ball everywhere on its way: the longer, the fainter, with soft ends."""
        length = float(np.linalg.norm(pixel - past))
        opacity = max(FAINTEST, 2 * radius / (2 * radius + length))
        low = np.floor(np.minimum(past, pixel) - radius - 2)
        high = np.ceil(np.maximum(past, pixel) + radius + 3)
        x0, y0 = np.maximum(low, 0).astype(int).tolist()
        x1, y1 = np.minimum(high, canvas.shape[1::-1]).astype(int).tolist()
        if x1 <= x0 or y1 <= y0:
            return
        part = canvas[y0:y1, x0:x1]
        for share, width in ((0.5, 1.0), (1.0, 0.8)):  # a core, and a fringe half as strong
            painted = part.copy()
            shorter = (pixel - past) * (1 - width) / 2
            outline = Capsules(
                (past + shorter - (x0, y0))[None],
                (pixel - shorter - (x0, y0))[None],
                np.full((2, 1), radius * width),
                np.ones(1),
                np.ones(1, np.bool_),
            ).polygons()[0]
            cv2.fillConvexPoly(painted, outline, colour, cv2.LINE_AA, SHIFT)
            cv2.addWeighted(painted, share * opacity, part, 1 - share * opacity, 0, dst=part)

    def _patch(
        self, canvas: Canvas, scene: Scene, ball: Floats, pixel: Floats, radius: float
    ) -> None:
        """Dark patches that roll with the ball's way over the ground, and a shaded lower side."""
        turns = ball[:2] / BALL_RADIUS
        (cx, sx), (cy, sy) = ((np.cos(a), np.sin(a)) for a in turns)
        roll = np.array([[cx, 0, sx], [sx * sy, cy, -cx * sy], [-sx * cy, sy, cx * cy]])
        seen = _PATCHES @ roll.T @ scene.camera.rotation.T
        for x, y, away in seen.tolist():
            if away > -0.15:
                continue
            place = np.round((pixel + 0.8 * radius * np.array([x, y])) * 2**SHIFT).astype(int)
            wide = round(0.30 * radius * -away * 2**SHIFT)
            cv2.circle(canvas, place.tolist(), wide, PATCH, -1, cv2.LINE_AA, SHIFT)
