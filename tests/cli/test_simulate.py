"""`onball simulate`: presets, continuation and interruption."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from onball.outputs import output_lock


def test_simulating_again_keeps_finished_matches(onball, tmp_path):
    command = (
        "simulate", "--out", tmp_path, "--train", 1, "--valid", 1, "--test", 1, "--minutes", 0.05,
        "--fps", 5, "--size", "64x36", "--seed", 7,
    )  # fmt: skip
    code, shown, error = onball(*command)
    assert code == 0, error
    assert f"3 matches written; {tmp_path} has 3 matches\n" in shown
    code, shown, error = onball(*command)
    assert code == 0, error
    names = ", ".join(f"{split}-001 - Home - Away" for split in ("train", "valid", "test"))
    assert f"3 matches there already ({names}); {tmp_path} has 3 matches\n" in shown


def test_presets_are_whole_data_sets(onball, tmp_path):
    root = tmp_path / "tiny"
    code, out, error = onball("simulate", "--out", root, "--preset", "tiny", "--no-video")
    assert code == 0, error
    assert f"4 matches written; {root} has 4 matches" in out and "data stats" in out
    assert len(list(root.rglob("Labels-ball.json"))) == 4
    assert not list(root.rglob("*.mp4"))
    tiny = ("simulate", "--out", root, "--preset", "tiny", "--no-video")
    code, out, _ = onball(*tiny)
    assert code == 0 and "4 matches there already" in out and "written" not in out
    code, out, _ = onball(*tiny, "--seed", 5, "--train", 1, "--valid", 0, "--test", 0)
    assert code == 0 and f"1 match written; {root} has 5 matches" in out
    code, _, error = onball(*tiny, "--minutes", 1)
    assert code == 2 and "duration_ms 15000 instead of 60000" in error and "--overwrite" in error


@pytest.mark.skipif(sys.platform == "win32", reason="sends signals to processes")
@pytest.mark.parametrize(
    "number, to_workers, code",
    [
        pytest.param("SIGINT", True, 130, id="Ctrl-C in a terminal"),
        pytest.param("SIGTERM", False, 143, marks=pytest.mark.slow),
        pytest.param("SIGTERM", True, 143, marks=pytest.mark.slow, id="end of a container"),
        pytest.param("SIGKILL", False, -9, marks=pytest.mark.slow),
    ],
)
def test_an_ended_simulation_leaves_no_processes_and_no_half_match(
    tmp_path, number, to_workers, code
):
    command = [sys.executable, "-m", "onball", "simulate", "--out", str(tmp_path)]
    # Short matches of large frames: little to plan before the first frame, and long to paint.
    command += ["--train", "2", "--valid", "0", "--test", "0", "--minutes", "0.4"]
    command += ["--size", "1280x720", "--processes", "2"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        deadline = time.monotonic() + 240
        while not list(tmp_path.glob("**/.*.part/*")):
            assert process.poll() is None and time.monotonic() < deadline, "no match was started"
            time.sleep(0.1)
        workers = psutil.Process(process.pid).children(recursive=True)
        (os.killpg if to_workers else os.kill)(process.pid, signal.Signals[number])
        # Ends when all processes have closed standard error.
        error = process.communicate(timeout=120)[1]
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == code and "Traceback" not in error
    assert number == "SIGKILL" or "interrupted: complete matches are kept" in error
    assert psutil.wait_procs(workers, timeout=60)[1] == []
    finished = [f for f in tmp_path.rglob("simulation.json") if ".part" not in str(f)]
    assert not finished


def test_two_simulations_do_not_write_into_one_folder(onball, tmp_path):
    with output_lock(tmp_path / "data"):
        code, shown, error = onball("simulate", "--out", tmp_path / "data", "--preset", "tiny")
    assert code == 1 and shown == "" and error.count("\n") == 1
    assert "data: another onball process is writing its results there" in error


def test_boxes_need_a_video(onball, tmp_path):
    code, _, error = onball("simulate", "--out", tmp_path, "--no-video", "--mot")
    assert code == 2 and "--mot needs a video" in error
