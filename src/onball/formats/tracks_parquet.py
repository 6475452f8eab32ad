"""Tracks files: the boxes of a video as one Parquet table.

One row per box: `time_ms`, `track_id`, `class`, `x0`, `y0`, `x1`, `y1` (pixels) and `score`, sorted by
time. The metadata of the file (key `onball`, JSON) describe the video: `width`, `height`,
`duration_ms`, `fps` and `cuts_ms`, and say which `detector` made the tracks of which `video`.

The simulator appends further columns. Its file also has rows that are no detections, which
`read_tracks` leaves out: people without a box in the image (NaN), and a second ball beside the pitch,
of the class "spare ball".

Files of other programs may use other types with the same values: any integers for times and tracks,
any numbers for boxes and scores, plain text for classes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onball.errors import DataError
from onball.events import Team
from onball.files import atomic_path
from onball.formats.parquet import Column, TableWriter, UnreadableError, read_metadata, read_table
from onball.tracks import KINDS, UNTRACKED, TrackedVideo, Tracks
from onball.video import probe

BOX = ("x0", "y0", "x1", "y1")
#: Class of a ball that is not in play, which only the simulator writes.
SPARE_BALL = "spare ball"
#: Classes of a file, by index. Those of `Tracks` come first.
CLASSES = (*KINDS, SPARE_BALL)
#: The columns of every tracks file.
COLUMNS = (
    Column("time_ms", np.int32),
    Column("track_id", np.int32),
    Column("class", np.uint8, CLASSES),
    *(Column(name, np.float32) for name in BOX),
    Column("score", np.float32),
)

_VERSION = 1
_KEY = b"onball"
#: Column of the simulator: `left`, `right` or `unknown`.
_TEAM = "team"
#: Columns of the simulator's tracks before they had the columns above.
_FORMER_TRUTH = {"id", "kind", "pitch_x"}
#: Boxes may exceed the image by this much, in pixels; they are cut at its border.
_SLACK_PX = 0.5
#: Allowed difference between two measurements of the length of a video, absolute and relative.
_SLACK_MS, _SLACK_FRACTION = 1000, 0.01


class TracksWriter:
    """Writer of a tracks file whose rows arrive in order of time; see `open_writer`."""

    def __init__(self, table: TableWriter, detector: str, video: str) -> None:
        self._table = table
        self._about = {"detector": detector, "video": video}
        self._finished = False

    def add(
        self,
        time_ms: NDArray[np.int64],
        track_ids: NDArray[np.int64],
        kinds: NDArray[np.uint8],
        boxes: NDArray[np.float32],
        scores: NDArray[np.float32],
        *extra: NDArray[Any],
    ) -> None:
        """Append rows, later than all before.

        Args:
            time_ms, track_ids, boxes, scores: as in `Tracks`.
            kinds: `[N]`, indices into `CLASSES`.
            extra: `[N]` for each extra column of the file.
        """
        order = np.lexsort((track_ids, time_ms))
        columns = (time_ms, track_ids, kinds, *boxes.T, scores, *extra)
        self._table.write(*(column[order] for column in columns))

    def finish(self, video: TrackedVideo) -> None:
        """Describe the video, when all of it has been processed."""
        about = {
            "format_version": _VERSION,
            "width": video.width,
            "height": video.height,
            "duration_ms": video.duration_ms,
            "fps": video.fps,
            "cuts_ms": list(video.cuts_ms),
            **self._about,
        }
        self._table.set_metadata(_KEY, json.dumps(about).encode())
        self._finished = True

    def require_finished(self) -> None:
        """Raise `ValueError` if `finish` was not called."""
        if not self._finished:
            raise ValueError("tracks without their video: call finish()")


@contextmanager
def open_writer(
    path: str | Path, *, detector: str, video: str, extra: Sequence[Column] = ()
) -> Iterator[TracksWriter]:
    """Open a tracks file for writing; it appears when the block ends without an error.

    Args:
        path: the file.
        detector: name of the detector that found the boxes.
        video: name of the video's file.
        extra: further columns, which `read_tracks` ignores.

    Raises:
        OnballError: the file cannot be written.
        ValueError: the block ends without `finish`.
    """
    with atomic_path(path) as temporary, TableWriter(temporary, (*COLUMNS, *extra)) as table:
        writer = TracksWriter(table, detector, video)
        yield writer
        writer.require_finished()


def write_tracks(tracks: Tracks, path: str | Path, *, detector: str = "", video: str = "") -> None:
    """Write the tracks of a video.

    Args:
        tracks: the tracks.
        path: the file.
        detector: name of the detector that found the boxes.
        video: name of the video's file.

    Raises:
        OnballError: the file cannot be written.
    """
    with open_writer(path, detector=detector, video=video) as writer:
        writer.add(tracks.time_ms, tracks.track_ids, tracks.kinds, tracks.boxes, tracks.scores)
        writer.finish(tracks.video)


def read_tracks(path: str | Path, video: str | Path | None = None) -> Tracks:
    """Read a tracks file, made by `onball track`, by the simulator or by another program.

    Boxes are cut at the border of the image. Rows without a box and spare balls are left out.

    Args:
        path: the file.
        video: if given, the tracks must be of this video: its size and, to one second or 1 %, its
            length.

    Raises:
        DataError: the file is missing, damaged, of a later format or of another video, or a row is
            not in order, a duplicate, of an unknown class or outside the image. The message names
            the first such row, counted from 0.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path}: no such file: make it with `onball track VIDEO`")
    try:
        table = read_table(path)
    except UnreadableError as error:
        raise _broken(path, error) from None
    tracked_video = _video_of(path)
    table.require(column.name for column in COLUMNS)
    time_ms = table.numbers("time_ms", np.int64)
    track_ids = table.numbers("track_id", np.int64)
    kinds = table.indices("class", CLASSES, listed=KINDS)
    boxes = np.stack([table.numbers(name, np.float32) for name in BOX], axis=1)
    scores = table.numbers("score", np.float32)
    rows = _detections(kinds, boxes)
    tracks = Tracks(
        time_ms[rows], track_ids[rows], kinds[rows], boxes[rows], scores[rows], tracked_video
    )
    tracks = _checked(path, tracks, rows)
    if video is not None:
        _require_same_video(path, tracks.video, Path(video))
    return tracks


def read_teams(path: str | Path) -> NDArray[np.uint8] | None:
    """Return the team of each row of `read_tracks`, as an index into the members of `Team`.

    Returns:
        uint8 `[N]`; None if the file has no column `team`, which only the simulator writes.

    Raises:
        DataError: the column is damaged.
    """
    try:
        table = read_table(Path(path))
    except UnreadableError as error:
        raise _broken(Path(path), error) from None
    if _TEAM not in table.column_names:
        return None
    kinds = table.indices("class", CLASSES, listed=KINDS)
    boxes = np.stack([table.numbers(name, np.float32) for name in BOX], axis=1)
    teams = [team.value for team in Team]
    return table.indices(_TEAM, teams, listed=teams)[_detections(kinds, boxes)]


def _detections(kinds: NDArray[np.uint8], boxes: NDArray[np.float32]) -> NDArray[np.intp]:
    """Rows with a box, of anything but a spare ball."""
    return np.flatnonzero((kinds < len(KINDS)) & ~np.isnan(boxes).all(axis=1))


def read_about(path: str | Path) -> dict[str, Any]:
    """Read the metadata of a tracks file: `detector`, `video`, `fps`, … Errors as `read_tracks`."""
    path = Path(path)
    try:
        metadata, columns = read_metadata(path)
    except UnreadableError as error:
        raise _broken(path, error) from None
    try:
        about = json.loads(metadata[_KEY])
        version = about["format_version"]
    except (KeyError, ValueError, TypeError):
        if set(columns) >= _FORMER_TRUTH:
            raise DataError(
                f"{path}: true tracks made by an older version: delete the match's folder and "
                "simulate the match again with `onball simulate`"
            ) from None
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


def _broken(path: Path, error: Exception) -> DataError:
    return DataError(
        f"{path}: no Parquet file, or cut off ({error}): make it again with `onball track VIDEO`"
    )


def _video_of(path: Path) -> TrackedVideo:
    about = read_about(path)
    try:
        video = TrackedVideo(
            int(about["width"]),
            int(about["height"]),
            int(about["duration_ms"]),
            float(about["fps"]),
            tuple(sorted(int(time) for time in about["cuts_ms"])),
        )
        positive = min(video.width, video.height, video.duration_ms) > 0
        if not positive or not 0 < video.fps < math.inf:
            raise ValueError("a size, length or rate that is not above 0")
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise DataError(f"{path}: its metadata do not say what the video is ({error})") from None
    return video


def _checked(path: Path, tracks: Tracks, rows: NDArray[np.intp]) -> Tracks:
    """Return the tracks with boxes cut at the border of the image.

    Args:
        path: the file, for error messages.
        tracks: of its `rows`.
        rows: `[N]`, row numbers in the file, for error messages.

    Raises:
        DataError: a row is invalid.
    """
    time, ids, boxes = tracks.time_ms, tracks.track_ids, tracks.boxes
    width, height = tracks.video.width, tracks.video.height

    def refuse(wrong: Any, text: str) -> None:
        if wrong.any():
            first = int(np.argmax(wrong))
            raise DataError(f"{path}: row {rows[first]} (at {int(time[first])} ms): {text}")

    earlier = np.r_[False, time[1:] < time[:-1]]
    refuse(earlier, "is earlier than the row before: sort the rows by time_ms")
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
        f"its box is outside the image of {width}×{height} pixels: are the boxes of a video of "
        "another size?",
    )
    # Negated, so that NaN is refused as well.
    refuse(~((tracks.scores >= 0) & (tracks.scores <= 1)), "its score is not between 0 and 1")
    return replace(tracks, boxes=boxes.clip(0, largest))


def _require_same_video(path: Path, of: TrackedVideo, video: Path) -> None:
    """Raise `DataError` if tracks of the video `of` do not fit the file `video`."""
    info = probe(video)
    same_size = (of.width, of.height) == (info.width, info.height)
    slack = _slack_ms(info.duration_ms)
    # A video file may lack its length.
    same_length = info.duration_ms == 0 or abs(of.duration_ms - info.duration_ms) <= slack
    if not (same_size and same_length):
        theirs, ours = (f"{v.width}×{v.height}, {v.duration_ms / 1000:.1f} s" for v in (of, info))
        raise DataError(
            f"{path}: tracks of another video ({theirs}; {video.name} is {ours}): make its own "
            f"with `onball track {video}`"
        )


def _slack_ms(duration_ms: int) -> float:
    return max(_SLACK_MS, _SLACK_FRACTION * duration_ms)
