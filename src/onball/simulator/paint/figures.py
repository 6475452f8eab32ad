"""People, balls, goals and corner flags, painted from far to near.

Bodies, goal frames and flags are capsules; balls, nets and the blur of the background are drawn between
them, each at its own depth.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from onball.simulator.bodies.skeleton import END_RADII, ENDS, START_RADII, STARTS
from onball.simulator.look.look import Look
from onball.simulator.paint.balls import BallPainter
from onball.simulator.paint.details import DetailBuilder
from onball.simulator.paint.effects import BackgroundBlur
from onball.simulator.paint.goals import Furniture, Net
from onball.simulator.paint.scene import Floats, Scene
from onball.simulator.paint.shapes import FRACTION_BITS, Canvas, Capsules, cv2
from onball.simulator.world import PEOPLE

ROUND = 3.2
"""Radius in pixels of a frame of 224 lines from which on limbs get highlights."""
_HIGHLIGHTS = ((0.76, 1.03), (0.45, 1.08))  # fraction of the radius, and gain inside it
_EDGE_GAIN = 0.95  # outside the highlights

_Insert = tuple[float, Callable[[], None]]


class Figures:
    """Layer of the painter that draws people, balls, goals and corner flags.

    Args:
        look: appearance of the match.
        scale: height of the canvas, as a multiple of 224 lines.
        smooth: True for antialiased edges, for a canvas that is not averaged down.
    """

    name = "figures"

    def __init__(self, look: Look, scale: float, smooth: bool) -> None:
        self._furniture = Furniture.build(look)
        self._body_colours = look.outfits.colours().reshape(-1, 3)
        self._details = DetailBuilder(look, scale)
        self._background_blur = BackgroundBlur(look, round(224 * scale))
        self._light = look.light
        self._sun = np.array(look.light.sun)
        self._balls = BallPainter(look, max(scale, 0.75))
        self._round = ROUND * scale
        self._line = cv2.LINE_AA if smooth else cv2.LINE_8
        self._nets = [Net(side, look.stands.netting) for side in (-1, 1)]

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

            def draw_net(net: Net = net, depth: float = depth) -> None:
                net.draw(canvas, scene, depth)

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
