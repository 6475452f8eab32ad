"""Temporal convolutional network."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, PositiveInt
from pydantic_core import PydanticCustomError
from torch import Tensor, nn

from onball.config import BaseConfig, FractionBelowOne, LayerCount
from onball.models.components import TEMPORAL_HEADS, TemporalHead


class TCN(TemporalHead):
    """Residual convolutions over time, each with twice the dilation of the previous one.

    One stage of MS-TCN (Farha & Gall 2019) without its classifier. The convolutions look to both
    sides: a frame sees `(kernel - 1) / 2 * (2**layers - 1)` frames before and after it.

    Args:
        feature_dim: C.
        dim: number of channels, D.
        layers: number of convolutions; their dilations are 1, 2, 4, …
        kernel: taps of each convolution; odd.
        dropout: fraction of units dropped after each convolution in training.
    """

    def __init__(
        self,
        feature_dim: int,
        dim: int = 256,
        layers: int = 5,
        kernel: int = 3,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.output_dim = dim
        self.project = nn.Linear(feature_dim, dim)
        self.layers = nn.ModuleList(
            DilatedResidual(dim, kernel, 2**layer, dropout) for layer in range(layers)
        )

    def forward(self, features: Tensor) -> Tensor:
        x = self.project(features).transpose(1, 2)
        for layer in self.layers:
            x = layer(x)
        output: Tensor = x.transpose(1, 2)
        return output


class DilatedResidual(nn.Module):
    """A dilated convolution whose output is added to its input: `[B, dim, T]` → the same."""

    def __init__(self, dim: int, kernel: int, dilation: int, dropout: float) -> None:
        super().__init__()
        padding = dilation * (kernel // 2)
        self.branch = nn.Sequential(
            nn.Conv1d(dim, dim, kernel, padding=padding, dilation=dilation),
            nn.ReLU(),
            nn.Conv1d(dim, dim, 1),
            nn.Dropout(dropout),
        )

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = x + self.branch(x)
        return output


def _odd(kernel: int) -> int:
    if kernel % 2 == 0:
        raise PydanticCustomError("odd", "input should be odd, to look as far back as ahead")
    return kernel


#: Taps of a convolution that is symmetric in time.
OddKernel = Annotated[PositiveInt, AfterValidator(_odd)]


class TCNOptions(BaseConfig):
    """Options of `TCN`."""

    dim: PositiveInt = 256
    layers: LayerCount = 5
    kernel: OddKernel = 3
    dropout: FractionBelowOne = 0.1


@TEMPORAL_HEADS.register("tcn", TCNOptions)
def _tcn(feature_dim: int, options: TCNOptions) -> TemporalHead:
    return TCN(feature_dim, **options.model_dump())
