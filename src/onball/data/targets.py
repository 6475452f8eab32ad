"""Events → one class per sampled frame: what the net is trained to say."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from onball.classes import BACKGROUND, class_of
from onball.events import Event


def nearest_frames(
    positions_ms: NDArray[np.int64], times_ms: NDArray[np.int64]
) -> NDArray[np.intp]:
    """Index of the frame nearest in time to each position; of two as near, the earlier.

    Args:
        positions_ms: `[E]`, any order.
        times_ms: `[T]`, ascending, T ≥ 1.
    """
    after = np.searchsorted(times_ms, positions_ms).clip(1, max(1, len(times_ms) - 1))
    after = np.minimum(after, len(times_ms) - 1)
    before = np.maximum(after - 1, 0)
    nearer_before = positions_ms - times_ms[before] <= times_ms[after] - positions_ms
    nearest: NDArray[np.intp] = np.where(nearer_before, before, after)
    return nearest


def events_in_reach(events: Iterable[Event], times_ms: NDArray[np.int64]) -> list[Event]:
    """The events that a frame can stand for: not farther than one frame beyond either end."""
    if len(times_ms) == 0:
        return []
    step = int(np.median(np.diff(times_ms))) if len(times_ms) > 1 else 0
    first, last = int(times_ms[0]) - step, int(times_ms[-1]) + step
    return [event for event in events if first <= event.position_ms <= last]


def frame_targets(
    events: Iterable[Event], times_ms: NDArray[np.int64], *, dilation: int = 0
) -> NDArray[np.int64]:
    """The class of every frame, `[T]`: `BACKGROUND`, or that of the event nearest to it.

    Args:
        events: any order; those outside the video's time are left out.
        times_ms: `[T]`, when each sampled frame is shown, ascending.
        dilation: so many frames on each side of an event's frame carry its class too.

    Where several events claim a frame, the nearest one has it; of two as near, the rarer action,
    that is, the later one in SoccerNet's order, which runs from frequent to rare.
    """
    targets = np.full(len(times_ms), BACKGROUND, dtype=np.int64)
    ordered = sorted(events_in_reach(events, times_ms), key=lambda event: event.label.order)
    if not ordered:
        return targets
    frames = nearest_frames(np.array([e.position_ms for e in ordered], dtype=np.int64), times_ms)
    classes = np.array([class_of(e.label) for e in ordered], dtype=np.int64)
    # Later writes win: from far to near, and within one distance from frequent to rare.
    for distance in range(dilation, -1, -1):
        claims = np.stack([frames - distance, frames + distance], axis=1).ravel()
        claimants = np.repeat(classes, 2)
        inside = (claims >= 0) & (claims < len(targets))
        targets[claims[inside]] = claimants[inside]
    return targets
