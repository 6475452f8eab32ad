"""What a net is to say about each frame of a batch, as distributions, made on the batch's device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from onball.actions import BACKGROUND, IGNORE, NUM_ACTIONS, NUM_CLASSES, NUM_TEAM_CLASSES
from onball.config import LossConfig, MixupConfig
from onball.data.clips import Clips
from onball.events import UNKNOWN_SIDE
from onball.models.nets import NUM_AUXILIARY_CLASSES

#: A Gaussian label farther than this many standard deviations from its event is nothing.
_SIGMAS = 3.0


class FrameTargets(NamedTuple):
    """What a net is to say about every frame of a batch.

    Attributes:
        classes: float32 `[B, T, K]`, a distribution over the net's classes; all 0 on frames that do
            not count.
        displacements: float32 `[B, T]`, sampled frames to the nearest event's.
        displacement_weights: float32 `[B, T]`, how much the shift counts: 1 within reach of an event, else 0.
        auxiliary: float32 `[B, T, 18]`, as `classes`, of the second label set; or None.
        radius: frames within which the head says where the event is.
    """

    classes: Tensor
    displacements: Tensor
    displacement_weights: Tensor
    auxiliary: Tensor | None
    radius: int


def label_radius(config: LossConfig, head_radius: int) -> int:
    """How far from an event, in sampled frames, a frame must know of it."""
    soft = _soft_reach(config.soft_label_sigma) if config.soft_label_sigma else 0
    return max(config.label_dilation, soft, head_radius)


def _soft_reach(sigma: float) -> int:
    return round(_SIGMAS * sigma)


def frame_targets_of(
    clips: Clips,
    config: LossConfig,
    *,
    teams: bool = False,
    head_radius: int = 0,
    auxiliary: bool = False,
    flipped: Tensor | None = None,
) -> FrameTargets:
    """The targets of a batch.

    Args:
        clips: with the nearest event of each frame within `label_radius`.
        config: dilation or softness of the labels.
        teams: 25 classes instead of 13; an event of an unknown team is half each team's.
        head_radius: frames within which the head says where the event is.
        auxiliary: the batch holds clips of the second label set too (`Clips.source` 1).
        flipped: bool `[B]`, clips that were mirrored, so that the teams have changed sides.
    """
    near = clips.classes.clamp(min=BACKGROUND)
    distance = clips.displacements.abs().float()
    counts = clips.classes != IGNORE
    share = _label_share(near, distance, config)
    first = clips.source.unsqueeze(1) == 0
    sides = clips.sides if flipped is None else _swapped(clips.sides, flipped)
    classes = _distribution(near.clamp(max=NUM_ACTIONS), share, sides if teams else None)
    second = None
    if auxiliary:
        second = _one_hot(near, share, NUM_AUXILIARY_CLASSES)
        second = second * (counts & ~first).unsqueeze(-1)
    known = counts & first & (near != BACKGROUND) & (distance <= head_radius)
    return FrameTargets(
        classes * (counts & first).unsqueeze(-1),
        clips.displacements.float(),
        (known if head_radius else torch.zeros_like(known)).float(),
        second,
        head_radius,
    )


def _label_share(near: Tensor, distance: Tensor, config: LossConfig) -> Tensor:
    """How much of each frame's target is its nearest event's class, 0 to 1; the rest is background."""
    if config.soft_label_sigma:
        # Cut off, so that labels do not hang on how far the head's displacement reaches.
        share = torch.exp(-0.5 * (distance / config.soft_label_sigma).square())
        share = share * (distance <= _soft_reach(config.soft_label_sigma))
    else:
        share = (distance <= config.label_dilation).float()
    return share * (near != BACKGROUND)


def _one_hot(near: Tensor, share: Tensor, classes: int) -> Tensor:
    hot = functional.one_hot(near, classes).float() * share.unsqueeze(-1)
    hot[..., BACKGROUND] = 1.0 - share
    return hot


def _distribution(near: Tensor, share: Tensor, sides: Tensor | None) -> Tensor:
    if sides is None:
        return _one_hot(near, share, NUM_CLASSES)
    left = torch.where(sides == UNKNOWN_SIDE, 0.5, (sides == 0).float()) * share
    right = share - left
    hot = functional.one_hot(near, NUM_CLASSES).float()[..., 1:]
    background = (1.0 - share).unsqueeze(-1)
    teams = [background, hot * left.unsqueeze(-1), hot * right.unsqueeze(-1)]
    told = torch.cat(teams, dim=-1)
    assert told.shape[-1] == NUM_TEAM_CLASSES
    return told


def _swapped(sides: Tensor, flipped: Tensor) -> Tensor:
    """The sides after a flip: left and right change, unknown stays."""
    other = torch.where(sides == UNKNOWN_SIDE, sides, 1 - sides)
    return torch.where(flipped.to(sides.device).unsqueeze(1), other, sides)


# --- Mixup: clips that are two clips at once, in pixels, labels and displacements (Zhang


def mixup_lambdas(config: MixupConfig, generators: Sequence[torch.Generator]) -> Tensor:
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
    weights = mix_values(targets.displacement_weights, shares)
    displacements = mix_values(targets.displacements * targets.displacement_weights, shares)
    return FrameTargets(
        mix_values(targets.classes, shares),
        displacements / weights.clamp(min=1e-9),
        weights,
        None if targets.auxiliary is None else mix_values(targets.auxiliary, shares),
        targets.radius,
    )
