"""The contract of temporal heads: features → features that know their neighbours."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn

from onball.config import Section
from onball.models.registry import Registry


class TemporalHead(nn.Module, ABC):
    """Features `[B, T, C]` → `[B, T, D]`; `output_dim` is D."""

    output_dim: int

    @abstractmethod
    def forward(self, features: Tensor) -> Tensor:
        """Features `[B, T, output_dim]` of features `[B, T, C]`."""


#: Temporal heads by name; a builder gets C.
TEMPORAL_HEADS: Registry[int, TemporalHead] = Registry("model.temporal")


class NoOptions(Section):
    """A component without options."""


class NoTemporal(TemporalHead):
    """Every frame on its own: the features as they are."""

    def __init__(self, feature_dim: int) -> None:
        super().__init__()
        self.output_dim = feature_dim

    def forward(self, features: Tensor) -> Tensor:
        return features


@TEMPORAL_HEADS.register("none", NoOptions)
def _none(feature_dim: int, _: NoOptions) -> TemporalHead:
    return NoTemporal(feature_dim)
