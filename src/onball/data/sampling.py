"""Where training clips lie: a pure function of (seed, epoch, index), so that runs can resume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


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
