"""Training runs as a report sees them: their settings, their epochs, what their nets cost."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from onball.config import ExperimentConfig, load_config
from onball.errors import ConfigError, DataError
from onball.files import read_text
from onball.models import load_classifier, load_model
from onball.models.measure import NetCost, cost_of

CONFIG_FILE, METRICS_FILE, MODEL_FOLDER = "config.yaml", "metrics.csv", "model"


@dataclass(frozen=True, slots=True)
class Epoch:
    """A row of `metrics.csv`; None where nothing was validated.

    Attributes:
        epoch: from 1.
        step: optimizer steps so far.
        train_loss: mean over the epoch.
        valid_loss: of the split `valid`.
        map12, map10: of the split `valid`, 0 to 1.
        seconds: how long it took.
    """

    epoch: int
    step: int
    train_loss: float
    valid_loss: float | None
    map12: float | None
    map10: float | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Run:
    """A training run.

    Attributes:
        name: tells it from the other runs of the report.
        folder: where it lies.
        config: all its settings.
        epochs: those that are done.
        cost: of its net, for one clip.
    """

    name: str
    folder: Path
    config: ExperimentConfig
    epochs: tuple[Epoch, ...]
    cost: NetCost

    @property
    def model(self) -> Path:
        """The folder of the saved model."""
        return self.folder / MODEL_FOLDER


def read_runs(folders: Sequence[Path]) -> list[Run]:
    """The runs in these folders, each looked at as a whole: nothing breaks later on.

    Raises `ConfigError`, `DataError` or `ModelError` with one line that names the run that cannot
    be used: a folder that is none or is given twice, unknown settings, no epoch, a broken model.
    """
    names = _short_names(folders)
    return [_read(folder, name) for folder, name in zip(folders, names, strict=True)]


def _read(folder: Path, name: str) -> Run:
    if not (folder / CONFIG_FILE).is_file():
        raise DataError(
            f"{folder}: no training run ({CONFIG_FILE} is not there): name the folder that "
            "`onball train` wrote"
        )
    config = load_config(folder / CONFIG_FILE)
    epochs = _read_epochs(folder / METRICS_FILE)
    # Loaded to see that it can be: hours of spotting other runs must not end here.
    if config.task == "spotting":
        load_model(folder / MODEL_FOLDER)
    else:
        load_classifier(folder / MODEL_FOLDER)
    return Run(name, folder, config, epochs, cost_of(config))


def _read_epochs(path: Path) -> tuple[Epoch, ...]:
    rows = list(csv.DictReader(io.StringIO(read_text(path, DataError))))
    if not rows:
        raise DataError(f"{path}: no epoch in it: has the training begun?")
    try:
        return tuple(_epoch(row) for row in rows)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: not the table that `onball train` writes ({error!r})") from None


def _epoch(row: dict[str, str]) -> Epoch:
    def maybe(key: str) -> float | None:
        return float(row[key]) if row[key] else None

    return Epoch(
        epoch=int(row["epoch"]),
        step=int(row["step"]),
        train_loss=float(row["train_loss"]),
        valid_loss=maybe("valid_loss"),
        map12=maybe("map12"),
        map10=maybe("map10"),
        seconds=float(row["seconds"]),
    )


def _short_names(folders: Sequence[Path]) -> list[str]:
    """The last parts of the folders' paths, as few as tell them apart."""
    places = [folder.resolve() for folder in folders]
    twice = [folder for i, folder in enumerate(folders) if places[i] in places[:i]]
    if twice:
        raise ConfigError(f"{twice[0]}: given twice")
    parts = [place.parts for place in places]
    depth = 1
    while len({p[-depth:] for p in parts}) < len(parts):
        depth += 1
    return ["/".join(p[-depth:]) for p in parts]
