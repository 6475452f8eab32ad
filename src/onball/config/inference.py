"""Settings of inference: from dense scores to events."""

from __future__ import annotations

from pydantic import PositiveInt

from onball.config.components import Section, Share, ShareBelowOne


class InferenceConfig(Section):
    """From dense scores to events.

    Attributes:
        window_frames: frames that the temporal head sees at once.
        overlap: share of a window that the next one sees again; their scores are averaged.
        nms_window_ms: two events of one action closer than this cannot both stand.
        threshold: lowest confidence of an event; low, because the metric wants all, ranked.
        report_threshold: lowest confidence of an event that is shown to people.
    """

    window_frames: PositiveInt = 50
    overlap: ShareBelowOne = 0.5
    nms_window_ms: PositiveInt = 1000
    threshold: Share = 0.01
    report_threshold: Share = 0.3
