"""`onball track`: detect and track players and ball in videos."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from onball.cli import console, options
from onball.cores import choose_threads
from onball.errors import InputError, OnballError, VideoError, describe_exception
from onball.outputs import output_lock
from onball.tracks import TRACKS_FILE

if TYPE_CHECKING:
    from onball.tracking.detectors.base import Detector
    from onball.tracking.pipeline import TrackingSummary


def track(
    videos: options.Videos = None,
    detector: Annotated[
        str | None,
        options.detector(
            "Detector: ballnet, which is part of onball; ballnet:512, which scales frames to 512 pixels "
            "width instead of 640; an ONNX file (YOLOX, YOLOv8, RF-DETR); rfdetr or rfdetr:small; a "
            "checkpoint (.pth of RF-DETR, .pt of ultralytics); or, for simulated matches, "
            "simulated:medium. [default: rfdetr if it is installed, else ballnet]"
        ),
    ] = None,
    ball: Annotated[
        bool,
        typer.Option(
            "--ball", help="Take the ball from ballnet, and only people from the detector."
        ),
    ] = False,
    out: Annotated[
        Path, options.out("Folder for the results; each video gets a folder in it.")
    ] = Path("onball-results"),
    data: Annotated[
        Path | None,
        options.data("Data set to track instead of videos; tracks go beside each match's video."),
    ] = None,
    split: Annotated[
        str, options.split("With --data, the split: train, valid, test, challenge or all.")
    ] = "all",
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="File name of the tracks.")
    ] = TRACKS_FILE,
    fps: Annotated[float, options.fps("Frames per second to analyse.", min=1, max=240)] = 12.5,
    box_threshold: Annotated[
        float | None,
        typer.Option(
            "--box-threshold",
            min=0,
            max=1,
            metavar="SCORE",
            help="Lowest score of a detected box. [default: 0.1]",
        ),
    ] = None,
    former_threshold: Annotated[
        float | None, typer.Option("--threshold", min=0, max=1, hidden=True)
    ] = None,
    tiles: Annotated[
        str | None,
        typer.Option(
            "--tiles",
            metavar="COLUMNSxROWS",
            help="Analyse each frame in tiles as well, for small people: 2x1, 3x2 …",
        ),
    ] = None,
    mot: Annotated[
        bool, typer.Option("--mot", help="Also write tracks as MOTChallenge text.")
    ] = False,
    overwrite: options.Overwrite = False,
    seed: Annotated[int, options.seed("Seed of a simulated detector's errors.")] = 0,
    device: options.Device = "auto",
    threads: options.Threads = None,
) -> None:
    """Find and follow players and ball; writes tracks.parquet for each video.

    Videos that have their tracks already are skipped.
    """
    from onball.tracking.detectors.opening import open_detector
    from onball.tracking.detectors.simulated import (
        SimulatedDetector,
        simulated_level,
        simulated_name,
    )
    from onball.tracking.pipeline import track_match_without_video, track_video, untracked

    if former_threshold is not None:
        console.warn("--threshold is called --box-threshold now: it is no confidence of events")
        box_threshold = former_threshold if box_threshold is None else box_threshold
    detector = detector or "auto"
    level = simulated_level(detector)
    if level is not None and data is None:
        raise InputError(f"--detector {detector} is for simulated matches: name them with --data")
    if level is not None and name == TRACKS_FILE:
        raise InputError(f"{name} holds the true tracks: name others, --name tracks_medium.parquet")
    jobs = _jobs(videos or [], data, split, out, name, simulated=level is not None)
    shared: Detector | None = None  # a simulated detector belongs to one match
    if level is not None:
        made_by = simulated_name(level, seed)
    else:
        if device != "auto" and not detector.endswith(".onnx"):  # ONNX Runtime has its own devices
            from onball.models.compute import choose_device

            choose_device(device)
        shared = open_detector(
            detector,
            threshold=box_threshold,
            tiles=tiles,
            ball=ball,
            device=device,
            threads=choose_threads(threads),
        )
        made_by = shared.name
    files = {job.video: job.tracks for job in jobs}
    missing = files if overwrite else untracked(files, made_by, fps)
    broken = 0
    for job in jobs:
        text = job.tracks.with_suffix(".txt") if mot else None
        if job.video not in missing:
            console.say(f"{job.tracks}: is there already, by {made_by}")
            if text is not None and not text.exists():
                _write_mot(job.tracks, text)
            continue
        try:
            opened = shared or open_detector(detector, video=job.video, seed=seed)
            with output_lock(job.tracks.parent), console.progress_bar() as progress:
                if isinstance(opened, SimulatedDetector) and not job.video.exists():
                    summary = track_match_without_video(
                        opened,
                        job.tracks,
                        fps=fps,
                        video=job.video.name,
                        name=job.name,
                        progress=progress,
                    )
                else:
                    summary = track_video(
                        job.video,
                        opened,
                        job.tracks,
                        fps=fps,
                        name=job.name,
                        progress=progress,
                        threads=threads,
                    )
        except KeyboardInterrupt as stop:
            message = "interrupted: the same command continues where this one stopped"
            raise type(stop)(message) from None
        except Exception as error:
            # The tracks of the other videos are still of use; the exit code reports this one.
            console.fail(*_reason(job.name, error))
            broken += 1
            continue
        if text is not None:
            _write_mot(job.tracks, text)
        console.say(f"{job.tracks}: {_describe(summary)}")
    if broken:
        raise VideoError(f"{broken} of {console.count(len(jobs), 'video')} failed")


def _reason(name: str, error: Exception) -> tuple[str, str]:
    """Message for a video that failed, and its traceback."""
    trace = "".join(traceback.format_exception(error))
    if isinstance(error, OnballError):
        return str(error), trace
    hint = "" if console.debug else " (--debug shows where)"
    return f"{describe_exception(name, error)}{hint}", trace


class _Job(NamedTuple):
    """A video, its name on the screen and its tracks file."""

    name: str
    video: Path
    tracks: Path


def _jobs(
    videos: list[str],
    data: Path | None,
    split: str,
    out: Path,
    file_name: str,
    *,
    simulated: bool,
) -> list[_Job]:
    """Return the videos to track, all of which can be opened, or are not needed."""
    from onball.data.layout import VIDEO_FILE, find_matches
    from onball.files import require_writable
    from onball.spotting.results import name_results
    from onball.video import find_videos

    if bool(videos) == (data is not None):
        what = "both videos and --data given" if videos else "no video given"
        raise InputError(f"{what}: onball track VIDEO… --out FOLDER, or onball track --data FOLDER")
    if Path(file_name).name != file_name or not file_name.endswith(".parquet"):
        raise InputError(f"--name {file_name}: give a file name that ends with .parquet")
    if data is not None:
        matches = find_matches(data, split)
        if simulated:  # whose detectors need true tracks alone
            found = {match.name: match.video or match.folder / VIDEO_FILE for match in matches}
        else:
            found = {match.name: match.require_video() for match in matches}
            find_videos(found.values())
        return [_Job(name, video, video.with_name(file_name)) for name, video in found.items()]
    require_writable(out)
    named = name_results([video.path for video in find_videos(videos)])
    return [_Job(name, video, out / name / file_name) for name, video in named.items()]


def _write_mot(tracks: Path, text: Path) -> None:
    from onball.formats.mot import write_mot
    from onball.formats.tracks_parquet import read_tracks

    write_mot(read_tracks(tracks), text)


def _describe(summary: TrackingSummary) -> str:
    frames = summary.frames
    speed = summary.detected / summary.seconds if summary.seconds else 0.0
    return (
        f"{console.count(frames, 'frame')} with {summary.people / frames:.1f} people on average, the "
        f"ball in {100 * summary.frames_with_ball / frames:.0f} %; "
        f"{console.count(summary.tracks, 'track')}, {console.count(summary.cuts, 'cut')}; "
        f"{speed:.1f} frames/s"
    )
