"""Measure the speed of tracking a video and of each of its parts.

    python benchmarks/tracking_speed.py VIDEO --detector FILE [--fps 12.5] [--seconds 20]

Prints frames per second and multiples of real time, for each part alone and for `onball track` as a
whole. The tracker gets the boxes of the detector. The whole is a second run: if the shares of the
parts are far from 100 % in sum, other work slowed the machine, and the measurement is invalid.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from onball.errors import OnballError
from onball.tracking.detectors.base import Detections, Detector
from onball.tracking.detectors.opening import open_detector
from onball.tracking.pipeline import track_video
from onball.tracking.tracker import CutDetector, Tracker
from onball.video import cut_video, read_frames

_BATCH = 8


class Clock:
    """Sums of the time that each part takes."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def of(self, part: str) -> Iterator[None]:
        begin = time.perf_counter()
        yield
        self.seconds[part] = self.seconds.get(part, 0.0) + time.perf_counter() - begin


def measure(video: Path, detector: Detector, fps: float) -> tuple[Clock, list[Detections]]:
    """Time each part alone, then the whole; also return the detections of each frame."""
    clock = Clock()
    cuts, tracker = CutDetector(fps), Tracker(fps)
    found: list[Detections] = []
    cut_frames: list[bool] = []
    batches = iter(read_frames(video, fps, None, batch_frames=_BATCH))
    while True:
        with clock.of("reading"):
            batch = next(batches, None)
        if batch is None:
            break
        if not found:  # the first call initialises the detector
            detector.detect(batch.frames[:1], batch.pts_ms[:1])
        with clock.of("detector"):
            found += detector.detect(batch.frames, batch.pts_ms)
        with clock.of("cuts"):
            cut_frames += [cuts.is_cut(frame) for frame in batch.frames]
    with clock.of("tracker"):
        for detections, cut in zip(found, cut_frames, strict=True):
            if cut:
                tracker.reset()
            tracker.update(detections)
    with tempfile.TemporaryDirectory() as folder, clock.of("whole"):
        track_video(video, detector, Path(folder) / "tracks.parquet", fps=fps)
    return clock, found


def table(seconds: dict[str, float], frames: int, fps: float) -> str:
    """Format one row per part."""
    lines = ["| part | frames/s | x real time | share of the whole |", "|---|--:|--:|--:|"]
    for part, spent in seconds.items():
        speed = frames / max(spent, 1e-9)
        share = 100 * spent / max(seconds["whole"], 1e-9)
        lines.append(f"| {part} | {speed:.1f} | {speed / fps:.1f} | {share:.1f} % |")
    return "\n".join(lines)


def boxes_per_frame(found: Sequence[Detections]) -> float:
    """Mean number of detected boxes in a frame."""
    return sum(len(one.scores) for one in found) / len(found)


def main() -> None:
    """Measure a video and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("video", type=Path)
    parser.add_argument("--detector", help="as for `onball track`")
    parser.add_argument("--tiles")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--fps", type=float, default=12.5)
    parser.add_argument(
        "--seconds", type=float, help="length from the start of the video; default: all"
    )
    options = parser.parse_args()
    try:
        detector = open_detector(
            options.detector or "auto", tiles=options.tiles, device=options.device
        )
        with tempfile.TemporaryDirectory() as folder:
            video = options.video
            if options.seconds is not None:
                video = Path(folder) / "beginning.mp4"
                cut_video(options.video, 0, round(1000 * options.seconds), video)
            clock, found = measure(video, detector, options.fps)
    except OnballError as error:
        sys.exit(str(error))
    print(
        f"{options.video.name}, {detector.name}: {len(found)} frames at {options.fps:g} per second, "
        f"{boxes_per_frame(found):.1f} boxes in each\n"
    )
    print(table(clock.seconds, len(found), options.fps))


if __name__ == "__main__":
    main()
