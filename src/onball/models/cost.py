"""What a net costs: parameters, arithmetic, memory in training. Nothing is computed.

The forward pass runs on fake tensors, which have a shape and a type but no values, as if on a CPU.
A net that would need gigabytes is measured in about a second and needs none.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    FakeTensorMode,
    UnsupportedFakeTensorException,
    UnsupportedOperatorException,
)
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode

from onball.config import ExperimentConfig
from onball.errors import ConfigError, ModelError
from onball.models.nets import build_model

Optimizer = Literal["adamw", "sgd"]

_FLOAT32_BYTES = 4
#: How many running averages an optimizer keeps per weight (sgd: with momentum).
_MOMENTS: dict[str, int] = {"adamw": 2, "sgd": 1}
_UNMEASURABLE = (
    DataDependentOutputException,
    DynamicOutputShapeException,
    UnsupportedFakeTensorException,
    UnsupportedOperatorException,
)


@dataclass(frozen=True, slots=True)
class NetCost:
    """What a net costs for clips of one shape.

    Attributes:
        parameters: how many weights it has.
        trainable: how many of them are trained.
        gflops: arithmetic of one clip's forward pass in 10⁹ multiply-adds, as the tool fvcore and
            most papers count "GFLOPs": convolutions, matrix products, attention, recurrences and
            normalisations (2 per number in batch normalisation, 5 in layer and group
            normalisation), not activation functions, sums and pooling.
        activation_bytes: what training keeps of one more clip for the backward pass.
        shared_bytes: what it keeps besides, whatever the batch: batch statistics and, in mixed
            precision, the weights once more in the smaller type.
        working_bytes: what a step back through the largest layer needs for one clip: the gradient
            of its output and that of its input.
        frames_shape: `(T, 3, H, W)` of the clip.
    """

    parameters: int
    trainable: int
    gflops: float
    activation_bytes: int
    shared_bytes: int
    working_bytes: int
    frames_shape: tuple[int, int, int, int]


def measure(
    net: nn.Module,
    frames_shape: tuple[int, int, int, int],
    *,
    dtype: torch.dtype = torch.float32,
) -> NetCost:
    """The cost of a net that takes uint8 frames `[B, T, 3, H, W]`. The net stays as it is.

    Args:
        net: any such module, on any device; one built under `torch.device("meta")` will do.
        frames_shape: `(T, 3, H, W)` of one clip.
        dtype: float32, or bfloat16 or float16 for mixed precision (autocast by the CPU's rules,
            which keep a little less in float32 than CUDA's do).

    Raises `ConfigError` for a shape that is no clip's, `ModelError` if the way through the net
    depends on the values of the frames, and whatever the net raises for a size that it cannot take.
    """
    if len(frames_shape) != 4 or frames_shape[1] != 3 or min(frames_shape) < 1:
        raise ConfigError(f"clip of shape {tuple(frames_shape)}: give (frames, 3, height, width)")
    try:
        flops, kept = _forward(net, 1, frames_shape, dtype)
        _, kept_of_two = _forward(net, 2, frames_shape, dtype)
    except _UNMEASURABLE as error:
        raise ModelError(
            f"{type(net).__name__} cannot be measured without computing ({type(error).__name__}): "
            "its forward pass must not depend on the values of the frames"
        ) from error
    one, two = sum(kept), sum(kept_of_two)
    return NetCost(
        parameters=sum(p.numel() for p in net.parameters()),
        trainable=sum(p.numel() for p in net.parameters() if p.requires_grad),
        gflops=flops / 2 / 1e9,  # torch counts a multiply-add as two
        activation_bytes=two - one,
        shared_bytes=max(0, 2 * one - two),
        working_bytes=max(kept_of_two, default=0),  # twice the largest of one clip
        frames_shape=frames_shape,
    )


def cost_of(config: ExperimentConfig, *, dtype: torch.dtype = torch.float32) -> NetCost:
    """The cost of an experiment's net for one of its clips; no weight is fetched or made.

    Raises `ConfigError` for components that cannot be built, and what `measure` raises.
    """
    data = config.data
    with torch.device("meta"):
        net = build_model(config.model, config.task, fetch_weights=False)
    if config.training.freeze_backbone:
        net.backbone.requires_grad_(False)
    return measure(net, (data.clip_frames, 3, data.height, data.width), dtype=dtype)


def training_memory(
    cost: NetCost, batch_size: int, *, optimizer: Optimizer = "adamw", ema: bool = False
) -> int:
    """Bytes that a training step needs at its peak, with weights in float32.

    Those are weights, gradients, the optimizer's moments, the batch of frames and what the
    backward pass needs. Not among them: the program itself, what its memory allocator wastes,
    frames that augmentation or loader processes hold. Real training steps on a CPU grew by 1.0 to
    1.35 times this figure (RegNetY-002 and ResNet-50, 0.4 to 2.6 GB), the less so the larger.

    Args:
        cost: from `measure`, in the precision of the training.
        batch_size: clips in a batch.
        optimizer: `adamw` keeps two moments per trained weight, `sgd` (with momentum) one.
        ema: a moving average of the weights is kept too.

    Raises `ConfigError` for an unknown optimizer or a batch size below 1.
    """
    if batch_size < 1:
        raise ConfigError(f"batch size {batch_size}: give at least 1")
    if optimizer not in _MOMENTS:
        raise ConfigError(f"optimizer '{optimizer}': give one of {', '.join(_MOMENTS)}")
    frames, channels, height, width = cost.frames_shape
    numbers = cost.parameters * (2 if ema else 1) + cost.trainable * (1 + _MOMENTS[optimizer])
    clip_bytes = cost.activation_bytes + cost.working_bytes + frames * channels * height * width
    return numbers * _FLOAT32_BYTES + cost.shared_bytes + batch_size * clip_bytes


def _forward(
    net: nn.Module, clips: int, frames_shape: Sequence[int], dtype: torch.dtype
) -> tuple[int, list[int]]:
    """Floating-point operations of a forward pass in training, and the sizes in bytes of all
    storages kept for the backward pass."""
    mode = FakeTensorMode(allow_non_fake_inputs=True)
    with mode:
        frames = torch.zeros(clips, *frames_shape, dtype=torch.uint8)
        # A net on tracks takes their numbers beside the frames.
        encoder = getattr(net, "tracking", None)
        shape = (clips, frames_shape[0], encoder.input_dim) if encoder is not None else None
        tracking = None if shape is None else torch.zeros(shape)
    fake = _fake_copy(net, mode).train()
    # Tensors may share one storage, so bytes are counted per storage; they are held here because
    # a new storage can get the address of a freed one.
    own = {t.untyped_storage()._cdata for t in [*fake.parameters(), *fake.buffers()]}
    kept: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            kept[storage._cdata] = storage
        return tensor

    counter = FlopCounterMode(display=False, custom_mapping=_OPERATIONS)
    mixed = torch.autocast("cpu", dtype, enabled=dtype != torch.float32)
    with torch.enable_grad(), mode, counter, mixed, saved_tensors_hooks(keep, lambda t: t):
        fake(frames) if tracking is None else fake(frames, tracking)
    return counter.get_total_flops(), [storage.nbytes() for storage in kept.values()]


def _fake_copy(net: nn.Module, mode: FakeTensorMode) -> nn.Module:
    """A copy whose parameters and buffers have no values."""
    # `deepcopy` takes what it finds in its memo for copies made before, so that the weights are
    # replaced without ever being copied, wherever the net refers to them.
    memo: dict[int, Any] = {}
    with mode:
        for buffer in net.buffers():
            memo[id(buffer)] = _empty_like(buffer)
        for weight in net.parameters():
            memo[id(weight)] = nn.Parameter(_empty_like(weight), weight.requires_grad)
    return copy.deepcopy(net, memo)


def _empty_like(tensor: Tensor) -> Tensor:
    return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="cpu")


def _lstm_flops(
    inputs: Sequence[int],
    from_input: Sequence[int],
    from_state: Sequence[int],
    *_: object,
    **__: object,
) -> int:
    """Floating-point operations of oneDNN's LSTM (one layer, one direction), from shapes.

    Args:
        inputs: `[T, B, C]`.
        from_input: `[4 · hidden, C]`.
        from_state: `[4 · hidden, hidden]`.
    """
    return 2 * inputs[0] * inputs[1] * from_input[0] * (from_input[1] + from_state[1])


def _norm_flops(per_number: int) -> Callable[..., int]:
    """Floating-point operations of a normalisation: two for each of so many multiply-adds."""

    def flops(inputs: Sequence[int], *_: object, **__: object) -> int:
        return 2 * per_number * math.prod(inputs)

    return flops


_aten = torch.ops.aten
#: What torch's own counter passes over. Where a recurrence is composed of matrix products, as the
#: GRU is and on some machines the LSTM, it sees those.
_OPERATIONS: dict[Any, Callable[..., int]] = {
    _aten.mkldnn_rnn_layer: _lstm_flops,
    _aten.native_batch_norm: _norm_flops(2),
    _aten._batch_norm_with_update: _norm_flops(2),
    _aten.native_layer_norm: _norm_flops(5),
    _aten.native_group_norm: _norm_flops(5),
}
