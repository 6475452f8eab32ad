"""Palettes of simulated football, and operations on colours.

A colour is a tuple (red, green, blue) of integers from 0 to 255.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np

RGB = tuple[int, int, int]
T = TypeVar("T")

WHITE, BLACK, GREY = (236, 236, 232), (28, 28, 32), (112, 114, 118)
TEAM_COLOURS: tuple[RGB, ...] = (
    WHITE,
    (188, 28, 36),  # red
    (222, 50, 44),  # scarlet
    (34, 62, 158),  # blue
    (20, 92, 196),  # royal
    (232, 200, 44),  # yellow
    (112, 184, 226),  # sky
    (92, 24, 48),  # claret
    (226, 106, 30),  # orange
    (84, 44, 126),  # purple
    (26, 34, 70),  # navy
    (18, 104, 74),  # bottle green
    (60, 200, 160),  # mint
    (228, 150, 176),  # pink
    (150, 152, 156),  # silver
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
    (196, 232, 40),
    (52, 54, 60),
)
REFEREE_COLOURS: tuple[RGB, ...] = (
    BLACK,
    (236, 216, 60),
    (96, 190, 224),
    (210, 60, 120),
    (240, 90, 50),
)
BIB_COLOURS: tuple[RGB, ...] = (
    (214, 240, 40),
    (255, 120, 20),
    (250, 90, 170),
    (70, 220, 240),
)
#: Colours of skin from light to dark, with their probabilities.
SKIN: tuple[tuple[RGB, float], ...] = (
    ((230, 186, 160), 0.22),
    ((216, 166, 134), 0.26),
    ((196, 142, 108), 0.18),
    ((158, 108, 78), 0.14),
    ((112, 74, 54), 0.12),
    ((78, 52, 40), 0.08),
)
#: Colours of hair, with their probabilities.
HAIR: tuple[tuple[RGB, float], ...] = (
    ((28, 22, 20), 0.40),
    ((52, 36, 26), 0.28),
    ((94, 66, 42), 0.14),
    ((140, 74, 40), 0.04),
    ((192, 158, 98), 0.08),
    ((226, 214, 180), 0.03),
    ((128, 126, 124), 0.03),
)
GRASS: tuple[RGB, ...] = (
    (84, 112, 40),
    (70, 104, 44),
    (92, 114, 56),  # dull olive
    (100, 120, 64),
    (66, 96, 36),
    (82, 120, 56),
    (74, 122, 24),  # vivid
    (60, 112, 40),
    (92, 128, 60),
    (58, 92, 48),
)


def colour_distance(one: RGB, other: RGB) -> float:
    """Perceived difference of two colours, 0 to about 765.

    Weighted Euclidean distance in RGB with the weights of the "redmean" approximation
    (https://www.compuphase.com/cmetric.htm).
    """
    red = (one[0] + other[0]) / 2
    dr, dg, db = (a - b for a, b in zip(one, other, strict=True))
    return float(
        np.sqrt((2 + red / 256) * dr * dr + 4 * dg * dg + (2 + (255 - red) / 256) * db * db)
    )


def choose(rng: np.random.Generator, options: tuple[T, ...]) -> T:
    """Choose one of the options uniformly."""
    return options[int(rng.integers(len(options)))]


def choose_weighted(rng: np.random.Generator, options: tuple[tuple[T, float], ...]) -> T:
    """Choose one of the (option, probability) pairs; the probabilities sum to 1."""
    return options[int(rng.choice(len(options), p=[weight for _, weight in options]))][0]


def distinct_from(options: tuple[RGB, ...], minimum: float, *others: RGB) -> tuple[RGB, ...]:
    """Keep the options whose `colour_distance` to each of the others is at least `minimum`."""
    return tuple(
        option
        for option in options
        if all(colour_distance(option, other) >= minimum for other in others)
    )


def shade(colour: RGB, gain: float) -> RGB:
    """Multiply a colour by `gain`, clipped to 0..255."""
    red, green, blue = (min(255, max(0, round(value * gain))) for value in colour)
    return red, green, blue
