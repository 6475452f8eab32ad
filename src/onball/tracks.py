"""`Tracks`, the boxes of players and ball in a video, as all parts of the package exchange them.

A detector trained on football distinguishes players, goalkeepers and referees; one trained on
everyday objects knows persons and balls.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onball.files import file_digest

#: Name of the tracks file of a match, in the folder of its video.
TRACKS_FILE = "tracks.parquet"
#: Kinds of boxes; `Tracks.kinds` are indices into this.
KINDS = ("player", "goalkeeper", "referee", "person", "ball", "goal")
BALL = KINDS.index("ball")
PERSON = KINDS.index("person")
#: The frame of a goal: its posts and its crossbar.
GOAL = KINDS.index("goal")
#: Track id of a box that belongs to no track.
UNTRACKED = -1


def tracks_file(number: int, count: int) -> str:
    """Name of the tracks file of a video in the results of a match.

    Args:
        number: number of the video, from 0.
        count: number of videos of the match.
    """
    return TRACKS_FILE if count == 1 else f"tracks_{number + 1}.parquet"


def are_people(kinds: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return True for each kind, `[N]`, that is a person of any role."""
    return np.asarray((kinds != BALL) & (kinds != GOAL))


@dataclass(frozen=True, slots=True)
class TrackedVideo:
    """Properties of the video of some tracks.

    Attributes:
        width, height: size of its upright frames in pixels, the scale of the boxes.
        duration_ms: its length in milliseconds.
        fps: frames per second in which objects were detected.
        cuts_ms: time of the first frame after each camera cut in milliseconds, ascending.
    """

    width: int
    height: int
    duration_ms: int
    fps: float
    cuts_ms: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Tracks:
    """Boxes of a video, in order of time.

    Attributes:
        time_ms: int64 `[N]`, ascending: presentation time of the frame of each box. Frames without
            detections have no row.
        track_ids: int64 `[N]`, 0 or more: the same number for the same person or ball as long as it
            is tracked, unique within a frame; `UNTRACKED` for boxes without a track.
        kinds: uint8 `[N]`, indices into `KINDS`.
        boxes: float32 `[N, 4]`, x0, y0, x1, y1 in pixels; (0, 0) is the outer corner of the first
            pixel.
        scores: float32 `[N]`, confidence of the detector, 0 to 1.
        video: properties of the video.
    """

    time_ms: NDArray[np.int64]
    track_ids: NDArray[np.int64]
    kinds: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    video: TrackedVideo

    def __len__(self) -> int:
        return len(self.time_ms)

    @property
    def of_people(self) -> NDArray[np.bool_]:
        """True for the boxes of people, bool `[N]`."""
        return are_people(self.kinds)

    def where(self, chosen: NDArray[np.bool_]) -> Tracks:
        """Return the rows for which `chosen`, bool `[N]`, is true."""
        return Tracks(
            self.time_ms[chosen],
            self.track_ids[chosen],
            self.kinds[chosen],
            self.boxes[chosen],
            self.scores[chosen],
            self.video,
        )


def tracks_digest(tracks: Tracks | str | Path) -> str:
    """Return a hexadecimal digest of tracks, or of a tracks file.

    Raises `OSError` if the file cannot be read.
    """
    if not isinstance(tracks, Tracks):
        return file_digest(tracks)
    digest = hashlib.sha256(repr(tracks.video).encode())
    columns = (tracks.time_ms, tracks.track_ids, tracks.kinds, tracks.boxes, tracks.scores)
    for column in columns:
        digest.update(np.ascontiguousarray(column).data)
    return digest.hexdigest()
