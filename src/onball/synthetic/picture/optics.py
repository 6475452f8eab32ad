"""Optics and electronics of the cameras of a match."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from onball.synthetic.picture.colours import RGB
from onball.synthetic.picture.light import Weather


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
