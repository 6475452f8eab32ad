"""Goals and what stands around them: frames, nets, corner flags, bystanders and objects.

Frames, flags, bystanders and objects are capsules that the layer of figures paints with the bodies; nets
are translucent strings.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from onball.simulator.look.colours import RGB, SKIN, WHITE, choose, choose_weighted, shade
from onball.simulator.look.look import Look
from onball.simulator.look.venue import Netting
from onball.simulator.paint.scene import NEAR, Floats, Scene
from onball.simulator.paint.shapes import FRACTION_BITS, Canvas, cv2
from onball.simulator.world import (
    BALL_RADIUS,
    GOAL_HEIGHT,
    GOAL_WIDTH,
    HALF_LENGTH,
    HALF_WIDTH,
)

POST_RADIUS, FLAG_HEIGHT = 0.06, 1.5  # metres
_POST_COLOUR, _NET_COLOUR = (232, 232, 232), (222, 224, 222)
_POLE_COLOUR, _FLAG_COLOUR = (214, 204, 150), (214, 60, 40)
_NET_TOP, _NET_FOOT = 0.9, 1.9  # depth of the net at the bar and on the ground
_SAG_POINTS = 5  # of each string of a sagging net, on every side
_BOARDS = 5.0  # metres from the goal line to the boards, without `Stands.board_gap`
_VESTS: tuple[RGB, ...] = (
    (240, 120, 30),
    (220, 240, 60),
    (40, 44, 52),
    (40, 44, 52),
    (70, 74, 84),
    (40, 70, 150),
    (190, 40, 50),
    (226, 226, 226),
)
_OBJECTS: tuple[tuple[RGB, float], ...] = (
    (WHITE, 0.45),
    ((40, 42, 48), 0.2),
    ((60, 130, 220), 0.15),
    ((240, 130, 40), 0.1),
    ((236, 226, 70), 0.1),
)

_Row = tuple[tuple[float, ...], tuple[float, ...], float, tuple[int, ...]]


class Furniture(NamedTuple):
    """Goal frames, corner flags, bystanders and objects as capsules.

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
    def build(cls, look: Look) -> Furniture:
        """Build two goals and four flags, and what stands behind the goals of that match."""
        half = GOAL_WIDTH / 2
        rows: list[_Row] = []
        for x in (-HALF_LENGTH, HALF_LENGTH):
            for y in (-half, half):
                rows.append(((x, y, 0), (x, y, GOAL_HEIGHT), POST_RADIUS, _POST_COLOUR))
            bar = (x, -half, GOAL_HEIGHT), (x, half, GOAL_HEIGHT)
            rows.append((*bar, POST_RADIUS, _POST_COLOUR))
            for y in (-HALF_WIDTH, HALF_WIDTH):
                rows.append(((x, y, 0), (x, y, FLAG_HEIGHT), 0.03, _POLE_COLOUR))
                top = FLAG_HEIGHT - 0.15
                rows.append(((x, y, top), (x - 0.004 * x, y, top), 0.14, _FLAG_COLOUR))
        rng = np.random.default_rng((look.seed, 7))
        for side in (-1, 1):
            if look.stands.netting is not None:
                rows += _supports(look.stands.netting, side)
            rows += _bystanders(rng, look, side)
            rows += _objects(rng, look, side)
        return cls(*(np.array(column, dtype=np.float64) for column in zip(*rows, strict=True)))


def _supports(netting: Netting, side: int) -> list[_Row]:
    """Poles that hold a net, and the bar on the ground at its foot."""
    if netting.supports is None:
        return []
    half, line, colour = GOAL_WIDTH / 2, side * HALF_LENGTH, netting.supports
    foot = line + side * netting.foot
    rows: list[_Row] = [((foot, -half, 0.04), (foot, half, 0.04), 0.045, colour)]
    for y in (-half, half):
        rows.append(((line, y, 0.04), (foot, y, 0.04), 0.045, colour))
        if netting.poles:  # free-standing, behind the net
            back = line + side * (max(netting.top, netting.foot) + 0.4)
            rows.append(((back, y * 1.1, 0), (back, y * 1.1, GOAL_HEIGHT), 0.05, colour))
    return rows


def _bystanders(rng: np.random.Generator, look: Look, side: int) -> list[_Row]:
    """Photographers on stools and standing stewards in front of the boards behind a goal."""
    rows: list[_Row] = []
    gain = 0.4 + 0.6 * min(look.light.stand_gain, 1.0)
    for _ in range(look.stands.bystanders):
        x = side * (HALF_LENGTH + _BOARDS + look.stands.board_gap - float(rng.uniform(0.5, 1.6)))
        y = float(rng.choice((-1, 1)) * rng.uniform(1.0, 26.0))
        vest = shade(choose(rng, _VESTS), gain)
        legs, skin = shade((44, 46, 54), gain), shade(choose_weighted(rng, SKIN), gain)
        high = 1.0 if rng.random() < 0.7 else 1.55  # sits or stands; height of the shoulders
        rows.append(((x, y, high - 0.5), (x, y, high - 0.08), 0.19, vest))
        rows.append(((x, y, high + 0.17), (x, y, high + 0.22), 0.11, skin))
        rows.append(((x - side * 0.25, y, 0.1), (x, y, high - 0.5), 0.12, legs))
        if rng.random() < 0.5:  # a camera, whose long lens is often white
            lens = shade(WHITE if rng.random() < 0.5 else (30, 30, 34), gain)
            tip = (x - side * 0.75, y + float(rng.uniform(-0.3, 0.3)), high)
            rows.append(((x - side * 0.3, y, high + 0.05), tip, 0.07, lens))
    return rows


def _objects(rng: np.random.Generator, look: Look, side: int) -> list[_Row]:
    """Bottles, towels, bags and spare balls on the ground beside and behind a goal."""
    rows: list[_Row] = []
    end = _BOARDS + look.stands.board_gap - 0.3
    for _ in range(look.stands.objects):
        x = side * (HALF_LENGTH + float(rng.uniform(0.3, max(end, 0.6))))
        y = float(rng.choice((-1, 1)) * rng.uniform(GOAL_WIDTH / 2 - 1.5, 16.0))
        colour = choose_weighted(rng, _OBJECTS)
        kind = int(rng.integers(4))
        if kind == 0:  # a bottle
            rows.append(((x, y, 0.05), (x, y, 0.25), 0.045, colour))
        elif kind == 1:  # a towel or a sheet of paper
            rows.append(((x, y, 0.03), (x, y + float(rng.uniform(0.1, 0.5)), 0.03), 0.08, colour))
        elif kind == 2:  # a bag
            rows.append(((x, y, 0.14), (x, y + 0.4, 0.14), 0.16, colour))
        else:
            at = (x, y, BALL_RADIUS)
            rows.append((at, at, BALL_RADIUS, look.ball.colour))
    return rows


class Net:
    """Net of one goal: translucent strings.

    Args:
        side: -1 for the left goal, 1 for the right one.
        netting: appearance of the net; None for the usual one.

    Attributes:
        strings: polylines `[strings, points, 3]`, metres.
        middle: `[3]`, metres.
    """

    def __init__(self, side: int, netting: Netting | None = None) -> None:
        self._netting = netting
        self.strings = _net_strings(side) if netting is None else _sagging_strings(side, netting)
        foot = _NET_FOOT if netting is None else netting.foot
        self.middle: Floats = np.array([side * (HALF_LENGTH + foot / 2), 0.0, GOAL_HEIGHT / 2])

    def draw(self, canvas: Canvas, scene: Scene, distance: float) -> None:
        """Paint the strings of a net that is `distance` metres away, the farther the fainter."""
        pixels, depth = scene.project(self.strings)
        if depth.min() < NEAR or (pixels.max((0, 1)) < 0).any():
            return
        if (pixels.min((0, 1)) > (scene.width, scene.height)).any():
            return
        low = np.maximum(np.floor(pixels.min((0, 1))) - 2, 0).astype(int).tolist()
        high = np.minimum(np.ceil(pixels.max((0, 1))) + 3, (scene.width, scene.height))
        x1, y1 = high.astype(int).tolist()
        region = canvas[low[1] : y1, low[0] : x1]
        painted = region.copy()
        strings = list(np.round((pixels - low) * 2**FRACTION_BITS).astype(np.int32))
        colours, alpha = [_NET_COLOUR], float(np.clip(20 / max(distance, 1.0), 0.30, 0.65))
        if self._netting is not None:
            colours, alpha = list(self._netting.colours), self._netting.opacity
        for number, colour in enumerate(colours):
            part = strings[number :: len(colours)]
            cv2.polylines(painted, part, False, colour, 1, cv2.LINE_AA, FRACTION_BITS)
        cv2.addWeighted(painted, alpha, region, 1 - alpha, 0, dst=region)


def _net_strings(side: int) -> Floats:
    """Strings of the usual net as polylines of three points, `[strings, 3, 3]`, metres."""
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


def _sagging_strings(side: int, netting: Netting) -> Floats:
    """Strings of a net of any mesh and depth, `[strings, points, 3]`, metres."""
    half, line, mesh = GOAL_WIDTH / 2, side * HALF_LENGTH, netting.mesh
    along = np.linspace(0, 1, 2 * _SAG_POINTS + 1)
    roof, back = np.clip(2 * along, 0, 1), np.clip(2 * along - 1, 0, 1)
    # From the bar over the roof and down the back; both hang between their ends.
    sag = netting.sag * (np.sin(np.pi * roof) + 0.5 * np.sin(np.pi * back))
    depth = netting.top * roof + (netting.foot - netting.top) * back
    bulge = netting.sag * np.sin(np.pi * back)
    height = np.maximum(GOAL_HEIGHT * (1 - back) - sag, 0.0)
    strings = []
    for y in np.linspace(-half, half, max(3, round(2 * half / mesh))):
        strings.append(np.stack([depth + bulge, np.full_like(depth, y), height], 1))
    around = np.linspace(-half, half, len(along))
    # Strings around the goal at even steps along those.
    steps = np.hypot(np.diff(depth), np.diff(height))
    length = np.concatenate([[0.0], np.cumsum(steps)])
    for at in np.arange(mesh, length[-1], mesh):
        x, z = (np.interp(at, length, values) for values in (depth + bulge, height))
        strings.append(np.stack([np.full_like(around, x), around, np.full_like(around, z)], 1))
    for y in (-half, half):  # the sides
        for z in np.arange(mesh, GOAL_HEIGHT, mesh):
            far = netting.foot + (netting.top - netting.foot) * z / GOAL_HEIGHT
            level = np.full_like(along, z)
            strings.append(np.stack([far * along, np.full_like(along, y), level], 1))
        for x in np.arange(mesh, netting.foot, mesh):
            slope = (netting.foot - x) / max(netting.foot - netting.top, 0.1)
            upright = GOAL_HEIGHT * min(slope, 1.0) * along
            strings.append(np.stack([np.full_like(along, x), np.full_like(along, y), upright], 1))
    points = np.array(strings, dtype=np.float64)
    points[..., 0] = line + side * points[..., 0]
    return points
