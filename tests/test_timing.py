"""The sampling grid and nearest frames, against direct arithmetic; times as text."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from onball.errors import InputError
from onball.timing import (
    first_grid_index,
    format_time,
    frame_spacing,
    grid_time,
    grid_times,
    nearest_frames,
    nearest_grid_index,
    parse_time,
)

GRID = np.arange(0, 800, 80)


def test_the_earlier_of_two_equally_near_frames_is_chosen():
    assert nearest_frames(np.array([40, 120, 0, 720, 9000]), GRID).tolist() == [0, 1, 0, 9, 9]


def test_nearest_frames_agree_with_a_plain_search_on_uneven_times():
    rng = np.random.default_rng(0)
    times = np.unique(rng.integers(0, 10_000, 200))
    positions = rng.integers(0, 11_000, 500)
    plain = np.abs(positions[:, None] - times[None]).argmin(axis=1)
    assert nearest_frames(positions, times).tolist() == plain.tolist()


def test_a_single_frame_is_the_nearest_to_every_time():
    assert nearest_frames(np.array([-50, 0, 70]), np.array([20])).tolist() == [0, 0, 0]


@pytest.mark.parametrize("fps", [0.5, 5.0, 12.5, 23.976, 25.0, 29.97, 60.0])
def test_grid_times_are_those_of_each_index(fps):
    times = grid_times(61_234, fps)
    assert times.tolist() == [grid_time(k, fps) for k in range(len(times))]
    assert times[-1] < 61_234 <= grid_time(len(times), fps)


@pytest.mark.parametrize("fps", [12.5, 29.97, Fraction(30000, 1001)])
def test_the_first_grid_index_is_at_or_after_the_time(fps):
    for time_ms in range(0, 1000, 7):
        index = first_grid_index(time_ms, fps)
        assert grid_time(index, fps) >= time_ms
        assert index == 0 or grid_time(index - 1, fps) < time_ms


def test_the_nearest_grid_index_is_rounded():
    assert [nearest_grid_index(t, 12.5) for t in (0, 39, 41, 80, 1000)] == [0, 0, 1, 1, 12]


def test_the_spacing_of_frames_is_their_median_distance():
    assert frame_spacing(GRID) == 80
    assert frame_spacing(np.array([0, 40, 80, 500])) == 40
    assert frame_spacing(GRID[:1]) == 0


@pytest.mark.parametrize(
    ("text", "position_ms"),
    [("7", 7_000), ("3723.5", 3_723_500), ("62:03", 3_723_000), ("1:2:3,04", 3_723_040)],
)
def test_times_have_hours_minutes_and_seconds_or_fewer(text, position_ms):
    assert parse_time(text) == position_ms


@pytest.mark.parametrize("text", ["", "1:60", "1:60:00", "-1", "1:2:3:4", "1h", "12:01 AM", "²"])
def test_other_texts_are_no_times(text):
    with pytest.raises(InputError, match="is not a time: write 1:02:03"):
        parse_time(text)


def test_times_are_shown_by_the_second_that_they_are_in():
    assert [format_time(ms) for ms in (0, 999, 3_723_999, 360_000_000)] == [
        "00:00:00",
        "00:00:00",
        "01:02:03",
        "100:00:00",
    ]
