"""`onball`: the commands, and what every command does with errors."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Annotated, Any

import typer

from onball import __version__
from onball.cli import console
from onball.cli.calibrate import calibrate
from onball.cli.data import check, download, stats
from onball.cli.demo import demo
from onball.cli.doctor import doctor
from onball.cli.evaluate import evaluate
from onball.cli.experiments import run as run_experiments
from onball.cli.report import report
from onball.cli.simulate import simulate
from onball.cli.spot import spot
from onball.cli.track import track
from onball.cli.train import train
from onball.errors import OnballError

app = typer.Typer(
    name="onball",
    help="Finds ball actions in football video.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _guarded(command: Callable[..., None]) -> Callable[..., None]:
    """The command, with its errors and its interruption as one line and an exit code."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except OnballError as error:
            console.fail(str(error))
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt:
            console.fail("interrupted")
            raise typer.Exit(130) from None

    return run


for command in (demo, spot, track, train, evaluate, report, calibrate, simulate, doctor):
    app.command()(_guarded(command))

data = typer.Typer(help="Get, check and look at labelled matches.", no_args_is_help=True)


for data_command in (download, check, stats):
    data.command()(_guarded(data_command))
app.add_typer(data, name="data")

experiments = typer.Typer(help="Train and compare many configs.", no_args_is_help=True)
experiments.command("run")(_guarded(run_experiments))
app.add_typer(experiments, name="experiments")


@experiments.callback()
def _experiments() -> None:
    """Train and compare many configs."""


def _version(wanted: bool) -> None:
    if wanted:
        console.console.print(f"onball {__version__}", highlight=False)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
    imports: Annotated[
        list[str] | None,
        typer.Option(
            "--import", help="A Python module that registers components of your own (repeatable)."
        ),
    ] = None,
) -> None:
    console.show_warnings()
    for name in imports or ():
        _import(name)


def _import(name: str) -> None:
    """Import a module of the user's, from the Python path or the working directory."""
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name.partition(".")[0] and error.name != name:
            raise
        console.fail(f"--import {name}: no such module here or on the Python path")
        raise typer.Exit(2) from None


def main() -> None:
    """Runs the command line; exits with 2 for bad input, 1 for failed work, 130 if interrupted."""
    app()


if __name__ == "__main__":
    main()
