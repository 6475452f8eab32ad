"""The learning rate, step by step: a linear warm-up, then half a cosine down to zero."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

from onball.config import TrainingConfig


@dataclass(frozen=True, slots=True)
class TrainingSteps:
    """How many steps a training takes: in an epoch, while it warms up, and in all.

    Attributes:
        clips_per_step: clips of all processes and accumulated batches.
        clips_per_epoch: as configured; rounded up to whole steps if several processes or batches
            share one, so that each does the same.
    """

    per_epoch: int
    warmup: int
    total: int
    clips_per_step: int
    clips_per_epoch: int

    @classmethod
    def of(cls, config: TrainingConfig, processes: int = 1) -> Self:
        """The steps of a training with that config; the last batch of an epoch may be smaller."""
        clips_per_step = config.batch_size * config.accumulate * processes
        per_epoch = math.ceil(config.clips_per_epoch / clips_per_step)
        clips = config.clips_per_epoch
        if config.accumulate * processes > 1:
            clips = per_epoch * clips_per_step
        warmup = round(min(config.warmup_epochs, config.epochs) * per_epoch)
        return cls(per_epoch, warmup, config.epochs * per_epoch, clips_per_step, clips)


def learning_rate_factor(step: int, warmup_steps: int, total_steps: int) -> float:
    """What the learning rate is multiplied by at a step (counted from 0), 0 to 1.

    It rises in equal steps from 1/`warmup_steps` to 1, reaches 1 at the last step of the warm-up,
    falls along half a cosine (Loshchilov & Hutter 2017, without restarts), and never rises again:
    the last step of all still learns a little, any step after it nothing.
    """
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    done = (step + 1 - warmup_steps) / (total_steps + 1 - warmup_steps)
    return 0.5 * (1.0 + math.cos(math.pi * min(1.0, done)))
