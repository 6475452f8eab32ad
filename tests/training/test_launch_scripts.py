"""The scripts that start a training on several GPUs call torchrun and `onball train` as they are."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys

import pytest
from doc_blocks import ROOT, Block
from torch.distributed.run import get_args_parser

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="scripts of a POSIX shell")

TRAIN = ["spotting/regnety_bilstm", "--data", "my data", "--set", "training.batch_size=1"]
SLURM = {
    "SLURM_JOB_ID": "4567",
    "SLURM_JOB_NODELIST": "node[7-8]",
    "SLURM_JOB_NUM_NODES": "2",
    "SLURM_CPUS_PER_TASK": "16",
}


@pytest.fixture
def run(tmp_path):
    """Run a script whose launchers print their words instead of starting anything; returns these."""
    for name, code in {
        "torchrun": 'printf "%s\\0" torchrun "$@"',
        "srun": 'printf "%s\\0" srun "$@"',
        "scontrol": 'test "$*" = "show hostnames node[7-8]" && printf "node7\\nnode8\\n"',
    }.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{code}\n")
        (tmp_path / name).chmod(0o755)

    def run(script, *words, **environment):
        path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
        command = [str(ROOT / "examples" / script), *words]
        shown = subprocess.run(
            command, env={"PATH": path, **environment}, capture_output=True, text=True, check=True
        )
        return shown.stdout.split("\0")[:-1]

    return run


def check(words, onball):
    """Check the words after torchrun by the parsers of torchrun and onball; returns the former's."""
    parsed = get_args_parser().parse_args(words)
    assert parsed.module and parsed.training_script == "onball.cli.main"
    line = shlex.join(["onball", *parsed.training_script_args])
    Block(ROOT / "examples", 1, "sh", line, None).check(onball)
    return parsed


@pytest.mark.parametrize("gpus", ["1", "8"])
def test_one_machine_starts_a_process_for_each_gpu(run, onball, gpus):
    launcher, *words = run("train_torchrun.sh", gpus, *TRAIN)
    parsed = check(words, onball)
    assert launcher == "torchrun" and parsed.standalone and parsed.nproc_per_node == gpus
    assert parsed.training_script_args == ["train", *TRAIN]


@pytest.mark.parametrize(("gpus", "nodes"), [("1", "1"), ("8", "1"), ("8", "2")])
def test_a_job_of_slurm_starts_a_torchrun_on_each_machine(run, onball, gpus, nodes):
    job = {**SLURM, "SLURM_GPUS_ON_NODE": gpus, "SLURM_JOB_NUM_NODES": nodes}
    launcher, *options, torchrun = (words := run("train_slurm.sh", *TRAIN, **job))[:4]
    words = words[4:]
    parsed = check(words, onball)
    assert (launcher, torchrun) == ("srun", "torchrun")
    assert options == ["--kill-on-bad-exit=1", "--cpus-per-task=16"]
    assert (parsed.nnodes, parsed.nproc_per_node) == (nodes, gpus)
    assert (parsed.rdzv_backend, parsed.rdzv_endpoint, parsed.rdzv_id) == (
        "c10d",
        "node7:24567",
        "4567",
    )
    assert parsed.training_script_args == ["train", *TRAIN, "--resume"]
