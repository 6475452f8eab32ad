"""Saved models with a calibration, and `calibrate` from Python."""

from __future__ import annotations

import json

import pytest
from calibration_samples import skewed

from onball.config import ComponentConfig, InferenceConfig, ModelConfig, SavedModelConfig
from onball.evaluation.calibration import CalibrationKind, fit_calibration
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
