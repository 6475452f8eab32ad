"""The stadium: a bowl of stands, roof and advertising boards around the pitch, as textured quads."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from onball.synthetic.picture.colours import RGB, shade
from onball.synthetic.picture.crowd import BOARD_TEXELS, board_strip, crowd_texture
from onball.synthetic.picture.look import Look
from onball.synthetic.picture.opencv import cv2
from onball.synthetic.picture.quads import drop_hidden, fill, paste
from onball.synthetic.picture.scene import Canvas, Floats, Scene
from onball.synthetic.picture.stands import Boards
from onball.synthetic.world import HALF_LENGTH, HALF_WIDTH

BOARD_X, BOARD_Y = HALF_LENGTH + 5.0, HALF_WIDTH + 4.5
"""Half length and half width of the rectangle of boards, metres."""
CORNER = 7.0
PANEL_LENGTH = 18.0
WALL_HEIGHT, FACADE_HEIGHT, BACK_HEIGHT, FASCIA = 1.6, 2.8, 4.5, 1.2
STAND_GAP, OVERHANG, ROOF_REACH = 3.0, 1.5, 16.0
NEAR_GAP = 26.0
"""Between plus and minus this x there are benches instead of boards on the near side."""
_BANKS = 3


class Stadium:
    """The layer of the painter that draws everything behind the ground."""

    name = "stands"

    def __init__(self, look: Look) -> None:
        rng = np.random.default_rng((look.seed, 2))
        stands, gain = look.stands, look.light.stands
        foot = _ring(0.0)
        back = STAND_GAP + stands.steepness * stands.lower
        ledge = WALL_HEIGHT + stands.lower
        self._walls = _band(STAND_GAP, 0.0, STAND_GAP, WALL_HEIGHT)
        self._lower = _band(STAND_GAP, WALL_HEIGHT, back, ledge)
        self._facades = _band(back, ledge, back, ledge + FACADE_HEIGHT)
        top, rim = ledge + FACADE_HEIGHT, back
        self._upper: Floats | None = None
        if stands.upper > 0:
            rim = back - OVERHANG + 0.75 * stands.steepness * stands.upper
            self._upper = _band(back - OVERHANG, top, rim, top + stands.upper)
            top += stands.upper
        self._backs = _band(rim, top, rim, top + BACK_HEIGHT)
        reach = min(ROOF_REACH, rim - 1)
        self._roofs = _band(rim, top + BACK_HEIGHT, rim - reach, top + BACK_HEIGHT + 2)
        edge = top + BACK_HEIGHT + 2
        self._fascias = _band(rim - reach, edge - FASCIA, rim - reach, edge)
        self._boards = _band(0.0, 0.0, 0.0, stands.board_height)
        self._has_roof = stands.roof
        self._middles = (foot[1:] + foot[:-1]) / 2
        self._away = len(self._middles) // 3  # where the away team's supporters sit
        lengths = np.linalg.norm(np.diff(foot, axis=0), axis=1)
        self._along = np.concatenate([[0.0], np.cumsum(lengths)])

        def tier(height: float, away: bool) -> list[Canvas]:
            slope = height * float(np.hypot(1, stands.steepness))
            return _mips(crowd_texture(rng, look, PANEL_LENGTH, slope, away))

        kinds = (False, False, False, False, True)
        self._lower_crowds = [tier(stands.lower, away) for away in kinds]
        self._upper_crowds = [tier(max(stands.upper, 4.0), away) for away in kinds]
        self._order = rng.integers(4, size=len(self._middles)).tolist()
        banks = _BANKS if stands.boards_move is Boards.CHANGE else 1
        strips = [board_strip(rng, look, float(self._along[-1])) for _ in range(banks)]
        # Twice in a row, so that a panel's cut never meets the end.
        self._strips = [np.concatenate([strip, strip], 1) for strip in strips]
        self._move, self._speed = stands.boards_move, stands.board_speed
        self.background: RGB = look.light.sky
        self._wall: RGB = shade((70, 72, 76), gain)
        self._facade: RGB = shade(stands.facade, gain)
        self._dark: RGB = shade((40, 42, 48), gain)
        self._fascia: RGB = shade((150, 152, 156), gain)
        self._behind: RGB = (34, 36, 40)

    def draw(self, canvas: Canvas, scene: Scene) -> None:
        """Paint the visible panels from the roof down to the boards; what they cover is overwritten."""
        hidden = self._hidden(scene.eye)
        if self._has_roof:
            self._fill(canvas, scene, self._backs, self._dark, hidden)
            self._fill(canvas, scene, self._roofs, shade(self._dark, 0.7), hidden)
            self._fill(canvas, scene, self._fascias, self._fascia, hidden)
        if self._upper is not None:
            self._seat(canvas, scene, self._upper, self._upper_crowds, hidden)
        self._fill(canvas, scene, self._facades, self._facade, hidden)
        self._seat(canvas, scene, self._lower, self._lower_crowds, hidden)
        self._fill(canvas, scene, self._walls, self._wall, hidden)
        self._advertise(canvas, scene)

    def _hidden(self, eye: Floats) -> NDArray[np.bool_]:
        """Panels `[panels]` of the stand that the camera stands in or behind."""
        x, y = self._middles.T
        hidden = np.zeros(len(x), np.bool_)
        if eye[1] < -BOARD_Y - STAND_GAP:
            hidden |= y < -BOARD_Y + CORNER
        if eye[1] > BOARD_Y + STAND_GAP:
            hidden |= y > BOARD_Y - CORNER
        for side in (-1, 1):
            if side * eye[0] > BOARD_X + STAND_GAP:
                hidden |= side * x > BOARD_X - CORNER / 2
        return hidden

    def _fill(
        self, canvas: Canvas, scene: Scene, quads: Floats, colour: RGB, hidden: NDArray[np.bool_]
    ) -> None:
        for _, _, corners in drop_hidden(scene, quads, hidden):
            fill(canvas, corners, colour)

    def _seat(
        self,
        canvas: Canvas,
        scene: Scene,
        quads: Floats,
        crowds: list[list[Canvas]],
        hidden: NDArray[np.bool_],
    ) -> None:
        for panel, part, corners in drop_hidden(scene, quads, hidden):
            away = abs(panel - self._away) <= 1
            mips = crowds[-1] if away else crowds[self._order[panel]]
            width = mips[0].shape[1]
            rows = max(np.ptp(corners[:, 1]), 1.0)
            level = int(np.clip(np.log2(mips[0].shape[0] / rows), 0, len(mips) - 1))
            begin, end = (round(share * (width >> level)) for share in part)
            paste(canvas, mips[level][:, begin : max(end, begin + 4)], corners)

    def _advertise(self, canvas: Canvas, scene: Scene) -> None:
        seconds = scene.moment.time_ms / 1000
        strip, moved = self._strips[0], 0.0
        if self._move is Boards.SCROLL:
            moved = seconds * self._speed
        elif self._move is Boards.CHANGE:
            strip = self._strips[int(seconds * self._speed / 60) % len(self._strips)]
        hidden = ~_stands_board(self._middles)
        if scene.eye[1] < -BOARD_Y:  # those of the near side hide people: see `benches`
            hidden |= self._middles[:, 1] < -BOARD_Y + 1
        round_trip = self._along[-1]
        for panel, part, corners in drop_hidden(scene, self._boards, hidden):
            if corners[1, 0] < corners[0, 0]:  # from behind, right and left change places
                fill(canvas, corners, self._behind)
                continue
            begin, length = self._along[panel], self._along[panel + 1] - self._along[panel]
            first = (begin + part[0] * length + moved) % round_trip
            columns = round(first * BOARD_TEXELS)
            wide = max(round((part[1] - part[0]) * length * BOARD_TEXELS), 4)
            paste(canvas, strip[:, columns : columns + wide], corners)


def near_boards(height: float) -> Floats:
    """The boards of the near side, `[N, 4, 3]`."""
    foot = _ring(0.0)
    middles = (foot[1:] + foot[:-1]) / 2
    near = _stands_board(middles) & (middles[:, 1] < -BOARD_Y + 1)
    return np.asarray(_band(0.0, 0.0, 0.0, height)[near])


def _stands_board(middles: Floats) -> NDArray[np.bool_]:
    """Everywhere but before the benches."""
    return np.asarray((np.abs(middles[:, 0]) > NEAR_GAP) | (middles[:, 1] > 0))


def _mips(texture: Canvas) -> list[Canvas]:
    """The texture and it averaged down to a half, a quarter and an eighth."""
    mips = [texture]
    for _ in range(3):
        height, width = mips[-1].shape[:2]
        half = cv2.resize(
            mips[-1], (max(width // 2, 4), max(height // 2, 4)), interpolation=cv2.INTER_AREA
        )
        mips.append(np.asarray(half, np.uint8))
    return mips


def _ring(outwards: float) -> Floats:
    """Corners of the panels in plan, once around: the first and the last point are the same.

    Seen from the pitch they run from left to right. Every ring has the same number of points, so that
    panels of two rings fit together.
    """
    inner, bends = _bends(0.0), _bends(outwards)
    points = []
    for i in range(len(bends) - 1):
        pieces = max(1, round(float(np.linalg.norm(inner[i + 1] - inner[i])) / PANEL_LENGTH))
        share = np.arange(pieces)[:, None] / pieces
        points.append(bends[i] + share * (bends[i + 1] - bends[i]))
    return np.concatenate([*points, bends[-1:]])


def _bends(outwards: float) -> Floats:
    """Where the bowl turns: a rectangle with cut corners, closed, `[9, 2]`."""
    x, y = BOARD_X + outwards, BOARD_Y + outwards
    corner = CORNER + outwards * (2 - np.sqrt(2))
    far = np.array([(-x, -y + corner), (-x, y - corner), (-x + corner, y), (x - corner, y)])
    return np.concatenate([far, -far, far[:1]])


def _band(low_out: float, low: float, high_out: float, high: float) -> Floats:
    """Panels between two rings at two heights: `[panels, 4 corners, 3]` from the upper left."""
    low_ring, high_ring = _ring(low_out), _ring(high_out)
    under = np.concatenate([low_ring, np.full((len(low_ring), 1), low)], 1)
    over = np.concatenate([high_ring, np.full((len(high_ring), 1), high)], 1)
    return np.stack([over[:-1], over[1:], under[1:], under[:-1]], 1)
