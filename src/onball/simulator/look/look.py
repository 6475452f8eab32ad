"""Appearance of a simulated match: cameras, broadcast graphics, and the whole `Look`.

`Look.random(seed)` draws everything about a match that does not move. Wide ranges, different in every
match, keep a model from learning one stadium or one broadcaster.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from onball.errors import InputError
from onball.simulator.look.colours import RGB, WHITE, choose, shade
from onball.simulator.look.kits import Outfits
from onball.simulator.look.venue import Light, Stands, Turf, Weather

NAMES = ("ASH", "BRK", "COL", "DUN", "ELM", "FEN", "GLN", "HAR", "KIR", "LOW", "MAR", "NOR")
CHANNELS = ("kestrel", "MERIDIAN", "tv nine", "OPEN SPORT", "harbour", "polar 2", "LARK")


class Variety(StrEnum):
    """Ranges from which the look and the cameras of matches are drawn."""

    STANDARD = "standard"  # clear pictures, in which every action can be seen
    BROAD = "broad"  # as wide as real broadcasts: `onball.simulator.look.broad`


def named_variety(name: str) -> Variety:
    """Return the ranges of that name. Raises `InputError` for an unknown one."""
    try:
        return Variety(name)
    except ValueError:
        known = ", ".join(Variety)
        raise InputError(f"unknown look '{name}': choose one of {known}") from None


@dataclass(frozen=True)
class Lens:
    """Optics and electronics of the cameras.

    Attributes:
        distortion: k1 of `onball.simulator.paint.scene.distort`, negative for a barrel.
        vignette: fraction of the light that the corners lose.
        defocus: standard deviation of the blur of the whole frame, in pixels of a frame of 224 lines; it
            grows with the root of the number of lines.
        aperture: diameter of the iris, in frame heights at a focal length of one frame height.
        shutter_ms: exposure time of a frame.
        sharpening: gain of the unsharp mask.
        exposure: gain.
        white_balance: gains of red, green and blue.
        saturation, contrast, gamma: 1 changes nothing.
        grain, chroma_grain: standard deviations of the sensor noise, in levels of 0 to 255.
        sharpening_radius: factor of the radius of the unsharp mask, whose halos it widens.
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
    sharpening_radius: float = 1.0

    @classmethod
    def random(cls, rng: np.random.Generator, weather: Weather, grass: RGB) -> Lens:
        """Draw cameras for that weather and that colour of the grass."""
        # Auto exposure: television shows the pitch at a luma of about 74 to 116.
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


@dataclass(frozen=True)
class Transmission:
    """Losses between the camera and the viewer, before the video is encoded.

    Attributes:
        detail_x, detail_y: columns and rows to which the frame is reduced on the way, as fractions of its
            own: below 1, it is scaled down and up again. Half the rows remain of one interlaced field.
        chroma_blur: standard deviation of a blur of the colours alone, pixels of a frame of 224 lines.
        border: fraction of the width that black bars at the sides hide.
        echo: fraction of the frames that a conversion of the frame rate, or interlacing, makes from two
            times: a moving ball with a soft edge is in them twice.
        echo_ms: between the two times.
        fields: each time has every second row, instead of a part of the opacity.
    """

    detail_x: float = 1.0
    detail_y: float = 1.0
    chroma_blur: float = 0.0
    border: float = 0.0
    echo: float = 0.0
    echo_ms: float = 20.0
    fields: bool = False


@dataclass(frozen=True)
class Ball:
    """The ball.

    Attributes:
        colour: of its surface in full light.
        size: factor of its true radius.
        smallest: its smallest radius in pixels of a frame of 224 lines.
        rim: width of its dark outline, as a factor of the usual one.
        faintest: opacity below which the smear of a fast ball never falls.
        patches: whether it has dark patches.
        patch: colour of the patches.
        softness: standard deviation of the blur of its edge, in pixels of a frame of 224 lines; 0 for the
            clear ball that the fields below do not change.
        streak: factor of the length of its smear.
        density: how fast the smear fades with its length: 1 as light does, less stays opaque.
        flicker: fraction of its opacity that it loses at random from frame to frame.
        bloom: opacity of the light around it.
        shading: fraction of the light that its lower half lacks.
    """

    colour: RGB = (246, 246, 244)
    size: float = 1.0
    smallest: float = 1.05
    rim: float = 1.0
    faintest: float = 0.35
    patches: bool = True
    patch: RGB = (96, 98, 110)
    softness: float = 0.0
    streak: float = 1.0
    density: float = 1.0
    flicker: float = 0.0
    bloom: float = 0.0
    shading: float = 0.0


class Bug(StrEnum):
    """Design of the score bug."""

    DARK = "dark"  # clock, names and score in dark cells
    LIGHT = "light"  # dark on white, colours as bars
    TEAMS = "teams"  # names on the colours of the teams
    STACKED = "stacked"  # one team above the other, the clock beside them
    CLEAR = "clear"  # lettering directly on the frame


@dataclass(frozen=True)
class Caption:
    """A text that stands on the frames of the whole match: a sponsor, a hashtag, the name of a site.

    Attributes:
        text: its lettering.
        at: position in x and y, as a fraction of the free room.
        size: height of the letters, as a fraction of the frame's height.
        ink: colour of the lettering.
        panel: colour of its ground; None for lettering directly on the frame.
        opacity: 0 to 1.
    """

    text: str
    at: tuple[float, float]
    size: float
    ink: RGB
    panel: RGB | None
    opacity: float


@dataclass(frozen=True)
class Disc:
    """A round emblem that stands on the frames of the whole match.

    Attributes:
        at: position in x and y, as a fraction of the free room.
        size: diameter, as a fraction of the frame's height.
        colour: of its ground.
        ring: colour of its border; None for none.
        opacity: 0 to 1.
    """

    at: tuple[float, float]
    size: float
    colour: RGB
    ring: RGB | None
    opacity: float


@dataclass(frozen=True)
class Graphics:
    """Graphics of the broadcaster.

    Attributes:
        names: three letters for the home and the away team.
        bug: design of the score bug.
        bug_at: its position in x and y, as a fraction of the free room: 0 is left or top, 1 right or
            bottom.
        bug_scale: factor of its size.
        panel, ink, accent: colours of its ground, its lettering and its trim.
        channel: text of the watermark, an invented channel.
        channel_at: its position, like `bug_at`.
        opacity: 0 to 1, of the watermark.
        captions: further texts.
        discs: round emblems.
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
    captions: tuple[Caption, ...] = ()
    discs: tuple[Disc, ...] = ()

    @classmethod
    def random(cls, rng: np.random.Generator, home: RGB) -> Graphics:
        """Draw a broadcaster, for a home team in that colour."""
        names = rng.permutation(NAMES)[:2].tolist()
        margin = float(rng.uniform(0.04, 0.12))
        # The score bug is mostly at the top left; the watermark takes a free corner.
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
    """Move a corner (0 or 1 in x and y) inwards by a margin."""
    x, y = (margin + (1 - 2 * margin) * edge for edge in corner)
    return x, y


@dataclass(frozen=True)
class Look:
    """Appearance of one match, from which the painter draws everything that does not move.

    Attributes:
        seed: seed of the textures (grass, crowd, boards, grain).
        outfits: clothes of all people.
        turf, light, stands: the venue.
        lens: optics and electronics of the cameras.
        graphics: of the broadcaster.
        ball: the ball.
        transmission: from the camera to the viewer.
    """

    seed: int
    outfits: Outfits
    turf: Turf
    light: Light
    stands: Stands
    lens: Lens
    graphics: Graphics
    ball: Ball = Ball()
    transmission: Transmission = Transmission()

    @property
    def shutter_ms(self) -> float:
        """Exposure time of a frame, in milliseconds; the shutter closes at the frame's time."""
        return self.lens.shutter_ms

    @property
    def distortion(self) -> float:
        """Distortion k1 of the lens: see `onball.simulator.paint.scene.distort`."""
        return self.lens.distortion

    @classmethod
    def random(cls, seed: int) -> Look:
        """Draw the look of match `seed`; the same seed gives the same look."""
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
