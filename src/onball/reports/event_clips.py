"""Clips of the events of a match: a video file for each, a list of them, and a reel that joins them.

    OUT/00-47-12-480_SHOT_left.mp4    a clip, named by the time of its event in the video
    OUT/clips.csv                     the list
    OUT/reel.mp4                      all clips one after the other, with captions
    OUT/sheet.jpg                     a frame of each clip, with action and time

Each file is recorded as a result of its own (`onball.outputs`): what is there is not cut again, so that
an interrupted call continues where it was.
"""

from __future__ import annotations

import csv
import hashlib
import io
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from onball.actions import BALL_ACTIONS, ActionSet
from onball.errors import InputError, VideoError
from onball.events import Event, EventList, SpottingInfo, Team
from onball.files import identify, require_writable, write_text_atomic
from onball.formats.conversion.base import (
    Excerpt,
    file_name,
    lengths_ms,
    make_excerpts,
    one_line,
    with_kickoffs,
)
from onball.formats.event_files import find_event_files
from onball.formats.event_selection import EventSelection, load_events
from onball.formats.event_table import LAG_MS, LEAD_MS, match_clock
from onball.outputs import (
    OutputState,
    check_outputs,
    check_unedited,
    output_lock,
    record_outputs,
    write_outputs,
)
from onball.progress import Progress, ProgressCallback, no_progress
from onball.reports.captions import caption
from onball.timing import format_time
from onball.video.cutting import VideoCut, VideoSpan, cut_video, join_spans
from onball.video.match_videos import MatchVideo, match_videos, require_shown

LIST_FILE = "clips.csv"
REEL_FILE = "reel.mp4"
SHEET_FILE = "sheet.jpg"
GROUPS = ("action", "team")
"""Properties by which clips are put into folders."""
_COLUMNS = ("file", "start", "end", "actions", "clock", "team", "confidence")
_MOST_NAMES = 3
_SEPARATOR = "  ·  "


@dataclass(frozen=True, slots=True)
class EventClip:
    """A clip, a reel, or a contact sheet.

    Attributes:
        path: the file.
        state: `MISSING` if it was cut now, `DONE` if it was there, `EDITED` if it was there and was
            changed since, and is kept.
        excerpts: the excerpts in it; one, unless it is a reel or a sheet.
        cut: what was cut now; None if it was there, or is a sheet.
    """

    path: Path
    state: OutputState
    excerpts: tuple[Excerpt, ...]
    cut: VideoCut | None = None


def cut_clips(
    events: EventList | str | Path,
    videos: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    threshold: float | None = None,
    thresholds: Mapping[str, float] | None = None,
    actions: Sequence[str] | None = None,
    lead_s: float | None = None,
    leads_s: Mapping[str, float] | None = None,
    lag_s: float | None = None,
    lags_s: Mapping[str, float] | None = None,
    kickoffs_s: Mapping[int, float] | Sequence[float] | None = None,
    merge: bool = False,
    by: str | None = None,
    reel: bool = False,
    sheet: bool = False,
    tolerance_s: float = 0.0,
    sound: bool = True,
    classes: ActionSet = BALL_ACTIONS,
    overwrite: bool = False,
    on_clip: Callable[[EventClip], object] = lambda clip: None,
    progress: ProgressCallback = no_progress,
) -> list[EventClip]:
    """Cut a clip of each event out of its video. Called again, it does only what is not done.

        onball.cut_clips("onball-results/match", "match.mp4", "clips", actions=["shot", "goal"], reel=True)

    Args:
        events: events, a file of them, or the folder of the results of a video.
        videos: the video, or the files of a match that was spotted as one, in their order.
        out: folder of the clips.
        threshold: see `convert_events`.
        thresholds: see `convert_events`.
        actions: names of the actions; None for all.
        lead_s: seconds before an event; 5 by default.
        leads_s: the same for single actions, by name.
        lag_s: seconds after an event; 3 by default.
        lags_s: the same for single actions, by name.
        kickoffs_s: see `convert_events`; for the match clock in captions and in the list.
        merge: join clips that overlap, also those of different actions.
        by: `action` or `team` puts clips into a folder of each; None into one folder.
        reel: also join all clips into `reel.mp4`, those that overlap once, with captions. With `by`
            there is one in each folder.
        sheet: also draw a contact sheet, `sheet.jpg`: the frame of the first event of each clip, with
            action, time and team. With `by` there is one in each folder.
        tolerance_s: a clip may begin this many seconds earlier and end as many earlier or later, so that
            its frames can be copied, which is fast and loses nothing.
        sound: keep the sound.
        classes: actions that may occur in files without a list of their own.
        overwrite: replace clips that are there with others, also those edited by hand.
        on_clip: called with each clip when it is complete.
        progress: called with the number of clips; an exception in it stops the work.

    Returns:
        The clips, reels and sheets.

    Raises:
        InputError: a setting is out of range, events lie outside of the video, or other clips are there.
        VideoError: a video cannot be read.
        OnballError: a file cannot be written.
        MissingDependencyError: a reel or a sheet, and Pillow is not installed.
    """
    if by is not None and by not in GROUPS:
        raise InputError(f"clips cannot be grouped by '{by}': choose {' or '.join(GROUPS)}")
    if not 0 <= tolerance_s <= 60:
        raise InputError(f"a tolerance of {tolerance_s:g} s is outside 0 to 60")
    found = _load(events, classes)
    chosen = EventSelection(threshold, thresholds, actions).select(with_kickoffs(found, kickoffs_s))
    parts = match_videos(chosen, videos)
    require_shown(chosen, parts)
    leads = lengths_ms(lead_s, leads_s, chosen, "lead")
    lags = lengths_ms(lag_s, lags_s, chosen, "lag")

    def excerpts(part: MatchVideo, events: Sequence[Event], merged: bool) -> list[Excerpt]:
        return make_excerpts(
            [replace(event, position_ms=event.position_ms - part.start_ms) for event in events],
            LEAD_MS,
            LAG_MS,
            leads_ms=leads,
            lags_ms=lags,
            end_ms=part.video.duration_ms,
            merge=merged,
            across_actions=True,
        )

    info = chosen.info or SpottingInfo()
    settings: dict[str, Any] = {"tolerance": f"{tolerance_s:g} s"} if tolerance_s else {}
    if not sound:
        settings["sound"] = "none"
    work: list[_Task] = []
    for folder, group in _groups(Path(out), chosen, by):
        names: set[str] = set()
        joined: list[_Piece] = []
        single: list[_Piece] = []
        for part in parts:
            inside = [event for event in group if part.shows(event)]
            for excerpt in excerpts(part, inside, merge):
                piece = _Piece(part, excerpt)
                single.append(piece)
                name = _unused(_clip_name(piece), names)
                work.append(
                    _Clip(folder, name, (piece,), settings, round(1000 * tolerance_s), sound)
                )
            joined += [_Piece(part, excerpt) for excerpt in excerpts(part, inside, True)]
        if reel and joined:
            settings_of_reel = {key: settings[key] for key in settings if key != "tolerance"}
            titles = tuple(_title(piece, info) for piece in joined)
            work.append(_Reel(folder, REEL_FILE, tuple(joined), settings_of_reel, titles, sound))
        if sheet and single:
            titles = tuple(_title(piece, info) for piece in single)
            work.append(_Sheet(folder, SHEET_FILE, tuple(single), {}, titles))
    _require_lengths(work)
    return _do(work, Path(out), info, overwrite, on_clip, progress)


# Input


def _load(events: EventList | str | Path, classes: ActionSet) -> EventList:
    if isinstance(events, EventList):
        return events
    files = find_event_files(events)
    if len(files) > 1:
        raise InputError(f"{events}: has {len(files)} videos: name the folder of one")
    (path,) = files.values()
    return load_events(path, classes)


def _groups(out: Path, events: EventList, by: str | None) -> Iterator[tuple[Path, Sequence[Event]]]:
    """Folders and the events whose clips go there."""
    if by is None:
        yield out, events.events
    elif by == "action":
        for label in events.counts():
            yield out / file_name(label.value), [one for one in events if one.label == label]
    else:
        for team in Team:
            if inside := [one for one in events if one.team is team]:
                yield out / team.value, inside


# Names


@dataclass(frozen=True, slots=True)
class _Piece:
    """An excerpt, with times in its own video."""

    part: MatchVideo
    excerpt: Excerpt

    @property
    def first(self) -> Event:
        """Its first event, with the time in the match."""
        event = self.excerpt.events[0]
        return replace(event, position_ms=event.position_ms + self.part.start_ms)

    @property
    def names(self) -> list[str]:
        """Names of its actions."""
        names = [*dict.fromkeys(one_line(event.label.value) for event in self.excerpt.events)]
        return [*names[:_MOST_NAMES], *(["…"] if len(names) > _MOST_NAMES else [])]


def _clip_name(piece: _Piece) -> str:
    """Name of the file of a clip, without its suffix: `00-47-12-480_SHOT_left`."""
    time_ms = piece.first.position_ms
    time = f"{format_time(time_ms).replace(':', '-')}-{time_ms % 1000:03d}"
    actions = "+".join(file_name(name).replace(" ", "-") for name in piece.names if name != "…")
    team = "" if piece.excerpt.team is Team.UNKNOWN else f"_{piece.excerpt.team.value}"
    return f"{time}_{actions}{team}"


def _unused(name: str, names: set[str]) -> str:
    """The name, with a number if an event of the same time and action has it, and `.mp4`."""
    number, unused = 1, name
    while unused.casefold() in names:
        number += 1
        unused = f"{name}-{number}"
    names.add(unused.casefold())
    return f"{unused}.mp4"


def _title(piece: _Piece, info: SpottingInfo) -> str:
    """Caption of an excerpt: actions, match clock or time of the video, and team."""
    first = piece.first
    texts = [", ".join(piece.names), match_clock(first, info) or format_time(first.position_ms)]
    if piece.excerpt.team is not Team.UNKNOWN:
        texts.append(piece.excerpt.team.value)
    return _SEPARATOR.join(texts)


# Work


@dataclass(frozen=True, slots=True)
class _Task(ABC):
    """A file to be made of excerpts."""

    folder: Path
    name: str
    pieces: tuple[_Piece, ...]
    settings: Mapping[str, Any]

    @property
    def path(self) -> Path:
        return self.folder / self.name

    @abstractmethod
    def request(self) -> dict[str, Any]:
        """Everything that the file depends on, for its record."""

    @abstractmethod
    def make(self, target: Path, step: Callable[[], object]) -> VideoCut | None:
        """Write the file as `target`, and return what was cut; None for an image.

        `step` is called while it is written; an exception in it stops the work.
        """


def _require_lengths(work: Sequence[_Task]) -> None:
    """Raise `InputError` for a clip without any length."""
    for task in work:
        for piece in task.pieces:
            if piece.excerpt.end_ms <= piece.excerpt.start_ms:
                label, time = piece.excerpt.label, format_time(piece.first.position_ms)
                raise InputError(
                    f"the clip of {label} at {time} has no length: give a longer lead or lag"
                )


@dataclass(frozen=True, slots=True)
class _Clip(_Task):
    tolerance_ms: int
    sound: bool

    def request(self) -> dict[str, Any]:
        (piece,) = self.pieces
        return {
            "video": identify(piece.part.video.path, VideoError),
            "start": f"{piece.excerpt.start_ms / 1000:.3f} s",
            "end": f"{piece.excerpt.end_ms / 1000:.3f} s",
            **self.settings,
        }

    def make(self, target: Path, step: Callable[[], object]) -> VideoCut:
        (piece,) = self.pieces
        return cut_video(
            piece.part.video.path,
            piece.excerpt.start_ms,
            piece.excerpt.end_ms,
            target,
            sound=self.sound,
            tolerance_ms=self.tolerance_ms,
        )


@dataclass(frozen=True, slots=True)
class _Reel(_Task):
    titles: tuple[str, ...]
    sound: bool

    def request(self) -> dict[str, Any]:
        listed = [
            (piece.part.video.path.name, piece.excerpt.start_ms, piece.excerpt.end_ms, title)
            for piece, title in zip(self.pieces, self.titles, strict=True)
        ]
        return {**_request_of(self.pieces, listed), **self.settings}

    def make(self, target: Path, step: Callable[[], object]) -> VideoCut:
        spans = [
            VideoSpan(
                piece.part.video.path,
                piece.excerpt.start_ms,
                piece.excerpt.end_ms,
                caption(title, piece.first.label.colour),
            )
            for piece, title in zip(self.pieces, self.titles, strict=True)
        ]
        return join_spans(spans, target, sound=self.sound, on_span=lambda _: step())


@dataclass(frozen=True, slots=True)
class _Sheet(_Task):
    titles: tuple[str, ...]

    def request(self) -> dict[str, Any]:
        listed = [
            (piece.part.video.path.name, piece.excerpt.events[0].position_ms, title)
            for piece, title in zip(self.pieces, self.titles, strict=True)
        ]
        return _request_of(self.pieces, listed)

    def make(self, target: Path, step: Callable[[], object]) -> None:
        # Pillow is optional, and its check comes before any work.
        from onball.reports.contact_sheet import SheetCell, draw_sheet

        cells = []
        for piece, text in zip(self.pieces, self.titles, strict=True):
            title, _, detail = text.partition(_SEPARATOR)
            video, position_ms = piece.part.video, piece.excerpt.events[0].position_ms
            cells.append(SheetCell(video, position_ms, title, detail, piece.first.label.colour))
        draw_sheet(cells, target)


def _request_of(pieces: Sequence[_Piece], listed: Sequence[tuple[Any, ...]]) -> dict[str, Any]:
    """Request of a file that shows several pieces in some way."""
    videos = dict.fromkeys(piece.part.video.path for piece in pieces)
    digest = hashlib.sha256(repr(listed).encode()).hexdigest()[:8]
    return {
        "video": " + ".join(identify(path, VideoError) for path in videos),
        "clips": f"{len(pieces)} ({digest})",
    }


def _do(
    work: Sequence[_Task],
    out: Path,
    info: SpottingInfo,
    overwrite: bool,
    on_clip: Callable[[EventClip], object],
    progress: ProgressCallback,
) -> list[EventClip]:
    """Make the files that are missing, and list all."""
    if not work:
        return []
    if any(isinstance(task, _Reel | _Sheet) for task in work):
        caption("", "#000000")  # a missing package is an error before any work
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: is a file, not a folder: choose another --out")
    require_writable(out)
    requests = [task.request() for task in work]
    states = [
        check_outputs(task.folder, [task.name], request, overwrite=overwrite)
        for task, request in zip(work, requests, strict=True)
    ]
    check_unedited(out, LIST_FILE, overwrite=overwrite)
    made: list[EventClip] = []
    with output_lock(out):
        for index, (task, request, state) in enumerate(zip(work, requests, states, strict=True)):
            cuts: list[VideoCut | None] = []
            if state is OutputState.MISSING:

                def step(name: str = task.name, done: int = index) -> None:
                    progress(Progress(name, done, len(work), "clips"))

                def make(
                    path: Path,
                    task: _Task = task,
                    cuts: list[VideoCut | None] = cuts,
                    step: Callable[[], object] = step,
                ) -> None:
                    cuts.append(task.make(path, step))

                write_outputs(task.folder, {task.name: make}, request)
            excerpts = tuple(piece.excerpt for piece in task.pieces)
            made.append(EventClip(task.path, state, excerpts, cuts[0] if cuts else None))
            on_clip(made[-1])
            progress(Progress(task.name, index + 1, len(work), "clips"))
        _write_list(work, out, info)
    return made


def _write_list(work: Sequence[_Task], out: Path, info: SpottingInfo) -> None:
    """Write the list of all clips of the folder, those of earlier calls too."""
    rows = {row["file"]: row for row in _read_list(out) if (out / row["file"]).is_file()}
    for task in work:
        if isinstance(task, _Clip):
            row = _row(task, out, info)
            rows[row["file"]] = row
    table = io.StringIO()
    writer = csv.DictWriter(table, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(sorted(rows.values(), key=lambda row: (row["start"], row["file"])))
    write_text_atomic(out / LIST_FILE, "\ufeff" + table.getvalue())
    record_outputs(out, [LIST_FILE], {"clips": len(rows)})


def _row(task: _Clip, out: Path, info: SpottingInfo) -> dict[str, str]:
    (piece,) = task.pieces
    excerpt, start_ms = piece.excerpt, piece.part.start_ms
    return {
        "file": task.path.relative_to(out).as_posix(),
        "start": _time(excerpt.start_ms + start_ms),
        "end": _time(excerpt.end_ms + start_ms),
        "actions": ", ".join(piece.names),
        "clock": match_clock(piece.first, info),
        "team": excerpt.team.value,
        "confidence": f"{excerpt.confidence:.4g}",
    }


def _time(time_ms: int) -> str:
    return f"{format_time(time_ms)}.{time_ms % 1000:03d}"


def _read_list(out: Path) -> list[dict[str, str]]:
    """Rows of the list that is there; none if it is another table."""
    path = out / LIST_FILE
    if not path.is_file():
        return []
    rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"))))
    return [row for row in rows if set(row) == set(_COLUMNS)]
