"""Where the light of a match comes from: sun, clouds or floodlights, and how it falls."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from onball.synthetic.picture.colours import RGB, choose
from onball.synthetic.world import HALF_LENGTH, HALF_WIDTH


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
