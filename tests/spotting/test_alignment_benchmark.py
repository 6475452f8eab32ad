"""`benchmarks/tag_alignment.py` on one match: an error beside its bound, and refusals."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from simulated_play import simulated_labels

from onball.data.layout import write_splits
from onball.formats.soccernet import write_labels

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.mark.medium
def test_the_benchmark_states_the_error_and_its_bound_and_refuses_few_tags(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    program = importlib.import_module("tag_alignment")
    for name in ("one", "two"):
        write_labels(simulated_labels(), tmp_path / name / "Labels-ball.json")
    write_splits(tmp_path, {"train": ["one", "two"]})
    line = program.measure_accuracy(tmp_path, program.Conditions("usual"), 2).split()
    assert line[:2] == ["usual", "10"] and line[3] == "2/2"
    error, bound = float(line[5]), float(line[6])
    assert 0 < bound < 80 and error < 100
    refused = {
        line.split("  ")[0]: line.split()[-5:] for line in program.measure_acceptance(tmp_path, 1)
    }
    assert refused["10 tags of the match"][:2] == ["100.0%", "0.0%"]
    assert refused["80 tags of the match"][:2] == ["0.0%", "100.0%"]
