"""Labels of a simulated match, and imperfect copies of them.

`simulated_labels.csv` has the labels of `onball simulate --train 1 --valid 0 --test 0 --minutes 20
--halves 2 --no-video`. `spots_of` is a stand-in for a model, `tags_of` for somebody who tags the
match in another program.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from onball.actions import ACTIONS
from onball.events import Event, EventList, SpottingInfo
from onball.formats.event_table import read_event_table
from onball.spotting.alignment import TimedCode

HALF_MS = 603_000
HALVES_MS = {1: (0, HALF_MS), 2: (HALF_MS, 2 * HALF_MS)}


def simulated_labels() -> EventList:
    """Labels of two halves of ten minutes each."""
    return read_event_table(Path(__file__).with_name("simulated_labels.csv"))


def spots_of(
    truth: EventList, seed: int, *, found: float = 0.75, confused: float = 0.1, false: float = 0.7
) -> EventList:
    """Spots of a good model: misses, errors of time, confusions and false alarms.

    Args:
        truth: the labels.
        seed: seed of every random choice.
        found: fraction of the labels that are found.
        confused: fraction of those that get another action.
        false: false alarms per label; as many more have a low confidence.
    """
    rng = np.random.default_rng(seed)
    labels = [event.label for event in truth]
    end_ms = 2 * HALF_MS
    spots = [
        Event(
            int(np.clip(event.position_ms + rng.normal(0, 200), 0, end_ms - 1)),
            labels[rng.integers(len(labels))] if rng.random() < confused else event.label,
            rng.beta(3, 2),
        )
        for event in truth
        if rng.random() < found
    ]
    for low in (False, True):
        for _ in range(round(false * len(truth))):
            label = (
                ACTIONS[rng.integers(len(ACTIONS))] if low else labels[rng.integers(len(labels))]
            )
            confidence = rng.uniform(0.01, 0.15) if low else rng.beta(2, 3)
            spots.append(Event(int(rng.uniform(0, end_ms)), label, confidence))
    return EventList.of(spots, info=SpottingInfo(duration_ms=end_ms))


def tags_of(
    truth: EventList,
    seed: int,
    starts_ms: Mapping[int, int],
    *,
    delays_ms: Mapping[str, int] | None = None,
    jitter_ms: float = 300,
    swapped: bool = False,
) -> list[TimedCode]:
    """Tags by the clock of each period: a tenth is missing, a twentieth invented, all are late.

    Args:
        truth: the labels.
        seed: seed of every random choice.
        starts_ms: position of the beginning of each period's clock in the video.
        delays_ms: delay of each action; one second for others.
        jitter_ms: standard deviation of the delay.
        swapped: give each half the number of the other.
    """
    rng = np.random.default_rng(seed)
    tags = []
    for period, (begin_ms, end_ms) in HALVES_MS.items():
        mine = truth.between(begin_ms, end_ms)
        kept = [event for event in mine if rng.random() < 0.9]
        extra = [
            replace(event, position_ms=int(rng.uniform(begin_ms, end_ms)))
            for event in mine
            if rng.random() < 0.05
        ]
        for event in [*kept, *extra]:
            late = (delays_ms or {}).get(event.label, 1000) + rng.normal(0, jitter_ms)
            time_ms = round(event.position_ms + late - starts_ms[period])
            tags.append(TimedCode(event.label.value, time_ms, 3 - period if swapped else period))
    return tags
