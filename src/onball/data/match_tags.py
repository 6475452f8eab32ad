"""Tags of a match and its videos: files of tags, classes of their codes, and times in the videos.

files      one file of tags, one for each video, or several with one clock → `MatchTags`
classes    code map → `TimedTag`s, each with its class, its period and the time of its action
videos     kick-offs and shifts → `PlacedTag`s, each with its video and its time in it

`import_tags` and `align_match` share this way from files to times.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypedDict, Unpack

from onball.actions import EventLabel
from onball.data.code_map import CodeMap, action_map, read_code_map
from onball.errors import InputError, LabelError
from onball.formats.tags import Clock, Tag, TagFile, read_tags
from onball.formats.tags.base import MATCH_CLOCK_S
from onball.timing import format_time
from onball.video.reading import VideoInfo

#: Part of a clip that is taken for the time of its action, as a fraction.
PLACES: Mapping[str, float] = {"start": 0.0, "middle": 0.5, "end": 1.0}
#: Tags up to this time after the end of their video are valid: videos are cut to whole seconds.
SLACK_S = 1.0
#: Periods of a match, with those of extra time.
_MOST_PERIODS = 4

TagSource = str | Path | TagFile
"""A file of tags, or tags that were read."""
Codes = str | Path | Mapping[str, str | None] | CodeMap | None
"""A code map, its YAML file or a class for each code; None if codes are names of the 12 actions."""


class ReadingArguments(TypedDict, total=False):
    """Arguments of `read_tags` that describe a file."""

    format: str | None
    columns: Mapping[str, str] | None
    fps: float | None
    clock: Clock | str | None
    encoding: str | None
    part: str | None
    metadata: str | Path | None
    raw_codes: bool


def find_codes(codes: Codes) -> CodeMap:
    """Return the code map of any way to give one. Raises `LabelError`."""
    if codes is None:
        return action_map()
    if isinstance(codes, CodeMap):
        return codes
    return read_code_map(codes) if isinstance(codes, str | Path) else CodeMap.of(codes)


# Files


@dataclass(frozen=True, slots=True)
class VideoSpan:
    """Place of a video on the timeline of its match: each video begins where the one before ends.

    Attributes:
        name: name of its file.
        begin_s: its first frame, in seconds.
        length_s: its length, in seconds.
    """

    name: str
    begin_s: float
    length_s: float


def span_videos(lengths_ms: Iterable[tuple[str, int]]) -> tuple[VideoSpan, ...]:
    """Return the spans of videos that follow each other without a gap.

    Args:
        lengths_ms: name and length of each video, in order of play.
    """
    begin_ms, spans = 0, []
    for name, length_ms in lengths_ms:
        spans.append(VideoSpan(name, begin_ms / 1000, length_ms / 1000))
        begin_ms += length_ms
    return tuple(spans)


def spans_of(videos: Iterable[VideoInfo]) -> tuple[VideoSpan, ...]:
    """Return the spans of opened videos."""
    return span_videos((video.path.name, video.duration_ms) for video in videos)


@dataclass(frozen=True, slots=True)
class MatchTags:
    """Files of tags of a match, all with the same clock, and its videos.

    Attributes:
        files: the files of tags.
        spans: the videos in order of play.
    """

    files: tuple[TagFile, ...]
    spans: tuple[VideoSpan, ...]

    @property
    def clock(self) -> Clock:
        """Clock of all tags."""
        return self.files[0].clock

    @property
    def name(self) -> str:
        """Names of the files, for messages."""
        return ", ".join(str(file.path) for file in self.files)

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks of the readers."""
        return tuple(dict.fromkeys(note for file in self.files for note in file.notes))

    @property
    def file_for_each_video(self) -> bool:
        """True if each of several files is of the video at the same place."""
        return 1 < len(self.files) == len(self.spans)

    @property
    def tags(self) -> tuple[Tag, ...]:
        """Tags of all files."""
        return tuple(tag for file in self.files for tag in file.tags)


def read_match_tags(
    tags: TagSource | Sequence[TagSource],
    spans: Sequence[VideoSpan],
    **reading: Unpack[ReadingArguments],
) -> MatchTags:
    """Read the tags of a match.

    As many files as videos belong to one video each. Up to four such files, or files whose clock is
    that of a period, are of the periods 1, 2 … unless they name their periods themselves. Other files
    are read as if they were one.

    Args:
        tags: one or several files, in order of play, or tags that were read.
        spans: the videos.
        **reading: see `read_tags`.

    Raises:
        LabelError: a file cannot be read.
        InputError: a file is given twice, or their clocks differ.
    """
    sources = [tags] if isinstance(tags, str | Path | TagFile) else list(tags)
    if not sources:
        raise InputError("no file of tags given")
    paths = [source.path if isinstance(source, TagFile) else Path(source) for source in sources]
    twice = next(
        (p for n, p in enumerate(paths) if p.absolute() in map(Path.absolute, paths[:n])), None
    )
    if twice is not None:
        raise InputError(f"{twice}: this file of tags is given twice")
    files = [_read(source, reading) for source in sources]
    clocks = {file.clock: file.path for file in reversed(files)}
    if len(clocks) > 1:
        shown = ", ".join(f"{path} {clock}" for clock, path in clocks.items())
        raise InputError(f"the clocks of the files differ ({shown}): give one with --clock")
    match = MatchTags(tuple(files), tuple(spans))
    numbered = match.file_for_each_video or match.clock is not Clock.VIDEO
    if numbered and 1 < len(files) <= _MOST_PERIODS:
        match = replace(match, files=tuple(_with_period(f, n) for n, f in enumerate(files, 1)))
    return match


def _read(source: TagSource, reading: ReadingArguments) -> TagFile:
    if not isinstance(source, TagFile):
        return read_tags(source, **reading)
    clock = reading.get("clock")
    return source if clock is None else replace(source, clock=Clock(clock))


def _with_period(file: TagFile, period: int) -> TagFile:
    """Return a file with the period of its tags, unless they or its markers name periods."""
    if file.period_starts_s or any(tag.period is not None for tag in file.tags):
        return file
    return replace(file, tags=tuple(replace(tag, period=period) for tag in file.tags))


# Classes


@dataclass(frozen=True, slots=True)
class TimedTag:
    """A tag with its class, and the time of its action by the clock of its file.

    Attributes:
        tag: the tag.
        file: its file.
        label: its class; None if the code map leaves it out, or does not have its code.
        time_s: the time; since the kick-off of the period if the clock is not that of the video.
        period: its period; None if it is not known, with the clock of the video.
        video: index of the video that its clock belongs to; None for the timeline of all videos.
    """

    tag: Tag
    file: TagFile
    label: EventLabel | None
    time_s: float
    period: int | None
    video: int | None = None


def time_tags(
    match: MatchTags,
    codes: CodeMap,
    *,
    place: str = "start",
    kickoffs_s: Mapping[int, float] | None = None,
) -> list[TimedTag]:
    """Find the class of each tag, and the time of its action.

    Args:
        match: the tags.
        codes: class and offset of each code.
        place: the part of a tag's clip that is the time of the action, one of `PLACES`.
        kickoffs_s: known kick-offs by period; a single one is that of tags without a period.

    Raises:
        LabelError: the period of a tag is not known.
        InputError: an unknown part of a clip.
    """
    if place not in PLACES:
        raise InputError(f"unknown part of a clip '{place}': choose {', '.join(PLACES)}")
    timed = []
    for number, file in enumerate(match.files):
        starts = {**file.period_starts_s, **(kickoffs_s or {})}
        video = number if match.file_for_each_video else None
        for tag in file.tags:
            rule = codes.find(tag.code)
            end_s = tag.start_s if tag.end_s is None else tag.end_s
            offset_s = 0.0 if rule is None else rule.offset_s
            time_s = tag.start_s + PLACES[place] * (end_s - tag.start_s) + offset_s
            label = None if rule is None else rule.label
            if file.clock is Clock.VIDEO:
                period = tag.period or _last_begun(file.period_starts_s, tag.start_s)
            elif label is None and tag.period is None:
                period = None  # left out: no need to know it
            else:
                period = _period(tag, file, starts)
                time_s -= MATCH_CLOCK_S.get(period, 0) if file.clock is Clock.MATCH else 0
            timed.append(TimedTag(tag, file, label, time_s, period, video))
    return _in_videos_of_periods(match, timed)


def _period(tag: Tag, file: TagFile, starts: Mapping[int, float]) -> int:
    """Period of a tag. Raises `LabelError` if it is not known."""
    if tag.period is not None:
        return tag.period
    if len(starts) <= 1:
        return next(iter(starts), 1)
    raise LabelError(
        f"{file.path}, {tag.source}: its period is not known: write 1 to 4 (3 and 4 are extra time) into the "
        "column 'period', or that of --columns period=NAME; or leave its code out in --map"
    )


def _last_begun(starts: Mapping[int, float], time_s: float) -> int | None:
    return max((period for period, start_s in starts.items() if start_s <= time_s), default=None)


def _in_videos_of_periods(match: MatchTags, tags: list[TimedTag]) -> list[TimedTag]:
    """Assign videos to periods if there are as many: each then has its own timeline."""
    if match.clock is Clock.VIDEO or match.file_for_each_video or len(match.spans) < 2:
        return tags
    periods = sorted(
        {tag.period for tag in tags if tag.period is not None and tag.label is not None}
    )
    if len(periods) != len(match.spans):
        return tags
    videos = {period: video for video, period in enumerate(periods)}
    return [
        tag if tag.period is None else replace(tag, video=videos.get(tag.period)) for tag in tags
    ]


# Videos


@dataclass(frozen=True, slots=True)
class PlacedTag:
    """A tag with its place in the videos.

    Attributes:
        timed: the tag and its class.
        video: index of its video; None if it is outside of it, or of all.
        time_s: its time in that video, or on its timeline if it is outside.
        half: the period, from 1.
    """

    timed: TimedTag
    video: int | None
    time_s: float
    half: int


def place_tags(
    match: MatchTags,
    tags: Sequence[TimedTag],
    *,
    kickoffs_s: Mapping[int, float] | None = None,
    shifts_s: Mapping[int | None, float] | None = None,
) -> list[PlacedTag]:
    """Find the video of each tag, and its time in it.

    Args:
        match: the files of the tags and the videos.
        tags: its tags, by `time_tags`.
        kickoffs_s: position of the kick-off of each period: in the video of the period if each has
            one, and otherwise on the timeline of all videos.
        shifts_s: seconds to add to the times of tags, by period; that of None is of all periods.

    Raises:
        InputError: a kick-off is missing, periods overlap, or there is no such period.
    """
    kickoffs_s, shifts_s = kickoffs_s or {}, shifts_s or {}
    _require_periods_of_shifts(match, tags, shifts_s)
    if match.clock is not Clock.VIDEO:
        _require_kickoffs(match, tags, kickoffs_s, shifts_s)
    placed = []
    for tag in tags:
        time_s = tag.time_s + _origin_s(tag, kickoffs_s, shifts_s)
        begun = _last_begun(kickoffs_s, time_s) if match.clock is Clock.VIDEO else None
        half = tag.tag.period or begun or tag.period or 1
        if tag.video is None:
            video, time_s = _on_timeline(match.spans, time_s)
        else:
            inside = -SLACK_S <= time_s <= match.spans[tag.video].length_s + SLACK_S
            video = tag.video if inside else None
        placed.append(PlacedTag(tag, video, time_s, half))
    return placed


def _origin_s(
    tag: TimedTag, kickoffs_s: Mapping[int, float], shifts_s: Mapping[int | None, float]
) -> float:
    """Position in the video of the beginning of a tag's clock."""
    shift_s = shifts_s.get(tag.period or 1, shifts_s.get(None, 0.0))
    if tag.file.clock is Clock.VIDEO or tag.period is None:
        return shift_s
    return shift_s + {**tag.file.period_starts_s, **kickoffs_s}[tag.period]


def _require_periods_of_shifts(
    match: MatchTags, tags: Sequence[TimedTag], shifts_s: Mapping[int | None, float]
) -> None:
    known = {tag.period or 1 for tag in tags}
    unknown = [period for period in shifts_s if period is not None and period not in known]
    if unknown:
        raise InputError(
            f"{match.name}: a shift is given for period {unknown[0]}, and tags are of period "
            f"{', '.join(map(str, sorted(known)))}"
        )


def _require_kickoffs(
    match: MatchTags,
    tags: Sequence[TimedTag],
    kickoffs_s: Mapping[int, float],
    shifts_s: Mapping[int | None, float],
) -> None:
    """Check that the kick-offs of all periods are known, and that periods do not overlap."""
    timed = [(tag, tag.period) for tag in tags if tag.period is not None]
    missing = [
        (period, tag.file.path)
        for tag, period in timed
        if period not in tag.file.period_starts_s and period not in kickoffs_s
    ]
    if missing:
        period, path = min(missing)
        raise InputError(
            f"{path}: its times count from the kick-off of each period: give that of period {period} in "
            f"the video, --kickoff {period}=00:03:12.4, or find it with `onball data align`"
        )
    if any(tag.video is not None for tag in tags):
        return
    starts = {period: _origin_s(tag, kickoffs_s, shifts_s) for tag, period in timed}
    last_s: dict[int, float] = {}
    for tag, period in timed:
        last_s[period] = max(tag.time_s + starts[period], last_s.get(period, -math.inf))
    for former, later in itertools.pairwise(sorted(last_s)):
        if starts[later] < last_s[former]:
            raise InputError(
                f"{match.name}: period {later} begins at {shown_seconds(starts[later])} in the video, and "
                f"period {former} has tags until {shown_seconds(last_s[former])}: correct the kick-offs"
            )


def _on_timeline(spans: Sequence[VideoSpan], time_s: float) -> tuple[int | None, float]:
    """Video at a time of the timeline, None if there is none, and the time in it."""
    for video, span in reversed(list(enumerate(spans))):
        own_s = time_s - span.begin_s
        if own_s >= 0 or (video == 0 and own_s >= -SLACK_S):
            return (video, own_s) if own_s <= span.length_s + SLACK_S else (None, time_s)
    return None, time_s


def shown_seconds(seconds: float) -> str:
    """Format a time that may be negative, for messages."""
    sign = "-" if seconds < 0 else ""
    return sign + format_time(round(abs(1000 * seconds)))
