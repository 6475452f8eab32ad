"""Interrupted runs continue as if they had never stopped."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
import torch

from onball.errors import ConfigError, DataError, OnballWarning
from onball.training import run
from onball.training.module import TrainingModule


@pytest.fixture
def interrupted(runs, monkeypatch):
    """Trains until a signal comes while batch number `batch` (of the run, from 0) is computed."""

    def train(run_dir, batch, *settings, number=signal.SIGINT):
        original, seen = TrainingModule.training_step, []

        def training_step(self, clips, batch_idx):
            seen.append(batch_idx)
            if len(seen) == batch + 1:
                signal.raise_signal(number)
            return original(self, clips, batch_idx)

        with monkeypatch.context() as patched:
            patched.setattr(TrainingModule, "training_step", training_step)
            with pytest.raises(run.TrainingInterrupted) as caught:
                runs.train(run_dir, *settings)
        return str(caught.value)

    return train


def rows_of(metrics, run_dir):
    return [
        (row["epoch"], row["step"], row["train_loss"], row["map10"]) for row in metrics(run_dir)
    ]


@pytest.mark.parametrize(
    ("step", "number"),
    [(1, signal.SIGINT), (2, signal.SIGTERM), (4, signal.SIGINT)],
    ids=["within the first epoch", "in the last step of an epoch", "within the last epoch"],
)
def test_an_interrupted_and_resumed_run_equals_a_whole_one(
    finished, runs, tmp_path, interrupted, metrics, assert_same_weights, step, number
):
    before = signal.getsignal(number)
    message = interrupted(tmp_path / "run", step, number=number)
    assert re.match(f"stopped at step {step + 1} of 6; .*--resume", message)
    assert signal.getsignal(number) == before
    runs.train(tmp_path / "run", resume=True)
    assert_same_weights(tmp_path / "run", finished)
    assert rows_of(metrics, tmp_path / "run") == rows_of(metrics, finished)


#: Of 6 clips an epoch makes two steps of two batches of two clips, so rounds up to 8.
ACCUMULATED = (
    "training.accumulate=2",
    "training.batch_size=2",
    "training.clips_per_epoch=6",
    "training.ema_decay=0.6",
    "model.dropout=0.4",
    "training.mixup.probability=0.5",
)


@pytest.fixture(scope="module")
def accumulated(runs, tmp_path_factory):
    """An uninterrupted run with these settings."""
    torch.set_num_threads(1)
    return runs.train(tmp_path_factory.mktemp("accumulated") / "whole", *ACCUMULATED)


@pytest.mark.parametrize("batch", [1, 2, 4], ids=["first of two", "second of two", "next epoch"])
def test_accumulation_averaging_and_dropout_resume_exactly(
    accumulated, runs, tmp_path, interrupted, metrics, assert_same_weights, batch
):
    message = interrupted(tmp_path / "run", batch, *ACCUMULATED)
    step = batch // 2 + 1  # the step that the batch belongs to is still completed
    assert f"stopped at step {step} of 4" in message
    runs.train(tmp_path / "run", *ACCUMULATED, resume=True)
    assert_same_weights(tmp_path / "run", accumulated, 0.0)
    assert rows_of(metrics, tmp_path / "run") == rows_of(metrics, accumulated)
    ends = [
        torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
        for folder in (tmp_path / "run", accumulated)
    ]
    assert ends[0]["state_dict"].keys() == ends[1]["state_dict"].keys()
    for name, values in ends[0]["state_dict"].items():
        assert torch.equal(values, ends[1]["state_dict"][name]), name


def test_resuming_a_finished_run_changes_nothing(finished, runs, tmp_path, metrics):
    run_dir = shutil.copytree(finished, tmp_path / "run")
    before = (run_dir / "model" / "model.safetensors").read_bytes()
    with pytest.warns(OnballWarning, match="nothing trained: this run has all its 2 epochs"):
        runs.train(run_dir, resume=True)
    assert (run_dir / "model" / "model.safetensors").read_bytes() == before
    assert len(metrics(run_dir)) == 2


def test_a_folder_with_a_run_is_not_overwritten(finished, runs):
    with pytest.raises(
        ConfigError,
        match=r"holds a training run: continue it with --resume, rep.* --overwrite, .* --out",
    ):
        runs.train(finished)


def test_a_run_is_resumed_with_its_own_settings_only(finished, runs):
    different = ["training.learning_rate=1e-3", "training.seed=4", "training.epochs=1"]
    with pytest.raises(
        ConfigError,
        match=r"training\.epochs 2 instead of 1, training\.learning_rate 0\.002 instead of 0\.001, "
        r"training\.seed 0 instead of 4: `onball train .*whole --resume` takes the settings",
    ):
        runs.train(finished, *different, resume=True)


def test_a_run_is_resumed_with_as_many_processes_only(finished, runs, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ConfigError, match="4 clips per step, now they take 8: resume with as many"):
        runs.train(finished, resume=True)


def test_a_damaged_checkpoint_is_reported_in_one_line(finished, runs, tmp_path):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "last.ckpt").write_bytes(b"nothing")
    (tmp_path / "config.yaml").write_text((finished / "config.yaml").read_text())
    with pytest.raises(DataError, match=r"last\.ckpt: damaged"):
        runs.train(tmp_path, resume=True)


SLOW_TO_READ = """
import time
from onball.cli.main import main
from onball.data.frames import CachedFrames

read = CachedFrames.read

def read_slowly(self, start, stop):
    time.sleep(0.5)
    return read(self, start, stop)

CachedFrames.read = read_slowly
main()
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="sends Ctrl-C to a group of processes")
def test_ctrl_c_in_a_terminal_stops_a_run_that_waits_for_its_workers(runs, tmp_path):
    run_dir = tmp_path / "run"
    settings = [
        "training.workers=1",
        "training.batch_size=1",
        "training.clips_per_epoch=2",
        "training.epochs=1000",
        "training.validate_every_epochs=1000",
    ]
    command = [sys.executable, "-c", SLOW_TO_READ, *runs.command(run_dir, *settings)]
    with subprocess.Popen(
        command, start_new_session=True, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            deadline = time.monotonic() + 120
            while not (run_dir / "checkpoints" / "last.ckpt").exists():
                assert process.poll() is None and time.monotonic() < deadline
                time.sleep(0.02)
            time.sleep(0.2)  # the first epoch is over, the first clip of the second is being read
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers, too
            said = process.communicate(timeout=60)[1]
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 130
    assert re.search(r"stopped at step \d+ of 2000; .*--resume", said.replace("\n", " "))
    assert "Traceback" not in said
    assert (run_dir / "checkpoints" / "last.ckpt").is_file()
