"""Conversion of matches into SoccerNet's layout: one after the other, what is done is skipped.

A reader of a data set (`soccertrack`, `sn_gar`, `footpass`) finds its matches, as `SourceMatch`es.
`convert_matches` checks all results that are there, then converts match by match:

1. the video goes to a hidden file beside its place;
2. labels and tracks are written and recorded, all or none, see `onball.outputs`;
3. the video gets its name, and the match is added to `splits.json`.

A process that is killed at any time therefore leaves a match that is complete, or one that the next
call converts again.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from onball.data.layout import SPLITS_FILE, read_splits, write_splits
from onball.errors import OnballError, describe_exception
from onball.events import Event, EventList
from onball.files import atomic_path, write_error
from onball.formats.soccernet import LABELS_FILE, write_labels
from onball.outputs import (
    OutputConflictError,
    OutputState,
    check_outputs,
    output_lock,
    write_outputs,
)
from onball.progress import Progress, ProgressCallback, no_progress
from onball.tracks import Tracks

Outcome = Literal["converted", "done", "edited", "failed"]
_CHUNK_BYTES = 1 << 22


@dataclass(frozen=True, slots=True)
class Content:
    """Contents of a converted match, besides its video.

    Attributes:
        events: its annotations; positions are milliseconds of its video, the half is 1.
        tracks: its tracks by the name of their file.
        left_out: number of annotations that were left out, by reason.
    """

    events: EventList
    tracks: Mapping[str, Tracks] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class SourceMatch:
    """A match of a data set that can be converted.

    Attributes:
        id: its name in the data set.
        name: its name in the layout, `<league>/<season>/<match>`.
        split: `train`, `valid` or `test`.
        video: name of its video's file in the layout.
        tracks: names of the tracks files that the conversion writes.
        request: what its results depend on, see `onball.outputs.check_outputs`.
        make: writes the video to the path that it is given, and returns the rest. It calls the
            callback with the milliseconds of video or the bytes done.
    """

    id: str
    name: str
    split: str
    video: str
    tracks: tuple[str, ...]
    request: Mapping[str, Any]
    make: Callable[[Path, ProgressCallback], Content]


@dataclass(frozen=True, slots=True)
class ConvertedMatch:
    """Result of the conversion of one match.

    Attributes:
        name: its name in the layout.
        folder: its folder.
        outcome: `converted`; `done` or `edited` for one that was there already, and is kept;
            `failed`.
        events: number of its annotations; None unless it was converted now.
        left_out: number of annotations that were left out, by reason.
        error: reason of a failure.
    """

    name: str
    folder: Path
    outcome: Outcome
    events: int | None = None
    left_out: Mapping[str, int] = field(default_factory=dict)
    error: OnballError | None = None


def convert_matches(
    matches: Sequence[SourceMatch],
    out: Path,
    *,
    overwrite: bool = False,
    progress: ProgressCallback = no_progress,
) -> Iterator[ConvertedMatch]:
    """Convert matches into `out`. All results that are there are checked at the call.

    Args:
        matches: the matches.
        out: folder of the data set.
        overwrite: replace matches that are there.
        progress: called with the name of the match and the amount of it that is done.

    Yields:
        The result of each match. One that fails does not end the others.

    Raises:
        OutputConflictError: files are in the way that were made by hand or with other settings.
        OutputLockedError: another process converts into the same folder.
    """
    states = {match.name: _state(match, out / match.name, overwrite) for match in matches}
    return _converted(matches, states, out, progress)


def _state(match: SourceMatch, folder: Path, overwrite: bool) -> OutputState:
    files = [LABELS_FILE, *match.tracks]
    video = folder / match.video
    state = check_outputs(folder, files, match.request, overwrite=overwrite)
    if state is OutputState.MISSING:
        written = any((folder / name).exists() for name in files)
        if video.exists() and not written and not overwrite:
            raise OutputConflictError(
                f"{video}: is there and was not written by onball: --overwrite replaces it, or "
                "choose another folder"
            )
        return state
    return state if video.is_file() else OutputState.MISSING


def _converted(
    matches: Sequence[SourceMatch],
    states: Mapping[str, OutputState],
    out: Path,
    progress: ProgressCallback,
) -> Iterator[ConvertedMatch]:
    with output_lock(out):
        for match in matches:
            folder, state = out / match.name, states[match.name]
            if state is not OutputState.MISSING:
                yield ConvertedMatch(
                    match.name, folder, "done" if state is OutputState.DONE else "edited"
                )
                continue
            try:
                content = _convert(match, folder, progress)
            except OSError as error:
                failure = OnballError(describe_exception(match.id, error))
                yield ConvertedMatch(match.name, folder, "failed", error=failure)
            except OnballError as error:
                yield ConvertedMatch(match.name, folder, "failed", error=error)
            else:
                _add_to_split(out, match)
                yield ConvertedMatch(
                    match.name, folder, "converted", len(content.events), content.left_out
                )


def _convert(match: SourceMatch, folder: Path, progress: ProgressCallback) -> Content:
    suffix = Path(match.video).suffix
    hidden = folder / f".{Path(match.video).stem}.new{suffix}"
    missing = [path for path in (folder, *folder.parents) if not path.exists()]

    def named(step: Progress) -> None:
        progress(step._replace(task=match.id))

    try:
        content = match.make(hidden, named)
        events = replace(content.events, match=match.name)
        write: dict[str, Callable[[Path], None]] = {
            LABELS_FILE: lambda path: write_labels(events, path)
        }
        for name, tracks in content.tracks.items():
            write[name] = _tracks_writer(tracks, match)
        write_outputs(folder, write, match.request)
        hidden.replace(folder / match.video)
    except BaseException:
        hidden.unlink(missing_ok=True)
        for path in missing:  # from the innermost
            if path.is_dir() and not any(path.iterdir()):
                path.rmdir()
        raise
    return content


def _tracks_writer(tracks: Tracks, match: SourceMatch) -> Callable[[Path], None]:
    # Needs pyarrow, which conversions without tracks do not.
    from onball.formats.tracks_parquet import write_tracks

    made_by = str(match.request["data set"])
    return lambda path: write_tracks(tracks, path, detector=made_by, video=match.video)


def _add_to_split(out: Path, match: SourceMatch) -> None:
    """Add a match to `splits.json`, unless it is listed: the lists may have been edited."""
    splits = read_splits(out) if (out / SPLITS_FILE).is_file() else {}
    if not any(match.name in names for names in splits.values()):
        write_splits(out, {**splits, match.split: (*splits.get(match.split, ()), match.name)})


# Parts of readers


def kept_events(
    events: Iterable[Event], duration_ms: int, frame_ms: float, left_out: Counter[str]
) -> EventList:
    """Return the events within a video, each once.

    Args:
        events: the events, in any order.
        duration_ms: length of the video.
        frame_ms: time of one frame: of the same action twice within it, the first is kept.
        left_out: counts the others, by reason.
    """
    kept: list[Event] = []
    last: dict[str, int] = {}
    for event in sorted(events):
        if event.position_ms >= duration_ms:
            left_out["after the end of the video"] += 1
        elif event.label in last and event.position_ms - last[event.label] < frame_ms:
            left_out["the same action twice within a frame"] += 1
        else:
            kept.append(event)
            last[event.label] = event.position_ms
    return EventList.of(kept)


def place_video(source: Path, target: Path, progress: ProgressCallback) -> None:
    """Make `target` the same file as `source`, by a hard link, or by a copy where that is impossible.

    Raises:
        OnballError: the file cannot be written.
    """
    size = source.stat().st_size
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        os.link(source, target)
    except OSError:
        _copy(source, target, size, progress)
    progress(Progress(source.name, size, size, "bytes"))


def _copy(source: Path, target: Path, size: int, progress: ProgressCallback) -> None:
    if shutil.disk_usage(target.parent if target.parent.is_dir() else Path.cwd()).free < size:
        raise write_error(target, OSError(28, os.strerror(28)))
    with atomic_path(target) as temporary, source.open("rb") as read, temporary.open("wb") as file:
        done = 0
        while chunk := read.read(_CHUNK_BYTES):
            done += file.write(chunk)
            progress(Progress(source.name, done, size, "bytes"))
