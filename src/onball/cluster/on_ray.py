"""Engine on Ray: tasks of Ray Core. https://docs.ray.io

Ray places a task where its CPUs or its fraction of a GPU are free, and starts worker processes that
later tasks use again, with the model that they have loaded. It neither repeats a task (the scheduler
does, after a delay) nor stores anything but tasks and answers.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic, sleep
from typing import Any

from onball.cluster.engine import Answer, Ended, Engine, Resources, Task, answer
from onball.errors import InputError, OnballError, optional_dependency

# Ray sends usage statistics by default when it starts a cluster.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
with optional_dependency("ray", "ray", "--cluster ray"):
    import ray
    from ray import exceptions

#: Tasks that wait in the queues of Ray beside those that run, as a fraction of these: a worker that
#: becomes free has the next one at once, and a cluster that grows by itself sees that it should.
_QUEUED = 0.25
#: Time after which the size of the cluster is looked up again.
_LOOK_S = 10.0


def connect(address: str | None) -> bool:
    """Connect this process to Ray. Returns False if it is connected already.

    Args:
        address: see `RayEngine`.

    Raises:
        InputError: there is no such cluster.
        OnballError: Ray cannot be started on this machine.
    """
    if ray.is_initialized():
        return False
    # Without an address, Ray would look for the last cluster of this machine, which may be gone.
    where = address or os.environ.get("RAY_ADDRESS") or "local"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # beside an error, Ray warns of what it is about
            ray.init(address=where, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:  # Ray raises bare ones too
        reason = " ".join(str(error).split())[:200]
        if where == "local":
            raise OnballError(f"Ray cannot be started here ({reason})") from error
        hint = "check the address"
        if where.startswith("ray://") and "RAY_AUTH_MODE" not in os.environ:
            # Ray's client does not say that the cluster wants a token.
            hint += (
                ", and set RAY_AUTH_MODE=token if the cluster wants its token (~/.ray/auth_token)"
            )
        raise InputError(f"{where}: no connection to Ray ({reason}): {hint}") from error
    return True


class RayEngine(Engine):
    """Run tasks on a Ray cluster.

    Args:
        address: `ray://HOST:PORT` of Ray's client server, `HOST:PORT` or `auto` on a machine of the
            cluster; None takes that of the environment variable RAY_ADDRESS, or else starts Ray on
            this machine. A connection that this process has already is used as it is.
        workers: number of tasks at the same time; None is as many as the cluster has room for.
        resources: what each task needs.

    Raises:
        InputError: there is no such cluster.
        OnballError: Ray cannot be started on this machine.
    """

    name = "ray"

    def __init__(
        self,
        address: str | None = None,
        workers: int | None = None,
        resources: Resources | None = None,
    ) -> None:
        self._resources = resources or Resources()
        self._workers = workers
        self._disconnect = connect(address)
        options = {"num_cpus": self._resources.cpus, "num_gpus": self._resources.gpus}
        self._answer = ray.remote(max_retries=0, **options)(answer)
        self._tasks: dict[Any, int] = {}
        self._room = 0
        self._looked = -_LOOK_S

    def capacity(self) -> int:
        if self._workers is not None:
            return self._workers
        if monotonic() - self._looked >= _LOOK_S:
            self._looked = monotonic()
            there = ray.cluster_resources()
            room = there.get("CPU", 0) / self._resources.cpus
            if self._resources.gpus:
                room = min(room, there.get("GPU", 0) / self._resources.gpus)
            self._room = max(1, int(room))
        return self._room + max(1, int(_QUEUED * self._room))

    def submit(self, tasks: Sequence[tuple[int, Task]]) -> None:
        for number, task in tasks:
            self._tasks[self._answer.remote(task)] = number

    def wait(self, timeout_s: float) -> Sequence[Ended]:
        waiting = list(self._tasks)
        if not waiting:
            sleep(timeout_s)
            return []
        ready, rest = ray.wait(waiting, num_returns=1, timeout=timeout_s)
        if rest:
            more, _ = ray.wait(rest, num_returns=len(rest), timeout=0)
            ready += more
        return [self._end(reference) for reference in ready]

    def close(self) -> None:
        for reference in self._tasks:
            with suppress(Exception):  # the cluster may be gone
                ray.cancel(reference, force=True)
        self._tasks.clear()
        if self._disconnect:
            ray.shutdown()

    def _end(self, reference: Any) -> Ended:
        number = self._tasks.pop(reference)
        try:
            result: Answer = ray.get(reference)
        except exceptions.RayTaskError as error:
            # `answer` raises nothing: the task could not be loaded there.
            reason = " ".join(str(error.cause).split())
            return Ended(number, Answer(error=f"a worker cannot load the task ({reason})"))
        except exceptions.RayError as error:
            return Ended(number, lost=_reason(error))
        return Ended(number, result)


def _reason(error: exceptions.RayError) -> str:
    """A few words for the loss of a worker."""
    known = {
        exceptions.OutOfMemoryError: "out of memory",
        exceptions.NodeDiedError: "its node is gone",
        exceptions.WorkerCrashedError: "its process died",
        exceptions.LocalRayletDiedError: "its node is gone",
    }
    for kind, text in known.items():
        if isinstance(error, kind):
            return text
    return type(error).__name__
