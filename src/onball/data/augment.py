"""Augmentation of a batch of clips, on its device: the same for all frames of a clip.

Brightness, contrast, saturation and hue are all affine in RGB, so that any mixture of them is one
3×3 matrix and one offset per clip: one pass over the pixels, however many are chosen.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from onball.config import JitterConfig

_LUMA = torch.tensor([0.299, 0.587, 0.114])
#: RGB → YIQ (NTSC): luminance and two axes of colour, in which a turn is a change of hue.
_RGB_TO_YIQ = torch.tensor(
    [[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]]
)
_YIQ_TO_RGB = torch.linalg.inv(_RGB_TO_YIQ)
#: The mean colour of a clip needs no more than every eighth row and column.
_MEAN_STRIDE = 8


def flip(clips: Tensor, probability: float, generator: torch.Generator | None = None) -> Tensor:
    """Mirror each clip left to right with that probability. Clips: `[B, T, 3, H, W]`."""
    chosen = torch.rand(len(clips), generator=generator) < probability
    if not chosen.any():
        return clips
    flipped = [clip.flip(-1) if yes else clip for clip, yes in zip(clips, chosen, strict=True)]
    return torch.stack(flipped)


def colour_jitter(
    clips: Tensor, config: JitterConfig, generator: torch.Generator | None = None
) -> Tensor:
    """Change brightness, contrast, saturation and hue of each clip at random.

    Args:
        clips: `[B, T, 3, H, W]`, uint8 0 to 255 or floating point 0 to 1; is not changed.
        config: how likely and how far.
        generator: the source of chance; torch's global one by default.

    Returns: the same shape, type and range.
    """
    scale = 255.0 if clips.dtype == torch.uint8 else 1.0
    jittered = []
    for clip in clips:
        drawn = _draw(config, generator)
        if drawn is None:
            jittered.append(clip)
            continue
        colour, contrast = drawn[0].to(clip.device), drawn[1]
        mean = clip[..., ::_MEAN_STRIDE, ::_MEAN_STRIDE].float().mean(dim=(0, 2, 3))
        grey = (_LUMA.to(clip.device) @ colour @ mean) * (1.0 - contrast)
        pixels = clip.float().flatten(2)
        changed = grey + (contrast * colour) @ pixels
        changed = changed.clamp_(0.0, scale).view_as(clip)
        jittered.append(changed.round_().to(torch.uint8) if scale > 1 else changed.to(clip.dtype))
    return torch.stack(jittered)


def _draw(config: JitterConfig, generator: torch.Generator | None) -> tuple[Tensor, float] | None:
    """A matrix `[3, 3]` of brightness, saturation and hue, and a factor of contrast."""
    chosen = (torch.rand(4, generator=generator) < config.probability).tolist()
    amounts = torch.rand(4, generator=generator).tolist()
    if not any(chosen):
        return None
    low, high = config.factor
    brightness, saturation, contrast = (
        low + (high - low) * amount if yes else 1.0
        for yes, amount in zip(chosen[:3], amounts[:3], strict=True)
    )
    turn = 2.0 * math.pi * config.hue * (2.0 * amounts[3] - 1.0) if chosen[3] else 0.0
    cos, sin = math.cos(turn), math.sin(turn)
    # Saturation stretches both axes of colour, hue turns them; the luminance stays.
    yiq = torch.tensor([[1.0, 0.0, 0.0], [0.0, cos, -sin], [0.0, sin, cos]])
    yiq[1:] *= saturation
    return brightness * (_YIQ_TO_RGB @ yiq @ _RGB_TO_YIQ), contrast
