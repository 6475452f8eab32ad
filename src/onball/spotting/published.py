"""Post-processing of published models: from the scores of clips to events, as their authors do it.

    scores of a clip → move_scores (T-DEED) → average_clips → events: soft_nms or hard_nms (T-DEED,
    AdaSpot), keep_highest (E2E-Spot), or smoothed_peaks (MultiDimStacker)

Scores are arrays `[T, K]` of sampled frames and classes. onball's own decoding, which the other models
use, is in `onball.spotting.decoding`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

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


def average_clips(
    clips: NDArray[np.floating], starts: Sequence[int], frames: int
) -> NDArray[np.float32]:
    """Mean scores `[frames, K]` of overlapping clips.

    Rows of a clip that are all 0 do not count. Frames without any other row have scores of 0.

    Args:
        clips: `[N, T, K]`.
        starts: frame at which each clip begins; clips may extend beyond both ends of the video.
        frames: number of sampled frames in the video.
    """
    total = np.zeros((frames, clips.shape[2]), np.float32)
    count = np.zeros((frames, 1), np.int64)
    for clip, start in zip(clips, starts, strict=True):
        first, last = max(0, start), min(frames, start + len(clip))
        if first < last:
            part = clip[first - start : last - start]
            total[first:last] += part
            count[first:last] += (part != 0).any(axis=1, keepdims=True)
    return np.asarray(total / np.maximum(count, 1), np.float32)


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
    decay = (np.arange(-window, window + 1) / window) ** 2
    return _suppress(scores, decay, threshold, groups)


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
    names = np.arange(scores.shape[1]) if groups is None else np.asarray(groups)
    window = len(decay) // 2
    peaks = []
    for group in np.unique(names):
        labels = np.flatnonzero(names == group)
        left = scores[:, labels].astype(np.float64)
        left[left < threshold] = 0.0
        while left.size and left.max() >= threshold:
            frame, column = (int(i) for i in np.unravel_index(left.argmax(), left.shape))
            peaks.append(Peak(frame, int(labels[column]), float(left[frame, column])))
            first, last = max(0, frame - window), min(len(left), frame + window + 1)
            left[first:last] *= decay[first - frame + window : last - frame + window, None]
    return sorted(peaks)


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
