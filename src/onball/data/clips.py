"""Training clips: cut out of labelled matches, one at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from onball.actions import NUM_ACTIONS
from onball.classes import IGNORE, UNKNOWN_SIDE
from onball.data.matches import LabelledFrames, LabelledMatch
from onball.data.sampling import ClipPlace, ClipSampler, MatchEvents
from onball.data.targets import LabelledEvent, events_in_reach, label_frames, nearest_frames
from onball.errors import DataError


class Clips(NamedTuple):
    """A training clip, or, with a first dimension B more, a batch of them.

    Attributes:
        frames: uint8 `[T, 3, H, W]`.
        classes: int64 `[T]`, `BACKGROUND`, the class of the event nearest to the frame, or `IGNORE`
            on frames that pad a clip beyond the end of its video.
        shifts: int64 `[T]`, sampled frames to that event's frame: positive if it comes later.
        sides: int64 `[T]`, 0 if the left team's, 1 if the right one's, -1 if unknown.
        present: float32 `[12]`, 1 for each ball action that happens in the clip; all 0 where the
            second label set does not tell.
        source: int64, 0: labelled with the 12 ball actions; 1: with the second label set.
        tracking: float32 `[T, 2F]`, what the tracks say (see `onball.tracking.features.as_inputs`);
            F is 0 for nets that take none.
        key: int64 `[2]`, epoch and index: all chance that concerns the clip hangs on them.
        place: int64 `[2]`, index of the match and first frame in ms, for messages.
    """

    frames: Tensor
    classes: Tensor
    shifts: Tensor
    sides: Tensor
    present: Tensor
    source: Tensor
    tracking: Tensor
    key: Tensor
    place: Tensor


class ClipDataset(Dataset[Clips]):
    """Training clips. Keys are `(epoch, index)`, see `EpochSampler`; items are `Clips` of one clip.

    Where a video ends before the clip does, its last frame repeats, with the class `IGNORE`.

    Args:
        matches: at least one.
        clip_frames: T.
        reach: a frame is told of the nearest event at most so many sampled frames away.
        action_share, class_balance: see `ClipSampler`.
        seed: another seed, other clips.
        source: what `Clips.source` says.

    Raises `DataError` if nothing is labelled.
    """

    def __init__(
        self,
        matches: Sequence[LabelledMatch | LabelledFrames],
        clip_frames: int,
        *,
        reach: int,
        action_share: float,
        seed: int,
        class_balance: float = 0.5,
        source: int = 0,
    ) -> None:
        if not any(len(match.events) for match in matches):
            names = ", ".join(match.name for match in matches)
            raise DataError(f"no action is labelled in the matches to train on ({names})")
        self._matches = list(matches)
        self._clip_frames = clip_frames
        self._source = source
        self._labels = [
            label_frames(match.events, match.frames.times_ms, reach=reach) for match in matches
        ]
        self._known = [match_events(match.events, match.frames.times_ms) for match in matches]
        self._sampler = ClipSampler(
            self._known, clip_frames, action_share, seed, class_balance=class_balance
        )

    @property
    def names(self) -> list[str]:
        """Names of the matches, in the order of `Clips.place`."""
        return [match.name for match in self._matches]

    def __getitem__(self, key: tuple[int, int]) -> Clips:
        place = self._sampler.clip(*key)
        match, labels = self._matches[place.match], self._labels[place.match]
        frames, count = _read_padded(match, place.start, self._clip_frames)
        known = slice(place.start, place.start + count)
        start_ms = int(match.frames.times_ms[place.start])
        return Clips(
            frames,
            _padded(labels.classes[known], self._clip_frames, IGNORE),
            _padded(labels.shifts[known], self._clip_frames, 0),
            _padded(labels.sides[known], self._clip_frames, UNKNOWN_SIDE),
            self._present(place, count),
            torch.tensor(self._source),
            _tracking(match.tracking, known, self._clip_frames),
            torch.tensor(key),
            torch.tensor([place.match, start_ms]),
        )

    def _present(self, place: ClipPlace, frames: int) -> Tensor:
        if self._source:  # of the 12 ball actions nothing is known
            return torch.zeros(NUM_ACTIONS)
        return present_actions(self._known[place.match], place.start, place.start + frames)


def present_actions(events: MatchEvents, start: int, stop: int) -> Tensor:
    """1 for each action with an event on the frames `start` to `stop` (not included), else 0, `[12]`."""
    present = torch.zeros(NUM_ACTIONS)
    inside = events.classes[(events.frames >= start) & (events.frames < stop)] - 1
    present[torch.from_numpy(inside)] = 1.0
    return present


def _tracking(values: NDArray[np.float32] | None, known: slice, length: int) -> Tensor:
    """`[T, 2F]`; beyond the end of the video the last frame's repeat, as its pixels do."""
    if values is None:
        return torch.zeros(length, 0)
    part = values[known]
    return torch.from_numpy(np.pad(part, ((0, length - len(part)), (0, 0)), mode="edge"))


def _padded(values: NDArray[np.int64], length: int, fill: int) -> Tensor:
    return torch.from_numpy(np.pad(values, (0, length - len(values)), constant_values=fill))


class EpochSampler(Sampler[tuple[int, int]]):
    """Keys `(epoch, 0)` to `(epoch, clips - 1)`: which clip that is, `ClipSampler` says.

    The epoch travels within the key, so that worker processes that live on know it too.

    Args:
        clips: clips in an epoch, of all processes.
        epoch: the first epoch.
        skip: clips of the first epoch that are left out, because a run is resumed amid it.
        batch_size: clips that a process takes at once.
        rank, world: this process and how many there are: of each run of `world · batch_size`
            clips, process r takes the r-th `batch_size`. `clips` must then be a multiple of that.
    """

    def __init__(
        self,
        clips: int,
        epoch: int = 0,
        skip: int = 0,
        *,
        batch_size: int = 1,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self._clips = clips
        self._first = epoch
        self._epoch = epoch
        self._skip = skip
        self._batch_size = batch_size
        self._rank = rank
        self._world = world

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch; Lightning calls this before each one."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[tuple[int, int]]:
        epoch = self._epoch
        skip = self._skip if epoch == self._first else 0
        for index in range(skip, self._clips):
            if index // self._batch_size % self._world == self._rank:
                yield epoch, index

    def __len__(self) -> int:
        return self._clips // self._world


def match_events(events: Iterable[LabelledEvent], times_ms: NDArray[np.int64]) -> MatchEvents:
    """On which of the frames shown at `times_ms` `[T]` the events lie."""
    known = events_in_reach(events, times_ms)
    positions = np.array([event.position_ms for event in known], dtype=np.int64)
    classes = np.array([event.class_index for event in known], dtype=np.int64)
    return MatchEvents(len(times_ms), nearest_frames(positions, times_ms), classes)


def _read_padded(
    match: LabelledMatch | LabelledFrames, start: int, length: int
) -> tuple[Tensor, int]:
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
