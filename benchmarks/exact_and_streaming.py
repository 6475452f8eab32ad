"""Compare the two ways to compute a model's scores: clip by clip, and as a stream.

    python benchmarks/exact_and_streaming.py MODEL match.mp4
    python benchmarks/exact_and_streaming.py MODEL --data DATA --minutes 5
    python benchmarks/exact_and_streaming.py runs/adaspot_small/model --data DATA --clips 50 25

MODEL is the folder of a saved model: an imported published one, whose authors compute clip by clip, or
any other with the clips that `--clips FRAMES OVERLAP` names. The stream computes the features of each
frame once, with all neighbours that they depend on, and positions count from the beginning of a window.

Prints the speed of both, the differences of the scores, and how many events above the model's threshold
have a partner of the same action within half a second; with `--data`, also the mAP of both on a labelled
split, and the difference with a 95 % interval (bootstrap over minutes of video, paired).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onball.actions import ActionSet
from onball.config import ClipsConfig, SavedModelConfig
from onball.data.classes import labelled_classes
from onball.data.layout import find_matches
from onball.data.matches import read_video_labels
from onball.evaluation.average_precision import headline_of
from onball.evaluation.spotting import evaluate_spotting
from onball.events import Event, EventList
from onball.frames import FrameBatch
from onball.models import load_model
from onball.spotting.decoding import apply_displacement, decode_events
from onball.spotting.spotter import Spotter
from onball.video import probe, read_frames

#: Distance up to which two events are the same.
TOLERANCE_MS = 500
MINUTE_MS = 60_000
_WAYS = ("clip by clip", "stream")


@dataclass
class Result:
    """Scores `[T, C]` and events of the first `length_ms` of a video, and the seconds that they took."""

    scores: NDArray[np.float32]
    events: list[Event]
    seconds: float
    length_ms: int


def main() -> int:
    """Measure, print the comparison and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("video", type=Path, nargs="?")
    parser.add_argument("--data", type=Path, help="data set, instead of one video")
    parser.add_argument("--split", default="test")
    parser.add_argument("--minutes", type=float, help="of each video; all by default")
    parser.add_argument("--clips", type=int, nargs=2, metavar=("FRAMES", "OVERLAP"))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int)
    given = parser.parse_args()
    if (given.video is None) == (given.data is None):
        parser.error("name a video, or a data set with --data")
    net, config = load_model(given.model, "spotting")
    clips = config.inference.clips
    if given.clips:
        clips = ClipsConfig(frames=given.clips[0], overlap=given.clips[1])
    if clips is None:
        print(f"{given.model}: has no inference.clips to compare with: --clips", file=sys.stderr)
        return 2
    matches = [] if given.data is None else find_matches(given.data, given.split)
    videos = [given.video] if given.video else [match.require_video() for match in matches]
    end_ms = None if given.minutes is None else round(given.minutes * MINUTE_MS)
    results: list[list[Result]] = []
    for value in (clips, None):
        inference = config.inference.model_copy(update={"clips": value})
        settings = config.model_copy(update={"inference": inference})
        spotter = Spotter(net, settings, device=given.device, threads=given.threads)
        results.append([measure(spotter, video, end_ms) for video in videos])
    print(f"clips of {clips.frames} frames, {clips.overlap} of them shared with the next one")
    print_comparison(config, *results)
    if given.data is not None:
        actions = labelled_classes(given.data, config.actions)
        labels = [read_video_labels(match, given.data, actions) for match in matches]
        print_accuracy(actions, labels, *results)
    return 0


def measure(spotter: Spotter, video: Path, end_ms: int | None) -> Result:
    """Scores and all events of a video, or of its beginning."""
    config, net = spotter.config, spotter.net
    length_ms = min(probe(video).duration_ms, end_ms or sys.maxsize)
    begin = time.perf_counter()
    scored = list(spotter.scores(beginning(config, video, length_ms)))
    seconds = time.perf_counter() - begin
    radius = net.head.radius
    moved = list(apply_displacement(scored, radius)) if radius else scored
    scores = np.concatenate([part.probabilities for part in moved])
    events = list(decode_events(scored, config.inference, radius, actions=config.actions))
    return Result(scores, events, seconds, length_ms)


def beginning(config: SavedModelConfig, video: Path, end_ms: int) -> Iterator[FrameBatch]:
    """Read frames of a video up to a time, as the model takes them."""
    return read_frames(video, config.fps, config.size, end_ms=end_ms, scaling=config.scaling)


def print_comparison(
    config: SavedModelConfig, exact: Sequence[Result], stream: Sequence[Result]
) -> None:
    """Print speed, differences of scores, and partners of the events above the threshold."""
    length_s = sum(result.length_ms for result in exact) / 1000
    frames = sum(len(result.scores) for result in exact)
    print(f"{frames} frames, {length_s:.1f} s of {len(exact)} videos")
    shown = [
        [confident(config, result.events) for result in results] for results in (exact, stream)
    ]
    for way, results, events in zip(_WAYS, (exact, stream), shown, strict=True):
        seconds = sum(result.seconds for result in results)
        print(
            f"{way:12}  {seconds:7.1f} s  {frames / seconds:5.1f} frames/s  "
            f"{length_s / seconds:.2f} times real time  {sum(map(len, events))} events"
        )
    scores = np.concatenate([result.scores for result in exact])
    difference = np.abs(scores - np.concatenate([result.scores for result in stream]))
    print(f"scores: mean {scores.mean():.4f}, standard deviation {scores.std():.4f}")
    quantile = np.quantile(difference, 0.99)
    print(
        f"difference of scores: mean {difference.mean():.4f}, 99 % below {quantile:.4f}, largest "
        f"{difference.max():.4f}"
    )
    for way, ones, others in zip(_WAYS, shown, reversed(shown), strict=True):
        partners = [
            has_partner(event, other)
            for one, other in zip(ones, others, strict=True)
            for event in one
        ]
        print(f"events of {way} with a partner: {sum(partners)} of {len(partners)}")


def confident(config: SavedModelConfig, events: Sequence[Event]) -> list[Event]:
    """Events from the confidence on at which the model shows them."""
    threshold = config.inference.report_threshold_of
    return [event for event in events if event.confidence >= threshold(event.label)]


def has_partner(event: Event, others: Sequence[Event]) -> bool:
    """Return True if one of the others is of the same action and within the tolerance."""
    return any(
        other.label == event.label and abs(other.position_ms - event.position_ms) <= TOLERANCE_MS
        for other in others
    )


def print_accuracy(
    actions: ActionSet,
    labels: Sequence[EventList],
    exact: Sequence[Result],
    stream: Sequence[Result],
) -> None:
    """Print the mAP of both ways at 1 s, and the difference with its interval."""
    lengths = [result.length_ms for result in exact]
    truth = minutes_of(labels, lengths)
    found = [
        minutes_of([EventList.of(result.events) for result in results], lengths)
        for results in (exact, stream)
    ]
    mean = headline_of(actions)

    def score(predictions: Sequence[EventList], chosen: Sequence[int]) -> float:
        result = evaluate_spotting(
            [truth[i] for i in chosen], [predictions[i] for i in chosen], actions=actions
        )
        return 100 * mean.of(result.ap)

    every = range(len(truth))
    scores = [score(predictions, every) for predictions in found]
    rng = np.random.default_rng(0)
    draws = rng.integers(len(truth), size=(500, len(truth)))
    differences = [score(found[1], draw) - score(found[0], draw) for draw in draws]
    low, high = np.percentile(differences, (2.5, 97.5))
    events = sum(len(minute) for minute in truth)
    print(f"{mean.name} at 1 s, {events} labels in {len(truth)} minutes:")
    for way, value in zip(_WAYS, scores, strict=True):
        print(f"{way:12}  {value:.2f}")
    print(f"stream - clip by clip: {scores[1] - scores[0]:+.2f} (95 %: {low:+.2f} to {high:+.2f})")


def minutes_of(videos: Sequence[EventList], lengths_ms: Sequence[int]) -> list[EventList]:
    """Events of each minute of the videos, with the times of the video."""
    minutes = []
    for events, length_ms in zip(videos, lengths_ms, strict=True):
        for start in range(0, length_ms, MINUTE_MS):
            end = min(start + MINUTE_MS, length_ms)
            minutes.append(EventList.of(e for e in events if start <= e.position_ms < end))
    return minutes


if __name__ == "__main__":
    sys.exit(main())
