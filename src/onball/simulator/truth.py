"""Parquet files that grow frame by frame, in flat memory; pyarrow is imported from here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from onball.errors import DataError, optional_dependency
from onball.files import atomic_path, write_text_atomic
from onball.formats.tracks_parquet import CAMERA_FILE
from onball.simulator.world import (
    ASSISTANTS,
    GOALKEEPERS,
    PEOPLE,
    PLAYERS,
    REFEREE,
    SUBSTITUTES,
    TEAM_SIZE,
    WorldState,
)
from onball.tracks import TRACKS_FILE

with optional_dependency("pyarrow", "simulate", "Writing true tracks"):
    import pyarrow as pa
    import pyarrow.parquet as pq


_ROWS_PER_GROUP = 60_000
#: Small arrays take more memory than their numbers do: so many calls of `write` end a group too.
_WRITES_PER_GROUP = 4_000


def names_type() -> Any:
    """The type of a column of names of which there are few."""
    return pa.dictionary(pa.int8(), pa.string())


class TableWriter:
    """Writes rows to a Parquet file, one row group after the other. A context manager.

    Args:
        path: the file; its folder must exist.
        schema: the columns.
        names: for each column of type `names_type()` all names it may have: its rows are then
            given as indices into them.
    """

    def __init__(self, path: Path, schema: Any, names: dict[str, tuple[str, ...]]) -> None:
        self._file = pq.ParquetWriter(path, schema, compression="zstd")
        self._schema = schema
        self._names = names
        self._pending: list[tuple[NDArray[Any], ...]] = []
        self._rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()
        self._file.close()

    def write(self, *columns: NDArray[Any]) -> None:
        """Some more rows: `[N]` for each column of the schema, in its order."""
        self._pending.append(columns)
        self._rows += len(columns[0])
        if self._rows >= _ROWS_PER_GROUP or len(self._pending) >= _WRITES_PER_GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            parts = zip(*self._pending, strict=True)
            arrays = [
                self._array(field, np.concatenate(part))
                for field, part in zip(self._schema, parts, strict=True)
            ]
            self._file.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
        self._pending, self._rows = [], 0

    def _array(self, field: Any, values: NDArray[Any]) -> Any:
        if field.name in self._names:
            indices = pa.array(values, pa.int8())
            return pa.DictionaryArray.from_arrays(indices, pa.array(self._names[field.name]))
        return pa.array(values, field.type)


# --- The truth beside the video: who and what was where in each frame, as one Parquet fil


BALL_ID = PEOPLE
SPARE_BALL_ID = PEOPLE + 1
KINDS = ("player", "goalkeeper", "referee", "substitute", "ball", "spare ball")
TEAMS = ("left", "right", "unknown")

#: Places finer than these are noise that would make the file three times as large.
_PARTS_OF_PIXEL, _PARTS_OF_METRE = 8, 128

SCHEMA = pa.schema(
    [("time_ms", pa.int32()), ("id", pa.int8())]
    + [(name, names_type()) for name in ("kind", "team")]
    + [(name, pa.float32()) for name in ("x0", "y0", "x1", "y1")]
    + [(name, pa.float32()) for name in ("pitch_x", "pitch_y", "pitch_z")]
)


def _kinds() -> NDArray[np.int8]:
    """`[PEOPLE + 2]`: the kind of each id, an index into `KINDS`."""
    kinds = np.zeros(PEOPLE + 2, np.int8)
    for kind, ids in enumerate(
        (GOALKEEPERS, (REFEREE, *ASSISTANTS), SUBSTITUTES, (BALL_ID,), (SPARE_BALL_ID,)), start=1
    ):
        kinds[list(ids)] = kind
    return kinds


def _teams() -> NDArray[np.int8]:
    """`[2, PEOPLE + 2]`: the team of each id, an index into `TEAMS`, before and after the swap."""
    teams = np.full((2, PEOPLE + 2), TEAMS.index("unknown"), np.int8)
    half_bench = len(SUBSTITUTES) // 2
    home = [*range(TEAM_SIZE), *SUBSTITUTES[:half_bench]]
    away = [*range(TEAM_SIZE, PLAYERS), *SUBSTITUTES[half_bench:]]
    teams[:, home] = [[0], [1]]
    teams[:, away] = [[1], [0]]
    return teams


_KIND = _kinds()
_TEAM = _teams()


class TrackWriter:
    """Writes `tracks.parquet` frame by frame; memory stays flat. Use as a context manager."""

    def __init__(self, path: Path) -> None:
        self._table = TableWriter(path, SCHEMA, {"kind": KINDS, "team": TEAMS})

    def __enter__(self) -> TrackWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self._table.__exit__(*error)

    def add(self, moment: WorldState, boxes: NDArray[np.float32] | None, swapped: bool) -> None:
        """One frame.

        Args:
            moment: the world; its `time_ms` becomes the row's. While a replay is shown that is the
                moment of long ago: `dataclasses.replace(moment, time_ms=…)` sets the time of the frame.
            boxes: `[PEOPLE + 2, 4]` x0, y0, x1, y1 in pixels, the ball and the spare ball last; NaN
                where not in the picture, which then get no row. None if there is no picture.
            swapped: True while the home team defends the right goal.
        """
        place = np.zeros((PEOPLE + 2, 3), np.float32)
        place[:PEOPLE, :2] = moment.xy
        place[BALL_ID] = moment.ball
        place[SPARE_BALL_ID] = moment.spare_ball
        if boxes is None:
            boxes = np.full((PEOPLE + 2, 4), np.nan, np.float32)
            ids = np.flatnonzero(~np.isnan(place[:, 0]))
        else:
            ids = np.flatnonzero(~np.isnan(boxes[:, 0]))
        boxes, place = _rounded(boxes, _PARTS_OF_PIXEL), _rounded(place, _PARTS_OF_METRE)
        self._table.write(
            np.full(len(ids), moment.time_ms, np.int32),
            ids.astype(np.int8),
            _KIND[ids],
            _TEAM[int(swapped), ids],
            *boxes[ids].T,
            *place[ids].T,
        )


def _rounded(values: NDArray[np.float32], parts: int) -> NDArray[np.float32]:
    return np.asarray(np.round(values * np.float32(parts)) / np.float32(parts), dtype=np.float32)


# --- What every frame shows, and how it was projected: `camera.parquet` beside the video.


VIEWS = ("main", "close_up", "behind_goal", "replay")
MATRIX_COLUMNS = tuple(f"m{row}{column}" for row in range(3) for column in range(4))

CAMERA_SCHEMA = pa.schema(
    [("time_ms", pa.int32()), ("view", names_type()), ("world_ms", pa.int32())]
    + [(name, pa.float64()) for name in MATRIX_COLUMNS]
    + [("k1", pa.float32())]
)


class CameraWriter:
    """Writes `camera.parquet` frame by frame; memory stays flat. Use as a context manager."""

    def __init__(self, path: Path) -> None:
        self._table = TableWriter(path, CAMERA_SCHEMA, {"view": VIEWS})

    def __enter__(self) -> CameraWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self._table.__exit__(*error)

    def add(
        self, time_ms: int, view: str, world_ms: int, matrix: NDArray[np.float64], k1: float
    ) -> None:
        """One frame.

        Args:
            time_ms: presentation time of the frame.
            view: one of `VIEWS`.
            world_ms: the time of the world that it shows.
            matrix: `[3, 4]`, `Camera.matrix` for the size of the video.
            k1: distortion of the lens.

        Raises `ValueError` for another view or another shape.
        """
        if view not in VIEWS:
            raise ValueError(f"unknown view '{view}': one of {', '.join(VIEWS)}")
        if np.shape(matrix) != (3, 4):
            raise ValueError(f"a projection matrix is [3, 4], not {list(np.shape(matrix))}")
        self._table.write(
            np.array([time_ms], np.int32),
            np.array([VIEWS.index(view)], np.int8),
            np.array([world_ms], np.int32),
            *np.asarray(matrix, np.float64).reshape(12, 1),
            np.array([k1], np.float32),
        )


# --- True boxes in MOTChallenge's format, for trackers and their evaluators.


CLASS_OF_KIND = {
    "player": 1,
    "goalkeeper": 1,
    "referee": 2,
    "substitute": 7,
    "ball": 8,
    "spare ball": 12,
}
GROUND_TRUTH_FILE = Path("gt") / "gt.txt"
SEQUENCE_FILE = "seqinfo.ini"

_COLUMNS = ["time_ms", "id", "kind", "x0", "y0", "x1", "y1"]


def write_mot(match_folder: Path, fps: float, size: tuple[int, int]) -> Path:
    """Writes `gt/gt.txt` and `seqinfo.ini` from the match's `tracks.parquet`; returns the former.

    Row group by row group, so memory stays flat; each file appears when it is whole. Frames of
    replays and close-ups keep their boxes as they are in the picture.

    Args:
        match_folder: a simulated match, and where the files go.
        fps: frames per second of its video.
        size: its width and height in pixels.

    Raises `DataError` if `tracks.parquet` is missing, broken or without boxes, `OnballError` if a
    file cannot be written.
    """
    source, target = match_folder / TRACKS_FILE, match_folder / GROUND_TRUTH_FILE
    if not source.is_file():
        raise DataError(f"{source}: no such file: simulate the match with its true tracks")
    last = 0
    with atomic_path(target) as temporary, temporary.open("w", encoding="ascii") as text:
        for rows in _row_groups(source):
            frames = np.rint(rows["time_ms"] * (fps / 1000)).astype(np.int64) + 1
            for line in _lines(frames, rows):
                text.write(line)
            last = max(last, int(frames.max(initial=0)))
        if last == 0:
            raise DataError(f"{source}: no boxes in it: the match was simulated without a picture")
    camera = match_folder / CAMERA_FILE
    # Only the camera's file has a row for frames without anybody in them.
    length = _count_rows(camera) if camera.is_file() else last
    write_text_atomic(match_folder / SEQUENCE_FILE, _sequence(match_folder, fps, size, length))
    return target


def _row_groups(path: Path) -> Iterator[dict[str, NDArray[Any]]]:
    """Columns of one row group after the other, without rows that have no box."""
    try:
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                table = file.read_row_group(group, columns=_COLUMNS)
                rows: dict[str, NDArray[Any]] = {
                    name: table.column(name).to_numpy() for name in _COLUMNS
                }
                seen = ~np.isnan(rows["x0"])
                yield {name: values[seen] for name, values in rows.items()}
    except (pa.ArrowException, OSError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{path}: cannot be read as tracks: {reason}") from error


def _count_rows(path: Path) -> int:
    try:
        return int(pq.read_metadata(path).num_rows)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: no Parquet file: {' '.join(str(error).split())}") from error


def _lines(frames: NDArray[np.int64], rows: dict[str, NDArray[Any]]) -> Iterator[str]:
    x0, y0 = (rows[name].astype(np.float64) for name in ("x0", "y0"))
    width, height = rows["x1"] - x0, rows["y1"] - y0
    for frame, identity, kind, *box in zip(
        frames, rows["id"], rows["kind"], x0, y0, width, height, strict=True
    ):
        numbers = ",".join(f"{value:.2f}" for value in box)
        yield f"{frame},{int(identity) + 1},{numbers},1,{CLASS_OF_KIND[kind]},1\n"


def _sequence(folder: Path, fps: float, size: tuple[int, int], length: int) -> str:
    return (
        "[Sequence]\n"
        f"name={folder.resolve().name}\n"
        "imDir=img1\n"
        f"frameRate={fps:g}\n"
        f"seqLength={length}\n"
        f"imWidth={size[0]}\n"
        f"imHeight={size[1]}\n"
        "imExt=.jpg\n"
    )
