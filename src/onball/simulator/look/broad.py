"""Appearance of a match drawn from ranges as wide as real broadcasts, for training.

`Look.random` draws a match that is plausible and clear. Real broadcasts differ from it in ways that
matter for finding the ball: a smaller, softer and paler ball and the faint streaks of long exposures,
nets, boards and people behind it, white things that are no ball, faint lines, halos, lost detail, texts
of other programmes. `broad_look` draws these too. Its ranges hold the real ones that `benchmarks/look.py`
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
    Disc,
    Graphics,
    Lens,
    Look,
    Transmission,
)
from onball.simulator.look.venue import BOARD_COLOURS, Light, Netting, Stands, Turf, Weather
from onball.simulator.world import HALF_LENGTH, HALF_WIDTH, TEAM_SIZE

_WORDS = (
    "matchday", "@fulltime", "#derby", "www.kickoff.example", "LIVE", "premier", "sport one",
    "highlights", "ROUND 12", "in association with", "subscribe", "Cup", "HD", "2nd half", "t.me/goal",
)  # fmt: skip
_BALLS: tuple[tuple[RGB, float], ...] = (
    ((246, 246, 244), 0.38),
    ((226, 232, 222), 0.22),
    ((204, 206, 204), 0.10),
    ((236, 238, 190), 0.12),
    ((212, 226, 176), 0.06),
    ((236, 226, 70), 0.05),  # the yellow ball of winter
    ((244, 150, 80), 0.04),
    ((244, 190, 206), 0.03),
)
_PATCHES: tuple[RGB, ...] = (
    (96, 98, 110), (40, 42, 50), (40, 70, 160), (200, 60, 50), (190, 150, 60), (170, 174, 170),
)  # fmt: skip
_NET_COLOURS: tuple[tuple[RGB, ...], ...] = (
    ((222, 224, 222),), ((236, 238, 236),), ((200, 204, 200),), ((160, 164, 162),), ((40, 42, 46),),
    ((232, 232, 232), (190, 40, 40)), ((232, 232, 232), (40, 70, 170)), ((60, 90, 190),),
    ((240, 220, 80),), ((230, 230, 230), (50, 52, 56)),
)  # fmt: skip
_SUPPORTS: tuple[RGB | None, ...] = (
    None, WHITE, WHITE, (200, 202, 204), (40, 44, 52), (40, 64, 160), (30, 110, 60),
)  # fmt: skip
_WHITES: tuple[RGB, ...] = (WHITE, (236, 238, 236), (220, 222, 218), (240, 240, 210))


def broad_look(seed: int) -> Look:
    """Draw the look of match `seed` from wide ranges; the same seed gives the same look."""
    rng = np.random.default_rng([seed, 0xB0AD])
    turf = _turf(rng)
    outfits = _with_white(rng, Outfits.random(rng, turf.grass))
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
        spot_size=float(rng.uniform(0.7, 1.8)),
        litter=_count(rng, (0, 0), (0, 0), (5, 40), (0, 0), (0, 0), (40, 250)),
    )


def _light(rng: np.random.Generator) -> Light:
    """More often than usual, the edge of a stand's shadow runs near or across a goal."""
    light = Light.random(rng)
    if light.weather is Weather.SUN and rng.random() < 0.5:
        azimuth = float(choose(rng, (0.0, 0.5, 1.0, 1.5)) * np.pi + rng.uniform(-0.15, 0.15))
        normal = (float(np.cos(azimuth)), float(np.sin(azimuth)))
        edge = HALF_LENGTH * abs(normal[0]) + HALF_WIDTH * abs(normal[1]) - rng.uniform(1.0, 40.0)
        # The sun is behind the stand that casts the shadow.
        flat = float(np.hypot(*light.sun[:2]))
        sun = azimuth + float(rng.uniform(-0.7, 0.7))
        light = replace(
            light,
            sun=(flat * float(np.cos(sun)), flat * float(np.sin(sun)), light.sun[2]),
            shade_normal=normal,
            shade_offset=float(edge),
            shade=float(rng.uniform(0.2, 0.65)),
        )
    return replace(
        light,
        shadow=light.shadow * float(rng.uniform(0.5, 1.25)),
        stand_gain=light.stand_gain * float(rng.uniform(0.4, 1.2)),
    )


def _stands(rng: np.random.Generator, home: RGB) -> Stands:
    letters = float(rng.uniform(0.3, 0.7))
    return replace(
        Stands.random(rng, home),
        board_height=float(rng.uniform(0.6, 1.7)),
        board_speed=float(rng.uniform(0.5, 14.0)),
        flags=float(rng.uniform(0.0, 0.1)),
        netting=_netting(rng),
        board_gap=float(rng.uniform(-1.0, 4.0)),
        board_clutter=float(rng.uniform(0.0, 0.5)),
        board_letters=(letters, letters + float(rng.uniform(0.1, 0.6))),
        boards=tuple(_board(rng) for _ in range(5)),
        specks=float(rng.uniform(0.0, 0.2) ** 2),
        bystanders=_count(rng, (0, 0), (1, 5), (4, 15)),
        objects=_count(rng, (0, 0), (0, 4), (3, 13)),
    )


def _count(rng: np.random.Generator, *ranges: tuple[int, int]) -> int:
    """Choose a range, and draw a number from it, ends included."""
    low, high = choose(rng, ranges)
    return int(rng.integers(low, high + 1))


def _board(rng: np.random.Generator) -> tuple[RGB, RGB]:
    """Background and lettering of an advertisement: the usual ones, or any colours that differ."""
    ground = choose(rng, BOARD_COLOURS)
    if rng.random() < 0.4:
        red, green, blue = (int(v) for v in rng.integers(10, 250, 3))
        ground = (red, green, blue)
    inks = (WHITE, BLACK, (30, 40, 90)) if sum(ground) > 430 else (WHITE, WHITE, (240, 210, 60))
    return ground, choose(rng, inks)


def _netting(rng: np.random.Generator) -> Netting:
    """Nets from fine to wide, faint to plain, shallow to deep, taut to slack, of several colours."""
    top, mesh = float(rng.uniform(0.2, 2.1)), float(rng.uniform(0.11, 0.36))
    return Netting(
        mesh=mesh,
        colours=choose(rng, _NET_COLOURS),
        # The more strings, the thinner each: a fine net still lets the background through.
        opacity=float(rng.uniform(0.1, 0.8) * (mesh / 0.36) ** 0.5),
        top=top,
        foot=max(top, float(rng.uniform(1.2, 2.4))),
        sag=float(rng.uniform(0.0, 0.35)),
        supports=choose(rng, _SUPPORTS),
        poles=bool(rng.random() < 0.4),
    )


def _with_white(rng: np.random.Generator, outfits: Outfits) -> Outfits:
    """Give many players white boots, socks and gloves, which look like the ball from a distance."""
    boots, gloves = float(rng.uniform(0.0, 0.6)), float(rng.uniform(0.0, 0.25))
    white_socks = [bool(rng.random() < 0.25) for _ in range(2)]
    people = []
    for index, person in enumerate(outfits.people):
        if index < 2 * TEAM_SIZE:
            if white_socks[index // TEAM_SIZE]:
                person = replace(person, kit=replace(person.kit, socks=WHITE))
            if rng.random() < boots:
                person = replace(person, boots=choose(rng, _WHITES))
            if person.gloves is None and rng.random() < gloves:
                person = replace(person, gloves=choose(rng, (*_WHITES, BLACK, BLACK)))
        people.append(person)
    return replace(outfits, people=tuple(people))


def _lens(rng: np.random.Generator, weather: Weather, grass: RGB) -> Lens:
    lens = Lens.random(rng, weather, grass)
    luma = float(np.dot(grass, (0.299, 0.587, 0.114)))
    # Encoders remove most grain: six of ten broadcasts show hardly any.
    noise = float(rng.uniform(0.0, 0.6) if rng.random() < 0.6 else rng.uniform(0.6, 3.0))
    return replace(
        lens,
        defocus=float(rng.uniform(0.0, 0.85)),
        shutter_ms=float(np.exp(rng.uniform(np.log(1.5), np.log(30.0)))),
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
    """A ball that is mostly whitish and without a rim, from underexposed to glaring, sharp to soft.

    In half of the matches it is plain to see. Where it hardly ever is, a network learns little: trained on
    wide ranges alone, it found fewer real balls.
    """
    plain = rng.random() < 0.5
    darkest, faintest, softest = (0.88, 0.2, 0.25) if plain else (0.8, 0.16, 0.5)
    return Ball(
        colour=shade(choose_weighted(rng, _BALLS), float(rng.uniform(darkest, 1.07))),
        size=float(rng.uniform(0.8, 1.3)),
        smallest=float(rng.uniform(0.65, 1.1)),
        rim=float(rng.uniform(0.2, 1.2)) if rng.random() < 0.3 else 0.0,
        faintest=float(rng.uniform(faintest, 0.4)),
        patches=bool(rng.random() < 0.6),
        patch=choose(rng, _PATCHES),
        softness=float(rng.uniform(0.05, softest)),
        streak=float(rng.uniform(0.7, 1.8)),
        density=float(rng.uniform(0.3, 0.9)),
        flicker=0.0 if plain else float(rng.uniform(0.0, 0.35) * rng.integers(2)),
        bloom=float(rng.uniform(0.1, 0.5)) if rng.random() < 0.25 else 0.0,
        shading=float(rng.uniform(0.0, 0.15 if plain else 0.3)),
    )


def _transmission(rng: np.random.Generator) -> Transmission:
    """Two thirds of the matches lose detail; one in eight only rows, as one field of two does."""
    kept = float(rng.uniform(0.55, 1.0)) if rng.random() < 0.65 else 1.0
    field = rng.random() < 0.12
    return Transmission(
        detail_x=kept,
        detail_y=min(kept, 0.5) if field else kept,
        chroma_blur=float(rng.uniform(0.2, 2.6)),
        border=float(rng.uniform(0.005, 0.04)) if rng.random() < 0.15 else 0.0,
        echo=float(choose(rng, (0.0, 0.0, 0.0, 0.0, rng.uniform(0.1, 0.6), 1.0))),
        echo_ms=float(rng.uniform(10.0, 40.0)),
        fields=bool(rng.random() < 0.35),
    )


def _graphics(rng: np.random.Generator, home: RGB) -> Graphics:
    graphics = Graphics.random(rng, home)
    return replace(
        graphics,
        bug=choose(rng, tuple(Bug)),
        bug_scale=float(rng.uniform(0.7, 1.4)),
        opacity=float(rng.uniform(0.0, 1.0)),
        captions=tuple(_caption(rng) for _ in range(int(rng.choice(4, p=(0.4, 0.3, 0.2, 0.1))))),
        discs=tuple(_disc(rng) for _ in range(int(rng.choice(4, p=(0.55, 0.2, 0.15, 0.1))))),
    )


def _disc(rng: np.random.Generator) -> Disc:
    """A round emblem near the border of the frame: a logo, a badge, a ball beside the score."""
    x, y = float(rng.uniform(0.02, 0.98)), float(rng.uniform(0.02, 0.98))
    edge = float(choose(rng, (0.02, 0.05, 0.92, 0.97)))
    beside = rng.random() < 0.3
    return Disc(
        at=(edge, y) if beside else (x, edge),
        size=float(np.exp(rng.uniform(np.log(0.01), np.log(0.08)))),
        colour=choose(rng, (WHITE, WHITE, WHITE, (240, 220, 60), (220, 50, 50), (30, 40, 90))),
        ring=choose(rng, (None, None, BLACK, (40, 60, 150), (200, 40, 50))),
        opacity=float(rng.uniform(0.4, 1.0)),
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
