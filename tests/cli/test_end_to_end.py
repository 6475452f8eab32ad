"""The command line from end to end: simulate, train, resume, spot and evaluate."""

from __future__ import annotations

import contextlib
import csv
import io
import signal
import sys
from pathlib import Path

import pytest

from onball.cli.main import main
from onball.formats.soccernet import read_labels, read_results, write_results
from onball.training.module import TrainingModule

ROOT = Path(__file__).parents[2]
TINY = ROOT / "configs" / "spotting" / "tiny.yaml"


def run(*arguments: object) -> int:
    """Run a command in this process; returns its exit code."""
    with pytest.MonkeyPatch.context() as patched, pytest.raises(SystemExit) as end:
        patched.setattr(sys, "argv", ["onball", *map(str, arguments)])
        main()
    return int(end.value.code or 0)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """A tiny simulated data set; each match has labels."""
    root = tmp_path_factory.mktemp("data")
    plan = ("--train", 1, "--valid", 1, "--test", 1, "--minutes", 0.1, "--fps", 12.5)
    assert run("simulate", "--out", root, *plan, "--size", "64x36", "--seed", 12) == 0
    return root


@pytest.fixture(scope="module")
def run_dir(data, tmp_path_factory) -> Path:
    """A run of two epochs, which is interrupted in the second one and resumed."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    command = ("train", TINY, "--data", data, "--out", folder)
    training_step = TrainingModule.training_step

    def interrupted_step(self, batch, batch_idx):
        if self.current_epoch == 1:
            signal.raise_signal(signal.SIGINT)
        return training_step(self, batch, batch_idx)

    shown = io.StringIO()
    with pytest.MonkeyPatch.context() as patched, contextlib.redirect_stderr(shown):
        patched.setattr(TrainingModule, "training_step", interrupted_step)
        assert run(*command) == 130
    assert "epoch 1/2" in shown.getvalue() and "--resume" in shown.getvalue()
    assert run(*command, "--resume") == 0
    return folder


def test_an_interrupted_run_is_resumed_to_its_end(run_dir):
    rows = list(csv.DictReader((run_dir / "metrics.csv").open()))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert (run_dir / "model" / "model.safetensors").is_file()
    assert list((run_dir / "tensorboard").glob("events.*"))


def test_a_split_is_spotted_and_evaluated(onball, data, run_dir, tmp_path):
    out = tmp_path / "predictions"
    model = run_dir / "model"
    code, _, error = onball(
        "spot", "--data", data, "--split", "test", "--model", model, "--out", out
    )
    assert code == 0, error
    assert "100%" in error
    code, shown, error = onball("evaluate", out, "--data", data, "--split", "test")
    assert code == 0, error
    assert "mAP12" in shown and "mAP10" in shown and "PLAYER SUCCESSFUL TACKLE" in shown


def test_spotting_a_video_writes_results_and_events(onball, data, run_dir, tmp_path):
    video = next(data.rglob("test-*/224p.mp4"))
    code, shown, _ = onball(
        "spot", video, "--model", run_dir / "model", "--out", tmp_path, "--threshold", 0.05
    )
    assert code == 0
    events = read_results(tmp_path / "224p" / "results_spotting.json")
    rows = list(csv.DictReader((tmp_path / "224p" / "events.csv").open()))
    assert len(rows) == len(events.above(0.05)) == len(events.shown)
    assert str(tmp_path / "224p" / "events.csv") in shown


def test_videos_of_the_same_name_get_separate_folders(onball, data, run_dir, tmp_path):
    videos = sorted(data.rglob("224p.mp4"))
    assert onball("spot", *videos, "--model", run_dir / "model", "--out", tmp_path)[0] == 0
    assert len(list(tmp_path.glob("*/events.csv"))) == len(videos) == 3


def test_perfect_predictions_score_one_hundred(onball, data, tmp_path):
    for labels in data.rglob("test-*/Labels-ball.json"):
        name = labels.parent.relative_to(data)
        write_results(read_labels(labels), tmp_path / name / "results_spotting.json")
    shown = onball("evaluate", tmp_path, "--data", data, "--split", "test")[1]
    passes = next(line for line in shown.splitlines() if " PASS" in line)
    assert "100.00" in passes


def test_an_unwritable_folder_is_an_error_before_spotting(onball, data, run_dir, tmp_path):
    (tmp_path / "file").write_text("in the way")
    video = next(data.rglob("224p.mp4"))
    code, _, error = onball("spot", video, "--model", run_dir / "model", "--out", tmp_path / "file")
    assert code == 2 and "is a file, not a folder" in error and "%" not in error
