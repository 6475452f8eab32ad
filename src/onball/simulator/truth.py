"""True tracks and cameras of a simulated match, written frame by frame beside its video.

`tracks.parquet` is a tracks file (`onball.formats.tracks_parquet`) with the columns `team` and
`pitch_x`, `pitch_y`, `pitch_z` (metres) in addition. `track_id` is the number of the person, then
come `BALL_ID` and `SPARE_BALL_ID`; substitutes are of the class "person".

`camera.parquet` has one row per frame: which view is shown, and how it was projected.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from onball.formats.camera_parquet import CAMERA_COLUMNS, VIEWS
from onball.formats.parquet import Column, TableWriter
from onball.formats.tracks_parquet import CLASSES, SPARE_BALL, open_writer
from onball.simulator.world import (
    ASSISTANTS,
    GOALKEEPERS,
    PEOPLE,
    PLAYERS,
    REFEREE,
    SUBSTITUTES,
    TEAM_SIZE,
    WorldState,
)
from onball.tracks import TrackedVideo

#: Name of the detector in the metadata of true tracks.
DETECTOR = "simulator"

BALL_ID = PEOPLE
SPARE_BALL_ID = PEOPLE + 1
TEAMS = ("left", "right", "unknown")
#: Columns of true tracks in addition to those of every tracks file.
TRUTH_COLUMNS = (
    Column("team", np.int8, TEAMS),
    *(Column(name, np.float32) for name in ("pitch_x", "pitch_y", "pitch_z")),
)

#: Resolution of boxes and positions. A finer one would make the file three times as large.
_STEPS_PER_PIXEL, _STEPS_PER_METRE = 8, 128
#: A larger jump of the displayed time is a cut; slow motion shifts it by little from frame to frame.
_CUT_MS = 500


def _class_of_ids() -> NDArray[np.uint8]:
    """`[PEOPLE + 2]`, the class of each id, an index into `CLASSES`."""
    classes = np.full(PEOPLE + 2, CLASSES.index("player"), np.uint8)
    for name, ids in (
        ("goalkeeper", GOALKEEPERS),
        ("referee", (REFEREE, *ASSISTANTS)),
        ("person", SUBSTITUTES),
        ("ball", (BALL_ID,)),
        (SPARE_BALL, (SPARE_BALL_ID,)),
    ):
        classes[list(ids)] = CLASSES.index(name)
    return classes


def _team_of_ids() -> NDArray[np.int8]:
    """`[2, PEOPLE + 2]`, the team of each id, an index into `TEAMS`, before and after the swap."""
    teams = np.full((2, PEOPLE + 2), TEAMS.index("unknown"), np.int8)
    half_bench = len(SUBSTITUTES) // 2
    home = [*range(TEAM_SIZE), *SUBSTITUTES[:half_bench]]
    away = [*range(TEAM_SIZE, PLAYERS), *SUBSTITUTES[half_bench:]]
    teams[:, home] = [[0], [1]]
    teams[:, away] = [[1], [0]]
    return teams


_CLASS = _class_of_ids()
_TEAM = _team_of_ids()


class TruthWriter:
    """Writer of true tracks, frame by frame with flat memory. A context manager.

    Args:
        path: the tracks file; it appears when the block ends without an error.
        video: name of the video's file; empty if there is none.
    """

    def __init__(self, path: Path, video: str = "") -> None:
        self._files = ExitStack()
        self._tracks = self._files.enter_context(
            open_writer(path, detector=DETECTOR, video=video, extra=TRUTH_COLUMNS)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._files.__exit__(*error)  # type: ignore[arg-type]

    def add(self, state: WorldState, boxes: NDArray[np.float32] | None, swapped: bool) -> None:
        """Append one frame.

        Args:
            state: the world. Its `time_ms` becomes the time of the rows; for a replay, which shows
                an earlier state, set it with `dataclasses.replace(state, time_ms=…)`.
            boxes: `[PEOPLE + 2, 4]`, x0, y0, x1, y1 in pixels, the ball and the spare ball last.
                NaN marks what the frame does not show, which gets no row. None without a video:
                then everybody has a row, and no box.
            swapped: True while the home team defends the right goal.
        """
        place = np.zeros((PEOPLE + 2, 3), np.float32)
        place[:PEOPLE, :2] = state.xy
        place[BALL_ID] = state.ball
        place[SPARE_BALL_ID] = state.spare_ball
        if boxes is None:
            boxes = np.full((PEOPLE + 2, 4), np.nan, np.float32)
            ids = np.flatnonzero(~np.isnan(place[:, 0]))
        else:
            ids = np.flatnonzero(~np.isnan(boxes[:, 0]))
        boxes, place = _rounded(boxes[ids], _STEPS_PER_PIXEL), _rounded(place, _STEPS_PER_METRE)
        # Rounding may leave nothing of a box at the border of the image.
        boxes[(boxes[:, 2:] <= boxes[:, :2]).any(axis=1)] = np.nan
        self._tracks.add(
            np.full(len(ids), state.time_ms),
            ids,
            _CLASS[ids],
            boxes,
            np.ones(len(ids), np.float32),
            _TEAM[int(swapped), ids],
            *place[ids].T,
        )

    def finish(self, video: TrackedVideo) -> None:
        """Describe the video, after the last frame."""
        self._tracks.finish(video)


def _rounded(values: NDArray[np.float32], steps: int) -> NDArray[np.float32]:
    return np.asarray(np.round(values * np.float32(steps)) / np.float32(steps), dtype=np.float32)


class CameraWriter:
    """Writer of `camera.parquet`, frame by frame with flat memory. A context manager.

    Attributes:
        cuts_ms: times of the first frame after each cut so far: another view, or a jump in the
            displayed time at the beginning and the end of a replay.
    """

    def __init__(self, path: Path) -> None:
        self._table = TableWriter(path, CAMERA_COLUMNS)
        self._last: tuple[str, int] | None = None
        self.cuts_ms: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._table.__exit__(*error)  # type: ignore[arg-type]

    def add(
        self, time_ms: int, view: str, world_ms: int, matrix: NDArray[np.float64], k1: float
    ) -> None:
        """Append one frame.

        Args:
            time_ms: presentation time of the frame.
            view: one of `VIEWS`.
            world_ms: time in the match that the frame shows.
            matrix: `[3, 4]`, `Camera.matrix` for the size of the video.
            k1: distortion of the lens.

        Raises:
            ValueError: another view or another shape.
        """
        if view not in VIEWS:
            raise ValueError(f"unknown view '{view}': one of {', '.join(VIEWS)}")
        if np.shape(matrix) != (3, 4):
            raise ValueError(f"a projection matrix is [3, 4], not {list(np.shape(matrix))}")
        lag = time_ms - world_ms
        if self._last is not None:
            last_view, last_lag = self._last
            if view != last_view or abs(lag - last_lag) > _CUT_MS:
                self.cuts_ms.append(time_ms)
        self._last = (view, lag)
        self._table.write(
            np.array([time_ms]),
            np.array([VIEWS.index(view)]),
            np.array([world_ms]),
            *np.asarray(matrix, np.float64).reshape(12, 1),
            np.array([k1], np.float32),
        )
