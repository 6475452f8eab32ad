"""`onball summary`: a page on the events of a match."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onball.actions import BALL_ACTIONS, split_names
from onball.cli import console, options
from onball.data.classes import read_class_file


def summary(
    events: Annotated[
        Path,
        typer.Argument(
            metavar="EVENTS",
            help="results_spotting.json, events.csv, Labels-ball.json, or the folder of the results of a "
            "video.",
            show_default=False,
        ),
    ],
    video: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="VIDEO…",
            help="The video, or the files of a match that was spotted with --join, in their order, for "
            "thumbnails.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        options.out("The page. [default: NAME.summary.html beside EVENTS]", metavar="FILE"),
    ] = None,
    actions: options.Actions = None,
    threshold: options.Thresholds = None,
    thumbnails: Annotated[
        str,
        typer.Option(
            "--thumbnails", metavar="NAMES", help="Actions of which VIDEO's frames are shown."
        ),
    ] = "shot,goal",
    kickoff: options.Kickoffs = None,
    classes: options.Classes = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Write one HTML page on a match: timeline, counts, chains of possession, shots and goals."""
    from onball.reports.summary import write_summary

    least, thresholds = options.per_action("--threshold", threshold)
    with console.progress_bar() as progress:
        page, written = write_summary(
            events,
            video,
            out,
            threshold=least,
            thresholds=thresholds,
            actions=None if actions is None else split_names(actions),
            thumbnails=split_names(thumbnails),
            kickoffs_s=options.kickoffs(kickoff),
            classes=BALL_ACTIONS if classes is None else read_class_file(classes),
            overwrite=overwrite,
            progress=progress,
        )
    console.say(f"{page}{'' if written else ' (is there already)'}")
