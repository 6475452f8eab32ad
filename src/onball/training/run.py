"""`train`: from a config to the folder of a run, with logs, checkpoints and the saved model.

The functions below `train` are its steps, in the order in which it takes them: the folder of the
run, the net with its initial weights, the clips and their batches, the matches to validate on.
"""

from __future__ import annotations

import signal
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from onball.actions import ActionSet
from onball.config import (
    DataConfig,
    ExperimentConfig,
    ModelConfig,
    SavedModelConfig,
    TrainingConfig,
    load_config,
    save_config,
)
from onball.data.classes import with_classes
from onball.data.clips import ClipDataset, Clips, EpochSampler
from onball.data.frames import VideoFrames
from onball.data.joint import JointClips, find_halves, load_halves
from onball.data.layout import some_names
from onball.data.matches import LabelledFrames, LabelledMatch, load_matches
from onball.errors import (
    ConfigError,
    DataError,
    EmptySplitError,
    OnballError,
    OnballNotice,
    OnballWarning,
)
from onball.files import read_text
from onball.models import (
    ClipClassifier,
    SpottingNet,
)
from onball.models.compute import Precision, choose_precision, use_threads
from onball.models.nets import Net
from onball.models.saved import check_model_folder
from onball.outputs import differences
from onball.progress import Progress, ProgressCallback, no_progress
from onball.runs import RunFolder
from onball.spotting.features import FeatureStore
from onball.stores import is_stored
from onball.training.callbacks import (
    BestModel,
    Checkpoints,
    EpochLog,
    EpochSummary,
    StepProgress,
    global_step,
)
from onball.training.initial import build_initial_net
from onball.training.module import (
    ClassificationModule,
    SpottingModule,
    TrainingModule,
    TrainingSteps,
)
from onball.training.stored import StoredRun
from onball.training.targets import label_radius
from onball.training.trainer import (
    check_loggers,
    friendly_errors,
    make_trainer,
    processes,
    quiet,
    rank,
    training_device,
)
from onball.training.validation import ValidationResult, validate

#: Settings that may differ when a run is resumed: they do not change what is computed.
_MAY_CHANGE = {
    "data.root",
    "data.cache",
    "data.auxiliary.root",
    "training.workers",
    "training.threads",
    "training.loggers",
    "training.early_stopping_epochs",
    "training.initial_model",  # already read
    "model.backbone.pretrained",
}


class TrainingInterrupted(OnballError):
    """The user stopped the run; its state is saved. The exit code is a shell's after Ctrl-C."""

    exit_code = 130


def train(
    config: ExperimentConfig,
    *,
    run_dir: str | Path,
    resume: bool = False,
    overwrite: bool = False,
    device: str = "auto",
    progress: ProgressCallback = no_progress,
    on_epoch: Callable[[EpochSummary], None] = lambda summary: None,
) -> Path:
    """Train a net on the split `train`, validating on `valid`.

    `run_dir` gets `config.yaml`, `metrics.csv` (a row per epoch), `tensorboard/`,
    `checkpoints/last.ckpt` and `model/`, the saved model of the epoch with the highest mAP10.

    Under torchrun or Slurm, all processes train together: each with batches of
    `training.batch_size` clips, and with averaged gradients.

    Args:
        config: the experiment.
        run_dir: folder of the run; created if it does not exist. It may be the address of a folder on a
            store, `s3://bucket/runs/one`: see `onball.training.stored`.
        resume: continue from the last checkpoint, exactly as if the run had never stopped. A run
            without a checkpoint starts from the beginning. With more epochs than the run began
            with, it continues to their number, with the learning rate of the longer schedule.
        overwrite: delete a run in the folder, with its model and evaluations, and start again.
        device: `auto`, `cpu`, `cuda`, `cuda:1`, `mps` … It may differ when a run is resumed.
        progress: called while videos are decoded into the cache, and after each step. Only in the
            first of several processes, like `on_epoch`.
        on_epoch: called with a summary of each completed epoch.

    Returns: the folder of the saved model, on this machine.

    Raises:
        LabelError: `classes.txt` of the data set cannot be used.
        ConfigError: `run_dir` holds a run and neither `resume` nor `overwrite` is true, or a run
            with other settings; or the net cannot take frames of the configured size.
        InputError: the device cannot be used.
        ModelError: `model/` in `run_dir` holds something else than a saved model.
        TrainingInterrupted: the run was stopped by Ctrl-C or SIGTERM.
        LossNotFiniteError: the loss became infinite or NaN.
        OnballError: memory or disk space do not suffice.

    It also raises what loading the data and building the net raise.
    """
    config = with_classes(config)
    training = config.training
    check_loggers(training.loggers)
    run, stored = open_run(run_dir, overwrite=overwrite)
    resuming = prepare_run(config, run, resume=resume, overwrite=overwrite)
    first = rank() == 0
    if not first:
        progress = no_progress
    use_threads(training.threads)
    place = training_device(device)
    precision = choose_precision(training.precision, place)
    torch.manual_seed(training.seed)
    net = build_initial_net(config)
    check_frame_size(net, config)
    steps = TrainingSteps.of(training, processes())
    features = feature_store(config, net, device=str(place), precision=precision)
    clips = training_clips(config, net, progress, features)
    first_step = global_step(run.last_checkpoint, steps.clips_per_step) if resuming else 0
    loader = clip_loader(clips, training, steps, first_step, rank(), processes(), place)
    module = make_module(net, config, steps, clips)
    valid = load_valid(config.data, config.model, progress, features) if first else []
    best = BestModel(config, _make_validator(config, valid, precision), run.model)
    on_saved = (lambda: None) if stored is None else stored.publish_or_warn
    checkpoints = Checkpoints(run, best, on_saved)
    callbacks = [best, EpochLog(run.metrics, best, on_epoch), StepProgress(progress), checkpoints]
    if first:
        if overwrite:
            _clear(run, stored)
        save_config(config, run.config)
    with quiet(), friendly_errors(run):
        trainer = make_trainer(config, run.path, callbacks, precision, place)
        checkpoint = run.last_checkpoint if resuming else None
        trainer.fit(module, loader, ckpt_path=checkpoint, weights_only=True)
    if first and stored is not None:
        stored.publish_finally()
    if checkpoints.interrupted and not best.exhausted and trainer.global_step < steps.total:
        raise TrainingInterrupted(
            f"stopped at step {trainer.global_step} of {steps.total}; the state is in "
            f"{run.address or run.last_checkpoint}: continue with `onball train {run} --resume`"
        )
    if resuming and first and first_step >= steps.total:
        warnings.warn(
            OnballWarning(
                f"{run}: nothing trained: this run has all its {training.epochs} epochs; "
                "a larger training.epochs adds some"
            ),
            stacklevel=2,
        )
    if resuming and best.exhausted and trainer.global_step == first_step < steps.total:
        warnings.warn(
            OnballWarning(
                f"{run}: nothing trained: early stopping ended this run at step {first_step}; "
                "raise training.early_stopping_epochs, or set it to null"
            ),
            stacklevel=2,
        )
    return run.model


# The folder of the run


def open_run(run_dir: str | Path, *, overwrite: bool = False) -> tuple[RunFolder, StoredRun | None]:
    """Return the folder to train in, and the run on a store if its address was given.

    Such a run is downloaded first, unless it is to be overwritten.

    Raises what `StoredRun` and its `fetch` raise.
    """
    if not is_stored(run_dir):
        return RunFolder(Path(run_dir)), None
    stored = StoredRun(str(run_dir))
    if rank() == 0:
        stored.check_writable()
    if not overwrite:
        stored.fetch()
    return stored.run, stored


def prepare_run(
    config: ExperimentConfig, run: RunFolder, *, resume: bool = False, overwrite: bool = False
) -> bool:
    """Check the folder of the run and return True if there is a state to resume from.

    Raises:
        ConfigError: the folder holds a run and neither `resume` nor `overwrite` is true, or a run
            with other settings or without the checkpoint to resume from.
        ModelError: its `model/` holds something else.
    """
    check_model_folder(run.model)
    if overwrite or not run.has_results:
        return False
    if not resume:
        raise ConfigError(
            f"{run}: holds a training run: continue it with --resume, replace it with "
            "--overwrite, or choose another folder with --out"
        )
    if not run.last_checkpoint.is_file():
        # In the first epoch, a process may end between the first files and the first checkpoint.
        if _epochs_logged(run) <= 1:
            return False
        raise ConfigError(
            f"{run}: its checkpoint is gone ({run.last_checkpoint}): replace the run with "
            "--overwrite, or choose another folder with --out"
        )
    if changes := _changed_settings(load_config(run.config), with_classes(config)):
        raise ConfigError(
            f"{run}: holds a run with {changes}: `onball train {run} --resume` takes the "
            "settings of the run; --overwrite replaces it, --out chooses another folder"
        )
    return True


def _changed_settings(before: ExperimentConfig, now: ExperimentConfig) -> str:
    """Name the settings that keep a run from being resumed, with both values; empty without any."""
    one, other = (
        {
            key: value
            for key, value in sorted(_flatten(config.model_dump(mode="json")).items())
            if key not in _MAY_CHANGE
        }
        for config in (before, now)
    )
    if now.training.epochs >= before.training.epochs:
        one["training.epochs"] = other["training.epochs"]
    return differences(one, other)


def _epochs_logged(run: RunFolder) -> int:
    """Number of epochs in the metrics of a run."""
    if not run.metrics.is_file():
        return 0
    return len(read_text(run.metrics, DataError).splitlines()) - 1


def _clear(run: RunFolder, stored: StoredRun | None) -> None:
    if stored is not None:
        stored.clear()
        return
    try:
        run.clear()
    except OSError as error:
        raise OnballError(f"{run.path}: cannot be replaced ({error.strerror})") from error


def _flatten(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


# The net


def check_frame_size(net: nn.Module, config: ExperimentConfig) -> None:
    """Raise `ConfigError` if the net fails on one frame of the configured size."""
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
            f"model.backbone.name: '{config.model.backbone.name}' cannot take frames of "
            f"data.width × data.height = {width} × {height} ({reason}): choose another size or name"
        ) from error
    finally:
        net.train()


# The clips


def training_clips(
    config: ExperimentConfig,
    net: nn.Module,
    progress: ProgressCallback = no_progress,
    features: FeatureStore | None = None,
) -> ClipDataset | JointClips:
    """Return the clips to train on, of one data set or mixed from two; of features if there are any.

    Raises what loading the split `train` and the second data set raises.
    """
    # Its labels are read before the main data set is decoded: a broken file must show at once.
    halves = find_halves(config.data) if config.trains_jointly else []
    main = load_split(config.data, config.model, "train", progress, features)
    _warn_of_other_classes(main, config.model.actions)
    return mix_clips(config, net, main, load_halves(halves, config.data, _decoding(progress)))


def _warn_of_other_classes(matches: Sequence[LabelledMatch], actions: ActionSet) -> None:
    """Name the labels that the net does not learn, if there are any."""
    counts = Counter(event.label for match in matches for event in match.labels)
    others = [(label, count) for label, count in counts.most_common() if label not in actions]
    if others:
        named = some_names([f"{count} {label}" for label, count in others], limit=5)
        warnings.warn(
            OnballWarning(f"labels of other classes than the model's are left out: {named}"),
            stacklevel=3,
        )


def mix_clips(
    config: ExperimentConfig,
    net: nn.Module,
    main: Sequence[LabelledMatch],
    auxiliary: Sequence[LabelledFrames] = (),
) -> ClipDataset | JointClips:
    """Return the clips of matches, for joint training mixed with those of the second data set."""
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
            num_actions=len(config.model.actions),
        )

    if not config.trains_jointly:
        return clips_of(main, 0)
    return JointClips(
        clips_of(main, 0),
        clips_of(auxiliary, 1),
        auxiliary_share=training.auxiliary_share,
        seed=training.seed,
    )


def load_split(
    data: DataConfig,
    model: ModelConfig,
    split: str,
    progress: ProgressCallback = no_progress,
    features: FeatureStore | None = None,
) -> list[LabelledMatch]:
    """Load the matches of a split for a net; `progress` shows what is decoded into the cache.

    With `features`, their frames are features, and `progress` shows which are computed.
    """
    if features is None:
        return load_matches(data, split, model, _decoding(progress))
    matches = load_matches(data.model_copy(update={"cache": None}), split, model)

    def computing(at: Progress) -> None:
        progress(at._replace(task=f"features of {at.task}"))

    return [_on_features(match, features, computing) for match in matches]


def _on_features(
    match: LabelledMatch, features: FeatureStore, progress: ProgressCallback
) -> LabelledMatch:
    """The match with features in place of its frames."""
    frames = features.open(cast(VideoFrames, match.frames), progress, name=match.name)
    tracked = match.track_features
    if tracked is not None:  # a video may end before its header says so
        tracked = tracked[: len(frames.times_ms)]
    return replace(match, frames=frames, track_features=tracked)


def feature_store(
    config: ExperimentConfig,
    net: nn.Module,
    *,
    device: str = "auto",
    precision: Precision | torch.dtype = "auto",
) -> FeatureStore | None:
    """Return the features that an experiment trains on; None if it trains on frames.

    Args:
        config: the experiment.
        net: the net as it is before the first step.
        device: where missing features are computed.
        precision: dtype in which they are computed.

    Raises:
        ConfigError: the backbone has no features of frames.
        DataError: `data.root` is not set.
    """
    if config.data.features is None:
        return None
    folder = config.data.features_folder
    if folder is None:
        raise DataError("data.root is not set: --data FOLDER names the data set")
    left_out = config.training.augmentation.used
    if left_out:
        message = (
            "data.features: features cannot be augmented as frames are: left out "
            f"{', '.join(left_out)}"
        )
        warnings.warn(OnballNotice(message), stacklevel=3)
    return FeatureStore(
        cast(Net, net),
        SavedModelConfig.of(config),
        folder,
        device=device,
        precision=precision,
        threads=config.training.threads,
    )


def _decoding(progress: ProgressCallback) -> ProgressCallback:
    """Name the work in the task of each report."""
    return lambda at: progress(at._replace(task=f"decoding {at.task}"))


def clip_loader(
    clips: Dataset[Clips],
    training: TrainingConfig,
    steps: TrainingSteps,
    first_step: int = 0,
    rank: int = 0,
    world: int = 1,
    device: torch.device | None = None,
) -> DataLoader[Clips]:
    """Return the batches from a step on, for one of the processes that train together.

    Args:
        clips: the clips of all epochs.
        training: size of the batches, and number of worker processes.
        steps: numbers of steps and clips.
        first_step: the step of the first batch.
        rank: index of this process.
        world: number of processes.
        device: where the batches are moved to; None is the CPU.
    """
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
        pin_memory=device is not None and device.type == "cuda",
        worker_init_fn=_ignore_interruption,
    )


def _ignore_interruption(worker: int) -> None:
    # A terminal sends Ctrl-C to all processes; the training process still needs its clips to stop
    # after a whole step, and ends the workers then. So do torchrun and Slurm with SIGTERM.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def clip_describer(datasets: list[ClipDataset]) -> Callable[[Clips], str]:
    """Return a function that names the clips of a batch: their matches and start times.

    Args:
        datasets: in the order of `Clips.source`.
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


def make_module(
    net: nn.Module, config: ExperimentConfig, steps: TrainingSteps, clips: ClipDataset | JointClips
) -> TrainingModule:
    """Return the net with its training steps."""
    describe = clip_describer(clips.datasets if isinstance(clips, JointClips) else [clips])
    if config.task == "spotting":
        return SpottingModule(cast(SpottingNet, net), config, steps, describe)
    return ClassificationModule(cast(ClipClassifier, net), config, steps, describe)


# Validation


def load_valid(
    data: DataConfig,
    model: ModelConfig,
    progress: ProgressCallback = no_progress,
    features: FeatureStore | None = None,
) -> list[LabelledMatch]:
    """Load the matches to validate on; none, with a warning, if the split is empty."""
    try:
        return load_split(data, model, "valid", progress, features)
    except EmptySplitError as error:
        warnings.warn(
            OnballWarning(f"training without validation, the last model is kept: {error}"),
            stacklevel=3,
        )
        return []


def _make_validator(
    config: ExperimentConfig, matches: list[LabelledMatch], precision: torch.dtype
) -> Callable[[nn.Module], ValidationResult] | None:
    """Return a function that validates a net on the matches, or None if there are none."""
    if not matches:
        return None
    return lambda net: validate(net, matches, config, precision)
