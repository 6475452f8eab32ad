"""Track features: numbers of players and ball for each sampled frame.

`study` has the four of the study (Team 8, 2025): mean box centre of the people (x and y, as fractions
of the frame, relative to its centre), whether the ball is seen, people / 10.

`full` has these and those of `_FULL`: position of the ball and its motion relative to the camera's;
the three people whose feet are nearest to it; the spread of the people; the camera's motion.
Lengths are in frame widths, except offsets of the ball from a person's feet, which are in heights
of that person and thus independent of their distance from the camera. Each feature is multiplied by
the factor that brings it to the order of 1, and clipped to ±5.

`ball` describes the path of the ball, in heights of the people around it: see
`onball.tracking.ball_features`.

Unknown numbers are NaN, so that a ball out of sight differs from a ball at any position. Mirroring a
frame only changes signs (`mirrored_signs`).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from onball.tracking.ball_features import BALL_FEATURES, ball_columns
from onball.tracking.grid import (
    Floats,
    GridTracks,
    camera_motion,
    derivative,
    on_grid,
    row_median,
    seconds,
    since_true,
    without_short_gaps,
)
from onball.tracks import Tracks

FeatureSet = Literal["study", "full", "ball"]

#: Number of people nearest to the ball that are described individually.
NEAREST = 3
#: Lowest confidence of the detections that the study counted.
_LEAST_SCORE = 0.5
#: Features are clipped to ± this.
_LIMIT = 5.0
#: Longest gap of the ball that is interpolated.
_LONGEST_GAP_MS = 1000
#: Longest time without the ball, and largest age of a shot, that features distinguish.
_MOST_GAP_S, _MOST_SHOT_S = 2.0, 3.0

#: Name, sign under mirroring, and the factor that brings it to the order of 1.
_STUDY = (
    ("people_x", -1, 1.0),
    ("people_y", 1, 1.0),
    ("ball_seen", 1, 1.0),
    ("people", 1, 0.1),
)
_FULL = (
    *_STUDY,
    ("ball_x", -1, 2.0),
    ("ball_y", 1, 4.0),
    ("ball_height", 1, 50.0),
    ("ball_velocity_x", -1, 3.0),
    ("ball_velocity_y", 1, 6.0),
    ("ball_speed", 1, 3.0),
    ("ball_acceleration_x", -1, 0.5),
    ("ball_acceleration_y", 1, 1.0),
    ("ball_acceleration", 1, 0.5),
    ("ball_unseen_for", 1, 1.0),
    ("ball_unseen_until", 1, 1.0),
    *(
        row
        for near in range(1, NEAREST + 1)
        for row in (
            (f"near{near}_offset_x", -1, 0.5),
            (f"near{near}_offset_y", 1, 0.5),
            (f"near{near}_distance", 1, 10.0),
            (f"near{near}_velocity_x", -1, 6.0),
            (f"near{near}_velocity_y", 1, 12.0),
        )
    ),
    ("nearest_changed", 1, 1.0),
    ("nearest_lead", 1, 10.0),
    ("spread_x", 1, 4.0),
    ("spread_y", 1, 8.0),
    ("more_people_right_of_ball", -1, 1.0),
    ("person_height", 1, 10.0),
    ("camera_velocity_x", -1, 4.0),
    ("camera_velocity_y", 1, 8.0),
    ("camera_zoom", 1, 4.0),
    ("cut", 1, 1.0),
    ("shot_age", 1, 1 / _MOST_SHOT_S),
)
_SETS = {"study": _STUDY, "full": _FULL, "ball": BALL_FEATURES}


def feature_names(which: FeatureSet) -> tuple[str, ...]:
    """Names of the F features, in their order."""
    return tuple(name for name, _, _ in _SETS[which])


def mirrored_signs(which: FeatureSet) -> NDArray[np.float32]:
    """Sign of each input of a net (`as_inputs`) when the frame is mirrored left to right, float32 `[2F]`.

    It is 1 or -1 for features, and 1 for the masks of known values.
    """
    signs = np.array([sign for _, sign, _ in _SETS[which]], np.float32)
    return np.concatenate([signs, np.ones_like(signs)])


def track_features(
    tracks: Tracks, times_ms: NDArray[np.int64], which: FeatureSet
) -> NDArray[np.float32]:
    """Compute the features of frames, float32 `[T, F]`; NaN if unknown.

    Args:
        tracks: of the video.
        times_ms: times of the frames, `[T]`, ascending.
        which: set of features.
    """
    if not len(times_ms):
        return np.zeros((0, len(_SETS[which])), np.float32)
    if which == "study":
        grid = on_grid(tracks.where(tracks.scores >= _LEAST_SCORE), times_ms)
        columns = _study(grid, tracks.video.height / tracks.video.width)
    elif which == "ball":
        grid, columns = ball_columns(tracks, times_ms)
    else:
        grid = on_grid(tracks, times_ms)
        columns = {**_study(grid, tracks.video.height / tracks.video.width), **_all(grid)}
    scales = [(name, scale) for name, _, scale in _SETS[which]]
    features = np.stack([columns[name] * scale for name, scale in scales], axis=1)
    features[~grid.looked] = np.nan
    return features.clip(-_LIMIT, _LIMIT).astype(np.float32)


def as_inputs(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Convert features `[T, F]` to inputs of a net, float32 `[T, 2F]`.

    The first F are the values, 0 if unknown; the others are flags, 1 if known.
    """
    known = np.isfinite(features)
    return np.concatenate([np.where(known, features, 0), known], axis=1).astype(np.float32)


def _study(grid: GridTracks, aspect: float) -> dict[str, Floats]:
    """Features of the study, each `[T]`."""
    there = np.isfinite(grid.people[..., 0])
    count = there.sum(axis=1).astype(np.float64)
    with np.errstate(invalid="ignore"):
        mean = np.nansum(grid.people[..., :2], axis=1) / np.where(count, count, np.nan)[:, None]
    return {
        "people_x": mean[:, 0],
        "people_y": mean[:, 1] / aspect,  # as a fraction of the height
        "ball_seen": np.isfinite(grid.ball[:, 0]).astype(np.float64),
        "people": count,
    }


def _all(grid: GridTracks) -> dict[str, Floats]:
    """Features of `full` besides those of the study, each `[T]`."""
    times = seconds(grid.times_ms)
    velocities = grid.velocities
    camera = camera_motion(velocities)
    ball = without_short_gaps(grid.ball, grid.times_ms, grid.shot, _LONGEST_GAP_MS)
    cut = np.r_[False, np.diff(grid.shot) != 0].astype(np.float64)
    begins = np.r_[True, np.diff(grid.shot) != 0]
    return {
        **_ball(grid, ball, camera, times),
        **_near(grid, ball, velocities, camera),
        **_people(grid, ball),
        "camera_velocity_x": camera[:, 0],
        "camera_velocity_y": camera[:, 1],
        "camera_zoom": camera[:, 2],
        "cut": cut,
        "shot_age": since_true(begins, times, grid.shot, _MOST_SHOT_S),
    }


def _ball(grid: GridTracks, ball: Floats, camera: Floats, times: Floats) -> dict[str, Floats]:
    """Position, motion and visibility of the ball."""
    # A camera with unknown motion is assumed to be static.
    velocity = derivative(ball[:, :2], times, grid.shot) - np.nan_to_num(camera[:, :2])
    acceleration = derivative(velocity, times, grid.shot)
    seen = np.isfinite(grid.ball[:, 0])
    until = since_true(seen[::-1], -times[::-1], grid.shot[::-1], _MOST_GAP_S)[::-1]
    return {
        "ball_x": ball[:, 0],
        "ball_y": ball[:, 1],
        "ball_height": ball[:, 3],
        "ball_velocity_x": velocity[:, 0],
        "ball_velocity_y": velocity[:, 1],
        "ball_speed": np.hypot(*velocity.T),
        "ball_acceleration_x": acceleration[:, 0],
        "ball_acceleration_y": acceleration[:, 1],
        "ball_acceleration": np.hypot(*acceleration.T),
        "ball_unseen_for": since_true(seen, times, grid.shot, _MOST_GAP_S),
        "ball_unseen_until": until,
    }


def _near(grid: GridTracks, ball: Floats, velocities: Floats, camera: Floats) -> dict[str, Floats]:
    """Features of the people whose feet are nearest to the ball."""
    height = grid.people[..., 3]
    feet = grid.people[..., :2] + np.stack([np.zeros_like(height), height / 2], axis=-1)
    offset = ball[:, None, :2] - feet
    distance = np.hypot(offset[..., 0], offset[..., 1])
    order = np.argsort(distance, axis=1)[:, :NEAREST]  # unknown ones come last
    moving = velocities[..., :2] - np.nan_to_num(camera[:, None, :2])
    columns: dict[str, Floats] = {}
    ranked = np.full((len(ball), max(2, NEAREST)), np.nan)
    for near in range(NEAREST):
        name = f"near{near + 1}"
        if near < order.shape[1]:
            chosen = order[:, near]
            pick = (np.arange(len(ball)), chosen)
            ranked[:, near] = distance[pick]
            in_heights = offset[pick] / height[pick][:, None]
            velocity = np.where(np.isfinite(ranked[:, near])[:, None], moving[pick], np.nan)
        else:
            in_heights = velocity = np.full((len(ball), 2), np.nan)
        columns |= {
            f"{name}_offset_x": in_heights[:, 0],
            f"{name}_offset_y": in_heights[:, 1],
            f"{name}_distance": ranked[:, near],
            f"{name}_velocity_x": velocity[:, 0],
            f"{name}_velocity_y": velocity[:, 1],
        }
    nearest = grid.people_ids[np.arange(len(ball)), order[:, 0]]
    known = np.isfinite(ranked[:, 0]) & (nearest >= 0)
    changed = np.full(len(ball), np.nan)
    both = known[1:] & known[:-1] & (np.diff(grid.shot) == 0)
    changed[1:][both] = (np.diff(nearest) != 0)[both]
    return columns | {"nearest_changed": changed, "nearest_lead": ranked[:, 1] - ranked[:, 0]}


def _people(grid: GridTracks, ball: Floats) -> dict[str, Floats]:
    """Spread, height and side of the people."""
    x, y = grid.people[..., 0], grid.people[..., 1]
    there = np.isfinite(x)
    count = np.where(there.any(axis=1), there.sum(axis=1), np.nan)

    def spread(values: Floats) -> Floats:
        mean = np.nansum(values, axis=1) / count
        return np.asarray(np.sqrt(np.nansum((values - mean[:, None]) ** 2, axis=1) / count))

    side = np.where(there, np.sign(x - ball[:, None, 0]), 0.0)
    return {
        "spread_x": spread(x),
        "spread_y": spread(y),
        "more_people_right_of_ball": side.sum(axis=1) / count,
        "person_height": row_median(grid.people[..., 3]),
    }
