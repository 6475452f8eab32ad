"""SoccerTrack v2: ten university matches filmed in one panorama, with the 12 actions and tracks.

The released files differ from their specification; the data set's authors document it in
`docs/format-bas.md`, `docs/format-gsr.md` and `docs/bas-findings.md` of its repository:

- the events are in the array `actions`; `position` is match time, counted on through the periods;
- a frame of the tracks is `1 + (position - t0_ms) / 40`, with `t0_ms` of each period in
  `bas_periods.json` of the repository;
- periods overlap on the match clock, and `gameTime` names the wrong period or none for some events: it
  is used if the frame is one of that period;
- three matches had a third period, which was not filmed;
- a video may lack up to a second at its beginning, so that its frames have lower numbers than those of
  the tracks;
- boxes are in pixels of the video, whatever size the file declares. There is no ball.

Both halves become one video, cut there, in which positions count on.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from onball.actions import BALL_ACTIONS
from onball.data.convert.camera import Camera, between, follow_play, seen_by, windows_at_rows
from onball.data.convert.matches import Content, SourceMatch, kept_events
from onball.data.convert.settings import ConvertSettings, SourceFiles, chosen
from onball.errors import DataError, LabelError, OnballWarning
from onball.events import Event, Team
from onball.files import read_json_object
from onball.formats.game_state import read_game_state
from onball.formats.soccernet import half_of
from onball.progress import Progress, ProgressCallback
from onball.tracking.grid import PerFrame
from onball.tracks import TRACKS_FILE, TrackedVideo, Tracks
from onball.video import VideoWriter, probe, read_windows

NAME = "soccertrack-v2"
PERIODS_FILE = "bas_periods.json"
FPS = 25
FRAME_MS = 1000 // FPS
#: The authors' test matches, and the matches on which they chose their settings.
_SPLITS = {"128057": "test", "132831": "test", "117093": "valid", "132877": "valid"}
_EVENTS = re.compile(r"(\d+)_12_class_events\.json")
_HALVES = {1: "1st", 2: "2nd"}
#: Frames that a video may lack at its beginning; one that lacks more was cut off.
_MOST_MISSING = 50
_WHOLE = np.array([[0.0, 0.0, 1.0, 1.0]], np.float32)
_THIRD = "in a third period, which was not filmed"
_UNPLACED = "gameTime names no period, or one without that time"


@dataclass(frozen=True, slots=True)
class _Half:
    """A filmed period.

    Attributes:
        number: 1 or 2.
        video: its video.
        t0_ms: match time of frame 1 of its tracks.
        frames: number of frames in which it has tracks; events are within them.
        declared: number of frames that the file of its tracks declares.
        tracks: its game states; None if they are not there.
    """

    number: int
    video: Path
    t0_ms: float
    frames: int
    declared: int
    tracks: Path | None


def find_matches(
    source: Path, settings: ConvertSettings, wanted: Iterable[str] | None
) -> list[SourceMatch]:
    """Find the matches below the folder of SoccerTrack v2.

    Raises:
        DataError: a file is missing; all matches are examined before any is converted.
    """
    files = SourceFiles(source)
    named = {path: _EVENTS.fullmatch(path.name) for path in files}
    labels = {name[1]: path for path, name in named.items() if name is not None}
    if not labels:
        raise files.missing("events of SoccerTrack v2 (bas/117092/117092_12_class_events.json)")
    table = files.find(PERIODS_FILE)
    if table is None:
        raise DataError(
            f"{source}: no {PERIODS_FILE} in it, which says when each period begins: put there "
            "configs/bas_periods.json of https://github.com/AtomScott/SoccerTrack-v2"
        )
    periods = read_json_object(table, DataError).get("matches")
    if not isinstance(periods, dict):
        raise DataError(f"{table}: no object 'matches' in it: get the file again")
    found = []
    for match in chosen(sorted(labels), wanted, source):
        halves = [_half(files, table, periods, match, number, settings) for number in _HALVES]
        found.append(_source_match(match, labels[match], halves, settings))
        measured = all(
            "t0_event_shift_frames" in periods[match]["periods"][str(n)] for n in _HALVES
        )
        if not measured:
            warnings.warn(
                f"{table}: an older table, with which actions of most halves come a second early: get "
                "the present one of the data set's repository",
                OnballWarning,
                stacklevel=4,
            )
    return found


def _half(
    files: SourceFiles,
    table: Path,
    periods: dict[str, Any],
    match: str,
    number: int,
    settings: ConvertSettings,
) -> _Half:
    name = _HALVES[number]
    wanted = f"{match}_panorama_{name}_half.mp4"
    video = files.find(wanted, f"{match}_{name}.mp4", f"{match}_{name}_half.mp4")
    if video is None:
        raise files.missing(wanted, f"get it, or leave out match {match}")
    try:
        period = periods[match]["periods"][str(number)]
        t0_ms, frames = float(period["t0_ms"]), int(period["n_frames"])
        declared = int(period.get("n_frames_declared_seq_length", frames))
    except (KeyError, TypeError, ValueError):
        raise DataError(
            f"{table}: no t0_ms and n_frames of match {match}, period {number}: get the file again"
        ) from None
    tracks = files.find(f"{match}_{name}.json")
    if settings.own_tracks is not None:
        tracks = settings.own_tracks / video.stem / TRACKS_FILE
        if not tracks.is_file():
            raise DataError(f"{tracks}: no such file: make it with `onball track {video}`")
    if tracks is None and settings.view == "follow":
        raise DataError(
            f"{files.source}: no {match}_{name}.json (gsr) for the camera to follow: get it, or track "
            "the videos with `onball track` and give --own-tracks, or choose --view whole"
        )
    return _Half(number, video, t0_ms, frames, declared, tracks)


def _source_match(
    match: str, labels: Path, halves: list[_Half], settings: ConvertSettings
) -> SourceMatch:
    def make(target: Path, progress: ProgressCallback) -> Content:
        return _convert(labels, halves, settings, target, progress)

    with_tracks = settings.tracks and all(half.tracks is not None for half in halves)
    request = {
        "data set": NAME,
        "match": match,
        "size": f"{settings.size[0]}x{settings.size[1]}",
        "view": settings.view,
        "tracks": "none" if not with_tracks else ("own" if settings.own_tracks else "given"),
        "periods begin": [half.t0_ms for half in halves],
    }
    return SourceMatch(
        match,
        f"{NAME}/{match[:3]}/{match}",
        _SPLITS.get(match, "train"),
        f"{settings.size[1]}p.mp4",
        (TRACKS_FILE,) if with_tracks else (),
        request,
        make,
    )


def _convert(
    labels: Path,
    halves: list[_Half],
    settings: ConvertSettings,
    target: Path,
    progress: ProgressCallback,
) -> Content:
    left_out: Counter[str] = Counter()
    # A broken file must be reported before hours of work.
    placed = _read_events(labels, halves, left_out)
    lengths = [probe(half.video).duration_ms for half in halves]
    total, before = float(sum(lengths)), 0.0
    events: list[Event] = []
    parts: list[Tracks] = []
    written = 0
    # At most two seconds between keyframes, since training reads clips.
    with VideoWriter(target, settings.size, FPS, crf=20, gop=2 * FPS) as writer:
        for half in halves:
            start_ms, missing = written * FRAME_MS, _missing_frames(half)
            tracks = _tracks_of(half, missing, settings)
            windows = PerFrame(np.zeros(1, np.int64), _WHOLE)
            if settings.view == "follow" and tracks is not None:
                windows = follow_play(tracks, Camera(settings.size))
            # A panorama has 13 MB per frame.
            for batch in read_windows(
                half.video, FPS, settings.size, between(windows), batch_frames=8
            ):
                for frame in batch.frames:
                    writer.write(frame)
                written += len(batch.frames)
                done = min(total, before + float(batch.pts_ms[-1]))
                progress(Progress(half.video.stem, done, total, "ms"))
            end_ms = written * FRAME_MS
            if tracks is not None and settings.tracks:
                shown = seen_by(tracks, windows_at_rows(tracks, windows), settings.size)
                parts.append(_later(shown, start_ms, end_ms, half.number))
            events += _in_video(placed[half.number], half, missing, start_ms, end_ms, left_out)
            before += lengths[half.number - 1]
    progress(Progress("", total, total, "ms"))
    duration_ms = written * FRAME_MS
    kept = kept_events(events, duration_ms, FRAME_MS, left_out)
    if len(parts) < len(halves):
        return Content(kept, {}, left_out)
    return Content(kept, {TRACKS_FILE: _joined(parts, duration_ms, settings.size)}, left_out)


def _missing_frames(half: _Half) -> int:
    """Frames that the video lacks at its beginning, compared with its tracks."""
    missing = half.declared - probe(half.video).frame_count
    return missing if 0 < missing <= _MOST_MISSING else 0


# Events


def _read_events(
    path: Path, halves: list[_Half], left_out: Counter[str]
) -> dict[int, list[tuple[float, Event]]]:
    """Events of each half, with the match time of each; others are counted."""
    entries = read_json_object(path, LabelError).get("actions")
    if not isinstance(entries, list):
        raise LabelError(f"{path}: no array 'actions' in it: is it a file of SoccerTrack v2?")
    placed: dict[int, list[tuple[float, Event]]] = {half.number: [] for half in halves}
    filmed_ms = max(half.t0_ms + half.frames * FRAME_MS for half in halves)
    for number, entry in enumerate(entries, start=1):
        try:
            position_ms = float(int(str(entry["position"])))
            game_time = str(entry.get("gameTime", ""))
            team = str(entry.get("team") or "").casefold()
            player = entry.get("player_id")
            event = Event(
                0,
                BALL_ACTIONS.parse(entry["label"]),
                team=Team(team) if team in set(Team) else Team.UNKNOWN,
                extra={} if player in (None, "") else {"player_id": str(player)},
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise LabelError(f"{path}, action {number}: no position or label ({error})") from None
        except LabelError as error:
            raise LabelError(f"{path}, action {number}: {error}") from None
        named = half_of(game_time)
        half = next((half for half in halves if half.number == named), None)
        if half is not None and 1 <= _frame(position_ms, half) <= half.frames:
            placed[half.number].append((position_ms, event))
        else:
            left_out[_THIRD if position_ms >= filmed_ms else _UNPLACED] += 1
    return placed


def _frame(position_ms: float, half: _Half) -> int:
    """Number of the frame of the tracks, from 1."""
    return 1 + round((position_ms - half.t0_ms) / FRAME_MS)


def _in_video(
    placed: list[tuple[float, Event]],
    half: _Half,
    missing: int,
    start_ms: int,
    end_ms: int,
    left_out: Counter[str],
) -> list[Event]:
    """Events of a half at their times in the joined video."""
    events = []
    for position_ms, event in placed:
        time_ms = round(position_ms - half.t0_ms) - missing * FRAME_MS
        if time_ms < -FRAME_MS:
            left_out["before the beginning of the video"] += 1
        elif start_ms + time_ms >= end_ms:
            left_out["after the end of the video"] += 1
        else:
            place = start_ms + max(0, time_ms)
            events.append(Event(place, event.label, team=event.team, extra=event.extra))
    return events


# Tracks


def _tracks_of(half: _Half, missing: int, settings: ConvertSettings) -> Tracks | None:
    """Tracks of a half, at the times and in the pixels of its video."""
    if half.tracks is None or (settings.view == "whole" and not settings.tracks):
        return None
    if settings.own_tracks is not None:
        from onball.formats.tracks_parquet import read_tracks

        return read_tracks(half.tracks, half.video)
    state = read_game_state(half.tracks)
    info = probe(half.video)
    size = np.array([info.width, info.height] * 2, np.float32)
    time_ms = (state.frames - 1 - missing) * FRAME_MS
    boxes = state.boxes.clip(0, size)
    shown = (time_ms >= 0) & (time_ms < info.duration_ms)
    shown &= (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    video = TrackedVideo(info.width, info.height, info.duration_ms, FPS)
    scores = np.ones(len(boxes), np.float32)
    tracks = Tracks(time_ms, state.track_ids, state.kinds, boxes, scores, video).where(shown)
    if not len(tracks):
        raise DataError(f"{half.tracks}: no box within {half.video.name}: is it of another match?")
    return tracks


def _later(tracks: Tracks, start_ms: int, end_ms: int, number: int) -> Tracks:
    """Tracks of a half at their times in the joined video; tracks of other halves have other ids."""
    tracks = tracks.where(tracks.time_ms + start_ms < end_ms)
    ids = np.where(tracks.track_ids < 0, tracks.track_ids, tracks.track_ids * 2 + number - 1)
    cuts = (start_ms,) if start_ms else ()
    video = TrackedVideo(
        tracks.video.width,
        tracks.video.height,
        end_ms,
        tracks.video.fps,
        (*cuts, *(start_ms + cut for cut in tracks.video.cuts_ms)),
    )
    return Tracks(tracks.time_ms + start_ms, ids, tracks.kinds, tracks.boxes, tracks.scores, video)


def _joined(parts: list[Tracks], duration_ms: int, size: tuple[int, int]) -> Tracks:
    cuts = tuple(cut for part in parts for cut in part.video.cuts_ms)
    video = TrackedVideo(*size, duration_ms, parts[0].video.fps, cuts)
    return Tracks(
        np.concatenate([part.time_ms for part in parts]),
        np.concatenate([part.track_ids for part in parts]),
        np.concatenate([part.kinds for part in parts]),
        np.concatenate([part.boxes for part in parts]),
        np.concatenate([part.scores for part in parts]),
        video,
    )
