"""Memory of streams and of `onball spot`, which does not grow with the length of the video."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil
import pytest
import torch

from onball.config import ComponentConfig, InferenceConfig, ModelConfig, SavedModelConfig
from onball.models import build_model
from onball.spotting.spotter import Spotter

MB = 2**20
BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "spot_memory.py"


class Batch(NamedTuple):
    frames: np.ndarray
    pts_ms: np.ndarray


def tiny_spotter() -> Spotter:
    torch.manual_seed(0)
    model = ModelConfig(
        backbone=ComponentConfig(name="test_resnet", pretrained=False),
        temporal=ComponentConfig(name="bilstm", hidden=8),
    )
    config = SavedModelConfig(
        fps=12.5, width=96, height=64, model=model, inference=InferenceConfig(threshold=0.0)
    )
    return Spotter(build_model(model), config, device="cpu", precision="32")


def peak_of_stream(spotter: Spotter, frames: int) -> tuple[int, int]:
    """Peak resident memory in bytes of spotting a stream of random frames, and the number of events."""
    process, rng = psutil.Process(), np.random.default_rng(0)
    width, height = spotter.config.size
    peak = 0

    def source():
        nonlocal peak
        for start in range(0, frames, 32):
            images = rng.integers(0, 256, (32, height, width, 3), dtype=np.uint8)
            yield Batch(images, np.arange(start, start + 32) * 80)
            peak = max(peak, process.memory_info().rss)

    events = sum(1 for _ in spotter.stream(source()))
    return peak, events


def test_a_longer_stream_needs_no_more_memory():
    spotter = tiny_spotter()
    length = 320
    peak_of_stream(spotter, 64)  # allocates what is allocated only once
    short, few = peak_of_stream(spotter, length)
    long, many = peak_of_stream(spotter, 7 * length)
    assert many > 6 * few > 0, "the end of the stream was not spotted"
    width, height = spotter.config.size
    more_frames = 6 * length * width * height * 3
    assert long - short < 8 * MB < more_frames / 4


@pytest.mark.slow
def test_onball_spot_needs_no_more_memory_for_a_longer_video():
    done = subprocess.run(
        [sys.executable, str(BENCHMARK)], capture_output=True, text=True, check=False, timeout=900
    )
    assert done.returncode == 0, done.stdout + done.stderr
