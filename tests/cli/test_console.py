"""Progress bars of the command line."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from onball.cli import console
from onball.progress import Progress


@pytest.fixture
def shown(monkeypatch):
    """Function that returns the lines on standard error."""
    output = io.StringIO()
    monkeypatch.setattr(console, "status", Console(file=output, width=120))
    return lambda: [line.rstrip() for line in output.getvalue().splitlines() if line.strip()]


def report(progress, task, amounts, total, unit="ms"):
    for done in amounts:
        progress(Progress(task, done, total, unit))


def test_no_bar_is_shown_before_the_first_report(shown):
    with console.progress_bar():
        pass
    assert shown() == []


def test_a_bar_with_an_estimated_total_ends_full(shown):
    with console.progress_bar() as progress:
        report(progress, "match.mp4", [0, 4000, 7960], 12_000)
    (line,) = shown()
    assert line.startswith("match.mp4") and "100%" in line and "x real time" in line


def test_a_bar_without_total_ends_full(shown):
    with console.progress_bar() as progress:
        report(progress, "stream", [10, 20], None, "frames")
    (line,) = shown()
    assert line.startswith("stream") and "100%" in line


def test_amounts_that_restart_begin_another_bar(shown):
    with console.progress_bar() as progress:
        report(progress, "first.mp4", [0, 1000], 1000)
        report(progress, "second.mp4", [0, 1000], 1000)
    first, second = shown()
    assert first.startswith("first.mp4") and second.startswith("second.mp4")
    assert "100%" in first and "100%" in second


def test_amounts_that_continue_stay_in_one_bar_with_the_latest_task(shown):
    with console.progress_bar() as progress:
        for done, task in enumerate(("a", "b", "c")):
            report(progress, task, [done], 3, "matches")
        report(progress, "c", [3], 3, "matches")
    (line,) = shown()
    assert line.startswith("c ") and "matches/min" in line


def test_a_resumed_download_counts_only_missing_bytes(shown):
    with console.progress_bar() as progress:
        report(progress, "train: downloading", [3e9], 12e9, "bytes")
        report(progress, "train: downloading", [6e9, 12e9], 12e9, "bytes")
    (line,) = shown()
    assert line.startswith("train: downloading 12.00 GB, 3.00 GB are there")
    assert "MB/s" in line


def test_a_name_in_brackets_is_not_markup(shown):
    with console.progress_bar() as progress:
        report(progress, "[red]cup[/red].mp4", [1], 1)
    assert shown()[0].startswith("[red]cup[/red].mp4")


def test_a_bar_stays_unfinished_after_an_error(shown):
    with pytest.raises(ValueError, match="broken"), console.progress_bar() as progress:
        report(progress, "match.mp4", [0, 250], 1000)
        raise ValueError("broken")
    assert "25%" in shown()[0]
