"""Prediction and label files straight into columns: a hundred thousand entries in a moment.

Files as SoccerNet and this package write them are decoded without making an `Event` of every
entry, and checked a column at a time. Whatever is unusual in a file, such as a missing field or a
value out of range, sends the whole file through the exact reader of `formats.soccernet`, which
accepts it or says what is wrong where. So the quick way may be narrower than the exact one, but
must never take what the exact one refuses, or read it differently.
"""

from __future__ import annotations

import difflib
import tempfile
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from onball.actions import ACTIONS
from onball.data.layout import Match, find_matches, some_names
from onball.errors import DataError, InputError, LabelError, OnballWarning
from onball.evaluation.matching import SIDE_INDEX, Columns
from onball.evaluation.metrics import SpottingReport, report_columns
from onball.evaluation.spotting import SpottingResult, action_matcher, average_of, check_tolerances
from onball.formats.soccernet import RESULTS_FILE, half_of, read_labels, read_results

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


# --- Where prediction files lie, and what is missing or misnamed among them.


def prediction_files(
    predictions: Path, matches: Sequence[Match], split: str
) -> tuple[list[Path], list[str]]:
    """The prediction file of each match, and the names of other matches that have one.

    Args:
        predictions: the folder with `<match>/results_spotting.json`; for one match a file will do.
        matches: of the split.
        split: its name, for messages.

    Raises `DataError` that says what is missing, and which name comes near it.
    """
    if predictions.is_file():
        if len(matches) > 1:
            raise DataError(
                f"{predictions}: one file, but '{split}' has {len(matches)} matches: name the "
                f"folder that holds <match>/{RESULTS_FILE}"
            )
        return [predictions], []
    if not predictions.is_dir():
        raise DataError(f"{predictions}: no such folder: name the one with the predictions")
    found = {
        file.parent.relative_to(predictions).as_posix(): file
        for file in sorted(predictions.rglob(RESULTS_FILE))
        if file.is_file()
    }
    names = [match.name for match in matches]
    missing = [name for name in names if name not in found]
    if missing:
        others = [name for name in found if name not in names]
        hint = _hint(predictions, missing, others)
        raise DataError(f"{predictions}: no <match>/{RESULTS_FILE} for {some_names(missing)}{hint}")
    return [found[name] for name in names], [name for name in found if name not in names]


def _hint(predictions: Path, missing: Sequence[str], others: Sequence[str]) -> str:
    """What may be meant by the files that are there; empty if nothing comes near."""
    name = missing[0]
    folder = predictions / name
    if folder.is_dir():
        files = sorted(file.name for file in folder.iterdir() if file.suffix.lower() == ".json")
        if files:
            return f": its folder holds '{files[0]}'; rename it to {RESULTS_FILE}"
        return ": its folder is there, without the file"
    for other in others:
        if other.endswith(f"/{name}"):
            return f": name the folder '{predictions / other.removesuffix(f'/{name}')}' instead"
    short = name.rpartition("/")[2]
    if short in others or name.partition("/")[2] in others:
        return f": the folder must be '{name}', with league and season"
    close = difflib.get_close_matches(name, others, n=1)
    if close:
        return f": there is '{close[0]}'; rename it to '{name}'"
    if others:
        return f": there are {some_names(others)}; is this the right split?"
    return ": there is no such file at all"


# --- Evaluating prediction files on disk against the labels of a split.


def evaluate_folder(
    predictions: str | Path, root: str | Path, split: str, tolerance_s: float = 1.0
) -> SpottingResult:
    """Spotting AP of `<predictions>/<match>/results_spotting.json` on the matches of a split.

    Args:
        predictions: the folder, or a zip of it; for a split of one match also a file itself.
        root: the folder of the data set; labels alone will do, no video is read.
        split: `train`, `valid`, `test`, `challenge` or `all`.
        tolerance_s: δ in seconds; a prediction matches within ±δ/2.

    Warns with `OnballWarning` of prediction files that belong to no match of the split, and of
    files without any entry. Raises `DataError` if a match has no prediction file or no labels, or
    predictions in a half that it does not have; `LabelError` for a broken file.
    """
    check_tolerances([tolerance_s])
    pair = _read(predictions, root, split)
    matcher = action_matcher(pair.truth, pair.predictions, len(pair.names))
    return average_of(matcher, (tolerance_s,)).results[0]


def report_folder(
    predictions: str | Path,
    root: str | Path,
    split: str,
    tolerance_s: float = 1.0,
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> SpottingReport:
    """Everything about the predictions on disk; arguments and errors as of `evaluate_folder`.

    `resamples` and `seed` are those of `report_spotting`.
    """
    check_tolerances([tolerance_s])
    pair = _read(predictions, root, split)
    return report_columns(
        pair.truth, pair.predictions, pair.names, tolerance_s, resamples=resamples, seed=seed
    )


@contextmanager
def unpacked(predictions: str | Path) -> Iterator[Path]:
    """The folder or file itself, or for the time of the block what a zip holds.

    Errors raised in the block name the zip, not the temporary folder. Raises `DataError` if the
    zip is broken.
    """
    path = Path(predictions)
    if path.suffix.lower() != ".zip":
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="onball-") as folder:
        try:
            with zipfile.ZipFile(path) as archive:
                archive.extractall(folder)
        except FileNotFoundError:
            raise DataError(f"{path}: no such file: name the zip with the predictions") from None
        except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError) as error:
            raise DataError(f"{path}: not a zip that can be read ({error})") from None
        try:
            yield Path(folder)
        except InputError as error:
            raise type(error)(str(error).replace(folder, str(path))) from None


@dataclass(frozen=True, slots=True)
class _Pair:
    """Truth and predictions of the same matches."""

    names: list[str]
    truth: Columns
    predictions: Columns


def _read(predictions: str | Path, root: str | Path, split: str) -> _Pair:
    matches = labelled_matches(root, split)
    with unpacked(predictions) as place:
        files, others = prediction_files(place, matches, split)
        if others:
            message = f"{predictions}: not in '{split}', left out: {some_names(others)}"
            warnings.warn(message, OnballWarning, stacklevel=3)
        truth = [read_truth(match.require_labels()) for match in matches]
        found = [read_predictions(file) for file in files]
        for match, labels, events, file in zip(matches, truth, found, files, strict=True):
            _check_halves(match, labels, events, file)
            _warn_of_nothing(match, labels, events, file)
    return _Pair([m.name for m in matches], Columns.joined(truth), Columns.joined(found))


def labelled_matches(root: str | Path, split: str) -> list[Match]:
    """The matches of a split. Raises `DataError` if one has no labels, and as `find_matches`."""
    matches = find_matches(root, split)
    unlabelled = [match.name for match in matches if match.labels is None]
    if unlabelled:
        raise DataError(f"{root}: no labels to evaluate '{split}' on for {some_names(unlabelled)}")
    return matches


def _check_halves(match: Match, labels: Columns, events: Columns, file: Path) -> None:
    """Raise `DataError` for predictions in a half that no label of the match is in."""
    if len(labels) == 0:
        return
    stray = events.half[~np.isin(events.half, labels.half)]
    # A match of two halves may have no label of one action in one of them, but never none at all.
    if len(stray):
        raise DataError(
            f"{file}: {len(stray)} predictions are in half {stray[0]}, but all labels of "
            f"'{match.name}' are in half {labels.half.max()}: it is one file, so count positions "
            "from its start and write half 1"
        )


def _warn_of_nothing(match: Match, labels: Columns, events: Columns, file: Path) -> None:
    if len(labels) == 0:
        warnings.warn(f"{match.labels}: no labels in it", OnballWarning, stacklevel=4)
    if len(events) == 0:
        message = f"'{match.name}': no predictions in its {file.name}: all its actions are missed"
        warnings.warn(message, OnballWarning, stacklevel=4)
