"""Runs named by their folder: resumed without settings, extended by epochs, or replaced."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest
import torch

from onball.config import load_config
from onball.errors import ConfigError, InputError
from onball.training.callbacks import BestModel
from onball.training.module import TrainingModule, TrainingSteps, learning_rate_factor


@pytest.fixture
def copied(finished, tmp_path):
    """A copy of the finished run of two epochs, which a test may change."""
    return shutil.copytree(finished, tmp_path / "runs" / "tiny")


@pytest.fixture
def steps(monkeypatch):
    """Learning rate of each training step, by its number, while tests train."""
    seen: dict[int, float] = {}
    original = TrainingModule.training_step

    def training_step(self, clips, batch_idx):
        seen[self.global_step] = self.learning_rate
        return original(self, clips, batch_idx)

    monkeypatch.setattr(TrainingModule, "training_step", training_step)
    return seen


def test_more_epochs_continue_from_the_state_with_the_rates_of_the_longer_schedule(
    copied, finished, steps, onball, metrics, monkeypatch
):
    before = torch.load(copied / "checkpoints" / "last.ckpt", weights_only=True)
    started = []

    def on_train_start(self):
        original(self)
        weights = {name: value.clone() for name, value in self.state_dict().items()}
        moments = self.optimizers().optimizer.state_dict()["state"]
        started.append((weights, {key: value["exp_avg"].clone() for key, value in moments.items()}))

    original = TrainingModule.on_train_start
    monkeypatch.setattr(TrainingModule, "on_train_start", on_train_start)
    code, _, error = onball("train", copied, "--resume", "--set", "training.epochs=4")
    assert code == 0
    assert "4 epochs instead of 2: from here on, the learning rate is that of" in error
    ((weights, moments),) = started
    assert all(torch.equal(weights[name], v) for name, v in before["state_dict"].items())
    saved = before["optimizer_states"][0]["state"]
    assert moments.keys() == saved.keys()
    assert all(torch.equal(moments[key], saved[key]["exp_avg"]) for key in saved)
    config = load_config(copied / "config.yaml").training
    plan = TrainingSteps.of(config)
    assert (config.epochs, plan.total) == (4, 12)
    assert steps == {
        step: config.learning_rate * learning_rate_factor(step, plan.warmup, 12)
        for step in range(6, 12)
    }
    rows = metrics(copied)
    assert rows[:2] == metrics(finished)
    assert [(row["epoch"], row["step"]) for row in rows[2:]] == [("3", "9"), ("4", "12")]


def test_a_run_named_by_its_folder_is_resumed_with_its_own_settings(copied, steps, onball, metrics):
    before = (copied / "config.yaml").read_text()
    code, out, error = onball("train", copied, "--resume")
    assert code == 0 and error.count("\n") == 1
    assert "nothing trained: this run has all its 2 epochs" in error
    assert f"--model {copied}" in out
    assert steps == {} and len(metrics(copied)) == 2
    assert (copied / "config.yaml").read_text() == before


def test_settings_given_with_a_run_must_agree_with_it(copied, onball, steps):
    agree = ("--set", "training.clips_per_epoch=10", "--out", copied)
    assert onball("train", copied, "--resume", *agree)[0] == 0
    differ = ("--set", "training.clips_per_epoch=12", "--set", "training.epochs=1")
    code, _, error = onball("train", copied, "--resume", *differ)
    assert code == 2
    assert "training.clips_per_epoch 10 instead of 12, training.epochs 2 instead of 1" in error
    code, _, error = onball("train", copied, "--resume", "--out", copied / "other")
    assert code == 2 and "can only be resumed in its own folder" in error
    assert steps == {}


def test_a_run_without_resume_is_refused_with_both_ways_out(copied, onball):
    code, _, error = onball("train", copied)
    assert code == 2 and "add --resume to continue it, or name" in error
    assert onball("train", copied, "--resume", "--overwrite")[0] == 2
    code, _, error = onball("train", copied / "model", "--resume")
    assert code == 2 and f"is a part of the training run {copied}" in error
    code, _, error = onball("train", copied.parent, "--resume")
    assert code == 2 and "is a folder: name a YAML file" in error


def test_a_resumed_run_in_an_empty_folder_starts_from_the_beginning_and_says_so(
    runs, onball, tmp_path, steps
):
    few = ("training.epochs=1", "training.clips_per_epoch=4")
    code, _, error = onball(*runs.command(tmp_path / "new", *few), "--resume")
    assert code == 0
    assert "no checkpoint in it: training starts from the beginning" in error
    assert list(steps) == [0]


def test_an_overwritten_run_leaves_nothing_of_the_former_one(copied, runs, onball, metrics):
    (copied / "evaluation" / "test").mkdir(parents=True)
    few = ("training.epochs=1", "training.clips_per_epoch=4", "training.loggers=[]")
    assert onball(*runs.command(copied, *few))[0] == 2
    assert len(metrics(copied)) == 2
    assert onball(*runs.command(copied, *few), "--overwrite")[0] == 0
    assert len(metrics(copied)) == 1
    assert not (copied / "evaluation").exists() and not (copied / "tensorboard").exists()


def test_a_run_whose_checkpoint_was_deleted_is_not_trained_over(copied, runs):
    (copied / "checkpoints" / "last.ckpt").unlink()
    with pytest.raises(ConfigError, match=r"its checkpoint is gone .*--overwrite.*--out"):
        runs.train(copied, resume=True)


@pytest.mark.parametrize(("patience", "exhausted"), [("2", True), ("5", False), ("null", False)])
def test_a_longer_patience_lets_a_run_that_stopped_early_continue(
    runs, tmp_path, patience, exhausted
):
    config = runs.config(f"training.early_stopping_epochs={patience}")
    best = BestModel(config, None, tmp_path)
    best.load_state_dict({"best": 0.5, "best_epoch": 1, "exhausted": True})
    best.on_train_start(SimpleNamespace(current_epoch=3), None)
    assert best.exhausted == exhausted


def test_a_device_that_is_absent_is_refused_before_any_work(runs, tmp_path, monkeypatch, onball):
    code, _, error = onball(*runs.command(tmp_path / "run"), "--device", "cuda:99")
    assert code == 2 and "cuda:99" in error
    assert not (tmp_path / "run").exists()
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InputError, match=r"2 processes train together.*auto, cpu or cuda"):
        runs.train(tmp_path / "run", device="cpu:0")
