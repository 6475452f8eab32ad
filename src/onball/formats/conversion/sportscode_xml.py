"""Sportscode XML, for Hudl Sportscode, Nacsport, LongoMatch, SBG and kloppy.

    <file><ALL_INSTANCES>
      <instance><ID>1</ID><start>7.480</start><end>15.480</end><code>PASS</code>
        <label><group>Team</group><text>left</text></label> …
    <ROWS><row><code>PASS</code><R>12079</R><G>32382</G><B>55512</B></row> …

Times are seconds of the video. An instance is an excerpt around an event; periods are instances with
the codes 1H and 2H. Some programs break on escapes such as `&amp;` and on letters outside of ASCII:
`&`, `<` and `>` are replaced, and Latin letters lose their accents. Text in other scripts is kept.

`kloppy_xml` has the same form with the vocabulary of kloppy's event data instead.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from onball.actions import Action
from onball.events import Event, Team
from onball.formats.conversion.base import (
    PERIOD_COLOUR,
    Conversion,
    Excerpt,
    make_excerpts,
    one_line,
)
from onball.formats.event_table import LAG_MS, LEAD_MS

_REPLACED = str.maketrans({
    "&": "+", "<": "(", ">": ")", "ß": "ss", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O",
    "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ı": "i", "–": "-",
    "—": "-", "’": "'", "‘": "'", "“": '"', "”": '"', "…": "...",
})  # fmt: skip
#: A GOAL at most this long after a SHOT is the result of it.
_GOAL_AFTER_SHOT_MS = 6_000

Labels = Sequence[tuple[str, str]]
"""Groups and texts of the labels of an instance."""


@dataclass(frozen=True, slots=True)
class _Instance:
    code: str
    start_ms: int
    end_ms: int
    labels: Labels = ()


def sportscode_xml(conversion: Conversion) -> str:
    """Return events as Sportscode XML, an instance per excerpt."""
    excerpts = conversion.excerpts(LEAD_MS, LAG_MS)
    codes = plain_codes(excerpt.label.value for excerpt in excerpts)
    colours = {codes[excerpt.label.value]: excerpt.label.colour for excerpt in excerpts}
    instances = [
        _Instance(codes[one.label.value], one.start_ms, one.end_ms, [*_labels(conversion, one)])
        for one in excerpts
    ]
    return _document(conversion, instances, colours)


def _labels(conversion: Conversion, excerpt: Excerpt) -> Iterator[tuple[str, str]]:
    first = excerpt.events[0]
    if excerpt.team is not Team.UNKNOWN:
        yield "Team", excerpt.team.value
    yield "Half", str(first.half)
    if clock := conversion.clock(first):
        yield "Clock", clock
    if not conversion.are_certain:
        yield "Confidence", confidence_bucket(excerpt.confidence)
    if len(excerpt.events) > 1:
        yield "Events", str(len(excerpt.events))


def confidence_bucket(confidence: float) -> str:
    """Return the tenth that a confidence is in, `0.80-0.90`, by which analysts filter."""
    lower = min(9, math.floor(round(confidence * 10, 6)))
    return f"{lower / 10:.2f}-{(lower + 1) / 10:.2f}"


def plain_codes(codes: Iterable[str]) -> dict[str, str]:
    """Return the code to write for each code; different ones stay different."""
    found: dict[str, str] = {}
    for code in dict.fromkeys(codes):
        plain = plain_text(code) or "?"
        number = 1
        while plain in found.values():
            number += 1
            plain = f"{plain_text(code) or '?'} {number}"
        found[code] = plain
    return found


def plain_text(text: str) -> str:
    """Return a text on one line without `&`, `<`, `>` and accents."""
    decomposed = unicodedata.normalize("NFKD", one_line(text).translate(_REPLACED))
    without = "".join(char for char in decomposed if not unicodedata.combining(char))
    # Letters of other scripts are composed of parts too, such as Korean syllables.
    return unicodedata.normalize("NFC", without).translate(_REPLACED)


# kloppy


_KLOPPY: Mapping[Action, tuple[str, Labels]] = {
    Action.PASS: ("PASS", ()),
    Action.HIGH_PASS: ("PASS", [("PassType", "HIGH_PASS")]),
    Action.CROSS: ("PASS", [("PassType", "CROSS")]),
    Action.HEADER: ("PASS", [("PassType", "HEAD_PASS")]),
    Action.THROW_IN: ("PASS", [("SetPieceType", "THROW_IN")]),
    Action.FREE_KICK: ("PASS", [("SetPieceType", "FREE_KICK")]),
    Action.DRIVE: ("CARRY", ()),
    Action.OUT: ("BALL_OUT", ()),
    Action.SHOT: ("SHOT", ()),
    Action.GOAL: ("SHOT", [("ShotResult", "GOAL")]),
    Action.PLAYER_SUCCESSFUL_TACKLE: ("DUEL", [("DuelType", "TACKLE"), ("DuelResult", "WON")]),
    Action.BALL_PLAYER_BLOCK: ("INTERCEPTION", ()),
}
"""Type and qualifiers in kloppy's event data."""
_GENERIC = "GENERIC"


def kloppy_xml(conversion: Conversion) -> str:
    """Return events as Sportscode XML in kloppy's vocabulary, each at its exact time.

    Codes are the names of kloppy's `EventType`; labels those of its qualifiers and results. A GOAL
    right after a SHOT is the result of it. The label `Action` has the original name.
    """
    events, goals = _shots_with_goals(conversion.events)
    excerpts = make_excerpts(events, 0, 0, leads_ms=conversion.leads_ms, lags_ms=conversion.lags_ms)
    instances = [
        _Instance(*_in_kloppy(conversion, one, one.events[0] in goals)) for one in excerpts
    ]
    return _document(replace(conversion, periods=()), instances, {})


def _in_kloppy(
    conversion: Conversion, excerpt: Excerpt, goal: bool
) -> tuple[str, int, int, Labels]:
    event = excerpt.events[0]
    action = event.label if isinstance(event.label, Action) else None
    code, qualifiers = (_GENERIC, ()) if action is None else _KLOPPY[action]
    labels = [("Action", plain_text(event.label.value)), *qualifiers]
    if goal:
        labels.append(("ShotResult", "GOAL"))
    if event.team is not Team.UNKNOWN:
        labels.append(("Team", event.team.value))
    labels.append(("Period", str(event.half)))
    if not conversion.are_certain:
        labels.append(("Confidence", f"{event.confidence:.4f}"))
    return code, excerpt.start_ms, excerpt.end_ms, labels


def _shots_with_goals(events: Iterable[Event]) -> tuple[list[Event], set[Event]]:
    """Events without the goals that belong to a shot, and the shots that they belong to."""
    kept: list[Event] = []
    goals: set[Event] = set()
    shot: Event | None = None
    for event in events:
        if (
            event.label is Action.GOAL
            and shot is not None
            and event.position_ms - shot.position_ms <= _GOAL_AFTER_SHOT_MS
            and event.half == shot.half
            and (event.team is shot.team or Team.UNKNOWN in (event.team, shot.team))
        ):
            goals.add(shot)
            continue
        kept.append(event)
        shot = event if event.label is Action.SHOT else shot
    return kept, goals


# XML


def _document(
    conversion: Conversion, instances: Sequence[_Instance], colours: Mapping[str, str]
) -> str:
    periods = [_Instance(one.code, one.start_ms, one.end_ms) for one in conversion.periods]
    root = Element("file")
    entries = SubElement(root, "ALL_INSTANCES")
    for number, instance in enumerate((*periods, *instances), start=1):
        entry = SubElement(entries, "instance")
        for name, text in (
            ("ID", str(number)),
            ("start", f"{instance.start_ms / 1000:.3f}"),
            ("end", f"{instance.end_ms / 1000:.3f}"),
            ("code", instance.code),
        ):
            SubElement(entry, name).text = text
        for group, text in instance.labels:
            label = SubElement(entry, "label")
            SubElement(label, "group").text = group
            SubElement(label, "text").text = text
    rows = SubElement(root, "ROWS")
    for code, colour in ({one.code: PERIOD_COLOUR for one in periods} | dict(colours)).items():
        row = SubElement(rows, "row")
        SubElement(row, "code").text = code
        for channel, first in (("R", 1), ("G", 3), ("B", 5)):
            # 255 becomes 65535.
            SubElement(row, channel).text = str(257 * int(colour[first : first + 2], 16))
    indent(root)
    body = tostring(root, encoding="unicode", short_empty_elements=False)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'
