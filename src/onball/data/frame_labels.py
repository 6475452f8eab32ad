"""Events → one class per sampled frame: what the net is trained to say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from onball.actions import BACKGROUND
from onball.events import UNKNOWN_SIDE, Team, side_of
from onball.timing import frame_spacing, nearest_frames


class LabelledEvent(Protocol):
    """An annotation of any label set: an `Event`, or an action of SoccerNet-v2."""

    @property
    def position_ms(self) -> int:
        """Integer milliseconds since the first frame."""

    @property
    def class_index(self) -> int:
        """Its class, 1 to the number of actions in its label set."""

    @property
    def team(self) -> Team:
        """Whose action it is."""


EventT = TypeVar("EventT", bound=LabelledEvent)


def events_within_radius(events: Iterable[EventT], times_ms: NDArray[np.int64]) -> list[EventT]:
    """The events that a frame can stand for: not farther than one frame beyond either end."""
    if len(times_ms) == 0:
        return []
    step = frame_spacing(times_ms)
    first, last = int(times_ms[0]) - step, int(times_ms[-1]) + step
    return [event for event in events if first <= event.position_ms <= last]


@dataclass(frozen=True, slots=True)
class FrameLabels:
    """What each of T sampled frames is told: the event nearest to it, if one is near.

    Attributes:
        classes: int64 `[T]`, `BACKGROUND` or the class of the nearest event.
        displacements: int64 `[T]`, sampled frames from this one to that event's: positive if it comes later.
        sides: int64 `[T]`, the side of that event's team, see `onball.events.side_of`.
    """

    classes: NDArray[np.int64]
    displacements: NDArray[np.int64]
    sides: NDArray[np.int64]


def label_frames(
    events: Iterable[LabelledEvent], times_ms: NDArray[np.int64], *, radius: int
) -> FrameLabels:
    """The event nearest to every frame, if it is at most `radius` frames away.

    Args:
        events: any order; those outside the video's time are left out.
        times_ms: `[T]`, when each sampled frame is shown, ascending.
        radius: in sampled frames; 0 labels only an event's own frame.

    Of two events as near, the one with the higher class has the frame: in SoccerNet's order, which
    runs from frequent to rare, the rarer action.
    """
    classes = np.full(len(times_ms), BACKGROUND, dtype=np.int64)
    displacements = np.zeros(len(times_ms), dtype=np.int64)
    sides = np.full(len(times_ms), UNKNOWN_SIDE, dtype=np.int64)
    labels = FrameLabels(classes, displacements, sides)
    ordered = sorted(events_within_radius(events, times_ms), key=lambda event: event.class_index)
    if not ordered:
        return labels
    frames = nearest_frames(np.array([e.position_ms for e in ordered], dtype=np.int64), times_ms)
    told = np.array([(e.class_index, side_of(e.team)) for e in ordered], dtype=np.int64)
    # Later writes win: from far to near, and within one distance from frequent to rare.
    for distance in range(radius, -1, -1):
        claims = np.stack([frames - distance, frames + distance], axis=1).ravel()
        claimants = np.repeat(told, 2, axis=0)
        ways = np.tile([distance, -distance], len(frames))
        inside = (claims >= 0) & (claims < len(classes))
        classes[claims[inside]] = claimants[inside, 0]
        sides[claims[inside]] = claimants[inside, 1]
        displacements[claims[inside]] = ways[inside]
    return labels


def frame_targets(
    events: Iterable[LabelledEvent], times_ms: NDArray[np.int64], *, dilation: int = 0
) -> NDArray[np.int64]:
    """The class of every frame, `[T]`: that of the event at most `dilation` frames away, if any."""
    return label_frames(events, times_ms, radius=dilation).classes
