"""Estimate of the time and disk space of a training, from a few of its steps.

The steps are real ones: the net, clips, augmentation, loss and optimiser of the experiment, in the
trainer of its runs. Nothing is written: clips are read from the videos even if the run would decode
them into a cache first.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from onball.config import ExperimentConfig
from onball.cores import physical_memory
from onball.data.classes import with_classes
from onball.data.clips import Clips
from onball.data.frames import VideoFrames, cache_folder
from onball.data.joint import find_halves, load_halves
from onball.data.matches import LabelledFrames, LabelledMatch
from onball.errors import EmptySplitError, InputError, OnballError
from onball.events import Event, EventList
from onball.frames import BlankFrames, FrameSource
from onball.models import build_model
from onball.models.compute import choose_precision, use_threads
from onball.models.cost import NetCost, cost_of, training_memory
from onball.progress import Progress, ProgressCallback, no_progress
from onball.timing import grid_times
from onball.tracking.features import feature_names
from onball.training.module import TrainingModule, TrainingSteps
from onball.training.run import clip_loader, load_split, make_module, mix_clips
from onball.training.trainer import make_trainer, processes, quiet, training_device
from onball.training.validation import validate

#: Steps that are measured, if there is time for them.
_STEPS = 10
#: Frames that are validated or decoded for the measurement, at most.
_FRAMES = 256
#: Bytes of a weight, and of each moment that AdamW keeps of it.
_FLOAT32_BYTES = 4
_MATCH_MS = 30_000


@dataclass(frozen=True, slots=True)
class TrainingEstimate:
    """Estimated time and disk space of a training.

    Attributes:
        on_data: True if measured on the data set, False on random frames.
        steps: number of training steps that were measured.
        frames_per_second: frames trained on per second.
        training_seconds: time of all training steps.
        validation_seconds: time of all validations; None without the data set.
        decoding_seconds: time to decode the videos that are not in the frame cache yet; 0 without a
            cache, None without the data set.
        cache_bytes: disk space of these frames; None without the data set.
        run_bytes: disk space of the run: the last checkpoint and the saved model.
    """

    on_data: bool
    steps: int
    frames_per_second: float
    training_seconds: float
    validation_seconds: float | None
    decoding_seconds: float | None
    cache_bytes: int | None
    run_bytes: int

    @property
    def total_seconds(self) -> float:
        """Time of training and, where it is known, of validation and decoding."""
        return self.training_seconds + (self.validation_seconds or 0) + (self.decoding_seconds or 0)


def measure_training(
    config: ExperimentConfig,
    *,
    device: str = "auto",
    seconds: float = 20.0,
    progress: ProgressCallback = no_progress,
) -> TrainingEstimate:
    """Run a few training steps of an experiment, and estimate the time and space of all of them.

    Args:
        config: all settings of the experiment. Without `data.root`, clips have random frames.
        device: the device to train on: `auto`, `cpu`, `cuda`, `cuda:1`, `mps` …
        seconds: time for the training steps; at least one is measured, however long it takes.
        progress: called after each step.

    Raises:
        InputError: the device cannot be used, or several processes train together.
        OnballError: a training step would need more memory than the machine has.

    It also raises what loading the data and building the net raise.
    """
    if processes() > 1:
        raise InputError("the speed of several processes is not measured: start a single one")
    config = with_classes(config)
    place = training_device(device)
    precision = choose_precision(config.training.precision, place)
    cost = cost_of(config, dtype=precision)
    _check_memory(config, cost, place)
    on_features = config.data.features is not None  # which a dry run does not compute
    has_root = not config.trains_jointly or config.data.auxiliary.root is not None
    has_data = config.data.root is not None and has_root and not on_features
    use_threads(config.training.threads)
    net = build_model(config.model, config.task, fetch_weights=False)
    width = net.backbone.feature_dim if on_features else None
    data = _open_data(config) if has_data else _random_data(config, width)
    steps = TrainingSteps.of(config.training)
    clips = mix_clips(config, net, data.train, data.auxiliary)
    alone = config.training.model_copy(update={"workers": 0})
    batches, read_seconds = _read_batches(clip_loader(clips, alone, steps), seconds / 2)
    module = make_module(net, config, steps, clips)
    timed = _StepTimer(progress, place, seconds)
    _run_steps(config, module, batches, timed, precision, place)
    step_seconds = timed.batch_seconds * config.training.accumulate
    if config.data.cache is None and not on_features:
        # Each clip is decoded again, by the workers if there are any.
        reading = read_seconds * steps.clips_per_step / max(1, config.training.workers)
        longer, both = max(step_seconds, reading), step_seconds + reading
        step_seconds = longer if config.training.workers else both
    validation = decoding = cache_bytes = None
    if has_data:
        rate = _validation_rate(config, module.eval_net.to(place), data.valid, precision)
        frames = sum(len(match.frames.times_ms) for match in data.valid)
        validation = _validations(config) * frames / rate if frames else 0.0
        decoding, cache_bytes = _decoding(config, data)
    frames_per_step = steps.clips_per_step * config.data.clip_frames
    return TrainingEstimate(
        has_data,
        timed.measured,
        frames_per_step / step_seconds,
        steps.total * step_seconds,
        validation,
        decoding,
        cache_bytes,
        _run_bytes(config, cost),
    )


def _check_memory(config: ExperimentConfig, cost: NetCost, device: torch.device) -> None:
    """Raise `OnballError` if a step would not fit into the memory of the device."""
    training = config.training
    needed = training_memory(cost, training.batch_size, ema=training.ema_decay is not None)
    there: int | None = None
    if device.type == "cuda":
        there = torch.cuda.get_device_properties(device).total_memory
    elif device.type == "cpu":
        there = physical_memory()
    if there is not None and needed > there:
        raise OnballError(
            f"a step needs about {needed / 2**30:.0f} GiB and {device} has {there / 2**30:.0f}: lower "
            "training.batch_size (and raise training.accumulate by as much), or the size of frames"
        )


# Data


@dataclass(frozen=True, slots=True)
class _Data:
    """Matches to train and validate on, and those of the second data set."""

    train: Sequence[LabelledMatch]
    valid: Sequence[LabelledMatch]
    auxiliary: Sequence[LabelledFrames]


def _open_data(config: ExperimentConfig) -> _Data:
    """The matches of the data set, whose frames are read from the videos."""
    data = config.data.model_copy(update={"cache": None})
    try:
        valid = load_split(data, config.model, "valid")
    except EmptySplitError:
        valid = []
    halves = load_halves(find_halves(data), data) if config.trains_jointly else []
    return _Data(load_split(data, config.model, "train"), valid, halves)


class _RandomFrames:
    """Frames of random pixels; a `FrameSource`."""

    def __init__(self, times_ms: NDArray[np.int64], size: tuple[int, int]) -> None:
        self.times_ms = times_ms
        self._size = size

    def read(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Frames `start` to `stop` (not included), uint8 `[t, H, W, 3]`."""
        width, height = self._size
        rng = np.random.default_rng(start)
        return rng.integers(0, 256, (stop - start, height, width, 3), dtype=np.uint8)


class _RandomFeatures:
    """Random features of a backbone in place of frames; a `FrameSource`."""

    def __init__(self, times_ms: NDArray[np.int64], width: int) -> None:
        self.times_ms = times_ms
        self._width = width

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """Features of the frames `start` to `stop` (not included), float32 `[t, C]`."""
        rng = np.random.default_rng(start)
        return rng.random((stop - start, self._width), dtype=np.float32)


def _random_data(config: ExperimentConfig, feature_dim: int | None = None) -> _Data:
    """A match of random frames, or features, with one label, for each data set."""
    length = max(_MATCH_MS, round(2000 * config.data.clip_frames / config.data.fps))
    times = grid_times(length, config.data.fps)
    frames: FrameSource = _RandomFrames(times, config.data.size)
    if not config.model.takes_frames:
        frames = BlankFrames(times)
    elif feature_dim is not None:
        frames = _RandomFeatures(times, feature_dim)
    actions = config.model.actions
    events = EventList.of([Event(length // 2, actions.names[0])])
    features = None
    if config.model.tracking is not None:
        count = 2 * len(feature_names(config.model.tracking.features))
        features = np.zeros((len(times), count), np.float32)
    match = LabelledMatch("random frames", frames, events, features, actions)
    half = LabelledFrames("random frames", frames, match.events)
    return _Data([match], [], [half] if config.trains_jointly else [])


def _read_batches(loader: DataLoader[Clips], seconds: float) -> tuple[list[Clips], float]:
    """Some batches, and the time to read a clip from the videos."""
    batches: list[Clips] = []
    begin = time.perf_counter()
    for batch in islice(loader, _STEPS):
        batches.append(batch)
        if time.perf_counter() - begin > seconds:
            break
    clips = sum(len(batch.frames) for batch in batches)
    return batches, (time.perf_counter() - begin) / clips


# Steps


class _StepTimer(Callback):  # type: ignore[misc]
    """Time training batches, and end the training after some of them or when time is up.

    Attributes:
        measured: number of batches that count.
        batch_seconds: their mean time; the first is slower and counts only if it is the only one.
    """

    def __init__(self, progress: ProgressCallback, device: torch.device, seconds: float) -> None:
        self._progress = progress
        self._device = device
        self._seconds = seconds
        self._times: list[float] = []

    @property
    def measured(self) -> int:
        return max(1, len(self._times) - 2)

    @property
    def batch_seconds(self) -> float:
        times = self._times
        if len(times) == 2:
            return times[1] - times[0]
        return (times[-1] - times[1]) / (len(times) - 2)

    def on_train_start(self, trainer: L.Trainer, pl_module: TrainingModule) -> None:
        self._times = [time.perf_counter()]

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: TrainingModule, *args: Any, **kwargs: Any
    ) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        self._times.append(time.perf_counter())
        done = len(self._times) - 1
        self._progress(Progress("measuring", done, _STEPS + 1, "steps"))
        late = self._times[-1] - self._times[0] > self._seconds
        trainer.should_stop = late or done > _STEPS


def _run_steps(
    config: ExperimentConfig,
    module: TrainingModule,
    batches: Sequence[Clips],
    timer: _StepTimer,
    precision: torch.dtype,
    device: torch.device,
) -> None:
    training = config.training.model_copy(update={"loggers": (), "epochs": 1})
    settings = config.model_copy(update={"training": training})
    repeated = [batches[index % len(batches)] for index in range(_STEPS + 1)]
    with quiet():
        trainer = make_trainer(settings, Path(), [timer], precision, device)
        trainer.fit(module, DataLoader(repeated, batch_size=None))  # type: ignore[arg-type]


# Validation, decoding, disk


class _FirstFrames:
    """The first frames of a match; a `FrameSource`."""

    def __init__(self, frames: FrameSource, count: int) -> None:
        self.times_ms = frames.times_ms[:count]
        self._frames = frames

    def read(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Frames `start` to `stop` (not included), uint8 `[t, H, W, 3]`."""
        return self._frames.read(start, stop)


def _validations(config: ExperimentConfig) -> int:
    """Number of validations of a run that does not stop early."""
    training = config.training
    return -(-training.epochs // training.validate_every_epochs)


def _validation_rate(
    config: ExperimentConfig,
    net: torch.nn.Module,
    matches: Sequence[LabelledMatch],
    precision: torch.dtype,
) -> float:
    """Frames that are validated per second."""
    if not matches:
        return 1.0
    first = matches[0]
    count = min(_FRAMES, len(first.frames.times_ms))
    end = int(first.frames.times_ms[count - 1])
    labels = EventList.of([event for event in first.labels if event.position_ms <= end])
    features = None if first.track_features is None else first.track_features[:count]
    part = LabelledMatch(
        first.name, _FirstFrames(first.frames, count), labels, features, first.actions
    )
    if config.data.cache is not None:  # then reading costs next to nothing
        part = replace(part, frames=_InMemory(part.frames))
    begin = time.perf_counter()
    validate(net, [part], config, precision)
    return count / (time.perf_counter() - begin)


class _InMemory:
    """Frames of a source, read once; a `FrameSource`."""

    def __init__(self, frames: FrameSource) -> None:
        self._pixels = frames.read(0, len(frames.times_ms))
        self.times_ms = frames.times_ms[: len(self._pixels)]

    def read(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Frames `start` to `stop` (not included), uint8 `[t, H, W, 3]`."""
        return self._pixels[start:stop]


def _decoding(config: ExperimentConfig, data: _Data) -> tuple[float, int]:
    """Time and bytes of the frames that are not in the cache yet."""
    cache = config.data.cache
    missing = [] if cache is None else list(_missing(cache, data))
    if not missing:
        return 0.0, 0
    frames = sum(len(each.times_ms) for each in missing)
    width, height = config.data.size
    begin, count = time.perf_counter(), 0
    for batch in missing[0].batches():
        count += len(batch.frames)
        if count >= _FRAMES:
            break
    rate = count / (time.perf_counter() - begin)
    return frames / rate, frames * width * height * 3


def _missing(cache: Path, data: _Data) -> Iterator[VideoFrames]:
    """Videos whose frames are not in the cache."""
    sources = [match.frames for match in (*data.train, *data.valid)]
    for frames in (*sources, *(half.frames for half in data.auxiliary)):
        if isinstance(frames, VideoFrames) and not cache_folder(frames, cache).is_dir():
            yield frames


def _run_bytes(config: ExperimentConfig, cost: NetCost) -> int:
    """Bytes of the last checkpoint (weights and moments) and of the saved model."""
    averaged = cost.parameters if config.training.ema_decay is not None else 0
    numbers = 2 * cost.parameters + averaged + 2 * cost.trainable
    return numbers * _FLOAT32_BYTES
