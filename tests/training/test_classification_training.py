"""Training a clip classifier: it learns, is validated with AP, saved, and resumed exactly."""

from __future__ import annotations

import signal

import pytest
import torch

from onball.errors import ModelError
from onball.models import load_model
from onball.training import run
from onball.training.module import TrainingModule

CLASSIFY = ["task=classification", "inference.window_frames=16"]
LEARN = [
    "training.clips_per_epoch=24",
    "training.epochs=6",
    "training.learning_rate=5e-3",
    "training.augmentation={flip: 0, jitter: {probability: 0}}",
    "model.temporal={name: none}",
    "data.clip_frames=8",
]


def test_a_classifier_learns_which_colours_flash(runs, tmp_path, metrics):
    run_dir = runs.train(tmp_path / "run", *CLASSIFY, *LEARN)
    log = metrics(run_dir)
    assert len(log) == 6
    losses = [float(row["train_loss"]) for row in log]
    assert losses[-1] < 0.6 * losses[0]
    assert float(log[-1]["valid_loss"]) < float(log[0]["valid_loss"])
    # Three of the actions occur, the others count as 0: 3 / 12 is the most there is.
    best = max(float(row["map12"]) for row in log)
    assert float(log[0]["map12"]) < best and best > 0.2
    net, config = load_model(run_dir / "model", "classification")
    assert (config.task, config.clip_frames) == ("classification", 8)
    assert net(torch.zeros(1, 8, 3, 36, 64, dtype=torch.uint8)).shape == (1, 12)
    with pytest.raises(ModelError, match="is a model for classification, and one for spotting"):
        load_model(run_dir / "model", "spotting")


def test_a_classifier_is_resumed_exactly(runs, tmp_path, monkeypatch, assert_same_weights):
    settings = [*CLASSIFY, "training.ema_decay=0.9", "training.mixup.probability=0.5"]
    whole = runs.train(tmp_path / "whole", *settings)
    original = TrainingModule.training_step

    def training_step(self, batch, batch_idx):
        if self.global_step == 1:
            signal.raise_signal(signal.SIGTERM)
        return original(self, batch, batch_idx)

    with monkeypatch.context() as patched:
        patched.setattr(TrainingModule, "training_step", training_step)
        with pytest.raises(run.TrainingInterrupted, match="stopped at step 2 of 6"):
            runs.train(tmp_path / "run", *settings)
    runs.train(tmp_path / "run", *settings, resume=True)
    assert_same_weights(tmp_path / "run", whole, 0.0)


def test_a_classifier_can_start_from_a_classifier_but_not_from_a_spotting_net(
    runs, finished, tmp_path
):
    small = [*CLASSIFY, "training.epochs=1", "training.clips_per_epoch=4"]
    first = runs.train(tmp_path / "first", *small)
    runs.train(tmp_path / "second", *small, f"training.initial_model={first / 'model'}")
    with pytest.raises(ModelError, match="is a model for spotting"):
        runs.train(tmp_path / "third", *small, f"training.initial_model={finished / 'model'}")
