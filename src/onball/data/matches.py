"""Labelled matches to train, validate or test on: their frames and their annotations."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from onball.config import DataConfig
from onball.data.cache import cached_frames
from onball.data.layout import Match, find_matches
from onball.data.targets import LabelledEvent
from onball.errors import DataError, OnballWarning
from onball.events import EventList
from onball.formats.soccernet import read_labels

#: A label so far beyond the last frame may still belong to it: films are cut to the second.
_SLACK_MS = 1000


class FrameSource(Protocol):
    """The sampled frames of one video, at least one, any part of them at any time."""

    @property
    def times_ms(self) -> NDArray[np.int64]:
        """When each sampled frame is shown, ascending."""

    def read(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Frames `start` to `stop` (not included), uint8 `[T, H, W, 3]`."""


class VideoFrames:
    """Frames straight from the video: every read seeks and decodes anew.

    Raises `VideoError` if the file is missing or no video, `DataError` if it does not say how long
    it is.
    """

    def __init__(self, path: Path, data: DataConfig) -> None:
        # Only here: training on a filled cache needs no video library.
        from onball.video import probe
        from onball.video.reader import first_grid_index, grid_ms

        self._path = path
        self._data = data
        count = first_grid_index(probe(path).duration_ms, data.fps)
        if count == 0:
            raise DataError(
                f"{path}: its header says no length; set data.cache, which reads the film to its end"
            )
        self._times_ms = np.array([grid_ms(k, data.fps) for k in range(count)], dtype=np.int64)

    @property
    def times_ms(self) -> NDArray[np.int64]:
        """The times of the sampling grid, `[T]`."""
        return self._times_ms

    def read(self, start: int, stop: int) -> NDArray[np.uint8]:
        """As `FrameSource.read`; fewer frames where the film ends before its header says so."""
        from onball.video import read_frames

        data = self._data
        times = self._times_ms[start:stop]
        parts = [
            batch.frames
            for batch in read_frames(
                self._path,
                data.fps,
                data.size,
                start_ms=int(times[0]),
                end_ms=int(times[-1]) + 1,
                batch_frames=stop - start,
                threads=1,  # several readers work beside each other
            )
        ]
        if not parts:
            return np.empty((0, data.height, data.width, 3), dtype=np.uint8)
        return np.concatenate(parts)[: stop - start]


@dataclass(frozen=True, slots=True)
class LabelledMatch:
    """A match with the 12 ball actions: its frames and its annotations."""

    name: str
    frames: FrameSource
    labels: EventList

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


def load_matches(
    data: DataConfig, split: str, on_progress: Callable[[Match, int], None] | None = None
) -> list[LabelledMatch]:
    """The labelled matches of a split; their frames are decoded into the cache, if there is one.

    Args:
        data: where the matches are and how they are sampled.
        split: `train`, `valid`, …
        on_progress: called while a cache is filled, with the match and the milliseconds decoded.

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
        if data.cache is None:
            frames: FrameSource = VideoFrames(video, data)
        else:
            report = None if on_progress is None else partial(on_progress, match)
            frames = cached_frames(video, data, report)
        events = events_within(
            labels.events, frames, str(match.labels), skip=data.skip_labels_outside
        )
        loaded.append(LabelledMatch(match.name, frames, replace(labels, events=tuple(events))))
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
