"""Textures of the stadium: seats with their crowd, and the strip that runs along the boards."""

from __future__ import annotations

import numpy as np

from onball.synthetic.picture.colours import RGB, WHITE, shade
from onball.synthetic.picture.look import Look
from onball.synthetic.picture.opencv import cv2
from onball.synthetic.picture.scene import Canvas

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
