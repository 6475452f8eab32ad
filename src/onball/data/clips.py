"""Labelled matches on disk, and the clips that a net is trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from onball.classes import IGNORE, class_of
from onball.config import DataConfig
from onball.data.cache import cached_frames
from onball.data.layout import Match, find_matches
from onball.data.sampling import ClipSampler, MatchEvents
from onball.data.targets import events_in_reach, frame_targets, nearest_frames
from onball.errors import DataError
from onball.events import EventList
from onball.formats.soccernet import read_labels


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
    """A match to train or validate on: its frames and its annotations."""

    name: str
    frames: FrameSource
    labels: EventList


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
        loaded.append(LabelledMatch(match.name, frames, labels))
    return loaded


class ClipDataset(Dataset[tuple[Tensor, Tensor]]):
    """Training clips. Keys are `(epoch, index)`, see `EpochSampler`.

    An item is uint8 frames `[T, 3, H, W]` and int64 targets `[T]`. Where a video ends before the
    clip does, its last frame repeats, with the target `IGNORE`.

    Raises `DataError` if no action is labelled.
    """

    def __init__(
        self,
        matches: Sequence[LabelledMatch],
        data: DataConfig,
        *,
        action_share: float,
        label_dilation: int,
        seed: int,
    ) -> None:
        if not any(len(match.labels) for match in matches):
            raise DataError(f"{data.root}: no action is labelled in the matches to train on")
        self._matches = list(matches)
        self._clip_frames = data.clip_frames
        self._targets = [
            frame_targets(match.labels, match.frames.times_ms, dilation=label_dilation)
            for match in matches
        ]
        known = [_match_events(match) for match in matches]
        self._sampler = ClipSampler(known, data.clip_frames, action_share, seed)

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, Tensor]:
        place = self._sampler.clip(*key)
        frames, count = _read_padded(self._matches[place.match], place.start, self._clip_frames)
        targets = np.full(self._clip_frames, IGNORE, dtype=np.int64)
        targets[:count] = self._targets[place.match][place.start : place.start + count]
        return frames, torch.from_numpy(targets)


class EpochSampler(Sampler[tuple[int, int]]):
    """Keys `(epoch, 0)` to `(epoch, clips - 1)`: which clip that is, `ClipSampler` says.

    The epoch travels within the key, so that worker processes that live on know it too.

    Args:
        clips: clips in an epoch.
        epoch: the first epoch.
        skip: clips of the first epoch that are left out, because a run is resumed amid it.
    """

    def __init__(self, clips: int, epoch: int = 0, skip: int = 0) -> None:
        self._clips = clips
        self._first = epoch
        self._epoch = epoch
        self._skip = skip

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch; Lightning calls this before each one."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[tuple[int, int]]:
        epoch = self._epoch
        skip = self._skip if epoch == self._first else 0
        return ((epoch, index) for index in range(skip, self._clips))

    def __len__(self) -> int:
        return self._clips


def _match_events(match: LabelledMatch) -> MatchEvents:
    times = match.frames.times_ms
    events = events_in_reach(match.labels, times)
    positions = np.array([event.position_ms for event in events], dtype=np.int64)
    classes = np.array([class_of(event.label) for event in events], dtype=np.int64)
    return MatchEvents(len(times), nearest_frames(positions, times), classes)


def _read_padded(match: LabelledMatch, start: int, length: int) -> tuple[Tensor, int]:
    """`length` frames as uint8 `[T, 3, H, W]`, the last one repeated, and how many are real."""
    source = match.frames
    stop = min(start + length, len(source.times_ms))
    frames = source.read(start, stop)
    count = len(frames)
    if count == 0:
        raise DataError(
            f"{match.name}: no frame could be read at {source.times_ms[start]} ms although the "
            "video's header promises some; set data.cache, which keeps only what can be read"
        )
    if count < length:
        frames = np.concatenate([frames, np.repeat(frames[-1:], length - count, axis=0)])
    # Only the view is turned: convolutions like the channels last in memory, as they are here.
    return torch.from_numpy(frames).permute(0, 3, 1, 2), count
