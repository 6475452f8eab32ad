"""Threads that read and compute: results in order, bounded read-ahead, errors, ends, and threads of torch."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
import torch

from onball.spotting import workers as workers_module
from onball.spotting.workers import Workers

#: Nothing here takes this long, however slow the machine.
LIMIT_S = 120.0


def squares(workers: Workers, count: int) -> list[int]:
    with workers.session() as session:
        numbers = session.read_ahead(iter(range(count)))
        return list(session.in_order(lambda number: number**2, numbers))


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_results_are_in_order(threads):
    def delayed(number: int) -> int:
        time.sleep(0.002 * (number % 3))
        return number**2

    with Workers(threads).session() as session:
        numbers = session.read_ahead(range(40))
        assert list(session.in_order(delayed, numbers)) == [n**2 for n in range(40)]


def test_no_more_is_computed_at_once_than_memory_is_enough_for(monkeypatch):
    frames = np.zeros((2, 3, 4, 3), np.uint8)
    begun, running, most = 0, 0, 0
    lock = threading.Lock()

    def compute(_: np.ndarray) -> int:
        nonlocal begun, running, most
        with lock:
            begun += 1
            first = begun <= expected
            running += 1
            most = max(most, running)
        if first:
            together.wait()
        time.sleep(0.001)
        with lock:
            running -= 1
        return 1

    for fitting, expected in [(0, 1), (2, 2)]:
        monkeypatch.setattr(
            workers_module, "physical_memory", lambda n=fitting: 2 * n * 40 * frames.nbytes + 1
        )
        begun, most, together = 0, 0, threading.Barrier(expected, timeout=LIMIT_S)
        with Workers(4).session() as session:
            found = list(session.in_order(compute, [frames] * 12, lambda item: item))
        assert found == [1] * 12 and most == expected


@pytest.mark.parametrize("threads", [1, 3])
def test_little_is_read_ahead_of_the_consumer(threads):
    read = 0

    def numbers():
        nonlocal read
        for number in range(100):
            read += 1
            yield number

    with Workers(threads).session() as session:
        results = session.in_order(abs, session.read_ahead(numbers()))
        for _ in range(10):
            next(results)
        time.sleep(0.05)
        assert 10 <= read <= 10 + threads + 4


def test_parts_are_computed_at_the_same_time():
    both = threading.Barrier(2, timeout=LIMIT_S)
    with Workers(2).session() as session:
        assert len(list(session.in_order(lambda _: both.wait(), range(4)))) == 4


def test_ticks_pass_on_results_that_are_there():
    found: list[int | None] = []

    def ticks():
        yield 1
        ends_at = time.monotonic() + LIMIT_S
        while 1 not in found and time.monotonic() < ends_at:
            yield None
        assert 1 in found, "the result waits for the next item"
        yield 2

    with Workers(2).session() as session:
        for result in session.in_order(abs, ticks()):
            found.append(result)
    assert [number for number in found if number] == [1, 2]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("where", ["reading", "computing"])
def test_errors_reach_the_consumer_and_close_the_source(threads, where):
    closed = threading.Event()

    def numbers():
        try:
            yield from range(5)
            if where == "reading":
                raise KeyError("from the source")
            yield from range(5, 100)
        finally:
            closed.set()

    def compute(number: int) -> int:
        if where == "computing" and number == 7:
            raise KeyError("from the function")
        return number

    workers = Workers(threads)
    found = []
    with pytest.raises(KeyError, match="from the"), workers.session() as session:
        for result in session.in_order(compute, session.read_ahead(numbers())):
            found.append(result)
    assert found == list(range(5 if where == "reading" else 7))
    assert closed.wait(LIMIT_S)
    assert squares(workers, 3) == [0, 1, 4], "the workers can be used again"


def test_a_consumer_that_stops_leaves_nothing_running():
    running = threading.Semaphore(0)

    def compute(number: int) -> int:
        running.release()
        time.sleep(0.02)
        running.acquire()
        return number

    workers = Workers(2)
    with pytest.raises(KeyboardInterrupt), workers.session() as session:
        for _ in session.in_order(compute, session.read_ahead(range(100))):
            raise KeyboardInterrupt
    assert not running.acquire(blocking=False)


def test_workers_compute_with_one_thread_and_leave_the_setting_of_others():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with Workers(2).session() as session:
            found = list(session.in_order(lambda _: torch.get_num_threads(), range(6)))
            assert found == [1] * 6
            assert torch.get_num_threads() == 2
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_threads_of_one_spotter_have_the_scores_of_one_thread():
    """A recurrent net and a wide product, which torch would divide among threads."""
    torch.manual_seed(0)
    net = torch.nn.LSTM(32, 64, batch_first=True, bidirectional=True).eval()
    inputs = [
        np.random.default_rng(n).normal(size=(1, 40, 32)).astype(np.float32) for n in range(8)
    ]

    def compute(array: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return net(torch.from_numpy(array))[0].numpy()

    found = []
    for threads in (1, 3):
        with Workers(threads).session() as session:
            found.append(list(session.in_order(compute, inputs)))
    assert all(np.array_equal(*pair) for pair in zip(*found, strict=True))
