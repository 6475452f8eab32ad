"""Compare the two ways to compute a model's scores: clip by clip, and as a stream.

    python benchmarks/exact_and_streaming.py MODEL VIDEO

MODEL is the folder of a saved model with `inference.clips`, such as an imported published one. Clip by
clip is what its authors compute; the stream computes the features of each frame once, with all
neighbours that they depend on, and positions count from the beginning of a window. Prints the
differences of the scores, the speed of both, and how many events above the model's threshold have a
partner of the same action within half a second.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onball.config import SavedModelConfig
from onball.events import Event
from onball.models import SpottingNet, load_model
from onball.spotting.decoding import apply_displacement, decode_events
from onball.spotting.spotter import Spotter
from onball.video import probe

#: Distance up to which two events are the same.
TOLERANCE_MS = 500


@dataclass
class Result:
    """Scores `[T, 12]` and confident events of a video, and the seconds that they took."""

    scores: NDArray[np.float32]
    events: list[Event]
    seconds: float


def main() -> int:
    """Measure, print the comparison and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("video", type=Path)
    parser.add_argument("--device", default="auto")
    given = parser.parse_args()
    net, config = load_model(given.model, "spotting")
    if config.inference.clips is None:
        print(f"{given.model}: has no inference.clips to compare with", file=sys.stderr)
        return 2
    inference = config.inference.model_copy(update={"clips": None})
    streaming = config.model_copy(update={"inference": inference})
    length_ms = probe(given.video).duration_ms
    exact = measure(net, config, given.video, given.device)
    stream = measure(net, streaming, given.video, given.device)
    difference = np.abs(exact.scores - stream.scores)
    print(f"{len(exact.scores)} frames, {length_ms / 1000:.1f} s of {given.video.name}")
    for name, result in (("clip by clip", exact), ("stream", stream)):
        print(
            f"{name:12}  {result.seconds:6.1f} s  {len(result.scores) / result.seconds:5.1f} frames/s  "
            f"{length_ms / 1000 / result.seconds:.2f} times real time  {len(result.events)} events"
        )
    print(f"scores: mean {exact.scores.mean():.4f}, standard deviation {exact.scores.std():.4f}")
    quantile = np.quantile(difference, 0.99)
    print(
        f"difference of scores: mean {difference.mean():.4f}, 99 % below {quantile:.4f}, largest "
        f"{difference.max():.4f}"
    )
    for name, one, other in (("clip by clip", exact, stream), ("stream", stream, exact)):
        partners = sum(has_partner(event, other.events) for event in one.events)
        print(f"events of {name} with a partner: {partners} of {len(one.events)}")
    return 0


def measure(net: SpottingNet, config: SavedModelConfig, video: Path, device: str) -> Result:
    """Scores and events of a video."""
    spotter = Spotter(net, config, device=device)
    begin = time.perf_counter()
    scored = list(spotter.scores(video))
    seconds = time.perf_counter() - begin
    radius = net.head.radius
    moved = list(apply_displacement(scored, radius)) if radius else scored
    scores = np.concatenate([part.probabilities for part in moved])
    events = [
        event
        for event in decode_events(scored, config.inference, radius, actions=config.actions)
        if event.confidence >= config.inference.report_threshold_of(event.label)
    ]
    return Result(scores, events, seconds)


def has_partner(event: Event, others: list[Event]) -> bool:
    """Return True if one of the others is of the same action and within the tolerance."""
    return any(
        other.label == event.label and abs(other.position_ms - event.position_ms) <= TOLERANCE_MS
        for other in others
    )


if __name__ == "__main__":
    sys.exit(main())
