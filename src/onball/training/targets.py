"""Training targets of a batch, made on its device, and their blending by mixup.

`frame_targets_of` makes a distribution over classes for every frame, and the displacement to the
nearest event. Mixup (Zhang et al. 2018) blends each clip with the one before it in the batch:
frames, track features and targets alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from onball.actions import BACKGROUND, IGNORE
from onball.config import LossConfig, MixupConfig
from onball.data.clips import Clips
from onball.events import SIDES, UNKNOWN_SIDE, Team
from onball.models.nets import NUM_AUXILIARY_CLASSES

#: A Gaussian label is 0 farther than this many standard deviations from its event.
_SIGMAS = 3.0


class FrameTargets(NamedTuple):
    """Targets of every frame of a batch.

    Attributes:
        classes: float32 `[B, T, 1 + K]`, a distribution over background and the net's classes, or
            `[B, T, 1 + 2K]` if it has each class for both teams; all 0 on frames that do not count.
        displacements: float32 `[B, T]`, sampled frames from each frame to its nearest event.
        displacement_weights: float32 `[B, T]`, 1 within `radius` of an event, else 0.
        auxiliary: float32 `[B, T, 18]`, as `classes`, of the second label set; or None.
        radius: largest distance from an event, in frames, at which the head predicts displacements.
        right: float32 `[B, T]`, 1 where the nearest event is of the right team, else 0.
        team_weights: float32 `[B, T]`, share of that event in `classes` where its team is known, else 0.
    """

    classes: Tensor
    displacements: Tensor
    displacement_weights: Tensor
    auxiliary: Tensor | None
    radius: int
    right: Tensor
    team_weights: Tensor


def label_radius(config: LossConfig, head_radius: int) -> int:
    """Return the largest distance from an event, in sampled frames, at which it affects a target."""
    soft = _soft_radius(config.soft_label_sigma) if config.soft_label_sigma else 0
    return max(config.label_dilation, soft, head_radius)


def _soft_radius(sigma: float) -> int:
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
    """Return the targets of a batch.

    Args:
        clips: with the nearest event of each frame within `label_radius`.
        config: dilation or softness of the labels.
        teams: each class for both teams; an event of an unknown team counts half for each.
        head_radius: radius of the head's displacements, in frames; 0 if it has none.
        auxiliary: the batch holds clips of the second label set too (`Clips.source` 1).
        flipped: bool `[B]`, True for mirrored clips, in which the teams have changed sides.
    """
    near = clips.classes.clamp(min=BACKGROUND)
    distance = clips.displacements.abs().float()
    counts = clips.classes != IGNORE
    share = _label_share(near, distance, config)
    first = clips.source.unsqueeze(1) == 0
    sides = clips.sides if flipped is None else _swap_sides(clips.sides, flipped)
    # Numbers of the other label set may be higher; they are masked below.
    num_classes = 1 + clips.present.shape[-1]
    own = near.clamp(max=num_classes - 1)
    classes = _distribution(own, share, num_classes, sides if teams else None)
    second = None
    if auxiliary:
        last = NUM_AUXILIARY_CLASSES - 1
        second = _one_hot(near.clamp(max=last), share, NUM_AUXILIARY_CLASSES)
        second = second * (counts & ~first).unsqueeze(-1)
    known = counts & first & (near != BACKGROUND) & (distance <= head_radius)
    return FrameTargets(
        classes * (counts & first).unsqueeze(-1),
        clips.displacements.float(),
        (known if head_radius else torch.zeros_like(known)).float(),
        second,
        head_radius,
        (sides == SIDES.index(Team.RIGHT)).float(),
        share * (counts & first & (sides != UNKNOWN_SIDE)),
    )


def _label_share(near: Tensor, distance: Tensor, config: LossConfig) -> Tensor:
    """Share of the nearest event's class in the target of each frame; the rest is background."""
    if config.soft_label_sigma:
        # Cut off, so that labels do not depend on the radius of the head's displacements.
        share = torch.exp(-0.5 * (distance / config.soft_label_sigma).square())
        share = share * (distance <= _soft_radius(config.soft_label_sigma))
    else:
        share = (distance <= config.label_dilation).float()
    return share * (near != BACKGROUND)


def _one_hot(near: Tensor, share: Tensor, classes: int) -> Tensor:
    hot = functional.one_hot(near, classes).float() * share.unsqueeze(-1)
    hot[..., BACKGROUND] = 1.0 - share
    return hot


def _distribution(near: Tensor, share: Tensor, num_classes: int, sides: Tensor | None) -> Tensor:
    if sides is None:
        return _one_hot(near, share, num_classes)
    left = torch.where(sides == UNKNOWN_SIDE, 0.5, (sides == 0).float()) * share
    right = share - left
    hot = functional.one_hot(near, num_classes).float()[..., 1:]
    background = (1.0 - share).unsqueeze(-1)
    teams = [background, hot * left.unsqueeze(-1), hot * right.unsqueeze(-1)]
    return torch.cat(teams, dim=-1)


def _swap_sides(sides: Tensor, flipped: Tensor) -> Tensor:
    """Exchange left and right in mirrored clips; unknown sides stay."""
    other = torch.where(sides == UNKNOWN_SIDE, sides, 1 - sides)
    return torch.where(flipped.to(sides.device).unsqueeze(1), other, sides)


# Mixup


def mixup_lambdas(config: MixupConfig, generators: Sequence[torch.Generator]) -> Tensor:
    """Draw the weight λ of each clip in its blend, float32 `[B]`; 1 leaves a clip unchanged.

    Args:
        config: probability of blending, and the distribution of λ.
        generators: random generator of each clip.
    """
    lambdas = []
    for generator in generators:
        chosen, seed = torch.rand(2, generator=generator, dtype=torch.float64).tolist()
        if chosen >= config.probability:
            lambdas.append(1.0)
            continue
        # torch has no beta distribution that takes a generator.
        drawn = np.random.default_rng(int(seed * 2**53)).beta(config.alpha, config.alpha)
        # The larger weight is the clip's own: otherwise a batch may hold nearly the same clip twice.
        lambdas.append(max(drawn, 1.0 - drawn))
    return torch.tensor(lambdas, dtype=torch.float32)


def mix_frames(frames: Tensor, lambdas: Tensor) -> Tensor:
    """Blend frames `[B, T, 3, H, W]` of each clip with the clip before it; the dtype stays."""
    if bool((lambdas == 1.0).all()):
        return frames
    others = frames.roll(1, dims=0)
    mixed = []
    for own, other, weight in zip(frames, others, lambdas.tolist(), strict=True):
        if weight == 1.0:
            mixed.append(own)
            continue
        blend = torch.lerp(other.float(), own.float(), weight)
        mixed.append(blend.round_().to(own.dtype) if own.dtype == torch.uint8 else blend)
    return torch.stack(mixed)


def mix_values(values: Tensor, lambdas: Tensor) -> Tensor:
    """Blend targets or features `[B, …]` as `mix_frames` blends frames."""
    own = lambdas.to(values.device).view(-1, *[1] * (values.ndim - 1))
    return own * values + (1.0 - own) * values.roll(1, dims=0)


def mix_targets(targets: FrameTargets, lambdas: Tensor) -> FrameTargets:
    """Return the targets of blended frames."""
    weights = mix_values(targets.displacement_weights, lambdas)
    displacements = mix_values(targets.displacements * targets.displacement_weights, lambdas)
    team_weights = mix_values(targets.team_weights, lambdas)
    right = mix_values(targets.right * targets.team_weights, lambdas)
    return FrameTargets(
        mix_values(targets.classes, lambdas),
        displacements / weights.clamp(min=1e-9),
        weights,
        None if targets.auxiliary is None else mix_values(targets.auxiliary, lambdas),
        targets.radius,
        right / team_weights.clamp(min=1e-9),
        team_weights,
    )
