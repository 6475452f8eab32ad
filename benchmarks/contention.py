"""Measure how much of its fair share of the CPU onball keeps beside busy processes.

    python benchmarks/contention.py                 # spotting and training, beside 0, 1 and 2 processes
    python benchmarks/contention.py --work spot --seconds 20

With N cores and B busy processes, a program with N threads has a fair share of N / (N + B) of the machine.
Programs whose threads wait for each other get far less: one thread that has to wait for a core stops
all. Prints the speed beside each number of processes, and how many times less it is than the fair share
of the speed without any. Exits with code 1 if that exceeds `--bound`.

Run it on an idle machine. Training runs in threads of torch, which do wait for each other; `--threads`
is the number for both.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch

from onball.config import SavedModelConfig, load_config
from onball.cores import available_cores, choose_threads, disable_spinning
from onball.frames import FrameBatch
from onball.models import build_model
from onball.models.compute import use_threads
from onball.spotting.spotter import Spotter

_SPOTTING, _TRAINING = "spotting/regnety_bilstm", "spotting/demo"
_CLIP_FRAMES = 16


def _burn() -> None:
    while True:
        pass


@contextmanager
def busy_processes(count: int) -> Iterator[None]:
    """Processes that compute as long as the block runs."""
    processes = [multiprocessing.Process(target=_burn, daemon=True) for _ in range(count)]
    for process in processes:
        process.start()
    time.sleep(0.5)
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.join()


def spotting(threads: int) -> Callable[[float], float]:
    """Frames per second that go through the net of `spotting/regnety_bilstm` in some seconds."""
    config = load_config(_SPOTTING, ["model.backbone.pretrained=false"])
    net = build_model(config.model)
    saved = SavedModelConfig.of(config)
    spotter = Spotter(net, saved, device="cpu", precision="32", threads=threads)
    width, height = saved.size
    frames = np.random.default_rng(0).integers(0, 255, (32, height, width, 3), np.uint8)

    def measure(seconds: float) -> float:
        begin = time.perf_counter()
        number = 0

        def batches() -> Iterator[FrameBatch]:
            nonlocal number
            while time.perf_counter() - begin < seconds:
                yield FrameBatch(frames, (np.arange(number, number + 32) * 80).astype(np.int64))
                number += 32

        for _ in spotter.scores(batches()):
            pass
        return number / (time.perf_counter() - begin)

    return measure


def training(threads: int) -> Callable[[float], float]:
    """Frames per second of forward and backward passes of the net of `spotting/demo`."""
    use_threads(threads)
    config = load_config(_TRAINING)
    net = build_model(config.model).train()
    height, width = config.data.height, config.data.width
    clip = torch.randint(0, 256, (1, _CLIP_FRAMES, 3, height, width), dtype=torch.uint8)

    def measure(seconds: float) -> float:
        begin = time.perf_counter()
        steps = 0
        while time.perf_counter() - begin < seconds:
            net(clip).logits.square().mean().backward()
            steps += 1
        return steps * _CLIP_FRAMES / (time.perf_counter() - begin)

    return measure


def main() -> None:
    """Measure, print the table, and exit with 1 above the bound."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--work", choices=["spot", "train", "both"], default="both")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--bound", type=float, default=1.2)
    options = parser.parse_args()
    threads, cores = choose_threads(options.threads), available_cores()
    print(f"{cores} cores, {threads} threads, load {os.getloadavg()[0]:.1f} before")
    worst = 0.0
    for name, make in (("spot", spotting), ("train", training)):
        if options.work not in (name, "both"):
            continue
        measure = make(threads)
        measure(1)  # the first pass takes longer
        alone = 0.0
        for count in (0, 1, 2):
            with busy_processes(count):
                speed = measure(options.seconds)
            alone = alone or speed
            # Threads that find a free core lose nothing.
            share = min(1.0, cores / (threads + count)) / min(1.0, cores / threads)
            below = alone * share / speed
            worst = max(worst, below)
            print(
                f"{name:<6} beside {count} busy: {speed:6.1f} frames/s, fair share "
                f"{alone * share:6.1f}, {below:.2f} times below it"
            )
    if worst > options.bound:
        sys.exit(f"more than {options.bound} times below the fair share")


if __name__ == "__main__":
    if "OMP_WAIT_POLICY" not in os.environ:
        # As `onball` does, before torch is imported.
        disable_spinning()
        os.execv(sys.executable, [sys.executable, *sys.argv])
    main()
