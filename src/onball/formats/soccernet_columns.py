"""Columns of SoccerNet's files: fast reading of usual files as arrays, for the metric and the index.

A file as SoccerNet and this package write it is decoded without an object per entry, and checked one
column at a time. Anything unusual in it, such as a missing field or a value out of range, passes the
whole file to the strict reader of `soccernet.py`, which accepts it or reports the invalid entry. So
the fast decoder may accept less than the strict reader, but never more, and never reads a value
differently.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from onball.actions import BALL_ACTIONS, ActionSet
from onball.errors import LabelError
from onball.events import POSITION_LIMIT_MS, SIDE_INDEX, EventColumns, SpottingInfo
from onball.formats.soccernet import half_of, parse_info, read_labels, read_results

# Usual files. Whole numbers are `int | float`, because as a mere `int` the text "12.0" would pass for
# 12. Without `gc`, because searching a large file for cycles takes time.


class _Prediction(msgspec.Struct, gc=False):
    label: str
    position: int | float
    half: int | float
    confidence: float
    team: str | None = None


class _Annotation(msgspec.Struct, gc=False, rename="camel"):
    game_time: str
    label: str
    position: int | float
    confidence: float = 1.0
    team: str | None = None


class _ResultsFile(msgspec.Struct, gc=False):
    predictions: list[_Prediction]
    match: str = msgspec.field(default="", name="UrlLocal")
    onball: dict[str, Any] | None = None


class _LabelsFile(msgspec.Struct, gc=False):
    annotations: list[_Annotation]
    match: str = msgspec.field(default="", name="UrlLocal")


# Not strict: numbers may be written as text, as SoccerNet does it.
_RESULTS_DECODER = msgspec.json.Decoder(_ResultsFile, strict=False)
_LABELS_DECODER = msgspec.json.Decoder(_LabelsFile, strict=False)
_SIDES: dict[str | None, int] = {
    None: -1,
    "not applicable": -1,  # as SoccerNet has it
    **{team.value: side for team, side in SIDE_INDEX.items()},
}
_File = TypeVar("_File", _ResultsFile, _LabelsFile)


def read_label_columns(path: str | Path, actions: ActionSet = BALL_ACTIONS) -> EventColumns:
    """Read the annotations of a `Labels-ball.json` as arrays, sorted by time; `match` is 0.

    Args:
        path: the file.
        actions: the actions that may occur.

    Raises:
        LabelError: as in `read_labels`, and for an empty file.
    """
    file = _decoded(path, _LABELS_DECODER, "get the labels again")
    if file is not None:
        halves = [half_of(entry.game_time) for entry in file.annotations]
        columns = _usual_columns(file.annotations, halves, actions)
        if columns is not None:
            return columns.where(np.argsort(columns.position_ms, kind="stable"))
    return EventColumns.of([read_labels(path, actions)], actions)


def read_result_columns(path: str | Path, actions: ActionSet = BALL_ACTIONS) -> EventColumns:
    """Read the predictions of a `results_spotting.json` as arrays, in its order; `match` is 0.

    Args:
        path: the file.
        actions: the actions that `EventColumns.action` refers to. It is -1 for others that may
            occur, see `read_results`.

    Raises:
        LabelError: as in `read_results`, and for an empty file.
    """
    file = _decoded(path, _RESULTS_DECODER, "write the predictions again")
    if file is not None:
        halves = [entry.half for entry in file.predictions]
        columns = _usual_columns(file.predictions, halves, actions)
        if columns is not None:
            return columns
    return EventColumns.of([read_results(path, file_order=True, actions=actions)], actions)


@dataclass(frozen=True, slots=True)
class DescribedColumns:
    """The predictions of a file as arrays, and what they were made with.

    Attributes:
        columns: in the order of the file.
        actions: the actions that `columns.action` refers to.
        info: model, video and thresholds; None if onball did not write the file.
    """

    columns: EventColumns
    actions: ActionSet
    info: SpottingInfo | None


def read_described_columns(
    path: str | Path, actions: ActionSet = BALL_ACTIONS
) -> DescribedColumns | None:
    """Read a `results_spotting.json` with its object "onball"; None if it is not a usual file.

    Args:
        path: the file.
        actions: actions that may occur, beside those that `read_results` accepts.

    Raises:
        LabelError: the file is empty, or its object "onball" is damaged.
    """
    file = _decoded(path, _RESULTS_DECODER, "write the predictions again")
    if file is None:
        return None
    info = parse_info(path, {"onball": file.onball})
    known = (
        actions.union(BALL_ACTIONS) if info is None else info.classes.union(actions, BALL_ACTIONS)
    )
    halves = [entry.half for entry in file.predictions]
    columns = _usual_columns(file.predictions, halves, known)
    return None if columns is None else DescribedColumns(columns, known, info)


def _decoded(path: str | Path, decoder: msgspec.json.Decoder[_File], advice: str) -> _File | None:
    """Decode a file; None if it is not as usual. Raises `LabelError` if it is empty."""
    try:
        content = Path(path).read_bytes()
    except OSError:
        return None
    if not content:
        raise LabelError(f"{path}: the file is empty (0 bytes): {advice}")
    content = content.removeprefix(BOM_UTF8)
    try:
        if not content.isascii():
            content.decode()  # the decoder does not check the text of fields that it ignores
        return decoder.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _usual_columns(
    entries: Sequence[_Prediction] | Sequence[_Annotation],
    halves: Sequence[float | None],
    actions: ActionSet,
) -> EventColumns | None:
    """Convert the entries to arrays; None if one is not as usual.

    Args:
        entries: `[N]`.
        halves: the half of each, None where there is none.
        actions: the actions.
    """
    order = {action.value: index for index, action in enumerate(actions)}
    n = len(entries)
    if n == 0:
        return EventColumns.of([])
    half = _whole_numbers(halves, least=1)
    position_ms = _whole_numbers([entry.position for entry in entries], least=0)
    confidence = np.fromiter((entry.confidence for entry in entries), np.float64, n)
    within = (confidence >= 0) & (confidence <= 1)  # false for NaN too
    if half is None or position_ms is None or not within.all():
        return None
    try:
        return EventColumns(
            match=np.zeros(n, np.int64),
            half=half,
            action=np.fromiter((order[entry.label] for entry in entries), np.int64, n),
            position_ms=position_ms,
            confidence=confidence,
            side=np.fromiter((_SIDES[entry.team] for entry in entries), np.int64, n),
        )
    except KeyError:
        return None


def _whole_numbers(values: Sequence[float | None], least: int) -> NDArray[np.int64] | None:
    """Convert values to integers; None if one is not whole, or out of range."""
    array = np.array(values)
    if array.dtype.kind != "i":  # one float among integers makes all of them floats
        return None
    whole = array.astype(np.int64)
    return whole if ((whole >= least) & (whole < POSITION_LIMIT_MS)).all() else None
