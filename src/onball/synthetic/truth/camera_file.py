"""What every frame shows, and how it was projected: `camera.parquet` beside the video.

One row per frame of the video, in order of time:

| column | type | meaning |
|---|---|---|
| `time_ms` | int32 | presentation time of the frame |
| `view` | dictionary<string> | main, close_up, behind_goal, replay |
| `world_ms` | int32 | the moment of the match that is shown: `time_ms`, but earlier in a replay |
| `m00` … `m23` | float64 | the projection matrix, 3 rows of 4, row by row |
| `k1` | float32 | the lens's radial distortion, see `onball.synthetic.picture.lens`; 0 for none |

The matrix takes a point of the pitch in metres (x, y, z, 1: see `tracks.parquet`) to pixels times
depth: dividing the first two numbers by the third gives x to the right and y downwards in the
picture before the lens distorts it; (0, 0) is the outer corner of the first pixel.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onball.synthetic.truth.parquet import TableWriter, names_type, pa

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
