"""`onball spot --cluster`: what it prints, its exit codes, and options that do not go together."""

from __future__ import annotations

import re

import numpy as np
import pytest
from fake_engine import FakeEngine

from onball.video import VideoWriter


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """The working directory, with two videos of a second and a list that names a missing one."""
    monkeypatch.chdir(tmp_path)
    for name in "ab":
        with VideoWriter(tmp_path / f"{name}.mp4", (64, 36), 5) as writer:
            for _ in range(5):
                writer.write(np.zeros((36, 64, 3), np.uint8))
    (tmp_path / "list.csv").write_text("name,video\nfirst,a.mp4\nsecond,b.mp4\nthird,c.mp4\n")
    opened: list[tuple] = []

    def open_engine(*given):
        opened.append(given)
        return FakeEngine(lose={"second": 1})

    monkeypatch.setattr("onball.cluster.archive.open_engine", open_engine)
    monkeypatch.setattr("onball.cluster.scheduling.Retry.delay_s", lambda self, attempt: 0.0)
    return opened


def test_results_and_failures_are_shown_and_what_is_done_is_skipped(onball, archive, model):
    code, out, err = onball(
        "spot", "--cluster", "ray", "list.csv", "-o", "r", "--cpus", "2", "-m", model
    )
    assert code == 1
    assert re.search(r"^first: \d+ events? \(", out, re.M)
    assert "after 1 lost worker)" in out
    assert out.splitlines()[-1] == "3 matches: 2 spotted; results in r"
    assert "c.mp4: no such file" in err and "archive: 100%" in err
    assert "error: 1 of 3 matches failed; the same command tries these again" in err
    name, workers, resources, *_ = archive[0]
    assert (name, workers, resources.cpus, resources.gpus) == ("ray", None, 2, 0)

    code, out, err = onball("spot", "--cluster", "ray", "list.csv", "-o", "r", "-q", "-m", model)
    assert (code, out) == (1, "3 matches: 2 done already; results in r\n"), err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["a.mp4", "--workers", "2"], "--workers needs --cluster"),
        (["a.mp4", "--segment", "10"], "--segment needs --cluster"),
        (["a.mp4", "--slurm", "partition=x"], "--slurm needs --cluster"),
        (["a.mp4", "--cluster", "local", "--join"], "--join cannot be used with --cluster"),
        (["a.mp4", "--cluster", "slurm", "--slurm", "partition"], "not of the form KEY=VALUE"),
        (["--cluster", "local"], "no video given"),
        (["missing.txt", "--cluster", "local"], "missing.txt: no such file"),
    ],
)
def test_options_that_do_not_go_together_are_one_line(onball, archive, options, message):
    code, _, err = onball("spot", *options)
    assert code == 2 and message in err and err.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--workers", "2"], "--workers needs --cluster ray"),
        (["--gpus", "1"], "--gpus needs --cluster ray"),
        (["--cluster", "ray"], "--workers N is the number of processes"),
        (["--cluster", "slurm", "--workers", "2"], "see examples/train_torchrun.sh and"),
        (["--cluster", "ray://", "--workers", "2"], "there are ray and ray://HOST:PORT"),
        (["--cluster", "ray", "--workers", "2", "--seeds", "2"], "--seeds cannot be used"),
    ],
)
def test_options_of_a_training_that_do_not_go_together_are_refused(onball, options, message):
    code, _, said = onball("train", "spotting/tiny", *options)
    assert code == 2 and message in " ".join(said.split())
