"""`onball events`: list, filter and convert the events in results, tables and labels."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from onball.actions import BALL_ACTIONS, ActionSet, split_names
from onball.cli import console, options
from onball.data.classes import read_class_file
from onball.errors import InputError
from onball.events import EventList, SpottingInfo, Team, parse_team
from onball.files import shell_quoted
from onball.formats.event_files import find_event_files, is_label_file, update_event_table
from onball.formats.event_selection import EventSelection, load_events
from onball.formats.event_table import TABLE_FILE, match_clock
from onball.formats.soccernet import RESULTS_FILE
from onball.outputs import check_unedited, edited_files, write_once
from onball.timing import format_time


def events(
    results: Annotated[
        Path,
        typer.Argument(
            metavar="RESULTS",
            help="results_spotting.json, events.csv, Labels-ball.json, or a folder with the results "
            "of one or many videos.",
            show_default=False,
        ),
    ],
    threshold: Annotated[
        float | None,
        options.threshold("Lowest confidence. [default: as the model was run]"),
    ] = None,
    actions: options.Actions = None,
    classes: options.Classes = None,
    start: options.Start = None,
    end: options.End = None,
    team: Annotated[
        str | None,
        typer.Option("--team", metavar="NAME", help="Only this team: left, right or unknown."),
    ] = None,
    out: Annotated[
        Path | None,
        options.out(
            "Write the events there, not on the screen: a table (.csv), predictions (.json), or "
            "labels, if the name begins with Labels (Labels-ball.json).",
            metavar="FILE",
        ),
    ] = None,
    write: Annotated[
        bool,
        typer.Option("--write", help="Write events.csv of each video again, with these events."),
    ] = False,
    overwrite: options.Overwrite = False,
) -> None:
    """List, filter and convert events that were found: another threshold takes no second run."""
    chosen = EventSelection(
        threshold,
        actions=split_names(actions) if actions is not None else None,
        start_ms=0 if start is None else options.time_ms("--start", start),
        end_ms=None if end is None else options.time_ms("--end", end),
        team=parse_team(team) if team is not None else None,
    )
    known = BALL_ACTIONS if classes is None else read_class_file(classes)
    files = find_event_files(results)
    if out is not None and (write or len(files) > 1):
        raise InputError(
            "--out and --write do not go together: choose one"
            if write
            else f"{results}: has {len(files)} videos, --out is for one: name it, or use --write"
        )
    if write:
        _write_tables(files.values(), chosen, known, overwrite)
    elif out is not None:
        (path,) = files.values()
        _write_file(chosen.select(load_events(path, known)), out, overwrite)
    else:
        for name, path in files.items():
            _show(name, path, chosen, known)


def _show(name: str, path: Path, chosen: EventSelection, known: ActionSet) -> None:
    """Print the events of a video."""
    everything = load_events(path, known)
    events = chosen.select(everything)
    console.say(f"{name}: {_count(events, everything)}")
    if len(events):
        console.console.print(_table(events))
    elif candidates := replace(chosen, threshold=0.0).select(everything).events:
        best = max(candidates, key=lambda event: event.confidence)
        console.note(
            f"The best candidate is {best.label} at {format_time(best.position_ms)}, with "
            f"{best.confidence:.2f}."
        )
    if path.name == RESULTS_FILE and TABLE_FILE in edited_files(path.parent, [TABLE_FILE]):
        table = path.with_name(TABLE_FILE)
        console.note(
            f"The list is without the changes made by hand in {table}; with them: "
            f"{console.this_command()} events {shell_quoted(table)}"
        )


def _count(events: EventList, everything: EventList) -> str:
    """Number of events, their lowest confidences and their actions."""
    text = console.count(len(events), "event")
    if len(everything) > len(events):
        text += f" of {len(everything)}"
    thresholds = {} if events.info is None else events.info.thresholds or {}
    if thresholds:
        lowest, highest = min(thresholds.values()), max(thresholds.values())
        by_action = f" to {highest:g}, depending on the action" if highest > lowest else ""
        text += f" (confidence from {lowest:g}{by_action})"
    counts = ", ".join(f"{count} {label}" for label, count in events.counts().most_common())
    return f"{text}: {counts}" if counts else text


def _table(events: EventList) -> Table:
    """Table of events; what is the same for all, or unknown, has no column."""
    info = events.info or SpottingInfo()
    columns: dict[str, list[str]] = {
        "time": [f"[cyan]{format_time(event.position_ms)}[/]" for event in events],
        "clock": [f"[cyan]{match_clock(event, info)}[/]" for event in events],
        "half": [str(event.half) for event in events],
        "action": [f"[{event.label.colour}]■[/] {escape(event.label)}" for event in events],
        "confidence": [f"{event.confidence:.2f}" for event in events],
        "team": [event.team.value for event in events],
    }
    if all(event.team is Team.UNKNOWN for event in events):
        del columns["team"]
    if all(event.half == 1 for event in events):
        del columns["half"]
    if not info.kickoffs_ms:
        del columns["clock"]
    table = Table(box=None, pad_edge=False)
    for name in columns:
        table.add_column(name, justify="left" if name in ("action", "team") else "right")
    for row in zip(*columns.values(), strict=True):
        table.add_row(*row)
    return table


def _write_file(events: EventList, path: Path, overwrite: bool) -> None:
    """Write events into one file, in the format of its name."""
    if is_label_file(path):
        events = events.as_labels()
    written = write_once(path, events.save, overwrite=overwrite)
    console.say(f"{path}: {_count(events, events)}" + ("" if written else " (is there already)"))


def _write_tables(
    files: Collection[Path], chosen: EventSelection, known: ActionSet, overwrite: bool
) -> None:
    """Write `events.csv` beside each file of predictions."""
    edited = []
    for path in files:
        if path.name != RESULTS_FILE:
            raise InputError(
                f"{path}: --write takes the events from {RESULTS_FILE}: name its folder"
            )
        if not overwrite and len(files) > 1 and edited_files(path.parent, [TABLE_FILE]):
            edited.append(path)
        else:
            check_unedited(path.parent, TABLE_FILE, overwrite=overwrite)
    for path in files:
        everything = load_events(path, known)
        events = chosen.select(everything)
        table = path.with_name(TABLE_FILE)
        if path in edited:
            console.say(f"{table}: kept, because it was edited by hand")
            continue
        update_event_table(events, path.parent, overwrite=overwrite)
        console.say(f"{table}: {_count(events, everything)}")
    if edited:
        console.note("--overwrite replaces tables that were edited by hand too.")
