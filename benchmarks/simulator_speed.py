"""Measure the speed of simulating, painting and encoding matches, and the memory of a long one.

    python benchmarks/simulator_speed.py [--seconds 60] [--no-memory]

Prints frames per second and core of the whole simulator (physics, painting, truth, encoding), the
speed-up of two processes over one, and the memory of a match of 45 minutes and of one of 5 minutes, each
in a separate process.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import psutil

from onball.simulator.dataset import write_match
from onball.simulator.rendering import MatchPlan

MEMORY_FPS = 2.0  # memory depends on the length of the match, not on its number of frames


def render(seed: int, seconds: float, fps: float, folder: Path, ready: Any, results: Any) -> None:
    """Render one match; put processor seconds and memory over time (MB) into the queue `results`."""
    cv2.setNumThreads(1)
    plan = MatchPlan(seed, round(seconds * 1000), fps=fps)
    process = psutil.Process()
    memory: list[float] = []
    ready.wait()
    begin = time.process_time()
    write_match(
        plan,
        folder / f"{seed}-{seconds}",
        "match",
        progress=lambda _: memory.append(process.memory_info().rss / 1e6),
    )
    results.put((time.process_time() - begin, memory))


def run(
    seeds: list[int], seconds: float, fps: float
) -> tuple[float, list[tuple[float, list[float]]]]:
    """Render matches in parallel; return wall seconds and the result of each process."""
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        ready, results = context.Barrier(len(seeds) + 1), context.Queue()
        workers = [
            context.Process(target=render, args=(seed, seconds, fps, Path(folder), ready, results))
            for seed in seeds
        ]
        for worker in workers:
            worker.start()
        ready.wait()
        begin = time.perf_counter()
        reports = [results.get() for _ in workers]
        for worker in workers:
            worker.join()
        return time.perf_counter() - begin, reports


def main() -> None:
    """Measure speed and memory and print both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--memory", action=argparse.BooleanOptionalAction, default=True)
    options = parser.parse_args()
    frames = options.seconds * 25
    alone, [(processor, _)] = run([1], options.seconds, 25)
    both, _ = run([1, 1000], options.seconds, 25)
    print(f"398x224 at 25 fps, {frames:.0f} frames with physics, truth and encoding")
    print(f"one process: {frames / alone:.0f} frames/s, {frames / processor:.0f} per core second")
    print(f"two processes: {2 * frames / both:.0f} frames/s, {2 * alone / both:.2f} times one")
    if not options.memory:
        return
    peaks = {}
    for minutes in (5, 45):
        _, [(_, memory)] = run([1], minutes * 60, MEMORY_FPS)
        peaks[minutes] = max(memory)
        half = memory[len(memory) // 2]
        print(
            f"{minutes:2d} minutes: peak {max(memory):.0f} MB, halfway {half:.0f}, end {memory[-1]:.0f}"
        )
    print(f"45 minutes against 5: {peaks[45] / peaks[5]:.2f}")


if __name__ == "__main__":
    main()
