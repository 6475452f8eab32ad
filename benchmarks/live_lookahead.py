"""Measure mAP by the lookahead of `onball live`, against `onball spot` on the same frames.

    python benchmarks/live_lookahead.py --data data/bench --split test [--model FOLDER] [--minutes 10]

Each frame goes through the backbone once; everything after it is repeated for each lookahead, as live,
four frames at a time. Prints mAP10, mAP12 and the AP of the actions with the most labels. The features
are those of the finished video: for a backbone with temporal shifts, whose live features see fewer
neighbours, the figures are upper bounds.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onball.data.layout import Match, find_matches
from onball.evaluation import evaluate_spotting
from onball.events import EventList
from onball.formats.soccernet import read_labels
from onball.frames import FrameBatch
from onball.spotting.compute import Compute, Floats
from onball.spotting.decoding import decode_events
from onball.spotting.engine import StreamingEngine
from onball.spotting.live import LEAST_FRAMES, live_stages
from onball.spotting.spotter import Spotter
from onball.video import read_frames
from onball.video.live import LiveFrame

LOOKAHEADS_MS = (0, 250, 500, 1000, 1500, 2000, 3000)


class KnownFeatures:
    """A net's arithmetic whose features are known: frames are their own numbers.

    Args:
        compute: arithmetic of the net.
        features: `[T, C]`, of all frames of a video.
    """

    def __init__(self, compute: Compute, features: Floats) -> None:
        self.context, self.layout = compute.context, compute.layout
        self.outputs = compute.outputs
        self._features = features

    def features(
        self, frames: NDArray[np.uint8] | Floats, track_features: Floats | None = None
    ) -> Floats:
        """Features of numbered frames `[t, 1, 2, 3]`."""
        return self._features[frames.reshape(len(frames), 6)[:, :4].copy().view(np.int32)[:, 0]]


def numbered(count: int) -> NDArray[np.uint8]:
    """Frames `[T, 1, 2, 3]` that hold their numbers."""
    pixels = np.zeros((count, 6), np.uint8)
    pixels[:, :4] = np.arange(count, dtype=np.int32)[:, None].view(np.uint8)
    return pixels.reshape(count, 1, 2, 3)


def compute_features(
    spotter: Spotter, match: Match, minutes: float
) -> tuple[Floats, NDArray[np.int64]]:
    """Features `[T, C]` and times `[T]` of a match, each frame with all of its context."""
    config, context = spotter.config, spotter.compute.context
    if context is None:
        raise SystemExit("this model computes whole clips: it cannot be used live")
    chunk = max(64, 4 * context)
    end_ms = round(minutes * 60_000)
    batches = read_frames(match.video, config.fps, config.size, end_ms=end_ms, batch_frames=chunk)
    parts, times = [], []
    before = np.zeros((0, config.height, config.width, 3), np.uint8)
    held: FrameBatch | None = None
    begun = time.monotonic()
    for batch in with_end(batches):
        if held is not None:
            after = batch.frames[:context] if batch is not None else before[:0]
            frames = np.concatenate([before, held.frames, after])
            features = spotter.compute.features(frames)
            parts.append(features[len(before) : len(before) + len(held.frames)])
            times.append(held.pts_ms)
            before = np.concatenate([before, held.frames])[-context:] if context else before
            done_s = float(held.pts_ms[-1]) / 1000
            rate = done_s / (time.monotonic() - begun)
            print(
                f"\r{match.name}: {done_s:5.0f} s, {rate:.1f} times real time", end="", flush=True
            )
        held = batch
    print()
    return np.concatenate(parts), np.concatenate(times)


def with_end(batches: Iterator[FrameBatch]) -> Iterator[FrameBatch | None]:
    """The batches, and None after them."""
    yield from batches
    yield None


def live_events(spotter: Spotter, compute: Compute, count: int, lookahead_ms: int) -> EventList:
    """Events of numbered frames as `onball live` finds them."""
    own, spotter.compute = spotter.compute, compute
    try:
        scores, decoder = live_stages(spotter, lookahead_ms, threshold=0.0)
    finally:
        spotter.compute = own
    pixels, found = numbered(count), []
    for start in range(0, count, LEAST_FRAMES):
        stop = min(start + LEAST_FRAMES, count)
        frames = [LiveFrame(number, pixels[number], 0.0) for number in range(start, stop)]
        found += decoder.push(scores.push(frames))
    found += decoder.push(scores.finish())
    return EventList.of(found + decoder.finish())


def finished_events(spotter: Spotter, compute: Compute, times: NDArray[np.int64]) -> EventList:
    """Events of the same frames as `onball spot` finds them."""
    inference = spotter.config.inference
    engine = StreamingEngine(
        compute, window_frames=inference.window_frames, overlap=inference.overlap
    )
    scored = engine.run([FrameBatch(numbered(len(times)), times)])
    radius = spotter.net.head.radius
    return EventList.of(decode_events(scored, inference, radius, actions=spotter.config.actions))


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", default="test")
    parser.add_argument("--model", default="demo")
    parser.add_argument("--minutes", type=float, default=1e6, help="of each match")
    given = parser.parse_args()
    spotter = Spotter.from_pretrained(given.model)
    rows: dict[str, list[EventList]] = {"finished": []}
    labels = []
    for match in find_matches(given.data, given.split):
        features, times = compute_features(spotter, match, given.minutes)
        known = KnownFeatures(spotter.compute, features)
        end_ms = int(times[-1]) + 1
        labels.append(read_labels(match.labels).between(0, end_ms))
        rows["finished"].append(finished_events(spotter, known, times))
        for lookahead_ms in LOOKAHEADS_MS:
            name = f"{lookahead_ms / 1000:g} s"
            found = live_events(spotter, known, len(times), lookahead_ms)
            rows.setdefault(name, []).append(found)
    print(f"{sum(map(len, labels))} labels in {len(labels)} matches")
    most = [
        action
        for action, _ in sum(
            (each.counts() for each in labels[1:]), labels[0].counts()
        ).most_common(4)
    ]
    print(f"{'lookahead':12} mAP10  mAP12  " + "  ".join(f"{action:>9}" for action in most))
    for name, events in rows.items():
        result = evaluate_spotting(labels, events)
        aps = "  ".join(f"{100 * result.ap[action]:9.1f}" for action in most)
        print(f"{name:12} {100 * result.map10:5.1f}  {100 * result.map12:5.1f}  {aps}")


if __name__ == "__main__":
    main()
