"""Several seeds in one command: a run for each, and the mean of their scores."""

from __future__ import annotations

import pytest
import yaml

from onball import train_seeds
from onball.errors import ConfigError
from onball.training import run, seeds
from onball.training.seeds import best_score, seed_folder


def test_the_command_trains_each_seed_on_features_and_prints_the_mean(
    runs, finished, onball, tmp_path, metrics
):
    out, features = tmp_path / "runs", tmp_path / "features"
    few = ("training.epochs=1", "inference.clips=null")
    command = [*runs.command(out, *few), "--init", str(finished), "--features", str(features)]
    code, shown, said = onball(*command, "--seeds", "2")
    assert code == 0, said
    scores = []
    for seed in range(2):
        folder = seed_folder(out, seed)
        assert yaml.safe_load((folder / "config.yaml").read_text())["training"]["seed"] == seed
        scores.append(100 * float(metrics(folder)[-1]["map10"]))
        assert f"seed {seed}  mAP10 {scores[-1]:.2f}  {folder}" in shown
    assert f"mean mAP10 {sum(scores) / 2:.1f} ±" in shown
    best = seed_folder(out, max(range(2), key=scores.__getitem__))
    assert f"spot VIDEO --model {best}" in shown
    losses = [metrics(seed_folder(out, seed))[-1]["train_loss"] for seed in range(2)]
    assert losses[0] != losses[1]
    assert len(list(features.iterdir())) == 3  # computed once for all seeds
    assert said.count("features cannot be augmented") == 1  # not for each seed


def test_all_folders_are_checked_before_the_first_training(runs, finished, tmp_path, monkeypatch):
    monkeypatch.setattr(seeds, "train", lambda *args, **kwargs: pytest.fail("trains"))
    seed_folder(tmp_path, 1).symlink_to(finished)
    with pytest.raises(ConfigError, match="seed_1: holds a training run"):
        train_seeds(runs.config(), 2, run_dir=tmp_path)
    assert not seed_folder(tmp_path, 0).exists()


def test_a_run_without_validation_has_no_score(tmp_path):
    folder = run.RunFolder(tmp_path)
    folder.metrics.write_text("epoch,train_loss,map12,map10\n1,0.5,,\n")
    assert best_score(folder) is None
    folder.metrics.write_text("epoch,train_loss,map12,map10\n1,0.5,0.1,0.2\n2,0.4,0.1,0.15\n")
    assert best_score(folder) == pytest.approx(20.0)
