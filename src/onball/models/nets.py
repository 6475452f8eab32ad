"""What a net makes of tracks: numbers per frame, some of them unknown → features."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

import torch
from torch import Tensor, nn

from onball.actions import NUM_ACTIONS, NUM_CLASSES, NUM_TEAM_CLASSES
from onball.config import ModelConfig, TrackingConfig
from onball.models import heads  # noqa: F401 - registers the heads
from onball.models.backbones import BACKBONES, Backbone, BackboneSetup
from onball.models.components import HEADS, DenseScores, HeadSetup, PredictionHead
from onball.models.temporal import TEMPORAL_HEADS, TemporalHead
from onball.tracking.features import feature_names


class TrackingEncoder(nn.Module):
    """Tracking features `[B, T, 2F]` (see `onball.tracking.features.as_inputs`) → `[B, T, dim]`.

    An unknown number is not zero: a value of its own, which is learned, takes its place, and the
    net sees which numbers are known. So a ball that is not seen is a state beside all places where
    it may be. That is linear in the input, so blended clips (mixup) are blended states.

    Args:
        config: which features, and how many the net makes of them.
    """

    def __init__(self, config: TrackingConfig) -> None:
        super().__init__()
        count = len(feature_names(config.features))
        self.input_dim = 2 * count
        self.output_dim = config.dim
        self.unknown = nn.Parameter(torch.zeros(count))
        self.project = nn.Sequential(
            nn.Linear(2 * count, config.dim), nn.LayerNorm(config.dim), nn.GELU()
        )

    def forward(self, inputs: Tensor) -> Tensor:
        numbers, known = inputs.chunk(2, dim=-1)
        filled = numbers + (1.0 - known) * self.unknown
        features: Tensor = self.project(torch.cat([filled, known], dim=-1))
        return features


# --- The spotting net: backbone + temporal head + prediction head → dense scores.


#: Classes of the second label set: background and the 17 actions of SoccerNet-v2.
NUM_AUXILIARY_CLASSES = 18


class SpottingNet(nn.Module):
    """Frames `[B, T, 3, H, W]` (and tracks) → `DenseScores`, in two halves that can be run apart.

    `features` needs only `backbone.context` neighbours, so an engine computes each frame's
    feature once; `scores_from_features` then sees windows of features.

    Args:
        backbone: frames → features.
        temporal: features → features that know their neighbours.
        head: features → dense scores.
        auxiliary: a classifier of the second label set, for joint training.
        tracking: of a net that takes tracks: their numbers → features beside the backbone's.
    """

    def __init__(
        self,
        backbone: Backbone,
        temporal: TemporalHead,
        head: PredictionHead,
        auxiliary: nn.Module | None = None,
        tracking: TrackingEncoder | None = None,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.tracking = tracking
        self.temporal = temporal
        self.head = head
        self.auxiliary = auxiliary

    def features(self, frames: Tensor, tracking: Tensor | None = None) -> Tensor:
        """Features `[B, T, C]` of frames `[B, T, 3, H, W]` (uint8, or float from 0 to 1).

        `tracking` `[B, T, 2F]` is needed if the net takes tracks, and ignored if not.
        """
        return with_tracking(self.backbone(frames), self.tracking, tracking)

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

    def forward(self, frames: Tensor, tracking: Tensor | None = None) -> DenseScores:
        return self.scores_from_features(self.features(frames, tracking))


def with_tracking(
    features: Tensor, encoder: TrackingEncoder | None, tracking: Tensor | None
) -> Tensor:
    """The backbone's features, and beside them those of the tracks, if the net takes any.

    Raises `ValueError` if it does and there are none.
    """
    if encoder is None:
        return features
    if tracking is None:
        raise ValueError("this net takes tracking features, [B, T, 2F]: none were given")
    with without_autocast(features.device.type):
        return torch.cat([features.float(), encoder(tracking.float())], dim=-1)


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
    backbone, tracking, temporal = build_parts(config, fetch_weights=fetch_weights)
    classes = NUM_TEAM_CLASSES if config.teams else NUM_CLASSES
    head = HEADS.build(config.head, HeadSetup(temporal.output_dim, classes, config.dropout))
    auxiliary = None
    if config.auxiliary is not None:
        linear = nn.Linear(temporal.output_dim, NUM_AUXILIARY_CLASSES)
        auxiliary = nn.Sequential(nn.Dropout(config.dropout), linear)
    return SpottingNet(backbone, temporal, head, auxiliary, tracking)


def build_parts(
    config: ModelConfig, *, fetch_weights: bool
) -> tuple[Backbone, TrackingEncoder | None, TemporalHead]:
    """What spotting nets and clip classifiers have in common. Errors are those of `build_net`."""
    # Checked first, so that nobody waits for pretrained weights before a typing error shows.
    TEMPORAL_HEADS.check(config.temporal)
    setup = BackboneSetup(config.preprocessing, fetch_weights)
    backbone = BACKBONES.build(config.backbone, setup)
    tracking = None if config.tracking is None else TrackingEncoder(config.tracking)
    width = backbone.feature_dim + (0 if tracking is None else tracking.output_dim)
    return backbone, tracking, TEMPORAL_HEADS.build(config.temporal, width)


# --- The clip classifier: backbone + temporal head, pooled over time → which actions occu


class ClipClassifier(nn.Module):
    """Frames of a clip `[B, T, 3, H, W]` (and tracks) → logits `[B, 12]`, one yes-or-no question per action.

    Features are pooled by their maximum over time: an action happens in a clip if it does on any
    frame. The sigmoid of a logit is the probability that the action is in the clip.
    """

    def __init__(
        self,
        backbone: Backbone,
        temporal: TemporalHead,
        dropout: float,
        tracking: TrackingEncoder | None = None,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.tracking = tracking
        self.temporal = temporal
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(temporal.output_dim, NUM_ACTIONS)

    def forward(self, frames: Tensor, tracking: Tensor | None = None) -> Tensor:
        features = with_tracking(self.backbone(frames), self.tracking, tracking)
        with without_autocast(features.device.type):
            pooled = self.temporal(features.float()).amax(dim=1)
            logits: Tensor = self.linear(self.dropout(pooled))
            return logits


def build_classifier(config: ModelConfig, *, fetch_weights: bool = True) -> ClipClassifier:
    """A new clip classifier as the config says; `fetch_weights` and errors as in `build_net`."""
    backbone, tracking, temporal = build_parts(config, fetch_weights=fetch_weights)
    return ClipClassifier(backbone, temporal, config.dropout, tracking)
