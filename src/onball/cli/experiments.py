"""`onball experiments run`: train and test several configs, one after the other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from onball.cli import console, options
from onball.cli.train import training_progress
from onball.errors import InputError, OnballError


def run(
    configs: Annotated[
        list[str],
        typer.Argument(metavar="CONFIG…", help="YAML files, or names that `onball configs` lists."),
    ],
    data: Annotated[Path, options.data("The data set: splits train, valid and test.")],
    overlays: Annotated[
        list[str] | None,
        options.overlays("A YAML file or overlay put over each config: budgets/cpu (repeatable)."),
    ] = None,
    overrides: Annotated[
        list[str] | None,
        options.settings("A setting to change in each: --set training.seed=1 (repeatable)."),
    ] = None,
    runs: Annotated[
        Path, typer.Option("--runs", metavar="FOLDER", help="Folder of the runs.")
    ] = Path("runs"),
    results: Annotated[
        Path, typer.Option("--results", metavar="FOLDER", help="Folder of the tables of results.")
    ] = Path("results"),
    skip_failing: Annotated[
        bool,
        typer.Option(
            "--skip-failing",
            help="Leave out configs that fail the check before training, instead of training none.",
        ),
    ] = False,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite", help="Train configs again whose row is there, and replace their runs."
        ),
    ] = False,
    device: options.Device = "auto",
) -> None:
    """Train each config, test its best model, and write a row of results with its curves.

    All configs are checked before the first is trained. A run that was interrupted is resumed, and
    a config with a row of results is skipped. If one fails during training, the others go on; the
    exit code is then 1.
    """
    from onball.config import find_config

    settings = (f"data.root={json.dumps(str(data), ensure_ascii=False)}", *(overrides or []))
    from onball.experiments import Experiment, check_experiments, run_experiment
    from onball.training.trainer import training_device

    training_device(device)
    over = tuple(find_config(name) for name in overlays or ())
    experiments = [Experiment(find_config(name), over, settings) for name in configs]
    failing = check_experiments(experiments, runs, results, overwrite=overwrite)
    if failing and len(experiments) == 1:
        raise failing[experiments[0]]
    for error in failing.values():
        console.fail(str(error))
    if failing and not skip_failing:
        raise InputError(
            f"{len(failing)} of {len(experiments)} configs cannot be trained, and none was: leave "
            "them out by --skip-failing"
        )
    rows, failed = [], len(failing)
    for number, experiment in enumerate(experiments, 1):
        if experiment in failing:
            continue
        finished = None if overwrite else experiment.finished_row(results)
        if finished is not None:
            console.note(
                f"{number}/{len(experiments)} {experiment.name}: skipped, its row is in {results}/ "
                "(--overwrite trains it again)"
            )
            rows.append(finished)
            continue
        console.note(f"{number}/{len(experiments)} {experiment.name}")
        try:
            with training_progress() as (progress, on_epoch):
                row = run_experiment(
                    experiment,
                    runs,
                    results,
                    overwrite=overwrite,
                    device=device,
                    progress=progress,
                    on_epoch=on_epoch,
                )
            rows.append(row)
        except OnballError as error:
            if error.exit_code == 130:  # the user wants to stop
                raise
            console.fail(f"{experiment.name}: {error}")
            failed += 1
    if rows:
        console.console.print(_table(rows))
        console.say(f"Rows: {results}/*.csv   Curves: {results}/curves/")
    if failed:
        raise OnballError(f"{failed} of {len(experiments)} experiments failed")


def _table(rows: list[dict[str, str]]) -> Table:
    from onball.evaluation.average_precision import MEAN_NAMES

    names = {key: name for key, name in MEAN_NAMES.items() if any(key in row for row in rows)}
    table = Table(box=None, pad_edge=False)
    table.add_column("config")
    for column in (*names.values(), "parameters", "GFLOPs", "minutes"):
        table.add_column(column, justify="right")
    for row in rows:
        minutes = float(row["wall_time_s"]) / 60
        table.add_row(
            row["config"],
            *(row.get(key, "") for key in names),
            f"{int(row['parameters']):,}",
            row["gflops"],
            f"{minutes:.0f}",
        )
    return table
