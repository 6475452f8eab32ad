"""Applying a calibration: events with calibrated confidences, and those that people are shown.

It comes after the peaks, event by event, so a stream is calibrated as it flows, and an action has
the same events in the same order of confidence as without. How it is fitted: see
`onball.evaluation.calibration`.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from onball.config import InferenceConfig, SavedModelConfig
from onball.evaluation.calibration import FittedCalibration
from onball.events import Event, EventList
from onball.files import atomic_path, require_writable, write_json_atomic
from onball.inference.engine import ScoredFrames
from onball.inference.peaks import events_of
from onball.models.saved import CARD_FILE, CONFIG_FILE, WEIGHTS_FILE, check_model_folder


def calibrated_events(
    scored: Iterable[ScoredFrames],
    config: InferenceConfig,
    reach: int,
    threshold: float | None = None,
) -> Iterator[Event]:
    """Events with calibrated confidences, in order of time, each as soon as it is certain.

    Args:
        scored: consecutive frames of one video.
        config: the width of the suppression, the calibration, the lowest score.
        reach: of the net's displacements, in sampled frames; 0 if it gives none.
        threshold: lowest calibrated confidence; None: `config.threshold` decides alone, by score.
    """
    least = config.threshold if threshold is None else least_score(threshold, config)
    for event in calibrate(events_of(scored, config, reach, least), config):
        if threshold is None or event.confidence >= threshold:
            yield event


def calibrate(events: Iterable[Event], config: InferenceConfig) -> Iterator[Event]:
    """The events with their scores turned into confidences, one by one."""
    curves = {action: _columns(knots) for action, knots in config.calibration.items()}
    for event in events:
        if event.label in curves:
            value = float(np.interp(event.confidence, *curves[event.label]))
            event = replace(event, confidence=min(max(value, 0.0), 1.0))
        yield event


def least_score(threshold: float, config: InferenceConfig) -> float:
    """A score below which no event of any action reaches the calibrated confidence `threshold`."""
    if not config.calibration:
        return threshold
    curves = [_columns(knots) for knots in config.calibration.values()]
    # A hair less: the way there and back rounds.
    scores = [float(np.interp(threshold, values, at)) - 1e-9 for at, values in curves]
    return max(0.0, min(threshold, *scores))


def reported(events: EventList, config: InferenceConfig) -> EventList:
    """The events that people want to see: each reaches the report threshold of its action."""
    return events.where(lambda event: event.confidence >= config.report_threshold_of(event.label))


def with_calibration(config: SavedModelConfig, fitted: FittedCalibration) -> SavedModelConfig:
    """The model's config with the fitted maps and report thresholds instead of its own."""
    inference = config.inference.model_copy(
        update={"calibration": fitted.maps, "report_thresholds": fitted.report_thresholds}
    )
    return config.model_copy(update={"inference": inference})


def uncalibrated(config: SavedModelConfig) -> SavedModelConfig:
    """The model's config without any calibration: what a new one is fitted on."""
    inference = config.inference.model_copy(update={"calibration": {}, "report_thresholds": {}})
    return config.model_copy(update={"inference": inference})


def save_with_config(model: Path, config: SavedModelConfig, folder: Path) -> None:
    """Write the saved model in `model` into `folder`, which may be the same, with another config.

    The weights are copied as they are. The config comes last: without it a folder is no model.

    Raises `ModelError` if `folder` is a file or holds something other than a saved model,
    `OnballError` if it cannot be written.
    """
    check_model_folder(folder)
    require_writable(folder)
    if folder.resolve() != model.resolve():
        for name in (WEIGHTS_FILE, CARD_FILE):
            if (model / name).is_file():
                with atomic_path(folder / name) as aside:
                    shutil.copyfile(model / name, aside)
    write_json_atomic(folder / CONFIG_FILE, config.model_dump(mode="json"))


def _columns(
    knots: tuple[tuple[float, float], ...],
) -> tuple[list[float], list[float]]:
    """Scores and calibrated scores."""
    return [score for score, _ in knots], [value for _, value in knots]
