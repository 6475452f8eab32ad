"""`Tracks`: who and what was where in a video, frame by frame. All parts pass these around.

Rows are boxes. A detector that knows football tells players, goalkeepers and referees apart; one of
everyday things knows persons and balls.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Name of a match's tracks, beside its video.
TRACKS_FILE = "tracks.parquet"
#: What a box may hold; `Tracks.kinds` are indices into this.
KINDS = ("player", "goalkeeper", "referee", "person", "ball")
BALL = KINDS.index("ball")
PERSON = KINDS.index("person")
#: `track_ids` of a box that belongs to no track.
UNTRACKED = -1


@dataclass(frozen=True, slots=True)
class TrackedVideo:
    """The video that boxes are of.

    Attributes:
        width, height: of its upright picture, in pixels; boxes are on that scale.
        duration_ms: its length.
        fps: frames per second that were looked at.
        cuts_ms: times of the first frame after each camera cut, ascending.
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
        time_ms: int64 `[N]`, ascending: presentation time of each box's frame. A frame in which
            nothing was found has no row.
        track_ids: int64 `[N]`, 0 or more, the same for the same body as long as it was followed;
            `UNTRACKED` for none. Unique within a frame but for `UNTRACKED`.
        kinds: uint8 `[N]`, indices into `KINDS`.
        boxes: float32 `[N, 4]`, x0, y0, x1, y1 in pixels; (0, 0) is the outer corner of the first
            pixel.
        scores: float32 `[N]`, 0 to 1, the detector's confidence.
        video: what they were found in.
    """

    time_ms: NDArray[np.int64]
    track_ids: NDArray[np.int64]
    kinds: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    video: TrackedVideo

    def __len__(self) -> int:
        return len(self.time_ms)

    def where(self, chosen: NDArray[np.bool_]) -> Tracks:
        """The rows for which `chosen` `[N]` is true."""
        return Tracks(
            self.time_ms[chosen],
            self.track_ids[chosen],
            self.kinds[chosen],
            self.boxes[chosen],
            self.scores[chosen],
            self.video,
        )
