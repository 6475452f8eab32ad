"""Events as a CSV table, one row per event, that people read, edit and filter in a spreadsheet.

| column | content |
|---|---|
| `time` | time in the video, `HH:MM:SS`: where to jump to |
| `label` | the action |
| `confidence` | 0 to 1, rounded to 4 digits |
| `team` | `left`, `right` or `unknown`; left out if no team is known |
| `half` | 1 or 2 |
| `clock` | match clock, `47'12`; only if the kick-off is known |
| `start_s`, `end_s` | seconds in the video: the excerpt to watch |
| `position_ms` | the exact time in milliseconds |
| `match_id` | name of the match or video |

Written tables are UTF-8 with a byte order mark, without which Excel shows "KÃ¶ln". `time` has no
fraction and `clock` no colon, because spreadsheets show `00:01:23.480` as `01:23.5`, and take
`47:12` for hours.

Tables are read as spreadsheets save them: separated by commas, semicolons or tabs, in UTF-8, UTF-16
or Windows-1252, with decimal commas, with empty or other rows and columns, in any order. A row needs
`label` and one of `time` and `position_ms`. If these disagree then `time` counts, because people
edit it; it agrees with every position within its second.
"""

from __future__ import annotations

import csv
import difflib
import io
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from onball.actions import BALL_ACTIONS, ActionSet, EventLabel
from onball.errors import InputError, LabelError, OnballWarning
from onball.events import Event, EventList, SpottingInfo, Team, parse_team
from onball.files import decode_text, write_text_atomic
from onball.timing import format_time, parse_time

TABLE_FILE = "events.csv"
COLUMNS = (
    "time",
    "label",
    "confidence",
    "team",
    "half",
    "clock",
    "start_s",
    "end_s",
    "position_ms",
    "match_id",
)
_ALIASES = {"action": "label", "position": "position_ms", "match": "match_id"}
"""Other names of columns that are understood."""
_READ = ("time", "label", "confidence", "team", "half", "position_ms", "match_id")
"""Columns that are read. The others are derived from them, or the user's own."""
#: Excerpt to watch around an event, in milliseconds.
LEAD_MS, LAG_MS = 5_000, 3_000
_DELIMITERS = (",", ";", "\t")
_CONFIDENCE_DIGITS = 4
_HALF_MS = 45 * 60_000
_HOUR_MS = 3_600_000
_LONG = 40
"""Number of characters of a cell that an error shows."""

#: Form in which Excel shows, and saves, a time with a fraction: without its hours.
_WITHOUT_HOURS = re.compile(r"[0-5]\d:[0-5]\d[.,]\d", re.ASCII)


@dataclass(frozen=True, slots=True)
class TableStyle:
    """Characters of a table.

    Attributes:
        delimiter: separator of the cells.
        decimal: decimal point or comma.
    """

    delimiter: str = ","
    decimal: str = "."


def write_event_table(
    events: EventList,
    path: str | Path,
    *,
    lead_ms: int | Mapping[EventLabel, int] = LEAD_MS,
    lag_ms: int | Mapping[EventLabel, int] = LAG_MS,
    style: TableStyle = TableStyle(),
) -> None:
    """Write events as CSV, with the columns that the module describes.

    The length of the video, where excerpts end at the latest, and its kick-off are those of
    `events.info`. Visibility and metadata have no column and are not written. Confidences are
    rounded, so evaluate the JSON files: they have all digits.

    Args:
        events: events of a match.
        path: the file.
        lead_ms: length of the excerpt before the event, in milliseconds, also by action.
        lag_ms: length of the excerpt after the event, in milliseconds, also by action.
        style: separator of the cells, and decimal point.

    Raises:
        OnballError: the file cannot be written.
    """
    text = event_table_text(events, lead_ms=lead_ms, lag_ms=lag_ms, style=style)
    write_text_atomic(path, text)


def event_table_text(
    events: EventList,
    *,
    lead_ms: int | Mapping[EventLabel, int] = LEAD_MS,
    lag_ms: int | Mapping[EventLabel, int] = LAG_MS,
    style: TableStyle = TableStyle(),
) -> str:
    """Return the text of a table, with its byte order mark; see `write_event_table`."""
    table = io.StringIO()
    writer = csv.writer(table, delimiter=style.delimiter, lineterminator="\n")
    columns = columns_of(events)
    writer.writerow(columns)
    for event in events:
        row = event_row(event, events, lead_ms, lag_ms)
        cells = {
            **row,
            "time": format_time(event.position_ms),
            "confidence": f"{row['confidence']:g}".replace(".", style.decimal),
            "start_s": f"{row['start_s']:.3f}".replace(".", style.decimal),
            "end_s": f"{row['end_s']:.3f}".replace(".", style.decimal),
        }
        writer.writerow([cells[name] for name in columns])
    return "\ufeff" + table.getvalue()


def columns_of(events: EventList) -> list[str]:
    """Return the columns of the table of events; what is unknown for all has none."""
    left_out = set() if any(event.team is not Team.UNKNOWN for event in events) else {"team"}
    if events.info is None or not events.info.kickoffs_ms:
        left_out.add("clock")
    return [name for name in COLUMNS if name not in left_out]


def event_row(
    event: Event,
    events: EventList,
    lead_ms: int | Mapping[EventLabel, int] = LEAD_MS,
    lag_ms: int | Mapping[EventLabel, int] = LAG_MS,
) -> dict[str, Any]:
    """Return the values of an event by column; `time`, `start_s` and `end_s` are in seconds.

    Args:
        event: the event.
        events: the list that it is of.
        lead_ms: see `write_event_table`; an action that is not named has the default.
        lag_ms: see `write_event_table`.
    """
    info = events.info or SpottingInfo()
    lead = lead_ms if isinstance(lead_ms, int) else lead_ms.get(event.label, LEAD_MS)
    lag = lag_ms if isinstance(lag_ms, int) else lag_ms.get(event.label, LAG_MS)
    start_ms = max(0, event.position_ms - lead)
    end_ms = event.position_ms + lag
    if info.duration_ms is not None:
        end_ms = max(start_ms, min(end_ms, info.duration_ms))
    return {
        "time": event.position_ms / 1000,
        "label": event.label.value,
        "confidence": round(float(event.confidence), _CONFIDENCE_DIGITS),
        "team": event.team.value,
        "half": event.half,
        "clock": match_clock(event, info),
        "start_s": start_ms / 1000,
        "end_s": end_ms / 1000,
        "position_ms": event.position_ms,
        "match_id": events.match,
    }


def match_clock(event: Event, info: SpottingInfo) -> str:
    """Format the match clock of an event, `47'12`; empty before the kick-off, or if unknown."""
    played_ms = info.clock_ms(event)
    if played_ms is None or played_ms < 0:
        return ""
    minutes, seconds = divmod((played_ms + (event.half - 1) * _HALF_MS) // 1000, 60)
    return f"{minutes:02d}'{seconds:02d}"


# Reading

_Value = TypeVar("_Value")


def read_event_table(path: str | Path, actions: ActionSet = BALL_ACTIONS) -> EventList:
    """Read a table of events, sorted by time, as `write_event_table` or a spreadsheet saves it.

    Rows need `label` and one of `time` and `position_ms`. An absent or empty `confidence` is 1, as
    of a label, `team` is unknown, and `half` is that of the other rows. Actions may be in any case
    and shortened, see `ActionSet.find`.

    Warns with `OnballWarning` if `time` and `position_ms` disagree; `time` counts.

    Args:
        path: the file.
        actions: actions that may occur, beside the 12 actions.

    Raises:
        LabelError: a column is missing, a value cannot be understood, or there are rows of more
            than one match. The message names the file, the row as spreadsheets count it, and the
            column.
    """
    rows = list(_read_rows(Path(path), actions))
    match = next((row.match for row in rows if row.match), "")
    for row in rows:
        if row.match not in ("", match):
            names = " ".join(f"'{row.match[:_LONG]}', and '{match[:_LONG]}' above".split())
            where = f"row {row.number}, column match_id"
            raise LabelError(f"{path}, {where}: {names}: write one file per match")
    halves = {row.half for row in rows if row.half is not None}
    for row in rows:
        if row.half is None and len(halves) > 1:
            raise LabelError(f"{path}, row {row.number}, column half: empty: write 1 or 2")
    events = []
    for row in rows:
        half = row.half or next(iter(halves), 1)
        try:
            events.append(Event(row.position_ms, row.label, row.confidence, row.team, half))
        except LabelError as error:
            raise LabelError(f"{path}, row {row.number}: {error}") from None
    edited = [str(row.number) for row in rows if row.has_new_time]
    if edited:
        numbers = ", ".join(edited[:5]) + (f" and {len(edited) - 5} more" if edited[5:] else "")
        where = f"{'row' if len(edited) == 1 else 'rows'} {numbers}"
        message = f"{path}: time was changed in {where}: it counts, and not position_ms"
        warnings.warn(message, OnballWarning, stacklevel=2)
    return EventList.of(events, match=match)


@dataclass(frozen=True, slots=True)
class _Row:
    """Values of a row; `half` is None and `match` empty where the cell is.

    Attributes:
        number: row of the spreadsheet, from 1.
        has_new_time: True if `time` and `position_ms` disagree.
    """

    number: int
    position_ms: int
    has_new_time: bool
    label: EventLabel
    confidence: float
    team: Team
    half: int | None
    match: str


def _read_rows(path: Path, actions: ActionSet) -> Iterator[_Row]:
    """Rows that are not empty. Raises `LabelError`."""
    text = _decode(path)
    delimiter = _delimiter_of(text)
    # A line `sep=;` before the header names the separator to spreadsheets.
    text = re.sub(r"\A\s*sep=.\r?\n", "\n", text)
    columns: dict[str, int] | None = None
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    number = 0
    try:
        for number, cells in enumerate(reader, start=1):
            if not any(cell.strip() for cell in cells):
                continue
            if columns is None:
                columns = _find_columns(cells)
            else:
                yield _read_row(number, cells, columns, actions)
    except LabelError as error:
        raise LabelError(f"{path}, row {number}, {' '.join(str(error).split())}") from None
    except csv.Error as error:
        raise LabelError(f"{path}, after row {number}: {error}") from None
    if columns is None:
        raise LabelError(f"{path}: empty: no columns in it")


def _decode(path: Path) -> str:
    """Text of a file in UTF-8, UTF-16 or, if it is neither, Windows-1252."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise LabelError(f"{path}: no such file") from None
    except OSError as error:
        raise LabelError(f"{path}: cannot be read ({error.strerror})") from error
    if content.startswith(b"PK\x03\x04"):
        raise LabelError(f"{path}: a workbook (.xlsx, .ods), not a table: save it as CSV")
    return decode_text(content)[0]


def _delimiter_of(text: str) -> str:
    """Separator of the cells: the one with which the first line has most of the known columns."""
    first = next((line for line in text.splitlines() if _known(line, ",;\t")), "")
    return max(_DELIMITERS, key=lambda delimiter: len(_known(first, delimiter)))


def _known(line: str, delimiters: str) -> set[str]:
    return {_column_name(cell) for cell in re.split(f"[{delimiters}]", line)} & {*_READ}


def _column_name(cell: str) -> str:
    name = re.sub(r"\s+", "_", cell.strip().strip('"').strip().lower())
    return _ALIASES.get(name, name)


def _find_columns(header: Sequence[str]) -> dict[str, int]:
    """Index of each known column. Raises `LabelError`."""
    names = [_column_name(cell) for cell in header]
    columns = {name: names.index(name) for name in _READ if name in names}
    missing = [] if "label" in columns else ["label"]
    if not {"time", "position_ms"} & set(columns):
        missing.append("time")
    for name in missing:
        close = difflib.get_close_matches(name, [n for n in names if n not in columns], n=1)
        hint = f": is it '{close[0]}'?" if close else ""
        raise LabelError(f"names of the columns: no '{name}'{hint}")
    return columns


def _read_row(
    number: int, cells: Sequence[str], columns: dict[str, int], actions: ActionSet
) -> _Row:
    """Convert the cells of a row. Raises `LabelError`."""

    def value(column: str, convert: Callable[[str], _Value], default: _Value) -> _Value:
        index = columns.get(column)
        text = "" if index is None or index >= len(cells) else cells[index].strip()
        if not text:
            return default
        try:
            return convert(text)
        except InputError as error:
            shortened = text if len(text) <= _LONG else f"{text[:_LONG]}…"
            reason = str(error).replace(text, shortened)
            raise LabelError(f"column {column}: {reason}") from None

    label = value("label", lambda name: _find(name, actions), None)
    if label is None:
        raise LabelError("column label: empty: write an action, or delete the row")
    exact_ms = value("position_ms", _whole_number, None)
    time = value("time", str, "")
    shown_ms = value("time", parse_time, exact_ms)
    if shown_ms is None:
        raise LabelError("column time: empty: write the time of the event")
    if exact_ms is not None and time:
        shown_ms = _agreeing(time, shown_ms, exact_ms)
    return _Row(
        number,
        position_ms=shown_ms,
        has_new_time=exact_ms not in (None, shown_ms),
        label=label,
        confidence=value("confidence", _number, 1.0),
        team=value("team", parse_team, Team.UNKNOWN),
        half=value("half", _whole_number, None),
        match=value("match_id", str, ""),
    )


def _find(name: str, actions: ActionSet) -> EventLabel:
    """Label of a name: one of the actions, or else one of the 12 by its full name."""
    try:
        return actions.find(name)
    except LabelError:
        label = next((one for one in BALL_ACTIONS if one.casefold() == name.casefold()), None)
        if label is None:
            raise
        return label


def _agreeing(text: str, shown_ms: int, exact_ms: int) -> int:
    """Return the exact position if the text of `time` may show it, and otherwise that of the text."""
    if _WITHOUT_HOURS.fullmatch(text):
        shown_ms += max(0, round((exact_ms - shown_ms) / _HOUR_MS)) * _HOUR_MS
    fraction = re.split("[.,]", text)[1:]
    digits = len(fraction[0]) if fraction else 0
    unit_ms = max(1, 10 ** (3 - digits))
    truncated = exact_ms // unit_ms * unit_ms
    rounded = (exact_ms + unit_ms // 2) // unit_ms * unit_ms
    # Whole seconds are never rounded up, in no program: a time one second later was edited.
    agrees = shown_ms == truncated or (digits > 0 and shown_ms == rounded)
    return exact_ms if agrees else shown_ms


def _number(text: str) -> float:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        raise LabelError(f"'{text}' is not a number") from None


def _whole_number(text: str) -> int:
    try:
        number = _number(text)
        if number == int(number):
            return int(number)
    except (LabelError, ValueError, OverflowError):  # NaN and infinity
        pass
    raise LabelError(f"'{text}' is not a whole number")
