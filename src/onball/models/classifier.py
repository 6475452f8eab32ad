"""The clip classifier: backbone + temporal head, pooled over time → which actions occur."""

from __future__ import annotations

from torch import Tensor, nn

from onball.actions import NUM_ACTIONS
from onball.config import ModelConfig
from onball.models.backbones import Backbone
from onball.models.net import build_parts, with_tracking, without_autocast
from onball.models.temporal import TemporalHead
from onball.models.tracking import TrackingEncoder


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
