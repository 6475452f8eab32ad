"""Columns of a tracks file as arrays; each says which column or row is of no use.

Types are those of the tracks file or others that hold the same values: any whole numbers for times
and tracks, any numbers for boxes and scores, plain text for classes.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onball.errors import DataError, MissingDependencyError
from onball.tracks import KINDS

try:
    import pyarrow as pa
except ImportError:  # pragma: no cover - depends on the installation
    raise MissingDependencyError("pyarrow", "track", "Reading and writing tracks") from None

BOX = ("x0", "y0", "x1", "y1")
#: Stands for a name that is not in `KINDS`.
_UNKNOWN = 255


def require_columns(path: Path, table: Any, names: Iterable[str]) -> None:
    """Raise `DataError` that names the first of the columns that the table lacks."""
    for name in names:
        if name not in table.column_names:
            raise DataError(f"{path}: has no column '{name}': is it a tracks file?")


def numbers_of(path: Path, table: Any, name: str, dtype: type[Any]) -> NDArray[Any]:
    """A column `[N]` of numbers, as `dtype`.

    Raises `DataError` if it is of another type or a row has no value. Nothing is rounded: for a
    `dtype` of whole numbers the column must be of whole numbers too.
    """
    column = table.column(name)
    whole = np.issubdtype(dtype, np.integer)
    if not pa.types.is_integer(column.type) and (whole or not pa.types.is_floating(column.type)):
        wanted = "whole numbers" if whole else "numbers"
        raise DataError(f"{path}: column '{name}' is not of {wanted} but of type {column.type}")
    _refuse_gaps(path, column, name)
    return np.asarray(column.to_numpy(), dtype)


def boxes_of(path: Path, table: Any) -> NDArray[np.float32]:
    """The boxes `[N, 4]`, in pixels. Errors as of `numbers_of`."""
    return np.stack([numbers_of(path, table, name, np.float32) for name in BOX], axis=1)


def kinds_of(path: Path, table: Any, name: str, other_names: dict[str, str]) -> NDArray[np.uint8]:
    """Indices `[N]` into `KINDS` of a column of names.

    Args:
        path: the file, for errors.
        table: what it holds.
        name: of the column.
        other_names: what else the kinds may be called there.

    Raises `DataError` for a column of another type, a row without a name or with an unknown one.
    """
    column = table.column(name)
    # Before the numbers behind the names are taken: where there is no name, there is none.
    _refuse_gaps(path, column, name)
    try:
        array = column.combine_chunks()
        encoded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
        if isinstance(encoded, pa.ChunkedArray):
            encoded = encoded.unify_dictionaries().combine_chunks()
        names = encoded.dictionary.to_pylist()
        indices = np.asarray(encoded.indices.to_numpy(zero_copy_only=False), np.int64)
    except (pa.ArrowException, ValueError, TypeError, AttributeError):
        raise DataError(f"{path}: column '{name}' is not of names") from None
    known = [other_names.get(one, one) for one in names]
    numbers = [KINDS.index(one) if one in KINDS else _UNKNOWN for one in known]
    kinds = np.array(numbers or [_UNKNOWN], np.uint8)[indices]
    if (kinds == _UNKNOWN).any():
        row = int(np.argmax(kinds == _UNKNOWN))
        raise DataError(
            f"{path}: row {row}: unknown class '{names[indices[row]]}': one of {', '.join(KINDS)}"
        )
    return kinds


def _refuse_gaps(path: Path, column: Any, name: str) -> None:
    if column.null_count:
        row = int(np.argmax(column.is_null().to_numpy()))
        raise DataError(f"{path}: row {row}: no value in column '{name}': fill it or drop the row")
