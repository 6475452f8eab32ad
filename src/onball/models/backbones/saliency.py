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
        fixed: all regions are of the size `size`.
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
        self.fixed = threshold == 0
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
            height_taps, width_taps = _odd(size / height * rows), _odd(size / width * columns)
            sums = _box_sums(_box_sums(flat, height_taps, 1), 1, width_taps)
            largest, place = sums.flatten(1).max(dim=1)
            # Where no region exceeds the threshold, the largest one is taken.
            places = torch.where(undecided, place, places)
            sizes = torch.where(undecided, size, sizes)
            undecided = undecided & (largest <= self.threshold)
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
        if self.fixed:
            return range(self.size, self.size + 1)
        return range(self.size, max(largest, self.size + 1), self.size // 4)


def _odd(extent: float) -> int:
    return int(extent) | 1


def _box_sums(maps: Tensor, height: int, width: int) -> Tensor:
    """Sums over a window around each value of maps `[N, 1, H, W]`, with zeros beyond the edges."""
    means = F.avg_pool2d(maps, (height, width), 1, (height // 2, width // 2))
    return means * (height * width)


def _convolved(rows: Tensor, kernel: Tensor) -> Tensor:
    """Rows `[N, 1, L]` convolved with a symmetric kernel and reflected at both ends."""
    context = len(kernel) // 2
    # Reflection needs more elements than it adds; a clip of few frames repeats its ends.
    mode = "reflect" if rows.shape[-1] > context else "replicate"
    return F.conv1d(F.pad(rows, (context, context), mode=mode), kernel.view(1, 1, -1))


def crop_regions(frames: Tensor, regions: Regions, size: int, *, scale: bool) -> Tensor:
    """Crop a region of each frame.

    Args:
        frames: `[B, T, C, H, W]`.
        regions: of the same frames.
        size: height and width of the result in pixels.
        scale: scale regions of other sizes bilinearly; False takes `size` × `size` pixels of each.

    Returns: `[B, T, C, size, size]`; float32 if `scale`, else of the type of the frames.
    """
    corners, sizes = (
        top_left(regions, *frames.shape[-2:]).flatten(0, 1),
        regions.sizes.flatten(0, 1),
    )
    images = frames.flatten(0, 1)
    pixel = torch.arange(size, device=frames.device)
    if not scale:
        crops = _pixels_at(images, *(corners[:, axis, None] + pixel for axis in (0, 1)))
        return crops.view(*frames.shape[:3], size, size)
    # Each pixel lies between two along each axis; `weights` are those of the second one. Shapes do not
    # depend on the regions, so that nothing waits for their values.
    near, far, weights = [], [], []
    for axis in (0, 1):
        extent = sizes[:, axis, None]
        source = ((pixel + 0.5) * (extent / size) - 0.5).clamp(min=0.0)
        first = source.floor().long()
        near.append(corners[:, axis, None] + first)
        far.append(corners[:, axis, None] + torch.minimum(first + 1, extent - 1))
        weights.append(source - first)
    down, right = weights[0][:, None, :, None], weights[1][:, None, None, :]
    upper, lower = (
        torch.lerp(
            _pixels_at(images, rows, near[1]).float(),
            _pixels_at(images, rows, far[1]).float(),
            right,
        )
        for rows in (near[0], far[0])
    )
    return torch.lerp(upper, lower, down).view(*frames.shape[:3], size, size)


def _pixels_at(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Pixels `[N, C, h, w]` of images `[N, C, H, W]` at rows `[N, h]` and columns `[N, w]`."""
    image = torch.arange(images.shape[0], device=images.device)[:, None, None]
    return images[image, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2).contiguous()


def top_left(regions: Regions, height: int, width: int) -> Tensor:
    """First row and column of each region, int64 `[B, T, 2]`, within frames of that size."""
    extent = torch.tensor([height, width], device=regions.centres.device)
    pixel = (regions.centres * extent).floor().long()
    half = regions.sizes // 2
    return torch.minimum(torch.maximum(pixel, half), extent - half - 1) - half
