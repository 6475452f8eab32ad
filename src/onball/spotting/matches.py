"""Spotting or classifying the matches of a split, one after the other.

`onball evaluate`, `onball calibrate`, reports, validation during training and experiments all run
these loops:

- `spot_matches` for spotting nets, on videos or on frames that a data set has decoded;
- `classify_matches` for clip classifiers, clip after clip.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from onball.actions import ActionSet
from onball.config import DataConfig
from onball.cores import choose_threads, torch_threads
from onball.data.clips import match_events, present_actions
from onball.data.frame_labels import in_classes
from onball.data.layout import Match
from onball.data.matches import LabelledMatch, load_matches
from onball.events import EventList
from onball.formats.frame_confidences import CONFIDENCES_FILE
from onball.formats.soccernet import RESULTS_FILE, write_results
from onball.models import ClipClassifier, load_model
from onball.models.compute import choose_device, choose_precision
from onball.progress import Progress, ProgressCallback, no_progress
from onball.spotting.decoding import decode_events, frame_confidences
from onball.spotting.engine import ScoredFrames
from onball.spotting.spotter import Spotter
from onball.tracks import TRACKS_FILE
from onball.video import probe


class SpottedMatch(NamedTuple):
    """Events that a model finds in a match.

    Attributes:
        name: of the match.
        events: all events, down to the model's lowest score, in order of time.
        scores: dense scores of the match, if they were asked for.
    """

    name: str
    events: EventList
    scores: tuple[ScoredFrames, ...] = ()


def spot_matches(
    spotter: Spotter,
    matches: Sequence[Match | LabelledMatch],
    *,
    tracks: str = TRACKS_FILE,
    out: Path | None = None,
    keep_scores: bool = False,
    progress: ProgressCallback = no_progress,
) -> Iterator[SpottedMatch]:
    """Spot the matches and yield the events of each.

    Args:
        spotter: the model.
        matches: matches on disk, of which the video is read, or loaded ones, whose frames and track
            features are already those that the model takes.
        tracks: name of the tracks file beside each video, for a model that takes tracks.
        out: folder to write `<match>/results_spotting.json` and `confidences.npz` into; None writes
            nothing.
        keep_scores: whether results hold the dense scores.
        progress: called with the milliseconds of each match; its task is the match's name.

    Raises:
        DataError: a video is missing (before any match is spotted), or tracks are missing or of
            another video.
        VideoError: a file is no video.
        OnballError: `out` cannot be written.
    """
    for match in matches:
        if isinstance(match, Match):
            match.require_video()
    return _spot_each(spotter, matches, tracks, out, keep_scores, progress)


def _spot_each(
    spotter: Spotter,
    matches: Sequence[Match | LabelledMatch],
    tracks: str,
    out: Path | None,
    keep_scores: bool,
    progress: ProgressCallback,
) -> Iterator[SpottedMatch]:
    for match in matches:
        if isinstance(match, Match):
            video = match.require_video()
            scored = spotter.scores(video, video.with_name(tracks))
            duration_ms = probe(video).duration_ms
            info = spotter.describe_results(video.name, duration_ms)
        else:
            scored = spotter.score_frames(match.frames, match.track_features)
            duration_ms = int(match.frames.times_ms[-1])
            info = spotter.describe_results()
        kept: list[ScoredFrames] = []
        keep = kept if keep_scores or out is not None else None
        watched = _watch(scored, match.name, duration_ms, keep, progress)
        radius = spotter.net.head.radius
        inference, actions = spotter.config.inference, spotter.config.actions
        found = decode_events(watched, inference, radius, actions=actions)
        events = EventList.of(found, match=match.name, info=info)
        if out is not None:
            dense = frame_confidences(kept, inference, radius, actions)
            dense.save(out / match.name / CONFIDENCES_FILE)
            write_results(events, out / match.name / RESULTS_FILE)
        yield SpottedMatch(match.name, events, tuple(kept) if keep_scores else ())


def _watch(
    scored: Iterator[ScoredFrames],
    name: str,
    duration_ms: int,
    kept: list[ScoredFrames] | None,
    progress: ProgressCallback,
) -> Iterator[ScoredFrames]:
    """Pass scores on, keep them in a list if there is one, and report the progress."""
    total = duration_ms or None
    progress(Progress(name, 0, total, "ms"))
    done = 0
    for part in scored:
        if kept is not None:
            kept.append(part)
        yield part
        done = int(part.pts_ms[-1])
        progress(Progress(name, done, total, "ms"))
    progress(Progress(name, total or done, total or done, "ms"))


class ClassifiedClips(NamedTuple):
    """Labels and predictions of consecutive clips.

    Attributes:
        present: bool `[N, K]`, the actions that are labelled in each clip.
        scores: float32 `[N, K]`, the predicted probabilities; 0 for an action that the net lacks.
    """

    present: NDArray[np.bool_]
    scores: NDArray[np.float32]


def classify_split(
    model: str | Path,
    data: DataConfig,
    split: str,
    *,
    actions: ActionSet | None = None,
    device: str = "auto",
    threads: int | None = None,
    progress: ProgressCallback = no_progress,
) -> ClassifiedClips:
    """Classify all clips of a split with a saved clip classifier.

    Args:
        model: folder of the saved model, whose size, rate and clip length are used.
        data: folder of the data set, frame cache and tracks.
        split: name of the split.
        actions: the K actions of the result; by default the classes of the net.
        device: `auto`, `cpu`, `cuda`, `cuda:1`, `mps` …
        threads: CPU threads of torch; None keeps its number.
        progress: called with the number of matches done.

    Raises what loading the model and the matches raise.
    """
    net, saved = load_model(model, "classification")
    data = saved.sampling(data)
    place = choose_device(device)
    precision = choose_precision("auto", place)
    matches = load_matches(data, split, model=saved.model)
    with torch_threads(None if threads is None else choose_threads(threads)):
        return classify_matches(
            net.to(place), matches, data.clip_frames, precision, actions=actions, progress=progress
        )


def classify_matches(
    net: ClipClassifier,
    matches: Sequence[LabelledMatch],
    clip_frames: int,
    precision: torch.dtype,
    *,
    actions: ActionSet | None = None,
    progress: ProgressCallback = no_progress,
) -> ClassifiedClips:
    """Classify the clips of several matches.

    Args:
        net: in evaluation mode, on its device.
        matches: at least one.
        clip_frames: frames of a clip.
        precision: dtype of the backbone's arithmetic.
        actions: the K actions of the result; by default the classes of the net.
        progress: called with the number of matches done.
    """
    parts = []
    for done, match in enumerate(matches):
        progress(Progress(match.name, done, len(matches), "matches"))
        parts.append(classify_match(net, match, clip_frames, precision, actions=actions))
    progress(Progress(matches[-1].name, len(matches), len(matches), "matches"))
    present, scores = zip(*parts, strict=True)
    return ClassifiedClips(np.concatenate(present), np.concatenate(scores))


@torch.inference_mode()
def classify_match(
    net: ClipClassifier,
    match: LabelledMatch,
    clip_frames: int,
    precision: torch.dtype,
    *,
    actions: ActionSet | None = None,
) -> ClassifiedClips:
    """Cut a match into consecutive clips and classify each.

    The last clip ends with the last frame, and overlaps the one before it if necessary.

    Args:
        net: in evaluation mode, on its device.
        match: with at least one frame.
        clip_frames: frames of a clip.
        precision: dtype of the backbone's arithmetic.
        actions: the K actions of the result; by default the classes of the net.
    """
    device = next(net.parameters()).device
    times = match.frames.times_ms
    wanted = match.actions if actions is None else actions
    shared = [label for label in wanted if label in match.actions]
    columns = [wanted.index(label) for label in shared]
    outputs = [match.actions.index(label) for label in shared]
    events = match_events(in_classes(match.labels, wanted), times)
    last = max(0, len(times) - clip_frames)
    starts = [*range(0, last, clip_frames), last]
    count = len(wanted)
    present = np.zeros((len(starts), count), np.bool_)
    scores = np.zeros((len(starts), count), np.float32)
    for index, start in enumerate(starts):
        frames = match.frames.read(start, min(start + clip_frames, len(times)))
        if not len(frames):  # the video ends before the duration in its header
            return ClassifiedClips(present[:index], scores[:index])
        present[index] = present_actions(events, start, start + len(frames), count).numpy() > 0
        clip = torch.from_numpy(np.ascontiguousarray(frames)).to(device)
        if clip.ndim == 4:  # frames, not features of them
            clip = clip.permute(0, 3, 1, 2)
        with torch.autocast(device.type, dtype=precision, enabled=precision is not torch.float32):
            inputs = (clip[None], *_track_features(match, start, len(frames), device))
            probabilities = net(*inputs)[0].float().sigmoid().cpu().numpy()
        scores[index, columns] = probabilities[outputs]
    return ClassifiedClips(present, scores)


def _track_features(
    match: LabelledMatch, start: int, count: int, device: torch.device
) -> tuple[torch.Tensor, ...]:
    """Track features of some frames, `[1, count, 2F]`; empty for nets without."""
    if match.track_features is None:
        return ()
    return (torch.from_numpy(match.track_features[start : start + count]).to(device)[None],)
