"""Training clips that are simulated and painted while a net trains, without a file.

    from torch.utils.data import DataLoader

    clips = SimulatedClips(DataConfig(width=224, height=128), seed=0)
    for frames, targets in DataLoader(clips, batch_size=8, num_workers=8):
        ...  # uint8 [8, T, 3, H, W], int64 [8, T]

Every clip is new: nothing to store, nothing to decode, nothing to overfit to. Painting is slower
than reading what was painted once, though, so a net waits for it unless many cores paint. And the
pictures have not been through a video codec, as those of `onball synth` have.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from functools import cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from onball.config import DataConfig
from onball.data.clips import ClipDataset
from onball.data.matches import LabelledMatch
from onball.data.targets import events_in_reach
from onball.errors import DataError
from onball.synthetic.world import Motion

#: The matches of `onball synth` count their seeds from 0. Those here never meet them, so nothing
#: that is validated or tested on is trained on.
_FIRST_SEED = 1_000_000_000
_MATCHES_PER_SEED = 1_000_000
#: After so many matches without an action there is no hope for the next one.
_MOST_EMPTY = 20


class MatchFilm(Protocol):
    """A simulated match that can be painted at any time; `onball.synthetic.film.Film` is one."""

    @property
    def motion(self) -> Motion:
        """What happens in it; its `events` are the labels."""

    def frame(self, time_ms: int) -> NDArray[np.uint8]:
        """The picture at that time, uint8 `[H, W, 3]`."""


class FilmFrames:
    """The frames of a film as a `FrameSource`: painted when they are asked for.

    Args:
        film: the film.
        frames: how many frames it has.
        fps: frames per second.
    """

    def __init__(self, film: MatchFilm, frames: int, fps: float) -> None:
        self._film = film
        self._times_ms = np.array([round(k * 1000 / fps) for k in range(frames)], dtype=np.int64)

    @property
    def times_ms(self) -> NDArray[np.int64]:
        """When each frame is shown, `[T]`."""
        return self._times_ms

    def read(self, start: int, stop: int) -> NDArray[np.uint8]:
        """As `FrameSource.read`."""
        return np.stack([self._film.frame(int(time)) for time in self._times_ms[start:stop]])


class SimulatedClips(IterableDataset[tuple[Tensor, Tensor]]):
    """Endless training clips, frames and the class of each.

    An item is uint8 frames `[T, 3, H, W]` and int64 targets `[T]`, by `frame_targets`. The same
    arguments give the same clips in the same order; in a `DataLoader` with W workers, worker w
    plays matches w, w + W, w + 2W, …, so no two workers share a match.

    Iterating anew starts from the first match again: iterate once, or go on with `first_match`.
    Several training processes need a `seed` each.

    Args:
        data: size, frame rate and length of the clips; its `root` and `cache` play no part.
        seed: another seed, other matches. None of them is a match that `onball synth` makes.
        clips_per_match: so many clips are cut from a match before the next one is simulated.
        match_minutes: length of each simulated match, at least that of a clip. Longer matches
            bring what comes late in a match, and take longer to simulate.
        action_share: share of the clips that are placed around an action, see `ClipSampler`.
        label_dilation: frames on each side of an action's frame that carry its label too.
        first_match: number of the match to begin with, to go on where a run stopped.

    Raises `ValueError` for a number below its least value; while iterating, `DataError` if the
    matches are too short to have an action, `MissingDependencyError` if the painter's packages are
    not installed.
    """

    def __init__(
        self,
        data: DataConfig,
        *,
        seed: int = 0,
        clips_per_match: int = 32,
        match_minutes: float = 5.0,
        action_share: float = 0.5,
        label_dilation: int = 1,
        first_match: int = 0,
    ) -> None:
        super().__init__()
        _rest_opencv_at_forks()
        self._data = data
        self._seed = seed
        self._clips_per_match = clips_per_match
        self._duration_ms = round(match_minutes * 60_000)
        self._action_share = action_share
        self._label_dilation = label_dilation
        self._first_match = first_match
        if seed < 0 or first_match < 0 or label_dilation < 0 or clips_per_match < 1:
            raise ValueError("seed, first_match, label_dilation: 0 or more; clips_per_match: 1")
        if self._frames < data.clip_frames:
            raise ValueError(
                f"a match of {match_minutes:g} minutes is shorter than a clip of "
                f"{data.clip_frames} frames"
            )

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        worker = get_worker_info()
        if worker is not None:
            from onball.synthetic.picture.opencv import cv2

            cv2.setNumThreads(1)  # the other cores have workers of their own
        number = self._first_match + (worker.id if worker else 0)
        step = worker.num_workers if worker else 1
        empty = 0
        while True:
            clips = self._match(number)
            number += step
            if clips is None:
                empty += 1
                if empty == _MOST_EMPTY:
                    raise DataError(
                        f"{empty} simulated matches of {self._duration_ms / 1000:g} s had no "
                        "action: make them longer (match_minutes)"
                    )
                continue
            empty = 0
            for index in range(self._clips_per_match):
                clip = clips[0, index]
                yield clip.frames, clip.classes

    @property
    def _frames(self) -> int:
        """Sampled frames of a match."""
        return round(self._duration_ms * self._data.fps / 1000)

    def _match(self, number: int) -> ClipDataset | None:
        """The clips of one match, or None if nothing happens in it."""
        data, seed = self._data, _FIRST_SEED + self._seed * _MATCHES_PER_SEED + number
        film = self._film(seed)
        frames = FilmFrames(film, self._frames, data.fps)
        events = film.motion.events
        if not events_in_reach(events, frames.times_ms):
            return None
        return ClipDataset(
            [LabelledMatch(f"simulated match {seed}", frames, events)],
            data.clip_frames,
            reach=self._label_dilation,
            action_share=self._action_share,
            seed=seed,
        )

    def _film(self, seed: int) -> MatchFilm:
        """The film of the match with that seed."""
        # Only here: the simulator needs OpenCV.
        from onball.synthetic.film import Film, MatchPlan

        data = self._data
        return Film(
            MatchPlan(
                seed=seed,
                duration_ms=self._duration_ms,
                width=data.width,
                height=data.height,
                fps=data.fps,
            )
        )


@cache
def _rest_opencv_at_forks() -> None:
    """From now on, a process that is forked off this one can set its own number of OpenCV threads.

    Forked workers inherit OpenCV's list of threads, but not the threads, and would wait for ever
    for them to stop. So they are stopped before a fork; OpenCV starts new ones when it needs them.
    """
    if not hasattr(os, "register_at_fork"):  # Windows starts every process anew
        return
    threads: list[int] = []

    def stop() -> None:
        if "cv2" in sys.modules:
            cv2 = sys.modules["cv2"]
            threads.append(cv2.getNumThreads())
            cv2.setNumThreads(1)

    def go_on() -> None:
        if threads:
            sys.modules["cv2"].setNumThreads(threads.pop())

    os.register_at_fork(before=stop, after_in_parent=go_on)
