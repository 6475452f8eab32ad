"""Temporal heads: features → features that know their neighbours."""

from __future__ import annotations

from abc import ABC, abstractmethod

from pydantic import PositiveInt
from torch import Tensor, nn

from onball.config import Section, ShareBelowOne
from onball.models.registry import Registry


class TemporalHead(nn.Module, ABC):
    """Features `[B, T, C]` → `[B, T, D]`; `output_dim` is D."""

    output_dim: int

    @abstractmethod
    def forward(self, features: Tensor) -> Tensor:
        """Features `[B, T, output_dim]` of features `[B, T, C]`."""


#: Temporal heads by name; a builder gets C.
TEMPORAL_HEADS: Registry[int, TemporalHead] = Registry("model.temporal")


class NoTemporal(TemporalHead):
    """Every frame on its own: the features as they are."""

    def __init__(self, feature_dim: int) -> None:
        super().__init__()
        self.output_dim = feature_dim

    def forward(self, features: Tensor) -> Tensor:
        return features


class BiLSTM(TemporalHead):
    """A bidirectional LSTM (Hochreiter & Schmidhuber 1997; Graves & Schmidhuber 2005).

    Args:
        feature_dim: C.
        hidden: units in each direction; D is twice that.
        layers: LSTMs on top of each other.
        dropout: share of units dropped between the layers in training.
    """

    def __init__(
        self, feature_dim: int, hidden: int = 256, layers: int = 1, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.output_dim = 2 * hidden
        self.lstm = nn.LSTM(
            feature_dim,
            hidden,
            layers,
            batch_first=True,
            bidirectional=True,
            dropout=dropout if layers > 1 else 0.0,
        )

    def forward(self, features: Tensor) -> Tensor:
        output: Tensor = self.lstm(features)[0]
        return output


class NoOptions(Section):
    """A component without options."""


class BiLSTMOptions(Section):
    """Options of `BiLSTM`."""

    hidden: PositiveInt = 256
    layers: PositiveInt = 1
    dropout: ShareBelowOne = 0.0


@TEMPORAL_HEADS.register("none", NoOptions)
def _none(feature_dim: int, _: NoOptions) -> TemporalHead:
    return NoTemporal(feature_dim)


@TEMPORAL_HEADS.register("bilstm", BiLSTMOptions)
def _bilstm(feature_dim: int, options: BiLSTMOptions) -> TemporalHead:
    return BiLSTM(feature_dim, options.hidden, options.layers, options.dropout)
