"""Augmentation of a batch of clips on its device: camera, colours, blur and noise.

`augment` applies all of it. Each clip has its own random generator, and all frames of a clip are
changed in the same way.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample, pad

from onball.config.augmentation import (
    AugmentationConfig,
    AugMixConfig,
    BlurConfig,
    CameraShiftConfig,
    JitterConfig,
    NoiseConfig,
    RandomCropConfig,
    StyleConfig,
)

#: Frames that are changed at once on a CPU, which fit in its cache; other devices take all frames.
_CPU_FRAMES = 5
#: Frequencies of the waves of a camera movement, in periods per clip; amplitudes fall with frequency.
_WAVES = torch.tensor([1.0, 2.0, 3.0])
#: Radius of the blur kernel in pixels.
_BLUR_RADIUS = 2
_LUMA = torch.tensor([0.299, 0.587, 0.114])
#: RGB → YIQ (NTSC): luminance and two colour axes, in which a rotation is a change of hue.
_RGB_TO_YIQ = torch.tensor(
    [[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]]
)
_YIQ_TO_RGB = torch.linalg.inv(_RGB_TO_YIQ)
#: The mean colour of a clip is computed from every eighth row and column.
_MEAN_STRIDE = 8
#: AugMix: number of chains and the longest of them, and the changes of which they are made.
_CHAINS, _LONGEST_CHAIN = 3, 3
_CHAIN_JITTER = JitterConfig(probability=1.0)
_CHAIN_BLUR = BlurConfig(probability=1.0)
_CHAIN_NOISE = NoiseConfig(probability=1.0)


def augment(
    clips: Tensor, config: AugmentationConfig, generators: Sequence[torch.Generator]
) -> tuple[Tensor, Tensor]:
    """Change clips at random: mirror, crop and camera movement, then style, colours, blur and noise.

    Args:
        clips: `[B, T, 3, H, W]`, uint8 0 to 255 or floating point 0 to 1; is not modified.
        config: probability and range of each change.
        generators: one CPU generator per clip.

    Returns: the clips in the same shape, type and range (the same tensor if no clip changed), and
    bool `[B]`, True for mirrored clips, in which left and right are swapped.

    Raises `ValueError` if the numbers of generators and clips differ.
    """
    clips, flipped = flip(clips, config.flip, generators)
    clips = reframe(clips, config.crop, config.camera_shift, generators)
    clips = swap_styles(clips, config.style, generators)
    clips = augmix(clips, config.augmix, generators)
    clips = colour_jitter(clips, config.jitter, generators)
    clips = blur(clips, config.blur, generators)
    return add_noise(clips, config.noise, generators), flipped


def flip(
    clips: Tensor, probability: float, generators: Sequence[torch.Generator]
) -> tuple[Tensor, Tensor]:
    """Mirror each clip left to right with probability `probability`.

    Args:
        clips: `[B, T, 3, H, W]` of any type; is not modified.
        probability: 0 to 1.
        generators: one CPU generator per clip.

    Returns: the clips, and bool `[B]`, True for mirrored clips.
    """
    chosen: list[bool] = []

    def change(clip: Tensor, generator: torch.Generator) -> Tensor:
        chosen.append(torch.rand(1, generator=generator).item() < probability)
        return clip.flip(-1) if chosen[-1] else clip

    changed = change_each(clips, generators, change)
    return changed, torch.tensor(chosen, dtype=torch.bool, device=clips.device)


def reframe(
    clips: Tensor,
    crop: RandomCropConfig,
    shift: CameraShiftConfig,
    generators: Sequence[torch.Generator],
) -> Tensor:
    """Crop clips and move the camera, each with its probability, at unchanged size.

    Pixels are interpolated linearly, once for both. Areas beyond the frame are filled with the
    pixels at its edge.

    Args:
        clips: `[B, T, 3, H, W]`, uint8 0 to 255 or floating point 0 to 1; is not modified.
        crop, shift: probabilities and ranges.
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
        # Maps positions in the new frame to positions in the old one, -1 to 1 along each axis.
        transform = torch.tensor([[scale, 0.0, x], [0.0, scale, y]]).repeat(frames, 1, 1)
        if path is not None:
            transform[..., 2] += 2.0 * scale * path * torch.tensor([1.0, width / height])
        transform = transform.to(clip.device)

        def resample(pixels: Tensor, part: slice) -> Tensor:
            grid = affine_grid(transform[part], list(pixels.shape), align_corners=False)
            return grid_sample(pixels, grid, padding_mode="border", align_corners=False)

        return change_frames(clip, resample)

    return change_each(clips, generators, change)


def _draw_window(
    config: RandomCropConfig, generator: torch.Generator
) -> tuple[float, float, float] | None:
    """Size of a window as a fraction of the frame, and its centre, -1 to 1 from left and top."""
    draw, smaller, x, y = torch.rand(4, generator=generator).tolist()
    if draw >= config.probability:
        return None
    scale = between((1.0, config.least_scale), smaller)
    room = 1.0 - scale
    return scale, between((-room, room), x), between((-room, room), y)


def _draw_path(frames: int, config: CameraShiftConfig, generator: torch.Generator) -> Tensor | None:
    """Offset of the camera to the right and down in each frame, `[T, 2]`, in frame widths.

    Along each axis it is the sum of a steady pan and a few waves, scaled to a drawn extent, so that
    the largest offset does not depend on the waves.
    """
    draw = torch.rand(1, generator=generator).item()
    extent = config.pixels_share * torch.rand(2, generator=generator)
    pan, *waves = (2.0 * torch.rand(1 + len(_WAVES), 2, generator=generator) - 1.0).unbind()
    phases = 2.0 * math.pi * torch.rand(len(_WAVES), 2, generator=generator)
    if draw >= config.probability:
        return None
    time = torch.linspace(0.0, 1.0, frames)[:, None]
    path = 2.0 * pan * time
    for frequency, wave, phase in zip(_WAVES, waves, phases, strict=True):
        path = path + wave / frequency * torch.sin(2.0 * math.pi * frequency * time + phase)
    low, high = path.aminmax(dim=0)
    return (path - (low + high) / 2.0) * (extent / (high - low).clamp(min=1e-6))


def swap_styles(
    clips: Tensor, config: StyleConfig, generators: Sequence[torch.Generator]
) -> Tensor:
    """Give clips the low Fourier amplitudes of other clips of the batch, and keep their phases.

    All frames of a clip get those of one frame of the other clip, mixed with their own by a weight
    between 0 and 1 ("FDA: Fourier domain adaptation", Yang and Soatto 2020; the mixture as in Xu et al.
    2021).

    Arguments and result: see `colour_jitter`. A batch of one clip is not changed.
    """
    indices = iter(range(len(clips)))

    def change(clip: Tensor, generator: torch.Generator) -> Tensor:
        index = next(indices)
        draw, weight, other, frame = torch.rand(4, generator=generator).tolist()
        if draw >= config.probability or len(clips) == 1:
            return clip
        donor = clips[(index + 1 + int(other * (len(clips) - 1))) % len(clips)]
        size = clip.shape[-2:]
        wanted = torch.fft.rfft2(donor[int(frame * len(donor))].float()).abs()
        rows = torch.fft.fftfreq(size[0], device=clip.device).abs()[:, None]
        columns = torch.fft.rfftfreq(size[1], device=clip.device)[None]
        share = weight * ((rows <= config.band / 2) & (columns <= config.band / 2))

        def mix(pixels: Tensor, _: slice) -> Tensor:
            spectrum = torch.fft.rfft2(pixels)
            own = spectrum.abs()
            factor = 1 + share * (wanted / own.clamp(min=1e-6) - 1)
            mixed: Tensor = torch.fft.irfft2(spectrum * factor, s=size)
            return mixed

        return change_frames(clip, mix)

    return change_each(clips, _apart(generators, 1), change)


def augmix(clips: Tensor, config: AugMixConfig, generators: Sequence[torch.Generator]) -> Tensor:
    """Average each clip with versions of it that were changed several times: AugMix.

    Arguments and result: see `colour_jitter`.
    """

    def vary(clip: Tensor, generator: torch.Generator) -> Tensor:
        changed, one = clip[None], [generator]
        for _ in range(int(torch.randint(1, _LONGEST_CHAIN + 1, (1,), generator=generator))):
            kind = int(torch.randint(3, (1,), generator=generator))
            if kind == 0:
                changed = colour_jitter(changed, _CHAIN_JITTER, one)
            elif kind == 1:
                changed = blur(changed, _CHAIN_BLUR, one)
            else:
                changed = add_noise(changed, _CHAIN_NOISE, one)
        return changed[0]

    def change(clip: Tensor, generator: torch.Generator) -> Tensor:
        draw, own, *parts = torch.rand(2 + _CHAINS, generator=generator).tolist()
        if draw >= config.probability:
            return clip
        # Normalised exponentials have the Dirichlet distribution with all parameters 1, and a uniform
        # number the beta distribution with both.
        logs = [-math.log(1.0 - part) for part in parts]
        chains = [vary(clip, generator) for _ in range(_CHAINS)]

        def mix(pixels: Tensor, part: slice) -> Tensor:
            mixed: Tensor = own * pixels
            for weight, chain in zip(logs, chains, strict=True):
                mixed.add_(chain[part], alpha=(1.0 - own) * weight / sum(logs))
            return mixed

        return change_frames(clip, mix)

    return change_each(clips, _apart(generators, 2), change)


def _apart(generators: Sequence[torch.Generator], number: int) -> list[torch.Generator]:
    """New generators with seeds from those of others, from which nothing is drawn.

    So the draws of the older changes are the same with and without the newer ones.
    """
    return [
        torch.Generator().manual_seed(generator.initial_seed() ^ (number << 48))
        for generator in generators
    ]


def colour_jitter(
    clips: Tensor, config: JitterConfig, generators: Sequence[torch.Generator]
) -> Tensor:
    """Change brightness, contrast, saturation and hue of each clip at random.

    Args:
        clips: `[B, T, 3, H, W]`, uint8 0 to 255 or floating point 0 to 1; is not modified.
        config: probability and range.
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
    """Matrix `[3, 3]` of brightness, saturation and hue, and factor of contrast; None for no change."""
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
    # Saturation scales both colour axes, hue rotates them; luminance is unchanged.
    yiq = torch.tensor([[1.0, 0.0, 0.0], [0.0, cos, -sin], [0.0, sin, cos]])
    yiq[1:] *= saturation
    return brightness * (_YIQ_TO_RGB @ yiq @ _RGB_TO_YIQ), contrast


def blur(clips: Tensor, config: BlurConfig, generators: Sequence[torch.Generator]) -> Tensor:
    """Blur clips with a Gaussian over 5 × 5 pixels; frames are padded with the pixels at their edge.

    Arguments and result: see `colour_jitter`.
    """

    def change(clip: Tensor, generator: torch.Generator) -> Tensor:
        draw, amount = torch.rand(2, generator=generator).tolist()
        if draw >= config.probability:
            return clip
        weights = _gaussian(between(config.sigma, amount))

        def smooth(pixels: Tensor, _: slice) -> Tensor:
            padded = pad(pixels, (_BLUR_RADIUS,) * 4, mode="replicate")
            return _convolve(_convolve(padded, weights, dim=-1), weights, dim=-2)

        return change_frames(clip, smooth)

    return change_each(clips, generators, change)


def _gaussian(sigma: float) -> list[float]:
    """Weights at distance 0, 1, …; the weights of both sides sum to 1."""
    weights = [math.exp(-0.5 * (distance / sigma) ** 2) for distance in range(_BLUR_RADIUS + 1)]
    total = 2.0 * sum(weights) - weights[0]
    return [weight / total for weight in weights]


def _convolve(padded: Tensor, weights: list[float], dim: int) -> Tensor:
    """Convolve along one axis, which removes its padding."""
    # Sums of shifted frames: on a CPU several times as fast as a convolution with one channel.
    size = padded.shape[dim] - 2 * _BLUR_RADIUS
    mixed = padded.narrow(dim, _BLUR_RADIUS, size) * weights[0]
    for distance in range(1, _BLUR_RADIUS + 1):
        for start in (_BLUR_RADIUS - distance, _BLUR_RADIUS + distance):
            mixed.add_(padded.narrow(dim, start, size), alpha=weights[distance])
    return mixed


def add_noise(clips: Tensor, config: NoiseConfig, generators: Sequence[torch.Generator]) -> Tensor:
    """Add Gaussian noise, independent in each pixel and colour, new in each frame.

    The strength is the same in all frames of a clip. The noise of the frames is taken from one random
    field at different offsets, which takes a fraction of the time of drawing a number per pixel and
    of copying these to a GPU.

    Arguments and result: see `colour_jitter`.
    """

    def change(clip: Tensor, generator: torch.Generator) -> Tensor:
        draw, amount = torch.rand(2, generator=generator).tolist()
        if draw >= config.probability:
            return clip
        size = clip[0].numel()
        offsets = max(size, len(clip))
        field = torch.randn(size + offsets, generator=generator)
        field *= amount * config.sigma / 255.0 * white(clip)
        starts = torch.randperm(offsets, generator=generator)[: len(clip)].to(clip.device)
        noise = field.to(clip.device).unfold(0, size, 1)

        def add(pixels: Tensor, part: slice) -> Tensor:
            return pixels + noise[starts[part]].view_as(pixels)

        return change_frames(clip, add)

    return change_each(clips, generators, change)


def change_each(
    clips: Tensor,
    generators: Sequence[torch.Generator],
    change: Callable[[Tensor, torch.Generator], Tensor],
) -> Tensor:
    """Change each clip with its own random generator, independently of the other clips.

    Args:
        clips: `[B, T, 3, H, W]`; is not modified.
        generators: one CPU generator per clip.
        change: returns a changed clip `[T, 3, H, W]` of the same size and type, or its argument. If
            it returns its argument for all clips, nothing is copied.

    Raises `ValueError` if the numbers of generators and clips differ.
    """
    if len(generators) != len(clips):
        raise ValueError(f"{len(clips)} clips need as many generators, got {len(generators)}")
    before = list(clips)
    # Bfloat16 has too few digits for 256 grey levels.
    with torch.autocast(clips.device.type, enabled=False):
        after = [
            change(clip, generator) for clip, generator in zip(before, generators, strict=True)
        ]
    if all(new is old for new, old in zip(after, before, strict=True)):
        return clips
    return torch.stack(after)


def change_frames(clip: Tensor, change: Callable[[Tensor, slice], Tensor]) -> Tensor:
    """Change the frames of a clip in floating point, then clamp and, for uint8, round them.

    Args:
        clip: `[T, 3, H, W]`, uint8 0 to 255 or floating point 0 to 1; is not modified.
        change: function of float32 frames `[t, 3, H, W]`, contiguous, 0 to `white(clip)`, and of
            their slice of the clip; returns new frames and does not modify its argument.

    Returns: the same shape, type, range and memory format.
    """
    changed = torch.empty_like(clip)
    step = _CPU_FRAMES if clip.device.type == "cpu" else len(clip)
    for start in range(0, len(clip), step):
        part = slice(start, start + step)
        # uint8 is rearranged in memory, not floating point, which is four times as large.
        pixels = change(clip[part].contiguous().float(), part).clamp(0.0, white(clip))
        changed[part] = (pixels.round_() if clip.dtype == torch.uint8 else pixels).to(clip.dtype)
    return changed


def white(clip: Tensor) -> float:
    """Value of white: 255 for uint8, 1 for floating point."""
    return 255.0 if clip.dtype == torch.uint8 else 1.0


def between(limits: tuple[float, float], fraction: float) -> float:
    """Interpolate linearly from the first limit (`fraction` 0) to the second (1)."""
    low, high = limits
    return low + (high - low) * fraction
