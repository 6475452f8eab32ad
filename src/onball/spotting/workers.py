"""Threads that read a video and compute on its parts at the same time, with results in order.

    batches of frames → read_ahead → cut into parts → in_order (a function of each) → results

All work of all stages is done by the same few threads, one task each at a time, and each task computes
with a single thread: a pool of N threads never needs more than N cores, and the threads do not wait
for each other. Only the number of parts in memory is limited. The consumer of the results drives
everything: nothing is read or computed ahead of it by more than that.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from numpy.typing import NDArray

from onball.cores import physical_memory

#: Memory for the maps of a net's first layers, as a multiple of the size of its frames (uint8).
_MEMORY_PER_BYTE = 40

_T = TypeVar("_T")
_R = TypeVar("_R")


class Workers:
    """Pool of threads in which torch computes with one thread each.

    Any number of threads may use it at the same time. Its threads end when it is no longer used.

    Args:
        threads: number of threads, at least 1.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._pool = ThreadPoolExecutor(threads, "onball", initializer=_begin_worker)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Begin to submit tasks; at the end, tasks that wait are cancelled and others awaited."""
        session = Session(self._pool, self.threads)
        with _single_threads(self._pool):
            try:
                yield session
            finally:
                session.close()


class Session:
    """Tasks of one consumer, by the functions below. Made by `Workers.session`."""

    def __init__(self, pool: ThreadPoolExecutor, threads: int) -> None:
        self._pool = pool
        #: One part for each thread, and one that waits, so that no thread waits for the consumer. With a
        #: single thread this would only delay results.
        self._ahead = threads + 1 if threads > 1 else 0
        self._tasks: set[Future[Any]] = set()

    def read_ahead(self, batches: Iterable[_T]) -> Generator[_T]:
        """Yield the same items; the next one is made by a worker while this one is used."""
        items = iter(batches)
        task = self._submit(_next, items)
        try:
            while (item := task.result()) is not None:
                task = self._submit(_next, items)
                yield item[0]
        finally:
            # A generator cannot be closed while a worker runs it.
            if _finish([task]) and isinstance(items, Generator):
                items.close()

    def in_order(
        self,
        function: Callable[[_T], _R],
        items: Iterable[_T | None],
        frames_of: Callable[[_T], NDArray[Any]] | None = None,
    ) -> Iterator[_R | None]:
        """Yield `function(item)` of each item, in order, computed by several workers.

        A result is yielded as soon as it is there and the next item is, at the latest after a few more
        items. None among the items is an occasion to look for results, and is passed on. If the items
        end with an error, the results of those before it are yielded first.

        Args:
            function: called in a worker.
            items: what it is called with.
            frames_of: frames of an item, for a function that needs much memory: the items that are
                computed at the same time may have as many as half of the memory is enough for.
        """
        pending: deque[Future[_R]] = deque()
        most = self._ahead + 1
        error: Exception | None = None
        iterator = iter(items)
        while True:
            try:
                item = next(iterator)
            except StopIteration:
                break
            except Exception as caught:
                error = caught
                break
            if item is not None:
                if frames_of is not None:
                    most = min(self._ahead + 1, _most_at_once(frames_of(item).nbytes))
                while len(pending) >= most:
                    yield pending.popleft().result()
                pending.append(self._submit(function, item))
            while pending and (self._ahead == 0 or pending[0].done()):
                yield pending.popleft().result()
            if item is None:
                yield None
        while pending:
            yield pending.popleft().result()
        if error is not None:
            raise error

    def _submit(self, function: Callable[..., _R], *arguments: object) -> Future[_R]:
        task = self._pool.submit(function, *arguments)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def close(self) -> None:
        """Cancel the tasks that wait, and wait for those that run."""
        _finish(list(self._tasks))


def _finish(tasks: Sequence[Future[Any]]) -> bool:
    """Cancel tasks or wait for them; returns False if some may still run.

    An abandoned consumer can be closed by the garbage collector in one of the workers, which cannot
    wait for itself.
    """
    for task in tasks:
        task.cancel()
    if getattr(_thread, "is_worker", False):
        return all(task.done() for task in tasks)
    wait(tasks)
    return True


def _most_at_once(frame_bytes: int) -> int:
    """Number of chunks of frames of that size to compute at the same time."""
    memory = physical_memory()
    if memory is None or frame_bytes == 0:
        return sys.maxsize
    return max(1, memory // 2 // (_MEMORY_PER_BYTE * frame_bytes))


def _next(items: Iterator[_T]) -> tuple[_T] | None:
    """The next item in a tuple; None at the end."""
    for item in items:
        return (item,)
    return None


_thread = threading.local()


def _begin_worker() -> None:
    _thread.is_worker = True
    torch.set_num_threads(1)


_lock = threading.Lock()
_sessions = 0
_threads_before = 1


@contextmanager
def _single_threads(pool: ThreadPoolExecutor) -> Iterator[None]:
    """Let each thread of a pool compute with one thread, and restore the setting at the end.

    Torch keeps it for each thread, but that of the matrix multiplication (MKL) is common to all: the
    first session in the process sets it, in a thread of its pool, and the last one restores it.
    """
    global _sessions, _threads_before
    with _lock:
        _sessions += 1
        if _sessions == 1:
            _threads_before = torch.get_num_threads()
            pool.submit(torch.set_num_threads, 1).result()
    try:
        yield
    finally:
        with _lock:
            _sessions -= 1
            if _sessions == 0:
                torch.set_num_threads(_threads_before)
