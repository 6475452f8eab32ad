"""`onball train`: a model from a config and labelled matches."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onball.cli import console
from onball.errors import MissingDependencyError


def train(
    config: Annotated[
        Path, typer.Argument(help="A YAML file, for example from configs/spotting/.")
    ],
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a setting: --set training.epochs=5 (repeatable)."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="The data set; short for --set data.root=….")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the run; else runs/<name of the config>.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the run stopped.")] = False,
) -> None:
    """Train a model; the run's folder gets checkpoints, logs and the saved model."""
    from onball.config import load_config

    try:
        from onball.training.run import train as run_training
    except ImportError as error:
        package = (error.name or "lightning").partition(".")[0]
        raise MissingDependencyError(package, "train", "Training") from error

    settings = list(overrides or [])
    if data is not None:
        settings.append(f"data.root={data}")
    run_dir = out or Path("runs") / config.stem
    model = run_training(load_config(config, settings), run_dir=run_dir, resume=resume)
    console.console.print(f"Saved model: {model}", highlight=False)
    console.console.print(f"Next: onball spot VIDEO --model {model}", highlight=False)
