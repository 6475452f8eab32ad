"""Files of events in the format of their suffix, for `EventList.save` and `EventList.load`.

`find_event_files` finds those of one or many videos, as `onball spot` and SoccerNet arrange them.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePath

from onball.actions import BALL_ACTIONS, ActionSet
from onball.errors import InputError, LabelError
from onball.events import EventList
from onball.files import read_json_object
from onball.formats.event_table import TABLE_FILE, read_event_table, write_event_table
from onball.formats.soccernet import (
    LABELS_FILE,
    RESULTS_FILE,
    read_labels,
    read_results,
    write_labels,
    write_results,
)
from onball.outputs import check_unedited, update_record

#: Beginning of the names of files of annotations, as in `Labels-ball.json`.
_LABELS = LABELS_FILE.partition("-")[0]

_SUFFIXES = (".json", ".csv")
#: Names of the files that `onball spot` and SoccerNet write, from the best.
_USUAL = (RESULTS_FILE, TABLE_FILE, LABELS_FILE)


def write_event_file(events: EventList, path: str | Path) -> None:
    """Write all events; see `EventList.save`."""
    suffix = _suffix(path)
    if suffix == ".csv":
        write_event_table(events, path)
    elif is_label_file(path):
        write_labels(events, path)
    else:
        write_results(events, path)


def read_event_file(path: str | Path, actions: ActionSet = BALL_ACTIONS) -> EventList:
    """Read events; see `EventList.load`."""
    if _suffix(path) == ".csv":
        return read_event_table(path, actions.union(_classes_beside(Path(path))))
    if "annotations" in read_json_object(path, LabelError):
        return read_labels(path, actions)
    return read_results(path, actions=actions)


def _classes_beside(table: Path) -> ActionSet:
    """Classes of the model whose results are in the folder of a table, else the 12 actions."""
    results = table.with_name(RESULTS_FILE)
    try:
        info = read_results(results).info if results.is_file() else None
    except LabelError:  # the table can be read without them
        info = None
    return BALL_ACTIONS if info is None else info.classes


def find_event_files(path: str | Path) -> dict[str, Path]:
    """Find the events of one or many videos: a file, or a folder of results or labels.

    Args:
        path: a file of events, or a folder that holds, at any depth, `results_spotting.json`. A
            folder without one may have `events.csv` or `Labels-ball.json` instead.

    Returns:
        The file of each video by its name: that of the folder that holds the file, relative to
        `path`. A file with a name of its own has that.

    Raises:
        InputError: there is no such path, or no events in it.
    """
    path = Path(path)
    if path.is_file():
        if path.suffix.lower() not in _SUFFIXES:
            raise InputError(
                f"{path}: holds no events: name results of `onball spot` (.json or .csv, or their "
                "folder)"
            )
        return {path.absolute().parent.name if path.name in _USUAL else path.stem: path}
    if not path.is_dir():
        raise InputError(f"{path}: no such file or folder: name results of `onball spot`")
    files = [file.relative_to(path) for name in _USUAL for file in sorted(path.rglob(name))]
    found = {name: path / file for name, file in choose_event_files(files).items()}
    if not found:
        raise InputError(
            f"{path}: no {', '.join(_USUAL[:-1])} or {_USUAL[-1]} in it: name results of `onball spot`"
        )
    own = found.pop(".", None)
    return ({} if own is None else {path.resolve().name: own}) | found


def choose_event_files(files: Iterable[PurePath]) -> dict[str, PurePath]:
    """Choose one file of events in each folder.

    Args:
        files: paths of files, relative to the folder of all results.

    Returns:
        The file in each folder by the path of the folder, in the order of these; `.` is the folder of all.
    """
    found: dict[str, PurePath] = {}
    named = (one for one in files if one.name in _USUAL)
    for file in sorted(named, key=lambda one: _USUAL.index(one.name)):
        if not any(part.startswith(".") for part in file.parent.parts):
            found.setdefault(file.parent.as_posix(), file)
    return dict(sorted(found.items()))


def update_event_table(events: EventList, folder: str | Path, *, overwrite: bool = False) -> None:
    """Write `events.csv` in a folder of results again, with other events, and record it.

    Args:
        events: events for the table, chosen from `results_spotting.json` in the same folder.
        folder: folder of the results of a video.
        overwrite: replace a table that was edited by hand, or that onball did not write.

    Raises:
        OutputConflictError: such a table is there.
        OnballError: the file cannot be written.
    """
    check_unedited(folder, TABLE_FILE, overwrite=overwrite)
    write_event_table(events, Path(folder) / TABLE_FILE)
    update_record(folder, TABLE_FILE)


def is_label_file(path: str | Path) -> bool:
    """Return True if a file of this name is written as annotations."""
    return Path(path).name.startswith(_LABELS)


def _suffix(path: str | Path) -> str:
    suffix = Path(path).suffix.lower()
    if suffix not in _SUFFIXES:
        found = f"the suffix '{suffix}' is of no format" if suffix else "has no suffix"
        raise InputError(f"{path}: {found} of events: use .json (SoccerNet) or .csv (table)")
    return suffix
