"""X3D, a small 3D network for video, with one feature per frame.

Feichtenhofer, "X3D: Expanding Architectures for Efficient Video Recognition", CVPR 2020. Modules
are named as in pytorchvideo, so that its published Kinetics-400 weights can be loaded.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import field_validator
from pydantic_core import PydanticCustomError
from safetensors.torch import load_file
from torch import Tensor, nn

from onball.config import BaseConfig, PreprocessingConfig
from onball.errors import ModelError
from onball.models.components import BACKBONES, Backbone, BackboneSetup

_WEIGHTS = "https://dl.fbaipublicfiles.com/pytorchvideo/model_zoo/kinetics/{}"

#: Advice for users without them.
INSTEAD = (
    "give pytorchvideo's X3D_S.pyth or X3D_M.pyth with --set model.backbone.pretrained=PATH, "
    "or train from scratch with --set model.backbone.pretrained=false"
)
#: Extent of the means in squeeze-and-excitation.
Excitation = Literal["frame", "clip"]
_STEM = 24
#: Channels and blocks of the four stages of X3D-S and X3D-M, as the paper has them, and the
#: squeezed channels: a sixteenth of the inner ones, rounded to a multiple of eight.
_STAGES = ((24, 3, 8), (48, 5, 8), (96, 11, 16), (192, 7, 32))
_EXPANSION = 2.25
_POOLED, _PROJECTED = 432, 2048


def _chain(**steps: nn.Module) -> nn.Sequential:
    """Sequence of modules under the checkpoints' names."""
    return nn.Sequential(OrderedDict(steps))


def _pointwise(inputs: int, outputs: int, *, stride: int = 1, bias: bool = False) -> nn.Conv3d:
    return nn.Conv3d(inputs, outputs, 1, stride=(1, stride, stride), bias=bias)


class _Depthwise(nn.Conv3d):
    """Depthwise 3D convolution; time is padded with zeros and keeps its length."""

    def __init__(self, channels: int, kernel: tuple[int, int, int], stride: int = 1) -> None:
        super().__init__(
            channels,
            channels,
            kernel,
            stride=(1, stride, stride),
            padding=(kernel[0] // 2, kernel[1] // 2, kernel[2] // 2),
            groups=channels,
            bias=False,
        )

    def forward(self, input: Tensor) -> Tensor:
        # For a single pixel, torch (2.15) mistakes the layout of the sum below, and BatchNorm3d
        # silently gives wrong gradients: such small images use the plain convolution.
        tiny = input.shape[3] * input.shape[4] <= 4
        if tiny or input.device.type != "cpu" or not torch.is_grad_enabled():
            return super().forward(input)
        # Backwards, torch's 3D depthwise convolution takes several times as long on a CPU as the
        # 2D one (on a GPU it is faster). A 3D convolution is a sum of 2D ones, each of frames shifted
        # by one step more.
        batch, _, frames = input.shape[:3]
        context = self.kernel_size[0] // 2
        padded = F.pad(input.transpose(1, 2), (0, 0, 0, 0, 0, 0, context, context))
        total: Tensor | None = None
        for step in range(self.kernel_size[0]):
            part = F.conv2d(
                padded[:, step : step + frames].flatten(0, 1),
                self.weight[:, :, step],
                stride=self.stride[1:],
                padding=self.padding[1:],
                groups=self.groups,
            )
            total = part if total is None else total + part
        assert total is not None
        return total.view(batch, frames, *total.shape[1:]).transpose(1, 2)


class _SqueezeExcitation(nn.Module):
    """Squeeze-and-excitation (Hu et al. 2018) from means over each frame, or over the clip."""

    def __init__(self, channels: int, squeezed: int, excitation: Excitation) -> None:
        super().__init__()
        self.axes = (2, 3, 4) if excitation == "clip" else (3, 4)
        self.block = nn.Sequential(
            _pointwise(channels, squeezed, bias=True),
            nn.ReLU(),
            _pointwise(squeezed, channels, bias=True),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        weighed: Tensor = x * self.block(x.mean(dim=self.axes, keepdim=True))
        return weighed


def _stem() -> nn.Module:
    # The checkpoints call the convolution over space `conv_t` and that over time `conv_xy`.
    over_space = nn.Conv3d(3, _STEM, (1, 3, 3), (1, 2, 2), (0, 1, 1), bias=False)
    over_time = _Depthwise(_STEM, (5, 1, 1))
    return _chain(
        conv=_chain(conv_t=over_space, conv_xy=over_time),
        norm=nn.BatchNorm3d(_STEM),
        activation=nn.ReLU(),
    )


def _bottleneck(
    inputs: int, outputs: int, stride: int, squeezed: int | None, excitation: Excitation
) -> nn.Module:
    inner = int(_EXPANSION * outputs)
    squeeze = _SqueezeExcitation(inner, squeezed, excitation) if squeezed else nn.Identity()
    norm_c = nn.BatchNorm3d(outputs)
    # Each block starts as its shortcut, which steadies a deep net at first (Goyal et al. 2017).
    nn.init.zeros_(norm_c.weight)
    return _chain(
        conv_a=_pointwise(inputs, inner),
        norm_a=nn.BatchNorm3d(inner),
        act_a=nn.ReLU(),
        conv_b=_Depthwise(inner, (3, 3, 3), stride),
        norm_b=nn.Sequential(nn.BatchNorm3d(inner), squeeze),
        act_b=nn.SiLU(),
        conv_c=_pointwise(inner, outputs),
        norm_c=norm_c,
    )


class _Block(nn.Module):
    """Bottleneck with a shortcut, which is a convolution where the size changes."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        stride: int,
        squeezed: int | None,
        excitation: Excitation,
    ) -> None:
        super().__init__()
        resized = stride != 1 or inputs != outputs
        self.branch1_conv = _pointwise(inputs, outputs, stride=stride) if resized else None
        # The checkpoints normalise the shortcut only where the number of channels changes.
        self.branch1_norm = nn.BatchNorm3d(outputs) if inputs != outputs else None
        self.branch2 = _bottleneck(inputs, outputs, stride, squeezed, excitation)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.branch1_conv is None else self.branch1_conv(x)
        if self.branch1_norm is not None:
            shortcut = self.branch1_norm(shortcut)
        return F.relu(shortcut + self.branch2(x))


def _stage(
    inputs: int, outputs: int, depth: int, squeezed: int, excitation: Excitation
) -> nn.Module:
    """Stage whose first block halves height and width; every other block has squeeze-excitation."""
    blocks = [
        _Block(
            inputs if index == 0 else outputs,
            outputs,
            stride=2 if index == 0 else 1,
            squeezed=squeezed if index % 2 == 0 else None,
            excitation=excitation,
        )
        for index in range(depth)
    ]
    return _chain(res_blocks=nn.Sequential(*blocks))


class _SpatialMean(nn.AdaptiveAvgPool3d):
    """Mean over height and width."""

    def forward(self, input: Tensor) -> Tensor:
        if torch.compiler.is_compiling():  # ONNX has no adaptive pooling
            return input.mean(dim=(-2, -1), keepdim=True)
        return super().forward(input)


def _head(inputs: int, projected: bool) -> nn.Module:
    """Channels `[B, C, T, H, W]` → means over space `[B, 432 or 2048, T, 1, 1]`."""
    pool = _chain(
        pre_conv=_pointwise(inputs, _POOLED),
        pre_norm=nn.BatchNorm3d(_POOLED),
        pre_act=nn.ReLU(),
        pool=_SpatialMean((None, 1, 1)),
    )
    if projected:
        pool.add_module("post_conv", _pointwise(_POOLED, _PROJECTED))
        pool.add_module("post_act", nn.ReLU())
    return _chain(pool=pool)


class X3D(Backbone):
    """X3D-S and X3D-M, which are the same network, with one feature per frame.

    With excitation per frame, `context` is 28: two frames on each side in the stem and one in each of
    the 26 blocks. Excitation over the clip, which the published weights were trained with, makes every
    feature depend on the whole clip, and `context` is None. Time is padded with zeros, as in the
    published network.

    Args:
        preprocessing: normalisation; the published weights expect mean 0.45 and std 0.225.
        head: features are the 2048 of the published head's hidden layer instead of the 432 below
            it. That layer was trained on the mean of a whole Kinetics clip; the 432 are closer
            to the frame and make a temporal head five times smaller.
        excitation: squeeze-and-excitation from means over each frame, or over the clip.
    """

    def __init__(
        self,
        preprocessing: PreprocessingConfig,
        *,
        head: bool = False,
        excitation: Excitation = "frame",
    ) -> None:
        super().__init__(preprocessing)
        self.feature_dim = _PROJECTED if head else _POOLED
        self.resolved = {"excitation": excitation}
        blocks_deep = 2 + sum(depth for _, depth, _ in _STAGES)
        self.context = None if excitation == "clip" else blocks_deep
        blocks = [_stem()]
        channels = _STEM
        for outputs, depth, squeezed in _STAGES:
            blocks.append(_stage(channels, outputs, depth, squeezed, excitation))
            channels = outputs
        self.blocks = nn.Sequential(*blocks, _head(channels, head))
        self.apply(_initialise)

    def forward(self, frames: Tensor) -> Tensor:
        clip = self.normalise(frames).transpose(1, 2)
        features: Tensor = self.blocks(clip.contiguous(memory_format=torch.channels_last_3d))
        return features.flatten(2).transpose(1, 2)

    def stages(self) -> list[list[str]]:
        """See `Backbone`: stem, four stages, and the convolution behind them."""
        return [
            [f"blocks.{index}.{name}" for name, _ in block.named_parameters()]
            for index, block in enumerate(self.blocks)
        ]

    def load_published(self, checkpoint: object, origin: str) -> None:
        """Load the weights of a checkpoint without its Kinetics classifier.

        Args:
            checkpoint: tensors by pytorchvideo's names, possibly under the key `model_state`.
            origin: file or name of the checkpoint, for the message.

        Raises `ModelError` if a tensor is missing, unknown or of another shape.
        """
        weights = checkpoint
        if isinstance(checkpoint, dict):
            weights = checkpoint.get("model_state", checkpoint)
        if not isinstance(weights, dict) or not all(map(torch.is_tensor, weights.values())):
            raise ModelError(f"{origin}: holds no weights by name; {INSTEAD}")
        own = self.state_dict()
        dropped = ("blocks.5.proj.", "blocks.5.pool.post_conv.")
        given = {k: v for k, v in weights.items() if k in own or not k.startswith(dropped)}
        # The count of batches has no effect with a fixed momentum, and some writers omit it.
        needed = [k for k in own if not k.endswith(".num_batches_tracked")]
        unfit = [k for k in needed if k not in given or given[k].shape != own[k].shape]
        unfit += [k for k in given if k not in own]
        if unfit:
            raise ModelError(
                f"{origin}: not the weights of X3D-S or X3D-M ({len(unfit)} tensors differ, first "
                f"'{unfit[0]}'); {INSTEAD}"
            )
        self.load_state_dict({**own, **given})


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv3d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def fetch_checkpoint(file: str) -> object:
    """Load the published checkpoint, from torch's cache or, the first time, from the internet.

    Raises `ModelError` if it cannot be downloaded.
    """
    try:
        return torch.hub.load_state_dict_from_url(
            _WEIGHTS.format(file), map_location="cpu", progress=False, weights_only=True
        )
    # Besides network errors, whatever unpickling a damaged file raises.
    except Exception as error:
        raise ModelError(
            f"the pretrained weights {file} could not be fetched ({type(error).__name__}); "
            f"go online once, {INSTEAD}"
        ) from error


def read_checkpoint(path: Path) -> object:
    """Read a weights file, or the weights of the backbone in a saved model's folder.

    Raises `ModelError` if it is missing or damaged.
    """
    if path.is_dir():
        saved = read_checkpoint(path / "model.safetensors")
        assert isinstance(saved, dict)  # as safetensors gives it
        own = "backbone."
        return {k.removeprefix(own): v for k, v in saved.items() if k.startswith(own)}
    if not path.is_file():
        raise ModelError(f"{path}: no such weights file; {INSTEAD}")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    # The exception depends on where the file is damaged.
    except Exception as error:
        raise ModelError(
            f"{path}: not a weights file, or damaged ({type(error).__name__}); {INSTEAD}"
        ) from error


class X3DOptions(BaseConfig):
    """Options of `X3D`.

    Attributes:
        pretrained: true fetches the published Kinetics-400 weights on first use; a path names a
            file of such weights (pytorchvideo's layout, or `.safetensors`), or the folder of a
            saved model whose backbone is used.
        head: use the features of the published head's hidden layer.
        excitation: squeeze-and-excitation from means over each frame, so that a video can be
            computed in parts, or over the clip, as the published weights expect; null is `clip` for
            a network that starts from weights (`pretrained`) and `frame` for others.
    """

    pretrained: bool | Path = True
    head: bool = False
    excitation: Excitation | None = None

    @field_validator("pretrained", mode="plain")
    @classmethod
    def _flag_or_path(cls, value: object) -> bool | Path:
        if isinstance(value, bool):
            return value
        if isinstance(value, str | Path) and str(value):
            return Path(value).expanduser()
        raise PydanticCustomError("source", "expected true, false or the path of a weights file")


def _build(file: str, setup: BackboneSetup, options: X3DOptions) -> X3D:
    source = options.pretrained
    excitation = options.excitation or ("frame" if source is False else "clip")
    network = X3D(setup.preprocessing, head=options.head, excitation=excitation)
    if setup.fetch_weights and isinstance(source, Path):
        network.load_published(read_checkpoint(source), str(source))
    elif setup.fetch_weights and source:
        network.load_published(fetch_checkpoint(file), file)
    return network


@BACKBONES.register("x3d_s", X3DOptions)
def build_x3d_s(setup: BackboneSetup, options: X3DOptions) -> Backbone:
    """Build X3D-S; its published weights are from 13 frames at stride 6, 160 pixels."""
    return _build("X3D_S.pyth", setup, options)


@BACKBONES.register("x3d_m", X3DOptions)
def build_x3d_m(setup: BackboneSetup, options: X3DOptions) -> Backbone:
    """Build X3D-M; its published weights are from 16 frames at stride 5, 224 pixels."""
    return _build("X3D_M.pyth", setup, options)
