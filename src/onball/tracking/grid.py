"""Small tools on arrays that grids, balls and motions share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onball.timing import nearest_frames
from onball.tracks import BALL, Tracks

Floats = NDArray[np.float64]


def seconds(times_ms: NDArray[np.int64]) -> Floats:
    """The moments in seconds, `[T]`."""
    return times_ms.astype(np.float64) / 1000


def rank_in_group(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """0, 1, 2 … within each run of equal numbers, `[N]`."""
    if not len(groups):
        return np.zeros(0, np.int64)
    starts = np.flatnonzero(np.r_[True, groups[1:] != groups[:-1]])
    lengths = np.diff(np.r_[starts, len(groups)])
    return np.arange(len(groups)) - np.repeat(starts, lengths)


def row_median(values: Floats) -> Floats:
    """The median of the known numbers of each row, `[T]`; NaN where there is none."""
    count = np.isfinite(values).sum(axis=1)
    ordered = np.sort(values, axis=1)  # unknown ones come last
    index = (count - 1).clip(0)[:, None]
    middle = np.take_along_axis(ordered, index // 2, axis=1)
    other = np.take_along_axis(ordered, (count // 2).clip(0, values.shape[1] - 1)[:, None], axis=1)
    return np.asarray((middle + other)[:, 0] / 2)


# --- Tracks on the grid of sampled frames: who is where in each frame, as dense arrays.


#: More people than these in one frame are false alarms or spectators: the best-scored ones stay.
_MOST_PEOPLE = 40
#: Where no cuts are told: a cut is where less than this share of the people is followed on …
_CONTINUED = 0.2
#: … or where those who are jump by more than this share of the picture's width.
_JUMP = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class GridTracks:
    """Tracks at T moments. Lengths are in picture widths, places from the picture's middle.

    Attributes:
        times_ms: int64 `[T]`.
        looked: bool `[T]`, whether the moment lies within the video.
        shot: int64 `[T]`, number of the shot, from 0.
        people: `[T, P, 4]`, x, y of the box's centre, its width and height; NaN where there is
            nobody.
        people_ids: int64 `[T, P]`, track of each; -1 for none.
        ball: `[T, 4]`, the same of the ball that is believed; NaN where there is none.
    """

    times_ms: NDArray[np.int64]
    looked: NDArray[np.bool_]
    shot: NDArray[np.int64]
    people: Floats
    people_ids: NDArray[np.int64]
    ball: Floats


def on_grid(tracks: Tracks, times_ms: NDArray[np.int64]) -> GridTracks:
    """Tracks at the moments `times_ms` `[T]`: to each the tracks' frame nearest in time.

    A moment with no box within half a frame of the tracks is one in which nothing was found.
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
    of_people = kinds != BALL
    people, people_ids = _dense(
        frame[of_people], places[of_people], ids[of_people], scores[of_people], count
    )
    looked = times_ms <= tracks.video.duration_ms + period
    if tracks.video.cuts_ms:
        shot = np.searchsorted(np.array(tracks.video.cuts_ms), times_ms, side="right")
    else:
        shot = np.cumsum(_inferred_cuts(people, people_ids))
    balls = np.flatnonzero(~of_people)
    chosen = balls[
        select_ball(
            frame[balls], seconds(times_ms), shot, places[balls, :2], ids[balls], scores[balls]
        )
    ]
    ball = np.full((count, 4), np.nan)
    ball[frame[chosen]] = places[chosen]
    return GridTracks(times_ms, looked, shot.astype(np.int64), people, people_ids, ball)


def _rows_at(
    row_times: NDArray[np.int64], times_ms: NDArray[np.int64], slack_ms: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of moment and row: the rows of the frame nearest to each moment, if it is near."""
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
    """People by frame: places `[T, P, 4]` and tracks `[T, P]`."""
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
    """Which frames begin a shot, by what becomes of the people, `[T]`."""
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


# --- Which of the boxes that were taken for a ball is the ball, and where it is while it


#: A ball whose track lasts this long, in frames, is believed as much more as a point of score is.
_LASTING_FRAMES, _LASTING_SCORE = 12, 0.3
#: A ball that is believed less than this is none, however well it fits.
_PRICE = 0.45
#: A ball that moves farther between sightings than this, in picture widths, and this for each second
#: between, has leapt. (The fastest true ones of the simulated matches stay below.)
_REACH, _REACH_PER_S = 0.03, 1.2
#: What a leap costs for each picture width beyond that, and at most.
_LEAP_COST, _MOST_COST = 5.0, 0.4
#: Sightings farther apart than this say nothing about each other, in seconds.
_MEMORY_S = 1.0


def select_ball(
    frame: NDArray[np.int64],
    times_s: Floats,
    shot: NDArray[np.int64],
    places: Floats,
    ids: NDArray[np.int64],
    scores: Floats,
) -> NDArray[np.int64]:
    """The rows that are the ball, at most one for each frame, in order of time.

    Args:
        frame: `[N]`, ascending: in which frame each box is.
        times_s: `[T]`, when each frame is shown.
        shot: `[T]`, in which shot each frame is: from one to the next a ball may be anywhere.
        places: `[N, 2]`, in picture widths.
        ids: `[N]`, track of each; below 0 for none.
        scores: `[N]`, the detector's.
    """
    count = len(frame)
    if not count:
        return np.zeros(0, np.int64)
    _, inverse, lengths = np.unique(ids, return_inverse=True, return_counts=True)
    followed = np.where(ids < 0, 1, lengths[inverse])
    gain = scores + _LASTING_SCORE * np.minimum(followed / _LASTING_FRAMES, 1) - _PRICE
    times, shots = times_s[frame], shot[frame]
    first_of_frame = np.searchsorted(frame, frame)
    first_related = np.maximum(
        np.searchsorted(times, times - _MEMORY_S), np.searchsorted(shots, shots)
    )
    # The best path that ends with each row, its row before, and the best end up to each row.
    best, before = np.zeros(count), np.full(count, -1)
    best_end = np.zeros(count, np.int64)
    for row in range(count):
        old, new = int(first_related[row]), int(first_of_frame[row])
        value, previous = 0.0, -1
        if old and best[best_end[old - 1]] > 0:  # long ago: it costs nothing to have been elsewhere
            previous = int(best_end[old - 1])
            value = best[previous]
        if new > old:
            way = np.hypot(*(places[row] - places[old:new]).T)
            beyond = way - _REACH - _REACH_PER_S * (times[row] - times[old:new])
            values = best[old:new] - np.clip(_LEAP_COST * beyond, 0, _MOST_COST)
            chosen = int(values.argmax())
            if values[chosen] > value:
                value, previous = values[chosen], old + chosen
        best[row], before[row] = value + gain[row], previous
        ends_before = row and best[best_end[row - 1]] >= best[row]
        best_end[row] = best_end[row - 1] if ends_before else row
    path = []
    row = int(best_end[-1]) if best[best_end[-1]] > 0 else -1
    while row >= 0:
        path.append(row)
        row = int(before[row])
    return np.array(path[::-1], np.int64)


def without_short_gaps(
    ball: Floats, times_ms: NDArray[np.int64], shot: NDArray[np.int64], longest_ms: int
) -> Floats:
    """The ball `[T, F]` with gaps within a shot filled along straight lines, if they are that short."""
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
    share = ((times_ms[hidden] - times_ms[left]) / (times_ms[right] - times_ms[left]))[:, None]
    filled[hidden] = ball[left] * (1 - share) + ball[right] * share
    return filled


# --- Change over time on the grid: of people, of the camera, of anything.


def derivative(values: Floats, times_s: Floats, shot: NDArray[np.int64]) -> Floats:
    """Change per second of `[T, F]`: centred where both neighbours are known and in the same shot.

    At the ends of a shot or of what is known it is one-sided; a lone number has none (NaN).
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


def mean_of_known(one: Floats, other: Floats) -> Floats:
    """The mean of two numbers where both are known, else the one that is."""
    mean = (one + other) / 2
    return np.where(np.isfinite(mean), mean, np.where(np.isfinite(one), one, other))


def people_velocities(grid: GridTracks) -> Floats:
    """`[T, P, 3]`: velocity x, y in picture widths per second, and of log height; NaN if unknown.

    Of those who are followed from the frame before or to the frame after, in the same shot.
    """
    people, ids = grid.people, grid.people_ids
    values = np.concatenate([people[..., :2], np.log(people[..., 3:])], axis=-1)
    ahead = np.full_like(values, np.nan)
    behind = np.full_like(values, np.nan)
    if len(people) < 2:
        return ahead
    step = np.diff(seconds(grid.times_ms))[:, None, None]
    same = (ids[:-1, :, None] == ids[1:, None, :]) & (ids[:-1, :, None] >= 0)
    same &= (np.diff(grid.shot) == 0)[:, None, None]
    for target, later, earlier, pairs in (
        (ahead[:-1], values[1:], values[:-1], same),
        (behind[1:], values[:-1], values[1:], same.transpose(0, 2, 1)),
    ):
        found, where = pairs.any(axis=2), pairs.argmax(axis=2)
        there = np.take_along_axis(later, where[..., None], axis=1)
        change = (there - earlier) / (step if target.base is ahead else -step)
        target[found] = change[found]
    return mean_of_known(ahead, behind)


def camera_motion(velocities: Floats) -> Floats:
    """`[T, 3]`: how the picture moves, the median of its people: x, y, and zoom as d log height."""
    return np.stack([row_median(velocities[..., axis]) for axis in range(3)], axis=1)


def since_true(
    happened: NDArray[np.bool_], times_s: Floats, shot: NDArray[np.int64], most: float
) -> Floats:
    """Seconds since it was last true in the same shot, `[T]`, at most `most`."""
    index = np.where(happened, np.arange(len(happened)), -1)
    last = np.maximum.accumulate(index) if len(index) else index
    safe = last.clip(0)
    known = (last >= 0) & (shot[safe] == shot)
    return np.where(known, np.minimum(times_s - times_s[safe], most), most)


# --- Numbers for each sampled frame of a video, looked up by the frame's time.


@dataclass(frozen=True, slots=True, eq=False)
class PerFrame:
    """Numbers for each frame.

    Attributes:
        times_ms: int64 `[T]`, ascending, at least one.
        values: float32 `[T, F]`.
    """

    times_ms: NDArray[np.int64]
    values: NDArray[np.float32]

    def at(self, times_ms: NDArray[np.int64]) -> NDArray[np.float32]:
        """The numbers of the frames nearest to these moments `[t]`, float32 `[t, F]`."""
        return self.values[nearest_frames(times_ms, self.times_ms)]
