"""Two processes together train as one process does with their common batch."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time

import psutil
import pytest
import torch
from timm.layers import BatchNormAct2d

from onball.training.targets import mix_frames, mix_values

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="sends signals to groups of processes"),
]

#: Nothing in the net sees the whole batch. Augmentation is on, drawn clip by clip.
SETTINGS = [
    "model.backbone={name: test_convnext, pretrained: false}",
    "training.clips_per_epoch=8",
    "training.augmentation.jitter.probability=0.5",
    "training.ema_decay=0.5",
]
TWO = [*SETTINGS, "training.batch_size=2"]
ONE = [*SETTINGS, "training.batch_size=4"]


def start(runs, run_dir, *settings, resume=False):
    """Start `torchrun` with two processes, in a new session."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc_per_node", "2", "-m", "onball.cli.main", *runs.command(run_dir, *settings)]
    return subprocess.Popen(
        command + ["--resume"] * resume,
        start_new_session=True,
        stderr=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            "COLUMNS": "300",
            "OMP_NUM_THREADS": "1",
            "CUDA_VISIBLE_DEVICES": "",
        },
    )


def finish(process, timeout=900):  # however slow the machine
    try:
        return process.communicate(timeout=timeout)[1]
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def test_two_processes_train_as_one_does_with_their_common_batch(
    runs, tmp_path, metrics, assert_same_weights
):
    one = runs.train(tmp_path / "one", *ONE)
    process = start(runs, tmp_path / "two", *TWO)
    said = finish(process)
    assert process.returncode == 0, said
    assert said.count("epoch 1/2") == 1  # one process prints
    assert_same_weights(one, tmp_path / "two", 1e-4)
    first, second = metrics(one), metrics(tmp_path / "two")
    assert [row["step"] for row in second] == ["2", "4"]
    for theirs, ours in zip(second, first, strict=True):
        for column in ("train_loss", "valid_loss", "map10"):
            assert float(theirs[column]) == pytest.approx(float(ours[column]), abs=1e-4), column
    assert [written(tmp_path / "two")] == [written(one)]


def test_batch_statistics_and_partners_of_mixup_are_those_of_each_process(
    runs, tmp_path, monkeypatch, metrics, assert_same_weights
):
    settings = [
        *SETTINGS,
        "model.backbone={name: test_byobnet, pretrained: false}",  # with batch normalisation
        "training.mixup={probability: 1, alpha: 2}",
        "training.gradient_clip=0.05",
        "training.validate_every_epochs=2",
    ]
    process = start(runs, tmp_path / "two", *settings, "training.batch_size=2")
    said = finish(process)
    assert process.returncode == 0, said

    def by_half(function):
        def halves(values, lambdas):
            pairs = zip(values.chunk(2), lambdas.chunk(2), strict=True)
            return torch.cat([function(*pair) for pair in pairs])

        return halves

    original = BatchNormAct2d.forward

    def normalise(self, values):
        if not self.training:
            return original(self, values)
        first, second = values.chunk(2)
        first = original(self, first)
        # The statistics after the first half are kept: the first process saves its own.
        kept = dict(self.named_buffers())
        self._buffers.update({name: buffer.clone() for name, buffer in kept.items()})
        second = original(self, second)
        self._buffers.update(kept)
        return torch.cat([first, second])

    # One process that normalises and blends each half of its batch by itself.
    monkeypatch.setattr(BatchNormAct2d, "forward", normalise)
    monkeypatch.setattr("onball.training.module.mix_frames", by_half(mix_frames))
    for module in ("module", "targets"):
        monkeypatch.setattr(f"onball.training.{module}.mix_values", by_half(mix_values))
    one = runs.train(tmp_path / "one", *settings, "training.batch_size=4")
    assert_same_weights(one, tmp_path / "two", 5e-4)  # a quarter of a step of the optimiser
    for theirs, ours in zip(metrics(tmp_path / "two"), metrics(one), strict=True):
        assert float(theirs["train_loss"]) == pytest.approx(float(ours["train_loss"]), abs=1e-4)


def written(run_dir):
    """The files of a run, without the numbers in the names of TensorBoard's."""
    names = [path.relative_to(run_dir).as_posix() for path in run_dir.rglob("*")]
    return sorted(re.sub(r"tfevents.*", "tfevents", name) for name in names)


@pytest.mark.parametrize("whom", ["torchrun", "torchrun, by Ctrl-C", "one process"])
def test_a_signal_saves_a_state_that_both_processes_resume_from(
    runs, tmp_path, metrics, assert_same_weights, whom
):
    # The signal comes in the second epoch, which takes a second also on a fast machine.
    long = ["training.clips_per_epoch=480", "training.epochs=2", "training.validate_every_epochs=2"]
    run_dir = tmp_path / "two"
    process = start(runs, run_dir, *TWO, *long)
    try:
        deadline = time.monotonic() + 900
        while not (run_dir / "checkpoints" / "last.ckpt").exists():
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        if whom != "one process":
            process.send_signal(signal.SIGTERM if whom == "torchrun" else signal.SIGINT)
        else:
            # torchrun has other children too, a tracker of shared memory for one.
            children = psutil.Process(process.pid).children()
            training = [child for child in children if "onball.cli.main" in child.cmdline()]
            assert len(training) == 2
            training[-1].send_signal(signal.SIGTERM)
    finally:
        said = finish(process)
    stopped = re.search(r"stopped at step (\d+) of 240; .*--resume", said)
    assert stopped, said
    state = torch.load(run_dir / "checkpoints" / "last.ckpt", weights_only=True)
    assert state["global_step"] == int(stopped[1])
    process = start(runs, run_dir, *TWO, *long, resume=True)
    said = finish(process)
    assert process.returncode == 0, said
    assert [row["step"] for row in metrics(run_dir)] == ["120", "240"]
    assert_same_weights(runs.train(tmp_path / "one", *ONE, *long), run_dir, 1e-3)


def test_a_loss_that_is_not_finite_in_one_process_ends_both(runs, tmp_path):
    script = tmp_path / "nan_in_one.py"
    script.write_text(
        """
import os
import torch
from onball.cli.main import main
from onball.training.module import SpottingModule

original = SpottingModule.loss

def loss(self, *args):
    value = original(self, *args)
    wrong = os.environ["RANK"] == "1" and self.global_step == 3
    return value * float("nan") if wrong else value

SpottingModule.loss = loss
main()
"""
    )
    run_dir = tmp_path / "run"
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc_per_node", "2", str(script), *runs.command(run_dir, *TWO)]
    failed = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "COLUMNS": "300", "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        check=False,
    )
    assert failed.returncode != 0
    assert "the loss became nan at step 3 (epoch 2)" in failed.stderr
    state = torch.load(run_dir / "checkpoints" / "failed.ckpt", weights_only=True)
    assert state["global_step"] == 3
