"""Subtitles: SubRip (`.srt`) and WebVTT (`.vtt`), a cue per tag; its first line is the code."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path

from onball.errors import LabelError
from onball.formats.tags.base import (
    Clock,
    ReadingOptions,
    Tag,
    TagFile,
    read_bytes,
    tag_file,
    text_of,
)
from onball.formats.tags.times import parse_seconds

NAME = "subtitles"
_TIME = r"(?:\d{1,3}:)?\d{1,2}:\d{2}[.,]\d{1,3}"
#: First line of a cue; settings of WebVTT may follow.
TIMING = re.compile(
    rf"^[ \t]*(?P<start>{_TIME})[ \t]*-->[ \t]*(?P<end>{_TIME})(?:[ \t].*)?$", re.ASCII | re.M
)
#: Formatting: `<i>`, `<v Ana>`, and `{\an8}` of SubStation.
_MARKUP = re.compile(r"<[^>]{0,200}>|\{\\[^}]{0,200}\}")


def read_subtitles(path: Path, options: ReadingOptions) -> TagFile:
    """Read subtitles. Lines of a cue after its first become the label `text`.

    Raises:
        LabelError: there is no cue in it, or a cue has no text.
    """
    text, notes = text_of(path, read_bytes(path), options)
    return tag_file(path, NAME, _cues(path, text), options.clock or Clock.VIDEO, notes=notes)


def _cues(path: Path, text: str) -> Iterator[Tag]:
    blocks = re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n").replace("\r", "\n"))
    number = 0
    for block in blocks:
        timing = TIMING.search(block)
        if timing is None or block.lstrip().startswith("NOTE"):  # headers, styles and comments
            continue
        number += 1
        shown = html.unescape(_MARKUP.sub("", block[timing.end() :]))
        lines = [line.strip() for line in shown.splitlines() if line.strip()]
        if not lines:
            raise LabelError(f"{path}, cue {number}: has no text: write the action")
        start_s, end_s = parse_seconds(timing["start"]), parse_seconds(timing["end"])
        labels = {"text": "\n".join(lines[1:])} if lines[1:] else {}
        yield Tag(lines[0], start_s, max(start_s, end_s), labels=labels, source=f"cue {number}")
