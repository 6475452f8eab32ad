"""Where the camera looks: a closer window, a smooth movement, or both in one pass."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from onball.config.augmentation import CameraShiftConfig, CropConfig
from onball.data.augment_pixels import between, change_each, change_frames

#: Waves of a movement: so many full swings during a clip, the faster the smaller.
_SWINGS = torch.tensor([1.0, 2.0, 3.0])


def reframe(
    clips: Tensor,
    crop: CropConfig,
    shift: CameraShiftConfig,
    generators: Sequence[torch.Generator],
) -> Tensor:
    """Crop clips and move the camera, each with its probability; the size stays.

    Pixels are interpolated linearly, once, however many of the two are chosen. What a movement
    uncovers beyond the picture is filled with the pixels at its edge.

    Args:
        clips: `[B, T, 3, H, W]`, uint8 0 to 255 or floating point 0 to 1; is not changed.
        crop, shift: how likely and how far.
        generators: one CPU generator per clip.

    Returns: the same shape, type and range.
    """

    def change(clip: Tensor, generator: torch.Generator) -> Tensor:
        frames, _, height, width = clip.shape
        window = _draw_window(crop, generator)
        path = _draw_path(frames, shift, generator)
        if window is None and path is None:
            return clip
        scale, x, y = window or (1.0, 0.0, 0.0)
        # From a place in the new picture to one in the old, both from -1 to 1 along each axis.
        look = torch.tensor([[scale, 0.0, x], [0.0, scale, y]]).repeat(frames, 1, 1)
        if path is not None:
            look[..., 2] += 2.0 * scale * path * torch.tensor([1.0, width / height])
        look = look.to(clip.device)

        def resample(pixels: Tensor, part: slice) -> Tensor:
            grid = affine_grid(look[part], list(pixels.shape), align_corners=False)
            return grid_sample(pixels, grid, padding_mode="border", align_corners=False)

        return change_frames(clip, resample)

    return change_each(clips, generators, change)


def _draw_window(
    config: CropConfig, generator: torch.Generator
) -> tuple[float, float, float] | None:
    """A window's size, as a share of the picture's, and its centre, -1 to 1 from left and top."""
    chance, smaller, x, y = torch.rand(4, generator=generator).tolist()
    if chance >= config.probability:
        return None
    scale = between((1.0, config.least_scale), smaller)
    room = 1.0 - scale
    return scale, between((-room, room), x), between((-room, room), y)


def _draw_path(frames: int, config: CameraShiftConfig, generator: torch.Generator) -> Tensor | None:
    """How far the camera looks to the right of and below its mean in each frame, `[T, 2]`, in widths.

    Along each axis a steady pan and a few waves are added up; their sum is stretched to the extent
    that was drawn, so that its largest distance is known whatever the waves.
    """
    chance = torch.rand(1, generator=generator).item()
    extent = config.pixels_share * torch.rand(2, generator=generator)
    pan, *waves = (2.0 * torch.rand(1 + len(_SWINGS), 2, generator=generator) - 1.0).unbind()
    phases = 2.0 * math.pi * torch.rand(len(_SWINGS), 2, generator=generator)
    if chance >= config.probability:
        return None
    time = torch.linspace(0.0, 1.0, frames)[:, None]
    path = 2.0 * pan * time
    for swings, wave, phase in zip(_SWINGS, waves, phases, strict=True):
        path = path + wave / swings * torch.sin(2.0 * math.pi * swings * time + phase)
    low, high = path.aminmax(dim=0)
    return (path - (low + high) / 2.0) * (extent / (high - low).clamp(min=1e-6))
