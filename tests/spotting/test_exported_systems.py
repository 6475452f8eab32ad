"""Exports of every system: all configs and all published models, with random weights."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from onball.config import list_configs
from onball.models.published import PUBLISHED
from onball.models.runtimes.records import SCORE_BOUND

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


@pytest.fixture(scope="module")
def measured(benchmark, tmp_path_factory):
    """Function from the name of a system to its outcome; the same net is measured once."""
    done = {}

    def measure(name: str):
        config = benchmark.small_config(name)
        key = config.model_dump_json()
        if key not in done:
            done[key] = benchmark.measure(config, tmp_path_factory.mktemp("system"))
        return done[key]

    return measure


@pytest.mark.parametrize("name", [*SPOTTING, *PUBLISHED])
def test_every_system_is_exported_or_says_why_not(measured, name):
    outcome = measured(name)
    if name in REFUSED:
        assert outcome.refusal.startswith(REFUSED[name])
        return
    assert not outcome.refusal
    assert outcome.rounding < SCORE_BOUND / 2  # otherwise the bound would say nothing of the export
    assert outcome.largest <= SCORE_BOUND
    assert outcome.spread > 0.01  # otherwise it would compare constants


@pytest.mark.parametrize("name", CLASSIFICATION)
def test_classifiers_are_refused_by_name_of_what_runs_them(measured, name):
    refusal = measured(name).refusal
    assert refusal.startswith("is a clip classifier")
    assert "onball evaluate" in refusal


def test_the_benchmark_covers_every_config_and_published_model(benchmark):
    assert benchmark.systems() == [*SPOTTING, *CLASSIFICATION, *PUBLISHED]


def test_a_table_that_is_continued_keeps_its_rows(benchmark, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(benchmark, "systems", lambda: ["classification/regnety", "stacker-2023"])
    monkeypatch.setattr("sys.argv", ["export_parity.py", "--table", str(tmp_path / "parity.csv")])
    assert benchmark.main() == 0
    monkeypatch.setattr(benchmark, "measure", None)
    said = capsys.readouterr().out
    assert said.count("refused") == 2
    assert benchmark.main() == 0
    assert capsys.readouterr().out == said
