"""`evaluate`: measure a training run, a saved model or prediction files on labelled matches.

This is the Python interface of `onball evaluate`. The metrics themselves are in
`onball.evaluation`.

The folder of an evaluation is recorded as `onball.outputs` describes: predictions match by match, so
that an interrupted evaluation continues, and `metrics.json`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from onball.actions import BALL_ACTIONS, ActionSet, EventLabel
from onball.config import DataConfig, load_config
from onball.data.classes import CLASSES_FILE, labelled_classes
from onball.data.layout import Match, find_matches, some_names
from onball.data.matches import read_video_labels
from onball.errors import DataError, InputError, ModelError
from onball.evaluation.classification import ClassificationResult, evaluate_classification
from onball.evaluation.files import (
    labelled_matches,
    predicted_classes,
    prediction_files,
    report_folder,
    unpacked,
)
from onball.evaluation.metrics import SpottingReport
from onball.evaluation.spotting import check_tolerances
from onball.events import EventList
from onball.files import (
    file_digest,
    fingerprint,
    read_json_object,
    require_writable,
    write_json_atomic,
)
from onball.formats.event_table import read_event_table
from onball.formats.soccernet import RESULTS_FILE, read_results, write_submission
from onball.hub import is_cached_path
from onball.models.finding import resolve_model
from onball.models.saved import CONFIG_FILE, WEIGHTS_FILE, model_fingerprint
from onball.outputs import (
    OutputConflictError,
    OutputState,
    check_outputs,
    record_outputs,
    write_once,
)
from onball.progress import ProgressCallback, no_progress
from onball.runs import EvaluationFolder, RunFolder, is_run
from onball.spotting.matches import classify_split, spot_matches
from onball.spotting.runtimes import Runtime, integer_suffix
from onball.spotting.spotter import Spotter


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Result of `evaluate`.

    Attributes:
        report: all metrics; None if the split has no labels here and only a submission was written.
        metrics: JSON file with the report; None if there is no report, or no folder for it.
        predictions: the prediction files; None for a clip classifier.
        submission: zip of the predictions, if one was asked for.
        reused: names of the matches that were not spotted again.
        was_done: True if `metrics` was there already.
        predicted_actions: actions that the model can predict; the AP of the others is 0. The
            evaluated ones for prediction files that onball did not write.
    """

    report: SpottingReport | ClassificationResult | None
    metrics: Path | None
    predictions: Path | None
    submission: Path | None = None
    reused: tuple[str, ...] = ()
    was_done: bool = False
    predicted_actions: tuple[EventLabel, ...] = BALL_ACTIONS.names


def evaluate(
    target: str | Path,
    data: str | Path | None = None,
    split: str = "test",
    *,
    tolerance_s: float = 1.0,
    out: str | Path | None = None,
    submission: str | Path | None = None,
    resamples: int = 1000,
    runtime: Runtime = "auto",
    device: str = "auto",
    threads: int | None = None,
    overwrite: bool = False,
    progress: ProgressCallback = no_progress,
) -> Evaluation:
    """Compute all metrics of a run, a saved model or prediction files, and write them as JSON.

    Matches that this model has spotted into the same folder are not spotted again.

    The evaluated actions are those of the labels, see `onball.data.classes.labelled_classes`: one
    that the model cannot predict has AP 0, and predictions of an action that the labels do not have
    are ignored.

    Args:
        target: a training run, the folder of a saved model, a folder or zip with
            `<match>/results_spotting.json` or `<match>/events.csv`, or one such file.
        data: folder of the data set with the labels; None takes that of a run's config. Prediction
            files need no video.
        split: `train`, `valid`, `test`, `challenge` or `all`.
        tolerance_s: δ in seconds; a prediction matches within ±δ/2.
        out: folder for `metrics.json`, and for the predictions of a run or model. By default
            `evaluation/<split>` in the run, in the folder of another model, or in that of the
            prediction files; the metrics of a zip or a single file are not written.
        submission: zip to write the predictions into.
        resamples: bootstrap resamples of the 95 % intervals; 0 computes no intervals.
        runtime: of a spotting model, see `Spotter.from_pretrained`.
        device: of a run or model: `auto`, `cpu`, `cuda`, `cuda:1`, `mps` …
        threads: CPU threads for all work together, see `onball.cores.choose_threads`.
        overwrite: spot and measure again, and replace what is there.
        progress: called while the matches are spotted or classified.

    Raises:
        InputError: `target` is none of these, no data set is known, or `OutputConflictError`: other
            results are in the way; DataError, LabelError, ModelError and VideoError for files that
            are missing or damaged.
        OnballError: a result cannot be written.
    """
    check_tolerances([tolerance_s])
    target = Path(target) if Path(target).exists() else resolve_model(target)
    if out is None and is_cached_path(target):
        raise InputError(
            f"{target}: is in the hub's cache: name a folder for the results with --out"
        )
    source = _identify(target, None if data is None else Path(data))
    if source.model is not None:
        source = replace(source, fingerprint=source.fingerprint + integer_suffix(runtime))
    root = source.data.root or Path()
    place = Path(out) if out is not None else source.home and source.home / split
    folder = None if place is None else EvaluationFolder(place)
    if folder is not None:
        require_writable(folder.path)
    if source.model is not None and source.task == "classification":
        if submission is not None:
            raise InputError(f"{target}: classifies clips, so there is no submission: drop --zip")
        assert folder is not None, "only prediction files may have no folder"
        return _evaluate_classifier(source, folder, split, device, threads, overwrite, progress)

    # Everything is checked before the first match is spotted.
    matches = find_matches(root, split) if submission is not None else labelled_matches(root, split)
    metrics_state = OutputState.MISSING
    request: dict[str, Any] = {}
    predicted = _predicted_classes(source, matches, split)
    require_common_classes(target, predicted, source.evaluated)
    if folder is not None:
        request = _request(source, matches, split)
        request |= {"tolerance": tolerance_s, "resamples": resamples}
        metrics = folder.metrics.name
        metrics_state = check_outputs(folder.path, [metrics], request, overwrite=overwrite)
    predictions, reused = source.predictions, tuple[str, ...]()
    if source.model is not None:
        assert folder is not None, "only prediction files may have no folder"
        predictions = folder.predictions
        todo = [match for match in matches if not _is_spotted(source, folder, match, overwrite)]
        reused = tuple(match.name for match in matches if match not in todo)
        if submission is not None and todo and Path(submission).exists() and not overwrite:
            raise OutputConflictError(f"{submission}: is there already: --overwrite replaces it")
        _spot(source, folder, todo, runtime, device, threads, progress)
    if submission is not None:
        submission = Path(submission)
        events = _read_predictions(predictions, matches, root, split, source.evaluated)
        write_once(submission, lambda path: write_submission(events, path), overwrite=overwrite)
        if all(match.labels is None for match in matches):
            return Evaluation(None, None, predictions, submission, reused)
    report = report_folder(
        predictions, root, split, tolerance_s, actions=source.evaluated, resamples=resamples
    )
    names = (source.evaluated if predicted is None else predicted).names
    if folder is None:
        return Evaluation(report, None, predictions, submission, predicted_actions=names)
    if metrics_state is OutputState.MISSING:
        write_json_atomic(folder.metrics, {"split": split, **report.as_json()})
        record_outputs(folder.path, [folder.metrics.name], request)
    was_done = metrics_state is not OutputState.MISSING
    return Evaluation(report, folder.metrics, predictions, submission, reused, was_done, names)


@dataclass(frozen=True, slots=True)
class _Source:
    """Origin of the predictions to evaluate.

    Attributes:
        data: the data set, and how clips are cut from it.
        home: folder for the results of each split; None for a zip or a single file.
        predictions: the prediction files, if there is no model.
        model: folder of the saved model; None for prediction files.
        task: `spotting` or `classification`.
        takes_tracks: True if the model takes tracks.
        fingerprint: digest of the model's files; empty for prediction files.
        predicts: actions that the model predicts; None for prediction files.
        evaluated: actions of the labels.
    """

    data: DataConfig
    home: Path | None
    predictions: Path
    model: Path | None = None
    task: str = "spotting"
    takes_tracks: bool = False
    fingerprint: str = ""
    predicts: ActionSet | None = None
    evaluated: ActionSet = BALL_ACTIONS


def _identify(target: Path, data: Path | None) -> _Source:
    """Tell runs, models and prediction files apart.

    Raises:
        InputError: the target does not exist, or no data set is known.
        ModelError: a run has no saved model yet, or a model is incomplete.
    """
    if not target.exists():
        raise InputError(f"{target}: no such file or folder: name a run, a model or predictions")
    settings, model, owner = DataConfig(), target, target
    if is_run(target):
        run = RunFolder(target)
        settings, model = load_config(run.config).data, run.model
        if not (model / CONFIG_FILE).is_file():
            raise ModelError(f"{model}: no saved model yet; train on with --resume")
    elif is_run(parent := target.absolute().parent) and RunFolder(parent).model.name == target.name:
        owner = target.parent
    if data is not None:
        settings = settings.model_copy(update={"root": data})
    if settings.root is None:
        raise InputError(f"{target}: no data set to compare with: name it with --data")
    home = owner / "evaluation"
    if not (model / CONFIG_FILE).is_file():
        if (target / WEIGHTS_FILE).is_file():
            raise ModelError(f"{target}: no saved model here ({CONFIG_FILE} is missing)")
        evaluated = labelled_classes(settings.root)
        return _Source(settings, home if target.is_dir() else None, target, evaluated=evaluated)
    saved = read_json_object(model / CONFIG_FILE, ModelError)
    net = saved.get("model")
    takes_tracks = bool(saved.get("crop") or (isinstance(net, dict) and net.get("tracking")))
    task = str(saved.get("task", "spotting"))
    fingerprint = _model_fingerprint(model)
    classes = net.get("classes") if isinstance(net, dict) else None
    predicts = BALL_ACTIONS
    if classes is not None:
        predicts = ActionSet.from_json(classes, source=str(model / CONFIG_FILE))
    trained_here = same_folder(training_data(model), settings.root)
    evaluated = labelled_classes(settings.root, predicts, trained_here=trained_here)
    return _Source(
        settings, home, target, model, task, takes_tracks, fingerprint, predicts, evaluated
    )


def training_data(model: Path) -> Path | None:
    """Return the data set that a saved model was trained on; None if it is not in its run."""
    parent = model.absolute().parent
    if not is_run(parent) or RunFolder(parent).model.name != model.name:
        return None
    return load_config(RunFolder(parent).config).data.root


def same_folder(one: str | Path | None, other: str | Path) -> bool:
    """Return True if two paths, of which the first may be None, name one folder."""
    return one is not None and Path(one).resolve() == Path(other).resolve()


def require_common_classes(target: Path, predicted: ActionSet | None, evaluated: ActionSet) -> None:
    """Raise `DataError` if none of the predicted classes is one of the labels."""
    if predicted is not None and not any(label in evaluated for label in predicted):
        raise DataError(
            f"{target}: predicts {some_names(predicted.names)}, but the labels have "
            f"{some_names(evaluated.names)}: no class in common; labels of other classes need a "
            f"{CLASSES_FILE} in the data set, which lists them"
        )


def _model_fingerprint(model: Path) -> str:
    try:
        return model_fingerprint(model)
    except OSError as error:
        raise ModelError(f"{model}: cannot be read ({error.strerror}): {error.filename}") from None


def _predicted_classes(source: _Source, matches: Sequence[Match], split: str) -> ActionSet | None:
    """Return the classes that can be predicted, None if unknown; check labels and prediction files.

    Raises:
        DataError: a match has no prediction file, or its labels are those of several videos.
        LabelError: a damaged file.
    """
    root = source.data.root or Path()
    if source.model is None:
        with unpacked(source.predictions, matches) as folder:
            files, _ = prediction_files(folder, matches, root, split)
            return predicted_classes(files)
    for match in matches:
        if match.labels is not None:
            read_video_labels(match, root, source.evaluated)
    return source.predicts


# What results depend on


def _request(source: _Source, matches: Sequence[Match], split: str) -> dict[str, Any]:
    """Values that the metrics of a split depend on, apart from settings."""
    root = source.data.root or Path()
    request: dict[str, Any] = {
        "data": root.resolve().name,
        "split": split,
        "labels": _digest(match.labels for match in matches if match.labels is not None),
    }
    if source.evaluated != BALL_ACTIONS:
        request["classes"] = list(source.evaluated)
        request["headline"] = list(source.evaluated.headline)
    if source.model is not None:
        return {"model": source.fingerprint} | request
    with unpacked(source.predictions, matches) as folder:
        files, _ = prediction_files(folder, matches, root, split)
        return {"predictions": _digest(files)} | request


def _match_request(source: _Source, match: Match) -> dict[str, Any]:
    """Values that the predictions of a match depend on."""
    assert source.model is not None, "prediction files do not depend on anything"
    video = match.require_video()
    request = {"model": source.fingerprint, "video": fingerprint(video)[:12]}
    tracks = video.with_name(source.data.tracks)
    if source.takes_tracks and tracks.is_file():
        request["tracks"] = file_digest(tracks)[:12]
    return request


def _is_spotted(source: _Source, folder: EvaluationFolder, match: Match, overwrite: bool) -> bool:
    """Return True if a match has the predictions of this model."""
    request = _match_request(source, match)
    state = check_outputs(folder.path, [_result_file(match)], request, overwrite=overwrite)
    return state is not OutputState.MISSING


def _result_file(match: Match) -> str:
    """Prediction file of a match, relative to the folder of the evaluation."""
    return f"predictions/{match.name}/{RESULTS_FILE}"


def _digest(files: Iterable[Path]) -> str:
    """Short digest of the contents of files, in their order."""
    digests = " ".join(file_digest(file) for file in files)
    return hashlib.sha256(digests.encode()).hexdigest()[:12]


# Results


def _spot(
    source: _Source,
    folder: EvaluationFolder,
    matches: Sequence[Match],
    runtime: Runtime,
    device: str,
    threads: int | None,
    progress: ProgressCallback,
) -> None:
    """Write and record the predictions of each match."""
    if not matches or source.model is None:
        return
    spotted = spot_matches(
        Spotter.from_pretrained(source.model, runtime=runtime, device=device, threads=threads),
        matches,
        tracks=source.data.tracks,
        out=folder.predictions,
        progress=progress,
    )
    for match, _ in zip(matches, spotted, strict=True):
        record_outputs(folder.path, [_result_file(match)], _match_request(source, match))


def _evaluate_classifier(
    source: _Source,
    folder: EvaluationFolder,
    split: str,
    device: str,
    threads: int | None,
    overwrite: bool,
    progress: ProgressCallback,
) -> Evaluation:
    """Measure a clip classifier, or read its metrics if they are there."""
    assert source.model is not None and source.predicts is not None
    predicted = source.predicts
    require_common_classes(source.model, predicted, source.evaluated)
    root = source.data.root or Path()
    request = _request(source, labelled_matches(root, split), split)
    state = check_outputs(folder.path, [folder.metrics.name], request, overwrite=overwrite)
    if state is not OutputState.MISSING:
        content = read_json_object(folder.metrics, DataError)
        try:
            result = ClassificationResult.from_json(content, source.evaluated)
        except DataError as error:
            raise DataError(f"{folder.metrics}: {error}: --overwrite writes it again") from None
        return Evaluation(
            result, folder.metrics, None, was_done=True, predicted_actions=predicted.names
        )
    clips = classify_split(
        source.model,
        source.data,
        split,
        actions=source.evaluated,
        device=device,
        threads=threads,
        progress=progress,
    )
    result = evaluate_classification(
        clips.present, clips.scores, actions=source.evaluated, predicted=predicted
    )
    write_json_atomic(folder.metrics, result.as_json())
    record_outputs(folder.path, [folder.metrics.name], request)
    return Evaluation(result, folder.metrics, None, predicted_actions=predicted.names)


def _read_predictions(
    predictions: Path, matches: Sequence[Match], root: Path, split: str, actions: ActionSet
) -> dict[str, EventList]:
    """Predictions of each match by its name, in the order of their files."""
    with unpacked(predictions, matches) as folder:
        files, _ = prediction_files(folder, matches, root, split)
        return {
            match.name: read_event_table(file, actions)
            if file.suffix.lower() == ".csv"
            else read_results(file, file_order=True, actions=actions)
            for match, file in zip(matches, files, strict=True)
        }
