"""The truth beside the video: who and what was where in each frame, as one Parquet file.

Columns of `tracks.parquet`, one row per visible body or ball and frame, in order of time:

| column | type | meaning |
|---|---|---|
| `time_ms` | int32 | presentation time of the frame |
| `id` | int8 | 0-10 home team (0 its goalkeeper), 11-21 away team (11), 22 referee, 23 and 24 his \
assistants, 25-30 substitutes (25-27 of the home team), 31 ball, 32 spare ball |
| `kind` | dictionary<string> | player, goalkeeper, referee (assistants too), substitute, ball, \
spare ball |
| `team` | dictionary<string> | left or right: the side that the team defends in that half, as in \
the labels; unknown for referees and balls |
| `x0`, `y0`, `x1`, `y1` | float32 | box in pixels of the video, cut at the picture's edge; (0, 0) \
is the outer corner of the first pixel |
| `pitch_x`, `pitch_y`, `pitch_z` | float32 | place in metres: x along the pitch, the left goal at \
-52.5; y across it, the main camera's side negative; z upwards, 0 for people, the centre of a ball |

Boxes (rounded to an eighth of a pixel; places to 1/128 m) are as the picture shows them, also in a
close-up or a replay (`camera.parquet` tells which frames those are, see
`onball.synthetic.truth.camera_file`); then the place belongs to the moment that is shown. A match
simulated without a picture has a row for everybody and every ball that is in sight of the
spectators, at every moment, and NaN for its box.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onball.synthetic.truth.parquet import TableWriter, names_type, pa
from onball.synthetic.world import (
    ASSISTANTS,
    GOALKEEPERS,
    PEOPLE,
    PLAYERS,
    REFEREE,
    SUBSTITUTES,
    TEAM_SIZE,
    Moment,
)

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

    def add(self, moment: Moment, boxes: NDArray[np.float32] | None, swapped: bool) -> None:
        """One frame.

        Args:
            moment: the world; its `time_ms` becomes the row's. While a replay is shown that is the
                moment of long ago: `moment._replace(time_ms=…)` sets the time of the frame.
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
