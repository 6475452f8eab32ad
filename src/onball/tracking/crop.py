"""Windows around players and ball, to which frames are cropped: larger players in fewer pixels.

The study (Team 8, 2025) cropped each frame to the boxes detected in it. Here the window keeps the
frame's aspect ratio, moves smoothly within a shot and jumps at cuts only, and contains the ball in
every frame where it is seen. Among several candidates the ball is the one selected by
`onball.tracking.ball_path.select_ball`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onball.config import BallCropConfig
from onball.tracking.grid import Floats, GridTracks, PerFrame, on_grid, seconds, without_short_gaps
from onball.tracks import Tracks

#: To be increased if the same tracks give other windows: cropped frames are cached.
_VERSION = 2
#: Longest gap of the ball that is interpolated.
_LONGEST_GAP_MS = 2000
#: Margin between the ball and the window's edge, in frame widths.
_BALL_MARGIN = 0.01
#: Without a ball, this fraction of the people may be outside the window on each side.
_OUTER_FRACTION = 0.1
#: Truncation of the Gaussian, in standard deviations.
_SIGMAS = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Window of each frame.

    Attributes:
        per_frame: x0, y0, x1, y1 as fractions of the frame, `[T, 4]`.
        key: identifies the windows, for the cache of cropped frames.
    """

    per_frame: PerFrame
    key: str


def windows_of(
    tracks: Tracks, times_ms: NDArray[np.int64], config: BallCropConfig, content: str = ""
) -> Windows:
    """Windows of the frames at `times_ms` `[T]`; `content` identifies that of the tracks file."""
    windows = crop_windows(tracks, times_ms, config)
    key = f"{_VERSION} {content} {config.model_dump_json()}"
    return Windows(PerFrame(times_ms, windows), key)


def crop_windows(
    tracks: Tracks, times_ms: NDArray[np.int64], config: BallCropConfig
) -> NDArray[np.float32]:
    """Window of each frame, float32 `[T, 4]`: x0, y0, x1, y1 as fractions of width and height.

    Args:
        tracks: of the video.
        times_ms: times of the frames, `[T]`, ascending.
        config: size and smoothness.
    """
    if not len(times_ms):
        return np.zeros((0, 4), np.float32)
    aspect = tracks.video.height / tracks.video.width
    grid = on_grid(tracks, times_ms)
    low, high = _wanted(grid, config, aspect)
    # In fractions of the frame, in which a window of its aspect ratio is a square.
    unit = np.array([1.0, aspect])
    low, high = low / unit + 0.5, high / unit + 0.5
    scale = (high - low).max(axis=1).clip(config.least_scale, 1.0)
    centre = (low + high) / 2
    smooth = _smoothed(
        np.concatenate([centre, np.log(scale)[:, None]], axis=1), grid, config.smooth_ms / 1000
    )
    scale = np.exp(smooth[:, 2]).clip(config.least_scale, 1.0)
    centre = _inside(smooth[:, :2], scale)
    centre = _with_ball(centre, scale, grid, unit)
    corner = np.concatenate([centre - scale[:, None] / 2, centre + scale[:, None] / 2], axis=1)
    return corner.clip(0, 1).astype(np.float32)


def _wanted(grid: GridTracks, config: BallCropConfig, aspect: float) -> tuple[Floats, Floats]:
    """Corners of the region to show, each `[T, 2]`, in frame widths from the centre."""
    count = len(grid.times_ms)
    half = np.array([0.5, aspect / 2])
    low, high = np.full((count, 2), -half), np.full((count, 2), half)
    ball = without_short_gaps(grid.ball[:, :2], grid.times_ms, grid.shot, _LONGEST_GAP_MS)
    people = grid.people
    boxes = np.stack(
        [people[..., :2] - people[..., 2:] / 2, people[..., :2] + people[..., 2:] / 2], axis=2
    )  # [T, P, 2 corners, 2]
    anyone = np.isfinite(people[..., 0]).any(axis=1)
    with_ball = np.isfinite(ball[:, 0])
    distance = np.hypot(*np.moveaxis(people[..., :2] - ball[:, None], -1, 0))
    nearest = np.argsort(distance, axis=1)[:, : config.players]
    near = np.take_along_axis(boxes, nearest[:, :, None, None], axis=1)
    for corners, side, pick in ((low, 0, np.fmin), (high, 1, np.fmax)):
        around = pick.reduce(near[:, :, side], axis=1)
        corners[with_ball] = pick(around, ball)[with_ball]
        quantile = _OUTER_FRACTION if side == 0 else 1 - _OUTER_FRACTION
        alone = anyone & ~with_ball
        if alone.any():
            corners[alone] = np.nanquantile(boxes[alone, :, side], quantile, axis=1)
    shown = anyone | with_ball
    low[shown] -= config.margin
    high[shown] += config.margin
    return low.clip(-half, half), high.clip(-half, half)


def _smoothed(values: Floats, grid: GridTracks, sigma_s: float) -> Floats:
    """Smooth `[T, F]` over time by a Gaussian, shot by shot, at the actual times of the frames."""
    times = seconds(grid.times_ms)
    total, weight = values.copy(), np.ones(len(values))
    distance = 1
    while distance < len(values):
        gap = times[distance:] - times[:-distance]
        if gap.min() > _SIGMAS * sigma_s:
            break
        gauss = np.exp(-0.5 * (gap / sigma_s) ** 2)
        gauss = gauss * (grid.shot[distance:] == grid.shot[:-distance])
        total[distance:] += values[:-distance] * gauss[:, None]
        total[:-distance] += values[distance:] * gauss[:, None]
        weight[distance:] += gauss
        weight[:-distance] += gauss
        distance += 1
    return np.asarray(total / weight[:, None])


def _inside(centre: Floats, scale: Floats) -> Floats:
    """Clip the centres `[T, 2]` so that the windows lie within the frame."""
    half = scale[:, None] / 2
    return np.asarray(np.clip(centre, half, 1 - half))


def _with_ball(centre: Floats, scale: Floats, grid: GridTracks, unit: Floats) -> Floats:
    """Clip the centres so that a visible ball lies within the window."""
    seen = np.isfinite(grid.ball[:, 0])
    place = grid.ball[:, :2] / unit + 0.5
    room = (grid.ball[:, 2:] / 2 + _BALL_MARGIN) / unit
    half = scale[:, None] / 2
    least, most = place + room - half, place - room + half
    moved = np.where(least <= most, np.clip(centre, least, most), place)
    return _inside(np.where(seen[:, None], moved, centre), scale)
