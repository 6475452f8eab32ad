"""The ball network: heatmaps of ball, people and goals from three consecutive frames.

The ball is a few pixels wide, and what tells it from a white boot, a line or an advert is how it moves. So
the network sees the frame itself and the luma of its two neighbours. It is a small convolutional network
with a coarse and a fine path, whose output has a cell for each 4×4 pixels, as in CenterNet (Zhou et al.,
"Objects as Points", 2019, arXiv:1904.07850): for each class a heatmap of centres, and in each cell the
place of the centre within it and the size of the box.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from onball.tracking.detectors.ball_layout import INPUT_CHANNELS, MEAN, STD

CLASSES = ("ball", "person", "goal")
_OUTPUTS = (3, 2, 1, 2, 2, 2, 2)  # heatmaps; offset and size of the ball, of people, of goals
_PRIOR = 0.01  # score of every cell before training


class Maps(NamedTuple):
    """Outputs of the network for `[B, 5, H, W]`; h = H / 4, w = W / 4.

    Attributes:
        logits: `[B, 3, h, w]`, one map for each of `CLASSES`.
        ball_offset: `[B, 2, h, w]`, x and y of the centre from the corner of the cell, in cells.
        ball_size: `[B, 1, h, w]`, logarithm of the diameter in pixels.
        person_offset: `[B, 2, h, w]`.
        person_size: `[B, 2, h, w]`, logarithms of width and height in pixels.
        goal_offset, goal_size: `[B, 2, h, w]`, the same of the frame of a goal.
    """

    logits: Tensor
    ball_offset: Tensor
    ball_size: Tensor
    person_offset: Tensor
    person_size: Tensor
    goal_offset: Tensor
    goal_size: Tensor


class BallNetwork(nn.Module):
    """Convolutional network from three frames to `Maps`.

    Args:
        widths: channels at strides 2, 4, 8, 16 and 32.
    """

    def __init__(self, widths: tuple[int, int, int, int, int] = (12, 32, 64, 96, 96)) -> None:
        super().__init__()
        stem, fine, middle, coarse, context = widths
        self.stem = _convolution(INPUT_CHANNELS, stem, stride=2)
        self.fine = nn.Sequential(_convolution(stem, fine, stride=2), _Residual(fine))
        self.middle = nn.Sequential(
            _convolution(fine, middle, stride=2), _Residual(middle), _Residual(middle)
        )
        self.coarse = nn.Sequential(_convolution(middle, coarse, stride=2), _Residual(coarse))
        self.context = nn.Sequential(_convolution(coarse, context, stride=2), _Residual(context))
        self.to_coarse = nn.Conv2d(context, coarse, 1)
        self.to_middle = nn.Conv2d(coarse, middle, 1)
        self.to_fine = nn.Conv2d(middle, fine, 1)
        self.join_middle = _convolution(middle, middle, groups=_groups(middle))
        self.join_fine = _convolution(fine, fine)
        self.head = nn.Conv2d(fine, sum(_OUTPUTS), 1)
        bias = torch.zeros(sum(_OUTPUTS))
        bias[: len(CLASSES)] = -math.log(1 / _PRIOR - 1)
        self.head.bias = nn.Parameter(bias)

    def forward(self, frames: Tensor) -> Maps:
        """Compute the maps of frames `[B, 5, H, W]`, 0 to 255; H and W are multiples of 32."""
        return self.of_normalised((frames - MEAN) / STD)

    def of_normalised(self, frames: Tensor) -> Maps:
        """Compute the maps of normalised frames."""
        fine = self.fine(self.stem(frames))
        middle = self.middle(fine)
        coarse = self.coarse(middle)
        coarse = coarse + _enlarged(self.to_coarse(self.context(coarse)))
        middle = self.join_middle(middle + _enlarged(self.to_middle(coarse)))
        fine = self.join_fine(fine + _enlarged(self.to_fine(middle)))
        return Maps(*self.head(fine).split(_OUTPUTS, 1))


def _convolution(channels: int, out: int, *, stride: int = 1, groups: int = 1) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(channels, out, 3, stride, 1, groups=groups, bias=False),
        nn.BatchNorm2d(out),
        nn.ReLU(inplace=True),
    )


class _Residual(nn.Module):
    """Two convolutions in groups of 16 channels, mixed by a 1×1 convolution between them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        groups = _groups(channels)
        self.body = nn.Sequential(
            _convolution(channels, channels, groups=groups),
            nn.Conv2d(channels, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, 1, 1, groups=groups, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, features: Tensor) -> Tensor:
        return functional.relu(features + self.body(features))


def _groups(channels: int) -> int:
    return max(1, channels // 16)


def _enlarged(features: Tensor) -> Tensor:
    return functional.interpolate(features, scale_factor=2.0, mode="nearest")
