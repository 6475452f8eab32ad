"""Read the tags of any format: `read_tags` recognises it by the content of the file."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from onball.errors import InputError, LabelError
from onball.files import decode_text
from onball.formats.providers.recognising import (
    EVENT_DATA,
    describe,
    describe_unread,
    recognise_event_data,
)
from onball.formats.tags.base import Clock, ReadingOptions, TagFile, read_bytes
from onball.formats.tags.edl import EVENT, read_edl
from onball.formats.tags.edl import NAME as EDL
from onball.formats.tags.event_data import read_event_data
from onball.formats.tags.projects import (
    BORIS,
    FIFTYONE,
    LABEL_STUDIO,
    LOSSLESSCUT,
    OSL,
    SOCCERNET,
    read_project,
    recognise_project,
)
from onball.formats.tags.sportscode import NAME as SPORTSCODE
from onball.formats.tags.sportscode import read_sportscode
from onball.formats.tags.subtitles import (
    CHAPTERS,
    TIMING,
    is_chapters,
    read_chapters,
    read_subtitles,
)
from onball.formats.tags.subtitles import NAME as SUBTITLES
from onball.formats.tags.tables import LONGOMATCH, TABLE, read_longomatch, read_table
from onball.formats.tags.timelines import FCPXML, OTIO, read_timeline

_READERS: Mapping[str, Callable[[Path, ReadingOptions], TagFile]] = {
    SPORTSCODE: read_sportscode,
    TABLE: read_table,
    LONGOMATCH: read_longomatch,
    SUBTITLES: read_subtitles,
    CHAPTERS: read_chapters,
    EDL: read_edl,
    **{name: partial(read_timeline, format=name) for name in (FCPXML, OTIO)},
    **{
        name: partial(read_project, format=name)
        for name in (BORIS, LOSSLESSCUT, LABEL_STUDIO, OSL, SOCCERNET, FIFTYONE)
    },
    **{name: partial(read_event_data, format=name) for name in EVENT_DATA},
}
#: Root of Final Cut Pro's XML, not of Adobe's.
_FCPXML = re.compile(r"\A(?:<[?!][^>]*>\s*)*<fcpxml\b")
#: Kinds of files in which programs also save or print tags, by their first bytes.
_OTHER_KINDS = {
    b"\xd0\xcf\x11\xe0": "a workbook or document of Office before 2007, or a protected one",
    b"%PDF": "a PDF",
    b"{\\rtf": "a document in RTF",
}
#: Some programs call it `.xls`, for workbooks to open it.
_HTML = re.compile(r"(?:<[?!][^>]*>\s*)*<html\b", re.I)
#: Names of the formats.
FORMATS = tuple(_READERS)


def read_tags(
    path: str | Path,
    format: str | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    fps: float | None = None,
    clock: Clock | str | None = None,
    encoding: str | None = None,
    part: str | None = None,
    metadata: str | Path | None = None,
    raw_codes: bool = False,
) -> TagFile:
    """Read the tags of a file that another program wrote, or the event data of a provider.

    Args:
        path: the file.
        format: name of its format, one of `FORMATS`; None to recognise it by its content.
        columns: names of the columns of a table, or of the group of labels of Sportscode XML, by
            field: `{"code": "Action", "start": "Clip start"}`.
        fps: frames per second of the video, for files that count frames.
        clock: clock of the times; None for that of the format.
        encoding: encoding of the text; None to recognise it.
        part: the observation, task, video or sheet to read, of a file that holds several.
        metadata: second file that the event data of some providers need, such as line-ups; None to
            look for it in the folder of the file.
        raw_codes: the codes of event data are the provider's own types of events, not the 12
            actions.

    Returns:
        The tags in the order of the file, and the kick-offs if it has them.

    Raises:
        LabelError: the file is missing, damaged or of another format, or a value in it cannot be
            read. The message names the file and the entry.
        InputError: an unknown format or clock.
        MissingDependencyError: a package that reads the format is not installed.
    """
    path = Path(path)
    options = ReadingOptions(
        columns=columns or {},
        fps=fps,
        clock=None if clock is None else parse_clock(clock),
        encoding=encoding,
        part=part,
        metadata=None if metadata is None else Path(metadata),
        raw_codes=raw_codes,
    )
    if format is not None and format not in _READERS:
        close = difflib.get_close_matches(format, FORMATS, n=1)
        hint = f"did you mean '{close[0]}'?" if close else f"choose {', '.join(FORMATS)}"
        raise InputError(f"unknown format of tags '{format}': {hint}")
    format = format or recognise(path)
    if format not in EVENT_DATA and (metadata is not None or raw_codes):
        option = "--raw-codes" if metadata is None else "--metadata"
        raise InputError(f"{path}: {option} is for event data of providers, and this is {format}")
    return _READERS[format](path, options)


def parse_clock(name: Clock | str) -> Clock:
    """Return the clock of a name. Raises `InputError` for an unknown one."""
    try:
        return Clock(name)
    except ValueError:
        raise InputError(f"unknown clock '{name}': choose {', '.join(Clock)}") from None


def recognise(path: str | Path) -> str:
    """Return the name of the format of a file, by its content.

    Raises:
        LabelError: the file cannot be read, or is of no known format.
    """
    content = read_bytes(path)
    if content.startswith(b"PK\x03\x04"):
        return TABLE
    if kind := next(
        (kind for sign, kind in _OTHER_KINDS.items() if content.startswith(sign)), None
    ):
        raise LabelError(f"{path}: is {kind}: save or export the tags as XLSX, CSV or XML")
    text = decode_text(content)[0].replace("\r\n", "\n").replace("\r", "\n").lstrip()
    if _HTML.match(text):
        raise LabelError(f"{path}: is a web page: save or export the tags as XLSX, CSV or XML")
    if "\0" in text[:1000]:
        raise LabelError(f"{path}: is no file of tags that onball reads ({', '.join(FORMATS)})")
    if _FCPXML.search(text[:10_000]):
        return FCPXML
    if text.startswith("{") and '"OTIO_SCHEMA"' in text:
        return OTIO
    if text.startswith(("<", "{", "[")) and (provider := recognise_event_data(text)):
        return provider
    project = recognise_project(text)
    if project is None and (kind := describe(text)):
        raise LabelError(f"{path}: is {kind}, not a file of events")
    if text.startswith(("{", "[")) and (unread := describe_unread(text)):
        read = ", ".join(EVENT_DATA)
        raise LabelError(f"{path}: is {unread}, which onball does not read (of providers: {read})")
    if text.startswith("<"):
        return SPORTSCODE
    if text.startswith("CATEGORY:"):
        return LONGOMATCH
    if project is not None:
        return project
    if text.startswith("WEBVTT") or TIMING.search(text[:10_000]):
        return SUBTITLES
    if text.startswith("TITLE:") or any(map(EVENT.match, text[:10_000].splitlines())):
        return EDL
    if text.startswith(("{", "[")):
        raise LabelError(f"{path}: JSON of an unknown kind ({', '.join(FORMATS)} are read)")
    return CHAPTERS if is_chapters(text) else TABLE
