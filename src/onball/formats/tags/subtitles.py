"""Texts with times: subtitles (SubRip `.srt`, WebVTT `.vtt`) and chapters of YouTube.

    1                                     0:00 Start
    00:00:12,480 --> 00:00:13,980         1:04 SHOT, GOAL
    PASS                                  1:15 PASS 47'12

A cue is a tag, whose code is its first line. A chapter is a tag for each name in it, without the match
clock; its time is in whole seconds.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from onball.errors import LabelError
from onball.formats.tags.base import (
    Clock,
    ReadingOptions,
    Tag,
    TagFile,
    read_bytes,
    tag_file,
    team_of_details,
    text_of,
)
from onball.formats.tags.times import parse_seconds

NAME, CHAPTERS = "subtitles", "chapters"
_TIME = r"(?:\d{1,3}:)?\d{1,2}:\d{2}[.,]\d{1,3}"
#: First line of a cue; settings of WebVTT may follow.
TIMING = re.compile(
    rf"^[ \t]*(?P<start>{_TIME})[ \t]*-->[ \t]*(?P<end>{_TIME})(?:[ \t].*)?$", re.ASCII | re.M
)
_CHAPTER = re.compile(
    r"\s*(?P<time>(?:\d{1,2}:)?\d{1,3}:\d{2}) +(?:[-–—] +)?(?P<names>\S.*?)(?: and (?P<more>\d+) more)?\s*$",
    re.ASCII,
)
#: Match clock after the name of an action.
_CLOCK = re.compile(r" \d{1,3}'\d{2}$", re.ASCII)
_FIRST = ("Start", "Intro")
#: Formatting: `<i>`, `<v Ana>`, and `{\an8}` of SubStation.
_MARKUP = re.compile(r"<[^>]{0,200}>|\{\\[^}]{0,200}\}")


def read_subtitles(path: Path, options: ReadingOptions) -> TagFile:
    """Read subtitles. Lines of a cue after its first become the label `text`.

    Raises:
        LabelError: there is no cue in it, or a cue has no text or no times.
    """
    text, notes = text_of(path, read_bytes(path), options)
    return tag_file(path, NAME, _cues(path, text), options.clock or Clock.VIDEO, notes=notes)


def _cues(path: Path, text: str) -> Iterator[Tag]:
    blocks = re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n").replace("\r", "\n"))
    number = 0
    for block in blocks:
        timing = TIMING.search(block)
        if block.lstrip().startswith(("NOTE", "STYLE", "REGION")):
            continue
        number += "-->" in block
        again = timing is not None and "-->" in block[timing.end() :]
        if again or (timing is None and "-->" in block):
            reason = (
                "no empty line after it" if again else "its times are not of the form 00:01:02,500"
            )
            raise LabelError(f"{path}, cue {number}: {reason}: correct it")
        if timing is None:  # a header
            continue
        shown = html.unescape(_MARKUP.sub("", block[timing.end() :]))
        lines = [line.strip() for line in shown.splitlines() if line.strip()]
        if not lines:
            raise LabelError(f"{path}, cue {number}: has no text: write the action")
        start_s, end_s = parse_seconds(timing["start"]), parse_seconds(timing["end"])
        details = "\n".join(lines[1:])
        yield Tag(
            lines[0],
            start_s,
            end_s,
            team=team_of_details(details),
            labels={"text": details} if details else {},
            source=f"cue {number}",
        )


# Chapters


def is_chapters(text: str) -> bool:
    """Return True for a text all of whose lines are chapters."""
    lines = [line for line in text.splitlines() if line.strip()]
    return bool(lines) and all(map(_CHAPTER.match, lines))


def read_chapters(path: Path, options: ReadingOptions) -> TagFile:
    """Read chapters, as in the description of a video; lines without a time are left out.

    Raises:
        LabelError: there is no chapter in it, or a time is none.
    """
    text, notes = text_of(path, read_bytes(path), options)
    lines = [line for line in text.splitlines() if line.strip()]
    found = [*map(_CHAPTER.match, lines)]
    other = found.count(None)
    if other:
        notes = (*notes, f"lines that do not begin with a time, left out: {other}")
    unnamed = sum(int(chapter["more"] or 0) for chapter in found if chapter)
    if unnamed:
        notes = (*notes, f"events that chapters only count, left out: {unnamed}")
    return tag_file(
        path, CHAPTERS, _chapters(path, found), options.clock or Clock.VIDEO, notes=notes
    )


def _chapters(path: Path, chapters: Iterable[re.Match[str] | None]) -> Iterator[Tag]:
    for number, chapter in enumerate(filter(None, chapters), start=1):
        try:
            start_s = parse_seconds(chapter["time"])
        except LabelError as error:
            raise LabelError(f"{path}, chapter {number}: {error}") from None
        if start_s == 0 and chapter["names"].strip() in _FIRST:
            continue  # YouTube's first chapter has to begin at 0:00
        for name in chapter["names"].split(", "):
            if code := _CLOCK.sub("", name).strip():
                yield Tag(code, start_s, source=f"chapter {number}")
