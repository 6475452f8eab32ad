"""Parquet files that grow frame by frame, in flat memory; pyarrow is imported from here."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from onball.errors import MissingDependencyError

try:
    import pyarrow as pa
    import pyarrow.parquet as pq
except ImportError:  # pragma: no cover - depends on the installation
    raise MissingDependencyError("pyarrow", "synth", "Writing true tracks") from None

__all__ = ["TableWriter", "names_type", "pa", "pq"]

_ROWS_PER_GROUP = 60_000
#: Small arrays take more memory than their numbers do: so many calls of `write` end a group too.
_WRITES_PER_GROUP = 4_000


def names_type() -> Any:
    """The type of a column of names of which there are few."""
    return pa.dictionary(pa.int8(), pa.string())


class TableWriter:
    """Writes rows to a Parquet file, one row group after the other. A context manager.

    Args:
        path: the file; its folder must exist.
        schema: the columns.
        names: for each column of type `names_type()` all names it may have: its rows are then
            given as indices into them.
    """

    def __init__(self, path: Path, schema: Any, names: dict[str, tuple[str, ...]]) -> None:
        self._file = pq.ParquetWriter(path, schema, compression="zstd")
        self._schema = schema
        self._names = names
        self._pending: list[tuple[NDArray[Any], ...]] = []
        self._rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()
        self._file.close()

    def write(self, *columns: NDArray[Any]) -> None:
        """Some more rows: `[N]` for each column of the schema, in its order."""
        self._pending.append(columns)
        self._rows += len(columns[0])
        if self._rows >= _ROWS_PER_GROUP or len(self._pending) >= _WRITES_PER_GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            parts = zip(*self._pending, strict=True)
            arrays = [
                self._array(field, np.concatenate(part))
                for field, part in zip(self._schema, parts, strict=True)
            ]
            self._file.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
        self._pending, self._rows = [], 0

    def _array(self, field: Any, values: NDArray[Any]) -> Any:
        if field.name in self._names:
            indices = pa.array(values, pa.int8())
            return pa.DictionaryArray.from_arrays(indices, pa.array(self._names[field.name]))
        return pa.array(values, field.type)
