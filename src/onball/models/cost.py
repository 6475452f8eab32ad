"""Cost of a net: parameters, arithmetic of a forward pass, and memory of a training step.

Nothing is computed: the forward pass runs on fake tensors, which have shape and type but no values,
as if on a CPU. A net that would need gigabytes is measured in about a second and needs none.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

# PyTorch documents fake tensors under this name, underscore included.
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    FakeTensorMode,
    UnsupportedFakeTensorException,
    UnsupportedOperatorException,
)
from torch.autograd.graph import saved_tensors_hooks
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils.flop_counter import FlopCounterMode

from onball.config import ExperimentConfig
from onball.errors import ConfigError, ModelError
from onball.models.freezing import freeze
from onball.models.nets import build_model

Optimizer = Literal["adamw", "sgd"]

_FLOAT32_BYTES = 4
#: Running averages that an optimizer keeps per weight (sgd: with momentum).
_MOMENTS: dict[str, int] = {"adamw": 2, "sgd": 1}
#: Multiply-adds per number of a normalisation, as fvcore counts them.
_BATCH_NORM, _LAYER_NORM = 2, 5
#: Raised for operations whose result depends on values, which fake tensors do not have.
_UNMEASURABLE = (
    DataDependentOutputException,
    DynamicOutputShapeException,
    UnsupportedFakeTensorException,
    UnsupportedOperatorException,
)


@dataclass(frozen=True, slots=True)
class NetCost:
    """Cost of a net for clips of one shape.

    Attributes:
        parameters: number of weights.
        trainable: number of trained weights.
        gflops: arithmetic of one clip's forward pass in 10⁹ multiply-adds, as the tool fvcore and
            most papers count "GFLOPs": convolutions, matrix products, attention, recurrences and
            normalisations (2 per number in batch normalisation, 5 in layer and group
            normalisation), not activation functions, sums and pooling.
        activation_bytes: memory that training keeps per clip for the backward pass.
        shared_bytes: memory that it keeps for any batch: batch statistics and, in mixed precision,
            a copy of the weights in the smaller type.
        working_bytes: memory for the backward pass through the largest layer, per clip: the
            gradients of its output and of its input.
        frames_shape: `(T, 3, H, W)` of the clip; `(T, C)` of one of features.
    """

    parameters: int
    trainable: int
    gflops: float
    activation_bytes: int
    shared_bytes: int
    working_bytes: int
    frames_shape: tuple[int, ...]


def measure(
    net: nn.Module,
    frames_shape: tuple[int, ...],
    *,
    dtype: torch.dtype = torch.float32,
) -> NetCost:
    """Measure a net that takes uint8 frames `[B, T, 3, H, W]`. The net is not changed.

    Args:
        net: any such module, on any device; it may be built under `torch.device("meta")`.
        frames_shape: `(T, 3, H, W)` of one clip; or `(T, C)` of one of features of the backbone.
        dtype: float32, or bfloat16 or float16 for mixed precision (autocast by the CPU's rules,
            which keep a little less in float32 than CUDA's do).

    Raises:
        ConfigError: the shape is not that of a clip.
        ModelError: the control flow of the net depends on the values of the frames.
        Exception: whatever the net raises for a size that it does not accept.
    """
    is_clip = len(frames_shape) == 2 or (len(frames_shape) == 4 and frames_shape[1] == 3)
    if not is_clip or min(frames_shape) < 1:
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
    """Measure an experiment's net for one of its clips; no weights are fetched or allocated.

    Raises `ConfigError` for components that cannot be built, and what `measure` raises.
    """
    data = config.data
    with torch.device("meta"):
        net = build_model(config.model, config.task, fetch_weights=False)
    freeze(net.backbone, config.frozen)
    shape: tuple[int, ...] = (data.clip_frames, 3, data.height, data.width)
    if data.features is not None:
        shape = (data.clip_frames, net.backbone.feature_dim)
    return measure(net, shape, dtype=dtype)


def training_memory(
    cost: NetCost, batch_size: int, *, optimizer: Optimizer = "adamw", ema: bool = False
) -> int:
    """Estimate the peak memory of a training step in bytes, with weights in float32.

    Included are weights, gradients, the optimizer's moments, the batch of frames and the
    activations of the backward pass; not included the program itself, fragmentation, and frames
    held by augmentation or loader processes. Real training steps on a CPU used 1.0 to 1.35 times
    this figure (RegNetY-002 and ResNet-50, 0.4 to 2.6 GB); the larger the step, the closer.

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
    bytes_each = 1 if len(cost.frames_shape) == 4 else _FLOAT32_BYTES
    numbers = cost.parameters * (2 if ema else 1) + cost.trainable * (1 + _MOMENTS[optimizer])
    clip_bytes = cost.activation_bytes + cost.working_bytes
    clip_bytes += math.prod(cost.frames_shape) * bytes_each
    return numbers * _FLOAT32_BYTES + cost.shared_bytes + batch_size * clip_bytes


def _forward(
    net: nn.Module, clips: int, frames_shape: Sequence[int], dtype: torch.dtype
) -> tuple[int, list[int]]:
    """Run a forward pass in training mode on fake tensors.

    Returns: floating-point operations, and the sizes in bytes of all storages kept for the backward
    pass.
    """
    mode = FakeTensorMode(allow_non_fake_inputs=True)
    with mode:
        kind = torch.uint8 if len(frames_shape) == 4 else torch.float32
        inputs = [torch.zeros(clips, *frames_shape, dtype=kind)]
        encoder = getattr(net, "tracking", None)
        if encoder is not None:
            inputs.append(torch.zeros(clips, frames_shape[0], encoder.input_dim))
    fake = _fake_copy(net, mode).train()
    # Bytes are counted per storage, since several tensors may share one.
    own = {_storage(tensor) for tensor in [*fake.parameters(), *fake.buffers()]}
    kept: dict[StorageWeakRef, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = _storage(tensor)
        if storage not in own:
            kept[storage] = tensor.untyped_storage().nbytes()
        return tensor

    counter = FlopCounterMode(display=False, custom_mapping=_OPERATIONS)
    mixed = torch.autocast("cpu", dtype, enabled=dtype != torch.float32)
    with torch.enable_grad(), mode, counter, mixed, saved_tensors_hooks(keep, lambda t: t):
        fake(*inputs)
    return counter.get_total_flops(), list(kept.values())


def _storage(tensor: Tensor) -> StorageWeakRef:
    """Identity of the tensor's storage, which stays unique when the storage is freed."""
    return StorageWeakRef(tensor.untyped_storage())  # type: ignore[no-untyped-call]


def _fake_copy(net: nn.Module, mode: FakeTensorMode) -> nn.Module:
    """Copy a net with parameters and buffers that have no values."""
    # `deepcopy` treats entries of its memo as copies made before, so that the weights are replaced
    # wherever the net refers to them and never copied.
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
    input_weight: Sequence[int],
    state_weight: Sequence[int],
    *_: object,
    **__: object,
) -> int:
    """Floating-point operations of oneDNN's LSTM (one layer, one direction), from shapes.

    Args:
        inputs: `[T, B, C]`.
        input_weight: `[4 · hidden, C]`.
        state_weight: `[4 · hidden, hidden]`.
    """
    return 2 * inputs[0] * inputs[1] * input_weight[0] * (input_weight[1] + state_weight[1])


def _norm_flops(multiply_adds: int) -> Callable[..., int]:
    """Formula of a normalisation for `FlopCounterMode`, which counts a multiply-add as two."""

    def flops(inputs: Sequence[int], *_: object, **__: object) -> int:
        return 2 * multiply_adds * math.prod(inputs)

    return flops


_aten = torch.ops.aten
#: Operations that torch's own counter ignores. It counts recurrences that consist of matrix
#: products, as a GRU does, and an LSTM on machines without oneDNN.
_OPERATIONS: dict[Any, Callable[..., int]] = {
    _aten.mkldnn_rnn_layer: _lstm_flops,
    _aten.native_batch_norm: _norm_flops(_BATCH_NORM),
    _aten._batch_norm_with_update: _norm_flops(_BATCH_NORM),
    _aten.native_layer_norm: _norm_flops(_LAYER_NORM),
    _aten.native_group_norm: _norm_flops(_LAYER_NORM),
}
