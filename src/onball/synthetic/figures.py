"""People, ball, goals, flags and shadows: capsules painted as polygons from far to near."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from onball.synthetic.look import Look
from onball.synthetic.opencv import cv2
from onball.synthetic.pose import END_RADII, ENDS, PARTS, START_RADII, STARTS
from onball.synthetic.scene import NEAR, Canvas, Floats, Scene
from onball.synthetic.world import (
    BALL_RADIUS,
    GOAL_HEIGHT,
    GOAL_WIDTH,
    HALF_LENGTH,
    HALF_WIDTH,
    PEOPLE,
)

_SHIFT = 4  # fractional bits of the coordinates handed to OpenCV
_ARC = np.linspace(np.pi / 2, 3 * np.pi / 2, 5)
_HALF_CIRCLE = np.stack([np.cos(_ARC), np.sin(_ARC)], 1)
POST_RADIUS, FLAG_HEIGHT = 0.06, 1.5
BALL_MINIMUM = 1.05
"""Least radius of the painted ball in pixels of the picture: television's never vanishes."""


class Shadows:
    """The layer of the painter that darkens the ground in the shadows of people and ball."""

    name = "shadows"

    def __init__(self, look: Look, width: int, height: int) -> None:
        self._sun = np.array(look.sun)
        levels = np.arange(256)[:, None] * (1 - look.shadow * np.array([1.0, 0.97, 0.90]))
        self._darker = np.round(levels).astype(np.uint8)[None]
        self._mask = np.zeros((height, width), np.uint8)

    def draw(self, canvas: Canvas, scene: Scene) -> None:
        """Darken where limbs stand between the sun and the ground."""
        starts, ends = self._fall(scene.joints[:, STARTS]), self._fall(scene.joints[:, ENDS])
        ball = self._fall(scene.moment.ball.astype(np.float64))[None]
        shapes = Capsules.project(
            scene,
            np.concatenate([starts.reshape(-1, 3), ball]),
            np.concatenate([ends.reshape(-1, 3), ball]),
            np.append(np.tile(START_RADII, PEOPLE), BALL_RADIUS),
            np.append(np.tile(END_RADII, PEOPLE), BALL_RADIUS),
        )
        polygons = shapes.polygons()
        seen = np.flatnonzero(shapes.seen)
        if len(seen) == 0:
            return
        corners = polygons[seen].reshape(-1, 2) >> _SHIFT
        x0, y0 = np.maximum(corners.min(0) - 1, 0).tolist()
        x1, y1 = np.minimum(corners.max(0) + 2, (scene.width, scene.height)).tolist()
        if x1 <= x0 or y1 <= y0:
            return
        mask = self._mask[y0:y1, x0:x1]
        mask[:] = 0
        for i in seen.tolist():
            cv2.fillConvexPoly(self._mask, polygons[i], 255, cv2.LINE_8, _SHIFT)
        lit = canvas[y0:y1, x0:x1]
        cv2.copyTo(cv2.LUT(lit, self._darker), mask, lit)

    def _fall(self, points: Floats) -> Floats:
        """Points `[..., 3]` along the sun's rays onto the ground."""
        return np.asarray(points - points[..., 2:] * (self._sun / self._sun[2]))


class Figures:
    """The layer of the painter that draws people, ball, goals and corner flags."""

    name = "figures"

    def __init__(self, look: Look, supersampling: int) -> None:
        colours = look.part_colours()[:, PARTS]  # [PEOPLE, C, 3]
        self._furniture = _Furniture.build()
        self._colours = np.concatenate([colours.reshape(-1, 3), self._furniture.colours])
        self._sun = np.array(look.sun)
        self._sunlight = look.shadow
        self._ball_minimum = BALL_MINIMUM * supersampling
        self._rim = 0.45 * supersampling
        grass = np.array(look.grass)
        self._net = tuple((0.62 * grass + 0.38 * 225).astype(int).tolist())
        self._nets = [_net(side) for side in (-1, 1)]

    def draw(self, canvas: Canvas, scene: Scene) -> None:
        """Paint nets first, then every limb, post, flag and the ball from far to near."""
        for net in self._nets:
            self._draw_net(canvas, scene, net)
        starts = np.concatenate([scene.joints[:, STARTS].reshape(-1, 3), self._furniture.starts])
        ends = np.concatenate([scene.joints[:, ENDS].reshape(-1, 3), self._furniture.ends])
        shapes = Capsules.project(
            scene,
            starts,
            ends,
            np.concatenate([np.tile(START_RADII, PEOPLE), self._furniture.radii]),
            np.concatenate([np.tile(END_RADII, PEOPLE), self._furniture.radii]),
        )
        colours = self._light(starts, ends)
        polygons = shapes.polygons()
        order, ball_at = self._far_to_near(scene, shapes)
        for place, i in enumerate(order):
            if place == ball_at:
                self._draw_ball(canvas, scene)
            cv2.fillConvexPoly(canvas, polygons[i], colours[i], cv2.LINE_8, _SHIFT)
        if ball_at >= len(order):
            self._draw_ball(canvas, scene)

    def _light(self, starts: Floats, ends: Floats) -> list[list[int]]:
        """Colours `[N]` of the limbs: one that lies along the sun's rays gets least of them."""
        along = ends - starts
        length = np.maximum(np.linalg.norm(along, axis=1), 1e-6)
        facing = np.sqrt(np.clip(1 - ((along @ self._sun) / length) ** 2, 0, 1))
        light = np.nan_to_num(1 - self._sunlight * (0.75 - 0.75 * facing))
        shaded: list[list[int]] = (
            np.minimum(self._colours * light[:, None], 255).astype(int).tolist()
        )
        return shaded

    def _far_to_near(self, scene: Scene, shapes: Capsules) -> tuple[list[int], int]:
        """Visible capsules in order of painting, and before which of them the ball's turn is."""
        limbs = len(STARTS)
        _, bodies = scene.project(scene.joints.mean(1))
        groups = np.concatenate([np.repeat(bodies, limbs), shapes.depth[PEOPLE * limbs :]])
        seen = np.flatnonzero(shapes.seen)
        order = seen[np.lexsort((-shapes.depth[seen], -groups[seen]))]
        _, ball = scene.project(scene.moment.ball.astype(np.float64))
        # At equal depth the ball is in front: it is at somebody's feet.
        nearer = int(np.searchsorted(-groups[order], -(float(ball) - 0.25)))
        return order.tolist(), nearer

    def _draw_ball(self, canvas: Canvas, scene: Scene) -> None:
        if not np.isfinite(scene.moment.ball).all():
            return
        pixel, depth = scene.project(scene.moment.ball.astype(np.float64))
        size = (scene.width + 50, scene.height + 50)
        if depth < NEAR or (pixel < -50).any() or (pixel > size).any():
            return
        radius = max(BALL_RADIUS * scene.pixels_per_metre / float(depth), self._ball_minimum)
        centre = np.round(pixel * 2**_SHIFT).astype(int).tolist()
        rim, white = (round(r * 2**_SHIFT) for r in (radius + self._rim, radius))
        cv2.circle(canvas, centre, rim, (70, 76, 62), -1, cv2.LINE_AA, _SHIFT)
        cv2.circle(canvas, centre, white, (246, 246, 244), -1, cv2.LINE_AA, _SHIFT)

    def _draw_net(self, canvas: Canvas, scene: Scene, net: Floats) -> None:
        pixels, depth = scene.project(net)
        if depth.min() < NEAR or (pixels.max((0, 1)) < 0).any():
            return
        if (pixels.min((0, 1)) > (scene.width, scene.height)).any():
            return
        strings = np.round(pixels * 2**_SHIFT).astype(np.int32)
        cv2.polylines(canvas, list(strings), False, self._net, 1, cv2.LINE_AA, _SHIFT)


class Capsules:
    """Many capsules on the canvas.

    Attributes:
        seen: `[N]`, whether a capsule reaches into the canvas.
        depth: `[N]`, metres from the camera to its middle.
    """

    def __init__(
        self, starts: Floats, ends: Floats, radii: Floats, depth: Floats, seen: NDArray[np.bool_]
    ) -> None:
        self._starts, self._ends, self._radii = starts, ends, radii
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
        """Outlines `[N, 10, 2]` in OpenCV's fixed-point pixels; zeros for capsules not seen."""
        along = self._ends - self._starts
        length = np.linalg.norm(along, axis=1, keepdims=True)
        along = np.where(length > 1e-6, along / np.maximum(length, 1e-6), (1.0, 0.0))
        normal = np.stack([-along[:, 1], along[:, 0]], 1)
        cap = _HALF_CIRCLE[:, :1] * along[:, None] + _HALF_CIRCLE[:, 1:] * normal[:, None]
        first = self._starts[:, None] + self._radii[0][:, None, None] * cap
        second = self._ends[:, None] - self._radii[1][:, None, None] * cap
        outline = np.concatenate([first, second], 1)
        outline[~self.seen] = 0.0
        return np.asarray(np.round(outline * 2**_SHIFT), dtype=np.int32)


class _Furniture(NamedTuple):
    """What stands on the pitch: goal frames and corner flags, as capsules."""

    starts: Floats  # [F, 3], metres
    ends: Floats  # [F, 3]
    radii: Floats  # [F]
    colours: Floats  # [F, 3]

    @classmethod
    def build(cls) -> _Furniture:
        """Two goals and four flags."""
        half, white, pole, flag = GOAL_WIDTH / 2, (232, 232, 232), (214, 204, 150), (214, 60, 40)
        rows: list[tuple[tuple[float, ...], tuple[float, ...], float, tuple[int, ...]]] = []
        for x in (-HALF_LENGTH, HALF_LENGTH):
            for y in (-half, half):
                rows.append(((x, y, 0), (x, y, GOAL_HEIGHT), POST_RADIUS, white))
            rows.append(((x, -half, GOAL_HEIGHT), (x, half, GOAL_HEIGHT), POST_RADIUS, white))
            for y in (-HALF_WIDTH, HALF_WIDTH):
                rows.append(((x, y, 0), (x, y, FLAG_HEIGHT), 0.03, pole))
                top = FLAG_HEIGHT - 0.15
                rows.append(((x, y, top), (x - 0.004 * x, y, top), 0.14, flag))
        return cls(*(np.array(column, dtype=np.float64) for column in zip(*rows, strict=True)))


def _net(side: int) -> Floats:
    """Strings of a goal's net as polylines of three points, `[strings, 3, 3]`."""
    half, top, foot = GOAL_WIDTH / 2, 0.9, 1.9
    line = side * HALF_LENGTH
    strings = []
    for y in np.linspace(-half, half, 13):  # from the bar over the back to the ground
        strings.append(
            [
                (line, y, GOAL_HEIGHT),
                (line + side * top, y, GOAL_HEIGHT),
                (line + side * foot, y, 0),
            ]
        )
    for share in np.linspace(0.0, 0.9, 6):  # around the back at one height
        depth = side * (foot + share * (top - foot))
        z = share * GOAL_HEIGHT
        strings.append([(line + depth, -half, z), (line + depth, 0, z), (line + depth, half, z)])
        for y in (-half, half):
            strings.append([(line, y, z), (line + depth / 2, y, z), (line + depth, y, z)])
    return np.array(strings, dtype=np.float64)
