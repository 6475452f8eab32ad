"""Training runs as a report shows them, and their evaluation on a split.

`read_runs` reads settings, epochs and cost of each run. `evaluate_spotter` and `evaluate_classifier`
measure a run on the matches of a split; they take predictions that are on disk already, from
`onball evaluate` or an earlier report, and otherwise run the model and keep what it predicts.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from onball.actions import BALL_ACTIONS, ActionSet, EventLabel
from onball.config import ExperimentConfig, load_config
from onball.data.classes import read_labels_of
from onball.data.layout import Match
from onball.errors import ConfigError, DataError
from onball.evaluation.average_precision import MeanAP, headline_key
from onball.evaluation.bootstrap import Intervals
from onball.evaluation.classification import ClassificationResult, evaluate_classification
from onball.evaluation.metrics import SpottingReport, report_spotting
from onball.events import EventList
from onball.files import atomic_path, file_digest, fingerprint, read_json_object, read_text
from onball.formats.soccernet import RESULTS_FILE, read_results
from onball.models import load_model
from onball.models.cost import NetCost, cost_of
from onball.models.saved import CONFIG_FILE, WEIGHTS_FILE
from onball.progress import ProgressCallback, no_progress
from onball.runs import RunFolder
from onball.spotting.matches import classify_split, spot_matches
from onball.spotting.spotter import Spotter

#: Name of the file with the predictions of a clip classifier.
_CLIPS_FILE = "clips.npz"
#: Smallest number of matches to resample whole matches for intervals. With fewer, resamples hardly
#: differ; blocks of 5 minutes are resampled instead.
_MIN_MATCHES = 5


@dataclass(frozen=True, slots=True)
class Epoch:
    """A row of `metrics.csv`. Values of the validation are None for epochs without one.

    Attributes:
        epoch: number of the epoch, from 1.
        step: optimizer steps so far.
        train_loss: mean over the epoch.
        valid_loss: loss on the split `valid`.
        map_headline: on the split `valid`, 0 to 1.
        seconds: duration.
    """

    epoch: int
    step: int
    train_loss: float
    valid_loss: float | None
    map_headline: float | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Run:
    """A training run.

    Attributes:
        name: shortest part of its path that is unique in the report.
        folder: folder of the run.
        config: all settings.
        actions: actions that its model predicts.
        epochs: completed epochs.
        cost: size and arithmetic operations of its net, for one clip.
    """

    name: str
    folder: RunFolder
    config: ExperimentConfig
    actions: ActionSet
    epochs: tuple[Epoch, ...]
    cost: NetCost


def read_runs(folders: Sequence[Path]) -> list[Run]:
    """Read training runs and check that each can be evaluated.

    Raises:
        ConfigError: a folder is given twice, or has unknown settings.
        DataError: a folder holds no run, or a run has no completed epoch.
        ModelError: the saved model is missing or damaged.
    """
    names = _unique_names(folders)
    return [_read(folder, name) for folder, name in zip(folders, names, strict=True)]


def _read(folder: Path, name: str) -> Run:
    run = RunFolder.open(folder)
    config = load_config(run.config)
    epochs = _read_epochs(run.metrics)
    # A damaged model must be reported now, not after hours of spotting with the other runs.
    _, saved = load_model(run.model, config.task)
    return Run(name, run, config, saved.actions, epochs, cost_of(config))


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

    headline = headline_key(row)
    if headline is None:
        raise KeyError("map10")
    return Epoch(
        epoch=int(row["epoch"]),
        step=int(row["step"]),
        train_loss=float(row["train_loss"]),
        valid_loss=maybe("valid_loss"),
        map_headline=maybe(headline),
        seconds=float(row["seconds"]),
    )


def _unique_names(folders: Sequence[Path]) -> list[str]:
    """Shorten paths to as few of their last parts as keep them distinct."""
    places = [folder.resolve() for folder in folders]
    twice = [folder for i, folder in enumerate(folders) if places[i] in places[:i]]
    if twice:
        raise ConfigError(f"{twice[0]}: given twice")
    parts = [place.parts for place in places]
    depth = 1
    while len({p[-depth:] for p in parts}) < len(parts):
        depth += 1
    return ["/".join(p[-depth:]) for p in parts]


@dataclass(frozen=True, slots=True)
class Means(MeanAP):
    """Average precision of a run of either task.

    Attributes:
        actions: the evaluated actions.
        ap: AP of each, 0 to 1.
        counts: number of labels of each action; of a classifier, number of clips with the action.
        intervals: 95 % interval of each mean by its key, if there are any.
    """

    actions: ActionSet
    ap: dict[EventLabel, float]
    counts: dict[EventLabel, int]
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EvaluatedMatch:
    """Labels and predictions of a match; `video` is None if there is no video file."""

    name: str
    video: Path | None
    truth: EventList
    predictions: EventList


@dataclass(frozen=True, slots=True)
class EvaluatedSpotting:
    """Results of a spotting run on the matches of a split."""

    run: Run
    matches: tuple[EvaluatedMatch, ...]
    report: SpottingReport

    @property
    def intervals(self) -> Intervals | None:
        """95 % intervals over matches, or over blocks of 5 minutes if there are few matches."""
        over = self.report.intervals
        if len(self.matches) >= _MIN_MATCHES and over.get("matches") is not None:
            return over["matches"]
        return over.get("blocks")

    @property
    def means(self) -> Means:
        """AP at the tolerance of the report."""
        result, intervals = self.report.result, self.intervals
        return Means(
            result.actions, result.ap, result.truth_counts, intervals.means if intervals else {}
        )


@dataclass(frozen=True, slots=True)
class EvaluatedClips:
    """Results of a clip classifier on the clips of a split."""

    run: Run
    result: ClassificationResult

    @property
    def means(self) -> Means:
        """AP as scikit-learn computes it."""
        result = self.result
        return Means(result.actions, result.ap, result.positives)


Evaluated = EvaluatedSpotting | EvaluatedClips


def evaluate_spotter(
    run: Run,
    split: str,
    matches: Sequence[Match],
    root: Path,
    cache: Path,
    *,
    actions: ActionSet = BALL_ACTIONS,
    device: str = "auto",
    progress: ProgressCallback = no_progress,
) -> EvaluatedSpotting:
    """Compare the predictions of a spotting run with the labels.

    Args:
        run: run of a spotting net.
        split: name of the split.
        matches: matches of the split, with labels.
        root: data set of the split.
        cache: folder of the predictions of earlier reports; new ones are added.
        actions: actions of the labels, over which the run is evaluated.
        device: device of the net.
        progress: called for each match that is spotted, with the milliseconds done.
    """
    truth = [
        replace(read_labels_of(m.require_labels(), root, actions), match=m.name) for m in matches
    ]
    folder = _existing_predictions(run, split, truth)
    if folder is None:
        folder = cache / _fingerprint(run, matches)
        missing = [m for m in matches if not (folder / m.name / RESULTS_FILE).is_file()]
        if missing:
            spotter = Spotter.from_pretrained(run.folder.model, device=device)
            tracks = run.config.data.tracks
            for _ in spot_matches(spotter, missing, tracks=tracks, out=folder, progress=progress):
                pass
    # Predictions are read back in any case: `onball evaluate` measures what the files contain.
    predictions = [
        read_results(folder / m.name / RESULTS_FILE, file_order=True, actions=actions)
        for m in matches
    ]
    evaluated = tuple(
        EvaluatedMatch(match.name, match.video, labels, found)
        for match, labels, found in zip(matches, truth, predictions, strict=True)
    )
    return EvaluatedSpotting(run, evaluated, report_spotting(truth, predictions, actions=actions))


def evaluate_classifier(
    run: Run,
    split: str,
    matches: Sequence[Match],
    root: Path,
    cache: Path,
    *,
    actions: ActionSet = BALL_ACTIONS,
    device: str = "auto",
    progress: ProgressCallback = no_progress,
) -> EvaluatedClips:
    """Compare the predictions of a clip classifier with the labels of consecutive clips.

    Args: those of `evaluate_spotter`, and
        progress: called with the number of matches done.
    """
    path = cache / _fingerprint(run, matches, actions) / _CLIPS_FILE
    if not path.is_file():
        data = run.config.data.model_copy(update={"root": root})
        classified = classify_split(
            run.folder.model, data, split, actions=actions, device=device, progress=progress
        )
        with atomic_path(path) as temporary:
            np.savez_compressed(temporary, present=classified.present, scores=classified.scores)
    with np.load(path, allow_pickle=False) as clips:
        result = evaluate_classification(
            clips["present"], clips["scores"], actions=actions, predicted=run.actions
        )
    return EvaluatedClips(run, result)


def _existing_predictions(run: Run, split: str, truth: Sequence[EventList]) -> Path | None:
    """Return the folder of the predictions of `onball evaluate`, if they are of this model and split."""
    evaluation = run.folder.evaluation(split)
    metrics, predictions = evaluation.metrics, evaluation.predictions
    files = [metrics, *(predictions / match.match / RESULTS_FILE for match in truth)]
    if not all(file.is_file() for file in files):
        return None
    trained = (run.folder.model / WEIGHTS_FILE).stat().st_mtime
    if min(file.stat().st_mtime for file in files) < trained:
        return None
    # Matches of different simulated data sets have the same names, but not the same labels.
    counted = sum((match.counts() for match in truth), Counter[EventLabel]())
    result = read_json_object(metrics, DataError).get("result", {})
    labels = {name: n for name, n in result.get("labels", {}).items() if n}
    return predictions if labels == {a.value: n for a, n in counted.items()} else None


def _fingerprint(run: Run, matches: Sequence[Match], actions: ActionSet = BALL_ACTIONS) -> str:
    """Return a folder name that depends on the model, the videos and the actions of clips."""
    digest = hashlib.sha256()
    for file in (CONFIG_FILE, WEIGHTS_FILE):
        digest.update(file_digest(run.folder.model / file).encode())
    for match in matches:
        digest.update(f"{match.name} {fingerprint(match.require_video())} ".encode())
    if actions != BALL_ACTIONS:
        digest.update("\n".join(actions).encode())
    return f"{run.folder.path.resolve().name}-{digest.hexdigest()[:16]}"
