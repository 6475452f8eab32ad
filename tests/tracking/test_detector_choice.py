"""Detectors by name: files, packages, tiles, and errors for those that are missing."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from tiny_detectors import write_detector

from onball.errors import InputError, MissingDependencyError, ModelError
from onball.tracking.detectors.opening import open_detector
from onball.tracks import BALL, KINDS, PERSON

RED = np.full((2, 64, 64, 3), (255, 0, 0), np.uint8)
TIMES = np.array([0, 80])


def test_an_onnx_file_is_opened(tmp_path):
    path = write_detector(tmp_path / "small.ONNX", "yolox")
    detector = open_detector(str(path))
    assert detector.name == "small.ONNX, score 0.1"
    assert [set(found.kinds) for found in detector.detect(RED, TIMES)] == [{PERSON}] * 2


def test_threshold_and_tiles_are_applied(tmp_path):
    path = write_detector(tmp_path / "m.onnx", "yolox")
    detector = open_detector(str(path), threshold=0.5, tiles="2x1", device="cpu")
    assert detector.name == "m.onnx, score 0.5, tiles 2x1"
    assert len(detector.detect(RED, TIMES)) == 2


@pytest.mark.parametrize("tiles", ["2", "0x1", "2x", "ax1", "2x1x1", "-1x2", "", "2 x 1"])
def test_invalid_tiles_are_reported(tiles):
    with pytest.raises(InputError, match="columns and rows"):
        open_detector("any.onnx", tiles=tiles)


@pytest.mark.parametrize("name", ["", "yolo", "model.engine", "rfdetrs", "folder", "a.onnx.zip"])
def test_names_of_an_unknown_kind_are_reported(name):
    with pytest.raises(InputError) as error:
        open_detector(name)
    message = str(error.value)
    assert f"'{name}'" in message and "ONNX" in message and "rfdetr:small" in message


@pytest.mark.parametrize("suffix", [".onnx", ".pth", ".pt"])
def test_missing_files_and_folders_are_reported(tmp_path, suffix):
    path = tmp_path / f"model{suffix}"
    with pytest.raises(InputError, match="no such file"):
        open_detector(str(path))
    path.mkdir()
    with pytest.raises(InputError, match="is a folder"):
        open_detector(str(path))


def test_missing_packages_are_reported(tmp_path, monkeypatch):
    for package in ("rfdetr", "ultralytics"):
        monkeypatch.setitem(sys.modules, package, None)
    weights = tmp_path / "model.pt"
    weights.touch()
    with pytest.raises(InputError, match=r"AGPL-3\.0.*ONNX.*pip install ultralytics"):
        open_detector(str(weights))
    weights = tmp_path / "model.pth"
    weights.touch()
    for name in ("rfdetr", "rfdetr:small", str(weights)):
        with pytest.raises(MissingDependencyError, match=r"onball\[rfdetr\]"):
            open_detector(name)


def test_an_unknown_size_of_rfdetr_is_reported():
    with pytest.raises(InputError, match=r"rfdetr:huge.*nano, small, medium, large"):
        open_detector("rfdetr:huge")


class _Found(SimpleNamespace):
    """Substitute for `supervision.Detections`."""

    def __len__(self) -> int:
        return len(self.xyxy)


class _Rfdetr:
    """Substitute for a model of rfdetr."""

    class_names = ("person", "dog", "sports ball")

    def __init__(self, **settings: object) -> None:
        self.settings = settings

    @classmethod
    def from_checkpoint(cls, path: str, **settings: object) -> _Rfdetr:
        if "broken" in path:
            raise ValueError("no checkpoint\nof ours")
        return cls(path=path, **settings)

    def predict(self, images: list[np.ndarray], threshold: float) -> list[_Found]:
        nothing = _Found(
            xyxy=np.zeros((0, 4)), confidence=np.zeros(0), data={"class_name": np.zeros(0, object)}
        )
        some = _Found(
            xyxy=np.array([[-3, 1, 9, 20], [5, 5, 6, 6], [60, 60, 70, 70]], np.float32),
            confidence=np.array([0.9, threshold, 0.5], np.float32),
            data={"class_name": np.array(["person", "dog", "sports ball"], object)},
        )
        return [some, nothing][: len(images)]


@pytest.fixture
def rfdetr(monkeypatch):
    module = ModuleType("rfdetr")
    module.RFDETR = module.RFDETRNano = module.RFDETRSmall = _Rfdetr
    monkeypatch.setitem(sys.modules, "rfdetr", module)


def test_rfdetr_runs_through_its_package(rfdetr):
    detector = open_detector("rfdetr:small", device="cpu")
    assert detector.name == "rfdetr:small, score 0.1"
    found, nothing = detector.detect(RED, TIMES)
    assert found.kinds.tolist() == [PERSON, BALL] and len(nothing.boxes) == 0
    assert found.boxes.tolist() == [[0, 1, 9, 20], [60, 60, 64, 64]]
    assert found.kinds.dtype == np.uint8 and found.boxes.dtype == np.float32


def test_a_checkpoint_of_rfdetr_is_opened(rfdetr, tmp_path, monkeypatch):
    path = tmp_path / "mine.pth"
    path.touch()
    assert open_detector(str(path)).name == "rfdetr:mine.pth, score 0.1"
    monkeypatch.setattr(_Rfdetr, "class_names", ("cat", "dog"))
    with pytest.raises(ModelError, match=r"mine\.pth: knows neither persons nor balls"):
        open_detector(str(path))
    broken = tmp_path / "broken.pth"
    broken.touch()
    with pytest.raises(ModelError, match=r"broken\.pth: its weights.*no checkpoint"):
        open_detector(str(broken))


class _Numbers(np.ndarray):
    """Substitute for a tensor on the CPU."""

    def cpu(self) -> _Numbers:
        return self

    def numpy(self) -> np.ndarray:
        return np.asarray(self)


class _Yolo:
    """Substitute for `ultralytics.YOLO`; detects a player if the frame is red in BGR."""

    names = {0: "goalkeeper", 1: "player", 2: "crowd"}  # noqa: RUF012

    def __init__(self, path: str) -> None:
        if "broken" in path:
            raise RuntimeError("not a model\nat all")

    def predict(self, frame: np.ndarray, conf: float, device: object, verbose: bool) -> list:
        assert not verbose and frame.flags.c_contiguous
        kind = 1 if frame[0, 0].tolist() == [0, 0, 255] else 2
        parts = {"cls": [kind, 2.0], "xyxy": [[1, 2, 3, 4], [5, 6, 7, 8]], "conf": [conf, 1.0]}
        arrays = {name: np.array(part).view(_Numbers) for name, part in parts.items()}
        return [SimpleNamespace(boxes=SimpleNamespace(**arrays))]


def test_ultralytics_runs_through_its_package(tmp_path, monkeypatch):
    module = ModuleType("ultralytics")
    module.YOLO = _Yolo
    monkeypatch.setitem(sys.modules, "ultralytics", module)
    path = tmp_path / "football.pt"
    path.touch()
    detector = open_detector(str(path), threshold=0.25)
    for found in detector.detect(RED, TIMES):
        assert found.kinds.tolist() == [KINDS.index("player")]
        assert found.boxes.tolist() == [[1, 2, 3, 4]] and found.scores.tolist() == [0.25]
    broken = tmp_path / "broken.pt"
    broken.touch()
    with pytest.raises(ModelError, match="cannot be read by ultralytics"):
        open_detector(str(broken))
    monkeypatch.setattr(_Yolo, "names", {0: "cat"})
    with pytest.raises(ModelError, match="neither persons nor balls"):
        open_detector(str(path))
