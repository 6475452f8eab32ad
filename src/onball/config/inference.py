"""Settings of inference: how scores are computed along a video, and how they become events."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from onball.actions import EventLabel
from onball.config.base import BaseConfig, Fraction, FractionBelowOne, conflict
from onball.config.classes import ClassName

#: Largest number of knots in the calibration of an action.
MAX_KNOTS = 32


def _strictly_rising(
    knots: tuple[tuple[float, float], ...],
) -> tuple[tuple[float, float], ...]:
    """Return the knots unchanged. Raises `ValueError` if the map could reorder two scores."""
    if knots[0][0] != 0.0 or knots[-1][0] != 1.0:
        raise ValueError("the first knot must be at score 0 and the last one at score 1")
    if any(a[0] >= b[0] or a[1] >= b[1] for a, b in pairwise(knots)):
        raise ValueError("scores and calibrated scores must rise from each knot to the next")
    return knots


Knots = Annotated[
    tuple[tuple[Fraction, Fraction], ...],
    Field(min_length=2, max_length=MAX_KNOTS),
    AfterValidator(_strictly_rising),
]
"""A strictly rising, piecewise linear map of [0, 1]: pairs of score and calibrated score."""


class ClipsConfig(BaseConfig):
    """Scores computed clip by clip, as the authors of published models compute them.

    Each clip goes through the whole net on its own; the scores of overlapping clips are averaged. The
    last clip is the first one that reaches the end of the video.

    Attributes:
        frames: sampled frames in a clip.
        overlap: frames that a clip shares with the next one.
        start: first frame of the first clip; below 0 before that of the video.
        outside: frames of a clip outside the video: `black`, or of the `mean` colour of
            `model.preprocessing`.
    """

    frames: PositiveInt = 100
    overlap: NonNegativeInt = 50
    start: Annotated[int, Field(le=0)] = 0
    outside: Literal["black", "mean"] = "black"

    @property
    def step(self) -> int:
        """Frames from the beginning of a clip to that of the next one."""
        return self.frames - self.overlap

    @model_validator(mode="after")
    def _clips_advance(self) -> Self:
        if self.overlap >= self.frames:
            raise conflict("overlap", f"it must be less than frames, which is {self.frames}")
        if self.start <= -self.frames:
            raise conflict("start", f"a clip of {self.frames} frames would end before the video")
        return self


class SuppressionConfig(BaseConfig):
    """Choice of events among scores as in the code of a published model.

    Attributes:
        method: `soft_nms` (AdaSpot, T-DEED) lowers the scores around an event by the square of
            their distance, `hard_nms` drops them; `keep_highest` (E2E-Spot) drops those near a
            higher one; `smoothed_peaks` (MultiDimStacker) takes maxima of smoothed scores. See
            `onball.spotting.published`.
        window: range of the suppression to either side, in sampled frames.
        sigma: standard deviation of the smoothing of `smoothed_peaks`, in sampled frames.
        margin: sampled frames at the beginning and at the end of a video that have no events.
    """

    method: Literal["soft_nms", "hard_nms", "keep_highest", "smoothed_peaks"]
    window: PositiveInt
    sigma: PositiveFloat = 3.0
    margin: NonNegativeInt = 0


class InferenceConfig(BaseConfig):
    """Decoding of dense scores into events.

    Attributes:
        window_frames: frames per window of the temporal head.
        overlap: fraction of a window that overlaps with the next; their scores are averaged.
        clips: compute clip by clip instead, with a net that sees nothing else than the clip; null
            computes the features of each frame once, in the context of its neighbours.
        mirror: average the scores of frames with those of their mirror images, in twice the time.
        suppression: choice of events by a published method instead of local maxima and
            `nms_window_ms`; null for those.
        nms_window_ms: of two events of one action closer than this, only the better one is kept.
        threshold: lowest score of an event, before calibration; low, because the metric ranks all
            candidates.
        report_threshold: lowest confidence of an event that is shown to users.
        report_thresholds: the same for single actions, where it differs.
        calibration: map from scores to confidences for each action; identity where missing.
    """

    window_frames: PositiveInt = 50
    overlap: FractionBelowOne = 0.5
    clips: ClipsConfig | None = None
    mirror: bool = False
    suppression: SuppressionConfig | None = None
    nms_window_ms: PositiveInt = 1000
    threshold: Fraction = 0.01
    report_threshold: Fraction = 0.3
    report_thresholds: dict[ClassName, Fraction] = Field(default_factory=dict)
    calibration: dict[ClassName, Knots] = Field(default_factory=dict)

    def report_threshold_of(self, action: EventLabel) -> float:
        """Lowest confidence of an event of that action that is shown to users."""
        return self.report_thresholds.get(action, self.report_threshold)

    @model_validator(mode="after")
    def _suppression_ends(self) -> Self:
        if self.suppression is not None and self.threshold == 0:
            raise conflict(
                "threshold",
                "inference.suppression needs a lowest score: --set inference.threshold=0.01",
            )
        return self
