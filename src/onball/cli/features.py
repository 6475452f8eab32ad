"""`onball features`: compute the features of a model's backbone once, to train heads on them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onball.cli import console, options
from onball.cli.models import fetched
from onball.files import shell_quoted


def features(
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA", help="The data set: a folder of matches, also unlabelled ones."
        ),
    ],
    model: Annotated[
        Path, options.model("Model whose backbone is used: a folder, a run, or a name.")
    ],
    split: Annotated[str, options.split()] = "all",
    out: Annotated[
        Path | None,
        options.out("Folder of the features. [default: the folder features of the data set]"),
    ] = None,
    half: Annotated[
        bool,
        typer.Option("--half", help="Store float16: half the space, and three significant digits."),
    ] = False,
    device: options.Device = "auto",
    threads: options.Threads = None,
) -> None:
    """Compute a model's features of every frame once; `onball train --features` trains heads on them.

    A match whose features are there is skipped. Space in float32: 4 bytes for each feature of each
    frame, for a match of 90 minutes at 12.5 frames per second and 368 features 0.1 GB.
    """
    from onball.spotting.features import compute_features

    model = fetched(model)
    with console.progress_bar() as progress:
        for match in compute_features(
            model,
            data,
            split=split,
            folder=out,
            half=half,
            device=device,
            threads=threads,
            progress=progress,
        ):
            width = match.features.feature_dim
            frames = console.count(len(match.features.times_ms), "frame")
            state = "computed" if match.computed else "are there already"
            console.say(
                f"{match.name}: {width} features of {frames}, {match.features.dtype}: {state}"
            )
    where = "auto" if out is None else shell_quoted(out)
    console.say(
        f"Next: {console.this_command()} train --init {shell_quoted(model)} "
        f"--data {shell_quoted(data)} --features {where}"
    )
