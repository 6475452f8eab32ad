"""Settings of augmentation: what training does to its clips. Validation sees them as they are."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PositiveFloat

from onball.config.components import Section, Share


class JitterConfig(Section):
    """Colour jitter: each of the four happens with `probability`, the same for a whole clip.

    Attributes:
        factor: range of the factors of brightness, contrast and saturation.
        hue: largest turn of the hue to either side, as a share of the full circle.
    """

    probability: Share = 0.25
    factor: tuple[PositiveFloat, PositiveFloat] = (0.7, 1.2)
    hue: Annotated[float, Field(ge=0.0, le=0.5)] = 0.2


class BlurConfig(Section):
    """Gaussian blur over five pixels, as strong in every frame of a clip.

    Attributes:
        sigma: range of the standard deviation, in pixels.
    """

    probability: Share = 0.0
    sigma: tuple[PositiveFloat, PositiveFloat] = (0.1, 2.0)


class CropConfig(Section):
    """A window of the picture, the same in every frame, enlarged to the whole picture's size.

    Attributes:
        least_scale: the smallest window's height and width, as a share of the picture's.
    """

    probability: Share = 0.0
    least_scale: Annotated[float, Field(gt=0.0, le=1.0)] = 0.7


class CameraShiftConfig(Section):
    """A smooth movement of the whole picture during a clip, as if the camera panned and swayed.

    Attributes:
        pixels_share: the largest distance between two positions of the picture, along each axis,
            as a share of its width.
    """

    probability: Share = 0.0
    pixels_share: Share = 0.05


class NoiseConfig(Section):
    """Gaussian noise of a camera's sensor, new in every frame.

    Attributes:
        sigma: the largest standard deviation, in grey levels of 255; that of a clip lies between 0
            and it.
    """

    probability: Share = 0.0
    sigma: PositiveFloat = 8.0


class AugmentationConfig(Section):
    """How clips are changed at random, each alike in all its frames.

    Attributes:
        flip: probability that a clip is mirrored left to right.
    """

    flip: Share = 0.5
    jitter: JitterConfig = JitterConfig()
    blur: BlurConfig = BlurConfig()
    crop: CropConfig = CropConfig()
    camera_shift: CameraShiftConfig = CameraShiftConfig()
    noise: NoiseConfig = NoiseConfig()
