"""Moving scores to where their frames say the event is, before peaks are looked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from onball.actions import NUM_ACTIONS
from onball.inference.engine import ScoredFrames


def displaced(scored: Iterable[ScoredFrames], reach: int) -> Iterator[ScoredFrames]:
    """The scores, each at the frame that its displacement points to (T-DEED, Xarles et al. 2024).

    Where several frames point to one, the highest score of each action stands; a frame that none
    points to has score 0. So the blurred scores around an event gather on one frame.

    Args:
        scored: consecutive frames, with displacements; without any they pass as they are.
        reach: displacements are cut off at so many frames; the stream is delayed by as much.
    """
    gathered = _Gathered(reach)
    for part in scored:
        if part.displacement is None:
            yield part
        else:
            yield from gathered.push(part, part.displacement)
    yield from gathered.finish()


class _Gathered:
    """Highest scores per target frame, for frames that are not final yet."""

    def __init__(self, reach: int) -> None:
        self._reach = reach
        self._times = np.zeros(0, np.int64)
        # So many slots more than frames: events may be pointed to before their frame has come.
        self._scores = np.zeros((reach, NUM_ACTIONS), np.float32)
        self._left: NDArray[np.float32] | None = None

    def push(self, part: ScoredFrames, displacement: NDArray[np.float32]) -> Iterator[ScoredFrames]:
        known, new = len(self._times), len(part.pts_ms)
        self._times = np.concatenate([self._times, part.pts_ms])
        self._scores = np.pad(self._scores, ((0, new), (0, 0)))
        if part.left is not None:
            if self._left is None:
                self._left = np.zeros((len(self._scores) - new, NUM_ACTIONS), np.float32)
            self._left = np.pad(self._left, ((0, new), (0, 0)))
        moves = np.rint(displacement.clip(-self._reach, self._reach)).astype(int)
        targets = (known + np.arange(new) + moves).clip(min=0)
        for index, target in enumerate(targets):
            higher = part.probabilities[index] > self._scores[target]
            self._scores[target, higher] = part.probabilities[index, higher]
            if part.left is not None and self._left is not None:
                self._left[target, higher] = part.left[index, higher]
        # A later frame may still point back `reach` frames; and no target lies before what is kept.
        yield from self._release(known + new - self._reach)

    def finish(self) -> Iterator[ScoredFrames]:
        """The rest; what points beyond the last frame belongs to it."""
        count = len(self._times)
        if not count:
            return
        for beyond in range(count, len(self._scores)):
            higher = self._scores[beyond] > self._scores[count - 1]
            self._scores[count - 1, higher] = self._scores[beyond, higher]
            if self._left is not None:
                self._left[count - 1, higher] = self._left[beyond, higher]
        yield from self._release(count)

    def _release(self, count: int) -> Iterator[ScoredFrames]:
        if count <= 0:
            return
        left = None if self._left is None else self._left[:count]
        yield ScoredFrames(self._scores[:count], self._times[:count], left)
        self._scores, self._times = self._scores[count:], self._times[count:]
        if self._left is not None:
            self._left = self._left[count:]
