"""`onball experiments run`: train and test several configs, one after the other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from onball.cli import console
from onball.cli.train import training_progress
from onball.errors import OnballError


def run(
    configs: Annotated[
        list[str], typer.Argument(help="YAML files, or names of those that come with onball.")
    ],
    data: Annotated[Path, typer.Option(help="The data set: splits train, valid and test.")],
    overlays: Annotated[
        list[str] | None,
        typer.Option("--with", help="A YAML file put over each config: budgets/cpu (repeatable)."),
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a setting of each: --set training.seed=1 (repeatable)."),
    ] = None,
    runs: Annotated[Path, typer.Option(help="Folder of the runs.")] = Path("runs"),
    results: Annotated[Path, typer.Option(help="Folder of the tables.")] = Path("results"),
) -> None:
    """Train each config, test its best model, and write a row of results with its curves.

    A run that was interrupted is resumed; one that is complete is only tested again.
    """
    from onball.config import find_config

    settings = [f"data.root={json.dumps(str(data), ensure_ascii=False)}", *(overrides or [])]
    from onball.experiments import Experiment, run_experiment

    over = tuple(find_config(name) for name in overlays or ())
    experiments = [Experiment(find_config(name), over, tuple(settings)) for name in configs]
    for experiment in experiments:
        experiment.check()  # an error in the last config is reported before the first is trained
    rows, failed = [], []
    for number, experiment in enumerate(experiments, 1):
        console.note(f"{number}/{len(experiments)} {experiment.name}")
        try:
            with training_progress() as (progress, on_epoch):
                row = run_experiment(
                    experiment, runs, results, progress=progress, on_epoch=on_epoch
                )
            rows.append(row)
        except OnballError as error:
            if error.exit_code == 130:  # the user wants to stop
                raise
            console.fail(f"{experiment.name}: {error}")
            failed.append((experiment.name, error))
    if rows:
        console.console.print(_table(rows))
        console.say(f"Rows: {results}/*.csv   Curves: {results}/curves/")
    if failed:
        worst = OnballError(f"{len(failed)} of {len(experiments)} experiments failed")
        worst.exit_code = max(error.exit_code for _, error in failed)
        raise worst


def _table(rows: list[dict[str, str]]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("config")
    for column in ("mAP12", "mAP10", "parameters", "GFLOPs", "minutes"):
        table.add_column(column, justify="right")
    for row in rows:
        minutes = float(row["wall_time_s"]) / 60
        table.add_row(
            row["config"],
            row["map12"],
            row["map10"],
            f"{int(row['parameters']):,}",
            row["gflops"],
            f"{minutes:.0f}",
        )
    return table
