"""Is a data set fit to train on? `check_data` looks at names, videos and labels, and repairs nothing."""

from __future__ import annotations

from pathlib import Path

from onball.data.check.labels import check_labels
from onball.data.check.layout import Placed, Problem, Progress, Report, check_layout
from onball.data.check.videos import CheckedVideo, check_copies, check_rates, decode, open_video

__all__ = ["Problem", "Progress", "Report", "check_data"]


def check_data(
    root: str | Path, *, full: bool = False, fps: float = 25.0, on_progress: Progress | None = None
) -> Report:
    """Check a data set: layout and names, decodability, labels, duplicates and frame rates.

    Args:
        root: the data set's folder.
        full: decode every frame of every video, not only some.
        fps: the rate that the videos should have.
        on_progress: called with the match's name, what is done and what there is to do in all:
            milliseconds of film if `full`, else videos.

    Raises `DataError` if `root` is missing or holds neither a match nor anything like one.
    """
    root = Path(root)
    matches, problems = check_layout(root)
    report = Report(problems, matches=len(matches))
    opened = []
    for match in matches:
        video, problems = open_video(match)
        report.problems += problems
        opened.append((match, video))
    videos = [video for _, video in opened if video is not None]
    total = sum(video.info.duration_ms for video in videos) if full else len(videos)
    done = 0.0
    for match, video in opened:
        if video is not None:
            name, before = match.match.folder.name, done

            def reached(ms: float, name: str = name, before: float = before) -> None:
                if on_progress is not None:
                    on_progress(name, min(total, before + ms), total)

            if on_progress is not None:
                on_progress(name, done, total)
            frames, problems = decode(video.info, full=full, on_progress=reached)
            report.frames += frames
            report.problems += problems
            report.videos += 1
            report.minutes += video.info.duration_ms / 60_000
            done += video.info.duration_ms if full else 1
        _check_labels(report, match, video, fps)
    report.problems += [*check_rates(root, videos, fps), *check_copies(videos)]
    return report


def _check_labels(report: Report, placed: Placed, video: CheckedVideo | None, fps: float) -> None:
    if placed.match.labels is None:
        return
    duration = video.info.duration_ms if video is not None else 0
    rate = video.info.fps if video is not None else fps
    count, problems = check_labels(placed.match.labels, duration or None, 1000 / rate)
    report.labels += count
    report.problems += problems
