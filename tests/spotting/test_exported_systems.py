"""Exports of every system: all configs and all published models, with random weights."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from onball.config import list_configs
from onball.models.published import PUBLISHED
from onball.spotting.exporting import SCORE_BOUND

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "export_parity.py"
SPOTTING = [one.name for one in list_configs() if one.name.startswith("spotting/")]
CLASSIFICATION = [one.name for one in list_configs() if one.name.startswith("classification/")]
#: Reasons of systems that cannot be one graph.
REFUSED = {"stacker-2023": "the backbone frame_stacker cannot be exported: its 3D blocks"}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("export_parity", BENCHMARK)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.mark.parametrize("name", [*SPOTTING, *PUBLISHED])
def test_every_system_is_exported_or_says_why_not(benchmark, name, tmp_path):
    outcome = benchmark.measure(benchmark.small_config(name), tmp_path)
    if name in REFUSED:
        assert outcome.refusal.startswith(REFUSED[name])
        assert not (tmp_path / "model" / "exports").exists()
        return
    assert not outcome.refusal
    assert set(outcome.differences) == {"onnx", "openvino"}
    assert max(outcome.differences.values()) <= SCORE_BOUND
    assert outcome.spread > 0.01  # otherwise it would compare constants


@pytest.mark.parametrize("name", CLASSIFICATION)
def test_classifiers_are_refused_by_name_of_what_runs_them(benchmark, name, tmp_path):
    outcome = benchmark.measure(benchmark.small_config(name), tmp_path)
    assert "clip classifier" in outcome.refusal
    assert "onball evaluate" in outcome.refusal


def test_the_benchmark_covers_every_config_and_published_model(benchmark):
    assert benchmark.systems() == [*SPOTTING, *CLASSIFICATION, *PUBLISHED]
