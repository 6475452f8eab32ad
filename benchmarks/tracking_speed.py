"""Measure the time that tracking a video takes, as a whole and in each of its parts.

    python benchmarks/tracking_speed.py VIDEO [--detector FILE] [--fps 12.5] [--seconds 20]
    python benchmarks/tracking_speed.py VIDEO --model ball-tracks --threads 2

Prints the CPU seconds of each part for a second of video, alone and in one thread: reading (decoding and
scaling), finding cuts, the detector, and the tracker, which gets the boxes of the detector. Then those of
`onball track` and, with a model that takes tracks, of `onball spot`, and their speed as a multiple of real
time. Both are processes of their own, whose start is included, on `--threads` threads.

CPU seconds depend less than the speed on what else the machine does. Other work still adds to them, since it
takes caches and memory: of several runs (`--repeat`), the one with the fewest counts.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from onball.cores import choose_threads
from onball.errors import OnballError
from onball.frames import FrameBatch
from onball.models.finding import resolve_model
from onball.models.saved import read_model_config
from onball.tracking.detectors.base import (
    Detections,
    Detector,
    NeighbourDetector,
    read_size,
    read_steps,
)
from onball.tracking.detectors.opening import open_detector
from onball.tracking.tracker import CutDetector, Tracker
from onball.video import cut_video, probe, read_frames

_BATCH = 16


@dataclass(frozen=True, slots=True)
class Spent:
    """CPU seconds and elapsed seconds."""

    cpu: float
    elapsed: float


class Clock:
    """Sums of the CPU time that each part takes."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def of(self, part: str) -> Iterator[None]:
        begin = time.process_time()
        yield
        self.seconds[part] = self.seconds.get(part, 0.0) + time.process_time() - begin


def measure_parts(
    video: Path, detector: Detector, fps: float
) -> tuple[dict[str, float], list[Detections]]:
    """Time each part alone; also return the detections of each frame."""
    clock = Clock()
    steps = read_steps(detector, fps)
    cuts, tracker = CutDetector(fps * steps), Tracker(fps)
    found: list[Detections] = []
    cut_frames: list[bool] = []
    info = probe(video)
    size = read_size(detector, info.width, info.height)
    batches = iter(read_frames(video, fps * steps, size, batch_frames=_BATCH * steps, threads=1))
    while True:
        with clock.of("reading"):
            batch = next(batches, None)
        if batch is None:
            break
        if not found:  # the first call initialises the detector
            detect(detector, batch, len(batch.frames))
        with clock.of("detector"):
            found += detect(detector, batch, steps)
        with clock.of("cuts"):
            cut_frames += [cuts.is_cut(frame) for frame in batch.frames]
    # A cut between two detected frames counts for the later one.
    begins = np.cumsum(cut_frames)[::steps]
    with clock.of("tracker"):
        for detections, cut in zip(found, np.diff(begins, prepend=0), strict=True):
            if cut:
                tracker.reset()
            tracker.update(detections)
    return clock.seconds, found


def detect(detector: Detector, batch: FrameBatch, steps: int) -> Sequence[Detections]:
    """Detect in every `steps`-th frame of a batch, with its neighbours in the batch."""
    frames, times = list(batch.frames), batch.pts_ms[::steps]
    if not isinstance(detector, NeighbourDetector):
        return detector.detect(np.stack(frames[::steps]), times)
    before, after = frames[:1] + frames[:-1], frames[1:] + frames[-1:]
    return detector.detect_among(frames[::steps], before[::steps], after[::steps], times)


def run(*arguments: str) -> Spent:
    """Run a command of onball, and return the time that it took."""
    before, begun = os.times(), time.perf_counter()
    command = [sys.executable, "-m", "onball", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    elapsed, after = time.perf_counter() - begun, os.times()
    if done.returncode:
        sys.exit(done.stdout)
    cpu = (after.children_user + after.children_system) - (
        before.children_user + before.children_system
    )
    return Spent(cpu, elapsed)


def least(repeat: int, folder: str, command: Sequence[str]) -> Spent:
    """Run a command several times, and return the time of the run with the fewest CPU seconds."""
    # A folder of its own for each run: results that are there would be kept.
    runs = [run(*command, "--out", tempfile.mkdtemp(dir=folder)) for _ in range(repeat)]
    return min(runs, key=lambda spent: spent.cpu)


def table(parts: dict[str, float], commands: dict[str, Spent], video_s: float) -> str:
    """Format one row per part and command."""
    lines = ["| | CPU seconds per second of video | x real time |", "|---|--:|--:|"]
    lines += [f"| {part} | {spent / video_s:.3f} | |" for part, spent in parts.items()]
    for name, spent in commands.items():
        lines.append(
            f"| `{name}` | {spent.cpu / video_s:.3f} | {video_s / max(spent.elapsed, 1e-9):.2f} |"
        )
    return "\n".join(lines)


def boxes_per_frame(found: Sequence[Detections]) -> float:
    """Mean number of detected boxes in a frame."""
    return sum(len(one.scores) for one in found) / len(found)


def model_fps(name: str | None) -> float:
    """Frames per second of the tracks that a model takes; 12.5 without a model."""
    return 12.5 if name is None else read_model_config(resolve_model(name)).tracks_fps


def main() -> None:
    """Measure a video and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("video", type=Path)
    parser.add_argument("--detector", default="ballnet", help="as for `onball track`")
    parser.add_argument("--tiles")
    parser.add_argument("--device", default="auto")
    parser.add_argument(
        "--fps", type=float, help="detected frames per second; default: those of the model, or 12.5"
    )
    parser.add_argument(
        "--model", help="model that takes tracks of this detector, for `onball spot`"
    )
    parser.add_argument("--threads", type=int, help="of the commands; default: all cores")
    parser.add_argument("--repeat", type=int, default=1, help="runs of each command")
    parser.add_argument(
        "--seconds", type=float, help="length from the start of the video; default: all"
    )
    options = parser.parse_args()
    threads = choose_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        try:
            fps = options.fps or model_fps(options.model)
            detector = open_detector(
                options.detector, tiles=options.tiles, device=options.device, threads=1
            )
            video = options.video
            if options.seconds is not None:
                video = Path(folder) / "beginning.mp4"
                cut_video(options.video, 0, round(1000 * options.seconds), video)
            parts, found = measure_parts(video, detector, fps)
            video_s = probe(video).duration_ms / 1000
        except OnballError as error:
            sys.exit(str(error))
        common = ["--detector", options.detector, "--device", options.device]
        common += ["--threads", str(threads)]
        track = ["track", str(video), "--fps", f"{fps:g}", *common]
        if options.tiles is not None:
            track += ["--tiles", options.tiles]
        commands = {"onball track": least(options.repeat, folder, track)}
        if options.model is not None:
            spot = ["spot", str(video), "--model", options.model, *common]
            commands["onball spot"] = least(options.repeat, folder, spot)
    print(
        f"{options.video.name}, {video_s:.0f} s, {detector.name}: {len(found)} frames at "
        f"{fps:g} per second, {boxes_per_frame(found):.1f} boxes in each; the commands on "
        f"{threads} threads\n"
    )
    print(table(parts, commands, video_s))


if __name__ == "__main__":
    main()
