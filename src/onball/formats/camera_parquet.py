"""`camera.parquet` of a simulated match: which view each frame shows, and how it was projected.

One row per frame. The projection `[3, 4]` maps world points in metres (x along the pitch and y across
it from the centre spot, z up; homogeneous) to pixels times depth; the lens distorts the result.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onball.formats.parquet import Column, read_row_groups

CAMERA_FILE = "camera.parquet"
VIEWS = ("main", "close_up", "behind_goal", "replay")
MATRIX_COLUMNS = tuple(f"m{row}{column}" for row in range(3) for column in range(4))
CAMERA_COLUMNS = (
    Column("time_ms", np.int32),
    Column("view", np.int8, VIEWS),
    Column("world_ms", np.int32),
    *(Column(name, np.float64) for name in MATRIX_COLUMNS),
    Column("k1", np.float32),
)
#: Laws of the Game: the frame of a goal, and its distance from the centre spot, in metres.
_GOAL_WIDTH, _GOAL_HEIGHT, _GOAL_LINE = 7.32, 2.44, 52.5
#: Least distance from the camera, metres.
_NEAR = 1.0


def distort(pixels: NDArray[np.float64], width: int, height: int, k1: float) -> NDArray[np.float64]:
    """Apply radial lens distortion to pinhole pixels.

    A point at distance r from the centre of the frame, in half diagonals, moves to
    `r * (1 + k1 * r**2)`. With barrel distortion (`k1 < 0`) the result is also enlarged by
    `1 / (1 + k1)`, so that the corners of the frame stay filled.

    Args:
        pixels: `[..., 2]`, pixels; (0, 0) is the outer corner of the frame.
        width, height: of the frame, pixels.
        k1: distortion coefficient, negative for a barrel.

    Returns:
        Distorted pixels `[..., 2]`.
    """
    if k1 == 0:
        return pixels
    middle, half = np.array([width / 2, height / 2]), np.hypot(width, height) / 2
    offset = pixels - middle
    square = (offset**2).sum(-1, keepdims=True) / half**2
    if k1 < 0:
        # Beyond its turning point the polynomial would fold distant points back into the frame.
        square = np.minimum(square, -1 / (3 * k1))
    return np.asarray(middle + offset * (1 + k1 * square) / (1 + min(k1, 0.0)))


def read_goals(path: Path, width: int, height: int) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Read which goals each frame shows: its time in ms, and boxes `[N, 4]` of posts and crossbar.

    A goal counts if its middle is in the frame; hidden ones count too.

    Args:
        path: a `camera.parquet`.
        width, height: size of the video in pixels.
    """
    half = _GOAL_WIDTH / 2
    corners = np.array(
        [
            [(side * _GOAL_LINE, y, z, 1.0) for y in (-half, half) for z in (0.0, _GOAL_HEIGHT)]
            for side in (-1, 1)
        ]
    )
    for table in read_row_groups(path, ["time_ms", "k1", *MATRIX_COLUMNS]):
        times = table.numbers("time_ms", np.int64)
        lenses = table.numbers("k1", np.float64)
        matrices = np.stack([table.numbers(name, np.float64) for name in MATRIX_COLUMNS], 1)
        for time_ms, k1, matrix in zip(times, lenses, matrices.reshape(-1, 3, 4), strict=True):
            places = corners @ matrix.T
            depth = places[..., 2:]
            pixels = distort(places[..., :2] / depth.clip(_NEAR), width, height, float(k1))
            goals = np.concatenate([pixels.min(1), pixels.max(1)], 1)
            middle = (goals[:, :2] + goals[:, 2:]) / 2
            shown = (
                (depth > _NEAR).all((1, 2))
                & (middle > 0).all(1)
                & (middle < (width, height)).all(1)
            )
            yield int(time_ms), goals[shown].astype(np.float32)
