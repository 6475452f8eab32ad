"""The contract of detectors: frames → boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from onball.tracks import BALL, KINDS


class Detections(NamedTuple):
    """What a detector found in one frame.

    Attributes:
        boxes: float32 `[N, 4]`, x0, y0, x1, y1 in pixels of the frame it was given, within it;
            (0, 0) is the outer corner of the first pixel.
        scores: float32 `[N]`, 0 to 1.
        kinds: uint8 `[N]`, indices into `onball.tracks.KINDS`.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    kinds: NDArray[np.uint8]

    @classmethod
    def none(cls) -> Detections:
        """Nothing."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.uint8))


class Detector(Protocol):
    """Finds people and balls in frames."""

    @property
    def name(self) -> str:
        """What found the boxes, for the tracks file: `yolox_nano.onnx`."""

    def detect(
        self, frames: NDArray[np.uint8], times_ms: NDArray[np.int64]
    ) -> Sequence[Detections]:
        """What is in consecutive frames.

        Args:
            frames: uint8 `[T, H, W, 3]`, RGB.
            times_ms: int64 `[T]`, when they are shown.

        Returns: one `Detections` for each frame.
        """


# --- From the classes of a detector to what a box may hold.


#: Of a class that is none of ours.
OTHER = 255

_NAMES = {
    "person": "person",
    "people": "person",
    "player": "player",
    "players": "player",
    "goalkeeper": "goalkeeper",
    "goalkeepers": "goalkeeper",
    "referee": "referee",
    "referees": "referee",
    "main referee": "referee",
    "side referee": "referee",
    "ball": "ball",
    "sports ball": "ball",
    "football": "ball",
    "soccer ball": "ball",
}
#: Models trained on COCO seldom carry their classes: they are known by how many they are.
_COCO_80 = {0: "person", 32: "sports ball"}
_COCO_91 = {1: "person", 37: "sports ball"}  # numbered by COCO's own ids
_BY_COUNT = {80: _COCO_80, 90: _COCO_91, 91: _COCO_91}


def kinds_of(names: Mapping[int, str] | None, count: int) -> NDArray[np.uint8] | None:
    """For each class its index into `KINDS`, or `OTHER`, uint8 `[count]`.

    Args:
        names: names of the classes by number; None takes COCO's, if `count` is theirs.
        count: how many classes there are.

    Returns: None if no class is a person's or a ball's.
    """
    known = _BY_COUNT.get(count, {}) if names is None else names
    kinds = np.full(count, OTHER, np.uint8)
    for number, name in known.items():
        kind = _NAMES.get(str(name).strip().lower().replace("_", " ").replace("-", " "))
        if kind is not None and 0 <= int(number) < count:
            kinds[int(number)] = KINDS.index(kind)
    return None if (kinds == OTHER).all() else kinds


# --- One box for each body: non-maximum suppression, among people and among balls.


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
