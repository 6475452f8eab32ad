"""A training run: from a config to a folder with logs, checkpoints and a saved model."""

from __future__ import annotations

import logging
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback, RichProgressBar
from lightning.pytorch.loggers import TensorBoardLogger
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from torch.utils.data import DataLoader

from onball.config import (
    ComponentConfig,
    DataConfig,
    ExperimentConfig,
    TrainingConfig,
    load_config,
    save_config,
)
from onball.data.clips import ClipDataset, EpochSampler, LabelledMatch, load_matches
from onball.data.layout import Match
from onball.errors import ConfigError, DataError, EmptySplitError, OnballError, OnballWarning
from onball.models import SpottingNet, build_net, load_model
from onball.models.compute import choose_device, choose_precision
from onball.models.saved import check_model_folder
from onball.training.callbacks import BestModel, EpochLog, LastCheckpoint
from onball.training.module import SpottingModule
from onball.training.schedule import TrainingSteps

CONFIG_FILE = "config.yaml"
METRICS_FILE = "metrics.csv"
MODEL_FOLDER = "model"
LAST_CHECKPOINT = Path("checkpoints", "last.ckpt")

#: Settings that may differ when a run is resumed: they do not change what is computed.
_MAY_CHANGE = {"data.root", "data.cache", "training.workers", "training.threads"}


class TrainingInterrupted(OnballError):
    """The user ended the run early; its state is saved. Exits as a shell does after Ctrl-C."""

    exit_code = 130


def train(config: ExperimentConfig, *, run_dir: str | Path, resume: bool = False) -> Path:
    """Train a net on the split `train`, validating on `valid`.

    `run_dir` gets `config.yaml`, `metrics.csv` (a row per epoch), `tensorboard/`,
    `checkpoints/last.ckpt` and `model/`, the saved model of the epoch with the best mAP10 at 1 s.

    Args:
        config: the experiment.
        run_dir: the folder of the run; made if it is not there.
        resume: go on from the last checkpoint, exactly as if there had been no break. A run
            without a checkpoint starts anew.

    Returns: the folder of the saved model.

    Raises `ConfigError` if `run_dir` holds a run and `resume` is false, or a run with other
    settings, or if the net cannot take pictures of the configured size; `ModelError` if `model/`
    holds something else; `TrainingInterrupted` after Ctrl-C or SIGTERM; `OnballError` if the loss
    is not finite; and what loading data and building the net raise.
    """
    run_dir = Path(run_dir)
    checkpoint = run_dir / LAST_CHECKPOINT
    resuming = _prepare(config, run_dir, resume)
    training = config.training
    console = Console(stderr=True)
    if training.threads is not None:
        torch.set_num_threads(training.threads)
    torch.manual_seed(training.seed)
    net = _first_net(config)
    _check_picture_size(net, config)
    train_matches = _load(config.data, "train", console)
    clips = ClipDataset(
        train_matches,
        config.data,
        action_share=training.action_share,
        label_dilation=training.label_dilation,
        seed=training.seed,
    )
    steps = TrainingSteps.of(training)
    step = _global_step(checkpoint) if resuming else 0
    loader = _loader(clips, training, divmod(step, steps.per_epoch))
    module = SpottingModule(net, training)
    precision = choose_precision(training.precision, choose_device())
    best = BestModel(config, _load_valid(config.data, console), run_dir / MODEL_FOLDER, precision)
    last = LastCheckpoint(checkpoint)
    callbacks: list[Callback] = [best, EpochLog(run_dir / METRICS_FILE, best, console), last]
    show_bar = console.is_terminal
    if show_bar:
        callbacks.append(RichProgressBar())
    save_config(config, run_dir / CONFIG_FILE)
    with _quiet(), _one_line():
        trainer = L.Trainer(
            accelerator="auto",
            devices=1,
            precision="bf16-mixed" if precision is torch.bfloat16 else "32-true",
            max_epochs=training.epochs,
            gradient_clip_val=training.gradient_clip,
            logger=TensorBoardLogger(run_dir, name="", version="tensorboard"),
            callbacks=callbacks,
            default_root_dir=run_dir,
            enable_model_summary=False,
            enable_progress_bar=show_bar,
            enable_checkpointing=True,
            log_every_n_steps=10,
        )
        trainer.fit(module, loader, ckpt_path=checkpoint if resuming else None, weights_only=True)
    if last.interrupted and trainer.global_step < steps.total:
        raise TrainingInterrupted(
            f"stopped at step {trainer.global_step} of {steps.total}; the state is in "
            f"{checkpoint}: go on with the same command and --resume"
        )
    return run_dir / MODEL_FOLDER


def _prepare(config: ExperimentConfig, run_dir: Path, resume: bool) -> bool:
    """Check the folder of the run; whether there is a state to resume from."""
    check_model_folder(run_dir / MODEL_FOLDER)
    if not (run_dir / LAST_CHECKPOINT).is_file():
        return False
    if not resume:
        raise ConfigError(
            f"{run_dir}: holds a training run; go on with --resume or name another folder"
        )
    before = _flatten(load_config(run_dir / CONFIG_FILE).model_dump(mode="json"))
    now = _flatten(config.model_dump(mode="json"))
    for key in sorted({*before, *now} - _MAY_CHANGE):
        if before.get(key) != now.get(key):
            raise ConfigError(
                f"{run_dir}: was begun with {key}={before.get(key)}, now it is {now.get(key)}; "
                "resume with the same settings or start another run"
            )
    return True


def _flatten(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _global_step(checkpoint: Path) -> int:
    try:
        return int(torch.load(checkpoint, map_location="cpu", weights_only=True)["global_step"])
    except Exception as error:
        raise DataError(
            f"{checkpoint}: damaged ({type(error).__name__}); start the run anew in another folder"
        ) from error


def _first_net(config: ExperimentConfig) -> SpottingNet:
    """The net before the first step: a new one, or one with the weights of a saved model."""
    folder = config.training.initial_model
    if folder is None:
        return build_net(config.model)
    net, saved = load_model(folder)
    for part in ("backbone", "temporal"):
        theirs, ours = getattr(saved.model, part), getattr(config.model, part)
        # Where the backbone's first weights came from makes no other net of it.
        differ = {k: v for k, v in dict(theirs).items() if k != "pretrained"} != {
            k: v for k, v in dict(ours).items() if k != "pretrained"
        }
        if theirs.name != ours.name or differ:
            raise ConfigError(
                f"training.initial_model: {folder} has the {part} {_written(theirs)}, the config "
                f"{_written(ours)}: they must be the same net"
            )
    return net.train()


def _written(component: ComponentConfig) -> str:
    options = "".join(f", {key} {value}" for key, value in component.options.items())
    return f"{component.name}{options}"


def _check_picture_size(net: SpottingNet, config: ExperimentConfig) -> None:
    """Raise `ConfigError` if the net fails on one picture of the configured size."""
    width, height = config.data.size
    try:
        with torch.no_grad():
            net.eval()(torch.zeros(1, 1, 3, height, width, dtype=torch.uint8))
    except Exception as error:  # every network has its own way to refuse
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise ConfigError(
            f"model.backbone.name: '{config.model.backbone.name}' cannot take pictures of "
            f"data.width × data.height = {width} × {height} ({reason}): choose another size or name"
        ) from error
    finally:
        net.train()


def _loader(
    clips: ClipDataset, training: TrainingConfig, begin: tuple[int, int]
) -> DataLoader[tuple[torch.Tensor, torch.Tensor]]:
    """Batches from `begin` on: the epoch, and how many of its steps are done."""
    epoch, steps_done = begin
    sampler = EpochSampler(training.clips_per_epoch, epoch, steps_done * training.batch_size)
    return DataLoader(
        clips,
        batch_size=training.batch_size,
        sampler=sampler,
        num_workers=training.workers,
        persistent_workers=training.workers > 0,
        pin_memory=torch.cuda.is_available(),
        worker_init_fn=_leave_interruption_to_the_training,
    )


def _leave_interruption_to_the_training(worker: int) -> None:
    # A terminal sends Ctrl-C to all processes; the one that trains still needs its clips to stop
    # after a whole step, and ends the workers then.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _load_valid(data: DataConfig, console: Console) -> list[LabelledMatch]:
    try:
        return _load(data, "valid", console)
    except EmptySplitError as error:
        warnings.warn(
            OnballWarning(f"training without validation, the last model is kept: {error}"),
            stacklevel=3,
        )
        return []


def _load(data: DataConfig, split: str, console: Console) -> list[LabelledMatch]:
    """The matches of a split; a bar shows what is decoded into the cache."""
    with Progress(
        TextColumn("decoding {task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[minutes]:.1f} min of video"),
        console=console,
        disable=not console.is_terminal,
    ) as progress:
        tasks: dict[str, Any] = {}

        def show(match: Match, decoded_ms: int) -> None:
            if match.name not in tasks:
                tasks[match.name] = progress.add_task(match.name, total=None, minutes=0.0)
            progress.update(tasks[match.name], minutes=decoded_ms / 60_000)

        return load_matches(data, split, show)


@contextmanager
def _quiet() -> Iterator[None]:
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


@contextmanager
def _one_line() -> Iterator[None]:
    """Cut an error of a worker process, which torch hands on with its traceback, to its message."""
    try:
        yield
    except OnballError as error:
        if "in DataLoader worker process" not in str(error):
            raise
        # The traceback ends with `module.Class: message`.
        message = str(error).splitlines()[-1].partition(": ")[2]
        raise type(error)(message) from error
