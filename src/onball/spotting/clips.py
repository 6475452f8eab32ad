"""Scores of a net clip by clip, as the authors of published models compute them.

    frames → clips, filled up outside the video → [whole net] → scores, moved by the displacements
           → mean of the clips that contain a frame

Unlike in `onball.spotting.engine`, the net sees nothing but the clip: temporal shifts find zeros at
its ends, and learned positions count from its beginning. Memory holds one clip for each thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from onball.config import ClipsConfig, ModelConfig
from onball.errors import ModelError
from onball.frames import FrameBatch
from onball.spotting.compute import Compute, Floats
from onball.spotting.engine import PartialResults, ScoredFrames
from onball.spotting.published import ClipAverage, move_scores
from onball.spotting.workers import Workers
from onball.tracking.grid import PerFrame


class _Clip(NamedTuple):
    """A clip, and the frames whose scores are final with it.

    Attributes:
        frames: uint8 `[t, H, W, 3]`, those within the video; empty for frames after the last clip.
        start: index of the clip's first frame; below 0 for one that begins before the video.
        pts_ms: times of the next frames that no later clip contains.
    """

    frames: NDArray[np.uint8]
    start: int
    pts_ms: NDArray[np.int64]


class ClipEngine:
    """Run a net over the clips of a stream of frames.

    Args:
        compute: arithmetic of the net.
        clips: arrangement of the clips.
        model: settings of the net: its classes, and the colour of frames outside the video.
        workers: see `StreamingEngine`.
    """

    def __init__(
        self,
        compute: Compute,
        clips: ClipsConfig,
        model: ModelConfig,
        *,
        workers: Workers | None = None,
    ) -> None:
        self._compute = compute
        self._workers = workers or Workers(1)
        self._clips = clips
        self._mean = np.array(model.preprocessing.mean, np.float32)

    def frames_for(self, start: int, stop: int) -> tuple[int, int]:
        """Return the range of frames to run on for the scores of frames `start` to `stop`.

        It begins with the first clip that contains `start`, and all clips that contain a wanted
        frame are complete: the scores are the same as in a run on all frames, bit for bit.

        Args:
            start: first frame of the video that is wanted.
            stop: end of the wanted frames, which is not included.

        Returns:
            The same for the frames to run on. The end may be beyond that of the video.
        """
        clips = self._clips
        earlier = max(0, -(-(start + 1 - clips.frames - clips.start) // clips.step))
        return max(0, clips.start + earlier * clips.step), stop + clips.frames

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

        They are those of every frame, if the first frame is that of the video, else of those after
        the last clip that begins before the part.

        Args:
            batches: consecutive frames of one video, in the net's size and at its rate.
            track_features: not supported.
            first: index of the first frame in its video, as `frames_for` returns it.
            read_ahead: see `StreamingEngine.run`.
            keep: scores of the clips of this video.

        Raises:
            ModelError: track features are given.
        """
        if track_features is not None:
            raise ModelError(
                "scores cannot be computed clip by clip by a net that takes tracks: give a model "
                "without inference.clips"
            )
        without = self._clips.overlap if first else 0
        average = ClipAverage()
        done = 0
        with self._workers.session() as session:
            if read_ahead:
                batches = session.read_ahead(batches)
            clips = self._cut(batches, first)
            scores = partial(self._scored, keep, first)
            for scored in session.in_order(scores, clips, lambda clip: clip.frames):
                if scored is None:
                    continue
                clip, rows = scored
                if rows is not None:
                    average.add(rows, clip.start)
                final = average.release(done + len(clip.pts_ms))
                skipped = min(len(final), max(0, without - done))
                if skipped < len(final):
                    yield self._name_outputs(final[skipped:], clip.pts_ms[skipped:])
                done += len(clip.pts_ms)

    def _cut(self, batches: Iterable[FrameBatch], first: int) -> Iterator[_Clip | None]:
        """Clips of consecutive frames; None after each batch."""
        length, step = self._clips.frames, self._clips.step
        # Frames are counted from the first one given.
        start = self._clips.start if first == 0 else 0
        begin, covered = 0, 0
        frames: NDArray[np.uint8] | None = None
        times = np.zeros(0, np.int64)
        for batch in batches:
            frames = batch.frames if frames is None else np.concatenate([frames, batch.frames])
            times = np.concatenate([times, batch.pts_ms])
            while begin + len(frames) >= start + length:
                final = max(0, start + step) - begin
                shown = frames[max(0, start) - begin : start + length - begin]
                yield _Clip(shown, start, times[:final])
                covered, start = start + length, start + step
                frames, times, begin = frames[final:], times[final:], begin + final
            yield None
        if frames is None:
            return
        end = begin + len(frames)
        while covered < end:
            final = max(0, start + step) - begin if start + length < end else end - begin
            yield _Clip(
                frames[max(0, start) - begin :][: length + min(0, start)], start, times[:final]
            )
            covered, start = start + length, start + step
            frames, times, begin = frames[final:], times[final:], begin + final
        if len(times):
            yield _Clip(frames[:0], start, times)

    def _scored(
        self, keep: PartialResults | None, first: int, clip: _Clip
    ) -> tuple[_Clip, Floats | None]:
        """A clip and its scores within the video; None for the frames after the last clip.

        Args:
            keep: see `run`.
            first: index in the video of the frame from which `clip.start` counts.
            clip: the clip.
        """
        if not len(clip.frames):
            return clip, None

        def compute() -> Floats:
            return self._score(clip.frames, clip.start)

        rows = compute() if keep is None else keep(first + clip.start, compute)
        return clip, rows[: len(clip.frames) + max(0, -clip.start)]

    def _score(self, frames: NDArray[np.uint8], start: int) -> Floats:
        """Scores `[T, F]` of the clip that begins at frame `start`, moved by its displacements.

        They are the background and the K classes. If the net distinguishes teams, the K classes of the
        left team are followed by those of the right one; the team of a score is that of the frame
        that it moves to.

        Args:
            frames: `[t, H, W, 3]`, those of the clip within the video.
            start: below 0 for a clip that begins before the video.
        """
        clip = self._fill(frames, max(0, -start))
        outputs = self._compute.outputs(self._compute.features(clip)[None])[0]
        parts = self._compute.layout.split(outputs)
        background, actions = parts.background, parts.actions
        if background is None:
            background = np.ones_like(actions[:, :1])
        if parts.left is not None and parts.right is None:
            actions = outputs[:, 1 : 1 + 2 * actions.shape[1]]
        rows = np.concatenate([background, actions], axis=1)
        if parts.displacement is not None:
            rows = move_scores(rows, parts.displacement)
        if parts.right is None:
            return rows
        left, right = (1 - parts.right) * rows[:, 1:], parts.right * rows[:, 1:]
        return np.concatenate([rows[:, :1], left, right], axis=1)

    def _fill(self, images: NDArray[np.uint8], before: int) -> NDArray[np.uint8] | Floats:
        """Clip `[T, H, W, 3]` of the images in the video, of which the first is at `before`."""
        after = self._clips.frames - before - len(images)
        if not before and not after:
            return images
        edges = ((before, after), (0, 0), (0, 0), (0, 0))
        if self._clips.outside == "black":
            return np.asarray(np.pad(images, edges), np.uint8)
        # Whole numbers cannot express the mean colour.
        clip: Floats = np.pad(images.astype(np.float32) / np.float32(255), edges)
        clip[:before] = clip[len(clip) - after :] = self._mean
        return clip

    def _name_outputs(self, rows: Floats, times: NDArray[np.int64]) -> ScoredFrames:
        """Split averaged rows of `_score` into their parts."""
        actions, left = rows[:, 1:], None
        if self._compute.layout.teams != "none":
            left, right = np.split(actions, 2, axis=1)
            actions = left + right
        return ScoredFrames(actions, times, left)
