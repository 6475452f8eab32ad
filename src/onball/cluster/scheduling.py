"""Run the stages of many pieces of work on an engine: keep it busy, retry what was lost, go on.

    units (lazily) → tasks of a stage → engine → answers → next stage … → result of the unit

A unit is a match: one stage with one task, or a stage of segments and then one that joins them. At any
time only as many units are begun as the engine has room for, so that the memory of the driver does
not grow with the archive.

| end of a task | what is done |
|---|---|
| its function returned | its value counts; after the last task of a stage the next one begins |
| its function raised an error | the unit failed: a bad file is not better the second time |
| its worker was lost | it is submitted again after a delay, each time a longer one |
| another process is doing the work | the same, as often as it takes: that process may finish it |
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from time import monotonic
from typing import Any

from onball.cluster.engine import Answer, Ended, Engine, Task
from onball.errors import InputError


@dataclass(frozen=True, slots=True)
class Retry:
    """Rule for submitting a task again whose worker was lost.

    Attributes:
        attempts: how often a task is submitted at most.
        first_s: delay before the second attempt; it doubles with each further one.
        most_s: longest delay.
    """

    attempts: int = 5
    first_s: float = 2.0
    most_s: float = 120.0

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise InputError(f"{self.attempts} attempts: at least 1 is needed")

    def delay_s(self, attempt: int) -> float:
        """Delay after attempt 1, 2, …"""
        return float(min(self.most_s, self.first_s * 2.0 ** min(attempt - 1, 30)))


@dataclass(frozen=True, slots=True)
class Unit:
    """Tasks that have one result together.

    Attributes:
        key: identifies it for the caller.
        stages: tasks of each stage, which run in any order, at the same time. A stage begins when
            all tasks of the one before it have succeeded. The value of the last task is the result.
    """

    key: Any
    stages: tuple[tuple[Task, ...], ...]


@dataclass(frozen=True, slots=True)
class UnitResult:
    """Result of a unit.

    Attributes:
        key: that of the unit.
        value: what its last task returned; None if it failed.
        error: reason of the failure, in one line; empty without one.
        traceback: where an unexpected exception was raised; else empty.
        warnings: what onball warned of in all its tasks.
        node: machine on which the last task ran.
        retries: how often a worker was lost with one of its tasks.
    """

    key: Any
    value: Any
    error: str = ""
    traceback: str = ""
    warnings: tuple[str, ...] = ()
    node: str = ""
    retries: int = 0


@dataclass(slots=True)
class _Running:
    """A unit that has begun."""

    unit: Unit
    stage: int = 0
    missing: int = 0  # tasks of the stage that have not succeeded
    done: int = 0  # tasks of all stages that have
    warnings: list[str] = field(default_factory=list)
    retries: int = 0
    failed: bool = False


@dataclass(slots=True)
class _Attempt:
    task: Task
    running: _Running
    number: int = 1


def run_units(
    engine: Engine,
    units: Iterable[Unit],
    retry: Retry | None = None,
    *,
    on_progress: Callable[[float], None] | None = None,
) -> Iterator[UnitResult]:
    """Yield the result of each unit when it is there, in any order.

    Args:
        engine: where the tasks run; it is closed by the caller.
        units: taken when there is room for them.
        retry: what to do with tasks whose worker was lost.
        on_progress: called with the number of units done, with the fraction of those that are begun.

    Yields:
        One result for each unit, also if it failed.
    """
    scheduler = _Scheduler(engine, iter(units), retry or Retry())
    while scheduler.has_work():
        scheduler.submit()
        yield from scheduler.collect()
        if on_progress is not None:
            on_progress(scheduler.finished + scheduler.partly_done())


class _Scheduler:
    def __init__(self, engine: Engine, units: Iterator[Unit], retry: Retry) -> None:
        self._engine = engine
        self._units = units
        self._retry = retry
        self._exhausted = False
        self._ready: deque[_Attempt] = deque()
        self._later: list[tuple[float, int, _Attempt]] = []  # heap by time
        self._submitted: dict[int, _Attempt] = {}
        self._begun: dict[int, _Running] = {}
        self._numbers = count()
        self.finished = 0

    def has_work(self) -> bool:
        """Return True until all units have a result."""
        if not (self._ready or self._later or self._submitted):
            self._take_unit()
        return bool(self._ready or self._later or self._submitted)

    def partly_done(self) -> float:
        """Sum of the fractions done of the units that are begun."""
        return sum(
            one.done / sum(map(len, one.unit.stages)) for one in self._begun.values() if one.done
        )

    def submit(self) -> None:
        """Submit as many tasks as the engine has room for."""
        now = monotonic()
        while self._later and self._later[0][0] <= now:
            self._add(heapq.heappop(self._later)[2])
        room = self._engine.capacity() - len(self._submitted)
        while len(self._ready) < room and self._take_unit():
            pass
        batch = []
        for _ in range(min(room, len(self._ready))):
            number, attempt = next(self._numbers), self._ready.popleft()
            self._submitted[number] = attempt
            batch.append((number, attempt.task))
        if batch:
            self._engine.submit(batch)

    def collect(self) -> Iterator[UnitResult]:
        """Wait for tasks that end; yield the results of the units that end with them."""
        timeout_s = self._engine.poll_s
        if self._later:
            timeout_s = min(timeout_s, max(0.0, self._later[0][0] - monotonic()))
        for ended in self._engine.wait(timeout_s):
            attempt = self._submitted.pop(ended.number)
            if attempt.running.failed:
                continue  # another task of the unit has failed since
            result = self._after(attempt, ended)
            if result is not None:
                self.finished += 1
                del self._begun[id(attempt.running)]
                yield result

    def _after(self, attempt: _Attempt, ended: Ended) -> UnitResult | None:
        """Continue a unit after one of its tasks; returns its result if it has one."""
        running = attempt.running
        if ended.answer is None:
            running.retries += 1
            if attempt.number >= self._retry.attempts:
                times = "once" if attempt.number == 1 else f"{attempt.number} times"
                error = f"{attempt.task.name}: its worker was lost {times} ({ended.lost})"
                return self._fail(running, Answer(error=error))
            self._delay(attempt, attempt.number + 1)
            return None
        if ended.answer.busy:
            self._delay(attempt, attempt.number)
            return None
        running.warnings += ended.answer.warnings
        if ended.answer.error:
            return self._fail(running, ended.answer)
        running.missing -= 1
        running.done += 1
        if running.missing:
            return None
        if running.stage + 1 < len(running.unit.stages):
            running.stage += 1
            self._begin_stage(running, first=True)
            return None
        return self._result(running, ended.answer)

    def _fail(self, running: _Running, answer: Answer) -> UnitResult:
        running.failed = True
        self._ready = deque(one for one in self._ready if one.running is not running)
        self._later = [one for one in self._later if one[2].running is not running]
        heapq.heapify(self._later)
        return self._result(running, answer)

    def _result(self, running: _Running, answer: Answer) -> UnitResult:
        return UnitResult(
            running.unit.key,
            answer.value,
            answer.error,
            answer.traceback,
            tuple(dict.fromkeys(running.warnings)),
            answer.node,
            running.retries,
        )

    def _delay(self, attempt: _Attempt, number: int) -> None:
        again = _Attempt(attempt.task, attempt.running, number)
        due = monotonic() + self._retry.delay_s(attempt.number)
        heapq.heappush(self._later, (due, next(self._numbers), again))

    def _add(self, attempt: _Attempt) -> None:
        self._ready.appendleft(attempt)

    def _take_unit(self) -> bool:
        """Begin the next unit; returns False if there is none."""
        if self._exhausted:
            return False
        unit = next(self._units, None)
        if unit is None:
            self._exhausted = True
            return False
        running = _Running(unit)
        self._begun[id(running)] = running
        self._begin_stage(running)
        return True

    def _begin_stage(self, running: _Running, first: bool = False) -> None:
        """Make the tasks of a stage ready, before others if a unit is begun already."""
        tasks = running.unit.stages[running.stage]
        running.missing = len(tasks)
        attempts = [_Attempt(task, running) for task in tasks]
        if first:
            self._ready.extendleft(reversed(attempts))
        else:
            self._ready.extend(attempts)
