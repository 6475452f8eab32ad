"""Engine of this machine: a process for each worker.

A process that is killed, runs out of memory or crashes in a decoder ends its own task only, and is
replaced. All workers end with the process that started them, however that ends.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from onball.cluster.engine import Answer, Ended, Engine, Resources, Task, answer
from onball.cores import available_cores
from onball.errors import InputError, describe_exception

#: Time that an idle worker has to end.
_PATIENCE_S = 5.0


class LocalEngine(Engine):
    """Run tasks in processes of this machine.

    Args:
        workers: number of processes; None is as many as the machine has cores, or GPUs, for.
        resources: what each task needs. With `gpus`, each process sees only its own GPUs.

    Raises:
        InputError: `workers` is below 1, or there are too few GPUs.
    """

    name = "local"

    def __init__(self, workers: int | None = None, resources: Resources | None = None) -> None:
        resources = resources or Resources()
        if workers is not None and workers < 1:
            raise InputError(f"{workers} workers: at least 1 is needed")
        devices = _devices(resources.gpus, workers) if resources.gpus else []
        if workers is None:
            workers = len(devices) or max(1, available_cores() // resources.cpus)
        # Not forked: threads of numerical libraries do not survive that.
        self._context = multiprocessing.get_context("spawn")
        self._free = [_Slot(devices[i] if devices else "") for i in reversed(range(workers))]
        self._workers = workers
        self._busy: dict[int, _Slot] = {}

    def capacity(self) -> int:
        return self._workers

    def submit(self, tasks: Sequence[tuple[int, Task]]) -> None:
        for number, task in tasks:
            slot = self._free.pop()
            if slot.process is None or not slot.process.is_alive():
                self._start(slot)
            assert slot.connection is not None
            # A process that ends just now is noticed by `wait`.
            with suppress(BrokenPipeError, ConnectionResetError):
                slot.connection.send(task)
            self._busy[number] = slot

    def wait(self, timeout_s: float) -> Sequence[Ended]:
        connections = {slot.connection: number for number, slot in self._busy.items()}
        ended = []
        # A connection is also ready when the process at its other end is gone.
        for connection in wait([one for one in connections if one is not None], timeout_s):
            assert isinstance(connection, Connection)
            number = connections[connection]
            slot = self._busy.pop(number)
            try:
                ended.append(Ended(number, connection.recv()))
            except (EOFError, OSError):
                ended.append(Ended(number, lost=slot.end()))
            self._free.append(slot)
        return ended

    def close(self) -> None:
        for slot in self._busy.values():
            slot.kill()
        for slot in (*self._busy.values(), *self._free):
            slot.end()
        self._busy.clear()

    def _start(self, slot: _Slot) -> None:
        slot.end()
        slot.connection, other = self._context.Pipe()
        slot.process = self._context.Process(target=_work, args=(other, slot.devices), daemon=True)
        slot.process.start()
        other.close()  # so that its end is noticed here


@dataclass(slots=True)
class _Slot:
    """Place of a worker.

    Attributes:
        devices: GPUs that it sees, as CUDA_VISIBLE_DEVICES has them; empty for all.
        process, connection: the worker, once it was started.
    """

    devices: str
    process: BaseProcess | None = None
    connection: Connection | None = None

    def kill(self) -> None:
        """Kill the worker, which is busy."""
        if self.process is not None:
            self.process.kill()

    def end(self) -> str:
        """End a worker that is idle or dying; returns how it ended."""
        if self.process is None or self.connection is None:
            return ""
        self.connection.close()
        self.process.join(_PATIENCE_S)
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()
        code = self.process.exitcode or 0
        self.process = self.connection = None
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _work(connection: Connection, devices: str) -> None:
    """Answer tasks until the connection is closed."""
    # Ctrl-C reaches all processes of a terminal; the first one ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if devices:
        os.environ["CUDA_VISIBLE_DEVICES"] = devices
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            task = connection.recv()
        except (EOFError, OSError):
            return
        except Exception as error:  # a function that cannot be imported here
            connection.send(Answer(error=describe_exception("task", error)))
            continue
        connection.send(answer(task))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _devices(gpus: float, workers: int | None) -> list[str]:
    """GPUs of each worker: several workers for one GPU, or several GPUs for one worker."""
    # Takes seconds, and nothing else here needs it.
    import torch

    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = visible.split(",") if visible else [str(i) for i in range(torch.cuda.device_count())]
    if gpus < 1:
        places = names * int(1 / gpus + 1e-6)  # spread over the GPUs first
    else:
        step = int(gpus)
        begins = range(0, len(names) - step + 1, step)
        places = [",".join(names[begin : begin + step]) for begin in begins]
    if len(places) < (workers or 1):
        raise InputError(
            f"this machine has {len(names)} GPUs, enough for {len(places)} workers with {gpus:g} each"
        )
    return places
