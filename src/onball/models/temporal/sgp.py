"""T-DEED's encoder-decoder of scalable-granularity perception (SGP) layers.

T-DEED: Xarles et al. 2024 (CVsports). The SGP layer: Shi et al. 2023, "TriDet" (CVPR). Inside this
module time is the last axis: `[B, dim, T]`.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import PositiveInt
from torch import Tensor, nn

from onball.config import BaseConfig, LayerCount
from onball.models.components import TEMPORAL_HEADS, TemporalHead
from onball.models.temporal.convolution import OddKernel

#: `onball`: the layers as this project trains them; `published`: those of T-DEED's code.
SGPVariant = Literal["onball", "published"]


class SGPEncoderDecoder(TemporalHead):
    """Encoder-decoder over time scales of T-DEED, with a skip connection at each scale.

    The encoder halves the number of time steps after each SGP layer (rounded up, so that every T
    works), another layer processes the coarsest scale, and SGP-Mixer layers fuse each scale of the
    encoder with the upsampled features of the next coarser one.

    The variant `published` is that of the paper's code: an SGP layer follows each mixer, branches on
    single frames are depthwise, and mixers differ (see `PublishedSGPMixer`). The paper also adds a
    learned encoding of positions to the features, which is the setting `model.positions`.

    The variant `onball` normalises the output, as is usual for blocks that normalise their input:
    the sum over all layers would otherwise give large, overconfident scores at the start of training.

    Args:
        feature_dim: C.
        layers: number of times that time is halved.
        kernel: w, taps of the shorter convolution of each layer; odd. The default, like that of
            `layers` and `factor`, is the authors' for SoccerNet ball action spotting.
        factor: the longer convolution has this many times as many taps (one more if that is even).
        dim: D, the number of channels; None is C, without a projection.
        variant: `published` is that of the paper's code, `onball` also normalises the output.
    """

    def __init__(
        self,
        feature_dim: int,
        layers: int = 2,
        kernel: int = 9,
        factor: int = 4,
        dim: int | None = None,
        variant: SGPVariant = "onball",
    ) -> None:
        super().__init__()
        self.output_dim = dim or feature_dim
        self.project = nn.Linear(feature_dim, dim) if dim else nn.Identity()
        published = variant == "published"
        size = (self.output_dim, kernel, _long_kernel(kernel, factor, published))
        mixer = PublishedSGPMixer if published else SGPMixer
        self.encoder = nn.ModuleList(SGPLayer(*size, depthwise=published) for _ in range(layers))
        self.bottom = SGPLayer(*size, depthwise=published)
        self.decoder = nn.ModuleList(mixer(*size) for _ in range(layers))
        self.refine = nn.ModuleList(
            SGPLayer(*size, depthwise=True) if published else nn.Identity() for _ in range(layers)
        )
        self.norm = nn.Identity() if published else ChannelNorm(self.output_dim)

    def forward(self, features: Tensor) -> Tensor:
        x = self.project(features).transpose(1, 2)
        skips = []
        for layer in self.encoder:
            x = layer(x)
            skips.append(x)
            x = _halved(x)
        x = self.bottom(x)
        for mixer, refine, skip in zip(self.decoder, self.refine, reversed(skips), strict=True):
            x = refine(mixer(skip, x))
        output: Tensor = self.norm(x).transpose(1, 2)
        return output


def _halved(x: Tensor) -> Tensor:
    """Maxima of pairs of frames, `[B, dim, ceil(T / 2)]`; a last single frame is its own maximum."""
    # With `ceil_mode`, an export of the layer would be for one T only.
    return F.max_pool1d(F.pad(x, (0, x.shape[-1] % 2), value=-math.inf), 2)


def _long_kernel(kernel: int, factor: int, published: bool) -> int:
    """Taps of the longer convolution, which must be odd."""
    taps = (kernel + 1) * factor if published else kernel * factor
    return taps + (taps + 1) % 2


class SGPLayer(nn.Module):
    """Transformer block with SGP instead of attention: `[B, dim, T]` → the same shape.

    With x the normalised input, SGP is `instant(x) + window(x) + x`. As in TriDet, the second
    normalisation, before the feed-forward network, is over groups of channels.

    Args:
        dim: number of channels.
        kernel: taps of the shorter convolution over time.
        long: taps of the longer one.
        depthwise: see `InstantBranch`.
    """

    def __init__(self, dim: int, kernel: int, long: int, *, depthwise: bool = False) -> None:
        super().__init__()
        self.norm = ChannelNorm(dim)
        self.instant = InstantBranch(dim, depthwise=depthwise)
        self.window = WindowBranch(dim, kernel, long)
        self.feedforward = _feedforward(dim)

    def forward(self, x: Tensor) -> Tensor:
        normed = self.norm(x)
        x = x + self.instant(normed) + self.window(normed) + normed
        output: Tensor = x + self.feedforward(x)
        return output


class SGPMixer(nn.Module):
    """Fusion of a skip connection with coarser features.

    Each is normalised and has its own instant-level and window-level branch; the
    four results are concatenated and projected to `dim`. As in the SGP layer, the inputs are added
    again, and a feed-forward network follows.
    """

    def __init__(self, dim: int, kernel: int, long: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(ChannelNorm(dim) for _ in range(2))
        self.instants = nn.ModuleList(InstantBranch(dim) for _ in range(2))
        self.windows = nn.ModuleList(WindowBranch(dim, kernel, long) for _ in range(2))
        self.fuse = nn.Conv1d(4 * dim, dim, 1)
        self.feedforward = _feedforward(dim)

    def forward(self, skip: Tensor, coarse: Tensor) -> Tensor:
        """Skip `[B, dim, T]` and coarse `[B, dim, ceil(T / 2)]` → `[B, dim, T]`."""
        # Upsampled by 2, then cropped: resizing to T exactly would shift the frames of an odd T.
        fine = F.interpolate(coarse, scale_factor=2, mode="linear")[..., : skip.shape[-1]]
        branches = []
        for x, norm, instant, window in zip(
            (skip, fine), self.norms, self.instants, self.windows, strict=True
        ):
            normed = norm(x)
            branches += [instant(normed), window(normed)]
        mixed = skip + fine + self.fuse(torch.cat(branches, dim=1))
        output: Tensor = mixed + self.feedforward(mixed)
        return output


class PublishedSGPMixer(nn.Module):
    """Fusion of a skip connection with coarser features, as in T-DEED's code.

    Unlike `SGPMixer` it normalises the coarser features before they are upsampled, projects the
    normalised inputs together with the four branches instead of adding the inputs again, and
    has an activation after the projection.
    """

    def __init__(self, dim: int, kernel: int, long: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(ChannelNorm(dim) for _ in range(2))
        self.instants = nn.ModuleList(InstantBranch(dim, depthwise=True) for _ in range(2))
        self.windows = nn.ModuleList(WindowBranch(dim, kernel, long) for _ in range(2))
        self.fuse = nn.Conv1d(6 * dim, dim, 1)
        self.feedforward = _feedforward(dim)

    def forward(self, skip: Tensor, coarse: Tensor) -> Tensor:
        """Skip `[B, dim, T]` and coarse `[B, dim, ceil(T / 2)]` → `[B, dim, T]`."""
        skip, coarse = self.norms[0](skip), self.norms[1](coarse)
        fine = F.interpolate(coarse, size=skip.shape[-1], mode="linear", align_corners=True)
        both = (skip, fine)
        windows = [window(x) for window, x in zip(self.windows, both, strict=True)]
        instants = [instant(x) for instant, x in zip(self.instants, both, strict=True)]
        mixed = F.gelu(self.fuse(torch.cat([*windows, *instants, *both], dim=1)))
        output: Tensor = mixed + self.feedforward(mixed)
        return output


class InstantBranch(nn.Module):
    """`relu(fc(mean of x over time)) * fc(x)`: separates frames from the clip's average.

    Args:
        dim: number of channels.
        depthwise: the two layers scale and shift each channel, instead of mixing channels.
    """

    def __init__(self, dim: int, *, depthwise: bool = False) -> None:
        super().__init__()
        groups = dim if depthwise else 1
        self.clip = nn.Conv1d(dim, dim, 1, groups=groups)
        self.frame = nn.Conv1d(dim, dim, 1, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.clip(x.mean(-1, keepdim=True)).relu() * self.frame(x)
        return output


class WindowBranch(nn.Module):
    """`gate(x) * (short(x) + long(x))` of depthwise convolutions over time."""

    def __init__(self, dim: int, kernel: int, long: int) -> None:
        super().__init__()
        self.gate = _depthwise(dim, kernel)
        self.short = _depthwise(dim, kernel)
        self.long = _depthwise(dim, long)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.gate(x) * (self.short(x) + self.long(x))
        return output


class ChannelNorm(nn.LayerNorm):
    """Layer normalisation of each frame's channels, of `[B, dim, T]`."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.transpose(1, 2)).transpose(1, 2)


def _depthwise(dim: int, kernel: int) -> nn.Conv1d:
    return nn.Conv1d(dim, dim, kernel, padding=kernel // 2, groups=dim)


def _feedforward(dim: int) -> nn.Sequential:
    groups = math.gcd(16, dim)
    return nn.Sequential(
        # Groups of one channel have nothing to normalise in a clip of one frame.
        nn.GroupNorm(groups if groups < dim else 1, dim),
        nn.Conv1d(dim, 4 * dim, 1),
        nn.GELU(),
        nn.Conv1d(4 * dim, dim, 1),
    )


class SGPOptions(BaseConfig):
    """Options of `SGPEncoderDecoder`."""

    layers: LayerCount = 2
    kernel: OddKernel = 9
    factor: PositiveInt = 4
    dim: PositiveInt | None = None
    variant: SGPVariant = "onball"


@TEMPORAL_HEADS.register("sgp", SGPOptions)
def _sgp(feature_dim: int, options: SGPOptions) -> TemporalHead:
    return SGPEncoderDecoder(feature_dim, **options.model_dump())
