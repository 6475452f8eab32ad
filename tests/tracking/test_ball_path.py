"""The ball is selected among false candidates by its motion."""

import itertools

import numpy as np
import pytest

from onball.tracking import ball_path
from onball.tracking.ball_path import select_ball

FPS = 12.5
HEIGHT = 0.05
#: A false ball that stays where it is, in frame widths.
SPOT = (0.3, 0.1)


def select(candidates, *, camera=None, shots=None):
    """Select among candidates `(frame, x, y, score)`; returns the selected ones."""
    table = np.array(sorted(candidates, key=lambda row: row[0]), float).reshape(-1, 4)
    count = int(table[:, 0].max(initial=0)) + 1
    chosen = select_ball(
        table[:, 0].astype(np.int64),
        np.arange(count) / FPS,
        np.zeros(count, np.int64) if shots is None else np.array(shots),
        table[:, 1:3],
        table[:, 3],
        np.zeros((count, 2)) if camera is None else camera,
        np.full(count, HEIGHT),
    )
    return [tuple(row) for row in table[chosen]]


def rolling(frames, score=0.5, x=-0.2, speed=0.01):
    return [(frame, x + speed * frame, 0.0, score) for frame in frames]


def test_a_rolling_ball_is_selected_beside_single_false_balls_of_higher_confidence():
    rng = np.random.default_rng(0)
    ball = rolling(range(40))
    false = [(frame, *rng.uniform(-0.4, 0.4, 2), 0.6) for frame in range(0, 40, 2)]
    assert select(ball + false) == ball


def test_a_weak_ball_is_followed_between_sure_places():
    ball = rolling(range(40))
    ball[15:22] = [(frame, x, y, 0.18) for frame, x, y, _ in ball[15:22]]
    false = [(frame, *SPOT, 0.3) for frame in range(15, 22)]
    assert select(ball + false) == ball


def test_a_touch_changes_the_direction_at_once():
    there = rolling(range(20))
    back = [(frame, there[-1][1] - 0.02 * (frame - 19), 0.0, 0.5) for frame in range(20, 40)]
    assert select(there + back) == there + back


def test_a_flight_of_weak_candidates_is_found_again():
    """A ball that is shot is lost behind people, and seen in five frames before it is in the net."""
    before, shot = rolling(range(20)), rolling(range(24, 29), 0.3, x=-1.4, speed=0.06)
    people = [(frame, *SPOT, 0.3) for frame in range(20, 40)]
    assert select(before + shot + people) == before + shot


def test_places_are_relative_to_the_camera():
    """A ball at rest while the camera follows a run: the false one moves with the frame."""
    pan = np.stack([np.linspace(0, -0.8, 40), np.zeros(40)], axis=1)
    resting = [(frame, 0.4 + pan[frame, 0], 0.0, 0.4) for frame in range(40)]
    jumping = [(frame, 0.1 * (frame % 3), 0.1, 0.5) for frame in range(40)]
    assert select(resting + jumping, camera=pan) == resting


def test_poor_candidates_are_no_ball():
    rng = np.random.default_rng(0)
    false = [(frame, *rng.uniform(-0.4, 0.4, 2), 0.2) for frame in range(40) for _ in range(5)]
    assert select(false) == []


def test_a_shot_has_a_path_of_its_own():
    before, after = rolling(range(20)), [(frame, *SPOT, 0.5) for frame in range(20, 40)]
    assert select(before + after, shots=[0] * 20 + [1] * 20) == before + after


def test_no_candidates_have_no_ball():
    assert select([]) == []


def value_of(path):
    """Value of a path by the definition, for steps within `_LONGEST_STEP_S` of a shot."""
    total, velocity = -ball_path._BEGIN_COST if path else 0.0, None
    for before, now in zip([None, *path], path, strict=False):
        worth = ball_path._WORTH * (now[3] - ball_path._POOR_SCORE)
        total += float(np.clip(worth, ball_path._LEAST_WORTH, ball_path._MOST_WORTH))
        if before is None:
            continue
        step = (now[0] - before[0]) / FPS
        moved = (np.array(now[1:3]) - before[1:3]) / HEIGHT / step
        total -= ball_path._MISSED_COST * (now[0] - before[0] - 1)
        leap = max(0.0, float(np.hypot(*moved)) - ball_path._MOST_SPEED) * step
        total -= min(ball_path._LEAP_COST * leap, ball_path._ELSEWHERE_COST)
        if velocity is None:
            total -= ball_path._FIRST_COST
        else:
            usual = ball_path._ACCELERATION * step + ball_path._NOISE / step
            change = float(np.hypot(*(moved - velocity)))
            surprise = 0.5 * (change / usual) ** 2
            total -= min(surprise, ball_path._TOUCH_COST)
            slow, fast = ball_path._FLIGHT_SPEEDS
            flies = np.clip((np.hypot(*moved) - slow) / (fast - slow), 0, 1)
            total += ball_path._FLIGHT_WORTH * float(flies * np.exp(-surprise))
        velocity = moved
    return total


@pytest.mark.parametrize("seed", range(5))
def test_no_other_path_has_a_larger_value(seed, monkeypatch):
    """Compared with all paths through five frames. Losing the ball is made too expensive to pay."""
    for cost in ("_LOST_COST", "_LATER_COST", "_ELSEWHERE_COST"):
        monkeypatch.setattr(ball_path, cost, 1000.0)
    monkeypatch.setattr(ball_path, "_MOST_STATES", 100)
    rng = np.random.default_rng(seed)
    frames = [
        [(frame, *rng.normal(0, 2 * HEIGHT, 2), rng.uniform(0.1, 0.7)) for _ in range(3)]
        for frame in range(5)
    ]
    every = itertools.product(*([None, *candidates] for candidates in frames))
    paths = [[place for place in path if place is not None] for path in every]
    best = max(map(value_of, paths))
    assert value_of(select([place for each in frames for place in each])) == pytest.approx(best)
