"""`onball evaluate`: the SoccerNet metric on prediction files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from onball.actions import ACTIONS
from onball.cli import console

if TYPE_CHECKING:
    from onball.evaluation import SpottingResult


def evaluate(
    predictions: Annotated[
        Path,
        typer.Argument(help="Folder with <match>/results_spotting.json, or one such file."),
    ],
    data: Annotated[Path, typer.Option(help="The data set with the labels; no video is needed.")],
    split: Annotated[str, typer.Option(help="train, valid, test, challenge or all.")] = "test",
    tolerance: Annotated[
        float, typer.Option(min=0.04, help="Tolerance in seconds; 1 means within ±0.5 s.")
    ] = 1.0,
) -> None:
    """Measure predictions: mAP12, mAP10 and AP per action, as SoccerNet's own evaluator does."""
    from onball.evaluation import evaluate_folder

    result = evaluate_folder(predictions, data, split, tolerance)
    console.console.print(result_table(result))


def result_table(result: SpottingResult) -> Table:
    """AP per action and the means, in per cent."""
    table = Table(
        title=f"AP within ±{result.tolerance_s / 2:g} s, in per cent", title_justify="left",
        box=None, pad_edge=False,
    )  # fmt: skip
    table.add_column("action")
    for column in ("AP", "exact AP", "labelled", "predicted"):
        table.add_column(column, justify="right")
    for action in ACTIONS:
        table.add_row(
            f"[{action.colour}]■[/] {action}",
            f"{100 * result.ap[action]:.2f}",
            f"{100 * result.exact_ap[action]:.2f}",
            str(result.truth_counts[action]),
            str(result.prediction_counts[action]),
        )
    table.add_section()
    table.add_row("[bold]mAP12[/]", f"[bold]{100 * result.map12:.2f}[/]")
    table.add_row("[bold]mAP10[/]", f"[bold]{100 * result.map10:.2f}[/]")
    return table
