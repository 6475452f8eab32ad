"""Faults around a command: full disks, signals, closed outputs, exceptions; each is one line."""

from __future__ import annotations

import errno
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from onball.actions import Action
from onball.errors import InputError
from onball.events import Event, EventList
from onball.formats.soccernet import write_labels


@pytest.fixture
def failing(onball, monkeypatch) -> Callable[..., tuple[int, str, str]]:
    """Run a command that does something else than it says."""

    def run(act: Callable[[], object], *options: str) -> tuple[int, str, str]:
        monkeypatch.setattr("onball.cli.configs.configs", lambda: act() and None)
        return onball("configs", *options)

    return run


def raising(error: BaseException) -> Callable[[], object]:
    def act() -> None:
        raise error

    return act


@pytest.mark.parametrize(
    "error, code, line",
    [
        (OSError(errno.ENOSPC, "No space left on device", "a/b"), 1,
         "a/b: cannot be written (No space left on device): free some space or choose another place"),
        (OSError(errno.ENOSPC, "No space left on device"), 1,
         "an output: cannot be written (No space left on device): free some space or choose another "
         "place"),
        (PermissionError(errno.EACCES, "Permission denied", "a/b"), 1,
         "a/b: Permission denied (--debug shows where)"),
        (OSError("no codec"), 1, "no codec (--debug shows where)"),
        (InputError("a.mp4: no such file"), 2, "a.mp4: no such file"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (KeyboardInterrupt("interrupted: half is done"), 130, "interrupted: half is done"),
    ],
)  # fmt: skip
def test_an_error_is_one_line_and_an_exit_code(failing, error, code, line):
    assert failing(raising(error)) == (code, "", f"error: {line}\n")


@pytest.mark.parametrize("options, variable", [(["--debug"], ""), ([], "1")])
def test_debug_shows_the_traceback_before_the_line(failing, monkeypatch, options, variable):
    monkeypatch.setenv("ONBALL_DEBUG", variable)
    code, shown, error = failing(raising(PermissionError(1, "not permitted", "a")), *options)
    assert code == 1 and shown == ""
    assert error.startswith("Traceback") and "in act\n" in error
    assert error.endswith("error: a: not permitted\n")


def test_a_bug_keeps_its_traceback(failing):
    with pytest.raises(ZeroDivisionError):
        failing(lambda: 1 / 0)


@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal")
def test_a_termination_cleans_up_like_ctrl_c(failing):
    before, cleaned = signal.getsignal(signal.SIGTERM), []

    def act() -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            cleaned.append(True)

    assert failing(act) == (143, "", "error: terminated\n")
    assert cleaned and signal.getsignal(signal.SIGTERM) is before


@pytest.fixture
def labels(tmp_path) -> Path:
    """A file of labels, which `onball events` converts."""
    events = [Event(1000 * number, Action.PASS) for number in range(200)]
    write_labels(EventList.of(events), tmp_path / "Labels-ball.json")
    return tmp_path / "Labels-ball.json"


def test_a_closed_output_does_not_matter(onball, labels, monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    assert onball("events", labels, "--out", labels.with_name("events.csv"))[0] == 0
    assert onball("events", labels)[0] == 0


@pytest.mark.parametrize("name", ["events.csv", "events.json"])
def test_a_full_disk_leaves_no_part_of_a_file(onball, labels, small_disk, name):
    out = labels.with_name("out") / name
    with small_disk(500):
        code, shown, error = onball("events", labels, "--out", out)
    assert code == 1 and shown == "" and error.count("\n") == 1
    assert f"{out}: cannot be written (File too large): free some space" in error
    assert not out.parent.exists() or not list(out.parent.iterdir())
