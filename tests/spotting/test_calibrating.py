"""Saved models with a calibration, and `calibrate` from Python."""

from __future__ import annotations

import json

import pytest
import torch
from calibration_samples import skewed
from tiny_matches import write_flashes

from onball.actions import ActionSet, Label
from onball.config import ComponentConfig, InferenceConfig, ModelConfig, SavedModelConfig
from onball.config.classes import classes_of
from onball.errors import OnballError
from onball.evaluation.calibration import CalibrationKind, fit_calibration
from onball.events import Event, EventList
from onball.formats.soccernet import write_labels
from onball.models import build_model, load_model, save_model
from onball.spotting.calibrating import save_with_config, with_calibration, without_calibration

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def model(tmp_path):
    config = SavedModelConfig(
        fps=12.5, width=64, height=36,
        model=ModelConfig(
            backbone=ComponentConfig(name="test_byobnet", pretrained=False),
            temporal=ComponentConfig(name="bilstm", hidden=8),
        ),
        inference=InferenceConfig(),
    )  # fmt: skip
    net = build_model(config.model, fetch_weights=False)
    save_model(net, config, tmp_path / "model", card="# Mine\n", half=True)
    return tmp_path / "model"


def test_a_saved_model_carries_its_calibration(model, tmp_path):
    former = (model / "config.json").read_bytes()
    fitted = fit_calibration(*([part] for part in skewed(500, 3)), CalibrationKind.PROBABILITY)
    config = with_calibration(load_model(model)[1], fitted)
    save_with_config(model, config, tmp_path / "deep" / "calibrated")
    assert load_model(tmp_path / "deep" / "calibrated")[1] == config
    assert without_calibration(config) == load_model(model)[1]
    for name in ("model.safetensors", "README.md"):
        assert (tmp_path / "deep" / "calibrated" / name).read_bytes() == (model / name).read_bytes()
    assert (model / "config.json").read_bytes() == former
    tree = json.loads((tmp_path / "deep" / "calibrated" / "config.json").read_text())
    assert tree["inference"]["calibration"]["HIGH PASS"][0] == [0.0, 0.0]


def test_calibrating_in_place_changes_the_config_but_not_the_weights(model):
    weights = (model / "model.safetensors").read_bytes()
    fitted = fit_calibration(*([part] for part in skewed(500, 3)), CalibrationKind.RANK)
    save_with_config(model, with_calibration(load_model(model)[1], fitted), model)
    assert load_model(model)[1].inference.calibration == fitted.maps
    assert (model / "model.safetensors").read_bytes() == weights
    assert {path.name for path in model.iterdir()} == {
        "README.md", "config.json", "model.safetensors",
    }  # fmt: skip


def test_a_full_disk_leaves_no_part_of_a_calibrated_model(model, tmp_path, small_disk):
    config = load_model(model)[1]
    with small_disk(2000), pytest.raises(OnballError, match=r"\(File too large\): free some space"):
        save_with_config(model, config, tmp_path / "calibrated")
    assert not (tmp_path / "calibrated").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_the_classes_that_model_and_labels_share_are_calibrated(tmp_path, onball):
    codes = ActionSet.of(["press won", "counter", "SHOT"], headline=["press won"])
    torch.manual_seed(0)
    config = SavedModelConfig(
        fps=12.5, width=64, height=36,
        model=ModelConfig(
            backbone=ComponentConfig(name="test_byobnet", pretrained=False),
            temporal=ComponentConfig(name="none"),
            classes=classes_of(codes),
        ),
        inference=InferenceConfig(
            nms_window_ms=100, report_threshold=0.5, report_thresholds={"SHOT": 0.25}
        ),
    )  # fmt: skip
    save_model(build_model(config.model, fetch_weights=False), config, tmp_path / "model")
    data, match = tmp_path / "data", tmp_path / "data" / "valid" / "l" / "s" / "match"
    write_flashes(match, 0)
    names = ("press won", "counter", "nutmeg")
    (data / "classes.txt").write_text("\n".join(names))
    labels = [Event(400 * i, Label(names[i % 3])) for i in range(20)]
    write_labels(EventList.of(labels), match / "Labels-ball.json")

    out = tmp_path / "out"
    code, shown, error = onball(
        "calibrate", tmp_path / "model", "--data", data, "--out", out, "--device", "cpu"
    )
    assert code == 0, error
    said = " ".join(error.split())
    assert "This model predicts 2 of the 3 classes: not nutmeg." in said
    assert "of which 1 is not among the labels and not measured: SHOT." in said
    assert "■ counter" in shown and "■ nutmeg" in shown and "mAP12" not in shown
    inference = load_model(out)[1].inference
    assert set(inference.calibration) == {"press won", "counter"}
    assert set(inference.report_thresholds) == {"press won", "counter", "SHOT"}
    assert inference.report_thresholds["SHOT"] == 0.25, "it was not measured, so it stays"

    again = ("calibrate", tmp_path / "model", "--data", data, "--out", out)
    assert "is calibrated already" in onball(*again)[1]
    code, _, error = onball(*again, "--runtime", "onnx-int8")
    assert code == 2 and "-int8)" in error, "its confidences are others"

    (data / "classes.txt").write_text("nutmeg")
    write_labels(EventList.of([labels[2]]), match / "Labels-ball.json")
    code, _, error = onball("calibrate", tmp_path / "model", "--data", data, "--out", out / "2")
    assert code == 2 and "no class in common" in error and not (out / "2").exists()
