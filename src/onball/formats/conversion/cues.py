"""Texts with times for players: subtitles (SubRip, WebVTT) and chapters.

    1                                    WEBVTT                       0:00 Start
    00:00:12,480 --> 00:00:13,980                                     0:07 PASS
    PASS                                 00:00:12.480 --> …           1:04 SHOT, GOAL
    left, 0.83                           PASS

A cue begins at its event and is shown for 1.5 s, or from lead to lag if the user chose these. Its first
line is the action.
"""

from __future__ import annotations

from collections.abc import Iterator

from onball.formats.conversion.base import Conversion, Excerpt, one_line
from onball.formats.event_table import LEAD_MS

_CUE_LAG_MS = 1_500
#: Duration of a marker of a period.
_PERIOD_MS = 3_000
#: YouTube's least length of a chapter.
_CHAPTER_MS = 10_000
_START = "Start"
_MOST_NAMES = 4


def srt(conversion: Conversion) -> str:
    """Return events as SubRip subtitles."""
    blocks = []
    for number, (start_ms, end_ms, lines) in enumerate(_cues(conversion), start=1):
        # Players take <…> for markup, and there is no escape that all know.
        text = "\n".join(lines).replace("<", "‹").replace(">", "›")
        timing = f"{_time(start_ms, ',')} --> {_time(end_ms, ',')}"
        blocks.append(f"{number}\n{timing}\n{text}\n")
    return "\n".join(blocks)


def vtt(conversion: Conversion) -> str:
    """Return events as WebVTT subtitles."""
    blocks = ["WEBVTT\n"]
    for start_ms, end_ms, lines in _cues(conversion):
        text = "\n".join(lines)
        for char, escape in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
            text = text.replace(char, escape)
        blocks.append(f"{_time(start_ms, '.')} --> {_time(end_ms, '.')}\n{text}\n")
    return "\n".join(blocks)


def _cues(conversion: Conversion) -> list[tuple[int, int, list[str]]]:
    """Beginning, end and lines of each cue, by time."""
    cues = [
        (one.start_ms, one.start_ms + _PERIOD_MS, [f"{one.name} begins"])
        for one in conversion.periods
    ]
    for excerpt in conversion.excerpts(0, _CUE_LAG_MS):
        details = ", ".join(conversion.details(excerpt))
        lines = [one_line(excerpt.label.value), *([details] if details else [])]
        # Programs refuse a cue that ends when it begins, as it would at the end of the video.
        cues.append((excerpt.start_ms, max(excerpt.end_ms, excerpt.start_ms + 1), lines))
    return sorted(cues, key=lambda cue: cue[0])


def _time(time_ms: int, point: str) -> str:
    seconds, milliseconds = divmod(time_ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{point}{milliseconds:03d}"


def chapters(conversion: Conversion) -> str:
    """Return events as chapters for the description of a video on YouTube.

    The first chapter begins at 0:00, as YouTube requires. What would begin less than 10 s after a
    chapter is named in it.
    """
    entries: list[tuple[int, list[str]]] = [(0, [])]
    for time_ms, name in _chapter_starts(conversion):
        start_ms, names = entries[-1]
        if time_ms - start_ms < _CHAPTER_MS:
            names.append(name)
        else:
            entries.append((time_ms // 1000 * 1000, [name]))
    hours = entries[-1][0] >= 3_600_000
    return "".join(f"{_short(time, hours)} {_joined(names)}\n" for time, names in entries)


def _chapter_starts(conversion: Conversion) -> Iterator[tuple[int, str]]:
    starts = [(one.start_ms, one.name) for one in conversion.periods]
    starts += [(one.start_ms, _chapter(conversion, one)) for one in conversion.excerpts(LEAD_MS, 0)]
    yield from sorted(starts, key=lambda entry: entry[0])


def _chapter(conversion: Conversion, excerpt: Excerpt) -> str:
    clock = conversion.clock(excerpt.events[0])
    return f"{one_line(excerpt.label.value)} {clock}".rstrip()


def _joined(names: list[str]) -> str:
    if not names:
        return _START
    rest = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {rest} more" if rest > 0 else "")


def _short(time_ms: int, hours: bool) -> str:
    minutes, seconds = divmod(time_ms // 1000, 60)
    if not hours:
        return f"{minutes}:{seconds:02d}"
    return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"
