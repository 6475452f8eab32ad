"""Labelled matches for training, validation and testing: their frames and annotations."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from onball.actions import BALL_ACTIONS, ActionSet
from onball.config import DataConfig, ModelConfig
from onball.data.classes import label_classes, read_labels_of
from onball.data.frame_labels import LabelledEvent, in_classes
from onball.data.frames import needs_no_video, open_inputs, require_tracks
from onball.data.layout import VIDEO_FILE, Match, find_matches
from onball.errors import DataError, OnballWarning
from onball.events import EventList
from onball.formats.soccernet import read_labels
from onball.frames import FrameSource
from onball.progress import ProgressCallback, no_progress

#: Labels up to this time after the last frame are valid: videos are cut to whole seconds.
_SLACK_MS = 1000
#: Name of the video of one half, as SoccerNet-v2 has it.
_HALF_VIDEO = re.compile(r"([12])_")


@dataclass(frozen=True, slots=True)
class LabelledMatch:
    """A match with its annotations.

    Attributes:
        name: name of the match.
        frames: its T sampled frames.
        labels: its annotations, also those of other classes.
        track_features: features of its tracks, float32 `[T, 2F]`; None unless the net takes tracks.
        actions: the classes of the net.
    """

    name: str
    frames: FrameSource
    labels: EventList
    track_features: NDArray[np.float32] | None = None
    actions: ActionSet = BALL_ACTIONS

    @property
    def events(self) -> Sequence[LabelledEvent]:
        """The annotations of the classes of the net, in order of time."""
        return in_classes(self.labels, self.actions)


@dataclass(frozen=True, slots=True)
class LabelledFrames:
    """Frames and their annotations, of any label set.

    Attributes:
        name: name of the video.
        frames: its T sampled frames.
        events: its annotations, in order of time.
        track_features: features of its tracks, float32 `[T, 2F]`, if any.
    """

    name: str
    frames: FrameSource
    events: Sequence[LabelledEvent]
    track_features: NDArray[np.float32] | None = None


def load_matches(
    data: DataConfig,
    split: str,
    model: ModelConfig | None = None,
    progress: ProgressCallback = no_progress,
) -> list[LabelledMatch]:
    """Load the labelled matches of a split; their frames are decoded into the cache, if any.

    Args:
        data: folder of the matches, and settings of sampling and caching.
        split: `train`, `valid`, `test` or `challenge`.
        model: the net; None for one that takes frames alone.
        progress: called while a cache is filled, with the name of the match as its task and the
            milliseconds of video.

    Raises `EmptySplitError` for a split without matches, `DataError` for a missing root, video,
    label or tracks file, or labels beyond the end of the video, `LabelError` for a broken label
    file, `VideoError` for a broken video, `OnballError` if the cache cannot be written.
    """
    actions = BALL_ACTIONS if model is None else model.actions
    # All labels first: a broken file must be reported before hours of decoding.
    matches = _read_matches(data, split, actions, videos=not needs_no_video(model))
    loaded = []
    for match, video, labels in matches:
        frames, features = open_inputs(video, data, model, progress, name=match.name)
        events = events_within(
            labels.events, frames, str(match.labels), skip=data.skip_labels_outside
        )
        kept = replace(labels, events=tuple(events))
        loaded.append(LabelledMatch(match.name, frames, kept, features, actions))
    return loaded


def check_matches(data: DataConfig, split: str, model: ModelConfig) -> None:
    """Check that a split can be loaded for a net, without opening a video.

    Raises `EmptySplitError` for a split without matches, `DataError` for a missing root, video,
    label or tracks file, `LabelError` for a broken label file.
    """
    videos = not needs_no_video(model)
    for _, video, _ in _read_matches(data, split, model.actions, videos=videos):
        if model.tracking is not None or data.crop is not None:
            require_tracks(video.with_name(data.tracks))


def _read_matches(
    data: DataConfig, split: str, actions: ActionSet, *, videos: bool
) -> list[tuple[Match, Path, EventList]]:
    """Matches of a split with their videos and labels, for a net with some classes.

    If no `videos` are needed, the path of a missing one is the place where it would be.
    """
    if data.root is None:
        raise DataError(
            "data.root is not set: --data FOLDER (or --set data.root=FOLDER) names the data set"
        )
    known = label_classes(data.root, actions)
    found = []
    for match in find_matches(data.root, split):
        video = match.require_video() if videos else match.video or match.folder / VIDEO_FILE
        labels = read_labels(match.require_labels(), known)
        require_one_timeline(video, match.require_labels(), labels)
        found.append((match, video, labels))
    return found


def read_video_labels(match: Match, root: str | Path, actions: ActionSet) -> EventList:
    """Read the annotations of some actions in the video of a match.

    Args:
        match: a match with a video and labels.
        root: folder of the data set.
        actions: the actions, which need not be all classes of the data set.

    Raises `DataError` if the video or the labels are missing, or the labels are of several videos, see
    `require_one_timeline`; `LabelError` as `read_labels_of`.
    """
    video, path = match.require_video(), match.require_labels()
    # All labels: a half may be without those of the wanted actions.
    labels = read_labels_of(path, root, actions.union(label_classes(root, actions)))
    require_one_timeline(video, path, labels)
    return labels.where(lambda event: event.label in actions)


def require_one_timeline(video: Path, path: Path, labels: EventList) -> None:
    """Check that labels are those of one video, not of one for each half.

    SoccerNet-v2 has a video per half, and one label file in which positions begin again in each.

    Args:
        video: the video that the labels are used for.
        path: the label file, for the message.
        labels: the labels.

    Raises `DataError` if positions begin again in a later half, or if labels are of another half than
    the video by its name, `1_224p.mp4` or `2_224p.mp4`.
    """
    ends: dict[int, int] = {}
    again = False
    for event in sorted(labels.events, key=lambda event: (event.half, event.position_ms)):
        before = [end for half, end in ends.items() if half < event.half]
        again |= bool(before) and event.position_ms < max(before)
        ends[event.half] = event.position_ms
    part = _HALF_VIDEO.match(video.name)
    others = part and any(half != int(part[1]) for half in ends)
    if again or others:
        raise DataError(
            f"{path}: its labels are of {'several halves' if len(ends) > 1 else 'another half'}, and "
            f"{video.name} is one video: give each half a match folder with its video and its labels "
            "in half 1, or join the videos and count positions from the beginning"
        )


class NamedEvent(LabelledEvent, Protocol):
    """An annotation with a name for messages."""

    @property
    def label(self) -> str:
        """Name of the action, as in the label file."""


NamedEventT = TypeVar("NamedEventT", bound=NamedEvent)


def events_within(
    events: Sequence[NamedEventT], frames: FrameSource, labels: str, *, skip: bool
) -> list[NamedEventT]:
    """Select the events up to one second after the last frame of the video, in their order.

    Args:
        events: in order of time.
        frames: frames of the video.
        labels: source of the events, for the message.
        skip: leave later events out, with an `OnballWarning`.

    Raises `DataError` if there are later events and `skip` is False.
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
