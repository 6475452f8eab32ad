"""The command line from end to end: simulate, train, resume, spot and evaluate."""

from __future__ import annotations

import csv
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from onball.cli.main import main
from onball.formats.soccernet import read_labels, read_results, write_results

ROOT = Path(__file__).parents[2]
TINY = ROOT / "configs" / "spotting" / "tiny.yaml"


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """A tiny simulated data set, written by the command itself in a separate process."""
    root = tmp_path_factory.mktemp("data")
    command = [sys.executable, "-m", "onball", "simulate", "--out", str(root)]
    command += ["--train", "1", "--valid", "1", "--test", "1", "--minutes", "0.2"]
    command += ["--size", "64x36", "--seed", "7"]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return root


@pytest.fixture(scope="module")
def run_dir(data, tmp_path_factory) -> Path:
    """A run of two epochs: the first in one process, the second resumed."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    command = [sys.executable, "-m", "onball", "train", str(TINY), "--data", str(data)]
    command += ["--out", str(folder), "--set", "training.clips_per_epoch=120"]
    if sys.platform != "win32":  # where no other process can send Ctrl-C
        interrupt(command, folder)
    with pytest.MonkeyPatch.context() as patched, pytest.raises(SystemExit) as end:
        patched.setattr(sys, "argv", ["onball", *command[3:], "--resume"])
        main()
    assert not end.value.code
    return folder


def interrupt(command: list[str], folder: Path) -> None:
    """Interrupt a run as a user does, as soon as there is a state to resume from."""
    first = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        wait_for(folder / "metrics.csv", first)
        first.send_signal(signal.SIGINT)
        error = first.communicate(timeout=120)[1]
    finally:
        first.kill()
    assert first.returncode == 130 and "--resume" in error


def wait_for(path: Path, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 120
    while not path.exists():
        assert process.poll() is None and time.monotonic() < deadline, "ended without a first epoch"
        time.sleep(0.05)


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
