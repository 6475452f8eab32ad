"""The benchmark of trainings with several seeds: its systems, and what it still has to train."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from onball.actions import ACTIONS
from onball.experiments import add_result

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def ablations():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "benchmarks")
        yield importlib.import_module("ablations")
    sys.modules.pop("ablations", None)


def test_every_system_has_settings_that_can_be_trained(ablations, monkeypatch, tmp_path):
    monkeypatch.chdir(ROOT)  # the budget names the demo model by its place in the project
    for name, study in ablations.STUDIES.items():
        rows = set()
        for system in study.systems:
            planned = study.experiment(system, tmp_path, 3)
            config = planned.load()
            assert config.training.seed == 3, system
            assert (config.data.features == "auto") == (name in ("heads", "clips")), system
            rows.add(tuple(planned.row().items()))
        assert len(rows) == len(study.systems), "two systems share their rows"
        assert len({system.name for system in study.systems}) == len(study.systems)


def test_what_has_a_row_is_not_trained_again(ablations, tmp_path):
    study = ablations.STUDIES["heads"]
    first, second, *_ = study.systems
    table, data = tmp_path / "heads.csv", tmp_path / "bench"

    def names() -> list[tuple[str, str]]:
        found = ablations.missing(study, (first, second), data, (0, 1), table)
        return [(system.name, planned.row()["seed"]) for system, planned in found]

    one, other = first.name, second.name
    assert names() == [(one, "0"), (other, "0"), (one, "1"), (other, "1")]
    numbers = {"map12": "1.00", "map10": "1.00", **{f"AP {action}": "1.00" for action in ACTIONS}}
    done = study.experiment(second, data, 0).row()
    add_result(table, {**done, **numbers})
    assert names() == [(one, "0"), (one, "1"), (other, "1")]
    # A row of other data is not that of this system.
    add_result(table, {**done, **numbers, "data": "other", "seed": "1"})
    assert names() == [(one, "0"), (one, "1"), (other, "1")]
