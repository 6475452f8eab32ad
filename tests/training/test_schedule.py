"""The learning rate rises, falls and never rises again; steps are counted over all processes."""

from __future__ import annotations

import numpy as np
import pytest

from onball.config import TrainingConfig
from onball.training.module import TrainingSteps, learning_rate_factor


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
    steps = TrainingSteps.of(config)
    assert (steps.per_epoch, steps.warmup, steps.total) == (3, 4, 15)
    short = TrainingSteps.of(config.model_copy(update={"epochs": 1}))
    assert (short.per_epoch, short.warmup, short.total) == (3, 3, 3)


def test_alone_an_epoch_has_exactly_the_configured_clips():
    steps = TrainingSteps.of(TrainingConfig(clips_per_epoch=10, batch_size=4))
    assert (steps.clips_per_step, steps.clips_per_epoch) == (4, 10)


@pytest.mark.parametrize(("accumulate", "processes"), [(2, 1), (1, 2), (3, 2)])
def test_batches_that_share_a_step_have_equally_many_clips(accumulate, processes):
    config = TrainingConfig(clips_per_epoch=50, batch_size=4, accumulate=accumulate)
    steps = TrainingSteps.of(config, processes)
    assert steps.clips_per_step == 4 * accumulate * processes
    assert steps.clips_per_epoch == steps.per_epoch * steps.clips_per_step
    assert 50 <= steps.clips_per_epoch < 50 + steps.clips_per_step


def test_half_way_through_the_cosine_the_learning_rate_is_half():
    assert learning_rate_factor(10 + 45, 10, 100) == pytest.approx(0.5, abs=0.02)
