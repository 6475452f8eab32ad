"""`onball query`: SQL on the events of many matches."""

from __future__ import annotations

import csv
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from onball.cli import console, options
from onball.errors import InputError
from onball.outputs import write_once
from onball.stores import is_stored

if TYPE_CHECKING:
    from onball.formats.event_query import QueryResult

_MOST_ROWS = 100
"""Number of rows that a terminal shows."""


def query(
    sql: Annotated[
        str,
        typer.Argument(
            metavar="SQL",
            help="One statement in DuckDB's SQL. The table events has the columns match, half, time, "
            "clock_ms, action, team, confidence and position_ms; the table matches has match, events, "
            "video, duration_ms, model and file.",
            show_default=False,
        ),
    ],
    index: Annotated[
        str,
        typer.Argument(
            metavar="INDEX", help="The file of `onball index`, or its address on a store."
        ),
    ] = "events.parquet",
    out: Annotated[
        str | None,
        options.out("Write the rows there, as CSV. [default: the screen]", metavar="FILE"),
    ] = None,
    table: Annotated[
        list[str] | None,
        typer.Option(
            "--table",
            metavar="NAME=FILE",
            help="A further table, from a CSV file with a header or a Parquet file; repeatable. The query "
            "can read no other files.",
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a file with other content.")
    ] = False,
) -> None:
    """Count, filter and export the events of an index with SQL; it is never changed.

    On a terminal the rows are a table, elsewhere CSV.
    """
    from onball.formats.event_query import query_events

    if out is not None and is_stored(out):
        raise InputError(f"{out}: rows are written to a file on this machine: choose another --out")
    result = query_events(sql, index, tables=dict(map(_named_file, table or ())))
    if out is not None:
        written = write_once(out, result.save, overwrite=overwrite)
        console.say(f"{out}" + ("" if written else " (is there already)"))
    elif console.console.is_terminal:
        _show(result)
    else:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(result.columns)
        writer.writerows(result)


def _named_file(text: str) -> tuple[str, str]:
    name, equals, file = text.partition("=")
    if not equals or not file:
        raise InputError(f"--table: '{text}' is not of the form NAME=FILE")
    return name.strip(), file


def _show(result: QueryResult) -> None:
    """Print the first rows as a table."""
    rows = result.fetch(_MOST_ROWS + 1)
    table = Table(box=None, pad_edge=False)
    for number, name in enumerate(result.columns):
        numeric = all(isinstance(row[number], int | float) for row in rows)
        table.add_column(escape(name), justify="right" if numeric else "left")
    for row in rows[:_MOST_ROWS]:
        table.add_row(*map(_text, row))
    console.console.print(table)
    if len(rows) > _MOST_ROWS:
        console.note(f"The first {_MOST_ROWS} rows; --out FILE writes all.")


def _text(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else escape(str(value))
