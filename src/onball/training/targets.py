"""What a net is to say about each frame of a batch, as distributions, made on the batch's device."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from onball.actions import NUM_ACTIONS
from onball.classes import BACKGROUND, IGNORE, NUM_CLASSES, NUM_TEAM_CLASSES, UNKNOWN_SIDE
from onball.config import LossConfig
from onball.data.clips import Clips
from onball.models.net import NUM_AUXILIARY_CLASSES

#: A Gaussian label farther than this many standard deviations from its event is nothing.
_SIGMAS = 3.0


class FrameTargets(NamedTuple):
    """What a net is to say about every frame of a batch.

    Attributes:
        classes: float32 `[B, T, K]`, a distribution over the net's classes; all 0 on frames that do
            not count.
        shifts: float32 `[B, T]`, sampled frames to the nearest event's.
        shift_weights: float32 `[B, T]`, how much the shift counts: 1 within reach of an event, else 0.
        auxiliary: float32 `[B, T, 18]`, as `classes`, of the second label set; or None.
        reach: frames within which the head says where the event is.
    """

    classes: Tensor
    shifts: Tensor
    shift_weights: Tensor
    auxiliary: Tensor | None
    reach: int


def label_reach(config: LossConfig, head_reach: int) -> int:
    """How far from an event, in sampled frames, a frame must know of it."""
    soft = _soft_reach(config.soft_label_sigma) if config.soft_label_sigma else 0
    return max(config.label_dilation, soft, head_reach)


def _soft_reach(sigma: float) -> int:
    return round(_SIGMAS * sigma)


def frame_targets_of(
    clips: Clips,
    config: LossConfig,
    *,
    teams: bool = False,
    head_reach: int = 0,
    auxiliary: bool = False,
    flipped: Tensor | None = None,
) -> FrameTargets:
    """The targets of a batch.

    Args:
        clips: with the nearest event of each frame within `label_reach`.
        config: dilation or softness of the labels.
        teams: 25 classes instead of 13; an event of an unknown team is half each team's.
        head_reach: frames within which the head says where the event is.
        auxiliary: the batch holds clips of the second label set too (`Clips.source` 1).
        flipped: bool `[B]`, clips that were mirrored, so that the teams have changed sides.
    """
    near = clips.classes.clamp(min=BACKGROUND)
    distance = clips.shifts.abs().float()
    counts = clips.classes != IGNORE
    share = _label_share(near, distance, config)
    first = clips.source.unsqueeze(1) == 0
    sides = clips.sides if flipped is None else _swapped(clips.sides, flipped)
    classes = _distribution(near.clamp(max=NUM_ACTIONS), share, sides if teams else None)
    second = None
    if auxiliary:
        second = _one_hot(near, share, NUM_AUXILIARY_CLASSES)
        second = second * (counts & ~first).unsqueeze(-1)
    known = counts & first & (near != BACKGROUND) & (distance <= head_reach)
    return FrameTargets(
        classes * (counts & first).unsqueeze(-1),
        clips.shifts.float(),
        (known if head_reach else torch.zeros_like(known)).float(),
        second,
        head_reach,
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
