"""Simulated data sets on disk, in SoccerNet's layout: labels, video, true tracks and cameras.

`simulate` is the Python form of `onball simulate`. It plans the matches of a data set, keeps those that
are on disk already, and writes the others, several at a time.
"""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from multiprocessing.queues import Queue
from pathlib import Path

from onball.cores import available_cores
from onball.data.layout import SPLITS_FILE, VIDEO_FILE, read_splits, write_splits
from onball.errors import DataError, InputError, OnballError
from onball.files import atomic_folder, read_json_object, require_writable, write_text_atomic
from onball.formats.camera_parquet import CAMERA_FILE
from onball.formats.mot import write_mot_ground_truth
from onball.formats.soccernet import LABELS_FILE, write_labels
from onball.outputs import OutputConflictError, differences, output_lock
from onball.progress import Progress, ProgressCallback, no_progress
from onball.simulator.look.look import Variety, named_variety
from onball.simulator.painting import (
    PainterEndedError,
    release_free_memory,
    rendered_frames,
    start_worker,
)
from onball.simulator.planning import DEFAULTS, PRESETS, plan_dataset
from onball.simulator.play.match import MOST_RARE, play_match
from onball.simulator.rendering import DEFAULT_CRF, MatchPlan, MatchRenderer, RenderedFrame
from onball.simulator.truth import CameraWriter, TruthWriter
from onball.simulator.world import TICK_MS, Motion
from onball.tracks import TRACKS_FILE, TrackedVideo
from onball.video.writing import VideoWriter

SIMULATION_FILE = "simulation.json"
"""Settings of a simulated match, beside its video."""
SIMULATOR_VERSION = 2
"""Changes whenever the same seed gives another match."""
_PROGRESS_EVERY = 25  # frames
#: Length of matches, with and without rendering, that takes longer to simulate than a process to start.
_WORTH_A_PROCESS_MS = {True: 20_000, False: 300_000}


@dataclass(frozen=True)
class Outputs:
    """Files written beside labels and tracks.

    Attributes:
        video: video, `camera.parquet`, and boxes in the tracks.
        mot: MOTChallenge text.
        boxes: without a video, cameras and boxes as if there were one; otherwise tracks have positions
            on the pitch alone.
    """

    video: bool = True
    mot: bool = False
    boxes: bool = False


@dataclass(frozen=True)
class SimulatedDataset:
    """Result of `simulate`.

    Attributes:
        root: folder of the data set.
        matches: names of all requested matches.
        written: names of those that this call wrote; the others were complete already.
        total: number of matches in the data set, also those of earlier calls.
    """

    root: Path
    matches: tuple[str, ...]
    written: tuple[str, ...]
    total: int

    @property
    def kept(self) -> tuple[str, ...]:
        """Names of the requested matches that were complete already."""
        return tuple(name for name in self.matches if name not in self.written)


def simulate(
    out: str | Path,
    preset: str | None = None,
    *,
    train: int | None = None,
    valid: int | None = None,
    test: int | None = None,
    minutes: float | None = None,
    halves: int | None = None,
    seed: int | None = None,
    size: tuple[int, int] | None = None,
    fps: float = 25.0,
    crf: int | None = None,
    vary: bool = False,
    cuts: bool = True,
    look: str = "standard",
    rare: float = 1.0,
    video: bool = True,
    mot: bool = False,
    boxes: bool = False,
    processes: int = 0,
    tracking: str | Path | None = None,
    events: str | Path | None = None,
    tracking_provider: str | None = None,
    tracking_meta: str | Path | None = None,
    events_provider: str | None = None,
    events_meta: str | Path | None = None,
    overwrite: bool = False,
    progress: ProgressCallback = no_progress,
) -> SimulatedDataset:
    """Simulate a data set in SoccerNet's layout, or render one recorded match into it.

    The same arguments give the same labels and pixels. A call that was interrupted leaves no partial
    match behind; the same call continues with the missing matches. Complete matches of the same
    settings are skipped, also if their labels were edited since. A call with another seed adds its
    matches to those of earlier calls in the same folder, and to the splits.

    Several matches at a time are written in processes of their own, which import the calling program: it
    needs `if __name__ == "__main__":`, as with `multiprocessing`.

    Args:
        out: folder of the data set.
        preset: name of one of `PRESETS`, whose values the other arguments override. Without it: two
            matches for training, one for validation, one for testing, of 10 minutes each.
        train: number of matches for training.
        valid: number of matches for validation.
        test: number of matches for testing.
        minutes: length of each match; of a recorded match, how much of it is rendered (default: all).
        halves: 1, or 2 with a change of sides.
        seed: seed of the data set; no two seeds share a match.
        size: width and height of the video, even numbers of pixels.
        fps: frames per second.
        crf: constant rate factor of x264, 0 to 51; None chooses 20 to 36 for each match.
        vary: choose one of `SIZES` and `RATES` for each match.
        cuts: show close-ups and replays in dead time.
        look: `standard`, or `broad`: looks and cameras that vary as much as real broadcasts.
        rare: how many times as often as in real matches rare actions occur, such as shots, goals, tackles
            and free kicks, as far as play allows: see `onball.simulator.play.match.play_match`.
        video: write videos; False writes labels and tracks only, which is fast.
        mot: also write MOTChallenge text; needs `video`.
        boxes: without videos, write the boxes and cameras that videos would have, on which models that
            take tracks alone can be trained.
        processes: number of processes that simulate: one for each match at a time, and if there are more
            than matches, several paint the frames of each. 0 for one per core, or fewer if the
            matches are short.
        tracking: file of tracking data of a recorded match, to render instead of simulated ones.
        events: file of its events.
        tracking_provider: name of the format of `tracking`; None detects it.
        tracking_meta: file of metadata that some formats of tracking data need.
        events_provider: name of the format of `events`; None detects it.
        events_meta: file of metadata that some formats of events need.
        overwrite: write all matches again, and replace those of other settings.
        progress: called with the number of frames written.

    Raises:
        InputError: if the arguments contradict each other or a file cannot be read.
        OutputConflictError: if a match of the same name with other settings exists.
        OutputLockedError: if another process is writing into the folder.
        MissingDependencyError: if `tracking` is given and kloppy is not installed.
    """
    if mot and not video:
        raise InputError("--mot needs a video: leave --no-video out")
    if boxes and video:
        raise InputError("--boxes is for --no-video: with a video, there are boxes anyway")
    if not 1 <= rare <= MOST_RARE:
        raise InputError(f"--rare {rare:g}: 1 to {MOST_RARE:g} are possible")
    if rare != 1 and tracking is not None:
        raise InputError("--rare is for simulated matches: a recorded match has its own actions")
    if preset is not None and preset not in PRESETS:
        raise InputError(f"unknown preset '{preset}': choose one of {', '.join(PRESETS)}")
    base = DEFAULTS if preset is None else PRESETS[preset]
    width, height = base.size if size is None else size
    plan = MatchPlan(
        seed=base.seed if seed is None else seed,
        duration_ms=round((minutes or base.minutes) * 60_000),
        width=width,
        height=height,
        fps=fps,
        crf=crf,
        halves=base.halves if halves is None else halves,
        cuts=cuts,
        look=named_variety(look),
        rare=rare,
    )
    root, outputs = Path(out), Outputs(video=video, mot=mot, boxes=boxes)
    if tracking is not None:
        from onball.simulator.recorded.match import recorded_motion  # needs the optional kloppy

        name = f"recorded/matches/{Path(tracking).stem}"
        plan = replace(plan, crf=DEFAULT_CRF if crf is None else crf)
        recording = {
            "tracking": Path(tracking).name,
            "events": None if events is None else Path(events).name,
            "minutes": minutes,
        }
        if not overwrite and _is_complete(plan, root / name, outputs, recording):
            return SimulatedDataset(root, (name,), (), _count_matches(root))
        motion = recorded_motion(
            Path(tracking),
            None if events is None else Path(events),
            provider=tracking_provider,
            meta=None if tracking_meta is None else Path(tracking_meta),
            events_provider=events_provider,
            events_meta=None if events_meta is None else Path(events_meta),
            duration_ms=None if minutes is None else plan.duration_ms,
            name=name,
        )
        length = replace(plan, duration_ms=motion.ticks * TICK_MS)
        painters = processes or _suitable_processes({"test": {name: length}}, outputs)
        write_recording(
            root, name, motion, plan, outputs, recording, painters=painters, progress=progress
        )
        return SimulatedDataset(root, (name,), (name,), _count_matches(root))
    if events is not None:
        raise InputError("--events needs --tracking: where were the players?")
    given = {"train": train, "valid": valid, "test": test}
    counts = {split: base.counts[split] if n is None else n for split, n in given.items()}
    splits = plan_dataset(plan.seed, counts, plan, vary=vary)
    written = write_dataset(
        root,
        splits,
        processes=processes or _suitable_processes(splits, outputs),
        outputs=outputs,
        overwrite=overwrite,
        progress=progress,
    )
    matches = tuple(name for plans in splits.values() for name in plans)
    return SimulatedDataset(root, matches, written, _count_matches(root))


def _suitable_processes(splits: dict[str, dict[str, MatchPlan]], outputs: Outputs) -> int:
    """Number of processes: one per core, unless starting a process takes longer."""
    total_ms = sum(plan.duration_ms for plans in splits.values() for plan in plans.values())
    worth_ms = _WORTH_A_PROCESS_MS[outputs.video or outputs.boxes]
    return max(1, min(available_cores(), total_ms // worth_ms))


def missing_matches(
    root: Path, splits: dict[str, dict[str, MatchPlan]], outputs: Outputs = Outputs()
) -> dict[str, MatchPlan]:
    """Plans of the matches that are not on disk yet, by name.

    Raises:
        OutputConflictError: if a match with the same name and other settings exists.
    """
    return {
        name: plan
        for matches in splits.values()
        for name, plan in matches.items()
        if not _is_complete(plan, root / name, outputs)
    }


def _is_complete(
    plan: MatchPlan, folder: Path, outputs: Outputs, recording: Mapping[str, object] | None = None
) -> bool:
    """Return True if the match is on disk. Raises `OutputConflictError` if it is another one.

    The settings beside the video are the record of the match: no other is needed.
    """
    if not folder.exists():
        return False
    try:
        found = read_json_object(folder / SIMULATION_FILE, DataError)
    except DataError:
        raise OutputConflictError(
            f"{folder}: is there and was not simulated: --overwrite replaces it, or choose another "
            "--out"
        ) from None
    wanted = _settings(plan, outputs, recording)
    if recording is not None:  # whose own length it is
        found, wanted = (
            {key: value for key, value in settings.items() if key not in ("duration_ms", "halves")}
            for settings in (found, wanted)
        )
    changes = differences(found, wanted)
    if changes:
        raise OutputConflictError(
            f"{folder}: holds a match with {changes}: --overwrite replaces it, or choose another "
            "--out"
        )
    return True


def _settings(
    plan: MatchPlan, outputs: Outputs, recording: Mapping[str, object] | None = None
) -> dict[str, object]:
    settings: dict[str, object] = {
        "simulator": SIMULATOR_VERSION,
        **asdict(plan),
        **asdict(outputs),
    }
    # Data sets from before there were these settings are continued.
    for name, usual in (("look", Variety.STANDARD), ("rare", 1.0), ("boxes", False)):
        if settings[name] == usual:
            del settings[name]
    return settings if recording is None else {**settings, "recording": dict(recording)}


# Writing


def write_dataset(
    root: Path,
    splits: dict[str, dict[str, MatchPlan]],
    *,
    processes: int = 1,
    outputs: Outputs = Outputs(),
    overwrite: bool = False,
    progress: ProgressCallback = no_progress,
) -> tuple[str, ...]:
    """Write the matches of a data set that are missing, and list all in `ROOT/splits.json`.

    Args:
        root: folder of the data set.
        splits: for each split, the plans by name of the match.
        processes: number of processes. Matches written at the same time have a process each; if there
            are more processes than matches, several paint the frames of each.
        outputs: files written beside labels and tracks.
        overwrite: write all matches, also those that are there.
        progress: called with the number of frames of all missing matches together.

    Returns:
        Names of the matches written.

    Raises:
        OutputConflictError: if a match with the same name and other settings exists.
        OutputLockedError: if another process is writing into the folder.
        OnballError: if the folder cannot be written, or a process was killed.
    """
    with output_lock(root):
        if overwrite:
            missing = {name: plan for plans in splits.values() for name, plan in plans.items()}
        else:
            missing = missing_matches(root, splits, outputs)
        require_writable(root)
        _list_matches(root, {split: list(matches) for split, matches in splits.items()})
        if missing:
            _write_matches(root, missing, processes, outputs, progress)
    return tuple(missing)


def _write_matches(
    root: Path,
    plans: Mapping[str, MatchPlan],
    processes: int,
    outputs: Outputs,
    progress: ProgressCallback,
) -> None:
    """Write matches by name, each in a process of its own if there are several at a time."""
    workers = min(processes, len(plans))
    painters = processes // workers
    task = f"{len(plans)} matches, {workers} at once"
    done, total = 0, sum(plan.frames for plan in plans.values())
    if workers == 1:
        for name, plan in plans.items():
            before = done

            def report(match: Progress, before: int = before) -> None:
                progress(Progress(task, before + match.done, total, "frames"))

            try:
                write_match(plan, root / name, name, outputs, painters=painters, progress=report)
            except PainterEndedError:
                raise _process_killed() from None
            done += plan.frames
        return
    context = multiprocessing.get_context("spawn")
    frames: Queue[int] = context.Queue()
    with ProcessPoolExecutor(workers, context, _start_worker, (frames,)) as pool:
        running: set[Future[None]] = {
            pool.submit(_write_in_worker, plan, root / name, name, outputs, painters)
            for name, plan in plans.items()
        }
        try:
            while running:
                finished, running = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
                while not frames.empty():
                    done += frames.get()
                    progress(Progress(task, done, total, "frames"))
                for future in finished:
                    future.result()
        except BaseException as error:
            # Unfinished matches are simulated again by the next call: do not wait for them.
            processes_left = list((pool._processes or {}).values())
            pool.shutdown(wait=False, cancel_futures=True)
            for process in processes_left:
                process.terminate()
            if isinstance(error, BrokenProcessPool | PainterEndedError):
                raise _process_killed() from error
            raise
    progress(Progress(task, total, total, "frames"))


def _process_killed() -> OnballError:
    return OnballError(
        "a process that simulated a match was killed, perhaps for lack of memory: the same call "
        "continues; processes=1 (--processes 1) needs the least memory"
    )


def _start_worker(frames: Queue[int]) -> None:
    """Prepare a worker process, see `start_worker`."""
    global _frames
    _frames = frames
    start_worker()


_frames: Queue[int] | None = None
"""In a worker: numbers of frames written since the last report."""


def _write_in_worker(
    plan: MatchPlan, folder: Path, name: str, outputs: Outputs, painters: int
) -> None:
    """Write one match; puts numbers of frames into the queue."""
    reported = 0

    def report(match: Progress) -> None:
        nonlocal reported
        assert _frames is not None
        _frames.put(int(match.done) - reported)
        reported = int(match.done)

    write_match(plan, folder, name, outputs, painters=painters, progress=report)


def _count_matches(root: Path) -> int:
    """Number of matches that the splits of a data set list."""
    return len({name for names in read_splits(root).values() for name in names})


def _list_matches(root: Path, splits: dict[str, list[str]]) -> None:
    """Add names of matches to `ROOT/splits.json`, after those that it lists already."""
    names = read_splits(root) if (root / SPLITS_FILE).exists() else {}
    listed = {split: list(known) for split, known in names.items()}
    for split, matches in splits.items():
        known = listed.setdefault(split, [])
        known += [name for name in matches if name not in known]
    write_splits(root, listed)


def write_recording(
    root: Path,
    name: str,
    motion: Motion,
    plan: MatchPlan,
    outputs: Outputs = Outputs(),
    recording: Mapping[str, object] | None = None,
    *,
    painters: int = 1,
    progress: ProgressCallback = no_progress,
) -> None:
    """Render a recorded match into a data set and list it in the split `test`.

    Args:
        root: folder of the data set.
        name: name of the match; a folder of this name is replaced.
        motion: the recorded match, from `onball.simulator.recorded.match.recorded_motion`.
        plan: look, cameras and video; length and halves are those of the recording.
        recording: files and settings of the recording, kept beside the match.
        outputs, painters, progress: see `write_match`.
    """
    plan = replace(plan, duration_ms=motion.ticks * TICK_MS, halves=len(motion.halves))
    with output_lock(root):
        require_writable(root)
        write_match(
            plan,
            root / name,
            name,
            outputs,
            motion,
            recording,
            painters=painters,
            progress=progress,
        )
        _list_matches(root, {"test": [name]})


def write_match(
    plan: MatchPlan,
    folder: Path,
    name: str,
    outputs: Outputs = Outputs(),
    motion: Motion | None = None,
    recording: Mapping[str, object] | None = None,
    *,
    painters: int = 1,
    progress: ProgressCallback = no_progress,
) -> None:
    """Write one match into `folder`; the same plan gives the same labels and pixels.

    The folder appears with all its files at the end, so it is either complete or does not exist. A
    former one is replaced then.

    Args:
        plan: settings of the match.
        folder: folder of the match.
        name: SoccerNet's name of the match.
        outputs: files written beside labels and tracks.
        motion: a recorded match to render; None simulates one.
        recording: files and settings of a recorded match, kept beside it.
        painters: number of processes that paint frames; 1 paints them in this process. The pixels do
            not depend on it.
        progress: called with the number of frames written.
    """
    with atomic_folder(folder, replace=True, exclusive=True) as partial:
        if outputs.video or outputs.boxes:
            renderer = MatchRenderer(plan, name=name, motion=motion)
            motion = renderer.motion
            with rendered_frames(renderer, name, painters, video=outputs.video) as frames:
                _write_shown(renderer, frames, partial, name, progress, video=outputs.video)
            if outputs.mot:
                write_mot_ground_truth(partial / TRACKS_FILE, name=folder.name)
        else:
            motion = motion or play_match(
                plan.seed, plan.duration_ms, name=name, halves=plan.halves, rare=plan.rare
            )
            _write_tracks(plan, motion, partial)
        write_labels(motion.events, partial / LABELS_FILE)
        settings = json.dumps(_settings(plan, outputs, recording), indent=2)
        write_text_atomic(partial / SIMULATION_FILE, settings + "\n")
    progress(Progress(name, plan.frames, plan.frames, "frames"))


def _write_shown(
    renderer: MatchRenderer,
    frames: Iterable[RenderedFrame],
    folder: Path,
    name: str,
    progress: ProgressCallback,
    *,
    video: bool,
) -> None:
    """Write tracks, cameras and, if wanted, the video frame by frame, in constant memory."""
    plan = renderer.plan
    size = (plan.width, plan.height)
    k1 = renderer.look.distortion
    with ExitStack() as files:
        writer: VideoWriter | None = None
        if video:
            crf = DEFAULT_CRF if plan.crf is None else plan.crf
            writer = VideoWriter(folder / VIDEO_FILE, size, plan.fps, crf=crf)
            files.enter_context(writer)
        name_of_video = VIDEO_FILE if video else ""
        tracks = files.enter_context(TruthWriter(folder / TRACKS_FILE, name_of_video))
        cameras = files.enter_context(CameraWriter(folder / CAMERA_FILE))
        for number, frame in enumerate(frames, 1):
            view = frame.view
            if writer is not None and frame.pixels is not None:
                writer.write(frame.pixels)
            tracks.add(frame.state, frame.boxes, frame.swapped)
            matrix = view.camera.matrix(*size)
            cameras.add(frame.state.time_ms, view.shot.value, view.world_ms, matrix, k1)
            if number % _PROGRESS_EVERY == 0:
                release_free_memory()
                progress(Progress(name, number, plan.frames, "frames"))
        tracks.finish(_tracked_video(plan, cameras.cuts_ms))


def _write_tracks(plan: MatchPlan, motion: Motion, folder: Path) -> None:
    """Write the position of everybody at each tick, without boxes."""
    with TruthWriter(folder / TRACKS_FILE) as tracks:
        half = 0
        for tick in range(motion.ticks):
            while half + 1 < len(motion.halves) and tick >= motion.halves[half + 1]:
                half += 1
            tracks.add(motion.at(tick * TICK_MS), None, half % 2 == 1)
        tracks.finish(_tracked_video(plan))


def _tracked_video(plan: MatchPlan, cuts_ms: Sequence[int] = ()) -> TrackedVideo:
    return TrackedVideo(plan.width, plan.height, plan.duration_ms, plan.fps, tuple(cuts_ms))
