"""Tiled inference: small people and balls are found in parts of the picture, enlarged.

A net that takes pictures of 416 pixels sees the ball of a 1280-pixel frame two or three pixels wide.
Looked at in tiles, it is larger (slicing aided inference, Akyon et al. 2022). `supervision` has an
`InferenceSlicer` for it: it gives tiles by their size in pixels, not their number, never adds the whole
picture, and suppresses doubles without knowing which boxes a tile's border has cut. Here those are
dropped where the neighbour or the whole picture has the whole body.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from onball.errors import InputError
from onball.tracking.detectors.base import Detections, Detector, chosen, suppressed
from onball.tracks import BALL

#: A box that ends so near to a border inside the picture, in pixels, may have been cut by it.
_AT_BORDER = 2.0
#: A cut box of which another covers this share is a part of the same body.
_COVERED = 0.6
_NMS_IOU = 0.5
#: Pixels; nothing can be told in smaller ones.
_LEAST_TILE = 16


class TiledDetector:
    """Looks at the whole picture and at overlapping tiles of it.

    Args:
        detector: what looks.
        columns, rows: how many tiles.
        overlap: share of a tile that its neighbour sees too.
        whole: look at the whole picture too, for people larger than a tile.

    Raises `ValueError` for settings that make no sense, and `InputError` from `detect` for frames too
    small for so many tiles.
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
        """As `Detector.detect`."""
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
    """`count` stretches that cover 0 to `length`, each overlapping the next by that share."""
    size = length / (count - (count - 1) * overlap)
    starts = [index * size * (1 - overlap) for index in range(count)]
    # Up, and not to the nearest: no line of pixels between two tiles is left out.
    return [(round(start), min(length, math.ceil(start + size))) for start in starts]


def _moved(found: Detections, x0: int, y0: int, *_: int) -> Detections:
    offset = np.array([x0, y0, x0, y0], np.float32)
    return Detections(found.boxes + offset, found.scores, found.kinds)


def _joined(
    parts: Sequence[Detections],
    places: Sequence[tuple[int, int, int, int]],
    size: tuple[int, int],
) -> Detections:
    """All boxes of a frame, without doubles and without parts of a body that is there as a whole."""
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
    """Which boxes end at a border of the tile that is none of the picture, `[N]`."""
    x0, y0, x1, y1 = place
    ends = np.zeros(len(boxes), bool)
    for side, border, edge in ((0, x0, 0), (1, y0, 0), (2, x1, size[0]), (3, y1, size[1])):
        if border != edge:
            ends |= np.abs(boxes[:, side] - border) <= _AT_BORDER
    return ends


def _covered(found: Detections, is_cut: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which boxes lie mostly within a box of their kind that is whole or larger, `[N]`."""
    boxes = found.boxes
    low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    shared = np.prod((high - low).clip(0), axis=2)
    area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    same = (found.kinds[:, None] == BALL) == (found.kinds[None] == BALL)
    # A body that just reaches the border looks cut too; parts of it are smaller.
    better = ~is_cut[None] | (area[None] > area[:, None])
    inside = (shared >= _COVERED * area[:, None]) & same & better
    np.fill_diagonal(inside, False)
    return np.asarray(inside.any(axis=1))
