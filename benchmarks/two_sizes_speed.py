"""Measure what a second, larger size of the frames costs: AdaSpot reads 796×448 and scales them down.

    python benchmarks/two_sizes_speed.py [VIDEO] [--seconds 8] [--rounds 3] [--network]

Reads a 720p video (without one, the bundled match enlarged to it) and prints the frames per second of
processor time on one core for frames of 398×224, which a net of that size needs; for frames of 796×448; and
for frames of 796×448 that AdaSpot scales down for its first network. --network adds the nets themselves:
AdaSpot, and its first network alone on frames of 398×224. Each figure is the best of several rounds. The
ratios depend on how long the video takes to decode: enlarged frames are decoded fast.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from onball.assets import sample_match
from onball.config import PreprocessingConfig
from onball.data.layout import VIDEO_FILE
from onball.models.backbones.adaspot import AdaSpot
from onball.video import VideoWriter, read_frames

SMALL, LARGE = (398, 224), (796, 448)
#: Frames of a batch, as long as a clip of AdaSpot.
_CLIP = 100

#: Work on the frames `[1, T, 3, H, W]` of a batch.
Work = Callable[[Tensor], object]


def speed(video: Path, size: tuple[int, int], seconds: float, rounds: int, work: Work) -> float:
    """Frames per second of processor time of reading a video and working on its frames."""
    best = 0.0
    for _ in range(rounds):
        frames, begin = 0, time.process_time()
        end_ms = round(1000 * seconds)
        for batch in read_frames(video, 12.5, size, end_ms=end_ms, batch_frames=_CLIP, threads=1):
            work(torch.from_numpy(batch.frames).permute(0, 3, 1, 2)[None])
            frames += len(batch.frames)
        best = max(best, frames / (time.process_time() - begin))
    return best


def enlarged_sample(target: Path, seconds: float) -> None:
    """Write the start of the bundled match as 720p at 25 frames per second."""
    source = sample_match() / VIDEO_FILE
    with VideoWriter(target, (1280, 720), 25) as video:
        for batch in read_frames(source, 25, (1280, 720), end_ms=round(1000 * seconds)):
            for frame in batch.frames:
                video.write(frame)


def main() -> None:
    """Print the speeds and their ratios."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("video", type=Path, nargs="?")
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--network", action="store_true", help="time the networks too")
    options = parser.parse_args()
    torch.set_num_threads(1)
    net = AdaSpot(PreprocessingConfig()).eval()
    rows: list[tuple[str, tuple[int, int], Work]] = [
        ("read 398×224", SMALL, len),
        ("read 796×448", LARGE, len),
        ("read 796×448, scale down", LARGE, net.scaled_down),
    ]
    if options.network:
        rows += [
            ("read 398×224, one network", SMALL, net.low),
            ("read 796×448, AdaSpot", LARGE, net),
        ]
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        video = options.video
        if video is None:
            video = Path(folder) / "sample.mp4"
            enlarged_sample(video, options.seconds)
        speeds = []
        for name, size, work in rows:
            speeds.append(speed(video, size, options.seconds, options.rounds, work))
            base = 3 if len(speeds) > 3 else 0
            print(f"{name:26s} {speeds[-1]:7.1f} frames/s, ratio {speeds[-1] / speeds[base]:.2f}")


if __name__ == "__main__":
    main()
