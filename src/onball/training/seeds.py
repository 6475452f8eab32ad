"""The same training with several seeds, and the mean of their scores.

One run says little about settings: with another seed, mAP10 differs by some points. `train_seeds` trains
a config with the seeds 0, 1, …, each into a folder of its own.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from onball.config import ExperimentConfig
from onball.data.classes import with_classes
from onball.errors import DataError
from onball.evaluation.average_precision import headline_key, headline_of
from onball.evaluation.repeats import RepeatedMean, repeated_mean
from onball.files import read_text
from onball.progress import ProgressCallback, no_progress
from onball.runs import RunFolder
from onball.training.callbacks import EpochSummary
from onball.training.run import prepare_run, train


@dataclass(frozen=True, slots=True)
class SeedRun:
    """A finished training.

    Attributes:
        seed: its seed.
        run: its folder.
        score: headline mean of its best epoch in validation, mAP10 for the 12 actions, in per cent;
            None without validation matches.
    """

    seed: int
    run: RunFolder
    score: float | None


@dataclass(frozen=True, slots=True)
class SeedRuns:
    """Trainings of a config with several seeds.

    Attributes:
        runs: one for each seed.
        metric: name of their scores, such as mAP10.
    """

    runs: tuple[SeedRun, ...]
    metric: str

    @property
    def mean(self) -> RepeatedMean | None:
        """Mean of their scores with a 95 % t-interval; None without validation matches."""
        scores = [run.score for run in self.runs if run.score is not None]
        return repeated_mean(scores) if len(scores) == len(self.runs) else None

    @property
    def best(self) -> SeedRun:
        """The run with the highest score; the first one without validation matches."""
        return max(self.runs, key=lambda run: -1.0 if run.score is None else run.score)


def seed_folder(run_dir: str | Path, seed: int) -> Path:
    """Folder of the run with a seed."""
    return Path(run_dir) / f"seed_{seed}"


def train_seeds(
    config: ExperimentConfig,
    seeds: int,
    *,
    run_dir: str | Path,
    resume: bool = False,
    overwrite: bool = False,
    device: str = "auto",
    progress: ProgressCallback = no_progress,
    on_epoch: Callable[[EpochSummary], None] = lambda summary: None,
    on_seed: Callable[[int], None] = lambda seed: None,
) -> SeedRuns:
    """Train a config with several seeds, one after the other, each into `run_dir/seed_<N>`.

    Args:
        config: the experiment; `training.seed` is ignored.
        seeds: number of seeds, counted from 0.
        run_dir: parent of the folders of the runs.
        resume: keep finished runs, continue the interrupted one, and train the others.
        overwrite: replace the runs in these folders.
        device: see `train`.
        progress: see `train`.
        on_epoch: see `train`.
        on_seed: called with each seed before its training.

    Raises what `train` raises, for all folders before the first training.
    """
    configs = []
    for seed in range(seeds):
        training = config.training.model_copy(update={"seed": seed})
        configs.append(config.model_copy(update={"training": training}))
        run = RunFolder(seed_folder(run_dir, seed))
        prepare_run(configs[seed], run, resume=resume, overwrite=overwrite)
    done = []
    for seed, own in enumerate(configs):
        run = RunFolder(seed_folder(run_dir, seed))
        on_seed(seed)
        train(
            own,
            run_dir=run.path,
            resume=resume,
            overwrite=overwrite,
            device=device,
            progress=progress,
            on_epoch=on_epoch,
        )
        done.append(SeedRun(seed, run, best_score(run)))
    return SeedRuns(tuple(done), headline_of(with_classes(config).model.actions).name)


def best_score(run: RunFolder) -> float | None:
    """Headline mean of the best epoch of a run in validation, per cent; None without validation.

    Raises `DataError` if its metrics cannot be read.
    """
    epochs = list(csv.DictReader(io.StringIO(read_text(run.metrics, DataError))))
    key = headline_key(epochs[0] if epochs else ())
    scores = [float(epoch[key]) for epoch in epochs if epoch[key]] if key else []
    return 100 * max(scores) if scores else None
