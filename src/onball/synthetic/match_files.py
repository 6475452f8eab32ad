"""The files of one simulated match: video, labels, true tracks and cameras."""

from __future__ import annotations

import ctypes
import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from onball.data.layout import VIDEO_FILE
from onball.errors import DataError
from onball.files import write_text_atomic
from onball.formats.soccernet import LABELS_FILE, write_labels
from onball.formats.tracks_truth import CAMERA_FILE, SIMULATION_FILE
from onball.synthetic.film import Film, MatchPlan
from onball.synthetic.motion.play import play_match
from onball.synthetic.world import TICK_MS, Motion
from onball.tracks import TRACKS_FILE

if TYPE_CHECKING:
    from onball.synthetic.truth.tracks import TrackWriter

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
    aside = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    if outputs.video:
        film = Film(plan, name=name, motion=motion)
        motion = film.motion
        yield from _write_film(film, aside)
        if outputs.mot:
            from onball.synthetic.truth.mot import write_mot

            write_mot(aside, fps=plan.fps, size=(plan.width, plan.height))
    else:
        motion = motion or play_match(plan.seed, plan.duration_ms, name=name, halves=plan.halves)
        _write_tracks(motion, aside)
    write_labels(motion.events, aside / LABELS_FILE)
    write_text_atomic(
        aside / SIMULATION_FILE, json.dumps(_settings(plan, outputs), indent=2) + "\n"
    )
    aside.rename(folder)
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


def _write_film(film: Film, folder: Path) -> Iterator[int]:
    """Video, tracks and cameras, frame by frame: memory stays flat."""
    from onball.synthetic.truth.camera_file import CameraWriter
    from onball.synthetic.truth.tracks import TrackWriter
    from onball.video.writer import VideoWriter

    plan = film.plan
    size = (plan.width, plan.height)
    k1 = film.look.distortion
    with ExitStack() as files:
        crf = 24 if plan.crf is None else plan.crf
        video = files.enter_context(VideoWriter(folder / VIDEO_FILE, size, plan.fps, crf=crf))
        tracks = files.enter_context(TrackWriter(folder / TRACKS_FILE))
        cameras = files.enter_context(CameraWriter(folder / CAMERA_FILE))
        for frame in range(plan.frames):
            time_ms = round(frame * 1000 / plan.fps)
            view = film.view(time_ms)
            video.write(film.frame(time_ms))
            shown = film.moment(view)._replace(time_ms=time_ms)
            tracks.add(shown, film.boxes(view), film.swapped(view.world_ms))
            cameras.add(time_ms, view.shot.value, view.world_ms, view.camera.matrix(*size), k1)
            if frame % _PROGRESS_EVERY == _PROGRESS_EVERY - 1:
                give_back_memory()
                yield frame + 1


def _write_tracks(motion: Motion, folder: Path) -> None:
    """Where everybody was at each tick, without any picture."""
    from onball.synthetic.truth.tracks import TrackWriter

    writer: TrackWriter
    with TrackWriter(folder / TRACKS_FILE) as writer:
        half = 0
        for tick in range(motion.ticks):
            while half + 1 < len(motion.halves) and tick >= motion.halves[half + 1]:
                half += 1
            writer.add(motion.at(tick * TICK_MS), None, half % 2 == 1)
