"""The clips of a run: matches loaded with a progress bar, and batches from any step on."""

from __future__ import annotations

import signal
import warnings
from collections.abc import Callable
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from torch.utils.data import DataLoader, Dataset

from onball.config import DataConfig, ModelConfig, TrainingConfig
from onball.data.clips import ClipDataset, Clips, EpochSampler
from onball.data.layout import Match
from onball.data.matches import LabelledMatch, load_matches
from onball.errors import EmptySplitError, OnballWarning
from onball.training.schedule import TrainingSteps


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

        def show(match: Match, decoded_ms: int) -> None:
            if match.name not in tasks:
                tasks[match.name] = progress.add_task(match.name, total=None, minutes=0.0)
            progress.update(tasks[match.name], minutes=decoded_ms / 60_000)

        return load_matches(data, split, show, model)
