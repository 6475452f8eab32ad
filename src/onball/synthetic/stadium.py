"""Stands with their crowd and the advertising boards: a bowl of textured quads around the pitch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from onball.synthetic.look import RGB, WHITE, Look
from onball.synthetic.opencv import cv2
from onball.synthetic.scene import NEAR, Canvas, Floats, Scene
from onball.synthetic.world import HALF_LENGTH, HALF_WIDTH

BOARD_X, BOARD_Y = HALF_LENGTH + 5.0, HALF_WIDTH + 4.5
"""Half length and half width of the rectangle of boards, metres."""
BOARD_HEIGHT = 0.95
CORNER = 7.0
PANEL_LENGTH = 18.0
WALL_HEIGHT, PARAPET_HEIGHT = 1.6, 1.1
STAND_GAP = 3.0
DEPTH = 1.7
"""Metres of a stand's depth to one of its height."""
TEXELS_PER_METRE = 9
ROW, SEAT, STAIRS = 8, 5, 7
"""Texels between two rows of seats, between two seats, and across the stairs."""
CLOTHES: tuple[RGB, ...] = (
    (44, 46, 54),
    (76, 78, 88),
    (206, 206, 204),
    (150, 152, 160),
    (60, 72, 120),
    (132, 62, 56),
    (32, 32, 38),
    (170, 140, 90),
)
WORDS = ("ONBALL", "FAIR PLAY", "MATCH DAY", "HOME GROUND", "KICK OFF", "FOOTBALL")


class Stadium:
    """The layer of the painter that draws everything behind the ground."""

    name = "stands"

    def __init__(self, look: Look) -> None:
        rng = np.random.default_rng((look.seed, 2))
        foot, back = _ring(0.0), _ring(STAND_GAP)
        top = _ring(STAND_GAP + DEPTH * look.stand_height)
        # Panels run along the bowl; quads [panels, 4 corners, 3] from upper left to lower left.
        self._stands = _quads(back, WALL_HEIGHT, top, WALL_HEIGHT + look.stand_height)
        self._walls = _quads(back, 0.0, back, WALL_HEIGHT)
        # The parapet of the upper tier stands on the slope of the stand.
        parapet = _ring(STAND_GAP + look.balcony * DEPTH * look.stand_height)
        height = WALL_HEIGHT + look.balcony * look.stand_height
        self._parapets = _quads(parapet, height, parapet, height + PARAPET_HEIGHT)
        self._boards = _quads(foot, 0.0, foot, BOARD_HEIGHT)
        slope = look.stand_height * float(np.hypot(1, DEPTH))
        self._crowds = [_crowd(rng, look, PANEL_LENGTH, slope) for _ in range(4)]
        self._adverts = [_advert(rng, *look.boards[i % len(look.boards)]) for i in range(6)]
        self._order = rng.permutation(len(self._stands)).tolist()
        self.background: RGB = (34, 36, 42)
        self._wall: RGB = (52, 54, 58)
        self._parapet: RGB = look.parapet

    def draw(self, canvas: Canvas, scene: Scene) -> None:
        """Paint the visible panels; what they cover is overwritten."""
        for panel, corners in self._visible(scene, self._stands):
            _paste(canvas, self._crowds[self._order[panel] % len(self._crowds)], corners)
        for quads, colour in ((self._parapets, self._parapet), (self._walls, self._wall)):
            for _, corners in self._visible(scene, quads):
                fixed = np.round(corners * 16).astype(np.int32)
                cv2.fillConvexPoly(canvas, fixed, colour, cv2.LINE_8, 4)
        for panel, corners in self._visible(scene, self._boards):
            _paste(canvas, self._adverts[panel % len(self._adverts)], corners)

    @staticmethod
    def _visible(scene: Scene, quads: Floats) -> list[tuple[int, Floats]]:
        """Indices and canvas corners `[4, 2]` of the quads that reach into the picture."""
        pixels, depth = scene.project(quads)
        low, high = pixels.min(1), pixels.max(1)
        seen = (
            (depth.min(1) > NEAR) & (high > 0).all(1) & (low < (scene.width, scene.height)).all(1)
        )
        return [(i, pixels[i]) for i in np.flatnonzero(seen).tolist()]


def _ring(outwards: float) -> Floats:
    """Corners of the panels in plan, from the near left round the far side to the near right.

    Every ring has the same number of points, so that panels of two rings fit together.
    """
    inner, bends = _bends(0.0), _bends(outwards)
    points = []
    for i in range(len(bends) - 1):
        pieces = max(1, round(float(np.linalg.norm(inner[i + 1] - inner[i])) / PANEL_LENGTH))
        share = np.arange(pieces)[:, None] / pieces
        points.append(bends[i] + share * (bends[i + 1] - bends[i]))
    return np.concatenate([*points, bends[-1:]])


def _bends(outwards: float) -> Floats:
    """Where the bowl turns: a rectangle with cut corners, open towards the camera, `[6, 2]`."""
    x, y = BOARD_X + outwards, BOARD_Y + outwards
    corner = CORNER + outwards * (2 - np.sqrt(2))
    left = np.array([(-x, -BOARD_Y), (-x, y - corner), (-x + corner, y)])
    return np.concatenate([left, left[::-1] * (-1, 1)])


def _quads(low_ring: Floats, low: float, high_ring: Floats, high: float) -> Floats:
    """Panels between two rings at two heights: `[panels, 4, 3]`."""
    under = np.concatenate([low_ring, np.full((len(low_ring), 1), low)], 1)
    over = np.concatenate([high_ring, np.full((len(high_ring), 1), high)], 1)
    return np.stack([over[:-1], over[1:], under[1:], under[:-1]], 1)


def _paste(canvas: Canvas, texture: Canvas, corners: Floats) -> None:
    """Warp a texture onto the quad with these canvas corners, touching no more than its box."""
    height, width = canvas.shape[:2]
    x0, y0 = np.maximum(np.floor(corners.min(0)), 0).astype(int).tolist()
    x1, y1 = np.minimum(np.ceil(corners.max(0)) + 1, (width, height)).astype(int).tolist()
    if x1 <= x0 or y1 <= y0:
        return
    # A texel to spare on each side hides the seams between panels.
    right, bottom = texture.shape[1] - 2.0, texture.shape[0] - 2.0
    source = np.array([(1, 1), (right, 1), (right, bottom), (1, bottom)], np.float32)
    target = (corners - (x0, y0)).astype(np.float32)
    cv2.warpPerspective(
        texture,
        cv2.getPerspectiveTransform(source, target),
        (x1 - x0, y1 - y0),
        dst=canvas[y0:y1, x0:x1],
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_TRANSPARENT,
    )


def _crowd(rng: np.random.Generator, look: Look, length: float, slope: float) -> Canvas:
    """Rows of seats with people in them, and stairs on the left: uint8 `[h, w, 3]`."""
    width, height = int(length * TEXELS_PER_METRE), int(slope * TEXELS_PER_METRE)
    seats = np.array(look.seats)
    texture = np.empty((height, width, 3), np.uint8)
    texture[:] = seats * 0.7 + 14
    texture[::ROW] = seats * 0.4
    clothes = np.array([look.teams[0].shirt, look.teams[0].shirt, *CLOTHES])
    skins = np.array(look.skin)
    for y in range(ROW, height - ROW, ROW):
        for x in range(STAIRS + 2, width - SEAT, SEAT):
            if rng.random() > look.crowd:
                continue
            dx, dy = rng.integers(-1, 2, 2).tolist()
            light = rng.uniform(0.55, 1.1)
            shirt = np.minimum(clothes[rng.integers(len(clothes))] * light, 255)
            texture[y + dy + 2 : y + dy + 6, x + dx : x + dx + 4] = shirt
            skin = skins[rng.integers(len(skins))] * rng.uniform(0.6, 1.0)
            texture[y + dy : y + dy + 3, x + dx + 1 : x + dx + 3] = skin
    texture[:, 2:STAIRS] = seats * 0.3 + 50
    # The farther up, the deeper in the shade of the roof.
    shade = np.linspace(0.65, 1.05, height)[:, None, None]
    return np.clip(texture * shade, 0, 255).astype(np.uint8)


def _advert(rng: np.random.Generator, ground: RGB, lettering: RGB) -> Canvas:
    """One advertising board, uint8 `[h, w, 3]`."""
    texels = 18
    width, height = int(PANEL_LENGTH * texels), int(BOARD_HEIGHT * texels) + 4
    texture: NDArray[np.uint8] = np.full((height, width, 3), ground, np.uint8)
    x = 12
    while x < width - 90:
        word = WORDS[int(rng.integers(len(WORDS)))]
        (wide, _), _ = cv2.getTextSize(word, cv2.FONT_HERSHEY_DUPLEX, 0.5, 1)
        if x + wide > width - 6:
            break
        cv2.putText(
            texture, word, (x, height - 6), cv2.FONT_HERSHEY_DUPLEX, 0.5, lettering, 1, cv2.LINE_AA
        )
        x += wide + int(rng.integers(24, 60))
    texture[:2] = WHITE
    return texture
