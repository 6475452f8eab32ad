"""Experiments: train a config, test its best model, and add a row to a table of results.

results/
    <task>.csv            one row per experiment, in the order of `COLUMNS`
    curves/<name>.csv     metrics of each epoch of its training
"""

from __future__ import annotations

import csv
import io
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from filelock import FileLock

from onball.actions import ACTIONS
from onball.config import ExperimentConfig, load_config
from onball.data.joint import require_auxiliary_root
from onball.data.matches import LabelledMatch
from onball.errors import DataError
from onball.files import read_text, write_text_atomic
from onball.models import build_model, load_model
from onball.models.compute import choose_device, choose_precision
from onball.models.cost import cost_of
from onball.progress import ProgressCallback, no_progress
from onball.runs import RunFolder
from onball.training.callbacks import EpochSummary
from onball.training.module import TrainingSteps
from onball.training.run import load_split, train
from onball.training.validation import ValidationResult, validate

#: Columns of a table of results. AP and mAP are in per cent.
COLUMNS = (
    "config",
    "settings",
    "seed",
    "data",
    "size",
    "hardware",
    "epochs",
    "best_epoch",
    "steps",
    "clips",
    "wall_time_s",
    "parameters",
    "gflops",
    "map12",
    "map10",
    *(f"AP {action}" for action in ACTIONS),
)
#: Columns that identify an experiment: a new row replaces an earlier one with the same values.
_KEY = ("config", "settings", "seed", "data")


def read_results(path: Path) -> list[dict[str, str]]:
    """Return the rows of a table of results; none if the file does not exist.

    Raises:
        DataError: the file lacks a column that identifies an experiment.
    """
    if not path.exists():
        return []
    reader = csv.DictReader(io.StringIO(read_text(path, DataError)))
    missing = [name for name in _KEY if name not in (reader.fieldnames or ())]
    if missing:
        raise DataError(f"{path}: has no column '{missing[0]}': is it a file of results?")
    return list(reader)


def add_result(path: Path, row: Mapping[str, str]) -> None:
    """Add a row to a table of results, or replace an earlier one of the same experiment.

    Several processes may call it at once: each waits for the others.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f".{path.name}.lock")):
        rows = {tuple(former[name] for name in _KEY): former for former in read_results(path)}
        rows[tuple(row[name] for name in _KEY)] = dict(row)
        text = io.StringIO()
        writer = csv.DictWriter(
            text, COLUMNS, restval="", lineterminator="\n", extrasaction="ignore"
        )
        writer.writeheader()
        writer.writerows(rows.values())
        write_text_atomic(path, text.getvalue())


def hardware() -> str:
    """Name the GPUs that torch computes on, or else the processor."""
    if torch.cuda.is_available():
        count = torch.cuda.device_count()
        return f"{count} × {torch.cuda.get_device_name()}"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{cores} CPU cores ({_processor()})"


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


#: Overlays in a folder of this name change the input of the net, and so the experiment.
_TRACKS_FOLDER = "tracks"


@dataclass(frozen=True, slots=True)
class Experiment:
    """Config with overlays and single settings.

    Attributes:
        path: the YAML file of the config.
        overlays: YAML files whose settings override it.
        settings: `a.b=c`, which override all of them.
    """

    path: Path
    overlays: tuple[Path, ...] = ()
    settings: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """`<folder>/<file>` without suffix, such as `spotting/regnety_bilstm`.

        Overlays of tracks are part of it: `spotting/regnety_tracking+degraded`.
        """
        variants = [f"+{path.stem}" for path in self.variants]
        return "".join([f"{self.path.resolve().parent.name}/{self.path.stem}", *variants])

    @property
    def variants(self) -> list[Path]:
        """Overlays that select other tracks."""
        return [path for path in self.overlays if path.resolve().parent.name == _TRACKS_FOLDER]

    def load(self) -> ExperimentConfig:
        """Return all settings. Raises `ConfigError`."""
        return load_config(self.path, self.settings, self.overlays)

    def check(self) -> None:
        """Check the settings without reading data or weights.

        Raises:
            ConfigError: a setting, a component or one of its options is wrong.
            DataError: the second data set of joint training is not set.
        """
        config = self.load()
        if config.trains_jointly:
            require_auxiliary_root(config.data)
        with torch.device("meta"):
            build_model(config.model, config.task, fetch_weights=False)


def run_experiment(
    experiment: Experiment,
    runs: Path,
    results: Path,
    *,
    progress: ProgressCallback = no_progress,
    on_epoch: Callable[[EpochSummary], None] = lambda summary: None,
) -> dict[str, str]:
    """Train a config or resume its run, test the best model, and write its row and curves.

    Args:
        experiment: the config.
        runs: parent of the run, whose folder has the name of the experiment, with `_seed1` and so
            on appended for a seed other than 0.
        results: folder of the tables; curves go to `<results>/curves/`, under the same name.
        progress: see `train`.
        on_epoch: see `train`.

    Returns: the row.

    Raises what `train` raises; `DataError` if there is no split `test`.
    """
    config = experiment.load()
    # Before the training, so that a missing split shows at once.
    matches = load_split(config.data, config.model, "test", progress)
    seed = config.training.seed
    name = f"{experiment.name}_seed{seed}" if seed else experiment.name
    run_dir = runs / name
    model = train(config, run_dir=run_dir, resume=True, progress=progress, on_epoch=on_epoch)
    tested = test_model(model, config, matches)
    curves = read_text(RunFolder(run_dir).metrics, DataError)
    row = _row(experiment, config, tested, list(csv.DictReader(io.StringIO(curves))))
    write_text_atomic(results / "curves" / f"{name}.csv", curves)
    add_result(results / f"{config.task}.csv", row)
    return row


def test_model(
    folder: Path, config: ExperimentConfig, matches: Sequence[LabelledMatch]
) -> ValidationResult:
    """Measure a saved model on matches, as validation does during training."""
    net = load_model(folder, config.task)[0]
    device = choose_device()
    precision = choose_precision(config.training.precision, device)
    if config.training.threads is not None:
        torch.set_num_threads(config.training.threads)
    return validate(net.to(device), matches, config, precision)


def _row(
    experiment: Experiment,
    config: ExperimentConfig,
    tested: ValidationResult,
    epochs: Sequence[dict[str, str]],
) -> dict[str, str]:
    data, training = config.data, config.training
    cost = cost_of(config)
    known = [epoch for epoch in epochs if epoch["map10"]]
    best = max(known, key=lambda epoch: float(epoch["map10"]), default=None)
    budgets = [path.stem for path in experiment.overlays if path not in experiment.variants]
    overrides = [*budgets, *experiment.settings]
    scores = tested.evaluation.ap
    return {
        "config": experiment.name,
        "settings": "; ".join(text for text in overrides if not _is_recorded_elsewhere(text)),
        "seed": str(training.seed),
        "data": data.root.name if data.root else "",
        "size": f"{data.width}x{data.height}",
        "hardware": hardware(),
        "epochs": str(len(epochs)),
        "best_epoch": best["epoch"] if best else "",
        "steps": epochs[-1]["step"] if epochs else "",
        "clips": str(len(epochs) * TrainingSteps.of(training).clips_per_epoch),
        "wall_time_s": f"{sum(float(epoch['seconds']) for epoch in epochs):.0f}",
        "parameters": str(cost.parameters),
        "gflops": f"{cost.gflops:.2f}",
        "map12": f"{100 * tested.map12:.2f}",
        "map10": f"{100 * tested.map10:.2f}",
        **{f"AP {action}": f"{100 * scores[action]:.2f}" for action in ACTIONS},
    }


def _is_recorded_elsewhere(setting: str) -> bool:
    """Return True for settings that change no result, or that have a column."""
    others = ("data.root", "data.cache", "training.workers", "training.threads", "training.seed")
    return setting.partition("=")[0].strip() in others
