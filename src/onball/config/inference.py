"""Settings of inference: from dense scores to events."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

from pydantic import AfterValidator, Field, PositiveInt

from onball.actions import Action
from onball.config.components import Section, Share, ShareBelowOne

#: A saved model holds at most so many knots per action.
MAX_KNOTS = 32


def _strictly_rising(
    knots: tuple[tuple[float, float], ...],
) -> tuple[tuple[float, float], ...]:
    """The knots as they are. Raises `ValueError` if two scores could change places."""
    if knots[0][0] != 0.0 or knots[-1][0] != 1.0:
        raise ValueError("the first knot must be at score 0 and the last one at score 1")
    if any(a[0] >= b[0] or a[1] >= b[1] for a, b in pairwise(knots)):
        raise ValueError("scores and calibrated scores must rise from each knot to the next")
    return knots


Knots = Annotated[
    tuple[tuple[Share, Share], ...],
    Field(min_length=2, max_length=MAX_KNOTS),
    AfterValidator(_strictly_rising),
]
"""A strictly rising, piecewise linear map of [0, 1]: pairs of score and calibrated score."""


class InferenceConfig(Section):
    """From dense scores to events.

    Attributes:
        window_frames: frames that the temporal head sees at once.
        overlap: share of a window that the next one sees again; their scores are averaged.
        nms_window_ms: two events of one action closer than this cannot both stand.
        threshold: lowest score of an event, before calibration; low, because the metric wants all,
            ranked.
        report_threshold: lowest confidence of an event that is shown to people.
        report_thresholds: the same for single actions, where it differs.
        calibration: of an action, how its scores become confidences; without, they are the same.
    """

    window_frames: PositiveInt = 50
    overlap: ShareBelowOne = 0.5
    nms_window_ms: PositiveInt = 1000
    threshold: Share = 0.01
    report_threshold: Share = 0.3
    report_thresholds: dict[Action, Share] = Field(default_factory=dict)
    calibration: dict[Action, Knots] = Field(default_factory=dict)

    def report_threshold_of(self, action: Action) -> float:
        """Lowest confidence at which an event of that action is shown to people."""
        return self.report_thresholds.get(action, self.report_threshold)
