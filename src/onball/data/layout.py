"""Layout of a data set on disk: the folders of matches and their splits.

A match is a folder `<league>/<season>/<match>` with `224p.mp4` or another video, and
`Labels-ball.json`. Its split is given by the first of these that exists:

1. `ROOT/splits.json`: `{"train": ["<league>/<season>/<match>", …], "valid": […], …}`;
2. top-level folders `train`, `valid`, `test`, `challenge`, as SoccerNet's archives unpack;
3. SoccerNet's own list of matches (`OFFICIAL_SPLITS`).
"""

from __future__ import annotations

import difflib
import unicodedata
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from onball.errors import ConfigError, DataError, EmptySplitError, OnballWarning
from onball.files import VIDEO_SUFFIXES, read_json_object, write_json_atomic
from onball.formats.soccernet import LABELS_FILE

SPLITS_FILE = "splits.json"
SPLITS = ("train", "valid", "test", "challenge")
ALL = "all"
#: Name of the video of a match in the size for training.
VIDEO_FILE = "224p.mp4"
PREFERRED_VIDEOS = (VIDEO_FILE, "720p.mp4")

_SEASON = "england_efl/2019-2020/"
#: The seven labelled matches of SoccerNet Ball Action Spotting, and two whose labels are hidden.
OFFICIAL_SPLITS: dict[str, tuple[str, ...]] = {
    "train": (
        _SEASON + "2019-10-01 - Leeds United - West Bromwich",
        _SEASON + "2019-10-01 - Hull City - Sheffield Wednesday",
        _SEASON + "2019-10-01 - Brentford - Bristol City",
        _SEASON + "2019-10-01 - Blackburn Rovers - Nottingham Forest",
    ),
    "valid": (_SEASON + "2019-10-01 - Middlesbrough - Preston North End",),
    "test": (
        _SEASON + "2019-10-01 - Stoke City - Huddersfield Town",
        _SEASON + "2019-10-01 - Reading - Fulham",
    ),
    "challenge": (
        _SEASON + "2019-10-02 - Cardiff City - Queens Park Rangers",
        _SEASON + "2019-10-01 - Wigan Athletic - Birmingham City",
    ),
}

#: Deeper than any layout in use; bounds the search if a link points back to a folder above it.
_MAX_DEPTH = 6


@dataclass(frozen=True, slots=True)
class Match:
    """One match on disk.

    Attributes:
        name: `<league>/<season>/<match>`, with forward slashes and without the split's folder.
        folder: its folder.
        video: its video in the preferred size; None without a video.
        labels: its label file; None if it is missing.
    """

    name: str
    folder: Path
    video: Path | None
    labels: Path | None

    def require_video(self) -> Path:
        """Return the video. Raises `DataError` if there is none."""
        if self.video is None:
            raise DataError(f"{self.folder}: no video (*.mp4, *.mkv …) in it")
        return self.video

    def require_labels(self) -> Path:
        """Return the label file. Raises `DataError` if there is none."""
        if self.labels is None:
            raise DataError(f"{self.folder}: no {LABELS_FILE} in it")
        return self.labels


def find_matches(
    root: str | Path,
    split: str,
    *,
    prefer: Sequence[str] = PREFERRED_VIDEOS,
    labels_file: str = LABELS_FILE,
) -> list[Match]:
    """Find the matches of a split, in the order of the list that names them, else by name.

    A match is a folder with labels or a preferred video, whatever its subfolders, or else the
    innermost folder with any video. `all` contains a match found in two split folders once.

    Args:
        root: folder of the data set.
        split: `train`, `valid`, `test`, `challenge`, or `all` for every match found.
        prefer: names of video files, best first; a match without them has its first video by name.
        labels_file: name of the label files.

    Raises `ConfigError` for an unknown split, `EmptySplitError` for one without a match,
    `DataError` for a root that is missing or cannot be read, or a listed match that is missing.
    Folders that cannot be read give an `OnballWarning`.
    """
    root = Path(root)
    if split not in (*SPLITS, ALL):
        raise ConfigError(f"unknown split '{split}': choose {', '.join(SPLITS)} or {ALL}")
    if not root.is_dir():
        raise DataError(f"{root}: no such folder: name the folder that holds the matches")
    _, folders = _listing(root)
    split_folders = [name for name in SPLITS if root / name in folders]
    found = _find_all(root, split_folders, prefer, labels_file)
    if not found:
        raise DataError(f"{root}: no match in it, that is no folder with {labels_file} or a video")
    if split == ALL:
        first = dict.fromkeys(match.name for match, _ in found)
        by_name = {match.name: match for match, _ in reversed(found)}
        return [by_name[name] for name in first]
    if (root / SPLITS_FILE).is_file():
        names = read_splits(root).get(split, ())
        return _listed(root, split, names, found, source=f"{SPLITS_FILE} lists")
    if split_folders:
        matches = [match for match, folder in found if folder == split]
        if not matches:
            there = ", ".join(split_folders)
            raise EmptySplitError(
                f"{root}: no match under '{split}' (split folders there: {there})"
            )
        return matches
    names = OFFICIAL_SPLITS[split]
    if not {match.name for match, _ in found} & set(names):
        raise EmptySplitError(
            f"{root}: which matches are '{split}'? There is no {SPLITS_FILE}, no folder '{split}' "
            f"and no official match of it, but {some_names([match.name for match, _ in found])}: "
            f"write {SPLITS_FILE} or take the split '{ALL}'"
        )
    return _listed(root, split, names, found, source="SoccerNet's list has")


def read_splits(root: str | Path) -> dict[str, tuple[str, ...]]:
    """Read `ROOT/splits.json`: the names of the matches of each split.

    Raises `DataError` if the file is missing or invalid.
    """
    path = Path(root) / SPLITS_FILE
    splits: dict[str, tuple[str, ...]] = {}
    for split, names in read_json_object(path, DataError).items():
        if split not in SPLITS:
            close = difflib.get_close_matches(split, SPLITS, n=1)
            hint = f"did you mean '{close[0]}'?" if close else f"known: {', '.join(SPLITS)}"
            raise DataError(f"{path}: unknown split '{split}': {hint}")
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise DataError(f"{path}: '{split}' is not a list of match names")
        splits[split] = tuple(name.replace("\\", "/").strip("/") for name in names)
    return splits


def write_splits(root: str | Path, splits: Mapping[str, Sequence[str]]) -> Path:
    """Write `ROOT/splits.json` and return its path.

    Raises `ConfigError` for an unknown split, `OnballError` if the file cannot be written.
    """
    unknown = [split for split in splits if split not in SPLITS]
    if unknown:
        raise ConfigError(f"unknown split '{unknown[0]}': choose {', '.join(SPLITS)}")
    path = Path(root) / SPLITS_FILE
    write_json_atomic(path, {split: list(names) for split, names in splits.items()})
    return path


def _find_all(
    root: Path, split_folders: Sequence[str], prefer: Sequence[str], labels_file: str
) -> list[tuple[Match, str]]:
    """Every match below `root`, sorted by path, with the name of its split folder, or ''."""
    found = []
    for folder in _match_folders(root, {labels_file, *prefer}, _MAX_DEPTH):
        parts = folder.relative_to(root).parts
        split = parts[0] if parts and parts[0] in split_folders else ""
        name = "/".join(parts[1:] if split else parts) or folder.resolve().name
        found.append((_match(folder, name, prefer, labels_file), split))
    return found


def _match_folders(folder: Path, signs: set[str], depth: int) -> Iterator[Path]:
    """Match folders in a folder, or itself. Raises `DataError` only if `folder` is unreadable."""
    entries, folders = _listing(folder)
    names = {entry.name for entry in entries}
    if names & signs:
        yield folder
        return
    below: list[Path] = []
    for inner in folders if depth > 0 else ():
        try:
            below += _match_folders(inner, signs, depth - 1)
        except DataError as error:  # A folder such as `lost+found` must not prevent the others.
            warnings.warn(f"{error}: left out", OnballWarning, stacklevel=2)
    if below:
        yield from below
    elif any(entry.suffix.lower() in VIDEO_SUFFIXES for entry in entries):
        yield folder


def _listing(folder: Path) -> tuple[list[Path], list[Path]]:
    """Entries of a folder that are not hidden, by name, and the folders among them.

    Raises `DataError` if it cannot be read.
    """
    try:
        entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
        return entries, [entry for entry in entries if entry.is_dir()]
    except OSError as error:
        raise DataError(f"{folder}: cannot be read ({error.strerror})") from error


def _match(folder: Path, name: str, prefer: Sequence[str], labels_file: str) -> Match:
    labels = folder / labels_file
    videos = sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in VIDEO_SUFFIXES and path.name[0] != "." and path.is_file()
    )
    preferred = [folder / wanted for wanted in prefer if (folder / wanted).is_file()]
    video = next(iter(preferred + videos), None)
    return Match(name, folder, video, labels if labels.is_file() else None)


def _listed(
    root: Path,
    split: str,
    names: Sequence[str],
    found: Sequence[tuple[Match, str]],
    source: str,
) -> list[Match]:
    """Matches by name; those in the folder of the split are preferred."""
    if not names:
        raise EmptySplitError(f"{root}: {source} no match for '{split}'")
    by_name: dict[str, Match] = {}
    for match, folder in found:
        name = composed_name(match.name)
        if name not in by_name or folder == split:
            by_name[name] = match
    missing = [name for name in names if composed_name(name) not in by_name]
    if missing:
        raise DataError(
            f"{root}: {source} {len(names)} for '{split}', but {some_names(missing)} "
            f"is not there with video or labels: add it, or say otherwise in {SPLITS_FILE}"
        )
    return [by_name[composed_name(name)] for name in names]


def composed_name(name: str) -> str:
    """Name with accented letters as one character each (Unicode's NFC), to compare names.

    Some systems, among them macOS, write "ã" in file names as two characters.
    """
    return unicodedata.normalize("NFC", name)


def some_names(names: Sequence[str], limit: int = 3) -> str:
    """Format names for a message: the first `limit`, quoted, and the number of further ones."""
    shown = ", ".join(f"'{name}'" for name in names[:limit])
    return shown + (f" and {len(names) - limit} more" if len(names) > limit else "")
