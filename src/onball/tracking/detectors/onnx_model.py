"""Detectors in ONNX, run by ONNX Runtime: YOLOX, YOLOv8 and its relatives, RF-DETR.

Which family a file is of shows in its outputs:

| family | outputs | input |
|---|---|---|
| YOLOX | `[B, N, 5 + C]`, N one for each cell of 8, 16 and 32 pixels | BGR 0-255, grey below and right |
| YOLOv8, v5u, v9, 11 | `[B, 4 + C, N]`, the same N | RGB 0-1, grey on all sides |
| YOLOv10, YOLO26 | `[B, N, 6]`, doubles suppressed | the same |
| RF-DETR | `dets [B, Q, 4]` and `labels [B, Q, C]` | RGB by ImageNet's mean, stretched |
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from onball.errors import MissingDependencyError, ModelError
from onball.tracking.detections import Detections
from onball.tracking.detectors import decode
from onball.tracking.detectors.classes import OTHER, kinds_of
from onball.tracking.detectors.fit import fit_frame
from onball.tracking.detectors.suppression import chosen, suppressed

try:
    import onnxruntime
except ImportError:
    raise MissingDependencyError("onnxruntime", "track", "Detecting players and ball") from None

#: Input of a net that takes any size.
_DEFAULT_SIZE = 640
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_STD = np.array([0.229, 0.224, 0.225], np.float32)

Pixels = NDArray[np.float32]


class _Family(NamedTuple):
    """How the nets of a family take pictures, and what their outputs mean."""

    name: str
    how: Literal["corner", "middle", "stretch"]
    prepare: Callable[[NDArray[np.uint8]], Pixels]
    decode: Callable[[Sequence[Pixels]], decode.Raw]
    classes: int
    suppresses: bool


class OnnxDetector:
    """A detector in an ONNX file.

    Args:
        path: the file.
        threshold: least confidence of a box.
        nms_iou: boxes of one kind that overlap by more are one body.
        classes: names of the classes by number; None takes those in the file's metadata
            (ultralytics writes them), else COCO's.
        device: `auto`, `cpu` or `cuda`.
        threads: of the CPU; None leaves ONNX Runtime's choice.

    Raises `ModelError` for a file that is missing, is no ONNX, is of no known family or knows neither
    persons nor balls.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        threshold: float = 0.1,
        nms_iou: float = 0.6,
        classes: Mapping[int, str] | None = None,
        device: str = "auto",
        threads: int | None = None,
    ) -> None:
        self._path = Path(path)
        self._session = _session(self._path, device, threads)
        self._threshold, self._nms_iou = threshold, nms_iou
        given = self._session.get_inputs()
        if len(given) != 1 or len(given[0].shape) != 4:
            raise self._unknown(f"{len(given)} inputs")
        self._input = given[0].name
        self._type = np.float16 if "float16" in given[0].type else np.float32
        shape = given[0].shape
        self._height, self._width = (
            side if isinstance(side, int) and side > 0 else _DEFAULT_SIZE for side in shape[2:]
        )
        self._family = self._recognised()
        known = classes if classes is not None else _names(self._session)
        kinds = kinds_of(known, self._family.classes)
        if kinds is None:
            raise ModelError(
                f"{self._path}: none of its {self._family.classes} classes is known as a person or "
                "a ball: is it a detector of players? Name its classes in its metadata ('names')"
            )
        self._kinds = kinds
        self.name = f"{self._path.name}, score {threshold:g}"

    @property
    def family(self) -> str:
        """`YOLOX`, `YOLOv8`, `YOLO end to end` or `RF-DETR`."""
        return self._family.name

    def detect(
        self, frames: NDArray[np.uint8], times_ms: NDArray[np.int64]
    ) -> Sequence[Detections]:
        """As `Detector.detect`."""
        return [self._detect(frame) for frame in frames]

    def _detect(self, frame: NDArray[np.uint8]) -> Detections:
        fitted, fit = fit_frame(frame, self._width, self._height, self._family.how)
        raw = self._family.decode(self._run(self._family.prepare(fitted)))
        scores = np.where(self._kinds == OTHER, 0, raw.scores)
        best = scores.argmax(axis=1)
        confidence = scores[np.arange(len(best)), best].astype(np.float32)
        rows = np.flatnonzero(confidence >= max(self._threshold, 1e-6))
        boxes = fit.back(raw.boxes[rows])
        found = Detections(boxes, confidence[rows].clip(0, 1), self._kinds[best[rows]])
        whole = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
        found = chosen(found, whole & np.isfinite(boxes).all(axis=1))
        return found if self._family.suppresses else suppressed(found, self._nms_iou)

    def _run(self, pixels: Pixels) -> list[Pixels]:
        """The outputs for one picture `[height, width, 3]`, each without its first dimension."""
        batch = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None]).astype(self._type)
        outputs = self._session.run(None, {self._input: batch})
        return [np.asarray(output, np.float32)[0] for output in outputs]

    def _recognised(self) -> _Family:
        """The family of the file, by what it gives for a grey picture."""
        width, height = self._width, self._height
        blank = np.full((height, width, 3), 0.5, np.float32)
        try:
            outputs = self._run(blank)
        except Exception as error:  # ONNX Runtime has many
            reason = next(iter(str(error).splitlines()), "")
            raise ModelError(f"{self._path}: cannot be run ({reason})") from None
        names = [output.name for output in self._session.get_outputs()]
        shapes = [output.shape for output in outputs]
        if {"dets", "labels"} <= set(names):
            boxes, labels = names.index("dets"), names.index("labels")
            return _Family(
                "RF-DETR",
                "stretch",
                lambda pixels: (pixels.astype(np.float32) / 255 - _MEAN) / _STD,
                lambda out: decode.rfdetr(out[boxes], out[labels], width, height),
                shapes[labels][-1],
                True,
            )
        if len(shapes) != 1 or len(shapes[0]) != 2:
            raise self._unknown(_described(names, shapes))
        rows, columns = shapes[0]
        count = decode.cells(width, height)
        if rows == count and columns > 5:
            # Not decoded, centres are a few cells away; decoded, they span the picture.
            spans = bool(np.abs(outputs[0][:, :2]).max() > max(width, height) / 4)
            return _Family(
                "YOLOX",
                "corner",
                lambda pixels: pixels[..., ::-1].astype(np.float32),
                lambda out: decode.yolox(out[0], width, height, decoded=spans),
                columns - 5,
                False,
            )
        if columns == count and rows > 4:
            return _Family(
                "YOLOv8",
                "middle",
                lambda pixels: pixels.astype(np.float32) / 255,
                lambda out: decode.yolov8(out[0]),
                rows - 4,
                False,
            )
        if columns == 6:
            names_of = _names(self._session)
            classes = max(names_of, default=-1) + 1 if names_of else 80
            return _Family(
                "YOLO end to end",
                "middle",
                lambda pixels: pixels.astype(np.float32) / 255,
                lambda out: decode.end_to_end(out[0], classes),
                classes,
                True,
            )
        raise self._unknown(_described(names, shapes))

    def _unknown(self, what: str) -> ModelError:
        return ModelError(
            f"{self._path}: a detector of an unknown kind ({what}): known are YOLOX [N, 5 + classes], "
            "YOLOv8 [4 + classes, N] and RF-DETR (dets, labels)"
        )


def _session(path: Path, device: str, threads: int | None) -> Any:
    if not path.is_file():
        raise ModelError(f"{path}: no such file: name the ONNX file of a detector")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if threads is not None:
        options.intra_op_num_threads = threads
    there = onnxruntime.get_available_providers()
    if device.startswith("cuda") and "CUDAExecutionProvider" not in there:
        raise ModelError(
            f"device {device}: this ONNX Runtime has no CUDA: pip install onnxruntime-gpu, or --device cpu"
        )
    wanted = ["CPUExecutionProvider"]
    if device == "auto" or device.startswith("cuda"):
        wanted = ["CUDAExecutionProvider", *wanted]
    try:
        return onnxruntime.InferenceSession(
            str(path), options, providers=[name for name in wanted if name in there]
        )
    except Exception as error:  # ONNX Runtime has many
        reason = " ".join(str(error).split())
        raise ModelError(f"{path}: no ONNX model that can be read ({reason})") from None


def _names(session: Any) -> dict[int, str] | None:
    """The classes' names in the file's metadata, as ultralytics writes them: a Python dictionary."""
    text = session.get_modelmeta().custom_metadata_map.get("names")
    if not text:
        return None
    try:
        names = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return None
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict):
        return None
    return {int(number): str(name) for number, name in names.items() if str(number).isdigit()}


def _described(names: Sequence[str], shapes: Sequence[tuple[int, ...]]) -> str:
    parts = [f"{name} {list(shape)}" for name, shape in zip(names, shapes, strict=True)]
    return "outputs " + ", ".join(parts)
