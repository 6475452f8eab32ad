"""The balls as the camera sees them: white, never too small to see, a smear when they are fast."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from onball.simulator.bodies.skeleton import END_RADII, ENDS, START_RADII, STARTS
from onball.simulator.look.colours import RGB
from onball.simulator.look.look import Look
from onball.simulator.paint.details import Wardrobe
from onball.simulator.paint.effects import Backdrop
from onball.simulator.paint.scene import NEAR, SHIFT, Canvas, Capsules, Floats, Scene, cv2
from onball.simulator.world import (
    BALL_RADIUS,
    GOAL_HEIGHT,
    GOAL_WIDTH,
    HALF_LENGTH,
    HALF_WIDTH,
    PEOPLE,
)

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


# --- What stands on the pitch: goals with their nets, and corner flags.


POST_RADIUS, FLAG_HEIGHT = 0.06, 1.5
_TOP, _FOOT = 0.9, 1.9  # how deep the net is at the bar and on the ground, metres


class Furniture(NamedTuple):
    """What stands on the pitch: goal frames and corner flags, as capsules."""

    starts: Floats  # [F, 3], metres
    ends: Floats  # [F, 3]
    radii: Floats  # [F]
    colours: Floats  # [F, 3]

    @classmethod
    def build(cls) -> Furniture:
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


class Net:
    """One goal's net: strings that the background shines through."""

    def __init__(self, side: int) -> None:
        self._strings = _strings(side)
        #: Its middle, `[3]`, metres.
        self.middle: Floats = np.array([side * (HALF_LENGTH + _FOOT / 2), 0.0, GOAL_HEIGHT / 2])

    def draw(self, canvas: Canvas, scene: Scene, colour: RGB, share: float) -> None:
        """Paint the strings in a colour that covers `share` of what is behind."""
        pixels, depth = scene.project(self._strings)
        if depth.min() < NEAR or (pixels.max((0, 1)) < 0).any():
            return
        if (pixels.min((0, 1)) > (scene.width, scene.height)).any():
            return
        low = np.maximum(np.floor(pixels.min((0, 1))) - 2, 0).astype(int).tolist()
        high = np.minimum(np.ceil(pixels.max((0, 1))) + 3, (scene.width, scene.height))
        x1, y1 = high.astype(int).tolist()
        part = canvas[low[1] : y1, low[0] : x1]
        netted = part.copy()
        strings = np.round((pixels - low) * 2**SHIFT).astype(np.int32)
        cv2.polylines(netted, list(strings), False, colour, 1, cv2.LINE_AA, SHIFT)
        cv2.addWeighted(netted, share, part, 1 - share, 0, dst=part)


def _strings(side: int) -> Floats:
    """Strings of a goal's net as polylines of three points, `[strings, 3, 3]`."""
    half, top, foot = GOAL_WIDTH / 2, _TOP, _FOOT
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
    for share in np.linspace(0.0, 0.9, 9):  # around the back at one height
        depth = side * (foot + share * (top - foot))
        z = share * GOAL_HEIGHT
        strings.append([(line + depth, -half, z), (line + depth, 0, z), (line + depth, half, z)])
        for y in (-half, half):
            strings.append([(line, y, z), (line + depth / 2, y, z), (line + depth, y, z)])
    return np.array(strings, dtype=np.float64)


# --- People, balls, goals and flags: capsules painted as polygons from far to near.


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
