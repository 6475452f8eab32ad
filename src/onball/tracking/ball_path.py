"""Selection of the ball among the candidates of a detector: the most plausible path through each shot.

A detector that finds a ball of five pixels also finds boots, heads, and spots on the pitch, several in each
frame. What tells the ball is its path: it moves on as it moved before, until somebody touches it, and it is
seen in most frames. `select_ball` finds the path of largest value by dynamic programming (a Viterbi search).
Its states are pairs of consecutive candidates, which have a velocity, so that changes of it have a price.
Positions are relative to the camera, and lengths in heights of a person, since lengths in pixels say little.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: A candidate is worth this factor times its confidence minus the second number, within limits.
_WORTH, _POOR_SCORE, _LEAST_WORTH, _MOST_WORTH = 6.0, 0.24, -2.0, 5.0
#: Longest time in seconds between two candidates of a pair.
_LONGEST_STEP_S = 0.33
#: Cost of a frame without the ball between them.
_MISSED_COST = 2.0
#: Usual acceleration in heights/s², and standard deviation of a place in heights.
_ACCELERATION, _NOISE = 8.0, 0.2
#: Most that a change of velocity costs, since a touch may change it in any way; cost of the first velocity.
_TOUCH_COST, _FIRST_COST = 3.0, 1.0
#: Worth of a step that goes on with the velocity before, from one speed in heights/s, where it is 0, to
#: another. False candidates stand, move as fast as a person, or are nowhere near where they would go on.
_FLIGHT_WORTH, _FLIGHT_SPEEDS = 3.0, (4.0, 8.0)
#: Speed in heights/s that a ball hardly exceeds, and cost of each height beyond.
_MOST_SPEED, _LEAP_COST = 25.0, 0.5
#: Cost of the first candidate of a shot.
_BEGIN_COST = 1.0
#: Cost of a gap after which the ball is near its last place, and the longest such gap in seconds.
_LOST_COST, _LOST_S = 6.0, 2.0
#: Cost of a gap after which it is anywhere: of such a gap, and of a longer one.
_ELSEWHERE_COST, _LATER_COST = 12.0, 6.0
#: Number of states that are kept of each candidate.
_MOST_STATES = 4


@dataclass(frozen=True, slots=True)
class _Paths:
    """Best paths to the N candidates of a shot: S for each, which differ in the candidate before it.

    Attributes:
        times_s: `[N]`, time of each candidate.
        places: `[N, 2]`, its place relative to the camera, in frame widths.
        values: `[N, S]`, value of the path; -inf for no path.
        velocities: `[N, S, 2]`, since the candidate before, in heights/s; NaN without one.
        before: `[N, S]`, the candidate before; -1 for none.
        state_before: `[N, S]`, which of the paths to that one.
    """

    times_s: Floats
    places: Floats
    values: Floats
    velocities: Floats
    before: Ints
    state_before: Ints


class _End(NamedTuple):
    """End of a path: its value, its last candidate and the state of that, and the time."""

    value: float
    row: int
    state: int
    time_s: float


def select_ball(
    frame: Ints,
    times_s: Floats,
    shot: Ints,
    places: Floats,
    scores: Floats,
    camera: Floats,
    height: Floats,
) -> Ints:
    """Select the ball among the boxes of that class, at most one per frame.

    Where all boxes are likely false positives, none is selected.

    Args:
        frame: index of each box's frame, `[N]`, ascending.
        times_s: time of each frame in seconds, `[T]`.
        shot: number of each frame's shot, `[T]`; displacements across a cut cost nothing.
        places: centre of each box in frame widths, `[N, 2]`.
        scores: confidence of each box, `[N]`.
        camera: displacement of the image since the first frame, in frame widths, `[T, 2]`.
        height: height of a person in frame widths, `[T]`.

    Returns: indices of the selected boxes, in order of time.
    """
    if not len(frame):
        return np.zeros(0, np.int64)
    worth = np.clip(_WORTH * (scores - _POOR_SCORE), _LEAST_WORTH, _MOST_WORTH)
    steady = places - camera[frame]
    usual_s = float(np.median(np.diff(times_s))) if len(times_s) > 1 else 1.0
    begins = np.flatnonzero(np.diff(shot[frame], prepend=shot[frame[0]] - 1))
    chosen = []
    for begin, end in zip(begins, [*begins[1:], len(frame)], strict=True):
        part = slice(begin, end)
        at = frame[part]
        path = _best_path(times_s[at], steady[part], worth[part], height[at], usual_s)
        chosen.append(begin + path)
    return np.concatenate(chosen)


def _best_path(
    times_s: Floats, places: Floats, worth: Floats, height: Floats, usual_s: float
) -> Ints:
    """Indices of the candidates of the best path through a shot. All arrays are per candidate, `[N]`."""
    count = len(places)
    paths = _Paths(
        times_s,
        places,
        np.full((count, _MOST_STATES), -np.inf),
        np.full((count, _MOST_STATES, 2), np.nan),
        np.full((count, _MOST_STATES), -1),
        np.zeros((count, _MOST_STATES), np.int64),
    )
    recent = np.zeros(0, np.int64)
    best = _End(0.0, -1, 0, -np.inf)
    begins = np.flatnonzero(np.diff(times_s, prepend=-1.0))
    for begin, end in zip(begins, [*begins[1:], count], strict=True):
        time, rows = float(times_s[begin]), np.arange(begin, end)
        # What is worse than finding the ball elsewhere leads nowhere.
        hopeful = paths.values[recent].max(axis=1) > best.value - _ELSEWHERE_COST
        recent = recent[(times_s[recent] >= time - _LOST_S) & hopeful]
        _extend(paths, rows, recent, best, worth[rows], float(height[begin]), usual_s)
        last, state = divmod(int(paths.values[rows].argmax()), _MOST_STATES)
        value = float(paths.values[rows[last], state])
        if value > best.value:
            best = _End(value, int(rows[last]), state, time)
        recent = np.concatenate([recent, rows])
    path, row, state = [], best.row, best.state
    while row >= 0:
        path.append(row)
        row, state = int(paths.before[row, state]), int(paths.state_before[row, state])
    return np.array(path[::-1], np.int64)


def _extend(
    paths: _Paths,
    rows: Ints,
    recent: Ints,
    best: _End,
    worth: Floats,
    height: float,
    usual_s: float,
) -> None:
    """Fill in the best paths to the n candidates of a frame.

    Args:
        paths: those to the candidates of the frames before.
        rows: the candidates of the frame, `[n]`.
        recent: the candidates from which a path may come, `[m]`.
        best: end of the best path up to now.
        worth: of each candidate, `[n]`.
        height: of a person in the frame, in frame widths.
        usual_s: time between two frames.
    """
    count, time = len(rows), float(paths.times_s[rows[0]])
    # The path begins here, or the ball was lost, and is found anywhere …
    elsewhere = best.value - (_ELSEWHERE_COST if time - best.time_s <= _LOST_S else _LATER_COST)
    value = np.full(count, max(-_BEGIN_COST, elsewhere))
    row = np.full(count, best.row if elsewhere > -_BEGIN_COST else -1)
    state = np.full(count, best.state)
    steps = time - paths.times_s[recent]
    apart = (paths.places[rows, None] - paths.places[recent]) / height
    if len(steps):  # … or not far from where it was lost.
        lost = paths.values[recent].max(axis=1)
        beyond = (np.hypot(apart[..., 0], apart[..., 1]) - 1 - _MOST_SPEED * steps).clip(0)
        values = lost - np.minimum(_LOST_COST + _LEAP_COST * beyond, _ELSEWHERE_COST)
        which = values.argmax(axis=1)
        near = values[np.arange(count), which]
        better = near > value
        value = np.where(better, near, value)
        row = np.where(better, recent[which], row)
        state = np.where(better, paths.values[recent].argmax(axis=1)[which], state)
    # It was seen just before: each of those candidates makes a state of its own.
    close = steps <= _LONGEST_STEP_S
    steps, recent = steps[close], recent[close]
    velocity = apart[:, close] / steps[:, None]  # [n, m, 2]
    change = velocity[:, :, None] - paths.velocities[recent]
    usual = _ACCELERATION * steps + _NOISE / steps
    surprise = 0.5 * (change[..., 0] ** 2 + change[..., 1] ** 2) / usual[:, None] ** 2
    cost = np.where(np.isnan(surprise), _FIRST_COST, np.minimum(surprise, _TOUCH_COST))
    speed = np.hypot(velocity[..., 0], velocity[..., 1])
    flies = np.interp(speed, _FLIGHT_SPEEDS, (0, 1))[..., None] * np.exp(-surprise)
    values = paths.values[recent] - cost + _FLIGHT_WORTH * np.nan_to_num(flies)  # [n, m, S]
    from_state = values.argmax(axis=2)
    seen = np.take_along_axis(values, from_state[..., None], axis=2)[..., 0]
    leap = (speed - _MOST_SPEED).clip(0) * steps
    seen = seen - np.minimum(_LEAP_COST * leap, _ELSEWHERE_COST)
    seen = seen - _MISSED_COST * (np.round(steps / usual_s) - 1)
    all_values = np.concatenate([value[:, None], seen], axis=1)
    kept = np.argsort(-all_values, axis=1, kind="stable")[:, :_MOST_STATES]
    own, states = (np.arange(count)[:, None], kept), slice(kept.shape[1])
    paths.values[rows, states] = all_values[own] + worth[:, None]
    without = np.full((count, 1, 2), np.nan)
    paths.velocities[rows, states] = np.concatenate([without, velocity], axis=1)[own]
    before = np.concatenate([row[:, None], np.tile(recent, (count, 1))], axis=1)
    paths.before[rows, states] = before[own]
    paths.state_before[rows, states] = np.concatenate([state[:, None], from_state], axis=1)[own]
