"""Virtual camera: a window that follows the play in the video of a fixed, wide camera.

The window has the shape of a broadcast image and a fixed size. Its path is the one of most people
inside, and of the ball where it is tracked, at the least movement; it is found for the whole video at
once by dynamic programming, as a camera operator who knows what comes next, and then smoothed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from onball.timing import grid_times, nearest_frames
from onball.tracking.grid import Floats, PerFrame, on_grid, without_short_gaps
from onball.tracks import TrackedVideo, Tracks

#: Times per second at which the path is found; between them it is interpolated.
_FPS = 5.0
#: Positions of the window across the image that the path may take.
_PLACES = 64
#: The ball counts as this many people.
_BALL_WEIGHT = 25.0
#: Longest gap of the ball that is interpolated.
_LONGEST_GAP_MS = 2000
#: Cost of a step of the path, in people, for a window width squared per step: about four people for a
#: pan of one window width in a second.
_STEP_COST = 20.0
#: Truncation of the Gaussian, in standard deviations.
_SIGMAS = 3.0


@dataclass(frozen=True, slots=True)
class Camera:
    """Settings of a virtual camera.

    Attributes:
        size: width and height of its image in pixels.
        width: width of the window, as a fraction of the width of the source; smaller where the
            window would be higher than the source.
        smooth_ms: standard deviation of the Gaussian that smooths its movement.
    """

    size: tuple[int, int] = (1280, 720)
    width: float = 0.35
    smooth_ms: int = 1000


def follow_play(tracks: Tracks, camera: Camera) -> PerFrame:
    """Return the windows of a camera, x0, y0, x1, y1 as fractions of the source, through its video.

    Args:
        tracks: people, and the ball if it is known, of the source's video.
        camera: the camera.
    """
    video = tracks.video
    times = grid_times(max(video.duration_ms, 1), _FPS)
    aspect = video.height / video.width
    ratio = camera.size[1] / camera.size[0]
    width = min(camera.width, aspect / ratio, 1.0)
    height = width * ratio / aspect
    grid = on_grid(tracks, times)
    unit = np.array([1.0, aspect])
    people = grid.people[..., :2] / unit + 0.5
    ball = without_short_gaps(grid.ball[:, :2], times, grid.shot, _LONGEST_GAP_MS) / unit + 0.5
    places = np.linspace(width / 2, 1 - width / 2, _PLACES)
    x = places[_cheapest_path(_gains(people, ball, places, width), places / width)]
    sigma = camera.smooth_ms / 1000 * _FPS
    x = _smoothed(x, sigma)
    y = _smoothed(_heights(people, ball, x, width), sigma).clip(height / 2, 1 - height / 2)
    x = x.clip(width / 2, 1 - width / 2)
    windows = np.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2], axis=1)
    return PerFrame(times, windows.astype(np.float32))


def between(windows: PerFrame) -> Callable[[NDArray[np.int64]], NDArray[np.float32]]:
    """Return a function from times `[t]` to windows `[t, 4]`, interpolated between those given."""

    def at(times_ms: NDArray[np.int64]) -> NDArray[np.float32]:
        sides = [np.interp(times_ms, windows.times_ms, side) for side in windows.values.T]
        return np.stack(sides, axis=1).astype(np.float32)

    return at


def seen_by(tracks: Tracks, windows: NDArray[np.float32], size: tuple[int, int]) -> Tracks:
    """Return the boxes that a camera shows, in pixels of its image.

    Boxes are cut at its border; those whose centre is outside are left out.

    Args:
        tracks: of the source.
        windows: window at the time of each box, `[N, 4]`.
        size: width and height of the camera's image.
    """
    source = np.array([tracks.video.width, tracks.video.height], np.float32)
    corner, extent = windows[:, :2] * source, (windows[:, 2:] - windows[:, :2]) * source
    scale = np.array(size, np.float32) / extent
    corners = (tracks.boxes.reshape(-1, 2, 2) - corner[:, None]) * scale[:, None]
    centre = corners.mean(axis=1)
    inside = ((centre >= 0) & (centre < size)).all(axis=1)
    boxes = corners.clip(0, np.array(size, np.float32)).reshape(-1, 4).astype(np.float32)
    video = TrackedVideo(*size, tracks.video.duration_ms, tracks.video.fps, tracks.video.cuts_ms)
    inside &= (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    return replace(tracks, boxes=boxes, video=video).where(inside)


def windows_at_rows(tracks: Tracks, windows: PerFrame) -> NDArray[np.float32]:
    """Window at the time of each box, `[N, 4]`."""
    if not len(tracks):
        return np.zeros((0, 4), np.float32)
    frames = np.unique(tracks.time_ms)
    return between(windows)(frames)[nearest_frames(tracks.time_ms, frames)]


def _gains(people: Floats, ball: Floats, places: Floats, width: float) -> Floats:
    """People near the middle of a window at each place, and the ball, `[T, K]`."""
    gains = np.zeros((len(people), len(places)))
    for person in np.moveaxis(people[..., 0], 1, 0):  # one at a time: [T, P, K] is large
        near = np.exp(-0.5 * ((person[:, None] - places) / (width / 4)) ** 2)
        gains += np.nan_to_num(near)
    near = np.exp(-0.5 * ((ball[:, :1] - places) / (width / 4)) ** 2)
    return gains + _BALL_WEIGHT * np.nan_to_num(near)


def _cheapest_path(gains: Floats, places: Floats) -> NDArray[np.intp]:
    """Index of the place at each time, `[T]`, with the largest sum of gains less costs of steps.

    Args:
        gains: `[T, K]`.
        places: `[K]`, in widths of the window.
    """
    cost = _STEP_COST * (places[:, None] - places[None]) ** 2  # [to, from]
    best = gains[0]
    origins = np.zeros(gains.shape, np.int8)
    for index in range(1, len(gains)):
        total = best[None] - cost
        origins[index] = total.argmax(axis=1)
        best = total.max(axis=1) + gains[index]
    path = np.empty(len(gains), np.intp)
    path[-1] = best.argmax()
    for index in range(len(gains) - 1, 0, -1):
        path[index - 1] = origins[index, path[index]]
    return path


def _heights(people: Floats, ball: Floats, x: Floats, width: float) -> Floats:
    """Vertical middle of the people near the middle of the window, and of the ball, `[T]`."""
    weight = np.nan_to_num(np.exp(-0.5 * ((people[..., 0] - x[:, None]) / (width / 3)) ** 2))
    total = weight.sum(axis=1)
    heights = (weight * np.nan_to_num(people[..., 1])).sum(axis=1)
    seen = np.isfinite(ball[:, 1])
    total[seen] += 3
    heights[seen] += 3 * ball[seen, 1]
    known = np.flatnonzero(total > 1e-3)
    if not len(known):
        return np.full(len(x), 0.5)
    return np.asarray(np.interp(np.arange(len(x)), known, heights[known] / total[known]))


def _smoothed(values: Floats, sigma: float) -> Floats:
    """Smooth `[T]` by a Gaussian of `sigma` samples; the ends are continued."""
    radius = round(_SIGMAS * sigma)
    if radius < 1:
        return values
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    padded = np.pad(values, radius, mode="edge")
    return np.asarray(np.convolve(padded, kernel / kernel.sum(), mode="valid"))
