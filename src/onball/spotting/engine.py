"""Streaming engine: dense scores of a net in one pass over the frames of a video.

    frames → [backbone, in chunks with `context` neighbours] → features
           → [temporal head, over overlapping windows] → probabilities, averaged where windows overlap

Each frame goes through the backbone once. Memory holds one chunk of frames and one window of
features, whatever the length of the video. A backbone whose features depend on the whole clip
(`context` None) computes each window of frames separately instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from onball.actions import ACTION_INDEX, ACTIONS, NUM_ACTIONS, Action
from onball.errors import ModelError
from onball.frames import FrameBatch
from onball.spotting.compute import Compute, Floats
from onball.tracking.grid import PerFrame

#: Smallest ratio of a chunk to the context on one side of it.
_CHUNK_PER_CONTEXT = 4


class ScoredFrames(NamedTuple):
    """Final scores of consecutive frames.

    Attributes:
        probabilities: float32 `[t, 12]`, in the order of `ACTIONS`.
        pts_ms: int64 `[t]`, time of each frame.
        left: float32 `[t, 12]`, the left team's part of the probabilities; None if the net does not
            separate the teams.
        displacement: float32 `[t]`, sampled frames from each frame to its event; None if the net
            has no displacements.
    """

    probabilities: NDArray[np.float32]
    pts_ms: NDArray[np.int64]
    left: NDArray[np.float32] | None = None
    displacement: NDArray[np.float32] | None = None


class StreamingEngine:
    """Run a net over a stream of frames.

    Args:
        compute: arithmetic of the net.
        window_frames: frames in a window of the temporal head.
        overlap: fraction of a window that it shares with the next one, 0 to below 1.
        chunk_frames: smallest number of frames that the backbone computes at once; more if its
            context is so long that most of the work would be computing neighbours again.
        classes: names of the net's classes; None for the 12 actions.
    """

    def __init__(
        self,
        compute: Compute,
        *,
        window_frames: int,
        overlap: float,
        classes: Sequence[str] | None = None,
        chunk_frames: int = 32,
    ) -> None:
        self._compute = compute
        self._classes = classes
        self._window = window_frames
        self._step = max(1, round(window_frames * (1 - overlap)))
        self._whole_clips = compute.context is None
        self._context = compute.context or 0
        self._chunk = max(chunk_frames, _CHUNK_PER_CONTEXT * self._context)

    def frames_for(self, start: int, stop: int) -> tuple[int, int]:
        """Return the range of frames to run on for the scores of frames `start` to `stop`.

        In that range the windows begin where they begin in a run on all frames, and all windows
        that cover the wanted frames are complete: the scores are the same up to rounding.

        Args:
            start, stop: indices of frames of the video; `stop` is not included.

        Returns:
            The same for the frames to run on. The end may be beyond that of the video.
        """
        margin = self._window + self._context
        return max(0, start + 1 - margin) // self._step * self._step, stop + margin

    def run(
        self,
        batches: Iterable[FrameBatch],
        track_features: PerFrame | None = None,
        first: int = 0,
    ) -> Iterator[ScoredFrames]:
        """Yield the scores of every frame, in order, each exactly once, as soon as they are final.

        Args:
            batches: consecutive frames of one video, in the net's size and at its rate.
            track_features: `[T, 2F]`, by time, for a net that takes them.
            first: index of the first frame in its video, as `frames_for` returns it. It does not
                matter here, as it does to `onball.spotting.clips.ClipEngine`.
        """
        parts: Iterator[tuple[NDArray[Any], NDArray[np.int64]]]
        score: _Score = self._score
        if self._whole_clips:
            if track_features is not None:
                raise ModelError(
                    "a backbone that needs whole clips cannot be combined with tracks: give a model "
                    "without model.tracking"
                )
            parts, score = iter(batches), self._score_clips
        else:
            parts = self._features(batches, track_features)
        merger = _WindowMerger(self._window, self._step)
        for part, pts_ms in parts:
            for merged in merger.push(part, pts_ms, score):
                yield self._name_outputs(*merged)
        for merged in merger.finish(score):
            yield self._name_outputs(*merged)

    def _score(self, window: NDArray[Any]) -> Floats:
        """Outputs to average, `[T, F]`, of a window of features `[T, C]`."""
        outputs = self._compute.layout.split(self._compute.outputs(window[None])[0])
        parts = [outputs.actions]
        if outputs.left is not None:
            parts.append(outputs.left)
        if outputs.displacement is not None:
            parts.append(outputs.displacement[:, None])
        return np.concatenate(parts, axis=1)

    def _score_clips(self, clip: NDArray[Any]) -> Floats:
        """The same of a clip `[T, H, W, 3]`."""
        return self._score(self._compute.features(clip))

    def _name_outputs(self, outputs: Floats, pts_ms: NDArray[np.int64]) -> ScoredFrames:
        """Split the averaged outputs of `_score` into their parts."""
        layout = self._compute.layout
        displacement = outputs[:, -1] if layout.displacement else None
        actions = outputs[:, : layout.classes]
        left = None
        if layout.teams != "none":
            left = outputs[:, layout.classes : 2 * layout.classes]
        return ScoredFrames(
            in_action_order(actions, self._classes),
            pts_ms,
            None if left is None else in_action_order(left, self._classes),
            displacement,
        )

    def _features(
        self, batches: Iterable[FrameBatch], track_features: PerFrame | None
    ) -> Iterator[tuple[Floats, NDArray[np.int64]]]:
        """Features `[t, C]` and times `[t]` of consecutive frames, each frame once."""
        context = self._context
        frames = np.zeros((0, 0, 0, 3), np.uint8)
        times = np.zeros(0, np.int64)
        done = 0  # frames at the front that are kept only as left context
        for batch in batches:
            frames = np.concatenate([frames, batch.frames]) if len(frames) else batch.frames
            times = np.concatenate([times, batch.pts_ms])
            while len(frames) - done >= self._chunk + context:
                part = slice(done + self._chunk + context)
                features = self._backbone(frames[part], times[part], track_features)
                yield features[done : done + self._chunk], times[done:][: self._chunk]
                drop = max(0, done + self._chunk - context)
                done = done + self._chunk - drop
                frames, times = frames[drop:], times[drop:]
        while len(frames) > done:
            part = slice(done + self._chunk + context)
            features = self._backbone(frames[part], times[part], track_features)
            yield features[done : done + self._chunk], times[done:][: self._chunk]
            drop = max(0, min(done + self._chunk, len(frames)) - context)
            done = min(done + self._chunk, len(frames)) - drop
            frames, times = frames[drop:], times[drop:]

    def _backbone(
        self, frames: NDArray[np.uint8], times: NDArray[np.int64], track_features: PerFrame | None
    ) -> Floats:
        """Features `[t, C]` of frames `[t, H, W, 3]` and of the track features at `times`."""
        tracked = None if track_features is None else track_features.at(times)
        return self._compute.features(frames, tracked)


def in_action_order(scores: Floats, classes: Sequence[str] | None) -> Floats:
    """Scores `[t, 12]` of the actions, of scores `[t, K]` of classes that have their names or others.

    Actions that are not among the classes have scores of 0.
    """
    if classes is None:
        return scores
    ordered = np.zeros((len(scores), NUM_ACTIONS), np.float32)
    for column, name in enumerate(classes):
        if name in ACTIONS:
            ordered[:, ACTION_INDEX[Action(name)]] = scores[:, column]
    return ordered


#: Function from a window of features `[T, C]`, or of frames, to the outputs to average, `[T, F]`.
_Score = Callable[[NDArray[Any]], Floats]
#: Averaged outputs `[t, F]` and times `[t]`.
_Merged = tuple[Floats, NDArray[np.int64]]


class _WindowMerger:
    """Cut features, or frames, into overlapping windows and average their scores frame by frame.

    A window begins every `step` frames; the last one ends with the last frame. Frames in the middle
    of a window, where the temporal head has context on both sides, weigh more than those at its ends.
    """

    def __init__(self, window: int, step: int) -> None:
        self._window, self._step = window, step
        self._features: NDArray[Any] = np.zeros(0, np.float32)
        self._times = np.zeros(0, np.int64)
        self._sums = np.zeros((0, 0), np.float64)
        self._weights = np.zeros(0)
        self._settled = 0  # leading frames that no later regular window covers

    def push(
        self, features: NDArray[Any], times: NDArray[np.int64], score: _Score
    ) -> Iterator[_Merged]:
        """Add the next features and yield the scores that are final."""
        if len(self._times):
            features = np.concatenate([self._features, features])
        self._features = features
        self._times = np.concatenate([self._times, times])
        while len(self._times) >= self._settled + self._window:
            self._add(self._settled, self._window, score)
            self._settled += self._step
            # One window of features stays, for a last window that begins between two steps.
            yield from self._release(self._settled - self._window)

    def finish(self, score: _Score) -> Iterator[_Merged]:
        """Cover the frames up to the last one and yield the remaining scores."""
        count = len(self._times)
        if not count:
            return
        covered = self._settled - self._step + self._window if self._settled else 0
        if covered < count:
            begin = max(0, count - self._window)
            self._add(begin, count - begin, score)
        yield from self._release(count)

    def _add(self, begin: int, length: int, score: _Score) -> None:
        outputs = score(self._features[begin : begin + length])
        missing = begin + length - len(self._weights)
        if missing > 0:
            new = np.zeros((missing, outputs.shape[1]))
            self._sums = np.concatenate([self._sums, new]) if len(self._weights) else new
            self._weights = np.concatenate([self._weights, np.zeros(missing)])
        weights = np.minimum(np.arange(1, length + 1), np.arange(length, 0, -1)).astype(float)
        self._sums[begin : begin + length] += outputs * weights[:, None]
        self._weights[begin : begin + length] += weights

    def _release(self, count: int) -> Iterator[_Merged]:
        if count <= 0:
            return
        mean = self._sums[:count] / self._weights[:count, None]
        yield mean.astype(np.float32), self._times[:count]
        self._features, self._times = self._features[count:], self._times[count:]
        self._sums, self._weights = self._sums[count:], self._weights[count:]
        self._settled -= count
