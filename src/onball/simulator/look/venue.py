"""Venue of a match: turf, light, and stands with their advertising boards.

Each class draws itself by `random`, from wide ranges around broadcasts of professional football.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from onball.simulator.look.colours import BLACK, GRASS, RGB, WHITE, choose, shade
from onball.simulator.world import HALF_LENGTH, HALF_WIDTH

BOARD_COLOURS: tuple[RGB, ...] = (
    (24, 60, 150),
    (200, 50, 40),
    (236, 236, 236),
    BLACK,
    (30, 120, 90),
    (226, 170, 30),
    (110, 40, 130),
    (20, 150, 190),
)
"""Backgrounds of advertising boards."""


class Mowing(StrEnum):
    """Mowing pattern of the grass."""

    STRIPES = "stripes"  # across the pitch: upright bands for the main camera
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
        mowing: pattern.
        mowing_width: width of its bands, metres.
        mowing_contrast: half the relative difference in brightness between its bands.
        wear: 0 (fresh) to 1 (worn).
        surround: colour of the ground beside the grass.
        mowing_edge: steepness of the edges between the bands: 1 is a sine, 6 almost a step.
        texture: factor of the irregular brightness of the grass.
        line_opacity: how much of the white of the lines covers the grass, 0 to 1.
        spot_size: factor of the size of the penalty spots.
        litter: number of white bits that lie on the pitch, most of them near the goals.
    """

    grass: RGB
    mowing: Mowing
    mowing_width: float
    mowing_contrast: float
    wear: float
    surround: RGB
    mowing_edge: float = 6.0
    texture: float = 1.0
    line_opacity: float = 1.0
    spot_size: float = 1.0
    litter: int = 0

    @classmethod
    def random(cls, rng: np.random.Generator) -> Turf:
        """Draw a pitch."""
        grass = shade(choose(rng, GRASS), rng.uniform(0.82, 1.18))
        mean = sum(grass) / 3
        artificial = (
            round(0.45 * grass[0] + 0.25 * mean + 8),
            round(0.45 * grass[1] + 0.25 * mean + 8),
            round(0.45 * grass[2] + 0.25 * mean + 8),
        )
        surround = choose(
            rng, (artificial, artificial, shade(grass, 0.9), (96, 56, 46), (52, 74, 120))
        )
        return cls(
            grass=grass,
            mowing=choose(rng, (Mowing.STRIPES, Mowing.STRIPES, *tuple(Mowing))),
            mowing_width=float(rng.uniform(4.0, 9.0)),
            mowing_contrast=float(rng.uniform(0.03, 0.12)),
            wear=float(rng.uniform(0.0, 0.9) ** 1.5),
            surround=surround,
        )


class Weather(StrEnum):
    """Source of the light."""

    SUN = "sun"  # one hard shadow
    OVERCAST = "overcast"  # soft light from everywhere
    NIGHT = "night"  # four floodlights, dark stands


@dataclass(frozen=True)
class Light:
    """Sun, clouds or floodlights.

    Attributes:
        weather: source of the light.
        sun: direction towards the (main) light, a unit vector.
        shadow: fraction of the light that a person's shadow removes.
        shade_normal, shade_offset: the stand's shadow covers the ground where
            `shade_normal @ (x, y) > shade_offset`, in metres; an infinite offset for none.
        shade: fraction of the light that the stand's shadow removes.
        sky: colour above the roofs.
        stand_gain: gain of the light on the stands.
    """

    weather: Weather
    sun: tuple[float, float, float]
    shadow: float
    shade_normal: tuple[float, float]
    shade_offset: float
    shade: float
    sky: RGB
    stand_gain: float

    def gain(self, xy: NDArray[np.floating]) -> NDArray[np.float64]:
        """Gain `[...]` of the light at places `[..., 2]` in metres: 1, less in the stand's shadow."""
        covered = xy @ np.array(self.shade_normal) > self.shade_offset
        return np.where(covered, 1 - self.shade, 1.0)

    @classmethod
    def random(cls, rng: np.random.Generator) -> Light:
        """Draw weather, hour and the stadium's orientation."""
        weather = choose(rng, tuple(Weather))
        azimuth, elevation = rng.uniform(0, 2 * np.pi), np.radians(rng.uniform(22, 58))
        # The stand on the side of the sun casts a shadow: a long side or the end behind a goal.
        covered = weather is Weather.SUN and rng.random() < 0.45
        normal = choose(rng, ((0.0, -1.0), (0.0, -1.0), (0.0, 1.0), (1.0, 0.0), (-1.0, 0.0)))
        depth = rng.uniform(8.0, 34.0)
        edge = (HALF_LENGTH if normal[0] else HALF_WIDTH) - depth
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
        shadows = {
            Weather.SUN: rng.uniform(0.32, 0.52),
            Weather.OVERCAST: rng.uniform(0.14, 0.26),
            Weather.NIGHT: rng.uniform(0.06, 0.15),
        }
        stand_gains = {
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
            shadow=float(shadows[weather]),
            shade_normal=normal,
            shade_offset=float(edge) if covered else float("inf"),
            shade=float(rng.uniform(0.25, 0.48)),
            sky=choose(rng, skies[weather]),
            stand_gain=float(stand_gains[weather]),
        )


class Boards(StrEnum):
    """Behaviour of the advertising boards."""

    STATIC = "static"
    SCROLL = "scroll"
    CHANGE = "change"


@dataclass(frozen=True)
class Netting:
    """Nets of the goals.

    Attributes:
        mesh: distance between strings, metres.
        colours: one, or several that alternate from string to string.
        opacity: of the strings, 0 to 1.
        top, foot: depth of the net at the bar and on the ground, metres.
        sag: depth to which it hangs between its ends, metres.
        supports: colour of the bar on the ground, and of the poles; None for neither.
        poles: whether free-standing poles hold the net.
    """

    mesh: float
    colours: tuple[RGB, ...]
    opacity: float
    top: float
    foot: float
    sag: float
    supports: RGB | None
    poles: bool


@dataclass(frozen=True)
class Stands:
    """The stadium.

    Attributes:
        seats: colour of the empty seats.
        occupancy: fraction of the seats that are taken.
        lower, upper: heights of the two tiers in metres; 0 for no upper tier.
        steepness: depth of a tier over its height.
        facade: colour of the wall between the tiers.
        roof: whether the upper rows are roofed.
        flags: fraction of the crowd's texture that flags and banners cover.
        boards: colours of background and lettering of each advertisement.
        boards_move: behaviour of the boards.
        board_height: metres.
        board_speed: m/s of scrolling, or changes per minute.
        dugout: colour of the dugouts.
        netting: nets of the goals; None for the usual ones.
        board_gap: metres by which boards and stands are farther from the pitch than usual.
        board_clutter: fraction of the advertisements that are dots, stripes or other shapes.
        board_letters: range of the height of their letters, as a fraction of a board's usual height.
        specks: fraction of the crowd's texture that is white: papers, phones, scarves.
        bystanders: number of photographers and stewards behind each goal.
        objects: number of bottles, towels, bags and spare balls beside each goal.
    """

    seats: RGB
    occupancy: float
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
    netting: Netting | None = None
    board_gap: float = 0.0
    board_clutter: float = 0.0
    board_letters: tuple[float, float] = (0.45, 0.62)
    specks: float = 0.0
    bystanders: int = 0
    objects: int = 0

    @classmethod
    def random(cls, rng: np.random.Generator, home: RGB) -> Stands:
        """Draw a stadium for a home team in that colour."""
        return cls(
            seats=shade(choose(rng, (home, (70, 72, 78), (50, 60, 96), (150, 40, 36))), 0.7),
            occupancy=float(choose(rng, (0.15, 0.5, 0.75, 0.9, 0.97)) + rng.uniform(-0.1, 0.02)),
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
    """Draw background and lettering of an advertisement."""
    ground = choose(rng, BOARD_COLOURS)
    return ground, WHITE if sum(ground) < 430 else (30, 40, 90)
