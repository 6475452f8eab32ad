"""Missing data and impossible settings: errors of one line before any work."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import torch

from onball.errors import ConfigError, ModelError


def one_line(said: str) -> str:
    """The printed error, after checking that it is one line and no traceback."""
    assert "Traceback" not in said, said
    errors = [line for line in said.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, said
    return errors[0]


def without_a_train_split(root: Path) -> None:
    shutil.rmtree(root / "train")


def without_a_video(root: Path) -> None:
    next((root / "train").rglob("224p.mp4")).unlink()


def without_labels(root: Path) -> None:
    next((root / "train").rglob("Labels-ball.json")).unlink()


def with_empty_labels(root: Path) -> None:
    for labels in (root / "train").rglob("Labels-ball.json"):
        labels.write_text('{"annotations": []}')


def without_a_video_to_validate_on(root: Path) -> None:
    next((root / "valid").rglob("224p.mp4")).unlink()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (without_a_train_split, "no match under 'train'"),
        (without_a_video, r"match \d: no video"),
        (without_labels, r"match \d: no Labels-ball\.json"),
        (with_empty_labels, "no action is labelled in the matches to train on"),
        (without_a_video_to_validate_on, "match 2: no video"),
        (shutil.rmtree, "no such folder"),
    ],
)
def test_missing_data_is_reported_in_one_line(onball, runs, tmp_path, damage, message):
    root = tmp_path / "data"
    shutil.copytree(runs.root, root, ignore=shutil.ignore_patterns(".cache"))
    damage(root)
    settings = [f"data.root={root}", f"data.cache={runs.root / '.cache'}"]
    code, _, said = onball(*runs.command(tmp_path / "run", *settings))
    assert code == 2
    assert re.search(message, one_line(said))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("training.precision=fp16", "precision fp16 needs a GPU: take auto, bf16 or 32"),
        ("data.root=null", "data.root is not set"),
        ("training.initial_model=nowhere", "nowhere: no saved model here"),
    ],
)
def test_an_impossible_setting_is_reported_in_one_line(onball, runs, tmp_path, setting, message):
    if "fp16" in setting and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    code, _, said = onball(*runs.command(tmp_path / "run", setting))
    assert code == 2
    assert message in one_line(said)


def test_a_network_for_another_frame_size_is_reported_before_data_are_read(runs, tmp_path):
    vit = "model.backbone={name: test_vit, pretrained: false}"
    with pytest.raises(
        ConfigError, match=r"backbone\.name: 'test_vit' cannot .*data\.height = 64 × 36 \("
    ):
        runs.train(tmp_path / "run", vit, "data.root=nowhere")


def test_other_files_in_the_model_folder_are_reported_before_data_are_read(runs, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "thesis.txt").write_text("years of work")
    with pytest.raises(ModelError, match="model: holds other files"):
        runs.train(tmp_path, "data.root=nowhere")
