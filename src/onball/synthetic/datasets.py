"""Writes simulated data sets to disk in SoccerNet's layout, several matches at once, resumable.

ROOT/splits.json
ROOT/simulated/seed-<S>/<match>/{224p.mp4, Labels-ball.json, tracks.parquet, camera.parquet, simulation.json}
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Generator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from onball.data.layout import SPLITS_FILE, read_splits, write_splits
from onball.errors import InputError
from onball.files import require_writable
from onball.synthetic.film import MatchPlan
from onball.synthetic.match_files import Outputs, is_done, write_match

SPLITS = ("train", "valid", "test")
_SEEDS_PER_SPLIT = 1000

#: What varies between matches: sizes of video, frame rates, and how hard it is compressed.
SIZES = ((398, 224), (480, 270), (640, 360), (854, 480), (1280, 720))
RATES = (25.0, 30000 / 1001, 50.0)
CRF_RANGE = (20, 36)


@dataclass(frozen=True)
class Preset:
    """A data set by name: how many matches of which length in each split."""

    counts: dict[str, int]
    minutes: float
    halves: int
    seed: int
    size: tuple[int, int] = (398, 224)


PRESETS: dict[str, Preset] = {
    "tiny": Preset({"train": 2, "valid": 1, "test": 1}, 0.25, 1, 0, (128, 72)),
    "bench": Preset({"train": 4, "valid": 1, "test": 2}, 20.0, 2, 2025),
    "full": Preset({"train": 4, "valid": 1, "test": 2}, 90.0, 2, 2025),
}
"""`tiny` is for tests, `bench` is the benchmark on which systems are compared, `full` is as long as real
matches are. Their matches have fixed seeds."""


def plan_dataset(
    seed: int, counts: dict[str, int], plan: MatchPlan, *, vary: bool = False
) -> dict[str, dict[str, MatchPlan]]:
    """The matches of each split: name (`simulated/seed-<S>/<match>`) to plan.

    Match k of a split always has the same seed, whatever the number of matches, and no two splits or
    data set seeds share one. A plan with `crf` None gets one of its own in each match; with `vary`,
    so do size and frame rate.
    """
    splits: dict[str, dict[str, MatchPlan]] = {}
    for index, split in enumerate(SPLITS):
        if not 0 <= counts.get(split, 0) <= _SEEDS_PER_SPLIT:
            raise InputError(
                f"{split}: {counts[split]} matches; 0 to {_SEEDS_PER_SPLIT} are possible"
            )
        splits[split] = {}
        for number in range(counts.get(split, 0)):
            match_seed = (seed * len(SPLITS) + index) * _SEEDS_PER_SPLIT + number
            name = f"simulated/seed-{seed}/{split}-{number + 1:03d} - Home - Away"
            splits[split][name] = _settle(replace(plan, seed=match_seed), vary)
    return splits


def _settle(plan: MatchPlan, vary: bool) -> MatchPlan:
    """Chooses what the plan leaves open, by its seed."""
    rng = np.random.default_rng([plan.seed, 0xF11])
    crf = int(rng.integers(CRF_RANGE[0], CRF_RANGE[1] + 1))
    if plan.crf is None:
        plan = replace(plan, crf=crf)
    if vary:
        width, height = SIZES[int(rng.integers(len(SIZES)))]
        fps = RATES[int(rng.integers(len(RATES)))]
        plan = replace(plan, width=width, height=height, fps=fps)
    return plan


def _start_worker() -> None:
    """A worker leaves Ctrl-C to its parent, and one core to each of the others."""
    from onball.synthetic.picture.opencv import cv2

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)


def _work(plan: MatchPlan, folder: Path, name: str, outputs: Outputs, queue: Any) -> None:
    """What a worker process does: one match."""
    written = 0
    for frames in write_match(plan, folder, name, outputs):
        queue.put(frames - written)
        written = frames


def write_dataset(
    root: Path,
    splits: dict[str, dict[str, MatchPlan]],
    *,
    processes: int = 1,
    outputs: Outputs = Outputs(),
) -> Generator[int, None, None]:
    """Writes the data set, `processes` matches at a time; matches that exist already are kept.

    Matches that `ROOT/splits.json` lists already stay in it. Yields the number of frames that were
    written since the last time, so that the sum over all yields is `sum(plan.frames)` over the matches
    that were missing.

    Raises `DataError` if a folder holds another match of that name, `MissingDependencyError` if the
    painter's packages are not installed.
    """
    # Here and not only in the workers, where a missing package would be told once for each match.
    import onball.synthetic.picture.painter
    import onball.synthetic.truth.tracks  # noqa: F401

    missing = missing_matches(root, splits, outputs)
    require_writable(root)
    write_splits(root, _with_former(root, splits))
    context = multiprocessing.get_context("spawn")
    with (
        context.Manager() as manager,
        ProcessPoolExecutor(processes, context, initializer=_start_worker) as pool,
    ):
        queue = manager.Queue()
        running: set[Future[None]] = {
            pool.submit(_work, plan, root / name, name, outputs, queue)
            for name, plan in missing.items()
        }
        try:
            while running:
                done, running = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
                while not queue.empty():
                    yield queue.get()
                for future in done:
                    future.result()
        except BaseException:
            # The matches under way are made anew next time: nobody waits for their end.
            workers = list((pool._processes or {}).values())
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in workers:
                worker.terminate()
            raise
        while not queue.empty():
            yield queue.get()


def _with_former(root: Path, splits: dict[str, dict[str, MatchPlan]]) -> dict[str, list[str]]:
    """The names of each split: those that `splits.json` lists already, then the new ones."""
    former = read_splits(root) if (root / SPLITS_FILE).exists() else {}
    names = {split: list(listed) for split, listed in former.items()}
    for split, matches in splits.items():
        known = names.setdefault(split, [])
        known += [name for name in matches if name not in known]
    return names


def missing_matches(
    root: Path, splits: dict[str, dict[str, MatchPlan]], outputs: Outputs = Outputs()
) -> dict[str, MatchPlan]:
    """The matches that are not on disk yet, by name."""
    return {
        name: plan
        for matches in splits.values()
        for name, plan in matches.items()
        if not is_done(plan, root / name, outputs)
    }
