"""Alignment of files of tags with the videos of their match: `align_tags` from files to kick-offs.

tags       read as `import_tags` reads them (`onball.data.match_tags`)
spots      those of all videos on one timeline: of results that are there, or by a model
alignment  of each clock: of each period, of the file of each video, or of the one of all tags
result     kick-offs or shifts as `import_tags` takes them, and a code map without delays
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Unpack

from onball.data.code_map import CodeMap, CodeRule, code_key
from onball.data.match_tags import (
    SLACK_S,
    Codes,
    MatchTags,
    ReadingArguments,
    TagSource,
    TimedTag,
    VideoSpan,
    find_codes,
    read_match_tags,
    span_videos,
    spans_of,
    time_tags,
)
from onball.errors import InputError, OnballError
from onball.events import EventList, SpottingInfo
from onball.formats.event_files import find_event_files
from onball.formats.soccernet import RESULTS_FILE
from onball.formats.tags import Clock, TagFile
from onball.outputs import OutputConflictError
from onball.progress import ProgressCallback, no_progress
from onball.spotting.aligning import align_tags
from onball.spotting.alignment import Alignment, PeriodShift, TimedCode
from onball.spotting.results import load_events, name_results
from onball.spotting.spotter import Spotter
from onball.spotting.videos import spot_videos
from onball.video.inputs import find_videos
from onball.video.reading import VideoInfo

RESULTS = "onball-results"
"""Folder of the results of videos that have to be spotted."""
WINDOW_S = 60.0
"""Largest distance of a kick-off or shift from the one that is expected."""


@dataclass(frozen=True, slots=True)
class MatchAlignment:
    """Result of `align_match`, as `import_tags` takes it.

    Attributes:
        alignment: how certain the shift of each clock is, and the delays of codes; its shifts are
            positions on the timeline of all videos.
        match: the tags and the videos.
        kickoffs_s: kick-off of each period whose shift is certain, if tags count from there.
        shifts_s: otherwise, seconds to add to the times of tags: by number of the file, if each is
            of its own video, or by None those of all.
        codes: the code map, with offsets that also correct the delays.
    """

    alignment: Alignment
    match: MatchTags
    kickoffs_s: Mapping[int, float]
    shifts_s: Mapping[int | None, float]
    codes: CodeMap


def align_match(
    tags: TagSource | Sequence[TagSource],
    videos: Sequence[str | Path] = (),
    *,
    results: str | Path | Sequence[str | Path] | None = None,
    model: Spotter | str | Path | None = None,
    codes: Codes = None,
    kickoffs_s: Mapping[int, float] | None = None,
    shifts_s: Mapping[int | None, float] | None = None,
    window_s: float = WINDOW_S,
    place: str = "start",
    progress: ProgressCallback = no_progress,
    **reading: Unpack[ReadingArguments],
) -> MatchAlignment:
    """Find the kick-offs or the shift of the tags of a match by what a model finds in its videos.

        found = onball.align_match("tags.xml", ["match.mp4"], model="MODEL", codes="codes.yaml")
        found.alignment.require_certain()
        onball.import_tags(
            "tags.xml", ["match.mp4"], "data", codes="codes.yaml",
            kickoffs_s=found.kickoffs_s, shifts_s=found.shifts_s,
        )

    Args:
        tags: see `import_tags`.
        videos: the videos of the match, in order of play; none if `results` are files.
        results: results of `onball spot` for the videos: files or folders in order of play; or the
            folder of the results of many videos, by default `onball-results`, where those that are
            missing are written. Results that are there are used whatever their model, unless `model`
            is given.
        model: the model that spots videos without results, see `spot_videos`.
        codes: see `import_tags`; codes without an action of the model do not count. Offsets of
            codes are added to the times first.
        kickoffs_s: about when each period begins, as `import_tags` takes it: only kick-offs
            within `window_s` are searched.
        shifts_s: about the shift, likewise.
        window_s: largest distance from these, in seconds.
        place: see `import_tags`.
        progress: called with the milliseconds of each video that is spotted.
        **reading: see `import_tags`.

    Raises:
        LabelError: the tags or the code map cannot be read.
        InputError: no tag has an action of the model, there are no spots or no results, or kick-offs
            or shifts are given for another clock.
        OnballError: a video cannot be spotted.
    """
    source = _Source.of(videos, results, model)
    if source.fps is not None:
        reading["fps"] = reading.get("fps") or source.fps
    match = read_match_tags(tags, source.spans, **reading)
    code_map = find_codes(codes)
    timed = time_tags(match, code_map, place=place, kickoffs_s=kickoffs_s)
    near_s = _near(match, timed, kickoffs_s or {}, shifts_s or {})
    spots = join_spots(source.spots(progress), source.spans)
    return _align(match, timed, spots, code_map, near_s, window_s)


def align_tag_file(
    tags: TagFile,
    spots: EventList,
    *,
    codes: CodeMap | Mapping[str, str | None] | None = None,
    duration_ms: int | None = None,
) -> Alignment:
    """Find the kick-off of each period in one video, and the delay of each code.

        tags = onball.read_tags("tags.csv", clock="period")
        spots = onball.EventList.load("onball-results/match/results_spotting.json")
        kickoffs_ms = onball.align_tag_file(tags, spots).shifts_ms

    Args:
        tags: the tags.
        spots: all candidates that a model found in the video, see `align_tags`.
        codes: class of each code; None if the codes are the names of the 12 actions. Classes that
            the model does not have do not count; offsets of the codes are added to the times first.
        duration_ms: see `align_tags`.

    Raises:
        InputError: no tag has an action of the model, or there are no spots.
    """
    length_ms = duration_ms or (spots.info and spots.info.duration_ms) or _last_ms(spots)
    match = read_match_tags(tags, span_videos([("", length_ms)]))
    code_map = find_codes(codes)
    return _align(match, time_tags(match, code_map), spots, code_map, {}, None).alignment


# Spots


@dataclass(frozen=True, slots=True)
class _Source:
    """Videos whose spots are there, or have to be found.

    Attributes:
        spans: the videos.
        fps: frame rate of the first one, if it is known.
        videos, folder, model: the videos to spot.
        found: spots of each video, or of all together, that are there.
    """

    spans: tuple[VideoSpan, ...]
    fps: float | None = None
    videos: tuple[VideoInfo, ...] = ()
    folder: Path = Path(RESULTS)
    model: Spotter | str | Path | None = None
    found: tuple[EventList, ...] = ()

    @classmethod
    def of(
        cls,
        videos: Sequence[str | Path],
        results: str | Path | Sequence[str | Path] | None,
        model: Spotter | str | Path | None,
    ) -> _Source:
        """Open the videos, and the results that are there.

        Raises:
            InputError: there are neither, or not those of each video.
        """
        if isinstance(results, str | Path):
            results = [results]
        paths = [Path(path) for path in results or ()]
        if not videos and not paths:
            raise InputError("name the videos of the match with --video, or their --results")
        opened = tuple(find_videos(list(videos))) if videos else ()
        fps = opened[0].fps if opened else None
        if opened and not (paths and all(map(_is_result, paths))):
            folder, *more = paths or [Path(RESULTS)]
            if more:
                wrong = next(path for path in paths if not _is_result(path))
                raise InputError(f"{wrong}: no results of a video in it: name those of each video")
            there = _results_there(opened, folder) if model is None else ()
            return cls(spans_of(opened), fps, opened, folder, model, there)
        found = tuple(EventList.load(_result_of(path)) for path in paths)
        if opened and len(found) not in (1, len(opened)):
            raise InputError(f"{len(opened)} videos and results of {len(found)} are given")
        spans = spans_of(opened) if opened else _spans_of_results(found, paths)
        return cls(spans, fps, found=found)

    def spots(self, progress: ProgressCallback) -> tuple[EventList, ...]:
        """Return the spots of each video, or of all together; videos without any are spotted."""
        if self.found:
            return self.found
        found = []
        try:
            for one in spot_videos(self.videos, self.folder, model=self.model, progress=progress):
                if one.events is None:
                    raise OnballError(one.error or f"{one.folder}: the results cannot be read")
                found.append((one.name, one.events))
        except OutputConflictError as error:
            raise InputError(
                f"{str(error).partition(': --overwrite')[0]}: name another folder with --results, or leave "
                "out --model to use them"
            ) from None
        names = name_results([video.path for video in self.videos])
        by_name = dict(found)
        return tuple(by_name[name] for name in names)


def _is_result(path: Path) -> bool:
    """Return True for the results of one video, or of one match: a file, or its folder."""
    return path.is_file() or (path / RESULTS_FILE).is_file()


def _result_of(path: Path) -> Path:
    """Return the file with the results of one video or match. Raises `InputError`."""
    if (path / RESULTS_FILE).is_file():
        return path / RESULTS_FILE
    files = find_event_files(path)
    if len(files) > 1:
        raise InputError(f"{path}: has {len(files)} videos: name the results of one of them")
    return next(iter(files.values()))


def _results_there(videos: Sequence[VideoInfo], folder: Path) -> tuple[EventList, ...]:
    """Spots of all videos in a folder of results; none if those of one are missing."""
    found = []
    for name, path in name_results([video.path for video in videos]).items():
        events = load_events(folder / name)
        if events is None or (events.info and events.info.video not in ("", path.name)):
            return ()
        found.append(events)
    return tuple(found)


def _spans_of_results(found: Sequence[EventList], paths: Sequence[Path]) -> tuple[VideoSpan, ...]:
    lengths: list[tuple[str, int]] = []
    for events, path in zip(found, paths, strict=True):
        info = events.info or SpottingInfo()
        if info.parts:
            lengths += [(part.video, part.duration_ms) for part in info.parts]
        else:
            lengths.append((info.video or path.name, info.duration_ms or _last_ms(events)))
    return span_videos(lengths)


def _last_ms(spots: EventList) -> int:
    return max((event.position_ms for event in spots), default=0) + 1


def join_spots(spots: Sequence[EventList], spans: Sequence[VideoSpan]) -> EventList:
    """Put the spots of several videos on one timeline.

    Args:
        spots: spots of each video, or one list of all.
        spans: the videos.

    Raises:
        InputError: the models of the results have other classes.
    """
    if len(spots) == 1:
        return spots[0]
    if len({one.classes.names for one in spots}) > 1:
        raise InputError("the results are of models with other classes: spot all videos with one")
    begins_ms = [round(1000 * span.begin_s) for span in spans]
    events = [
        replace(event, position_ms=event.position_ms + begin_ms)
        for one, begin_ms in zip(spots, begins_ms, strict=True)
        for event in one
    ]
    end_ms = begins_ms[-1] + round(1000 * spans[-1].length_s)
    return EventList.of(events, info=SpottingInfo(duration_ms=end_ms, classes=spots[0].classes))


# Alignment


def _clock_of(match: MatchTags, tag: TimedTag) -> int | None:
    """Number of the clock of a tag: its period, or its file if each is of a video; None for one."""
    if match.clock is not Clock.VIDEO:
        return tag.period or 1
    return None if tag.video is None else tag.video + 1


def _near(
    match: MatchTags,
    tags: Sequence[TimedTag],
    kickoffs_s: Mapping[int, float],
    shifts_s: Mapping[int | None, float],
) -> dict[int | None, float]:
    """Expected beginning of each clock on the timeline of all videos, of those that are given."""
    if match.clock is Clock.VIDEO and kickoffs_s:
        raise InputError(
            f"{match.name}: its times are those of the video: give about --shift, or --clock period if they "
            "count from the kick-off of each period"
        )
    if match.clock is not Clock.VIDEO and shifts_s:
        raise InputError(
            f"{match.name}: its times count from the kick-off of each period: give about --kickoff"
        )
    near: dict[int | None, float] = {}
    for tag in tags:
        clock = _clock_of(match, tag)
        begin_s = 0.0 if tag.video is None else match.spans[tag.video].begin_s
        if match.clock is not Clock.VIDEO:
            known = {**tag.file.period_starts_s, **kickoffs_s}.get(tag.period or 1)
        else:
            known = shifts_s.get(clock, shifts_s.get(None))
        if known is not None:
            near[clock] = begin_s + known
    return near


def _align(
    match: MatchTags,
    tags: Sequence[TimedTag],
    spots: EventList,
    codes: CodeMap,
    near_s: Mapping[int | None, float],
    window_s: float | None,
) -> MatchAlignment:
    """Align tags with spots on the timeline of all videos."""
    timed = [
        TimedCode(tag.tag.code, round(1000 * tag.time_s), _clock_of(match, tag)) for tag in tags
    ]
    end = match.spans[-1]
    try:
        alignment = align_tags(
            timed,
            spots,
            codes={tag.tag.code: tag.label for tag in tags},
            duration_ms=round(1000 * (end.begin_s + end.length_s)),
            near_ms={clock: round(1000 * near) for clock, near in near_s.items()},
            window_ms=None if window_s is None else round(1000 * window_s),
        )
    except InputError as error:
        raise InputError(f"{match.name}: {error}") from None
    videos = {_clock_of(match, tag): tag.video for tag in tags if tag.label is not None}
    checked = [
        _in_own_video(match, one, videos.get(one.period), timed) for one in alignment.periods
    ]
    alignment = replace(alignment, periods=tuple(checked))
    begins_s = {
        clock: 0.0 if video is None else match.spans[video].begin_s
        for clock, video in videos.items()
    }
    own_s = {
        clock: round(shift_ms / 1000 - begins_s.get(clock, 0.0), 3)
        for clock, shift_ms in alignment.shifts_ms.items()
    }
    is_video = match.clock is Clock.VIDEO
    kickoffs = {clock: one for clock, one in own_s.items() if clock is not None and not is_video}
    shifts = own_s if is_video else {}
    return MatchAlignment(alignment, match, kickoffs, shifts, corrected_codes(alignment, codes))


def _in_own_video(
    match: MatchTags, one: PeriodShift, video: int | None, tags: Sequence[TimedCode]
) -> PeriodShift:
    """Add a problem to a certain shift with which the tags are in another video than their own."""
    if video is None or not one.is_certain:
        return one
    times_s = sorted(
        (tag.time_ms + one.shift_ms) / 1000 for tag in tags if tag.period == one.period
    )
    middle_s = times_s[len(times_s) // 2]
    span = match.spans[video]
    if span.begin_s - SLACK_S <= middle_s <= span.begin_s + span.length_s + SLACK_S:
        return one
    other = next(
        (o.name for o in match.spans if 0 <= middle_s - o.begin_s < o.length_s), "no video"
    )
    problem = (
        f"its tags fit {other}, not {span.name}: are the videos, or the files of tags, in the wrong "
        "order?"
    )
    return replace(one, problem=problem, is_misplaced=True)


# Delays


def corrected_offsets_s(alignment: Alignment, codes: CodeMap | None = None) -> dict[str, float]:
    """Return the offset of each code that removes its delay: `offset_s` of a code map.

    Args:
        alignment: an alignment of tags whose times had the offsets of `codes`.
        codes: the code map of the alignment; None if the codes are the names of the 12 actions.
    """
    codes = codes or find_codes(None)
    offsets = {}
    for one in alignment.delays:
        rule = codes.find(one.code)
        former_s = 0.0 if rule is None else rule.offset_s
        offsets[one.code] = round(former_s - one.delay_ms / 1000, 3)
    return offsets


def corrected_codes(alignment: Alignment, codes: CodeMap) -> CodeMap:
    """Return a code map with the offsets of `corrected_offsets_s`."""
    rules = dict(codes.rules)
    for code, offset_s in corrected_offsets_s(alignment, codes).items():
        rule = codes.find(code)
        if rule is not None:
            rules[code_key(code)] = CodeRule(rule.label, offset_s)
    return replace(codes, rules=rules)
