"""Temporal shift inside 2D networks: residual blocks exchange features of neighbouring frames.

GSM: Sudhakaran, Escalera, Lanz, "Gate-Shift Networks for Video Action Recognition", CVPR 2020.
GSF: the same authors, "Gate-Shift-Fuse for Video Action Recognition", TPAMI 2023.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from functools import cache
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from onball.errors import ConfigError

ShiftKind = Literal["none", "gsm", "gsf"]
#: `onball`: the shift as this project trains it; `published`: that of the papers' code.
ShiftVariant = Literal["onball", "published"]

#: Frames that the gate's convolution spans, as in the papers.
_GATE_FRAMES = 3
#: Prefix of the blocks of a stage: `s3` of a RegNet, `layer3` of a ResNet, `blocks.2`, `stages.2`.
_STAGE = re.compile(r"[a-z]+\.?\d+")


@cache
def first_convolutions() -> tuple[tuple[type[nn.Module], str], ...]:
    """Return the residual blocks that can be given a shift, and the name of their first convolution."""
    # Importing timm takes seconds, and nets on tracks alone do without.
    from timm.models._efficientnet_blocks import InvertedResidual
    from timm.models.convnext import ConvNeXtBlock
    from timm.models.regnet import Bottleneck as RegNetBottleneck
    from timm.models.resnet import BasicBlock, Bottleneck

    return (
        (RegNetBottleneck, "conv1"),
        (BasicBlock, "conv1"),
        (Bottleneck, "conv1"),
        (InvertedResidual, "conv_pw"),
        (ConvNeXtBlock, "conv_dw"),
    )


class GateShift(nn.Module):
    """Shift of a gated part of the first channels by one frame, half of them in each direction.

    Of an input X (the first `width` channels; the others pass unchanged), in two groups with one
    gate each, G = tanh(3×3×3 convolution of ReLU(BatchNorm(X))), the gated part Y = G · X moves by
    one frame, the two groups in opposite directions; what stays is R = X − Y.

    - GSM gives R + shifted Y.
    - GSF weighs them for each channel and frame: w · shifted Y + (1 − w) · R, where
      w = sigmoid(convolution over channels of both, averaged over the image).

    Clips are padded with zeros. The two variants differ in the following:

    - `published` takes the first group from the next frame and the second from the previous one,
      interleaves the two halves of each group afterwards (a channel shuffle, so that later layers
      shift other channels), rounds the number of shifted channels up to a multiple of four, and
      convolves the weights of the GSF over three channels × three frames.
    - `onball` takes the first group from the previous frame, does not shuffle, and doubles the GSF's
      sum. Initially its gates are closed and its weights equal, which makes it the identity: a
      network with ImageNet weights starts as the network without shifts. The weights' convolution
      spans one frame, which keeps the context that of the GSM.

    Args:
        channels: channels of the input.
        fraction: fraction of the channels to shift, above 0 to 1; rounded to an even number.
        fuse: GSF rather than GSM.
        variant: see above.

    Attributes:
        frames: length T of the clips in the input `[B · T, C, H, W]`; to be set before the forward.
            It stays set, since a checkpointed forward runs once more during the backward.
        shifted: the result that the hook gives in place of computing it; see `pieces`.
        context: number of frames on each side that an output frame depends on.
    """

    def __init__(
        self,
        channels: int,
        *,
        fraction: float = 0.25,
        fuse: bool = False,
        variant: ShiftVariant = "onball",
    ) -> None:
        super().__init__()
        self._published = variant == "published"
        if self._published:
            self.group = 2 * math.ceil(int(channels * fraction) / 4)
        else:
            self.group = max(1, min(round(channels * fraction / 2), channels // 2))
        self.width = 2 * self.group
        self.frames: int | None = None
        self.shifted: Tensor | None = None
        fusion_frames = 3 if self._published else 1
        self.context = 1 + _GATE_FRAMES // 2 + (fusion_frames // 2 if fuse else 0)
        self.norm = nn.BatchNorm2d(self.width)
        # The 3D convolution as a 2D one with an output per frame, which are then summed: faster on a
        # CPU, and of four axes, as channels-last networks require.
        self.gate = nn.Conv2d(self.width, 2 * _GATE_FRAMES, 3, padding=1, groups=2, bias=False)
        self.gate_bias = nn.Parameter(torch.zeros(2))
        nn.init.zeros_(self.gate.weight)
        self.fusion: nn.Conv2d | None = None
        if fuse:
            padding = (1, fusion_frames // 2)
            self.fusion = nn.Conv2d(4, 2, (3, fusion_frames), padding=padding, groups=2)
            nn.init.zeros_(self.fusion.weight)
            nn.init.zeros_(self.fusion.bias)  # type: ignore[arg-type]

    def forward(self, images: Tensor) -> Tensor:
        """`[B · T, C, H, W]` → the same shape. Raises `RuntimeError` if `frames` is not set."""
        if self.frames is None:
            raise RuntimeError("GateShift.frames is not set: it is the length of the clips")
        # Splits rather than slices: their gradient is one concatenation, not a sum of paddings.
        part, rest = torch.split(images, [self.width, images.shape[1] - self.width], dim=1)
        if part.requires_grad:
            # Otherwise the gradient of all channels takes this part's layout, and adding that of
            # the shortcut is slow.
            part.register_hook(_as_channels_last)  # type: ignore[no-untyped-call]
        part = part.contiguous()
        gates = torch.split(self._gates(part, self.frames), 1, dim=2)
        groups = torch.split(_clips(part, self.frames), self.group, dim=2)
        gated = [group * gate for group, gate in zip(groups, gates, strict=True)]
        if self._published:
            moved = [_earlier(gated[0]), _later(gated[1])]
        else:
            moved = [_later(gated[0]), _earlier(gated[1])]
        stayed = [group - gone for group, gone in zip(groups, gated, strict=True)]
        if self.fusion is None:
            mixed = [a + b for a, b in zip(moved, stayed, strict=True)]
        else:
            mixed = _fused(self.fusion, moved, stayed, total=1.0 if self._published else 2.0)
        if self._published:
            mixed = [_interleave(group) for group in mixed]
        out = torch.cat(mixed, dim=2).flatten(0, 1)
        return torch.cat([_as_channels_last(out), rest], dim=1)

    def before(self, _: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """A forward pre-hook for the layer whose input is to be shifted."""
        shifted = self(inputs[0]) if self.shifted is None else self.shifted
        return shifted, *inputs[1:]

    def _gates(self, part: Tensor, frames: int) -> Tensor:
        """Gate of each group, `[B, T, 2, H, W]`."""
        # On a CPU one dense convolution, half of it zero, is faster than two narrow ones.
        of_first, of_second = self.gate.weight.chunk(2)
        dense = torch.cat(
            [
                F.pad(of_first, (0, 0, 0, 0, 0, self.group)),
                F.pad(of_second, (0, 0, 0, 0, self.group, 0)),
            ]
        )
        normed = self.norm(part)
        if normed.requires_grad:
            # As above: the backward pass of the normalisation needs one layout.
            normed.register_hook(Tensor.contiguous)  # type: ignore[no-untyped-call]
        terms = F.conv2d(_as_channels_last(normed).relu(), dense, padding=1)
        by_group = terms.contiguous().view(-1, frames, 2, _GATE_FRAMES, *terms.shape[2:])
        before, now, after = by_group.unbind(3)
        bias = self.gate_bias.to(terms.dtype).view(2, 1, 1)
        return torch.tanh(_later(before) + now + _earlier(after) + bias)


def _as_channels_last(images: Tensor) -> Tensor:
    return images.contiguous(memory_format=torch.channels_last)


def _clips(images: Tensor, frames: int) -> Tensor:
    """`[B · T, C, H, W]` as `[B, T, C, H, W]`."""
    return images.reshape(-1, frames, *images.shape[1:])


def _later(clips: Tensor) -> Tensor:
    """`[B, T, …]` shifted one frame later, padded with zero."""
    return torch.cat([torch.zeros_like(clips[:, :1]), clips[:, :-1]], dim=1)


def _earlier(clips: Tensor) -> Tensor:
    """`[B, T, …]` shifted one frame earlier, padded with zero."""
    return torch.cat([clips[:, 1:], torch.zeros_like(clips[:, :1])], dim=1)


def _interleave(group: Tensor) -> Tensor:
    """Reorder channels `[B, T, 2n, H, W]` to 0, n, 1, n + 1, …"""
    halves = group.chunk(2, dim=2)
    return torch.stack(halves, dim=3).flatten(2, 3)


def _fused(
    fusion: nn.Module, moved: list[Tensor], stayed: list[Tensor], total: float
) -> list[Tensor]:
    """Weighted sum of the shifted and the remaining part, for each group `[B, T, c, H, W]`.

    The two weights add up to `total`.
    """
    pairs = zip(moved, stayed, strict=True)
    pooled = torch.stack([x.mean(dim=(-2, -1)) for pair in pairs for x in pair], dim=1)
    weights = total * fusion(pooled.transpose(2, 3)).sigmoid()  # [B, 2, c, T]
    of_groups = weights.transpose(2, 3)[..., None, None].unbind(1)
    return [w * a + (total - w) * b for w, a, b in zip(of_groups, moved, stayed, strict=True)]


def insert_shifts(
    network: nn.Module,
    name: str,
    kind: Literal["gsm", "gsf"],
    fraction: float,
    *,
    variant: ShiftVariant = "onball",
    stages: Collection[int] | None = None,
) -> list[GateShift]:
    """Insert a shift before the first convolution of every residual block; return the shifts.

    Each becomes the child `shift` of that convolution, so that no other parameter changes its name.
    The shortcut of the block is not shifted.

    Args:
        network: the network, changed in place.
        name: its name, for messages.
        kind: with or without the fusion.
        fraction: fraction of the channels to shift.
        variant: see `GateShift`.
        stages: stages of the network whose blocks get a shift, counted from 1; None for all.

    Raises `ConfigError` if the network has no block of a known type, or lacks one of the stages.
    """
    shifts = []
    prefixes: list[str] = []
    for block_name, block in list(network.named_modules()):
        for kind_of_block, attribute in first_convolutions():
            if not isinstance(block, kind_of_block):
                continue
            prefix = _STAGE.match(block_name)
            if prefix and prefix[0] not in prefixes:
                prefixes.append(prefix[0])
            if stages is not None and len(prefixes) not in stages:
                continue
            first: nn.Module = getattr(block, attribute)
            channels = int(getattr(first, "conv", first).in_channels)  # type: ignore[arg-type]
            shift = GateShift(channels, fraction=fraction, fuse=kind == "gsf", variant=variant)
            first.add_module("shift", shift)
            # A bound method, unlike a function, is copied together with the module.
            first.register_forward_pre_hook(shift.before)
            shifts.append(shift)
    if not prefixes:
        raise ConfigError(
            f"model.backbone.shift: '{name}' cannot be given a temporal shift: set shift=none or "
            "name a RegNet, ResNet, EfficientNet, MobileNet or ConvNeXt (regnety_002, resnet18, …)"
        )
    missing = [stage for stage in stages or () if not 1 <= stage <= len(prefixes)]
    if missing:
        raise ConfigError(
            f"model.backbone.shift_stages: '{name}' has stages 1 to {len(prefixes)}, "
            f"and no stage {missing[0]}"
        )
    return shifts
