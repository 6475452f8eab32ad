"""Unusable input of several commands, and unusual names that are valid."""

from __future__ import annotations

from pathlib import Path

import pytest

from onball.assets import sample_match

VIDEO = str(sample_match() / "224p.mp4")
TINY = Path(__file__).parents[2] / "configs" / "spotting" / "tiny.yaml"


def test_a_data_folder_may_be_called_like_a_number(onball, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, error = onball("train", TINY, "--data", "2024")
    assert code == 2 and "2024" in error and "no such folder" in error.lower()


def test_a_config_that_comes_with_onball_is_found_by_its_name(onball, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, error = onball("train", "spotting/tiny")
    assert code == 2 and "data.root" in error
    code, _, error = onball("train", "spotting/tinny")
    assert code == 2 and "did you mean 'spotting/tiny'?" in error


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["spot"], "no video given"),
        (["spot", "a.mp4", "--data", "b"], "both videos and --data"),
        (["spot", "text.mp4", "text.mp4"], "text.mp4 is given twice"),
        (["spot", "absent.mp4"], "absent.mp4"),
        (["spot", "text.mp4"], "text.mp4"),
        (["spot", VIDEO, "--model", "absent"], "no saved model here"),
        (["spot", VIDEO, "--device", "toaster"], "toaster"),
        (["evaluate", "absent", "--data", "nowhere"], "absent: no such file"),
        (["train", "absent.yaml"], "absent.yaml"),
        (["train", str(TINY), "--set", "training.epoch=3"], "did you mean 'epochs'?"),
        (["train", str(TINY)], "data.root"),
        (["simulate", "--out", "x", "--size", "398by224"], "WIDTHxHEIGHT"),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_code_2(
    onball, tmp_path, monkeypatch, arguments, words
):
    monkeypatch.chdir(tmp_path)
    Path("text.mp4").write_text("this is no video")
    code, _, error = onball(*arguments)
    assert code == 2
    assert words in error
    assert "Traceback" not in error
