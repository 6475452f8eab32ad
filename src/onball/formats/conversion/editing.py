"""Timelines of video editors with a marker per event: EDL, FCPXML and OpenTimelineIO.

All count frames: an event is at the frame whose time is nearest to its own. Times are exact
fractions, `1001/30000s` for a frame of 29.97 per second.

| format | first frame of the timeline |
|---|---|
| EDL | 01:00:00:00, as in a new timeline of DaVinci Resolve |
| FCPXML, OTIO | the time code of the video, 00:00:00:00 if it has none |
"""

from __future__ import annotations

import colorsys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import msgspec

from onball.formats.conversion.base import (
    PERIOD_COLOUR,
    Conversion,
    Excerpt,
    Footage,
    frame_at,
    one_line,
)
from onball.formats.tags.times import format_time_code

_HOUR_S = 3600
_RESOLVE, _OTIO = "Resolve", "OpenTimelineIO"
_PALETTES = {
    _RESOLVE: {
        "Blue": "#0080ff", "Cyan": "#00cecf", "Green": "#00ad00", "Yellow": "#f0d000", "Red": "#e12401",
        "Pink": "#ff44c8", "Purple": "#9013fe", "Fuchsia": "#c02e6f", "Rose": "#ffa1b9",
        "Lavender": "#a193c8", "Sky": "#92e2fd", "Mint": "#72db00", "Lemon": "#dce95a", "Sand": "#c4915e",
        "Cocoa": "#6e5143", "Cream": "#f5ebe1",
    },
    _OTIO: {
        "PINK": "#ff44c8", "RED": "#e12401", "ORANGE": "#f08000", "YELLOW": "#f0d000", "GREEN": "#00ad00",
        "CYAN": "#00cecf", "BLUE": "#0080ff", "PURPLE": "#9013fe", "MAGENTA": "#c02e6f",
        "BLACK": "#404040", "WHITE": "#f5ebe1",
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Marker:
    """A marker on a frame, counted from the beginning of the video."""

    frame: int
    name: str
    note: str
    colour: str
    excerpt: Excerpt | None = None


def _markers(conversion: Conversion, rate: Fraction) -> list[_Marker]:
    """Markers by frame, at most one on a frame: editors replace one by another there."""
    found = [
        _Marker(frame_at(one.start_ms, rate), one.code, one.name, PERIOD_COLOUR)
        for one in conversion.periods
    ]
    for event in conversion.events:
        excerpt = Excerpt(event.position_ms, event.position_ms, (event,))
        note = ", ".join(conversion.details(excerpt))
        name = one_line(event.label.value)
        frame = frame_at(event.position_ms, rate)
        found.append(_Marker(frame, name, note, event.label.colour, excerpt))
    markers: list[_Marker] = []
    for marker in sorted(found, key=lambda one: (one.frame, one.excerpt is None)):
        free = markers[-1].frame + 1 if markers else 0
        frame = max(marker.frame, free)
        markers.append(_Marker(frame, marker.name, marker.note, marker.colour, marker.excerpt))
    return markers


@cache
def _nearest(colour: str, program: str) -> str:
    """Name of the colour that looks most like one, among those that a program has."""
    hue, saturation, value = _hsv(colour)

    def distance(name: str) -> float:
        other = _hsv(_PALETTES[program][name])
        apart = abs(hue - other[0])
        # The hue counts most, unless one of the colours is nearly grey.
        of_hue = 8 * min(apart, 1 - apart) * min(saturation, other[1])
        return of_hue**2 + (saturation - other[1]) ** 2 + (value - other[2]) ** 2

    return min(_PALETTES[program], key=distance)


def _hsv(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5))
    return colorsys.rgb_to_hsv(red, green, blue)


def edl(conversion: Conversion) -> str:
    """Return events as an edit decision list with markers, as DaVinci Resolve exports and imports."""
    rate = conversion.required_rate("An EDL")
    first = conversion.timeline_frame
    if first is None:
        first = _hour(conversion, rate)
    drop = conversion.drop_frame
    lines = [f"TITLE: {one_line(conversion.name)}"]
    lines += [f"FCM: {'' if drop else 'NON-'}DROP FRAME", ""]
    for number, marker in enumerate(_markers(conversion, rate), start=1):
        start, end = (
            format_time_code(first + marker.frame + k, rate, drop_frame=drop) for k in (0, 1)
        )
        # A vertical bar ends a field.
        name, note = (text.replace("|", "/") for text in (marker.name, marker.note))
        if note[:1].isdigit():  # Readers take a line that begins with a digit for the next event.
            note = f"({note})"
        colour = _nearest(marker.colour, _RESOLVE)
        lines.append(f"{number:03d}  001      V     C        {start} {end} {start} {end}  ")
        lines += [f"{note} |C:ResolveColor{colour} |M:{name} |D:1", ""]
    return "\n".join(lines) + "\n"


def _hour(conversion: Conversion, rate: Fraction) -> int:
    """Number of the frame labelled 01:00:00:00."""
    if not conversion.drop_frame:
        return _HOUR_S * round(rate)
    # The 54 minutes that are no tenth ones have less labels.
    return _HOUR_S * round(rate) - 54 * (round(rate) // 15)


@dataclass(frozen=True, slots=True)
class _Shot:
    """A video on the timeline, one after another.

    Attributes:
        file: the video.
        frame: its first frame, counted from the beginning of the timeline.
        length: its number of frames.
        markers: the markers on it.
    """

    file: Footage
    frame: int
    length: int
    markers: Sequence[_Marker]

    def media_frame(self, frame: int) -> int:
        """Number of a frame of the timeline by the time code of the video."""
        return self.file.time_code_frame + frame - self.frame


def _shots(conversion: Conversion, rate: Fraction) -> list[_Shot]:
    """The videos on the timeline; the last one is long enough for all markers."""
    markers, files = _markers(conversion, rate), conversion.files
    last = files[-1]
    known_ms = conversion.info.duration_ms or 0
    if last.duration_ms:
        known_ms = last.start_ms + last.duration_ms
    starts = [frame_at(file.start_ms, rate) for file in files]
    least = markers[-1].frame + 1 if markers else starts[-1] + 1
    ends = [*starts[1:], max(frame_at(known_ms, rate), least)]
    return [
        _Shot(file, start, end - start, [one for one in markers if start <= one.frame < end])
        for file, start, end in zip(files, starts, ends, strict=True)
    ]


# FCPXML


def fcpxml(conversion: Conversion) -> str:
    """Return events as FCPXML 1.8: a project with the video, and a marker per event on it.

    The files of a match are on it one after the other. Without a video the markers are on a gap.
    """
    rate = conversion.required_rate("FCPXML")
    shots = _shots(conversion, rate)
    first = conversion.timeline_frame
    first = shots[0].file.time_code_frame if first is None else first
    frame = 1 / rate
    root = Element("fcpxml", version="1.8")
    resources = SubElement(root, "resources")
    formats: dict[tuple[int, int] | None, str] = {}
    assets: list[str] = []
    for shot in shots:
        if shot.file.size not in formats:
            formats[shot.file.size] = f"r{1 + len(formats) + len(assets)}"
            shape = {"id": formats[shot.file.size], "frameDuration": _seconds(frame)}
            if shot.file.size is not None:
                shape |= dict(zip(("width", "height"), map(str, shot.file.size), strict=True))
            SubElement(resources, "format", shape)
        if shot.file.path is not None:
            assets.append(f"r{1 + len(formats) + len(assets)}")
            asset = {
                "id": assets[-1], "name": one_line(shot.file.name),
                "src": shot.file.path.absolute().as_uri(),
                "start": _seconds(shot.file.time_code_frame * frame),
                "duration": _seconds(shot.length * frame),
                "hasVideo": "1", "format": formats[shot.file.size],
            }  # fmt: skip
            if shot.file.has_sound:
                asset["hasAudio"] = "1"
            SubElement(resources, "asset", asset)
    name = one_line(conversion.name)
    event = SubElement(SubElement(root, "library"), "event", name=name)
    length = _seconds(sum(shot.length for shot in shots) * frame)
    time_code = {
        "tcStart": _seconds(first * frame),
        "tcFormat": "DF" if conversion.drop_frame else "NDF",
    }
    project = SubElement(event, "project", name=name)
    sequence = SubElement(
        project,
        "sequence",
        {"format": formats[shots[0].file.size], "duration": length, **time_code},
    )
    spine = SubElement(sequence, "spine")
    for number, shot in enumerate(shots):
        place = {
            "offset": _seconds((first + shot.frame) * frame),
            "start": _seconds(shot.file.time_code_frame * frame),
            "duration": _seconds(shot.length * frame),
        }
        if shot.file.path is None:
            clip = SubElement(spine, "gap", {"name": name, **place})
        else:
            kind = {
                "ref": assets[number],
                "name": one_line(shot.file.name),
                "format": formats[shot.file.size],
            }
            clip = SubElement(
                spine, "asset-clip", kind | place | {"tcFormat": time_code["tcFormat"]}
            )
        for marker in shot.markers:
            attributes = {
                "start": _seconds(shot.media_frame(marker.frame) * frame),
                "duration": _seconds(frame),
                "value": marker.name,
            }
            SubElement(clip, "marker", attributes | ({"note": marker.note} if marker.note else {}))
    indent(root)
    body = tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE fcpxml>\n{body}\n'


def _seconds(time_s: Fraction) -> str:
    """Return a time as FCPXML writes it, `1001/30000s`."""
    whole = time_s.denominator == 1
    return f"{time_s.numerator}s" if whole else f"{time_s.numerator}/{time_s.denominator}s"


# OpenTimelineIO


def otio(conversion: Conversion) -> str:
    """Return events as an OpenTimelineIO timeline: the video as a clip, with a marker per event.

    The files of a match are clips one after the other. Without a video the markers are on a clip without
    media. Their metadata has position, confidence, team and half.
    """
    rate = conversion.required_rate("OpenTimelineIO")
    shots = _shots(conversion, rate)
    first = conversion.timeline_frame
    first = shots[0].file.time_code_frame if first is None else first
    clips = [_otio_clip(shot, one_line(conversion.name), rate) for shot in shots]
    track = {"OTIO_SCHEMA": "Track.1", "name": "V1", "kind": "Video", "children": clips}
    stack = {"OTIO_SCHEMA": "Stack.1", "name": "tracks", "children": [track]}
    timeline = {
        "OTIO_SCHEMA": "Timeline.1",
        "name": one_line(conversion.name),
        "global_start_time": _time(first, rate),
        "tracks": stack,
    }
    return msgspec.json.format(msgspec.json.encode(timeline), indent=1).decode() + "\n"


def _otio_clip(shot: _Shot, name: str, rate: Fraction) -> dict[str, Any]:
    file, name_of_file = shot.file, one_line(shot.file.name)
    whole = _range(file.time_code_frame, shot.length, rate)
    media: dict[str, Any] = {"OTIO_SCHEMA": "MissingReference.1", "name": name_of_file}
    if file.path is not None or file.name:
        url = quote(file.name) if file.path is None else file.path.absolute().as_uri()
        media |= {"OTIO_SCHEMA": "ExternalReference.1", "target_url": url}
    return {
        "OTIO_SCHEMA": "Clip.1",
        "name": name_of_file or name,
        "source_range": whole,
        "media_reference": media | {"available_range": whole},
        "markers": [*_otio_markers(shot, rate)],
    }


def _otio_markers(shot: _Shot, rate: Fraction) -> Iterator[dict[str, Any]]:
    for marker in shot.markers:
        metadata: dict[str, Any] = {}
        if marker.excerpt is not None:
            # With the time of the frame, readers see whether the marker was moved since.
            written_ms = float(1000 * marker.frame / rate)
            metadata["onball"] = {**marker.excerpt.events[0].to_dict(), "marker_ms": written_ms}
        yield {
            "OTIO_SCHEMA": "Marker.2",
            "name": marker.name,
            "comment": marker.note,
            "color": _nearest(marker.colour, _OTIO),
            "marked_range": _range(shot.media_frame(marker.frame), 1, rate),
            "metadata": metadata,
        }


def _range(start: int, frames: int, rate: Fraction) -> dict[str, Any]:
    return {
        "OTIO_SCHEMA": "TimeRange.1",
        "start_time": _time(start, rate),
        "duration": _time(frames, rate),
    }


def _time(frame: int, rate: Fraction) -> dict[str, Any]:
    return {"OTIO_SCHEMA": "RationalTime.1", "rate": float(rate), "value": float(frame)}
