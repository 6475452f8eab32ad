"""`onball report`: training runs compared on one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onball.cli import console, options


def report(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN…", help="Folders that `onball train` wrote.")
    ],
    out: Annotated[Path, options.out("Folder for the page and its figures.")] = Path(
        "onball-report"
    ),
    split: Annotated[str, options.split()] = "test",
    data: Annotated[
        Path | None,
        options.data("Data set to evaluate on. [default: that of each run's config]"),
    ] = None,
    overwrite: options.Overwrite = False,
    device: options.Device = "auto",
) -> None:
    """Compare training runs on one page: curves, mAP, AP per action, mistakes with their frames.

    Runs that `onball evaluate` has measured are not computed again.
    """
    from onball.outputs import OutputState
    from onball.reports.report import FIGURES_FOLDER, PAGE_FILE, report_state, write_report

    state = report_state(runs, out, data=data, split=split, overwrite=overwrite)
    if state is not OutputState.MISSING:
        why = "is up to date" if state is OutputState.DONE else "was edited, so it is kept"
        console.say(f"{out / PAGE_FILE}: {why}; --overwrite writes it again")
        return
    with console.progress_bar() as progress:
        page = write_report(
            runs, out, data=data, split=split, device=device, overwrite=overwrite, progress=progress
        )
    console.say(f"Page: {page}")
    console.say(f"Figures: {out / FIGURES_FOLDER}")
