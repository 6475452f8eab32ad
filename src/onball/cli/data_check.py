"""`onball data check`: is this data set fit to train on?"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from onball.cli import console


def check(
    root: Annotated[Path, typer.Argument(help="The data set.")],
    full: Annotated[
        bool, typer.Option("--full", help="Decode every frame, not only some of each video.")
    ] = False,
    fps: Annotated[float, typer.Option(help="The frame rate that the videos should have.")] = 25.0,
) -> None:
    """Look for misnamed files, broken videos and doubtful labels; exit code 1 if there are any."""
    from onball.data.check import check_data

    with ExitStack() as stack:
        bars: list[console._Bar] = []

        def show(name: str, done: float, total: float) -> None:
            if not bars:
                write = _film_speed if full else _video_speed
                bars.append(stack.enter_context(console.progress(total, write)))
            bars[0].describe(name)
            bars[0].reach(done)

        report = check_data(root, full=full, fps=fps, on_progress=show)
        if bars:
            bars[0].describe("")
            bars[0].finish()
    for problem in report.problems:
        console.say(str(problem))
    frames = "all" if full else "some"
    looked_at = (
        f"{report.matches} matches, {report.labels} labels, {report.videos} videos "
        f"({report.minutes:.1f} minutes; {report.frames} frames decoded, {frames} of each)"
    )
    if report.problems:
        console.fail(f"{root}: {len(report.problems)} problems in {looked_at}")
        raise typer.Exit(1)
    console.say(f"{root}: no problem in {looked_at}")


def _film_speed(speed: float) -> str:
    return f"{speed / 1000:.0f}x real time"


def _video_speed(speed: float) -> str:
    return f"{speed:.1f} videos/s"
