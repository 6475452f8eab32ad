"""What a net makes of tracks: numbers per frame, some of them unknown → features."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from onball.config import TrackingConfig
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
