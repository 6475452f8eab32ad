"""Bidirectional recurrent temporal heads."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import PositiveInt
from torch import Tensor, nn

from onball.config import BaseConfig, FractionBelowOne, LayerCount
from onball.models.components import TEMPORAL_HEADS, TemporalHead

_NETWORKS: dict[str, Callable[..., nn.Module]] = {"lstm": nn.LSTM, "gru": nn.GRU}


class BidirectionalRNN(TemporalHead):
    """Bidirectional LSTM or GRU (Graves & Schmidhuber 2005).

    Args:
        cell: `lstm` (Hochreiter & Schmidhuber 1997), or `gru` (Cho et al. 2014), which has three
            quarters of its weights.
        feature_dim: C.
        hidden: units in each direction; D is twice that.
        layers: number of stacked networks.
        dropout: fraction of units dropped between the layers in training.
    """

    def __init__(
        self, cell: str, feature_dim: int, hidden: int = 256, layers: int = 1, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.output_dim = 2 * hidden
        self._cell = cell
        network = _NETWORKS[cell](
            feature_dim,
            hidden,
            layers,
            batch_first=True,
            bidirectional=True,
            # torch warns of dropout between layers if there is only one.
            dropout=dropout if layers > 1 else 0.0,
        )
        # The name of the cell is the prefix of the weights in saved models.
        self.add_module(cell, network)

    def forward(self, features: Tensor) -> Tensor:
        output: Tensor = getattr(self, self._cell)(features)[0]
        return output


class RecurrentOptions(BaseConfig):
    """Options of `BidirectionalRNN`."""

    hidden: PositiveInt = 256
    layers: LayerCount = 1
    dropout: FractionBelowOne = 0.0


@TEMPORAL_HEADS.register("bilstm", RecurrentOptions)
def _bilstm(feature_dim: int, options: RecurrentOptions) -> TemporalHead:
    return BidirectionalRNN("lstm", feature_dim, **options.model_dump())


@TEMPORAL_HEADS.register("bigru", RecurrentOptions)
def _bigru(feature_dim: int, options: RecurrentOptions) -> TemporalHead:
    return BidirectionalRNN("gru", feature_dim, **options.model_dump())
