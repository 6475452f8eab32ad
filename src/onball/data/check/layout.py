"""Checks of the layout of a data set: matches in the right folders, files with the right names.

`Problem` and `Report`, the results of all checks, are defined here because this check comes first.
"""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from onball.data.layout import (
    ALL,
    OFFICIAL_SPLITS,
    PREFERRED_VIDEOS,
    SPLITS,
    SPLITS_FILE,
    VIDEO_FILE,
    Match,
    find_matches,
    read_splits,
    some_names,
)
from onball.errors import DataError
from onball.formats.soccernet import LABELS_FILE

#: Depth to which `find_matches` searches.
_MAX_DEPTH = 6
_READ = {".mp4", ".mkv"}
_UNREAD = {".avi", ".flv", ".m4v", ".mov", ".mpg", ".mpeg", ".ts", ".webm", ".wmv"}
_SPLIT_ALIASES = {
    "training": "train",
    "val": "valid",
    "validation": "valid",
    "dev": "valid",
    "testing": "test",
} | {name: name for name in SPLITS}
#: A file with a higher similarity is a misspelt label file; `Labels-v2.json` has 0.77.
_LIKE_LABELS = 0.8
_LIKE_OFFICIAL = 0.85


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to repair.

    Attributes:
        path: the file or folder.
        what: description of the problem.
        remedy: what to do about it.
    """

    path: Path
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}: {self.remedy}"


@dataclass(slots=True)
class Report:
    """Result of a check.

    Attributes:
        problems: sorted by folder, then by check.
        matches: number of matches found.
        videos: number of videos that could be opened.
        labels: number of annotations read.
        frames: number of frames decoded.
        minutes: total length of the videos.
    """

    problems: list[Problem] = field(default_factory=list)
    matches: int = 0
    videos: int = 0
    labels: int = 0
    frames: int = 0
    minutes: float = 0.0


def problem_of(error: Exception | str, path: Path, remedy: str = "") -> Problem:
    """Convert an error or a warning about a file to a problem.

    Args:
        error: its message is `path: what` or `path: what: remedy`.
        path: the file.
        remedy: what to do about it; empty if the message contains it.
    """
    text = str(error).removeprefix(f"{path}: ").removeprefix(f"{path}, ")
    what, _, advice = text.rpartition(": ")
    return Problem(path, text, remedy) if remedy else Problem(path, what, advice)


@dataclass(frozen=True, slots=True)
class Placed:
    """A match and the splits it belongs to, usually one."""

    match: Match
    splits: tuple[str, ...]

    @property
    def hidden_labels(self) -> bool:
        """True for a match of the challenge, whose labels are not published."""
        return self.splits == ("challenge",)


def check_layout(root: Path) -> tuple[list[Placed], list[Problem]]:
    """Find the matches below `root`, and the problems with their folders and names.

    Raises:
        DataError: `root` is missing or contains neither a match nor anything similar.
    """
    names = list(_misnamed(root)) if root.is_dir() else []
    try:
        find_matches(root, ALL)
        found = _with_folders(root)
    except DataError:
        if not names:
            raise
        found = []
    placed, problems = _in_splits(root, found)
    for match in placed:
        problems += _files_of(match)
    return placed, [*names, *problems]


def _with_folders(root: Path) -> list[tuple[Match, str]]:
    """All matches, also several of one name, each with its split folder or ''."""
    found: list[tuple[Match, str]] = []
    inside: set[Path] = set()
    for split in SPLITS:
        if (root / split).is_dir():
            try:
                matches = find_matches(root / split, ALL)
            except DataError:
                continue
            inside |= {match.folder for match in matches}
            found += [(match, split) for match in matches]
    found += [(match, "") for match in find_matches(root, ALL) if match.folder not in inside]
    return found


def _in_splits(
    root: Path, found: Sequence[tuple[Match, str]]
) -> tuple[list[Placed], list[Problem]]:
    file = root / SPLITS_FILE
    if file.is_file():
        try:
            lists = read_splits(root)
        except DataError as error:
            return [Placed(match, ()) for match, _ in found], [
                problem_of(error, file, "repair it, or delete it and write it again")
            ]
        return _by_lists(file, lists, [match for match, _ in found], must_be_listed=True)
    if any(folder for _, folder in found):
        return _by_folders(found)
    matches = [match for match, _ in found]
    there = {match.name for match in matches}
    # A split without any match was not downloaded on purpose.
    lists = {split: names for split, names in OFFICIAL_SPLITS.items() if there & set(names)}
    placed, problems = _by_lists(root, lists, matches, must_be_listed=False)
    return placed, [*problems, *_nearly_official(matches)]


def _by_lists(
    source: Path, lists: dict[str, tuple[str, ...]], matches: list[Match], *, must_be_listed: bool
) -> tuple[list[Placed], list[Problem]]:
    """Assign matches to splits by a list: a file, or SoccerNet's own."""
    problems = []
    splits: dict[str, list[str]] = defaultdict(list)
    there = {match.name for match in matches}
    for split, names in lists.items():
        for name in dict.fromkeys(names):
            splits[name].append(split)
            if names.count(name) > 1:
                problems.append(Problem(source, f"'{split}' lists '{name}' twice", "list it once"))
            if name not in there:
                close = difflib.get_close_matches(name, sorted(there - set(splits)), n=1)
                remedy = f"did you mean '{close[0]}'?" if close else "add it, or list it no more"
                what = f"'{name}' of '{split}' is not there with {LABELS_FILE} or a video"
                problems.append(Problem(source, what, remedy))
    for name, several in splits.items():
        if len(several) > 1:
            what = f"'{name}' is in {len(several)} splits ({', '.join(several)})"
            problems.append(Problem(source, what, "list it in one, else the measures are too good"))
    unlisted = [match.name for match in matches if match.name not in splits]
    if unlisted and must_be_listed:
        what = f"{some_names(unlisted)} is in no split"
        problems.append(Problem(source, what, "list it, else it is never trained or tested on"))
    return [Placed(match, tuple(splits.get(match.name, ()))) for match in matches], problems


def _by_folders(found: Sequence[tuple[Match, str]]) -> tuple[list[Placed], list[Problem]]:
    problems = []
    first: dict[str, str] = {}
    for match, folder in found:
        if not folder:
            remedy = f"move it into one of the folders {', '.join(SPLITS)}"
            problems.append(Problem(match.folder, "is in no split's folder", remedy))
        elif match.name in first:
            what = f"this match is also in '{first[match.name]}'"
            remedy = "keep it in one split, else the measures are too good"
            problems.append(Problem(match.folder, what, remedy))
        else:
            first[match.name] = folder
    return [Placed(match, (folder,) if folder else ()) for match, folder in found], problems


def _nearly_official(matches: Sequence[Match]) -> Iterator[Problem]:
    """Find matches whose name is similar to a missing one of SoccerNet's list."""
    there = {match.name for match in matches}
    absent = [name for names in OFFICIAL_SPLITS.values() for name in names if name not in there]
    official = {name for names in OFFICIAL_SPLITS.values() for name in names}
    for match in matches:
        if match.name in official:
            continue
        close = difflib.get_close_matches(match.name, absent, n=1, cutoff=_LIKE_OFFICIAL)
        if close:
            yield Problem(
                match.folder,
                "is nearly, but not exactly, a match of SoccerNet's list",
                f"rename the folder to '{close[0]}'",
            )


def _files_of(placed: Placed) -> Iterator[Problem]:
    """Find missing and ambiguous files of a match. See `_misnamed` for misnamed ones."""
    folder = placed.match.folder
    names = _file_names(folder)
    if placed.match.video is None:
        others = [name for name in names if Path(name).suffix.lower() in _UNREAD]
        if others:
            target = Path(others[0]).with_suffix(".mkv")
            remedy = f"convert it: ffmpeg -i '{others[0]}' -c copy '{target}'"
            yield Problem(folder / others[0], "this kind of video is not looked for", remedy)
        else:
            yield Problem(folder, "no video", f"put {VIDEO_FILE} there")
    else:
        videos = [name for name in names if Path(name).suffix.lower() in _READ]
        if len(videos) > 1 and not set(videos) & set(PREFERRED_VIDEOS):
            what = f"{len(videos)} videos ({', '.join(videos)}), none named {VIDEO_FILE}"
            yield Problem(folder, what, f"name the one that the labels are about {VIDEO_FILE}")
    unlabelled = placed.match.labels is None and not placed.hidden_labels
    if unlabelled and not any(_is_like_labels(name) for name in names):
        yield Problem(folder, f"no {LABELS_FILE}", "add it, or move the match to the challenge")


def _misnamed(root: Path) -> Iterator[Problem]:
    """Find files and split folders whose name is similar to the right one."""
    if not (root / SPLITS_FILE).is_file():
        for folder in _folders(root):
            meant = _SPLIT_ALIASES.get(folder.name.casefold())
            if meant and folder.name not in SPLITS and any(_with_files(folder)):
                yield Problem(folder, "not the name of a split", f"rename it to '{meant}'")
    for folder in _with_files(root):
        names = _file_names(folder)
        for name in names:
            if LABELS_FILE not in names and _is_like_labels(name):
                yield Problem(folder / name, "misnamed labels", f"rename it to {LABELS_FILE}")
            stem, suffix = Path(name).stem.casefold(), Path(name).suffix.casefold()
            wanted = next((v for v in PREFERRED_VIDEOS if Path(v).stem in (stem, f"{stem}p")), "")
            if wanted and suffix == ".mp4" and wanted not in names:
                yield Problem(folder / name, "misnamed video", f"rename it to {wanted}")


def _is_like_labels(name: str) -> bool:
    if not name.casefold().endswith(".json") or name in (LABELS_FILE, SPLITS_FILE):
        return False
    plain, right = (re.sub(r"[^a-z0-9]", "", n.casefold()) for n in (name, LABELS_FILE))
    return difflib.SequenceMatcher(None, plain, right).ratio() >= _LIKE_LABELS


def _with_files(folder: Path, depth: int = _MAX_DEPTH) -> Iterator[Path]:
    """Yield the folder and those below it that contain a file."""
    if _file_names(folder):
        yield folder
    for inner in _folders(folder) if depth else ():
        yield from _with_files(inner, depth - 1)


def _file_names(folder: Path) -> list[str]:
    return [path.name for path in _visible(folder) if path.is_file()]


def _folders(folder: Path) -> list[Path]:
    return [path for path in _visible(folder) if path.is_dir()]


def _visible(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError:
        return []  # `find_matches` warns of it
