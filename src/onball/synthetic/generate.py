"""Writes simulated matches to disk in SoccerNet's layout, several at once, resumable.

ROOT/splits.json
ROOT/simulated/seed-<S>/<match>/{224p.mp4, Labels-ball.json, tracks.parquet, simulation.json}
"""

from __future__ import annotations

import json
import multiprocessing
import shutil
import signal
from collections.abc import Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from onball.actions import Action
from onball.data.layout import SPLITS_FILE, VIDEO_FILE, read_splits, write_splits
from onball.errors import DataError, InputError
from onball.events import Event, Team
from onball.files import require_writable, write_text_atomic
from onball.formats.soccernet import LABELS_FILE, write_labels
from onball.synthetic.camera import CameraPath, Station
from onball.synthetic.look import Look
from onball.synthetic.play import play_match

SPLITS = ("train", "valid", "test")
_SEEDS_PER_SPLIT = 1000
_PROGRESS_EVERY = 125  # frames between two reports of a worker


@dataclass(frozen=True)
class MatchPlan:
    """One match to simulate: the video's settings and the seed that decides everything else."""

    seed: int
    duration_ms: int
    width: int = 398
    height: int = 224
    fps: float = 25.0
    crf: int = 24

    @property
    def frames(self) -> int:
        """Number of frames of the video."""
        return max(1, round(self.duration_ms * self.fps / 1000))


def plan_dataset(
    seed: int, counts: dict[str, int], plan: MatchPlan
) -> dict[str, dict[str, MatchPlan]]:
    """The matches of each split: name (`simulated/seed-<S>/<match>`) to plan.

    Match k of a split always has the same seed, whatever the number of matches, and no two splits or
    data set seeds share one.
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
            splits[split][name] = MatchPlan(**{**asdict(plan), "seed": match_seed})
    return splits


def render_match(plan: MatchPlan, folder: Path, name: str) -> Iterator[int]:
    """Simulates and paints one match into `folder`; yields the number of frames written, now and then.

    The match is written into a folder aside that is renamed when it is whole, so `folder` either does not
    exist or is complete. Same plan, same labels and pixels.
    """
    from onball.synthetic.boxes import boxes
    from onball.synthetic.painter import Painter
    from onball.synthetic.tracks import TrackWriter
    from onball.video.writer import VideoWriter

    aside = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    motion = play_match(plan.seed, plan.duration_ms, name=name)
    cameras = CameraPath(motion, Station.random(plan.seed))
    painter = Painter(Look.random(plan.seed), plan.width, plan.height)
    goals = [event for event in motion.events if event.label is Action.GOAL]
    with (
        VideoWriter(aside / VIDEO_FILE, (plan.width, plan.height), plan.fps, crf=plan.crf) as video,
        TrackWriter(aside / "tracks.parquet") as tracks,
    ):
        for frame in range(plan.frames):
            time_ms = round(frame * 1000 / plan.fps)
            moment, camera = motion.at(time_ms), cameras.at(time_ms)
            video.write(
                painter.paint(moment, camera, clock_ms=time_ms, score=_score(goals, time_ms))
            )
            tracks.add(moment, boxes(moment, camera, plan.width, plan.height))
            if frame % _PROGRESS_EVERY == _PROGRESS_EVERY - 1:
                yield frame + 1
    write_labels(motion.events, aside / LABELS_FILE)
    write_text_atomic(aside / "simulation.json", json.dumps(asdict(plan), indent=2) + "\n")
    aside.rename(folder)
    yield plan.frames


def _score(goals: list[Event], time_ms: int) -> tuple[int, int]:
    past = [goal.team for goal in goals if goal.position_ms <= time_ms]
    return past.count(Team.LEFT), past.count(Team.RIGHT)


def _is_done(plan: MatchPlan, folder: Path) -> bool:
    """True if that very match is there already; an error if another one is."""
    if not folder.exists():
        return False
    try:
        there = json.loads((folder / "simulation.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        there = None
    if there != asdict(plan):
        raise DataError(
            f"{folder} holds a match made with other settings: choose another --out or delete it"
        )
    return True


def _start_worker() -> None:
    """A worker leaves Ctrl-C to its parent, and one core to each of the others."""
    from onball.synthetic.opencv import cv2

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)


def _work(plan: MatchPlan, folder: Path, name: str, queue: Any) -> None:
    """What a worker process does: one match."""
    written = 0
    for frames in render_match(plan, folder, name):
        queue.put(frames - written)
        written = frames


def write_dataset(
    root: Path, splits: dict[str, dict[str, MatchPlan]], *, processes: int = 1
) -> Generator[int, None, None]:
    """Writes the data set, `processes` matches at a time; matches that exist already are kept.

    Matches that `ROOT/splits.json` lists already stay in it. Yields the number of frames that were
    written since the last time, so that the sum over all yields is `sum(plan.frames)` over the matches
    that were missing.

    Raises `DataError` if a folder holds another match of that name, `MissingDependencyError` if the
    painter's packages are not installed.
    """
    # Here and not only in the workers, where a missing package would be told once for each match.
    import onball.synthetic.painter
    import onball.synthetic.tracks  # noqa: F401

    missing = missing_matches(root, splits)
    require_writable(root)
    write_splits(root, _with_former(root, splits))
    context = multiprocessing.get_context("spawn")
    with (
        context.Manager() as manager,
        ProcessPoolExecutor(processes, context, initializer=_start_worker) as pool,
    ):
        queue = manager.Queue()
        running: set[Future[None]] = {
            pool.submit(_work, plan, root / name, name, queue) for name, plan in missing.items()
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


def missing_matches(root: Path, splits: dict[str, dict[str, MatchPlan]]) -> dict[str, MatchPlan]:
    """The matches that are not on disk yet, by name."""
    return {
        name: plan
        for matches in splits.values()
        for name, plan in matches.items()
        if not _is_done(plan, root / name)
    }
