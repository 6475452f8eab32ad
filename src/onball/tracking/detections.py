"""The contract of detectors: frames → boxes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray


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
