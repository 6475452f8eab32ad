"""Recurrent temporal heads."""

from __future__ import annotations

from pydantic import PositiveInt
from torch import Tensor, nn

from onball.config import Section, ShareBelowOne
from onball.models.temporal.base import TEMPORAL_HEADS, TemporalHead


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


class BiLSTMOptions(Section):
    """Options of `BiLSTM`."""

    hidden: PositiveInt = 256
    layers: PositiveInt = 1
    dropout: ShareBelowOne = 0.0


@TEMPORAL_HEADS.register("bilstm", BiLSTMOptions)
def _bilstm(feature_dim: int, options: BiLSTMOptions) -> TemporalHead:
    return BiLSTM(feature_dim, options.hidden, options.layers, options.dropout)
