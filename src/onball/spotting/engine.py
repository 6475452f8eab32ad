"""Streaming engine: dense scores of a net in one pass over the frames of a video.

    frames → [backbone, in chunks with `context` neighbours] → features
           → [temporal head, over overlapping windows] → probabilities, averaged where windows overlap

Each frame goes through the backbone once. Memory holds one chunk of frames and one window of
features for each thread, whatever the length of the video. A backbone whose features depend on the whole clip
(`context` None) computes each window of frames separately instead.

Chunks and windows begin at multiples of their steps, counted from the beginning of the video. A run on
a part of the video therefore computes on the same arrays as one on the whole, and has the same
scores, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from onball.errors import ModelError
from onball.frames import FrameBatch
from onball.spotting.compute import Compute, Floats
from onball.spotting.workers import Workers
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

    def select(self, frames: slice) -> ScoredFrames:
        """Return the scores of some of the frames."""
        return ScoredFrames(
            self.probabilities[frames],
            self.pts_ms[frames],
            None if self.left is None else self.left[frames],
            None if self.displacement is None else self.displacement[frames],
        )


class PartialResults(Protocol):
    """Results of the parts of a video, from which scores become final later.

    The scores of a frame are final when all windows that contain it are computed. Results that are kept
    until then need not be computed again by a run that continues another.
    """

    def __call__(self, first: int, compute: Callable[[], Floats]) -> Floats:
        """Return the result of a part, which is computed unless it is kept. Any thread may call it.

        Args:
            first: index in the video of the part's first frame, which identifies the part.
            compute: computes the result `[t, F]`, the same every time.
        """


class StreamingEngine:
    """Run a net over a stream of frames.

    Args:
        compute: arithmetic of the net.
        window_frames: frames in a window of the temporal head.
        overlap: fraction of a window that it shares with the next one, 0 to below 1.
        chunk_frames: smallest number of frames that the backbone computes at once; more if its
            context is so long that most of the work would be computing neighbours again.
        workers: threads that compute; by default one. Their number does not change the scores.
    """

    def __init__(
        self,
        compute: Compute,
        *,
        window_frames: int,
        overlap: float,
        chunk_frames: int = 32,
        workers: Workers | None = None,
    ) -> None:
        self._compute = compute
        self._workers = workers or Workers(1)
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
        *,
        read_ahead: bool = False,
        keep: PartialResults | None = None,
    ) -> Iterator[ScoredFrames]:
        """Yield scores of frames, in order, each exactly once, as soon as they are final.

        They are those of every frame, if the first frame is that of the video. Otherwise they begin
        with the first frame whose scores are not influenced by the beginning of the part, which is
        at or before the `start` that was given to `frames_for`.

        Args:
            batches: consecutive frames of one video, in the net's size and at its rate.
            track_features: `[T, 2F]`, by time, for a net that takes them.
            first: index of the first frame in its video, as `frames_for` returns it.
            read_ahead: read the next batch in a worker while one is computed. The batches of a live
                stream, or of code that belongs to one thread, are better read by the caller.
            keep: results of the backbone for the parts of this video.
        """
        if self._whole_clips and track_features is not None:
            raise ModelError(
                "a backbone that needs whole clips cannot be combined with tracks: give a model "
                "without model.tracking"
            )
        with self._workers.session() as session:
            if read_ahead:
                batches = session.read_ahead(batches)
            parts: Iterator[_Timed | None]
            if self._whole_clips:
                begin, parts = first, ((batch.frames, batch.pts_ms) for batch in batches)
            else:
                begin = -(-(first + self._context) // self._chunk) * self._chunk if first else 0
                chunks = self._chunks(batches, track_features, begin - first)
                features = partial(self._kept_features, keep, begin)
                parts = session.in_order(features, chunks, lambda chunk: chunk.frames)
            windows = _windows(parts, self._window, self._step, begin)
            without = -begin % self._step + self._window - self._step if begin else 0
            average = _WindowAverage(without)
            contents = (lambda window: window.content) if self._whole_clips else None
            score = partial(self._kept_score, keep, begin) if self._whole_clips else self._score
            for scored in session.in_order(score, windows, contents):
                if scored is not None:
                    average.add(scored)
                    for outputs, times in average.release(scored.window):
                        yield self._name_outputs(outputs, times)

    def features(
        self, batches: Iterable[FrameBatch], *, read_ahead: bool = False
    ) -> Iterator[tuple[Floats, NDArray[np.int64]]]:
        """Yield the features `[t, C]` and times `[t]` of all frames of a video, in order.

        They are those from which `run` computes the scores, bit for bit.

        Args:
            batches: see `run`.
            read_ahead: see `run`.

        Raises:
            ModelError: the backbone computes clips as a whole, so that a frame has no feature of its
                own.
        """
        if self._whole_clips:
            raise ModelError(
                "the backbone of this model needs whole clips: its frames have no features that could "
                "be kept"
            )
        with self._workers.session() as session:
            if read_ahead:
                batches = session.read_ahead(batches)
            chunks = self._chunks(batches, None, 0)
            for part in session.in_order(self._features, chunks, lambda chunk: chunk.frames):
                if part is not None:
                    yield part

    def _chunks(
        self, batches: Iterable[FrameBatch], track_features: PerFrame | None, skipped: int
    ) -> Iterator[_Chunk | None]:
        """Chunks of consecutive frames with the context on both sides; None after each batch.

        Args:
            batches: the frames.
            track_features: see `run`.
            skipped: number of frames before the first chunk, of which the last ones are its context.
        """
        frames: NDArray[np.uint8] | None = None
        times = np.zeros(0, np.int64)
        done = skipped  # frames at the front that are in no chunk, or in an earlier one

        def chunk() -> _Chunk:
            left = max(0, done - self._context)
            part = slice(left, done + self._chunk + self._context)
            tracked = None if track_features is None else track_features.at(times[part])
            assert frames is not None
            own = times[done : done + self._chunk]
            return _Chunk(frames[part], tracked, number * self._chunk, done - left, own)

        number = 0
        for batch in batches:
            frames = batch.frames if frames is None else np.concatenate([frames, batch.frames])
            times = np.concatenate([times, batch.pts_ms])
            while len(frames) >= done + self._chunk + self._context:
                yield chunk()
                done, number = done + self._chunk, number + 1
            drop = min(len(frames), max(0, done - self._context))
            frames, times, done = frames[drop:], times[drop:], done - drop
            yield None
        while frames is not None and len(frames) > done:
            yield chunk()
            done, number = done + self._chunk, number + 1

    def _kept_features(self, keep: PartialResults | None, begin: int, chunk: _Chunk) -> _Timed:
        """The same as `_features`; `begin` is the index in the video of the first chunk."""
        if keep is None:
            return self._features(chunk)
        return keep(begin + chunk.first, lambda: self._features(chunk)[0]), chunk.pts_ms

    def _kept_score(self, keep: PartialResults | None, begin: int, window: _Window) -> _Scored:
        """The same as `_score`; `begin` is the index in the video of the first frame."""

        def compute() -> Floats:
            outputs = self._score(window).outputs
            assert outputs is not None
            return outputs

        if keep is None or not len(window.content):
            return self._score(window)
        return _Scored(window, keep(begin + window.begin, compute))

    def _features(self, chunk: _Chunk) -> _Timed:
        """Features `[t, C]` and times `[t]` of the frames of a chunk without its context."""
        features = self._compute.features(chunk.frames, chunk.track_features)
        return features[chunk.begin : chunk.begin + len(chunk.pts_ms)], chunk.pts_ms

    def _score(self, window: _Window) -> _Scored:
        """Outputs to average, `[T, F]`, of a window of features or frames."""
        if not len(window.content):
            return _Scored(window, None)
        features = window.content
        if self._whole_clips:
            features = self._compute.features(features)
        outputs = self._compute.layout.split(self._compute.outputs(features[None])[0])
        parts = [outputs.actions]
        if outputs.left is not None:
            parts.append(outputs.left)
        if outputs.displacement is not None:
            parts.append(outputs.displacement[:, None])
        return _Scored(window, np.concatenate(parts, axis=1))

    def _name_outputs(self, outputs: Floats, pts_ms: NDArray[np.int64]) -> ScoredFrames:
        """Split the averaged outputs of `_score` into their parts."""
        layout = self._compute.layout
        displacement = outputs[:, -1] if layout.displacement else None
        actions = outputs[:, : layout.classes]
        left = None
        if layout.teams != "none":
            left = outputs[:, layout.classes : 2 * layout.classes]
        return ScoredFrames(actions, pts_ms, left, displacement)


class _Chunk(NamedTuple):
    """Frames that the backbone computes at once.

    Attributes:
        frames: uint8 `[c + t + c', H, W, 3]`, with the context before and after.
        track_features: `[c + t + c', 2F]`, or None.
        first: index of the first frame of the chunk itself, from that of the first chunk.
        begin: c, number of frames of context before the chunk.
        pts_ms: `[t]`, times of the frames of the chunk itself.
    """

    frames: NDArray[np.uint8]
    track_features: Floats | None
    first: int
    begin: int
    pts_ms: NDArray[np.int64]


#: Features `[t, C]`, or frames `[t, H, W, 3]`, and their times `[t]`.
_Timed = tuple[NDArray[Any], NDArray[np.int64]]


class _Window(NamedTuple):
    """A window of features, or frames, and the frames whose scores are final with it.

    Attributes:
        content: `[T, ...]`; empty at the end of a video that the last window reached.
        begin: index of its first frame, from the first frame of the part.
        pts_ms: `[t]`, times of the next frames that no later window contains.
    """

    content: NDArray[Any]
    begin: int
    pts_ms: NDArray[np.int64]


class _Scored(NamedTuple):
    """A window and its outputs to average, `[T, F]`; None for an empty window."""

    window: _Window
    outputs: Floats | None


def _windows(
    parts: Iterable[_Timed | None], window: int, step: int, begin: int
) -> Iterator[_Window | None]:
    """Cut features, or frames, into overlapping windows.

    A window begins at every multiple of `step`; the last one ends with the last frame.

    Args:
        parts: consecutive features, or None; each is followed by None.
        window: frames in a window.
        step: frames from one window to the next.
        begin: index of the first frame in its video.
    """
    content: NDArray[Any] = np.zeros(0, np.float32)
    times = np.zeros(0, np.int64)
    dropped = final = covered = 0  # counted from the first frame, as `start`
    start = -begin % step
    for part in parts:
        if part is None:
            yield None
            continue
        content = np.concatenate([content, part[0]]) if len(times) else part[0]
        times = np.concatenate([times, part[1]])
        while dropped + len(times) >= start + window:
            covered = start + window
            settled = start + step
            # One window stays, for a last one that begins between two steps.
            kept = max(final, settled - window)
            part_times = times[final - dropped : kept - dropped]
            yield _Window(content[start - dropped : covered - dropped], start, part_times)
            start, final = settled, kept
            content, times = content[final - dropped :], times[final - dropped :]
            dropped = final
        yield None
    end = dropped + len(times)
    if begin and end < window:
        return  # the part begins after the last window of its video
    if end > final:
        last = max(0, end - window) if covered < end else end
        yield _Window(content[last - dropped :], last, times)


class _WindowAverage:
    """Average of the outputs of overlapping windows, frame by frame.

    Frames in the middle of a window, where the temporal head has context on both sides, weigh more
    than those at its ends.

    Args:
        without: number of frames at the beginning that have no scores.
    """

    def __init__(self, without: int) -> None:
        self._without = without
        self._sums = np.zeros((0, 0), np.float64)
        self._weights = np.zeros(0)
        self._first = 0  # index of the first frame that is not released

    def add(self, scored: _Scored) -> None:
        """Add the outputs of a window."""
        if scored.outputs is None:
            return
        begin, length = scored.window.begin - self._first, len(scored.outputs)
        missing = begin + length - len(self._weights)
        if missing > 0:
            new = np.zeros((missing, scored.outputs.shape[1]))
            self._sums = np.concatenate([self._sums, new]) if len(self._weights) else new
            self._weights = np.concatenate([self._weights, np.zeros(missing)])
        weights = np.minimum(np.arange(1, length + 1), np.arange(length, 0, -1)).astype(float)
        self._sums[begin : begin + length] += scored.outputs * weights[:, None]
        self._weights[begin : begin + length] += weights

    def release(self, window: _Window) -> Iterator[tuple[Floats, NDArray[np.int64]]]:
        """Mean outputs `[t, F]` and times `[t]` of the frames that are final with a window."""
        count = len(window.pts_ms)
        skipped = min(count, max(0, self._without - self._first))
        if skipped < count:
            mean = self._sums[skipped:count] / self._weights[skipped:count, None]
            yield mean.astype(np.float32), window.pts_ms[skipped:]
        self._sums, self._weights = self._sums[count:], self._weights[count:]
        self._first += count
