"""Measure what scheduling an archive costs: the real scheduler and engine, with tasks that do nothing.

    python benchmarks/cluster_scheduling.py                              # 10,000 matches, 100 workers, Ray
    python benchmarks/cluster_scheduling.py --engine local --workers 8 --matches 2000
    python benchmarks/cluster_scheduling.py --task-seconds 1             # tasks that sleep for a second

Ray is started on this machine with as many logical CPUs as workers, unless `--address` names a cluster.
Without `--task-seconds` all time is scheduling; as a fraction it is compared with the time that the same
workers need for the matches, each on one core at `--core-rate` times real time (docs/performance.md:
half of the rate of two cores). With `--task-seconds` it is compared with sleeping for that time. The
memory of the driver is read after each hundredth of the matches. Exit code 1 if the overhead is above
`--most-overhead`, or memory grows by more than `--most-growth` MB from the first tenth on.

Ray gives up starting on a machine that is too busy.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator

import psutil

from onball.cluster.engine import Engine, Resources, Task
from onball.cluster.local import LocalEngine
from onball.cluster.scheduling import Unit, run_units


def sleep(seconds: float) -> str:
    """Do nothing for some time."""
    if seconds:
        time.sleep(seconds)
    return "spotted"


def open_engine(name: str, workers: int, address: str | None) -> Engine:
    """Open an engine with a number of logical workers, on this machine unless it has an address."""
    if name == "local":
        return LocalEngine(workers)
    # An optional package.
    import ray

    from onball.cluster.on_ray import RayEngine

    if address is None:
        ray.init(num_cpus=workers, log_to_driver=False, include_dashboard=False)
    return RayEngine(address, resources=Resources(cpus=1))


def units(count: int, seconds: float) -> Iterator[Unit]:
    """Yield units of one task each, with names as an archive has them."""
    for number in range(count):
        name = f"season-match-{number:05d}_720p"
        yield Unit(name, ((Task(name, sleep, seconds),),))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--engine", choices=("ray", "local"), default="ray")
    parser.add_argument(
        "--address", help="of a Ray cluster that runs, with as many CPUs as workers"
    )
    parser.add_argument("--matches", type=int, default=10_000)
    parser.add_argument("--minutes", type=float, default=90, help="length of a match")
    parser.add_argument("--workers", type=int, default=100)
    parser.add_argument("--task-seconds", type=float, default=0)
    parser.add_argument(
        "--core-rate", type=float, default=4.3, help="multiple of real time of a core"
    )
    parser.add_argument("--most-overhead", type=float, default=0.02)
    parser.add_argument("--most-growth", type=float, default=20)
    options = parser.parse_args()
    process = psutil.Process()
    with open_engine(options.engine, options.workers, options.address) as engine:
        print(f"starting {options.workers} workers …", flush=True)
        begun = time.monotonic()
        warm = units(4 * options.workers, 0.2)
        assert all(result.value for result in run_units(engine, warm))
        print(f"workers started in {time.monotonic() - begun:.0f} s (not counted)", flush=True)

        memory: list[float] = []
        begun, cpu = time.monotonic(), process.cpu_times()
        work = units(options.matches, options.task_seconds)
        for done, result in enumerate(run_units(engine, work), 1):
            assert result.value == "spotted", result.error
            if done % max(1, options.matches // 100) == 0:
                memory.append(process.memory_info().rss / 2**20)
        wall = time.monotonic() - begun
        used = process.cpu_times()
    driver_s = used.user + used.system - cpu.user - cpu.system

    match_s = options.task_seconds or options.minutes * 60 / options.core_rate
    needed = options.matches * match_s / options.workers
    extra = wall - needed if options.task_seconds else wall
    tenth = memory[len(memory) // 10]
    growth = max(memory[len(memory) // 10 :]) - tenth
    print(
        f"{options.matches:,} tasks on {options.workers} workers of {options.engine}: {wall:.1f} s, "
        f"{options.matches / wall:,.0f} tasks/s; the driver computed for {driver_s:.1f} s"
    )
    print(f"overhead: {extra:.1f} s of {needed:,.0f} s, {extra / needed:.3%}")
    print(
        f"memory of the driver: {tenth:.1f} MB after a tenth, {memory[-1]:.1f} MB at the end, "
        f"{growth:.1f} MB more at most"
    )
    if extra / needed > options.most_overhead or growth > options.most_growth:
        sys.exit(1)


if __name__ == "__main__":
    main()
