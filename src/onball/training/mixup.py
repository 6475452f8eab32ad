"""Mixup: clips that are two clips at once, in pixels, labels and displacements (Zhang et al. 2018).

A clip is blended with the one before it in the batch (the first with the last): λ of its own, 1 − λ of
the other's. The targets are blended with the same λ; where both clips are near an event, so are their
shifts, which for a squared error is the same as blending the two losses.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from onball.config import MixupConfig
from onball.training.targets import FrameTargets


def own_shares(config: MixupConfig, generators: Sequence[torch.Generator]) -> Tensor:
    """λ of each clip, float32 `[B]`: 1 for a clip that stays as it is.

    Args:
        generators: the source of chance of each clip.
    """
    shares = []
    for generator in generators:
        chosen, seed = torch.rand(2, generator=generator, dtype=torch.float64).tolist()
        if chosen >= config.probability:
            shares.append(1.0)
            continue
        # torch's generators draw no beta distribution.
        share = np.random.default_rng(int(seed * 2**53)).beta(config.alpha, config.alpha)
        # The larger share is the clip's own: otherwise a mixed batch has two of some clips.
        shares.append(max(share, 1.0 - share))
    return torch.tensor(shares, dtype=torch.float32)


def mix_frames(frames: Tensor, shares: Tensor) -> Tensor:
    """Frames `[B, T, 3, H, W]`, each clip blended with the one before it; of the same type."""
    if bool((shares == 1.0).all()):
        return frames
    others = frames.roll(1, dims=0)
    mixed = []
    for own, other, share in zip(frames, others, shares.tolist(), strict=True):
        if share == 1.0:
            mixed.append(own)
            continue
        blend = torch.lerp(other.float(), own.float(), share)
        mixed.append(blend.round_().to(own.dtype) if own.dtype == torch.uint8 else blend)
    return torch.stack(mixed)


def mix_values(values: Tensor, shares: Tensor) -> Tensor:
    """Targets `[B, …]`, blended as the frames are."""
    own = shares.to(values.device).view(-1, *[1] * (values.ndim - 1))
    return own * values + (1.0 - own) * values.roll(1, dims=0)


def mix_targets(targets: FrameTargets, shares: Tensor) -> FrameTargets:
    """The targets of blended frames."""
    weights = mix_values(targets.shift_weights, shares)
    shifts = mix_values(targets.shifts * targets.shift_weights, shares)
    return FrameTargets(
        mix_values(targets.classes, shares),
        shifts / weights.clamp(min=1e-9),
        weights,
        None if targets.auxiliary is None else mix_values(targets.auxiliary, shares),
        targets.reach,
    )
