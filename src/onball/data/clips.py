"""Where training clips lie: a pure function of (seed, epoch, index), so that runs can resume."""

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
    """What the sampler knows of a match.

    Attributes:
        num_frames: sampled frames of its video.
        frames: `[E]`, the frame of each event.
        classes: `[E]`, the class of each event, 1 to 12.
    """

    num_frames: int
    frames: NDArray[np.intp]
    classes: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ClipPlace:
    """A clip: the match's index and its first sampled frame."""

    match: int
    start: int


class ClipSampler:
    """Draws clips, some uniform over all matches' time, some around an action.

    Args:
        matches: at least one with a frame.
        clip_frames: T, the length of a clip. Clips lie within the video; that of a shorter video
            starts at its first frame.
        action_share: probability that a clip is placed so that an action falls into its middle
            half.
        seed: another seed, other clips.
        class_balance: exponent b, 0 to 1: each event of an action with n events is drawn ∝ n^-b.
            0 takes them as they come; with 0.5, an action of 1 in 100 is seen not 100 times but 10
            times less often than the most frequent one; with 1, all actions equally often.

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
        # A match without a frame has no place for a clip.
        self._places = np.where(num_frames > 0, self._last_start + 1, 0)
        self._until = np.cumsum(self._places)
        self._event_match = np.repeat(np.arange(len(matches)), [len(m.frames) for m in matches])
        self._event_frame = np.concatenate([m.frames for m in matches])
        classes = np.concatenate([m.classes for m in matches])
        self._event_until = np.cumsum(_event_weights(classes, class_balance))

    def clip(self, epoch: int, index: int) -> ClipPlace:
        """The `index`-th clip of an epoch; the same arguments always give the same clip."""
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
    """How likely each event is drawn, relative to the others, `[E]`."""
    _, kind, counts = np.unique(classes, return_inverse=True, return_counts=True)
    # The root is exact on every machine, a power need not be: seeds keep their clips.
    divisors = np.sqrt(counts) if balance == 0.5 else counts.astype(np.float64) ** balance
    weights: NDArray[np.float64] = (1.0 / divisors)[kind]
    return weights


# --- Training clips: cut out of labelled matches, one at a time.


class Clips(NamedTuple):
    """A training clip, or, with a first dimension B more, a batch of them.

    Attributes:
        frames: uint8 `[T, 3, H, W]`.
        classes: int64 `[T]`, `BACKGROUND`, the class of the event nearest to the frame, or `IGNORE`
            on frames that pad a clip beyond the end of its video.
        displacements: int64 `[T]`, sampled frames to that event's frame: positive if it comes later.
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
    displacements: Tensor
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
        radius: a frame is told of the nearest event at most so many sampled frames away.
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
        radius: int,
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
            label_frames(match.events, match.frames.times_ms, radius=radius) for match in matches
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
            _padded(labels.displacements[known], self._clip_frames, 0),
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
    known = events_within_radius(events, times_ms)
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
