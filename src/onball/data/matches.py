"""Labelled matches to train, validate or test on: their frames and their annotations."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from onball.config import DataConfig, ModelConfig
from onball.data.frame_labels import LabelledEvent
from onball.data.frames import open_inputs
from onball.data.layout import find_matches
from onball.errors import DataError, OnballWarning
from onball.events import EventList
from onball.formats.soccernet import read_labels
from onball.frames import FrameSource
from onball.progress import ProgressCallback, no_progress

#: A label so far beyond the last frame may still belong to it: films are cut to the second.
_SLACK_MS = 1000


@dataclass(frozen=True, slots=True)
class LabelledMatch:
    """A match with the 12 ball actions.

    Attributes:
        name: of the match.
        frames: its T frames.
        labels: its annotations.
        tracking: what its tracks say, `[T, 2F]`; None unless the net takes tracks.
    """

    name: str
    frames: FrameSource
    labels: EventList
    tracking: NDArray[np.float32] | None = None

    @property
    def events(self) -> Sequence[LabelledEvent]:
        """The annotations, in order of time."""
        return self.labels.events


@dataclass(frozen=True, slots=True)
class LabelledFrames:
    """Frames and the annotations on them, of any label set."""

    name: str
    frames: FrameSource
    events: Sequence[LabelledEvent]
    tracking: NDArray[np.float32] | None = None


def load_matches(
    data: DataConfig,
    split: str,
    model: ModelConfig | None = None,
    progress: ProgressCallback = no_progress,
) -> list[LabelledMatch]:
    """The labelled matches of a split; their frames are decoded into the cache, if there is one.

    Args:
        data: where the matches are and how they are sampled.
        split: `train`, `valid`, …
        model: the net that they are for; None for one that takes frames alone.
        progress: called while a cache is filled, with the name of the match as its task and the
            milliseconds of video.

    Raises `EmptySplitError` for a split without matches, `DataError` for a missing root, video or
    label file, and what reading them raises.
    """
    if data.root is None:
        raise DataError("data.root is not set: --set data.root=FOLDER names the matches' folder")
    # All labels first: a broken file must show before hours of decoding.
    matches = [
        (match, match.require_video(), read_labels(match.require_labels()))
        for match in find_matches(data.root, split)
    ]
    loaded = []
    for match, video, labels in matches:
        frames, tracking = open_inputs(video, data, model, progress, name=match.name)
        events = events_within(
            labels.events, frames, str(match.labels), skip=data.skip_labels_outside
        )
        kept = replace(labels, events=tuple(events))
        loaded.append(LabelledMatch(match.name, frames, kept, tracking))
    return loaded


class NamedEvent(LabelledEvent, Protocol):
    """An annotation that can be named in a message."""

    @property
    def label(self) -> str:
        """What happens, as its label file spells it."""


NamedEventT = TypeVar("NamedEventT", bound=NamedEvent)


def events_within(
    events: Sequence[NamedEventT], frames: FrameSource, labels: str, *, skip: bool
) -> list[NamedEventT]:
    """The events up to the end of the video, in their order.

    Args:
        events: in order of time.
        frames: of the video that they are on.
        labels: where the events come from, for the message.
        skip: leave later events out, with an `OnballWarning`.

    Raises `DataError` if there are later events that are not to be skipped.
    """
    last = int(frames.times_ms[-1])
    end = last + _SLACK_MS
    outside = [event for event in events if event.position_ms > end]
    if not outside:
        return list(events)
    first = outside[0]
    message = (
        f"{labels}: {len(outside)} of {len(events)} labels lie beyond the video's end at "
        f"{last / 1000:g} s, first {first.label} at {first.position_ms / 1000:g} s"
    )
    if not skip:
        raise DataError(
            f"{message}: is the video cut short or another match? Get the whole one, or leave the "
            "labels out with data.skip_labels_outside=true"
        )
    warnings.warn(OnballWarning(f"{message}: left out"), stacklevel=3)
    return [event for event in events if event.position_ms <= end]
