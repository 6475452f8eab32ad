"""Appearance of a match drawn from ranges as wide as real broadcasts, for training.

`Look.random` draws a match that is plausible and clear. Real broadcasts differ from it in ways that
matter for finding the ball: a smaller, softer and paler ball, faint lines, halos, lost detail, texts of
other programmes. `broad_look` draws these too. Its ranges hold the real ones that `benchmarks/look.py`
measures, and more: a network that is trained on them has to find what they have in common.
"""

from __future__ import annotations

import colorsys
from dataclasses import replace

import numpy as np

from onball.simulator.look.colours import BLACK, RGB, WHITE, choose, choose_weighted, shade
from onball.simulator.look.kits import Outfits
from onball.simulator.look.look import (
    Ball,
    Bug,
    Caption,
    Graphics,
    Lens,
    Look,
    Transmission,
)
from onball.simulator.look.venue import Light, Stands, Turf, Weather

_WORDS = (
    "matchday", "@fulltime", "#derby", "www.kickoff.example", "LIVE", "premier", "sport one",
    "highlights", "ROUND 12", "in association with", "subscribe", "Cup", "HD", "2nd half", "t.me/goal",
)  # fmt: skip
_BALLS: tuple[tuple[RGB, float], ...] = (
    ((246, 246, 244), 0.50),
    ((226, 232, 222), 0.30),
    ((236, 238, 190), 0.08),
    ((236, 226, 70), 0.06),  # the yellow ball of winter
    ((244, 150, 80), 0.03),
    ((244, 190, 206), 0.03),
)


def broad_look(seed: int) -> Look:
    """Draw the look of match `seed` from wide ranges; the same seed gives the same look."""
    rng = np.random.default_rng([seed, 0xB0AD])
    turf = _turf(rng)
    outfits = Outfits.random(rng, turf.grass)
    home = outfits.teams[0].shirt
    light = _light(rng)
    return Look(
        seed=seed,
        outfits=outfits,
        turf=turf,
        light=light,
        stands=_stands(rng, home),
        lens=_lens(rng, light.weather, turf.grass),
        graphics=_graphics(rng, home),
        ball=_ball(rng),
        transmission=_transmission(rng),
    )


def _turf(rng: np.random.Generator) -> Turf:
    """Grass of any green, from olive to bluish and from pale to vivid; soft or hard bands."""
    red, green, blue = colorsys.hsv_to_rgb(
        float(choose(rng, (rng.uniform(68, 94), rng.uniform(62, 122)))) / 360,
        rng.uniform(0.4, 0.86),
        rng.uniform(0.34, 0.55),
    )
    grass = (round(255 * red), round(255 * green), round(255 * blue))
    turf = Turf.random(rng)
    surround = choose(rng, (turf.surround, shade(grass, 0.9), shade(grass, 1.15), (110, 112, 116)))
    return replace(
        turf,
        grass=grass,
        surround=surround,
        mowing_width=float(rng.uniform(4.0, 13.0)),
        mowing_contrast=float(rng.uniform(0.0, 0.16)),
        mowing_edge=float(rng.uniform(1.2, 6.0)),
        wear=float(rng.uniform(0.0, 1.2) ** 1.5),
        texture=float(rng.uniform(0.2, 1.3) ** 2),
        line_opacity=float(rng.uniform(0.3, 0.95)),
    )


def _light(rng: np.random.Generator) -> Light:
    light = Light.random(rng)
    return replace(
        light,
        shadow=light.shadow * float(rng.uniform(0.5, 1.25)),
        stand_gain=light.stand_gain * float(rng.uniform(0.4, 1.2)),
    )


def _stands(rng: np.random.Generator, home: RGB) -> Stands:
    return replace(
        Stands.random(rng, home),
        board_height=float(rng.uniform(0.8, 1.3)),
        board_speed=float(rng.uniform(0.5, 10.0)),
        flags=float(rng.uniform(0.0, 0.08)),
    )


def _lens(rng: np.random.Generator, weather: Weather, grass: RGB) -> Lens:
    lens = Lens.random(rng, weather, grass)
    luma = float(np.dot(grass, (0.299, 0.587, 0.114)))
    # Encoders remove most grain: six of ten broadcasts show hardly any.
    noise = float(rng.uniform(0.0, 0.6) if rng.random() < 0.6 else rng.uniform(0.6, 3.0))
    return replace(
        lens,
        defocus=float(rng.uniform(0.0, 0.85)),
        shutter_ms=float(rng.uniform(3.0, 30.0)),
        sharpening=float(rng.uniform(0.0, 1.6) * rng.integers(2)),
        sharpening_radius=float(rng.uniform(0.7, 2.0)),
        exposure=float(np.clip(rng.uniform(85, 135) / luma, 0.7, 1.9)),
        white_balance=(float(rng.uniform(0.9, 1.12)), 1.0, float(rng.uniform(0.85, 1.1))),
        saturation=float(rng.uniform(0.75, 1.25)),
        contrast=float(rng.uniform(0.92, 1.22)),
        gamma=float(rng.uniform(0.8, 1.12)),
        grain=noise,
        chroma_grain=0.8 * noise,
    )


def _ball(rng: np.random.Generator) -> Ball:
    """A ball that is mostly whitish, often without a rim, and as bright as its shade makes it."""
    return Ball(
        colour=shade(choose_weighted(rng, _BALLS), float(rng.uniform(0.86, 1.06))),
        size=float(rng.uniform(0.8, 1.3)),
        smallest=float(rng.uniform(0.65, 1.1)),
        rim=float(rng.uniform(0.2, 1.0)) if rng.random() < 0.3 else 0.0,
        faintest=float(rng.uniform(0.2, 0.4)),
        patches=bool(rng.random() < 0.6),
    )


def _transmission(rng: np.random.Generator) -> Transmission:
    """Two thirds of the matches lose detail; one in eight only rows, as one field of two does."""
    kept = float(rng.uniform(0.55, 1.0)) if rng.random() < 0.65 else 1.0
    field = rng.random() < 0.12
    return Transmission(
        detail_x=kept,
        detail_y=min(kept, 0.5) if field else kept,
        chroma_blur=float(rng.uniform(0.2, 2.2)),
        border=float(rng.uniform(0.005, 0.04)) if rng.random() < 0.15 else 0.0,
    )


def _graphics(rng: np.random.Generator, home: RGB) -> Graphics:
    graphics = Graphics.random(rng, home)
    return replace(
        graphics,
        bug=choose(rng, tuple(Bug)),
        bug_scale=float(rng.uniform(0.7, 1.4)),
        opacity=float(rng.uniform(0.0, 1.0)),
        captions=tuple(_caption(rng) for _ in range(int(rng.choice(4, p=(0.4, 0.3, 0.2, 0.1))))),
    )


def _caption(rng: np.random.Generator) -> Caption:
    """A text near the border of the frame; one in ten anywhere, and then faint."""
    anywhere = rng.random() < 0.1
    x, y = rng.uniform(0.02, 0.98, 2)
    edge = float(choose(rng, (0.03, 0.9, 0.95)))
    ink, panel = choose(
        rng,
        (
            (WHITE, None),
            (WHITE, None),
            (BLACK, WHITE),
            (WHITE, BLACK),
            (WHITE, (190, 30, 40)),
            ((30, 40, 90), (236, 200, 50)),
        ),
    )
    return Caption(
        text=choose(rng, _WORDS),
        at=(float(x), float(y) if anywhere else edge),
        size=float(rng.uniform(0.02, 0.055)),
        ink=ink,
        panel=None if anywhere else panel,
        opacity=float(rng.uniform(0.15, 0.4) if anywhere else rng.uniform(0.5, 1.0)),
    )
