"""The ground: grass, mowing pattern, wear and lines as one texture, warped into the picture."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from onball.simulator.bodies.skeleton import END_RADII, ENDS, START_RADII, STARTS, Joint
from onball.simulator.look.look import Look
from onball.simulator.look.venue import Mowing, Turf, Weather
from onball.simulator.paint.scene import SHIFT, Canvas, Capsules, Floats, Scene, cv2
from onball.simulator.world import BALL_RADIUS, GOAL_WIDTH, HALF_LENGTH, HALF_WIDTH, PEOPLE

TEXELS_PER_METRE = 14
MARGIN_X, MARGIN_Y = 10.0, 12.0
"""Metres of ground around the pitch that the texture covers."""
GRASS_MARGIN = 3.5
LINE_WIDTH, SPOT_RADIUS = 0.12, 0.11
_FINER = 4
CLOSE, BLADES_PER_METRE = 26.0, 60.0
"""From how many pixels of the picture per metre on tufts are drawn, and how fine they are."""


class Ground:
    """The layer of the painter that draws the ground below the stands."""

    name = "ground"

    def __init__(self, look: Look, picture_scale: float = 2.0) -> None:
        texture = pitch_texture(look)
        self._flat = _mips(texture, axis=0)  # for cameras that look across the pitch
        self._narrow = _mips(texture, axis=1)  # for those that look along it
        self._surround = tuple(int(v) for v in look.turf.surround)
        self._blades = _blades(np.random.default_rng((look.seed, 5)))
        self._close = CLOSE * picture_scale
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
        from_canvas = np.linalg.inv(scene.ground())
        to_texture = self._from_ground @ from_canvas
        rows = np.arange(top, scene.height + 1.0)
        middle = np.stack([np.full_like(rows, scene.width / 2), rows, np.ones_like(rows)])
        texels = to_texture @ middle
        steps = np.abs(np.diff(texels[:2] / texels[2]))
        across = float(np.median(steps[1])) >= float(np.median(steps[0]))
        mips, step = (self._flat, steps[1]) if across else (self._narrow, steps[0])
        # Flat enough that far lines do not flicker.
        levels = np.round(np.log2(np.maximum(step, 1.0))).clip(max=len(mips) - 1).astype(int)
        edges = np.flatnonzero(np.diff(levels)) + 1
        for begin, end in pairwise([0, *edges.tolist(), len(levels)]):
            level = int(levels[begin])
            down = np.array([[1.0, 0, 0], [0, 1, top + begin], [0, 0, 1]])
            thinner = np.eye(3)
            axis = 1 if across else 0
            thinner[axis, axis], thinner[axis, 2] = 0.5**level, 0.5 ** (level + 1) - 0.5
            cv2.warpPerspective(
                mips[level],
                thinner @ to_texture @ down,
                (scene.width, end - begin),
                dst=canvas[top + begin : top + end],
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_CONSTANT,
                borderValue=self._surround,
            )
        self._draw_blades(canvas, scene, np.asarray(from_canvas, np.float64))

    def _draw_blades(self, canvas: Canvas, scene: Scene, from_canvas: Floats) -> None:
        """Single tufts, which only a near camera or a long lens shows."""
        rows = np.arange(0, scene.height, 4.0)
        middle = np.stack([np.full_like(rows, scene.width / 2), rows, np.ones_like(rows)])
        ground = from_canvas @ middle
        below = rows > scene.horizon() + 1
        metres = (ground[:2] / np.where(below, ground[2], 1.0)).T
        _, depth = scene.project(np.concatenate([metres, np.zeros((len(metres), 1))], 1))
        near = below & (depth > 0) & (scene.pixels_per_metre / np.maximum(depth, 1) > self._close)
        if not near.any():
            return
        top = int(rows[near][0])
        size = (scene.width, scene.height - top)
        scale = np.diag([BLADES_PER_METRE, BLADES_PER_METRE, 1.0])
        down = np.array([[1.0, 0, 0], [0, 1, top], [0, 0, 1]])
        blades = cv2.warpPerspective(
            self._blades,
            scale @ from_canvas @ down,
            size,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_WRAP,
        )
        share = np.interp(np.arange(top, scene.height), rows[near], np.linspace(0, 1, near.sum()))
        light = (blades.astype(np.int16) - 128) * np.minimum(share * 3, 1)[:, None] * 0.17
        grass = canvas[top:]
        cv2.add(grass, cv2.merge([light.astype(np.int16)] * 3), dst=grass, dtype=cv2.CV_8U)

    def _far_edge(self, scene: Scene) -> float:
        """The highest row in which the rim of the textured ground is seen, or 0 if it is not."""
        x = np.linspace(-1, 1, 15) * (HALF_LENGTH + MARGIN_X)
        y = np.linspace(-1, 1, 15) * (HALF_WIDTH + MARGIN_Y)
        rim = [np.stack([x, np.full_like(x, edge)], 1) for edge in (y[0], y[-1])]
        rim += [np.stack([np.full_like(y, edge), y], 1) for edge in (x[0], x[-1])]
        pixels, depth = scene.project(np.pad(np.concatenate(rim), ((0, 0), (0, 1))))
        return float(pixels[depth > 1.0, 1].min(initial=0.0 if (depth <= 1.0).all() else np.inf))


def _mips(texture: Canvas, axis: int) -> list[Canvas]:
    """The texture, and it averaged down to a half, a quarter and an eighth along one axis."""
    mips = [texture]
    for _ in range(3):
        height, width = mips[-1].shape[:2]
        size = (width, height // 2) if axis == 0 else (width // 2, height)
        mips.append(np.asarray(cv2.resize(mips[-1], size, interpolation=cv2.INTER_AREA), np.uint8))
    return mips


def _blades(rng: np.random.Generator) -> Canvas:
    """Noise of grass about mid-grey that can be tiled, uint8 `[256, 256]`."""
    noise = rng.normal(0, 1, (256, 256))
    noise = noise + np.roll(noise, 1, 0) + np.roll(noise, 2, 0) + 2 * rng.normal(0, 1, (256, 256))
    return np.asarray(np.clip(128 + 28 * noise, 0, 255), dtype=np.uint8)


def pitch_texture(look: Look) -> Canvas:
    """The ground from above, uint8 `[h, w, 3]`; the first row is the side of the main stand."""
    rng = np.random.default_rng((look.seed, 1))
    turf = look.turf
    width = int(2 * (HALF_LENGTH + MARGIN_X) * TEXELS_PER_METRE)
    height = int(2 * (HALF_WIDTH + MARGIN_Y) * TEXELS_PER_METRE)
    x = (np.arange(width) + 0.5) / TEXELS_PER_METRE - HALF_LENGTH - MARGIN_X
    y = (np.arange(height) + 0.5) / TEXELS_PER_METRE - HALF_WIDTH - MARGIN_Y

    light = 1.0 + turf.mowing_contrast * mowing(turf, x, y)
    light = light * (
        1 + 0.05 * _noise(rng, width, height, 120) + 0.04 * _noise(rng, width, height, 20)
    )
    light = light * (1 + 0.05 * _noise(rng, width, height, 3))
    colour = light[..., None] * np.array(turf.grass, np.float32)
    colour += turf.wear * _worn(rng, x, y)[..., None] * np.array((38, 14, 6), np.float32)

    off = (np.abs(x)[None] > HALF_LENGTH + GRASS_MARGIN) | (
        np.abs(y)[:, None] > HALF_WIDTH + GRASS_MARGIN
    )
    colour[off] = turf.surround
    texture: Canvas = np.clip(colour, 0, 255).astype(np.uint8)
    _paint_lines(texture)
    if np.isfinite(look.light.shade_offset):
        across = np.array(look.light.shade_normal, np.float32)
        inside = across[0] * x[None] + across[1] * y[:, None] - look.light.shade_offset
        # The sun is no point: its penumbra is some decimetres wide.
        gain = 1 - look.light.shade * np.clip(inside / 0.5 + 0.5, 0, 1)
        texture[:] = texture * gain[..., None].astype(np.float32)
    return texture


def mowing(turf: Turf, x: Floats, y: Floats) -> NDArray[np.float32]:
    """-1 and 1 in the pattern of the mower, with soft edges, `[len(y), len(x)]`."""
    column, row = x[None, :].astype(np.float32), y[:, None].astype(np.float32)

    def bands(place: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(np.clip(6 * np.sin(np.pi * place / turf.mowing_width), -1, 1))

    flat = np.zeros((len(y), len(x)), np.float32)
    match turf.mowing:
        case Mowing.STRIPES:
            return bands(column) + flat
        case Mowing.LENGTHS:
            return bands(row) + flat
        case Mowing.DIAGONAL:
            return bands((column + row) * np.float32(0.7071)) + flat
        case Mowing.CHEQUERS:
            return np.float32(0.6) * bands(column) + np.float32(0.6) * bands(row)
        case Mowing.CIRCLES:
            return bands(np.hypot(column, row))
        case Mowing.PLAIN:
            return np.float32(0.15) * bands(column) + flat


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
    lines += _technical_areas()
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


def _technical_areas() -> list[Floats]:
    """Dashes around the two benches, from a metre beside the touchline outwards."""
    dashes = []
    near, far, inner, outer = -HALF_WIDTH - 1.0, -HALF_WIDTH - 4.2, 6.0, 20.0
    for side in (-1, 1):
        for begin in np.arange(inner, outer, 1.4):
            dashes.append(np.array([(side * begin, near), (side * (begin + 0.8), near)]))
        for x in (inner, outer):
            for begin in np.arange(far, near, 1.2):
                dashes.append(np.array([(side * x, begin), (side * x, begin + 0.7)]))
    return dashes


def _rectangle(x0: float, y0: float, x1: float, y1: float) -> Floats:
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)])


def _arc(x: float, y: float, radius: float, begin: float, end: float) -> Floats:
    angle = np.linspace(begin, end, 96)
    return np.stack([x + radius * np.cos(angle), y + radius * np.sin(angle)], 1)


def _pixels(points: Floats, scale: float) -> NDArray[np.int32]:
    """Ground points `[N, 2]` as whole pixels of a plan with `scale` pixels per metre."""
    corner = np.array([HALF_LENGTH + MARGIN_X, HALF_WIDTH + MARGIN_Y])
    return np.asarray(np.round((points + corner) * scale - 0.5), dtype=np.int32)


# --- Shadows of people and balls on the ground: one hard one, four faint ones, or a soft


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
