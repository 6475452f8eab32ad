"""Training clips: their places in labelled matches, their frames and labels.

Clip `index` of an epoch is a pure function of seed, epoch and index, so that runs can resume:
`EpochSampler` yields the keys, `ClipSampler` draws the place, `ClipDataset` reads the clip.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from onball.actions import IGNORE, NUM_ACTIONS
from onball.data.frame_labels import LabelledEvent, events_within_radius, label_frames
from onball.data.matches import LabelledFrames, LabelledMatch
from onball.errors import DataError
from onball.events import UNKNOWN_SIDE
from onball.timing import nearest_frames


@dataclass(frozen=True, slots=True)
class MatchEvents:
    """Events of a match on its sampled frames.

    Attributes:
        num_frames: number of sampled frames of its video.
        frames: `[E]`, frame of each event.
        classes: `[E]`, class of each event, from 1.
    """

    num_frames: int
    frames: NDArray[np.intp]
    classes: NDArray[np.int64]


def match_events(events: Iterable[LabelledEvent], times_ms: NDArray[np.int64]) -> MatchEvents:
    """Assign events to the nearest of the frames shown at `times_ms` `[T]`."""
    known = events_within_radius(events, times_ms)
    positions = np.array([event.position_ms for event in known], dtype=np.int64)
    classes = np.array([event.class_index for event in known], dtype=np.int64)
    return MatchEvents(len(times_ms), nearest_frames(positions, times_ms), classes)


def present_actions(
    events: MatchEvents, start: int, stop: int, num_actions: int = NUM_ACTIONS
) -> Tensor:
    """Actions with an event on the frames `start` to `stop` (not included): 1 or 0, `[K]`."""
    present = torch.zeros(num_actions)
    inside = events.classes[(events.frames >= start) & (events.frames < stop)] - 1
    present[torch.from_numpy(inside)] = 1.0
    return present


@dataclass(frozen=True, slots=True)
class ClipPlace:
    """Place of a clip: index of the match, and first sampled frame."""

    match: int
    start: int


class ClipSampler:
    """Draws the places of clips, some uniformly over the time of all matches, some around an action.

    Args:
        matches: at least one with a frame.
        clip_frames: length of a clip, T. Clips lie within the video; in a shorter video they start
            at its first frame.
        action_share: probability that a clip is drawn around an action, which then lies in the
            middle half of the clip.
        seed: seed of all draws.
        class_balance: exponent b, 0 to 1: each event of an action with n events is drawn with
            probability ∝ n^-b. 0 draws all events equally often, 1 all actions; with 0.5, an action
            with 1 % of the events of another is drawn 10 times less often instead of 100.

    Raises `ValueError` for a share or an exponent out of range, a length below 1, a match with
    fewer than 0 frames, or no frame at all.
    """

    def __init__(
        self,
        matches: Sequence[MatchEvents],
        clip_frames: int,
        action_share: float,
        seed: int,
        *,
        class_balance: float = 0.5,
    ) -> None:
        if not (0.0 <= action_share <= 1.0 and 0.0 <= class_balance <= 1.0 and clip_frames >= 1):
            raise ValueError("action_share, class_balance: 0 to 1; clip_frames: 1 or more")
        num_frames = np.array([match.num_frames for match in matches], dtype=np.int64)
        if not num_frames.any() or num_frames.min() < 0:
            raise ValueError("clips need matches with at least one frame, and none below 0")
        self._clip_frames = clip_frames
        self._action_share = action_share
        self._seed = seed
        self._last_start = np.maximum(0, num_frames - clip_frames)
        # A match without frames has no place for a clip.
        self._places = np.where(num_frames > 0, self._last_start + 1, 0)
        self._until = np.cumsum(self._places)
        self._event_match = np.repeat(np.arange(len(matches)), [len(m.frames) for m in matches])
        self._event_frame = np.concatenate([m.frames for m in matches])
        classes = np.concatenate([m.classes for m in matches])
        self._event_until = np.cumsum(_event_weights(classes, class_balance))

    def clip(self, epoch: int, index: int) -> ClipPlace:
        """Place of the `index`-th clip of an epoch; the same arguments always give the same place."""
        rng = np.random.default_rng((self._seed, epoch, index))
        around_action = rng.random() < self._action_share
        if around_action and len(self._event_frame):
            drawn = rng.random() * self._event_until[-1]
            event = int(np.searchsorted(self._event_until, drawn, side="right"))
            match = int(self._event_match[event])
            quarter = self._clip_frames // 4
            offset = int(rng.integers(quarter, self._clip_frames - quarter))
            start = int(self._event_frame[event]) - offset
            return ClipPlace(match, min(max(start, 0), int(self._last_start[match])))
        place = int(rng.integers(self._until[-1]))
        match = int(np.searchsorted(self._until, place, side="right"))
        return ClipPlace(match, place - int(self._until[match] - self._places[match]))


def _event_weights(classes: NDArray[np.int64], balance: float) -> NDArray[np.float64]:
    """Relative probability of each event, `[E]`."""
    _, kind, counts = np.unique(classes, return_inverse=True, return_counts=True)
    # A square root is exact on every machine, a power need not be: seeds keep their clips.
    divisors = np.sqrt(counts) if balance == 0.5 else counts.astype(np.float64) ** balance
    weights: NDArray[np.float64] = (1.0 / divisors)[kind]
    return weights


class Clips(NamedTuple):
    """A training clip, or a batch of B clips with a further first dimension.

    Attributes:
        frames: uint8 `[T, 3, H, W]`; or features of a backbone in their place, float32 `[T, C]`.
        classes: int64 `[T]`, class of the event nearest to each frame, `BACKGROUND` without one, or
            `IGNORE` for frames that pad a clip beyond the end of its video.
        displacements: int64 `[T]`, sampled frames to the frame of that event; positive if it comes
            later.
        sides: int64 `[T]`, team of that event: 0 left, 1 right, -1 unknown.
        present: float32 `[K]`, 1 for each of the net's classes in the clip; all 0 in clips of the
            second label set, where they are not known.
        source: int64, 0 for the classes of the net, 1 for the second label set.
        track_features: float32 `[T, 2F]`, features of the tracks (see
            `onball.tracking.features.as_inputs`); F is 0 for nets that take none.
        key: int64 `[2]`, epoch and index; with the seed, they determine every random choice for the
            clip.
        place: int64 `[2]`, index of the match and time of the first frame in ms, for messages.
    """

    frames: Tensor
    classes: Tensor
    displacements: Tensor
    sides: Tensor
    present: Tensor
    source: Tensor
    track_features: Tensor
    key: Tensor
    place: Tensor


class ClipDataset(Dataset[Clips]):
    """Training clips by key `(epoch, index)`, see `EpochSampler`; items are `Clips` of one clip.

    In a video shorter than a clip the last frame is repeated, with the class `IGNORE`.

    Args:
        matches: at least one.
        clip_frames: length of a clip, T.
        radius: frames are labelled with the nearest event at most this many sampled frames away.
        action_share, class_balance, seed: see `ClipSampler`.
        source: value of `Clips.source`.
        num_actions: K, number of classes of the net.

    Raises `DataError` if the matches have no events.
    """

    def __init__(
        self,
        matches: Sequence[LabelledMatch | LabelledFrames],
        clip_frames: int,
        *,
        radius: int,
        action_share: float,
        seed: int,
        class_balance: float = 0.5,
        source: int = 0,
        num_actions: int = NUM_ACTIONS,
    ) -> None:
        if not any(len(match.events) for match in matches):
            names = ", ".join(match.name for match in matches)
            raise DataError(f"no action is labelled in the matches to train on ({names})")
        self._matches = list(matches)
        self._clip_frames = clip_frames
        self._source = source
        self._num_actions = num_actions
        self._labels = [
            label_frames(match.events, match.frames.times_ms, radius=radius) for match in matches
        ]
        self._events = [match_events(match.events, match.frames.times_ms) for match in matches]
        self._sampler = ClipSampler(
            self._events, clip_frames, action_share, seed, class_balance=class_balance
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
            _padded(labels.displacements[known], self._clip_frames, 0),
            _padded(labels.sides[known], self._clip_frames, UNKNOWN_SIDE),
            self._present(place, count),
            torch.tensor(self._source),
            _tracking(match.track_features, known, self._clip_frames),
            torch.tensor(key),
            torch.tensor([place.match, start_ms]),
        )

    def _present(self, place: ClipPlace, frames: int) -> Tensor:
        if self._source:  # the classes of the net are not labelled
            return torch.zeros(self._num_actions)
        events, stop = self._events[place.match], place.start + frames
        return present_actions(events, place.start, stop, self._num_actions)


def _tracking(values: NDArray[np.float32] | None, known: slice, length: int) -> Tensor:
    """Features `[T, 2F]`; beyond the end of the video those of the last frame, as its pixels."""
    if values is None:
        return torch.zeros(length, 0)
    part = values[known]
    return torch.from_numpy(np.pad(part, ((0, length - len(part)), (0, 0)), mode="edge"))


def _padded(values: NDArray[np.int64], length: int, fill: int) -> Tensor:
    return torch.from_numpy(np.pad(values, (0, length - len(values)), constant_values=fill))


def _read_padded(
    match: LabelledMatch | LabelledFrames, start: int, length: int
) -> tuple[Tensor, int]:
    """`length` frames (see `Clips`), the last one repeated, and the number of true ones."""
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
    if frames.ndim == 2:
        return torch.from_numpy(frames), count
    # A view: the channels stay last in memory, which is faster for convolutions.
    return torch.from_numpy(frames).permute(0, 3, 1, 2), count


class EpochSampler(Sampler[tuple[int, int]]):
    """Keys `(epoch, 0)` to `(epoch, clips - 1)` of the clips of an epoch, see `ClipDataset`.

    The epoch is part of the key, because worker processes persist from epoch to epoch.

    Args:
        clips: number of clips in an epoch, over all processes.
        epoch: the first epoch.
        skip: number of clips of the first epoch to skip, when a run resumes within it.
        batch_size: batch size of a process.
        rank, world: index of this process and number of processes. Of each `world · batch_size`
            consecutive clips, process r takes the r-th `batch_size`; `clips` must be a multiple of
            that product.
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
