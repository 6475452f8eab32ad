"""AdaSpot: a network for whole frames in low resolution, and one for a crop in high resolution.

Xarles et al., "AdaSpot", CVPR 2026. The crop of each frame is where the first network responds most.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from onball.config import BaseConfig, FractionBelowOne, PreprocessingConfig
from onball.models.backbones.image import ImageBackbone, Padding, WeightsSource
from onball.models.backbones.saliency import Regions, RegionSelector, crop_regions
from onball.models.backbones.shift import ShiftKind, ShiftVariant
from onball.models.components import BACKBONES, Backbone, BackboneSetup

#: Frames that are scaled down at once on a CPU, which fit in its cache; other devices take all.
_CPU_FRAMES = 1


class AdaSpot(Backbone):
    """Twin networks for whole frames and for a region of each, fused by their maximum.

    Frames come in high resolution. The first network sees them scaled down; the second one sees
    the region with the largest saliency of the first one's maps (see `saliency`), in full
    resolution. The features of both pass a projection each, and the elementwise maximum is the
    feature of the frame. Both are also `branches`, for auxiliary losses.

    Args:
        preprocessing: normalisation of pixels.
        network: timm's name of both networks, which have weights of their own.
        pretrained: initial weights of both: timm's (true), none (false), or those of a file or of a
            saved model.
        reduction: factor by which whole frames are scaled down.
        antialias: scale down with a filter as wide as the reduction.
        neighbours: n > 0 adds motion to the input of both networks, see `ImageBackbone`; the second
            one sees the same region of the neighbouring frames.
        crop: height and width of the region, in pixels.
        crop_threshold: fraction of a frame's saliency that a region must exceed; regions that do not
            grow by steps of a quarter of `crop`. 0 makes all of the size `crop`.
        smooth: smooth the saliency over time and space.
        shift: "gsm" or "gsf" let each residual block see features of neighbouring frames.
        shift_variant: see `shift.GateShift`.
        padding: values beyond the image's edge, and beyond the ends of the clip in the GSF's weights:
            zeros, or the edge repeated.
    """

    num_branches = 2

    def __init__(
        self,
        preprocessing: PreprocessingConfig,
        *,
        network: str = "regnety_002",
        pretrained: bool | Path = False,
        reduction: int = 2,
        antialias: bool = True,
        neighbours: int = 0,
        crop: int = 112,
        crop_threshold: float = 0.0,
        smooth: bool = True,
        shift: ShiftKind = "gsf",
        shift_variant: ShiftVariant = "published",
        padding: Padding = "replicate",
    ) -> None:
        super().__init__(preprocessing)
        self.reduction, self.antialias = reduction, antialias
        self.low, self.high = (
            ImageBackbone(
                network,
                preprocessing,
                pretrained=pretrained,
                neighbours=neighbours,
                shift=shift,
                shift_variant=shift_variant,
                padding=padding,
            )
            for _ in range(2)
        )
        self.selector = RegionSelector(crop, crop_threshold, smooth=smooth)
        self.feature_dim = self.low.feature_dim
        self.project_low, self.project_high = (_projection(self.feature_dim) for _ in range(2))
        self.context = self.low.context + self.selector.context + self.high.context

    def forward(self, frames: Tensor) -> Tensor:
        return self.branches(frames)[0]

    def stages(self) -> list[list[str]]:
        """See `Backbone`: the stages of both networks; the projections belong to the last."""
        low, high = self.low.stages(), self.high.stages()
        joined = [
            [*(f"low.{name}" for name in one), *(f"high.{name}" for name in other)]
            for one, other in zip(low, high, strict=True)
        ]
        named = {name for stage in joined for name in stage}
        joined[-1] += [name for name, _ in self.named_parameters() if name not in named]
        return joined

    def branches(self, frames: Tensor) -> tuple[Tensor, list[Tensor]]:
        height, width = frames.shape[-2:]
        if min(height, width) < self.selector.size:
            raise ValueError(
                f"they are smaller than model.backbone.crop, {self.selector.size} × "
                f"{self.selector.size} pixels"
            )
        small = self.normalise(self.scaled_down(frames))
        maps = self.low.maps(self.low.with_motion(small, self.low.neighbours_of(small)))
        regions = self.selector(maps, height, width)
        crops = self.high.with_motion(
            self._cropped(frames, regions),
            (self._cropped(others, regions) for others in self.high.neighbours_of(frames)),
        )
        low = self.project_low(self.low.pool(maps))
        high = self.project_high(self.high.pool(self.high.maps(crops)))
        return torch.maximum(low, high), [low, high]

    def _cropped(self, frames: Tensor, regions: Regions) -> Tensor:
        """Normalised images `[B, T, 3, crop, crop]` of a region of each frame."""
        crops = crop_regions(frames, regions, self.selector.size, scale=not self.selector.fixed)
        if frames.dtype == torch.uint8 and crops.is_floating_point():
            crops = crops / 255
        return self.normalise(crops)

    def scaled_down(self, frames: Tensor) -> Tensor:
        """Frames of floating point from 0 to 1 for the first network."""
        images = frames.flatten(0, 1)
        if images.device.type == "cpu" and not torch.compiler.is_compiling():
            starts = range(0, len(images), _CPU_FRAMES)
            small = torch.cat([self._reduced(images[i : i + _CPU_FRAMES]) for i in starts])
        else:
            small = self._reduced(images)
        return small.view(*frames.shape[:3], *small.shape[-2:])

    def _reduced(self, images: Tensor) -> Tensor:
        images = images.float() / 255 if images.dtype == torch.uint8 else images
        height, width = images.shape[-2:]
        whole = height % self.reduction == width % self.reduction == 0
        if torch.compiler.is_compiling() and self.antialias and whole:
            return downscaled(images, self.reduction)
        size = (height // self.reduction, width // self.reduction)
        return F.interpolate(images, size=size, mode="bilinear", antialias=self.antialias)


def downscaled(images: Tensor, factor: int) -> Tensor:
    """Images `[N, C, H, W]` scaled down by a whole factor, as by `interpolate` with antialiasing.

    That is a convolution with a triangle as wide as two pixels of the result, whose weights add up to
    one also at the edges. OpenVINO computes convolutions, and ignores antialiasing.
    """
    beside = (factor + 1) // 2
    offsets = torch.arange(-beside, factor + beside, device=images.device) + 0.5 - factor / 2
    triangle = (1 - offsets.abs() / factor).clamp(min=0)
    channels = images.shape[1]
    kernel = torch.outer(triangle, triangle).expand(channels, 1, -1, -1)
    inside = torch.ones_like(images[:1])
    sums, weights = (
        F.conv2d(x, kernel, stride=factor, padding=beside, groups=channels)
        for x in (images, inside)
    )
    return sums / weights


def _projection(features: int) -> nn.Module:
    hidden = features // 2
    return nn.Sequential(nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, features))


class AdaSpotOptions(BaseConfig):
    """Options of `AdaSpot`."""

    network: str = "regnety_002"
    pretrained: WeightsSource = True
    reduction: PositiveInt = 2
    antialias: bool = True
    neighbours: int = Field(0, ge=0, le=8)
    crop: PositiveInt = Field(112, multiple_of=4)
    crop_threshold: FractionBelowOne = 0.0
    smooth: bool = True
    shift: ShiftKind = "gsf"
    shift_variant: ShiftVariant = "published"
    padding: Padding = "replicate"


@BACKBONES.register("adaspot", AdaSpotOptions)
def _adaspot(setup: BackboneSetup, options: AdaSpotOptions) -> Backbone:
    settings = options.model_dump()
    if not setup.fetch_weights:
        settings["pretrained"] = False
    return AdaSpot(setup.preprocessing, **settings)
