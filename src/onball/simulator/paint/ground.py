"""Ground of the stadium: the pitch with its grass, wear and lines, and the shadows on it.

`pitch_texture` paints the ground once per match, seen from above. The layer `Ground` warps that texture
onto the canvas; the layer `Shadows` darkens it below people and balls.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from onball.simulator.bodies.skeleton import END_RADII, ENDS, START_RADII, STARTS, Joint
from onball.simulator.look.look import Look
from onball.simulator.look.venue import Mowing, Turf, Weather
from onball.simulator.paint.scene import Floats, Scene
from onball.simulator.paint.shapes import FRACTION_BITS, Canvas, Capsules, cv2, mipmaps
from onball.simulator.world import BALL_RADIUS, GOAL_WIDTH, HALF_LENGTH, HALF_WIDTH, PEOPLE

TEXELS_PER_METRE = 14
MARGIN_X, MARGIN_Y = 10.0, 12.0
"""Metres of ground around the pitch that the texture covers."""
GRASS_MARGIN = 3.5
"""Metres of grass around the pitch; beyond it the texture shows the surround."""
LINE_WIDTH, SPOT_RADIUS = 0.12, 0.11  # metres
LINE_COLOUR = (230, 234, 224)
TUFT_SCALE = 26.0
"""Pixels per metre, in a frame of 224 lines, from which on single tufts of grass are drawn."""
TUFT_TEXELS_PER_METRE = 60.0
MAST_HEIGHT = 38.0  # of the floodlights, metres
_LINE_SUPERSAMPLING = 4
_MASTS = np.array(
    [(x * (HALF_LENGTH + 18), y * (HALF_WIDTH + 22), MAST_HEIGHT) for x in (-1, 1) for y in (-1, 1)]
)
# The shadow of a floodlight is too faint to show more than trunk, head and legs.
_FLOODLIT_STARTS = (Joint.NECK, Joint.LEFT_HIP, Joint.RIGHT_HIP)
_FLOODLIT_ENDS = (Joint.PELVIS, Joint.LEFT_ANKLE, Joint.RIGHT_ANKLE)
_FLOODLIT_RADII = np.array([0.20, 0.09, 0.09])


def pitch_texture(look: Look) -> Canvas:
    """Paint the ground from above: uint8 `[h, w, 3]`, the main stand's side in the first row."""
    rng = np.random.default_rng((look.seed, 1))
    turf = look.turf
    width = int(2 * (HALF_LENGTH + MARGIN_X) * TEXELS_PER_METRE)
    height = int(2 * (HALF_WIDTH + MARGIN_Y) * TEXELS_PER_METRE)
    x = (np.arange(width) + 0.5) / TEXELS_PER_METRE - HALF_LENGTH - MARGIN_X
    y = (np.arange(height) + 0.5) / TEXELS_PER_METRE - HALF_WIDTH - MARGIN_Y

    light = 1.0 + turf.mowing_contrast * mowing_pattern(turf, x, y)
    light = light * (
        1
        + 0.05 * turf.texture * _noise(rng, width, height, 120)
        + 0.04 * turf.texture * _noise(rng, width, height, 20)
    )
    light = light * (1 + 0.05 * turf.texture * _noise(rng, width, height, 3))
    wear = turf.wear * _wear(rng, x, y)
    far_x = np.abs(x) > HALF_LENGTH + GRASS_MARGIN
    far_y = np.abs(y) > HALF_WIDTH + GRASS_MARGIN
    channels = []  # one at a time: operations on rows of three values are several times as slow
    for grass, worn, surround in zip(turf.grass, (38, 14, 6), turf.surround, strict=True):
        channel = light * np.float32(grass)
        channel += wear * np.float32(worn)
        channel[:, far_x] = surround
        channel[far_y] = surround
        channels.append(np.clip(channel, 0, 255, out=channel).astype(np.uint8))
    texture: Canvas = np.asarray(cv2.merge(channels), np.uint8)
    _paint_lines(texture, turf.line_opacity, turf.spot_size)
    if turf.litter:
        _scatter_litter(np.random.default_rng((look.seed, 8)), texture, turf.litter)
    if np.isfinite(look.light.shade_offset):
        normal = np.array(look.light.shade_normal, np.float32)
        inside = normal[0] * x[None] + normal[1] * y[:, None] - look.light.shade_offset
        # The sun is not a point: its penumbra is several decimetres wide.
        gain = 1 - look.light.shade * np.clip(inside / 0.5 + 0.5, 0, 1)
        texture[:] = texture * gain[..., None].astype(np.float32)
    return texture


def mowing_pattern(turf: Turf, x: Floats, y: Floats) -> NDArray[np.float32]:
    """Mowing pattern between -1 and 1, with soft edges.

    Args:
        turf: pattern and width of its bands.
        x, y: coordinates of columns `[w]` and rows `[h]`, metres.

    Returns:
        `[h, w]`.
    """
    column, row = x[None, :].astype(np.float32), y[:, None].astype(np.float32)

    def bands(place: NDArray[np.float32]) -> NDArray[np.float32]:
        wave = np.sin(np.pi * place / turf.mowing_width)
        return np.asarray(np.clip(turf.mowing_edge * wave, -1, 1))

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
    """Smooth noise `[height, width]`, about -1 to 1, with blobs `size` texels wide."""
    coarse = rng.normal(0, 0.5, (height // size + 3, width // size + 3)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC))


def _wear(rng: np.random.Generator, x: Floats, y: Floats) -> NDArray[np.float32]:
    """Wear `[h, w]` between 0 and 1, strongest in the goal mouths and along the middle of the pitch."""
    goals = (
        np.exp(-(((np.abs(x) - HALF_LENGTH + 4) / 5) ** 2))[None] * np.exp(-((y / 6) ** 2))[:, None]
    )
    middle = 0.5 * np.exp(-((x / 40) ** 2))[None] * np.exp(-((y / 9) ** 2))[:, None]
    patches = 0.5 + 0.5 * _noise(rng, len(x), len(y), 25)
    return np.asarray(np.clip((goals + middle) * patches, 0, 1), dtype=np.float32)


def _paint_lines(texture: Canvas, opacity: float, spot_size: float = 1.0) -> None:
    """Paint the markings of law 1 of the Laws of the Game, dimensions in metres."""
    goal_area, penalty_area, radius, spot = 5.5, 16.5, 9.15, 11.0
    posts = GOAL_WIDTH / 2
    lines: list[Floats] = [
        _rectangle(-HALF_LENGTH, -HALF_WIDTH, HALF_LENGTH, HALF_WIDTH),
        np.array([(0.0, -HALF_WIDTH), (0.0, HALF_WIDTH)]),
        _arc(0, 0, radius, 0, 2 * np.pi),
    ]
    spots = [(0.0, 0.0)]
    for side in (-1, 1):
        goal_line = side * HALF_LENGTH
        for depth in (goal_area, penalty_area):
            half = posts + depth
            lines.append(_rectangle(goal_line, -half, goal_line - side * depth, half))
        # The arc is visible only outside the penalty area.
        opening = np.arccos((penalty_area - spot) / radius)
        facing = np.pi if side > 0 else 0.0
        lines.append(_arc(goal_line - side * spot, 0, radius, facing - opening, facing + opening))
        spots.append((goal_line - side * spot, 0.0))
        for corner in (-1, 1):
            start = (np.pi if side > 0 else 0.0) + (0 if side * corner > 0 else -np.pi / 2)
            lines.append(_arc(goal_line, corner * HALF_WIDTH, 1.0, start, start + np.pi / 2))
    lines += _technical_areas()
    # OpenCV draws whole pixels: drawing larger and averaging down gives lines of the exact width.
    height, width = texture.shape[:2]
    coverage: Canvas = np.zeros(
        (height * _LINE_SUPERSAMPLING, width * _LINE_SUPERSAMPLING), np.uint8
    )
    scale = _LINE_SUPERSAMPLING * TEXELS_PER_METRE
    thickness = round(LINE_WIDTH * scale)
    cv2.polylines(coverage, [_texels(line, scale) for line in lines], False, 255, thickness)
    for place in spots:
        centre = _texels(np.array([place]), scale)[0].tolist()
        cv2.circle(coverage, centre, round(SPOT_RADIUS * spot_size * scale), 255, -1)
    coverage = cv2.resize(coverage, (width, height), interpolation=cv2.INTER_AREA)
    marked = coverage > 0  # few texels: blending all of them takes far longer
    alpha = coverage[marked][:, None] / 255 * opacity
    texture[marked] = np.round(texture[marked] * (1 - alpha) + np.array(LINE_COLOUR) * alpha)


def _scatter_litter(rng: np.random.Generator, texture: Canvas, count: int) -> None:
    """Paint white bits of paper and tape of 5 to 25 cm, three in four of them near the goals."""
    for _ in range(count):
        x, y = rng.uniform(-HALF_LENGTH - 3, HALF_LENGTH + 3), rng.uniform(-1, 1) * HALF_WIDTH
        if rng.random() < 0.75:
            x = float(rng.choice((-1, 1))) * (HALF_LENGTH + rng.uniform(-18, 3))
            y *= 0.6
        centre = _texels(np.array([(x, y)]), TEXELS_PER_METRE)[0].tolist()
        axes = (rng.uniform(0.03, 0.13, 2) * TEXELS_PER_METRE).round().astype(int).tolist()
        level = rng.uniform(0.7, 1.0)
        colour = tuple(round(level * channel) for channel in LINE_COLOUR)
        cv2.ellipse(texture, centre, axes, float(rng.uniform(0, 180)), 0, 360, colour, -1)


def _technical_areas() -> list[Floats]:
    """Dashed lines around both technical areas, a metre away from the touchline."""
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


def _texels(points: Floats, scale: float) -> NDArray[np.int32]:
    """Convert ground points `[N, 2]` in metres to texels of a texture with `scale` texels per metre."""
    corner = np.array([HALF_LENGTH + MARGIN_X, HALF_WIDTH + MARGIN_Y])
    return np.asarray(np.round((points + corner) * scale - 0.5), dtype=np.int32)


def _tuft_texture(rng: np.random.Generator) -> Canvas:
    """Tileable noise of grass around mid-grey, uint8 `[256, 256]`."""
    noise = rng.normal(0, 1, (256, 256))
    noise = noise + np.roll(noise, 1, 0) + np.roll(noise, 2, 0) + 2 * rng.normal(0, 1, (256, 256))
    return np.asarray(np.clip(128 + 28 * noise, 0, 255), dtype=np.uint8)


class Ground:
    """Layer of the painter that draws the ground.

    Args:
        look: appearance of the match.
        scale: height of the canvas, as a multiple of 224 lines.
    """

    name = "ground"

    def __init__(self, look: Look, scale: float = 2.0) -> None:
        texture = pitch_texture(look)
        # A grazing view shrinks the texture along the line of sight only: one axis is averaged.
        self._mips_across = mipmaps(
            texture, columns=False
        )  # for cameras that look across the pitch
        self._mips_along = mipmaps(texture, rows=False)  # for cameras that look along it
        self._surround = tuple(int(v) for v in look.turf.surround)
        self._tufts = _tuft_texture(np.random.default_rng((look.seed, 5)))
        self._tuft_scale = TUFT_SCALE * scale
        self._texture_from_ground = np.array(
            [
                [TEXELS_PER_METRE, 0, (HALF_LENGTH + MARGIN_X) * TEXELS_PER_METRE - 0.5],
                [0, TEXELS_PER_METRE, (HALF_WIDTH + MARGIN_Y) * TEXELS_PER_METRE - 0.5],
                [0, 0, 1],
            ]
        )

    def draw(self, canvas: Canvas, scene: Scene) -> None:
        """Paint every row of the canvas below the far edge of the ground."""
        top = max(0, int(np.floor(max(scene.horizon_row() + 1, self._far_edge(scene)))))
        if top >= scene.height:
            return
        ground_from_canvas = np.linalg.inv(scene.ground_homography())
        texture_from_canvas = self._texture_from_ground @ ground_from_canvas
        rows = np.arange(top, scene.height + 1.0)
        texels = texture_from_canvas @ _middle_of_rows(scene, rows)
        steps = np.abs(np.diff(texels[:2] / texels[2]))
        across = float(np.median(steps[1])) >= float(np.median(steps[0]))
        mips, step = (self._mips_across, steps[1]) if across else (self._mips_along, steps[0])
        # The level follows the texels per row, so that distant lines do not flicker.
        levels = np.round(np.log2(np.maximum(step, 1.0))).clip(max=len(mips) - 1).astype(int)
        edges = np.flatnonzero(np.diff(levels)) + 1
        for begin, end in pairwise([0, *edges.tolist(), len(levels)]):
            level = int(levels[begin])
            from_strip = np.array([[1.0, 0, 0], [0, 1, top + begin], [0, 0, 1]])
            to_level = np.eye(3)
            axis = 1 if across else 0
            to_level[axis, axis], to_level[axis, 2] = 0.5**level, 0.5 ** (level + 1) - 0.5
            cv2.warpPerspective(
                mips[level],
                to_level @ texture_from_canvas @ from_strip,
                (scene.width, end - begin),
                dst=canvas[top + begin : top + end],
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_CONSTANT,
                borderValue=self._surround,
            )
        self._draw_tufts(canvas, scene, np.asarray(ground_from_canvas, np.float64))

    def _draw_tufts(self, canvas: Canvas, scene: Scene, ground_from_canvas: Floats) -> None:
        """Add single tufts where the camera is close or the lens long enough to show them."""
        rows = np.arange(0, scene.height, 4.0)
        ground = ground_from_canvas @ _middle_of_rows(scene, rows)
        below = rows > scene.horizon_row() + 1
        metres = (ground[:2] / np.where(below, ground[2], 1.0)).T
        _, depth = scene.project(np.concatenate([metres, np.zeros((len(metres), 1))], 1))
        pixels_per_metre = scene.pixels_per_metre / np.maximum(depth, 1)
        near = below & (depth > 0) & (pixels_per_metre > self._tuft_scale)
        if not near.any():
            return
        top = int(rows[near][0])
        size = (scene.width, scene.height - top)
        to_tufts = np.diag([TUFT_TEXELS_PER_METRE, TUFT_TEXELS_PER_METRE, 1.0])
        from_strip = np.array([[1.0, 0, 0], [0, 1, top], [0, 0, 1]])
        tufts = cv2.warpPerspective(
            self._tufts,
            to_tufts @ ground_from_canvas @ from_strip,
            size,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_WRAP,
        )
        fade = np.interp(np.arange(top, scene.height), rows[near], np.linspace(0, 1, near.sum()))
        light = (tufts.astype(np.int16) - 128) * np.minimum(fade * 3, 1)[:, None] * 0.17
        grass = canvas[top:]
        cv2.add(grass, cv2.merge([light.astype(np.int16)] * 3), dst=grass, dtype=cv2.CV_8U)

    def _far_edge(self, scene: Scene) -> float:
        """Smallest y, in canvas pixels, of the textured ground's edge; 0 if the edge is invisible."""
        x = np.linspace(-1, 1, 15) * (HALF_LENGTH + MARGIN_X)
        y = np.linspace(-1, 1, 15) * (HALF_WIDTH + MARGIN_Y)
        edge = [np.stack([x, np.full_like(x, end)], 1) for end in (y[0], y[-1])]
        edge += [np.stack([np.full_like(y, end), y], 1) for end in (x[0], x[-1])]
        pixels, depth = scene.project(np.pad(np.concatenate(edge), ((0, 0), (0, 1))))
        return float(pixels[depth > 1.0, 1].min(initial=0.0 if (depth <= 1.0).all() else np.inf))


def _middle_of_rows(scene: Scene, rows: Floats) -> Floats:
    """Homogeneous canvas points `[3, N]` in the middle of the rows `[N]`."""
    return np.stack([np.full_like(rows, scene.width / 2), rows, np.ones_like(rows)])


class Shadows:
    """Layer of the painter that darkens the ground in the shadows of people and balls.

    The sun casts one hard shadow, floodlights four faint ones, and an overcast sky a soft one right
    below the body.

    Args:
        look: appearance of the match.
        width, height: size of the canvas, pixels.
    """

    name = "shadows"

    def __init__(self, look: Look, width: int, height: int) -> None:
        self._light = look.light
        self._sun = np.array(look.light.sun)
        self._soft = look.light.weather is Weather.OVERCAST
        self._blur = max(3, round(height / 224 * 2.5)) | 1
        # Shadows are lit by the sky, hence slightly blue.
        levels = np.arange(256)[:, None] * (1 - look.light.shadow * np.array([1.0, 0.97, 0.90]))
        self._darker = np.round(levels).astype(np.uint8)[None]
        self._mask = np.zeros((height, width), np.uint8)

    def draw(self, canvas: Canvas, scene: Scene) -> None:
        """Darken the canvas where limbs block the light from the ground."""
        if self._light.shadow == 0:
            return
        floodlit = self._light.weather == Weather.NIGHT
        shapes = self._floodlit(scene) if floodlit else self._daylit(scene)
        polygons = shapes.polygons()
        visible = np.flatnonzero(shapes.visible)
        if len(visible) == 0:
            return
        margin = self._blur if self._soft else 1
        corners = polygons[visible].reshape(-1, 2) >> FRACTION_BITS
        x0, y0 = np.maximum(corners.min(0) - margin, 0).tolist()
        x1, y1 = np.minimum(corners.max(0) + margin + 1, (scene.width, scene.height)).tolist()
        if x1 <= x0 or y1 <= y0:
            return
        mask = self._mask[y0:y1, x0:x1]
        mask[:] = 0
        for i in visible.tolist():
            cv2.fillConvexPoly(self._mask, polygons[i], 255, cv2.LINE_8, FRACTION_BITS)
        region = canvas[y0:y1, x0:x1]
        if self._soft:
            gain = cv2.blur(mask, (self._blur, self._blur))
            gain = cv2.LUT(gain, self._gain_table())
            cv2.multiply(region, cv2.merge([gain, gain, gain]), dst=region, scale=1 / 255)
        else:
            cv2.copyTo(cv2.LUT(region, self._darker), mask, region)

    def _gain_table(self) -> NDArray[np.uint8]:
        """Gain of the light, 0 to 255, for each value of the blurred mask: `[1, 256]`."""
        return np.round(255 - self._light.shadow * np.arange(256.0)).astype(np.uint8)[None]

    def _daylit(self, scene: Scene) -> Capsules:
        """Shadows of all limbs and balls: away from the sun, or straight down under an overcast sky."""
        starts, ends = scene.joints[:, STARTS], scene.joints[:, ENDS]
        balls = np.stack([scene.state.ball, scene.state.spare_ball]).astype(np.float64)
        # Nobody casts a shadow inside the shadow of the stand.
        shaded = self._light.gain(scene.state.xy) < 1
        sun = np.array([0.0, 0.0, 1.0]) if self._soft else self._sun

        def cast(points: Floats) -> Floats:
            return np.asarray(points - points[..., 2:] * (sun / sun[2]))

        starts, ends = cast(starts), cast(ends)
        starts[shaded] = np.nan
        return Capsules.project(
            scene,
            np.concatenate([starts.reshape(-1, 3), cast(balls)]),
            np.concatenate([ends.reshape(-1, 3), cast(balls)]),
            np.concatenate([np.tile(START_RADII, PEOPLE), [BALL_RADIUS] * 2]),
            np.concatenate([np.tile(END_RADII, PEOPLE), [BALL_RADIUS] * 2]),
        )

    def _floodlit(self, scene: Scene) -> Capsules:
        """Four shadows of each person, away from the four masts."""
        starts = scene.joints[None, :, _FLOODLIT_STARTS]
        ends = scene.joints[None, :, _FLOODLIT_ENDS]
        masts = _MASTS[:, None, None]

        def cast(points: Floats) -> Floats:
            ray = points - masts
            return np.asarray(points - ray * (points[..., 2:] / np.minimum(ray[..., 2:], -1.0)))

        starts, ends = cast(starts).reshape(-1, 3), cast(ends).reshape(-1, 3)
        radii = np.tile(_FLOODLIT_RADII, 4 * PEOPLE)
        return Capsules.project(scene, starts, ends, radii, radii)
