"""Scores of a net clip by clip, as the authors of published models compute them.

    frames → clips, filled up outside the video → [whole net] → scores, moved by the displacements
           → mean of the clips that contain a frame

Unlike in `onball.spotting.engine`, the net sees nothing but the clip: temporal shifts find zeros at
its ends, and learned positions count from its beginning. Memory holds one clip.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from onball.actions import NUM_ACTIONS
from onball.config import ClipsConfig, ModelConfig
from onball.errors import ModelError
from onball.frames import FrameBatch
from onball.models import SpottingNet
from onball.models.components import DenseScores
from onball.spotting.engine import ScoredFrames, in_action_order
from onball.spotting.published import ClipAverage, move_scores
from onball.tracking.grid import PerFrame


class ClipEngine:
    """Run a net over the clips of a stream of frames.

    Args:
        net: the spotting net, in evaluation mode, already on its device.
        clips: arrangement of the clips.
        model: settings of the net: its classes, and the colour of frames outside the video.
        precision: dtype of the backbone's arithmetic.
    """

    def __init__(
        self,
        net: SpottingNet,
        clips: ClipsConfig,
        model: ModelConfig,
        *,
        precision: torch.dtype = torch.float32,
    ) -> None:
        self._net = net
        self._clips = clips
        self._classes = model.classes
        self._num_classes = NUM_ACTIONS if model.classes is None else len(model.classes)
        self._mean = torch.tensor(model.preprocessing.mean).view(3, 1, 1)
        self._precision = precision
        self._device = next(net.parameters()).device

    def frames_for(self, start: int, stop: int) -> tuple[int, int]:
        """Return the range of frames to run on for the scores of frames `start` to `stop`.

        It begins with the first clip that contains `start`, and all clips that contain a wanted
        frame are complete: the scores are the same.

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
    ) -> Iterator[ScoredFrames]:
        """Yield the scores of every frame, in order, each exactly once, as soon as they are final.

        Args:
            batches: consecutive frames of one video, in the net's size and at its rate.
            track_features: not supported.
            first: index of the first frame in its video, as `frames_for` returns it.

        Raises:
            ModelError: track features are given.
        """
        if track_features is not None:
            raise ModelError(
                "scores cannot be computed clip by clip by a net that takes tracks: give a model "
                "without inference.clips"
            )
        length, step = self._clips.frames, self._clips.step
        # Frames are counted from the first one given.
        start = self._clips.start if first == 0 else 0
        begin, covered = 0, 0
        frames = np.zeros((0, 0, 0, 3), np.uint8)
        times = np.zeros(0, np.int64)
        average = ClipAverage()
        for batch in batches:
            frames = np.concatenate([frames, batch.frames]) if len(frames) else batch.frames
            times = np.concatenate([times, batch.pts_ms])
            while begin + len(frames) >= start + length:
                average.add(self._score(frames[max(0, start) - begin :], start), start)
                covered, start = start + length, start + step
                final = max(0, start) - begin
                if final:
                    yield self._name_outputs(average.release(begin + final), times[:final])
                    frames, times, begin = frames[final:], times[final:], begin + final
        end = begin + len(frames)
        while covered < end:
            rows = self._score(frames[max(0, start) - begin :], start)
            average.add(rows[: end - start], start)
            covered, start = start + length, start + step
        if begin < end:
            yield self._name_outputs(average.release(end), times)

    @torch.inference_mode()
    def _score(self, frames: NDArray[np.uint8], start: int) -> NDArray[np.float32]:
        """Scores `[T, F]` of the clip that begins at frame `start`.

        Args:
            frames: `[t, H, W, 3]`, from the clip's first frame within the video on.
            start: below 0 for a clip that begins before the video.
        """
        images = torch.from_numpy(
            np.ascontiguousarray(frames[: self._clips.frames + min(0, start)])
        )
        clip = self._fill(images.permute(0, 3, 1, 2), max(0, -start))
        mixed = self._precision is not torch.float32
        with torch.autocast(self._device.type, dtype=self._precision, enabled=mixed):
            features = self._net.features(clip.to(self._device)[None]).float()
        return _clip_rows(self._net.scores_from_features(features))

    def _fill(self, images: Tensor, before: int) -> Tensor:
        """Clip `[T, 3, H, W]` of the images in the video, of which the first is at `before`."""
        after = self._clips.frames - before - len(images)
        if not before and not after:
            return images
        outside = torch.zeros(3, 1, 1, dtype=torch.uint8)
        if self._clips.outside == "mean":
            # Whole numbers cannot express the mean colour.
            images, outside = images / 255, self._mean
        edges = [outside.expand(count, *images.shape[1:]) for count in (before, after)]
        return torch.cat([edges[0], images, edges[1]])

    def _name_outputs(self, rows: NDArray[np.float32], times: NDArray[np.int64]) -> ScoredFrames:
        """Split averaged rows of `_clip_rows` into their parts."""
        actions, left = rows[:, 1:], None
        if actions.shape[1] == 2 * self._num_classes:
            of_left, of_right = np.split(actions, 2, axis=1)
            actions, left = of_left + of_right, in_action_order(of_left, self._classes)
        return ScoredFrames(in_action_order(actions, self._classes), times, left)


def _clip_rows(scores: DenseScores) -> NDArray[np.float32]:
    """Scores `[T, F]` of a clip, moved by its displacements: background and the K classes.

    If the net distinguishes teams, the K classes of the left team are followed by those of the right
    one. The team of a score is that of the frame that it moves to.
    """
    probabilities = scores.probabilities()[0]
    if scores.independent:
        probabilities = torch.cat([torch.ones_like(probabilities[:, :1]), probabilities], dim=1)
    rows = np.asarray(probabilities.cpu().numpy(), np.float32)
    if scores.displacement is not None:
        rows = move_scores(rows, scores.displacement[0].float().cpu().numpy())
    if scores.team is None:
        return rows
    right = scores.team[0].float().sigmoid().cpu().numpy()[:, None]
    return np.concatenate([rows[:, :1], (1 - right) * rows[:, 1:], right * rows[:, 1:]], axis=1)
