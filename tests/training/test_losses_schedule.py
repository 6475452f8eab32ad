"""The loss weighs classes as told; the learning rate rises, falls and never rises again."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from onball.classes import BACKGROUND, IGNORE
from onball.config import TrainingConfig
from onball.models import DenseScores
from onball.training.losses import class_weights, spotting_loss
from onball.training.schedule import TrainingSteps, learning_rate_factor


def test_background_and_actions_have_their_weights():
    weights = class_weights(1.0, 5.0)
    assert weights[BACKGROUND] == 1.0
    assert weights[1:].tolist() == [5.0] * 12


def test_the_loss_is_the_weighted_mean_over_frames():
    torch.manual_seed(0)
    logits, targets = torch.randn(2, 3, 13), torch.tensor([[0, 4, 0], [12, 0, 0]])
    weights = class_weights(1.0, 5.0)
    logs = logits.log_softmax(-1)
    total, norm = 0.0, 0.0
    for b in range(2):
        for t in range(3):
            weight = 5.0 if targets[b, t] else 1.0
            total -= weight * logs[b, t, targets[b, t]].item()
            norm += weight
    loss = spotting_loss(DenseScores(logits), targets, weights)
    assert loss.item() == pytest.approx(total / norm, rel=1e-5)


def test_padding_does_not_count():
    torch.manual_seed(0)
    logits, targets = torch.randn(1, 4, 13), torch.tensor([[0, 3, 0, 0]])
    weights = class_weights(1.0, 5.0)
    padded = torch.cat([logits, torch.randn(1, 2, 13)], dim=1)
    ignored = torch.cat([targets, torch.full((1, 2), IGNORE)], dim=1)
    assert torch.equal(
        spotting_loss(DenseScores(padded), ignored, weights),
        spotting_loss(DenseScores(logits), targets, weights),
    )


@pytest.mark.parametrize(("warmup", "total"), [(30, 200), (0, 50), (1, 10), (20, 20)])
def test_the_learning_rate_rises_linearly_then_falls_and_never_rises_again(warmup, total):
    factors = np.array([learning_rate_factor(step, warmup, total) for step in range(total + 20)])
    assert np.allclose(np.diff(factors[:warmup]), 1 / max(1, warmup))
    assert factors.max() <= 1.0
    if warmup:
        assert factors[warmup - 1] == 1.0
    assert (np.diff(factors[max(0, warmup - 1) :]) <= 0).all()
    assert factors[total - 1] > 0
    assert np.allclose(factors[total:], 0)


def test_steps_are_whole_batches_and_the_warm_up_ends_with_the_training():
    config = TrainingConfig(clips_per_epoch=10, batch_size=4, epochs=5, warmup_epochs=1.5)
    assert TrainingSteps.of(config) == TrainingSteps(per_epoch=3, warmup=4, total=15)
    short = config.model_copy(update={"epochs": 1})
    assert TrainingSteps.of(short) == TrainingSteps(per_epoch=3, warmup=3, total=3)


def test_half_way_down_the_learning_rate_is_half():
    assert learning_rate_factor(10 + 45, 10, 100) == pytest.approx(0.5, abs=0.02)
