"""RF-DETR through the package `rfdetr` (Apache-2.0), which fetches its weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onball.cores import torch_threads
from onball.errors import InputError, MissingDependencyError, ModelError
from onball.tracking.detectors.base import OTHER, Detections, chosen, kinds_of

SIZES = {
    "nano": "RFDETRNano",
    "small": "RFDETRSmall",
    "medium": "RFDETRMedium",
    "large": "RFDETRLarge",
}


class RfdetrDetector:
    """RF-DETR (Robinson et al. 2025).

    Args:
        size: one of `SIZES`, with weights trained on COCO; not used for a checkpoint.
        weights: a custom checkpoint (.pth).
        threshold: least confidence of a box.
        device: `auto`, `cpu`, `cuda` …
        threads: CPU threads of torch; None keeps its number.

    Raises `InputError` for an unknown size, `ModelError` if the weights cannot be loaded,
    `MissingDependencyError` without the package.
    """

    def __init__(
        self,
        size: str = "nano",
        weights: Path | None = None,
        *,
        threshold: float = 0.1,
        device: str = "auto",
        threads: int | None = None,
    ) -> None:
        if size not in SIZES:
            raise InputError(f"detector rfdetr:{size}: unknown size: one of {', '.join(SIZES)}")
        try:
            import rfdetr
        except ImportError:
            raise MissingDependencyError("rfdetr", "rfdetr", "RF-DETR") from None
        settings = {} if device == "auto" else {"device": device}
        try:
            if weights is None:
                self._model = getattr(rfdetr, SIZES[size])(**settings)
            else:
                self._model = rfdetr.RFDETR.from_checkpoint(str(weights), **settings)
        except Exception as error:  # no network, no space, another format …
            reason = next(iter(str(error).splitlines()), type(error).__name__)
            which = f"rfdetr:{size}" if weights is None else weights
            raise ModelError(
                f"{which}: its weights cannot be fetched or read ({reason})"
            ) from error
        names = [str(name) for name in self._model.class_names]
        if kinds_of(dict(enumerate(names)), len(names)) is None:
            raise ModelError(
                f"{weights}: knows neither persons nor balls, but {', '.join(names)}: take a model "
                "trained on players"
            )
        self._threshold, self._threads = threshold, threads
        what = size if weights is None else weights.name
        self.name = f"rfdetr:{what}, score {threshold:g}"

    def detect(
        self, frames: NDArray[np.uint8], times_ms: NDArray[np.int64]
    ) -> Sequence[Detections]:
        """Detect people and balls, as `Detector.detect`."""
        with torch_threads(self._threads):
            result: Any = self._model.predict(list(frames), threshold=self._threshold)
        several = result if isinstance(result, list) else [result]
        return [self._own(found, frame) for found, frame in zip(several, frames, strict=True)]

    def _own(self, found: Any, frame: NDArray[np.uint8]) -> Detections:
        """Convert `supervision.Detections`, with the class names that they contain."""
        if len(found) == 0:
            return Detections.none()
        names = [str(name) for name in found.data["class_name"]]
        kinds = kinds_of(dict(enumerate(names)), len(names))
        if kinds is None:
            return Detections.none()
        largest = np.array([frame.shape[1], frame.shape[0]] * 2, np.float32)
        ours = Detections(
            np.asarray(found.xyxy, np.float32).clip(0, largest),
            np.asarray(found.confidence, np.float32),
            kinds,
        )
        return chosen(ours, kinds != OTHER)
