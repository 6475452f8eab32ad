"""Textures of the stadium: seats with their crowd, and the strip that runs along the boards."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from onball.simulator.look.colours import RGB, WHITE, shade
from onball.simulator.look.look import Look
from onball.simulator.look.venue import Boards
from onball.simulator.paint.scene import Canvas, Floats, Scene, cv2, drop_hidden, fill, paste
from onball.simulator.world import HALF_LENGTH, HALF_WIDTH

TEXELS_PER_METRE = 9
ROW, SEAT, STAIRS = 8, 5, 7
"""Texels between two rows of seats, between two seats, and across the stairs."""
CLOTHES: tuple[RGB, ...] = (
    (44, 46, 54),
    (30, 32, 40),
    (54, 56, 66),
    (92, 90, 96),
    (76, 78, 88),
    (206, 206, 204),
    (150, 152, 160),
    (60, 72, 120),
    (132, 62, 56),
    (32, 32, 38),
    (170, 140, 90),
)
WORDS = (
    "ONBALL",
    "FAIR PLAY",
    "MATCH DAY",
    "HOME GROUND",
    "KICK OFF",
    "FOOTBALL",
    "oak & son",
    "velo",
    "NORTHWIND",
    "blue kettle",
    "TERRA",
)
BOARD_TEXELS = 18
"""Texels of the boards' strip to a metre."""


def crowd_texture(
    rng: np.random.Generator, look: Look, length: float, slope: float, away: bool
) -> Canvas:
    """Rows of seats with people in them, and stairs on the left: uint8 `[h, w, 3]`.

    Args:
        rng: decides who sits where.
        look: of the match.
        length, slope: metres along the stand and up its slope.
        away: True for the block of the away team's supporters.
    """
    width, height = int(length * TEXELS_PER_METRE), int(slope * TEXELS_PER_METRE)
    seats = np.array(look.stands.seats)
    texture = np.empty((height, width, 3), np.uint8)
    texture[:] = seats * 0.8 + 14
    texture[::ROW] = seats * 0.4 + 8
    team = look.outfits.teams[int(away)].shirt
    clothes = np.array([*[team] * (5 if away else 2), *CLOTHES])
    skins = np.array([person.skin for person in look.outfits.people])
    # Supporters sit in clusters: a whole block may stay empty.
    taken = look.stands.crowd + 0.15 * rng.normal()
    for y in range(ROW, height - ROW, ROW):
        for x in range(STAIRS + 2, width - SEAT, SEAT):
            if rng.random() > taken:
                continue
            dx, dy = rng.integers(-1, 2, 2).tolist()
            light = rng.uniform(0.4, 1.0)
            shirt = np.minimum(clothes[rng.integers(len(clothes))] * light, 255)
            texture[y + dy + 2 : y + dy + 6, x + dx : x + dx + 4] = shirt
            skin = skins[rng.integers(len(skins))] * rng.uniform(0.6, 1.0)
            texture[y + dy : y + dy + 3, x + dx + 1 : x + dx + 3] = skin
    texture[:] = cv2.GaussianBlur(texture, (0, 0), 0.6)
    _hang_flags(rng, texture, look, team)
    texture[:, 2:STAIRS] = seats * 0.3 + 50
    # The farther up, the deeper in the shade of the roof.
    gain = np.linspace(0.60 if look.stands.roof else 0.95, 1.05, height)[:, None, None]
    return np.asarray(np.clip(texture * gain * look.light.stands, 0, 255), dtype=np.uint8)


def _hang_flags(rng: np.random.Generator, texture: Canvas, look: Look, team: RGB) -> None:
    """Flags held up in the crowd, and long banners on the rail below."""
    height, width = texture.shape[:2]
    area = int(look.stands.flags * height * width)
    while area > 0:
        wide, high = int(rng.integers(8, 22)), int(rng.integers(6, 12))
        x, y = int(rng.integers(STAIRS, width - 22)), int(rng.integers(2, max(3, height - 14)))
        flag = texture[y : y + high, x : x + wide]
        flag[:] = shade(team, 0.9)
        flag[: high // 2] = WHITE if rng.random() < 0.5 else shade(team, 0.5)
        area -= 6 * wide * high
    if rng.random() < 0.12 + 8 * look.stands.flags:
        wide = int(rng.integers(width // 4, width // 2))
        x = int(rng.integers(STAIRS, width - wide))
        banner = texture[height - 12 : height - 2, x : x + wide]
        banner[:] = shade(team, 0.85)
        banner[3:7, 4:-4:3] = WHITE  # writing, from afar
    np.clip(texture, 0, 255, out=texture)


def board_strip(rng: np.random.Generator, look: Look, length: float) -> Canvas:
    """Boards all around the pitch, uint8 `[h, length * BOARD_TEXELS, 3]`; its ends fit together."""
    width = round(length * BOARD_TEXELS)
    height = round(look.stands.board_height * BOARD_TEXELS) + 4
    strip: Canvas = np.empty((height, width, 3), np.uint8)
    begin = 0
    while begin < width:
        end = begin + round(BOARD_TEXELS * float(rng.uniform(8, 18)))
        end = width if width - end < 8 * BOARD_TEXELS else end
        ground, lettering = look.stands.boards[int(rng.integers(len(look.stands.boards)))]
        _advertise(rng, strip[:, begin:end], ground, lettering)
        begin = end
    strip[:2] = np.clip(strip[:2] * 0.6 + 60, 0, 255)
    # Boards that shine at night, boards that lie in the stand's light by day.
    gain = max(0.75, 0.5 + 0.5 * look.light.stands)
    return np.asarray(np.clip(strip * gain, 0, 255), dtype=np.uint8)


def _advertise(rng: np.random.Generator, board: Canvas, ground: RGB, lettering: RGB) -> None:
    """One advertisement: a ground, an emblem or none, and a word again and again."""
    height, width = board.shape[:2]
    board[:] = ground
    if rng.random() < 0.3:
        board[:] = np.linspace(0.6, 1.15, width)[None, :, None].clip(max=1) * np.array(ground)
    word = WORDS[int(rng.integers(len(WORDS)))]
    scale = float(rng.uniform(0.45, 0.62))
    font = int(rng.choice([cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_TRIPLEX]))
    (wide, tall), _ = cv2.getTextSize(word, font, scale, 2)
    emblem, gap = int(rng.integers(3)), int(rng.integers(26, 60))
    image = np.ascontiguousarray(board)
    x, middle = gap // 2, height // 2 + 1
    while x + wide + 24 < width:
        if emblem == 1:
            cv2.circle(image, (x + 8, middle), 6, lettering, -1, cv2.LINE_AA)
        elif emblem == 2:
            corners = np.array([(x, middle + 6), (x + 8, middle - 7), (x + 16, middle + 6)])
            cv2.fillConvexPoly(image, corners.astype(np.int32), lettering, cv2.LINE_AA)
        at = (x + (22 if emblem else 0), middle + tall // 2)
        cv2.putText(image, word, at, font, scale, lettering, 2, cv2.LINE_AA)
        x += wide + gap + (22 if emblem else 0)
    board[:] = image


# --- The stadium: a bowl of stands, roof and advertising boards around the pitch, as text


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


# --- The near side of the pitch: dugouts, of which the main camera sees roofs and backs,


INNER, OUTER = 8.0, 18.0
FRONT, BACK = -HALF_WIDTH - 5.8, -HALF_WIDTH - 7.4
LOW, HIGH = 1.4, 1.8
_STRUTS = 6


class Benches:
    """Draws the dugouts; before the people when the camera sees them from the pitch, else after."""

    name = "benches"

    def __init__(self, look: Look, before_people: bool) -> None:
        gain = min(1.0, 0.3 + 0.7 * look.light.stands)
        colour = shade(look.stands.dugout, gain)
        self._before_people = before_people
        self._boards = near_boards(look.stands.board_height)
        self._behind: RGB = shade((62, 64, 70), gain)
        self._faces, self._colours = _dugouts(colour, shade(look.stands.seats, 0.5))

    def draw(self, canvas: Canvas, scene: Scene) -> None:
        """Paint from far to near the faces that are turned to the camera."""
        if bool(scene.eye[1] > BACK) is not self._before_people:
            return
        if scene.eye[1] < -BOARD_Y:
            for _, _, corners in drop_hidden(scene, self._boards):
                fill(canvas, corners, self._behind)
        faces = self._faces
        normal = np.cross(faces[:, 1] - faces[:, 0], faces[:, 3] - faces[:, 0])
        away = ((scene.eye - faces[:, 0]) * normal).sum(1) > 0
        for face, _, corners in drop_hidden(scene, faces, away):
            fill(canvas, corners, self._colours[face])


def _dugouts(colour: RGB, seats: RGB) -> tuple[Floats, list[RGB]]:
    """Faces `[N, 4, 3]`, clockwise as seen from outside, and their colours."""
    faces, colours = [], []
    roof, back, side = shade(colour, 1.1), shade(colour, 0.45), shade(colour, 0.7)
    for sign in (-1, 1):
        edges = np.sort(np.linspace(sign * INNER, sign * OUTER, _STRUTS + 1))
        for left, right in pairwise(edges.tolist()):
            gap = 0.12 * (right - left)
            faces.append(
                [(left, FRONT, HIGH), (right, FRONT, HIGH), (right, BACK, LOW), (left, BACK, LOW)]
            )
            colours.append(shade(roof, 0.75))
            high, low = HIGH + 0.02, LOW + 0.02  # a little nearer than what it lies on
            inner = [(left + gap, FRONT, high), (right - gap, FRONT, high)]
            inner += [(right - gap, BACK, low), (left + gap, BACK, low)]
            faces.append(inner)
            colours.append(roof)
            faces.append([(left, BACK, LOW), (right, BACK, LOW), (right, BACK, 0), (left, BACK, 0)])
            colours.append(back)
            # From the pitch: dark inside, a row of seats.
            faces.append(
                [(right, FRONT, HIGH), (left, FRONT, HIGH), (left, FRONT, 0), (right, FRONT, 0)]
            )
            colours.append(shade(back, 0.7))
            faces.append(
                [
                    (x, FRONT + 0.02, z)
                    for x, z in (
                        (right - gap, 0.9),
                        (left + gap, 0.9),
                        (left + gap, 0.3),
                        (right - gap, 0.3),
                    )
                ]
            )
            colours.append(seats)
        low, high = float(edges[0]), float(edges[-1])
        faces.append([(low, FRONT, HIGH), (low, BACK, LOW), (low, BACK, 0), (low, FRONT, 0)])
        faces.append([(high, BACK, LOW), (high, FRONT, HIGH), (high, FRONT, 0), (high, BACK, 0)])
        colours += [side, side]
    return np.array(faces, np.float64), colours
