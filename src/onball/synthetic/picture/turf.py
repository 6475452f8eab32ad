"""The grass of a match: its colour, how it was mown and how worn it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from onball.synthetic.picture.colours import GRASS, RGB, choose, shade


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
