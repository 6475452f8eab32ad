"""The outputs of detectors as boxes, one function per family.

Each gives boxes x0, y0, x1, y1 in pixels of the net's input `[N, 4]` and scores of all classes `[N, C]`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

#: YOLOX and YOLOv8 look at the picture in cells of these sizes.
STRIDES = (8, 16, 32)

Floats = NDArray[np.float32]


class Raw(NamedTuple):
    """Boxes in pixels of the net's input `[N, 4]`, and the scores of all classes `[N, C]`."""

    boxes: Floats
    scores: Floats


def cells(width: int, height: int) -> int:
    """How many boxes YOLOX and YOLOv8 give for an input of that size."""
    return sum((width // stride) * (height // stride) for stride in STRIDES)


def yolox(output: Floats, width: int, height: int, *, decoded: bool) -> Raw:
    """YOLOX (Ge et al. 2021): `[N, 5 + C]`, centre, size, objectness, classes.

    Unless `decoded`, centres are in cells from the cell's corner and sizes logarithms of cells.
    """
    centre, size = output[:, :2], output[:, 2:4]
    if not decoded:
        corners, strides = _grid(width, height)
        centre = (centre + corners) * strides
        size = np.exp(size.clip(max=20)) * strides
    return Raw(_corners(centre, size), output[:, 4:5] * output[:, 5:])


def yolov8(output: Floats) -> Raw:
    """YOLOv8 and what has its output (v5u, v9, 11): `[4 + C, N]`, centre and size in pixels."""
    rows = output.T
    return Raw(_corners(rows[:, :2], rows[:, 2:4]), rows[:, 4:])


def end_to_end(output: Floats, classes: int) -> Raw:
    """Nets that suppress doubles themselves (YOLOv10, YOLO26): `[N, 6]`, corners, score, class."""
    scores = np.zeros((len(output), classes), np.float32)
    number = output[:, 5].astype(np.int64).clip(0, classes - 1)
    scores[np.arange(len(output)), number] = output[:, 4]
    return Raw(output[:, :4], scores)


def rfdetr(boxes: Floats, logits: Floats, width: int, height: int) -> Raw:
    """RF-DETR (Robinson et al. 2025): boxes `[Q, 4]` as shares of the picture, logits `[Q, C]`."""
    unit = np.array([width, height], np.float32)
    scores = 1 / (1 + np.exp(-logits.astype(np.float64).clip(-50, 50)))
    return Raw(_corners(boxes[:, :2] * unit, boxes[:, 2:] * unit), scores.astype(np.float32))


def _corners(centre: Floats, size: Floats) -> Floats:
    return np.concatenate([centre - size / 2, centre + size / 2], axis=1).astype(np.float32)


def _grid(width: int, height: int) -> tuple[Floats, Floats]:
    """Corner of each cell, in cells, `[N, 2]`, and its size in pixels, `[N, 1]`; rows first."""
    corners, strides = [], []
    for stride in STRIDES:
        columns, rows = width // stride, height // stride
        x, y = np.meshgrid(np.arange(columns), np.arange(rows))
        corners.append(np.stack([x, y], axis=-1).reshape(-1, 2))
        strides.append(np.full((columns * rows, 1), stride))
    return (
        np.concatenate(corners).astype(np.float32),
        np.concatenate(strides).astype(np.float32),
    )
