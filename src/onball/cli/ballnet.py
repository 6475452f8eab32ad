"""`onball ballnet`: render excerpts of simulated football, and train the ball network on them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onball.cli import console, options


def render(
    out: Annotated[Path, options.out("Folder of the excerpts.")],
    count: Annotated[
        int, typer.Option("--count", min=1, metavar="N", help="Matches to take excerpts from.")
    ] = 100,
    first: Annotated[
        int, typer.Option("--first", min=0, metavar="N", help="Number of the first match.")
    ] = 0,
    rare: Annotated[
        float,
        typer.Option(
            "--rare",
            min=1.0,
            metavar="FACTOR",
            help="Factor of the rates of shots, goals and other rare actions.",
        ),
    ] = 3.0,
    processes: Annotated[
        int,
        typer.Option("--processes", min=0, metavar="N", help="Matches at a time; 0: one per core."),
    ] = 0,
) -> None:
    """Render excerpts of simulated matches, on which the ball network is trained.

    Every match has its own look and cameras, from ranges as wide as real broadcasts. Excerpts that are
    there are kept.
    """
    from onball.cores import available_cores
    from onball.simulator.excerpts import render_excerpts

    with console.progress_bar() as progress:
        folders = render_excerpts(
            out,
            count,
            first=first,
            rare=rare,
            processes=processes or available_cores(),
            progress=progress,
        )
    console.say(f"{out}: excerpts of {console.count(len(folders), 'match', 'matches')}")


def train(
    data: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folder of `onball ballnet render`.")
    ],
    out: Annotated[Path, options.out("Folder of checkpoint and model.")],
    steps: Annotated[
        int, typer.Option("--steps", min=1, metavar="N", help="Steps of 16 crops each.")
    ] = 5000,
    seed: Annotated[int, options.seed("Seed of weights and crops.")] = 0,
    workers: Annotated[
        int,
        typer.Option("--workers", min=0, metavar="N", help="Processes that make the crops."),
    ] = 1,
    device: options.Device = "auto",
) -> None:
    """Train the ball network of `onball track` on excerpts of simulated matches.

    Call again to continue. `onball track --detector OUT/ball.onnx` uses the result.
    """
    from onball.training.ball.training import BallTraining, train_ball_network

    settings = BallTraining(steps=steps, seed=seed)
    with console.progress_bar() as progress:
        model = train_ball_network(
            data, out, settings, workers=workers, device=device, progress=progress
        )
    console.say(f"{model}: use it with onball track --detector")
