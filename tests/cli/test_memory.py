"""Memory stays flat: a stream needs no more of it when it is longer, and neither does `onball spot`."""

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
    """Peak resident memory in bytes while that many random frames stream by, and the events."""
    process, rng = psutil.Process(), np.random.default_rng(0)
    width, height = spotter.config.size
    peak = 0

    def source():
        nonlocal peak
        for start in range(0, frames, 32):
            pictures = rng.integers(0, 256, (32, height, width, 3), dtype=np.uint8)
            yield Batch(pictures, np.arange(start, start + 32) * 80)
            peak = max(peak, process.memory_info().rss)

    events = sum(1 for _ in spotter.stream(source()))
    return peak, events


def test_a_stream_five_times_as_long_needs_no_more_memory():
    spotter = tiny_spotter()
    length = 640
    peak_of_stream(spotter, length)  # what is allocated once, is allocated now
    short, few = peak_of_stream(spotter, length)
    long, many = peak_of_stream(spotter, 5 * length)
    assert many > 4 * few > 0, "the stream was not spotted to its end"
    width, height = spotter.config.size
    more_frames = 4 * length * width * height * 3
    assert long - short < 8 * MB < more_frames / 4


@pytest.mark.slow
def test_onball_spot_needs_no_more_memory_for_a_longer_video():
    done = subprocess.run(
        [sys.executable, str(BENCHMARK)], capture_output=True, text=True, check=False, timeout=900
    )
    assert done.returncode == 0, done.stdout + done.stderr
