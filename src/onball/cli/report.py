"""`onball report`: training runs compared on one page."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from onball.cli import console


def report(
    runs: Annotated[list[Path], typer.Argument(help="Folders that `onball train` wrote.")],
    out: Annotated[Path, typer.Option(help="Folder for the page and its figures.")] = Path(
        "onball-report"
    ),
    split: Annotated[str, typer.Option(help="train, valid, test, challenge or all.")] = "test",
    data: Annotated[
        Path | None, typer.Option(help="The data set to test on; else that of each run's config.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda …")] = "auto",
) -> None:
    """Compare training runs on one page: curves, mAP, AP per action, mistakes with their frames.

    Runs that `onball evaluate` has measured are not computed again.
    """
    from onball.reports.page import FIGURES_FOLDER, write_report

    with ExitStack() as stack:
        bars: list[Any] = []

        def show(what: str, share: float) -> None:
            if not bars:  # what cannot be reported is said without a bar above it
                bars.append(stack.enter_context(console.progress(1.0, lambda speed: "")))
            bars[0].describe(what)
            bars[0].advance_to(share)

        page = write_report(runs, out, data=data, split=split, device=device, progress=show)
    console.say(f"Page: {page}")
    console.say(f"Figures: {out / FIGURES_FOLDER}")
