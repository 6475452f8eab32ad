"""Import tags of other programs and their videos as matches of a data set.

`import_tags` reads the tags and finds their classes and videos (`match_tags.py`):

- Times of the video count from its beginning; several videos follow each other without a gap.
- Times of a period count from its kick-off, which is known by `kickoffs_s` or by the file. If there
  are as many videos as periods, each period is in a video of its own.
- If there are as many files of tags as videos, each is of the video at the same place.

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
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Unpack

from onball.actions import BALL_ACTIONS, EventLabel
from onball.data.classes import CLASSES_FILE, read_classes
from onball.data.code_map import CodeMap, require_known
from onball.data.layout import ALL, SPLITS, SPLITS_FILE, find_matches, read_splits, write_splits
from onball.data.match_tags import (
    Codes,
    MatchTags,
    PlacedTag,
    ReadingArguments,
    TagSource,
    find_codes,
    place_tags,
    read_match_tags,
    shown_seconds,
    spans_of,
    time_tags,
)
from onball.data.team_sides import LeftTeams, TeamSides, find_team_sides
from onball.errors import ConfigError, DataError, InputError, LabelError
from onball.events import Event, EventList
from onball.files import (
    identify,
    require_writable,
    write_error,
    write_text_atomic,
)
from onball.formats.soccernet import LABELS_FILE, write_labels
from onball.formats.tags import Clock
from onball.formats.tags.markers import period_of, plain_words
from onball.outputs import OutputState, check_outputs, write_outputs
from onball.video.inputs import find_videos
from onball.video.reading import VideoInfo

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
    tags: TagSource | Sequence[TagSource],
    videos: Sequence[str | Path],
    root: str | Path,
    *,
    codes: Codes = None,
    kickoffs_s: Mapping[int, float] | None = None,
    shifts_s: Mapping[int | None, float] | None = None,
    name: str | None = None,
    split: str = "train",
    place: str = "start",
    left: LeftTeams = None,
    skip_outside: bool = False,
    copy: bool = False,
    overwrite: bool = False,
    **reading: Unpack[ReadingArguments],
) -> ImportedMatch:
    """Make a labelled match of tags and videos. Called again, it does only what is not done.

    Args:
        tags: the file of tags, or tags that were read; or one for each video, or several that are
            read as if they were one.
        videos: the videos of the match, in order of play.
        root: folder of the data set.
        codes: class of each code, or a YAML file with them, see `read_code_map`; None if the codes
            are the names of the 12 actions.
        kickoffs_s: position of the kick-off of each period in seconds: in its own video if there
            are as many videos as periods, and otherwise from the beginning of the first video.
        shifts_s: seconds that are added to the times of tags, for a clock that does not begin with
            the video: by period, and by None those of all periods.
        name: name of the match, a folder below `root`; by default that of the first video.
        split: `train`, `valid`, `test` or `challenge`, for `splits.json`.
        place: the part of a tag's clip that is the time of the action: `start`, `middle` or `end`.
        left: team that defends the left goal of the image in the first period, or teams by period; see
            `find_team_sides`.
        skip_outside: leave out tags that no video shows instead of refusing them.
        copy: copy the videos instead of linking them.
        overwrite: replace labels that are there, also those edited by hand.
        **reading: `format`, `columns`, `clock`, `encoding`, `part`, `fps`, `metadata` and `raw_codes` of
            `read_tags`; the frame rate is by default that of the first video.

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
    if split not in SPLITS:
        raise ConfigError(f"unknown split '{split}': choose {', '.join(SPLITS)}")
    found = find_videos(list(videos))
    _require_order_of_play(found)
    name = _match_name(name or found[0].path.stem)
    reading["fps"] = reading.get("fps") or found[0].fps
    match = read_match_tags(tags, spans_of(found), **reading)
    if kickoffs_s and match.clock is Clock.VIDEO and reading.get("clock") is None:
        raise InputError(
            f"{match.name}: its times are those of the video, for which kick-offs have no use: if they "
            "count from the kick-off of each period give --clock period, and if they are those of "
            "the match clock --clock match"
        )
    code_map = find_codes(codes)
    require_known(code_map, match.tags, match.name, match.notes)
    sides = find_team_sides(match.files, left)
    timed = time_tags(match, code_map, place=place, kickoffs_s=kickoffs_s)
    ignored = Counter(tag.tag.code for tag in timed if tag.label is None)
    labelled = [tag for tag in timed if tag.label is not None]
    placed = place_tags(match, labelled, kickoffs_s=kickoffs_s, shifts_s=shifts_s)
    kept, outside = _within(match, placed, skip=skip_outside)
    events, duplicates = _unique(kept, sides)
    counts = Counter(event.label for part_events in events for event in part_events)
    parts = _write(root, name, split, found, events, code_map, match, copy, overwrite)
    return ImportedMatch(
        name,
        tuple(parts),
        {label: counts[label] for label in code_map.labels if counts[label]},
        dict(ignored),
        outside,
        duplicates,
        (*match.notes, *sides.notes),
    )


# Arguments


def _match_name(name: str) -> str:
    name = name.replace("\\", "/").strip().strip("/")
    if not _NAME.fullmatch(name) or any(part.strip(" .") == "" for part in name.split("/")):
        raise InputError(
            f"'{name}' cannot be the name of a match: give --name, up to three folders such as "
            "league/2025/match"
        )
    return name


def _require_order_of_play(videos: Sequence[VideoInfo]) -> None:
    """Raise `InputError` if numbers or periods in the names of videos fall from one to the next."""
    for former, later in itertools.pairwise(videos):
        names = [video.path.stem.casefold() for video in (former, later)]
        first, second = ([int(number) for number in _NUMBER.findall(name)] for name in names)
        same = _NUMBER.sub("#", names[0]) == _NUMBER.sub("#", names[1])
        if (same and second < first) or _names_earlier_period(*names):
            raise InputError(
                f"{later.path.name} is given after {former.path.name}: name the videos in order of play, "
                "or rename them if that is the order"
            )


def _names_earlier_period(former: str, later: str) -> bool:
    """Return True for names such as `Second half` and `First half`, which differ in the period only."""
    words = [plain_words(name).split() for name in (former, later)]
    first, second = (
        period_of(" ".join(word for word in own if word not in other))
        for own, other in (words, reversed(words))
    )
    return first is not None and second is not None and second < first


# From tags to events


def _within(
    match: MatchTags, tags: Sequence[PlacedTag], *, skip: bool
) -> tuple[list[PlacedTag], int]:
    """Tags that are in a video, and the number of others.

    Raises:
        LabelError: there are others, and `skip` is False.
    """
    kept = [tag for tag in tags if tag.video is not None]
    outside = [tag for tag in tags if tag.video is None]
    if outside and not skip:
        first = outside[0]
        span = None if first.timed.video is None else match.spans[first.timed.video]
        where = (
            f"'{first.timed.tag.code}' ({first.timed.tag.source}) at {shown_seconds(first.time_s)}"
        )
        if span is not None:
            shown, length_s = f"{span.name}, which ends", span.length_s
        else:
            shown = "the video, which ends" if len(match.spans) == 1 else "the videos, which end"
            length_s = match.spans[-1].begin_s + match.spans[-1].length_s
        raise LabelError(
            f"{first.timed.file.path}: {len(outside)} of {len(tags)} tags lie outside of {shown} at "
            f"{shown_seconds(length_s)}, first {where}: is a video missing, or the clock another one? "
            "--skip-outside leaves them out"
        )
    if not kept:
        raise LabelError(f"{match.name}: no tag is left: the videos show none of {len(tags)}")
    return kept, len(outside)


def _unique(tags: Sequence[PlacedTag], sides: TeamSides) -> tuple[list[list[Event]], int]:
    """Events of each video, by time, and the number of those that were left out as duplicates.

    Tags of one class in the same millisecond are one event.
    """
    events: dict[int, dict[tuple[int, EventLabel], Event]] = {}
    for placed in tags:
        tag, label = placed.timed.tag, placed.timed.label
        assert placed.video is not None
        assert label is not None
        position_ms = max(0, round(1000 * placed.time_s))
        extra = {"code": tag.code}
        if tag.team is not None:
            extra["team_name"] = tag.team
        visible = tag.labels.get("visibility") != "not shown"
        event = Event(
            position_ms, label, team=sides.side_of(tag, placed.half), half=placed.half,
            visible=visible, extra=extra,
        )  # fmt: skip
        events.setdefault(placed.video, {}).setdefault((position_ms, label), event)
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
    source: MatchTags,
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
            "tags": ", ".join(file.path.name for file in source.files),
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
        write_outputs(part.folder, {LABELS_FILE: partial(write_labels, part.events)}, request)
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
