"""Grey frames stacked as channels, a 2D network for each stack, and 3D blocks over the stacks.

The design is that of the winner of SoccerNet's ball action spotting challenge of 2023, MultiDimStacker
(R. Lukin, github.com/lRomul/ball-action-spotting). GeM pooling: Radenović et al., TPAMI 2019.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from pydantic import PositiveInt
from torch import Tensor, nn

from onball.config import BaseConfig, LayerCount, PreprocessingConfig
from onball.errors import ConfigError
from onball.models.backbones.image import LUMA, WeightsSource
from onball.models.backbones.pretrained import load_pretrained
from onball.models.components import BACKBONES, Backbone, BackboneSetup
from onball.models.temporal.convolution import OddKernel

#: Frames in a stack: the input channels of the 2D network.
_STACK = 3
#: Images are padded to a multiple of the 2D network's stride.
_STRIDE = 32
#: Width of the 3D blocks within, and of their squeeze-and-excitation, relative to their input.
_EXPANSION, _SQUEEZE = 3, 1 / 8
#: Black, and the distance of white from it, in a video of limited range, as fractions of 255.
_BLACK, _CONTRAST = 16 / 255, 219 / 255
#: Smallest value in GeM pooling, whose powers need positive numbers.
_LEAST = 1e-6
#: Images of which the 2D network computes the maps at once; their activations take most of the memory.
_IMAGES_AT_ONCE = 4

Levels = Literal["full", "limited"]
"""Range of the grey levels of frames."""


class FrameStacker(Backbone):
    """Features of each frame from `stacks` × 3 grey frames around it.

    Sampled frames t − s, t, t + s (s is the stride) are the three channels of an image, and a 2D
    network computes its maps. The feature of frame t is computed from the maps of the `stacks` images
    around it, 3 s frames apart, by 3D blocks, a projection, whose channels of all images are
    concatenated, and a pooling over space. Each image's maps are computed once.

    Frames at the ends of the input, which have fewer neighbours, see its first or last frame instead.

    Args:
        preprocessing: normalisation; applied before the frames become grey.
        network: timm's name of an EfficientNet.
        pretrained: initial weights of it: timm's (true), none (false), or those of a file or of a
            saved model.
        stacks: number of images; odd.
        stride: s, in sampled frames.
        blocks: number of 3D blocks.
        features: channels of the projection of each image.
        levels: grey levels from 0 to 255 (`full`), or from 16 to 235 as videos store them (`limited`).
    """

    context: int
    export_obstacle = "its 3D blocks compute one frame after the other, to bound their memory"
    _luma: Tensor

    def __init__(
        self,
        preprocessing: PreprocessingConfig,
        *,
        network: str = "tf_efficientnetv2_b0",
        pretrained: bool | Path = False,
        stacks: int = 11,
        stride: int = 2,
        blocks: int = 4,
        features: int = 256,
        levels: Levels = "full",
    ) -> None:
        super().__init__(preprocessing)
        self.stacks, self.stride, self.levels = stacks, stride, levels
        self.context = stride * (stacks * _STACK // 2)
        self.feature_dim = stacks * features
        self.network = _trunk(network, pretrained)
        channels = int(self.network.feature_info[-1]["num_chs"])
        self.project_2d = _pointwise(channels, channels)
        self.blocks = nn.Sequential(*(_Block(channels) for _ in range(blocks)))
        self.project_3d = _pointwise(channels, features)
        self.power = nn.Parameter(torch.full((1,), 3.0))
        self.register_buffer("_luma", torch.tensor(LUMA).view(3, 1, 1), persistent=False)

    def forward(self, frames: Tensor) -> Tensor:
        maps = self.maps(frames)
        here = torch.arange(frames.shape[1], device=frames.device)
        around = _offsets(self.stacks, _STACK * self.stride, frames.device)
        features = []
        for time in here:
            # One frame at a time: the 3D blocks' activations are large.
            near = (time + around).clamp(0, len(here) - 1)
            features.append(self.pool(maps[:, near]))
        return torch.stack(features, dim=1)

    def maps(self, frames: Tensor) -> Tensor:
        """Maps `[B, T, C, h, w]` of the stack around each frame of `[B, T, 3, H, W]`."""
        last = frames.shape[1] - 1
        around = _offsets(_STACK, self.stride, frames.device)
        parts = []
        for clip in torch.split(frames, 1):
            for here in torch.split(torch.arange(last + 1, device=frames.device), _IMAGES_AT_ONCE):
                near = (here.unsqueeze(1) + around).clamp(0, last)
                begin = int(near.min())
                # Grey frames are cheap, and all those of a video would take much memory.
                grey = self.grey(clip[:, begin : int(near.max()) + 1])[0]
                parts.append(self.encode(grey[near - begin]))
        maps = torch.cat(parts)
        return maps.view(*frames.shape[:2], *maps.shape[1:])

    def grey(self, frames: Tensor) -> Tensor:
        """Grey frames `[B, T, H, W]`, padded with zeros, of frames `[B, T, 3, H, W]`."""
        grey = (self.normalise(frames) * self._luma).sum(dim=2)
        if self.levels == "limited":
            grey = _BLACK + _CONTRAST * grey
        return _padded(grey)

    def encode(self, images: Tensor) -> Tensor:
        """Maps `[N, C, h, w]` of stacks of three grey images `[N, 3, H, W]`."""
        maps: Tensor = self.project_2d(self.network.forward_features(images))
        return maps

    def pool(self, maps: Tensor) -> Tensor:
        """Features `[B, feature_dim]` of the maps `[B, stacks, C, h, w]` around a frame."""
        volume = maps.transpose(1, 2).contiguous(memory_format=torch.channels_last_3d)
        volume = self.blocks(volume)
        projected = self.project_3d(volume.transpose(1, 2).flatten(0, 1))
        channels = projected.reshape(maps.shape[0], -1, *projected.shape[-2:])
        powers = channels.clamp(min=_LEAST) ** self.power
        pooled: Tensor = powers.mean(dim=(-2, -1)) ** (1 / self.power)
        return pooled


class _Block(nn.Module):
    """Inverted residual (Sandler et al. 2018) over time and space, `[B, C, T, h, w]`.

    It computes in the memory format `channels_last_3d`, where a convolution of size 1 is a product of
    matrices, and needs no copy of its input.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = _EXPANSION * channels
        self.expand = nn.Conv3d(channels, inner, 1, bias=False)
        self.norm_1 = nn.BatchNorm3d(inner)
        self.depthwise = nn.Conv3d(inner, inner, 3, padding=1, groups=inner, bias=False)
        self.norm_2 = nn.BatchNorm3d(inner)
        self.squeeze = nn.Conv3d(inner, int(channels * _SQUEEZE), 1)
        self.excite = nn.Conv3d(int(channels * _SQUEEZE), inner, 1)
        self.reduce = nn.Conv3d(inner, channels, 1, bias=False)
        self.norm_3 = nn.BatchNorm3d(channels)

    def forward(self, x: Tensor) -> Tensor:
        inner = F.silu(_convolve(x, self.expand, self.norm_1))
        inner = F.silu(_convolve(inner, self.depthwise, self.norm_2))
        weights = self.excite(F.silu(self.squeeze(inner.mean(dim=(2, 3, 4), keepdim=True))))
        return x + _convolve(inner * weights.sigmoid(), self.reduce, self.norm_3)


def _convolve(x: Tensor, conv: nn.Conv3d, norm: nn.BatchNorm3d) -> Tensor:
    """Normalised output of a convolution without bias.

    In evaluation the normalisation is a scale and a shift, which become part of the convolution.
    """
    weight, bias = conv.weight, None
    if not norm.training:
        assert norm.running_mean is not None and norm.running_var is not None
        scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
        weight = weight * scale.view(-1, 1, 1, 1, 1)
        bias = norm.bias - norm.running_mean * scale
    if conv.kernel_size == (1, 1, 1):
        output = F.linear(x.movedim(1, -1), weight.flatten(1), bias).movedim(-1, 1)
    else:
        output = F.conv3d(x, weight, bias, padding=conv.padding, groups=conv.groups)
    return norm(output) if norm.training else output


def _trunk(name: str, pretrained: bool | Path) -> Any:
    """EfficientNet of timm up to its last blocks."""
    import timm  # see `onball.models.backbones.image.create_network`

    network = timm.create_model(name, num_classes=0)
    if not all(hasattr(network, part) for part in ("conv_stem", "conv_head", "bn2")):
        raise ConfigError(
            f"model.backbone.network: '{name}' is no EfficientNet: name one, such as "
            "tf_efficientnetv2_b0"
        )
    if pretrained is not False:
        load_pretrained(network, name, pretrained, _STACK)
    # The last convolution and its normalisation belong to the classifier.
    network.conv_head, network.bn2 = nn.Identity(), nn.Identity()
    return network


def _pointwise(inputs: int, outputs: int) -> nn.Module:
    conv = nn.Conv2d(inputs, outputs, 1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.SiLU())


def _offsets(count: int, step: int, device: torch.device) -> Tensor:
    """Offsets of `count` frames, `step` apart, around a frame."""
    return step * (torch.arange(count, device=device) - count // 2)


def _padded(images: Tensor) -> Tensor:
    """Images `[B, T, H, W]` with zeros around them, in sizes that the network halves evenly."""
    height, width = images.shape[-2:]
    rows, columns = -height % _STRIDE, -width % _STRIDE
    top, left = rows // 2, columns // 2
    return F.pad(images, (left, columns - left, top, rows - top))


class FrameStackerOptions(BaseConfig):
    """Options of `FrameStacker`."""

    network: str = "tf_efficientnetv2_b0"
    pretrained: WeightsSource = True
    stacks: OddKernel = 11
    stride: PositiveInt = 2
    blocks: LayerCount = 4
    features: PositiveInt = 256
    levels: Levels = "full"


@BACKBONES.register("frame_stacker", FrameStackerOptions)
def _frame_stacker(setup: BackboneSetup, options: FrameStackerOptions) -> Backbone:
    settings = options.model_dump()
    if not setup.fetch_weights:
        settings["pretrained"] = False
    return FrameStacker(setup.preprocessing, **settings)
