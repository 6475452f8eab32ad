"""`onball calibrate`: make a saved model's confidences mean something, on labelled matches."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import typer
from rich.table import Table

from onball.actions import ACTIONS, ACTIONS_MAP10
from onball.cli import console
from onball.cli.spot import spot_with_progress
from onball.errors import InputError
from onball.events import EventList

if TYPE_CHECKING:
    from onball.config import InferenceConfig
    from onball.evaluation.calibration import FittedCalibration
    from onball.spotting.spotter import Spotter


class KindName(StrEnum):
    """What a calibrated confidence means."""

    PROBABILITY = "probability"
    RANK = "rank"


def calibrate(
    model: Annotated[Path, typer.Argument(help="The saved model's folder.")],
    data: Annotated[Path, typer.Option(help="The data set: videos and labels.")],
    split: Annotated[
        str, typer.Option(help="Fit on these matches, which the model was not trained on.")
    ] = "valid",
    kind: Annotated[
        KindName,
        typer.Option(
            help="probability: of the events with confidence 0.7, 70 % are right. rank: confidences "
            "spread evenly over 0 to 1."
        ),
    ] = KindName.PROBABILITY,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the calibrated model.", show_default=False)
    ] = None,
    in_place: Annotated[
        bool, typer.Option("--in-place", help="Change the model itself; no --out.")
    ] = False,
    test_split: Annotated[
        str | None,
        typer.Option(help="Show before and after on these matches too.", show_default=False),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, mps …")] = "auto",
) -> None:
    """Calibrate a model's confidences; the order of an action's events stays as it is."""
    if (out is None) != in_place:
        raise InputError(
            "where to? Give --out FOLDER for the calibrated model, or --in-place, and not both"
        )
    target = model if out is None else out
    if not in_place and target.resolve() == model.resolve():
        raise InputError(f"{target}: is the model itself; to change it, say --in-place")

    from onball.evaluation.calibration import CalibrationKind, fit_calibration
    from onball.models import load_model
    from onball.models.saved import check_model_folder
    from onball.spotting.decoding import save_with_config, uncalibrated, with_calibration
    from onball.spotting.spotter import Spotter

    check_model_folder(target)
    net, config = load_model(model)
    # A former calibration is replaced, not calibrated once more.
    config = uncalibrated(config)
    spotter = Spotter(net, config, device=device)
    parts = [_Predicted.by(spotter, data, name) for name in _distinct(split, test_split)]
    fitted = fit_calibration(parts[0].truth, parts[0].predictions, CalibrationKind(kind))
    config = with_calibration(config, fitted)
    for part in parts:
        fit = " (fitted here)" if part is parts[0] else ""
        console.console.print("", comparison_table(part, config.inference, f"{part.split}{fit}"))
    console.console.print("", thresholds_table(fitted))
    if fitted.pooled:
        names = ", ".join(fitted.pooled)
        console.note(f"Too few matches of their own, pooled over all actions: {names}")
    save_with_config(model, config, target)
    console.say(f"\nCalibrated model: {target}")
    console.say(f"Next: {console.this_command()} spot VIDEO --model {target}")


def _distinct(split: str, test_split: str | None) -> list[str]:
    return [split] if test_split in (None, split) else [split, str(test_split)]


@dataclass(frozen=True, slots=True)
class _Predicted:
    """The matches of a split: their labels and the raw predictions."""

    split: str
    truth: Sequence[EventList]
    predictions: Sequence[EventList]

    @classmethod
    def by(cls, spotter: Spotter, data: Path, split: str) -> Self:
        from onball.config import DataConfig
        from onball.data.layout import find_matches
        from onball.formats.soccernet import read_labels

        matches = find_matches(data, split)
        # Labels first: a missing file must not be found out after an hour of work.
        truth = [read_labels(match.require_labels()) for match in matches]
        videos = {match.name: match.require_video() for match in matches}
        beside = DataConfig().tracks
        events = [
            spot_with_progress(spotter, video, name, tracks=video.with_name(beside))
            for name, video in videos.items()
        ]
        return cls(split, truth, events)


def comparison_table(part: _Predicted, inference: InferenceConfig, title: str) -> Table:
    """AP and expected calibration error before and after, in per cent."""
    from onball.evaluation import evaluate_spotting
    from onball.evaluation.calibration import calibration_errors
    from onball.spotting.decoding import calibrate

    after = [EventList.of(calibrate(e, inference), e.match) for e in part.predictions]
    results = [evaluate_spotting(part.truth, events) for events in (part.predictions, after)]
    errors = [calibration_errors(part.truth, events) for events in (part.predictions, after)]
    table = Table(title=f"On {title}, in per cent", title_justify="left", box=None, pad_edge=False)
    table.add_column("action")
    for column in ("labelled", "AP before", "after", "exact AP", "ECE before", "after"):
        table.add_column(column, justify="right")
    for action in ACTIONS:
        table.add_row(
            f"[{action.colour}]■[/] {action}",
            str(results[0].truth_counts[action]),
            *(_percent(result.ap[action]) for result in results),
            _percent(results[1].exact_ap[action]),
            *(_percent(error[action]) for error in errors),
        )
    table.add_section()
    before, calibrated = results
    for name, actions, means in (
        ("mAP12", ACTIONS, (before.map12, calibrated.map12, calibrated.exact_map12)),
        ("mAP10", ACTIONS_MAP10, (before.map10, calibrated.map10, calibrated.exact_map10)),
    ):
        table.add_row(
            f"[bold]{name}[/]",
            str(sum(before.truth_counts[action] for action in actions)),
            *(f"[bold]{_percent(mean)}[/]" for mean in means),
            *(_percent(_mean(error[action] for action in actions)) for error in errors),
        )
    return table


def _mean(errors: Iterable[float]) -> float:
    """Over the actions that have predictions."""
    known = [error for error in errors if not math.isnan(error)]
    return sum(known) / len(known) if known else math.nan


def thresholds_table(fitted: FittedCalibration) -> Table:
    """From which confidence on an action's events are shown to people."""
    table = Table(title="Shown to people from", title_justify="left", box=None, pad_edge=False)
    table.add_column("action")
    for column in ("matched", "confidence"):
        table.add_column(column, justify="right")
    for action in ACTIONS:
        pooled = " (pooled)" if action in fitted.pooled else ""
        table.add_row(
            f"[{action.colour}]■[/] {action}",
            str(fitted.matched[action]),
            f"{fitted.report_thresholds[action]:.2f}{pooled}",
        )
    return table


def _percent(share: float) -> str:
    return "–" if math.isnan(share) else f"{100 * share:.2f}"
