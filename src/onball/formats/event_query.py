"""SQL queries on an index of events, by DuckDB; see `onball.formats.event_index`.

A query sees three kinds of tables:

events    one row per event, see `event_index`
matches   one row per match, also without events: match, events, video, duration_ms, model, file
others    tables that the caller adds: CSV or Parquet files by name

A query can change nothing, and reads nothing but these tables: it is one statement that reads, and
DuckDB has no access to other files.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from onball.cores import choose_threads
from onball.errors import InputError, optional_dependency
from onball.files import atomic_path
from onball.formats.event_index import IndexedMatch, read_indexed_matches
from onball.formats.parquet import open_dataset
from onball.stores import is_stored, local_copy, naming

with optional_dependency("duckdb", "query", "A query"):
    import duckdb

if TYPE_CHECKING:
    import pandas as pd

_EVENTS, _MATCHES = "events", "matches"
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_SELECT, _PIVOT = duckdb.StatementType.SELECT, duckdb.StatementType.MULTI
"""DuckDB divides PIVOT into several statements. So it does with COPY (PIVOT …), which writes."""
_BATCH = 10_000
"""Number of rows that are in memory while they are written."""


class QueryResult:
    """Rows that a query returns, read one after the other.

    Attributes:
        columns: names of the columns.
    """

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self._cursor = cursor
        self.columns = tuple(str(column[0]) for column in cursor.description or ())

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        while rows := self.fetch(_BATCH):
            yield from rows

    def fetch(self, count: int) -> list[tuple[Any, ...]]:
        """Return the next rows, up to `count`; none at the end.

        Raises:
            InputError: the query fails at these rows.
        """
        try:
            rows: list[tuple[Any, ...]] = self._cursor.fetchmany(count)
            return rows
        except duckdb.Error as error:
            raise _query_error(error) from None

    def to_pandas(self) -> pd.DataFrame:
        """Return the rows that are left as a table.

        Raises:
            MissingDependencyError: pandas is not installed.
            InputError: the query fails at one of these rows.
        """
        with optional_dependency("pandas", "pandas", "QueryResult.to_pandas"):
            import pandas as pd
        return pd.DataFrame(list(self), columns=list(self.columns))

    def save(self, path: str | Path) -> None:
        """Write the rows that are left as CSV: UTF-8 with a byte order mark, which Excel needs.

        Args:
            path: the file; it is replaced if it exists.

        Raises:
            OnballError: the file cannot be written.
            InputError: the query fails at one of these rows.
        """
        with (
            atomic_path(path) as temporary,
            temporary.open("w", encoding="utf-8-sig", newline="") as file,
        ):
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(self.columns)
            writer.writerows(self)


def query_events(
    sql: str,
    index: str | Path = "events.parquet",
    *,
    tables: Mapping[str, str | Path] | None = None,
) -> QueryResult:
    """Run an SQL query on an index of events.

        counts = onball.query_events("SELECT team, half, action, count(*) FROM events GROUP BY ALL")
        for team, half, action, count in counts:
            ...

    Args:
        sql: one statement in DuckDB's SQL, on the tables `events`, `matches` and those of `tables`.
        index: the file that `index_events` wrote, or its address on a store, of which a copy is kept in
            the user's cache until it changes.
        tables: further tables by name: CSV files with a header, or Parquet files, or their addresses.

    Raises:
        InputError: a file is missing or no such table, or the query is wrong.
        MissingDependencyError: DuckDB or pyarrow is not installed.
    """
    path = _on_this_machine(index)
    with naming(str(index), path):
        matches = read_indexed_matches(path)
    connection = duckdb.connect(":memory:", config={"threads": choose_threads()})
    try:
        statements = connection.extract_statements(sql)
        kinds = {statement.type for statement in statements}
        if len(statements) != 1 or not kinds <= {_SELECT, _PIVOT}:
            raise InputError(
                "query: must be one statement that reads, such as SELECT count(*) FROM events"
            )
        for name, table in (tables or {}).items():
            place = _on_this_machine(table)
            with naming(str(table), place):
                _add_table(connection, name, place)
        connection.register(_MATCHES, _matches_table(matches))
        _add_events(connection, path, readable=kinds == {_SELECT})
        return QueryResult(connection.execute(statements[0]))
    except duckdb.Error as error:
        raise _query_error(error) from None


def _on_this_machine(file: str | Path) -> Path:
    """The file, or a copy of one on a store."""
    return local_copy(file) if isinstance(file, str) and is_stored(file) else Path(file)


def _add_events(connection: duckdb.DuckDBPyConnection, path: Path, *, readable: bool) -> None:
    """Add the table of events, and then end all other access to files.

    Args:
        connection: the database in memory.
        path: the index.
        readable: let DuckDB read the file itself, which takes a fifth of the time. It could also write it:
            only for statements that cannot.
    """
    if readable:
        place = str(path.absolute()).replace("'", "''")
        connection.execute(f"CREATE VIEW {_EVENTS} AS SELECT * FROM read_parquet('{place}')")
        connection.execute(f"SET allowed_paths = ['{place}']")
    else:
        connection.register(_EVENTS, open_dataset(path))
    connection.execute("SET temp_directory = ''")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _matches_table(matches: Sequence[IndexedMatch]) -> dict[str, NDArray[Any]]:
    """Columns of the table of matches."""
    durations = [match.duration_ms for match in matches]
    columns: dict[str, NDArray[Any]] = {
        name: np.array([getattr(match, name) for match in matches], object)
        for name in ("match", "video", "model", "file")
    }
    columns["events"] = np.array([match.events for match in matches], np.int64)
    columns["duration_ms"] = np.ma.masked_array(
        [duration or 0 for duration in durations],
        [duration is None for duration in durations],
        np.int64,
    )
    return columns


def _add_table(connection: duckdb.DuckDBPyConnection, name: str, path: Path) -> None:
    """Read a file of the caller into a table in memory."""
    if not _NAME.fullmatch(name) or name.lower() in (_EVENTS, _MATCHES):
        raise InputError(f"table '{name}': choose another name, of letters, digits and _")
    if not path.is_file():
        raise InputError(f"{path}: no such file: check the path")
    read = "read_parquet" if path.suffix.lower() == ".parquet" else "read_csv"
    try:
        connection.execute(f'CREATE TABLE "{name}" AS SELECT * FROM {read}(?)', [str(path)])
    except duckdb.Error as error:
        raise InputError(f"{path}: is no table (CSV or Parquet): {_one_line(error)}") from None


def _query_error(error: duckdb.Error) -> InputError:
    return InputError(f"query: {_one_line(error)}")


def _one_line(error: duckdb.Error) -> str:
    """DuckDB's message without the excerpt of the query, which has a line of its own."""
    message = str(error).partition("\n\nLINE ")[0]
    message = re.sub(r"^[A-Z][A-Za-z ]* Error: ", "", message)
    return " ".join(message.split())
