"""The whole way through the command line: simulate, train, resume, spot, evaluate. And its errors."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from onball.formats.soccernet import read_labels, read_results, write_results

ROOT = Path(__file__).parents[2]
TINY = ROOT / "configs" / "spotting" / "tiny.yaml"


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """A tiny simulated data set, written by the command itself in a process of its own."""
    root = tmp_path_factory.mktemp("data")
    command = [sys.executable, "-m", "onball", "simulate", "--out", str(root)]
    command += ["--train", "1", "--valid", "1", "--test", "1", "--minutes", "0.3"]
    command += ["--size", "64x36", "--seed", "7"]
    subprocess.run(command, check=True, capture_output=True)
    return root


@pytest.fixture(scope="module")
def run_dir(data, tmp_path_factory) -> Path:
    """A run of two epochs: the first in one process, the second resumed."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    command = [sys.executable, "-m", "onball", "train", str(TINY), "--data", str(data)]
    command += ["--out", str(folder), "--set", "training.clips_per_epoch=400"]
    # Stopped as a user would stop it, as soon as there is something to go on from.
    first = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    wait_for(folder / "metrics.csv", first)
    first.send_signal(signal.SIGINT)
    error = first.communicate(timeout=120)[1]
    assert first.returncode == 130 and "--resume" in error
    second = subprocess.run([*command, "--resume"], stderr=subprocess.PIPE, text=True)
    assert second.returncode == 0, second.stderr
    return folder


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
    assert "x real time" in error
    code, shown, error = onball("evaluate", out, "--data", data, "--split", "test")
    assert code == 0, error
    assert "mAP12" in shown and "mAP10" in shown and "PLAYER SUCCESSFUL TACKLE" in shown


def test_a_video_gets_both_files(onball, data, run_dir, tmp_path):
    video = next(data.rglob("test-*/224p.mp4"))
    code, shown, _ = onball(
        "spot", video, "--model", run_dir / "model", "--out", tmp_path, "--threshold", 0.05
    )
    assert code == 0
    events = read_results(tmp_path / "224p" / "results_spotting.json")
    rows = list(csv.DictReader((tmp_path / "224p" / "events.csv").open()))
    assert len(rows) == len(events) and all(event.confidence >= 0.05 for event in events)
    assert str(tmp_path / "224p" / "events.csv") in shown


def test_matches_that_are_all_called_224p_get_folders_of_their_own(onball, data, run_dir, tmp_path):
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


def test_simulating_again_keeps_what_is_there(onball, data):
    code, shown, _ = onball(
        "simulate", "--out", data, "--train", 1, "--valid", 1, "--test", 1, "--minutes", 0.3,
        "--size", "64x36", "--seed", 7,
    )  # fmt: skip
    assert code == 0 and "3 were there already" in shown


def test_an_interrupted_simulation_ends_at_once_and_leaves_no_half_match(tmp_path):
    command = [sys.executable, "-m", "onball", "simulate", "--out", str(tmp_path)]
    command += ["--train", "2", "--valid", "0", "--test", "0", "--minutes", "60"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        deadline = time.monotonic() + 300
        while not list(tmp_path.rglob("tracks.parquet")):
            assert process.poll() is None and time.monotonic() < deadline, "no match was begun"
            time.sleep(0.1)
        # As a terminal does it: to the command and its workers alike.
        os.killpg(process.pid, signal.SIGINT)
        error = process.communicate(timeout=120)[1]
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 130
    assert "interrupted" in error and "Traceback" not in error
    finished = [f for f in tmp_path.rglob("simulation.json") if ".part" not in str(f)]
    assert not finished


def test_demo_spots_the_sample_and_shows_how_good_it_was(onball, tmp_path):
    code, shown, error = onball("demo", "--out", tmp_path)
    assert code == 0, error
    assert "mAP10" in shown and "onball spot" in shown
    for name in ("results_spotting.json", "events.csv", "timeline.png"):
        assert (tmp_path / name).stat().st_size > 200, name
    assert (tmp_path / "timeline.png").read_bytes().startswith(b"\x89PNG")


def test_doctor_finds_this_machine_healthy(onball):
    code, shown, _ = onball("doctor")
    assert code == 0
    for word in ("torch", "h264", "writable", "demo model"):
        assert word in shown


def test_results_that_cannot_be_written_are_told_before_the_work(onball, data, run_dir, tmp_path):
    (tmp_path / "file").write_text("in the way")
    video = next(data.rglob("224p.mp4"))
    code, _, error = onball("spot", video, "--model", run_dir / "model", "--out", tmp_path / "file")
    assert code == 1 and "file" in error and "real time" not in error


def test_a_data_folder_may_be_called_like_a_number(onball, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, error = onball("train", TINY, "--data", "2024")
    assert code == 2 and "2024" in error and "no such folder" in error.lower()


def test_a_config_that_comes_with_onball_is_found_by_its_name(onball, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, error = onball("train", "spotting/tiny")
    assert code == 2 and "data.root" in error
    code, _, error = onball("train", "spotting/tinny")
    assert code == 2 and "did you mean 'spotting/tiny'?" in error


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["spot"], "no video given"),
        (["spot", "a.mp4", "--data", "b"], "both videos and --data"),
        (["spot", "text.mp4", "text.mp4"], "text.mp4 is given twice"),
        (["spot", "absent.mp4"], "absent.mp4"),
        (["spot", "text.mp4"], "text.mp4"),
        (["spot", "text.mp4", "--model", "absent"], "no saved model here"),
        (["spot", "text.mp4", "--device", "toaster"], "toaster"),
        (["evaluate", "absent", "--data", "nowhere"], "absent: no such file"),
        (["train", "absent.yaml"], "absent.yaml"),
        (["train", str(TINY), "--set", "training.epoch=3"], "did you mean 'epochs'?"),
        (["train", str(TINY)], "data.root"),
        (["simulate", "--out", "x", "--size", "398by224"], "WIDTHxHEIGHT"),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_code_2(
    onball, tmp_path, monkeypatch, arguments, words
):
    monkeypatch.chdir(tmp_path)
    Path("text.mp4").write_text("this is no video")
    code, _, error = onball(*arguments)
    assert code == 2
    assert words in error
    assert "Traceback" not in error


def test_a_broken_video_does_not_keep_the_others_from_their_results(
    onball, data, run_dir, tmp_path
):
    (tmp_path / "broken.mp4").write_bytes(b"nothing")
    good = tmp_path / "good.mp4"
    shutil.copy(next(data.rglob("test-*/224p.mp4")), good)
    code, _, error = onball(
        "spot", tmp_path / "broken.mp4", good, "--model", run_dir / "model", "--out", tmp_path
    )
    assert code == 2 and "broken.mp4" in error and "1 of 2" in error
    assert (tmp_path / "good" / "events.csv").is_file()


def test_help_is_there_for_every_command(onball):
    shown = onball("--help")[1]
    for command in ("demo", "spot", "train", "evaluate", "simulate", "doctor"):
        assert command in shown
        assert onball(command, "--help")[0] == 0


def test_importing_onball_is_light():
    script = "import onball, sys; print([m for m in ('torch', 'av', 'cv2') if m in sys.modules])"
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-c", script]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert json.loads(shown.stdout.replace("'", '"')) == []


def test_presets_are_whole_data_sets(onball, tmp_path):
    root = tmp_path / "tiny"
    code, out, error = onball("simulate", "--out", root, "--preset", "tiny", "--no-video")
    assert code == 0, error
    assert "4 matches" in out and "data stats" in out
    assert len(list(root.rglob("Labels-ball.json"))) == 4
    assert not list(root.rglob("*.mp4"))
    code, out, _ = onball("simulate", "--out", root, "--preset", "tiny", "--no-video")
    assert code == 0 and "4 were there already" in out


def test_boxes_need_a_picture(onball, tmp_path):
    code, _, error = onball("simulate", "--out", tmp_path, "--no-video", "--mot")
    assert code == 2 and "--mot needs a picture" in error
