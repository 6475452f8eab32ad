"""`onball index`: the events of many matches in one file, for queries."""

from __future__ import annotations

from typing import Annotated

import typer

from onball.actions import BALL_ACTIONS, split_names
from onball.cli import console, options
from onball.data.classes import read_class_file
from onball.errors import OnballError
from onball.files import shell_quoted


def index(
    results: Annotated[
        list[str],
        typer.Argument(
            metavar="RESULTS…",
            help="Folders with the results of one or many videos, or files: results_spotting.json, "
            "events.csv, Labels-ball.json. Also addresses on stores: s3://bucket/results.",
            show_default=False,
        ),
    ],
    out: Annotated[
        str, options.out("The file; also an address on a store.", metavar="FILE")
    ] = "events.parquet",
    threshold: options.Thresholds = None,
    actions: options.Actions = None,
    classes: options.Classes = None,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite", help="Read all results again; replace also another kind of file."
        ),
    ] = False,
) -> None:
    """Write the events of many matches into one Parquet file, for `onball query`.

    The file has the events of RESULTS and no others. Called again, only results that are new or have
    changed are read.
    """
    from onball.formats.event_index import index_events

    least, thresholds = options.per_action("--threshold", threshold)
    with console.progress_bar() as progress:
        done = index_events(
            results,
            out,
            threshold=least,
            thresholds=thresholds,
            actions=None if actions is None else split_names(actions),
            classes=BALL_ACTIONS if classes is None else read_class_file(classes),
            overwrite=overwrite,
            progress=progress,
        )
    for problem in done.problems:
        console.fail(problem)
    unchanged = len(done.matches) - done.read
    state = f" ({unchanged:,} unchanged since the last call)" if unchanged else ""
    matches = console.count(len(done.matches), "match", "matches")
    console.say(f"{done.path}: {console.count(done.events, 'event')} of {matches}{state}")
    if done.removed:
        are = "is" if done.removed == 1 else "are"
        console.note(
            f"{console.count(done.removed, 'match', 'matches')} of the former file {are} not among these "
            "results any more."
        )
    if done.problems:
        files = console.count(len(done.problems), "file")
        raise OnballError(f"{files} could not be read: not in {shell_quoted(done.path)}")
