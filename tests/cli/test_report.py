"""`onball report`: errors for unusable runs, in one line and before any work."""

from __future__ import annotations

from pathlib import Path

import pytest

from onball.config import SavedModelConfig, load_config, save_config
from onball.models import build_model, save_model

TINY = Path(__file__).parents[2] / "configs" / "spotting" / "tiny.yaml"
METRICS = "epoch,step,learning_rate,train_loss,valid_loss,map12,map10,frames_per_second,seconds\n"


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def run(tmp_path) -> Path:
    """Complete run folder, of which the data set is missing."""
    folder = tmp_path / "runs" / "mine"
    config = load_config(TINY, [f"data.root={tmp_path / 'gone'}"])
    save_model(build_model(config.model), SavedModelConfig.of(config), folder / "model")
    save_config(config, folder / "config.yaml")
    (folder / "metrics.csv").write_text(METRICS + "1,4,0.002,1.5,0.7,0.5,0.6,100,5\n")
    return folder


def error_of(onball, out: Path, *arguments: object) -> str:
    """Run the command and return its one line of error."""
    code, _, error = onball("report", *arguments, "--out", out)
    lines = error.splitlines()
    assert code == 2 and len(lines) == 1 and lines[0].startswith("error:"), error
    assert not out.exists()
    return lines[0]


def test_a_folder_that_is_no_run_is_named(onball, run, tmp_path):
    error = error_of(onball, tmp_path / "out", run, tmp_path)
    assert str(tmp_path) in error and "config.yaml" in error


def test_a_setting_of_another_version_is_named(onball, run, tmp_path):
    with (run / "config.yaml").open("a") as file:
        file.write("flip: 1\n")
    error = error_of(onball, tmp_path / "out", run)
    assert str(run) in error and "flip" in error


def test_a_run_without_an_epoch_is_named(onball, run, tmp_path):
    (run / "metrics.csv").write_text(METRICS)
    assert "no epoch" in error_of(onball, tmp_path / "out", run)
    (run / "metrics.csv").write_text("a,b\n1,2\n")
    assert "metrics.csv" in error_of(onball, tmp_path / "out", run)


def test_a_broken_model_is_named(onball, run, tmp_path):
    (run / "model" / "model.safetensors").write_bytes(b"nothing")
    assert "model.safetensors" in error_of(onball, tmp_path / "out", run)


def test_a_run_given_twice_is_named(onball, run, tmp_path):
    assert "twice" in error_of(onball, tmp_path / "out", run, run / ".." / "mine")


def test_a_missing_data_set_is_named_with_the_option_to_give_another(onball, run, tmp_path):
    error = error_of(onball, tmp_path / "out", run)
    assert "gone" in error and "--data" in error and str(run) in error
