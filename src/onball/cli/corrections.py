"""`onball corrections`: labels and figures from the corrections made in the viewer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from onball.actions import BALL_ACTIONS
from onball.cli import console, options
from onball.files import shell_quoted

if TYPE_CHECKING:
    from onball.viewer.corrections import Agreement


def apply(
    events: Annotated[
        Path,
        typer.Argument(
            metavar="EVENTS",
            help="Folder of the results, or file of events, whose corrections are beside it.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None,
        options.out(
            "Label file to write. [default: Labels-ball.json beside the events]", metavar="FILE"
        ),
    ] = None,
    reviewed_only: Annotated[
        bool,
        typer.Option("--reviewed-only", help="Leave out the events that nobody decided on."),
    ] = False,
    threshold: Annotated[
        float | None,
        options.threshold(
            "Lowest confidence of events that nobody decided on. [default: as they were shown]"
        ),
    ] = None,
    classes: options.Classes = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Turn corrected events into labels to train on, and say how well they agreed.

    Accepted and added events become labels, rejected ones are left out. Events that nobody decided on
    become labels if they are shown to people.
    """
    from onball.data.classes import read_class_file
    from onball.viewer.corrections import apply_corrections

    known = BALL_ACTIONS if classes is None else read_class_file(classes)
    applied = apply_corrections(
        events,
        out,
        reviewed_only=reviewed_only,
        threshold=threshold,
        actions=known,
        overwrite=overwrite,
    )
    _show(applied.agreement)
    noun = console.count(len(applied.labels), "label")
    undecided = f", {applied.undecided} of them not reviewed" if applied.undecided else ""
    there = "" if applied.written else " (as it was)"
    console.say(f"{applied.path}: {noun}{undecided}{there}")
    console.note(f"Check them with `onball events {shell_quoted(applied.path)}`.")


def _show(agreement: Agreement) -> None:
    """Print the agreement of a match."""
    reviewed = agreement.accepted + agreement.rejected
    console.say(
        f"{console.count(reviewed, 'event')} reviewed: {agreement.accepted} accepted "
        f"({agreement.moved} moved, {agreement.relabelled} with another action), "
        f"{agreement.rejected} rejected; {agreement.added} added"
    )
    if agreement.median_move_ms is not None:
        console.say(
            f"moved by {agreement.median_move_ms / 1000:.2f} s (median), "
            f"at most {(agreement.largest_move_ms or 0) / 1000:.2f} s"
        )
    table = Table("action", "accepted", "rejected", "added", box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for name, counts in agreement.per_action.items():
        table.add_row(name, *map(str, counts))
    if agreement.per_action:
        console.console.print(table)
