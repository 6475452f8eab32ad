"""Files of events in the format of their suffix, for `EventList.save` and `EventList.load`."""

from __future__ import annotations

from pathlib import Path

from onball.errors import InputError, LabelError
from onball.events import EventList
from onball.files import read_json_object
from onball.formats.event_table import read_event_table, write_event_table
from onball.formats.soccernet import (
    LABELS_FILE,
    read_labels,
    read_results,
    write_labels,
    write_results,
)

#: Beginning of the names of files of annotations, as in `Labels-ball.json`.
_LABELS = LABELS_FILE.partition("-")[0]


def write_event_file(events: EventList, path: str | Path) -> None:
    """Write all events; see `EventList.save`."""
    suffix = _suffix(path)
    if suffix == ".csv":
        write_event_table(events, path)
    elif Path(path).name.startswith(_LABELS):
        write_labels(events, path)
    else:
        write_results(events, path)


def read_event_file(path: str | Path) -> EventList:
    """Read events; see `EventList.load`."""
    if _suffix(path) == ".csv":
        return read_event_table(path)
    if "annotations" in read_json_object(path, LabelError):
        return read_labels(path)
    return read_results(path)


def _suffix(path: str | Path) -> str:
    suffix = Path(path).suffix.lower()
    if suffix not in (".json", ".csv"):
        found = f"the suffix '{suffix}' is of no format" if suffix else "has no suffix"
        raise InputError(f"{path}: {found} of events: use .json (SoccerNet) or .csv (table)")
    return suffix
