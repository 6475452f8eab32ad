"""Tracks on the grid of sampled frames, as dense arrays, and motion on that grid.

`on_grid` samples tracks at the frames' times, finds the shots, and selects one ball per frame among the
candidates (`onball.tracking.ball_path`). The functions below it interpolate short gaps of the ball, estimate
the motion of the camera, and compute derivatives over time, all within shots.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onball.timing import nearest_frames
from onball.tracking.ball_path import select_ball
from onball.tracks import BALL, GOAL, Tracks, are_people

Floats = NDArray[np.float64]
#: More people than these in one frame are false positives or spectators: the best-scored ones stay.
_MOST_PEOPLE = 40
#: Without given cuts, a cut is inferred where less than this fraction of the people is tracked on …
_CONTINUED = 0.2
#: … or where their median displacement exceeds this fraction of the frame's width.
_JUMP = 0.1
#: Seconds over which the height of people is smoothed, and the height where nobody is seen, in frame widths.
_SMOOTH_S, _USUAL_HEIGHT = 1.0, 0.07


@dataclass(frozen=True, slots=True, eq=False)
class GridTracks:
    """Tracks at T times. Lengths are in frame widths, positions relative to the frame's centre.

    Attributes:
        times_ms: int64 `[T]`.
        looked: bool `[T]`, True for times within the video.
        shot: int64 `[T]`, number of the shot, from 0.
        people: `[T, P, 4]`, x, y of the box's centre, its width and height; NaN for empty slots.
        people_ids: int64 `[T, P]`, track of each; -1 for none.
        velocities: `[T, P, 3]`, of people: x, y in frame widths per second, and of log height; NaN for people
            that have the same track neither in the previous nor in the next frame of the shot.
        ball: `[T, 4]`, the same of the selected ball; NaN for frames without one.
        goal: `[T, 4]`, the same of the goal with the highest score; NaN for frames without one.
    """

    times_ms: NDArray[np.int64]
    looked: NDArray[np.bool_]
    shot: NDArray[np.int64]
    people: Floats
    people_ids: NDArray[np.int64]
    velocities: Floats
    ball: Floats
    goal: Floats


@dataclass(frozen=True, slots=True, eq=False)
class PerFrame:
    """Feature vectors of frames, by time.

    Attributes:
        times_ms: int64 `[T]`, ascending, at least one.
        values: float32 `[T, F]`.
    """

    times_ms: NDArray[np.int64]
    values: NDArray[np.float32]

    def at(self, times_ms: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the values of the frames nearest to these times `[t]`, float32 `[t, F]`."""
        return self.values[nearest_frames(times_ms, self.times_ms)]


def on_grid(tracks: Tracks, times_ms: NDArray[np.int64]) -> GridTracks:
    """Sample tracks at `times_ms` `[T]`, each time at the nearest frame of the tracks.

    Times without a box within half a frame of the tracks have neither people nor ball.
    """
    period = 1000 / tracks.video.fps
    frame, row = _rows_at(tracks.time_ms, times_ms, period / 2 + 1)
    kinds = tracks.kinds[row]
    boxes = tracks.boxes[row].astype(np.float64)
    width, height = tracks.video.width, tracks.video.height
    size = boxes[:, 2:] - boxes[:, :2]
    centre = (boxes[:, :2] + boxes[:, 2:] - [width, height]) / 2
    places = np.concatenate([centre, size], axis=1) / width
    scores, ids = tracks.scores[row].astype(np.float64), tracks.track_ids[row]
    count = len(times_ms)
    of_people = are_people(kinds)
    people, people_ids = _dense(
        frame[of_people], places[of_people], ids[of_people], scores[of_people], count
    )
    looked = times_ms <= tracks.video.duration_ms + period
    if tracks.video.cuts_ms:
        shot = np.searchsorted(np.array(tracks.video.cuts_ms), times_ms, side="right")
    else:
        shot = np.cumsum(_inferred_cuts(people, people_ids))
    times_s = seconds(times_ms)
    velocities = _people_velocities(people, people_ids, times_s, shot)
    camera = np.nan_to_num(camera_motion(velocities)[:, :2])
    balls = np.flatnonzero(kinds == BALL)
    chosen = balls[
        select_ball(
            frame[balls],
            times_s,
            shot,
            places[balls, :2],
            scores[balls],
            np.cumsum(camera * np.diff(times_s, prepend=times_s[:1])[:, None], axis=0),
            _person_height(people, times_s),
        )
    ]
    ball = np.full((count, 4), np.nan)
    ball[frame[chosen]] = places[chosen]
    goal = np.full((count, 4), np.nan)
    goals = np.flatnonzero(kinds == GOAL)
    goals = goals[np.argsort(scores[goals], kind="stable")]  # the best comes last, and stays
    goal[frame[goals]] = places[goals]
    return GridTracks(
        times_ms, looked, shot.astype(np.int64), people, people_ids, velocities, ball, goal
    )


def _rows_at(
    row_times: NDArray[np.int64], times_ms: NDArray[np.int64], slack_ms: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of time index and row: rows of the frame nearest to each time, within `slack_ms`."""
    frames, first, counts = np.unique(row_times, return_index=True, return_counts=True)
    if not len(frames):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    nearest = nearest_frames(times_ms, frames)
    counts = np.where(np.abs(frames[nearest] - times_ms) <= slack_ms, counts[nearest], 0)
    frame = np.repeat(np.arange(len(times_ms)), counts)
    return frame, np.repeat(first[nearest], counts) + rank_in_group(frame)


def _dense(
    frame: NDArray[np.int64],
    places: Floats,
    ids: NDArray[np.int64],
    scores: Floats,
    count: int,
) -> tuple[Floats, NDArray[np.int64]]:
    """Arrange people by frame: places `[T, P, 4]` and tracks `[T, P]`."""
    order = np.lexsort((-scores, frame))
    frame, places, ids = frame[order], places[order], ids[order]
    rank = rank_in_group(frame)
    kept = rank < _MOST_PEOPLE
    most = int(rank[kept].max(initial=0)) + 1
    people = np.full((count, most, 4), np.nan)
    people_ids = np.full((count, most), -1, np.int64)
    people[frame[kept], rank[kept]] = places[kept]
    people_ids[frame[kept], rank[kept]] = ids[kept]
    return people, people_ids


def _inferred_cuts(people: Floats, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Infer the frames that begin a shot from the continuity of people, bool `[T]`."""
    cuts = np.zeros(len(people), bool)
    if len(people) < 2:
        return cuts
    same = (ids[1:, :, None] == ids[:-1, None, :]) & (ids[1:, :, None] >= 0)
    here, there = same.any(axis=2), same.argmax(axis=2)
    before = np.take_along_axis(people[:-1, :, :2], there[..., None], axis=1)
    jump = np.hypot(*np.moveaxis(people[1:, :, :2] - before, -1, 0))
    jump[~here] = np.nan
    followable = np.minimum((ids[1:] >= 0).sum(axis=1), (ids[:-1] >= 0).sum(axis=1))
    lost = here.sum(axis=1) < _CONTINUED * followable
    cuts[1:] = (followable >= 3) & (lost | (row_median(jump) > _JUMP))
    return cuts


def without_short_gaps(
    ball: Floats, times_ms: NDArray[np.int64], shot: NDArray[np.int64], longest_ms: int
) -> Floats:
    """Interpolate gaps of the ball `[T, F]` linearly, within a shot and up to `longest_ms`."""
    seen = np.isfinite(ball[:, 0])
    known = np.flatnonzero(seen)
    if len(known) < 2:
        return ball
    filled = ball.copy()
    hidden = np.flatnonzero(~seen)
    after = np.searchsorted(known, hidden)
    inside = (after > 0) & (after < len(known))
    hidden, after = hidden[inside], after[inside]
    left, right = known[after - 1], known[after]
    short = (times_ms[right] - times_ms[left] <= longest_ms) & (shot[left] == shot[right])
    hidden, left, right = hidden[short], left[short], right[short]
    weight = ((times_ms[hidden] - times_ms[left]) / (times_ms[right] - times_ms[left]))[:, None]
    filled[hidden] = ball[left] * (1 - weight) + ball[right] * weight
    return filled


def _people_velocities(
    people: Floats, ids: NDArray[np.int64], times_s: Floats, shot: NDArray[np.int64]
) -> Floats:
    """Velocities of people, `[T, P, 3]`; see `GridTracks`."""
    values = np.concatenate([people[..., :2], np.log(people[..., 3:])], axis=-1)
    ahead = np.full_like(values, np.nan)
    behind = np.full_like(values, np.nan)
    if len(people) < 2:
        return ahead
    step = np.diff(times_s)[:, None, None]
    same = (ids[:-1, :, None] == ids[1:, None, :]) & (ids[:-1, :, None] >= 0)
    same &= (np.diff(shot) == 0)[:, None, None]
    for target, later, earlier, pairs in (
        (ahead[:-1], values[1:], values[:-1], same),
        (behind[1:], values[:-1], values[1:], same.transpose(0, 2, 1)),
    ):
        found, where = pairs.any(axis=2), pairs.argmax(axis=2)
        there = np.take_along_axis(later, where[..., None], axis=1)
        change = (there - earlier) / (step if target.base is ahead else -step)
        target[found] = change[found]
    return mean_of_known(ahead, behind)


def _person_height(people: Floats, times_s: Floats) -> Floats:
    """Median height of the people around each frame, in frame widths, `[T]`."""
    height = row_median(people[..., 3])
    if len(times_s) > 1:
        half = round(_SMOOTH_S / float(np.median(np.diff(times_s))) / 2)
        padded = np.pad(height, half, constant_values=np.nan)
        height = row_median(np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1))
    return np.where(np.isfinite(height), height, _USUAL_HEIGHT)


def camera_motion(velocities: Floats) -> Floats:
    """Motion of the image, `[T, 3]`: median velocity of the people in x, y, and log height (zoom)."""
    return np.stack([row_median(velocities[..., axis]) for axis in range(3)], axis=1)


def derivative(values: Floats, times_s: Floats, shot: NDArray[np.int64]) -> Floats:
    """Derivative of `[T, F]` per second: centred if both neighbours are known and in the same shot.

    At the ends of a shot or next to unknown values it is one-sided; isolated values give NaN.
    """
    count = len(values)
    ahead = np.full_like(values, np.nan)
    if count > 1:
        step = np.diff(times_s)[:, None]
        ahead[:-1] = np.diff(values, axis=0) / step
        ahead[:-1][np.diff(shot) != 0] = np.nan
    behind = np.full_like(values, np.nan)
    behind[1:] = ahead[:-1]
    return mean_of_known(ahead, behind)


def since_true(
    happened: NDArray[np.bool_], times_s: Floats, shot: NDArray[np.int64], most: float
) -> Floats:
    """Seconds since `happened` was last true in the same shot, `[T]`, at most `most`."""
    index = np.where(happened, np.arange(len(happened)), -1)
    last = np.maximum.accumulate(index) if len(index) else index
    safe = last.clip(0)
    known = (last >= 0) & (shot[safe] == shot)
    return np.where(known, np.minimum(times_s - times_s[safe], most), most)


def mean_of_known(one: Floats, other: Floats) -> Floats:
    """Mean of two arrays where both are known, else the known value."""
    mean = (one + other) / 2
    return np.where(np.isfinite(mean), mean, np.where(np.isfinite(one), one, other))


def seconds(times_ms: NDArray[np.int64]) -> Floats:
    """Times in seconds, `[T]`."""
    return times_ms.astype(np.float64) / 1000


def rank_in_group(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """0, 1, 2 … within each run of equal numbers, `[N]`."""
    if not len(groups):
        return np.zeros(0, np.int64)
    starts = np.flatnonzero(np.r_[True, groups[1:] != groups[:-1]])
    lengths = np.diff(np.r_[starts, len(groups)])
    return np.arange(len(groups)) - np.repeat(starts, lengths)


def row_median(values: Floats) -> Floats:
    """Median of the known numbers of each row, `[T]`; NaN for rows without any."""
    count = np.isfinite(values).sum(axis=1)
    ordered = np.sort(values, axis=1)  # unknown ones come last
    index = (count - 1).clip(0)[:, None]
    middle = np.take_along_axis(ordered, index // 2, axis=1)
    other = np.take_along_axis(ordered, (count // 2).clip(0, values.shape[1] - 1)[:, None], axis=1)
    return np.asarray((middle + other)[:, 0] / 2)
