"""Models of random weights for frames of 64 × 36 pixels, without a temporal head."""

from __future__ import annotations

import torch

from onball.config import (
    BallCropConfig,
    ComponentConfig,
    InferenceConfig,
    ModelConfig,
    SavedModelConfig,
)
from onball.models import SpottingNet, build_model


def random_model(
    crop: BallCropConfig | None = None, **parts: object
) -> tuple[SpottingNet, SavedModelConfig]:
    """Build a spotting net and its config; `parts` are settings of the net."""
    torch.manual_seed(0)
    backbone = ComponentConfig(name="test_byobnet", pretrained=False)
    model = ModelConfig(**{"backbone": backbone, "temporal": ComponentConfig(name="none")} | parts)
    config = SavedModelConfig(
        fps=12.5, width=64, height=36, crop=crop, model=model, inference=InferenceConfig()
    )
    return build_model(model), config
