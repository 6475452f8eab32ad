"""Measure the speed and memory of the published models on a video.

    python benchmarks/published_speed.py VIDEO [--model NAME] [--threads 2] [--weights FOLDER]

Prints, for each model, the frames per second and the multiple of real time of the network alone, and with
reading of the video (decoding and scaling), in the middle of a long video: a video that is too short is
repeated. Models that compute clip by clip are measured as a stream too. The memory is the largest of a
process that does nothing else. Weights are random, which takes the same time; with the folder of
reference vectors (see `published_vectors.py`), they are those of the vectors.

With one thread, the time is that of the processor, which depends less on what else runs; with more it is
the time that passes, and nothing else may run.
"""

from __future__ import annotations

import argparse
import itertools
import math
import multiprocessing
import platform
import resource
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from published_vectors import Vectors

from onball.config import SavedModelConfig
from onball.data.frames import VideoFrames
from onball.errors import OnballError
from onball.frames import FrameBatch
from onball.models import build_model
from onball.models.published import PUBLISHED
from onball.spotting.spotter import Spotter
from onball.timing import grid_time

#: Smallest number of frames that a stream computes at once, and its smallest ratio to their context.
STREAM_CHUNK, CHUNK_PER_CONTEXT = 32, 4


@dataclass
class Speed:
    """Speed of one way to compute a model.

    Attributes:
        fps: frames per second of the model.
        frames: number of frames measured.
        network: seconds for frames that are in memory.
        whole: seconds with reading them from the video.
        memory: largest memory of the process, in bytes.
    """

    fps: float
    frames: int
    network: float
    whole: float
    memory: int

    def __str__(self) -> str:
        rates = (self.frames / self.network, self.frames / self.whole)
        cells = [cell for rate in rates for cell in (f"{rate:9.2f}", f"{rate / self.fps:9.3f}")]
        return " ".join([*cells, f"{self.memory / 1e9:8.1f}"])


class Enough(Exception):
    """All frames of the measurement are computed."""


def main() -> int:
    """Measure, print the table and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("video", type=Path, help="in 720p, as the published figures")
    parser.add_argument("--model", action="append", choices=list(PUBLISHED), help="default: all")
    parser.add_argument("--weights", type=Path, help="folder of reference vectors")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--only", choices=["clips", "stream"], help="one of the two ways")
    parser.add_argument("--parts", type=int, default=1, help="clips or chunks to measure")
    given = parser.parse_args()
    print(
        f"{platform.machine()}, {given.threads} threads, torch {torch.__version__}; in frames/s and"
    )
    print("times real time; memory in GB")
    print(
        f"{'model':17} {'computed':7} {'network':>9} {'×':>9} {'+ reading':>9} {'×':>9} {'memory':>8}"
    )
    failed = False
    for name in given.model or PUBLISHED:
        clips = PUBLISHED[name].inference.clips is not None
        ways = ("clips", "stream") if clips else ("stream",)
        for way in ways if given.only is None else {given.only}.intersection(ways):
            # A new process each time, for its memory.
            context = multiprocessing.get_context("spawn")
            with ProcessPoolExecutor(1, context) as pool:
                measuring = pool.submit(
                    measure, given.video, name, way, given.threads, given.parts, given.weights
                )
                try:
                    print(f"{name:17} {way:7} {measuring.result()}", flush=True)
                except OnballError as error:
                    print(f"{name:17} {way:7} {error}", flush=True)
                    failed = True
    return 1 if failed else 0


def measure(
    video: Path, name: str, way: str, threads: int, parts: int, weights: Path | None
) -> Speed:
    """Speed of a published model, computed in `clips` or as a `stream`."""
    torch.set_num_threads(threads)
    published = PUBLISHED[name]
    if weights is None:
        net = build_model(published.model, fetch_weights=False)
    else:
        net = published.build(Vectors(weights, name).weights())
    config, clips = published.config, published.inference.clips
    if way == "clips":
        assert clips is not None
        unit, chunk = clips.step, STREAM_CHUNK
        # All but one unit of the first clip; then each unit completes a clip, of which one warms up.
        ignored = math.ceil(clips.frames / unit) + 1
    else:
        inference = config.inference.model_copy(update={"clips": None})
        config = config.model_copy(update={"inference": inference})
        unit = chunk = max(STREAM_CHUNK, CHUNK_PER_CONTEXT * (net.backbone.context or 0))
        ignored = 2  # One unit and its context.
    if threads > 1:
        # Parts are computed at the same time, and read before that.
        ignored, parts = ignored + threads + 1, parts * threads
    spotter = Spotter(
        net,
        config,
        device="cpu",
        precision=torch.float32,
        threads=threads,
        chunk_frames=chunk,
    )
    whole = seconds(spotter, endless(video, config, unit, threads), ignored, parts, threads)
    batch = next(endless(video, config, unit, threads))
    network = seconds(spotter, repeated(batch, config), ignored, parts, threads)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    memory *= 1 if sys.platform == "darwin" else 1024
    return Speed(config.fps, parts * unit, network, whole, memory)


def seconds(
    spotter: Spotter, source: Iterator[FrameBatch], ignored: int, parts: int, threads: int
) -> float:
    """Time for some batches of a source, from the one after those that are ignored on."""
    clock = time.process_time if threads == 1 else time.perf_counter
    marks: list[float] = []

    def feed() -> Iterator[FrameBatch]:
        while len(marks) <= ignored + parts:
            marks.append(clock())
            yield next(source)
        raise Enough

    try:
        for _ in spotter.scores(feed()):
            pass
    except Enough:
        pass
    return marks[ignored + parts] - marks[ignored]


def repeated(batch: FrameBatch, config: SavedModelConfig) -> Iterator[FrameBatch]:
    """The frames of a batch again and again, at the times of a video."""
    count = len(batch.frames)
    for index in itertools.count(0, count):
        times = [grid_time(index + k, config.fps) for k in range(count)]
        yield FrameBatch(batch.frames, np.array(times))


def endless(
    video: Path, config: SavedModelConfig, count: int, threads: int
) -> Iterator[FrameBatch]:
    """Batches of `count` frames of a video, which begins again where it ends."""
    kept: list[np.ndarray] = []
    index = 0
    while True:
        for batch in VideoFrames(video, config).batches(batch_frames=count, threads=threads):
            kept.extend(batch.frames)
            if len(kept) >= count:
                times = [grid_time(index + k, config.fps) for k in range(count)]
                yield FrameBatch(np.stack(kept[:count]), np.array(times))
                kept, index = kept[count:], index + count


if __name__ == "__main__":
    sys.exit(main())
