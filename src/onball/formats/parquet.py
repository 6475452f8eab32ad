"""Parquet tables: files that grow with flat memory, and columns as checked NumPy arrays.

The only module that imports pyarrow. A table has one row group per 60,000 rows, so that a file of a
whole match is written, and can be read, piece by piece.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from onball.errors import DataError, optional_dependency

with optional_dependency("pyarrow", "track", "Reading and writing tracks"):
    import pyarrow as pa
    import pyarrow.parquet as pq

_ROWS_PER_GROUP = 60_000
#: Small arrays take more memory than their numbers, so this many writes end a row group too.
_WRITES_PER_GROUP = 4_000
#: Errors of pyarrow for damaged bytes; names that are not UTF-8 raise `ValueError`.
_UNREADABLE = (pa.ArrowException, OSError, ValueError)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes:
        name: its name in the file.
        dtype: NumPy type of the values; `object` for text. A masked array has no value in some rows.
        names: for a column of names, all that may occur; its values are indices into them. The file
            holds the names themselves, as a dictionary column.
    """

    name: str
    dtype: DTypeLike
    names: tuple[str, ...] = ()


def arrow_schema(columns: Iterable[Column]) -> Any:
    """Return the `pyarrow.Schema` of a table with these columns."""
    names = pa.dictionary(pa.int8(), pa.string())
    return pa.schema([(one.name, names if one.names else _arrow_type(one)) for one in columns])


def _arrow_type(column: Column) -> Any:
    return pa.string() if column.dtype is object else pa.from_numpy_dtype(column.dtype)


class TableWriter:
    """Writer of a Parquet file whose rows arrive one after the other. A context manager.

    An exception inside the block closes the file without the rows that are still in memory.

    Args:
        path: the file; its folder must exist.
        columns: columns of the table.
    """

    def __init__(self, path: Path, columns: Sequence[Column]) -> None:
        self._columns = tuple(columns)
        self._schema = arrow_schema(columns)
        # With checksums, because a damaged file may otherwise read as other numbers.
        self._file = pq.ParquetWriter(
            path, self._schema, compression="zstd", write_page_checksum=True
        )
        self._pending: list[tuple[NDArray[Any], ...]] = []
        self._tables: list[Any] = []
        self._rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if error is None:
            self._flush()
        self._file.close()

    def write(self, *columns: NDArray[Any]) -> None:
        """Append rows: an array `[N]` for each column, in the order of the columns."""
        self._pending.append(columns)
        self._rows += len(columns[0])
        if self._rows >= _ROWS_PER_GROUP or len(self._pending) >= _WRITES_PER_GROUP:
            self._flush()

    def copy(self, table: Table) -> None:
        """Append rows of another file with the same columns."""
        self._convert()
        self._tables.append(table.arrow)
        self._rows += len(table)
        if self._rows >= _ROWS_PER_GROUP:
            self._flush()

    def set_metadata(self, key: bytes, value: bytes) -> None:
        """Store a value in the metadata of the file, see `read_metadata`."""
        self._file.add_key_value_metadata({key: value})

    def _convert(self) -> None:
        """Put the arrays that are pending into one table."""
        if self._pending:
            arrays = [
                _arrow_array(column, _concatenate(parts))
                for column, parts in zip(
                    self._columns, zip(*self._pending, strict=True), strict=True
                )
            ]
            self._tables.append(pa.Table.from_arrays(arrays, schema=self._schema))
        self._pending = []

    def _flush(self) -> None:
        self._convert()
        if self._rows:
            self._file.write_table(pa.concat_tables(self._tables))
        self._tables, self._rows = [], 0


def _concatenate(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    masked = any(isinstance(part, np.ma.MaskedArray) for part in parts)
    joined: NDArray[Any] = (np.ma if masked else np).concatenate(parts)
    return joined


def _arrow_array(column: Column, values: NDArray[Any]) -> Any:
    if not column.names:
        mask = np.ma.getmaskarray(values) if isinstance(values, np.ma.MaskedArray) else None
        return pa.array(np.asarray(values, column.dtype), _arrow_type(column), mask)
    return pa.DictionaryArray.from_arrays(
        pa.array(values.astype(np.int8)), pa.array(list(column.names))
    )


class UnreadableError(Exception):
    """A file that is not Parquet, or is damaged. The message is one line."""


class Table:
    """A table in memory, or one row group of it.

    Args:
        path: the file, for error messages.
        table: a `pyarrow.Table`.
    """

    def __init__(self, path: Path, table: Any) -> None:
        self._path = path
        self._table = table

    def __len__(self) -> int:
        return int(self._table.num_rows)

    @property
    def arrow(self) -> Any:
        """The `pyarrow.Table`."""
        return self._table

    def rows(self, start: int, stop: int) -> Table:
        """Return some of the rows."""
        return Table(self._path, self._table.slice(start, stop - start))

    @property
    def column_names(self) -> list[str]:
        """Names of the columns, in the order of the file."""
        return list(self._table.column_names)

    def require(self, names: Iterable[str]) -> None:
        """Raise `DataError` with the name of the first column that is missing."""
        for name in names:
            if name not in self.column_names:
                raise DataError(f"{self._path}: has no column '{name}': is it a tracks file?")

    def numbers(self, name: str, dtype: type[Any]) -> NDArray[Any]:
        """Return a column `[N]` of numbers as `dtype`.

        Any type that holds the same values will do, but nothing is rounded: an integer `dtype`
        requires a column of integers.

        Raises:
            DataError: the column has another type, or a row has no value.
        """
        column = self._table.column(name)
        whole = np.issubdtype(dtype, np.integer)
        if not pa.types.is_integer(column.type) and (
            whole or not pa.types.is_floating(column.type)
        ):
            wanted = "whole numbers" if whole else "numbers"
            raise DataError(
                f"{self._path}: column '{name}' is not of {wanted} but of type {column.type}"
            )
        self._refuse_gaps(column, name)
        return np.asarray(column.to_numpy(), dtype)

    def texts(self, name: str) -> list[str]:
        """Return a column of text.

        Raises:
            DataError: the column has another type, or a row has no value.
        """
        column = self._table.column(name)
        if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
            raise DataError(f"{self._path}: column '{name}' is not of text but of {column.type}")
        self._refuse_gaps(column, name)
        return list(column.to_pylist())

    def indices(self, name: str, names: Sequence[str], listed: Sequence[str]) -> NDArray[np.uint8]:
        """Return a column of names as indices `[N]` into `names`.

        The file may hold the names as a dictionary or as plain text.

        Args:
            name: the column.
            names: names that may occur.
            listed: those of them that the error message lists.

        Raises:
            DataError: the column has another type, or a row has no name or an unknown one.
        """
        column = self._table.column(name)
        # Before the indices are taken: a row without a name has no index.
        self._refuse_gaps(column, name)
        try:
            array = column.combine_chunks()
            encoded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
            if isinstance(encoded, pa.ChunkedArray):
                encoded = encoded.unify_dictionaries().combine_chunks()
            found = encoded.dictionary.to_pylist()
            places = np.asarray(encoded.indices.to_numpy(zero_copy_only=False), np.int64)
        except (pa.ArrowException, ValueError, TypeError, AttributeError):
            raise DataError(f"{self._path}: column '{name}' is not of names") from None
        unknown = len(names)
        known = [names.index(one) if one in names else unknown for one in found]
        indices = np.array(known or [unknown], np.uint8)[places]
        if (indices == unknown).any():
            row = int(np.argmax(indices == unknown))
            raise DataError(
                f"{self._path}: row {row}: unknown {name} '{found[places[row]]}': one of "
                f"{', '.join(listed)}"
            )
        return indices

    def _refuse_gaps(self, column: Any, name: str) -> None:
        if column.null_count:
            row = int(np.argmax(column.is_null().to_numpy()))
            raise DataError(
                f"{self._path}: row {row}: no value in column '{name}': fill it or drop the row"
            )


def read_table(path: Path) -> Table:
    """Read a whole file. Raises `UnreadableError` if it is damaged or not Parquet."""
    try:
        table = pq.read_table(path, page_checksum_verification=True)
        list(table.column_names)  # names that are not text fail only when they are looked at
    except _UNREADABLE as error:
        raise UnreadableError(_one_line(error)) from None
    return Table(path, table)


def read_row_groups(path: Path, columns: Sequence[str] | None = None) -> Iterator[Table]:
    """Read a file piece by piece, with flat memory. Errors are those of `read_table`.

    Args:
        path: the file.
        columns: names of the columns to read; None for all. A name that it lacks is left out.
    """
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            for group in range(file.num_row_groups):
                yield Table(path, file.read_row_group(group, columns=columns))
    except _UNREADABLE as error:
        raise UnreadableError(_one_line(error)) from None


def open_dataset(path: Path) -> Any:
    """Return a `pyarrow.dataset.Dataset`, which other libraries read column by column.

    Raises `UnreadableError` if the file is damaged or not Parquet.
    """
    import pyarrow.dataset as ds  # loads pandas where that is installed, which takes half a second

    try:
        return ds.dataset(path, format="parquet")
    except _UNREADABLE as error:
        raise UnreadableError(_one_line(error)) from None


def read_metadata(path: Path) -> tuple[dict[bytes, bytes], list[str]]:
    """Read the metadata of a file and the names of its columns. Errors as in `read_table`."""
    try:
        file = pq.read_metadata(path)
        return dict(file.metadata or {}), list(file.schema.names)
    except _UNREADABLE as error:
        raise UnreadableError(_one_line(error)) from None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
