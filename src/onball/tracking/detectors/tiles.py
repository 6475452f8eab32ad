"""Tiled inference, to detect small people and balls in enlarged parts of the frame.

In the input of a net of 416 pixels, the ball of a 1280-pixel frame is two or three pixels wide; in
that of a tile it is larger (slicing aided inference, Akyon et al. 2022). The `InferenceSlicer` of
`supervision` takes the size of tiles instead of their number, does not add the whole frame, and
suppresses duplicates without regard to boxes truncated by a tile's border. Here truncated boxes are
dropped if the neighbouring tile or the whole frame has the complete one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from onball.errors import InputError
from onball.tracking.detectors.base import Detections, Detector, chosen, suppressed
from onball.tracks import BALL

#: A box that ends within this distance of a border inside the frame, in pixels, may be truncated.
_AT_BORDER = 2.0
#: A truncated box of which another covers this fraction belongs to the same person or ball.
_COVERED = 0.6
_NMS_IOU = 0.5
#: Smallest useful tile, in pixels.
_LEAST_TILE = 16


class TiledDetector:
    """Detector that runs another one on the whole frame and on overlapping tiles.

    Args:
        detector: the detector to run.
        columns, rows: number of tiles along each axis.
        overlap: fraction of a tile that overlaps with its neighbour.
        whole: also run on the whole frame, for people larger than a tile.

    Raises `ValueError` for invalid arguments; `detect` raises `InputError` for frames too small for
    this number of tiles.
    """

    def __init__(
        self,
        detector: Detector,
        columns: int,
        rows: int,
        *,
        overlap: float = 0.2,
        whole: bool = True,
    ) -> None:
        if min(columns, rows) < 1 or not 0 <= overlap < 1:
            raise ValueError(f"{columns}x{rows} tiles that overlap by {overlap} make no sense")
        self._detector = detector
        self._columns, self._rows = columns, rows
        self._overlap, self._whole = overlap, whole
        self.name = f"{detector.name}, tiles {columns}x{rows}"

    def detect(
        self, frames: NDArray[np.uint8], times_ms: NDArray[np.int64]
    ) -> Sequence[Detections]:
        """Detect people and balls, as `Detector.detect`."""
        height, width = frames.shape[1:3]
        if min(width / self._columns, height / self._rows) < _LEAST_TILE:
            raise InputError(
                f"{self._columns}x{self._rows} tiles: too many for frames of {width}x{height}: "
                "take fewer"
            )
        places = [
            (x0, y0, x1, y1)
            for y0, y1 in _spans(height, self._rows, self._overlap)
            for x0, x1 in _spans(width, self._columns, self._overlap)
        ]
        if self._whole and (0, 0, width, height) not in places:
            places.append((0, 0, width, height))
        parts = [
            self._detector.detect(np.ascontiguousarray(frames[:, y0:y1, x0:x1]), times_ms)
            for x0, y0, x1, y1 in places
        ]
        return [
            _joined([_moved(part[index], *place) for part, place in zip(parts, places, strict=True)],
                    places, (width, height))
            for index in range(len(frames))
        ]  # fmt: skip


def _spans(length: int, count: int, overlap: float) -> list[tuple[int, int]]:
    """Split 0 to `length` into `count` intervals, each overlapping the next by that fraction."""
    size = length / (count - (count - 1) * overlap)
    starts = [index * size * (1 - overlap) for index in range(count)]
    # Rounded up, so that no line of pixels between two tiles is left out.
    return [(round(start), min(length, math.ceil(start + size))) for start in starts]


def _moved(found: Detections, x0: int, y0: int, *_: int) -> Detections:
    offset = np.array([x0, y0, x0, y0], np.float32)
    return Detections(found.boxes + offset, found.scores, found.kinds)


def _joined(
    parts: Sequence[Detections],
    places: Sequence[tuple[int, int, int, int]],
    size: tuple[int, int],
) -> Detections:
    """Merge the boxes of all tiles, without duplicates and truncated parts of complete boxes."""
    cut = [_cut(part.boxes, place, size) for part, place in zip(parts, places, strict=True)]
    found = Detections(
        np.concatenate([part.boxes for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.kinds for part in parts]),
    )
    is_cut = np.concatenate(cut)
    if is_cut.any():
        found = chosen(found, ~(is_cut & _covered(found, is_cut)))
    return suppressed(found, _NMS_IOU)


def _cut(
    boxes: NDArray[np.float32], place: tuple[int, int, int, int], size: tuple[int, int]
) -> NDArray[np.bool_]:
    """Mask of boxes that end at a border of the tile inside the frame, `[N]`."""
    x0, y0, x1, y1 = place
    ends = np.zeros(len(boxes), bool)
    for side, border, edge in ((0, x0, 0), (1, y0, 0), (2, x1, size[0]), (3, y1, size[1])):
        if border != edge:
            ends |= np.abs(boxes[:, side] - border) <= _AT_BORDER
    return ends


def _covered(found: Detections, is_cut: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Mask of boxes that lie mostly within a complete or larger box of their kind, `[N]`."""
    boxes = found.boxes
    low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    shared = np.prod((high - low).clip(0), axis=2)
    area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    same = (found.kinds[:, None] == BALL) == (found.kinds[None] == BALL)
    # A complete box that just reaches the border looks truncated too; parts of it are smaller.
    better = ~is_cut[None] | (area[None] > area[:, None])
    inside = (shared >= _COVERED * area[:, None]) & same & better
    np.fill_diagonal(inside, False)
    return np.asarray(inside.any(axis=1))
