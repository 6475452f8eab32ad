"""Optics and electronics of the cameras of a match."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from onball.simulator.look.colours import RGB, WHITE, choose, shade
from onball.simulator.look.kits import Outfits
from onball.simulator.look.venue import Light, Stands, Turf, Weather


@dataclass(frozen=True)
class Lens:
    """Optics and electronics of the cameras; pixels are those of a picture of 224 lines.

    Attributes:
        distortion: k1 of `onball.simulator.paint.scene`, negative for a barrel.
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

    @classmethod
    def random(cls, rng: np.random.Generator, weather: Weather, grass: RGB) -> Lens:
        """Cameras by chance, for that light and that pitch."""
        # The iris is set by the pitch: so bright is its middle grey on television.
        luma = float(np.dot(grass, (0.299, 0.587, 0.114)))
        noise = 1.35 if weather is Weather.NIGHT else 1.0
        return cls(
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


# --- What the broadcaster puts on the picture: which score bug, which watermark, and wher


NAMES = ("ASH", "BRK", "COL", "DUN", "ELM", "FEN", "GLN", "HAR", "KIR", "LOW", "MAR", "NOR")
CHANNELS = ("kestrel", "MERIDIAN", "tv nine", "OPEN SPORT", "harbour", "polar 2", "LARK")


class Bug(StrEnum):
    """Design of the score bug."""

    DARK = "dark"  # clock, names and score in dark cells
    LIGHT = "light"  # dark on white, colours as bars
    TEAMS = "teams"  # names on the colours of the teams
    STACKED = "stacked"  # one team above the other, the clock beside them
    CLEAR = "clear"  # lettering straight on the picture


@dataclass(frozen=True)
class Graphics:
    """What the broadcaster puts on the picture.

    Attributes:
        names: three letters for the home and the away team.
        bug, bug_at: design of the score bug; where its middle stands, as a share of the free room in x
            and y (0 is left or top).
        bug_scale: of its size.
        panel, ink, accent: colours of its ground, its lettering and its trim.
        channel, channel_at: invented watermark, and its corner like `bug_at`.
        opacity: 0 to 1, of the watermark.
    """

    names: tuple[str, str]
    bug: Bug
    bug_at: tuple[float, float]
    bug_scale: float
    panel: RGB
    ink: RGB
    accent: RGB
    channel: str
    channel_at: tuple[float, float]
    opacity: float

    @classmethod
    def random(cls, rng: np.random.Generator, home: RGB) -> Graphics:
        """A broadcaster by chance, for a home team in that colour."""
        names = rng.permutation(NAMES)[:2].tolist()
        margin = float(rng.uniform(0.04, 0.12))
        # Mostly top left; the watermark takes a corner that is free.
        place = choose(rng, ((0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (1, 0), (0.5, 1), (0, 1)))
        corners = [corner for corner in ((1, 0), (0, 1), (1, 1)) if corner != place]
        if place == (0.5, 1):
            corners = [(1, 0)]
        corner = corners[int(rng.integers(len(corners)))]
        panel, ink = choose(
            rng,
            (
                ((18, 22, 30), WHITE),
                ((236, 236, 240), (24, 26, 40)),
                ((26, 40, 96), WHITE),
                (shade(home, 0.5), WHITE),
                ((64, 14, 34), (236, 220, 180)),
            ),
        )
        return cls(
            names=(names[0], names[1]),
            bug=choose(rng, tuple(Bug)),
            bug_at=_inside(place, margin),
            bug_scale=float(rng.uniform(0.85, 1.2)),
            panel=panel,
            ink=ink,
            accent=choose(
                rng, ((240, 196, 40), (230, 60, 60), (60, 200, 220), WHITE, (120, 230, 120))
            ),
            channel=choose(rng, CHANNELS),
            channel_at=_inside(corner, margin),
            opacity=float(rng.uniform(0.25, 0.8)),
        )


def _inside(corner: tuple[float, float], margin: float) -> tuple[float, float]:
    """A corner (0 or 1 in x and y) moved inwards by a margin."""
    x, y = (margin + (1 - 2 * margin) * share for share in corner)
    return x, y


# --- What one simulated match looks like: outfits, turf, light, stands, lens and on-scree


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
        """k1 of the lens: see `onball.simulator.paint.scene`."""
        return self.lens.distortion

    @classmethod
    def random(cls, seed: int) -> Look:
        """The look of match `seed`; the same seed gives the same look."""
        rng = np.random.default_rng(seed)
        turf = Turf.random(rng)
        outfits = Outfits.random(rng, turf.grass)
        home = outfits.teams[0].shirt
        light = Light.random(rng)
        return cls(
            seed=seed,
            outfits=outfits,
            turf=turf,
            light=light,
            stands=Stands.random(rng, home),
            lens=Lens.random(rng, light.weather, turf.grass),
            graphics=Graphics.random(rng, home),
        )
