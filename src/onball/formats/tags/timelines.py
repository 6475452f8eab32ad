"""Timelines of video editors: FCPXML (Final Cut Pro, DaVinci Resolve) and OpenTimelineIO.

Both hold clips on a timeline, each clip a part of a video file, and markers at times of the clips.

| | tags | otherwise |
|---|---|---|
| FCPXML | markers, chapter markers, keywords and named ratings | named clips |
| OpenTimelineIO | markers | named clips |

Clips are tags only in a file without markers, and only those with another name than their video.

Times are those of the video that the clips show, from its first frame, wherever they are on the
timeline. If clips of several videos are marked, times are those of the timeline: they are usually
chapter files that follow each other.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from onball.errors import LabelError, optional_dependency
from onball.formats.tags.base import (
    SIDES,
    Clock,
    ReadingOptions,
    Tag,
    TagFile,
    choose_part,
    parse_xml,
    read_bytes,
    reason_of,
    tag_file,
    team_of_details,
    text_of,
)
from onball.formats.tags.times import LIMIT_S, exact_rate

T = TypeVar("T")
FCPXML, OTIO = "fcpxml", "otio"
_TIME = re.compile(r"(?P<value>-?\d{1,18}(?:\.\d{1,9})?)(?:/(?P<per>[1-9]\d{0,17}))?s", re.ASCII)
_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*\?>")
_MARKERS, _RANGES = ("marker", "chapter-marker"), ("keyword", "rating")
_MEDIA_CLIPS = ("asset-clip", "video", "audio")
_COMPOUND_CLIPS = ("ref-clip", "mc-clip")
_CONTAINERS = ("clip", "sync-clip")
_CLIPS = (*_MEDIA_CLIPS, *_COMPOUND_CLIPS, *_CONTAINERS, "gap", "title")
#: A marker that was not moved since it was written is within this time of where it was.
_SAME_S = Fraction(1, 1000)


@dataclass(frozen=True, slots=True)
class _Place:
    """A clip on the timeline. Its times in the video are those of the timeline less `offset_s`.

    Attributes:
        name: its name.
        start_s: its beginning on the timeline.
        end_s: its end.
        medium: the video that it shows; None for a gap or a title.
        offset_s: see above.
        source: the clip, for messages.
        retimed: True if it is faster or slower than the video.
    """

    name: str
    start_s: Fraction
    end_s: Fraction
    medium: str | None
    offset_s: Fraction
    source: str
    retimed: bool = False


@dataclass(frozen=True, slots=True)
class _Mark:
    """A marker or a marked range.

    Attributes:
        code: its name.
        start_s: its time on the timeline.
        end_s: its end; None for a single point in time.
        place: the clip that it is on; None if it is on the timeline.
        source: the entry, for messages.
        labels: further properties.
        event: the event of a marker that onball wrote, see `onball.formats.conversion.editing`.
    """

    code: str
    start_s: Fraction
    end_s: Fraction | None
    place: _Place | None
    source: str
    labels: Mapping[str, str] = field(default_factory=dict)
    event: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class _Timeline:
    """Marks, and the clips of the main tracks."""

    marks: list[_Mark] = field(default_factory=list)
    places: list[_Place] = field(default_factory=list)


def read_timeline(path: Path, options: ReadingOptions, format: str) -> TagFile:
    """Read a timeline.

    Args:
        path: the file.
        options: `part` is the name of the project or timeline, if there are several.
        format: `FCPXML` or `OTIO`.

    Raises:
        LabelError: the file is damaged, has no marker and no named clip, or a time cannot be read.
        MissingDependencyError: OTIO, and opentimelineio is not installed.
    """
    text, notes = text_of(path, read_bytes(path), options)
    try:
        if format == FCPXML:
            root = parse_xml(path, _DECLARATION.sub("", text, count=1).encode())
            timeline = _read_fcpxml(root, options.part)
        else:
            otio = _opentimelineio()
            timeline = _read_otio(otio, _load_otio(otio, path, text), options.part)
        marks = timeline.marks
        if not marks:
            marks = _named_clips(timeline.places)
            notes = (*notes, "there are no markers: the named clips were read")
        if not marks:
            raise LabelError("no marker and no named clip in it")
        tags, remarks = _as_tags(marks, timeline.places)
    except RecursionError:
        raise LabelError(f"{path}: nested too deeply") from None
    except LabelError as error:
        prefix = "" if str(error).startswith(str(path)) else f"{path}: "
        raise LabelError(f"{prefix}{error}") from None
    return tag_file(path, format, tags, options.clock or Clock.VIDEO, notes=(*notes, *remarks))


def _named_clips(places: Sequence[_Place]) -> list[_Mark]:
    """A range for each clip that has another name than its video."""
    marks = []
    for place in places:
        video = unquote(place.medium or "").replace("\\", "/").rpartition("/")[2]
        if place.medium is not None and place.name not in ("", video, Path(video).stem):
            marks.append(_Mark(place.name, place.start_s, place.end_s, place, place.source))
    return marks


# From the timeline to the video


def _as_tags(marks: Sequence[_Mark], places: Sequence[_Place]) -> tuple[list[Tag], list[str]]:
    """Tags by the time of the only video, or else by that of the timeline; and notes."""
    marked = {mark.place.medium for mark in marks if mark.place is not None and mark.place.medium}
    media = marked or {place.medium for place in places if place.medium}
    if len(media) > 1:
        note = f"its clips show {len(media)} videos: times are those of the timeline"
        return [_tag(mark, Fraction(0)) for mark in marks], [note]
    if not media:
        return [_tag(mark, Fraction(0)) for mark in marks], []
    (medium,) = media
    tags = [_tag(mark, _offset(mark, medium, places)) for mark in marks]
    shown = len({place.medium for place in places if place.medium})
    if shown == 1:
        return tags, []
    name = unquote(medium).rpartition("/")[2]
    return tags, [f"one of {shown} videos of the timeline has markers: times are those of {name}"]


def _offset(mark: _Mark, medium: str, places: Sequence[_Place]) -> Fraction:
    """Difference of the times of the timeline and of the video at a mark."""
    place = mark.place
    if place is None or place.medium is None:
        shown = (
            one
            for one in places
            if one.medium == medium and one.start_s <= mark.start_s < one.end_s
        )
        place = next(shown, None)
    if place is None:
        raise LabelError(f"{mark.source}, '{mark.code}', is where the timeline shows no video")
    if place.retimed:
        raise LabelError(
            f"{mark.source}, '{mark.code}', is on a clip that is faster or slower than its video: reset "
            "its speed, and export again"
        )
    return place.offset_s


def _tag(mark: _Mark, offset_s: Fraction) -> Tag:
    start_s, end_s = mark.start_s - offset_s, None
    if mark.end_s is not None:
        end_s = float(max(mark.start_s, mark.end_s) - offset_s)
    event = mark.event
    written, exact = event.get("marker_ms"), event.get("position_ms")
    # The frame of a marker that is still where onball put it has its exact time beside it.
    if (
        isinstance(written, int | float)
        and isinstance(exact, int)
        and math.isfinite(written)
        and abs(start_s - Fraction(written) / 1000) < _SAME_S
    ):
        start_s = Fraction(exact, 1000)
    team = event.get("team")
    half = event.get("half")
    return Tag(
        mark.code,
        float(start_s),
        end_s,
        period=half if isinstance(half, int) and 1 <= half <= 4 else None,
        team=str(team) if team in SIDES else team_of_details(mark.labels.get("note", "")),
        labels=mark.labels,
        source=mark.source,
    )


# FCPXML


@dataclass(frozen=True, slots=True)
class _Media:
    """A file or a compound clip, and the time of its first frame."""

    name: str
    start_s: Fraction


class _FcpxmlReader:
    """Marks and clips of the elements of a project."""

    def __init__(self, root: Element) -> None:
        self.timeline = _Timeline()
        self._media: dict[str, _Media] = {}
        for asset in root.iter("asset"):
            # Since version 1.9 the file is named by a child.
            file = asset.find("media-rep")
            name = asset.get("src") or (file is not None and file.get("src")) or asset.get("name")
            self._add(asset, name or "", _time(asset, "start"))
        for media in root.iter("media"):
            inner = next((one for one in media if one.tag in ("sequence", "multicam")), None)
            start_s = Fraction(0) if inner is None else _time(inner, "tcStart")
            self._add(media, media.get("name") or "", start_s)

    def _add(self, element: Element, name: str, start_s: Fraction) -> None:
        key = element.get("id", "")
        self._media[key] = _Media(name or key, start_s)

    def read(
        self,
        parent: Element,
        shift_s: Fraction,
        place: _Place | None,
        *,
        begin_s: Fraction = Fraction(0),
        main: bool = True,
    ) -> None:
        """Read what is in an element.

        Args:
            parent: the element.
            shift_s: time of the timeline at 0 of its own time.
            place: the clip that it is; None for a spine or an event.
            begin_s: where its first child begins that has no offset, in its own time.
            main: whether its clips are those of the main storyline.
        """
        for child in _without_auditions(parent):
            if child.tag in (*_MARKERS, *_RANGES):
                self._mark(child, shift_s, place)
            elif child.tag == "spine":
                self.read(child, shift_s + _time(child, "offset"), None, main=False)
            elif child.tag in _CLIPS:
                offset_s = _time(child, "offset", begin_s)
                inner_s = shift_s + offset_s - _time(child, "start")
                made = self._place(child, inner_s)
                if main:
                    self.timeline.places.append(made)
                if parent.tag == "spine":
                    begin_s = offset_s + made.end_s - made.start_s
                self.read(child, inner_s, made, main=False)

    def _place(self, clip: Element, shift_s: Fraction) -> _Place:
        start_s = _time(clip, "start") + shift_s
        medium = self._medium(clip)
        return _Place(
            " ".join(clip.get("name", "").split()),
            start_s,
            start_s + _time(clip, "duration"),
            None if medium is None else medium.name,
            Fraction(0) if medium is None else shift_s + medium.start_s,
            f"clip {len(self.timeline.places) + 1}",
            clip.find("timeMap") is not None,
        )

    def _medium(self, clip: Element) -> _Media | None:
        """The video of a clip, with the time of its first frame in the clip's own time."""
        if clip.tag in (*_MEDIA_CLIPS, *_COMPOUND_CLIPS):
            reference = clip.get("ref", "")
            return self._media.get(reference, _Media(reference, Fraction(0)))
        if clip.tag not in _CONTAINERS:
            return None
        for spine in (clip, *clip.findall("spine")):
            outer_s = Fraction(0) if spine is clip else _time(spine, "offset")
            for child in spine:
                inner = self._medium(child) if child.get("lane") is None else None
                if inner is not None:
                    place_s = outer_s + _time(child, "offset") - _time(child, "start")
                    return _Media(inner.name, inner.start_s + place_s)
        return None

    def _mark(self, element: Element, shift_s: Fraction, place: _Place | None) -> None:
        source = f"{element.tag} {len(self.timeline.marks) + 1}"
        whole = Fraction(0) if place is None else place.start_s - shift_s
        start_s = shift_s + _time(element, "start", whole)
        text = element.get("value", "")
        end_s: Fraction | None = None
        codes = [text]
        if element.tag in _RANGES:
            length_s = Fraction(0) if place is None else place.end_s - place.start_s
            end_s = start_s + _time(element, "duration", length_s)
            codes = text.split(",") if element.tag == "keyword" else [element.get("name") or text]
        note = element.get("note", "")
        for code in codes:
            if not code.strip():
                raise LabelError(f"{source}: has no name: write the action")
            labels = {"note": note} if note else {}
            self.timeline.marks.append(
                _Mark(" ".join(code.split()), start_s, end_s, place, source, labels)
            )


def _read_fcpxml(root: Element, part: str | None) -> _Timeline:
    if root.tag != "fcpxml":
        raise LabelError(f"<{root.tag}> is no FCPXML")
    reader = _FcpxmlReader(root)
    found = enumerate(root.iter("project"), 1)
    projects = _by_name([(one.get("name") or f"project {number}", one) for number, one in found])
    if not projects:  # clips of the browser, each with its own time
        for parent in (root, *root.iter("library"), *root.iter("event")):
            reader.read(parent, Fraction(0), None)
        return reader.timeline
    sequence = choose_part(projects, part, "project").find("sequence")
    spine = None if sequence is None else sequence.find("spine")
    if sequence is None or spine is None:
        raise LabelError("its project has no <sequence> with a <spine>")
    origin_s = _time(sequence, "tcStart")
    reader.read(spine, -origin_s, None, begin_s=origin_s)
    return reader.timeline


def _by_name(named: Sequence[tuple[str, T]]) -> dict[str, T]:
    """Parts of a file by name; of those with the same name, later ones with their number."""
    parts: dict[str, T] = {}
    for number, (name, part) in enumerate(named, start=1):
        parts[f"{name} ({number})" if name in parts else name] = part
    return parts


def _without_auditions(parent: Element) -> Iterator[Element]:
    """Children of an element; of alternatives, the chosen one, which is the first."""
    for child in parent:
        yield from child[:1] if child.tag == "audition" else [child]


def _time(element: Element, name: str, default: Fraction = Fraction(0)) -> Fraction:
    """Value of an attribute such as `1001/30000s`, in seconds."""
    text = element.get(name)
    if text is None:
        return default
    found = _TIME.fullmatch(text.strip())
    time_s = None if found is None else Fraction(found["value"]) / int(found["per"] or 1)
    if time_s is None or abs(time_s) > LIMIT_S:
        raise LabelError(
            f"<{element.tag}> has {name}='{text[:40]}', which is no time such as 1001/30000s"
        )
    return time_s


# OpenTimelineIO


def _opentimelineio() -> Any:
    """The library. Raises `MissingDependencyError` without it."""
    with optional_dependency("opentimelineio", "otio", "Reading OpenTimelineIO (.otio)"):
        import opentimelineio
    return opentimelineio


def _load_otio(otio: Any, path: Path, text: str) -> Any:
    """Object of a file. Raises `LabelError`."""
    try:
        json.loads(text)  # names the line, and refuses depths that the library does not survive
    except RecursionError:
        raise LabelError(f"{path}: broken JSON: nested too deeply") from None
    except ValueError as error:
        raise LabelError(f"{path}: broken JSON: {error}") from None
    try:
        return otio.adapters.read_from_string(text, "otio_json")
    except Exception:  # whatever a damaged file leads to, with names of C++ types
        raise LabelError(f"{path}: no timeline that can be read: export it again") from None


def _read_otio(otio: Any, root: Any, part: str | None) -> _Timeline:
    schema = otio.schema
    if isinstance(root, schema.SerializableCollection):
        found = root.find_children(descended_from_type=schema.Timeline)
        named = [(one.name or f"timeline {number}", one) for number, one in enumerate(found, 1)]
        root = choose_part(_by_name(named), part, "timeline")
    top = root.tracks if isinstance(root, schema.Timeline) else root
    if not hasattr(top, "markers"):
        kind = getattr(type(top), "__name__", "value")
        raise LabelError(f"holds {kind}, and no timeline")
    timeline = _Timeline()
    items = [top] if isinstance(top, schema.Clip) else [top, *top.find_children()]
    for item in items:
        if not hasattr(item, "markers"):  # a transition
            continue
        try:
            place = _otio_place(schema, item, top, f"clip {len(timeline.places) + 1}")
            if place is not None:
                timeline.places.append(place)
            for marker in item.markers:
                source = f"marker {len(timeline.marks) + 1}"
                timeline.marks.append(_otio_mark(marker, item, top, place, source))
        except (
            otio.exceptions.OTIOError,
            ValueError,
            TypeError,
            KeyError,
            AttributeError,
        ) as error:
            name = f"'{item.name}'" if item.name else "a clip without a name"
            raise LabelError(f"{name} has no times that can be read ({reason_of(error)})") from None
    return timeline


def _otio_place(schema: Any, item: Any, top: Any, source: str) -> _Place | None:
    """A clip on the timeline; None for gaps, and what holds clips."""
    if not isinstance(item, schema.Clip):
        return None
    span = item.trimmed_range()
    start_s = _on_timeline(span.start_time, item, top)
    reference = item.media_reference
    missing = reference is None or isinstance(reference, schema.MissingReference)
    medium = (
        None if missing else (getattr(reference, "target_url", "") or reference.name or item.name)
    )
    first = None if missing else reference.available_range
    first_s = Fraction(0) if first is None else _seconds(first.start_time)
    warps = [one for one in item.effects if isinstance(one, schema.TimeEffect)]
    retimed = any(
        not isinstance(one, schema.LinearTimeWarp) or one.time_scalar != 1 for one in warps
    )
    return _Place(
        " ".join(item.name.split()),
        start_s,
        start_s + _seconds(span.duration),
        medium,
        start_s - (_seconds(span.start_time) - first_s),
        source,
        retimed,
    )


def _otio_mark(marker: Any, item: Any, top: Any, place: _Place | None, source: str) -> _Mark:
    span = marker.marked_range
    start_s = _on_timeline(span.start_time, item, top)
    code = " ".join(marker.name.split())
    if not code:
        raise LabelError(f"{source}: has no name: write the action")
    event = marker.metadata.get("onball")
    return _Mark(
        code,
        start_s,
        start_s + _seconds(span.duration) if span.duration.value > 1 else None,
        place,
        source,
        {"note": marker.comment} if getattr(marker, "comment", "") else {},
        dict(event) if isinstance(event, Mapping) else {},
    )


def _on_timeline(time: Any, item: Any, top: Any) -> Fraction:
    return _seconds(time if item is top else item.transformed_time(time, top))


def _seconds(time: Any) -> Fraction:
    """Exact seconds of a `RationalTime`, whose rate is rounded at 29.97 frames per second."""
    if not (math.isfinite(time.value) and math.isfinite(time.rate) and 0 < time.rate < 1e9):
        raise LabelError(
            f"a time of {time.value:g} frames at {time.rate:g} per second cannot be read"
        )
    return Fraction(time.value) / exact_rate(time.rate)
