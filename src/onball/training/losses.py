"""Losses for classification and localisation.

Every loss is a weighted mean. In distributed training the mean is over the frames of all processes,
so that their averaged gradients are those of one process with the whole batch.
"""

from __future__ import annotations

import torch
from torch import Tensor, distributed
from torch.nn import functional

from onball.actions import BACKGROUND
from onball.config import LossConfig
from onball.models import DenseScores
from onball.training.targets import FrameTargets

#: The factor (1 − p)^γ has an infinite slope at p = 1 for γ < 1; and no weight is below this.
_EPSILON = 1e-6


def class_weights(background: float, action: float, classes: int) -> Tensor:
    """Return the weights of the classes, float32 `[K]`, background first.

    Actions are rare, about one frame in twenty-five, so they usually weigh more.
    """
    weights = torch.full((classes,), float(action))
    weights[BACKGROUND] = background
    return weights


def spotting_loss(scores: DenseScores, targets: FrameTargets, config: LossConfig) -> Tensor:
    """Return the weighted sum of a spotting net's losses, a scalar.

    Args:
        scores: outputs of the net; with displacements, offsets or auxiliary logits if it has them.
            The losses of the classes and of those of each branch are averaged, as in AdaSpot.
        targets: of the same frames.
        config: weights of the losses.
    """
    if scores.independent:
        loss = independent_loss(scores.logits, targets.classes, config)
    else:
        loss = classification_loss(scores.logits, targets.classes, config)
    if scores.branches:
        branches = [classification_loss(one, targets.classes, config) for one in scores.branches]
        loss = torch.stack([loss, *branches]).mean()
    if scores.offsets is not None:
        loss = loss + config.displacement_weight * offset_loss(scores.offsets, targets)
    elif scores.displacement is not None:
        loss = loss + config.displacement_weight * displacement_loss(scores.displacement, targets)
    if scores.team is not None:
        loss = loss + config.team_weight * team_loss(scores.team, targets)
    if scores.auxiliary is not None and targets.auxiliary is not None:
        second = classification_loss(scores.auxiliary, targets.auxiliary, config)
        loss = loss + config.auxiliary_weight * second
    return loss


def classification_loss(logits: Tensor, targets: Tensor, config: LossConfig) -> Tensor:
    """Weighted cross-entropy with a focal factor, averaged over frames by their weight.

    Args:
        logits: `[B, T, C]`.
        targets: `[B, T, C]`, a distribution on each frame; all 0 on frames that do not count.
        config: class weights and γ. The term of a class is multiplied by (1 − p)^γ, p its predicted
            probability (Lin et al. 2017), so that frames already predicted well weigh less.
    """
    weights = class_weights(config.background_weight, config.action_weight, logits.shape[-1])
    weighted = targets * weights.to(targets.device)
    log_p = logits.float().log_softmax(dim=-1)
    terms = weighted * log_p
    if config.focal_gamma:
        terms = terms * (1.0 - log_p.exp()).clamp(min=_EPSILON) ** config.focal_gamma
    return _mean(-terms.sum(), weighted.sum())


def independent_loss(logits: Tensor, targets: Tensor, config: LossConfig) -> Tensor:
    """Weighted binary cross-entropy of classes that do not exclude each other, with a focal factor.

    It is the mean over frames and classes by their weight: `action_weight` where the class is, and
    `background_weight` where it is not.

    Args:
        logits: `[B, T, K]`.
        targets: `[B, T, 1 + K]`, see `classification_loss`.
        config: weights and γ.
    """
    present = targets[..., BACKGROUND + 1 :]
    absent = targets.sum(dim=-1, keepdim=True) - present  # 0 on frames that do not count
    weighted = torch.stack([config.action_weight * present, config.background_weight * absent])
    log_p = functional.logsigmoid(torch.stack([logits.float(), -logits.float()]))
    terms = weighted * log_p
    if config.focal_gamma:
        terms = terms * (1.0 - log_p.exp()).clamp(min=_EPSILON) ** config.focal_gamma
    return _mean(-terms.sum(), weighted.sum())


def team_loss(logits: Tensor, targets: FrameTargets) -> Tensor:
    """Binary cross-entropy of the team, right against left, over frames with an event of a known team.

    Args:
        logits: `[B, T]`.
        targets: teams and their weights, of the same frames.
    """
    terms = functional.binary_cross_entropy_with_logits(
        logits.float(), targets.right, weight=targets.team_weights, reduction="sum"
    )
    return _mean(terms, targets.team_weights.sum())


def displacement_loss(displacement: Tensor, targets: FrameTargets) -> Tensor:
    """Mean squared error of the displacement over frames near an event, in units of the radius.

    In frames it would be up to the squared radius, far more than the classification loss.

    Args:
        displacement: `[B, T]`, in sampled frames.
        targets: displacements and their weights, of the same frames.
    """
    error = ((displacement.float() - targets.displacements) / max(1, targets.radius)).square()
    return _mean((error * targets.displacement_weights).sum(), targets.displacement_weights.sum())


def offset_loss(offsets: Tensor, targets: FrameTargets) -> Tensor:
    """1 − DIoU of the interval from start to end (Zheng et al. 2020, in one dimension).

    Args:
        offsets: `[B, T, 2]`, frames back to the start and forward to the end, ≥ 0.
        targets: the interval extends `radius` frames to each side of the event, which lies
            `displacements` frames away.
    """
    predicted_start, predicted_end = offsets.float().unbind(-1)
    start = (targets.radius - targets.displacements).clamp(min=0.0)
    end = (targets.radius + targets.displacements).clamp(min=0.0)
    # Both intervals contain the frame itself, so they overlap.
    overlap = torch.minimum(predicted_start, start) + torch.minimum(predicted_end, end)
    hull = torch.maximum(predicted_start, start) + torch.maximum(predicted_end, end)
    hull = hull.clamp(min=_EPSILON)
    distance = ((predicted_end - predicted_start) - (end - start)) / 2
    terms = 1.0 - overlap / hull + (distance / hull).square()
    return _mean((terms * targets.displacement_weights).sum(), targets.displacement_weights.sum())


def clip_loss(logits: Tensor, present: Tensor) -> Tensor:
    """Binary cross-entropy of a clip classifier, the mean over clips and actions.

    Args:
        logits: `[B, K]`.
        present: `[B, K]`, 0 to 1, the degree to which each action is in the clip.
    """
    terms = functional.binary_cross_entropy_with_logits(logits.float(), present, reduction="sum")
    return _mean(terms, torch.tensor(float(present.numel()), device=logits.device))


def _mean(total: Tensor, weight: Tensor) -> Tensor:
    """Return `total` divided by the mean weight of all processes.

    Averaged over the processes, as gradients are, this is the mean over all frames.
    """
    if distributed.is_available() and distributed.is_initialized():
        weight = weight.detach().clone()
        distributed.all_reduce(weight)
        weight = weight / distributed.get_world_size()
    return total / weight.clamp(min=_EPSILON)
