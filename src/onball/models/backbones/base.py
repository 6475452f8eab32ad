"""The contract of backbones: frames → one feature vector per frame; and what their builders get."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from onball.config import PreprocessingConfig
from onball.models.registry import Registry


class Backbone(nn.Module, ABC):
    """Frames `[B, T, 3, H, W]` → features `[B, T, C]`.

    Frames are RGB, uint8 0 to 255 or floating point 0 to 1; the backbone normalises them itself,
    so that a saved model carries its own preprocessing.

    Attributes:
        feature_dim: C.
        context: how many frames on each side a frame's feature depends on. With that many frames
            more at both ends, features of a part of a video equal those of the whole.
    """

    feature_dim: int
    context: int
    _mean: Tensor
    _std: Tensor

    def __init__(self, preprocessing: PreprocessingConfig) -> None:
        super().__init__()
        # The config is the one place that keeps these figures: they are not part of the weights.
        for name, values in (("_mean", preprocessing.mean), ("_std", preprocessing.std)):
            self.register_buffer(name, torch.tensor(values).view(1, 1, 3, 1, 1), persistent=False)

    def normalise(self, frames: Tensor) -> Tensor:
        """Frames → float, with each channel's mean taken off and divided by its deviation."""
        if frames.dtype == torch.uint8:
            return (frames - 255 * self._mean) / (255 * self._std)
        return (frames - self._mean) / self._std

    @abstractmethod
    def forward(self, frames: Tensor) -> Tensor:
        """Features `[B, T, feature_dim]` of frames `[B, T, 3, H, W]`."""


@dataclass(frozen=True, slots=True)
class BackboneSetup:
    """What every backbone's builder gets.

    Attributes:
        preprocessing: how pixels are normalised.
        fetch_weights: False if pretrained weights would only be overwritten.
    """

    preprocessing: PreprocessingConfig
    fetch_weights: bool = True


#: Backbones by name; names that are not registered are looked up in timm (`image`).
BACKBONES: Registry[BackboneSetup, Backbone] = Registry("model.backbone")
