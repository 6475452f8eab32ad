"""Experiments: train a config, test its best model, and add a row to a table of results.

results/
    <task>.csv            one row per experiment, see `columns_of`
    curves/<name>.csv     metrics of each epoch of its training

A table is of one data set and one list of classes, each of which has a column with its AP.
"""

from __future__ import annotations

import csv
import io
import os
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from filelock import FileLock

from onball.actions import BALL_ACTIONS, ActionSet
from onball.config import ExperimentConfig, config_name, load_config
from onball.data.classes import with_classes
from onball.data.joint import require_auxiliary_root
from onball.data.layout import some_names
from onball.data.matches import LabelledMatch, check_matches
from onball.errors import ConfigError, DataError, EmptySplitError, InputError
from onball.evaluation.average_precision import headline_key, means_of
from onball.files import read_text, write_text_atomic
from onball.models import build_model, load_model
from onball.models.compute import choose_device, choose_precision, use_threads
from onball.models.cost import cost_of
from onball.models.freezing import freeze
from onball.progress import ProgressCallback, no_progress
from onball.runs import RunFolder
from onball.training.callbacks import EpochSummary
from onball.training.initial import build_initial_net
from onball.training.module import TrainingSteps
from onball.training.run import (
    feature_store,
    load_split,
    prepare_run,
    train,
)
from onball.training.validation import ValidationResult, validate

_COLUMNS = (
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
)
_AP = "AP "
#: Columns that identify an experiment: a new row replaces an earlier one with the same values.
_KEY = ("config", "settings", "seed", "data")
#: Columns that identify its curves and its run.
_NAME = ("config", "seed")


def columns_of(actions: ActionSet = BALL_ACTIONS) -> tuple[str, ...]:
    """Return the columns of a table of results; AP and mAP are in per cent.

    The means are `map12` and `map10` for the 12 actions, `map` for another list, and
    `map_headline` if not all of its classes are in the headline.
    """
    means = (mean.key for mean in means_of(actions))
    return (*_COLUMNS, *means, *(f"{_AP}{action}" for action in actions))


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


def add_result(path: Path, row: Mapping[str, str], actions: ActionSet = BALL_ACTIONS) -> None:
    """Add a row to a table of results, or replace an earlier one of the same experiment.

    Several processes may call it at once: each waits for the others.

    Args:
        path: the table, which need not exist.
        row: a value for each column.
        actions: the classes of the table.

    Raises:
        DataError: the table has the columns of other classes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f".{path.name}.lock")):
        rows = {tuple(former[name] for name in _KEY): former for former in read_results(path)}
        _check_classes(path, list(rows.values()), actions)
        rows[tuple(row[name] for name in _KEY)] = dict(row)
        _write_results(path, rows.values(), columns_of(actions))


def remove_result(path: Path, row: Mapping[str, str]) -> None:
    """Remove the rows with the config and seed of a row from a table of results."""
    if not path.exists():
        return
    with FileLock(path.with_name(f".{path.name}.lock")):
        rows = read_results(path)
        kept = [former for former in rows if not _same(former, row, _NAME)]
        if len(kept) < len(rows):
            _write_results(path, kept, tuple(rows[0]))


def _same(one: Mapping[str, str], other: Mapping[str, str], columns: Sequence[str]) -> bool:
    return all(one[column] == other[column] for column in columns)


def _check_classes(path: Path, rows: Sequence[Mapping[str, str]], actions: ActionSet) -> None:
    """Refuse a table with an AP of other classes than these."""
    if not rows:
        return
    there = [column.removeprefix(_AP) for column in rows[0] if column.startswith(_AP)]
    if there and set(there) != {action.value for action in actions}:
        raise DataError(
            f"{path}: holds the AP of {some_names(there)} instead of "
            f"{some_names([action.value for action in actions])}: choose another folder with "
            "--results"
        )


def _write_results(path: Path, rows: Iterable[Mapping[str, str]], columns: Sequence[str]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    write_text_atomic(path, text.getvalue())


def hardware(device: torch.device | None = None) -> str:
    """Name the GPUs of a device's type, or else the processor; by default of the best device."""
    device = choose_device() if device is None else device
    if device.type == "cuda":
        count = 1 if device.index is not None else torch.cuda.device_count()
        return f"{count} × {torch.cuda.get_device_name(device)}"
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
        """Check the settings and the data set without training; no video is opened.

        Raises `InputError` with one line that names the config: for a setting, a component or one
        of its options, or for a split, label file, tracks file or initial model.
        """
        config = self.check_settings()
        with _naming(self.path):
            pretrained = config.model.backbone.options.get("pretrained")
            if config.training.initial_model is not None or isinstance(pretrained, str | Path):
                build_initial_net(config)
            for split in ("train", "valid", "test"):
                try:
                    check_matches(config.data, split, config.model)
                except EmptySplitError:
                    if split != "valid":  # then the last model is kept
                        raise

    def check_settings(self) -> ExperimentConfig:
        """Check the settings alone and return them.

        Raises `InputError` with one line that names the config.
        """
        with _naming(self.path):
            config = self.load()
            if config.trains_jointly:
                require_auxiliary_root(config.data)
            with torch.device("meta"):
                net = build_model(config.model, config.task, fetch_weights=False)
            freeze(net.backbone, config.frozen)
            return config

    def run_folder(self, runs: Path) -> RunFolder:
        """Return the folder of its run: its name, with `_seed1` and so on for a seed other than 0."""
        seed = self.load().training.seed
        return RunFolder(runs / (f"{self.name}_seed{seed}" if seed else self.name))

    def row(self) -> dict[str, str]:
        """Return the columns of its row of results that identify it."""
        config = self.load()
        budgets = [path.stem for path in self.overlays if path not in self.variants]
        overrides = [*budgets, *self.settings]
        return {
            "config": self.name,
            "settings": "; ".join(text for text in overrides if not _is_recorded_elsewhere(text)),
            "seed": str(config.training.seed),
            "data": config.data.root.name if config.data.root else "",
        }

    def finished_row(self, results: Path) -> dict[str, str] | None:
        """Return its row in the tables of results; None if it is not there."""
        rows = read_results(results / f"{self.load().task}.csv")
        return next((row for row in rows if _same(row, self.row(), _KEY)), None)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Name the config in errors that do not name it yet."""
    try:
        yield
    except InputError as error:
        if str(path) in str(error):
            raise
        raise ConfigError(f"{config_name(path)}: {error}") from error


def check_experiments(
    experiments: Iterable[Experiment], runs: Path, results: Path, *, overwrite: bool = False
) -> dict[Experiment, InputError]:
    """Check experiments before the first of them is trained: settings, data, and existing results.

    Args:
        experiments: the configs; those with a row of results are not checked.
        runs: see `run_experiment`.
        results: see `run_experiment`.
        overwrite: runs and results of other settings are not in the way.

    Returns: the experiments that cannot be trained, each with its error.
    """
    failing: dict[Experiment, InputError] = {}
    for experiment in experiments:
        try:
            config = experiment.load()
            if not overwrite and experiment.finished_row(results) is not None:
                continue
            experiment.check()
            actions = with_classes(config).model.actions
            _check_table(experiment, results / f"{config.task}.csv", actions, overwrite)
            if not overwrite:
                _check_run(config, experiment.run_folder(runs))
        except InputError as error:
            failing[experiment] = error
    return failing


def _check_table(experiment: Experiment, table: Path, actions: ActionSet, overwrite: bool) -> None:
    """Refuse a table of other data or classes, or one whose curves of this config would be lost."""
    own, rows = experiment.row(), read_results(table)
    data = sorted({row["data"] for row in rows})
    if rows and own["data"] not in data:
        raise DataError(
            f"{table}: holds results on the data set {', '.join(data)} instead of {own['data']}: "
            "choose another folder with --results"
        )
    _check_classes(table, rows, actions)
    former = next((row for row in rows if _same(row, own, _NAME)), None)
    if former is not None and not overwrite:
        changes = [
            f"{column} '{former[column]}' instead of '{own[column]}'"
            for column in _KEY
            if former[column] != own[column]
        ]
        raise DataError(
            f"{table}: holds a row of {own['config']} with {', '.join(changes)}: --overwrite "
            "replaces it, or choose another folder with --results"
        )


def _check_run(config: ExperimentConfig, run: RunFolder) -> None:
    """Refuse a run of other settings or another data set."""
    if not prepare_run(config, run, resume=True):
        return
    former, now = load_config(run.config).data.root, config.data.root
    if former and now and former.name != now.name:
        raise DataError(
            f"{run.path}: was trained on the data set '{former.name}' instead of '{now.name}': "
            "--overwrite replaces it, or choose another folder with --runs"
        )


def run_experiment(
    experiment: Experiment,
    runs: Path,
    results: Path,
    *,
    overwrite: bool = False,
    device: str = "auto",
    progress: ProgressCallback = no_progress,
    on_epoch: Callable[[EpochSummary], None] = lambda summary: None,
) -> dict[str, str]:
    """Train a config or resume its run, test the best model, and write its row and curves.

    Args:
        experiment: the config.
        runs: parent of the run, whose folder has the name of the experiment, with `_seed1` and so
            on appended for a seed other than 0.
        results: folder of the tables; curves go to `<results>/curves/`, under the same name.
        overwrite: train again from the beginning, and replace its row.
        device: see `train`.
        progress: see `train`.
        on_epoch: see `train`.

    Returns: the row; that of the table if the experiment is finished.

    Raises what `train` raises; `DataError` if there is no split `test`, or if the table or the run
    are of another data set or of other settings.
    """
    finished = None if overwrite else experiment.finished_row(results)
    if finished is not None:
        return finished
    config = with_classes(experiment.load())
    run = experiment.run_folder(runs)
    table = results / f"{config.task}.csv"
    _check_table(experiment, table, config.model.actions, overwrite)
    if not overwrite:
        _check_run(config, run)
    # Before the training, so that a missing split shows at once.
    features = None
    if config.data.features is not None:
        features = feature_store(config, build_initial_net(config), device=device)
    matches = load_split(config.data, config.model, "test", progress, features)
    if overwrite:  # or else a later call would take the former row for that of this run
        remove_result(table, experiment.row())
    model = train(
        config,
        run_dir=run.path,
        resume=not overwrite,
        overwrite=overwrite,
        device=device,
        progress=progress,
        on_epoch=on_epoch,
    )
    tested = test_model(model, config, matches, device=device)
    curves = read_text(run.metrics, DataError)
    epochs = list(csv.DictReader(io.StringIO(curves)))
    row = _row(experiment, config, tested, epochs, choose_device(device))
    write_text_atomic(results / "curves" / f"{run.path.relative_to(runs)}.csv", curves)
    add_result(table, row, tested.evaluation.actions)
    return row


def test_model(
    folder: Path,
    config: ExperimentConfig,
    matches: Sequence[LabelledMatch],
    *,
    device: str = "auto",
) -> ValidationResult:
    """Measure a saved model on matches, as validation does during training."""
    net = load_model(folder, config.task)[0]
    place = choose_device(device)
    precision = choose_precision(config.training.precision, place)
    use_threads(config.training.threads)
    return validate(net.to(place), matches, config, precision)


def _row(
    experiment: Experiment,
    config: ExperimentConfig,
    tested: ValidationResult,
    epochs: Sequence[dict[str, str]],
    device: torch.device,
) -> dict[str, str]:
    data, training = config.data, config.training
    cost = cost_of(config)
    headline = headline_key(epochs[0] if epochs else ()) or ""
    known = [epoch for epoch in epochs if epoch.get(headline)]
    best = max(known, key=lambda epoch: float(epoch[headline]), default=None)
    evaluation = tested.evaluation
    return {
        **experiment.row(),
        "size": f"{data.width}x{data.height}",
        "hardware": hardware(device),
        "epochs": str(len(epochs)),
        "best_epoch": best["epoch"] if best else "",
        "steps": epochs[-1]["step"] if epochs else "",
        "clips": str(len(epochs) * TrainingSteps.of(training).clips_per_epoch),
        "wall_time_s": f"{sum(float(epoch['seconds']) for epoch in epochs):.0f}",
        "parameters": str(cost.parameters),
        "gflops": f"{cost.gflops:.2f}",
        **{key: f"{100 * value:.2f}" for key, value in evaluation.means_json().items()},
        **{f"{_AP}{action}": f"{100 * ap:.2f}" for action, ap in evaluation.ap.items()},
    }


def _is_recorded_elsewhere(setting: str) -> bool:
    """Return True for settings that change no result, or that have a column."""
    others = ("data.root", "data.cache", "training.workers", "training.threads", "training.seed")
    return setting.partition("=")[0].strip() in others
