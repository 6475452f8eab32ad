"""Labels of sampled frames: class, team and distance of the nearest event."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from onball.actions import BACKGROUND, ActionSet
from onball.events import UNKNOWN_SIDE, Event, Team, side_of
from onball.timing import frame_spacing, nearest_frames


class LabelledEvent(Protocol):
    """An annotation of any label set: an `Event`, or an action of SoccerNet-v2."""

    @property
    def position_ms(self) -> int:
        """Time of the event in integer milliseconds since the first frame."""

    @property
    def class_index(self) -> int:
        """Class of its action, from 1 to the number of actions in its label set."""

    @property
    def team(self) -> Team:
        """Team that performs the action."""


class ClassEvent(NamedTuple):
    """An annotation as a class of a list; see `LabelledEvent`."""

    position_ms: int
    class_index: int
    team: Team


def in_classes(events: Iterable[Event], actions: ActionSet) -> list[ClassEvent]:
    """Return the events of some classes, with the numbers that these have in a list, from 1."""
    return [
        ClassEvent(event.position_ms, 1 + actions.index(event.label), event.team)
        for event in events
        if event.label in actions
    ]


EventT = TypeVar("EventT", bound=LabelledEvent)


def events_within_radius(events: Iterable[EventT], times_ms: NDArray[np.int64]) -> list[EventT]:
    """Select the events that lie at most one frame spacing before the first or after the last frame.

    Args:
        events: in any order, which is kept.
        times_ms: `[T]`, time of each sampled frame, ascending.
    """
    if len(times_ms) == 0:
        return []
    step = frame_spacing(times_ms)
    first, last = int(times_ms[0]) - step, int(times_ms[-1]) + step
    return [event for event in events if first <= event.position_ms <= last]


@dataclass(frozen=True, slots=True)
class FrameLabels:
    """Labels of T sampled frames, from the event nearest to each within a radius.

    Attributes:
        classes: int64 `[T]`, class of that event; `BACKGROUND` without one.
        displacements: int64 `[T]`, sampled frames to the frame of that event; positive if it comes
            later.
        sides: int64 `[T]`, side of its team, see `onball.events.side_of`.
    """

    classes: NDArray[np.int64]
    displacements: NDArray[np.int64]
    sides: NDArray[np.int64]


def label_frames(
    events: Iterable[LabelledEvent], times_ms: NDArray[np.int64], *, radius: int
) -> FrameLabels:
    """Label every frame with the nearest event, if it is at most `radius` frames away.

    Of two equally near events, the frame gets the one with the higher class: of the 12 actions, which
    are ordered from frequent to rare, the rarer one.

    Args:
        events: in any order; those outside the time of the video are left out.
        times_ms: `[T]`, time of each sampled frame, ascending.
        radius: in sampled frames; 0 labels only the frame of each event.
    """
    classes = np.full(len(times_ms), BACKGROUND, dtype=np.int64)
    displacements = np.zeros(len(times_ms), dtype=np.int64)
    sides = np.full(len(times_ms), UNKNOWN_SIDE, dtype=np.int64)
    labels = FrameLabels(classes, displacements, sides)
    ordered = sorted(events_within_radius(events, times_ms), key=lambda event: event.class_index)
    if not ordered:
        return labels
    frames = nearest_frames(np.array([e.position_ms for e in ordered], dtype=np.int64), times_ms)
    labelled = np.array([(e.class_index, side_of(e.team)) for e in ordered], dtype=np.int64)
    # Later writes overwrite earlier ones: from far to near, at equal distance from frequent to rare.
    for distance in range(radius, -1, -1):
        targets = np.stack([frames - distance, frames + distance], axis=1).ravel()
        values = np.repeat(labelled, 2, axis=0)
        to_event = np.tile([distance, -distance], len(frames))
        inside = (targets >= 0) & (targets < len(classes))
        classes[targets[inside]] = values[inside, 0]
        sides[targets[inside]] = values[inside, 1]
        displacements[targets[inside]] = to_event[inside]
    return labels


def frame_targets(
    events: Iterable[LabelledEvent], times_ms: NDArray[np.int64], *, dilation: int = 0
) -> NDArray[np.int64]:
    """Class of every frame, `[T]`: that of the nearest event at most `dilation` frames away, if any.

    Arguments are those of `label_frames`, with its `radius` as `dilation`.
    """
    return label_frames(events, times_ms, radius=dilation).classes
