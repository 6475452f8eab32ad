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
            half. Each event is drawn ∝ 1/√(count of its action), so an action of 1 in 100 is seen
            not 100 times but 10 times less often than the most frequent one.
        seed: another seed, other clips.
    """

    def __init__(
        self, matches: Sequence[MatchEvents], clip_frames: int, action_share: float, seed: int
    ) -> None:
        self._clip_frames = clip_frames
        self._action_share = action_share
        self._seed = seed
        self._last_start = np.array([max(0, m.num_frames - clip_frames) for m in matches])
        self._until = np.cumsum(self._last_start + 1)
        self._event_match = np.repeat(np.arange(len(matches)), [len(m.frames) for m in matches])
        self._event_frame = np.concatenate([m.frames for m in matches])
        classes = np.concatenate([m.classes for m in matches])
        weights = 1.0 / np.sqrt(np.bincount(classes, minlength=1)[classes])
        self._event_until = np.cumsum(weights)

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
        return ClipPlace(match, place - int(self._until[match] - self._last_start[match] - 1))
