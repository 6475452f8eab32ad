"""Lightning's trainer for a config: processes, devices, loggers, clear errors, and dry runs."""

from __future__ import annotations

import errno
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
from lightning.fabric.plugins.environments import LightningEnvironment
from lightning.pytorch.callbacks import Callback, Checkpoint
from lightning.pytorch.strategies import DDPStrategy

from onball.config import ExperimentConfig
from onball.config.schema import Logger
from onball.data.classes import with_classes
from onball.errors import InputError, MissingDependencyError, OnballError
from onball.files import DISK_FULL
from onball.models.compute import choose_device, choose_precision
from onball.models.cost import NetCost, cost_of, training_memory
from onball.runs import RunFolder
from onball.training.module import LossNotFiniteError, TrainingSteps, learning_rate_factor

#: The first process validates whole matches while the others wait for it.
PEER_TIMEOUT = timedelta(hours=12)
_PRECISIONS = {
    torch.float32: "32-true",
    torch.bfloat16: "bf16-mixed",
    torch.float16: "16-mixed",
}
#: Texts of torch's errors on a CPU when an allocation fails …
_OUT_OF_MEMORY = ("can't allocate memory", "not enough memory", "out of memory")
#: … when a checkpoint cannot be written …
_CANNOT_WRITE = ("PytorchStreamWriter failed", "No space left", "File too large")
#: … and of gloo's and NCCL's when a process that it waits for has ended.
_PEER_GONE = ("Connection closed by peer", "Connection reset by peer", "remote process exited")


class PeerGoneError(OnballError):
    """Another process of this training ended."""


# Processes


def processes() -> int:
    """Number of processes that train together, as torchrun, Ray or Slurm started them; else 1."""
    return int(os.environ.get("WORLD_SIZE") or _slurm_tasks())


def processes_per_machine() -> int:
    """Number of them on this machine, or on the average one of Slurm's."""
    if "LOCAL_WORLD_SIZE" in os.environ:
        return int(os.environ["LOCAL_WORLD_SIZE"])
    return max(1, processes() // int(os.environ.get("SLURM_NNODES") or 1))


def rank() -> int:
    """Index of this process among them, from 0."""
    if "RANK" in os.environ:
        return int(os.environ["RANK"])
    return int(os.environ["SLURM_PROCID"]) if _slurm_tasks() > 1 else 0


def _slurm_tasks() -> int:
    # An interactive shell of Slurm has the variables too, but is one process.
    if os.environ.get("SLURM_JOB_NAME") in ("bash", "interactive"):
        return 1
    return int(os.environ.get("SLURM_NTASKS") or 1)


class LaunchedProcess(LightningEnvironment):  # type: ignore[misc]
    """This process among those that a launcher started, with the variables of torchrun.

    Lightning's own class counts the processes of each machine as equal; those of Ray may differ.
    """

    def world_size(self) -> int:
        return processes()

    def global_rank(self) -> int:
        return rank()

    def local_rank(self) -> int:
        return int(os.environ["LOCAL_RANK"])

    def set_world_size(self, size: int) -> None:
        pass

    def set_global_rank(self, rank: int) -> None:
        pass

    def teardown(self) -> None:
        pass


def training_device(name: str = "auto") -> torch.device:
    """Return the device to train on; each of several processes then takes its own of that type.

    Raises `InputError` if it is absent, or cannot be shared by the processes.
    """
    device = choose_device(name)
    if processes() == 1:
        return device
    if device.type == "mps" and name == "auto":
        return torch.device("cpu")
    if device.index is not None or device.type == "mps":
        raise InputError(
            f"device '{name}': {processes()} processes train together, each on a device of its own: "
            "give auto, cpu or cuda"
        )
    return device


# Trainer and loggers


def make_trainer(
    config: ExperimentConfig,
    run_dir: Path,
    callbacks: Sequence[Callback],
    precision: torch.dtype,
    device: torch.device,
) -> L.Trainer:
    """Return the trainer of a run. It draws nothing; see `StepProgress`.

    Args:
        config: the experiment.
        run_dir: folder of the run.
        callbacks: what happens after steps and epochs.
        precision: dtype of the backbone's arithmetic.
        device: from `training_device`.

    Raises:
        MissingDependencyError: the package of a logger is not installed.
    """
    training = config.training
    world, per_machine = processes(), processes_per_machine()
    # Of a torchrun in a job of Slurm, Lightning alone would guess which of the two started the process.
    launched = world > 1 and "RANK" in os.environ
    return L.Trainer(
        accelerator=device.type,
        devices=per_machine if world > 1 else [device.index] if device.index else 1,
        num_nodes=max(1, world // per_machine) if world > 1 else 1,
        plugins=[LaunchedProcess()] if launched else None,
        strategy=DDPStrategy(timeout=PEER_TIMEOUT) if world > 1 else "auto",
        # There is no such layer for CPUs; several small batches then have separate statistics.
        sync_batchnorm=world > 1 and device.type == "cuda",
        use_distributed_sampler=False,
        precision=_PRECISIONS[precision],
        # Clips have one size, for which cuDNN then finds its fastest algorithms.
        benchmark=device.type == "cuda",
        max_epochs=training.epochs,
        accumulate_grad_batches=training.accumulate,
        gradient_clip_val=training.gradient_clip,
        logger=[_make_logger(name, run_dir, config) for name in training.loggers],
        callbacks=list(callbacks),
        default_root_dir=run_dir,
        enable_model_summary=False,
        enable_progress_bar=False,
        enable_checkpointing=any(isinstance(each, Checkpoint) for each in callbacks),
        log_every_n_steps=10,
    )


def check_loggers(names: Sequence[Logger]) -> None:
    """Raise `MissingDependencyError` if the package of a logger is not installed."""
    for name in names:
        if find_spec(name) is None:
            extra = "train" if name == "tensorboard" else name
            raise MissingDependencyError(name, extra, f"training.loggers: {name}")


def _make_logger(name: Logger, run_dir: Path, config: ExperimentConfig) -> Any:
    # Each has a library of its own: only those that are used are imported.
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
    """Suppress Lightning's notices, which concern its own use and not the run."""
    loggers = [logging.getLogger(f"lightning.{name}") for name in ("pytorch", "fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"lightning\..*")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


# Errors


@contextmanager
def friendly_errors(run: RunFolder) -> Iterator[None]:
    """Turn failures of training into errors of one line that name the setting to change.

    The files of the run stay as they were.
    """
    try:
        yield
    except LossNotFiniteError as error:
        saved = run.failed_checkpoint
        state = f"; the state before it is in {saved}" if saved.is_file() else ""
        raise LossNotFiniteError(
            f"{error}{state}: lower training.learning_rate, or look at those clips"
        ) from error
    except OnballError as error:
        if "in DataLoader worker process" not in str(error):
            raise
        # A worker's error comes with its traceback, which ends with `module.Class: message`.
        message = str(error).splitlines()[-1].partition(": ")[2]
        raise type(error)(message) from error
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise _out_of_memory(run) from error
    except OSError as error:
        if error.errno == errno.ENOMEM:
            raise _out_of_memory(run) from error
        if error.errno in DISK_FULL:  # files of the loggers
            raise _disk_full(run) from error
        raise
    except RuntimeError as error:
        message = str(error)
        if any(words in message for words in _OUT_OF_MEMORY):
            raise _out_of_memory(run) from error
        if "shared memory" in message:  # before the full disk, which it is also called
            raise OnballError(
                "the shared memory of this machine (/dev/shm) is too small for the clips that "
                "training.workers prepare: --set training.workers=0, or make it larger, for example "
                f"with docker run --shm-size 2g{_kept(run)}"
            ) from error
        if any(words in message for words in _CANNOT_WRITE):
            raise _disk_full(run) from error
        if "DataLoader worker" in message and "Traceback" not in message:
            raise OnballError(
                "a process that prepares clips was ended from outside, mostly for lack of memory: "
                f"lower training.workers or training.batch_size{_kept(run)}"
            ) from error
        if any(words in message for words in _PEER_GONE):
            raise PeerGoneError(
                f"another process of this training ended: its own message says why{_kept(run)}"
            ) from error
        raise


def _out_of_memory(run: RunFolder) -> OnballError:
    return OnballError(
        "out of memory: lower training.batch_size (and raise training.accumulate by as much), "
        f"data.clip_frames or data.width × data.height{_kept(run)}"
    )


def _disk_full(run: RunFolder) -> OnballError:
    return OnballError(
        f"{run.path}: cannot be written (the disk is full): free some space and go on with --resume"
    )


def _kept(run: RunFolder) -> str:
    saved = run.last_checkpoint
    return f"; {saved} is untouched" if saved.is_file() else ""


# Dry runs


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """Cost of a training that has not been run.

    Attributes:
        cost: parameters and arithmetic of the net, for one clip.
        memory_bytes: estimated peak of a step on each device, without the program itself.
        device: the device that it would run on.
        precision: dtype of the backbone's arithmetic.
        steps: numbers of steps.
        learning_rates: learning rate of each step.
    """

    cost: NetCost
    memory_bytes: int
    device: torch.device
    precision: torch.dtype
    steps: TrainingSteps
    learning_rates: list[float]


def plan_training(config: ExperimentConfig, *, device: str = "auto") -> TrainingPlan:
    """Compute the cost of an experiment's training without running it.

    Args:
        config: all settings of the experiment.
        device: the device to train on: `auto`, `cpu`, `cuda`, `cuda:1`, `mps` …

    Raises:
        ConfigError: the net cannot be built.
        InputError: the device cannot be used.
    """
    config = with_classes(config)
    training = config.training
    place = training_device(device)
    precision = choose_precision(training.precision, place)
    cost = cost_of(config, dtype=precision)
    steps = TrainingSteps.of(training, processes())
    memory = training_memory(cost, training.batch_size, ema=training.ema_decay is not None)
    rates = [
        training.learning_rate * learning_rate_factor(step, steps.warmup, steps.total)
        for step in range(steps.total)
    ]
    return TrainingPlan(cost, memory, place, precision, steps, rates)
