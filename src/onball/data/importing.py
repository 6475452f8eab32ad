"""Import tags of other programs and their videos as matches of a data set.

`import_tags` reads the tags (`onball.formats.tags`), maps their codes to classes (`code_map.py`), and
their times to the videos:

- Times of the video count from its beginning; several videos follow each other without a gap.
- Times of a period count from its kick-off, which is known by `kickoffs_s` or by the file. If there
  are as many videos as periods, each period is in a video of its own.

A match becomes the folder `ROOT/NAME` with its video and `Labels-ball.json`. Each of several videos
gets a folder below it, `ROOT/NAME/1` and so on: joining videos would change the times of their frames.
They belong to the same split.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from onball.actions import BALL_ACTIONS, EventLabel
from onball.data.classes import CLASSES_FILE, read_classes
from onball.data.code_map import CodeMap, action_map, read_code_map, require_known
from onball.data.layout import ALL, SPLITS, SPLITS_FILE, find_matches, read_splits, write_splits
from onball.errors import ConfigError, DataError, InputError, LabelError
from onball.events import Event, EventList
from onball.files import (
    identify,
    require_writable,
    write_error,
    write_text_atomic,
)
from onball.formats.soccernet import LABELS_FILE, write_labels
from onball.formats.tags import Clock, Tag, TagFile, read_tags
from onball.formats.tags.base import MATCH_CLOCK_S
from onball.outputs import OutputState, check_outputs, write_outputs
from onball.timing import format_time
from onball.video.inputs import find_videos
from onball.video.reading import VideoInfo

#: Tags up to this time after the end of their video are valid: videos are cut to whole seconds.
_SLACK_S = 1.0
#: Part of a clip that is taken for the time of its action, as a fraction.
PLACES = {"start": 0.0, "middle": 0.5, "end": 1.0}
_NAME = re.compile(r"[^/\\:*?\"<>|\x00-\x1f]+(?:/[^/\\:*?\"<>|\x00-\x1f]+){0,2}")
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class ImportedPart:
    """A video of an imported match, with its labels.

    Attributes:
        folder: its folder.
        video: the video in it.
        state: done before, edited since (and kept), or missing and written now.
        events: its labels.
    """

    folder: Path
    video: Path
    state: OutputState
    events: EventList


@dataclass(frozen=True, slots=True)
class ImportedMatch:
    """Result of `import_tags`.

    Attributes:
        name: name of the match.
        parts: its videos, one for each that was given.
        counts: number of labels by class.
        ignored: number of tags by code that the code map leaves out.
        outside: number of tags that were left out because no video shows their time.
        duplicates: number of tags that were left out because another one says the same.
        notes: remarks of the readers.
    """

    name: str
    parts: tuple[ImportedPart, ...]
    counts: Mapping[EventLabel, int]
    ignored: Mapping[str, int] = field(default_factory=dict)
    outside: int = 0
    duplicates: int = 0
    notes: tuple[str, ...] = ()


def import_tags(
    tags: str | Path | TagFile,
    videos: Sequence[str | Path],
    root: str | Path,
    *,
    codes: str | Path | Mapping[str, str | None] | CodeMap | None = None,
    kickoffs_s: Mapping[int, float] | None = None,
    name: str | None = None,
    split: str = "train",
    format: str | None = None,
    columns: Mapping[str, str] | None = None,
    clock: Clock | str | None = None,
    encoding: str | None = None,
    part: str | None = None,
    fps: float | None = None,
    place: str = "start",
    skip_outside: bool = False,
    copy: bool = False,
    overwrite: bool = False,
) -> ImportedMatch:
    """Make a labelled match of tags and videos. Called again, it does only what is not done.

    Args:
        tags: the file of tags, or tags that were read.
        videos: the videos of the match, in order of play.
        root: folder of the data set.
        codes: class of each code, or a YAML file with them, see `read_code_map`; None if the codes
            are the names of the 12 actions.
        kickoffs_s: position of the kick-off of each period in seconds: in its own video if there
            are as many videos as periods, and otherwise from the beginning of the first video.
        name: name of the match, a folder below `root`; by default that of the first video.
        split: `train`, `valid`, `test` or `challenge`, for `splits.json`.
        format: format of the file, see `read_tags`.
        columns: see `read_tags`.
        clock: see `read_tags`.
        encoding: see `read_tags`.
        part: see `read_tags`.
        fps: see `read_tags`; by default that of the first video.
        place: the part of a tag's clip that is the time of the action: `start`, `middle` or `end`.
        skip_outside: leave out tags that no video shows instead of refusing them.
        copy: copy the videos instead of linking them.
        overwrite: replace labels that are there, also those edited by hand.

    Returns:
        The match, with counts of what was left out.

    Raises:
        LabelError: the tags or the code map cannot be used, or tags lie outside of the videos.
        InputError: codes are unknown, kick-offs are missing, or an argument is out of range.
        VideoError: a video is missing or cannot be read.
        OutputConflictError: other labels are in the folder of the match.
        OnballError: a file cannot be written.
    """
    root = Path(root)
    _require_arguments(split, place)
    found = find_videos(list(videos))
    _require_order_of_play(found)
    name = _match_name(name or found[0].path.stem)
    if not isinstance(tags, TagFile):
        fps = fps or found[0].fps
        tags = read_tags(
            tags, format, columns=columns, fps=fps, clock=clock, encoding=encoding, part=part
        )
    elif clock is not None:
        tags = replace(tags, clock=Clock(clock))
    code_map = _code_map(codes)
    require_known(code_map, tags.tags, tags.path)
    placed, ignored = _classified(tags, code_map, PLACES[place])
    timed = _in_videos(placed, tags, found, kickoffs_s or {}, clock is not None)
    kept, outside = _within(timed, tags, found, skip=skip_outside)
    events, duplicates = _unique(kept)
    counts = Counter(event.label for part_events in events for event in part_events)
    parts = _write(root, name, split, found, events, code_map, tags.path, copy, overwrite)
    return ImportedMatch(
        name,
        tuple(parts),
        {label: counts[label] for label in code_map.labels if counts[label]},
        ignored,
        outside,
        duplicates,
        tags.notes,
    )


# Arguments


def _require_arguments(split: str, place: str) -> None:
    if split not in SPLITS:
        raise ConfigError(f"unknown split '{split}': choose {', '.join(SPLITS)}")
    if place not in PLACES:
        raise InputError(f"unknown part of a clip '{place}': choose {', '.join(PLACES)}")


def _match_name(name: str) -> str:
    name = name.replace("\\", "/").strip().strip("/")
    if not _NAME.fullmatch(name) or any(part.strip(" .") == "" for part in name.split("/")):
        raise InputError(
            f"'{name}' cannot be the name of a match: give --name, up to three folders such as "
            "league/2025/match"
        )
    return name


def _code_map(codes: str | Path | Mapping[str, str | None] | CodeMap | None) -> CodeMap:
    if codes is None:
        return action_map()
    if isinstance(codes, CodeMap):
        return codes
    return read_code_map(codes) if isinstance(codes, str | Path) else CodeMap.of(codes)


def _require_order_of_play(videos: Sequence[VideoInfo]) -> None:
    """Raise `InputError` if the numbers in the names of videos fall from one to the next."""
    for former, later in itertools.pairwise(videos):
        names = [video.path.stem.casefold() for video in (former, later)]
        first, second = ([int(number) for number in _NUMBER.findall(name)] for name in names)
        same = _NUMBER.sub("#", names[0]) == _NUMBER.sub("#", names[1])
        if same and second < first:
            raise InputError(
                f"{later.path.name} is given after {former.path.name}: name the videos in order of play, "
                "or rename them if that is the order"
            )


# From tags to events


@dataclass(frozen=True, slots=True)
class _Timed:
    """A tag with its class and its time, `video` -1 as long as it is in none."""

    tag: Tag
    label: EventLabel
    time_s: float
    video: int = -1
    half: int = 1


def _classified(tags: TagFile, codes: CodeMap, place: float) -> tuple[list[_Timed], dict[str, int]]:
    """Tags with their classes and the times of their actions, and counts of those left out."""
    placed: list[_Timed] = []
    ignored: Counter[str] = Counter()
    for tag in tags.tags:
        rule = codes.find(tag.code)
        assert rule is not None
        if rule.label is None:
            ignored[tag.code] += 1
            continue
        end_s = tag.start_s if tag.end_s is None else tag.end_s
        time_s = tag.start_s + place * (end_s - tag.start_s) + rule.offset_s
        placed.append(_Timed(tag, rule.label, time_s, half=tag.period or 1))
    return placed, dict(ignored)


def _in_videos(
    tags: Sequence[_Timed],
    file: TagFile,
    videos: Sequence[VideoInfo],
    kickoffs_s: Mapping[int, float],
    clock_is_given: bool,
) -> list[_Timed]:
    """Tags with the video that each is in, and their times in it; those in none have -1."""
    lengths = [video.duration_ms / 1000 for video in videos]
    begins = [0.0, *itertools.accumulate(lengths[:-1])]
    if file.clock is Clock.VIDEO:
        if kickoffs_s and not clock_is_given:
            raise InputError(
                f"{file.path}: its times are those of the video, for which kick-offs have no use: if they "
                "count from the kick-off of each period give --clock period, and if they are those of "
                "the match clock --clock match"
            )
        starts = {**file.period_starts_s, **kickoffs_s}
        return [_placed(_with_half(tag, starts), begins, lengths) for tag in tags]
    starts = {**file.period_starts_s, **kickoffs_s}
    periods = sorted({_period(tag.tag, file, starts) for tag in tags})
    missing = [period for period in periods if period not in starts]
    if missing:
        raise InputError(
            f"{file.path}: its times count from the kick-off of each period: give that of period "
            f"{missing[0]} in the video, --kickoff {missing[0]}=00:03:12.4, or find it with "
            "`onball data align`"
        )
    own_videos = len(videos) > 1 and len(videos) == len(periods)
    if not own_videos:
        _require_separate_periods(tags, file, starts, periods)
    timed = []
    for tag in tags:
        period = _period(tag.tag, file, starts)
        clock_s = MATCH_CLOCK_S.get(period, 0) if file.clock is Clock.MATCH else 0
        time_s = tag.time_s - clock_s + starts[period]
        if own_videos:
            video = periods.index(period)
            inside = -_SLACK_S <= time_s <= lengths[video] + _SLACK_S
            timed.append(replace(tag, time_s=time_s, video=video if inside else -1, half=period))
        else:
            timed.append(_placed(replace(tag, time_s=time_s, half=period), begins, lengths))
    return timed


def _period(tag: Tag, file: TagFile, starts: Mapping[int, float]) -> int:
    """Period of a tag. Raises `LabelError` if it is not known."""
    if tag.period is not None:
        return tag.period
    if len(starts) <= 1:
        return next(iter(starts), 1)
    raise LabelError(
        f"{file.path}, {tag.source}: its period is not known: add a column with the period, or name it with "
        "--columns period=NAME"
    )


def _require_separate_periods(
    tags: Sequence[_Timed], file: TagFile, starts: Mapping[int, float], periods: Sequence[int]
) -> None:
    """Raise `InputError` if a period begins before the last tag of the one before it."""
    for former, later in itertools.pairwise(periods):
        offset = MATCH_CLOCK_S.get(former, 0) if file.clock is Clock.MATCH else 0
        last = max(tag.time_s for tag in tags if _period(tag.tag, file, starts) == former)
        end_s = last - offset + starts[former]
        if starts[later] < end_s:
            raise InputError(
                f"{file.path}: period {later} begins at {_shown(starts[later])} in the video, and period "
                f"{former} has tags until {_shown(end_s)}: correct the kick-offs"
            )


def _with_half(tag: _Timed, starts: Mapping[int, float]) -> _Timed:
    """Return a tag with its half: its own, or that of the last kick-off before it."""
    if tag.tag.period is not None:
        return tag
    begun = [period for period, start_s in starts.items() if start_s <= tag.time_s]
    return replace(tag, half=max(begun, default=1))


def _placed(tag: _Timed, begins: Sequence[float], lengths: Sequence[float]) -> _Timed:
    """Return a tag with its video and its time in it; it counts from the first video."""
    for video in reversed(range(len(begins))):
        time_s = tag.time_s - begins[video]
        if time_s >= 0 or (video == 0 and time_s >= -_SLACK_S):
            inside = time_s <= lengths[video] + _SLACK_S
            return replace(tag, time_s=time_s, video=video if inside else -1)
    return tag


def _within(
    tags: Sequence[_Timed], file: TagFile, videos: Sequence[VideoInfo], *, skip: bool
) -> tuple[list[_Timed], int]:
    """Tags that are in a video, and the number of others.

    Raises:
        LabelError: there are others, and `skip` is False.
    """
    kept = [tag for tag in tags if tag.video >= 0]
    outside = [tag for tag in tags if tag.video < 0]
    if outside and not skip:
        length_s = sum(video.duration_ms for video in videos) / 1000
        first = outside[0]
        where = f"'{first.tag.code}' ({first.tag.source}) at {_shown(first.time_s)}"
        shown = "the video, which ends" if len(videos) == 1 else "the videos, which end"
        raise LabelError(
            f"{file.path}: {len(outside)} of {len(tags)} tags lie outside of {shown} at "
            f"{_shown(length_s)}, first {where}: is a video missing, or the clock another one? "
            "--skip-outside leaves them out"
        )
    if not kept:
        raise LabelError(f"{file.path}: no tag is left: the videos show none of {len(tags)}")
    return kept, len(outside)


def _shown(seconds: float) -> str:
    return (
        f"-{format_time(round(-1000 * seconds))}"
        if seconds < 0
        else format_time(round(1000 * seconds))
    )


def _unique(tags: Sequence[_Timed]) -> tuple[list[list[Event]], int]:
    """Events of each video, by time, and the number of those that were left out as duplicates.

    Tags of one class in the same millisecond are one event.
    """
    events: dict[int, dict[tuple[int, EventLabel], Event]] = {}
    for tag in tags:
        position_ms = max(0, round(1000 * tag.time_s))
        extra = {"code": tag.tag.code}
        if tag.tag.team is not None:
            extra["team_name"] = tag.tag.team
        visible = tag.tag.labels.get("visibility") != "not shown"
        event = Event(position_ms, tag.label, half=tag.half, visible=visible, extra=extra)
        events.setdefault(tag.video, {}).setdefault((position_ms, tag.label), event)
    last = max(events, default=0)
    lists = [sorted(events.get(video, {}).values()) for video in range(last + 1)]
    return lists, len(tags) - sum(map(len, lists))


# Files


def _write(
    root: Path,
    name: str,
    split: str,
    videos: Sequence[VideoInfo],
    events: Sequence[Sequence[Event]],
    codes: CodeMap,
    source: Path,
    copy: bool,
    overwrite: bool,
) -> list[ImportedPart]:
    """Write the folders of a match, and add it to the lists of classes and splits."""
    several = len(videos) > 1
    names = [f"{name}/{number}" if several else name for number in range(1, len(videos) + 1)]
    parts: list[tuple[ImportedPart, dict[str, object]]] = []
    for index, (video, part_name) in enumerate(zip(videos, names, strict=True)):
        folder = root / part_name
        made = EventList.of(events[index] if index < len(events) else (), match=part_name)
        request: dict[str, object] = {
            "tags": source.name,
            "video": identify(video.path, DataError),
            "labels": f"{len(made)} ({_digest(made)})",
        }
        state = check_outputs(folder, [LABELS_FILE], request, overwrite=overwrite)
        target = folder / video.path.name
        if target.exists() and not target.samefile(video.path):
            raise InputError(
                f"{target}: another video is there: remove it, or choose another --name"
            )
        parts.append((ImportedPart(folder, target, state, made), request))
    classes = _new_classes(root, codes)
    splits = _new_splits(root, names, split)
    require_writable(root)
    for (part, request), video in zip(parts, videos, strict=True):
        part.folder.mkdir(parents=True, exist_ok=True)
        _place_video(video.path, part.video, copy)
        if part.state is not OutputState.MISSING:
            continue
        write_outputs(
            part.folder,
            {LABELS_FILE: lambda path, made=part.events: write_labels(made, path)},  # type: ignore[misc]
            request,
        )
    if classes is not None:
        write_text_atomic(root / CLASSES_FILE, classes)
    if splits is not None:
        write_splits(root, splits)
    return [part for part, _ in parts]


def _digest(events: EventList) -> str:
    """Short fingerprint of events, by which other ones are recognised."""
    return hashlib.sha256(json.dumps(events.to_dicts(), default=str).encode()).hexdigest()[:8]


def _place_video(source: Path, target: Path, copy: bool) -> None:
    """Link a video into a folder, or copy it where that is wanted or no link is possible."""
    if target.exists():
        return
    source = source.resolve()
    if not copy:
        for link in (os.link, os.symlink):
            with suppress(OSError, NotImplementedError):
                link(source, target)
                return
    partial = target.with_name(f".{target.name}.part")
    try:
        shutil.copyfile(source, partial)
        partial.replace(target)
    except OSError as error:
        partial.unlink(missing_ok=True)
        with suppress(OSError):  # unless something is in it
            target.parent.rmdir()
        raise write_error(target, error) from error


def _new_classes(root: Path, codes: CodeMap) -> str | None:
    """New content of `classes.txt`; None if nothing is missing in it, or it is not needed.

    It is not needed for labels of all 12 actions.
    """
    labels = codes.labels
    listed = read_classes(root) if root.is_dir() else None
    if listed is not None:
        missing = [label for label in labels if label not in listed]
        former = (root / CLASSES_FILE).read_text(encoding="utf-8-sig").rstrip("\n")
        return "\n".join([former, *missing, ""]) if missing else None
    wanted = [*dict.fromkeys([*labels, *_labels_there(root)])]
    if set(wanted) == set(BALL_ACTIONS):
        return None
    ordered = [action for action in BALL_ACTIONS if action in wanted]
    return "\n".join([*ordered, *(label for label in wanted if label not in BALL_ACTIONS), ""])


def _labels_there(root: Path) -> Iterable[EventLabel]:
    """The 12 actions if a data set without `classes.txt` has other matches already."""
    try:
        there = any(match.labels for match in find_matches(root, ALL)) if root.is_dir() else False
    except DataError:
        there = False
    return BALL_ACTIONS if there else ()


def _new_splits(root: Path, names: Sequence[str], split: str) -> dict[str, tuple[str, ...]] | None:
    """New content of `splits.json`; None if the match is in its split already.

    Raises:
        InputError: it is in another split.
    """
    splits = dict(read_splits(root)) if (root / SPLITS_FILE).is_file() else {}
    for other, there in splits.items():
        if other != split and set(names) & set(there):
            raise InputError(
                f"{root / SPLITS_FILE}: '{names[0]}' is of the split '{other}', not '{split}': give --split "
                f"{other}, or correct the file"
            )
    former = splits.get(split, ())
    added = [name for name in names if name not in former]
    return {**splits, split: (*former, *added)} if added else None
