"""Engine that runs in this process, and loses the tasks that a test names."""

from __future__ import annotations

from collections.abc import Sequence

from onball.cluster.engine import Ended, Engine, Task, answer


class FakeEngine(Engine):
    """Calls functions in this process, the last submitted first.

    Args:
        room: number of tasks at the same time.
        lose: how often a task of each name is lost before it begins.
    """

    def __init__(self, room: int = 3, lose: dict[str, int] | None = None) -> None:
        self._room, self._lose = room, lose or {}
        self.waiting: list[tuple[int, Task]] = []
        self.submitted: list[str] = []
        self.most = 0

    def capacity(self) -> int:
        return self._room

    def submit(self, tasks: Sequence[tuple[int, Task]]) -> None:
        self.waiting += tasks
        self.submitted += [task.name for _, task in tasks]
        self.most = max(self.most, len(self.waiting))

    def wait(self, timeout_s: float) -> Sequence[Ended]:
        if not self.waiting:
            return []
        number, task = self.waiting.pop()
        if self._lose.get(task.name, 0):
            self._lose[task.name] -= 1
            return [Ended(number, lost="node gone")]
        return [Ended(number, answer(task))]

    def close(self) -> None:
        self.waiting.clear()
