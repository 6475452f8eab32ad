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
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

from onball.errors import InputError, LabelError, optional_dependency
from onball.formats.tags.base import (
    MATCH_CLOCK_S,
    Clock,
    ReadingOptions,
    Tag,
    TagFile,
    choose_part,
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
_SHEET = re.compile(r"xl/worksheets/[^/]*\.xml")
#: Rows in which the names of the columns are searched.
_MOST_TITLE_ROWS = 20
#: Fewer tags do not show that their times are in another unit.
_FEWEST_OF_A_UNIT = 3
_DAY_S = 86_400
#: No video of a match is longer.
_LONGEST_MATCH_S = 4 * 3600
#: Types of cells with times.
_TIMES = (datetime.time, datetime.timedelta, datetime.datetime)
_CATEGORY = "CATEGORY:"
#: End of a number of a period such as `1.0`.
_WHOLE = re.compile(r"[.,]0+\Z")
_POINT, _START, _STOP = "POINT", "START", "STOP"

Row = tuple[int, Sequence[Any]]
"""Number of a row, from 1, and its cells."""


def read_table(path: Path, options: ReadingOptions) -> TagFile:
    """Read a table: CSV or TSV in UTF-8, UTF-16 or Windows-1252, or XLSX.

    Args:
        path: the file.
        options: `columns` names columns by their header, or by number from 1. `part` names the sheet,
            if several have tags.

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
        raise LabelError(f"{path}: no row in it: export the tags again")
    if not options.columns and _is_row_of_losslesscut(filled[0][1]):
        return _headerless(path, filled, options, notes)
    before, fields = _find_header(path, filled, options.columns)
    header, body = filled[before][1], filled[before + 1 :]
    if before:
        notes = (*notes, f"rows above the names of the columns, left out: {before}")
    tags, unit = _in_seconds(
        path, list(_read_rows(path, body, header, fields, options)), body, fields
    )
    tags = list(_pair_states(path, tags))
    clock, remarks = _clock(tags, fields, options.clock)
    without = [tag.source for tag in tags if tag.period is None] if "period" in fields else []
    if without:
        column = _text(header[fields["period"]])
        remarks.append(
            f"tags without a period (1 to 4) in the column '{column}': {len(without)}, first {without[0]}"
        )
    return tag_file(path, TABLE, tags, clock, notes=(*notes, *unit, *remarks))


def _find_header(
    path: Path, rows: Sequence[Row], chosen: Mapping[str, str]
) -> tuple[int, dict[str, int]]:
    """Find the row with the names of the columns, below which the tags are.

    Returns:
        Its index, after the rows of a title, and the column of each field.

    Raises:
        LabelError: there is none. The message is about the first row that has more than a title.
    """
    wide = [
        index
        for index, (_, cells) in enumerate(rows[:_MOST_TITLE_ROWS])
        if sum(map(bool, map(_text, cells))) > 1
    ] or [0]
    problem: LabelError | None = None
    for index in wide:
        number, cells = rows[index]
        try:
            return index, find_columns(path, number, [_text(cell) for cell in cells], chosen)
        except LabelError as error:
            problem = problem or error
    assert problem is not None
    raise problem


def _in_seconds(
    path: Path, tags: list[Tag], rows: Sequence[Row], fields: Mapping[str, int]
) -> tuple[list[Tag], tuple[str, ...]]:
    """Convert times that a workbook has in another unit, and a note if it does.

    Workbooks keep times as fractions of a day, and take 12:30 for hours and minutes.

    Raises:
        LabelError: all times are in the first second.
    """
    index = fields.get("start")
    starts = [tag.start_s for tag in tags]
    if index is None or len(tags) < _FEWEST_OF_A_UNIT or min(starts) < 0 or max(starts) == 0:
        return tags, ()
    if max(starts) < _LONGEST_MATCH_S / _DAY_S:
        scale = float(_DAY_S)
        note = "all times are below 0.17, so they were taken for fractions of a day, as workbooks have them"
    elif max(starts) < 1:
        raise LabelError(
            f"{path}: all {len(tags)} times are below 1: write seconds (83.5), 1:23.5 or 1:02:03.5"
        )
    elif (
        all(isinstance(cells[index], _TIMES) for _, cells in rows)
        and max(starts) >= _LONGEST_MATCH_S
        and not any(time_s % 60 for tag in tags for time_s in (tag.start_s, tag.end_s or 0.0))
    ):
        scale = 1 / 60
        note = (
            f"the workbook has hours and minutes, up to {max(starts) / 3600:.0f} hours, which were taken for "
            "minutes and seconds"
        )
    else:
        return tags, ()
    scaled = [
        replace(tag, start_s=tag.start_s * scale, end_s=tag.end_s and tag.end_s * scale)
        for tag in tags
    ]
    return scaled, (note,)


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
    rows: list[list[str]] = []
    try:
        for cells in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            rows.append(cells)
    except csv.Error as error:  # a cell is longer than 128 KiB
        raise LabelError(
            f"{path}, row {len(rows) + 1}: no table that can be read ({error}): is a quotation mark open?"
        ) from None
    _require_closed_quotes(path, text, delimiter, len(rows))
    yield from enumerate(rows, start=1)


def _require_closed_quotes(path: Path, text: str, delimiter: str, rows: int) -> None:
    """Raise `LabelError` if the quotes of the last row are open: it then has all rows below it."""
    try:
        for _ in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True):
            pass
    except csv.Error as error:
        if "unexpected end of data" in str(error):
            raise LabelError(
                f"{path}, row {rows}: a quotation mark is not closed: remove or close it"
            ) from None


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
            merged = any(
                b"<mergeCell " in archive.read(name) for name in names if _SHEET.fullmatch(name)
            )
        book = load_workbook(io.BytesIO(content), read_only=not merged, data_only=True)
    except InputError:
        raise
    except Exception as error:  # openpyxl raises whatever a damaged file leads to
        raise LabelError(f"{path}: no workbook that can be read ({reason_of(error)})") from None
    pages = {page.title: page for page in book.worksheets}
    filled = {name: page for name, page in pages.items() if _has_rows(page)}
    try:
        page = choose_part(filled if sheet is None and filled else pages, sheet, "sheet")
    except LabelError as error:
        raise LabelError(f"{path}: {error}") from None
    rows = [list(cells) for cells in _values(page)]
    if merged:
        _unmerge(rows, page.merged_cells.ranges)
    yield from enumerate(rows, start=1)


def _values(page: Any) -> Iterator[tuple[Any, ...]]:
    """Rows of a sheet, without the formats of cells."""
    rows: Iterator[tuple[Any, ...]] = page.iter_rows(values_only=True)
    return rows


def _has_rows(page: Any) -> bool:
    """Return True for a sheet with more than one row, which is more than names of columns."""
    return len(list(islice(filter(any, _values(page)), 2))) > 1


def _unmerge(rows: list[list[Any]], ranges: Iterable[Any]) -> None:
    """Give each row that cells are merged over the value, which only the first of them has."""
    for area in ranges:
        value = rows[area.min_row - 1][area.min_col - 1]
        for row in rows[area.min_row : area.max_row]:
            row[area.min_col - 1] = value


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

    if surplus := sum(bool(_text(value)) for value in cells[len(header) :]):
        raise LabelError(
            f"{len(header) + surplus} cells below {len(header)} names of columns: put times with a decimal "
            "comma into quotes, or save the table with semicolons or tabs"
        )
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
        end_s=end_s,
        period=period_of(_WHOLE.sub("", _text(cell("period")))),
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
            if value.year > 1901:
                raise LabelError(f"'{value}' is a date: write the time in the video")
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
    return Tag(category, start_s, end_s, None, known, labels, f"row {number}")
