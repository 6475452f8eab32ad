"""Detectors in ONNX files, run by ONNX Runtime: YOLOX, YOLOv8 and its relatives, RF-DETR.

Frames are scaled into the input of the net (`fit_frame`), one decoder per family converts its outputs
to boxes and class scores, and `recognised` identifies the family by the outputs for a grey image.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from onball.errors import InputError, ModelError, optional_dependency
from onball.files import read_text
from onball.tracking.detectors.base import OTHER, Detections, chosen, kinds_of, suppressed

with optional_dependency("opencv-python-headless", "track", "Detecting players and ball"):
    import cv2

with optional_dependency("onnxruntime", "track", "Detecting players and ball"):
    import onnxruntime

Floats = NDArray[np.float32]
#: Sizes of the grid cells of YOLOX and YOLOv8, in pixels.
STRIDES = (8, 16, 32)
#: Grey level of the padding.
_GREY = 114
#: Mean and standard deviation of ImageNet's colours, by which RF-DETR normalises.
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_STD = np.array([0.229, 0.224, 0.225], np.float32)
#: Number of classes of an end-to-end net, which its outputs do not show: that of COCO.
_DEFAULT_CLASSES = 80
_CUDA = "CUDAExecutionProvider"


@dataclass(frozen=True, slots=True)
class Fit:
    """Position of a frame in the net's input.

    Attributes:
        scale: x and y, pixels of the input per pixel of the frame.
        offset: position of the frame's corner in the input, in its pixels.
        size: width and height of the frame.
    """

    scale: tuple[float, float]
    offset: tuple[float, float]
    size: tuple[int, int]

    def back(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Convert boxes `[N, 4]` from the input to the frame, clipped to it."""
        scale, offset = (np.tile(np.array(pair), 2) for pair in (self.scale, self.offset))
        largest = np.tile(np.array(self.size), 2)
        return np.asarray(((boxes - offset) / scale).clip(0, largest), np.float32)


def fit_frame(
    frame: NDArray[np.uint8], width: int, height: int, how: Literal["corner", "middle", "stretch"]
) -> tuple[NDArray[np.uint8], Fit]:
    """Scale a frame `[H, W, 3]` into `[height, width, 3]`.

    Args:
        how: `corner` and `middle` keep the aspect ratio and pad with grey, at the right and bottom
            or on all sides; `stretch` does not keep it.
    """
    rows, columns = frame.shape[:2]
    if how == "stretch":
        scaled = _resized(frame, width, height)
        return scaled, Fit((width / columns, height / rows), (0.0, 0.0), (columns, rows))
    ratio = min(width / columns, height / rows)
    inner = (max(1, round(columns * ratio)), max(1, round(rows * ratio)))
    left, top = (0, 0) if how == "corner" else ((width - inner[0]) // 2, (height - inner[1]) // 2)
    filled = np.full((height, width, 3), _GREY, np.uint8)
    filled[top : top + inner[1], left : left + inner[0]] = _resized(frame, *inner)
    scale = (inner[0] / columns, inner[1] / rows)
    return filled, Fit(scale, (float(left), float(top)), (columns, rows))


def _resized(frame: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    if frame.shape[:2] == (height, width):
        return frame
    resized = cv2.resize(
        np.ascontiguousarray(frame), (width, height), interpolation=cv2.INTER_LINEAR
    )
    return np.asarray(resized, np.uint8)


class Raw(NamedTuple):
    """Boxes in pixels of the net's input `[N, 4]`, and the scores of all classes `[N, C]`."""

    boxes: Floats
    scores: Floats


def cells(width: int, height: int) -> int:
    """Number of boxes of YOLOX and YOLOv8 for an input of that size."""
    return sum((width // stride) * (height // stride) for stride in STRIDES)


def yolox(output: Floats, width: int, height: int, *, decoded: bool) -> Raw:
    """Decode YOLOX (Ge et al. 2021): `[N, 5 + C]`, centre, size, objectness, classes.

    Unless `decoded`, centres are in cells from the cell's corner and sizes logarithms of cells.
    """
    centre, size = output[:, :2], output[:, 2:4]
    if not decoded:
        corners, strides = _grid(width, height)
        centre = (centre + corners) * strides
        size = np.exp(size.clip(max=20)) * strides
    return Raw(_corners(centre, size), output[:, 4:5] * output[:, 5:])


def yolov8(output: Floats) -> Raw:
    """Decode YOLOv8 and relatives (v5u, v9, 11): `[4 + C, N]`, centre and size in pixels."""
    rows = output.T
    return Raw(_corners(rows[:, :2], rows[:, 2:4]), rows[:, 4:])


def end_to_end(output: Floats, classes: int) -> Raw:
    """Decode nets without duplicates (YOLOv10, YOLO26): `[N, 6]`, corners, score, class."""
    scores = np.zeros((len(output), classes), np.float32)
    number = output[:, 5].astype(np.int64).clip(0, classes - 1)
    scores[np.arange(len(output)), number] = output[:, 4]
    return Raw(output[:, :4], scores)


def rfdetr(boxes: Floats, logits: Floats, width: int, height: int) -> Raw:
    """Decode RF-DETR (Robinson et al. 2025): boxes `[Q, 4]` as fractions, logits `[Q, C]`."""
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


class Family(NamedTuple):
    """Preprocessing and decoding of a family of nets.

    Attributes:
        name: name of the family, for messages.
        how: as in `fit_frame`.
        prepare: converts uint8 `[H, W, 3]`, RGB, to the net's input, float32 `[H, W, 3]`.
        decode: converts the outputs for one image to boxes.
        classes: number of classes.
        suppresses: True if the net returns no duplicate boxes.
    """

    name: str
    how: Literal["corner", "middle", "stretch"]
    prepare: Callable[[NDArray[np.uint8]], Floats]
    decode: Callable[[Sequence[Floats]], Raw]
    classes: int
    suppresses: bool


def recognised(
    names: Sequence[str], outputs: Sequence[Floats], width: int, height: int, named: int | None
) -> Family | None:
    """Identify the family of a net.

    Args:
        names: of its outputs.
        outputs: its outputs for one grey image, without the batch dimension.
        width, height: of its input.
        named: number of classes named in its file; None if there are none.

    Returns: None for a net of no known family.
    """
    if {"dets", "labels"} <= set(names):
        return _rfdetr(names.index("dets"), names.index("labels"), outputs, width, height)
    if len(outputs) != 1 or outputs[0].ndim != 2:
        return None
    rows, columns = outputs[0].shape
    count = cells(width, height)
    if rows == count and columns > 5:
        # Centres that are not decoded are about one cell in size; decoded ones span the image. The
        # median, because a few cells may be outliers.
        decoded = bool(np.median(outputs[0][:, :2]) > min(width, height) / 8)
        return Family(
            "YOLOX",
            "corner",
            _bgr_255,
            lambda out: yolox(out[0], width, height, decoded=decoded),
            columns - 5,
            False,
        )
    if columns == count and rows > 4:
        return Family("YOLOv8", "middle", _rgb_unit, lambda out: yolov8(out[0]), rows - 4, False)
    if columns == 6:
        classes = named or _DEFAULT_CLASSES
        return Family(
            "YOLO end to end",
            "middle",
            _rgb_unit,
            lambda out: end_to_end(out[0], classes),
            classes,
            True,
        )
    return None


def _rfdetr(
    boxes: int, labels: int, outputs: Sequence[Floats], width: int, height: int
) -> Family | None:
    if outputs[boxes].ndim != 2 or outputs[labels].ndim != 2 or outputs[boxes].shape[1] != 4:
        return None
    return Family(
        "RF-DETR",
        "stretch",
        _imagenet,
        lambda out: rfdetr(out[boxes], out[labels], width, height),
        outputs[labels].shape[1],
        True,
    )


def _bgr_255(pixels: NDArray[np.uint8]) -> Floats:
    return np.asarray(pixels[..., ::-1], np.float32)


def _rgb_unit(pixels: NDArray[np.uint8]) -> Floats:
    return np.asarray(pixels.astype(np.float32) / 255, np.float32)


def _imagenet(pixels: NDArray[np.uint8]) -> Floats:
    return np.asarray((_rgb_unit(pixels) - _MEAN) / _STD, np.float32)


class OnnxDetector:
    """Detector in an ONNX file.

    Args:
        path: the file.
        threshold: least confidence of a box.
        nms_iou: IoU above which boxes of people, or of balls, are duplicates. Not used for RF-DETR
            and end-to-end nets.
        classes: names of the classes by number; None takes those in `<name>.names.txt` beside the
            file (one a line), in the file's metadata (ultralytics writes them), else COCO's.
        size: width and height of the input in pixels, for a net that takes any.
        device: `auto`, `cpu`, `cuda` or `cuda:1` ….
        threads: CPU threads; None keeps ONNX Runtime's default.
        session: the file opened by `open_session`, if it is; device and threads are then its own.

    Raises `ModelError` for a file that is missing, is no ONNX, is of no known family or knows neither
    persons nor balls; `InputError` for an unavailable device.
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
        session: Any = None,
    ) -> None:
        self._path = Path(path)
        self._session = open_session(self._path, device, threads) if session is None else session
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
        """Detect people and balls, as `Detector.detect`."""
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
        """Decode the boxes of one frame."""
        raw = self._family.decode(outputs)
        scores = np.where(self._kinds == OTHER, 0, raw.scores)
        best = scores.argmax(axis=1)
        confidence = scores[np.arange(len(best)), best].astype(np.float32)
        # Above zero: boxes of other classes have a confidence of 0 here.
        rows = np.flatnonzero(confidence >= max(self._threshold, 1e-6))
        boxes = fit.back(raw.boxes[rows])
        found = Detections(boxes, confidence[rows].clip(0, 1), self._kinds[best[rows]])
        whole = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
        found = chosen(found, whole & np.isfinite(boxes).all(axis=1))
        return found if self._family.suppresses else suppressed(found, self._nms_iou)

    def _run(self, images: Sequence[Floats]) -> list[Floats]:
        """Run the net on images `[height, width, 3]`, at most a batch of them."""
        batch = np.zeros((self._batch, 3, self._height, self._width), self._type)
        for index, pixels in enumerate(images):
            batch[index] = pixels.transpose(2, 0, 1)
        outputs = self._session.run(None, {self._input: batch})
        return [np.asarray(output, np.float32) for output in outputs]

    def _recognised(self, known: Mapping[int, str] | None) -> Family:
        names = [output.name for output in self._session.get_outputs()]
        try:
            outputs = self._run([np.full((self._height, self._width, 3), 0.5, np.float32)])
        except Exception as error:  # ONNX Runtime has many types
            raise ModelError(f"{self._path}: cannot be run ({_reason(error)})") from None
        described = _described(zip(names, (output.shape for output in outputs), strict=True))
        task = _metadata(self._session).get("task", "detect")
        if task != "detect":
            raise self._unknown(f"its task is '{task}'")
        # The first dimension of each output is the batch.
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


def open_session(path: Path, device: str, threads: int | None) -> Any:
    """Open an ONNX file in ONNX Runtime; errors as `OnnxDetector`."""
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
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # ONNX Runtime has many types
        raise ModelError(f"{path}: no ONNX model that can be read ({_reason(error)})") from None
    # It silently falls back to the CPU if CUDA's libraries cannot be loaded.
    if wanted[1] and _CUDA not in session.get_providers():
        raise InputError(f"device {device}: ONNX Runtime cannot use it: is CUDA installed?")
    return session


def _names(path: Path, session: Any) -> dict[int, str] | None:
    """Names of the classes, from the file beside the model or from its metadata."""
    beside = _names_file(path)
    if beside.is_file():
        return dict(enumerate(read_text(beside, ModelError).splitlines()))
    try:
        # ultralytics writes the repr of a dictionary.
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
    """Return a fixed dimension of the input; None if the net takes any."""
    return side if isinstance(side, int) and side > 0 else None


def _described(entries: Any) -> str:
    return ", ".join(f"{name} {list(shape)}" for name, shape in entries)


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
