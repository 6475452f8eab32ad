"""Windows around players and ball: what a frame is cut to, so that they are larger in fewer pixels.

The idea was named in the study (Team 8, 2025), whose frames were cut frame by frame to the boxes
that happened to be found. Here the window keeps the picture's aspect, moves smoothly within a shot
and never across a cut, and a ball that is seen is inside. The two can contradict each other: a false
ball far away would make the window leap there and back. So a ball is not believed that no ball could
have reached; one that is still makes the window move as fast as it does.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from onball.config import FrameCropConfig
from onball.tracking.grid import Floats, GridTracks, on_grid
from onball.tracking.motion import seconds
from onball.tracks import Tracks

#: Between two sightings no farther apart, the ball is where the straight line between says.
_LONGEST_GAP_MS = 2000
#: Room between the ball and the window's edge, in picture widths.
_BALL_ROOM = 0.01
#: Without a ball, so much of the people at either side and above and below may be left out.
_OUTER_SHARE = 0.1
#: A ball that moves farther between sightings than this, in picture widths, and this for each second
#: between, has leapt: it is another one. (The fastest true ones of the simulated matches stay below.)
_LEAP, _LEAP_PER_S = 0.03, 1.2
#: Sightings farther apart than this say nothing about each other, in seconds.
_LONGEST_LEAP_S = 1.0
#: Sightings between leaps that last no longer than this, in seconds, may be false.
_LONGEST_FALSE_S = 0.5
#: Dropping false balls brings others side by side: it is done at most so many times.
_ROUNDS = 3
#: A Gaussian is cut off so many standard deviations away.
_SIGMAS = 3.0


def crop_windows(
    tracks: Tracks, times_ms: NDArray[np.int64], config: FrameCropConfig
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
    grid = _without_leaping_balls(on_grid(tracks, times_ms))
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


def _without_leaping_balls(grid: GridTracks) -> GridTracks:
    """Without balls that are seen for a moment far from where a longer seen one was or will be."""
    ball, times = grid.ball.copy(), seconds(grid.times_ms)
    for _ in range(_ROUNDS):
        seen = np.flatnonzero(np.isfinite(ball[:, 0]))
        if len(seen) < 2:
            break
        way = np.hypot(*np.diff(ball[seen, :2], axis=0).T)
        gap = np.diff(times[seen])
        related = (np.diff(grid.shot[seen]) == 0) & (gap < _LONGEST_LEAP_S)
        leap = related & (way > _LEAP + _LEAP_PER_S * gap)
        # Runs of sightings that follow each other without a leap, and how long they last.
        run = np.r_[0, np.cumsum(leap | ~related)]
        first = np.flatnonzero(np.r_[True, np.diff(run) > 0])
        last = np.r_[first[1:] - 1, len(seen) - 1]
        lasts = times[seen[last]] - times[seen[first]]
        leapt = leap[last[:-1]]  # from each run to the next
        beside = np.maximum(
            np.r_[-1.0, np.where(leapt, lasts[:-1], -1.0)],
            np.r_[np.where(leapt, lasts[1:], -1.0), -1.0],
        )
        false = (lasts <= _LONGEST_FALSE_S) & (lasts <= beside)
        if not false.any():
            break
        ball[seen[false[run]]] = np.nan
    return replace(grid, ball=ball)


def _wanted(grid: GridTracks, config: FrameCropConfig, aspect: float) -> tuple[Floats, Floats]:
    """The corners of what is to be in sight, each `[T, 2]`, in picture widths from the middle."""
    count = len(grid.times_ms)
    half = np.array([0.5, aspect / 2])
    low, high = np.full((count, 2), -half), np.full((count, 2), half)
    ball = _ball_places(grid)
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


def _ball_places(grid: GridTracks) -> Floats:
    """Where the ball is, `[T, 2]`; short gaps within a shot are filled."""
    ball = grid.ball[:, :2].copy()
    seen = np.flatnonzero(np.isfinite(ball[:, 0]))
    if len(seen) < 2:
        return ball
    hidden = np.flatnonzero(~np.isfinite(ball[:, 0]))
    after = np.searchsorted(seen, hidden)
    hidden, after = (part[(after > 0) & (after < len(seen))] for part in (hidden, after))
    left, right = seen[after - 1], seen[after]
    times = grid.times_ms
    short = (times[right] - times[left] <= _LONGEST_GAP_MS) & (grid.shot[left] == grid.shot[right])
    hidden, left, right = hidden[short], left[short], right[short]
    share = ((times[hidden] - times[left]) / (times[right] - times[left]))[:, None]
    ball[hidden] = ball[left] * (1 - share) + ball[right] * share
    return ball


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
