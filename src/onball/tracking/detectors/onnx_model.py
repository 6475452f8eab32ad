"""Detectors in ONNX, run by ONNX Runtime: YOLOX, YOLOv8 and its relatives, RF-DETR.

The kind of a file is told by its outputs: see `onball.tracking.detectors.families`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onball.errors import InputError, MissingDependencyError, ModelError
from onball.files import read_text
from onball.tracking.detections import Detections
from onball.tracking.detectors.classes import OTHER, kinds_of
from onball.tracking.detectors.decode import Floats
from onball.tracking.detectors.families import Family, recognised
from onball.tracking.detectors.fit import Fit, fit_frame
from onball.tracking.detectors.suppression import chosen, suppressed

try:
    import onnxruntime
except ImportError:
    raise MissingDependencyError("onnxruntime", "track", "Detecting players and ball") from None

_CUDA = "CUDAExecutionProvider"


class OnnxDetector:
    """A detector in an ONNX file.

    Args:
        path: the file.
        threshold: least confidence of a box.
        nms_iou: people, or balls, whose boxes overlap by more are one. RF-DETR and end-to-end nets
            see to it themselves.
        classes: names of the classes by number; None takes those in `<name>.names.txt` beside the
            file (one a line), in the file's metadata (ultralytics writes them), else COCO's.
        size: width and height of the input of a net that takes any, in pixels.
        device: `auto`, `cpu`, `cuda` or `cuda:1` ….
        threads: of the CPU; None leaves ONNX Runtime's choice.

    Raises `ModelError` for a file that is missing, is no ONNX, is of no known family or knows neither
    persons nor balls; `InputError` for a device that is not there.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        threshold: float = 0.1,
        nms_iou: float = 0.6,
        classes: Mapping[int, str] | None = None,
        size: int = 640,
        device: str = "auto",
        threads: int | None = None,
    ) -> None:
        self._path = Path(path)
        self._session = _session(self._path, device, threads)
        self._threshold, self._nms_iou = threshold, nms_iou
        given = self._session.get_inputs()
        described = _described((entry.name, entry.shape) for entry in given)
        if len(given) != 1 or len(given[0].shape) != 4 or "float" not in given[0].type:
            raise self._unknown(f"inputs {described}")
        batch, channels, height, width = (_fixed(side) for side in given[0].shape)
        if channels not in (None, 3):
            raise self._unknown(f"inputs {described}, not [batch, 3, height, width]")
        self._input = given[0].name
        self._type = np.float16 if "float16" in given[0].type else np.float32
        self._batch, self._height, self._width = batch or 1, height or size, width or size
        known = classes if classes is not None else _names(self._path, self._session)
        self._family = self._recognised(known)
        self._kinds = self._kinds_of(known)
        self.name = f"{self._path.name}, score {threshold:g}"

    @property
    def family(self) -> str:
        """`YOLOX`, `YOLOv8`, `YOLO end to end` or `RF-DETR`."""
        return self._family.name

    def detect(
        self, frames: NDArray[np.uint8], times_ms: NDArray[np.int64]
    ) -> Sequence[Detections]:
        """As `Detector.detect`."""
        found = []
        for first in range(0, len(frames), self._batch):
            fitted = [
                fit_frame(frame, self._width, self._height, self._family.how)
                for frame in frames[first : first + self._batch]
            ]
            outputs = self._run([self._family.prepare(pixels) for pixels, _ in fitted])
            for index, (_, fit) in enumerate(fitted):
                found.append(self._found([output[index] for output in outputs], fit))
        return found

    def _found(self, outputs: Sequence[Floats], fit: Fit) -> Detections:
        """The boxes of one frame."""
        raw = self._family.decode(outputs)
        scores = np.where(self._kinds == OTHER, 0, raw.scores)
        best = scores.argmax(axis=1)
        confidence = scores[np.arange(len(best)), best].astype(np.float32)
        # Above nothing: a box of other classes has a confidence of 0 here.
        rows = np.flatnonzero(confidence >= max(self._threshold, 1e-6))
        boxes = fit.back(raw.boxes[rows])
        found = Detections(boxes, confidence[rows].clip(0, 1), self._kinds[best[rows]])
        whole = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
        found = chosen(found, whole & np.isfinite(boxes).all(axis=1))
        return found if self._family.suppresses else suppressed(found, self._nms_iou)

    def _run(self, pictures: Sequence[Floats]) -> list[Floats]:
        """The outputs for pictures `[height, width, 3]`, no more than a batch of them."""
        batch = np.zeros((self._batch, 3, self._height, self._width), self._type)
        for index, pixels in enumerate(pictures):
            batch[index] = pixels.transpose(2, 0, 1)
        outputs = self._session.run(None, {self._input: batch})
        return [np.asarray(output, np.float32) for output in outputs]

    def _recognised(self, known: Mapping[int, str] | None) -> Family:
        names = [output.name for output in self._session.get_outputs()]
        try:
            outputs = self._run([np.full((self._height, self._width, 3), 0.5, np.float32)])
        except Exception as error:  # ONNX Runtime has many
            raise ModelError(f"{self._path}: cannot be run ({_reason(error)})") from None
        described = _described(zip(names, (output.shape for output in outputs), strict=True))
        task = _metadata(self._session).get("task", "detect")
        if task != "detect":
            raise self._unknown(f"its task is '{task}'")
        # Batches are told apart by the first dimension.
        if any(output.ndim < 2 or len(output) != self._batch for output in outputs):
            raise self._unknown(f"outputs {described}")
        named = max(known) + 1 if known else None
        first = [output[0] for output in outputs]
        family = recognised(names, first, self._width, self._height, named)
        if family is None:
            raise self._unknown(f"outputs {described} for {self._width}x{self._height} pixels")
        return family

    def _kinds_of(self, known: Mapping[int, str] | None) -> NDArray[np.uint8]:
        count = self._family.classes
        if known and max(known) >= count:
            raise ModelError(
                f"{self._path}: has {count} classes, but {max(known) + 1} are named: name each of "
                "its classes, in their order"
            )
        kinds = kinds_of(known, count)
        if kinds is None:
            raise ModelError(
                f"{self._path}: none of its {count} classes is known as a person or a ball: if it "
                f"detects players, name its classes, one a line, in {_names_file(self._path).name}"
            )
        return kinds

    def _unknown(self, what: str) -> ModelError:
        return ModelError(
            f"{self._path}: a detector of an unknown kind ({what}): known are YOLOX "
            "[N, 5 + classes], YOLOv8 [4 + classes, N], YOLO end to end [N, 6] and RF-DETR "
            "(dets, labels)"
        )


def _session(path: Path, device: str, threads: int | None) -> Any:
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "no such file"
        raise ModelError(f"{path}: {what}: name the ONNX file of a detector")
    wanted = re.fullmatch(r"auto|cpu|(cuda)(?::(\d+))?", device)
    if wanted is None:
        raise InputError(f"device '{device}': an ONNX detector runs on auto, cpu or cuda")
    has_cuda = _CUDA in onnxruntime.get_available_providers()
    if wanted[1] and not has_cuda:
        raise InputError(
            f"device {device}: this ONNX Runtime has no CUDA: pip install onnxruntime-gpu, or take cpu"
        )
    providers: list[Any] = ["CPUExecutionProvider"]
    if has_cuda and device != "cpu":
        providers.insert(0, (_CUDA, {"device_id": wanted[2] or "0"}))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if threads is not None:
        options.intra_op_num_threads = threads
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # ONNX Runtime has many
        raise ModelError(f"{path}: no ONNX model that can be read ({_reason(error)})") from None
    # It goes to the CPU without a word if CUDA's libraries cannot be loaded.
    if wanted[1] and _CUDA not in session.get_providers():
        raise InputError(f"device {device}: ONNX Runtime cannot use it: is CUDA installed?")
    return session


def _names(path: Path, session: Any) -> dict[int, str] | None:
    """Names of the classes, from the file beside the model or from its metadata."""
    beside = _names_file(path)
    if beside.is_file():
        return dict(enumerate(read_text(beside, ModelError).splitlines()))
    try:
        # ultralytics writes a dictionary as Python shows it.
        names = ast.literal_eval(_metadata(session).get("names", ""))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict):
        return None
    return {int(number): str(name) for number, name in names.items() if str(number).isdecimal()}


def _names_file(path: Path) -> Path:
    return path.with_suffix(".names.txt")


def _metadata(session: Any) -> dict[str, str]:
    return dict(session.get_modelmeta().custom_metadata_map)


def _fixed(side: object) -> int | None:
    """A dimension of the input; None if the net takes any."""
    return side if isinstance(side, int) and side > 0 else None


def _described(entries: Any) -> str:
    return ", ".join(f"{name} {list(shape)}" for name, shape in entries)


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
