"""The clips of a run: matches loaded with a progress bar, and batches from any step on."""

from __future__ import annotations

import signal
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from lightning.pytorch.callbacks import Callback, RichProgressBar
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from torch import nn
from torch.utils.data import DataLoader, Dataset

from onball.config import (
    ComponentConfig,
    DataConfig,
    ExperimentConfig,
    ModelConfig,
    TrainingConfig,
    load_config,
    save_config,
)
from onball.data.clips import ClipDataset, Clips, EpochSampler
from onball.data.joint import JointClips, find_halves, load_halves
from onball.data.matches import LabelledFrames, LabelledMatch, load_matches
from onball.errors import ConfigError, EmptySplitError, OnballError, OnballWarning
from onball.models import (
    ClipClassifier,
    SpottingNet,
    build_model,
    load_model,
)
from onball.models.compute import choose_device, choose_precision
from onball.models.saved import check_model_folder
from onball.progress import Progress as OnballProgress
from onball.runs import RunFolder
from onball.training.callbacks import (
    BestModel,
    Checkpoints,
    EpochLog,
    friendly_errors,
    global_step,
)
from onball.training.module import (
    ClassificationModule,
    SpottingModule,
    TrainingModule,
    TrainingSteps,
)
from onball.training.targets import label_radius
from onball.training.trainer import check_loggers, make_trainer, processes, quiet, rank
from onball.training.validation import ValidationResult, validate


def clip_loader(
    clips: Dataset[Clips],
    training: TrainingConfig,
    steps: TrainingSteps,
    first_step: int = 0,
    rank: int = 0,
    world: int = 1,
) -> DataLoader[Clips]:
    """Batches from a step on, for one of the processes that train together."""
    epoch, steps_done = divmod(first_step, steps.per_epoch)
    sampler = EpochSampler(
        steps.clips_per_epoch,
        epoch,
        steps_done * steps.clips_per_step,
        batch_size=training.batch_size,
        rank=rank,
        world=world,
    )
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
    # after a whole step, and ends the workers then. So do torchrun and Slurm with SIGTERM.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def describe_with(datasets: list[ClipDataset]) -> Callable[[Clips], str]:
    """A function that names the clips of a batch: their matches and where in them they begin.

    Args:
        datasets: by `Clips.source`.
    """

    def describe(clips: Clips) -> str:
        named = []
        for source, (match, start_ms) in zip(
            clips.source.tolist(), clips.place.tolist(), strict=True
        ):
            minutes, seconds = divmod(start_ms / 1000, 60)
            name = datasets[source].names[match]
            named.append(f"'{name}' from {int(minutes)}:{seconds:06.3f}")
        return "the clips of " + ", ".join(named)

    return describe


def load_valid(data: DataConfig, model: ModelConfig, console: Console) -> list[LabelledMatch]:
    """The matches to validate on; none, with a warning, if the split is empty."""
    try:
        return load_split(data, model, "valid", console)
    except EmptySplitError as error:
        warnings.warn(
            OnballWarning(f"training without validation, the last model is kept: {error}"),
            stacklevel=3,
        )
        return []


def load_split(
    data: DataConfig, model: ModelConfig, split: str, console: Console
) -> list[LabelledMatch]:
    """The matches of a split, for that net; a bar shows what is decoded into the cache."""
    with Progress(
        TextColumn("decoding {task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[minutes]:.1f} min of video"),
        console=console,
        disable=not console.is_terminal,
    ) as progress:
        tasks: dict[str, Any] = {}

        def show(decoded: OnballProgress) -> None:
            name = decoded.task
            if name not in tasks:
                tasks[name] = progress.add_task(name, total=None, minutes=0.0)
            progress.update(tasks[name], minutes=decoded.done / 60_000)

        return load_matches(data, split, model, show)


# --- What comes before the first step: the run's folder, the first weights, a try with on


#: Settings that may differ when a run is resumed: they do not change what is computed.
_MAY_CHANGE = {
    "data.root",
    "data.cache",
    "data.auxiliary.root",
    "training.workers",
    "training.threads",
    "training.loggers",
    "training.initial_model",  # it has been read
    "model.backbone.pretrained",
}
#: Parts of the net that a model to start from must share.
_PARTS = ("backbone", "temporal", "head")


def prepare_run(config: ExperimentConfig, run: RunFolder, resume: bool) -> bool:
    """Check the folder of the run; whether there is a state to resume from.

    Raises `ConfigError` if it holds a run and `resume` is false, or one with other settings;
    `ModelError` if `model/` holds something else.
    """
    check_model_folder(run.model)
    if not run.last_checkpoint.is_file():
        return False
    if not resume:
        raise ConfigError(
            f"{run.path}: holds a training run; go on with --resume or name another folder"
        )
    before = _flatten(load_config(run.config).model_dump(mode="json"))
    now = _flatten(config.model_dump(mode="json"))
    for key in sorted({*before, *now} - _MAY_CHANGE):
        if before.get(key) != now.get(key):
            raise ConfigError(
                f"{run.path}: was begun with {key}={before.get(key)}, now it is {now.get(key)}; "
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


def build_initial_net(config: ExperimentConfig) -> nn.Module:
    """The net before the first step: a new one, or one with the weights of a saved model.

    Raises what building it or loading the model raises, and `ConfigError` if that model is another
    net.
    """
    folder = config.training.initial_model
    if folder is None:
        return build_model(config.model, config.task)
    source, saved = load_model(folder, config.task)
    net = build_model(config.model, config.task, fetch_weights=False)
    weights = source.state_dict()
    own = net.state_dict()
    if {k: v.shape for k, v in weights.items()} != {k: v.shape for k, v in own.items()}:
        raise ConfigError(
            f"training.initial_model: {folder} has {_difference(saved.model, config.model)}: they "
            "must be the same net"
        )
    net.load_state_dict(weights)
    return net


def _difference(theirs: ModelConfig, ours: ModelConfig) -> str:
    """The first part in which two nets differ."""
    for part in _PARTS:
        one, other = getattr(theirs, part), getattr(ours, part)
        options = [{k: v for k, v in dict(p).items() if k != "pretrained"} for p in (one, other)]
        if options[0] != options[1]:
            return f"the {part} {_written(one)}, the config {_written(other)}"
    for switch in ("teams", "auxiliary", "tracking"):
        if getattr(theirs, switch) != getattr(ours, switch):
            given = f"model.{switch}={getattr(theirs, switch)}"
            return f"{given}, the config {getattr(ours, switch)}"
    return "other weights than the config's net"


def _written(component: ComponentConfig) -> str:
    options = "".join(f", {key} {value}" for key, value in component.options.items())
    return f"{component.name}{options}"


def check_picture_size(net: nn.Module, config: ExperimentConfig) -> None:
    """Raise `ConfigError` if the net fails on one picture of the configured size."""
    width, height = config.data.size
    try:
        with torch.no_grad():
            frames = torch.zeros(1, 1, 3, height, width, dtype=torch.uint8)
            encoder = getattr(net, "tracking", None)
            track_features = None if encoder is None else torch.zeros(1, 1, encoder.input_dim)
            net.eval()(frames, track_features)
    except Exception as error:  # every network has its own way to refuse
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise ConfigError(
            f"model.backbone.name: '{config.model.backbone.name}' cannot take pictures of "
            f"data.width × data.height = {width} × {height} ({reason}): choose another size or name"
        ) from error
    finally:
        net.train()


# --- A training run: from a config to a folder with logs, checkpoints and a saved model.


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
    run = RunFolder(Path(run_dir))
    training = config.training
    check_loggers(training.loggers)
    resuming = prepare_run(config, run, resume)
    first = rank() == 0
    console = Console(stderr=True, quiet=not first)
    if training.threads is not None:
        torch.set_num_threads(training.threads)
    precision = choose_precision(training.precision, choose_device())
    torch.manual_seed(training.seed)
    net = build_initial_net(config)
    check_picture_size(net, config)
    steps = TrainingSteps.of(training, processes())
    checkpoint = run.last_checkpoint
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
    best = BestModel(config, _validator(config, valid, precision), run.model)
    checkpoints = Checkpoints(run, best)
    callbacks: list[Callback] = [best, EpochLog(run.metrics, best, console), checkpoints]
    show_bar = console.is_terminal and first
    if show_bar:
        callbacks.append(RichProgressBar())
    if first:
        save_config(config, run.config)
    with quiet(), friendly_errors(run):
        trainer = make_trainer(config, run.path, callbacks, precision, progress_bar=show_bar)
        trainer.fit(module, loader, ckpt_path=checkpoint if resuming else None, weights_only=True)
    if checkpoints.interrupted and not best.exhausted and trainer.global_step < steps.total:
        raise TrainingInterrupted(
            f"stopped at step {trainer.global_step} of {steps.total}; the state is in "
            f"{checkpoint}: go on with the same command and --resume"
        )
    return run.model


def training_clips(
    config: ExperimentConfig, net: nn.Module, console: Console
) -> ClipDataset | JointClips:
    """The clips to train on, of one data set or mixed from two.

    Raises what loading the split `train` or the second data set raises.
    """
    training = config.training
    head_radius = net.head.radius if isinstance(net, SpottingNet) else 0

    def clips_of(matches: Sequence[LabelledMatch | LabelledFrames], source: int) -> ClipDataset:
        return ClipDataset(
            matches,
            config.data.clip_frames,
            radius=label_radius(training.loss, head_radius),
            action_share=training.action_share,
            class_balance=training.class_balance,
            seed=training.seed,
            source=source,
        )

    joint = config.trains_jointly
    # Their labels are read before the main data set is decoded: a broken file must show at once.
    halves = find_halves(config.data) if joint else []
    main = clips_of(load_split(config.data, config.model, "train", console), 0)
    if not joint:
        return main
    with console.status("reading SoccerNet-v2") as status:
        second = load_halves(
            halves,
            config.data,
            lambda p: status.update(f"decoding {p.task}: {p.done / 60_000:.1f} min of video"),
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
