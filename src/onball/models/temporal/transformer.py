"""Transformer encoder over time."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from pydantic import Field, PositiveInt, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from torch import Tensor, nn

from onball.config import BaseConfig, FractionBelowOne, LayerCount
from onball.models.components import TEMPORAL_HEADS, TemporalHead


class Transformer(TemporalHead):
    """Transformer encoder (Vaswani et al. 2017) with sinusoidal positional encoding.

    Every block normalises its input, not its output (Xiong et al. 2020), which trains without a
    long warm-up. The projected features are normalised before the positions are added, so that
    both are of order 1 for any backbone.

    Args:
        feature_dim: C.
        dim: width of the encoder, D; a multiple of `heads`.
        layers: number of blocks.
        heads: attention heads of each block.
        feedforward: units in the hidden layer of each block.
        dropout: fraction of units, and of attention weights, dropped in training.
        attention_span: a frame attends to this many frames on each side in each block; to all
            if None.
    """

    def __init__(
        self,
        feature_dim: int,
        dim: int = 256,
        layers: int = 3,
        heads: int = 8,
        feedforward: int = 1024,
        dropout: float = 0.1,
        attention_span: int | None = None,
    ) -> None:
        super().__init__()
        self.output_dim = dim
        self.attention_span = attention_span
        self.project = nn.Sequential(nn.Linear(feature_dim, dim), nn.LayerNorm(dim))
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(
            EncoderBlock(dim, heads, feedforward, dropout) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(dim)

    def forward(self, features: Tensor) -> Tensor:
        x = self.project(features)
        positions = sinusoidal_positions(x.shape[1], self.output_dim, x.device)
        x = self.dropout(x + positions.to(x.dtype))
        near = None
        if self.attention_span is not None:
            near = neighbourhood(x.shape[1], self.attention_span, x.device)
        for block in self.blocks:
            x = block(x, near)
        output: Tensor = self.norm(x)
        return output


class EncoderBlock(nn.Module):
    """Self-attention and a feed-forward network per frame: `[B, T, dim]` → the same shape."""

    def __init__(self, dim: int, heads: int, feedforward: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.attention_dropout = dropout
        self.norm = nn.LayerNorm(dim)
        self.query_key_value = nn.Linear(dim, 3 * dim)
        self.merge = nn.Sequential(nn.Linear(dim, dim), nn.Dropout(dropout))
        self.feedforward = nn.Sequential(
            nn.LayerNorm(dim),
            nn.Linear(dim, feedforward),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(feedforward, dim),
            nn.Dropout(dropout),
        )

    def forward(self, x: Tensor, near: Tensor | None = None) -> Tensor:
        """Attend within the mask `near`, boolean `[T, T]`: query frame, key frame; None for all."""
        x = x + self.merge(self._attend(self.norm(x), near))
        output: Tensor = x + self.feedforward(x)
        return output

    def _attend(self, x: Tensor, near: Tensor | None) -> Tensor:
        split = self.query_key_value(x).unflatten(-1, (3, self.heads, -1))  # [B, T, 3, heads, d]
        query, key, value = split.permute(2, 0, 3, 1, 4)
        dropout = self.attention_dropout if self.training else 0.0
        mixed = F.scaled_dot_product_attention(query, key, value, near, dropout)
        return mixed.transpose(1, 2).flatten(2)


def sinusoidal_positions(length: int, dim: int, device: torch.device | None = None) -> Tensor:
    """Sines and cosines of the frame number, float32 `[length, dim]` (Vaswani et al. 2017, §3.5).

    They are computed, not learned, so that any length is possible. An odd `dim` ends with a sine.
    """
    time = torch.arange(length, device=device, dtype=torch.float32)
    pair = torch.arange((dim + 1) // 2, device=device, dtype=torch.float32)
    angles = time[:, None] * torch.exp(pair * (-2.0 * math.log(10_000.0) / dim))
    return torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(1)[:, :dim]


def neighbourhood(length: int, span: int, device: torch.device | None = None) -> Tensor:
    """Mask of frames that are at most `span` frames apart, boolean `[length, length]`."""
    time = torch.arange(length, device=device)
    return (time[:, None] - time).abs() <= span


class TransformerOptions(BaseConfig):
    """Options of `Transformer`."""

    dim: PositiveInt = 256
    layers: LayerCount = 3
    # The default too must go with the `dim` that the user chose.
    heads: PositiveInt = Field(default=8, validate_default=True)
    feedforward: PositiveInt = 1024
    dropout: FractionBelowOne = 0.1
    attention_span: PositiveInt | None = None

    @field_validator("heads")
    @classmethod
    def _share_the_width(cls, heads: int, info: ValidationInfo) -> int:
        dim = info.data.get("dim")
        if dim is not None and dim % heads:
            raise PydanticCustomError("heads", f"input should divide dim, which is {dim}")
        return heads


@TEMPORAL_HEADS.register("transformer", TransformerOptions)
def _transformer(feature_dim: int, options: TransformerOptions) -> TemporalHead:
    return Transformer(feature_dim, **options.model_dump())
