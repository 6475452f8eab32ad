"""Training runs as a report sees them: their settings, their epochs, what their nets cost."""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from onball.actions import Action
from onball.config import ExperimentConfig, load_config
from onball.data.layout import Match
from onball.errors import ConfigError, DataError
from onball.evaluation.bootstrap import Intervals
from onball.evaluation.classification import ClassificationResult, evaluate_classification
from onball.evaluation.metrics import SpottingReport, report_spotting
from onball.events import EventList
from onball.files import atomic_path, file_digest, fingerprint, read_json_object, read_text
from onball.formats.soccernet import RESULTS_FILE, read_labels, read_results
from onball.models import load_model
from onball.models.cost import NetCost, cost_of
from onball.models.saved import CONFIG_FILE, WEIGHTS_FILE
from onball.progress import ProgressCallback
from onball.runs import RunFolder
from onball.spotting.matches import classify_split, spot_matches
from onball.spotting.spotter import Spotter


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
        return RunFolder(self.folder).model


def read_runs(folders: Sequence[Path]) -> list[Run]:
    """The runs in these folders, each looked at as a whole: nothing breaks later on.

    Raises `ConfigError`, `DataError` or `ModelError` with one line that names the run that cannot
    be used: a folder that is none or is given twice, unknown settings, no epoch, a broken model.
    """
    names = _short_names(folders)
    return [_read(folder, name) for folder, name in zip(folders, names, strict=True)]


def _read(folder: Path, name: str) -> Run:
    run = RunFolder.open(folder)
    config = load_config(run.config)
    epochs = _read_epochs(run.metrics)
    # Loaded to see that it can be: hours of spotting other runs must not end here.
    load_model(run.model, config.task)
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


# --- What a report tells of a run: its predictions on a split and how good they are.


Progress = Callable[[str, float], None]
"""Called with what is being done and how much of it is done, 0 to 1."""

#: From so many matches on intervals are over matches; fewer are too coarse to draw from.
_ENOUGH_MATCHES = 5


@dataclass(frozen=True, slots=True)
class Means:
    """What both tasks have.

    Attributes:
        ap: of each action, 0 to 1.
        counts: how many labels (of a classifier: clips with it) each action has.
        map12, map10: means of the AP.
        map12_interval, map10_interval: 95 % intervals, if there are any.
    """

    ap: dict[Action, float]
    counts: dict[Action, int]
    map12: float
    map10: float
    map12_interval: tuple[float, float] | None = None
    map10_interval: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class SpottedMatch:
    """A match with its labels and what a run found in it; `video` is None if it is not there."""

    name: str
    video: Path | None
    truth: EventList
    predictions: EventList


@dataclass(frozen=True, slots=True)
class EvaluatedSpotting:
    """A spotting run on the matches of a split."""

    run: Run
    matches: tuple[SpottedMatch, ...]
    report: SpottingReport

    @property
    def intervals(self) -> Intervals | None:
        """Over matches, or over 5-minute blocks where matches are few."""
        over = self.report.intervals
        if len(self.matches) >= _ENOUGH_MATCHES and over.get("matches") is not None:
            return over["matches"]
        return over.get("blocks")

    @property
    def means(self) -> Means:
        """At the report's tolerance."""
        result, intervals = self.report.result, self.intervals
        return Means(
            result.ap,
            result.truth_counts,
            result.map12,
            result.map10,
            intervals.map12 if intervals else None,
            intervals.map10 if intervals else None,
        )


@dataclass(frozen=True, slots=True)
class EvaluatedClips:
    """A clip classifier on the clips of a split."""

    run: Run
    result: ClassificationResult

    @property
    def means(self) -> Means:
        """AP in steps, as scikit-learn computes it."""
        result = self.result
        return Means(result.ap, result.positives, result.map12, result.map10)


Evaluated = EvaluatedSpotting | EvaluatedClips


def evaluate_spotter(
    run: Run, split: str, matches: Sequence[Match], kept: Path, progress: Progress, device: str
) -> EvaluatedSpotting:
    """Spot the matches, or read what was spotted before, and compare with their labels.

    Args:
        run: of a spotting net.
        split: the name of the matches' split.
        matches: with labels.
        kept: folder of all predictions; those of this model on these films get their own in it.
        progress: told of each match that is spotted.
        device: for the net.
    """
    truth = [replace(read_labels(m.require_labels()), match=m.name) for m in matches]
    folder = _evaluated_before(run, split, truth)
    if folder is None:
        folder = kept / _key(run, matches)
        missing = [m for m in matches if not (folder / m.name / RESULTS_FILE).is_file()]
        if missing:
            spotter = Spotter.from_pretrained(run.model, device=device)
            tracks, show = run.config.data.tracks, _named(run.name, progress)
            for _ in spot_matches(spotter, missing, tracks=tracks, out=folder, progress=show):
                pass
    # Read back in any case: what a file says is what `onball evaluate` measures.
    predictions = [read_results(folder / m.name / RESULTS_FILE, file_order=True) for m in matches]
    spotted = tuple(
        SpottedMatch(match.name, match.video, labels, found)
        for match, labels, found in zip(matches, truth, predictions, strict=True)
    )
    return EvaluatedSpotting(run, spotted, report_spotting(truth, predictions))


def evaluate_classifier(
    run: Run, split: str, matches: Sequence[Match], root: Path, kept: Path, progress: Progress,
    device: str,
) -> EvaluatedClips:  # fmt: skip
    """Classify the clips of the matches, or read what was classified before.

    Arguments as of `evaluate_spotter`; the matches are those of `split` in the data set `root`.
    """
    path = kept / _key(run, matches) / "clips.npz"
    if not path.is_file():
        data = run.config.data.model_copy(update={"root": root})
        show = _named(run.name, progress)
        classified = classify_split(run.model, data, split, device=device, progress=show)
        with atomic_path(path) as aside:
            np.savez_compressed(aside, present=classified.present, scores=classified.scores)
    with np.load(path, allow_pickle=False) as clips:
        return EvaluatedClips(run, evaluate_classification(clips["present"], clips["scores"]))


def _evaluated_before(run: Run, split: str, truth: Sequence[EventList]) -> Path | None:
    """Where `onball evaluate` left its predictions of this model for these labels, if it did."""
    evaluation = RunFolder(run.folder).evaluation(split)
    metrics, predictions = evaluation.metrics, evaluation.predictions
    files = [metrics, *(predictions / match.match / RESULTS_FILE for match in truth)]
    if not all(file.is_file() for file in files):
        return None
    trained = (run.model / WEIGHTS_FILE).stat().st_mtime
    if min(file.stat().st_mtime for file in files) < trained:
        return None
    # Simulated data sets give their matches the same names; their labels differ.
    counted = sum((match.counts() for match in truth), Counter[Action]())
    result = read_json_object(metrics, DataError).get("result", {})
    labels = {name: n for name, n in result.get("labels", {}).items() if n}
    return predictions if labels == {a.value: n for a, n in counted.items()} else None


def _named(run: str, progress: Progress) -> ProgressCallback:
    """Report the progress of spotting a run's matches under the name of the run."""
    return lambda step: progress(f"{run}: {step.task}", step.fraction or 0.0)


def _key(run: Run, matches: Sequence[Match]) -> str:
    """A name that hangs on the weights, the settings and the beginnings and ends of the films."""
    digest = hashlib.sha256()
    for file in (CONFIG_FILE, WEIGHTS_FILE):
        digest.update(file_digest(run.model / file).encode())
    for match in matches:
        digest.update(f"{match.name} {fingerprint(match.require_video())} ".encode())
    return f"{run.folder.resolve().name}-{digest.hexdigest()[:16]}"
