"""Short excerpts of many simulated matches, on which the ball network is trained.

A detector needs many looks, cameras and places of the ball, not whole matches. Each match is played and
drawn by its own seed; only a few frames around some of its moments are rendered, and written as one video
with a cut between two excerpts. Half of the moments are events, where the ball is near a foot, and every
second of these is a shot or a goal as long as the match has any; the others are any. In some matches
frames are repeated, as conversions of the frame rate do. Video and tracks have the form of every
simulated match (`onball.simulator.dataset`).
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from onball.actions import Action
from onball.data.layout import VIDEO_FILE
from onball.events import Event
from onball.files import atomic_folder, require_writable
from onball.formats.camera_parquet import CAMERA_FILE
from onball.progress import Progress, ProgressCallback, no_progress
from onball.simulator.cameras import CameraSetup
from onball.simulator.look.look import Variety
from onball.simulator.paint.shapes import cv2
from onball.simulator.rendering import MatchPlan, MatchRenderer
from onball.simulator.truth import CameraWriter, TruthWriter
from onball.tracks import TRACKS_FILE, TrackedVideo
from onball.video.writing import VideoWriter

#: Seeds of the excerpts begin here: no simulated data set of `onball simulate` shares a match with them.
FIRST_SEED = 7_000_300
#: Heights of a player near the ball, in pixels of an image with 224 lines: from the tactical camera to
#: the tightest framing in which play is still followed.
PLAYER_PX = (13.0, 42.0)
#: Distances between two frames in ms: tracking at 12.5 to 30 frames per second.
INTERVALS_MS = (80, 67, 40, 33)
CRF = (17, 36)
#: Factor of the rates of shots, goals and other rare actions: see `MatchPlan.rare`.
RARE = 3.0
#: Share of the matches in which one frame of every few is shown twice, and the range of their number.
REPEATING, REPEATED_EACH = 0.15, (3, 7)
_AFTER_SHOT_MS = 500  # until a shot has reached the goal


@dataclass(frozen=True)
class ExcerptPlan:
    """Excerpts of one match.

    Attributes:
        seed: of the match, its look and its cameras.
        excerpts: number of excerpts.
        frames: frames of an excerpt.
        width, height: of the video, pixels.
        match_ms: length of the match from which they are taken.
        rare: factor of the rates of rare actions in that match.
    """

    seed: int
    excerpts: int = 20
    frames: int = 9
    width: int = 640
    height: int = 360
    match_ms: int = 180_000
    rare: float = RARE


def render_excerpts(
    root: str | Path,
    matches: int,
    *,
    first: int = 0,
    size: tuple[int, int] = (640, 360),
    rare: float = RARE,
    processes: int = 1,
    progress: ProgressCallback = no_progress,
) -> list[Path]:
    """Render excerpts of simulated matches; those that are there already are kept.

    Args:
        root: folder, in which each match gets a folder named by its number.
        matches: number of matches.
        first: number of the first match; other numbers are other matches.
        size: width and height of the videos in pixels.
        rare: factor of the rates of shots, goals and other rare actions.
        processes: number of matches rendered at a time.
        progress: called with the number of matches rendered.

    Returns:
        The folders of all matches.
    """
    root = Path(root)
    require_writable(root)
    folders = [root / f"{number:05d}" for number in range(first, first + matches)]
    missing = [folder for folder in folders if not (folder / TRACKS_FILE).exists()]
    plans = {
        folder: ExcerptPlan(FIRST_SEED + int(folder.name), width=size[0], height=size[1], rare=rare)
        for folder in missing
    }
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(processes, len(plans)) or 1, context) as pool:
        running = [pool.submit(write_excerpts, plan, folder) for folder, plan in plans.items()]
        for done, future in enumerate(as_completed(running), 1):
            future.result()
            progress(Progress("excerpts", done, len(running), "matches"))
    return folders


def write_excerpts(plan: ExcerptPlan, folder: Path) -> None:
    """Render the excerpts of one match into a folder, which appears when it is complete."""
    cv2.setNumThreads(1)
    rng = np.random.default_rng([plan.seed, 0xBA11])
    interval_ms = int(rng.choice(INTERVALS_MS))
    match = MatchPlan(
        plan.seed, plan.match_ms, plan.width, plan.height, look=Variety.BROAD, rare=plan.rare
    )
    low, high = np.log(PLAYER_PX)
    camera = replace(CameraSetup.broad(plan.seed), player_px=float(np.exp(rng.uniform(low, high))))
    renderer = MatchRenderer(match, camera=camera)
    size, fps = (plan.width, plan.height), 1000 / interval_ms
    crf = int(rng.integers(CRF[0], CRF[1] + 1))
    begins = list(moments(renderer.motion.events, plan, interval_ms, rng))
    each = int(rng.integers(REPEATED_EACH[0], REPEATED_EACH[1] + 1))
    each = each if rng.random() < REPEATING else 0
    k1 = renderer.look.distortion
    with (
        atomic_folder(folder, replace=True) as partial,
        VideoWriter(partial / VIDEO_FILE, size, fps, crf=crf) as video,
        TruthWriter(partial / TRACKS_FILE, VIDEO_FILE) as tracks,
        CameraWriter(partial / CAMERA_FILE) as cameras,
    ):
        for number, begin_ms in enumerate(begins):
            for index in range(plan.frames):
                repeated = bool(each and index and (number + index) % each == 0)
                time_ms = begin_ms + (index - repeated) * interval_ms
                video.write(renderer.frame(time_ms))
                truth = renderer.with_truth(time_ms, pixels=False)
                view, shown_ms = truth.view, (number * plan.frames + index) * interval_ms
                tracks.add(replace(truth.state, time_ms=shown_ms), truth.boxes, truth.swapped)
                matrix = view.camera.matrix(*size)
                cameras.add(shown_ms, view.shot.value, view.world_ms, matrix, k1)
        length_ms = len(begins) * plan.frames * interval_ms
        cuts = tuple(number * plan.frames * interval_ms for number in range(1, len(begins)))
        tracks.finish(TrackedVideo(*size, length_ms, fps, cuts))


def moments(
    events: Iterable[Event], plan: ExcerptPlan, interval_ms: int, rng: np.random.Generator
) -> Iterator[int]:
    """Choose the begins of the excerpts in ms.

    Args:
        events: of the match.
        plan: number and length of the excerpts.
        interval_ms: between two frames.
        rng: source of all choices.

    Yields:
        For every second excerpt, a time just before an event: for every fourth, before or shortly after
        a shot or a goal. Any times for the others.
    """
    length_ms = plan.frames * interval_ms
    last_ms = plan.match_ms - length_ms - 1
    events = list(events)
    times = [event.position_ms for event in events]
    shots = [event.position_ms for event in events if event.label in (Action.SHOT, Action.GOAL)]
    for number in range(plan.excerpts):
        begin_ms = int(rng.integers(0, last_ms))
        if number % 4 == 3 and shots:
            begin_ms = int(rng.choice(shots)) + int(rng.integers(-length_ms, _AFTER_SHOT_MS))
        elif number % 2 and times:
            begin_ms = int(rng.choice(times)) - int(rng.integers(0, length_ms))
        yield min(max(begin_ms, 0), last_ms)
