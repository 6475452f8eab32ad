"""Clip classification of whole matches: clip after clip, which actions are in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from onball.actions import NUM_ACTIONS
from onball.data.clips import match_events, present_actions
from onball.data.matches import LabelledMatch
from onball.models import ClipClassifier


class ClassifiedClips(NamedTuple):
    """The clips of a match, end to end.

    Attributes:
        present: bool `[N, 12]`, which actions are labelled in each clip.
        scores: float32 `[N, 12]`, the predicted probabilities.
    """

    present: NDArray[np.bool_]
    scores: NDArray[np.float32]


def classify_matches(
    net: ClipClassifier,
    matches: Sequence[LabelledMatch],
    clip_frames: int,
    precision: torch.dtype,
    on_match: Callable[[int, str], None] = lambda done, name: None,
) -> ClassifiedClips:
    """The clips of several matches, one match after the other; arguments as of `classify_match`.

    `on_match` is told how many matches are done and which comes next.
    """
    parts = []
    for done, match in enumerate(matches):
        on_match(done, match.name)
        parts.append(classify_match(net, match, clip_frames, precision))
    present, scores = zip(*parts, strict=True)
    return ClassifiedClips(np.concatenate(present), np.concatenate(scores))


@torch.inference_mode()
def classify_match(
    net: ClipClassifier, match: LabelledMatch, clip_frames: int, precision: torch.dtype
) -> ClassifiedClips:
    """Cut a match into clips that follow each other, and classify each.

    The last clip ends with the last frame, and overlaps the one before it if need be.

    Args:
        net: in evaluation mode, on its device.
        match: with at least one frame.
        clip_frames: frames of a clip.
        precision: dtype of the backbone's arithmetic.
    """
    device = next(net.parameters()).device
    times = match.frames.times_ms
    events = match_events(match.events, times)
    last = max(0, len(times) - clip_frames)
    starts = [*range(0, last, clip_frames), last]
    present = np.zeros((len(starts), NUM_ACTIONS), np.bool_)
    scores = np.zeros((len(starts), NUM_ACTIONS), np.float32)
    for index, start in enumerate(starts):
        frames = match.frames.read(start, min(start + clip_frames, len(times)))
        if not len(frames):  # the video ends before its header says so
            return ClassifiedClips(present[:index], scores[:index])
        present[index] = present_actions(events, start, start + len(frames)).numpy() > 0
        clip = torch.from_numpy(np.ascontiguousarray(frames)).to(device).permute(0, 3, 1, 2)
        with torch.autocast(device.type, dtype=precision, enabled=precision is not torch.float32):
            inputs = (clip[None], *_tracking(match, start, len(frames), device))
            scores[index] = net(*inputs)[0].float().sigmoid().cpu().numpy()
    return ClassifiedClips(present, scores)


def _tracking(
    match: LabelledMatch, start: int, count: int, device: torch.device
) -> tuple[torch.Tensor, ...]:
    """What the tracks say of some frames, `[1, count, 2F]`; nothing for nets that take none."""
    if match.tracking is None:
        return ()
    return (torch.from_numpy(match.tracking[start : start + count]).to(device)[None],)
