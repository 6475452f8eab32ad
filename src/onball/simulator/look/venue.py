"""The grass of a match: its colour, how it was mown and how worn it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from onball.simulator.look.colours import BLACK, GRASS, RGB, WHITE, choose, shade
from onball.simulator.world import HALF_LENGTH, HALF_WIDTH


class Mowing(StrEnum):
    """How the grass was mown."""

    STRIPES = "stripes"  # across the pitch, seen from the main stand as upright bands
    LENGTHS = "lengths"  # along the pitch
    DIAGONAL = "diagonal"
    CHEQUERS = "chequers"
    CIRCLES = "circles"
    PLAIN = "plain"


@dataclass(frozen=True)
class Turf:
    """The pitch.

    Attributes:
        grass: mean colour.
        mowing, mowing_width, mowing_contrast: pattern, metres, and half the relative difference.
        wear: 0 to 1, how worn the grass is.
        surround: colour of the ground beside the grass.
    """

    grass: RGB
    mowing: Mowing
    mowing_width: float
    mowing_contrast: float
    wear: float
    surround: RGB

    @classmethod
    def random(cls, rng: np.random.Generator) -> Turf:
        """A pitch by chance."""
        grass = shade(choose(rng, GRASS), rng.uniform(0.82, 1.18))
        mean = sum(grass) / 3
        turf = (
            round(0.45 * grass[0] + 0.25 * mean + 8),
            round(0.45 * grass[1] + 0.25 * mean + 8),
            round(0.45 * grass[2] + 0.25 * mean + 8),
        )
        surround = choose(rng, (turf, turf, shade(grass, 0.9), (96, 56, 46), (52, 74, 120)))
        return cls(
            grass=grass,
            mowing=choose(rng, (Mowing.STRIPES, Mowing.STRIPES, *tuple(Mowing))),
            mowing_width=float(rng.uniform(4.0, 9.0)),
            mowing_contrast=float(rng.uniform(0.03, 0.12)),
            wear=float(rng.uniform(0.0, 0.9) ** 1.5),
            surround=surround,
        )


# --- Where the light of a match comes from: sun, clouds or floodlights, and how it falls.


class Weather(StrEnum):
    """Where the light comes from."""

    SUN = "sun"  # one hard shadow
    OVERCAST = "overcast"  # soft light from everywhere
    NIGHT = "night"  # four floodlights, dark stands


@dataclass(frozen=True)
class Light:
    """Sun, clouds or floodlights.

    Attributes:
        weather: which of them.
        sun: direction towards the (main) light, a unit vector.
        shadow: 0 to 1, how much light a person's shadow takes away.
        shade_normal, shade_offset: the stand's shadow covers the ground where
            `shade_normal @ (x, y) > shade_offset`; an infinite offset for none.
        shade: 0 to 1, how much light the stand's shadow takes away.
        sky: colour above the roofs.
        stands: gain of the light on the stands.
    """

    weather: Weather
    sun: tuple[float, float, float]
    shadow: float
    shade_normal: tuple[float, float]
    shade_offset: float
    shade: float
    sky: RGB
    stands: float

    def gain(self, xy: NDArray[np.floating]) -> NDArray[np.float64]:
        """Light `[...]` on places `[..., 2]`: 1, and less in the stand's shadow."""
        covered = xy @ np.array(self.shade_normal) > self.shade_offset
        return np.where(covered, 1 - self.shade, 1.0)

    @classmethod
    def random(cls, rng: np.random.Generator) -> Light:
        """Weather, hour and the stadium's orientation by chance."""
        weather = choose(rng, tuple(Weather))
        azimuth, elevation = rng.uniform(0, 2 * np.pi), np.radians(rng.uniform(22, 58))
        # A stand's shadow reaches in from the side of the sun: a long side or a goal.
        covered = weather is Weather.SUN and rng.random() < 0.45
        normal = choose(rng, ((0.0, -1.0), (0.0, -1.0), (0.0, 1.0), (1.0, 0.0), (-1.0, 0.0)))
        reach = rng.uniform(8.0, 34.0)
        edge = (HALF_LENGTH if normal[0] else HALF_WIDTH) - reach
        if covered:
            azimuth = float(np.arctan2(normal[1], normal[0]) + rng.uniform(-0.7, 0.7))
            tilt = rng.uniform(-0.06, 0.06)
            normal = (
                float(normal[0] * np.cos(tilt) - normal[1] * np.sin(tilt)),
                float(normal[0] * np.sin(tilt) + normal[1] * np.cos(tilt)),
            )
        skies: dict[Weather, tuple[RGB, ...]] = {
            Weather.SUN: ((120, 168, 214), (168, 198, 222), (96, 148, 206)),
            Weather.OVERCAST: ((176, 182, 188), (150, 156, 164)),
            Weather.NIGHT: ((10, 12, 20), (18, 20, 30), (30, 34, 54)),
        }
        strengths = {
            Weather.SUN: rng.uniform(0.32, 0.52),
            Weather.OVERCAST: rng.uniform(0.14, 0.26),
            Weather.NIGHT: rng.uniform(0.06, 0.15),
        }
        stands = {
            Weather.SUN: rng.uniform(0.7, 1.1),
            Weather.OVERCAST: rng.uniform(0.65, 0.95),
            Weather.NIGHT: rng.uniform(0.50, 0.85),
        }
        return cls(
            weather=weather,
            sun=(
                float(np.cos(azimuth) * np.cos(elevation)),
                float(np.sin(azimuth) * np.cos(elevation)),
                float(np.sin(elevation)),
            ),
            shadow=float(strengths[weather]),
            shade_normal=normal,
            shade_offset=float(edge) if covered else float("inf"),
            shade=float(rng.uniform(0.25, 0.48)),
            sky=choose(rng, skies[weather]),
            stands=float(stands[weather]),
        )


# --- What a stadium is like: its tiers, its crowd and its advertising boards.


class Boards(StrEnum):
    """What the advertising boards do."""

    STATIC = "static"
    SCROLL = "scroll"
    CHANGE = "change"


@dataclass(frozen=True)
class Stands:
    """The stadium.

    Attributes:
        seats, crowd: colour of the empty seats, and the share of taken ones.
        lower, upper: heights of the two tiers in metres; an upper tier of 0 is none.
        steepness: metres of a tier's depth to one of its height.
        facade: colour of the wall between the tiers.
        roof: True for one over the upper rows.
        flags: share of the crowd's texture that flags and banners cover.
        boards, boards_move: background and lettering colours, and what the boards do.
        board_height: metres.
        board_speed: m/s of scrolling, or changes a minute.
        dugout: colour of the dugouts.
    """

    seats: RGB
    crowd: float
    lower: float
    upper: float
    steepness: float
    facade: RGB
    roof: bool
    flags: float
    boards: tuple[tuple[RGB, RGB], ...]
    boards_move: Boards
    board_height: float
    board_speed: float
    dugout: RGB

    @classmethod
    def random(cls, rng: np.random.Generator, home: RGB) -> Stands:
        """A stadium by chance, for a home team in that colour."""
        return cls(
            seats=shade(choose(rng, (home, (70, 72, 78), (50, 60, 96), (150, 40, 36))), 0.7),
            crowd=float(choose(rng, (0.15, 0.5, 0.75, 0.9, 0.97)) + rng.uniform(-0.1, 0.02)),
            lower=float(rng.uniform(6.0, 14.0)),
            upper=float(choose(rng, (0.0, rng.uniform(8.0, 15.0), rng.uniform(8.0, 15.0)))),
            steepness=float(rng.uniform(1.5, 2.0)),
            facade=shade(choose(rng, (home, (90, 92, 98), (150, 152, 156), (30, 32, 38))), 0.7),
            roof=bool(rng.random() < 0.8),
            flags=float(rng.uniform(0.0, 0.04)),
            boards=tuple(_board(rng) for _ in range(5)),
            boards_move=choose(rng, tuple(Boards)),
            board_height=float(rng.uniform(0.85, 1.15)),
            board_speed=float(rng.uniform(1.5, 7.0)),
            dugout=choose(rng, ((60, 64, 70), (150, 156, 162), shade(home, 0.5))),
        )


def _board(rng: np.random.Generator) -> tuple[RGB, RGB]:
    """Background and lettering of an advertisement."""
    ground = choose(
        rng,
        (
            (24, 60, 150),
            (200, 50, 40),
            (236, 236, 236),
            BLACK,
            (30, 120, 90),
            (226, 170, 30),
            (110, 40, 130),
            (20, 150, 190),
        ),
    )
    return ground, WHITE if sum(ground) < 430 else (30, 40, 90)
