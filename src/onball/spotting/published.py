"""Post-processing of published models: from the scores of clips to events, as their authors do it.

    scores of a clip → move_scores (T-DEED) → average_clips → events: soft_nms or hard_nms (T-DEED,
    AdaSpot), keep_highest (E2E-Spot), or smoothed_peaks (MultiDimStacker)

Scores are arrays `[T, K]` of sampled frames and classes. `ClipAverage` and `PublishedPeaks` do the
same in a stream, for `onball.spotting.clips` and `onball.spotting.decoding`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from onball.config import SuppressionConfig

#: Extent of the Gaussian in `smoothed_peaks`, in standard deviations.
_TRUNCATE = 4.0


class Peak(NamedTuple):
    """An event before it has a time.

    Attributes:
        frame: index of the sampled frame.
        label: column of the scores.
        score: from 0 to 1.
    """

    frame: int
    label: int
    score: float


def move_scores(
    scores: NDArray[np.floating], displacement: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Move the scores of each frame of a clip to the frame of its event.

    Where several frames point to one, each class keeps its maximum; frames that none points to have
    scores of 0 (Xarles et al., "T-DEED", 2024).

    Args:
        scores: `[T, K]`.
        displacement: `[T]`, frames from each frame to its event, positive if that comes later. It is
            rounded to the nearest frame, halves to the even one, and limited to the clip.
    """
    moved = np.zeros(scores.shape, np.float32)
    frames = np.arange(len(scores)) + np.rint(displacement).astype(np.int64)
    np.maximum.at(moved, frames.clip(0, len(scores) - 1), scores)
    return moved


class ClipAverage:
    """Mean scores `[t, K]` of overlapping clips, in a stream.

    Rows of a clip that are all 0 do not count. Frames without any other row have scores of 0.
    """

    def __init__(self) -> None:
        self._first = 0  # first frame that is not released
        self._total = np.zeros((0, 0), np.float32)
        self._count = np.zeros((0, 1), np.int64)

    def add(self, clip: NDArray[np.floating], start: int) -> None:
        """Add the scores `[T, K]` of a clip that begins at frame `start`, which may be below 0."""
        begin = max(0, self._first - start)
        rows, at = clip[begin:], max(start, self._first) - self._first
        missing = at + len(rows) - len(self._total)
        if missing > 0:
            shape = (len(self._total), rows.shape[1])
            self._total = np.pad(self._total.reshape(shape), ((0, missing), (0, 0)))
            self._count = np.pad(self._count, ((0, missing), (0, 0)))
        self._total[at : at + len(rows)] += rows
        self._count[at : at + len(rows)] += (rows != 0).any(axis=1, keepdims=True)

    def release(self, stop: int) -> NDArray[np.float32]:
        """Return the mean scores of the frames up to `stop`, which no further clip contains."""
        count = max(0, stop - self._first)
        mean = self._total[:count] / np.maximum(self._count[:count], 1)
        self._total, self._count = self._total[count:], self._count[count:]
        self._first += count
        return np.asarray(mean, np.float32)


def average_clips(
    clips: NDArray[np.floating], starts: Sequence[int], frames: int
) -> NDArray[np.float32]:
    """Mean scores `[frames, K]` of overlapping clips, by `ClipAverage`.

    Args:
        clips: `[N, T, K]`.
        starts: frame at which each clip begins; clips may extend beyond both ends of the video.
        frames: number of sampled frames in the video.
    """
    average = ClipAverage()
    # A row for every frame, also of those that no clip contains.
    average.add(np.zeros((frames, clips.shape[2]), np.float32), 0)
    for clip, start in zip(clips, starts, strict=True):
        average.add(clip, start)
    return average.release(frames)


def soft_nms(
    scores: NDArray[np.floating],
    window: int,
    threshold: float,
    groups: Sequence[int] | None = None,
) -> list[Peak]:
    """Events after soft non-maximum suppression (Bodla et al. 2017), by frame and label.

    The highest score is an event, and scores nearer to it than `window` frames are multiplied by
    the square of their distance as a fraction of the window; this repeats until the highest score is
    below the threshold.

    Args:
        scores: `[T, K]`, without background.
        window: in frames.
        threshold: lowest score of an event.
        groups: number of the group of each column. Columns of one group suppress each other, such as
            the two teams of an action; None suppresses each column by itself.
    """
    return _suppress(scores, _soft_decay(window), threshold, groups)


def _soft_decay(window: int) -> NDArray[np.float64]:
    """Factors of the scores around an event in `soft_nms`, `[2 · window + 1]`."""
    return np.asarray((np.arange(-window, window + 1) / window) ** 2, np.float64)


def hard_nms(scores: NDArray[np.floating], window: int, threshold: float) -> list[Peak]:
    """Events after greedy non-maximum suppression, by frame and label.

    The highest score is an event, and scores up to `window` frames from it are dropped; this repeats
    until the highest score is below the threshold. Unlike in onball's own decoding, an event need
    not be a local maximum.

    Args:
        scores: `[T, K]`, without background.
        window: in frames.
        threshold: lowest score of an event.
    """
    return _suppress(scores, np.zeros(2 * window + 1), threshold)


def _suppress(
    scores: NDArray[np.floating],
    decay: NDArray[np.floating],
    threshold: float,
    groups: Sequence[int] | None = None,
) -> list[Peak]:
    """Events, highest first, each multiplying the scores around it by `decay`."""
    suppression = _Suppression(decay, threshold, groups or range(scores.shape[1]))
    return suppression.push(scores, last=True)


class _Suppression:
    """Events, highest first, each multiplying the scores around it by a decay, in a stream.

    An event is final if no score near it, also of later frames, can come before it.

    Args:
        decay: factors `[2w + 1]` of the scores from w frames before an event to w frames after it.
        threshold: lowest score of an event, above 0.
        groups: number of the group of each column.
    """

    def __init__(
        self, decay: NDArray[np.floating], threshold: float, groups: Sequence[int]
    ) -> None:
        names = np.asarray(groups)
        self._labels = [np.flatnonzero(names == group) for group in np.unique(names)]
        self._groups = [_Group(decay, threshold, len(labels)) for labels in self._labels]
        self._found: list[Peak] = []

    def push(self, scores: NDArray[np.floating], *, last: bool = False) -> list[Peak]:
        """Add scores `[t, K]`, and return the events that are final now, by frame and label."""
        for labels, group in zip(self._labels, self._groups, strict=True):
            for frame, column, score in group.push(scores[:, labels], last):
                self._found.append(Peak(frame, int(labels[column]), score))
        decided = min((group.decided for group in self._groups), default=0)
        self._found.sort()
        ready = [peak for peak in self._found if peak.frame < decided]
        self._found = self._found[len(ready) :]
        return ready


class _Group:
    """Suppression among the columns of one group, see `_Suppression`.

    Attributes:
        decided: frames before this one have no further events.
    """

    def __init__(self, decay: NDArray[np.floating], threshold: float, columns: int) -> None:
        self.decided = 0
        self._decay, self._window = decay, len(decay) // 2
        self._threshold = threshold
        self._left = np.zeros((0, columns))  # scores from frame `decided` on, after suppression

    def push(self, scores: NDArray[np.floating], last: bool) -> list[tuple[int, int, float]]:
        """Frame, column and score of the events that become certain with the next scores."""
        new = scores.astype(np.float64)
        new[new < self._threshold] = 0.0
        left = np.concatenate([self._left, new])
        known, window = len(left), self._window
        highest = left.max(axis=1) if known else np.zeros(0)
        waiting = np.zeros(known, np.bool_)
        peaks = []
        while known:
            frame = int(highest.argmax())
            if highest[frame] < self._threshold:
                break
            first, stop = max(0, frame - window), min(known, frame + window + 1)
            if waiting[first:stop].any() or (not last and frame + window >= known):
                # A higher score near it is undecided, or is still to come.
                waiting[frame], highest[frame] = True, 0.0
                continue
            column = int(left[frame].argmax())
            peaks.append((self.decided + frame, column, float(left[frame, column])))
            factors = self._decay[first - frame + window : stop - frame + window, None]
            left[first:stop] *= factors
            highest[first:stop] = left[first:stop].max(axis=1)
        passed = int(waiting.argmax()) if waiting.any() else known
        self._left = left[passed:]
        self.decided += passed
        return peaks


def keep_highest(scores: NDArray[np.floating], window: int, threshold: float) -> list[Peak]:
    """Scores that no higher score of their class is near, by frame and label.

    A score is dropped if a strictly higher one is within `window` frames, whether or not that one is
    dropped itself (Hong et al., "Spotting Temporally Precise, Fine-Grained Events in Video", 2022).

    Args:
        scores: `[T, K]`, without background.
        window: in frames.
        threshold: lowest score of an event.
    """
    padded = np.pad(scores, ((window, window), (0, 0)), constant_values=-np.inf)
    near = np.lib.stride_tricks.sliding_window_view(padded, 2 * window + 1, axis=0)
    kept = (scores >= near.max(axis=-1)) & (scores >= threshold)
    return [Peak(int(t), int(k), float(scores[t, k])) for t, k in np.argwhere(kept)]


def smoothed_peaks(
    scores: NDArray[np.floating], sigma: float, threshold: float, distance: int
) -> list[Peak]:
    """Local maxima of scores that are smoothed over time, by frame and label.

    Of maxima nearer to each other than `distance`, the highest is kept.

    Args:
        scores: `[T, K]`, without background.
        sigma: standard deviation of the Gaussian, in frames.
        threshold: lowest smoothed score of an event.
        distance: smallest number of frames between two events of a class.
    """
    extent = int(_TRUNCATE * sigma + 0.5)
    gaussian = np.exp(-0.5 * (np.arange(-extent, extent + 1) / sigma) ** 2)
    padded = np.pad(scores.astype(np.float64), ((extent, extent), (0, 0)), mode="symmetric")
    near = np.lib.stride_tricks.sliding_window_view(padded, len(gaussian), axis=0)
    smooth = near @ (gaussian / gaussian.sum())
    # The first and the last frame have no neighbour to be higher than.
    higher = np.zeros(smooth.shape, bool)
    higher[1:-1] = (smooth[1:-1] > smooth[:-2]) & (smooth[1:-1] >= smooth[2:])
    return hard_nms(np.where(higher, smooth, 0.0), distance - 1, threshold)


class PublishedPeaks:
    """Events by a published method, found in a stream of scores.

    The events of `soft_nms` and `hard_nms` come as soon as no later frame can change them, those of
    the other methods at the end.

    Args:
        config: the method and its window.
        threshold: lowest score of an event, above 0.
        groups: number of the group of each column, for `soft_nms` and `hard_nms`.
    """

    def __init__(self, config: SuppressionConfig, threshold: float, groups: Sequence[int]) -> None:
        self._config, self._threshold = config, threshold
        self._columns = len(groups)
        window = config.window
        self._kept: list[NDArray[np.floating]] = []
        self._suppression: _Suppression | None = None
        if config.method in ("soft_nms", "hard_nms"):
            soft = config.method == "soft_nms"
            decay = _soft_decay(window) if soft else np.zeros(2 * window + 1)
            self._suppression = _Suppression(decay, threshold, groups)

    def push(self, scores: NDArray[np.floating]) -> list[Peak]:
        """Add scores `[t, K]`, and return the events that are final now, by frame and label."""
        if self._suppression is not None:
            return self._suppression.push(scores)
        self._kept.append(scores)
        return []

    def finish(self) -> list[Peak]:
        """Return the remaining events, after the last frame."""
        none = np.zeros((0, self._columns))
        if self._suppression is not None:
            return self._suppression.push(none, last=True)
        scores, window = np.concatenate([none, *self._kept]), self._config.window
        if self._config.method == "keep_highest":
            return keep_highest(scores, window, self._threshold)
        return smoothed_peaks(scores, self._config.sigma, self._threshold, window + 1)
