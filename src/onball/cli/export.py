"""`onball export`: export a saved model for ONNX Runtime or OpenVINO."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onball.cli import console, options
from onball.cli.models import fetched
from onball.files import shell_quoted

if TYPE_CHECKING:
    from onball.models.runtimes.records import MeanPair, Parity


class FormatName(StrEnum):
    """Format of the graphs."""

    ONNX = "onnx"
    OPENVINO = "openvino"


def export(
    model: Annotated[
        Path | None,
        typer.Argument(
            metavar="MODEL",
            help="Saved model or the run that has it, by folder or name. [default: the demo model]",
            show_default=False,
        ),
    ] = None,
    format: Annotated[
        FormatName,
        typer.Option(
            "--format",
            metavar=options.choices(FormatName),
            help="onnx for ONNX Runtime, openvino for OpenVINO, which is faster.",
        ),
    ] = FormatName.ONNX,
    int8: Annotated[
        bool,
        typer.Option(
            "--int8",
            help="Compute the backbone in 8-bit integers, calibrated on clips of --data: faster, with "
            "slightly other confidences.",
        ),
    ] = False,
    data: Annotated[
        Path | None,
        options.data(
            "Data set to compare the export with PyTorch on, with labels also by mAP; --int8 needs "
            "one. [default: the first seconds of the sample match]"
        ),
    ] = None,
    split: Annotated[
        str, options.split("Split of it: train, valid, test, challenge or all.")
    ] = "test",
    out: Annotated[
        Path | None,
        options.out(
            "Folder for a copy of the model with the export in it. [default: the model's own folder; "
            "for a model by name, the cache, where that name finds it]"
        ),
    ] = None,
    score_bound: Annotated[
        float | None,
        typer.Option(
            "--score-bound",
            min=0,
            metavar="CONFIDENCE",
            help="Largest difference of a confidence; an export beyond it is not saved. [default: "
            "0.0001, with --int8 none]",
        ),
    ] = None,
    map_bound: Annotated[
        float,
        typer.Option(
            "--map-bound",
            min=0,
            metavar="N",
            help="Largest loss of mAP in points (per cent), with --data; an export beyond it is not saved.",
        ),
    ] = 1.0,
    overwrite: options.Overwrite = False,
) -> None:
    """Export a model for ONNX Runtime or OpenVINO, which compute faster on CPUs."""
    from onball.spotting.exporting import export_model

    with console.progress_bar() as progress:
        exported = export_model(
            model and fetched(model),
            out,
            format=format.value,
            int8=int8,
            data=data,
            split=split,
            score_bound=score_bound,
            map_bound=map_bound / 100,
            overwrite=overwrite,
            progress=progress,
        )
    done = " (is there already)" if exported.was_done else ""
    console.say(f"{exported.name}: {exported.folder}{done}")
    if exported.record.parity is not None:
        console.say(parity_text(exported.record.parity))
    named = out or model
    where = "" if named is None else f" --model {shell_quoted(named)}"
    console.say(
        f"Next: {console.this_command()} spot VIDEO{where} --runtime {exported.folder.name}"
    )


def parity_text(parity: Parity) -> str:
    """Sentence about the differences from PyTorch."""
    from onball.models.runtimes.records import SCORE_BOUND

    text = (
        f"Against PyTorch on {parity.source} ({console.count(parity.frames, 'frame')}): confidences "
        f"differ by at most {parity.score:.2g}, by {parity.mean_score:.2g} on average"
    )
    if parity.different_frames:
        text += (
            f"; by more than {SCORE_BOUND:g} in {console.count(parity.different_frames, 'frame')}"
        )
    if parity.map12 is not None and parity.map10 is not None:
        text += f"; mAP12 {_pair(parity.map12)}, mAP10 {_pair(parity.map10)}"
    return text


def _pair(means: MeanPair) -> str:
    return f"{100 * means.export:.2f} instead of {100 * means.torch:.2f} %"
