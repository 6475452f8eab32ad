"""Progress reports of long-running functions.

Long-running functions have a parameter `progress: ProgressCallback = no_progress`, and call it with
a `Progress` regularly, at least once at the end. Only `onball.cli` draws progress bars.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

Unit = Literal["ms", "frames", "clips", "matches", "steps", "bytes"]
"""Unit of the amounts of a `Progress`; "ms" is milliseconds of video."""


class Progress(NamedTuple):
    """Amount of work done and in total.

    Attributes:
        task: current piece of work, such as the name of a match. Amounts start again at 0 when it
            changes.
        done: amount of work done, in `unit`; it never decreases within a task.
        total: total amount of work, in `unit`; None if unknown.
        unit: unit of the amounts.
        resumed: part of `done` that an earlier call did, which was interrupted.
    """

    task: str
    done: float
    total: float | None
    unit: Unit
    resumed: float = 0

    @property
    def fraction(self) -> float | None:
        """Fraction done, 0 to 1; None if the total is unknown."""
        if self.total is None:
            return None
        return min(1.0, self.done / self.total) if self.total > 0 else 1.0


ProgressCallback = Callable[[Progress], None]


def no_progress(progress: Progress) -> None:
    """Ignore progress reports; the default callback."""
