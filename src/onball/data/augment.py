"""Changing the pixels of clips: each clip by itself, a few frames at a time, its type kept."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample, pad

from onball.config.schema import (
    AugmentationConfig,
    BlurConfig,
    CameraShiftConfig,
    JitterConfig,
    NoiseConfig,
    RandomCropConfig,
)

#: A CPU keeps so many frames in its cache as floating point; other devices take all at once.
_CPU_FRAMES = 5


def change_each(
    clips: Tensor,
    generators: Sequence[torch.Generator],
    change: Callable[[Tensor, torch.Generator], Tensor],
) -> Tensor:
    """Change each clip with its own source of chance, so that it never depends on the others.

    Args:
        clips: `[B, T, 3, H, W]`; is not changed.
        generators: one CPU generator per clip.
        change: gives a clip `[T, 3, H, W]` of the same size and type, or the very clip it was
            given; if it does so for all of them, nothing is copied.

    Raises `ValueError` if there are not as many generators as clips.
    """
    if len(generators) != len(clips):
        raise ValueError(f"{len(clips)} clips need as many generators, got {len(generators)}")
    before = list(clips)
    # Bfloat16 has too few digits for 256 grey levels.
    with torch.autocast(clips.device.type, enabled=False):
        after = [change(clip, chance) for clip, chance in zip(before, generators, strict=True)]
    if all(new is old for new, old in zip(after, before, strict=True)):
        return clips
    return torch.stack(after)


def change_frames(clip: Tensor, change: Callable[[Tensor, slice], Tensor]) -> Tensor:
    """Change a clip's frames in floating point, then clamp and, for uint8, round them.

    Args:
        clip: `[T, 3, H, W]`, uint8 0 to 255 or floating point 0 to 1; is not changed.
        change: gets float32 frames `[t, 3, H, W]`, contiguous and from 0 to `white(clip)`, and
            which frames of the clip they are; gives as many new ones and leaves these alone.

    Returns: the same shape, type, range and order in memory.
    """
    changed = torch.empty_like(clip)
    step = _CPU_FRAMES if clip.device.type == "cpu" else len(clip)
    for start in range(0, len(clip), step):
        part = slice(start, start + step)
        # uint8 is put in order before it grows to floating point, and after it has shrunk again.
        pixels = change(clip[part].contiguous().float(), part).clamp(0.0, white(clip))
        changed[part] = (pixels.round_() if clip.dtype == torch.uint8 else pixels).to(clip.dtype)
    return changed


def white(clip: Tensor) -> float:
    """The value of white: 255 in uint8, 1 in floating point."""
    return 255.0 if clip.dtype == torch.uint8 else 1.0


def between(limits: tuple[float, float], share: float) -> float:
    """The value that lies `share`, 0 to 1, of the way from the first limit to the second."""
    low, high = limits
    return low + (high - low) * share


# --- Where the camera looks: a closer window, a smooth movement, or both in one pass.


#: Waves of a movement: so many full swings during a clip, the faster the smaller.
_SWINGS = torch.tensor([1.0, 2.0, 3.0])


def reframe(
    clips: Tensor,
    crop: RandomCropConfig,
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
    config: RandomCropConfig, generator: torch.Generator
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


# --- What a lens and a sensor do to a picture: blur and noise.


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


# --- Augmentation of a batch of clips, on its device: the same for all frames of a clip.


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
