"""Stadium around the pitch: stands with their crowd, roof, advertising boards and dugouts.

The bowl is made of panels, quads about 18 m long between two rings around the pitch. Textures of the
crowd and of the boards are painted once per match; the layer `Stadium` pastes them onto the visible
panels, and the layer `Benches` draws the dugouts on the side of the main camera.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from onball.simulator.look.colours import RGB, WHITE, shade
from onball.simulator.look.look import Look
from onball.simulator.look.venue import Boards
from onball.simulator.paint.scene import Floats, Scene
from onball.simulator.paint.shapes import (
    Canvas,
    cv2,
    fill_quad,
    mipmaps,
    paste_texture,
    visible_quads,
)
from onball.simulator.world import HALF_LENGTH, HALF_WIDTH

# Textures
CROWD_TEXELS, BOARD_TEXELS = 9, 18
"""Texels per metre of the crowd and of the boards."""
ROW, SEAT, STAIRS = 8, 5, 7
"""Texels between two rows of seats, between two seats, and across the stairs."""
_SHIRT = tuple((y, x) for y in range(2, 6) for x in range(4))
_FACE = tuple((y, x) for y in range(3) for x in range(1, 3))
"""Texels of a spectator, rows and columns, the face over the shirt."""
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
# Bowl, in metres
BOARD_X, BOARD_Y = HALF_LENGTH + 5.0, HALF_WIDTH + 4.5
"""Half length and half width of the rectangle of boards."""
CORNER = 7.0
PANEL_LENGTH = 18.0
WALL_HEIGHT, FACADE_HEIGHT, BACK_HEIGHT, FASCIA = 1.6, 2.8, 4.5, 1.2
STAND_GAP, OVERHANG, ROOF_DEPTH = 3.0, 1.5, 16.0
_BANKS = 3  # of boards that change
# Dugouts, in metres
NEAR_GAP = 26.0
"""Between -`NEAR_GAP` and `NEAR_GAP` in x the near side has dugouts instead of boards."""
DUGOUT_INNER, DUGOUT_OUTER = 8.0, 18.0
DUGOUT_FRONT, DUGOUT_BACK = -HALF_WIDTH - 5.8, -HALF_WIDTH - 7.4
DUGOUT_LOW, DUGOUT_HIGH = 1.4, 1.8
_STRUTS = 6


def crowd_texture(
    rng: np.random.Generator, look: Look, length: float, slope: float, away: bool
) -> Canvas:
    """Paint rows of seats with spectators, and stairs on the left: uint8 `[h, w, 3]`.

    Args:
        rng: source of all random choices.
        look: appearance of the match.
        length, slope: metres along the stand and up its slope.
        away: True for the block of the away team's supporters.
    """
    width, height = int(length * CROWD_TEXELS), int(slope * CROWD_TEXELS)
    seats = np.array(look.stands.seats)
    texture = np.empty((height, width, 3), np.uint8)
    texture[:] = seats * 0.8 + 14
    texture[::ROW] = seats * 0.4 + 8
    team = look.outfits.teams[int(away)].shirt
    clothes = np.array([*[team] * (5 if away else 2), *CLOTHES])
    skins = np.array([person.skin for person in look.outfits.people])
    # Spectators sit in clusters: a whole block may stay empty.
    occupancy = look.stands.occupancy + 0.15 * rng.normal()
    places, choices, lights = [], [], []
    for y in range(ROW, height - ROW, ROW):
        for x in range(STAIRS + 2, width - SEAT, SEAT):
            if rng.random() > occupancy:
                continue
            dx, dy = int(rng.integers(-1, 2)), int(rng.integers(-1, 2))
            shirt_light, shirt = rng.uniform(0.4, 1.0), rng.integers(len(clothes))
            skin, skin_light = rng.integers(len(skins)), rng.uniform(0.6, 1.0)
            places.append((y + dy) * width + x + dx)
            choices.append((shirt, skin))
            lights.append((shirt_light, skin_light))
    if places:
        shirts, faces = np.array(choices).T
        bright, dim = np.array(lights).T[..., None]
        colours = np.empty((len(places), len(_SHIRT) + len(_FACE), 3), np.uint8)
        colours[:, : len(_SHIRT)] = np.minimum(clothes[shirts] * bright, 255)[:, None]
        colours[:, len(_SHIRT) :] = (skins[faces] * dim)[:, None]
        # Neighbours may overlap: of equal indices the last one prevails.
        texels = [y * width + x for y, x in (*_SHIRT, *_FACE)]
        texture.reshape(-1, 3)[np.add.outer(places, texels)] = colours
    texture[:] = cv2.GaussianBlur(texture, (0, 0), 0.6)
    _add_flags(rng, texture, look, team)
    if look.stands.specks:
        count = int(look.stands.specks * height * width / 3)
        column = rng.integers(STAIRS, width - 3, count)
        row = rng.integers(2, height - 3, count)
        high = rng.integers(1, 4, count)
        level, wide = rng.integers((190, 1), (256, 4), (count, 2)).T
        across, down = np.arange(3)[None, None], np.arange(3)[None, :, None]
        painted = (down < high[:, None, None]) & (across < wide[:, None, None])
        texels = ((row[:, None, None] + down) * width + column[:, None, None] + across)[painted]
        texture.reshape(-1, 3)[texels] = np.repeat(level, high * wide)[:, None]
    texture[:, 2:STAIRS] = seats * 0.3 + 50
    # The higher a row, the deeper in the shade of the roof.
    gain = np.linspace(0.60 if look.stands.roof else 0.95, 1.05, height)[:, None, None]
    return np.asarray(np.clip(texture * gain * look.light.stand_gain, 0, 255), dtype=np.uint8)


def _add_flags(rng: np.random.Generator, texture: Canvas, look: Look, team: RGB) -> None:
    """Add flags above the crowd, and a long banner on the rail below."""
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
        banner[3:7, 4:-4:3] = WHITE  # looks like writing from a distance
    np.clip(texture, 0, 255, out=texture)


def board_strip(rng: np.random.Generator, look: Look, length: float) -> Canvas:
    """Paint the boards all around the pitch as one strip whose ends match.

    Returns:
        uint8 `[h, length * BOARD_TEXELS, 3]`.
    """
    width = round(length * BOARD_TEXELS)
    height = round(look.stands.board_height * BOARD_TEXELS) + 4
    strip: Canvas = np.empty((height, width, 3), np.uint8)
    begin = 0
    while begin < width:
        end = begin + round(BOARD_TEXELS * float(rng.uniform(8, 18)))
        end = width if width - end < 8 * BOARD_TEXELS else end
        ground, lettering = look.stands.boards[int(rng.integers(len(look.stands.boards)))]
        if look.stands.board_clutter and rng.random() < look.stands.board_clutter:
            _decorate(rng, strip[:, begin:end], ground, lettering)
        else:
            _advertise(rng, strip[:, begin:end], ground, lettering, look.stands.board_letters)
        begin = end
    strip[:2] = np.clip(strip[:2] * 0.6 + 60, 0, 255)
    # Boards shine by themselves at night, and share the light of the stands by day.
    gain = max(0.75, 0.5 + 0.5 * look.light.stand_gain)
    return np.asarray(np.clip(strip * gain, 0, 255), dtype=np.uint8)


def _decorate(rng: np.random.Generator, board: Canvas, ground: RGB, ink: RGB) -> None:
    """Paint shapes instead of words: dots, rings, stripes, a chequered pattern or shining points."""
    height, width = board.shape[:2]
    board[:] = ground
    image = np.ascontiguousarray(board)
    kind = int(rng.integers(5))
    step = int(rng.integers(8, 40))
    if kind < 2:  # rows of dots or rings
        radius, line = int(rng.integers(2, 6)), -1 if kind == 0 else 2
        for x in range(step, width - 6, step):
            cv2.circle(image, (x, height // 2), radius, ink, line, cv2.LINE_AA)
    elif kind == 2:  # slanted stripes
        slant = int(rng.integers(-20, 21))
        for x in range(0, width, step):
            cv2.line(image, (x, 0), (x + slant, height), ink, max(1, step // 5), cv2.LINE_AA)
    elif kind == 3:
        side = max(3, height // int(rng.integers(2, 5)))
        rows, columns = np.mgrid[:height, :width] // side
        image[(rows + columns) % 2 == 1] = ink
    else:  # points of any place and size
        for _ in range(width // step):
            at = int(rng.integers(3, width - 3)), int(rng.integers(3, height - 3))
            cv2.circle(image, at, int(rng.integers(1, 5)), WHITE, -1, cv2.LINE_AA)
    board[:] = image


def _advertise(
    rng: np.random.Generator,
    board: Canvas,
    ground: RGB,
    lettering: RGB,
    letters: tuple[float, float] = (0.45, 0.62),
) -> None:
    """Paint one advertisement: a ground, and a word with or without an emblem, repeated."""
    height, width = board.shape[:2]
    board[:] = ground
    if rng.random() < 0.3:
        board[:] = np.linspace(0.6, 1.15, width)[None, :, None].clip(max=1) * np.array(ground)
    word = WORDS[int(rng.integers(len(WORDS)))]
    scale = float(rng.uniform(*letters))
    font = int(rng.choice([cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_TRIPLEX]))
    weight = 2 if scale < 0.8 else 3
    (wide, tall), _ = cv2.getTextSize(word, font, scale, weight)
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
        cv2.putText(image, word, at, font, scale, lettering, weight, cv2.LINE_AA)
        x += wide + gap + (22 if emblem else 0)
    board[:] = image


def _outline(outwards: float) -> Floats:
    """Plan of the bowl: a rectangle with cut corners, closed, `[9, 2]`, metres."""
    x, y = BOARD_X + outwards, BOARD_Y + outwards
    corner = CORNER + outwards * (2 - np.sqrt(2))
    left = np.array([(-x, -y + corner), (-x, y - corner), (-x + corner, y), (x - corner, y)])
    return np.concatenate([left, -left, left[:1]])


def _ring(outwards: float) -> Floats:
    """Corners of the panels in plan, `[panels + 1, 2]`, metres; the first and the last are the same.

    Seen from the pitch they run from left to right. Every ring has the same number of corners, so that
    panels can span two rings.
    """
    innermost, outline = _outline(0.0), _outline(outwards)
    points = []
    for i in range(len(outline) - 1):
        length = float(np.linalg.norm(innermost[i + 1] - innermost[i]))
        pieces = max(1, round(length / PANEL_LENGTH))
        fractions = np.arange(pieces)[:, None] / pieces
        points.append(outline[i] + fractions * (outline[i + 1] - outline[i]))
    return np.concatenate([*points, outline[-1:]])


def _band(low_out: float, low: float, high_out: float, high: float) -> Floats:
    """Panels between two rings at two heights: `[panels, 4, 3]`, from the upper left corner."""
    low_ring, high_ring = _ring(low_out), _ring(high_out)
    under = np.concatenate([low_ring, np.full((len(low_ring), 1), low)], 1)
    over = np.concatenate([high_ring, np.full((len(high_ring), 1), high)], 1)
    return np.stack([over[:-1], over[1:], under[1:], under[:-1]], 1)


def _panel_middles() -> Floats:
    """Middle of each panel of the innermost ring in plan, `[panels, 2]`, metres."""
    ring = _ring(0.0)
    return np.asarray((ring[1:] + ring[:-1]) / 2)


def _has_board(middles: Floats) -> NDArray[np.bool_]:
    """Mask `[panels]` of the panels with a board: all except those in front of the dugouts."""
    return np.asarray((np.abs(middles[:, 0]) > NEAR_GAP) | (middles[:, 1] > 0))


def near_boards(height: float, gap: float = 0.0) -> Floats:
    """Boards on the side of the main camera, `[N, 4, 3]`, metres; `gap` is `Stands.board_gap`."""
    middles = _panel_middles()
    near = _has_board(middles) & (middles[:, 1] < -BOARD_Y + 1)
    return np.asarray(_band(gap, 0.0, gap, height)[near])


class Stadium:
    """Layer of the painter that draws the stands and the boards.

    Args:
        look: appearance of the match.

    Attributes:
        background: colour of the sky.
    """

    name = "stands"

    def __init__(self, look: Look) -> None:
        rng = np.random.default_rng((look.seed, 2))
        stands, gain = look.stands, look.light.stand_gain
        self._build_bowl(look)
        gap = stands.board_gap
        self._boards = _band(gap, 0.0, gap, stands.board_height)
        self._middles = _panel_middles()
        self._away_panel = len(self._middles) // 3  # the middle of the away team's supporters
        lengths = np.linalg.norm(np.diff(_ring(0.0), axis=0), axis=1)
        self._along = np.concatenate([[0.0], np.cumsum(lengths)])

        def tier(height: float, away: bool) -> list[Canvas]:
            slope = height * float(np.hypot(1, stands.steepness))
            return mipmaps(crowd_texture(rng, look, PANEL_LENGTH, slope, away))

        is_away = (False, False, False, False, True)
        self._lower_crowds = [tier(stands.lower, away) for away in is_away]
        self._upper_crowds = [tier(max(stands.upper, 4.0), away) for away in is_away]
        self._crowd_of_panel = rng.integers(4, size=len(self._middles)).tolist()
        banks = _BANKS if stands.boards_move is Boards.CHANGE else 1
        strips = [board_strip(rng, look, float(self._along[-1])) for _ in range(banks)]
        # Twice in a row, so that no panel reaches past the end.
        self._strips = [np.concatenate([strip, strip], 1) for strip in strips]
        self._move, self._speed = stands.boards_move, stands.board_speed
        self.background: RGB = look.light.sky
        self._wall: RGB = shade((70, 72, 76), gain)
        self._facade: RGB = shade(stands.facade, gain)
        self._dark: RGB = shade((40, 42, 48), gain)
        self._fascia: RGB = shade((150, 152, 156), gain)
        self._board_back: RGB = (34, 36, 40)

    def _build_bowl(self, look: Look) -> None:
        """Set the panels of walls, tiers and roof, from the pitch outwards and upwards."""
        stands = look.stands
        front = STAND_GAP + stands.board_gap
        back = front + stands.steepness * stands.lower
        ledge = WALL_HEIGHT + stands.lower
        self._walls = _band(front, 0.0, front, WALL_HEIGHT)
        self._lower = _band(front, WALL_HEIGHT, back, ledge)
        self._facades = _band(back, ledge, back, ledge + FACADE_HEIGHT)
        top, rim = ledge + FACADE_HEIGHT, back
        self._upper: Floats | None = None
        if stands.upper > 0:
            rim = back - OVERHANG + 0.75 * stands.steepness * stands.upper
            self._upper = _band(back - OVERHANG, top, rim, top + stands.upper)
            top += stands.upper
        self._backs = _band(rim, top, rim, top + BACK_HEIGHT)
        depth = min(ROOF_DEPTH, rim - 1)
        self._roofs = _band(rim, top + BACK_HEIGHT, rim - depth, top + BACK_HEIGHT + 2)
        edge = top + BACK_HEIGHT + 2
        self._fascias = _band(rim - depth, edge - FASCIA, rim - depth, edge)
        self._has_roof = stands.roof

    def draw(self, canvas: Canvas, scene: Scene) -> None:
        """Paint the visible panels from the roof down to the boards, over what they occlude."""
        hidden = self._hidden(scene.eye)
        if self._has_roof:
            self._fill(canvas, scene, self._backs, self._dark, hidden)
            self._fill(canvas, scene, self._roofs, shade(self._dark, 0.7), hidden)
            self._fill(canvas, scene, self._fascias, self._fascia, hidden)
        if self._upper is not None:
            self._draw_crowd(canvas, scene, self._upper, self._upper_crowds, hidden)
        self._fill(canvas, scene, self._facades, self._facade, hidden)
        self._draw_crowd(canvas, scene, self._lower, self._lower_crowds, hidden)
        self._fill(canvas, scene, self._walls, self._wall, hidden)
        self._draw_boards(canvas, scene)

    def _hidden(self, eye: Floats) -> NDArray[np.bool_]:
        """Panels `[panels]` of the stand in which, or behind which, the camera is."""
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
        for _, _, corners in visible_quads(scene, quads, hidden):
            fill_quad(canvas, corners, colour)

    def _draw_crowd(
        self,
        canvas: Canvas,
        scene: Scene,
        quads: Floats,
        crowds: list[list[Canvas]],
        hidden: NDArray[np.bool_],
    ) -> None:
        for panel, span, corners in visible_quads(scene, quads, hidden):
            away = abs(panel - self._away_panel) <= 1
            mips = crowds[-1] if away else crowds[self._crowd_of_panel[panel]]
            width = mips[0].shape[1]
            rows = max(np.ptp(corners[:, 1]), 1.0)
            level = int(np.clip(np.log2(mips[0].shape[0] / rows), 0, len(mips) - 1))
            begin, end = (round(edge * (width >> level)) for edge in span)
            paste_texture(canvas, mips[level][:, begin : max(end, begin + 4)], corners)

    def _draw_boards(self, canvas: Canvas, scene: Scene) -> None:
        seconds = scene.state.time_ms / 1000
        strip, scrolled = self._strips[0], 0.0
        if self._move is Boards.SCROLL:
            scrolled = seconds * self._speed
        elif self._move is Boards.CHANGE:
            strip = self._strips[int(seconds * self._speed / 60) % len(self._strips)]
        hidden = ~_has_board(self._middles)
        if scene.eye[1] < -BOARD_Y:  # those of the near side occlude people: `Benches` draws them
            hidden |= self._middles[:, 1] < -BOARD_Y + 1
        circumference = self._along[-1]
        for panel, span, corners in visible_quads(scene, self._boards, hidden):
            if corners[1, 0] < corners[0, 0]:  # mirrored: seen from behind
                fill_quad(canvas, corners, self._board_back)
                continue
            begin, length = self._along[panel], self._along[panel + 1] - self._along[panel]
            first = (begin + span[0] * length + scrolled) % circumference
            column = round(first * BOARD_TEXELS)
            columns = max(round((span[1] - span[0]) * length * BOARD_TEXELS), 4)
            paste_texture(canvas, strip[:, column : column + columns], corners)


class Benches:
    """Layer of the painter that draws the dugouts, and the near boards seen from behind.

    The painter has two of them: a camera on the pitch sees the dugouts behind the people, the main
    camera in front of them.

    Args:
        look: appearance of the match.
        before_people: True for the layer that is painted before the people.
    """

    name = "benches"

    def __init__(self, look: Look, before_people: bool) -> None:
        gain = min(1.0, 0.3 + 0.7 * look.light.stand_gain)
        colour = shade(look.stands.dugout, gain)
        self._before_people = before_people
        self._boards = near_boards(look.stands.board_height, look.stands.board_gap)
        self._board_back: RGB = shade((62, 64, 70), gain)
        self._faces, self._colours = _dugouts(colour, shade(look.stands.seats, 0.5))

    def draw(self, canvas: Canvas, scene: Scene) -> None:
        """Paint the faces that are turned to the camera, from far to near."""
        if bool(scene.eye[1] > DUGOUT_BACK) is not self._before_people:
            return
        if scene.eye[1] < -BOARD_Y:
            for _, _, corners in visible_quads(scene, self._boards):
                fill_quad(canvas, corners, self._board_back)
        faces = self._faces
        normal = np.cross(faces[:, 1] - faces[:, 0], faces[:, 3] - faces[:, 0])
        averted = ((scene.eye - faces[:, 0]) * normal).sum(1) > 0
        for face, _, corners in visible_quads(scene, faces, averted):
            fill_quad(canvas, corners, self._colours[face])


def _dugouts(colour: RGB, seats: RGB) -> tuple[Floats, list[RGB]]:
    """Faces `[N, 4, 3]` of both dugouts, clockwise from outside, in metres; and their colours."""
    front, back, low, high = DUGOUT_FRONT, DUGOUT_BACK, DUGOUT_LOW, DUGOUT_HIGH
    faces, colours = [], []
    roof, rear, side = shade(colour, 1.1), shade(colour, 0.45), shade(colour, 0.7)
    for sign in (-1, 1):
        edges = np.sort(np.linspace(sign * DUGOUT_INNER, sign * DUGOUT_OUTER, _STRUTS + 1))
        for left, right in pairwise(edges.tolist()):
            gap = 0.12 * (right - left)
            inner_left, inner_right = left + gap, right - gap
            # Roof with a frame; the pane is slightly higher, and therefore painted over the frame.
            faces.append(
                [(left, front, high), (right, front, high), (right, back, low), (left, back, low)]
            )
            colours.append(shade(roof, 0.75))
            pane_high, pane_low = high + 0.02, low + 0.02
            faces.append(
                [
                    (inner_left, front, pane_high),
                    (inner_right, front, pane_high),
                    (inner_right, back, pane_low),
                    (inner_left, back, pane_low),
                ]
            )
            colours.append(roof)
            faces.append([(left, back, low), (right, back, low), (right, back, 0), (left, back, 0)])
            colours.append(rear)
            # Open front: dark, with a row of seats.
            faces.append(
                [(right, front, high), (left, front, high), (left, front, 0), (right, front, 0)]
            )
            colours.append(shade(rear, 0.7))
            seat = front + 0.02
            faces.append(
                [
                    (inner_right, seat, 0.9),
                    (inner_left, seat, 0.9),
                    (inner_left, seat, 0.3),
                    (inner_right, seat, 0.3),
                ]
            )
            colours.append(seats)
        first, last = float(edges[0]), float(edges[-1])
        faces.append(
            [(first, front, high), (first, back, low), (first, back, 0), (first, front, 0)]
        )
        faces.append([(last, back, low), (last, front, high), (last, front, 0), (last, back, 0)])
        colours += [side, side]
    return np.array(faces, np.float64), colours
