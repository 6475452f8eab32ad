"""Progress of long work: the one type that every long-running function reports.

Functions that take long have a parameter `progress: ProgressCallback = no_progress`. They call it
with a `Progress` now and then, at least once at the end. Nothing below `onball.cli` draws a bar.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

Unit = Literal["ms", "frames", "clips", "matches", "steps", "bytes"]
"""Unit of the amounts of a `Progress`; "ms" is milliseconds of video."""


class Progress(NamedTuple):
    """Progress of a long-running function.

    Attributes:
        task: name of the current piece of work, such as a match. Amounts start again at 0 when
            it changes.
        done: amount of work done, in `unit`; it never decreases within a task.
        total: amount in all, in `unit`; None if it is not known.
        unit: what the amounts count.
    """

    task: str
    done: float
    total: float | None
    unit: Unit

    @property
    def fraction(self) -> float | None:
        """Fraction done, 0 to 1; None if the total is not known."""
        if self.total is None:
            return None
        return min(1.0, self.done / self.total) if self.total > 0 else 1.0


ProgressCallback = Callable[[Progress], None]


def no_progress(progress: Progress) -> None:
    """Ignore the progress; the default of every function that reports it."""
