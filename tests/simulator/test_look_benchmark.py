"""The benchmark of pictures: balls and camera movements of known size are measured."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "look.py"
GRASS = (70, 110, 50)


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("look_benchmark", BENCHMARK)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def pitch_with_ball(sigma_x, sigma_y, height=100.0):
    """Grass with a bright Gaussian spot around the pixel (40, 30)."""
    x, y = np.meshgrid(np.arange(80), np.arange(60))
    spot = height * np.exp(-(((x - 40) / sigma_x) ** 2) / 2 - (((y - 30) / sigma_y) ** 2) / 2)
    return np.clip(np.array(GRASS) + spot[..., None], 0, 255).astype(np.uint8)


@pytest.mark.parametrize("sigma", [1.2, 2.0])
def test_a_round_ball_has_its_width_at_half_peak_and_its_contrast(benchmark, sigma):
    found = benchmark.measure_ball(pitch_with_ball(sigma, sigma), (41.0, 30.0))
    assert found["ball diameter at half peak, px"] == pytest.approx(2.355 * sigma, rel=0.12)
    assert found["ball contrast, levels of luma"] == pytest.approx(100, abs=3)
    assert found["ball long side / narrow side"] < 1.15
    assert abs(found["ball greenness minus that of grass"]) < 2, "the spot is added to all colours"


def test_a_smeared_ball_is_longer_than_wide(benchmark):
    found = benchmark.measure_ball(pitch_with_ball(3.0, 1.2), (40.5, 30.5))
    assert found["ball long side / narrow side"] == pytest.approx(2.5, rel=0.15)


def test_a_ball_on_a_line_and_a_missing_ball_are_left_out(benchmark):
    frame = pitch_with_ball(1.5, 1.5)
    frame[29:32] = 230
    assert benchmark.measure_ball(frame, (40.5, 30.5)) is None
    assert benchmark.measure_ball(pitch_with_ball(1, 1, height=0), (40.5, 30.5)) is None


def test_the_speed_of_a_panned_background_is_measured(benchmark):
    rng = np.random.default_rng(0)
    wide = np.repeat(rng.integers(60, 160, (120, 220, 1), np.uint8), 3, 2)
    wide = benchmark.cv2.GaussianBlur(wide, (0, 0), 1.5)
    found = benchmark.measure_camera(wide[:, :200], wide[:, 6:206], 40)
    assert found["pan, px/s"] == pytest.approx(150, abs=5)
    assert found["tilt, px/s"] < 5


def test_only_values_within_the_simulated_range_are_covered(benchmark):
    real = {"size": [float(value) for value in range(10)]}
    rows = list(benchmark.table(real, {"size": [2.0] * 50 + [6.0] * 50}))
    assert rows[1].split()[-1] == "0.50"
