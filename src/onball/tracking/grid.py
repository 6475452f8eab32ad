"""Tracks on the grid of sampled frames: who is where in each frame, as dense arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onball.tracking.arrays import Floats, rank_in_group, row_median, seconds
from onball.tracking.ball import believed
from onball.tracks import BALL, Tracks

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
        believed(
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
    after = np.searchsorted(frames, times_ms).clip(0, len(frames) - 1)
    before = (after - 1).clip(0)
    nearer = np.abs(times_ms - frames[before]) <= np.abs(frames[after] - times_ms)
    nearest = np.where(nearer, before, after)
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
