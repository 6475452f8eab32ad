"""How good a net is on whole matches, computed as a user would: engine, peaks, mAP; or clip by clip."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from onball.actions import BACKGROUND, NUM_CLASSES
from onball.config import ExperimentConfig, InferenceConfig
from onball.data.frame_labels import frame_targets
from onball.data.matches import LabelledMatch
from onball.evaluation.classification import ClassificationResult, evaluate_classification
from onball.evaluation.spotting import SpottingResult, evaluate_spotting
from onball.events import EventList
from onball.frames import frame_batches
from onball.models import ClipClassifier, SpottingNet
from onball.spotting.decoding import events_of
from onball.spotting.engine import ScoredFrames, StreamingEngine
from onball.spotting.matches import classify_matches
from onball.tracking.grid import PerFrame
from onball.training.losses import class_weights

_CHUNK_FRAMES = 64


@dataclass(frozen=True, slots=True)
class ValidationResult:
    """How good a net is on the matches of a split.

    Attributes:
        loss: of a spotting net, class-weighted cross-entropy of the averaged probabilities, with
            hard labels; of a clip classifier, binary cross-entropy.
        evaluation: AP of every action.
    """

    loss: float
    evaluation: SpottingResult | ClassificationResult

    @property
    def map12(self) -> float:
        """Mean AP over all actions, 0 to 1; of a spotting net at a tolerance of 1 s."""
        return self.evaluation.map12

    @property
    def map10(self) -> float:
        """The same without FREE KICK and GOAL."""
        return self.evaluation.map10


def validate(
    net: nn.Module,
    matches: Sequence[LabelledMatch],
    config: ExperimentConfig,
    precision: torch.dtype,
) -> ValidationResult:
    """Run the net over whole matches and compare with their labels. Leaves its mode as it was.

    Args:
        net: of the config's task, on its device.
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
    weights = class_weights(loss.background_weight, loss.action_weight, NUM_CLASSES).numpy()
    predictions = []
    total, total_weight = 0.0, 0.0
    for match in matches:
        scored = list(scored_frames(net, match, config.inference, precision))
        events = events_of(scored, config.inference, net.head.radius, config.inference.threshold)
        predictions.append(EventList.of(events, match.name))
        probabilities = np.concatenate([part.probabilities for part in scored])
        targets = frame_targets(match.labels, np.concatenate([part.pts_ms for part in scored]))
        frame_weights = weights[targets]
        total -= float(frame_weights @ np.log(_chosen(probabilities, targets)))
        total_weight += float(frame_weights.sum())
    result = evaluate_spotting([match.labels for match in matches], predictions)
    return ValidationResult(total / total_weight, result)


def scored_frames(
    net: SpottingNet, match: LabelledMatch, config: InferenceConfig, precision: torch.dtype
) -> Iterator[ScoredFrames]:
    """Dense scores of all frames of a match."""
    engine = StreamingEngine(
        net,
        window_frames=config.window_frames,
        overlap=config.overlap,
        chunk_frames=_CHUNK_FRAMES,
        precision=precision,
    )
    tracking = None
    if match.tracking is not None:
        tracking = PerFrame(match.frames.times_ms, match.tracking)
    return engine.run(frame_batches(match.frames, _CHUNK_FRAMES), tracking)


def _chosen(probabilities: NDArray[np.float32], targets: NDArray[np.int64]) -> NDArray[np.float64]:
    """The probability of each frame's own class, `[T]`; that of the background is what is left."""
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
    return ValidationResult(-float(np.log(chosen).mean()), evaluate_classification(present, scores))
