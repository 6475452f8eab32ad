"""Tags, the type in which the readers of other programs' files return what was tagged.

A tag keeps the code of its file, such as `Pase corto`: `onball.data.importing` maps codes to actions,
and times to videos. Readers correct nothing and leave nothing out, except markers of the periods
(`markers.py`), whose times they return separately.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import TypeVar
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from onball.errors import LabelError
from onball.files import decode_text
from onball.formats.tags.markers import PeriodMarker, find_marker
from onball.formats.tags.times import LIMIT_S

T = TypeVar("T")
#: Larger files hold no tags: a match with 10,000 of them has a few megabytes.
_MOST_BYTES = 100_000_000
#: The file of tags in a bundle of Final Cut Pro, `.fcpxmld`.
_BUNDLED = "Info.fcpxml"
#: Names of teams that are sides of the image, as onball writes them.
SIDES = ("left", "right")
#: Note on text whose encoding was assumed.
ENCODING_NOTE = "the text is not UTF-8 and was read as Windows-1252: --encoding names another"
#: A code that occurs more often marks no period.
_MOST_MARKS = 4


class Clock(StrEnum):
    """Clock of the times of tags."""

    VIDEO = "video"
    """Seconds since the first frame of the video, or of the first of several videos."""
    PERIOD = "period"
    """Seconds since the kick-off of the period of the tag."""
    MATCH = "match"
    """Match clock: as `PERIOD`, but period 2 begins at 45 minutes, 3 at 90 and 4 at 105."""


#: Match clock at the kick-off of each period, in seconds.
MATCH_CLOCK_S: Mapping[int, int] = {1: 0, 2: 45 * 60, 3: 90 * 60, 4: 105 * 60}


@dataclass(frozen=True, slots=True)
class Tag:
    """One tagged action, with the code of its file.

    Attributes:
        code: the name of the action in the file.
        start_s: seconds by the clock of the file: the action, or the beginning of its clip.
        end_s: end of the clip; None for a single point in time.
        period: period of the match, from 1; None if the file does not say.
        team: name of the team in the file; None if it does not say.
        labels: further properties by their group, such as `{"Player": "10 Ana Ruiz"}`.
        source: the entry in the file, for messages: `instance 12`, `row 7`.
    """

    code: str
    start_s: float
    end_s: float | None = None
    period: int | None = None
    team: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    source: str = ""


@dataclass(frozen=True, slots=True)
class TagFile:
    """The tags of a file.

    Attributes:
        path: the file.
        format: name of its format, one of `FORMATS`.
        tags: its tags in their order, without the markers of periods.
        clock: clock of their times.
        period_starts_s: position of the kick-off of each period in the video, in seconds, if the
            file has it.
        notes: remarks for the user, such as an assumption that the reader made.
        home: name of the home team among the teams of the tags, if the file says it.
        away: name of the away team.
        left: name of the team that defends the goal on the left of the image in the first period, if
            the file says it.
    """

    path: Path
    format: str
    tags: tuple[Tag, ...]
    clock: Clock = Clock.VIDEO
    period_starts_s: Mapping[int, float] = field(default_factory=dict, hash=False)
    notes: tuple[str, ...] = ()
    home: str | None = None
    away: str | None = None
    left: str | None = None


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """Properties of a file of tags that its reader cannot find out.

    Attributes:
        columns: name of the column, or of the group of labels, that holds a field of a tag: `code`,
            `start`, `end`, `period`, `team`.
        fps: frames per second, for times that count frames.
        clock: clock of the times; None for that of the format.
        encoding: encoding of the text; None to recognise it.
        part: name of the observation, task or video, for files that hold several.
        metadata: second file that the event data of some providers need, such as line-ups; None to
            look for it beside the file.
        raw_codes: use the provider's own types of events as codes of event data, and not the 12
            actions.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    fps: float | None = None
    clock: Clock | None = None
    encoding: str | None = None
    part: str | None = None
    metadata: Path | None = None
    raw_codes: bool = False


def read_bytes(path: str | Path) -> bytes:
    """Read a file of tags.

    Raises:
        LabelError: it is missing, empty, a folder, unreadable or larger than 100 MB.
    """
    path = Path(path)
    try:
        if path.is_dir():
            inside = path / _BUNDLED
            hint = inside if inside.is_file() else "the file with the tags"
            raise LabelError(f"{path}: is a folder: name {hint}")
        size = path.stat().st_size
        if size > _MOST_BYTES:
            raise LabelError(f"{path}: {size / 1e6:.0f} MB are too much for a file of tags")
        content = path.read_bytes()
    except FileNotFoundError:
        raise LabelError(f"{path}: no such file") from None
    except OSError as error:
        raise LabelError(f"{path}: cannot be read ({error.strerror})") from error
    if not content.strip():
        raise LabelError(f"{path}: the file is empty: export the tags again")
    return content


def text_of(path: Path, content: bytes, options: ReadingOptions) -> tuple[str, tuple[str, ...]]:
    """Decode a file of tags.

    Args:
        path: the file, for messages.
        content: its bytes.
        options: may name the encoding.

    Returns:
        The text, with `\\n` at the end of its lines and without byte order marks, which files that
        were put together have inside; and a note if its encoding was assumed.

    Raises:
        LabelError: the encoding is unknown, or does not fit.
    """
    try:
        text, encoding = decode_text(content, options.encoding)
    except (LookupError, UnicodeError):
        raise LabelError(f"{path}: is not text in the encoding '{options.encoding}'") from None
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\ufeff", "")
    if options.encoding is None and not encoding.startswith("utf"):
        return text, (ENCODING_NOTE,)
    return text, ()


def parse_xml(path: Path, content: bytes) -> Element:
    """Parse XML, without entities.

    Raises:
        LabelError: it is broken, or defines entities.
    """
    try:
        root = fromstring(content)
    except ParseError as error:
        line, column = error.position
        reason = str(error).partition(":")[0]
        raise LabelError(
            f"{path}: broken XML at line {line}, column {column}: {reason}: export the file again"
        ) from None
    except DefusedXmlException:
        raise LabelError(f"{path}: defines XML entities, which no file of tags needs") from None
    except RecursionError:
        raise LabelError(f"{path}: broken XML: nested too deeply") from None
    assert isinstance(root, Element)
    return root


def choose_part(parts: Mapping[str, T], wanted: str | None, kind: str) -> T:
    """Return the part of a file with a name, or the only one.

    Args:
        parts: the parts by their names.
        wanted: the name; None for the only part.
        kind: such as `task`, for the message.

    Raises:
        LabelError: there is no such part, or no name and several parts.
    """
    if wanted is not None and wanted in parts:
        return parts[wanted]
    if wanted is None and len(parts) == 1:
        return next(iter(parts.values()))
    names = ", ".join(f"'{name}'" for name in list(parts)[:8])
    problem = f"no {kind} '{wanted}' in it" if wanted else f"holds {len(parts)} {kind}s"
    raise LabelError(f"{problem}: name one with --part ({names or 'there is none'})")


def team_of_details(text: str) -> str | None:
    """Return the team in a note that onball writes beside an action: `left, 47'12, 0.83`."""
    first = text.partition(",")[0].strip()
    return first if first in SIDES else None


def reason_of(error: Exception) -> str:
    """Return the message of an exception of a library, on one line."""
    return " ".join(str(error).split()) or type(error).__name__


def tag_file(
    path: Path,
    format: str,
    tags: Iterable[Tag],
    clock: Clock = Clock.VIDEO,
    *,
    starts: Mapping[int, float] | None = None,
    notes: Sequence[str] = (),
) -> TagFile:
    """Make a `TagFile`, with the markers of periods taken out of the tags.

    Args:
        path: the file.
        format: name of its format.
        tags: tags and markers.
        clock: clock of their times.
        starts: kick-offs in the video that are known already, in seconds by period.
        notes: remarks for the user.

    Raises:
        LabelError: there is no tag, a time is out of range, or the kick-offs are not in the order of
            the periods.
    """
    entries = list(tags)
    for tag in entries:
        for time_s in (tag.start_s, tag.end_s or 0.0):
            if not abs(time_s) <= LIMIT_S:  # NaN too
                raise LabelError(f"{path}, {tag.source}: {time_s:g} s cannot be the time of a tag")
    for number, tag in enumerate(entries):
        if "\n" in tag.code:  # of a cell or name of several lines
            entries[number] = replace(tag, code=" ".join(tag.code.split()))
    turned = [number for number, tag in enumerate(entries) if _is_turned(tag)]
    for number in turned:
        entries[number] = replace(entries[number], end_s=None)
    often = {
        code for code, count in Counter(tag.code for tag in entries).items() if count > _MOST_MARKS
    }
    events: list[Tag] = []
    found: list[tuple[PeriodMarker, Tag]] = []
    for tag in entries:
        marker = find_marker(tag.code) if tag.code else _marker_of_labels(tag)
        if marker is None or (tag.code and tag.code in often):
            events.append(tag)
        else:
            found.append((marker, tag))
    if not events:
        raise LabelError(f"{path}: no tags in it: export them again")
    kickoffs = (
        {**_kickoffs(found), **(starts or {})} if clock is Clock.VIDEO else dict(starts or {})
    )
    if clock is Clock.VIDEO:
        _require_order(path, kickoffs)
    remarks = [*notes, *_overlaps(found)]
    if turned:
        remarks.append(
            f"tags that end before they begin, whose end was left out: {len(turned)}, first "
            f"{entries[turned[0]].source}"
        )
    if found and clock is Clock.VIDEO:
        names = ", ".join(dict.fromkeys(f"'{tag.code or marker.text}'" for marker, tag in found))
        remarks.append(f"periods are marked by {names}")
    return TagFile(
        path, format, tuple(events), clock, dict(sorted(kickoffs.items())), tuple(remarks)
    )


def _is_turned(tag: Tag) -> bool:
    """Return True for a tag that ends before it begins."""
    return tag.end_s is not None and tag.end_s < tag.start_s


def _marker_of_labels(tag: Tag) -> PeriodMarker | None:
    """Marker in the labels of an entry without a code, as some programs write them."""
    return next(filter(None, map(find_marker, tag.labels.values())), None)


def _kickoffs(found: Sequence[tuple[PeriodMarker, Tag]]) -> dict[int, float]:
    """Beginning of each period by its earliest marker."""
    starts: dict[int, float] = {}
    for marker, tag in found:
        if not marker.is_end:
            starts[marker.period] = min(tag.start_s, starts.get(marker.period, tag.start_s))
    return starts


def _require_order(path: Path, starts: Mapping[int, float]) -> None:
    for period, start in starts.items():
        later = [one for one, other in starts.items() if one > period and other <= start]
        if later:
            raise LabelError(
                f"{path}: period {later[0]} is marked at {starts[later[0]]:g} s, and period {period} "
                f"after it, at {start:g} s: correct the markers of the periods"
            )


def _overlaps(found: Sequence[tuple[PeriodMarker, Tag]]) -> list[str]:
    """A remark for each marked period that begins before the one before it has ended."""
    spans = [
        (marker.period, tag.start_s, tag.end_s)
        for marker, tag in found
        if not marker.is_end and not marker.is_start
    ]
    return [
        f"period {later} is marked from {start:g} s on, before the end of period {earlier} at {end:g} s: "
        f"tags between count to period {later}"
        for later, start, _ in spans
        for earlier, _, end in spans
        if earlier + 1 == later and end is not None and start < end
    ]
