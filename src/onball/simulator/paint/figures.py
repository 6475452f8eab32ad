"""People, balls, goals and corner flags, painted from far to near.

Bodies, goal frames and flags are capsules; balls, nets and the blur of the background are drawn between
them, each at its own depth.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from onball.simulator.bodies.skeleton import END_RADII, ENDS, START_RADII, STARTS
from onball.simulator.look.colours import RGB
from onball.simulator.look.look import Ball, Look
from onball.simulator.paint.details import DetailBuilder
from onball.simulator.paint.effects import BackgroundBlur
from onball.simulator.paint.scene import NEAR, Floats, Scene
from onball.simulator.paint.shapes import FRACTION_BITS, Canvas, Capsules, cv2
from onball.simulator.world import (
    BALL_RADIUS,
    GOAL_HEIGHT,
    GOAL_WIDTH,
    HALF_LENGTH,
    HALF_WIDTH,
    PEOPLE,
)

# Balls
RIM_COLOUR, PATCH_COLOUR = (70, 76, 62), (96, 98, 110)
_PATCHED_RADIUS = 4.5  # canvas pixels from which on patches are visible
_PATCHES = np.array([(1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1), (0, 0, -1.7)]) / np.sqrt(3)
# Goals and corner flags, in metres
POST_RADIUS, FLAG_HEIGHT = 0.06, 1.5
_POST_COLOUR, _NET_COLOUR = (232, 232, 232), (222, 224, 222)
_POLE_COLOUR, _FLAG_COLOUR = (214, 204, 150), (214, 60, 40)
_NET_TOP, _NET_FOOT = 0.9, 1.9  # depth of the net at the bar and on the ground
# Limbs
ROUND = 3.2
"""Radius in pixels of a frame of 224 lines from which on limbs get highlights."""
_HIGHLIGHTS = ((0.76, 1.03), (0.45, 1.08))  # fraction of the radius, and gain inside it
_EDGE_GAIN = 0.95  # outside the highlights

_Insert = tuple[float, Callable[[], None]]


class BallPainter:
    """Painter of balls: never too small to see, and smeared when they are fast.

    Args:
        look: colour, size and outline of the balls.
        scale: height of the canvas, as a multiple of 224 lines.
    """

    def __init__(self, look: Ball, scale: float) -> None:
        self._look = look
        self._minimum = look.smallest * scale
        self._rim = 0.45 * scale * look.rim

    def draw(self, canvas: Canvas, scene: Scene, ball: Floats, before: Floats, gain: float) -> None:
        """Paint one ball.

        Args:
            canvas: uint8 `[H, W, 3]`, changed in place.
            scene: projection onto the canvas.
            ball: centre `[3]`, metres; NaN for none.
            before: centre `[3]` when the shutter opened; NaN for no motion blur.
            gain: of the light on the ball.
        """
        if not np.isfinite(ball).all():
            return
        pixel, depth = scene.project(ball)
        size = np.array([scene.width + 50, scene.height + 50])
        if depth < NEAR or (pixel < -50).any() or (pixel > size).any():
            return
        true_radius = BALL_RADIUS * scene.pixels_per_metre / float(depth)
        radius = max(true_radius * self._look.size, self._minimum)
        colour = tuple(int(channel * gain) for channel in self._look.colour)
        if np.isfinite(before).all():
            past, past_depth = scene.project_at_opening(before)
            length = float(np.linalg.norm(pixel - past))
            if past_depth > NEAR and 0.7 * radius < length < scene.width:
                self._smear(canvas, past, pixel, radius, colour)
                return
        centre = np.round(pixel * 2**FRACTION_BITS).astype(int).tolist()
        rim, inner = (round(r * 2**FRACTION_BITS) for r in (radius + self._rim, radius))
        if self._rim > 0:
            cv2.circle(canvas, centre, rim, RIM_COLOUR, -1, cv2.LINE_AA, FRACTION_BITS)
        cv2.circle(canvas, centre, inner, colour, -1, cv2.LINE_AA, FRACTION_BITS)
        if self._look.patches and radius > _PATCHED_RADIUS:
            self._draw_patches(canvas, scene, ball, pixel, radius)

    def _smear(
        self, canvas: Canvas, past: Floats, pixel: Floats, radius: float, colour: tuple[int, ...]
    ) -> None:
        """Paint a translucent streak from past to present; the longer, the fainter."""
        length = float(np.linalg.norm(pixel - past))
        opacity = max(self._look.faintest, 2 * radius / (2 * radius + length))
        low = np.floor(np.minimum(past, pixel) - radius - 2)
        high = np.ceil(np.maximum(past, pixel) + radius + 3)
        x0, y0 = np.maximum(low, 0).astype(int).tolist()
        x1, y1 = np.minimum(high, canvas.shape[1::-1]).astype(int).tolist()
        if x1 <= x0 or y1 <= y0:
            return
        region = canvas[y0:y1, x0:x1]
        for strength, width in ((0.5, 1.0), (1.0, 0.8)):  # a fringe half as strong, then the core
            painted = region.copy()
            shortening = (pixel - past) * (1 - width) / 2
            outline = Capsules(
                (past + shortening - (x0, y0))[None],
                (pixel - shortening - (x0, y0))[None],
                np.full((2, 1), radius * width),
                np.ones(1),
                np.ones(1, np.bool_),
            ).polygons()[0]
            cv2.fillConvexPoly(painted, outline, colour, cv2.LINE_AA, FRACTION_BITS)
            alpha = strength * opacity
            cv2.addWeighted(painted, alpha, region, 1 - alpha, 0, dst=region)

    def _draw_patches(
        self, canvas: Canvas, scene: Scene, ball: Floats, pixel: Floats, radius: float
    ) -> None:
        """Paint dark patches that rotate as the ball rolls over the ground."""
        turns = ball[:2] / BALL_RADIUS
        (cx, sx), (cy, sy) = ((np.cos(a), np.sin(a)) for a in turns)
        roll = np.array([[cx, 0, sx], [sx * sy, cy, -cx * sy], [-sx * cy, sy, cx * cy]])
        patches = _PATCHES @ roll.T @ scene.camera.rotation.T
        for x, y, away in patches.tolist():
            if away > -0.15:
                continue
            offset = 0.8 * radius * np.array([x, y])
            centre = np.round((pixel + offset) * 2**FRACTION_BITS).astype(int)
            size = round(0.30 * radius * -away * 2**FRACTION_BITS)
            cv2.circle(canvas, centre.tolist(), size, PATCH_COLOUR, -1, cv2.LINE_AA, FRACTION_BITS)


class Furniture(NamedTuple):
    """Goal frames and corner flags as capsules.

    Attributes:
        starts, ends: `[N, 3]`, metres.
        radii: `[N]`, metres.
        colours: `[N, 3]`, RGB 0 to 255.
    """

    starts: Floats
    ends: Floats
    radii: Floats
    colours: Floats

    @classmethod
    def build(cls) -> Furniture:
        """Build two goals and four flags."""
        half = GOAL_WIDTH / 2
        rows: list[tuple[tuple[float, ...], tuple[float, ...], float, tuple[int, ...]]] = []
        for x in (-HALF_LENGTH, HALF_LENGTH):
            for y in (-half, half):
                rows.append(((x, y, 0), (x, y, GOAL_HEIGHT), POST_RADIUS, _POST_COLOUR))
            bar = (x, -half, GOAL_HEIGHT), (x, half, GOAL_HEIGHT)
            rows.append((*bar, POST_RADIUS, _POST_COLOUR))
            for y in (-HALF_WIDTH, HALF_WIDTH):
                rows.append(((x, y, 0), (x, y, FLAG_HEIGHT), 0.03, _POLE_COLOUR))
                top = FLAG_HEIGHT - 0.15
                rows.append(((x, y, top), (x - 0.004 * x, y, top), 0.14, _FLAG_COLOUR))
        return cls(*(np.array(column, dtype=np.float64) for column in zip(*rows, strict=True)))


class Net:
    """Net of one goal: translucent strings.

    Args:
        side: -1 for the left goal, 1 for the right one.

    Attributes:
        middle: `[3]`, metres.
    """

    def __init__(self, side: int) -> None:
        self._strings = _net_strings(side)
        self.middle: Floats = np.array([side * (HALF_LENGTH + _NET_FOOT / 2), 0.0, GOAL_HEIGHT / 2])

    def draw(self, canvas: Canvas, scene: Scene, colour: RGB, alpha: float) -> None:
        """Paint the strings in `colour` with opacity `alpha`."""
        pixels, depth = scene.project(self._strings)
        if depth.min() < NEAR or (pixels.max((0, 1)) < 0).any():
            return
        if (pixels.min((0, 1)) > (scene.width, scene.height)).any():
            return
        low = np.maximum(np.floor(pixels.min((0, 1))) - 2, 0).astype(int).tolist()
        high = np.minimum(np.ceil(pixels.max((0, 1))) + 3, (scene.width, scene.height))
        x1, y1 = high.astype(int).tolist()
        region = canvas[low[1] : y1, low[0] : x1]
        painted = region.copy()
        strings = np.round((pixels - low) * 2**FRACTION_BITS).astype(np.int32)
        cv2.polylines(painted, list(strings), False, colour, 1, cv2.LINE_AA, FRACTION_BITS)
        cv2.addWeighted(painted, alpha, region, 1 - alpha, 0, dst=region)


def _net_strings(side: int) -> Floats:
    """Strings of a goal's net as polylines of three points, `[strings, 3, 3]`, metres."""
    half, top, foot = GOAL_WIDTH / 2, _NET_TOP, _NET_FOOT
    line = side * HALF_LENGTH
    strings = []
    for y in np.linspace(-half, half, 21):  # from the bar over the back to the ground
        strings.append(
            [
                (line, y, GOAL_HEIGHT),
                (line + side * top, y, GOAL_HEIGHT),
                (line + side * foot, y, 0),
            ]
        )
    for fraction in np.linspace(0.0, 0.9, 9):  # around the back at one height
        depth = side * (foot + fraction * (top - foot))
        z = fraction * GOAL_HEIGHT
        strings.append([(line + depth, -half, z), (line + depth, 0, z), (line + depth, half, z)])
        for y in (-half, half):
            strings.append([(line, y, z), (line + depth / 2, y, z), (line + depth, y, z)])
    return np.array(strings, dtype=np.float64)


class Figures:
    """Layer of the painter that draws people, balls, goals and corner flags.

    Args:
        look: appearance of the match.
        scale: height of the canvas, as a multiple of 224 lines.
        smooth: True for antialiased edges, for a canvas that is not averaged down.
    """

    name = "figures"

    def __init__(self, look: Look, scale: float, smooth: bool) -> None:
        self._furniture = Furniture.build()
        self._body_colours = look.outfits.colours().reshape(-1, 3)
        self._details = DetailBuilder(look, scale)
        self._background_blur = BackgroundBlur(look, round(224 * scale))
        self._light = look.light
        self._sun = np.array(look.light.sun)
        self._balls = BallPainter(look.ball, max(scale, 0.75))
        self._round = ROUND * scale
        self._line = cv2.LINE_AA if smooth else cv2.LINE_8
        self._nets = [Net(side) for side in (-1, 1)]

    def draw(self, canvas: Canvas, scene: Scene) -> None:
        """Paint capsules from far to near, with background blur, balls and nets between them."""
        shapes, colours, group_depths, nearer = self._shapes(scene)
        polygons, fills = shapes.polygons(), colours.clip(0, 255).astype(int).tolist()
        highlights = self._highlights(scene, shapes, colours)
        for i in highlights:
            fills[i] = [int(channel * _EDGE_GAIN) for channel in fills[i]]
        visible = np.flatnonzero(shapes.visible)
        # From far to near: first by the depth of the body, then within it.
        within = nearer[visible] - shapes.depth[visible]
        order = visible[np.lexsort((within, -group_depths[visible]))]
        inserts = self._inserts(canvas, scene)
        places = np.searchsorted(-group_depths[order], [-depth for depth, _ in inserts]).tolist()
        begin = 0
        for place, (_, draw) in zip([*places, len(order)], [*inserts, (0.0, None)], strict=True):
            for i in order[begin:place].tolist():
                cv2.fillConvexPoly(canvas, polygons[i], fills[i], self._line, FRACTION_BITS)
                for polygon, colour in highlights.get(i, ()):
                    cv2.fillConvexPoly(canvas, polygon, colour, self._line, FRACTION_BITS)
            begin = place
            if draw is not None:
                draw()

    def _inserts(self, canvas: Canvas, scene: Scene) -> list[_Insert]:
        """Depth and drawing function of everything that is not a capsule, from far to near."""
        blur = self._background_blur
        inserts: list[_Insert] = [(blur.focus_limit(scene), lambda: blur.draw(canvas, scene))]
        state, opening = scene.state, scene.shutter_opening
        past = state if opening is None else opening.state
        for now, then in ((state.ball, past.ball), (state.spare_ball, past.spare_ball)):
            if not np.isfinite(now).all():
                continue
            ball, before = now.astype(np.float64), then.astype(np.float64)
            gain = float(self._light.gain(ball[:2])) if self._light.shade else 1.0
            if opening is None:
                before = np.full(3, np.nan)

            def draw_ball(ball: Floats = ball, before: Floats = before, gain: float = gain) -> None:
                self._balls.draw(canvas, scene, ball, before, gain)

            # Slightly nearer: a ball at somebody's feet is in front of his body.
            inserts.append((float(scene.project(ball)[1]) - 0.25, draw_ball))
        for net in self._nets:
            depth = float(scene.project(net.middle)[1])
            alpha = float(np.clip(20 / max(depth, 1.0), 0.30, 0.65))

            def draw_net(net: Net = net, alpha: float = alpha) -> None:
                net.draw(canvas, scene, _NET_COLOUR, alpha)

            inserts.append((depth, draw_net))
        return sorted(inserts, key=lambda insert: -insert[0])

    def _shapes(self, scene: Scene) -> tuple[Capsules, Floats, Floats, Floats]:
        """Capsules of limbs, furniture and details, in that order.

        Returns:
            The capsules; their colours `[N, 3]`; the depths `[N]` of the bodies they belong to; and the
            metres `[N]` by which each is brought forward within its body.
        """
        detail_starts, detail_ends, detail_radii, detail_colours, owners, nearer = (
            self._details.build(scene).columns()
        )
        furniture = self._furniture
        limbs = scene.joints[:, STARTS].reshape(-1, 3), scene.joints[:, ENDS].reshape(-1, 3)
        limb_radii = [np.tile(START_RADII, PEOPLE), np.tile(END_RADII, PEOPLE)]
        starts = np.concatenate([limbs[0], furniture.starts, detail_starts])
        ends = np.concatenate([limbs[1], furniture.ends, detail_ends])
        start_radii, end_radii = (
            np.concatenate([radii, furniture.radii, detail_radii]) for radii in limb_radii
        )
        shapes = Capsules.project(scene, starts, ends, start_radii, end_radii)
        person_gain = self._light.gain(scene.state.xy)
        owners = owners.astype(int)
        gain = np.concatenate(
            [
                np.repeat(person_gain, len(STARTS)) * self._limb_gain(*limbs),
                np.ones(len(furniture.radii)),
                person_gain[owners],
            ]
        )
        colours = np.concatenate([self._body_colours, furniture.colours, detail_colours])
        colours = colours * gain[:, None]
        _, body_depths = scene.project(scene.joints.mean(1))
        furniture_depths = shapes.depth[len(limbs[0]) : len(limbs[0]) + len(furniture.radii)]
        group_depths = np.concatenate(
            [np.repeat(body_depths, len(STARTS)), furniture_depths, body_depths[owners]]
        )
        forward = np.concatenate([np.zeros(len(limbs[0]) + len(furniture_depths)), nearer])
        return shapes, colours, group_depths, forward

    def _limb_gain(self, starts: Floats, ends: Floats) -> Floats:
        """Gain `[N]` of the light on limbs: least on those parallel to the sun's rays."""
        along = ends - starts
        length = np.maximum(np.linalg.norm(along, axis=1), 1e-6)
        facing = np.sqrt(np.clip(1 - ((along @ self._sun) / length) ** 2, 0, 1))
        return np.asarray(np.nan_to_num(1 - self._light.shadow * (0.75 - 0.75 * facing)))

    def _highlights(
        self, scene: Scene, shapes: Capsules, colours: Floats
    ) -> dict[int, list[tuple[NDArray[np.int32], list[int]]]]:
        """Polygons and colours of the brighter inner parts of thick limbs, by index of the limb."""
        with np.errstate(invalid="ignore"):
            thick = shapes.visible & (shapes.radii.max(0) > self._round)
        thick[len(self._body_colours) :] = False
        chosen = np.flatnonzero(thick)
        if len(chosen) == 0:
            return {}
        light = scene.camera.rotation[:2] @ self._sun
        highlights: dict[int, list[tuple[NDArray[np.int32], list[int]]]] = {
            i: [] for i in chosen.tolist()
        }
        for fraction, gain in _HIGHLIGHTS:
            polygons = shapes.highlights(chosen, fraction, light).polygons()
            fills = (colours[chosen] * gain).clip(0, 255).astype(int).tolist()
            for i, polygon, colour in zip(chosen.tolist(), polygons, fills, strict=True):
                highlights[i].append((polygon, colour))
        return highlights
