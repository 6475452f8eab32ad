"""Shadows of people and balls on the ground: one hard one, four faint ones, or a soft one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from onball.synthetic.bodies.pose import END_RADII, ENDS, START_RADII, STARTS, Joint
from onball.synthetic.picture.capsules import SHIFT, Capsules
from onball.synthetic.picture.light import Weather
from onball.synthetic.picture.look import Look
from onball.synthetic.picture.opencv import cv2
from onball.synthetic.picture.scene import Canvas, Floats, Scene
from onball.synthetic.world import BALL_RADIUS, HALF_LENGTH, HALF_WIDTH, PEOPLE

MAST_HEIGHT = 38.0
_MASTS = np.array(
    [(x * (HALF_LENGTH + 18), y * (HALF_WIDTH + 22), MAST_HEIGHT) for x in (-1, 1) for y in (-1, 1)]
)
# A floodlight's shadow is too faint to show more than trunk, head and legs.
_BROAD_STARTS = (Joint.NECK, Joint.LEFT_HIP, Joint.RIGHT_HIP)
_BROAD_ENDS = (Joint.PELVIS, Joint.LEFT_ANKLE, Joint.RIGHT_ANKLE)
_BROAD_RADII = np.array([0.20, 0.09, 0.09])


class Shadows:
    """The layer of the painter that darkens the ground in the shadows of people and balls."""

    name = "shadows"

    def __init__(self, look: Look, width: int, height: int) -> None:
        self._light = look.light
        self._sun = np.array(look.light.sun)
        self._soft = look.light.weather is Weather.OVERCAST
        self._blur = max(3, round(height / 224 * 2.5)) | 1
        levels = np.arange(256)[:, None] * (1 - look.light.shadow * np.array([1.0, 0.97, 0.90]))
        self._darker = np.round(levels).astype(np.uint8)[None]
        self._mask = np.zeros((height, width), np.uint8)

    def draw(self, canvas: Canvas, scene: Scene) -> None:
        """Darken where limbs stand between the light and the ground."""
        if self._light.shadow == 0:
            return
        shapes = self._floodlit(scene) if self._light.weather == Weather.NIGHT else self._one(scene)
        polygons = shapes.polygons()
        seen = np.flatnonzero(shapes.seen)
        if len(seen) == 0:
            return
        margin = self._blur if self._soft else 1
        corners = polygons[seen].reshape(-1, 2) >> SHIFT
        x0, y0 = np.maximum(corners.min(0) - margin, 0).tolist()
        x1, y1 = np.minimum(corners.max(0) + margin + 1, (scene.width, scene.height)).tolist()
        if x1 <= x0 or y1 <= y0:
            return
        mask = self._mask[y0:y1, x0:x1]
        mask[:] = 0
        for i in seen.tolist():
            cv2.fillConvexPoly(self._mask, polygons[i], 255, cv2.LINE_8, SHIFT)
        lit = canvas[y0:y1, x0:x1]
        if self._soft:
            gain = cv2.blur(mask, (self._blur, self._blur))
            gain = cv2.LUT(gain, self._fading())
            cv2.multiply(lit, cv2.merge([gain, gain, gain]), dst=lit, scale=1 / 255)
        else:
            cv2.copyTo(cv2.LUT(lit, self._darker), mask, lit)

    def _fading(self) -> NDArray[np.uint8]:
        return np.round(255 - self._light.shadow * np.arange(256.0)).astype(np.uint8)[None]

    def _one(self, scene: Scene) -> Capsules:
        """Shadows of every limb in the sun, or right below it under clouds."""
        starts, ends = scene.joints[:, STARTS], scene.joints[:, ENDS]
        balls = np.stack([scene.moment.ball, scene.moment.spare_ball]).astype(np.float64)
        # Where the stand keeps the sun away nobody throws a shadow.
        dark = self._light.gain(scene.moment.xy) < 1
        sun = np.array([0.0, 0.0, 1.0]) if self._soft else self._sun

        def fall(points: Floats) -> Floats:
            return np.asarray(points - points[..., 2:] * (sun / sun[2]))

        starts, ends = fall(starts), fall(ends)
        starts[dark] = np.nan
        return Capsules.project(
            scene,
            np.concatenate([starts.reshape(-1, 3), fall(balls)]),
            np.concatenate([ends.reshape(-1, 3), fall(balls)]),
            np.concatenate([np.tile(START_RADII, PEOPLE), [BALL_RADIUS] * 2]),
            np.concatenate([np.tile(END_RADII, PEOPLE), [BALL_RADIUS] * 2]),
        )

    def _floodlit(self, scene: Scene) -> Capsules:
        """Four shadows of everyone, away from the four masts."""
        starts = scene.joints[None, :, _BROAD_STARTS]
        ends = scene.joints[None, :, _BROAD_ENDS]
        masts = _MASTS[:, None, None]

        def fall(points: Floats) -> Floats:
            ray = points - masts
            return np.asarray(points - ray * (points[..., 2:] / np.minimum(ray[..., 2:], -1.0)))

        starts, ends = fall(starts).reshape(-1, 3), fall(ends).reshape(-1, 3)
        radii = np.tile(_BROAD_RADII, 4 * PEOPLE)
        return Capsules.project(scene, starts, ends, radii, radii)
