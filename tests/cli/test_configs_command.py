"""`onball configs`: a list of names, and YAML that can be trained on."""

from __future__ import annotations

import pytest

from onball.config import list_configs, load_config


def test_every_config_is_listed_by_name_with_its_description(onball):
    code, out, _ = onball("configs")
    assert code == 0
    for config in list_configs():
        assert f" {config.name} " in out and config.description in out


@pytest.mark.slow
def test_the_parameters_are_those_of_the_nets(onball):
    out = onball("configs", "--parameters")[1]
    (line,) = [line for line in out.splitlines() if " spotting/regnety_bilstm " in line]
    assert " 4,082,713 " in line


def test_the_settings_of_a_config_are_printed_as_yaml_that_is_read_back(onball, tmp_path):
    settings = ("--with", "budgets/cpu", "--set", "training.epochs=3")
    code, out, _ = onball("configs", "spotting/regnety_bilstm", *settings)
    assert code == 0
    (tmp_path / "mine.yaml").write_text(out, encoding="utf-8")
    expected = load_config("spotting/regnety_bilstm", ["training.epochs=3"], ["budgets/cpu"])
    assert load_config(tmp_path / "mine.yaml") == expected


def test_an_overlay_is_printed_as_it_is(onball):
    code, out, _ = onball("configs", "tracks/medium")
    assert code == 0 and "data: {tracks: tracks_medium.parquet}" in out


def test_a_misspelt_name_suggests_the_right_one_or_the_list(onball):
    code, _, error = onball("configs", "spotting/tinny")
    assert code == 2 and "did you mean 'spotting/tiny'?" in error
    code, _, error = onball("train", "zzz")
    assert code == 2 and "`onball configs` lists" in error


def test_settings_without_a_config_are_refused(onball):
    code, _, error = onball("configs", "--set", "training.epochs=3")
    assert code == 2 and "onball configs NAME" in error
