"""Validation of a net on whole matches, with the same engine and decoding as for users.

Spotting nets are measured by mAP at 1 s of the decoded events, clip classifiers by mAP over clips.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from onball.actions import BACKGROUND
from onball.config import ExperimentConfig, SavedModelConfig
from onball.data.frame_labels import frame_targets
from onball.data.matches import LabelledMatch
from onball.evaluation.classification import ClassificationResult, evaluate_classification
from onball.evaluation.spotting import SpottingResult, evaluate_spotting
from onball.models import ClipClassifier, SpottingNet
from onball.spotting.matches import classify_matches, spot_matches
from onball.spotting.spotter import Spotter
from onball.training.losses import class_weights

_CHUNK_FRAMES = 64


@dataclass(frozen=True, slots=True)
class ValidationResult:
    """Loss and average precision of a net on the matches of a split.

    Attributes:
        loss: for a spotting net class-weighted cross-entropy of the averaged probabilities, with
            hard labels; binary cross-entropy if its classes are independent, and for a clip
            classifier.
        evaluation: AP of every action.
    """

    loss: float
    evaluation: SpottingResult | ClassificationResult

    @property
    def map_all(self) -> float:
        """Mean AP over all actions, 0 to 1; for a spotting net at a tolerance of 1 s."""
        return self.evaluation.map_all

    @property
    def map_headline(self) -> float:
        """Mean AP over the headline, without FREE KICK and GOAL for the 12 actions."""
        return self.evaluation.map_headline

    @property
    def map12(self) -> float:
        """`map_all`, under its usual name for the 12 actions."""
        return self.map_all

    @property
    def map10(self) -> float:
        """`map_headline`, under its usual name for the 12 actions."""
        return self.map_headline


def validate(
    net: nn.Module,
    matches: Sequence[LabelledMatch],
    config: ExperimentConfig,
    precision: torch.dtype,
) -> ValidationResult:
    """Run the net over whole matches and compare the predictions with their labels.

    The net's mode (training or evaluation) stays as it was.

    Args:
        net: a net for the config's task, on its device.
        matches: at least one.
        config: the experiment.
        precision: dtype of the backbone's arithmetic.
    """
    training = net.training
    net.eval()
    try:
        if config.task == "classification":
            return _validate_clips(cast(ClipClassifier, net), matches, config, precision)
        return _validate_spotting(cast(SpottingNet, net), matches, config, precision)
    finally:
        net.train(training)


def _validate_spotting(
    net: SpottingNet,
    matches: Sequence[LabelledMatch],
    config: ExperimentConfig,
    precision: torch.dtype,
) -> ValidationResult:
    loss = config.training.loss
    actions = config.model.actions
    weights = class_weights(loss.background_weight, loss.action_weight, 1 + len(actions)).numpy()
    # Nets are compared by their raw scores.
    inference = config.inference.model_copy(update={"calibration": {}})
    spotter = Spotter(
        net,
        SavedModelConfig.of(config).model_copy(update={"inference": inference}),
        device=str(next(net.parameters()).device),
        precision=precision,
        threads=config.training.threads,
        chunk_frames=_CHUNK_FRAMES if next(net.parameters()).is_cuda else None,
    )
    predictions = []
    total, total_weight = 0.0, 0.0
    spotted = spot_matches(spotter, matches, keep_scores=True)
    for match, (_, events, scores) in zip(matches, spotted, strict=True):
        predictions.append(events)
        probabilities = np.concatenate([part.probabilities for part in scores])
        targets = frame_targets(match.events, np.concatenate([part.pts_ms for part in scores]))
        if getattr(net.head, "independent", False):
            hot = targets[:, None] == np.arange(1, 1 + len(actions))
            chosen = np.where(hot, probabilities, 1.0 - probabilities).astype(np.float64)
            chosen, loss_weights = chosen.clip(1e-7, 1.0).ravel(), weights[hot.ravel().astype(int)]
        else:
            chosen, loss_weights = _own_probability(probabilities, targets), weights[targets]
        total -= float(loss_weights @ np.log(chosen))
        total_weight += float(loss_weights.sum())
    result = evaluate_spotting([match.labels for match in matches], predictions, actions=actions)
    return ValidationResult(total / total_weight, result)


def _own_probability(
    probabilities: NDArray[np.float32], targets: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Probability of each frame's own class, `[T]`; the background has the remainder."""
    background = 1.0 - probabilities.sum(axis=1, dtype=np.float64)
    of_action = probabilities[np.arange(len(targets)), np.maximum(targets - 1, 0)]
    return np.where(targets == BACKGROUND, background, of_action).clip(1e-7, 1.0)


def _validate_clips(
    net: ClipClassifier,
    matches: Sequence[LabelledMatch],
    config: ExperimentConfig,
    precision: torch.dtype,
) -> ValidationResult:
    present, scores = classify_matches(net, matches, config.data.clip_frames, precision)
    chosen = np.where(present, scores, 1.0 - scores).astype(np.float64).clip(1e-7, 1.0)
    return ValidationResult(
        -float(np.log(chosen).mean()),
        evaluate_classification(present, scores, actions=config.model.actions),
    )
