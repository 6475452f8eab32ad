"""Models of the package `ultralytics`, if the user has installed it.

It is licensed under the AGPL-3.0 and therefore never a dependency of onball. The same models exported to
ONNX run without it (`OnnxDetector`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onball.cores import torch_threads
from onball.errors import InputError, ModelError
from onball.tracking.detectors.base import OTHER, Detections, chosen, kinds_of


class UltralyticsDetector:
    """Detector in a `.pt` file of ultralytics.

    Args:
        weights: the file.
        threshold: least confidence of a box.
        device: `auto`, `cpu`, `cuda` …
        threads: CPU threads of torch; None keeps its number.

    Raises `InputError` without the package, `ModelError` for a file that it cannot read or that knows
    neither persons nor balls.
    """

    def __init__(
        self,
        weights: Path,
        *,
        threshold: float = 0.1,
        device: str = "auto",
        threads: int | None = None,
    ) -> None:
        try:
            from ultralytics import YOLO
        except ImportError:
            raise InputError(
                f"{weights}: a model of ultralytics, which is not installed and under the AGPL-3.0: "
                "export the model to ONNX, or, if you take its terms, pip install ultralytics"
            ) from None
        try:
            self._model = YOLO(str(weights))
        except Exception as error:  # there are many types
            reason = next(iter(str(error).splitlines()), type(error).__name__)
            raise ModelError(f"{weights}: cannot be read by ultralytics ({reason})") from error
        names = dict(self._model.names)
        kinds = kinds_of(names, max(names, default=-1) + 1)
        if kinds is None:
            raise ModelError(f"{weights}: knows neither persons nor balls, but {names}")
        self._kinds = kinds
        self._threshold, self._threads = threshold, threads
        self._device = None if device == "auto" else device
        self.name = f"{weights.name}, score {threshold:g}"

    def detect(
        self, frames: NDArray[np.uint8], times_ms: NDArray[np.int64]
    ) -> Sequence[Detections]:
        """Detect people and balls, as `Detector.detect`."""
        found = []
        for frame in frames:
            with torch_threads(self._threads):
                (result,) = self._model.predict(
                    np.ascontiguousarray(frame[..., ::-1]),  # RGB to BGR
                    conf=self._threshold,
                    device=self._device,
                    verbose=False,
                )
            boxes = result.boxes
            kinds = self._kinds[np.asarray(boxes.cls.cpu().numpy(), np.int64)]
            ours = Detections(
                np.asarray(boxes.xyxy.cpu().numpy(), np.float32),
                np.asarray(boxes.conf.cpu().numpy(), np.float32),
                kinds,
            )
            found.append(chosen(ours, kinds != OTHER))
        return found
