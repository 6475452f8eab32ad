"""Columns of a tracks file as arrays; each says which column or row is of no use.

Types are those of the tracks file or others that hold the same values: any whole numbers for times
and tracks, any numbers for boxes and scores, plain text for classes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onball.errors import DataError, optional_dependency
from onball.files import atomic_path, read_json_object
from onball.tracks import KINDS, UNTRACKED, TrackedVideo, Tracks

with optional_dependency("pyarrow", "track", "Reading and writing tracks"):
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq


BOX = ("x0", "y0", "x1", "y1")
#: Stands for a name that is not in `KINDS`.
_UNKNOWN = 255


def require_columns(path: Path, table: Any, names: Iterable[str]) -> None:
    """Raise `DataError` that names the first of the columns that the table lacks."""
    for name in names:
        if name not in table.column_names:
            raise DataError(f"{path}: has no column '{name}': is it a tracks file?")


def numbers_of(path: Path, table: Any, name: str, dtype: type[Any]) -> NDArray[Any]:
    """A column `[N]` of numbers, as `dtype`.

    Raises `DataError` if it is of another type or a row has no value. Nothing is rounded: for a
    `dtype` of whole numbers the column must be of whole numbers too.
    """
    column = table.column(name)
    whole = np.issubdtype(dtype, np.integer)
    if not pa.types.is_integer(column.type) and (whole or not pa.types.is_floating(column.type)):
        wanted = "whole numbers" if whole else "numbers"
        raise DataError(f"{path}: column '{name}' is not of {wanted} but of type {column.type}")
    _refuse_gaps(path, column, name)
    return np.asarray(column.to_numpy(), dtype)


def boxes_of(path: Path, table: Any) -> NDArray[np.float32]:
    """The boxes `[N, 4]`, in pixels. Errors as of `numbers_of`."""
    return np.stack([numbers_of(path, table, name, np.float32) for name in BOX], axis=1)


def kinds_of(path: Path, table: Any, name: str, other_names: dict[str, str]) -> NDArray[np.uint8]:
    """Indices `[N]` into `KINDS` of a column of names.

    Args:
        path: the file, for errors.
        table: what it holds.
        name: of the column.
        other_names: what else the kinds may be called there.

    Raises `DataError` for a column of another type, a row without a name or with an unknown one.
    """
    column = table.column(name)
    # Before the numbers behind the names are taken: where there is no name, there is none.
    _refuse_gaps(path, column, name)
    try:
        array = column.combine_chunks()
        encoded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
        if isinstance(encoded, pa.ChunkedArray):
            encoded = encoded.unify_dictionaries().combine_chunks()
        names = encoded.dictionary.to_pylist()
        indices = np.asarray(encoded.indices.to_numpy(zero_copy_only=False), np.int64)
    except (pa.ArrowException, ValueError, TypeError, AttributeError):
        raise DataError(f"{path}: column '{name}' is not of names") from None
    known = [other_names.get(one, one) for one in names]
    numbers = [KINDS.index(one) if one in KINDS else _UNKNOWN for one in known]
    kinds = np.array(numbers or [_UNKNOWN], np.uint8)[indices]
    if (kinds == _UNKNOWN).any():
        row = int(np.argmax(kinds == _UNKNOWN))
        raise DataError(
            f"{path}: row {row}: unknown class '{names[indices[row]]}': one of {', '.join(KINDS)}"
        )
    return kinds


def _refuse_gaps(path: Path, column: Any, name: str) -> None:
    if column.null_count:
        row = int(np.argmax(column.is_null().to_numpy()))
        raise DataError(f"{path}: row {row}: no value in column '{name}': fill it or drop the row")


# --- Whether tracks are sound: rows in order and inside the picture, and of the video at


#: Boxes may stick out so far, in pixels; they are cut at the picture's edge.
_SLACK_PX = 0.5
#: Lengths of the same video, by two programs, may differ so much.
_SLACK_MS, _SLACK_SHARE = 1000, 0.01


def check_rows(path: Path, tracks: Tracks) -> Tracks:
    """The tracks, their boxes cut at the picture's edge.

    Raises `DataError` that names the first row that is wrong, counted from 0.
    """
    time, ids, boxes = tracks.time_ms, tracks.track_ids, tracks.boxes
    width, height = tracks.video.width, tracks.video.height

    def refuse(wrong: Any, text: str) -> None:
        if wrong.any():
            row = int(np.argmax(wrong))
            raise DataError(f"{path}: row {row} (at {int(time[row])} ms): {text}")

    later = np.r_[False, time[1:] < time[:-1]]
    refuse(later, "is earlier than the row before: sort the rows by time_ms")
    refuse(time < 0, "a time before the video begins")
    end = tracks.video.duration_ms + _slack_ms(tracks.video.duration_ms)
    refuse(time > end, f"is after the end of the video of {tracks.video.duration_ms} ms")
    refuse(ids < UNTRACKED, f"track_id is below {UNTRACKED}")
    order = np.lexsort((ids, time))
    same = (np.diff(time[order]) == 0) & (np.diff(ids[order]) == 0) & (ids[order][1:] != UNTRACKED)
    twice = np.zeros(len(time), bool)
    twice[order[1:][same]] = True
    refuse(twice, "its track has a second box in the same frame: keep one of them")
    refuse(~np.isfinite(boxes).all(axis=1), "a side of its box is no number")
    empty = (boxes[:, 2] <= boxes[:, 0]) | (boxes[:, 3] <= boxes[:, 1])
    refuse(empty, "its box is empty: x1 must be above x0 and y1 above y0")
    largest = np.array([width, height, width, height], np.float32)
    outside = (boxes < -_SLACK_PX).any(axis=1) | (boxes > largest + _SLACK_PX).any(axis=1)
    refuse(
        outside,
        f"its box is outside the picture of {width}×{height} pixels: are the boxes of a video of "
        "another size?",
    )
    # NaN is no score either.
    refuse(~((tracks.scores >= 0) & (tracks.scores <= 1)), "its score is not between 0 and 1")
    return replace(tracks, boxes=boxes.clip(0, largest))


def check_video(path: Path, of: TrackedVideo, video: Path) -> None:
    """Raise `DataError` if tracks of the video `of` are not those of the file `video`."""
    from onball.video import probe

    info = probe(video)
    same_size = (of.width, of.height) == (info.width, info.height)
    slack = _slack_ms(info.duration_ms)
    # A file may not say how long it is.
    same_length = info.duration_ms == 0 or abs(of.duration_ms - info.duration_ms) <= slack
    if not (same_size and same_length):
        theirs, ours = (f"{v.width}×{v.height}, {v.duration_ms / 1000:.1f} s" for v in (of, info))
        raise DataError(
            f"{path}: tracks of another video ({theirs}; {video.name} is {ours}): make its own "
            f"with `onball track {video}`"
        )


def _slack_ms(duration_ms: int) -> float:
    return max(_SLACK_MS, _SLACK_SHARE * duration_ms)


# --- What a simulated match says of its video, beside its true tracks.


SIMULATION_FILE = "simulation.json"
CAMERA_FILE = "camera.parquet"


def simulated_video(tracks: Path) -> TrackedVideo:
    """The video of a simulated match: from `simulation.json` and `camera.parquet` beside its tracks.

    Raises `DataError` if the former is missing or does not say it.
    """
    path = tracks.with_name(SIMULATION_FILE)
    if not path.is_file():
        raise DataError(
            f"{path}: no such file, and true tracks need it beside them: copy it too, or simulate the "
            "match again with `onball simulate`"
        )
    about = read_json_object(path, DataError)
    try:
        return TrackedVideo(
            int(about["width"]),
            int(about["height"]),
            int(about["duration_ms"]),
            float(about["fps"]),
            _cuts(tracks.with_name(CAMERA_FILE)),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise DataError(f"{path}: does not say what the video is ({error!r})") from None


def _cuts(camera: Path) -> tuple[int, ...]:
    """First frames of another view, or of another moment of the match in a replay."""
    if not camera.is_file():
        return ()
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(camera, columns=["time_ms", "view", "world_ms"])
    except (pa.ArrowException, OSError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{camera}: cannot be read ({reason})") from None
    views = table.column("view").combine_chunks()
    indices = np.asarray(views.indices.to_numpy(zero_copy_only=False))
    times, world = (table.column(n).to_numpy().astype(np.int64) for n in ("time_ms", "world_ms"))
    lag = times - world
    # Slow motion lets the lag grow little by little; a cut makes it jump.
    jumped = np.abs(np.diff(lag)) > 500
    return tuple(int(t) for t in times[1:][(np.diff(indices) != 0) | jumped])


# --- Tracks files: who and what was where in a video, as one Parquet file.


_VERSION = 1
_KEY = b"onball"
#: Rows are written so many, or from so many calls, at a time.
_ROWS_PER_GROUP, _ADDS_PER_GROUP = 60_000, 4_000
_TRUTH_COLUMNS = {"id", "kind", "pitch_x"}
#: What damaged bytes lead to; text that is not UTF-8 is a `ValueError`.
_UNREADABLE = (pa.ArrowException, OSError, ValueError)
#: What the simulator calls them, and what they are to a detector. A spare ball is no ball in play.
_TRUTH_KINDS = {"substitute": "person"}
_SCHEMA = pa.schema(
    [
        ("time_ms", pa.int32()),
        ("track_id", pa.int32()),
        ("class", pa.dictionary(pa.int8(), pa.string())),
        *((name, pa.float32()) for name in BOX),
        ("score", pa.float32()),
    ]
)


class TracksWriter:
    """Writes a tracks file part by part; memory stays flat. See `open_writer`."""

    def __init__(self, path: Path, detector: str, video: str) -> None:
        self._file = pq.ParquetWriter(
            # Checksums, or else a damaged file may read as other boxes.
            path,
            _SCHEMA,
            compression="zstd",
            write_page_checksum=True,
        )
        self._about = {"detector": detector, "video": video}
        self._pending: list[tuple[NDArray[Any], ...]] = []
        self._rows = 0
        self._finished = False

    def add(
        self,
        time_ms: NDArray[np.int64],
        track_ids: NDArray[np.int64],
        kinds: NDArray[np.uint8],
        boxes: NDArray[np.float32],
        scores: NDArray[np.float32],
    ) -> None:
        """Some more rows, later than all before; columns as of `Tracks`."""
        self._pending.append((time_ms, track_ids, kinds, boxes, scores))
        self._rows += len(time_ms)
        if self._rows >= _ROWS_PER_GROUP or len(self._pending) >= _ADDS_PER_GROUP:
            self._flush()

    def _flush(self) -> None:
        if not self._pending:
            return
        time_ms, track_ids, kinds, boxes, scores = (
            np.concatenate(column) for column in zip(*self._pending, strict=True)
        )
        self._pending, self._rows = [], 0
        order = np.lexsort((track_ids, time_ms))
        columns = [
            pa.array(time_ms[order].astype(np.int32)),
            pa.array(track_ids[order].astype(np.int32)),
            pa.DictionaryArray.from_arrays(
                pa.array(kinds[order].astype(np.int8)), pa.array(list(KINDS))
            ),
            *(pa.array(boxes[order, side].astype(np.float32)) for side in range(4)),
            pa.array(scores[order].astype(np.float32)),
        ]
        self._file.write_table(pa.Table.from_arrays(columns, schema=_SCHEMA))

    def finish(self, video: TrackedVideo) -> None:
        """What the video is, known when all of it has been seen."""
        self._flush()
        about = {
            "format_version": _VERSION,
            "width": video.width,
            "height": video.height,
            "duration_ms": video.duration_ms,
            "fps": video.fps,
            "cuts_ms": list(video.cuts_ms),
            **self._about,
        }
        self._file.add_key_value_metadata({_KEY: json.dumps(about).encode()})
        self._finished = True

    def close(self) -> None:
        """The end of the file. Raises `ValueError` if `finish` was not called."""
        self._file.close()
        if not self._finished:
            raise ValueError("tracks without their video: call finish()")


@contextmanager
def open_writer(path: str | Path, *, detector: str, video: str) -> Iterator[TracksWriter]:
    """A writer; the file appears when the block has ended well.

    Args:
        path: where to.
        detector: what found the boxes.
        video: name of the video's file.

    Raises `OnballError` if the file cannot be written.
    """
    with atomic_path(path) as aside:
        writer = TracksWriter(aside, detector, video)
        try:
            yield writer
        except BaseException:
            writer._file.close()
            raise
        writer.close()


def write_tracks(tracks: Tracks, path: str | Path, *, detector: str = "", video: str = "") -> None:
    """Write tracks that are in memory. Arguments and errors as of `open_writer`."""
    with open_writer(path, detector=detector, video=video) as writer:
        writer.add(tracks.time_ms, tracks.track_ids, tracks.kinds, tracks.boxes, tracks.scores)
        writer.finish(tracks.video)


def read_tracks(path: str | Path, video: str | Path | None = None) -> Tracks:
    """Read a tracks file, or the true tracks of a simulated match.

    Args:
        path: the file.
        video: if given, the tracks must be of this video: its size and, to a second or one in a
            hundred, its length.

    Raises `DataError` for a file that is missing, broken, of a later format or of another video, and
    for rows that are unsorted, double, of an unknown class or outside the picture.
    """
    path = Path(path)
    table = _read_table(path)
    if set(table.column_names) >= _TRUTH_COLUMNS:
        tracks = _truth(path, table)
    else:
        tracks = _own(path, table)
    if video is not None:
        check_video(path, tracks.video, Path(video))
    return tracks


def read_about(path: str | Path) -> dict[str, Any]:
    """The metadata of a tracks file: `detector`, `video`, `fps` … Errors as of `read_tracks`."""
    path = Path(path)
    try:
        return _about(path, pq.read_metadata(path).metadata)
    except _UNREADABLE as error:
        raise _broken(path, error) from None


def _read_table(path: Path) -> Any:
    if not path.is_file():
        raise DataError(f"{path}: no such file: make it with `onball track VIDEO`")
    try:
        table = pq.read_table(path, page_checksum_verification=True)
        list(table.column_names)  # looked at here: names that are not text fail only then
    except _UNREADABLE as error:
        raise _broken(path, error) from None
    return table


def _broken(path: Path, error: Exception) -> DataError:
    reason = " ".join(str(error).split())
    return DataError(
        f"{path}: no Parquet file, or cut off ({reason}): make it again with `onball track VIDEO`"
    )


def _about(path: Path, metadata: dict[bytes, bytes] | None) -> dict[str, Any]:
    try:
        about = json.loads((metadata or {})[_KEY])
        version = about["format_version"]
    except (KeyError, ValueError, TypeError):
        raise DataError(
            f"{path}: does not say which video its boxes are of (no metadata '{_KEY.decode()}'): "
            "make it with `onball track VIDEO`"
        ) from None
    if version != _VERSION:
        raise DataError(
            f"{path}: tracks of format {version}, and format {_VERSION} is known here; a newer "
            "onball may read it"
        )
    return dict(about)


def _own(path: Path, table: Any) -> Tracks:
    # Not of the table: metadata that came last are those of the file alone.
    about = read_about(path)
    require_columns(path, table, _SCHEMA.names)
    try:
        video = TrackedVideo(
            int(about["width"]),
            int(about["height"]),
            int(about["duration_ms"]),
            float(about["fps"]),
            tuple(sorted(int(time) for time in about["cuts_ms"])),
        )
        sound = min(video.width, video.height, video.duration_ms) > 0
        if not sound or not 0 < video.fps < math.inf:
            raise ValueError("a size, length or rate that is not above 0")
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise DataError(f"{path}: its metadata do not say what the video is ({error})") from None
    tracks = Tracks(
        numbers_of(path, table, "time_ms", np.int64),
        numbers_of(path, table, "track_id", np.int64),
        kinds_of(path, table, "class", {}),
        boxes_of(path, table),
        numbers_of(path, table, "score", np.float32),
        video,
    )
    return check_rows(path, tracks)


def _truth(path: Path, table: Any) -> Tracks:
    """What a perfect detector and tracker would have given for a simulated match."""

    video = simulated_video(path)
    require_columns(path, table, ("time_ms", *BOX))
    names = table.column("kind").cast(pa.string())
    kept = pc.and_(pc.not_equal(names, "spare ball"), pc.is_finite(table.column("x0")))
    # At the picture's edge, a rounded box may have no width.
    for low, high in (("x0", "x1"), ("y0", "y1")):
        kept = pc.and_(kept, pc.less(table.column(low), table.column(high)))
    table = table.filter(kept)
    count = table.num_rows
    return Tracks(
        numbers_of(path, table, "time_ms", np.int64),
        numbers_of(path, table, "id", np.int64),
        kinds_of(path, table, "kind", _TRUTH_KINDS),
        boxes_of(path, table),
        np.ones(count, np.float32),
        video,
    )
