"""Measure how much faster two single-core workers spot an archive than one.

    python benchmarks/cluster_scaling.py                       # on an idle machine with two cores
    python benchmarks/cluster_scaling.py --engine ray --minutes 3 --matches 8 --least 1.8

Spots an archive that repeats the bundled sample match by `onball.spot_archive`, with one worker and with two,
in turns, and prints the median times and their ratio. Workers are started and have loaded the
model before; the results of both are compared byte for byte. Exit code 1 if the ratio is below `--least`.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from spot_memory import loop_sample

from onball import spot_archive
from onball.cluster.engine import Ended, Engine, Task
from onball.cluster.local import LocalEngine
from onball.spotting.results import RESULT_FILES


class Open(Engine):
    """An engine that stays open after an archive.

    Args:
        engine: the engine.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def capacity(self) -> int:
        return self._engine.capacity()

    def submit(self, tasks: Sequence[tuple[int, Task]]) -> None:
        self._engine.submit(tasks)

    def wait(self, timeout_s: float) -> Sequence[Ended]:
        return self._engine.wait(timeout_s)

    def close(self) -> None:
        """Keep the workers."""


def open_engine(name: str, workers: int) -> Engine:
    """Open an engine with a number of single-core workers on this machine."""
    if name == "local":
        return LocalEngine(workers)
    # An optional package.
    from onball.cluster.on_ray import RayEngine

    return RayEngine(workers=workers)


def spot(videos: Path, out: Path, engine: Engine) -> float:
    """Spot an archive; returns the seconds that it took."""
    begun = time.monotonic()
    for result in spot_archive(videos, out, cluster=Open(engine), model="demo"):
        assert not result.error, result.error
    return time.monotonic() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--engine", choices=("local", "ray"), default="local")
    parser.add_argument("--matches", type=int, default=8)
    parser.add_argument("--minutes", type=float, default=1, help="length of a match")
    parser.add_argument("--rounds", type=int, default=2, help="measurements of each")
    parser.add_argument("--size", default="398x224", help="of the videos")
    parser.add_argument("--least", type=float, default=1.8)
    options = parser.parse_args()
    width, _, height = options.size.partition("x")
    times: dict[int, list[float]] = {1: [], 2: []}
    with tempfile.TemporaryDirectory(prefix="onball-") as name, ExitStack() as engines:
        folder = Path(name)
        (folder / "warm").mkdir()
        (folder / "videos").mkdir()
        first = folder / "videos" / "match-0.mp4"
        loop_sample(first, options.minutes, (int(width), int(height)))
        for number in range(1, options.matches):
            shutil.copy(first, folder / "videos" / f"match-{number}.mp4")
        loop_sample(folder / "warm" / "0.mp4", 0.1, (int(width), int(height)))
        shutil.copy(folder / "warm" / "0.mp4", folder / "warm" / "1.mp4")
        opened = {n: engines.enter_context(open_engine(options.engine, n)) for n in times}
        for workers, engine in opened.items():
            spot(folder / "warm", folder / f"warm-{workers}", engine)
        for round_ in range(options.rounds):
            for workers, engine in opened.items():
                out = folder / f"{round_}-{workers}"
                seconds = spot(folder / "videos", out, engine)
                times[workers].append(seconds)
                rate = options.matches * options.minutes * 60 / seconds
                print(f"{workers} worker(s): {seconds:.1f} s, {rate:.1f} x real time", flush=True)
            for match in sorted((folder / "0-1").iterdir()):
                for file in RESULT_FILES:
                    same = (folder / f"{round_}-2" / match.name / file).read_bytes()
                    assert (match / file).read_bytes() == same, f"{match.name}/{file} differs"
    ratio = median(times[1]) / median(times[2])
    print(f"two workers are {ratio:.2f} times as fast as one; the results are the same")
    if ratio < options.least:
        sys.exit(1)


if __name__ == "__main__":
    main()
