"""Inference of convolutional networks on a CPU in pieces of a few images.

A network with a temporal shift needs all frames of a clip at once, but only for the shift: everything
else concerns single frames. Computed for a hundred frames at a time, each layer writes more than the
cache of a CPU holds, and the next one reads it from memory again. Pieces that fit give the same result
faster. Networks without a shift take few frames at a time anyway.
"""

from __future__ import annotations

from types import MethodType
from typing import cast

import torch
from torch import Tensor, nn

from onball.models.backbones.shift import GateShift, first_convolutions

#: Numbers in the input of a piece, 8 MB in float32: of 1, 2, 3, 4, 6 and 10 million, the fastest for
#: AdaSpot and E2E-Spot with RegNetY-002, on a core with 1 MB of second-level cache.
_PIECE_ELEMENTS = 2_000_000
#: Names of the layers of timm's networks before and after the blocks.
_OUTER_LAYERS = ("stem", "conv_stem", "conv_head")


def compute_in_pieces(network: nn.Module) -> None:
    """Make the residual blocks of networks with shifts, and the layers around them, compute in pieces.

    Args:
        network: a network of timm, or a module that contains some; changed in place. It is for
            inference on a CPU from then on, in one thread at a time, and cannot be pickled.
    """
    if not any(isinstance(module, GateShift) for module in network.modules()):
        return
    for name, module in network.named_modules():
        for kind, first in first_convolutions():
            if isinstance(module, kind):
                shift = getattr(getattr(module, first), "shift", None)
                _compute_in_pieces(module, shift)
        if name.rpartition(".")[2] in _OUTER_LAYERS:
            _compute_in_pieces(module, None)


def _compute_in_pieces(module: nn.Module, shift: GateShift | None) -> None:
    """Replace the forward of a module `[N, C, H, W]` → `[N, …]`, of which a shift takes all images."""
    whole = module.forward

    def forward(self: nn.Module, images: Tensor) -> Tensor:
        size = max(1, _PIECE_ELEMENTS // max(1, images[:1].numel()))
        if len(images) <= size:
            return cast(Tensor, whole(images))
        if shift is None:
            return torch.cat([whole(piece) for piece in torch.split(images, size)])
        shifted = shift(images)
        parts = []
        for piece, shift.shifted in zip(
            torch.split(images, size), torch.split(shifted, size), strict=True
        ):
            parts.append(whole(piece))
        shift.shifted = None
        return torch.cat(parts)

    module.forward = MethodType(forward, module)  # type: ignore[method-assign]
