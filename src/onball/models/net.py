"""The spotting net: backbone + temporal head + prediction head → dense scores."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

import torch
from torch import Tensor, nn

from onball.classes import NUM_CLASSES, NUM_TEAM_CLASSES
from onball.config import ModelConfig
from onball.models.backbones import BACKBONES, Backbone, BackboneSetup
from onball.models.heads import HEADS, HeadSetup, PredictionHead
from onball.models.scores import DenseScores
from onball.models.temporal import TEMPORAL_HEADS, TemporalHead

#: Classes of the second label set: background and the 17 actions of SoccerNet-v2.
NUM_AUXILIARY_CLASSES = 18


class SpottingNet(nn.Module):
    """Frames `[B, T, 3, H, W]` → `DenseScores`, in two halves that can be run apart.

    `features` needs only `backbone.context` neighbours, so an engine computes each frame's
    feature once; `scores_from_features` then sees windows of features.

    Args:
        backbone: frames → features.
        temporal: features → features that know their neighbours.
        head: features → dense scores.
        auxiliary: a classifier of the second label set, for joint training.
    """

    def __init__(
        self,
        backbone: Backbone,
        temporal: TemporalHead,
        head: PredictionHead,
        auxiliary: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.temporal = temporal
        self.head = head
        self.auxiliary = auxiliary

    def features(self, frames: Tensor) -> Tensor:
        """Features `[B, T, C]` of frames `[B, T, 3, H, W]` (uint8, or float from 0 to 1)."""
        features: Tensor = self.backbone(frames)
        return features

    def scores_from_features(self, features: Tensor) -> DenseScores:
        """Dense scores of features `[B, T, C]`."""
        # These layers cost little next to the backbone, and a recurrence in bfloat16 adds up its
        # rounding errors: they always run in float32.
        with without_autocast(features.device.type):
            features = self.temporal(features.float())
            scores: DenseScores = self.head(features)
            if self.auxiliary is None:
                return scores
            return replace(scores, auxiliary=self.auxiliary(features))

    def forward(self, frames: Tensor) -> DenseScores:
        return self.scores_from_features(self.features(frames))


def without_autocast(device_type: str) -> AbstractContextManager[object]:
    """Full precision inside a mixed-precision computation."""
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
    HEADS.check(config.head)
    backbone, temporal = build_parts(config, fetch_weights=fetch_weights)
    classes = NUM_TEAM_CLASSES if config.teams else NUM_CLASSES
    head = HEADS.build(config.head, HeadSetup(temporal.output_dim, classes, config.dropout))
    auxiliary = None
    if config.auxiliary is not None:
        linear = nn.Linear(temporal.output_dim, NUM_AUXILIARY_CLASSES)
        auxiliary = nn.Sequential(nn.Dropout(config.dropout), linear)
    return SpottingNet(backbone, temporal, head, auxiliary)


def build_parts(config: ModelConfig, *, fetch_weights: bool) -> tuple[Backbone, TemporalHead]:
    """What spotting nets and clip classifiers have in common. Errors are those of `build_net`."""
    # Checked first, so that nobody waits for pretrained weights before a typing error shows.
    TEMPORAL_HEADS.check(config.temporal)
    setup = BackboneSetup(config.preprocessing, fetch_weights)
    backbone = BACKBONES.build(config.backbone, setup)
    return backbone, TEMPORAL_HEADS.build(config.temporal, backbone.feature_dim)
