"""Prediction and label files straight into columns: a hundred thousand entries in a moment.

Files as SoccerNet and this package write them are read without making an `Event` of every entry.
Whatever is unusual in a file, such as a missing field or a value out of range, sends the whole
file through the exact reader of `formats.soccernet`, which accepts it or says what is wrong where.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from onball.actions import ACTIONS
from onball.errors import LabelError
from onball.evaluation.columns import SIDE_INDEX, Columns
from onball.files import read_json_object
from onball.formats.soccernet import read_labels, read_results

_ACTIONS = {action.value: action.order for action in ACTIONS}
_SIDES: dict[object, int] = {None: -1} | {team.value: side for team, side in SIDE_INDEX.items()}
_FIELDS = itemgetter("label", "position", "half", "confidence")
#: As many digits as `formats.soccernet` takes for a position.
_MOST_DIGITS = 12


def read_predictions(path: str | Path) -> Columns:
    """The predictions of a `results_spotting.json`, in the order of the file; match 0.

    Raises `LabelError` as `formats.read_results` does, and for a file that is empty.
    """
    if Path(path).is_file() and Path(path).stat().st_size == 0:
        raise LabelError(f"{path}: the file is empty (0 bytes): write the predictions again")
    with _no_garbage_collection():
        content = read_json_object(path, LabelError)
        quick = _usual(content.get("predictions"))
    return Columns.of([read_results(path, file_order=True)]) if quick is None else quick


def read_truth(path: str | Path) -> Columns:
    """The annotations of a `Labels-ball.json`; match 0.

    Raises `LabelError` as `formats.read_labels` does, and for a file that is empty.
    """
    if Path(path).is_file() and Path(path).stat().st_size == 0:
        raise LabelError(f"{path}: the file is empty (0 bytes): get the labels again")
    return Columns.of([read_labels(path)])


def _usual(entries: Any) -> Columns | None:
    """The entries, if each is as usual; else None."""
    if not isinstance(entries, list):
        return None
    n = len(entries)
    if n == 0:
        return Columns.of([])
    try:
        labels, positions, halves, scores = zip(*map(_FIELDS, entries), strict=True)
        digits = "".join(positions) + "".join(halves)
        if not (digits.isascii() and digits.isdecimal()):
            return None
        if max(map(len, positions)) > _MOST_DIGITS or not set(halves) <= {"1", "2"}:
            return None
        confidence = np.fromiter(map(float, scores), np.float64, n)
        if not ((confidence >= 0) & (confidence <= 1)).all():  # false for NaN too
            return None
        return Columns(
            match=np.zeros(n, np.int64),
            half=np.fromiter(map({"1": 1, "2": 2}.__getitem__, halves), np.int64, n),
            action=np.fromiter(map(_ACTIONS.__getitem__, labels), np.int64, n),
            position_ms=np.fromiter(map(int, positions), np.int64, n),
            confidence=confidence,
            side=np.fromiter((_SIDES[entry.get("team")] for entry in entries), np.int64, n),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return None


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """No search for cycles while a large tree without any is built: it takes a third of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
