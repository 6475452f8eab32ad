"""Bidirectional recurrent temporal heads."""

from __future__ import annotations

from typing import TypeVar

from pydantic import PositiveInt
from torch import Tensor, nn

from onball.config import BaseConfig, FractionBelowOne
from onball.models.components import TEMPORAL_HEADS, TemporalHead

NetworkT = TypeVar("NetworkT", nn.LSTM, nn.GRU)


class BiLSTM(TemporalHead):
    """Bidirectional LSTM (Hochreiter & Schmidhuber 1997; Graves & Schmidhuber 2005).

    Args:
        feature_dim: C.
        hidden: units in each direction; D is twice that.
        layers: number of stacked LSTMs.
        dropout: fraction of units dropped between the layers in training.
    """

    def __init__(
        self, feature_dim: int, hidden: int = 256, layers: int = 1, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.output_dim = 2 * hidden
        self.lstm = _bidirectional(nn.LSTM, feature_dim, hidden, layers, dropout)

    def forward(self, features: Tensor) -> Tensor:
        output: Tensor = self.lstm(features)[0]
        return output


class BiGRU(TemporalHead):
    """Bidirectional GRU (Cho et al. 2014), with three quarters of the weights of a `BiLSTM`.

    Args:
        feature_dim: C.
        hidden: units in each direction; D is twice that.
        layers: number of stacked GRUs.
        dropout: fraction of units dropped between the layers in training.
    """

    def __init__(
        self, feature_dim: int, hidden: int = 256, layers: int = 1, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.output_dim = 2 * hidden
        self.gru = _bidirectional(nn.GRU, feature_dim, hidden, layers, dropout)

    def forward(self, features: Tensor) -> Tensor:
        output: Tensor = self.gru(features)[0]
        return output


def _bidirectional(
    network: type[NetworkT], feature_dim: int, hidden: int, layers: int, dropout: float
) -> NetworkT:
    """Constructor of both heads' networks."""
    return network(
        feature_dim,
        hidden,
        layers,
        batch_first=True,
        bidirectional=True,
        # torch warns of dropout between layers if there is only one.
        dropout=dropout if layers > 1 else 0.0,
    )


class RecurrentOptions(BaseConfig):
    """Options of `BiLSTM` and `BiGRU`."""

    hidden: PositiveInt = 256
    layers: PositiveInt = 1
    dropout: FractionBelowOne = 0.0


@TEMPORAL_HEADS.register("bilstm", RecurrentOptions)
def _bilstm(feature_dim: int, options: RecurrentOptions) -> TemporalHead:
    return BiLSTM(feature_dim, options.hidden, options.layers, options.dropout)


@TEMPORAL_HEADS.register("bigru", RecurrentOptions)
def _bigru(feature_dim: int, options: RecurrentOptions) -> TemporalHead:
    return BiGRU(feature_dim, options.hidden, options.layers, options.dropout)
