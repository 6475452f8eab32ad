"""Prediction and label files straight into columns: a hundred thousand entries in a moment.

Files as SoccerNet and this package write them are decoded without making an `Event` of every
entry, and checked a column at a time. Whatever is unusual in a file, such as a missing field or a
value out of range, sends the whole file through the exact reader of `formats.soccernet`, which
accepts it or says what is wrong where. So the quick way may be narrower than the exact one, but
must never take what the exact one refuses, or read it differently.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from onball.actions import ACTIONS
from onball.errors import LabelError
from onball.evaluation.columns import SIDE_INDEX, Columns
from onball.formats.soccernet import half_of, read_labels, read_results

_File = TypeVar("_File", "_Results", "_Labels")

_ACTIONS = {action.value: action.order for action in ACTIONS}
_SIDES: dict[str | None, int] = {
    None: -1,
    "not applicable": -1,  # as SoccerNet has it
    **{team.value: side for team, side in SIDE_INDEX.items()},
}
#: Above all whole numbers of as many digits as `formats.soccernet` takes for a position.
_TOO_LARGE = 10**12
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# `int | float` for whole numbers, because as a mere `int` the text "12.0" would pass for 12.
# Without `gc`, because the search for cycles in a large file without any takes its time.


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


class _Results(msgspec.Struct, gc=False):
    predictions: list[_Prediction]
    match: str = msgspec.field(default="", name="UrlLocal")


class _Labels(msgspec.Struct, gc=False):
    annotations: list[_Annotation]
    match: str = msgspec.field(default="", name="UrlLocal")


# Not strict: numbers may be written as text, as SoccerNet does it.
_RESULTS = msgspec.json.Decoder(_Results, strict=False)
_LABELS = msgspec.json.Decoder(_Labels, strict=False)


def read_predictions(path: str | Path) -> Columns:
    """The predictions of a `results_spotting.json`, in the order of the file; match 0.

    Raises `LabelError` as `formats.read_results` does, and for a file that is empty.
    """
    results = _decoded(path, _RESULTS, "write the predictions again")
    if results is not None:
        entries = results.predictions
        columns = _usual(entries, [entry.half for entry in entries])
        if columns is not None:
            return columns
    return Columns.of([read_results(path, file_order=True)])


def read_truth(path: str | Path) -> Columns:
    """The annotations of a `Labels-ball.json`, sorted by time; match 0.

    Raises `LabelError` as `formats.read_labels` does, and for a file that is empty.
    """
    labels = _decoded(path, _LABELS, "get the labels again")
    if labels is not None:
        entries = labels.annotations
        columns = _usual(entries, [half_of(entry.game_time) for entry in entries])
        if columns is not None:
            return columns.where(np.argsort(columns.position_ms, kind="stable"))
    return Columns.of([read_labels(path)])


def _decoded(path: str | Path, decoder: msgspec.json.Decoder[_File], advice: str) -> _File | None:
    """What the file holds; None if it is not as usual. Raises `LabelError` if it is empty."""
    try:
        content = Path(path).read_bytes()
    except OSError:
        return None
    if not content:
        raise LabelError(f"{path}: the file is empty (0 bytes): {advice}")
    content = content.removeprefix(_BYTE_ORDER_MARK)
    try:
        if not content.isascii():
            content.decode()  # the decoder does not check the text of fields it has no use for
        return decoder.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _usual(
    entries: Sequence[_Prediction] | Sequence[_Annotation], halves: Sequence[float | None]
) -> Columns | None:
    """The entries, if each is as usual; else None. `halves` has None where there is none."""
    n = len(entries)
    if n == 0:
        return Columns.of([])
    half = _whole(halves, least=1)
    position_ms = _whole([entry.position for entry in entries], least=0)
    confidence = np.fromiter((entry.confidence for entry in entries), np.float64, n)
    within = (confidence >= 0) & (confidence <= 1)  # false for NaN too
    if half is None or position_ms is None or not within.all():
        return None
    try:
        return Columns(
            match=np.zeros(n, np.int64),
            half=half,
            action=np.fromiter((_ACTIONS[entry.label] for entry in entries), np.int64, n),
            position_ms=position_ms,
            confidence=confidence,
            side=np.fromiter((_SIDES[entry.team] for entry in entries), np.int64, n),
        )
    except KeyError:
        return None


def _whole(values: Sequence[float | None], least: int) -> NDArray[np.int64] | None:
    """The values as whole numbers; None if one is not whole, or out of range."""
    array = np.array(values)
    if array.dtype.kind != "i":  # one float among whole numbers makes all of them floats
        return None
    whole = array.astype(np.int64)
    return whole if ((whole >= least) & (whole < _TOO_LARGE)).all() else None
