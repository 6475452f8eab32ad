"""How good a net is on whole matches, computed as a user would: engine, peaks, mAP."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from onball.classes import BACKGROUND
from onball.config import InferenceConfig
from onball.data.clips import FrameSource, LabelledMatch
from onball.data.targets import frame_targets
from onball.evaluation.spotting import evaluate_spotting
from onball.events import EventList
from onball.inference.engine import StreamingEngine
from onball.inference.peaks import find_peaks
from onball.models import SpottingNet

_CHUNK_FRAMES = 64


@dataclass(frozen=True, slots=True)
class ValidationResult:
    """How good a net is on the matches of a split.

    Attributes:
        loss: class-weighted cross-entropy of the averaged probabilities.
        map12: mean AP at a tolerance of 1 s over all actions, 0 to 1.
        map10: the same without FREE KICK and GOAL.
    """

    loss: float
    map12: float
    map10: float


def validate(
    net: SpottingNet,
    matches: Sequence[LabelledMatch],
    config: InferenceConfig,
    weights: NDArray[np.float32],
    precision: torch.dtype,
) -> ValidationResult:
    """Run the net over whole matches and compare with their labels. Leaves its mode as it was.

    Args:
        net: on its device.
        matches: at least one.
        config: windows and peaks.
        weights: of the 13 classes in the loss.
        precision: dtype of the backbone's arithmetic.
    """
    training = net.training
    net.eval()
    try:
        return _validate(net, matches, config, weights, precision)
    finally:
        net.train(training)


def _validate(
    net: SpottingNet,
    matches: Sequence[LabelledMatch],
    config: InferenceConfig,
    weights: NDArray[np.float32],
    precision: torch.dtype,
) -> ValidationResult:
    engine = StreamingEngine(
        net,
        window_frames=config.window_frames,
        overlap=config.overlap,
        chunk_frames=_CHUNK_FRAMES,
        precision=precision,
    )
    predictions = []
    loss, total_weight = 0.0, 0.0
    for match in matches:
        scored = list(engine.run(_batches(match.frames)))
        probabilities = np.concatenate([part.probabilities for part in scored])
        times_ms = np.concatenate([part.pts_ms for part in scored])
        peaks = find_peaks(
            probabilities,
            times_ms,
            nms_window_ms=config.nms_window_ms,
            threshold=config.threshold,
        )
        predictions.append(EventList.of(peaks, match.name))
        targets = frame_targets(match.labels, times_ms)
        frame_weights = weights[targets]
        loss -= float(frame_weights @ np.log(_chosen(probabilities, targets)))
        total_weight += float(frame_weights.sum())
    result = evaluate_spotting([match.labels for match in matches], predictions)
    return ValidationResult(loss / total_weight, result.map12, result.map10)


def _chosen(probabilities: NDArray[np.float32], targets: NDArray[np.int64]) -> NDArray[np.float64]:
    """The probability of each frame's own class, `[T]`; that of the background is what is left."""
    background = 1.0 - probabilities.sum(axis=1, dtype=np.float64)
    of_action = probabilities[np.arange(len(targets)), np.maximum(targets - 1, 0)]
    return np.where(targets == BACKGROUND, background, of_action).clip(1e-7, 1.0)


class _Batch(NamedTuple):
    frames: NDArray[np.uint8]
    pts_ms: NDArray[np.int64]


def _batches(source: FrameSource) -> Iterator[_Batch]:
    """All frames that can be read, a chunk at a time."""
    count = len(source.times_ms)
    for start in range(0, count, _CHUNK_FRAMES):
        stop = min(start + _CHUNK_FRAMES, count)
        frames = source.read(start, stop)
        if len(frames):
            yield _Batch(frames, source.times_ms[start : start + len(frames)])
        if len(frames) < stop - start:
            return
