"""The loss: cross-entropy per frame, with actions weighing more than the background."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from onball.classes import BACKGROUND, IGNORE, NUM_CLASSES
from onball.models import DenseScores


def class_weights(background: float, action: float) -> Tensor:
    """Weights of the 13 classes, `[13]`: actions are rare, one frame in about twenty-five."""
    weights = torch.full((NUM_CLASSES,), float(action))
    weights[BACKGROUND] = background
    return weights


def spotting_loss(scores: DenseScores, targets: Tensor, weights: Tensor) -> Tensor:
    """Weighted cross-entropy, a scalar: the sum over frames divided by the sum of their weights.

    Args:
        scores: of frames `[B, T]`.
        targets: int64 `[B, T]`, class 0 to 12, or `IGNORE` for padding.
        weights: `[13]`.
    """
    logits = scores.logits.float().flatten(0, 1)
    return functional.cross_entropy(logits, targets.flatten(), weights, ignore_index=IGNORE)
