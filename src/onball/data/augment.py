"""Augmentation of a batch of clips, on its device: the same for all frames of a clip.

All chance comes from one CPU generator per clip: a clip is changed in the same way on every
device, whatever the other clips of its batch.

Brightness, contrast, saturation and hue are all affine in RGB, so that any mixture of them is one
3×3 matrix and one offset per clip: one pass over the pixels, however many are chosen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from onball.config.augmentation import AugmentationConfig, JitterConfig
from onball.data.augment_geometry import reframe
from onball.data.augment_noise import add_noise, blur
from onball.data.augment_pixels import between, change_each, change_frames

_LUMA = torch.tensor([0.299, 0.587, 0.114])
#: RGB → YIQ (NTSC): luminance and two axes of colour, in which a turn is a change of hue.
_RGB_TO_YIQ = torch.tensor(
    [[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]]
)
_YIQ_TO_RGB = torch.linalg.inv(_RGB_TO_YIQ)
#: The mean colour of a clip needs no more than every eighth row and column.
_MEAN_STRIDE = 8


def augment(
    clips: Tensor, config: AugmentationConfig, generators: Sequence[torch.Generator]
) -> tuple[Tensor, Tensor]:
    """Change clips at random: first where the camera looks, then colours, then sharpness and noise.

    Args:
        clips: `[B, T, 3, H, W]`, uint8 0 to 255 or floating point 0 to 1; is not changed.
        config: what may happen, how likely and how far.
        generators: one CPU generator per clip.

    Returns: the clips in the same shape, type and range (the same tensor if nothing happened to
    any of them), and which ones were mirrored, bool `[B]`: their left and right have swapped.

    Raises `ValueError` if there are not as many generators as clips.
    """
    clips, flipped = flip(clips, config.flip, generators)
    clips = reframe(clips, config.crop, config.camera_shift, generators)
    clips = colour_jitter(clips, config.jitter, generators)
    clips = blur(clips, config.blur, generators)
    return add_noise(clips, config.noise, generators), flipped


def flip(
    clips: Tensor, probability: float, generators: Sequence[torch.Generator]
) -> tuple[Tensor, Tensor]:
    """Mirror each clip left to right with that probability.

    Args:
        clips: `[B, T, 3, H, W]` of any type; is not changed.
        probability: 0 to 1.
        generators: one CPU generator per clip.

    Returns: the clips, and which ones were mirrored, bool `[B]`.
    """
    chosen: list[bool] = []

    def change(clip: Tensor, generator: torch.Generator) -> Tensor:
        chosen.append(torch.rand(1, generator=generator).item() < probability)
        return clip.flip(-1) if chosen[-1] else clip

    changed = change_each(clips, generators, change)
    return changed, torch.tensor(chosen, dtype=torch.bool, device=clips.device)


def colour_jitter(
    clips: Tensor, config: JitterConfig, generators: Sequence[torch.Generator]
) -> Tensor:
    """Change brightness, contrast, saturation and hue of each clip at random.

    Args:
        clips: `[B, T, 3, H, W]`, uint8 0 to 255 or floating point 0 to 1; is not changed.
        config: how likely and how far.
        generators: one CPU generator per clip.

    Returns: the same shape, type and range.
    """

    def change(clip: Tensor, generator: torch.Generator) -> Tensor:
        drawn = _draw_colour(config, generator)
        if drawn is None:
            return clip
        colour, contrast = drawn[0].to(clip.device), drawn[1]
        mean = clip[..., ::_MEAN_STRIDE, ::_MEAN_STRIDE].float().mean(dim=(0, 2, 3))
        grey = (_LUMA.to(clip.device) @ colour @ mean) * (1.0 - contrast)
        mixing = contrast * colour

        def mix(pixels: Tensor, _: slice) -> Tensor:
            return (mixing @ pixels.flatten(2)).add_(grey).view_as(pixels)

        return change_frames(clip, mix)

    return change_each(clips, generators, change)


def _draw_colour(config: JitterConfig, generator: torch.Generator) -> tuple[Tensor, float] | None:
    """A matrix `[3, 3]` of brightness, saturation and hue, and a factor of contrast."""
    chosen = (torch.rand(4, generator=generator) < config.probability).tolist()
    amounts = torch.rand(4, generator=generator).tolist()
    if not any(chosen):
        return None
    brightness, saturation, contrast = (
        between(config.factor, amount) if yes else 1.0
        for yes, amount in zip(chosen[:3], amounts[:3], strict=True)
    )
    turn = 2.0 * math.pi * config.hue * (2.0 * amounts[3] - 1.0) if chosen[3] else 0.0
    cos, sin = math.cos(turn), math.sin(turn)
    # Saturation stretches both axes of colour, hue turns them; the luminance stays.
    yiq = torch.tensor([[1.0, 0.0, 0.0], [0.0, cos, -sin], [0.0, sin, cos]])
    yiq[1:] *= saturation
    return brightness * (_YIQ_TO_RGB @ yiq @ _RGB_TO_YIQ), contrast
