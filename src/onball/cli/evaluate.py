"""`onball evaluate`: metrics of a run, a saved model or prediction files on labelled matches."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from onball.actions import EventLabel
from onball.cli import console, options
from onball.cli.models import fetched
from onball.data.layout import some_names

if TYPE_CHECKING:
    from onball.evaluation import ClassificationResult, SpottingReport, SpottingResult


LEGEND = (
    "δ is the full width of the tolerance window: at δ = 1 s a prediction counts within ±0.5 s of its "
    "label. tight, loose: mean over δ of 1 to 5 s, 5 to 60 s. exact AP: every confidence is a "
    "threshold, instead of 200 fixed ones. See docs/evaluation.md."
)


def evaluate(
    target: Annotated[
        Path,
        typer.Argument(
            metavar="TARGET",
            help="A training run, a saved model (by folder or name), a folder or zip with "
            "<match>/results_spotting.json (or events.csv), or one such file.",
            show_default=False,
        ),
    ],
    data: Annotated[
        Path | None,
        options.data(
            "Data set with the labels; prediction files need no video. [default: that of the run]"
        ),
    ] = None,
    split: Annotated[str, options.split()] = "test",
    tolerance: Annotated[
        float,
        typer.Option(
            "--tolerance",
            min=0.04,
            metavar="SECONDS",
            help="Full width of the tolerance window: 1 means within ±0.5 s.",
        ),
    ] = 1.0,
    out: Annotated[
        Path | None,
        options.out(
            "Folder for metrics.json, and for the predictions of a run or model; the metrics of a "
            "zip or file are not written without it. [default: TARGET/evaluation/<split>]"
        ),
    ] = None,
    submission: Annotated[
        Path | None,
        typer.Option(
            "--zip", metavar="FILE", help="Also write the predictions as a submission to SoccerNet."
        ),
    ] = None,
    resamples: Annotated[
        int,
        typer.Option(
            "--resamples",
            min=0,
            metavar="N",
            help="Resamples of the 95 % intervals; 0 leaves them out.",
        ),
    ] = 1000,
    runtime: options.Runtime = "auto",
    device: options.Device = "auto",
    threads: options.Threads = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Measure predictions: mAP12, mAP10 and AP per action, as SoccerNet's own evaluator does.

    Labels of other classes, listed in classes.txt of the data set, are measured over those.
    """
    from onball.evaluation import ClassificationResult
    from onball.spotting.evaluating import evaluate as run_evaluation
    from onball.spotting.runtimes import find_runtime

    target = fetched(target)
    with console.progress_bar() as progress:
        evaluation = run_evaluation(
            target,
            data,
            split,
            tolerance_s=tolerance,
            out=out,
            submission=submission,
            resamples=resamples,
            runtime=find_runtime(runtime),
            device=device,
            threads=threads,
            overwrite=overwrite,
            progress=progress,
        )
    if evaluation.reused:
        names = some_names(evaluation.reused)
        console.say(f"Spotted already by this model: {names}; --overwrite does it again")
    if evaluation.submission is not None:
        console.say(f"Submission: {evaluation.submission}")
    report = evaluation.report
    if report is None:
        console.say(f"'{split}' has no labels here, so nothing is measured.")
        return
    console.note_classes(evaluation.predicted_actions, report.actions.names)
    if isinstance(report, ClassificationResult):
        console.console.print(classification_table(report))
    else:
        console.console.print(result_table(report.result, report.lowest_confidence))
        console.console.print(summary_table(report))
        console.console.print(LEGEND, style="dim", highlight=False)
    if evaluation.metrics is None:
        console.say("--out FOLDER writes all figures as metrics.json")
    else:
        done = " (is there already)" if evaluation.was_done else ""
        console.say(f"All figures: {evaluation.metrics}{done}")


def result_table(result: SpottingResult, lowest_confidence: float | None = None) -> Table:
    """Table of AP per action and the means, in per cent.

    Args:
        result: the figures.
        lowest_confidence: of all predictions, which are more than those that people are shown.
    """
    from onball.evaluation.average_precision import means_of

    title = f"AP at δ = {result.tolerance_s:g} s, in per cent"
    table = _table(title, "action", "AP", "exact AP", "labelled", "predicted")
    if lowest_confidence is not None:
        least = math.floor(100 * lowest_confidence) / 100
        table.caption = f"predicted: all events with confidence ≥ {least:g}"
        table.caption_justify = "left"
    for action in result.actions:
        table.add_row(
            _coloured(action),
            _percent(result.ap[action]),
            _percent(result.exact_ap[action]),
            str(result.truth_counts[action]),
            str(result.prediction_counts[action]),
        )
    table.add_section()
    for mean in means_of(result.actions):
        value, exact = _percent(mean.of(result.ap)), _percent(mean.of(result.exact_ap))
        table.add_row(f"[bold]{mean.name}[/]", f"[bold]{value}[/]", exact)
    return table


def summary_table(report: SpottingReport) -> Table:
    """Table of the means at every tolerance, their intervals, and metrics at the best thresholds."""
    from onball.evaluation.average_precision import means_of

    means = means_of(report.actions)
    table = _table("All tolerances, in per cent", "", *(mean.name for mean in means))
    rows: dict[str, Any] = {f"δ = {r.tolerance_s:g} s": r for r in report.results}
    rows |= {"tight": report.tight, "loose": report.loose}
    if (
        report.teams is not None and report.teams.map_all > 0
    ):  # 0 for a model that predicts no teams
        rows[f"with teams, δ = {report.tolerance_s:g} s"] = report.teams
    for name, row in rows.items():
        table.add_row(name, *(_percent(mean.of(row.ap)) for mean in means))
    for interval in report.intervals.values():
        if interval is not None:
            name = f"95 % over {interval.units} {interval.unit}, δ = {report.tolerance_s:g} s"
            spans = (f"{_percent(low)}–{_percent(high)}" for low, high in interval.means.values())
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
    """Table of the AP of clips per action and the means, in per cent."""
    from onball.evaluation.average_precision import means_of

    title = f"AP of {result.clips} clips, in per cent"
    table = _table(title, "action", "AP", "PR-AUC", "clips with it")
    for action in result.actions:
        figures = _percent(result.ap[action]), _percent(result.pr_auc[action])
        table.add_row(_coloured(action), *figures, str(result.positives[action]))
    table.add_section()
    for mean in means_of(result.actions):
        table.add_row(f"[bold]{mean.name}[/]", f"[bold]{_percent(mean.of(result.ap))}[/]")
    return table


def _table(title: str, names: str, *figures: str) -> Table:
    """Table with a column of names and columns of figures."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column(names)
    for figure in figures:
        table.add_column(figure, justify="right")
    return table


def _coloured(action: EventLabel) -> str:
    return f"[{action.colour}]■[/] {escape(action)}"


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.2f}"
