"""Contract of an engine, which runs functions in processes of one machine or of many.

    scheduler ── submit(tasks) ──→ engine ── function(argument) ──→ worker
    scheduler ←──── wait() ─────── engine ←──────── Answer ──────── worker

A task is a function of a module and one small argument: paths and settings, never frames. Its answer
is as small. Engines differ only in where a task runs; what it answers, and what is done when a
worker is lost, is the same for all (`onball.cluster.scheduling`).
"""

from __future__ import annotations

import socket
import traceback
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from onball.errors import (
    InputError,
    OnballError,
    OnballNotice,
    OnballWarning,
    describe_exception,
)
from onball.outputs import OutputLockedError

_MOST_WARNINGS = 20


@dataclass(frozen=True, slots=True)
class Resources:
    """Needs of one task.

    Attributes:
        cpus: CPU cores, which are also the threads that it computes with.
        gpus: GPUs; below 1 several tasks share one.
    """

    cpus: int = 1
    gpus: float = 0

    def __post_init__(self) -> None:
        if self.cpus < 1:
            raise InputError(f"{self.cpus} CPUs per task: at least 1 is needed")
        if self.gpus < 0 or (self.gpus > 1 and self.gpus != int(self.gpus)):
            raise InputError(f"{self.gpus:g} GPUs per task: a fraction of one, or whole ones")


@dataclass(frozen=True, slots=True)
class Task:
    """A function to be called in a worker.

    Attributes:
        name: name of the work in messages.
        function: function of a module that workers can import.
        argument: what it is called with. It is pickled, and shall be small.
    """

    name: str
    function: Callable[[Any], Any]
    argument: Any


@dataclass(frozen=True, slots=True)
class Answer:
    """Result of a task in a worker.

    Attributes:
        value: what the function returned; None if it failed.
        error: reason of the failure, in one line; empty without one.
        traceback: where an unexpected exception was raised; else empty.
        busy: the task could not begin, because another process is doing this work.
        warnings: what onball warned of, each in one line.
        node: name of the machine.
    """

    value: Any = None
    error: str = ""
    traceback: str = ""
    busy: bool = False
    warnings: tuple[str, ...] = ()
    node: str = ""


def answer(task: Task) -> Answer:
    """Call the function of a task. This is what engines run in a worker; it raises no `Exception`."""
    node = socket.gethostname()
    with warnings.catch_warnings(record=True) as caught:
        for category in (OnballWarning, OnballNotice):
            warnings.simplefilter("always", category)
        try:
            result = Answer(task.function(task.argument), node=node)
        except OutputLockedError as error:
            result = Answer(error=str(error), busy=True, node=node)
        except OnballError as error:
            result = Answer(error=str(error), node=node)
        except Exception as error:
            where = "".join(traceback.format_exception(error))
            result = Answer(error=describe_exception(task.name, error), traceback=where, node=node)
    texts = [str(one.message) for one in caught if issubclass(one.category, OnballWarning)]
    shown = tuple(dict.fromkeys(texts))[:_MOST_WARNINGS]
    return Answer(result.value, result.error, result.traceback, result.busy, shown, node)


@dataclass(frozen=True, slots=True)
class Ended:
    """End of a task that was submitted.

    Attributes:
        number: number that `Engine.submit` was given for it.
        answer: its answer; None if the worker was lost.
        lost: how the worker was lost, in a few words; empty if it was not.
    """

    number: int
    answer: Answer | None = None
    lost: str = ""


class Engine(ABC):
    """Runs tasks in workers. Used as a context manager, it ends what still runs.

    A subclass decides where a task runs, and notices when its process or machine is lost. It neither
    repeats a task nor knows what tasks do.

    Attributes:
        name: name in messages.
        poll_s: longest time to wait for a task before the scheduler looks around.
    """

    name: str = ""
    poll_s: float = 1.0

    @abstractmethod
    def capacity(self) -> int:
        """Number of tasks that should be submitted at the same time, at least 1."""

    @abstractmethod
    def submit(self, tasks: Sequence[tuple[int, Task]]) -> None:
        """Begin tasks, each with a number that identifies it. Called with at most the free capacity."""

    @abstractmethod
    def wait(self, timeout_s: float) -> Sequence[Ended]:
        """Return the tasks that ended, after at most that time; each exactly once."""

    @abstractmethod
    def close(self) -> None:
        """End all workers, and the tasks that still run in them."""

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
