"""Folders of training runs and the names of the files in them.

    RUN/
        config.yaml               all settings of the experiment
        metrics.csv               one row per epoch
        tensorboard/              logs, if that logger is on
        checkpoints/last.ckpt     state to resume from
        checkpoints/failed.ckpt   state before the step whose loss was not finite
        model/                    saved model of the best epoch
        evaluation/SPLIT/         predictions on a split and their metrics

`onball.training` writes a run, `onball.spotting.evaluating` adds the evaluations, and
`onball.experiments` and `onball.reports` read both.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from onball.errors import DataError

_CONFIG_FILE = "config.yaml"


@dataclass(frozen=True, slots=True)
class EvaluationFolder:
    """A folder with the results of an evaluation.

    Attributes:
        path: the folder, which need not exist.
    """

    path: Path

    @property
    def metrics(self) -> Path:
        """JSON file with all metrics."""
        return self.path / "metrics.json"

    @property
    def predictions(self) -> Path:
        """Folder with `<match>/results_spotting.json` and `confidences.npz` of each match."""
        return self.path / "predictions"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The folder of a training run.

    Attributes:
        path: the folder, which need not exist yet; `open` requires a run in it.
        address: address of the run, if it is on a store and `path` is where it is trained in.
    """

    path: Path
    address: str | None = None

    def __str__(self) -> str:
        """The run as its user named it."""
        return self.address or str(self.path)

    @classmethod
    def open(cls, path: str | Path) -> RunFolder:
        """Return the folder of an existing run.

        Raises:
            DataError: the folder holds no training run.
        """
        if not is_run(path):
            raise DataError(
                f"{path}: no training run ({_CONFIG_FILE} is not there): name the folder that "
                "`onball train` wrote"
            )
        return cls(Path(path))

    @property
    def config(self) -> Path:
        """YAML file with all settings of the experiment."""
        return self.path / _CONFIG_FILE

    @property
    def metrics(self) -> Path:
        """CSV file with one row per epoch."""
        return self.path / "metrics.csv"

    @property
    def model(self) -> Path:
        """Folder of the saved model."""
        return self.path / "model"

    @property
    def last_checkpoint(self) -> Path:
        """State after the last complete epoch or the last step before an interruption."""
        return self.path / "checkpoints" / "last.ckpt"

    @property
    def failed_checkpoint(self) -> Path:
        """State before the step whose loss was not finite."""
        return self.path / "checkpoints" / "failed.ckpt"

    @property
    def has_results(self) -> bool:
        """True if there is a checkpoint, a saved model or a row of metrics in it."""
        model = self.model.is_dir() and any(self.model.iterdir())
        return model or self.last_checkpoint.is_file() or self.metrics.is_file()

    def clear(self) -> None:
        """Delete all files of the run, and its evaluations. Raises `OSError` if that fails."""
        for folder in ("tensorboard", "checkpoints", "model", "evaluation"):
            if (self.path / folder).exists():
                shutil.rmtree(self.path / folder)
        for file in (self.metrics, self.config):
            file.unlink(missing_ok=True)

    def evaluation(self, split: str) -> EvaluationFolder:
        """Return the folder with the results on a split of the data set."""
        return EvaluationFolder(self.path / "evaluation" / split)


def is_run(path: str | Path) -> bool:
    """Return True if `path` is the folder of a training run."""
    return (Path(path) / _CONFIG_FILE).is_file()


def find_model(path: str | Path) -> Path:
    """Return the folder of the saved model that a path names: of a run its model, else the path."""
    return RunFolder(Path(path)).model if is_run(path) else Path(path)
