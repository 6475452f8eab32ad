"""Streaming engine: dense scores of a net in one pass over the frames of a video.

    frames → [backbone, in chunks with `context` neighbours] → features
           → [temporal head, over overlapping windows] → probabilities, averaged where windows overlap

Each frame goes through the backbone once. Memory holds one chunk of frames and one window of
features, whatever the length of the video. A backbone whose features depend on the whole clip
(`context` None) computes each window of frames separately instead.

Chunks and windows begin at multiples of their steps, counted from the beginning of the video. A run on
a part of the video therefore computes on the same arrays as one on the whole, and has the same
scores, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from onball.errors import ModelError
from onball.frames import FrameBatch
from onball.spotting.compute import Compute, Floats
from onball.tracking.grid import PerFrame

#: Ratio of a chunk to the context on one side of it, above which little is computed twice.
_CHUNK_PER_CONTEXT = 4
#: Frames of such a chunk with its context on both sides, at most: they bound memory, and the part of a
#: video that is computed again where a run continues another.
_LONGEST_CHUNK = 320


class ScoredFrames(NamedTuple):
    """Final scores of consecutive frames.

    Attributes:
        probabilities: float32 `[t, K]`, of the K classes of the net.
        pts_ms: int64 `[t]`, time of each frame.
        left: float32 `[t, K]`, the left team's part of the probabilities; None if the net does not
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
    """

    def __init__(
        self,
        compute: Compute,
        *,
        window_frames: int,
        overlap: float,
        chunk_frames: int = 32,
    ) -> None:
        self._compute = compute
        self._window = window_frames
        self._step = max(1, round(window_frames * (1 - overlap)))
        self._whole_clips = compute.context is None
        self._context = compute.context or 0
        for_context = min(_CHUNK_PER_CONTEXT * self._context, _LONGEST_CHUNK - 2 * self._context)
        self._chunk = max(chunk_frames, for_context)

    def frames_for(self, start: int, stop: int) -> tuple[int, int]:
        """Return the range of frames to run on for the scores of frames `start` to `stop`.

        They are the same as in a run on all frames, bit for bit: chunks and windows begin where they
        begin there, and those that the wanted frames depend on are complete.

        Args:
            start, stop: indices of frames of the video; `stop` is not included.

        Returns:
            The same for the frames to run on. The end may be beyond that of the video.
        """
        # The last window of a video ends with its last frame, wherever that is.
        earliest, latest = max(0, start + 1 - self._window), stop + self._window
        if self._whole_clips:
            return earliest, latest
        earliest = earliest // self._chunk * self._chunk
        latest = -(-latest // self._chunk) * self._chunk
        return max(0, earliest - self._context), latest + self._context

    def run(
        self,
        batches: Iterable[FrameBatch],
        track_features: PerFrame | None = None,
        first: int = 0,
    ) -> Iterator[ScoredFrames]:
        """Yield scores of frames, in order, each exactly once, as soon as they are final.

        They are those of every frame, if the first frame is that of the video. Otherwise they begin
        with the first frame whose scores are not influenced by the beginning of the part, which is
        at or before the `start` that was given to `frames_for`.

        Args:
            batches: consecutive frames of one video, in the net's size and at its rate.
            track_features: `[T, 2F]`, by time, for a net that takes them.
            first: index of the first frame in its video, as `frames_for` returns it.
        """
        parts: Iterator[tuple[NDArray[Any], NDArray[np.int64]]]
        score: _Score = self._score
        if self._whole_clips:
            if track_features is not None:
                raise ModelError(
                    "a backbone that needs whole clips cannot be combined with tracks: give a model "
                    "without model.tracking"
                )
            parts, begin, score = iter(batches), first, self._score_clips
        else:
            begin = -(-(first + self._context) // self._chunk) * self._chunk if first else 0
            parts = self._features(batches, track_features, begin - first)
        merger = _WindowMerger(self._window, self._step, begin)
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
        return ScoredFrames(actions, pts_ms, left, displacement)

    def _features(
        self, batches: Iterable[FrameBatch], track_features: PerFrame | None, skipped: int
    ) -> Iterator[tuple[Floats, NDArray[np.int64]]]:
        """Features `[t, C]` and times `[t]` of consecutive frames, each frame once.

        Args:
            batches: the frames.
            track_features: see `run`.
            skipped: number of frames before the first chunk, of which the last ones are its context.
        """
        frames: NDArray[np.uint8] | None = None
        times = np.zeros(0, np.int64)
        done = skipped  # frames at the front that are not computed, or are already
        for batch in batches:
            frames = batch.frames if frames is None else np.concatenate([frames, batch.frames])
            times = np.concatenate([times, batch.pts_ms])
            while len(frames) >= done + self._chunk + self._context:
                yield self._chunk_features(frames, times, track_features, done)
                done += self._chunk
                drop = max(0, done - self._context)
                frames, times, done = frames[drop:], times[drop:], done - drop
        while frames is not None and len(frames) > done:
            yield self._chunk_features(frames, times, track_features, done)
            done += self._chunk

    def _chunk_features(
        self,
        frames: NDArray[np.uint8],
        times: NDArray[np.int64],
        track_features: PerFrame | None,
        begin: int,
    ) -> tuple[Floats, NDArray[np.int64]]:
        """Features and times of the chunk that begins at frame `begin` of those given."""
        left = max(0, begin - self._context)
        part = slice(left, begin + self._chunk + self._context)
        tracked = None if track_features is None else track_features.at(times[part])
        features = self._compute.features(frames[part], tracked)
        kept = features[begin - left : begin - left + self._chunk]
        return kept, times[begin : begin + self._chunk]


#: Function from a window of features `[T, C]`, or of frames, to the outputs to average, `[T, F]`.
_Score = Callable[[NDArray[Any]], Floats]
#: Averaged outputs `[t, F]` and times `[t]`.
_Merged = tuple[Floats, NDArray[np.int64]]


class _WindowMerger:
    """Cut features, or frames, into overlapping windows and average their scores frame by frame.

    A window begins at every multiple of `step`; the last one ends with the last frame. Frames in the
    middle of a window, where the temporal head has context on both sides, weigh more than those at its
    ends.

    Args:
        window: frames in a window.
        step: frames from one window to the next.
        begin: index of the first frame in its video. Frames that would be in an earlier window have
            no scores.
    """

    def __init__(self, window: int, step: int, begin: int = 0) -> None:
        self._window, self._step = window, step
        self._features: NDArray[Any] = np.zeros(0, np.float32)
        self._times = np.zeros(0, np.int64)
        self._sums = np.zeros((0, 0), np.float64)
        self._weights = np.zeros(0)
        self._next = -begin % step  # where the next regular window begins
        self._covered = 0  # end of the last window
        self._without = self._next + window - step if begin else 0  # frames without scores

    def push(
        self, features: NDArray[Any], times: NDArray[np.int64], score: _Score
    ) -> Iterator[_Merged]:
        """Add the next features and yield the scores that are final."""
        if len(self._times):
            features = np.concatenate([self._features, features])
        self._features = features
        self._times = np.concatenate([self._times, times])
        while len(self._times) >= self._next + self._window:
            self._add(self._next, self._window, score)
            self._next += self._step
            # One window of features stays, for a last window that begins between two steps.
            yield from self._release(self._next - self._window)

    def finish(self, score: _Score) -> Iterator[_Merged]:
        """Cover the frames up to the last one and yield the remaining scores."""
        count = len(self._times)
        if self._without and not self._covered and count < self._window:
            return  # the part begins after the last window of its video
        if self._covered < count:
            begin = max(0, count - self._window)
            self._add(begin, count - begin, score)
        yield from self._release(count)

    def _add(self, begin: int, length: int, score: _Score) -> None:
        outputs = score(self._features[begin : begin + length])
        self._covered = begin + length
        missing = self._covered - len(self._weights)
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
        first = min(self._without, count)
        if first < count:
            mean = self._sums[first:count] / self._weights[first:count, None]
            yield mean.astype(np.float32), self._times[first:count]
        self._features, self._times = self._features[count:], self._times[count:]
        self._sums, self._weights = self._sums[count:], self._weights[count:]
        self._next -= count
        self._covered -= count
        self._without -= first
