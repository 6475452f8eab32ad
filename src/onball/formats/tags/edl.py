"""Edit decision lists (CMX 3600): markers of DaVinci Resolve and Avid, and cuts with clip names.

    TITLE: match
    FCM: NON-DROP FRAME

    001  001      V     C        01:00:12:10 01:00:12:11 01:00:12:10 01:00:12:11
     |C:ResolveColorBlue |M:PASS |D:1

    002  AX       V     C        00:00:00:00 00:00:04:00 01:00:20:00 01:00:24:00
    * FROM CLIP NAME: SHOT
    * LOC: 01:00:21:00 RED     GOAL

Times are those of the timeline (the third time code). Timelines begin at `01:00:00:00` by convention:
an hour is taken off if no time is before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
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
from onball.formats.tags.times import exact_rate, time_code_seconds

NAME = "edl"
_CODE = r"\d{1,2}:\d{2}:\d{2}[:;]\d{2,3}"
#: An event: number, reel, track, kind of edit, and four time codes.
EVENT = re.compile(
    rf"^\s*(?P<number>\d{{1,6}})\s+\S+\s+\S+\s+\S.*?\s{_CODE}\s+{_CODE}\s+(?P<start>{_CODE})\s+(?P<end>{_CODE})",
    re.ASCII,
)
_MARKER = re.compile(
    r"^(?P<note>.*?)\|C:(?P<colour>\S*)\s*\|M:(?P<name>.*?)\s*(?:\|D:(?P<frames>\d{1,9}))?\s*$"
)
_LOCATOR = re.compile(rf"^\*\s*LOC:\s*(?P<time>{_CODE})\s+(?P<colour>[A-Za-z]+)\s+(?P<name>.*\S)")
_CLIP = re.compile(r"^\*\s*(?:FROM CLIP NAME|COMMENT):\s*(?P<name>.*\S)", re.I)
_DROP_FRAME = re.compile(r"^FCM:\s*DROP|^\s*\d.*;\d{2,3}\s*$", re.I | re.M)


@dataclass(frozen=True, slots=True)
class _Rate:
    fps: float
    drop_frame: bool | None

    def seconds(self, time_code: str) -> Fraction:
        return time_code_seconds(time_code, self.fps, drop_frame=self.drop_frame)


def read_edl(path: Path, options: ReadingOptions) -> TagFile:
    """Read an edit decision list; `options.fps` is the frame rate of its timeline.

    Raises:
        LabelError: there is no frame rate, or a time code or an event cannot be read.
    """
    text, notes = text_of(path, read_bytes(path), options)
    if options.fps is None:
        raise LabelError(f"{path}: its time codes count frames: give the frame rate with --fps")
    tags = list(_tags(path, text, options.fps))
    if not tags:
        raise LabelError(f"{path}: no marker and no named clip in it")
    if unnamed := _count_unnamed(text):
        notes = (*notes, f"events without a marker or the name of a clip, left out: {unnamed}")
    hour_s = _hour_s(text, options.fps)
    if all(tag.start_s >= hour_s for tag in tags):
        tags = [
            replace(tag, start_s=tag.start_s - hour_s, end_s=tag.end_s and tag.end_s - hour_s)
            for tag in tags
        ]
        notes = (*notes, "the timeline was taken to begin at 01:00:00:00")
    return tag_file(path, NAME, tags, options.clock or Clock.VIDEO, notes=notes)


def _hour_s(text: str, fps: float) -> float:
    """Seconds of the time code 01:00:00:00: more than 3600 at 23.976 frames per second."""
    drops = _DROP_FRAME.search(text) is not None
    return float(time_code_seconds("01:00:00:00", fps, drop_frame=drops))


def _count_unnamed(text: str) -> int:
    """Number of events that give no tag."""
    unnamed, open_event = 0, False
    for line in map(str.strip, text.splitlines()):
        if EVENT.match(line):
            unnamed, open_event = unnamed + open_event, True
        elif _LOCATOR.match(line) or _MARKER.match(line) or _CLIP.match(line):
            open_event = False
    return unnamed + open_event


def _tags(path: Path, text: str, fps: float) -> Iterator[Tag]:
    rate = _Rate(fps, None)
    span: tuple[float, float] | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip()
        try:
            if line.upper().startswith("FCM:"):
                rate = _Rate(fps, None if "NON" in line.upper() else True)
            elif event := EVENT.match(line):
                span = float(rate.seconds(event["start"])), float(rate.seconds(event["end"]))
            elif locator := _LOCATOR.match(line):
                start_s = float(rate.seconds(locator["time"]))
                yield Tag(
                    locator["name"],
                    start_s,
                    labels={"colour": locator["colour"]},
                    source=f"line {number}",
                )
            elif span is not None and (marker := _MARKER.match(line)):
                yield _marker(marker, span[0], fps, number)
            elif span is not None and (clip := _CLIP.match(line)):
                yield Tag(clip["name"], *span, source=f"line {number}")
        except LabelError as error:
            raise LabelError(f"{path}, line {number}: {error}") from None


def _marker(marker: re.Match[str], start_s: float, fps: float, line: int) -> Tag:
    frames = int(marker["frames"] or 1)
    labels = {"colour": marker["colour"].removeprefix("ResolveColor")}
    if note := marker["note"].strip():
        labels["note"] = note
    end_s = float(start_s + frames / exact_rate(fps)) if frames > 1 else None
    if not marker["name"]:
        raise LabelError("a marker without a name: write the action")
    return Tag(
        marker["name"],
        start_s,
        end_s,
        team=team_of_details(note),
        labels=labels,
        source=f"line {line}",
    )
