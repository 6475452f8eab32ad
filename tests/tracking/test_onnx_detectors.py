"""ONNX detectors: a small model of each family, run by ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numbered_videos import CLIPS
from onnx import TensorProto, helper
from tiny_detectors import FAMILIES, save, write_detector

from onball.errors import InputError, ModelError
from onball.tracking.detectors.base import Detections, suppressed
from onball.tracking.detectors.onnx import OnnxDetector
from onball.tracks import BALL, GOAL, KINDS, PERSON

YOLOX_NANO = Path(__file__).parents[3] / "shared" / "weights" / "yolox_nano.onnx"


def _frame(width: int, height: int, x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
    """Black frame with a red box, 2 pixels larger than these corners on all sides."""
    frame = np.zeros((height, width, 3), np.uint8)
    rows = slice(max(0, round(y0) - 2), round(y1) + 2)
    frame[rows, max(0, round(x0) - 2) : round(x1) + 2, 0] = 255
    return frame


def _detect(detector: OnnxDetector, *frames: np.ndarray) -> list[Detections]:
    return list(detector.detect(np.stack(frames), np.arange(len(frames), dtype=np.int64) * 80))


# A cell of 8 pixels of the net's 128 is 12.5 of a frame of 200.
WIDE, TALL = (200, 100), (100, 200)
IN_WIDE, IN_TALL = (37.5, 12.5, 50.0, 25.0), (12.5, 37.5, 25.0, 50.0)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("size", "box"), [(WIDE, IN_WIDE), (TALL, IN_TALL)])
def test_boxes_are_in_pixels_of_the_frame(tmp_path, family, size, box):
    if family == "rfdetr":  # Stretched: its cells are not square in the frame.
        box = (37.5, 12.5, 50.0, 18.75) if size == WIDE else (12.5, 37.5, 18.75, 50.0)
    path = write_detector(tmp_path / "m.onnx", family, found=32 if family != "rfdetr" else 0)
    detector = OnnxDetector(path, threshold=0.9, classes={0: "ball", 32: "ball"})
    (found,) = _detect(detector, _frame(*size, *box))
    np.testing.assert_allclose(found.boxes, [box], atol=1e-3)
    assert found.scores.dtype == np.float32 and found.scores[0] == pytest.approx(1, abs=2e-3)
    assert found.kinds.tolist() == [BALL]


def test_families_are_recognised(tmp_path):
    families = {
        family: OnnxDetector(write_detector(tmp_path / "m.onnx", family)).family
        for family in FAMILIES[:-1]
    }
    families["rfdetr"] = OnnxDetector(
        write_detector(tmp_path / "r.onnx", "rfdetr", classes=91, found=1)
    ).family
    assert families == {
        "yolox": "YOLOX",
        "yolox raw": "YOLOX",
        "yolov8": "YOLOv8",
        "end to end": "YOLO end to end",
        "rfdetr": "RF-DETR",
    }


def test_boxes_are_clipped_to_the_frame_and_may_be_absent(tmp_path):
    detector = OnnxDetector(write_detector(tmp_path / "m.onnx", "yolox"), threshold=0.9)
    # The frame ends within the last cells: 128 pixels of the input are 200 of it, 67 are 104.
    found, none = _detect(
        detector, np.full((104, 200, 3), 255, np.uint8), np.zeros((104, 200, 3), np.uint8)
    )
    assert len(found.boxes) == 16 * 8  # The ninth row of cells is grey for the most part.
    assert found.boxes.min() == 0 and found.boxes[:, 2].max() == 200
    assert (found.boxes[:, 3] <= 104).all()
    assert none.boxes.shape == (0, 4) and none.boxes.dtype == np.float32
    assert none.kinds.dtype == np.uint8


@pytest.mark.parametrize(
    ("classes", "number", "kind"),
    [(80, 0, PERSON), (80, 32, BALL), (91, 1, PERSON), (91, 37, BALL)],
)
def test_classes_of_coco_are_recognised_by_their_number(tmp_path, classes, number, kind):
    family = "yolov8" if classes == 80 else "rfdetr"
    path = write_detector(tmp_path / "m.onnx", family, classes=classes, found=number)
    (found,) = _detect(OnnxDetector(path, threshold=0.9), np.full((64, 64, 3), 255, np.uint8))
    assert len(found.kinds) and set(found.kinds) == {kind}


NAMES = {0: "Goalkeeper", 1: "side_referee", 2: "football", 3: "players", 4: "staff"}


@pytest.mark.parametrize(
    ("number", "kind"), [(0, "goalkeeper"), (1, "referee"), (2, "ball"), (3, "player"), (4, None)]
)
@pytest.mark.parametrize("source", ["metadata", "file beside", "argument"])
def test_classes_are_recognised_by_name(tmp_path, number, kind, source):
    path = write_detector(
        tmp_path / "m.onnx",
        "yolov8",
        classes=5,
        found=number,
        metadata={"names": str(NAMES), "task": "detect"} if source == "metadata" else None,
    )
    if source == "file beside":
        (tmp_path / "m.names.txt").write_text("\n".join(NAMES.values()) + "\n")
    detector = OnnxDetector(path, classes=NAMES if source == "argument" else None)
    (found,) = _detect(detector, np.full((64, 64, 3), 255, np.uint8))
    assert {KINDS[index] for index in found.kinds} == ({kind} if kind else set())


def test_names_that_are_code_are_not_executed(tmp_path):
    trap = tmp_path / "trap"
    path = write_detector(
        tmp_path / "m.onnx",
        "yolov8",
        metadata={"names": f"__import__('pathlib').Path({str(trap)!r}).touch()"},
    )
    assert OnnxDetector(path).family == "YOLOv8"
    assert not trap.exists()


@pytest.mark.parametrize("batch", [1, 2, 3, "batch"])
def test_boxes_do_not_depend_on_the_batch_size(tmp_path, batch):
    path = write_detector(tmp_path / "m.onnx", "yolov8", batch=batch)
    boxes = [(12.5 * i, 12.5, 12.5 * (i + 1), 25.0) for i in range(5)]
    found = _detect(OnnxDetector(path, threshold=0.9), *(_frame(*WIDE, *box) for box in boxes))
    for one, box in zip(found, boxes, strict=True):
        np.testing.assert_allclose(one.boxes, [box], atol=1e-3)


def test_a_net_of_any_size_runs_at_the_requested_size(tmp_path):
    path = write_detector(tmp_path / "m.onnx", "yolov8", free_size=True)
    (found,) = _detect(OnnxDetector(path, threshold=0.9, size=128), _frame(*WIDE, *IN_WIDE))
    np.testing.assert_allclose(found.boxes, [IN_WIDE], atol=1e-3)


def test_half_precision_gives_the_same_boxes(tmp_path):
    path = write_detector(tmp_path / "m.onnx", "yolov8", half=True)
    (found,) = _detect(OnnxDetector(path, threshold=0.9), _frame(*WIDE, *IN_WIDE))
    np.testing.assert_allclose(found.boxes, [IN_WIDE], atol=1e-2)


def test_suppression_equals_a_plain_implementation():
    rng = np.random.default_rng(3)
    corner, side = rng.uniform(0, 60, (120, 2)), rng.uniform(10, 40, (120, 2))
    boxes = np.concatenate([corner, corner + side], axis=1).astype(np.float32)
    kinds = rng.integers(0, len(KINDS), 120).astype(np.uint8)
    found = Detections(boxes, rng.permutation(120).astype(np.float32) / 120, kinds)
    kept: list[int] = []

    def family(kind):
        return int(kind) if kind in (BALL, GOAL) else PERSON

    for one in np.argsort(-found.scores):
        if all(
            family(kinds[one]) != family(kinds[other]) or _iou(boxes[one], boxes[other]) <= 0.3
            for other in kept
        ):
            kept.append(int(one))
    assert 10 < len(kept) < 110
    np.testing.assert_array_equal(suppressed(found, 0.3).boxes, boxes[kept])


def _iou(one: np.ndarray, other: np.ndarray) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0, width) * max(0, height)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return shared / (sum(areas) - shared)


def _other_model(path: Path, shape: list[int], kind: int = TensorProto.FLOAT) -> Path:
    """Write a model that returns its input."""
    value = [helper.make_tensor_value_info(name, kind, shape) for name in ("x", "logits")]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["logits"])], "other", value[:1], value[1:]
    )
    return save(path, graph)


@pytest.mark.parametrize(
    ("shape", "kind", "expected"),
    [
        ([1, 3, 32, 32], TensorProto.FLOAT, "outputs logits [1, 3, 32, 32]"),
        ([1, 10], TensorProto.FLOAT, "inputs x [1, 10]"),
        ([1, 3, 32, 32], TensorProto.INT64, "inputs x [1, 3, 32, 32]"),
        ([1, 32, 32, 3], TensorProto.FLOAT, "not [batch, 3, height, width]"),
    ],
)
def test_other_models_are_reported_with_their_inputs_or_outputs(tmp_path, shape, kind, expected):
    path = _other_model(tmp_path / "other.onnx", shape, kind)
    with pytest.raises(ModelError) as error:
        OnnxDetector(path)
    message = str(error.value)
    assert str(path) in message and expected in message and "RF-DETR" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"names": "{0: 'cat', 1: 'dog'}"}, "none of its 5 classes"),
        (None, "m.names.txt"),
        ({"names": str(dict.fromkeys(range(9), "player"))}, "9 are named"),
        ({"names": str(NAMES), "task": "pose"}, "its task is 'pose'"),
    ],
)
def test_models_for_other_classes_or_tasks_are_reported(tmp_path, metadata, expected):
    path = write_detector(tmp_path / "m.onnx", "yolov8", classes=5, metadata=metadata)
    with pytest.raises(ModelError) as error:
        OnnxDetector(path)
    assert str(path) in str(error.value) and expected in str(error.value)


@pytest.mark.parametrize("damage", ["empty", "noise", "cut off", "missing", "folder"])
def test_files_that_are_no_model_are_reported(tmp_path, damage):
    path = write_detector(tmp_path / "m.onnx", "yolox")
    content = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage != "missing":
        noise = np.random.default_rng(0).bytes(5000)
        path.write_bytes({"empty": b"", "noise": noise}.get(damage, content[: len(content) // 2]))
    with pytest.raises(ModelError) as error:
        OnnxDetector(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("device", ["mps", "cuda", "cuda:x"])
def test_unavailable_devices_are_reported(tmp_path, device):
    import onnxruntime

    if device == "cuda" and "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("CUDA is available")
    with pytest.raises(InputError, match=device):
        OnnxDetector(write_detector(tmp_path / "m.onnx", "yolox"), device=device)


@pytest.mark.skipif(not (YOLOX_NANO.is_file() and CLIPS), reason="needs its weights")
def test_yolox_detects_the_players_of_a_broadcast():
    from onball.video import read_frames

    (video,) = (clip for clip in CLIPS if "laliga_main_camera" in clip.name)
    frames = next(iter(read_frames(video, 2, None, start_ms=4000, batch_frames=8))).frames
    found = _detect(OnnxDetector(YOLOX_NANO, threshold=0.25, threads=1), *frames)
    assert np.mean([(one.kinds == PERSON).sum() for one in found]) >= 10
    heights = np.concatenate([one.boxes[:, 3] - one.boxes[:, 1] for one in found])
    widths = np.concatenate([one.boxes[:, 2] - one.boxes[:, 0] for one in found])
    assert 20 < np.median(heights) < 120 and np.median(heights / widths) > 1.3


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_rfdetr_in_onnx_equals_its_own_package(tmp_path, one_thread):
    rfdetr = pytest.importorskip("rfdetr")
    import torch

    # With random weights, as large files are not fetched here, and a bias towards persons.
    model = rfdetr.RFDETRNano(pretrain_weights=None, device="cpu")
    with torch.no_grad():
        model.model.model.class_embed.bias[1] += 4
    path = model.export(output_dir=str(tmp_path), verbose=False)
    # A third of the width takes every third pixel unchanged; at other sizes the two round
    # differently, which a random net amplifies.
    frame = np.random.default_rng(0).integers(0, 256, (384, 1152, 3), np.uint8)
    theirs = model.predict(frame, threshold=0.05)
    (ours,) = _detect(OnnxDetector(path, threshold=0.05, threads=1), frame)
    persons = theirs.data["class_name"] == "person"
    assert persons.sum() > 100 and (ours.kinds == PERSON).sum() == persons.sum()
    order, theirs_order = np.argsort(-ours.scores), np.argsort(-theirs.confidence[persons])
    np.testing.assert_allclose(
        ours.scores[order], theirs.confidence[persons][theirs_order], atol=1e-4
    )
    distance = np.abs(ours.boxes[:, None] - theirs.xyxy[persons][None]).max(axis=2)
    assert distance.min(axis=1).max() < 0.5 and distance.min(axis=0).max() < 0.5
