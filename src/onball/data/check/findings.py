"""What a check of a data set finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

#: Called with what is looked at, how much is done, and how much there is in all.
Progress = Callable[[str, float, float], None]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to repair.

    Attributes:
        path: the file or folder it is about.
        what: what is wrong.
        remedy: what to do.
    """

    path: Path
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}: {self.remedy}"


@dataclass(slots=True)
class Report:
    """What was looked at, and what is wrong with it.

    Attributes:
        problems: in the order of the folders, then of the checks.
        matches: how many matches were found.
        videos: how many videos could be opened.
        labels: how many annotations were read.
        frames: how many frames were decoded.
        minutes: length of the videos together.
    """

    problems: list[Problem] = field(default_factory=list)
    matches: int = 0
    videos: int = 0
    labels: int = 0
    frames: int = 0
    minutes: float = 0.0


def problem_of(error: Exception | str, path: Path, remedy: str = "") -> Problem:
    """An error or a warning about `path`, as a problem.

    Args:
        error: its message is `path: what` or `path: what: what to do`.
        path: the file.
        remedy: what to do; empty if the message says it.
    """
    text = str(error).removeprefix(f"{path}: ").removeprefix(f"{path}, ")
    what, _, advice = text.rpartition(": ")
    return Problem(path, text, remedy) if remedy else Problem(path, what, advice)
