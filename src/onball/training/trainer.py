"""Lightning's trainer as the settings want it: devices, precision, loggers."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.strategies import DDPStrategy

from onball.config import ExperimentConfig
from onball.config.schema import Logger
from onball.errors import MissingDependencyError
from onball.models.compute import choose_device, choose_precision
from onball.models.cost import NetCost, cost_of, training_memory
from onball.training.module import TrainingSteps, learning_rate_factor

#: The first process validates while the others wait for it, whole matches long.
_PATIENCE = timedelta(hours=12)
_PRECISIONS = {
    torch.float32: "32-true",
    torch.bfloat16: "bf16-mixed",
    torch.float16: "16-mixed",
}


def processes() -> int:
    """How many processes train together: as torchrun or Slurm started them, else 1."""
    return int(os.environ.get("WORLD_SIZE") or _slurm_tasks())


def rank() -> int:
    """Which of them this one is, from 0."""
    if "RANK" in os.environ:
        return int(os.environ["RANK"])
    return int(os.environ["SLURM_PROCID"]) if _slurm_tasks() > 1 else 0


def _slurm_tasks() -> int:
    # An interactive shell of Slurm has the variables too, but is one process.
    if os.environ.get("SLURM_JOB_NAME") in ("bash", "interactive"):
        return 1
    return int(os.environ.get("SLURM_NTASKS") or 1)


def make_trainer(
    config: ExperimentConfig,
    run_dir: Path,
    callbacks: Sequence[Callback],
    precision: torch.dtype,
    *,
    progress_bar: bool,
) -> L.Trainer:
    """The trainer of a run.

    Raises `MissingDependencyError` for a logger whose package is not installed.
    """
    training = config.training
    together = processes()
    nodes = int(os.environ.get("GROUP_WORLD_SIZE") or os.environ.get("SLURM_NNODES") or 1)
    return L.Trainer(
        accelerator="auto" if torch.cuda.is_available() or together == 1 else "cpu",
        devices=together // nodes if together > 1 else 1,
        num_nodes=nodes if together > 1 else 1,
        strategy=DDPStrategy(timeout=_PATIENCE) if together > 1 else "auto",
        # On the CPU there is no such layer; several small batches then keep their own statistics.
        sync_batchnorm=together > 1 and torch.cuda.is_available(),
        use_distributed_sampler=False,
        precision=_PRECISIONS[precision],
        max_epochs=training.epochs,
        accumulate_grad_batches=training.accumulate,
        gradient_clip_val=training.gradient_clip,
        logger=[_logger(name, run_dir, config) for name in training.loggers],
        callbacks=list(callbacks),
        default_root_dir=run_dir,
        enable_model_summary=False,
        enable_progress_bar=progress_bar,
        enable_checkpointing=True,
        log_every_n_steps=10,
    )


def check_loggers(names: Sequence[Logger]) -> None:
    """Raise `MissingDependencyError` for a logger whose package is not installed."""
    for name in names:
        if find_spec(name) is None:
            extra = "train" if name == "tensorboard" else name
            raise MissingDependencyError(name, extra, f"training.loggers: {name}")


def _logger(name: Logger, run_dir: Path, config: ExperimentConfig) -> Any:
    # Each brings a library of its own: only the one that is asked for is loaded.
    if name == "tensorboard":
        from lightning.pytorch.loggers import TensorBoardLogger

        return TensorBoardLogger(run_dir, name="", version="tensorboard")
    settings = config.model_dump(mode="json")
    if name == "wandb":
        from lightning.pytorch.loggers import WandbLogger

        logger: Any = WandbLogger(
            name=run_dir.name, project="onball", save_dir=run_dir, config=settings
        )
        return logger
    from lightning.pytorch.loggers import MLFlowLogger

    logger = MLFlowLogger(experiment_name="onball", run_name=run_dir.name)
    logger.log_hyperparams(settings)
    return logger


@contextmanager
def quiet() -> Iterator[None]:
    """Lightning's hints and notices are about its own use, not about this run."""
    logger = logging.getLogger("lightning.pytorch")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"lightning\..*")
            yield
    finally:
        logger.setLevel(level)


# --- What a training would take, without doing it: the net's cost, memory, steps, learnin


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
