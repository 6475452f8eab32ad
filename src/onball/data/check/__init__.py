"""Checks of a data set before training: names, videos, labels and duplicates. Nothing is repaired."""

from __future__ import annotations

from pathlib import Path

from onball.actions import BALL_ACTIONS, ActionSet
from onball.data.check.labels import check_labels
from onball.data.check.layout import Placed, Problem, Report, check_layout, problem_of
from onball.data.check.videos import CheckedVideo, check_copies, check_rates, decode, open_video
from onball.data.classes import CLASSES_FILE, label_classes
from onball.errors import LabelError
from onball.progress import Progress, ProgressCallback, no_progress

__all__ = ["Problem", "Report", "check_data"]


def check_data(
    root: str | Path,
    *,
    full: bool = False,
    fps: float = 25.0,
    progress: ProgressCallback = no_progress,
) -> Report:
    """Check a data set: layout and names, decodability, labels, duplicates and frame rates.

    Args:
        root: folder of the data set.
        full: decode every frame of every video instead of a few.
        fps: the frame rate that the videos should have.
        progress: called with the name of the match and the amount done over all matches:
            milliseconds of video if `full`, else videos.

    Raises:
        DataError: `root` is missing or contains neither a match nor anything similar.
    """
    root = Path(root)
    matches, problems = check_layout(root)
    report = Report(problems, matches=len(matches))
    try:
        actions = label_classes(root)
    except LabelError as error:
        actions = BALL_ACTIONS
        report.problems.append(problem_of(error, root / CLASSES_FILE, "correct it"))
    opened = []
    for match in matches:
        video, problems = open_video(match)
        report.problems += problems
        opened.append((match, video))
    videos = [video for _, video in opened if video is not None]
    total = float(sum(video.info.duration_ms for video in videos) if full else len(videos))
    done = 0.0
    for match, video in opened:
        if video is not None:
            name, before = match.match.folder.name, done

            def within_match(step: Progress, name: str = name, before: float = before) -> None:
                progress(Progress(name, min(total, before + step.done), total, "ms"))

            progress(Progress(name, done, total, "ms" if full else "matches"))
            frames, problems = decode(
                video.info, full=full, progress=within_match if full else no_progress
            )
            report.frames += frames
            report.problems += problems
            report.videos += 1
            report.minutes += video.info.duration_ms / 60_000
            done += video.info.duration_ms if full else 1
            progress(Progress(name, done, total, "ms" if full else "matches"))
        _check_labels(report, match, video, fps, actions)
    report.problems += [*check_rates(root, videos, fps), *check_copies(videos)]
    return report


def _check_labels(
    report: Report,
    placed: Placed,
    video: CheckedVideo | None,
    fps: float,
    actions: ActionSet,
) -> None:
    if placed.match.labels is None:
        return
    duration = video.info.duration_ms if video is not None else 0
    rate = video.info.fps if video is not None else fps
    count, problems = check_labels(placed.match.labels, duration or None, 1000 / rate, actions)
    report.labels += count
    report.problems += problems
