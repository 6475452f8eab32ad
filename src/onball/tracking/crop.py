"""Windows around players and ball: what a frame is cut to, so that they are larger in fewer pixels.

The idea was named in the study (Team 8, 2025), whose frames were cut frame by frame to the boxes
that happened to be found. Here the window keeps the picture's aspect, moves smoothly within a shot
and never across a cut, and the ball is inside wherever it is seen. Where detections are false, the
ball is the one that is believed (`onball.tracking.grid`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onball.config import BallCropConfig
from onball.tracking.grid import Floats, GridTracks, PerFrame, on_grid, seconds, without_short_gaps
from onball.tracks import Tracks

#: Other windows from the same tracks are another version: frames that were cut by it are cached.
_VERSION = 2
#: Between two sightings no farther apart, the ball is where the straight line between says.
_LONGEST_GAP_MS = 2000
#: Room between the ball and the window's edge, in picture widths.
_BALL_ROOM = 0.01
#: Without a ball, so much of the people at either side and above and below may be left out.
_OUTER_SHARE = 0.1
#: A Gaussian is cut off so many standard deviations away.
_SIGMAS = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Where each frame is cut.

    Attributes:
        per_frame: x0, y0, x1, y1 as shares of the picture, `[T, 4]`.
        key: differs if the windows do, for the cache of cut frames.
    """

    per_frame: PerFrame
    key: str


def windows_of(
    tracks: Tracks, times_ms: NDArray[np.int64], config: BallCropConfig, content: str = ""
) -> Windows:
    """Where the frames at `times_ms` `[T]` are cut; `content` names that of the tracks file."""
    windows = crop_windows(tracks, times_ms, config)
    key = f"{_VERSION} {content} {config.model_dump_json()}"
    return Windows(PerFrame(times_ms, windows), key)


def crop_windows(
    tracks: Tracks, times_ms: NDArray[np.int64], config: BallCropConfig
) -> NDArray[np.float32]:
    """The window of each frame, float32 `[T, 4]`: x0, y0, x1, y1 as shares of width and height.

    Args:
        tracks: of the video.
        times_ms: `[T]`, ascending: when the frames are shown.
        config: how large, how smooth.
    """
    if not len(times_ms):
        return np.zeros((0, 4), np.float32)
    aspect = tracks.video.height / tracks.video.width
    grid = on_grid(tracks, times_ms)
    low, high = _wanted(grid, config, aspect)
    # In shares of the picture, in which a window of its aspect is a square.
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
    """The corners of what is to be in sight, each `[T, 2]`, in picture widths from the middle."""
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
        share = _OUTER_SHARE if side == 0 else 1 - _OUTER_SHARE
        alone = anyone & ~with_ball
        if alone.any():
            corners[alone] = np.nanquantile(boxes[alone, :, side], share, axis=1)
    shown = anyone | with_ball
    low[shown] -= config.margin
    high[shown] += config.margin
    return low.clip(-half, half), high.clip(-half, half)


def _smoothed(values: Floats, grid: GridTracks, sigma_s: float) -> Floats:
    """`[T, F]` smoothed over time by a Gaussian, shot by shot; frames count where they are."""
    times = seconds(grid.times_ms)
    total, weight = values.copy(), np.ones(len(values))
    distance = 1
    while distance < len(values):
        gap = times[distance:] - times[:-distance]
        if gap.min() > _SIGMAS * sigma_s:
            break
        share = np.exp(-0.5 * (gap / sigma_s) ** 2)
        share = share * (grid.shot[distance:] == grid.shot[:-distance])
        total[distance:] += values[:-distance] * share[:, None]
        total[:-distance] += values[distance:] * share[:, None]
        weight[distance:] += share
        weight[:-distance] += share
        distance += 1
    return np.asarray(total / weight[:, None])


def _inside(centre: Floats, scale: Floats) -> Floats:
    """The centres `[T, 2]`, moved so far that the windows lie within the picture."""
    half = scale[:, None] / 2
    return np.asarray(np.clip(centre, half, 1 - half))


def _with_ball(centre: Floats, scale: Floats, grid: GridTracks, unit: Floats) -> Floats:
    """The centres, moved so far that a ball in sight lies within the window."""
    seen = np.isfinite(grid.ball[:, 0])
    place = grid.ball[:, :2] / unit + 0.5
    room = (grid.ball[:, 2:] / 2 + _BALL_ROOM) / unit
    half = scale[:, None] / 2
    least, most = place + room - half, place - room + half
    moved = np.where(least <= most, np.clip(centre, least, most), place)
    return _inside(np.where(seen[:, None], moved, centre), scale)
