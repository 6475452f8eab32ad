"""`onball evaluate`: metrics of a run, a saved model or prediction files on labelled matches."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from onball.actions import ACTIONS, Action
from onball.cli import console

if TYPE_CHECKING:
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
    device: Annotated[
        str, typer.Option(help="Device, if TARGET is a run or model: auto, cpu, cuda …")
    ] = "auto",
) -> None:
    """Measure predictions: mAP12, mAP10 and AP per action, as SoccerNet's own evaluator does."""
    from onball.evaluation import ClassificationResult
    from onball.spotting.evaluating import evaluate as run_evaluation

    with console.progress_bar() as progress:
        evaluation = run_evaluation(
            target,
            data,
            split,
            tolerance=tolerance,
            out=out,
            submission=submission,
            resamples=resamples,
            device=device,
            progress=progress,
        )
    if evaluation.submission is not None:
        console.say(f"Submission: {evaluation.submission}")
    report = evaluation.report
    if report is None:
        console.say(f"'{split}' has no labels here, so nothing is measured.")
        return
    if isinstance(report, ClassificationResult):
        console.console.print(classification_table(report))
    else:
        console.console.print(result_table(report.result))
        console.console.print(summary_table(report))
    console.say(f"All figures: {evaluation.metrics}")


def result_table(result: SpottingResult) -> Table:
    """Table of AP per action and the means, in per cent."""
    title = f"AP within ±{result.tolerance_s / 2:g} s, in per cent"
    table = _table(title, "action", "AP", "exact AP", "labelled", "predicted")
    for action in ACTIONS:
        table.add_row(
            _coloured(action),
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
    """Table of the means at every tolerance, their intervals, and metrics at the best thresholds."""
    table = _table("All tolerances, in per cent", "", "mAP12", "mAP10")
    rows: dict[str, Any] = {f"δ = {r.tolerance_s:g} s": r for r in report.results}
    rows |= {"tight": report.tight, "loose": report.loose}
    if report.teams is not None and report.teams.map12 > 0:  # 0 for a model that predicts no teams
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
    """Table of the AP of clips per action and the means, in per cent."""
    title = f"AP of {result.clips} clips, in per cent"
    table = _table(title, "action", "AP", "PR-AUC", "clips with it")
    for action in ACTIONS:
        figures = _percent(result.ap[action]), _percent(result.pr_auc[action])
        table.add_row(_coloured(action), *figures, str(result.positives[action]))
    table.add_section()
    for name in ("map12", "map10"):
        table.add_row(f"[bold]{_title(name)}[/]", f"[bold]{_percent(getattr(result, name))}[/]")
    return table


def _table(title: str, names: str, *figures: str) -> Table:
    """Table with a column of names and columns of figures."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column(names)
    for figure in figures:
        table.add_column(figure, justify="right")
    return table


def _coloured(action: Action) -> str:
    return f"[{action.colour}]■[/] {action}"


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.2f}"


def _title(name: str) -> str:
    return f"mAP{name.removeprefix('map')}"
