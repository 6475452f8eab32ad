"""What all commands share on the screen: the console, progress bars, warnings and tables."""

from __future__ import annotations

import os
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from onball.errors import OnballWarning

console = Console()
"""Results go here (standard output)."""

status = Console(stderr=True)
"""Progress, warnings and errors go here, so that standard output can be piped."""


class _Speed(ProgressColumn):
    """Work per second, written by `render_speed`."""

    def __init__(self, write: Callable[[float], str]) -> None:
        super().__init__()
        self._write = write

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(self._write(speed) if speed else "", style="cyan")


@contextmanager
def progress(total: float, write_speed: Callable[[float], str]) -> Iterator[_Bar]:
    """A progress bar with a rate and the time left; it leaves its last state on the screen."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        _Speed(write_speed),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=status) as bar:
        yield _Bar(bar, total)


class _Bar:
    """One task of a `progress`."""

    def __init__(self, bar: Progress, total: float) -> None:
        self._bar = bar
        self._task = bar.add_task("", total=total)

    def describe(self, text: str) -> None:
        """What is being worked on."""
        self._bar.update(self._task, description=escape(text))

    def advance_to(self, completed: float) -> None:
        """That much is done in all."""
        self._bar.update(self._task, completed=completed)

    def advance(self, amount: float) -> None:
        """That much more is done."""
        self._bar.update(self._task, advance=amount)

    def finish(self) -> None:
        """All is done, whatever the estimate of the total was."""
        task = self._bar.tasks[self._task]
        self._bar.update(self._task, completed=task.total)


def say(text: str) -> None:
    """A plain line of results, as it is: no markup, no colours, not wrapped."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def note(text: str) -> None:
    """A quiet remark beside the results."""
    status.print(text, style="dim", markup=False, highlight=False)


def fail(message: str) -> None:
    """One red line."""
    status.print(f"[bold red]error:[/] {escape(message)}", highlight=False, soft_wrap=True)


def warn(message: str) -> None:
    """One yellow line."""
    status.print(f"[bold yellow]warning:[/] {escape(message)}", highlight=False, soft_wrap=True)


def this_command() -> str:
    """How to call onball again, as the user can type it."""
    found = shutil.which("onball")
    called = Path(sys.argv[0])
    if found and called.exists() and Path(found).resolve() == called.resolve():
        return "onball"
    if called.name == "onball" and called.exists():
        near = os.path.relpath(called)
        return str(called) if near.startswith("..") else near
    return "onball"


def show_warnings() -> None:
    """The package's own warnings become one line each; Python's stay as they are."""
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
