"""Events as a CSV table, one row per event, for spreadsheets and analysts' scripts."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from onball.actions import parse_action
from onball.errors import LabelError
from onball.events import Event, EventList, Team
from onball.files import read_text, write_text_atomic

COLUMNS = (
    "match_id",
    "half",
    "position_ms",
    "time",
    "label",
    "team",
    "confidence",
    "start_s",
    "end_s",
)
_DERIVED = {"time", "start_s", "end_s"}

_Number = TypeVar("_Number", int, float)


def write_event_table(
    events: EventList, path: str | Path, *, lead_ms: int = 5_000, lag_ms: int = 3_000
) -> None:
    """Write events as CSV with the columns of `COLUMNS`.

    `time` is the position as `HH:MM:SS.mmm`; `start_s` and `end_s` bound the excerpt to watch, in
    seconds: from `lead_ms` before the event, but not before the video, to `lag_ms` after it.
    Visibility and metadata have no column and are not written.

    Args:
        events: events of a match.
        path: the file.
        lead_ms: length of the excerpt before the event, in milliseconds.
        lag_ms: length of the excerpt after the event, in milliseconds.

    Raises:
        OnballError: the file cannot be written.
    """
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(COLUMNS)
    for event in events:
        start_ms = max(0, event.position_ms - lead_ms)
        end_ms = event.position_ms + lag_ms
        writer.writerow(
            (
                events.match,
                event.half,
                event.position_ms,
                _clock(event.position_ms),
                event.label.value,
                event.team.value,
                float(event.confidence),
                f"{start_ms / 1000:.3f}",
                f"{end_ms / 1000:.3f}",
            )
        )
    write_text_atomic(path, table.getvalue())


def read_event_table(path: str | Path) -> EventList:
    """Read a table of events, sorted by time. The columns `time`, `start_s` and `end_s` may be absent.

    Args:
        path: the file.

    Raises:
        LabelError: a column is missing, a value cannot be understood, or there are rows of more
            than one match. The message names the file and the line.
    """
    table = csv.DictReader(io.StringIO(read_text(path, LabelError), newline=""))
    try:
        header = table.fieldnames or ()
        missing = [name for name in COLUMNS if name not in header and name not in _DERIVED]
        if missing:
            raise LabelError(f"no column {', '.join(missing)} in the first line")
        events, matches = [], set()
        for row in table:
            events.append(_event(row))
            matches.add(row["match_id"])
    except (LabelError, ValueError, csv.Error) as error:
        reason = " ".join(str(error).split())
        raise LabelError(f"{path}, line {max(table.line_num, 1)}: {reason}") from None
    if len(matches) > 1:
        raise LabelError(f"{path}: rows of {len(matches)} matches: write one file per match")
    return EventList.of(events, match=matches.pop() if matches else "")


def _event(row: dict[str, str | None]) -> Event:
    """Convert a row to an event. Raises `LabelError` or `ValueError`."""
    cells = {name: (row[name] or "").strip() for name in COLUMNS if name not in _DERIVED}
    return Event(
        position_ms=_number(cells, "position_ms", int),
        label=parse_action(cells["label"]),
        confidence=_number(cells, "confidence", float),
        team=_team(cells["team"]),
        half=_number(cells, "half", int),
    )


def _number(cells: dict[str, str], column: str, kind: Callable[[str], _Number]) -> _Number:
    try:
        return kind(cells[column])
    except ValueError:
        wanted = "whole number" if kind is int else "number"
        raise LabelError(f"{column} '{cells[column]}' is not a {wanted}") from None


def _team(text: str) -> Team:
    try:
        return Team(text.lower() or Team.UNKNOWN)
    except ValueError:
        raise LabelError(f"team '{text}': write {', '.join(Team)}") from None


def _clock(position_ms: int) -> str:
    seconds, milliseconds = divmod(position_ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}.{milliseconds:03d}"
