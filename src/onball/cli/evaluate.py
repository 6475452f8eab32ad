"""`onball evaluate`: how good a run, a saved model or prediction files are on labelled matches."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from onball.actions import ACTIONS
from onball.cli import console
from onball.errors import InputError, ModelError
from onball.progress import Progress
from onball.runs import EvaluationFolder, RunFolder, is_run

if TYPE_CHECKING:
    from onball.config import DataConfig
    from onball.data.layout import Match
    from onball.evaluation import ClassificationResult, SpottingReport, SpottingResult


def evaluate(
    target: Annotated[
        Path,
        typer.Argument(
            help="A training run, a saved model, a folder or zip with <match>/results_spotting.json, "
            "or one such file."
        ),
    ],
    data: Annotated[
        Path | None,
        typer.Option(
            help="The data set with the labels; a run has its own. Prediction files need no video."
        ),
    ] = None,
    split: Annotated[str, typer.Option(help="train, valid, test, challenge or all.")] = "test",
    tolerance: Annotated[
        float, typer.Option(min=0.04, help="Tolerance in seconds; 1 means within ±0.5 s.")
    ] = 1.0,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for metrics.json, and for the predictions of a run or model; else beside "
            "the prediction files, or <run>/evaluation/<split>."
        ),
    ] = None,
    submission: Annotated[
        Path | None, typer.Option("--zip", help="Also write the predictions as a submission.")
    ] = None,
    resamples: Annotated[
        int, typer.Option(min=0, help="Resamples of the 95 % intervals; 0 leaves them out.")
    ] = 1000,
    device: Annotated[str, typer.Option(help="Of a run or model: auto, cpu, cuda …")] = "auto",
) -> None:
    """Measure predictions: mAP12, mAP10 and AP per action, as SoccerNet's own evaluator does."""
    from onball.files import require_writable, write_json_atomic

    work = _understood(target, data)
    place = EvaluationFolder(out or work.home)
    if out is None and work.model is not None:
        place = RunFolder(work.home).evaluation(split)
    require_writable(place.path)
    if work.task == "classification":
        if submission is not None:
            raise InputError(f"{target}: classifies clips, so there is no submission: drop --zip")
        clips = _classified(work, split, device)
        write_json_atomic(place.metrics, clips.as_json())
        console.console.print(classification_table(clips))
        console.say(f"All figures: {place.metrics}")
        return

    from onball.data.layout import find_matches
    from onball.evaluation import report_folder

    matches = find_matches(work.data.root or Path(), split)
    predictions = work.predictions
    if work.model is not None:
        predictions = place.predictions
        _spot_matches(work.model, matches, work.data.tracks, predictions, device)
    if submission is not None:
        _write_zip(predictions, matches, split, submission)
        if all(match.labels is None for match in matches):
            console.say(f"'{split}' has no labels here, so nothing is measured.")
            return
    report = report_folder(
        predictions, work.data.root or Path(), split, tolerance, resamples=resamples
    )
    write_json_atomic(place.metrics, {"split": split, **report.as_json()})
    console.console.print(result_table(report.result))
    console.console.print(summary_table(report))
    console.say(f"All figures: {place.metrics}")


@dataclass(frozen=True, slots=True)
class _Work:
    """What there is to evaluate.

    Attributes:
        task: spotting or classification.
        data: where the matches are, and how clips are cut from them.
        model: folder of the saved model; None for prediction files.
        predictions: the prediction files, or where they lie.
        home: where results go unless told otherwise.
    """

    task: str
    data: DataConfig
    model: Path | None
    predictions: Path
    home: Path


def _understood(target: Path, data: Path | None) -> _Work:
    """What the target is. Raises `InputError` if it is nothing, or no data set is known."""
    from onball.config import DataConfig, load_config
    from onball.files import read_json_object

    if not target.exists():
        raise InputError(f"{target}: no such file or folder: name a run, a model or predictions")
    run, model = RunFolder(target), target
    settings, home = DataConfig(), target.absolute().parent
    if is_run(target):
        settings, model, home = load_config(run.config).data, run.model, target
        if not (model / "config.json").is_file():
            raise ModelError(f"{model}: no saved model yet; train on with --resume")
    if data is not None:
        settings = settings.model_copy(update={"root": data})
    if settings.root is None:
        raise InputError(f"{target}: which labels? Name the data set with --data")
    if not (model / "config.json").is_file():
        if (target / "model.safetensors").is_file():
            raise ModelError(f"{target}: no saved model here (config.json is missing)")
        return _Work("spotting", settings, None, target, home)
    saved = read_json_object(model / "config.json", ModelError)
    return _Work(str(saved.get("task", "spotting")), settings, model, target, home)


def _spot_matches(
    model: Path, matches: list[Match], tracks: str, folder: Path, device: str
) -> None:
    """Write `<folder>/<match>/results_spotting.json` of all matches."""
    from onball.cli.spot import spot_with_progress
    from onball.formats.soccernet import RESULTS_FILE, write_results
    from onball.spotting.spotter import Spotter

    videos = {match.name: match.require_video() for match in matches}
    spotter = Spotter.from_pretrained(model, device=device)
    for name, video in videos.items():
        events = spot_with_progress(spotter, video, name, tracks=video.with_name(tracks))
        write_results(events, folder / name / RESULTS_FILE)


def _write_zip(predictions: Path, matches: list[Match], split: str, path: Path) -> None:
    from onball.evaluation.files import prediction_files, unpacked
    from onball.formats.soccernet import read_results, write_submission

    with unpacked(predictions) as place:
        files, _ = prediction_files(place, matches, split)
        events = [read_results(file, file_order=True) for file in files]
    write_submission(dict(zip([match.name for match in matches], events, strict=True)), path)
    console.say(f"Submission: {path}")


def _classified(work: _Work, split: str, device: str) -> ClassificationResult:
    from onball.data.matches import load_matches
    from onball.evaluation import evaluate_classification
    from onball.models import load_classifier
    from onball.models.compute import choose_device, choose_precision
    from onball.spotting.matches import classify_matches

    net, saved = load_classifier(work.model or Path())
    data = saved.sampling(work.data)
    place = choose_device(device)
    precision = choose_precision("auto", place)
    matches = load_matches(data, split, model=saved.model)
    with console.progress_bar() as progress:

        def show(done: int, name: str) -> None:
            progress(Progress(name, done, len(matches), "matches"))

        clips = classify_matches(net.to(place), matches, data.clip_frames, precision, show)
    return evaluate_classification(clips.present, clips.scores)


def result_table(result: SpottingResult) -> Table:
    """AP per action and the means, in per cent."""
    table = _table(f"AP within ±{result.tolerance_s / 2:g} s, in per cent")
    for column in ("AP", "exact AP", "labelled", "predicted"):
        table.add_column(column, justify="right")
    for action in ACTIONS:
        table.add_row(
            f"[{action.colour}]■[/] {action}",
            _percent(result.ap[action]),
            _percent(result.exact_ap[action]),
            str(result.truth_counts[action]),
            str(result.prediction_counts[action]),
        )
    table.add_section()
    for name in ("map12", "map10"):
        value, exact = getattr(result, name), getattr(result, f"exact_{name}")
        table.add_row(f"[bold]{_title(name)}[/]", f"[bold]{_percent(value)}[/]", _percent(exact))
    return table


def summary_table(report: SpottingReport) -> Table:
    """The means at every tolerance, their intervals, and what the best thresholds give."""
    table = _table("All tolerances, in per cent")
    table.columns[0].header = ""
    for column in ("mAP12", "mAP10"):
        table.add_column(column, justify="right")
    rows: dict[str, Any] = {f"δ = {r.tolerance_s:g} s": r for r in report.results}
    rows |= {"tight": report.tight, "loose": report.loose}
    if report.teams is not None and report.teams.map12 > 0:  # else the model tells no teams
        rows[f"with teams, δ = {report.tolerance_s:g} s"] = report.teams
    for name, row in rows.items():
        table.add_row(name, _percent(row.map12), _percent(row.map10))
    for interval in report.intervals.values():
        if interval is not None:
            name = f"95 % over {interval.units} {interval.unit}, δ = {report.tolerance_s:g} s"
            spans = [
                f"{_percent(low)}–{_percent(high)}"
                for low, high in (interval.map12, interval.map10)
            ]
            table.add_row(name, *spans)
    shown, timing = report.shown, report.timing
    table.add_section()
    table.add_row("at best thresholds: precision", _percent(shown.precision))
    table.add_row("recall", _percent(shown.recall))
    table.add_row("F1", _percent(shown.f1))
    if timing.median_ms is not None:
        table.add_row("median timing error", f"{timing.median_ms:+.0f} ms")
    return table


def classification_table(result: ClassificationResult) -> Table:
    """AP of clips per action and the means, in per cent."""
    table = _table(f"AP of {result.clips} clips, in per cent")
    for column in ("AP", "PR-AUC", "clips with it"):
        table.add_column(column, justify="right")
    for action in ACTIONS:
        table.add_row(
            f"[{action.colour}]■[/] {action}",
            _percent(result.ap[action]),
            _percent(result.pr_auc[action]),
            str(result.positives[action]),
        )
    table.add_section()
    for name in ("map12", "map10"):
        table.add_row(f"[bold]{_title(name)}[/]", f"[bold]{_percent(getattr(result, name))}[/]")
    return table


def _table(title: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("action")
    return table


def _percent(share: float) -> str:
    return f"{100 * share:.2f}"


def _title(name: str) -> str:
    return f"mAP{name.removeprefix('map')}"
