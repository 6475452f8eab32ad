"""The spotting net: backbone + temporal head + one classifier per frame → dense scores."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from onball.classes import BACKGROUND, NUM_CLASSES
from onball.config import ModelConfig
from onball.models.backbones import BACKBONES, Backbone, BackboneSetup
from onball.models.temporal import TEMPORAL_HEADS, TemporalHead


@dataclass(frozen=True, slots=True)
class DenseScores:
    """What the net says about every frame.

    Attributes:
        logits: `[B, T, 13]`, background first, then the 12 actions in their order.
    """

    logits: Tensor

    def probabilities(self) -> Tensor:
        """Softmax over the 13 classes, `[B, T, 13]`, float32; background first."""
        return self.logits.float().softmax(dim=-1)

    def action_probabilities(self) -> Tensor:
        """The probabilities of the 12 actions, `[B, T, 12]`, in the order of `ACTIONS`."""
        return self.probabilities()[..., BACKGROUND + 1 :]


class FrameClassifier(nn.Module):
    """Dropout and a linear layer: `[B, T, D]` → logits `[B, T, 13]`."""

    def __init__(self, feature_dim: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(feature_dim, NUM_CLASSES)

    def forward(self, features: Tensor) -> Tensor:
        logits: Tensor = self.linear(self.dropout(features))
        return logits


class SpottingNet(nn.Module):
    """Frames `[B, T, 3, H, W]` → `DenseScores`, in two halves that can be run apart.

    `features` needs only `backbone.context` neighbours, so an engine computes each frame's
    feature once; `scores_from_features` then sees windows of features.
    """

    def __init__(self, backbone: Backbone, temporal: TemporalHead, head: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        self.temporal = temporal
        self.head = head

    def features(self, frames: Tensor) -> Tensor:
        """Features `[B, T, C]` of frames `[B, T, 3, H, W]` (uint8, or float from 0 to 1)."""
        features: Tensor = self.backbone(frames)
        return features

    def scores_from_features(self, features: Tensor) -> DenseScores:
        """Dense scores of features `[B, T, C]`."""
        # These layers cost little next to the backbone, and a recurrence in bfloat16 adds up its
        # rounding errors: they always run in float32.
        with _without_autocast(features.device.type):
            return DenseScores(self.head(self.temporal(features.float())))

    def forward(self, frames: Tensor) -> DenseScores:
        return self.scores_from_features(self.features(frames))


def _without_autocast(device_type: str) -> AbstractContextManager[object]:
    # On a device that has no autocast there is nothing to switch off, and naming it is an error.
    if torch.amp.is_autocast_available(device_type):
        return torch.autocast(device_type, enabled=False)
    return nullcontext()


def build_net(config: ModelConfig, *, fetch_weights: bool = True) -> SpottingNet:
    """A new net as the config says.

    With `fetch_weights` false it starts from random weights even if the config says pretrained:
    for a net whose weights are read from elsewhere afterwards.

    Raises `ConfigError` for an unknown component or option, `ModelError` if pretrained weights
    cannot be had.
    """
    # Checked first, so that nobody waits for pretrained weights before a typing error shows.
    TEMPORAL_HEADS.check(config.temporal)
    setup = BackboneSetup(config.preprocessing, fetch_weights)
    backbone = BACKBONES.build(config.backbone, setup)
    temporal = TEMPORAL_HEADS.build(config.temporal, backbone.feature_dim)
    return SpottingNet(backbone, temporal, FrameClassifier(temporal.output_dim, config.dropout))
