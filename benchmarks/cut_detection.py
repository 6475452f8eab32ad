"""Measure precision and recall of detectors of camera cuts, on simulated matches.

    python benchmarks/cut_detection.py data/bench --split test --minutes 20

True cuts are the changes of view in `camera.parquet`, and jumps in time at replays. A cut is detected
if it is reported within one sampled frame.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scenedetect.detectors import ContentDetector, HashDetector, HistogramDetector

from onball.data.layout import find_matches
from onball.errors import OnballError
from onball.formats.tracks_parquet import read_tracks
from onball.tracking.tracker import SHORTEST_SHOT_S, CutDetector
from onball.video import read_frames

_SIZE = (320, 180)


def detectors(fps: float) -> dict[str, Callable[[], Any]]:
    """Constructors of the compared detectors by name; None selects the default of `CutDetector`."""
    least = round(SHORTEST_SHOT_S * fps)
    return {
        "hash (used)": lambda: None,
        "hash, threshold 0.25": lambda: HashDetector(threshold=0.25, min_scene_len=least),
        "content, threshold 20": lambda: ContentDetector(threshold=20, min_scene_len=least),
        "content, threshold 27": lambda: ContentDetector(threshold=27, min_scene_len=least),
        "histogram, threshold 0.05": lambda: HistogramDetector(0.05, min_scene_len=least),
        "histogram, threshold 0.1": lambda: HistogramDetector(0.1, min_scene_len=least),
    }


def main() -> None:
    """Run every detector on every match and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("root", type=Path)
    parser.add_argument("--split", default="test")
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--fps", type=float, default=12.5)
    options = parser.parse_args()
    try:
        matches = find_matches(options.root, options.split)
        truth = {m.require_video(): read_tracks(m.folder / "tracks.parquet").video for m in matches}
    except OnballError as error:
        sys.exit(str(error))
    end = round(60_000 * options.minutes)
    slack = 1000 / options.fps + 1
    counts = {name: np.zeros(4) for name in detectors(options.fps)}
    for video, about in truth.items():
        cuts = np.array([cut for cut in about.cuts_ms if cut < end])
        running = {
            n: CutDetector(options.fps, make()) for n, make in detectors(options.fps).items()
        }
        found: dict[str, list[int]] = {name: [] for name in running}
        for batch in read_frames(video, options.fps, _SIZE, end_ms=end):
            for name, detector in running.items():
                begun = time.perf_counter()
                reported = [detector.is_cut(frame) for frame in batch.frames]
                counts[name][3] += time.perf_counter() - begun
                found[name] += batch.pts_ms[reported].tolist()
        for name, times in found.items():
            near = np.abs(np.array(times)[:, None] - cuts[None]) <= slack
            counts[name][:3] += near.any(axis=1).sum(), len(times), near.any(axis=0).sum()
    total = sum(sum(cut < end for cut in about.cuts_ms) for about in truth.values())
    frames = sum(min(end, a.duration_ms) for a in truth.values()) * options.fps / 1000
    print(f"{total} true cuts in {len(truth)} matches\n")
    print("| detector | precision | recall | frames/s |\n|---|--:|--:|--:|")
    for name, (correct, total_reported, hit, seconds) in counts.items():
        precision = 100 * correct / total_reported if total_reported else 0.0
        print(f"| {name} | {precision:.1f} | {100 * hit / total:.1f} | {frames / seconds:.0f} |")


if __name__ == "__main__":
    main()
