"""`onball`: the commands, and what every command does with errors."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from onball import __version__
from onball.cli import console
from onball.cli.demo import demo
from onball.cli.doctor import doctor
from onball.cli.evaluate import evaluate
from onball.cli.spot import spot
from onball.cli.synth import synth
from onball.cli.train import train
from onball.errors import OnballError

app = typer.Typer(
    name="onball",
    help="Finds ball actions in football video.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (demo, spot, train, evaluate, synth, doctor):
    app.command()(command)


def _version(wanted: bool) -> None:
    if wanted:
        console.console.print(f"onball {__version__}", highlight=False)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    console.show_warnings()


def main() -> None:
    """Runs the command line; exits with 2 for bad input, 1 for failed work, 130 if interrupted."""
    try:
        app(standalone_mode=True)
    except OnballError as error:
        console.fail(str(error))
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        console.fail("interrupted")
        sys.exit(130)


if __name__ == "__main__":
    main()
