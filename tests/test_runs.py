"""`onball.runs`: the files of a training run."""

from __future__ import annotations

import pytest

from onball.errors import DataError
from onball.runs import RunFolder, find_model, is_run


def test_a_folder_with_a_config_is_a_run(tmp_path):
    (tmp_path / "config.yaml").write_text("task: spotting\n")
    assert is_run(tmp_path)
    assert RunFolder.open(tmp_path) == RunFolder(tmp_path)


@pytest.mark.parametrize("name", ["", "missing", "config.yaml"])
def test_opening_anything_else_names_the_missing_file(tmp_path, name):
    (tmp_path / "inner").mkdir()
    path = tmp_path / "inner" / name
    assert not is_run(path)
    with pytest.raises(DataError, match=r"no training run \(config\.yaml is not there\)") as error:
        RunFolder.open(path)
    assert str(path) in str(error.value)


def test_evaluations_are_stored_in_a_folder_per_split(tmp_path):
    run = RunFolder(tmp_path)
    assert run.evaluation("test").metrics == tmp_path / "evaluation" / "test" / "metrics.json"
    assert run.evaluation("valid").predictions == tmp_path / "evaluation" / "valid" / "predictions"


def test_a_run_stands_for_its_model_and_any_other_folder_for_itself(tmp_path):
    assert find_model(tmp_path) == tmp_path
    (tmp_path / "config.yaml").write_text("task: spotting\n")
    assert find_model(tmp_path) == tmp_path / "model"


def test_a_folder_has_results_only_with_a_checkpoint_a_model_or_metrics(tmp_path):
    run = RunFolder(tmp_path)
    (tmp_path / "config.yaml").write_text("task: spotting\n")
    run.model.mkdir()
    assert not run.has_results
    (run.model / "config.json").write_text("{}")
    assert run.has_results
    run.clear()
    assert not run.has_results and list(tmp_path.iterdir()) == []
