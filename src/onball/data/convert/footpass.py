"""FOOTPASS, SoccerNet's Player-Centric Ball-Action Spotting 2026: broadcast matches, 8 actions, boxes.

A match has one video `game_<n>.mp4` of both halves, 25 frames per second. Labels are in
`playbyplay_train.json` and `playbyplay_val.json`: for each half a list of frame (from 0, of the video),
team (0 left, 1 right), shirt number and class, and whether the frame shows a box of the player and
whether it is of a replay. Without these files, labels are the last column of the tactical data
(`train_tactical_data.h5`, `val_tactical_data.h5`), which also have the boxes of the players.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from onball.data.convert.matches import Content, SourceMatch, kept_events, place_video
from onball.data.convert.settings import ConvertSettings, SourceFiles, chosen
from onball.errors import DataError, LabelError
from onball.events import SIDES, Event, Team
from onball.files import read_json_object
from onball.progress import ProgressCallback
from onball.tracks import KINDS, TRACKS_FILE, TrackedVideo, Tracks
from onball.video import VideoInfo, probe

NAME = "footpass"
FPS = 25
FRAME_MS = 1000 // FPS
#: Classes by their number, from 1.
CLASSES = (
    "DRIVE",
    "PASS",
    "CROSS",
    "THROW IN",
    "SHOT",
    "HEADER",
    "PLAYER SUCCESSFUL TACKLE",
    "BALL PLAYER BLOCK",
)
_SPLITS = {"train": "train", "val": "valid"}
_HALF = re.compile(r"(game_\d+)_H\d+")
_GOALKEEPER_ROLE = 1


@dataclass(slots=True)
class _Game:
    """A match of FOOTPASS.

    Attributes:
        split: its split in the layout.
        labels: the file with its labels; None if they are in the tactical data.
        rows: its labels, from that file.
        tactical: the file with its boxes; None if it is not there.
        halves: names of its tables there.
    """

    split: str
    labels: Path | None = None
    rows: list[Any] = field(default_factory=list)
    tactical: Path | None = None
    halves: list[str] = field(default_factory=list)


def find_matches(
    source: Path, settings: ConvertSettings, wanted: Iterable[str] | None
) -> list[SourceMatch]:
    """Find the matches below the folder of FOOTPASS.

    Raises:
        DataError: a file is missing or of another form; all matches are examined before any is
            converted.
        MissingDependencyError: h5py is not installed, and tracks or labels are to be read with it.
    """
    files = SourceFiles(source)
    games = _read_games(files, tracks=settings.tracks)
    if not games:
        raise files.missing("labels of FOOTPASS (playbyplay_train.json, or train_tactical_data.h5)")
    found = []
    for game in chosen(games, wanted, source):
        # Several resolutions may be there: boxes are scaled, and training needs the smallest.
        videos = sorted(files.all(f"{game}.mp4"), key=lambda path: path.stat().st_size)
        if not videos:
            raise files.missing(f"{game}.mp4", "get it, or leave the match out")
        found.append(_source_match(game, games[game], videos[0], settings))
    return found


def _read_games(files: SourceFiles, *, tracks: bool) -> dict[str, _Game]:
    games: dict[str, _Game] = {}
    for theirs, split in _SPLITS.items():
        path = files.find(f"playbyplay_{theirs}.json")
        if path is not None:
            events = read_json_object(path, DataError).get("events")
            if not isinstance(events, dict):
                raise DataError(f"{path}: no object 'events' in it: is it of FOOTPASS?")
            for key, rows in events.items():
                game = games.setdefault(_game_of(path, key), _Game(split, path))
                game.rows += list(rows)
        tactical = files.find(f"{theirs}_tactical_data.h5")
        if tactical is None or (path is not None and not tracks):
            continue
        from onball.formats.tactical import list_halves

        for key in list_halves(tactical):
            game = games.setdefault(_game_of(tactical, key), _Game(split))
            game.tactical = tactical
            game.halves.append(key)
    return dict(sorted(games.items(), key=lambda item: int(item[0].partition("_")[2])))


def _game_of(path: Path, key: str) -> str:
    found = _HALF.fullmatch(key)
    if found is None:
        raise DataError(f"{path}: '{key}' is no half of a match (game_18_H1)")
    return found[1]


def _source_match(game: str, of: _Game, video: Path, settings: ConvertSettings) -> SourceMatch:
    with_tracks = settings.tracks and of.tactical is not None
    # The height is part of the name, and reading it now reports a broken video before any work.
    info = probe(video)
    if abs(info.fps - FPS) > 0.01:
        raise DataError(
            f"{video}: {info.fps:g} frames per second, and labels count {FPS}: get it again"
        )

    def make(target: Path, progress: ProgressCallback) -> Content:
        left_out: Counter[str] = Counter()
        tracks: dict[str, Tracks] = {}
        rows = of.rows
        if of.tactical is not None and (with_tracks or of.labels is None):
            tracks, rows = _tactical(of, info, with_tracks=with_tracks)
        events = kept_events(_events(of, rows), info.duration_ms, FRAME_MS, left_out)
        place_video(video, target, progress)
        return Content(events, tracks, left_out)

    return SourceMatch(
        game,
        f"{NAME}/2023-2024/{game}",
        of.split,
        f"{info.height}p.mp4",
        (TRACKS_FILE,) if with_tracks else (),
        {
            "data set": NAME,
            "match": game,
            "video": f"{info.width}x{info.height}",
            "tracks": "given" if with_tracks else "none",
        },
        make,
    )


def _events(of: _Game, rows: Iterable[Any]) -> Iterator[Event]:
    for number, row in enumerate(rows, start=1):
        try:
            frame, side, shirt, label, *seen = row
            if not 1 <= int(label) <= len(CLASSES):
                raise ValueError(f"class {label} is not from 1 to {len(CLASSES)}")
            yield Event(
                int(frame) * FRAME_MS,
                CLASSES[int(label) - 1],
                team=SIDES[int(side)] if int(side) in (0, 1) else Team.UNKNOWN,
                visible=len(seen) < 2 or not int(seen[1]),
                extra={"jersey": str(int(shirt))},
            )
        except (TypeError, ValueError, LabelError) as error:
            raise LabelError(f"{of.labels or of.tactical}, event {number}: {error}") from None


def _tactical(
    of: _Game, info: VideoInfo, *, with_tracks: bool
) -> tuple[dict[str, Tracks], list[Any]]:
    """Tracks of a match, and its labels if they are in no file of their own."""
    from onball.formats import tactical as columns

    assert of.tactical is not None
    table = columns.read_halves(of.tactical, of.halves)
    rows = of.rows
    if of.labels is None:
        if table.shape[1] <= columns.CLASS:
            raise DataError(f"{of.tactical}: has no labels: get playbyplay_train.json or _val.json")
        labelled = table[table[:, columns.CLASS] > 0]
        wanted = [columns.FRAME, columns.TEAM, columns.SHIRT, columns.CLASS]
        rows = np.nan_to_num(labelled[:, wanted]).astype(np.int64).tolist()
    if not with_tracks:
        return {}, rows
    scale = np.array([info.width, info.height] * 2) / np.array([*columns.FRAME_SIZE] * 2)
    box = table[:, columns.BOX].astype(np.float64)
    boxes = np.concatenate([box[:, :2], box[:, :2] + box[:, 2:]], axis=1) * scale
    boxes = boxes.clip(0, [info.width, info.height] * 2).astype(np.float32)
    time_ms = np.nan_to_num(table[:, columns.FRAME]).astype(np.int64) * FRAME_MS
    ids = np.nan_to_num(table[:, columns.PLAYER]).astype(np.int64)
    shown = np.isfinite(boxes).all(axis=1) & (time_ms < info.duration_ms)
    shown &= (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    order = np.lexsort((ids, time_ms))
    order = order[shown[order]]
    # One box of a player in a frame.
    first = np.ones(len(order), bool)
    first[1:] = (np.diff(time_ms[order]) != 0) | (np.diff(ids[order]) != 0)
    order = order[first]
    keeper = table[order, columns.ROLE] == _GOALKEEPER_ROLE
    kinds = np.where(keeper, KINDS.index("goalkeeper"), KINDS.index("player")).astype(np.uint8)
    tracked = TrackedVideo(info.width, info.height, info.duration_ms, FPS)
    scores = np.ones(len(order), np.float32)
    return {
        TRACKS_FILE: Tracks(time_ms[order], ids[order], kinds, boxes[order], scores, tracked)
    }, rows
