"""ONNX detectors of red areas: each cell of 8×8 pixels that is entirely red gives a box."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from onball.tracking.detectors.onnx import cells

MEAN_RED, STD_RED = 0.485, 0.229  # statistics of ImageNet
FAMILIES = ("yolox", "yolox raw", "yolov8", "end to end", "rfdetr")


def write_detector(
    path: Path,
    family: str,
    *,
    classes: int = 80,
    found: int = 0,
    size: tuple[int, int] = (128, 128),
    batch: int | str = 1,
    free_size: bool = False,
    half: bool = False,
    metadata: dict[str, str] | None = None,
) -> Path:
    """Write a model whose score is the fraction of red in a cell; `found` is the class of all boxes.

    Its rows are `red * gain + rest`: `gain` selects the score column, `rest` has the boxes.
    """
    width, height = size
    small = (width // 8) * (height // 8)
    rows = cells(width, height) if family.startswith("yolo") else small
    centres, sides = _cells(width, height)
    boxes = np.concatenate([centres, sides], axis=1)[:rows]
    kind = np.float16 if half else np.float32
    number = TensorProto.FLOAT16 if half else TensorProto.FLOAT
    channel, weight, bias = {
        "yolox": (2, 1 / 255, 0.0),  # BGR
        "yolox raw": (2, 1 / 255, 0.0),
        "yolov8": (0, 1.0, 0.0),
        "end to end": (0, 1.0, 0.0),
        "rfdetr": (0, STD_RED, MEAN_RED),
    }[family]
    look = np.zeros((1, 3, 8, 8), kind)
    look[0, channel] = weight / 64
    first = {"yolov8": 4, "end to end": 2, "rfdetr": 0}.get(family, 5)
    columns = 6 if family == "end to end" else first + classes
    gain, rest = np.zeros((1, 1, columns), kind), np.zeros((1, rows, columns), kind)
    if family != "rfdetr":
        rest[0, :, :4] = boxes
    if family.startswith("yolox"):
        gain[0, 0, 4], rest[0, :, 5 + found] = 1, 1
        if family == "yolox raw":
            rest[0, :, :4] = [0.5, 0.5, 0, 0]
    elif family == "yolov8":
        gain[0, 0, 4 + found] = 1
    elif family == "end to end":
        corners = np.concatenate([centres - sides / 2, centres + sides / 2], axis=1)
        gain[0, 0, 4], rest[0, :, :4], rest[0, :, 5] = 1, corners[:rows], found
    else:
        gain[0, 0, found], rest[...] = 20, -10
    values = {
        "look": look,
        "bias": np.array([bias], kind),
        "flat": np.array([0, small, 1], np.int64),
        "more": np.array([0, 0, 0, 0, rows - small, 0], np.int64),
        "gain": gain,
        "rest": rest,
    }
    nodes = [
        helper.make_node("Conv", ["images", "look", "bias"], ["cells"], strides=[8, 8]),
        helper.make_node("Reshape", ["cells", "flat"], ["red"]),
        helper.make_node("Pad", ["red", "more"], ["all"]),
        helper.make_node("Mul", ["all", "gain"], ["scaled"]),
        helper.make_node("Add", ["scaled", "rest"], ["labels" if family == "rfdetr" else "rows"]),
    ]
    outputs = {"rows": [batch, rows, columns]}
    if family == "yolov8":
        nodes.append(helper.make_node("Transpose", ["rows"], ["output0"], perm=[0, 2, 1]))
        outputs = {"output0": [batch, columns, rows]}
    if family == "rfdetr":
        values["none"] = np.zeros((1, 1, 4), kind)
        values["relative"] = (boxes / [width, height, width, height])[None].astype(kind)
        nodes.append(helper.make_node("Mul", ["all", "none"], ["nothing"]))
        nodes.append(helper.make_node("Add", ["nothing", "relative"], ["dets"]))
        # In the reverse order of the exporter of rfdetr: outputs must be identified by name.
        outputs = {"labels": [batch, rows, columns], "dets": [batch, rows, 4]}
    sides_in = ["height", "width"] if free_size else [height, width]
    graph = helper.make_graph(
        nodes,
        "detector",
        [helper.make_tensor_value_info("images", number, [batch, 3, *sides_in])],
        [helper.make_tensor_value_info(name, number, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(value, name) for name, value in values.items()],
    )
    return save(path, graph, metadata)


def save(path: Path, graph: onnx.GraphProto, metadata: dict[str, str] | None = None) -> Path:
    """Write a graph as an ONNX model."""
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    if metadata:
        helper.set_model_props(model, metadata)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    return path


def _cells(width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """Centres and sides of all cells in pixels, `[N, 2]` each, one cell after another."""
    centres, sides = [], []
    for stride in (8, 16, 32):
        for row in range(height // stride):
            for column in range(width // stride):
                centres.append(((column + 0.5) * stride, (row + 0.5) * stride))
                sides.append((stride, stride))
    return np.array(centres), np.array(sides)
