"""MOTChallenge text, for evaluators and tools of multi-object tracking.

Frames and identities count from 1 (the `track_id` plus 1); boxes are left, top, width and height in
pixels with two decimals. Boxes that belong to no track are left out. There are two kinds of files:

- Results, one line per box: frame, identity, box, confidence, and -1 three times for the unknown
  position in the world. They have no classes: people and the ball are in one file, unless only one
  kind is requested.
- Ground truth of a simulated match, `gt/gt.txt`: frame, identity, box, 1 (to be evaluated), class
  and visibility 1; beside it `seqinfo.ini`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onball.errors import DataError
from onball.files import atomic_path, write_text_atomic
from onball.formats.parquet import Table, UnreadableError, read_row_groups
from onball.formats.tracks_parquet import BOX, CLASSES, COLUMNS, SPARE_BALL, read_about
from onball.tracks import KINDS, UNTRACKED, Tracks

GROUND_TRUTH_FILE = Path("gt") / "gt.txt"
SEQUENCE_FILE = "seqinfo.ini"
#: MOTChallenge's class of each class of true tracks, whose persons are substitutes off the pitch.
MOT_CLASSES = {
    "player": 1,
    "goalkeeper": 1,
    "referee": 2,
    "person": 7,
    "ball": 8,
    "goal": 9,  # an occluder
    SPARE_BALL: 12,
}


def write_mot(tracks: Tracks, path: str | Path, *, kinds: Sequence[str] = KINDS) -> None:
    """Write tracks as MOTChallenge results.

    Args:
        tracks: the tracks.
        path: the text file.
        kinds: names of the kinds to write.

    Raises:
        OnballError: the file cannot be written.
    """
    wanted = [KINDS.index(kind) for kind in kinds]
    chosen = tracks.where(np.isin(tracks.kinds, wanted) & (tracks.track_ids != UNTRACKED))
    frames = _frames(chosen.time_ms, tracks.video.fps)
    ends = (f"{score:.4f},-1,-1,-1" for score in chosen.scores.tolist())
    write_text_atomic(path, "".join(_lines(frames, chosen.track_ids, chosen.boxes, ends)))


def write_mot_ground_truth(tracks: Path, *, name: str) -> Path:
    """Write `gt/gt.txt` and `seqinfo.ini` of a simulated match, with flat memory.

    Boxes in frames of replays and close-ups are included as they are in the image.

    Args:
        tracks: true tracks of the match. The files are written into their folder.
        name: name of the sequence.

    Returns:
        Path of `gt.txt`.

    Raises:
        DataError: the tracks are missing, damaged or without boxes.
        OnballError: a file cannot be written.
    """
    folder = tracks.parent
    if not tracks.is_file():
        raise DataError(f"{tracks}: no such file: simulate the match with its true tracks")
    boxes = 0
    with (
        atomic_path(folder / GROUND_TRUTH_FILE) as temporary,
        temporary.open("w", encoding="ascii") as text,
    ):
        try:
            about = read_about(tracks)
            for table in read_row_groups(tracks):
                lines = _ground_truth(table, float(about["fps"]))
                text.writelines(lines)
                boxes += len(lines)
        except (DataError, UnreadableError) as error:
            raise DataError(f"{tracks}: cannot be read as tracks: {error}") from error
        if boxes == 0:
            raise DataError(f"{tracks}: no boxes in it: the match was simulated without a video")
    write_text_atomic(
        folder / SEQUENCE_FILE,
        "[Sequence]\n"
        f"name={name}\n"
        "imDir=img1\n"
        f"frameRate={about['fps']:g}\n"
        f"seqLength={max(1, round(about['duration_ms'] * about['fps'] / 1000))}\n"
        f"imWidth={about['width']}\n"
        f"imHeight={about['height']}\n"
        "imExt=.jpg\n",
    )
    return folder / GROUND_TRUTH_FILE


def _ground_truth(table: Table, fps: float) -> list[str]:
    table.require(column.name for column in COLUMNS)
    boxes = np.stack([table.numbers(name, np.float32) for name in BOX], axis=1)
    seen = ~np.isnan(boxes[:, 0])
    classes = table.indices("class", CLASSES, listed=CLASSES)[seen]
    frames = _frames(table.numbers("time_ms", np.int64)[seen], fps)
    identities = table.numbers("track_id", np.int64)[seen]
    ends = (f"1,{MOT_CLASSES[CLASSES[one]]},1" for one in classes.tolist())
    return list(_lines(frames, identities, boxes[seen], ends))


def _frames(time_ms: NDArray[np.int64], fps: float) -> NDArray[np.int64]:
    """Frame number of each time, from 1."""
    numbers: NDArray[np.int64] = np.rint(time_ms * (fps / 1000)).astype(np.int64) + 1
    return numbers


def _lines(
    frames: NDArray[np.int64],
    track_ids: NDArray[np.int64],
    boxes: NDArray[np.float32],
    ends: Iterable[str],
) -> Iterator[str]:
    """Lines of boxes `[N, 4]`; `ends` are the fields after the box."""
    for frame, track, (x0, y0, x1, y1), end in zip(
        frames.tolist(), track_ids.tolist(), boxes.astype(np.float64).tolist(), ends, strict=True
    ):
        box = f"{x0:.2f},{y0:.2f},{x1 - x0:.2f},{y1 - y0:.2f}"
        yield f"{frame},{track + 1},{box},{end}\n"
