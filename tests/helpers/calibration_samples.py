"""Labels and miscalibrated predictions for tests of calibration."""

from __future__ import annotations

import numpy as np

from onball.actions import Action
from onball.events import Event, EventList


def skewed(count: int, seed: int, action: Action = Action.PASS) -> tuple[EventList, EventList]:
    """Labels, and predictions whose score is the cube root of the probability to match one."""
    random = np.random.default_rng(seed)
    truth, predictions = [], []
    for place in range(count):
        probability = random.random() ** 3
        predictions.append(Event(2000 * (place + 1), action, probability ** (1 / 3)))
        if random.random() < probability:
            truth.append(Event(2000 * (place + 1), action))
    return EventList.of(truth), EventList.of(predictions)
