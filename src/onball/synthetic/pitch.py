"""The ground: grass, mowing pattern, wear and lines as one texture, warped into the picture."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from onball.synthetic.look import Look, Mowing
from onball.synthetic.opencv import cv2
from onball.synthetic.scene import Canvas, Floats, Scene
from onball.synthetic.world import GOAL_WIDTH, HALF_LENGTH, HALF_WIDTH

TEXELS_PER_METRE = 14
MARGIN_X, MARGIN_Y = 10.0, 12.0
"""Metres of ground around the pitch that the texture covers."""
GRASS_MARGIN = 3.5
LINE_WIDTH, SPOT_RADIUS = 0.12, 0.11
_FINER = 4


class Ground:
    """The layer of the painter that draws the ground below the stands."""

    name = "ground"

    def __init__(self, look: Look) -> None:
        self._mips = [pitch_texture(look)]
        for _ in range(3):
            self._mips.append(_half_as_high(self._mips[-1]))
        self._surround = tuple(int(v) for v in _surround(look))
        self._from_ground = np.array(
            [
                [TEXELS_PER_METRE, 0, (HALF_LENGTH + MARGIN_X) * TEXELS_PER_METRE - 0.5],
                [0, TEXELS_PER_METRE, (HALF_WIDTH + MARGIN_Y) * TEXELS_PER_METRE - 0.5],
                [0, 0, 1],
            ]
        )

    def draw(self, canvas: Canvas, scene: Scene) -> None:
        """Paint every row of the canvas below the farthest ground."""
        top = max(0, int(np.floor(max(scene.horizon() + 1, self._far_edge(scene)))))
        if top >= scene.height:
            return
        to_texture = self._from_ground @ np.linalg.inv(scene.ground())
        levels = self._levels(to_texture, scene, top)
        edges = np.flatnonzero(np.diff(levels)) + 1
        for begin, end in pairwise([0, *edges.tolist(), len(levels)]):
            level = int(levels[begin])
            down = np.array([[1.0, 0, 0], [0, 1, top + begin], [0, 0, 1]])
            flatter = np.array([[1.0, 0, 0], [0, 0.5**level, 0.5 ** (level + 1) - 0.5], [0, 0, 1]])
            cv2.warpPerspective(
                self._mips[level],
                flatter @ to_texture @ down,
                (scene.width, end - begin),
                dst=canvas[top + begin : top + end],
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_CONSTANT,
                borderValue=self._surround,
            )

    def _levels(self, to_texture: Floats, scene: Scene, top: int) -> NDArray[np.int64]:
        """Which texture each row is painted from: flat enough that far lines do not flicker."""
        rows = np.arange(top, scene.height + 1.0)
        middle = np.stack([np.full_like(rows, scene.width / 2), rows, np.ones_like(rows)])
        texels = to_texture @ middle
        step = np.abs(np.diff(texels[1] / texels[2]))
        level = np.round(np.log2(np.maximum(step, 1.0)))
        return np.asarray(np.minimum(level, len(self._mips) - 1), dtype=np.int64)

    def _far_edge(self, scene: Scene) -> float:
        x = np.linspace(-1, 1, 15) * (HALF_LENGTH + MARGIN_X)
        y = np.full_like(x, HALF_WIDTH + MARGIN_Y)
        pixels, depth = scene.project(np.stack([x, y, np.zeros_like(x)], 1))
        return float(pixels[depth > 1.0, 1].min(initial=0.0 if (depth <= 1.0).all() else np.inf))


def _half_as_high(texture: Canvas) -> Canvas:
    height, width = texture.shape[:2]
    half = cv2.resize(texture, (width, height // 2), interpolation=cv2.INTER_AREA)
    return np.asarray(half, dtype=np.uint8)


def pitch_texture(look: Look) -> Canvas:
    """The ground from above, uint8 `[h, w, 3]`; the first row is the side of the main stand."""
    rng = np.random.default_rng((look.seed, 1))
    width = int(2 * (HALF_LENGTH + MARGIN_X) * TEXELS_PER_METRE)
    height = int(2 * (HALF_WIDTH + MARGIN_Y) * TEXELS_PER_METRE)
    x = (np.arange(width) + 0.5) / TEXELS_PER_METRE - HALF_LENGTH - MARGIN_X
    y = (np.arange(height) + 0.5) / TEXELS_PER_METRE - HALF_WIDTH - MARGIN_Y

    light = 1.0 + look.mowing_contrast * _mowing(look, x, y)
    light = light * (
        1 + 0.05 * _noise(rng, width, height, 120) + 0.04 * _noise(rng, width, height, 20)
    )
    light = light * (1 + 0.05 * _noise(rng, width, height, 3))
    colour = light[..., None] * np.array(look.grass, np.float32)
    colour += look.wear * _worn(rng, x, y)[..., None] * np.array((38, 14, 6), np.float32)

    off = (np.abs(x)[None] > HALF_LENGTH + GRASS_MARGIN) | (
        np.abs(y)[:, None] > HALF_WIDTH + GRASS_MARGIN
    )
    colour[off] = _surround(look)
    texture: Canvas = np.clip(colour, 0, 255).astype(np.uint8)
    _paint_lines(texture)
    return texture


def _surround(look: Look) -> NDArray[np.float32]:
    """Colour of the ground beside the grass: artificial turf, darker and greyer."""
    grass = np.array(look.grass, np.float32)
    return np.asarray(0.45 * grass + 0.25 * grass.mean() + 8.0, dtype=np.float32)


def _mowing(look: Look, x: Floats, y: Floats) -> NDArray[np.float32]:
    """-1 and 1 in the pattern of the mower, with soft edges, `[h, w]`."""
    along = np.clip(6 * np.sin(np.pi * x / look.mowing_width), -1, 1)[None, :]
    across = np.clip(6 * np.sin(np.pi * y / look.mowing_width), -1, 1)[:, None]
    pattern = {
        Mowing.STRIPES: along + 0 * across,
        Mowing.CHEQUERS: 0.6 * along + 0.6 * across,
        Mowing.PLAIN: 0.15 * along + 0 * across,
    }[look.mowing]
    return np.asarray(pattern, dtype=np.float32)


def _noise(rng: np.random.Generator, width: int, height: int, size: int) -> NDArray[np.float32]:
    """Smooth noise, about -1 to 1, whose blobs are `size` texels wide."""
    coarse = rng.normal(0, 0.5, (height // size + 3, width // size + 3)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC))


def _worn(rng: np.random.Generator, x: Floats, y: Floats) -> NDArray[np.float32]:
    """0 to 1: goal mouths and the middle of the pitch suffer most, `[h, w]`."""
    goals = (
        np.exp(-(((np.abs(x) - HALF_LENGTH + 4) / 5) ** 2))[None] * np.exp(-((y / 6) ** 2))[:, None]
    )
    middle = 0.5 * np.exp(-((x / 40) ** 2))[None] * np.exp(-((y / 9) ** 2))[:, None]
    patches = 0.5 + 0.5 * _noise(rng, len(x), len(y), 25)
    return np.asarray(np.clip((goals + middle) * patches, 0, 1), dtype=np.float32)


def _paint_lines(texture: Canvas) -> None:
    """The lines of the Laws of the Game, law 1, in metres."""
    goal_area, penalty_area, radius, spot = 5.5, 16.5, 9.15, 11.0
    posts = GOAL_WIDTH / 2
    lines: list[Floats] = [
        _rectangle(-HALF_LENGTH, -HALF_WIDTH, HALF_LENGTH, HALF_WIDTH),
        np.array([(0.0, -HALF_WIDTH), (0.0, HALF_WIDTH)]),
        _arc(0, 0, radius, 0, 2 * np.pi),
    ]
    dots = [(0.0, 0.0)]
    for side in (-1, 1):
        goal_line = side * HALF_LENGTH
        for depth in (goal_area, penalty_area):
            half = posts + depth
            lines.append(_rectangle(goal_line, -half, goal_line - side * depth, half))
        # The arc shows only where it leaves the penalty area.
        opening = np.arccos((penalty_area - spot) / radius)
        facing = np.pi if side > 0 else 0.0
        lines.append(_arc(goal_line - side * spot, 0, radius, facing - opening, facing + opening))
        dots.append((goal_line - side * spot, 0.0))
        for corner in (-1, 1):
            start = (np.pi if side > 0 else 0.0) + (0 if side * corner > 0 else -np.pi / 2)
            lines.append(_arc(goal_line, corner * HALF_WIDTH, 1.0, start, start + np.pi / 2))
    # Drawn larger and averaged down, so that a line is exactly as wide as it ought to be.
    height, width = texture.shape[:2]
    paint: Canvas = np.zeros((height * _FINER, width * _FINER), np.uint8)
    scale = _FINER * TEXELS_PER_METRE
    thickness = round(LINE_WIDTH * scale)
    cv2.polylines(paint, [_pixels(line, scale) for line in lines], False, 255, thickness)
    for dot in dots:
        centre = _pixels(np.array([dot]), scale)[0].tolist()
        cv2.circle(paint, centre, round(SPOT_RADIUS * scale), 255, -1)
    share = cv2.resize(paint, (width, height), interpolation=cv2.INTER_AREA)[..., None] / 255
    texture[:] = np.round(texture * (1 - share) + np.array((230, 234, 224)) * share)


def _rectangle(x0: float, y0: float, x1: float, y1: float) -> Floats:
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)])


def _arc(x: float, y: float, radius: float, begin: float, end: float) -> Floats:
    angle = np.linspace(begin, end, 96)
    return np.stack([x + radius * np.cos(angle), y + radius * np.sin(angle)], 1)


def _pixels(points: Floats, scale: float) -> NDArray[np.int32]:
    """Ground points `[N, 2]` as whole pixels of a plan with `scale` pixels per metre."""
    corner = np.array([HALF_LENGTH + MARGIN_X, HALF_WIDTH + MARGIN_Y])
    return np.asarray(np.round((points + corner) * scale - 0.5), dtype=np.int32)
