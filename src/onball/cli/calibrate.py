"""`onball calibrate`: calibrate the confidences of a saved model on labelled matches."""

from __future__ import annotations

import math
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from onball.cli import console, options
from onball.cli.models import fetched
from onball.errors import InputError
from onball.files import shell_quoted
from onball.runs import find_model

if TYPE_CHECKING:
    from onball.evaluation.calibration import FittedCalibration
    from onball.spotting.calibrating import CalibrationEffect


class KindName(StrEnum):
    """Meaning of a calibrated confidence."""

    PROBABILITY = "probability"
    RANK = "rank"


def calibrate(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL", help="Saved model or the run that has it, by folder or name."
        ),
    ],
    data: Annotated[Path, options.data("Data set with videos and labels.")],
    split: Annotated[
        str, options.split("Split to fit on, which the model was not trained on.")
    ] = "valid",
    kind: Annotated[
        KindName,
        typer.Option(
            "--kind",
            metavar=options.choices(KindName),
            help="probability: of the events with confidence 0.7, 70 % are right. rank: confidences "
            "spread evenly over 0 to 1.",
        ),
    ] = KindName.PROBABILITY,
    out: Annotated[
        Path | None, options.out("Folder for the calibrated model; this or --in-place is required.")
    ] = None,
    in_place: Annotated[
        bool, typer.Option("--in-place", help="Change the model itself, without --out.")
    ] = False,
    test_split: Annotated[
        str | None,
        typer.Option(
            "--test-split",
            metavar="NAME",
            help="Split on which to measure the effect as well. [default: none]",
        ),
    ] = None,
    overwrite: options.Overwrite = False,
    runtime: options.Runtime = "auto",
    device: options.Device = "auto",
    threads: options.Threads = None,
) -> None:
    """Calibrate a model's confidences; the order of an action's events stays as it is."""
    if (out is None) != in_place:
        raise InputError(
            "where to? Give --out FOLDER for the calibrated model, or --in-place, and not both"
        )
    model = fetched(model)
    target = model if out is None else out
    if not in_place and target.resolve() in (model.resolve(), find_model(model).resolve()):
        raise InputError(f"{target}: is the model itself; to change it, say --in-place")

    from onball.outputs import OutputState
    from onball.spotting.calibrating import calibrate as run_calibration
    from onball.spotting.calibrating import calibration_state
    from onball.spotting.runtimes import find_runtime

    wanted = find_runtime(runtime)
    state = calibration_state(
        model, data, target, split=split, kind=kind.value, runtime=wanted, overwrite=overwrite
    )
    if state is not OutputState.MISSING:
        edited = " and was edited since" if state is OutputState.EDITED else ""
        console.say(f"{target}: is calibrated already{edited}; --overwrite calibrates again")
        return
    with console.progress_bar() as progress:
        result = run_calibration(
            model,
            data,
            target,
            split=split,
            kind=kind.value,
            test_split=test_split,
            runtime=wanted,
            device=device,
            threads=threads,
            overwrite=overwrite,
            progress=progress,
        )
    console.note_classes(result.predicted_actions, result.effects[0].before.actions.names)
    for effect in result.effects:
        fit = " (fitted here)" if effect is result.effects[0] else ""
        console.console.print("", comparison_table(effect, f"{effect.split}{fit}"))
    console.console.print("", thresholds_table(result.fitted))
    if result.fitted.pooled:
        names = ", ".join(result.fitted.pooled)
        console.note(f"Too few matched events, pooled over all actions: {names}")
    console.say(f"\nCalibrated model: {result.folder}")
    console.say(f"Next: {console.this_command()} spot VIDEO --model {shell_quoted(result.folder)}")


def comparison_table(effect: CalibrationEffect, title: str) -> Table:
    """Table of AP and expected calibration error before and after, in per cent."""
    from onball.evaluation.average_precision import means_of

    results = [effect.before, effect.after]
    errors = [effect.error_before, effect.error_after]
    table = Table(title=f"On {title}, in per cent", title_justify="left", box=None, pad_edge=False)
    table.add_column("action")
    for column in ("labelled", "AP before", "after", "exact AP", "ECE before", "after"):
        table.add_column(column, justify="right")
    for action in results[0].actions:
        table.add_row(
            f"[{action.colour}]■[/] {escape(action)}",
            str(results[0].truth_counts[action]),
            *(_percent(result.ap[action]) for result in results),
            _percent(results[1].exact_ap[action]),
            *(_percent(error[action]) for error in errors),
        )
    table.add_section()
    before, after = results
    for mean in means_of(before.actions):
        table.add_row(
            f"[bold]{mean.name}[/]",
            str(sum(before.truth_counts[action] for action in mean.actions)),
            *(f"[bold]{_percent(mean.of(ap))}[/]" for ap in (before.ap, after.ap, after.exact_ap)),
            *(_percent(_mean(error[action] for action in mean.actions)) for error in errors),
        )
    return table


def _mean(errors: Iterable[float]) -> float:
    """Mean over the actions that have predictions."""
    known = [error for error in errors if not math.isnan(error)]
    return sum(known) / len(known) if known else math.nan


def thresholds_table(fitted: FittedCalibration) -> Table:
    """Table of the lowest confidence at which events of each action are shown to people."""
    table = Table(title="Shown to people from", title_justify="left", box=None, pad_edge=False)
    table.add_column("action")
    for column in ("matched", "confidence"):
        table.add_column(column, justify="right")
    for action in fitted.matched:
        pooled = " (pooled)" if action in fitted.pooled else ""
        table.add_row(
            f"[{action.colour}]■[/] {escape(action)}",
            str(fitted.matched[action]),
            f"{fitted.report_thresholds[action]:.2f}{pooled}",
        )
    return table


def _percent(fraction: float) -> str:
    return "–" if math.isnan(fraction) else f"{100 * fraction:.2f}"
