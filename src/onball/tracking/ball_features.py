"""The feature set `ball`: path of the ball, who is near it, and the goal, in heights of a person.

A broadcast frame shows 20 metres of the pitch or 60, so lengths in pixels or frame widths mean little. A
person near the ball is a ruler that every frame has: all lengths here are in heights of people at the
depth of the ball, except places in the frame. Motion is relative to that of the camera, which is the
median motion of the people.

The change of the ball's velocity from the quarter of a second before a frame to the quarter after it tells
a touch from a ball that rolls on, and is less sensitive to errors of single detections than differences
between neighbouring frames.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from onball.tracking.grid import (
    Floats,
    GridTracks,
    camera_motion,
    derivative,
    on_grid,
    seconds,
    since_true,
    without_short_gaps,
)
from onball.tracks import GOAL, Tracks, are_people

#: Detections of people with a lower score are not used: there are as many false ones below.
LEAST_PERSON_SCORE = 0.3
#: The same for goals, of which there are few.
_LEAST_GOAL_SCORE = 0.1
#: Number of people nearest to the ball that are described individually.
_NEAREST = 3
#: Number of people at the depth of the ball whose median height is the unit, and seconds over which it is
#: smoothed.
_RULERS, _RULER_S = 5, 1.0
_USUAL_HEIGHT = 0.07  # frame widths; where nobody is seen
#: Time before and after a frame over which the velocity of the ball is measured.
_SIDE_S = 0.24
_LONGEST_GAP_MS = 1000
_MOST_GAP_S, _MOST_SHOT_S = 2.0, 3.0
#: Radii, in heights, within which people around the ball are counted.
_RADII = (1.5, 4.0)

#: Name, sign under mirroring, and the factor that brings it to the order of 1.
BALL_FEATURES = (
    *(
        row
        for when, factor in (("", 0.12), ("_before", 0.15), ("_after", 0.15))
        for row in (
            (f"velocity{when}_x", -1, factor),
            (f"velocity{when}_y", 1, factor),
            (f"speed{when}", 1, factor),
        )
    ),
    ("turn_x", -1, 0.12),
    ("turn_y", 1, 0.12),
    ("turn", 1, 0.12),
    ("turn_cosine", 1, 1.0),
    *(
        row
        for near in range(1, _NEAREST + 1)
        for row in (
            (f"near{near}_offset_x", -1, 0.5),
            (f"near{near}_offset_y", 1, 0.5),
            (f"near{near}_log_distance", 1, 1.0),
            (f"near{near}_velocity_x", -1, 0.2),
            (f"near{near}_velocity_y", 1, 0.2),
        )
    ),
    ("nearest_changed", 1, 1.0),
    *((f"people_within_{radius:g}", 1, 0.25) for radius in _RADII),
    ("ball_seen", 1, 1.0),
    ("ball_unseen_for", 1, 1.0),
    ("ball_unseen_until", 1, 1.0),
    ("ball_x", -1, 2.0),
    ("ball_y", 1, 2.0),
    ("person_height", 1, 8.0),
    ("camera_velocity_x", -1, 0.15),
    ("camera_velocity_y", 1, 0.3),
    ("camera_zoom", 1, 4.0),
    ("cut", 1, 1.0),
    ("shot_age", 1, 1 / _MOST_SHOT_S),
    ("people", 1, 0.08),
    ("more_people_right_of_ball", -1, 1.0),
    ("goal_seen", 1, 1.0),
    ("goal_offset_x", -1, 0.15),
    ("goal_offset_y", 1, 0.3),
    ("goal_log_distance", 1, 0.7),
    ("ball_in_goal", 1, 1.0),
    ("goal_x", -1, 2.0),
    ("speed_to_goal", 1, 0.15),
)


def ball_columns(
    tracks: Tracks, times_ms: NDArray[np.int64]
) -> tuple[GridTracks, dict[str, Floats]]:
    """Compute the columns of `BALL_FEATURES` before scaling, each `[T]`; NaN if unknown.

    Args:
        tracks: of the video, with goals if its detector finds them.
        times_ms: times of the frames, `[T]`, ascending.
    """
    least = np.select(
        [are_people(tracks.kinds), tracks.kinds == GOAL], [LEAST_PERSON_SCORE, _LEAST_GOAL_SCORE]
    )
    used = tracks.scores >= least
    grid = on_grid(tracks.where(used), times_ms)
    times = seconds(grid.times_ms)
    aspect = tracks.video.height / tracks.video.width
    velocities = grid.velocities
    camera = np.nan_to_num(camera_motion(velocities))
    ball = without_short_gaps(grid.ball, grid.times_ms, grid.shot, _LONGEST_GAP_MS)[:, :2]
    height = _ruler(grid, ball, times)
    seen = np.isfinite(grid.ball[:, 0])
    begins = np.r_[True, np.diff(grid.shot) != 0]
    until = since_true(seen[::-1], -times[::-1], grid.shot[::-1], _MOST_GAP_S)[::-1]
    goal = without_short_gaps(grid.goal, grid.times_ms, grid.shot, _LONGEST_GAP_MS)
    motion = dict(_motion(grid, ball, camera, height, times))
    after = np.stack([motion["velocity_after_x"], motion["velocity_after_y"]], 1)
    columns = {
        **motion,
        **_people(grid, ball, velocities[..., :2] - camera[:, None, :2], height),
        **_goal(goal, ball, after, height),
        "ball_seen": seen.astype(np.float64),
        "ball_unseen_for": since_true(seen, times, grid.shot, _MOST_GAP_S),
        "ball_unseen_until": until,
        "ball_x": ball[:, 0],
        "ball_y": ball[:, 1] / aspect,
        "person_height": height / aspect,
        "camera_velocity_x": camera[:, 0] / height,
        "camera_velocity_y": camera[:, 1] / height,
        "camera_zoom": camera[:, 2],
        "cut": np.r_[False, begins[1:]].astype(np.float64),
        "shot_age": since_true(begins, times, grid.shot, _MOST_SHOT_S),
    }
    return grid, columns


def _ruler(grid: GridTracks, ball: Floats, times: Floats) -> Floats:
    """Height of a person at the depth of the ball, in frame widths, `[T]`."""
    tall = grid.people[..., 3]
    feet_y = grid.people[..., 1] + tall / 2
    away = np.abs(feet_y - ball[:, None, 1])
    nearest = np.argsort(np.where(np.isfinite(away), away, np.inf), axis=1)[:, :_RULERS]
    height = _known_median(np.take_along_axis(tall, nearest, axis=1))
    step = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    half = round(_RULER_S / step / 2)
    padded = np.pad(height, half, constant_values=np.nan)
    height = _known_median(np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1))
    usual = float(_known_median(tall.reshape(1, -1))[0])
    height = np.where(np.isfinite(height), height, usual)
    return np.where(np.isfinite(height), height, _USUAL_HEIGHT).clip(0.01, 2)


def _motion(
    grid: GridTracks, ball: Floats, camera: Floats, height: Floats, times: Floats
) -> Iterator[tuple[str, Floats]]:
    """Velocity of the ball at, before and after each frame, and its change, in heights per second."""
    velocity = (derivative(ball, times, grid.shot) - camera[:, :2]) / height[:, None]
    steady = ball - np.cumsum(camera[:, :2] * np.diff(times, prepend=times[:1])[:, None], axis=0)
    step = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    side = max(1, round(_SIDE_S / step))
    before, after = (_slope(steady, times, grid.shot, by) / height[:, None] for by in (-side, side))
    for when, values in (("", velocity), ("_before", before), ("_after", after)):
        yield f"velocity{when}_x", values[:, 0]
        yield f"velocity{when}_y", values[:, 1]
        yield f"speed{when}", np.hypot(*values.T)
    turn = after - before
    yield "turn_x", turn[:, 0]
    yield "turn_y", turn[:, 1]
    yield "turn", np.hypot(*turn.T)
    # Slow balls have no direction: the constant takes the cosine to 0 for them.
    yield (
        "turn_cosine",
        (after * before).sum(1) / (np.hypot(*after.T) * np.hypot(*before.T) + 0.3),
    )


def _slope(path: Floats, times: Floats, shot: NDArray[np.int64], by: int) -> Floats:
    """Mean velocity `[T, 2]` from each frame to the one `by` frames later in its shot."""
    here = np.arange(len(path))
    there = np.clip(here + by, 0, len(path) - 1)
    slope = np.full_like(path, np.nan)
    rows = (shot[here] == shot[there]) & (there != here)
    slope[rows] = ((path[there] - path[here])[rows]) / (times[there] - times[here])[rows, None]
    return slope


def _people(grid: GridTracks, ball: Floats, moving: Floats, height: Floats) -> dict[str, Floats]:
    """The people nearest to the ball, and numbers of people around it."""
    tall = grid.people[..., 3]
    feet = grid.people[..., :2] + np.stack([np.zeros_like(tall), tall / 2], axis=-1)
    offset = (ball[:, None] - feet) / tall[..., None]
    distance = np.hypot(offset[..., 0], offset[..., 1])
    distance = np.where(np.isfinite(distance), distance, np.inf)
    order = np.argsort(distance, axis=1)[:, :_NEAREST]
    rows = np.arange(len(ball))
    known_ball = np.where(np.isfinite(ball[:, 0]), 1.0, np.nan)
    columns: dict[str, Floats] = {}
    for near in range(_NEAREST):
        values = np.full((len(ball), 5), np.nan)
        if near < order.shape[1]:
            pick = rows, order[:, near]
            there = np.isfinite(distance[pick])
            values[there, :2] = offset[pick][there]
            values[there, 2] = np.log1p(distance[pick][there])
            values[there, 3:] = (moving[pick] / height[:, None])[there]
        names = ("offset_x", "offset_y", "log_distance", "velocity_x", "velocity_y")
        columns |= {f"near{near + 1}_{name}": values[:, i] for i, name in enumerate(names)}
    nearest = grid.people_ids[rows, order[:, 0]]
    changed = np.full(len(ball), np.nan)
    both = (nearest[1:] >= 0) & (nearest[:-1] >= 0)
    changed[1:][both] = (np.diff(nearest) != 0)[both]
    there = np.isfinite(grid.people[..., 0])
    side = np.where(there, np.sign(grid.people[..., 0] - ball[:, None, 0]), 0.0)
    return columns | {
        "nearest_changed": changed,
        **{f"people_within_{r:g}": (distance < r).sum(axis=1) * known_ball for r in _RADII},
        "people": there.sum(axis=1).astype(np.float64),
        "more_people_right_of_ball": side.sum(axis=1) / np.maximum(there.sum(axis=1), 1),
    }


def _goal(goal: Floats, ball: Floats, velocity: Floats, height: Floats) -> dict[str, Floats]:
    """Place of the goal seen from the ball, and speed of the ball towards it."""
    offset = (goal[:, :2] - ball) / height[:, None]
    distance = np.hypot(*offset.T)
    inside = (np.abs(goal[:, :2] - ball) < goal[:, 2:] / 2).all(axis=1).astype(np.float64)
    return {
        "goal_seen": np.isfinite(goal[:, 0]).astype(np.float64),
        "goal_offset_x": offset[:, 0],
        "goal_offset_y": offset[:, 1],
        "goal_log_distance": np.log1p(distance),
        "ball_in_goal": np.where(np.isfinite(distance), inside, np.nan),
        "goal_x": goal[:, 0],
        "speed_to_goal": (offset * velocity).sum(axis=1) / (distance + 0.1),
    }


def _known_median(values: Floats) -> Floats:
    """Median of the known numbers of each row; NaN for rows without any."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # rows without any
        return np.asarray(np.nanmedian(values, axis=-1))
