"""`evaluate`: measure a training run, a saved model or prediction files on labelled matches.

This is the Python interface of `onball evaluate`. The metrics themselves are in
`onball.evaluation`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from onball.config import DataConfig, load_config
from onball.data.layout import Match, find_matches
from onball.errors import InputError, ModelError
from onball.evaluation.classification import ClassificationResult, evaluate_classification
from onball.evaluation.files import prediction_files, report_folder, unpacked
from onball.evaluation.metrics import SpottingReport
from onball.files import read_json_object, require_writable, write_json_atomic
from onball.formats.soccernet import read_results, write_submission
from onball.models.saved import CONFIG_FILE, WEIGHTS_FILE
from onball.progress import ProgressCallback, no_progress
from onball.runs import EvaluationFolder, RunFolder, is_run
from onball.spotting.matches import classify_split, spot_matches
from onball.spotting.spotter import Spotter


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Result of `evaluate`.

    Attributes:
        report: all metrics; None if the split has no labels here and only a submission was written.
        metrics: JSON file with the report; None if there is no report.
        predictions: the prediction files; None for a clip classifier.
        submission: zip of the predictions, if one was asked for.
    """

    report: SpottingReport | ClassificationResult | None
    metrics: Path | None
    predictions: Path | None
    submission: Path | None = None


def evaluate(
    target: str | Path,
    data: str | Path | None = None,
    split: str = "test",
    *,
    tolerance: float = 1.0,
    out: str | Path | None = None,
    submission: str | Path | None = None,
    resamples: int = 1000,
    device: str = "auto",
    progress: ProgressCallback = no_progress,
) -> Evaluation:
    """Compute all metrics of a run, a saved model or prediction files, and write them as JSON.

    Args:
        target: a training run, the folder of a saved model, a folder or zip with
            `<match>/results_spotting.json`, or one such file.
        data: folder of the data set with the labels; None takes that of a run's config. Prediction
            files need no video.
        split: `train`, `valid`, `test`, `challenge` or `all`.
        tolerance: δ in seconds; a prediction matches within ±δ/2.
        out: folder for `metrics.json`, and for the predictions of a run or model. By default
            `<run>/evaluation/<split>`, for a model in the folder that holds it, or the folder that
            holds the prediction files.
        submission: zip to write the predictions into.
        resamples: bootstrap resamples of the 95 % intervals; 0 computes no intervals.
        device: of a run or model: `auto`, `cpu`, `cuda`, `cuda:1`, `mps` …
        progress: called while the matches are spotted or classified.

    Raises:
        InputError: `target` is none of these, or no data set is known; DataError, LabelError,
            ModelError and VideoError for files that are missing or damaged.
        OnballError: a result cannot be written.
    """
    source = _identify(Path(target), None if data is None else Path(data))
    folder = EvaluationFolder(source.home if out is None else Path(out))
    if out is None and source.model is not None:
        folder = RunFolder(source.home).evaluation(split)
    require_writable(folder.path)
    root = source.data.root or Path()
    if source.model is not None and source.task == "classification":
        if submission is not None:
            raise InputError(f"{target}: classifies clips, so there is no submission: drop --zip")
        clips = classify_split(source.model, source.data, split, device=device, progress=progress)
        result = evaluate_classification(clips.present, clips.scores)
        write_json_atomic(folder.metrics, result.as_json())
        return Evaluation(result, folder.metrics, None)

    matches = find_matches(root, split)
    predictions = source.predictions
    if source.model is not None:
        predictions = folder.predictions
        spotter = Spotter.from_pretrained(source.model, device=device)
        spotted = spot_matches(
            spotter, matches, tracks=source.data.tracks, out=predictions, progress=progress
        )
        for _ in spotted:
            pass
    if submission is not None:
        submission = Path(submission)
        _write_submission(predictions, matches, split, submission)
        if all(match.labels is None for match in matches):
            return Evaluation(None, None, predictions, submission)
    report = report_folder(predictions, root, split, tolerance, resamples=resamples)
    write_json_atomic(folder.metrics, {"split": split, **report.as_json()})
    return Evaluation(report, folder.metrics, predictions, submission)


@dataclass(frozen=True, slots=True)
class _Source:
    """Origin of the predictions to evaluate.

    Attributes:
        task: `spotting` or `classification`.
        data: the data set, and how clips are cut from it.
        model: folder of the saved model; None for prediction files.
        predictions: the prediction files, if there is no model.
        home: the run, or the folder that holds the model or the prediction files.
    """

    task: str
    data: DataConfig
    model: Path | None
    predictions: Path
    home: Path


def _identify(target: Path, data: Path | None) -> _Source:
    """Tell runs, models and prediction files apart.

    Raises:
        InputError: the target does not exist, or no data set is known.
        ModelError: a run has no saved model yet, or a model is incomplete.
    """
    if not target.exists():
        raise InputError(f"{target}: no such file or folder: name a run, a model or predictions")
    model = target
    settings, home = DataConfig(), target.absolute().parent
    if is_run(target):
        run = RunFolder(target)
        settings, model, home = load_config(run.config).data, run.model, target
        if not (model / CONFIG_FILE).is_file():
            raise ModelError(f"{model}: no saved model yet; train on with --resume")
    if data is not None:
        settings = settings.model_copy(update={"root": data})
    if settings.root is None:
        raise InputError(f"{target}: which labels? Name the data set with --data")
    if not (model / CONFIG_FILE).is_file():
        if (target / WEIGHTS_FILE).is_file():
            raise ModelError(f"{target}: no saved model here ({CONFIG_FILE} is missing)")
        return _Source("spotting", settings, None, target, home)
    saved = read_json_object(model / CONFIG_FILE, ModelError)
    return _Source(str(saved.get("task", "spotting")), settings, model, target, home)


def _write_submission(predictions: Path, matches: Sequence[Match], split: str, path: Path) -> None:
    with unpacked(predictions) as folder:
        files, _ = prediction_files(folder, matches, split)
        events = [read_results(file, file_order=True) for file in files]
    write_submission(dict(zip([match.name for match in matches], events, strict=True)), path)
