"""The truth beside the video: who and what was where in each frame, as one Parquet file.

Columns of `tracks.parquet`, one row per visible body or ball and frame, in order of time:

| column | type | meaning |
|---|---|---|
| `time_ms` | int32 | presentation time of the frame |
| `id` | int8 | 0-10 left team (0 its goalkeeper), 11-21 right team (11), 22 referee, 23 ball |
| `kind` | dictionary<string> | player, goalkeeper, referee, ball |
| `team` | dictionary<string> | left, right, or unknown for referee and ball |
| `x0`, `y0`, `x1`, `y1` | float32 | box in pixels of the video, cut at the picture's edge |
| `pitch_x`, `pitch_y`, `pitch_z` | float32 | place in metres; z is the height of the ball's centre |
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onball.errors import MissingDependencyError
from onball.synthetic.world import GOALKEEPERS, PEOPLE, REFEREE, TEAM_SIZE, Moment

try:
    import pyarrow as pa
    import pyarrow.parquet as pq
except ImportError:  # pragma: no cover - depends on the installation
    raise MissingDependencyError("pyarrow", "synth", "Writing true tracks") from None

BALL_ID = PEOPLE
KINDS = ("player", "goalkeeper", "referee", "ball")
TEAMS = ("left", "right", "unknown")

_KIND = np.zeros(PEOPLE + 1, np.int8)
_KIND[list(GOALKEEPERS)], _KIND[REFEREE], _KIND[BALL_ID] = 1, 2, 3
_TEAM = np.array([0] * TEAM_SIZE + [1] * TEAM_SIZE + [2, 2], np.int8)

SCHEMA = pa.schema(
    [("time_ms", pa.int32()), ("id", pa.int8())]
    + [(name, pa.dictionary(pa.int8(), pa.string())) for name in ("kind", "team")]
    + [(name, pa.float32()) for name in ("x0", "y0", "x1", "y1")]
    + [(name, pa.float32()) for name in ("pitch_x", "pitch_y", "pitch_z")]
)


class TrackWriter:
    """Writes `tracks.parquet` frame by frame; memory stays flat. Use as a context manager."""

    _ROWS = 60_000

    def __init__(self, path: Path) -> None:
        self._file = pq.ParquetWriter(path, SCHEMA, compression="zstd")
        self._pending: list[tuple[Any, ...]] = []
        self._rows = 0

    def __enter__(self) -> TrackWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()
        self._file.close()

    def add(self, moment: Moment, boxes: NDArray[np.float32]) -> None:
        """One frame: `boxes` `[PEOPLE + 1, 4]` in pixels, NaN where not in the picture."""
        ids = np.flatnonzero(~np.isnan(boxes[:, 0])).astype(np.int8)
        place = np.zeros((PEOPLE + 1, 3), np.float32)
        place[:PEOPLE, :2] = moment.xy
        place[BALL_ID] = moment.ball
        self._pending.append((np.full(len(ids), moment.time_ms), ids, boxes[ids], place[ids]))
        self._rows += len(ids)
        if self._rows >= self._ROWS:
            self._flush()

    def _flush(self) -> None:
        if not self._pending:
            return
        times, ids, boxes, places = (
            np.concatenate(column) for column in zip(*self._pending, strict=True)
        )
        columns = [
            pa.array(times, pa.int32()),
            pa.array(ids, pa.int8()),
            pa.DictionaryArray.from_arrays(pa.array(_KIND[ids]), pa.array(KINDS)),
            pa.DictionaryArray.from_arrays(pa.array(_TEAM[ids]), pa.array(TEAMS)),
            *(pa.array(boxes[:, i], pa.float32()) for i in range(4)),
            *(pa.array(places[:, i], pa.float32()) for i in range(3)),
        ]
        self._file.write_table(pa.Table.from_arrays(columns, schema=SCHEMA))
        self._pending, self._rows = [], 0
