"""Regions of interest in frames, chosen by where a network responds.

Xarles et al., "AdaSpot", CVPR 2026: a network that sees small frames selects the region of each large
frame that another network sees in full resolution.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

#: Repetition of each value of the saliency map, along both axes, before it is smoothed.
_UPSAMPLING = 8
#: Extent of the Gaussian over frames, rows and columns; its deviations are a quarter of that.
_SMOOTHING = (7, 9, 9)
#: Number of times that the map is smoothed.
_PASSES = 2
#: Added to divisors that may be zero.
_EPSILON = 1e-5


class Regions(NamedTuple):
    """A region of each frame.

    Attributes:
        centres: float32 `[B, T, 2]`, row and column as fractions of the frame's height and width.
        sizes: int64 `[B, T, 2]`, height and width in pixels.
    """

    centres: Tensor
    sizes: Tensor


class RegionSelector(nn.Module):
    """Selection of the square region of each frame with the largest saliency.

    The saliency of a frame is the mean over channels of a network's last maps, scaled to 0 to 1,
    smoothed over time and space, and divided by its sum, so that a region's sum is its fraction of
    the frame's saliency. The region is the smallest one, of sizes that grow by steps of a quarter of
    the smallest, whose fraction exceeds a threshold; with a threshold of 0 all are of one size.

    Args:
        size: height and width of the smallest region, in pixels; a multiple of four.
        threshold: fraction of the saliency that a region must exceed, 0 to below 1.
        smooth: smooth the saliency; without it, each frame's region is independent of the others.

    Attributes:
        context: number of frames on each side that a region depends on, besides those that the
            network's maps depend on.
    """

    _gaussian_t: Tensor
    _gaussian_y: Tensor
    _gaussian_x: Tensor

    def __init__(self, size: int = 112, threshold: float = 0.0, *, smooth: bool = True) -> None:
        super().__init__()
        self.size = size
        self.threshold = threshold
        self.smooth = smooth
        self.context = _PASSES * (_SMOOTHING[0] // 2) if smooth else 0
        for name, taps in zip("tyx", _SMOOTHING, strict=True):
            offsets = torch.arange(taps) - taps // 2
            kernel = torch.exp(-0.5 * (offsets / (taps / 4)) ** 2)
            self.register_buffer(f"_gaussian_{name}", kernel / kernel.sum(), persistent=False)

    @torch.no_grad()
    def forward(self, maps: Tensor, height: int, width: int) -> Regions:
        """Regions of frames of that height and width, given the network's maps `[B, T, C, h, w]`."""
        saliency = self.saliency(maps)
        batch, frames, rows, columns = saliency.shape
        flat = saliency.flatten(0, 1).unsqueeze(1)
        places = torch.zeros(batch * frames, dtype=torch.long, device=maps.device)
        sizes = torch.zeros_like(places)
        undecided = torch.ones_like(places, dtype=torch.bool)
        for size in self._sizes(min(height, width)):
            window = (_odd(size / height * rows), _odd(size / width * columns))
            padding = (window[0] // 2, window[1] // 2)
            sums = F.avg_pool2d(flat, window, 1, padding) * (window[0] * window[1])
            largest, place = sums.flatten(1).max(dim=1)
            # Where no region exceeds the threshold, the largest one is taken.
            places = torch.where(undecided, place, places)
            sizes = torch.where(undecided, size, sizes)
            undecided &= largest <= self.threshold
            if not undecided.any():
                break
        row, column = places.div(columns, rounding_mode="floor"), places % columns
        centres = torch.stack([row.float() / rows, column.float() / columns], dim=-1)
        return Regions(
            centres.view(batch, frames, 2), sizes.view(batch, frames, 1).expand(-1, -1, 2)
        )

    def saliency(self, maps: Tensor) -> Tensor:
        """Saliency `[B, T, 8 h, 8 w]`, of sum 1 in each frame, of maps `[B, T, C, h, w]`."""
        mean = maps.float().mean(dim=2)
        least, most = mean.amin(dim=(2, 3), keepdim=True), mean.amax(dim=(2, 3), keepdim=True)
        scaled = (mean - least) / (most - least + _EPSILON)
        fine = scaled.repeat_interleave(_UPSAMPLING, 2).repeat_interleave(_UPSAMPLING, 3)
        if self.smooth:
            for _ in range(_PASSES):
                fine = self._smoothed(fine)
        return fine / (fine.sum(dim=(2, 3), keepdim=True) + _EPSILON)

    def _smoothed(self, saliency: Tensor) -> Tensor:
        """One convolution with the Gaussian; the map is reflected at all ends."""
        over_time = saliency.permute(0, 2, 3, 1).flatten(0, 2).unsqueeze(1)
        over_time = _convolved(over_time, self._gaussian_t)
        batch, frames, rows, columns = saliency.shape
        saliency = over_time.view(batch, rows, columns, frames).permute(0, 3, 1, 2)
        over_rows = saliency.transpose(2, 3).flatten(0, 2).unsqueeze(1)
        over_rows = _convolved(over_rows, self._gaussian_y)
        saliency = over_rows.view(batch, frames, columns, rows).transpose(2, 3)
        over_columns = saliency.flatten(0, 2).unsqueeze(1)
        return _convolved(over_columns, self._gaussian_x).view(batch, frames, rows, columns)

    def _sizes(self, largest: int) -> range:
        """Sizes of regions below the frame's shorter side."""
        if self.threshold == 0:
            return range(self.size, self.size + 1)
        return range(self.size, largest, self.size // 4)


def _odd(extent: float) -> int:
    return int(extent) | 1


def _convolved(rows: Tensor, kernel: Tensor) -> Tensor:
    """Rows `[N, 1, L]` convolved with a symmetric kernel and reflected at both ends."""
    context = len(kernel) // 2
    # Reflection needs more elements than it adds; a clip of few frames repeats its ends.
    mode = "reflect" if rows.shape[-1] > context else "replicate"
    return F.conv1d(F.pad(rows, (context, context), mode=mode), kernel.view(1, 1, -1))


def crop_regions(frames: Tensor, regions: Regions, size: int) -> Tensor:
    """Crop a region of each frame, scaled to `size` × `size` pixels where it is larger.

    Args:
        frames: `[B, T, C, H, W]`.
        regions: of the same frames.
        size: height and width of the result.

    Returns: `[B, T, C, size, size]`, floating point if a region was scaled, else as the frames.
    """
    tops, sizes = top_left(regions, *frames.shape[-2:]).flatten(0, 1), regions.sizes.flatten(0, 1)
    crops = []
    places = zip(tops.tolist(), sizes.tolist(), strict=True)
    for frame, ((top, left), (height, width)) in zip(frames.flatten(0, 1), places, strict=True):
        crop = frame[:, top : top + height, left : left + width]
        if (height, width) != (size, size):
            scaled = F.interpolate(crop[None].float(), size=(size, size), mode="bilinear")
            crop = scaled[0]
        crops.append(crop)
    return torch.stack(crops).view(*frames.shape[:3], size, size)


def top_left(regions: Regions, height: int, width: int) -> Tensor:
    """First row and column of each region, int64 `[B, T, 2]`, within frames of that size."""
    extent = torch.tensor([height, width], device=regions.centres.device)
    pixel = (regions.centres * extent).floor().long()
    half = regions.sizes // 2
    return torch.minimum(torch.maximum(pixel, half), extent - half - 1) - half
