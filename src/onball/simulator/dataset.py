"""The files of one simulated match: video, labels, true tracks and cameras."""

from __future__ import annotations

import ctypes
import json
import multiprocessing
import signal
import sys
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from onball.data.layout import SPLITS_FILE, VIDEO_FILE, read_splits, write_splits
from onball.errors import DataError, InputError
from onball.files import atomic_folder, require_writable, write_text_atomic
from onball.formats.mot import write_mot_ground_truth
from onball.formats.soccernet import LABELS_FILE, write_labels
from onball.simulator.play.match import play_match
from onball.simulator.rendering import MatchPlan, MatchRenderer
from onball.simulator.truth import CAMERA_FILE, CameraWriter, TruthWriter
from onball.simulator.world import TICK_MS, Motion
from onball.tracks import TRACKS_FILE, TrackedVideo

#: Settings of a simulated match, beside its video.
SIMULATION_FILE = "simulation.json"
SIMULATOR_VERSION = 2
"""Another version makes other matches of the same seeds."""
_PROGRESS_EVERY = 125  # frames between two reports


@dataclass(frozen=True)
class Outputs:
    """What is written beside labels and tracks.

    Attributes:
        video: the film and its cameras; without it, tracks have no boxes.
        mot: MOTChallenge text.
    """

    video: bool = True
    mot: bool = False


def write_match(
    plan: MatchPlan, folder: Path, name: str, outputs: Outputs = Outputs(),
    motion: Motion | None = None,
) -> Iterator[int]:  # fmt: skip
    """Simulates one match into `folder`; yields the number of frames written, now and then.

    The match is written into a folder aside that is renamed when it is whole, so `folder` either does not
    exist or is complete. Same plan, same labels and pixels.

    Args:
        plan: which match.
        folder: where it goes.
        name: SoccerNet's name of the match.
        outputs: what is written.
        motion: a match that was recorded elsewhere, instead of a simulated one.
    """
    with atomic_folder(folder, exclusive=True) as aside:
        if outputs.video:
            film = MatchRenderer(plan, name=name, motion=motion)
            motion = film.motion
            yield from _write_film(film, aside)
            if outputs.mot:
                write_mot_ground_truth(aside / TRACKS_FILE, name=folder.name)
        else:
            motion = motion or play_match(
                plan.seed, plan.duration_ms, name=name, halves=plan.halves
            )
            _write_tracks(plan, motion, aside)
        write_labels(motion.events, aside / LABELS_FILE)
        write_text_atomic(
            aside / SIMULATION_FILE, json.dumps(_settings(plan, outputs), indent=2) + "\n"
        )
    yield plan.frames


def give_back_memory() -> None:
    """Hand freed memory back to the system, where the C library keeps it (glibc).

    Pictures need large arrays for a moment, between which glibc's heap grows: without this a process has
    twice as much memory after an hour of football as it needs.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def is_done(plan: MatchPlan, folder: Path, outputs: Outputs) -> bool:
    """True if that very match is there already; `DataError` if another one is."""
    if not folder.exists():
        return False
    try:
        there = json.loads((folder / SIMULATION_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        there = None
    if there != _settings(plan, outputs):
        raise DataError(
            f"{folder} holds a match made with other settings: choose another --out or delete it"
        )
    return True


def _settings(plan: MatchPlan, outputs: Outputs) -> dict[str, object]:
    return {"simulator": SIMULATOR_VERSION, **asdict(plan), **asdict(outputs)}


def _write_film(film: MatchRenderer, folder: Path) -> Iterator[int]:
    """Video, tracks and cameras, frame by frame: memory stays flat."""
    from onball.video.writing import VideoWriter

    plan = film.plan
    size = (plan.width, plan.height)
    k1 = film.look.distortion
    with ExitStack() as files:
        crf = 24 if plan.crf is None else plan.crf
        video = files.enter_context(VideoWriter(folder / VIDEO_FILE, size, plan.fps, crf=crf))
        tracks = files.enter_context(TruthWriter(folder / TRACKS_FILE, VIDEO_FILE))
        cameras = files.enter_context(CameraWriter(folder / CAMERA_FILE))
        for frame in range(plan.frames):
            time_ms = round(frame * 1000 / plan.fps)
            view = film.view(time_ms)
            video.write(film.frame(time_ms))
            shown = replace(film.state(view), time_ms=time_ms)
            tracks.add(shown, film.boxes(view), film.swapped(view.world_ms))
            cameras.add(time_ms, view.shot.value, view.world_ms, view.camera.matrix(*size), k1)
            if frame % _PROGRESS_EVERY == _PROGRESS_EVERY - 1:
                give_back_memory()
                yield frame + 1
        tracks.finish(_tracked_video(plan, cameras.cuts_ms))


def _write_tracks(plan: MatchPlan, motion: Motion, folder: Path) -> None:
    """Where everybody was at each tick, without any picture."""
    with TruthWriter(folder / TRACKS_FILE) as writer:
        half = 0
        for tick in range(motion.ticks):
            while half + 1 < len(motion.halves) and tick >= motion.halves[half + 1]:
                half += 1
            writer.add(motion.at(tick * TICK_MS), None, half % 2 == 1)
        writer.finish(_tracked_video(plan))


def _tracked_video(plan: MatchPlan, cuts_ms: Sequence[int] = ()) -> TrackedVideo:
    return TrackedVideo(plan.width, plan.height, plan.duration_ms, plan.fps, tuple(cuts_ms))


# --- Writes simulated data sets to disk in SoccerNet's layout, several matches at once, r


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
    from onball.simulator.paint.shapes import cv2

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
