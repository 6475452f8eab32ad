"""SoccerNet-GAR action spotting: 64 broadcast matches at 398×224, and positions on the pitch.

Annotations are OSL JSON 2.0, one file per split, in which `position_ms` is time of the video. The
positions are a Parquet table with one row per frame of the tracking, which has gaps: `videoTimeMs` is
the only clock. Players and balls are JSON in columns of text, in metres from the centre of the pitch.

The positions become a view of the pitch from above, in pixels of the video's size, for nets that take
tracks alone: `tracks_pitch.parquet`. They are not where people are in the image.

Teams are "home" and "away"; which of them is on the left of the image is not stated, so that their
team is unknown here.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from onball.actions import ActionSet
from onball.data.convert.matches import Content, SourceMatch, kept_events, place_video
from onball.data.convert.settings import ConvertSettings, SourceFiles, chosen
from onball.errors import DataError, LabelError
from onball.events import Event
from onball.files import read_json_object
from onball.progress import ProgressCallback
from onball.tracks import BALL, KINDS, TrackedVideo, Tracks
from onball.video import VideoInfo, probe

NAME = "sn-gar"
FPS = 30000 / 1001
CLASSES = (
    "PASS",
    "HEADER",
    "HIGH PASS",
    "OUT",
    "CROSS",
    "THROW IN",
    "SHOT",
    "PLAYER SUCCESSFUL TACKLE",
    "FREE KICK",
    "GOAL",
)
_CLOCK = "videoTimeMs"
PITCH_TRACKS = "tracks_pitch.parquet"
_SPLITS = ("train", "valid", "test")
_VIDEO_TYPES = ("video_mp4", "video")
_TRACKING_TYPE = "tracking_parquet"
#: Half the length and width of what the view from above shows, in metres: the pitch and its surround.
_HALF_EXTENT_M = (57.0, 38.0)
#: Half the side of the box of a person, and of the ball, in metres.
_PERSON_M, _BALL_M = 1.0, 0.5
#: Track ids: the ball, then home players by shirt number, then away players.
_BALL_ID, _HOME_ID, _AWAY_ID = 0, 100, 300
#: A gap of this length is a cut.
_GAP_MS = 1000
#: Scores of positions that the tracking has seen, and that it has estimated.
_SEEN, _ESTIMATED = 1.0, 0.5


@dataclass(slots=True)
class _Game:
    """A match in the annotations.

    Attributes:
        split: its split.
        events: its annotations.
        file: the file that they are in, for messages.
        video: its video; None if it is not there.
        tracking: its table of positions; None if it is not there.
    """

    split: str
    events: list[Any]
    file: Path
    video: Path | None = None
    tracking: Path | None = None


def find_matches(
    source: Path, settings: ConvertSettings, wanted: Iterable[str] | None
) -> list[SourceMatch]:
    """Find the matches below the folder of SoccerNet-GAR: its part with videos, and maybe the other.

    Raises:
        DataError: a file is missing or of another form; all matches are examined before any is
            converted.
    """
    files = SourceFiles(source)
    games = _read_games(files)
    if not games:
        raise files.missing("annotations of SoccerNet-GAR (annotations_train.json, OSL JSON 2.0)")
    found = []
    for game in chosen(games, wanted, source):
        of = games[game]
        if of.video is None:
            raise files.missing(
                f"video of match {game}",
                "get the part SNGAR-Action-Spotting-Video, or leave the match out",
            )
        found.append(_source_match(game, of, of.video, settings))
    return found


def _read_games(files: SourceFiles) -> dict[str, _Game]:
    """Matches by name, in the order of the files."""
    games: dict[str, _Game] = {}
    for split in _SPLITS:
        for path in files.all(f"annotations_{split}.json"):
            content = read_json_object(path, DataError)
            entries = content.get("data")
            if content.get("task") != "action_spotting" or not isinstance(entries, list):
                raise DataError(f"{path}: not of SoccerNet-GAR action spotting (task and data)")
            for entry in entries:
                _add_game(games, path, split, entry)
    return games


def _add_game(games: dict[str, _Game], path: Path, split: str, entry: Any) -> None:
    try:
        game = str(entry["game_id"])
        events, inputs = (
            entry["events"],
            [(one["type"], str(one["path"])) for one in entry["inputs"]],
        )
    except (KeyError, TypeError):
        raise DataError(f"{path}: an entry of 'data' has no game_id, inputs and events") from None
    found = games.setdefault(game, _Game(split, events, path))
    for kind, name in inputs:
        file = path.parent / name
        if not file.is_file():
            continue
        if kind in _VIDEO_TYPES:
            found.video = file
        elif kind == _TRACKING_TYPE:
            found.tracking = file


def _source_match(game: str, of: _Game, video: Path, settings: ConvertSettings) -> SourceMatch:
    tracking = of.tracking if settings.tracks else None

    def make(target: Path, progress: ProgressCallback) -> Content:
        left_out: Counter[str] = Counter()
        info = probe(video)
        events = kept_events(_events(of), info.duration_ms, 1000 / info.fps, left_out)
        tracks = {} if tracking is None else {PITCH_TRACKS: read_positions(tracking, info)}
        place_video(video, target, progress)
        return Content(events, tracks, left_out)

    return SourceMatch(
        game,
        f"{NAME}/2022/{game}",
        of.split,
        "224p.mp4",
        () if tracking is None else (PITCH_TRACKS,),
        {"data set": NAME, "match": game, "tracks": "none" if tracking is None else "given"},
        make,
    )


def _events(game: _Game) -> Iterator[Event]:
    classes = ActionSet.of(CLASSES)
    for number, entry in enumerate(game.events, start=1):
        try:
            extra = {"team": str(entry["team"])} if entry.get("team") else {}
            yield Event(
                round(float(entry["position_ms"])),
                classes.parse(entry["label"]),
                visible=entry.get("visibility", "visible") == "visible",
                extra=extra,
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise LabelError(
                f"{game.file}, event {number}: no position_ms or label ({error})"
            ) from None
        except LabelError as error:
            raise LabelError(f"{game.file}, event {number}: {error}") from None


# Positions


def read_positions(path: Path, video: VideoInfo) -> Tracks:
    """Read a table of positions as tracks in a view of the pitch from above, of a video's size.

    Positions outside the view, and rows outside the video, are left out.

    Args:
        path: the Parquet table, with the columns `videoTimeMs`, `homePlayers`, `awayPlayers`, `balls`.
        video: the video that they belong to.

    Raises:
        DataError: the file is damaged, or a column is missing or of another form.
    """
    from onball.formats.parquet import UnreadableError, read_row_groups

    names = ("homePlayers", "awayPlayers", "balls")
    numbers = array("d")  # six for each box
    times: list[int] = []
    try:
        for group in read_row_groups(path, (_CLOCK, *names)):
            group.require((_CLOCK, *names))
            cells = zip(*(group.texts(name) for name in names), strict=True)
            for time, row in zip(group.numbers(_CLOCK, np.float64), cells, strict=True):
                # The table is sorted; a repeated time says nothing new.
                if 0 <= time < video.duration_ms and (not times or round(time) > times[-1]):
                    times.append(round(time))
                    for box in _row(*row):
                        numbers.extend((times[-1], *box))
    except UnreadableError as error:
        raise DataError(f"{path}: no Parquet file, or cut off ({error}): get it again") from None
    except (msgspec.MsgspecError, TypeError, ValueError, KeyError, AttributeError) as error:
        raise DataError(f"{path}: positions of another form ({error})") from None
    table = np.array(numbers, np.float64).reshape(-1, 6)
    cuts = tuple(after for before, after in pairwise(times) if after - before > _GAP_MS)
    tracked = TrackedVideo(video.width, video.height, video.duration_ms, video.fps, cuts)
    half = np.where(table[:, 2] == BALL, _BALL_M, _PERSON_M)[:, None]
    # Metres to pixels: x to the right, y upwards on the pitch and downwards in the image.
    extent = np.array(_HALF_EXTENT_M)
    scale = np.array([video.width, video.height]) / (2 * extent)
    centre = (table[:, 3:5] * [1, -1] + extent) * scale
    boxes = np.concatenate([centre - half * scale, centre + half * scale], axis=1)
    boxes = boxes.clip(0, [video.width, video.height] * 2).astype(np.float32)
    inside = np.all(boxes[:, 2:] > boxes[:, :2], axis=1)
    return Tracks(
        table[:, 0].astype(np.int64),
        table[:, 1].astype(np.int64),
        table[:, 2].astype(np.uint8),
        boxes,
        table[:, 5].astype(np.float32),
        tracked,
    ).where(inside)


def _row(home: str, away: str, balls: str) -> Iterator[tuple[int, int, float, float, float]]:
    """Track, kind, x, y and score of everyone in a row, each track once."""
    seen: set[int] = set()
    for ball in _objects(balls)[:1]:
        if ball.get("x") is not None and ball.get("y") is not None:
            yield _BALL_ID, BALL, float(ball["x"]), float(ball["y"]), _score(ball)
    for text, first in ((home, _HOME_ID), (away, _AWAY_ID)):
        for player in _objects(text):
            track = first + int(player["jerseyNum"])
            if player.get("x") is None or player.get("y") is None or track in seen:
                continue
            seen.add(track)
            kind = KINDS.index("goalkeeper" if player.get("positionGroup") == "GK" else "player")
            yield track, kind, float(player["x"]), float(player["y"]), _score(player)


def _objects(text: str) -> list[dict[str, Any]]:
    """Objects in a cell; older tables have a single object in place of an array."""
    content = msgspec.json.decode(text) if text else []
    return [content] if isinstance(content, dict) else list(content or [])


def _score(entity: dict[str, Any]) -> float:
    return _ESTIMATED if entity.get("visibility") == "ESTIMATED" else _SEEN
