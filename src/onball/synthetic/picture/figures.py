"""People, balls, goals and flags: capsules painted as polygons from far to near."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from onball.synthetic.bodies.pose import END_RADII, ENDS, START_RADII, STARTS
from onball.synthetic.picture.balls import BallBrush
from onball.synthetic.picture.capsules import SHIFT, Capsules
from onball.synthetic.picture.details import Wardrobe
from onball.synthetic.picture.focus import Backdrop
from onball.synthetic.picture.furniture import Furniture, Net
from onball.synthetic.picture.look import Look
from onball.synthetic.picture.opencv import cv2
from onball.synthetic.picture.scene import Canvas, Floats, Scene
from onball.synthetic.world import PEOPLE

ROUND = 3.2
"""From this radius on, in pixels of a 224-line picture, a limb is painted as something round."""
_TONES = ((0.76, 1.03), (0.45, 1.08))  # share of the radius, and light on that much of a limb
_EDGE = 0.95  # light on the rest of it
_Turn = tuple[float, Callable[[], None]]


class Figures:
    """The layer of the painter that draws people, balls, goals and corner flags.

    Args:
        look: of the match.
        scale: size of the canvas over that of a picture of 224 lines.
        smooth: True to draw with soft edges, for a canvas that is not averaged down.
    """

    name = "figures"

    def __init__(self, look: Look, scale: float, smooth: bool) -> None:
        self._furniture = Furniture.build()
        self._colours = look.outfits.colours().reshape(-1, 3)
        self._wardrobe = Wardrobe(look, scale)
        self._backdrop = Backdrop(look, round(224 * scale))
        self._light = look.light
        self._sun = np.array(look.light.sun)
        self._balls = BallBrush(max(scale, 0.75))
        self._round = ROUND * scale
        self._line = cv2.LINE_AA if smooth else cv2.LINE_8
        self._nets = [Net(side) for side in (-1, 1)]

    def draw(self, canvas: Canvas, scene: Scene) -> None:
        """Paint nets, limbs, posts, flags and balls from far to near."""
        shapes, colours, groups, nearer = self._shapes(scene)
        polygons, flat = shapes.polygons(), colours.clip(0, 255).astype(int).tolist()
        rounds = self._rounded(scene, shapes, colours)
        for i in rounds:
            flat[i] = [int(channel * _EDGE) for channel in flat[i]]
        seen = np.flatnonzero(shapes.seen)
        order = seen[np.lexsort((nearer[seen] - shapes.depth[seen], -groups[seen]))]
        turns = self._turns(canvas, scene)
        places = np.searchsorted(-groups[order], [-depth for depth, _ in turns]).tolist()
        begin = 0
        for place, (_, draw) in zip([*places, len(order)], [*turns, (0.0, None)], strict=True):
            for i in order[begin:place].tolist():
                cv2.fillConvexPoly(canvas, polygons[i], flat[i], self._line, SHIFT)
                for polygon, colour in rounds.get(i, ()):
                    cv2.fillConvexPoly(canvas, polygon, colour, self._line, SHIFT)
            begin = place
            if draw is not None:
                draw()

    def _turns(self, canvas: Canvas, scene: Scene) -> list[_Turn]:
        """What is painted between limbs, and at which depth; from far to near."""
        turns: list[_Turn] = [
            (self._backdrop.sharp_to(scene), lambda: self._backdrop.draw(canvas, scene))
        ]
        opened = scene.moment if scene.opened is None else scene.opened.moment
        balls = (scene.moment.ball, opened.ball), (scene.moment.spare_ball, opened.spare_ball)
        for now, past in balls:
            if not np.isfinite(now).all():
                continue
            ball, before = now.astype(np.float64), past.astype(np.float64)
            gain = float(self._light.gain(ball[:2])) if self._light.shade else 1.0
            if scene.opened is None:
                before = np.full(3, np.nan)

            def draw_ball(ball: Floats = ball, before: Floats = before, gain: float = gain) -> None:
                self._balls.draw(canvas, scene, ball, before, gain)

            # At equal depth the ball is in front: it is at somebody's feet.
            turns.append((float(scene.project(ball)[1]) - 0.25, draw_ball))
        for net in self._nets:
            depth = float(scene.project(net.middle)[1])
            share = float(np.clip(20 / max(depth, 1.0), 0.30, 0.65))

            def draw_net(net: Net = net, share: float = share) -> None:
                net.draw(canvas, scene, (222, 224, 222), share)

            turns.append((depth, draw_net))
        return sorted(turns, key=lambda turn: -turn[0])

    def _shapes(self, scene: Scene) -> tuple[Capsules, Floats, Floats, NDArray[np.float64]]:
        """All capsules, their colours `[N, 3]`, the depths of what they belong to, and how far forward
        they are brought within it."""
        extra_starts, extra_ends, extra_radii, extra_colours, owner, nearer = (
            self._wardrobe.details(scene).columns()
        )
        furniture = self._furniture
        limbs = scene.joints[:, STARTS].reshape(-1, 3), scene.joints[:, ENDS].reshape(-1, 3)
        radii = [np.tile(START_RADII, PEOPLE), np.tile(END_RADII, PEOPLE)]
        starts = np.concatenate([limbs[0], furniture.starts, extra_starts])
        ends = np.concatenate([limbs[1], furniture.ends, extra_ends])
        start_radii, end_radii = (
            np.concatenate([some, furniture.radii, extra_radii]) for some in radii
        )
        shapes = Capsules.project(scene, starts, ends, start_radii, end_radii)
        people = self._light.gain(scene.moment.xy)
        whose = owner.astype(int)
        gain = np.concatenate(
            [
                np.repeat(people, len(STARTS)) * self._facing(*limbs),
                np.ones(len(furniture.radii)),
                people[whose],
            ]
        )
        colours = np.concatenate([self._colours, furniture.colours, extra_colours]) * gain[:, None]
        _, bodies = scene.project(scene.joints.mean(1))
        own = shapes.depth[len(limbs[0]) : len(limbs[0]) + len(furniture.radii)]
        groups = np.concatenate([np.repeat(bodies, len(STARTS)), own, bodies[whose]])
        forward = np.concatenate([np.zeros(len(limbs[0]) + len(own)), nearer])
        return shapes, colours, groups, forward

    def _facing(self, starts: Floats, ends: Floats) -> Floats:
        """Light `[N]` on limbs: one that lies along the sun's rays gets least of them."""
        along = ends - starts
        length = np.maximum(np.linalg.norm(along, axis=1), 1e-6)
        facing = np.sqrt(np.clip(1 - ((along @ self._sun) / length) ** 2, 0, 1))
        return np.asarray(np.nan_to_num(1 - self._light.shadow * (0.75 - 0.75 * facing)))

    def _rounded(
        self, scene: Scene, shapes: Capsules, colours: Floats
    ) -> dict[int, list[tuple[NDArray[np.int32], list[int]]]]:
        """Brighter inner parts of thick limbs, on the side of the light."""
        with np.errstate(invalid="ignore"):
            thick = shapes.seen & (shapes.radii.max(0) > self._round)
        thick[len(self._colours) :] = False
        chosen = np.flatnonzero(thick)
        if len(chosen) == 0:
            return {}
        towards = scene.camera.rotation[:2] @ self._sun
        inner: dict[int, list[tuple[NDArray[np.int32], list[int]]]] = {
            i: [] for i in chosen.tolist()
        }
        for share, gain in _TONES:
            polygons = shapes.within(chosen, share, towards).polygons()
            tones = (colours[chosen] * gain).clip(0, 255).astype(int).tolist()
            for i, polygon, tone in zip(chosen.tolist(), polygons, tones, strict=True):
                inner[i].append((polygon, tone))
        return inner
