"""Results as data: one CSV per task, a row per experiment, and the curves of its training beside it."""

from __future__ import annotations

import csv
import io
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from filelock import FileLock
from rich.console import Console

from onball.actions import ACTIONS
from onball.config import ExperimentConfig, load_config
from onball.data.joint import require_auxiliary_root
from onball.data.matches import LabelledMatch
from onball.errors import DataError
from onball.files import read_text, write_text_atomic
from onball.models import build_model, load_model
from onball.models.compute import choose_device, choose_precision
from onball.models.cost import cost_of
from onball.runs import RunFolder
from onball.training.module import TrainingSteps
from onball.training.run import load_split, train
from onball.training.validation import ValidationResult, validate

#: Columns in their order; AP per action follows. Figures of AP and mAP are in per cent.
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
#: Rows with these in common are the same experiment: a new one takes the place of the old one.
_KEY = ("config", "settings", "seed", "data")


def read_results(path: Path) -> list[dict[str, str]]:
    """The rows of a results file; none if it is not there.

    Raises `DataError` if it lacks a column that says which experiment a row is.
    """
    if not path.exists():
        return []
    reader = csv.DictReader(io.StringIO(read_text(path, DataError)))
    missing = [name for name in _KEY if name not in (reader.fieldnames or ())]
    if missing:
        raise DataError(f"{path}: has no column '{missing[0]}': is it a file of results?")
    return list(reader)


def add_result(path: Path, row: Mapping[str, str]) -> None:
    """Write a row into a results file, in the place of an earlier one of the same experiment.

    Several processes may do so at once: each waits for the others.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f".{path.name}.lock")):
        _write_with(path, row)


def _write_with(path: Path, row: Mapping[str, str]) -> None:
    rows = read_results(path)
    key = [row[name] for name in _KEY]
    places = [i for i, former in enumerate(rows) if [former[name] for name in _KEY] == key]
    if places:
        rows[places[0]] = dict(row)
    else:
        rows.append(dict(row))
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    write_text_atomic(path, text.getvalue())


def hardware() -> str:
    """The processor and, if there is one, the GPU that torch computes on."""
    import torch  # only here: tables are read and written without it

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


# --- One experiment: train, test the best model on the split `test`, write the row and th


#: Overlays in a folder of this name change what a net is given: that is another experiment.
TRACKS = "tracks"


@dataclass(frozen=True, slots=True)
class Experiment:
    """A config with what is put over it.

    Attributes:
        path: the YAML file.
        overlays: YAML files whose settings are put over it.
        settings: `a.b=c`, over all of them.
    """

    path: Path
    overlays: tuple[Path, ...] = ()
    settings: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """`<folder>/<file>` without suffix: `spotting/regnety_bilstm`.

        Other tracks make another experiment: `spotting/regnety_tracking+degraded`.
        """
        variants = [f"+{path.stem}" for path in self.variants]
        return "".join([f"{self.path.resolve().parent.name}/{self.path.stem}", *variants])

    @property
    def variants(self) -> list[Path]:
        """The overlays that name other tracks."""
        return [path for path in self.overlays if path.resolve().parent.name == TRACKS]

    def load(self) -> ExperimentConfig:
        """All settings. Raises `ConfigError`."""
        return load_config(self.path, self.settings, self.overlays)

    def check(self) -> None:
        """Raise what is wrong with the settings, and nothing else: no data are read, no weights.

        Raises `ConfigError`, for a component and its options, too.
        """
        config = self.load()
        if config.trains_jointly:
            require_auxiliary_root(config.data)
        with torch.device("meta"):
            build_model(config.model, config.task, fetch_weights=False)


def run_experiment(experiment: Experiment, runs: Path, results: Path) -> dict[str, str]:
    """Train (or go on training), test, and write `results/<task>.csv` and the training's curves.

    Args:
        experiment: what to do.
        runs: its run is the folder `<runs>/<name of the experiment>`, with `_seed1` and so on behind
            the name for a seed other than 0.
        results: folder of the tables; curves go to `<results>/curves/`, under the same name.

    Returns: the row.

    Raises what `train` raises; `DataError` if there is no split `test`.
    """
    config = experiment.load()
    console = Console(stderr=True)
    # Tested after hours of training: whether it can be must show before.
    matches = load_split(config.data, config.model, "test", console)
    seed = config.training.seed
    name = f"{experiment.name}_seed{seed}" if seed else experiment.name
    run_dir = runs / name
    model = train(config, run_dir=run_dir, resume=True)
    tested = test_model(model, config, matches)
    curves = read_text(RunFolder(run_dir).metrics, DataError)
    row = _row(experiment, config, tested, list(csv.DictReader(io.StringIO(curves))))
    write_text_atomic(results / "curves" / f"{name}.csv", curves)
    add_result(results / f"{config.task}.csv", row)
    return row


def test_model(
    folder: Path, config: ExperimentConfig, matches: Sequence[LabelledMatch]
) -> ValidationResult:
    """How good a saved model is on matches."""
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
    others = [path for path in experiment.overlays if path not in experiment.variants]
    over = [path.stem for path in others] + list(experiment.settings)
    scores = tested.evaluation.ap
    return {
        "config": experiment.name,
        "settings": "; ".join(text for text in over if not _has_own_place(text)),
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


def _has_own_place(setting: str) -> bool:
    """Settings that change no result, since they say where things lie, or that have a column."""
    others = ("data.root", "data.cache", "training.workers", "training.threads", "training.seed")
    return setting.partition("=")[0].strip() in others
