"""Compare the training speed of a backbone in bfloat16 and float32 on this machine's CPU.

    python benchmarks/training_speed.py [--backbone regnety_002] [--size 224x128] [--frames 100]

Prints the frames per second of forward and backward pass for both data types, in the fastest of several
steps, and their ratio. Steps of both types alternate, so that other work on the machine slows both down; the
ratio is still meant for an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import time

import torch

from onball.config import ComponentConfig, PreprocessingConfig
from onball.models.backbones import BACKBONES, BackboneSetup
from onball.models.compute import cpu_has_bf16


def main() -> None:
    """Time steps in both data types and print the ratio."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--backbone", default="regnety_002")
    parser.add_argument("--size", default="224x128")
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--steps", type=int, default=5)
    options = parser.parse_args()
    width, height = (int(part) for part in options.size.split("x"))
    config = ComponentConfig(name=options.backbone, pretrained=False)
    net = BACKBONES.build(config, BackboneSetup(PreprocessingConfig())).train()
    frames = torch.randint(0, 256, (1, options.frames, 3, height, width), dtype=torch.uint8)
    seconds: dict[str, list[float]] = {"float32": [], "bfloat16": []}
    for _ in range(options.steps):
        for name, measured in seconds.items():
            begin = time.perf_counter()
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=name == "bfloat16"):
                loss = net(frames).float().square().mean()
            loss.backward()
            net.zero_grad()
            measured.append(time.perf_counter() - begin)
    speeds = {name: options.frames / min(measured) for name, measured in seconds.items()}
    for name, speed in speeds.items():
        print(f"{name}: {speed:.0f} frames/s")
    native = "has" if cpu_has_bf16() else "does not have"
    print(
        f"ratio {speeds['bfloat16'] / speeds['float32']:.2f} (this CPU {native} bfloat16 natively)"
    )


if __name__ == "__main__":
    main()
