"""2D image networks, frame by frame.

A 2D image network of timm is a backbone under its timm name (`regnety_002`, `resnet50`, …). Some of
them, most vision transformers among them, take pictures of one size only: a training run tries its
size before it begins.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import timm
import torch
from pydantic import Field
from torch import Tensor, nn

from onball.config import PreprocessingConfig, Section
from onball.errors import ConfigError, ModelError
from onball.models.backbones.base import BACKBONES, Backbone, BackboneSetup

#: Weights of red, green and blue in the luminance (ITU-R BT.601).
_LUMA = (0.299, 0.587, 0.114)


class ImageBackbone(Backbone):
    """A 2D image network of timm, applied to every frame.

    Args:
        name: timm's name of the network.
        preprocessing: how pixels are normalised.
        pretrained: start from timm's ImageNet weights (fetched by timm on first use).
        neighbours: n > 0 shows the network motion: beside the RGB frame it gets how the
            (normalised) luminance of the n frames before and the n frames after differs from the
            frame's own: 2n more input channels and a wider first convolution. Beyond the ends of
            the sequence the edge frame repeats. With pretrained weights the new channels start
            at zero, that is, as the plain network; that needs one first convolution, which a few
            networks (crossvit, mobileone, repvgg, …) do not have.

    Raises `ConfigError` if pretrained weights cannot be widened for the neighbours, `ModelError` if
    timm has no weights of that name or they cannot be fetched.
    """

    def __init__(
        self,
        name: str,
        preprocessing: PreprocessingConfig,
        *,
        pretrained: bool = False,
        neighbours: int = 0,
    ) -> None:
        super().__init__(preprocessing)
        self.context = neighbours
        channels = 3 + 2 * neighbours
        network = timm.create_model(name, num_classes=0, in_chans=channels)
        if pretrained:
            first = _first_convolution(network, name, channels) if neighbours else None
            weights = _pretrained_weights(name)
            network.load_state_dict(widen_stem(weights, first, channels) if first else weights)
        self.network = network.to(memory_format=torch.channels_last)
        self.feature_dim = int(getattr(network, "head_hidden_size", None) or network.num_features)
        self.register_buffer("_luma", torch.tensor(_LUMA).view(3, 1, 1), persistent=False)
        self._luma: Tensor

    def forward(self, frames: Tensor) -> Tensor:
        images = self.normalise(frames)
        if self.context:
            images = torch.cat([images, self._motion(images)], dim=2)
        flat = images.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        features: Tensor = self.network(flat)
        return features.reshape(frames.shape[0], frames.shape[1], self.feature_dim)

    def _motion(self, images: Tensor) -> Tensor:
        """Luminance of each neighbour minus the frame's own, `[B, T, 2 · neighbours, H, W]`."""
        grey = (images * self._luma).sum(dim=2)
        here = torch.arange(grey.shape[1], device=grey.device)
        steps = [step for step in range(-self.context, self.context + 1) if step]
        shifted = [grey[:, (here + step).clamp(0, len(here) - 1)] for step in steps]
        return torch.stack(shifted, dim=2) - grey.unsqueeze(2)


def _first_convolution(network: Any, name: str, channels: int) -> str:
    """The name of the one layer that sees the images. Raises `ConfigError` if there is no such."""
    first: str | Sequence[str] = network.default_cfg["first_conv"]
    if isinstance(first, str):
        layer = dict(network.named_modules()).get(first)
        if isinstance(layer, nn.Conv2d) and layer.weight.shape[1] == channels:
            return first
    raise ConfigError(
        f"model.backbone.neighbours: the pretrained weights of '{name}' cannot take more input "
        "channels: set neighbours=0, pretrained=false or another name"
    )


def widen_stem(weights: dict[str, Tensor], first_conv: str, channels: int) -> dict[str, Tensor]:
    """The weights with zeros for input channels that the first convolution does not know yet."""
    key = f"{first_conv}.weight"
    stem = weights[key]
    extra = stem.new_zeros(stem.shape[0], channels - stem.shape[1], *stem.shape[2:])
    return {**weights, key: torch.cat([stem, extra], dim=1)}


def _pretrained_weights(name: str) -> dict[str, Tensor]:
    try:
        network = timm.create_model(name, pretrained=True, num_classes=0)
    except (OSError, RuntimeError, ValueError) as error:
        raise ModelError(
            f"the pretrained weights of '{name}' could not be fetched ({type(error).__name__}); "
            "go online once, or train from scratch with --set model.backbone.pretrained=false"
        ) from error
    return dict(network.state_dict())


class ImageBackboneOptions(Section):
    """Options of every timm network; see `ImageBackbone`."""

    pretrained: bool = True
    neighbours: int = Field(0, ge=0, le=8)


def _timm_backbone(
    name: str,
) -> tuple[type[ImageBackboneOptions], Callable[[BackboneSetup, Any], Backbone]] | None:
    if not timm.is_model(name):
        return None

    def build(setup: BackboneSetup, options: ImageBackboneOptions) -> Backbone:
        return ImageBackbone(
            name,
            setup.preprocessing,
            pretrained=options.pretrained and setup.fetch_weights,
            neighbours=options.neighbours,
        )

    return ImageBackboneOptions, build


BACKBONES.look_up_others(_timm_backbone, timm.list_models)
