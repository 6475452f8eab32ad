"""Tables for spreadsheets: CSV in the style of a country, and Excel workbooks.

A workbook has numbers and times as such, and opens alike everywhere. A spreadsheet opens a CSV file
with the list separator and the decimal point of the computer's region: `style_of` has them.
"""

from __future__ import annotations

import io
import locale
import re
import zipfile
from datetime import datetime, timedelta

from onball.errors import InputError, optional_dependency
from onball.formats.conversion.base import Conversion, one_line
from onball.formats.event_table import (
    TableStyle,
    columns_of,
    event_row,
    event_table_text,
)

#: Languages whose countries mostly write a decimal point, and separate lists by a comma.
_POINT = {
    "am", "bn", "cy", "en", "fil", "ga", "gu", "he", "hi", "ja", "kn", "ko", "ml", "mr", "ms", "mt", "my",
    "ne", "pa", "si", "sw", "ta", "th", "ur", "zh",
}  # fmt: skip
_COMMA_STYLE, _POINT_STYLE = TableStyle(";", ","), TableStyle(",", ".")
_REGIONS = {
    **dict.fromkeys(("de_CH", "it_CH", "fr_CH", "de_LI"), TableStyle(";", ".")),
    **dict.fromkeys(
        ("es_MX", "es_US", "es_PR", "es_GT", "es_HN", "es_NI", "es_PA", "es_SV", "es_DO", "es_PE"),
        _POINT_STYLE,
    ),
    "en_ZA": _COMMA_STYLE,
}
_LOCALE = re.compile(r"[A-Za-z]{2,3}(?:[_-][A-Za-z]{2}|[_-][A-Za-z]{4}[_-][A-Za-z]{2})?")
_SHEET = "Events"
_TIME_FORMAT = "[h]:mm:ss.000"
_WIDTHS = {"time": 13, "label": 28, "confidence": 11, "clock": 9, "position_ms": 12, "match_id": 40}
#: Workbooks of the same events have the same bytes.
_DATE = datetime(2000, 1, 1)


def csv_table(conversion: Conversion) -> str:
    """Return events as the table of `onball.formats.event_table`."""
    return event_table_text(
        conversion.events,
        lead_ms=conversion.leads_ms,
        lag_ms=conversion.lags_ms,
        style=conversion.style,
    )


def style_of(name: str | None) -> TableStyle:
    """Return how spreadsheets of a region separate cells and write numbers.

    Args:
        name: language and region, such as `de`, `de_CH` or `en-GB`; None for those of this computer.

    Raises:
        InputError: it is no such name.
    """
    if name is None:
        name = _own_locale()
    elif not _LOCALE.fullmatch(name):
        raise InputError(f"'{name}' is no language and region: write de, de_CH or en_GB")
    language, _, rest = name.replace("-", "_").partition("_")
    region = rest.rpartition("_")[2].upper()
    known = _REGIONS.get(f"{language.lower()}_{region}")
    return known or (_POINT_STYLE if language.lower() in _POINT else _COMMA_STYLE)


def _own_locale() -> str:
    """Language and region of this computer; `en` if it has none."""
    name = locale.getlocale()[0] or "en"  # None in the locale C
    found = _LOCALE.fullmatch(name) or _LOCALE.match(locale.normalize(name.partition("_")[0]))
    return found.group() if found and len(name) > 1 else "en"


def workbook(conversion: Conversion) -> bytes:
    """Return events as an Excel workbook, one row per event, with times and numbers as such.

    Raises:
        MissingDependencyError: openpyxl is not installed.
    """
    with optional_dependency("openpyxl", "xlsx", "Writing a workbook (.xlsx)"):
        from openpyxl import Workbook
        from openpyxl.styles import Font
        from openpyxl.utils import get_column_letter
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = _SHEET
    events = conversion.events
    columns = columns_of(events)
    sheet.append(columns)
    for row, event in enumerate(events, start=2):
        values = event_row(event, events, conversion.leads_ms, conversion.lags_ms)
        values["time"] = timedelta(milliseconds=event.position_ms)
        for index, name in enumerate(columns, start=1):
            cell = sheet.cell(row, index)
            value = values[name]
            if isinstance(value, str):
                cell.value = one_line(value)
                cell.data_type = "s"  # a text that begins with "=" is no formula
            else:
                cell.value = value
            if name == "time":
                cell.number_format = _TIME_FORMAT
    for index, name in enumerate(columns, start=1):
        sheet.cell(1, index).font = Font(bold=True)
        sheet.column_dimensions[get_column_letter(index)].width = _WIDTHS.get(name, 10)
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = sheet.dimensions
    book.properties.title = one_line(conversion.name)
    book.properties.creator = "onball"
    buffer = io.BytesIO()
    book.save(buffer)
    return _undated(buffer.getvalue())


def _undated(content: bytes) -> bytes:
    """Return a workbook without the time at which it was written."""
    stamp = _DATE.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as source,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for entry in source.infolist():
            part = source.read(entry)
            if entry.filename == "docProps/core.xml":
                part = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", stamp, part)
            kept = zipfile.ZipInfo(entry.filename, _DATE.timetuple()[:6])
            kept.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(kept, part)
    return buffer.getvalue()
