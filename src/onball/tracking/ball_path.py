"""Selection of the ball among the candidates of a detector: the most plausible path through each shot.

A detector that finds a ball of five pixels also finds boots, heads, and spots on the pitch, several in each
frame. What tells the ball is its path: it moves on as it moved before, until somebody touches it, and it is
seen in most frames. `select_ball` finds the path of largest value by dynamic programming (a Viterbi search).
Its states are pairs of consecutive candidates, which have a velocity, so that changes of it have a price.
Positions are relative to the camera, and lengths in heights of a person, since lengths in pixels say little.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

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
_ACCELERATION, _NOISE = 12.0, 0.2
#: Most that a change of velocity costs, since a touch may change it in any way; cost of the first velocity.
_TOUCH_COST, _FIRST_COST = 3.0, 1.0
#: Worth of a step that goes on with the velocity before, from one speed in heights/s, where it is 0, to
#: another. False candidates stand, move as fast as a person, or are nowhere near where they would go on.
_FLIGHT_WORTH, _FLIGHT_SPEEDS = 3.0, (4.0, 8.0)
#: Speed in heights/s that a ball hardly exceeds, and cost of each height beyond.
_MOST_SPEED, _LEAP_COST = 25.0, 0.5
#: Cost of the first candidate of a shot.
_BEGIN_COST = 1.0
#: Cost of finding a lost ball near where it was lost, within so many seconds.
_LOST_COST, _LOST_S = 6.0, 2.0
#: Cost of finding it elsewhere, then and later.
_ELSEWHERE_COST, _LATER_COST = 12.0, 6.0
#: Number of states that are kept of each candidate.
_MOST_STATES = 4


@dataclass(frozen=True, slots=True)
class _States:
    """States of n candidates: S for each, which differ in the candidate before it.

    Attributes:
        rows: `[n]`, indices of the candidates.
        times_s: `[n]`, when they are.
        places: `[n, 2]`, where they are, relative to the camera, in frame widths.
        values: `[n, S]`, value of the best path that ends so; -inf for no path.
        velocities: `[n, S, 2]`, since the candidate before, in heights/s; NaN without one.
    """

    rows: Ints
    times_s: Floats
    places: Floats
    values: Floats
    velocities: Floats

    def select(self, which: NDArray[np.bool_]) -> _States:
        """Return the states of some of the candidates."""
        return _States(
            self.rows[which],
            self.times_s[which],
            self.places[which],
            self.values[which],
            self.velocities[which],
        )

    def and_those(self, other: _States) -> _States:
        """Return the states of both."""
        return _States(
            np.concatenate([self.rows, other.rows]),
            np.concatenate([self.times_s, other.times_s]),
            np.concatenate([self.places, other.places]),
            np.concatenate([self.values, other.values]),
            np.concatenate([self.velocities, other.velocities]),
        )


class _Links(NamedTuple):
    """Origin of the best path to each state.

    Attributes:
        rows: `[n, S]`, row of the candidate before; -1 for none.
        states: `[n, S]`, state of that candidate.
    """

    rows: Ints
    states: Ints


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
    links = _Links(np.full((count, _MOST_STATES), -1), np.zeros((count, _MOST_STATES), np.int64))
    recent = _States(
        np.zeros(0, np.int64),
        np.zeros(0),
        np.zeros((0, 2)),
        np.zeros((0, _MOST_STATES)),
        np.zeros((0, _MOST_STATES, 2)),
    )
    best = _End(0.0, -1, 0, -np.inf)
    begins = np.flatnonzero(np.diff(times_s, prepend=-1.0))
    for begin, end in zip(begins, [*begins[1:], count], strict=True):
        time, rows = float(times_s[begin]), np.arange(begin, end)
        # What is worse than finding the ball elsewhere leads nowhere.
        recent = recent.select(
            (recent.times_s >= time - _LOST_S)
            & (recent.values.max(axis=1, initial=-np.inf) > best.value - _ELSEWHERE_COST)
        )
        states, before = _step(
            rows, places[rows], worth[rows], time, float(height[begin]), usual_s, recent, best
        )
        links.rows[rows], links.states[rows] = before
        last, state = divmod(int(states.values.argmax()), _MOST_STATES)
        if states.values[last, state] > best.value:
            best = _End(float(states.values[last, state]), int(rows[last]), state, time)
        recent = recent.and_those(states)
    path, row, state = [], best.row, best.state
    while row >= 0:
        path.append(row)
        row, state = int(links.rows[row, state]), int(links.states[row, state])
    return np.array(path[::-1], np.int64)


def _step(
    rows: Ints,
    places: Floats,
    worth: Floats,
    time: float,
    height: float,
    usual_s: float,
    recent: _States,
    best: _End,
) -> tuple[_States, _Links]:
    """The best states of the n candidates of a frame, and where they come from.

    Args:
        rows, places, worth: of the candidates.
        time, height: of the frame.
        usual_s: time between two frames.
        recent: states of candidates before.
        best: end of the best path up to now.
    """
    count = len(rows)
    # The path begins here, or the ball was lost, and is found anywhere …
    elsewhere = best.value - (_ELSEWHERE_COST if time - best.time_s <= _LOST_S else _LATER_COST)
    value = np.full(count, max(-_BEGIN_COST, elsewhere))
    row = np.full(count, best.row if elsewhere > -_BEGIN_COST else -1)
    state = np.full(count, best.state)
    steps = time - recent.times_s
    apart = (places[:, None] - recent.places) / height
    if len(steps):  # … or not far from where it was lost.
        lost = recent.values.max(axis=1)
        beyond = (np.hypot(apart[..., 0], apart[..., 1]) - 1 - _MOST_SPEED * steps).clip(0)
        values = lost - np.minimum(_LOST_COST + _LEAP_COST * beyond, _ELSEWHERE_COST)
        which = values.argmax(axis=1)
        near = values[np.arange(count), which]
        better = near > value
        value = np.where(better, near, value)
        row = np.where(better, recent.rows[which], row)
        state = np.where(better, recent.values.argmax(axis=1)[which], state)
    # It was seen just before: each of those candidates makes a state of its own.
    close = steps <= _LONGEST_STEP_S
    steps, recent = steps[close], recent.select(close)
    velocity = apart[:, close] / steps[:, None]  # [n, m, 2]
    change = velocity[:, :, None] - recent.velocities
    usual = _ACCELERATION * steps + _NOISE / steps
    surprise = 0.5 * (change[..., 0] ** 2 + change[..., 1] ** 2) / usual[:, None] ** 2
    cost = np.where(np.isnan(surprise), _FIRST_COST, np.minimum(surprise, _TOUCH_COST))
    speed = np.hypot(velocity[..., 0], velocity[..., 1])
    flies = np.interp(speed, _FLIGHT_SPEEDS, (0, 1))[..., None] * np.exp(-surprise)
    paths = recent.values - cost + _FLIGHT_WORTH * np.nan_to_num(flies)  # [n, m, S]
    from_state = paths.argmax(axis=2)
    seen = np.take_along_axis(paths, from_state[..., None], axis=2)[..., 0]
    leap = (speed - _MOST_SPEED).clip(0) * steps
    seen = seen - np.minimum(_LEAP_COST * leap, _ELSEWHERE_COST)
    seen = seen - _MISSED_COST * (np.round(steps / usual_s) - 1)
    all_values = np.concatenate([value[:, None], seen], axis=1)
    kept = np.argsort(-all_values, axis=1, kind="stable")[:, :_MOST_STATES]
    own = np.arange(count)[:, None], kept

    def filled(values: NDArray[Any], unknown: float) -> NDArray[Any]:
        every = np.full((count, _MOST_STATES, *values.shape[2:]), unknown, values.dtype)
        every[:, : kept.shape[1]] = values[own]
        return every

    before = np.concatenate([row[:, None], np.tile(recent.rows, (count, 1))], axis=1)
    without = np.full((count, 1, 2), np.nan)
    states = _States(
        rows,
        np.full(count, time),
        places,
        filled(all_values, -np.inf) + worth[:, None],
        filled(np.concatenate([without, velocity], axis=1), np.nan),
    )
    from_states = np.concatenate([state[:, None], from_state], axis=1)
    return states, _Links(filled(before, -1), filled(from_states, 0))
