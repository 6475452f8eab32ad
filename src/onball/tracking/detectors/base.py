"""Interface of detectors, classes of boxes, and operations on boxes common to all detectors."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from onball.errors import optional_dependency
from onball.tracks import BALL, GOAL, KINDS

with optional_dependency("opencv-python-headless", "track", "Detecting people and balls"):
    import cv2

#: Kind of classes that are neither people nor balls.
OTHER = 255
#: Neighbours may be this fraction of their longest time farther away: 12 frames per second in place of 12.5.
_APART_SLACK = 0.1
#: Boxes of one family suppress each other: people of any role, balls, goals.
_FAMILY = np.array([{BALL: 1, GOAL: 2}.get(kind, 0) for kind in range(len(KINDS))], np.int64)
#: Kind of each class name that detectors use.
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
#: Models trained on COCO seldom contain class names: they are recognised by the number of classes.
_COCO_80 = {0: "person", 32: "sports ball"}
_COCO_91 = {1: "person", 37: "sports ball"}  # numbered by COCO's own ids
_BY_COUNT = {80: _COCO_80, 90: _COCO_91, 91: _COCO_91}


class Detections(NamedTuple):
    """Boxes of one frame.

    `supervision.Detections` would do too, but its package is an optional dependency, and its classes
    are those of each detector; here they are `onball.tracks.KINDS`.

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
        """No boxes."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.uint8))


class Detector(Protocol):
    """Detector of people and balls."""

    @property
    def name(self) -> str:
        """Name for the tracks file: `yolox_nano.onnx`."""

    def detect(
        self, frames: NDArray[np.uint8], times_ms: NDArray[np.int64]
    ) -> Sequence[Detections]:
        """Detect people and balls in consecutive frames.

        Args:
            frames: uint8 `[T, H, W, 3]`, RGB.
            times_ms: presentation times, int64 `[T]`.

        Returns: one `Detections` for each frame.
        """


@runtime_checkable
class NeighbourDetector(Detector, Protocol):
    """Detector that looks at each frame together with the one before it and the one after it."""

    @property
    def farthest_neighbour_ms(self) -> float:
        """Longest time in ms from a frame to its neighbours."""

    def detect_among(
        self,
        frames: Sequence[NDArray[np.uint8]],
        before: Sequence[NDArray[np.uint8]],
        after: Sequence[NDArray[np.uint8]],
        times_ms: NDArray[np.int64],
    ) -> Sequence[Detections]:
        """Detect people and balls in frames whose neighbours are given.

        Args:
            frames: uint8 `[H, W, 3]` each, RGB.
            before: the frame before each of them; the frame itself where its shot begins.
            after: the frame after each of them; the frame itself where its shot ends.
            times_ms: presentation times, int64 `[T]`.

        Returns: one `Detections` for each frame.
        """


@runtime_checkable
class ScalingDetector(Detector, Protocol):
    """Detector that scales large frames down first, and does as well with frames of that size.

    A video is then read in that size: its colours are converted and its frames stored in less time.
    """

    def frame_size(self, width: int, height: int) -> tuple[int, int]:
        """Return the width and height to which it scales frames of this size, never larger."""


def read_size(detector: Detector, width: int, height: int) -> tuple[int, int]:
    """Return the width and height in which frames of this size are read for a detector."""
    if isinstance(detector, ScalingDetector):
        return detector.frame_size(width, height)
    return width, height


def read_steps(detector: Detector, fps: float) -> int:
    """Return the number of frames to read for each frame to detect in, at least 1.

    It is above 1 where the neighbours of a `NeighbourDetector` would be too far away.

    Args:
        detector: the detector.
        fps: frames per second to detect in.
    """
    if not isinstance(detector, NeighbourDetector):
        return 1
    return max(1, math.ceil(1000 / fps / detector.farthest_neighbour_ms - _APART_SLACK))


def kinds_of(names: Mapping[int, str] | None, count: int) -> NDArray[np.uint8] | None:
    """Map each class to its index in `KINDS`, or `OTHER`, uint8 `[count]`.

    Args:
        names: names of the classes by number; None uses COCO's, if `count` matches.
        count: number of classes.

    Returns: None if no class is a person's or a ball's.
    """
    known = _BY_COUNT.get(count, {}) if names is None else names
    kinds = np.full(count, OTHER, np.uint8)
    for number, name in known.items():
        kind = _NAMES.get(str(name).strip().lower().replace("_", " ").replace("-", " "))
        if kind is not None and 0 <= int(number) < count:
            kinds[int(number)] = KINDS.index(kind)
    return None if (kinds == OTHER).all() else kinds


def suppressed(found: Detections, iou: float) -> Detections:
    """Non-maximum suppression, among people and among balls; best boxes first.

    People of all kinds suppress each other, since nets that distinguish goalkeepers from players
    often return both for one person.
    """
    if len(found.scores) < 2:
        return found
    corners = found.boxes.astype(np.float64)
    boxes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
    scores, families = found.scores.tolist(), _FAMILY[found.kinds].tolist()
    kept = cv2.dnn.NMSBoxesBatched(boxes.tolist(), scores, families, -1.0, iou)
    return chosen(found, np.asarray(kept, np.int64))


def chosen(found: Detections, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Detections:
    """Select boxes by index or mask."""
    return Detections(found.boxes[rows], found.scores[rows], found.kinds[rows])
