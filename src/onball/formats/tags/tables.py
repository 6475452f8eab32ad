"""Tables of tags: CSV, TSV and XLSX with a row per tag, and LongoMatch's CSV.

Columns are found by their names, in several languages, or are named by the user: `code`, `start`
(seconds or a clock time), `end`, `period`, `team`; a match clock may be in two columns, `minute` and
`second`. All other columns become labels. A table without a header, as LosslessCut writes it, has the
columns start, end and code.

LongoMatch writes a block for each category:

    CATEGORY: Shot
    Name;Start;Stop;Team;Left;Right
    Shot 1;0:01:02,350;0:01:10,350;LOCAL;1;0
"""

from __future__ import annotations

import csv
import datetime
import difflib
import io
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from onball.errors import InputError, LabelError, optional_dependency
from onball.formats.tags.base import (
    MATCH_CLOCK_S,
    Clock,
    ReadingOptions,
    Tag,
    TagFile,
    read_bytes,
    reason_of,
    tag_file,
    text_of,
)
from onball.formats.tags.markers import period_of, plain_words
from onball.formats.tags.times import parse_seconds

TABLE = "table"
LONGOMATCH = "longomatch"
#: Names of columns by field, as `plain_words`; the first that is there counts.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "code": (
        "code", "action", "label", "event", "event type", "event name", "type", "tag", "behavior",
        "behaviour", "category", "codigo", "accion", "evento", "etiqueta", "aktion", "ereignis",
        "kategorie", "evenement", "azione", "codice", "acao", "actie", "действие", "событие", "код", "name",
    ),
    "position_ms": ("position ms", "start ms", "time ms", "timestamp ms", "milliseconds", "position"),
    "start": (
        "start", "start s", "start time", "start time s", "start sec", "start seconds", "in", "begin", "from",
        "time", "time s", "timestamp", "seconds", "video time", "clip start", "start stop time", "inicio",
        "comienzo", "tiempo", "hora", "beginn", "anfang", "von", "zeit", "debut", "temps", "inizio", "tempo",
        "начало", "время",
    ),
    "end_ms": ("end ms", "stop ms"),
    "end": (
        "end", "end s", "end time", "end sec", "end seconds", "stop", "stop s", "stop time", "stop time s",
        "out", "to", "clip end", "fin", "fim", "ende", "bis", "fine", "конец",
    ),
    "minute": ("minute", "min", "minutes", "minuto", "minuten", "минута"),
    "second": ("second", "sec", "segundo", "sekunde", "seconde", "secondo", "секунда"),
    "period": (
        "period", "period id", "half", "match period", "mitad", "periodo", "parte", "halbzeit", "periode",
        "mi temps", "meia", "таим", "период",
    ),
    "team": ("team", "team name", "equipo", "mannschaft", "equipe", "squadra", "ploeg", "команда", "subject"),
    "status": ("behavior type", "behaviour type", "status"),
}  # fmt: skip
_FIELDS = ("code", "start", "end", "period", "team", "minute", "second")
_DELIMITERS = ",;\t|"
_MOST_CELLS_BYTES = 500_000_000
_CATEGORY = "CATEGORY:"
_POINT, _START, _STOP = "POINT", "START", "STOP"

Row = tuple[int, Sequence[Any]]
"""Number of a row, from 1, and its cells."""


def read_table(path: Path, options: ReadingOptions) -> TagFile:
    """Read a table: CSV or TSV in UTF-8, UTF-16 or Windows-1252, or XLSX (its first sheet).

    Args:
        path: the file.
        options: `columns` names columns by their header, or by number from 1. `part` names the sheet.

    Raises:
        LabelError: a column is missing, or a value cannot be read; the message names row and column.
        MissingDependencyError: XLSX, and openpyxl is not installed.
    """
    content = read_bytes(path)
    notes: tuple[str, ...] = ()
    if content.startswith(b"PK\x03\x04"):
        rows = _workbook_rows(path, content, options.part)
    else:
        text, notes = text_of(path, content, options)
        rows = _text_rows(path, text)
    filled = [(number, cells) for number, cells in rows if any(_text(cell) for cell in cells)]
    if not filled:
        raise LabelError(f"{path}: no row in it")
    (header_row, header), *body = filled
    if not options.columns and _is_row_of_losslesscut(header):
        return _headerless(path, filled, options, notes)
    fields = find_columns(path, header_row, [_text(cell) for cell in header], options.columns)
    tags = list(_pair_states(path, _read_rows(path, body, header, fields, options)))
    clock, remarks = _clock(tags, fields, options.clock)
    return tag_file(path, TABLE, tags, clock, notes=(*notes, *remarks))


def find_columns(
    path: Path, row: int, header: Sequence[str], chosen: Mapping[str, str]
) -> dict[str, int]:
    """Find the column of each field.

    Args:
        path: the file, for messages.
        row: number of the header's row, for messages.
        header: names of the columns.
        chosen: names or numbers (from 1) of columns by field, from the user.

    Returns:
        Index of the column of each field that is there.

    Raises:
        LabelError: a chosen column, or one that is needed, is missing.
    """
    plain = [plain_words(name) for name in header]
    found: dict[str, int] = {}
    for name, column in chosen.items():
        if name not in _FIELDS:
            raise LabelError(f"--columns: unknown field '{name}': choose {', '.join(_FIELDS)}")
        wanted = plain_words(column)
        if wanted in plain:
            found[name] = plain.index(wanted)
        elif column.isdecimal() and 1 <= int(column) <= len(header):
            found[name] = int(column) - 1
        else:
            close = difflib.get_close_matches(wanted, plain, n=1)
            hint = f"did you mean '{header[plain.index(close[0])]}'?" if close else _listed(header)
            raise LabelError(f"{path}: no column '{column}' for the {name}: {hint}")
    for name, aliases in COLUMNS.items():
        match = next((plain.index(alias) for alias in aliases if alias in plain), None)
        if match is not None and match not in found.values():
            found.setdefault(name, match)
    if "start" in chosen or ("start" in found and plain[found.get("position_ms", 0)] == "position"):
        found.pop("position_ms", None)  # "position" may be that of a player
    if "code" not in found:
        raise LabelError(
            f"{path}, row {row}: no column with the action: name it with --columns code=NAME "
            f"({_listed(header)})"
        )
    if not {"start", "position_ms", "minute"} & set(found):
        raise LabelError(
            f"{path}, row {row}: no column with the time: name it with --columns start=NAME "
            f"({_listed(header)})"
        )
    return found


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(" ".join(name.split()) for name in names[:12] if name)
    return f"columns: {shown}{' …' if len(names) > 12 else ''}"


def _text_rows(path: Path, text: str) -> Iterator[Row]:
    """Rows of a text with the separator that its first lines have most often."""
    text = re.sub(r"\A\s*sep=.\r?\n", "\n", text)
    lines = [line for line in text.splitlines() if line.strip()][:20]
    delimiter = max(
        _DELIMITERS, key=lambda one: min((line.count(one) for line in lines), default=0)
    )
    if not any(delimiter in line for line in lines[:1]):
        delimiter = max(_DELIMITERS, key=lambda one: lines[0].count(one) if lines else 0)
    try:
        yield from enumerate(
            csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), start=1
        )
    except csv.Error as error:
        raise LabelError(f"{path}: no table that can be read ({error})") from None


def _workbook_rows(path: Path, content: bytes, sheet: str | None) -> Iterator[Row]:
    """Rows of a sheet of a workbook. Raises `LabelError`."""
    with optional_dependency("openpyxl", "xlsx", "Reading a workbook (.xlsx)"):
        from openpyxl import load_workbook
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            size = sum(entry.file_size for entry in archive.infolist())
        if "[Content_Types].xml" not in names:
            raise LabelError(
                f"{path}: is a zip file and no workbook: unpack it, and name the file with the tags"
            )
        if size > _MOST_CELLS_BYTES:
            raise LabelError(
                f"{path}: unpacks to {size / 1e6:.0f} MB, too much for a table of tags"
            )
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    except InputError:
        raise
    except Exception as error:  # openpyxl raises whatever a damaged file leads to
        raise LabelError(f"{path}: no workbook that can be read ({reason_of(error)})") from None
    names = book.sheetnames
    if sheet is not None and sheet not in names:
        raise LabelError(f"{path}: no sheet '{sheet}' (sheets: {', '.join(names)})")
    yield from enumerate(book[sheet or names[0]].iter_rows(values_only=True), start=1)


def _text(cell: Any) -> str:
    return "" if cell is None else str(cell).strip()


def _is_row_of_losslesscut(cells: Sequence[Any]) -> bool:
    """Return True for cells of start, end and code; one of the times may be empty."""
    times = cells[:2]
    return (
        len(cells) == 3
        and any(map(_text, times))
        and all(map(_is_time, times))
        and bool(_text(cells[2]))
        and not _is_time(cells[2])
    )


def _is_time(cell: Any) -> bool:
    """Return True for a cell with a time, or an empty one."""
    try:
        parse_seconds(_text(cell) or "0")
    except LabelError:
        return False
    return True


def _read_rows(
    path: Path,
    rows: Iterable[Row],
    header: Sequence[Any],
    fields: Mapping[str, int],
    options: ReadingOptions,
) -> Iterator[Tag]:
    for number, cells in rows:
        try:
            yield _read_row(number, cells, header, fields, options)
        except LabelError as error:
            raise LabelError(f"{path}, row {number}, {error}") from None


def _read_row(
    number: int,
    cells: Sequence[Any],
    header: Sequence[Any],
    fields: Mapping[str, int],
    options: ReadingOptions,
) -> Tag:
    """Convert the cells of a row. Raises `LabelError`."""

    def cell(name: str) -> Any:
        index = fields.get(name, len(cells))
        return cells[index] if index < len(cells) and _text(cells[index]) else None

    def converted(name: str, convert: Callable[[Any], float]) -> float | None:
        value = cell(name)
        try:
            return None if value is None else convert(value)
        except LabelError as error:
            raise LabelError(f"column {_text(header[fields[name]])}: {error}") from None

    def seconds(name: str) -> float | None:
        return converted(name, lambda value: cell_seconds(value, options.fps))

    code = _text(cell("code"))
    if not code:
        raise LabelError(f"column {_text(header[fields['code']])}: empty: write the action")
    start_s = converted("position_ms", _milliseconds)
    start_s = seconds("start") if start_s is None else start_s
    if start_s is None and (minutes := seconds("minute")) is not None:
        start_s = 60 * minutes + (seconds("second") or 0.0)
    if start_s is None:
        raise LabelError("the time is empty: write it, or delete the row")
    end_s = converted("end_ms", _milliseconds)
    end_s = seconds("end") if end_s is None else end_s
    labels = {
        _text(name) or f"column {index + 1}": _text(value)
        for index, (name, value) in enumerate(zip(header, cells, strict=False))
        if index not in fields.values() and _text(value)
    }
    if status := _text(cell("status")):
        labels["status"] = status
    return Tag(
        code=code,
        start_s=start_s,
        end_s=None if end_s is None else max(start_s, end_s),
        period=period_of(_text(cell("period"))) if cell("period") is not None else None,
        team=_text(cell("team")) or None,
        labels=labels,
        source=f"row {number}",
    )


def _milliseconds(value: Any) -> float:
    """Convert a cell with milliseconds to seconds. Raises `LabelError`."""
    try:
        return float(str(value).replace(",", ".")) / 1000
    except ValueError:
        raise LabelError(f"'{value}' is not a number of milliseconds") from None


def cell_seconds(value: Any, fps: float | None) -> float:
    """Convert the cell of a table or workbook to seconds. Raises `LabelError`."""
    match value:
        case bool():
            raise LabelError(f"'{value}' is not a time")
        case int() | float():
            return float(value)
        case datetime.timedelta():
            return value.total_seconds()
        case datetime.datetime():  # from 24 hours on: days since the first one of a workbook
            return (value - datetime.datetime(1899, 12, 30)).total_seconds()
        case datetime.time():
            return value.hour * 3600 + value.minute * 60 + value.second + value.microsecond / 1e6
    return parse_seconds(str(value), fps)


def _headerless(
    path: Path, rows: Sequence[Row], options: ReadingOptions, notes: Sequence[str]
) -> TagFile:
    """Read rows of start, end and code."""
    header = ("start", "end", "code")
    fields = {name: index for index, name in enumerate(header)}
    filled = [
        (number, ["0" if not _text(cells[0]) else cells[0], *cells[1:]]) for number, cells in rows
    ]
    tags = _read_rows(path, filled, header, fields, options)
    remark = "the table has no names of columns: they were taken for start, end and code"
    return tag_file(path, TABLE, tags, options.clock or Clock.VIDEO, notes=(*notes, remark))


def _pair_states(path: Path, tags: Iterable[Tag]) -> Iterator[Tag]:
    """Join rows of a beginning and an end, as BORIS exports states, into one tag."""
    opened: dict[tuple[str, str | None], Tag] = {}
    for tag in tags:
        status = tag.labels.get("status", "").upper()
        key = (tag.code, tag.team)
        if status == _START:
            opened[key] = tag
        elif status == _STOP and key in opened:
            yield replace(opened.pop(key), end_s=tag.start_s)
        else:
            yield tag
    yield from opened.values()


def _clock(
    tags: Sequence[Tag], fields: Mapping[str, int], chosen: Clock | None
) -> tuple[Clock, list[str]]:
    """Clock of the times of a table, and a note if it was assumed."""
    if chosen is not None:
        return chosen, []
    if "minute" in fields and not {"start", "position_ms"} & set(fields):
        return Clock.MATCH, ["columns of minutes and seconds were taken for the match clock"]
    by_period: dict[int, list[float]] = {}
    for tag in tags:
        if tag.period is not None:
            by_period.setdefault(tag.period, []).append(tag.start_s)
    ordered = [by_period[period] for period in sorted(by_period)]
    again = any(min(later) < max(former) for former, later in pairwise(ordered))
    if again and min(by_period.get(2, [0.0])) >= MATCH_CLOCK_S[2]:
        return Clock.MATCH, [
            "the second period begins at 45 minutes, before the last times of the first, so times were "
            "taken for those of the match clock"
        ]
    if again:
        return Clock.PERIOD, [
            "times begin again in each period, so they were taken to count from its kick-off"
        ]
    return Clock.VIDEO, []


def read_longomatch(path: Path, options: ReadingOptions) -> TagFile:
    """Read LongoMatch's CSV, with a block of rows for each category.

    Raises:
        LabelError: a row is not of the form, or has a time that cannot be read.
    """
    text, notes = text_of(path, read_bytes(path), options)
    return tag_file(
        path, LONGOMATCH, _blocks(path, text, options), options.clock or Clock.VIDEO, notes=notes
    )


def _blocks(path: Path, text: str, options: ReadingOptions) -> Iterator[Tag]:
    category, header = "", list[str]()
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith(_CATEGORY):
            category, header = line.removeprefix(_CATEGORY).strip(), []
        elif not line.strip():
            continue
        elif not header and plain_words(line).startswith("name start stop"):
            header = line.split(";")
        else:
            yield _block_row(path, number, line.split(";"), category, header, options)


def _block_row(
    path: Path,
    number: int,
    cells: Sequence[str],
    category: str,
    header: Sequence[str],
    options: ReadingOptions,
) -> Tag:
    # Versions differ in whether they write the header; names of tags are in it only.
    if len(cells) < 3 or not category:
        raise LabelError(f"{path}, row {number}: not of the form Name;Start;Stop;Team")
    try:
        start_s, end_s = (parse_seconds(cell, options.fps) for cell in cells[1:3])
    except LabelError as error:
        raise LabelError(f"{path}, row {number}: {error}") from None
    labels = {"Name": cells[0].strip()}
    names = [name for name, chosen in zip(header[4:], cells[4:], strict=False) if chosen == "1"]
    if names:
        labels["Tags"] = "; ".join(names)
    team = cells[3].strip() if len(cells) > 3 else ""
    known = team if team.upper() not in ("", "NONE") else None
    return Tag(category, start_s, max(start_s, end_s), None, known, labels, f"row {number}")
