"""Tactical data of FOOTPASS: HDF5 files with one table `[N, 14]` per half of a match.

A row is a person in a frame of the match's video: number of the frame from 0, player, team (0 left,
1 right), shirt number, role, position and speed on the pitch, box in a frame of 1920×1080 pixels (not a
number where the person is not in the image), and the class of the action, 0 for none. Data without
labels lack the last column.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onball.errors import DataError, optional_dependency

FRAME, PLAYER, TEAM, SHIRT, ROLE = range(5)
BOX = slice(9, 13)
CLASS = 13
#: Size of the frames in which boxes are given.
FRAME_SIZE = (1920, 1080)


def list_halves(path: str | Path) -> list[str]:
    """Return the names of the tables of a file, such as `game_18_H1`, in order.

    Raises:
        DataError: the file cannot be read.
    """
    with _opened(Path(path)) as file:
        return sorted(file)


def read_halves(path: str | Path, names: Sequence[str]) -> NDArray[np.float32]:
    """Read tables of a file, one after the other, as float32 `[N, 14]`; without labels `[N, 13]`.

    Raises:
        DataError: the file cannot be read, or a table is missing or of another form.
    """
    path = Path(path)
    tables = []
    with _opened(path) as file:
        for name in names:
            try:
                table = np.asarray(file[name], np.float32)
            except (KeyError, OSError, TypeError, ValueError) as error:
                raise DataError(f"{path}: table '{name}' cannot be read ({error})") from None
            if table.ndim != 2 or table.shape[1] not in (CLASS, CLASS + 1):
                raise DataError(
                    f"{path}: table '{name}' has the shape {list(table.shape)}, not [N, {CLASS + 1}]"
                )
            tables.append(table)
    columns = min((table.shape[1] for table in tables), default=CLASS + 1)
    return np.concatenate(
        [np.empty((0, columns), np.float32), *(table[:, :columns] for table in tables)]
    )


def _opened(path: Path) -> Any:
    with optional_dependency("h5py", "convert", "Reading FOOTPASS's tactical data"):
        import h5py
    try:
        return h5py.File(path, "r")
    except OSError as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{path}: no HDF5 file, or cut off ({reason}): get it again") from None
