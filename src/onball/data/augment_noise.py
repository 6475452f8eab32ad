"""What a lens and a sensor do to a picture: blur and noise."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad

from onball.config.augmentation import BlurConfig, NoiseConfig
from onball.data.augment_pixels import between, change_each, change_frames, white

#: Pixels to each side that a blurred pixel is made of.
_REACH = 2


def blur(clips: Tensor, config: BlurConfig, generators: Sequence[torch.Generator]) -> Tensor:
    """Blur clips with a Gaussian over 5 × 5 pixels, the picture continued by its edge.

    Args:
        clips: `[B, T, 3, H, W]`, uint8 0 to 255 or floating point 0 to 1; is not changed.
        config: how likely and how far.
        generators: one CPU generator per clip.

    Returns: the same shape, type and range.
    """

    def change(clip: Tensor, generator: torch.Generator) -> Tensor:
        chance, amount = torch.rand(2, generator=generator).tolist()
        if chance >= config.probability:
            return clip
        weights = _gaussian(between(config.sigma, amount))

        def smooth(pixels: Tensor, _: slice) -> Tensor:
            padded = pad(pixels, (_REACH,) * 4, mode="replicate")
            return _weighted(_weighted(padded, weights, dim=-1), weights, dim=-2)

        return change_frames(clip, smooth)

    return change_each(clips, generators, change)


def _gaussian(sigma: float) -> list[float]:
    """The weights of a pixel at distance 0, 1, …; together with the other side's they sum to 1."""
    weights = [math.exp(-0.5 * (distance / sigma) ** 2) for distance in range(_REACH + 1)]
    total = 2.0 * sum(weights) - weights[0]
    return [weight / total for weight in weights]


def _weighted(padded: Tensor, weights: list[float], dim: int) -> Tensor:
    """The weighted sum of neighbours along one axis, which loses its padding by that."""
    # Sums of moved pictures: on a CPU several times as fast as a convolution with one channel.
    size = padded.shape[dim] - 2 * _REACH
    mixed = padded.narrow(dim, _REACH, size) * weights[0]
    for distance in range(1, _REACH + 1):
        for place in (_REACH - distance, _REACH + distance):
            mixed.add_(padded.narrow(dim, place, size), alpha=weights[distance])
    return mixed


def add_noise(clips: Tensor, config: NoiseConfig, generators: Sequence[torch.Generator]) -> Tensor:
    """Add Gaussian noise, independent in each pixel and colour, new in each frame.

    A clip's noise has one strength. Its frames are cut from one random field, each at another
    place: that takes a fraction of the time of a number for each pixel, and of the way to a GPU.

    Args:
        clips: `[B, T, 3, H, W]`, uint8 0 to 255 or floating point 0 to 1; is not changed.
        config: how likely and how strong.
        generators: one CPU generator per clip.

    Returns: the same shape, type and range.
    """

    def change(clip: Tensor, generator: torch.Generator) -> Tensor:
        chance, amount = torch.rand(2, generator=generator).tolist()
        if chance >= config.probability:
            return clip
        size = clip[0].numel()
        places = max(size, len(clip))
        field = torch.randn(size + places, generator=generator)
        field *= amount * config.sigma / 255.0 * white(clip)
        starts = torch.randperm(places, generator=generator)[: len(clip)].to(clip.device)
        cuts = field.to(clip.device).unfold(0, size, 1)

        def add(pixels: Tensor, part: slice) -> Tensor:
            return pixels + cuts[starts[part]].view_as(pixels)

        return change_frames(clip, add)

    return change_each(clips, generators, change)
