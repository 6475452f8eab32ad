"""The model that spots where none is named."""

from __future__ import annotations

import subprocess
import sys

import pytest
from tiny_models import random_model

from onball.errors import ModelError
from onball.models.finding import MODEL_VARIABLE, default_model, resolve_model
from onball.models.saved import save_model
from onball.spotting.spotter import Spotter


@pytest.fixture(autouse=True)
def unset(monkeypatch, tmp_path):
    """No model is named, and the working directory is empty."""
    monkeypatch.delenv(MODEL_VARIABLE)
    monkeypatch.chdir(tmp_path)


def test_it_follows_the_ball():
    assert default_model() == "ball-tracks"
    assert Spotter.from_pretrained(device="cpu").name == "ball-tracks"


@pytest.mark.medium
@pytest.mark.parametrize("package", ["onnxruntime", "trackers", "scenedetect", "cv2"])
def test_without_the_packages_of_tracking_it_is_the_demo_model(package):
    program = (
        f"import sys; sys.modules[{package!r}] = None\n"
        "from onball.models.finding import default_model\n"
        "print(default_model())"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert (done.stdout, done.stderr) == ("demo\n", "")


def test_the_environment_names_another(monkeypatch, tmp_path):
    net, config = random_model()
    save_model(net, config, tmp_path / "mine")
    monkeypatch.setenv(MODEL_VARIABLE, str(tmp_path / "mine"))
    assert Spotter.from_pretrained(device="cpu").name.endswith("/mine")
    monkeypatch.setenv(MODEL_VARIABLE, "ball-track")
    with pytest.raises(ModelError, match="did you mean 'ball-tracks'"):
        Spotter.from_pretrained(device="cpu")


def test_a_folder_of_results_does_not_hide_a_bundled_model_of_its_name(tmp_path):
    (tmp_path / "ball-tracks").mkdir()
    bundled = resolve_model("ball-tracks")
    assert bundled != tmp_path / "ball-tracks"
    net, config = random_model()
    save_model(net, config, tmp_path / "ball-tracks")
    assert resolve_model("ball-tracks").resolve() == (tmp_path / "ball-tracks").resolve()
