"""Means over repeated trainings and their t-intervals, compared with values worked out by hand."""

from __future__ import annotations

import pytest

from onball.evaluation.repeats import paired_difference, repeated_mean


def test_the_interval_of_one_group_is_that_of_student():
    mean = repeated_mean([1.0, 2.0, 3.0])
    assert (mean.value, mean.count) == (2.0, 3)
    assert mean.half_width == pytest.approx(4.303 / 3**0.5)
    assert str(mean) == "2.0 ± 2.5"


def test_groups_weigh_equally_and_share_one_variance():
    mean = repeated_mean([1.0, 3.0], [5.0, 5.0, 5.0])
    assert mean.value == 3.5
    # Variance (1 + 1) / 3, standard error √(2/3 · (1/2 + 1/3)) / 2, three degrees of freedom.
    assert mean.half_width == pytest.approx(3.182 * (2 / 3 * 5 / 6) ** 0.5 / 2)


def test_a_difference_between_groups_does_not_widen_the_interval():
    near, far = repeated_mean([1.0, 2.0], [1.0, 2.0]), repeated_mean([1.0, 2.0], [81.0, 82.0])
    assert far.half_width == pytest.approx(near.half_width)


@pytest.mark.parametrize("groups", [([4.0],), ([4.0], [5.0]), ([4.0, 5.0], [6.0])])
def test_without_repetitions_of_each_group_there_is_no_interval(groups):
    mean = repeated_mean(*groups)
    assert mean.half_width is None
    assert "±" not in str(mean)


def test_with_many_repetitions_the_quantile_approaches_the_normal_one():
    values = [float(number % 2) for number in range(22)]
    error = (22 * 0.25 / 21 / 22) ** 0.5
    assert repeated_mean(values).half_width == pytest.approx(2.0796 * error, rel=1e-3)  # 21 degrees


def test_nothing_to_average_is_refused():
    with pytest.raises(ValueError, match="no values"):
        repeated_mean([1.0], [])


def test_trainings_are_compared_seed_by_seed():
    difference = paired_difference(
        {0: 12.0, 1: 31.0, 2: 23.0, 4: 90.0}, {0: 11.0, 1: 29.0, 2: 20.0}
    )
    assert (difference.value, difference.count) == (2.0, 3)
    # The trainings differ by 20 from seed to seed, their differences by 1.
    assert difference.half_width == pytest.approx(4.303 / 3**0.5)
    assert paired_difference({0: 1.0}, {1: 1.0}) is None
