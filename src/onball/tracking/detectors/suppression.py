"""One box for each body: non-maximum suppression, among people and among balls."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from onball.tracking.detections import Detections
from onball.tracks import BALL


def suppressed(found: Detections, iou: float) -> Detections:
    """Without boxes that overlap with a better one by more than `iou`; best first.

    Balls hide only balls, people of any kind hide people: nets that tell goalkeepers from players
    often give both for one body.
    """
    if len(found.scores) < 2:
        return found
    # Only here: it takes a second to load, and has it in C++.
    import torch
    from torchvision.ops import batched_nms

    kept = batched_nms(
        torch.from_numpy(found.boxes),
        torch.from_numpy(found.scores),
        torch.from_numpy((found.kinds == BALL).astype(np.int64)),
        iou,
    ).numpy()
    return chosen(found, kept)


def chosen(found: Detections, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Detections:
    """Some of the boxes."""
    return Detections(found.boxes[rows], found.scores[rows], found.kinds[rows])
