"""What one simulated match looks like: outfits, turf, light, stands, lens and on-screen graphics.

`Look.random(seed)` decides all of it; every painter of that match draws from the same look.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from onball.synthetic.picture.graphics import Graphics
from onball.synthetic.picture.kits import Outfits
from onball.synthetic.picture.light import Light
from onball.synthetic.picture.optics import Lens
from onball.synthetic.picture.stands import Boards, Stands
from onball.synthetic.picture.turf import Mowing, Turf

__all__ = ["Boards", "Lens", "Look", "Mowing", "Stands", "Turf"]


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
