"""Compare the speed of loading clips with that of training on them.

    python benchmarks/loader_speed.py [--data ROOT] [--config spotting/regnety_bilstm] [--size 224x128]

Prints the frames per second of the loader alone, from the frame cache and directly from the video, with
0, 1 and 2 worker processes; those of training on the device of this machine; and their ratios. Each
speed is the best of several rounds. Exits with code 1 if the best ratio is below 1.2. Without --data it
uses the bundled match.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from onball.assets import sample_match
from onball.config import ExperimentConfig, find_config, load_config
from onball.data.clips import ClipDataset, Clips
from onball.data.layout import ALL
from onball.data.matches import load_matches
from onball.models import build_model
from onball.models.compute import choose_device, choose_precision
from onball.training.module import SpottingModule, TrainingSteps
from onball.training.run import clip_loader
from onball.training.targets import label_radius

MIN_RATIO = 1.2
WORKERS = (0, 1, 2)
#: Batches that each worker of torch's loader prepares ahead.
_PREFETCHED = 2


class _StandaloneModule(SpottingModule):
    """Training steps outside a trainer, which would log and set the learning rate."""

    def log(self, *args: Any, **kwargs: Any) -> None:
        pass

    @property
    def learning_rate(self) -> float:
        return self.config.learning_rate


def settings(options: argparse.Namespace, cache: Path | None, workers: int) -> ExperimentConfig:
    """Load the experiment, on the data of the benchmark and without downloading weights."""
    width, height = options.size.split("x")
    place = "null" if cache is None else str(cache)
    overrides = [
        f"data={{width: {width}, height: {height}}}",
        f"data.root={options.data or sample_match()}",
        f"data.cache={place}",
        f"training={{batch_size: {options.batch}, workers: {workers}}}",
        "model.backbone.pretrained=false",
    ]
    return load_config(find_config(options.config), overrides)


def clips_of(config: ExperimentConfig, split: str) -> ClipDataset:
    """Training clips of a split."""
    return ClipDataset(
        load_matches(config.data, split),
        config.data.clip_frames,
        radius=label_radius(config.training.loss, 0),
        action_share=config.training.action_share,
        seed=0,
    )


def loader_speed(config: ExperimentConfig, split: str, batches: int, rounds: int) -> float:
    """Frames per second of the loader alone, in the best round."""
    training = config.training
    # Skip the batches that workers prepare before the clock starts.
    skipped = _PREFETCHED * training.workers + 1
    count = (skipped + batches) * training.batch_size
    training = training.model_copy(update={"clips_per_epoch": count})
    loader = clip_loader(clips_of(config, split), training, TrainingSteps.of(training))
    best = 0.0
    for _ in range(rounds):
        loaded = iter(loader)
        for _ in itertools.islice(loaded, skipped):
            pass
        begin = time.perf_counter()
        frames = sum(batch.classes.numel() for batch in loaded)
        best = max(best, frames / (time.perf_counter() - begin))
    return best


def training_speed(config: ExperimentConfig, batch: Clips, steps: int) -> float:
    """Frames per second of training on a batch that is loaded already, in the best step."""
    device = choose_device()
    precision = choose_precision(config.training.precision, device)
    net = build_model(config.model, fetch_weights=False).to(device).train()
    module = _StandaloneModule(
        net, config, TrainingSteps.of(config.training), lambda clips: "a clip"
    )
    optimizer = torch.optim.AdamW(net.parameters(), lr=config.training.learning_rate)
    best = 0.0
    for _ in range(steps):
        begin = time.perf_counter()
        clips = Clips(*(values.to(device) for values in batch))
        with torch.autocast(device.type, precision, enabled=precision != torch.float32):
            loss = module.training_step(clips, 0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()  # waits for the device
        best = max(best, clips.classes.numel() / (time.perf_counter() - begin))
    return best


def main() -> None:
    """Time the training and every kind of loader, and compare them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="data set whose split train is used")
    parser.add_argument("--config", default="spotting/regnety_bilstm")
    parser.add_argument("--size", default="224x128")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--batches", type=int, default=8, help="timed batches in a round")
    parser.add_argument(
        "--rounds", type=int, default=3, help="number of rounds; the fastest counts"
    )
    options = parser.parse_args()
    split = "train" if options.data else ALL
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder)
        cached = settings(options, cache, 0)
        with Console(stderr=True).status("decoding"):
            clips = clips_of(cached, split)
        batch = next(iter(clip_loader(clips, cached.training, TrainingSteps.of(cached.training))))
        consumed = training_speed(cached, batch, options.rounds + 1)
        print(f"training {options.config} on {choose_device()}: {consumed:.0f} frames/s")
        ratios = []
        for name, place in (("cache", cache), ("video", None)):
            for workers in WORKERS:
                config = settings(options, place, workers)
                speed = loader_speed(config, split, options.batches, options.rounds)
                ratios.append(speed / consumed)
                print(
                    f"loader from the {name}, {workers} workers: {speed:.0f} frames/s, "
                    f"ratio {ratios[-1]:.2f}"
                )
    print(f"best ratio {max(ratios):.2f}, required {MIN_RATIO}")
    sys.exit(max(ratios) < MIN_RATIO)


if __name__ == "__main__":
    main()
