"""What one simulated match looks like: kits, skin, grass, light, stands, boards and picture."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from onball.synthetic.pose import Part
from onball.synthetic.world import GOALKEEPERS, PEOPLE, REFEREE, TEAM_SIZE

RGB = tuple[int, int, int]
T = TypeVar("T")

WHITE, BLACK = (236, 236, 232), (28, 28, 32)
TEAM_COLOURS: tuple[RGB, ...] = (
    WHITE,
    (188, 28, 36),  # red
    (34, 62, 158),  # blue
    (232, 200, 44),  # yellow
    (112, 184, 226),  # sky
    (92, 24, 48),  # claret
    (226, 106, 30),  # orange
    (84, 44, 126),  # purple
    (26, 34, 70),  # navy
    BLACK,
)
KEEPER_COLOURS: tuple[RGB, ...] = (
    (236, 120, 150),
    (240, 140, 30),
    (60, 200, 210),
    (236, 220, 60),
    (150, 90, 190),
    (120, 120, 126),
    (200, 40, 60),
)
REFEREE_COLOURS: tuple[RGB, ...] = (BLACK, (236, 216, 60), (96, 190, 224), (210, 60, 120))
SKIN: tuple[RGB, ...] = ((226, 178, 148), (206, 152, 118), (164, 112, 80), (104, 70, 50))
HAIR: tuple[RGB, ...] = ((30, 24, 22), (56, 38, 26), (112, 80, 46), (190, 156, 96))
GRASS: tuple[RGB, ...] = ((84, 112, 40), (70, 104, 44), (92, 116, 54), (66, 96, 36), (82, 120, 56))
NAMES = ("ASH", "BRK", "COL", "DUN", "ELM", "FEN", "GLN", "HAR", "KIR", "LOW", "MAR", "NOR")

#: How far apart (see `distance`) the two teams are, and everybody else from both of them.
TEAMS_APART, OTHERS_APART = 260.0, 150.0


class Mowing(StrEnum):
    """How the grass was mown."""

    STRIPES = "stripes"
    CHEQUERS = "chequers"
    PLAIN = "plain"


@dataclass(frozen=True)
class Kit:
    """Colours of one outfit."""

    shirt: RGB
    sleeves: RGB
    shorts: RGB
    socks: RGB
    boots: RGB = (30, 30, 30)


@dataclass(frozen=True)
class Look:
    """One match's appearance. Everything that the painter draws follows from it.

    Attributes:
        seed: seeds the textures (grass, crowd, grain).
        teams, keepers: outfits of the left and the right team.
        referee: outfit of the referee.
        skin, hair: one colour for each of the `PEOPLE`.
        grass: mean colour of the pitch.
        mowing, mowing_width, mowing_contrast: pattern, metres, and half the relative difference.
        wear: 0 to 1, how worn the grass is.
        sun: direction towards the sun, a unit vector.
        shadow: 0 to 1, how much light a shadow takes away.
        seats, crowd: colour of the empty stand, and the share of taken seats.
        stand_height: metres.
        balcony, parapet: where the upper tier begins, as a share of the stand, and its colour there.
        boards: background and lettering colours of the advertising boards.
        names: three letters for each team on the score bug.
        score_bug: where the score bug stands: x and y as a share of the picture.
        exposure, white_balance, contrast: gain, gain per channel, and contrast about mid-grey.
        grain: standard deviation of the sensor noise, in grey levels.
    """

    seed: int
    teams: tuple[Kit, Kit]
    keepers: tuple[Kit, Kit]
    referee: Kit
    skin: tuple[RGB, ...]
    hair: tuple[RGB, ...]
    grass: RGB
    mowing: Mowing
    mowing_width: float
    mowing_contrast: float
    wear: float
    sun: tuple[float, float, float]
    shadow: float
    seats: RGB
    crowd: float
    stand_height: float
    balcony: float
    parapet: RGB
    boards: tuple[tuple[RGB, RGB], ...]
    names: tuple[str, str]
    score_bug: tuple[float, float]
    exposure: float
    white_balance: tuple[float, float, float]
    contrast: float
    grain: float

    @classmethod
    def random(cls, seed: int) -> Look:
        """The look of match `seed`; the same seed gives the same look."""
        rng = np.random.default_rng(seed)
        grass = _shade(_choose(rng, GRASS), rng.uniform(0.85, 1.15))
        home = _choose(rng, TEAM_COLOURS)
        away = _choose(rng, _apart(TEAM_COLOURS, TEAMS_APART, home))
        keeper_left = _choose(rng, _apart(KEEPER_COLOURS, OTHERS_APART, home, away))
        keeper_right = _choose(rng, _apart(KEEPER_COLOURS, OTHERS_APART, home, away))
        referee = _choose(rng, _apart(REFEREE_COLOURS, OTHERS_APART, home, away))
        azimuth, elevation = rng.uniform(0, 2 * np.pi), np.radians(rng.uniform(25, 60))
        names = rng.permutation(NAMES)[:2].tolist()
        return cls(
            seed=seed,
            teams=(_team_kit(rng, home), _team_kit(rng, away)),
            keepers=(_plain_kit(keeper_left), _plain_kit(keeper_right)),
            referee=Kit(referee, referee, BLACK, BLACK),
            skin=tuple(_choose(rng, SKIN) for _ in range(PEOPLE)),
            hair=tuple(_choose(rng, HAIR) for _ in range(PEOPLE)),
            grass=grass,
            mowing=_choose(rng, tuple(Mowing)),
            mowing_width=float(rng.uniform(4.0, 7.0)),
            mowing_contrast=float(rng.uniform(0.03, 0.10)),
            wear=float(rng.uniform(0.0, 0.8)),
            sun=(
                float(np.cos(azimuth) * np.cos(elevation)),
                float(np.sin(azimuth) * np.cos(elevation)),
                float(np.sin(elevation)),
            ),
            shadow=float(rng.choice([0.18, 0.30, 0.45])),
            seats=_shade(_choose(rng, (home, (70, 72, 78), (50, 60, 96))), 0.5),
            crowd=float(rng.uniform(0.45, 0.95)),
            stand_height=float(rng.uniform(9.0, 18.0)),
            balcony=float(rng.uniform(0.35, 0.8)),
            parapet=_shade(_choose(rng, (home, (90, 92, 98), (150, 152, 156))), 0.6),
            boards=tuple(_board(rng) for _ in range(4)),
            names=(names[0], names[1]),
            score_bug=(float(rng.uniform(0.04, 0.10)), float(rng.uniform(0.04, 0.09))),
            exposure=float(rng.uniform(0.90, 1.10)),
            white_balance=(
                float(rng.uniform(0.96, 1.05)),
                1.0,
                float(rng.uniform(0.94, 1.05)),
            ),
            contrast=float(rng.uniform(0.95, 1.12)),
            grain=float(rng.uniform(1.0, 3.0)),
        )

    def part_colours(self) -> NDArray[np.float64]:
        """Colour of each person's body parts, `[PEOPLE, len(Part), 3]`, RGB 0 to 255."""
        colours = np.zeros((PEOPLE, len(Part), 3))
        for person in range(PEOPLE):
            side = person // TEAM_SIZE
            if person == REFEREE:
                kit = self.referee
            else:
                kit = (self.keepers if person in GOALKEEPERS else self.teams)[side]
            for part, colour in (
                (Part.SHIRT, kit.shirt),
                (Part.SLEEVE, kit.sleeves),
                (Part.SHORTS, kit.shorts),
                (Part.SOCKS, kit.socks),
                (Part.BOOTS, kit.boots),
                (Part.SKIN, self.skin[person]),
                (Part.HAIR, self.hair[person]),
            ):
                colours[person, part] = colour
        return colours


def distance(one: RGB, other: RGB) -> float:
    """How different two colours look: a weighted RGB distance (0 to about 765).

    The weights are those of the "redmean" approximation of perceived colour difference.
    """
    red = (one[0] + other[0]) / 2
    dr, dg, db = (a - b for a, b in zip(one, other, strict=True))
    return float(
        np.sqrt((2 + red / 256) * dr * dr + 4 * dg * dg + (2 + (255 - red) / 256) * db * db)
    )


def _choose(rng: np.random.Generator, options: tuple[T, ...]) -> T:
    return options[int(rng.integers(len(options)))]


def _apart(options: tuple[RGB, ...], least: float, *others: RGB) -> tuple[RGB, ...]:
    """Those options that nobody mistakes for one of the others."""
    return tuple(
        option for option in options if all(distance(option, other) >= least for other in others)
    )


def _shade(colour: RGB, gain: float) -> RGB:
    red, green, blue = (min(255, max(0, round(value * gain))) for value in colour)
    return red, green, blue


def _plain_kit(colour: RGB) -> Kit:
    return Kit(colour, colour, _shade(colour, 0.85), colour)


def _team_kit(rng: np.random.Generator, colour: RGB) -> Kit:
    second = _choose(rng, (colour, WHITE, BLACK))
    shorts, socks = _choose(rng, (colour, second)), _choose(rng, (colour, second))
    sleeves = _choose(rng, (colour, colour, second))
    return Kit(colour, sleeves, shorts, socks, _choose(rng, (BLACK, WHITE, (230, 90, 60))))


def _board(rng: np.random.Generator) -> tuple[RGB, RGB]:
    ground = _choose(
        rng, ((24, 60, 150), (200, 50, 40), (236, 236, 236), (20, 20, 26), (30, 120, 90))
    )
    return ground, WHITE if sum(ground) < 500 else (30, 40, 90)
