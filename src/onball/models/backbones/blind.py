"""A backbone that looks at no pixels, for nets on tracks alone."""

from __future__ import annotations

from torch import Tensor

from onball.config import NO_BACKBONE, Section
from onball.models.backbones.base import BACKBONES, Backbone, BackboneSetup


class NoBackbone(Backbone):
    """Frames of any size → no feature: `[B, T, 0]`. Video need not be decoded for it."""

    feature_dim = 0
    context = 0

    def forward(self, frames: Tensor) -> Tensor:
        return frames.new_zeros(*frames.shape[:2], 0).float()


class NoBackboneOptions(Section):
    """`NoBackbone` has none."""


@BACKBONES.register(NO_BACKBONE, NoBackboneOptions)
def _none(setup: BackboneSetup, options: NoBackboneOptions) -> Backbone:
    return NoBackbone(setup.preprocessing)
