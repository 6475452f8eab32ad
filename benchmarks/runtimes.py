"""Speed of the runtimes: PyTorch, ONNX Runtime, OpenVINO, and both of the latter in 8-bit integers.

    python benchmarks/runtimes.py                         RegNetY-002 + BiLSTM at 398×224
    python benchmarks/runtimes.py spotting/adaspot_small

A net of the config with random weights computes chunks of random frames, as `onball spot` does: each
thread its own chunk, with one thread inside operations. All runtimes are measured in turns, in one run,
so that other work on the machine meets them alike; each figure is the median of the rounds. The
processor time does not count what other programs take. The cost does not depend on the weights.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from onball.config import SavedModelConfig, load_config
from onball.models import build_model
from onball.models.runtimes.graphs import BACKBONE_FILE, write_graphs
from onball.models.runtimes.quantising import quantise
from onball.models.runtimes.records import Export, ExportRecord
from onball.spotting.compute import Compute, TorchCompute
from onball.spotting.runtimes import Runtime, open_export


def main() -> None:
    """Print a table of the runtimes."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("config", nargs="?", default="spotting/regnety_bilstm")
    parser.add_argument("--threads", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--frames", type=int, default=32, help="frames of a chunk")
    options = parser.parse_args()
    torch.set_num_threads(1)
    experiment = load_config(options.config, ["model.backbone.pretrained=false"])
    config = SavedModelConfig.of(experiment)
    print(f"{options.config}: {config.width}×{config.height}, chunks of {options.frames} frames")
    with tempfile.TemporaryDirectory() as folder:
        runtimes = opened(config, Path(folder))
        for threads in options.threads:
            print_table(
                measured(runtimes, config, threads, options.rounds, options.frames), threads
            )


def opened(config: SavedModelConfig, folder: Path) -> dict[str, Compute]:
    """Every runtime of a net with random weights."""
    net = build_model(config.model, fetch_weights=False).eval()
    runtimes: dict[str, Compute] = {
        "torch": TorchCompute(net),
        "torch in bfloat16": TorchCompute(net, torch.bfloat16),
    }
    exports: list[tuple[str, tuple[Runtime, ...]]] = [
        ("float32", ("onnx", "openvino")),
        ("int8", ("onnx-int8", "openvino-int8")),
    ]
    for precision, names in exports:
        place = folder / precision
        place.mkdir()
        write_graphs(net, config, place)
        if precision == "int8":
            quantise(place / BACKBONE_FILE, ({"frames": frames(config, 8)[None]} for _ in range(4)))
        record = ExportRecord.model_validate(
            {"format": "onnx", "precision": precision, "net": "", "files": {}, "versions": {}}
        )
        for name in names:
            runtimes[name] = open_export(Export(place, record), net, config, name).compute
    return runtimes


def frames(config: SavedModelConfig, count: int) -> NDArray[np.uint8]:
    """Random frames of the net's size."""
    shape = (count, config.height, config.width, 3)
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def measured(
    runtimes: dict[str, Compute], config: SavedModelConfig, threads: int, rounds: int, count: int
) -> dict[str, tuple[float, float]]:
    """Frames per second, and milliseconds of processor time per frame, of each runtime."""
    chunk = frames(config, count)
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in runtimes}
    with ThreadPoolExecutor(threads) as pool:

        def work(compute: Compute) -> None:
            compute.outputs(compute.features(chunk)[None])

        for number in range(rounds + 1):
            for name, compute in runtimes.items():
                wall, processor = time.perf_counter(), time.process_time()
                list(pool.map(work, [compute] * threads))
                total = threads * count
                if number:  # the first round warms up
                    times[name].append(
                        (
                            total / (time.perf_counter() - wall),
                            1000 * (time.process_time() - processor) / total,
                        )
                    )
    return {
        name: (statistics.median(t[0] for t in ts), statistics.median(t[1] for t in ts))
        for name, ts in times.items()
    }


def print_table(results: dict[str, tuple[float, float]], threads: int) -> None:
    """Print the figures of one number of threads, as Markdown."""
    base_rate, base_time = results["torch"]
    print(f"\n| {threads} thread(s) | frames/s | ratio | processor time per frame | ratio |")
    print("|---|---|---|---|---|")
    for name, (rate, spent) in results.items():
        print(
            f"| {name} | {rate:.0f} | {rate / base_rate:.2f} | {spent:.1f} ms | {base_time / spent:.2f} |"
        )


if __name__ == "__main__":
    main()
