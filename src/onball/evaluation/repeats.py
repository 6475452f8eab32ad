"""Mean of a metric over repeated trainings, with an interval.

Trainings of the same settings with other seeds differ by their initial weights and the order of their
clips. With few of them, Student's t distribution gives the interval of their mean ("The probable error
of a mean", Biometrika 1908).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

#: 97.5 % quantiles of Student's t distribution for 1, 2, … degrees of freedom.
_STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
#: The same quantile of the normal distribution.
_NORMAL = 1.95996


@dataclass(frozen=True, slots=True)
class RepeatedMean:
    """Mean over repeated trainings.

    Attributes:
        value: the mean.
        half_width: half the width of its 95 % interval, in the unit of the values; None if no
            training was repeated.
        count: number of trainings.
    """

    value: float
    half_width: float | None
    count: int

    def __str__(self) -> str:
        if self.half_width is None:
            return f"{self.value:.1f}"
        return f"{self.value:.1f} ± {self.half_width:.1f}"


def repeated_mean(*groups: Sequence[float]) -> RepeatedMean:
    """Compute the mean of repeated measurements, with a 95 % t-interval.

    With several groups, such as data sets, it is the mean of their means. The interval is then for the
    same groups and other repetitions; it takes the variance to be the same in all of them.

    Args:
        *groups: values of the repetitions of each group, at least one.

    Raises:
        ValueError: there is no value, or a group without one.
    """
    if not groups or not all(len(group) for group in groups):
        raise ValueError("no values to average")
    values = [np.asarray(group, np.float64) for group in groups]
    mean = float(np.mean([group.mean() for group in values]))
    count = sum(len(group) for group in values)
    degrees = count - len(groups)
    half_width = None
    if degrees and min(len(group) for group in values) > 1:
        variance = sum(float(((group - group.mean()) ** 2).sum()) for group in values) / degrees
        error = (variance * sum(1 / len(group) for group in values)) ** 0.5 / len(groups)
        half_width = float(_quantile(degrees) * error)
    return RepeatedMean(mean, half_width, count)


def paired_difference(
    values: Mapping[int, float], reference: Mapping[int, float]
) -> RepeatedMean | None:
    """Compute the mean difference of two kinds of training, with a 95 % t-interval.

    Trainings with the same seed have the same clips in the same order, so that they are compared one by
    one: what both gain or lose by them does not count.

    Args:
        values: score of each training, by its seed.
        reference: those of the other kind.

    Returns: the mean over the seeds that both have; None if there are none.
    """
    shared = sorted(values.keys() & reference.keys())
    if not shared:
        return None
    return repeated_mean([values[seed] - reference[seed] for seed in shared])


def _quantile(degrees: int) -> float:
    """97.5 % quantile of Student's t distribution."""
    if degrees <= len(_STUDENT):
        return _STUDENT[degrees - 1]
    # Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.5.
    z = _NORMAL
    return z + (z**3 + z) / (4 * degrees) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)
