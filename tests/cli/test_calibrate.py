"""`onball calibrate`: the calibrated model and the printed tables."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from onball.actions import Action
from onball.config import ComponentConfig, InferenceConfig, ModelConfig, SavedModelConfig
from onball.data.layout import write_splits
from onball.events import Event, EventList
from onball.formats.event_table import read_event_table
from onball.formats.soccernet import write_labels
from onball.models import build_model, load_model, save_model
from onball.outputs import OutputConflictError
from onball.spotting.calibrating import calibrate
from onball.spotting.spotter import Spotter
from onball.video.writing import VideoWriter

SIZE = (64, 36)


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """Model with random weights; it finds events anyway."""
    torch.manual_seed(3)
    config = SavedModelConfig(
        fps=12.5, width=SIZE[0], height=SIZE[1],
        model=ModelConfig(
            backbone=ComponentConfig(name="test_byobnet", pretrained=False),
            temporal=ComponentConfig(name="bilstm", hidden=8),
        ),
        inference=InferenceConfig(nms_window_ms=400, report_threshold=0.9),
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("models") / "raw"
    save_model(build_model(config.model, fetch_weights=False), config, folder, card="# Mine\n")
    return folder


@pytest.fixture(scope="module")
def data(model, tmp_path_factory) -> Path:
    """Videos of noise; every other event that the model finds is labelled, but only two of GOAL."""
    root = tmp_path_factory.mktemp("data")
    spotter = Spotter.from_pretrained(model, device="cpu")
    random = np.random.default_rng(0)
    for name in ("league/season/a", "league/season/b"):
        with VideoWriter(root / name / "224p.mp4", SIZE, 12.5) as writer:
            for _ in range(250):
                small = random.integers(0, 256, (9, 16, 3), dtype=np.uint8)
                writer.write(small.repeat(4, axis=0).repeat(4, axis=1))
        found = list(spotter.spot(root / name / "224p.mp4"))[::2]
        goals = [event for event in found if event.label is Action.GOAL][:2]
        events = [Event(e.position_ms, e.label) for e in found if e.label is not Action.GOAL]
        write_labels(EventList.of([*events, *goals], name), root / name / "Labels-ball.json")
    write_splits(root, {"valid": ["league/season/a"], "test": ["league/season/b"]})
    return root


@pytest.fixture(scope="module")
def calibrated(model, data, tmp_path_factory) -> Path:
    """The model with calibrated confidences, which tests copy."""
    folder = tmp_path_factory.mktemp("models") / "calibrated"
    calibrate(model, data, folder, device="cpu")
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("kind", ["probability", "rank"])
def test_the_model_stays_unchanged_and_metrics_of_both_splits_are_shown(
    onball, model, data, tmp_path, kind
):
    former = files(model)
    code, shown, error = onball(
        "calibrate", model, "--data", data, "--kind", kind, "--out", tmp_path / "new",
        "--test-split", "test", "--device", "cpu", "--threads", 2,
    )  # fmt: skip
    assert code == 0, error
    assert files(model) == former
    for text in ("On valid (fitted here)", "On test", "ECE", "mAP10", "(pooled)"):
        assert text in shown
    assert "pooled over all actions: GOAL" in error
    inference = load_model(tmp_path / "new")[1].inference
    assert set(inference.calibration) == set(inference.report_thresholds) == set(Action)
    after = files(tmp_path / "new")
    assert after.pop(".onball.json")
    assert {name: after[name] for name in after if name != "config.json"} == {
        name: former[name] for name in former if name != "config.json"
    }


def test_calibrating_in_place_again_gives_the_same_model(onball, calibrated, data, tmp_path):
    shutil.copytree(calibrated, tmp_path / "new")
    first = files(calibrated)
    again = ("calibrate", tmp_path / "new", "--data", data, "--device", "cpu", "--in-place")
    assert onball(*again)[0] == 0
    assert files(tmp_path / "new") == first


def test_a_calibrated_model_is_kept_unless_it_is_to_be_replaced(
    onball, model, calibrated, data, tmp_path
):
    new = tmp_path / "new"
    command = ("calibrate", model, "--data", data, "--device", "cpu", "--out", new)
    shutil.copytree(calibrated, new)
    first = files(calibrated)
    code, shown, error = onball(*command)
    assert code == 0 and f"{new}: is calibrated already" in shown and "%" not in error
    code, _, error = onball(*command, "--kind", "rank")
    assert code == 2 and "kind probability instead of rank" in error
    (new / "README.md").write_text("My notes")
    code, shown, _ = onball(*command)
    assert code == 0 and "edited since" in shown
    with pytest.raises(OutputConflictError, match=r"README\.md was edited"):
        calibrate(model, data, new)
    assert (new / "README.md").read_text() == "My notes"
    assert onball(*command, "--overwrite")[0] == 0
    assert files(new) == first
    (new / ".onball.json").unlink()
    code, _, error = onball(*command)
    assert code == 2 and "was not written by onball" in error


def test_spot_shows_events_that_reach_the_threshold_of_their_action(onball, model, data, tmp_path):
    shutil.copytree(model, tmp_path / "model")
    path = tmp_path / "model" / "config.json"
    config = json.loads(path.read_text())
    config["inference"]["report_thresholds"] = {"PASS": 0.0}
    path.write_text(json.dumps(config))
    video = data / "league/season/b/224p.mp4"
    command = ("spot", video, "--model", tmp_path / "model", "--out", tmp_path, "--device", "cpu")
    assert onball(*command)[0] == 0
    shown = read_event_table(tmp_path / "224p" / "events.csv")
    assert {event.label for event in shown if event.confidence < 0.9} == {Action.PASS}
    assert onball(*command, "--threshold", 0.9, "--overwrite")[0] == 0
    assert all(e.confidence >= 0.9 for e in read_event_table(tmp_path / "224p" / "events.csv"))


def test_exactly_one_of_out_and_in_place_must_be_given(onball, model, data, tmp_path):
    command = ("calibrate", model, "--data", data)
    for options in ((), ("--in-place", "--out", tmp_path / "new")):
        code, _, error = onball(*command, *options)
        assert code == 2 and "--out FOLDER" in error and "--in-place" in error
    code, _, error = onball(*command, "--out", model)
    assert code == 2 and "--in-place" in error


def test_bad_input_is_an_error_before_spotting(onball, model, data, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    code, _, error = onball("calibrate", model, "--data", data, "--out", tmp_path)
    assert code == 2 and "holds other files" in error and "%" not in error
    out = tmp_path / "new"
    code, _, error = onball("calibrate", model, "--data", data, "--split", "train", "--out", out)
    assert code == 2 and "train" in error and not out.exists()
    absent = ("--test-split", "challenge", "--out", out)
    code, _, error = onball("calibrate", model, "--data", data, *absent)
    assert code == 2 and "challenge" in error and "%" not in error and not out.exists()
    code, _, error = onball("calibrate", tmp_path, "--data", data, "--out", out)
    assert code == 2 and "no saved model here" in error
