"""What a training would take, without doing it: the net's cost, memory, steps, learning rates."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from onball.config import ExperimentConfig
from onball.models.compute import choose_device, choose_precision
from onball.models.measure import NetCost, cost_of, training_memory
from onball.training.schedule import TrainingSteps, learning_rate_factor
from onball.training.trainer import processes


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """What a training would take.

    Attributes:
        cost: of the net, for one clip.
        memory_bytes: a step's peak on each device, estimated; without the program itself.
        device: where it would run.
        precision: in which arithmetic.
        steps: how many.
        learning_rates: of each step.
    """

    cost: NetCost
    memory_bytes: int
    device: torch.device
    precision: torch.dtype
    steps: TrainingSteps
    learning_rates: list[float]


def plan_training(config: ExperimentConfig) -> TrainingPlan:
    """The plan of an experiment. Raises `ConfigError` for components that cannot be built."""
    training = config.training
    device = choose_device()
    precision = choose_precision(training.precision, device)
    cost = cost_of(config, dtype=precision)
    steps = TrainingSteps.of(training, processes())
    memory = training_memory(cost, training.batch_size, ema=training.ema_decay is not None)
    rates = [
        training.learning_rate * learning_rate_factor(step, steps.warmup, steps.total)
        for step in range(steps.total)
    ]
    return TrainingPlan(cost, memory, device, precision, steps, rates)
