"""What one simulated match looks like: outfits, turf, light, stands, lens and on-screen graphics.

`Look.random(seed)` decides all of it; every painter of that match draws from the same look.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from onball.synthetic.picture.colours import BLACK, GRASS, RGB, WHITE, choose, shade
from onball.synthetic.picture.graphics import Graphics
from onball.synthetic.picture.kits import Outfits
from onball.synthetic.picture.light import Light, Weather


class Mowing(StrEnum):
    """How the grass was mown."""

    STRIPES = "stripes"  # across the pitch, seen from the main stand as upright bands
    LENGTHS = "lengths"  # along the pitch
    DIAGONAL = "diagonal"
    CHEQUERS = "chequers"
    CIRCLES = "circles"
    PLAIN = "plain"


class Boards(StrEnum):
    """What the advertising boards do."""

    STATIC = "static"
    SCROLL = "scroll"
    CHANGE = "change"


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


@dataclass(frozen=True)
class Lens:
    """Optics and electronics of the cameras; pixels are those of a picture of 224 lines.

    Attributes:
        distortion: k1 of `onball.synthetic.picture.lens`, negative for a barrel.
        vignette: 0 to 1, how much darker the corners are.
        defocus: standard deviation of the blur of the whole picture, pixels; it grows with the root of the
            size.
        aperture: size of the iris, in picture heights for a focal length of one picture height.
        shutter_ms: how long the shutter is open for a frame.
        sharpening: gain of the broadcaster's unsharp mask.
        exposure, white_balance, saturation, contrast, gamma: of the electronics.
        grain, chroma_grain: standard deviations of the sensor's noise, in grey levels.
    """

    distortion: float
    vignette: float
    defocus: float
    aperture: float
    shutter_ms: float
    sharpening: float
    exposure: float
    white_balance: tuple[float, float, float]
    saturation: float
    contrast: float
    gamma: float
    grain: float
    chroma_grain: float


@dataclass(frozen=True)
class Look:
    """One match's appearance. Everything that the painter draws follows from it.

    Attributes:
        seed: seeds the textures (grass, crowd, grain).
        outfits, turf, light, stands, lens, graphics: the parts.
    """

    seed: int
    outfits: Outfits
    turf: Turf
    light: Light
    stands: Stands
    lens: Lens
    graphics: Graphics

    @property
    def shutter_ms(self) -> float:
        """How long before its time a frame's shutter opens, in milliseconds."""
        return self.lens.shutter_ms

    @property
    def distortion(self) -> float:
        """k1 of the lens: see `onball.synthetic.picture.lens`."""
        return self.lens.distortion

    @classmethod
    def random(cls, seed: int) -> Look:
        """The look of match `seed`; the same seed gives the same look."""
        rng = np.random.default_rng(seed)
        turf = _turf(rng)
        outfits = Outfits.random(rng, turf.grass)
        home = outfits.teams[0].shirt
        light = Light.random(rng)
        return cls(
            seed=seed,
            outfits=outfits,
            turf=turf,
            light=light,
            stands=_stands(rng, home),
            lens=_lens(rng, light.weather, turf.grass),
            graphics=Graphics.random(rng, home),
        )


def _turf(rng: np.random.Generator) -> Turf:
    grass = shade(choose(rng, GRASS), rng.uniform(0.82, 1.18))
    mean = sum(grass) / 3
    turf = (
        round(0.45 * grass[0] + 0.25 * mean + 8),
        round(0.45 * grass[1] + 0.25 * mean + 8),
        round(0.45 * grass[2] + 0.25 * mean + 8),
    )
    surround = choose(rng, (turf, turf, shade(grass, 0.9), (96, 56, 46), (52, 74, 120)))
    return Turf(
        grass=grass,
        mowing=choose(rng, (Mowing.STRIPES, Mowing.STRIPES, *tuple(Mowing))),
        mowing_width=float(rng.uniform(4.0, 9.0)),
        mowing_contrast=float(rng.uniform(0.03, 0.12)),
        wear=float(rng.uniform(0.0, 0.9) ** 1.5),
        surround=surround,
    )


def _stands(rng: np.random.Generator, home: RGB) -> Stands:
    return Stands(
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


def _lens(rng: np.random.Generator, weather: Weather, grass: RGB) -> Lens:
    # The iris is set by the pitch: so bright is its middle grey on television.
    luma = float(np.dot(grass, (0.299, 0.587, 0.114)))
    noise = 1.35 if weather is Weather.NIGHT else 1.0
    return Lens(
        distortion=float(rng.uniform(-0.03, 0.03)),
        vignette=float(rng.uniform(0.0, 0.22)),
        defocus=float(rng.uniform(0.0, 0.7)),
        aperture=float(rng.uniform(0.004, 0.012)),
        shutter_ms=float(rng.uniform(4.0, 18.0)),
        sharpening=float(rng.uniform(0.0, 0.9)),
        exposure=float(np.clip(rng.uniform(74, 116) / luma, 0.85, 1.40)),
        white_balance=(float(rng.uniform(0.95, 1.06)), 1.0, float(rng.uniform(0.93, 1.06))),
        saturation=float(rng.uniform(0.82, 1.15)),
        contrast=float(rng.uniform(0.94, 1.15)),
        gamma=float(rng.uniform(0.88, 1.14)),
        grain=float(rng.uniform(0.6, 2.6) * noise),
        chroma_grain=float(rng.uniform(0.2, 1.6) * noise),
    )


def _board(rng: np.random.Generator) -> tuple[RGB, RGB]:
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
