"""Terminal output of all commands: lines of text, progress bars and warnings."""

from __future__ import annotations

import os
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.markup import escape

from onball.errors import OnballWarning
from onball.progress import Progress, ProgressCallback, Unit

if TYPE_CHECKING:
    from rich.progress import Progress as ProgressDisplay

console = Console()
"""Results go here (standard output)."""

status = Console(stderr=True)
"""Progress, warnings and errors go here, so that standard output can be piped."""


# Lines of text


def say(text: str) -> None:
    """Print a line of results as it is: no markup, no colours, not wrapped."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def note(text: str) -> None:
    """Print a remark beside the results."""
    status.print(text, style="dim", markup=False, highlight=False)


def fail(message: str) -> None:
    """Print an error in one line."""
    status.print(f"[bold red]error:[/] {escape(message)}", highlight=False, soft_wrap=True)


def warn(message: str) -> None:
    """Print a warning in one line."""
    status.print(f"[bold yellow]warning:[/] {escape(message)}", highlight=False, soft_wrap=True)


def this_command() -> str:
    """Path or name with which the user can call onball again."""
    found = shutil.which("onball")
    called = Path(sys.argv[0])
    if found and called.exists() and Path(found).resolve() == called.resolve():
        return "onball"
    if called.name == "onball" and called.exists():
        near = os.path.relpath(called)
        return str(called) if near.startswith("..") else near
    return "onball"


# Progress bars

_RATES: dict[Unit, Callable[[float], str]] = {
    "ms": lambda rate: f"{rate / 1000:.1f}x real time",
    "frames": lambda rate: f"{rate:.0f} frames/s",
    "clips": lambda rate: f"{rate:.1f} clips/s",
    "matches": lambda rate: f"{60 * rate:.1f} matches/min",
    "steps": lambda rate: "",
    "bytes": lambda rate: f"{rate / 1e6:.1f} MB/s",
}
"""Text for an amount of work per second; steps differ in length, so they have no rate."""


@contextmanager
def progress_bar() -> Iterator[ProgressCallback]:
    """Show the progress of a function as bars with a rate and the time left.

        with console.progress_bar() as progress:
            events = spotter.spot(video, progress=progress)

    There is one bar for each sequence of amounts: it is drawn at the first report, shows the task
    of the latest one, and stays on the screen. Amounts that start again begin another bar.
    """
    # Imported here because the module is slow to load, and not every command draws a bar.
    from rich.progress import (
        BarColumn,
        ProgressColumn,
        Task,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as ProgressDisplay
    from rich.text import Text

    class RateColumn(ProgressColumn):
        def render(self, task: Task) -> Text:
            rate = task.finished_speed or task.speed
            return Text(_RATES[task.fields["unit"]](rate) if rate else "", style="cyan")

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        RateColumn(),
        TimeRemainingColumn(),
    )
    display = ProgressDisplay(*columns, console=status)
    bars = _Bars(display)
    try:
        yield bars.update
        bars.finish()
    finally:
        # Without a report nothing was drawn, and stopping would print a blank line before an error.
        if display.tasks:
            display.stop()


class _Bars:
    """Bars of one display; the last one is active."""

    def __init__(self, display: ProgressDisplay) -> None:
        self._display = display
        self._latest: Progress | None = None
        self._already_done = 0.0

    def update(self, progress: Progress) -> None:
        """Show a report in the bar that it continues, or else in a new one."""
        if self._latest is None or not _continues(progress, self._latest):
            self.finish()
            # Bytes of an earlier, interrupted download count neither as work nor in the rate.
            self._already_done = progress.done if progress.unit == "bytes" else 0.0
            self._display.start()
            self._bar = self._display.add_task("", total=None, unit=progress.unit)
        self._latest = progress
        total = None if progress.total is None else progress.total - self._already_done
        self._display.update(
            self._bar,
            description=escape(self._describe(progress)),
            total=total,
            completed=progress.done - self._already_done,
        )

    def finish(self) -> None:
        """Fill the latest bar: its total may have been an estimate."""
        if self._latest is not None:
            bar = self._display.tasks[-1]
            total = bar.completed if bar.total is None else bar.total
            self._display.update(self._bar, total=total, completed=total)

    def _describe(self, progress: Progress) -> str:
        if progress.unit != "bytes" or progress.total is None:
            return progress.task
        there = f", {self._already_done / 1e9:.2f} GB are there" if self._already_done else ""
        return f"{progress.task} {progress.total / 1e9:.2f} GB{there}"


def _continues(progress: Progress, latest: Progress) -> bool:
    """Return True if a report continues the count of an earlier one."""
    if progress.task == latest.task:
        return progress.done >= latest.done
    same_count = (progress.total, progress.unit) == (latest.total, latest.unit)
    return same_count and latest.done <= progress.done and latest.fraction != 1


# Warnings


def show_warnings() -> None:
    """Print onball's own warnings as one line each; those of other packages stay as they are."""
    usual = warnings.showwarning

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if issubclass(category, OnballWarning):
            warn(str(message))
        else:
            usual(message, category, filename, lineno, file, line)

    warnings.showwarning = show
    warnings.simplefilter("always", OnballWarning)
