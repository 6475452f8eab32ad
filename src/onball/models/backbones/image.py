"""2D image networks of timm, applied per frame or with a temporal shift between frames.

Each is a backbone under its timm name (`regnety_002`, `resnet50`, …). Some of them, including most
vision transformers, accept one image size only: a training run tests its size before it begins. The
backbone `none` uses no pixels, for nets on tracks alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import BeforeValidator, Field, PositiveInt
from pydantic_core import PydanticCustomError
from torch import Tensor, nn

from onball.config import NO_BACKBONE, BaseConfig, PreprocessingConfig
from onball.models.backbones.pretrained import load_pretrained
from onball.models.backbones.shift import GateShift, ShiftKind, ShiftVariant, insert_shifts
from onball.models.components import BACKBONES, Backbone, BackboneSetup

#: Values beyond the edge of an image; `replicate` repeats the edge.
Padding = Literal["zeros", "replicate"]
#: Weights of red, green and blue in the luminance (ITU-R BT.601).
LUMA = (0.299, 0.587, 0.114)


class ImageBackbone(Backbone):
    """A 2D image network of timm, applied to every frame.

    Args:
        name: timm's name of the network.
        preprocessing: normalisation of pixels.
        pretrained: True to start from timm's ImageNet weights (fetched by timm on first use); or a
            file of weights or the folder of a saved model to start from.
        neighbours: n > 0 adds motion to the input: 2n channels with the difference between the
            (normalised) luminance of each of the n frames before and after and that of the frame.
            Beyond the ends of the sequence the edge frame repeats. With pretrained weights,
            channels that they lack start at zero, which equals the plain network; this requires a
            single first convolution, which a few networks (crossvit, mobileone, repvgg, …) do not
            have.
        shift: "gsm" or "gsf" let each residual block see features of neighbouring frames (see
            `shift`); the network starts as the plain one. The context grows by 2 frames a block.
        shift_fraction: fraction of the channels to shift, above 0 to 1.
        shift_variant: see `shift.GateShift`; the published one grows the context by 3 frames a
            block with the GSF, and does not start as the plain network.
        shift_stages: stages of the network with shifts, counted from 1; None for all.
        padding: values beyond the image's edge in the network's spatial convolutions, and beyond
            the ends of the clip in those of the GSF's weights: zeros, or the edge repeated.
        grey: replace the colours by the luminance of the normalised frame, in all three channels.

    Raises:
        ConfigError: pretrained weights cannot be widened for the neighbours, or the network has no
            block that can be shifted.
        ModelError: the pretrained weights cannot be loaded or do not fit.
    """

    context: int

    def __init__(
        self,
        name: str,
        preprocessing: PreprocessingConfig,
        *,
        pretrained: bool | Path = False,
        neighbours: int = 0,
        shift: ShiftKind = "none",
        shift_fraction: float = 0.25,
        shift_variant: ShiftVariant = "onball",
        shift_stages: Collection[int] | None = None,
        padding: Padding = "zeros",
        grey: bool = False,
    ) -> None:
        super().__init__(preprocessing)
        channels = 3 + 2 * neighbours
        network = create_network(name, channels)
        shifts: list[GateShift] = []
        if shift != "none":
            shifts = insert_shifts(
                network, name, shift, shift_fraction, variant=shift_variant, stages=shift_stages
            )
        if padding != "zeros":
            _set_padding(network, padding)
        if pretrained is not False:
            load_pretrained(network, name, pretrained, channels)
        self.network = network.to(memory_format=torch.channels_last)
        self.neighbours, self.grey = neighbours, grey
        self.context = neighbours + sum(layer.context for layer in shifts)
        self.feature_dim = int(getattr(network, "head_hidden_size", None) or network.num_features)
        self.register_buffer("_luma", torch.tensor(LUMA).view(3, 1, 1), persistent=False)
        self._luma: Tensor

    def normalise(self, frames: Tensor) -> Tensor:
        """See `Backbone`; without colours if `grey`."""
        images = super().normalise(frames)
        return self._grey(images).expand_as(images) if self.grey else images

    def forward(self, frames: Tensor) -> Tensor:
        images = self.normalise(frames)
        images = self.with_motion(images, self.neighbours_of(images))
        features: Tensor = self.network(self._flat(images))
        return features.reshape(frames.shape[0], frames.shape[1], self.feature_dim)

    def stages(self) -> list[list[str]]:
        """See `Backbone`; stages are those of timm's `group_matcher`."""
        from timm.models import group_parameters  # see `create_network`

        groups: dict[Any, list[str]] = group_parameters(
            self.network, self.network.group_matcher(coarse=True)
        )
        return [[f"network.{name}" for name in groups[key]] for key in sorted(groups)]

    def neighbours_of(self, frames: Tensor) -> Iterator[Tensor]:
        """For each neighbour, in the order of time, the frames `[B, T, …]` that are it."""
        count = frames.shape[1]  # not len(), which would fix the number of frames in an export
        here = torch.arange(count, device=frames.device)
        for step in range(-self.neighbours, self.neighbours + 1):
            if step:
                yield frames[:, (here + step).clamp(0, count - 1)]

    def with_motion(self, images: Tensor, neighbours: Iterable[Tensor]) -> Tensor:
        """Images with the channels of motion, `[B, T, 3 + 2 · neighbours, H, W]`.

        Args:
            images: normalised frames `[B, T, 3, H, W]`.
            neighbours: for each neighbour, the normalised images of the same shape.
        """
        grey = self._grey(images)
        motion = [self._grey(others) - grey for others in neighbours]
        return torch.cat([images, *motion], dim=2) if motion else images

    def _grey(self, images: Tensor) -> Tensor:
        return (images * self._luma).sum(dim=2, keepdim=True)

    def maps(self, images: Tensor) -> Tensor:
        """Maps `[B, T, C, h, w]` of the last stage, of `with_motion` of frames `[B, T, 3, H, W]`."""
        maps: Tensor = self.network.forward_features(self._flat(images))
        return maps.reshape(*images.shape[:2], *maps.shape[1:])

    def pool(self, maps: Tensor) -> Tensor:
        """Features `[B, T, feature_dim]` of the maps of the last stage."""
        pooled: Tensor = self.network.forward_head(maps.flatten(0, 1))
        return pooled.reshape(maps.shape[0], maps.shape[1], self.feature_dim)

    def _flat(self, images: Tensor) -> Tensor:
        """Images `[B · T, C, H, W]` of clips, with the clips' length given to the shifts."""
        for layer in self.network.modules():
            if isinstance(layer, GateShift):
                layer.frames = images.shape[1]
        return images.flatten(0, 1).contiguous(memory_format=torch.channels_last)


def create_network(name: str, channels: int) -> Any:
    """Return a network of timm without a classifier, on torch's default device.

    Args:
        name: its name in timm.
        channels: number of input channels.
    """
    # Importing timm takes seconds, and nets on tracks alone do without.
    import timm

    # timm computes the widths of a RegNet with tensors, which have no values on the device `meta`.
    with torch.device("cpu"):
        network = timm.create_model(name, num_classes=0, in_chans=channels)
    return network.to(torch.get_default_device())


def _set_padding(network: nn.Module, padding: Padding) -> None:
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d) and layer.padding not in ((0, 0), "valid"):
            layer.padding_mode = padding


def _yes_no_or_path(value: object) -> object:
    if not isinstance(value, bool | str | Path):
        raise PydanticCustomError(
            "weights", "should be true, false or the path of a file or a saved model"
        )
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    return Path(value) if isinstance(value, str) else value


#: Initial weights: timm's (true), none (false), or a file or a saved model.
WeightsSource = Annotated[bool | Path, BeforeValidator(_yes_no_or_path)]


class ImageBackboneOptions(BaseConfig):
    """Options of every timm network; see `ImageBackbone`."""

    pretrained: WeightsSource = True
    neighbours: int = Field(0, ge=0, le=8)
    shift: ShiftKind = "none"
    shift_fraction: float = Field(0.25, gt=0, le=1)
    shift_variant: ShiftVariant = "onball"
    shift_stages: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] | None = None
    padding: Padding = "zeros"
    grey: bool = False


def _timm_backbone(
    name: str,
) -> tuple[type[ImageBackboneOptions], Callable[[BackboneSetup, Any], Backbone]] | None:
    import timm  # see `create_network`

    if not timm.is_model(name):
        return None

    def build(setup: BackboneSetup, options: ImageBackboneOptions) -> Backbone:
        return ImageBackbone(
            name,
            setup.preprocessing,
            pretrained=options.pretrained if setup.fetch_weights else False,
            neighbours=options.neighbours,
            shift=options.shift,
            shift_fraction=options.shift_fraction,
            shift_variant=options.shift_variant,
            shift_stages=options.shift_stages,
            padding=options.padding,
            grey=options.grey,
        )

    return ImageBackboneOptions, build


def _timm_names() -> list[str]:
    import timm  # see `create_network`

    return list(timm.list_models())


BACKBONES.look_up_others(_timm_backbone, _timm_names)


class NoBackbone(Backbone):
    """Frames of any size → empty features `[B, T, 0]`. Video need not be decoded for it."""

    feature_dim = 0
    context = 0

    def forward(self, frames: Tensor) -> Tensor:
        return frames.new_zeros(*frames.shape[:2], 0).float()


class NoBackboneOptions(BaseConfig):
    """Options of `NoBackbone`: none."""


@BACKBONES.register(NO_BACKBONE, NoBackboneOptions)
def _none(setup: BackboneSetup, options: NoBackboneOptions) -> Backbone:
    return NoBackbone(setup.preprocessing)
