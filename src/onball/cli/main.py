"""Entry point of the command line: the commands, their errors and exit codes.

`onball --help` imports no command: each is registered with its one-line help, and its module is
imported when the command runs or shows its own help.
"""

from __future__ import annotations

import functools
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from traceback import format_exc
from types import FrameType
from typing import Annotated, Any, ClassVar

import typer
from typer.core import TyperCommand

from onball import __version__
from onball.cli import console
from onball.cli.help import Command, Group
from onball.cores import disable_spinning
from onball.errors import OnballError
from onball.files import DISK_FULL

COMMANDS = {
    "demo": (
        "onball.cli.demo:demo",
        "Spot the bundled simulated match with the bundled model, and compare with its labels.",
        "onball demo",
    ),
    "spot": (
        "onball.cli.spot:spot",
        "Find the ball actions in videos; writes results_spotting.json and events.csv for each.",
        "onball spot match.mp4 --threshold 0.5",
    ),
    "live": (
        "onball.cli.live:live",
        "Find ball actions while a match is played; writes events as lines of JSON to standard output.",
        "onball live rtsp://camera.local/main --model runs/mine --http --record match.mkv",
    ),
    "events": (
        "onball.cli.events:events",
        "List, filter and convert events that were found: another threshold takes no second run.",
        "onball events onball-results --threshold 0.4 --actions shot,goal",
    ),
    "convert": (
        "onball.cli.convert:convert",
        "Convert events to files of other programs: tagging, video editors, subtitles, spreadsheets.",
        "onball convert onball-results/match --to sportscode,srt --lead 5,shot=8",
    ),
    "view": (
        "onball.cli.view:view",
        "Look at matches with their events in the browser, and correct them.",
        "onball view match.mp4 onball-results/match",
    ),
    "corrections apply": (
        "onball.cli.corrections:apply",
        "Turn corrected events into labels to train on, and say how well they agreed.",
        "onball corrections apply onball-results/match --out data/club/match/Labels-ball.json",
    ),
    "clips": (
        "onball.cli.clips:clips",
        "Cut a clip of each event out of its video, exact to the frame; call again to continue.",
        "onball clips onball-results/match match.mp4 --actions shot,goal --lead 8 --reel",
    ),
    "summary": (
        "onball.cli.summary:summary",
        "Write one HTML page on a match: timeline, counts, chains of possession, shots and goals.",
        "onball summary onball-results/match match.mp4",
    ),
    "index": (
        "onball.cli.index:index",
        "Write the events of many matches into one Parquet file, for `onball query`.",
        "onball index onball-results --out events.parquet",
    ),
    "query": (
        "onball.cli.query:query",
        "Count, filter and export the events of an index with SQL; it is never changed.",
        'onball query "SELECT team, action, count(*) FROM events GROUP BY ALL" --out counts.csv',
    ),
    "track": (
        "onball.cli.track:track",
        "Find and follow players and ball; writes tracks.parquet for each video.",
        "onball track match.mp4",
    ),
    "ballnet render": (
        "onball.cli.ballnet:render",
        "Render excerpts of simulated matches, on which the ball network is trained.",
        "onball ballnet render --out data/excerpts",
    ),
    "ballnet train": (
        "onball.cli.ballnet:train",
        "Train the ball network of `onball track` on excerpts of simulated matches.",
        "onball ballnet train data/excerpts --out runs/ballnet",
    ),
    "train": (
        "onball.cli.train:train",
        "Train a model; the run's folder gets checkpoints, logs and the saved model.",
        "onball train spotting/regnety_bilstm --data data/bench",
    ),
    "features": (
        "onball.cli.features:features",
        "Compute a model's features of every frame once; `onball train --features` trains heads on them.",
        "onball features data/club --model runs/regnety_bilstm",
    ),
    "configs": (
        "onball.cli.configs:configs",
        "List the configs that come with onball, or print all settings of one.",
        "onball configs spotting/regnety_bilstm --with budgets/cpu",
    ),
    "evaluate": (
        "onball.cli.evaluate:evaluate",
        "Measure predictions: mAP12, mAP10 and AP per action, as SoccerNet's own evaluator does.",
        "onball evaluate runs/regnety_bilstm --split valid",
    ),
    "report": (
        "onball.cli.report:report",
        "Compare training runs on one page: curves, mAP, AP per action, mistakes with their frames.",
        "onball report runs/regnety runs/regnety_bilstm --out report",
    ),
    "calibrate": (
        "onball.cli.calibrate:calibrate",
        "Calibrate a model's confidences; the order of an action's events stays as it is.",
        "onball calibrate runs/regnety_bilstm --data data/bench --out calibrated",
    ),
    "export": (
        "onball.cli.export:export",
        "Export a model for ONNX Runtime or OpenVINO, which compute faster on CPUs.",
        "onball export runs/regnety_bilstm --format openvino",
    ),
    "simulate": (
        "onball.cli.simulate:simulate",
        "Simulate football matches in SoccerNet's layout; call again to continue.",
        "onball simulate --out data/tiny --preset tiny",
    ),
    "doctor": (
        "onball.cli.doctor:doctor",
        "Show versions, devices, decoders and writable folders; exit code 1 if something is missing.",
        "onball doctor",
    ),
    "data download": (
        "onball.cli.data:download",
        "Download a data set, by default SoccerNet Ball Action Spotting 2025. Call again to continue.",
        "onball data download --out data/SN-BAS-2025",
    ),
    "data convert": (
        "onball.cli.data_convert:convert",
        "Convert a published data set that was downloaded, ready to train on. Call again to continue.",
        "onball data convert soccertrack-v2 downloads/soccertrack data/soccertrack-v2",
    ),
    "data align": (
        "onball.cli.data_align:align",
        "Find the kick-offs or the shift of tags, by what a model finds; exit code 1 if not certain.",
        "onball data align events.csv --video match.mp4 --clock period --map codes.yaml",
    ),
    "data import": (
        "onball.cli.data_import:import_",
        "Make a labelled match of your videos and the tags of another program.",
        "onball data import match.xml --video match.mp4 --map codes.yaml --out data/club",
    ),
    "data check": (
        "onball.cli.data:check",
        "Look for misnamed files, broken videos and doubtful labels; exit code 1 if there are any.",
        "onball data check data/SN-BAS-2025",
    ),
    "data stats": (
        "onball.cli.data:stats",
        "Count the labelled actions: how many, how often, after how long, by which team.",
        "onball data stats data/bench --reference",
    ),
    "models list": (
        "onball.cli.models:list_",
        "List the published models that onball computes: actions, figures, licences, where to get them.",
        "onball models list",
    ),
    "models fetch": (
        "onball.cli.models:fetch",
        "Download a published model from the Hugging Face hub. Call again to continue.",
        "onball models fetch adaspot-small",
    ),
    "models import": (
        "onball.cli.models:import_",
        "Save a published checkpoint that you have downloaded as a model of onball.",
        "onball models import checkpoint_best.pt --as tdeed-challenge1 --out models/tdeed",
    ),
    "experiments run": (
        "onball.cli.experiments:run",
        "Train each config, test its best model, and write a row of results with its curves.",
        "onball experiments run spotting/regnety spotting/regnety_bilstm -d data/bench",
    ),
}
"""Command as typed → module and function, first line of its docstring, and an example."""

GROUPS = {
    "corrections": "Use the corrections made in `onball view`.",
    "data": "Get, check and look at labelled matches.",
    "ballnet": "Train the ball network of `onball track`.",
    "models": "Get published models, and see what they are.",
    "experiments": "Train and compare many configs.",
}
"""Groups of commands, each with its help."""


_PLAIN: dict[str, Any] = {"pretty_exceptions_enable": False, "rich_markup_mode": None}
"""Settings of all apps: help and errors are plain text."""


class _LazyCommand(TyperCommand):
    """Command registered by name and help, and imported when it is used."""

    target: ClassVar[str]
    example: ClassVar[str]

    def make_context(self, info_name: str | None, args: list[str], *rest: Any, **extra: Any) -> Any:
        # Click asks a command for its context before it parses, runs or completes anything. The
        # context refers to the command that made it: from here on Click uses the imported command.
        module, _, function = self.target.partition(":")
        app = typer.Typer(add_completion=False, **_PLAIN)
        run = _with_exit_codes(getattr(import_module(module), function))
        app.command(self.name, cls=Command, epilog=f"Example: {self.example}")(run)
        return typer.main.get_command(app).make_context(info_name, args, *rest, **extra)


def _with_exit_codes(command: Callable[..., None]) -> Callable[..., None]:
    """Report the errors and the interruption of a command in one line and as an exit code."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except OnballError as error:
            console.fail(str(error), format_exc())
            raise typer.Exit(error.exit_code) from None
        except OSError as error:
            # The disk, a device or the network: nothing that a traceback explains to the user.
            console.fail(_describe(error), format_exc())
            raise typer.Exit(1) from None
        except KeyboardInterrupt as error:
            terminated = isinstance(error, _Terminated)
            message = str(error) or ("terminated" if terminated else "interrupted")
            console.fail(message, format_exc())
            raise typer.Exit(143 if terminated else 130) from None

    return run


def _describe(error: OSError) -> str:
    """One line for an error of the system."""
    reason = error.strerror or str(error)
    if error.errno in DISK_FULL:
        place = error.filename or "an output"
        return f"{place}: cannot be written ({reason}): free some space or choose another place"
    hint = "" if console.debug else " (--debug shows where)"
    return f"{error.filename}: {reason}{hint}" if error.filename else f"{reason}{hint}"


class _Terminated(KeyboardInterrupt):
    """SIGTERM: ends the work as Ctrl-C does, with everything that is cleaned up and kept then."""


def _terminate(number: int, frame: FrameType | None) -> None:
    raise _Terminated


def _version(wanted: bool) -> None:
    if wanted:
        console.console.print(f"onball {__version__}", highlight=False)
        raise typer.Exit


def _global_options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
    imports: Annotated[
        list[str] | None,
        typer.Option(
            "--import",
            metavar="MODULE",
            help="Python module that registers custom components; before or after the command, "
            "repeatable.",
        ),
    ] = None,
    debug: Annotated[
        bool,
        typer.Option(
            "--debug",
            envvar="ONBALL_DEBUG",
            help="Show the traceback of an error, for a report of a bug; before or after the command.",
        ),
    ] = False,
) -> None:
    console.debug = debug
    console.show_warnings()
    console.imports = list(imports or ())
    for name in console.imports:
        _import(name)


def _import(name: str) -> None:
    """Import a module of the user from the Python path or the working directory."""
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name.partition(".")[0] and error.name != name:
            raise
        hint = f": did you mean --import {Path(name).stem}?" if name.endswith(".py") else ""
        console.fail(f"--import {name}: no such module here or on the Python path{hint}")
        raise typer.Exit(2) from None


def _build_app() -> typer.Typer:
    app = typer.Typer(
        name="onball",
        help="Find ball actions in football video.",
        epilog="onball COMMAND --help shows the options of a command, and an example.",
        cls=Group,
        no_args_is_help=True,
        **_PLAIN,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_global_options)
    groups = {"": app}
    for group, description in GROUPS.items():
        groups[group] = typer.Typer(help=description, cls=Group, no_args_is_help=True)
        # With a callback it is a group even if it has a single command.
        groups[group].callback(help=description)(lambda: None)
        app.add_typer(groups[group], name=group)
    for command, (target, description, example) in COMMANDS.items():
        group, _, name = command.rpartition(" ")
        lazy = type("LazyCommand", (_LazyCommand,), {"target": target, "example": example})
        groups[group].command(name, cls=lazy, help=description)(lambda: None)
    return app


app = _build_app()


def main() -> None:
    """Run the command line; exit with 2 for bad input, 1 for failed work, 130 if interrupted."""
    console.replace_unprintable()
    disable_spinning()
    former = signal.signal(signal.SIGTERM, _terminate)
    try:
        app(args=_global_first(sys.argv[1:]), prog_name="onball")
    finally:
        signal.signal(signal.SIGTERM, former)


def _global_first(arguments: list[str]) -> list[str]:
    """Move `--import MODULE` and `--debug` before the command; they are accepted after it too."""
    first, rest = [], []
    remaining = iter(arguments)
    for argument in remaining:
        if argument == "--":
            rest += [argument, *remaining]
        elif argument == "--import":
            module = next(remaining, None)
            if module is None:
                return [argument]  # whose value is missing
            first += [argument, module]
        elif argument == "--debug" or argument.startswith("--import="):
            first.append(argument)
        else:
            rest.append(argument)
    return [*first, *rest]


if __name__ == "__main__":
    main()
