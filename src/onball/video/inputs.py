"""Find the videos that a user names: files, folders and patterns, checked before any work."""

from __future__ import annotations

import difflib
import glob
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from onball.errors import VideoError
from onball.files import VIDEO_SUFFIXES, shell_quoted
from onball.outputs import RECORD_FILE
from onball.video.reading import VideoInfo, probe

_MOST_PROBLEMS = 10
_URL = re.compile(r"[a-z][a-z0-9+.-]+:/", re.I)


def find_videos(inputs: Iterable[str | Path | VideoInfo]) -> list[VideoInfo]:
    """Find and open all videos that are named, in the order of the names.

    - A file is taken whatever its name.
    - A folder means the videos in it and in its subfolders, by their suffix and in natural order
      (`part2` before `part10`). Left out are hidden files and folders, and subfolders with results
      of onball.
    - A pattern with `*`, `?`, `[…]` or `**` means the videos and folders that it matches, also
      where the shell expands none.

    A video that is found twice is returned once, unless it is named twice as a file.

    Args:
        inputs: names of files and folders, patterns, or videos that were opened already.

    Returns:
        The properties of each video, at least one; `VideoInfo.path` is its file.

    Raises:
        VideoError: an input is missing, unreadable, or no video. All such inputs are reported
            together, one per line.
    """
    found: dict[Path, VideoInfo] = {}
    named: set[Path] = set()
    problems: list[str] = []
    for given in inputs:
        if isinstance(given, VideoInfo):
            found.setdefault(given.path.absolute(), given)
            continue
        try:
            paths = list(video_paths(given))
        except VideoError as error:
            problems.append(str(error))
            continue
        for path in paths:
            key = path.absolute()  # not resolved: a link has a name of its own
            if path == Path(given):
                if key in named:
                    problems.append(f"{path} is given twice")
                named.add(key)
            if key in found:
                continue
            try:
                found[key] = probe(path)
            except VideoError as error:
                problems.append(str(error))
    if problems:
        raise VideoError(_joined(list(dict.fromkeys(problems))))
    if not found:
        raise VideoError("no video given")
    return list(found.values())


def natural_key(path: Path) -> list[str | int]:
    """Key that sorts paths with numbers in their names by these numbers."""
    parts = re.split(r"(\d+)", path.as_posix().lower())
    return [int(part) if part.isdecimal() else part for part in parts]


def video_paths(given: str | Path) -> Iterator[Path]:
    """Files that an input of `find_videos` names, which are not opened.

    Raises `VideoError` if there are none.
    """
    path = Path(given)
    if path.is_dir():
        yield from videos_below(path)
    elif path.exists():
        yield path
    elif _URL.match(str(given)):
        raise VideoError(
            f"{given}: is a URL: download the video and give the file, or "
            f"follow it while it runs with `onball live {shell_quoted(str(given))}`"
        )
    elif glob.has_magic(str(given)):
        yield from _videos_like(str(given))
    else:
        raise VideoError(f"{path}: no such file: {_similar(path)}")


def videos_below(folder: Path) -> Iterator[Path]:
    """Yield the videos in a folder and its subfolders, by their suffix and in natural order.

    Hidden files and folders, and subfolders with results of onball, are left out.

    Raises:
        VideoError: there are none.
    """
    videos = []
    for place, folders, files in os.walk(folder):
        if RECORD_FILE in files and Path(place) != folder:
            folders.clear()
            continue
        folders[:] = [name for name in folders if not name.startswith(".")]
        videos += [Path(place, name) for name in files if _is_video_name(name)]
    if not videos:
        raise VideoError(f"{folder}: no video in this folder (*.mp4, *.mkv, *.mov, *.avi, *.ts …)")
    yield from sorted(videos, key=natural_key)


def _videos_like(pattern: str) -> Iterator[Path]:
    """Videos that match a pattern, and those in folders that do, in natural order."""
    # Not `Path.glob`, which takes no absolute pattern.
    names = glob.glob(pattern, recursive=True)  # noqa: PTH207
    matches = sorted(map(Path, names), key=natural_key)
    videos = [path for path in matches if path.is_file() and _is_video_name(path.name)]
    if not videos and "**" not in pattern:  # which also matches the folders of its files
        videos = [video for path in matches if path.is_dir() for video in videos_below(path)]
    if not videos:
        what = "matches no video" if matches else "matches nothing"
        raise VideoError(f"{pattern}: {what}: check the pattern")
    yield from videos


def _is_video_name(name: str) -> bool:
    return Path(name).suffix.lower() in VIDEO_SUFFIXES and not name.startswith(".")


def _similar(path: Path) -> str:
    """Hint at a file with a similar name beside a missing one."""
    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return "check the path"
    close = difflib.get_close_matches(path.name, names, n=1)
    return f"did you mean '{path.parent / close[0]}'?" if close else "check the path"


def _joined(problems: list[str]) -> str:
    """One message for all problems: a single one as it is, several as a list."""
    if len(problems) == 1:
        return problems[0]
    shown = problems[:_MOST_PROBLEMS]
    if len(problems) > _MOST_PROBLEMS:
        shown.append(f"and {len(problems) - _MOST_PROBLEMS} more")
    return "\n  ".join([f"{len(problems)} inputs cannot be used, so nothing was done:", *shown])
