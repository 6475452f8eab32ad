"""A training run: from a config to a folder with logs, checkpoints and a saved model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import torch
from lightning.pytorch.callbacks import Callback, RichProgressBar
from rich.console import Console
from torch import nn

from onball.config import ExperimentConfig, save_config
from onball.data.clips import ClipDataset
from onball.data.joint import JointClips, trains_jointly
from onball.data.matches import LabelledFrames, LabelledMatch
from onball.data.soccernet_v2 import find_halves, load_halves
from onball.errors import OnballError
from onball.models import ClipClassifier, SpottingNet
from onball.models.compute import choose_device, choose_precision
from onball.training.best import BestModel
from onball.training.checkpoints import LAST_CHECKPOINT, Checkpoints, global_step
from onball.training.failures import told_in_one_line
from onball.training.loaders import clip_loader, describe_with, load_split, load_valid
from onball.training.log import EpochLog
from onball.training.module import ClassificationModule, SpottingModule, TrainingModule
from onball.training.schedule import TrainingSteps
from onball.training.start import (
    CONFIG_FILE,
    MODEL_FOLDER,
    check_picture_size,
    check_tracking,
    first_net,
    prepare_run,
)
from onball.training.targets import label_reach
from onball.training.trainer import check_loggers, make_trainer, processes, quiet, rank
from onball.training.validation import ValidationResult, validate

METRICS_FILE = "metrics.csv"


class TrainingInterrupted(OnballError):
    """The user ended the run early; its state is saved. Exits as a shell does after Ctrl-C."""

    exit_code = 130


def train(config: ExperimentConfig, *, run_dir: str | Path, resume: bool = False) -> Path:
    """Train a net on the split `train`, validating on `valid`.

    `run_dir` gets `config.yaml`, `metrics.csv` (a row per epoch), `tensorboard/`,
    `checkpoints/last.ckpt` and `model/`, the saved model of the epoch with the best mAP10.

    Under torchrun or Slurm, all processes train together: each with a batch of
    `training.batch_size`, gradients averaged.

    Args:
        config: the experiment.
        run_dir: the folder of the run; made if it is not there.
        resume: go on from the last checkpoint, exactly as if there had been no break. A run
            without a checkpoint starts anew.

    Returns: the folder of the saved model.

    Raises `ConfigError` if `run_dir` holds a run and `resume` is false, or a run with other
    settings, or if the net cannot take pictures of the configured size; `ModelError` if `model/`
    holds something else; `TrainingInterrupted` after Ctrl-C or SIGTERM; `OnballError` if the loss
    is not finite or memory or disk do not suffice; and what loading data and building the net raise.
    """
    run_dir = Path(run_dir)
    training = config.training
    check_loggers(training.loggers)
    check_tracking(config)
    resuming = prepare_run(config, run_dir, resume)
    first = rank() == 0
    console = Console(stderr=True, quiet=not first)
    if training.threads is not None:
        torch.set_num_threads(training.threads)
    precision = choose_precision(training.precision, choose_device())
    torch.manual_seed(training.seed)
    net = first_net(config)
    check_picture_size(net, config)
    steps = TrainingSteps.of(training, processes())
    checkpoint = run_dir / LAST_CHECKPOINT
    clips = training_clips(config, net, console)
    loader = clip_loader(
        clips,
        training,
        steps,
        global_step(checkpoint, steps.clips_per_step) if resuming else 0,
        rank(),
        processes(),
    )
    module = _module(net, config, steps, clips)
    valid = load_valid(config.data, config.model, console) if first else []
    best = BestModel(config, _validator(config, valid, precision), run_dir / MODEL_FOLDER)
    checkpoints = Checkpoints(run_dir, best)
    callbacks: list[Callback] = [best, EpochLog(run_dir / METRICS_FILE, best, console), checkpoints]
    show_bar = console.is_terminal and first
    if show_bar:
        callbacks.append(RichProgressBar())
    if first:
        save_config(config, run_dir / CONFIG_FILE)
    with quiet(), told_in_one_line(run_dir):
        trainer = make_trainer(config, run_dir, callbacks, precision, progress_bar=show_bar)
        trainer.fit(module, loader, ckpt_path=checkpoint if resuming else None, weights_only=True)
    if checkpoints.interrupted and not best.exhausted and trainer.global_step < steps.total:
        raise TrainingInterrupted(
            f"stopped at step {trainer.global_step} of {steps.total}; the state is in "
            f"{checkpoint}: go on with the same command and --resume"
        )
    return run_dir / MODEL_FOLDER


def training_clips(
    config: ExperimentConfig, net: nn.Module, console: Console
) -> ClipDataset | JointClips:
    """The clips to train on, of one data set or mixed from two.

    Raises `ConfigError` if net and data do not agree on joint training, and what loading the split
    `train` or the second data set raises.
    """
    training = config.training
    head_reach = net.head.reach if isinstance(net, SpottingNet) else 0

    def clips_of(matches: Sequence[LabelledMatch | LabelledFrames], source: int) -> ClipDataset:
        return ClipDataset(
            matches,
            config.data.clip_frames,
            reach=label_reach(training.loss, head_reach),
            action_share=training.action_share,
            class_balance=training.class_balance,
            seed=training.seed,
            source=source,
        )

    joint = trains_jointly(config)
    # Their labels are read before the main data set is decoded: a broken file must show at once.
    halves = find_halves(config.data) if joint else []
    main = clips_of(load_split(config.data, config.model, "train", console), 0)
    if not joint:
        return main
    with console.status("reading SoccerNet-v2") as status:
        second = load_halves(
            halves,
            config.data,
            lambda name, ms: status.update(f"decoding {name}: {ms / 60_000:.1f} min of video"),
        )
    return JointClips(
        main,
        clips_of(second, 1),
        auxiliary_share=training.auxiliary_share,
        seed=training.seed,
    )


def _module(
    net: nn.Module, config: ExperimentConfig, steps: TrainingSteps, clips: ClipDataset | JointClips
) -> TrainingModule:
    describe = describe_with(clips.datasets if isinstance(clips, JointClips) else [clips])
    if config.task == "spotting":
        return SpottingModule(cast(SpottingNet, net), config, steps, describe)
    return ClassificationModule(cast(ClipClassifier, net), config, steps, describe)


def _validator(
    config: ExperimentConfig, matches: list[LabelledMatch], precision: torch.dtype
) -> Callable[[nn.Module], ValidationResult] | None:
    """What measures a net on these matches."""
    if not matches:
        return None
    return lambda net: validate(net, matches, config, precision)
