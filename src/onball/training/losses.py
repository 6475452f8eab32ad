"""What a net is punished for: wrong classes, wrong moments.

Every loss is a weighted mean. In distributed training the mean is over the frames of all processes, so
that many processes with small batches learn what one with the whole batch learns.
"""

from __future__ import annotations

import torch
from torch import Tensor, distributed
from torch.nn import functional

from onball.actions import BACKGROUND
from onball.config import LossConfig
from onball.models import DenseScores
from onball.training.targets import FrameTargets

#: The factor (1 − p)^γ has no slope at p = 1 for γ < 1; this keeps it away from there.
_LEAST = 1e-6


def class_weights(background: float, action: float, classes: int) -> Tensor:
    """Weights of the classes, `[K]`: actions are rare, one frame in about twenty-five."""
    weights = torch.full((classes,), float(action))
    weights[BACKGROUND] = background
    return weights


def spotting_loss(scores: DenseScores, targets: FrameTargets, config: LossConfig) -> Tensor:
    """All losses of a spotting net, a scalar: classes, then displacements or offsets, then auxiliary."""
    loss = classification_loss(scores.logits, targets.classes, config)
    if scores.offsets is not None:
        loss = loss + config.displacement_weight * offset_loss(scores.offsets, targets)
    elif scores.displacement is not None:
        loss = loss + config.displacement_weight * displacement_loss(scores.displacement, targets)
    if scores.auxiliary is not None and targets.auxiliary is not None:
        second = classification_loss(scores.auxiliary, targets.auxiliary, config)
        loss = loss + config.auxiliary_weight * second
    return loss


def classification_loss(logits: Tensor, targets: Tensor, config: LossConfig) -> Tensor:
    """Weighted cross-entropy with the focal factor, averaged over frames by their weight.

    Args:
        logits: `[B, T, K]`.
        targets: `[B, T, K]`, a distribution on each frame; all 0 on frames that do not count.
        config: the class weights, and γ: a class's term is multiplied by (1 − p)^γ, p its predicted
            probability (Lin et al. 2017), so that what is known already weighs less.
    """
    weights = class_weights(config.background_weight, config.action_weight, logits.shape[-1])
    weighted = targets * weights.to(targets.device)
    log_p = logits.float().log_softmax(dim=-1)
    terms = weighted * log_p
    if config.focal_gamma:
        terms = terms * (1.0 - log_p.exp()).clamp(min=_LEAST) ** config.focal_gamma
    return _mean(-terms.sum(), weighted.sum())


def displacement_loss(displacement: Tensor, targets: FrameTargets) -> Tensor:
    """Mean squared error of the displacement over frames near an event, in units of the reach.

    In frames it would be up to the reach squared, and drown the classes' loss.
    """
    error = ((displacement.float() - targets.displacements) / max(1, targets.radius)).square()
    return _mean((error * targets.displacement_weights).sum(), targets.displacement_weights.sum())


def offset_loss(offsets: Tensor, targets: FrameTargets) -> Tensor:
    """1 − DIoU of the stretch from start to end (Zheng et al. 2020, in one dimension).

    Args:
        offsets: `[B, T, 2]`, frames back to the start and on to the end, ≥ 0.
        targets: `displacements` says where the middle is; the stretch reaches `radius` to each side of it.
    """
    predicted_start, predicted_end = offsets.float().unbind(-1)
    start = (targets.radius - targets.displacements).clamp(min=0.0)
    end = (targets.radius + targets.displacements).clamp(min=0.0)
    # Both stretches hold the frame itself, so they overlap and have no gap between them.
    both = torch.minimum(predicted_start, start) + torch.minimum(predicted_end, end)
    either = torch.maximum(predicted_start, start) + torch.maximum(predicted_end, end)
    either = either.clamp(min=_LEAST)
    apart = ((predicted_end - predicted_start) - (end - start)) / 2
    terms = 1.0 - both / either + (apart / either).square()
    return _mean((terms * targets.displacement_weights).sum(), targets.displacement_weights.sum())


def clip_loss(logits: Tensor, present: Tensor) -> Tensor:
    """Binary cross-entropy of a clip classifier, the mean over clips and actions.

    Args:
        logits: `[B, 12]`.
        present: `[B, 12]`, 0 to 1.
    """
    terms = functional.binary_cross_entropy_with_logits(logits.float(), present, reduction="sum")
    return _mean(terms, torch.tensor(float(present.numel()), device=logits.device))


def _mean(total: Tensor, weight: Tensor) -> Tensor:
    """`total / weight`, where the weight is that of all processes, divided by their number.

    Averaged over the processes, as gradients are, this is the mean over everything.
    """
    if distributed.is_available() and distributed.is_initialized():
        weight = weight.detach().clone()
        distributed.all_reduce(weight)
        weight = weight / distributed.get_world_size()
    return total / weight.clamp(min=_LEAST)
