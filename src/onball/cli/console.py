"""Terminal output of all commands: lines of text, progress bars and warnings."""

from __future__ import annotations

import io
import os
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, TextIO

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from onball.actions import ACTIONS, EventLabel
from onball.errors import OnballNotice, OnballWarning
from onball.progress import Progress, ProgressCallback, Unit

if TYPE_CHECKING:
    from rich.progress import TaskID

debug = False
"""Show the traceback of every error; set by `--debug`."""


imports: list[str] = []
"""Modules that were imported by `--import`, for processes that a command starts."""


class _Output(Console):
    """Console whose reader may go away, as `onball spot match.mp4 | head` does: the work goes on."""

    def on_broken_pipe(self) -> None:
        """Discard all further output, also that of other writers to the same stream."""
        self.quiet = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.file.fileno())
        os.close(nowhere)


console = _Output()
"""Results go here (standard output)."""

status = _Output(stderr=True)
"""Progress, warnings and errors go here, so that standard output can be piped."""


# Lines of text


def replace_unprintable() -> None:
    """Print `?` for characters that the encoding of the output lacks, instead of failing.

    The code pages of Windows, which files and pipes get there, have no ■ or ≤; nor has ASCII, which
    is the encoding of some servers.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def say(text: str | Text) -> None:
    """Print a line of results as it is: no markup, not wrapped, and at once.

    While a progress bar is shown on the same terminal, the line appears above it.
    """
    # A bar on a terminal moves lines of its own console only.
    above_bar = _bars_shown > 0 and console.is_terminal
    target = status if above_bar else console
    target.print(text, markup=False, highlight=False, soft_wrap=True)


def note(text: str) -> None:
    """Print a remark beside the results, in lines of the terminal's width if there is one."""
    wrapped = status.is_terminal
    status.print(text, style="dim", markup=False, highlight=False, soft_wrap=not wrapped)


def note_actions(predicted: Sequence[EventLabel]) -> None:
    """Write which of the 12 actions a model cannot predict, or its own classes, if there are any."""
    missing = [action for action in ACTIONS if action not in predicted]
    if any(label not in ACTIONS for label in predicted):
        note(
            f"This model has its own {count(len(predicted), 'class', 'classes')}: {', '.join(predicted)}."
        )
    elif missing:
        few = len(missing) <= len(predicted)
        names = "not " + ", ".join(missing) if few else ", ".join(predicted)
        note(f"This model predicts {len(predicted)} of the {len(ACTIONS)} actions: {names}.")


def note_classes(predicted: Sequence[EventLabel], labelled: Sequence[EventLabel]) -> None:
    """Write which labelled classes a model cannot predict, and which of its classes have no labels."""
    from onball.data.classes import compare_classes

    if text := compare_classes(predicted, labelled):
        note(text)


def fail(message: str, traceback: str = "") -> None:
    """Print an error in one line, and with `--debug` its traceback before it."""
    if debug:
        status.print(traceback, markup=False, highlight=False, soft_wrap=True, end="")
    status.print(f"[bold red]error:[/] {escape(message)}", highlight=False, soft_wrap=True)


def encoding() -> str:
    """Encoding of standard output; ASCII if that is closed."""
    return getattr(sys.stdout, "encoding", None) or "ascii"


def warn(message: str) -> None:
    """Print a warning in one line."""
    status.print(f"[bold yellow]warning:[/] {escape(message)}", highlight=False, soft_wrap=True)


def count(number: int, noun: str, several: str = "") -> str:
    """Format a number of things: `1 event`, `2 events`, `1,200 matches`.

    Args:
        number: how many.
        noun: name of one.
        several: name of several; `noun` and an s by default.
    """
    return f"{number:,} {noun if number == 1 else several or f'{noun}s'}"


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


# Progress

_RATES: dict[Unit, Callable[[float], str]] = {
    "ms": lambda rate: f"{rate / 1000:.1f}x real time",
    "frames": lambda rate: f"{rate:.0f} frames/s",
    "clips": lambda rate: f"{rate:.1f} clips/s" if rate >= 1 else f"{60 * rate:.0f} clips/min",
    "matches": lambda rate: (
        f"{60 * rate:.1f} matches/min" if rate >= 1 / 60 else f"{3600 * rate:.1f} matches/h"
    ),
    "steps": lambda rate: "",
    "bytes": lambda rate: f"{rate / 1e6:.1f} MB/s",
}
"""Text for an amount of work per second; steps differ in length, so they have no rate."""

_RUNNING_RATE_S, _FINAL_RATE_S = 2.0, 0.1
"""Seconds of work after which a rate is shown, while work goes on and at its end."""

_LONG_WORK_S = 600.0
"""Seconds left from which the time of day is shown at which the work ends."""

_LINE_S, _LINE_FRACTION, _SHORTEST_LINE_S = 30.0, 0.1, 5.0
"""Seconds between two lines of progress in a log file; a line comes sooner, but not before the
last number of seconds, if this fraction of the work was done since."""

_bars_shown = 0


@contextmanager
def progress_bar() -> Iterator[ProgressCallback]:
    """Show the progress of a function with a rate and the time left.

        with console.progress_bar() as progress:
            events = spotter.spot(video, progress=progress)

    There is one bar for each sequence of amounts: it is drawn at the first report, shows the task
    of the latest one, and stays on the screen. Amounts that start again begin another bar. Where
    standard error is no terminal but a log file, lines take the place of bars.
    """
    view = _Bars() if status.is_terminal else _Lines()
    meters = _Meters(view)
    try:
        yield meters.update
        meters.finish()
    finally:
        view.close()


class _Meter:
    """Amounts of one sequence of reports, and their rate over the time since it began."""

    def __init__(self, first: Progress, begun: float) -> None:
        self.latest = first
        # Bytes of an earlier, interrupted download count neither as work nor in the rate.
        self._already_done = first.done if first.unit == "bytes" else first.resumed
        self._begun = begun
        self._ended: float | None = None

    @property
    def name(self) -> str:
        """Current piece of work."""
        task, total = self.latest.task, self.latest.total
        if self.latest.unit != "bytes" or total is None:
            return task
        there = f", {self._already_done / 1e9:.2f} GB are there" if self._already_done else ""
        return f"{task} {total / 1e9:.2f} GB{there}"

    @property
    def fraction(self) -> float | None:
        """Fraction done; None if the total is unknown."""
        if self._ended is not None:
            return 1.0  # the total may have been an estimate
        if self.latest.total is None:
            return None
        if self.latest.unit != "bytes":
            return self.latest.fraction
        total = self.latest.total - self._already_done
        return min(1.0, self._done / total) if total > 0 else 1.0

    @property
    def seconds(self) -> float:
        """Time since the work began, or that it took."""
        return (monotonic() if self._ended is None else self._ended) - self._begun

    @property
    def rate(self) -> str:
        """Amount of work per second; empty as long as it says nothing."""
        least = _RUNNING_RATE_S if self._ended is None else _FINAL_RATE_S
        if self.seconds < least or self._done <= 0:
            return ""
        return _RATES[self.latest.unit](self._done / self.seconds)

    @property
    def left(self) -> str:
        """Time left, and of long work also when it ends; empty if unknown, and at the end."""
        total = self.latest.total
        early = self.seconds < _RUNNING_RATE_S or self._done <= 0
        if total is None or self._ended is not None or early:
            return ""
        seconds = self.seconds * max(0.0, total - self.latest.done) / self._done
        if seconds < _LONG_WORK_S:
            return f"{_duration(seconds)} left"
        now = datetime.now()
        end = now + timedelta(seconds=seconds)
        form = "%H:%M" if end.date() == now.date() else "%d %b %H:%M"
        return f"{_duration(seconds)} left, until {end:{form}}"

    @property
    def _done(self) -> float:
        return self.latest.done - self._already_done

    def end(self) -> None:
        """Stop the time."""
        self._ended = monotonic()


class _Meters:
    """Meters one after the other; the last one is active."""

    def __init__(self, view: _Bars | _Lines) -> None:
        self._view = view
        self._active: _Meter | None = None
        # Reports come after work: the time of the first amounts counts too.
        self._begun = monotonic()

    def update(self, progress: Progress) -> None:
        """Show a report with the meter that it continues, or else with a new one."""
        if self._active is None or not _continues(progress, self._active.latest):
            self.finish()
            self._active = _Meter(progress, self._begun)
            self._view.add(self._active)
        self._active.latest = progress
        self._view.update(self._active)

    def finish(self) -> None:
        """End the active meter."""
        if self._active is not None:
            self._active.end()
            self._view.finish(self._active)
            self._active = None
            self._begun = monotonic()


def _continues(progress: Progress, latest: Progress) -> bool:
    """Return True if a report continues the count of an earlier one."""
    if progress.task == latest.task:
        return progress.done >= latest.done
    same_count = (progress.total, progress.unit) == (latest.total, latest.unit)
    return same_count and latest.done <= progress.done and latest.fraction != 1


class _Bars:
    """Progress bars on a terminal."""

    def __init__(self) -> None:
        # Imported here because the module is slow to load, and not every command draws a bar.
        from rich.progress import BarColumn, ProgressColumn, Task, TextColumn
        from rich.progress import Progress as ProgressDisplay

        class MeterColumn(ProgressColumn):
            def __init__(self, describe: Callable[[_Meter], str], style: str = "") -> None:
                super().__init__()
                self._describe = describe
                self._style = style

            def render(self, task: Task) -> Text:
                return Text(self._describe(task.fields["meter"]), style=self._style)

        self._display = ProgressDisplay(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20 if status.width < 100 else 40),
            MeterColumn(_percent, "magenta"),
            MeterColumn(lambda meter: meter.rate, "cyan"),
            MeterColumn(lambda meter: meter.left, "cyan"),
            console=status,
        )
        self._bar: TaskID | None = None

    def add(self, meter: _Meter) -> None:
        global _bars_shown
        if self._bar is None:
            self._display.start()
            _bars_shown += 1
        self._bar = self._display.add_task(escape(meter.name), total=None, meter=meter)

    def update(self, meter: _Meter) -> None:
        assert self._bar is not None
        fraction = meter.fraction
        self._display.update(
            self._bar,
            description=escape(meter.name),
            total=None if fraction is None else 1.0,
            completed=fraction or 0.0,
        )

    def finish(self, meter: _Meter) -> None:
        self.update(meter)

    def close(self) -> None:
        global _bars_shown
        # Without a report nothing was drawn, and stopping would print a blank line before an error.
        if self._bar is not None:
            self._display.stop()
            _bars_shown -= 1


class _Lines:
    """Lines of progress for a log file."""

    def __init__(self) -> None:
        self._printed_s, self._printed_fraction = 0.0, 0.0

    def add(self, meter: _Meter) -> None:
        self._printed_s, self._printed_fraction = 0.0, meter.fraction or 0.0

    def update(self, meter: _Meter) -> None:
        if meter.fraction == 1:
            return  # the last line is printed at the end
        since = meter.seconds - self._printed_s
        gained = round((meter.fraction or 0.0) - self._printed_fraction, 6)
        if since >= _LINE_S or (gained >= _LINE_FRACTION and since >= _SHORTEST_LINE_S):
            self._print(meter, f"about {meter.left}" if meter.left else "")

    def finish(self, meter: _Meter) -> None:
        self._print(meter, f"in {_duration(meter.seconds)}")

    def close(self) -> None:
        pass

    def _print(self, meter: _Meter, time: str) -> None:
        self._printed_s, self._printed_fraction = meter.seconds, meter.fraction or 0.0
        parts = [_percent(meter).strip(), meter.rate, time]
        line = f"{meter.name}: {', '.join(part for part in parts if part)}"
        status.print(line, markup=False, highlight=False, soft_wrap=True)


def _percent(meter: _Meter) -> str:
    return "" if meter.fraction is None else f"{meter.fraction:4.0%}"


def _duration(seconds: float) -> str:
    """Format a duration: `0.4 s`, `12 s`, `3:05 min`, `1:03 h`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02d} h"


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
        if issubclass(category, OnballNotice):
            note(str(message))
        elif issubclass(category, OnballWarning):
            warn(str(message))
        else:
            usual(message, category, filename, lineno, file, line)

    warnings.showwarning = show
    for category in (OnballWarning, OnballNotice):
        warnings.simplefilter("always", category)


@contextmanager
def repeated_warnings_once() -> Iterator[None]:
    """Print warnings with the same text once in this block."""
    usual, shown = warnings.showwarning, set[tuple[type[Warning], str]]()

    def show(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
        if (category, str(message)) not in shown:
            shown.add((category, str(message)))
            usual(message, category, *place, **more)

    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = usual
