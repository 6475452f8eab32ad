"""True boxes in MOTChallenge's format, for trackers and their evaluators.

`gt/gt.txt`: one line per box, in order of frames, nine numbers with commas between them: frame
(from 1), identity (from 1: the `id` of `tracks.parquet` plus 1), left, top, width and height in
pixels (two decimals, (0, 0) is the outer corner of the first pixel), confidence 1, class and
visibility 1. Hidden people have boxes too.

| class | who | that number in MOT16 |
|---|---|---|
| 1 | players and goalkeepers | pedestrian |
| 2 | referee and his assistants | person on vehicle |
| 7 | substitutes | static person |
| 8 | ball | distractor |
| 12 | spare ball | reflection |

MOT16 has no ball. Its evaluators score class 1 and pass over boxes that match classes 2, 7, 8 and
12, so a tracker neither gains nor loses by following these. SoccerNet-Tracking counts referee and
ball as objects like any other and puts -1 in the place of class and visibility (who is who stands
in its `gameinfo.ini`): for the same, evaluate without preprocessing.

`seqinfo.ini`: name, frame rate, length and size of the sequence, for MOTChallenge's programs. It
names the pictures `img1/000001.jpg`, …: `ffmpeg -i 224p.mp4 img1/%06d.jpg` makes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onball.errors import DataError
from onball.files import atomic_path, write_text_atomic
from onball.formats.tracks_truth import CAMERA_FILE
from onball.synthetic.truth.parquet import pa, pq
from onball.tracks import TRACKS_FILE

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
