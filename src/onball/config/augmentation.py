"""Settings of augmentation and mixup, which change training clips only."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PositiveFloat

from onball.config.base import BaseConfig, Fraction, PositiveFraction


class JitterConfig(BaseConfig):
    """Colour jitter: four changes, each the same for a whole clip.

    Attributes:
        probability: probability of each of the four changes.
        factor: range of the factors of brightness, contrast and saturation.
        hue: largest rotation of the hue to either side, as a fraction of the full circle.
    """

    probability: Fraction = 0.25
    factor: tuple[PositiveFloat, PositiveFloat] = (0.7, 1.2)
    hue: Annotated[float, Field(ge=0.0, le=0.5)] = 0.2


class BlurConfig(BaseConfig):
    """Gaussian blur over five pixels, equally strong in every frame of a clip.

    Attributes:
        probability: probability that a clip is changed.
        sigma: range of the standard deviation, in pixels.
    """

    probability: Fraction = 0.0
    sigma: tuple[PositiveFloat, PositiveFloat] = (0.1, 2.0)


class RandomCropConfig(BaseConfig):
    """Random window, the same in every frame of a clip, enlarged to the frame's size.

    Attributes:
        probability: probability that a clip is changed.
        least_scale: height and width of the smallest window, as a fraction of the frame's.
    """

    probability: Fraction = 0.0
    least_scale: PositiveFraction = 0.7


class CameraShiftConfig(BaseConfig):
    """Smooth translation of the frames during a clip, as if the camera panned and swayed.

    Attributes:
        probability: probability that a clip is changed.
        pixels_share: largest distance between two positions of the image, along each axis, as a
            fraction of its width.
    """

    probability: Fraction = 0.0
    pixels_share: Fraction = 0.05


class NoiseConfig(BaseConfig):
    """Gaussian sensor noise, new in every frame.

    Attributes:
        probability: probability that a clip is changed.
        sigma: largest standard deviation, in grey levels of 255; that of a clip lies between 0
            and it.
    """

    probability: Fraction = 0.0
    sigma: PositiveFloat = 8.0


class StyleConfig(BaseConfig):
    """Fourier amplitudes of another clip of the batch: its colours and shading with the clip's own edges
    (Yang and Soatto 2020).

    Attributes:
        probability: probability that a clip is changed.
        band: highest spatial frequency that is replaced, as a fraction of the largest.
    """

    probability: Fraction = 0.0
    band: PositiveFraction = 0.1


class AugMixConfig(BaseConfig):
    """AugMix (Hendrycks et al. 2020): the mean, with random weights, of a clip and of three versions of it,
    each with one to three changes of colour, blur or noise.

    Attributes:
        probability: probability that a clip is changed.
    """

    probability: Fraction = 0.0


class AugmentationConfig(BaseConfig):
    """Random changes of clips, each the same in all frames of a clip.

    Attributes:
        flip: probability that a clip is mirrored left to right.
        jitter: changes of colour.
        blur: Gaussian blur.
        crop: enlarged windows of the frames.
        camera_shift: translation during the clip.
        noise: sensor noise.
        style: Fourier amplitudes of another clip.
        augmix: AugMix.
    """

    flip: Fraction = 0.5
    jitter: JitterConfig = JitterConfig()
    blur: BlurConfig = BlurConfig()
    crop: RandomCropConfig = RandomCropConfig()
    camera_shift: CameraShiftConfig = CameraShiftConfig()
    noise: NoiseConfig = NoiseConfig()
    style: StyleConfig = StyleConfig()
    augmix: AugMixConfig = AugMixConfig()

    @property
    def used(self) -> tuple[str, ...]:
        """Names of the changes whose probability is above 0."""
        rest = ("jitter", "blur", "crop", "camera_shift", "noise", "style", "augmix")
        used = [name for name in rest if getattr(self, name).probability > 0]
        return ("flip", *used) if self.flip > 0 else tuple(used)


class MixupConfig(BaseConfig):
    """Mixup (Zhang et al. 2018): a clip is blended with another one, pixels and targets alike.

    Attributes:
        probability: fraction of the clips that are blended.
        alpha: both parameters of the beta distribution that the weight is drawn from.
    """

    probability: Fraction = 0.0
    alpha: PositiveFloat = 0.2
