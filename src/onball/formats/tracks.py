"""Tracks files: who and what was where in a video, as one Parquet file.

One row per box, in order of time, then of track:

| column | type | meaning |
|---|---|---|
| `time_ms` | int32 | presentation time of the frame |
| `track_id` | int32 | the same for the same body as long as it was followed; -1: belongs to no track |
| `class` | dictionary<string> | player, goalkeeper, referee, person or ball |
| `x0`, `y0`, `x1`, `y1` | float32 | box in pixels of the upright picture; (0, 0) is the outer corner \
of the first pixel |
| `score` | float32 | the detector's confidence, 0 to 1 |

The file's metadata hold, under `onball`, a JSON object: `format_version`, `width`, `height`,
`duration_ms`, `fps` (frames looked at per second; a frame without a row is one in which nothing was
found), `cuts_ms` (first frames after camera cuts), `detector` and `video`.

`read_tracks` also reads the true tracks of simulated matches (`onball.synthetic.truth.tracks`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onball.errors import DataError, MissingDependencyError
from onball.files import atomic_path
from onball.formats.tracks_check import check_rows, check_video
from onball.formats.tracks_columns import BOX, boxes_of, kinds_of, numbers_of, require_columns
from onball.tracks import KINDS, TrackedVideo, Tracks

try:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq
except ImportError:  # pragma: no cover - depends on the installation
    raise MissingDependencyError("pyarrow", "track", "Reading and writing tracks") from None

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
    from onball.formats.tracks_truth import simulated_video

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
