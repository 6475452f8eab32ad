"""Which family an ONNX detector is of, by its outputs for a grey picture.

| family | outputs | input |
|---|---|---|
| YOLOX | `[B, N, 5 + C]`, N one for each cell of 8, 16 and 32 pixels | BGR 0-255, grey below and right |
| YOLOv8, v5u, v9, 11 | `[B, 4 + C, N]`, the same N | RGB 0-1, grey on all sides |
| YOLOv10, YOLO26 | `[B, N, 6]`, doubles suppressed | the same |
| RF-DETR | `dets [B, Q, 4]` and `labels [B, Q, C]` | RGB by ImageNet's mean, stretched |
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from onball.tracking.detectors import decode
from onball.tracking.detectors.decode import Floats

_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_STD = np.array([0.229, 0.224, 0.225], np.float32)
#: Classes of an end-to-end net, whose outputs do not show how many it has: COCO's.
_DEFAULT_CLASSES = 80


class Family(NamedTuple):
    """How the nets of a family take pictures, and what their outputs mean.

    Attributes:
        name: for people.
        how: as `fit_frame` takes it.
        prepare: uint8 `[H, W, 3]`, RGB, to what the net takes, float32 `[H, W, 3]`.
        decode: the outputs for one picture to boxes.
        classes: how many the net knows.
        suppresses: whether the net itself gives one box for each body.
    """

    name: str
    how: Literal["corner", "middle", "stretch"]
    prepare: Callable[[NDArray[np.uint8]], Floats]
    decode: Callable[[Sequence[Floats]], decode.Raw]
    classes: int
    suppresses: bool


def recognised(
    names: Sequence[str], outputs: Sequence[Floats], width: int, height: int, named: int | None
) -> Family | None:
    """The family of a net.

    Args:
        names: of its outputs.
        outputs: what it gives for one grey picture, without the first dimension.
        width, height: of its input.
        named: how many classes its file names; None if it names none.

    Returns: None for a net of no known family.
    """
    if {"dets", "labels"} <= set(names):
        return _rfdetr(names.index("dets"), names.index("labels"), outputs, width, height)
    if len(outputs) != 1 or outputs[0].ndim != 2:
        return None
    rows, columns = outputs[0].shape
    count = decode.cells(width, height)
    if rows == count and columns > 5:
        # Centres that are not decoded lie a cell or so away; decoded ones span the picture. The
        # median, because a few cells may say anything.
        decoded = bool(np.median(outputs[0][:, :2]) > min(width, height) / 8)
        return Family(
            "YOLOX",
            "corner",
            _bgr_255,
            lambda out: decode.yolox(out[0], width, height, decoded=decoded),
            columns - 5,
            False,
        )
    if columns == count and rows > 4:
        return Family(
            "YOLOv8", "middle", _rgb_unit, lambda out: decode.yolov8(out[0]), rows - 4, False
        )
    if columns == 6:
        classes = named or _DEFAULT_CLASSES
        return Family(
            "YOLO end to end",
            "middle",
            _rgb_unit,
            lambda out: decode.end_to_end(out[0], classes),
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
        lambda out: decode.rfdetr(out[boxes], out[labels], width, height),
        outputs[labels].shape[1],
        True,
    )


def _bgr_255(pixels: NDArray[np.uint8]) -> Floats:
    return np.asarray(pixels[..., ::-1], np.float32)


def _rgb_unit(pixels: NDArray[np.uint8]) -> Floats:
    return np.asarray(pixels.astype(np.float32) / 255, np.float32)


def _imagenet(pixels: NDArray[np.uint8]) -> Floats:
    return np.asarray((_rgb_unit(pixels) - _MEAN) / _STD, np.float32)
