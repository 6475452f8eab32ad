"""Evaluation of prediction files on disk against the labels of a split."""

from __future__ import annotations

import difflib
import lzma
import tempfile
import warnings
import zipfile
import zlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from onball.actions import ActionSet
from onball.data.classes import label_classes, labelled_classes, read_labels_of
from onball.data.layout import SPLITS, Match, composed_name, find_matches, some_names
from onball.errors import DataError, InputError, OnballWarning
from onball.evaluation.metrics import SpottingReport, report_columns
from onball.evaluation.spotting import SpottingResult, action_matcher, average_of, check_tolerances
from onball.events import EventColumns
from onball.formats.event_table import TABLE_FILE, read_event_table
from onball.formats.soccernet import (
    LABELS_FILE,
    RESULTS_FILE,
    read_result_classes,
)
from onball.formats.soccernet_columns import read_label_columns, read_result_columns
from onball.formats.zip_names import decode_names
from onball.outputs import RECORD_FILE, edited_files

#: Bytes of the largest file that is unpacked: 100 times those of a match with all its candidates.
_LARGEST_FILE = 512 << 20
#: Endings of archives that are not read.
_OTHER_ARCHIVES = (".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar")
#: Exceptions that a damaged or encrypted zip raises.
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
)


def prediction_files(
    predictions: Path, matches: Sequence[Match], root: Path, split: str
) -> tuple[list[Path], list[str]]:
    """Find the prediction file of each match.

    Names are compared in Unicode's composed form (NFC): some systems write "ã" as two characters.

    Args:
        predictions: folder with `<match>/results_spotting.json`, or `events.csv` where that is
            missing; for one match also a file of either kind, or the folder that holds it. The
            matches may be in a folder in it, as in a zip of a folder.
        matches: matches of the split.
        root: folder of the data set, for error messages.
        split: name of the split, for error messages.

    Returns:
        The files, and the names of other matches that have one.

    Raises:
        DataError: a file is missing, and the message suggests a similar name; or two folders hold
            the same matches.
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
        composed_name(file.parent.relative_to(predictions).as_posix()): file
        for name in (TABLE_FILE, RESULTS_FILE)  # the latter replaces the former
        for file in sorted(predictions.rglob(name))
        if file.is_file()
    }
    names = [composed_name(match.name) for match in matches]
    if list(found) == ["."]:  # a match of its own
        return prediction_files(found["."], matches, root, split)
    found = _without_outer_folder(predictions, found, names)
    missing = [name for name in names if name not in found]
    if missing:
        others = [name for name in found if name not in names]
        hint = _split_hint(root, split, found) if missing == names else ""
        hint = hint or _hint(predictions, missing, others)
        raise DataError(f"{predictions}: no <match>/{RESULTS_FILE} for {some_names(missing)}{hint}")
    return [found[name] for name in names], [name for name in found if name not in names]


def _without_outer_folder(
    predictions: Path, found: dict[str, Path], names: Sequence[str]
) -> dict[str, Path]:
    """Remove the folder around the matches from the names of files; names without one stay.

    Raises `DataError` if several folders hold matches of these names.
    """
    if any(name in found for name in names):
        return found
    outer = {
        other.removesuffix(name) for other in found for name in names if other.endswith(f"/{name}")
    }
    if len(outer) > 1:
        folders = some_names(sorted(folder.rstrip("/") for folder in outer))
        raise DataError(f"{predictions}: {folders} hold the same matches: leave only one of them")
    for folder in outer:
        return {name.removeprefix(folder): file for name, file in found.items()}
    return found


def _split_hint(root: Path, split: str, found: Collection[str]) -> str:
    """Suggest the split that the predictions are of; empty if it is not another one."""
    for other in SPLITS:
        if other != split:
            try:
                names = {match.name for match in find_matches(root, other)}
            except InputError:  # it has no matches
                continue
            if found and names.issuperset(found):
                noun = "this is the match" if len(found) == 1 else "these are matches"
                return f": {noun} of split '{other}': --split {other}"
    return ""


def _hint(predictions: Path, missing: Sequence[str], others: Sequence[str]) -> str:
    """Suggest the file that may be meant; empty if none is similar."""
    name = missing[0]
    folder = predictions / name
    if folder.is_dir():
        files = sorted(file.name for file in folder.iterdir() if file.suffix.lower() == ".json")
        if LABELS_FILE in files:  # renaming it would damage a data set
            return f": its folder holds labels ({LABELS_FILE}): name the folder of the predictions"
        if files:
            return f": its folder holds '{files[0]}'; rename it to {RESULTS_FILE}"
        return ": its folder is there, without the file"
    short = name.rpartition("/")[2]
    if short in others or name.partition("/")[2] in others:
        return f": the folder must be '{name}', with league and season"
    close = difflib.get_close_matches(name, others, n=1)
    if close:
        return f": there is '{close[0]}'; rename it to '{name}'"
    if others:
        return f": there are {some_names(others)}; is this the right split?"
    return ": there is no such file at all"


def predicted_classes(files: Iterable[Path]) -> ActionSet | None:
    """Return the classes that the models of prediction files can predict; None if unknown.

    Raises:
        LabelError: the list in a file is damaged.
    """
    lists = [None if _is_table(file) else read_result_classes(file) for file in files]
    known = [classes for classes in lists if classes is not None]
    return known[0].union(*known[1:]) if known and len(known) == len(lists) else None


def evaluate_folder(
    predictions: str | Path,
    root: str | Path,
    split: str,
    tolerance_s: float = 1.0,
    *,
    actions: ActionSet | None = None,
) -> SpottingResult:
    """Compute the spotting AP of `<predictions>/<match>/results_spotting.json` on a split.

    Warns with `OnballWarning` about prediction files of other matches and files without entries.

    Args:
        predictions: the folder, or a zip of it; for a split of one match also a file. Tables
            (`events.csv`) are read where there is no `results_spotting.json`.
        root: folder of the data set. Only labels are read, no video.
        split: `train`, `valid`, `test`, `challenge` or `all`.
        tolerance_s: δ in seconds; a prediction matches within ±δ/2.
        actions: actions to evaluate, among which are those of all labels; predictions of others are
            ignored. None takes those of `ROOT/classes.txt`, or else the 12.

    Raises:
        DataError: a match has no prediction file, no labels, or predictions in a half without
            labels.
        LabelError: a damaged file.
    """
    check_tolerances([tolerance_s])
    actions = labelled_classes(root) if actions is None else actions
    pair = _read(predictions, root, split, actions)
    matcher = action_matcher(pair.truth, pair.predictions, len(pair.names), actions)
    return average_of(matcher, (tolerance_s,), actions).results[0]


def report_folder(
    predictions: str | Path,
    root: str | Path,
    split: str,
    tolerance_s: float = 1.0,
    *,
    actions: ActionSet | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> SpottingReport:
    """Compute all figures of the predictions on disk.

    Arguments and errors are those of `evaluate_folder`; `resamples` and `seed` those of
    `report_spotting`.
    """
    check_tolerances([tolerance_s])
    actions = labelled_classes(root) if actions is None else actions
    pair = _read(predictions, root, split, actions)
    return report_columns(
        pair.truth,
        pair.predictions,
        pair.names,
        tolerance_s,
        actions=actions,
        resamples=resamples,
        seed=seed,
    )


@contextmanager
def unpacked(predictions: str | Path, matches: Iterable[Match] = ()) -> Iterator[Path]:
    """Provide a folder or file as it is, and a zip as a temporary folder during the block.

    Errors raised in the block name the zip, not the temporary folder.

    Args:
        predictions: the folder, file or zip.
        matches: matches whose names the zip may have, in any encoding.

    Raises:
        DataError: the zip is missing or damaged.
    """
    path = Path(predictions)
    if path.suffix.lower() in _OTHER_ARCHIVES and path.is_file():
        raise DataError(f"{path}: of archives only zips are read: unpack it, and name the folder")
    if path.suffix.lower() != ".zip":
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="onball-") as folder:
        try:
            with zipfile.ZipFile(path) as archive:
                decode_names(archive.infolist(), [match.name for match in matches])
                for member in _members(path, archive):
                    archive.extract(member, folder)
        except FileNotFoundError:
            raise DataError(f"{path}: no such file: name the zip with the predictions") from None
        except _ZIP_ERRORS as error:
            raise DataError(f"{path}: not a zip that can be read ({error})") from None
        try:
            yield Path(folder)
        except InputError as error:
            raise type(error)(str(error).replace(folder, str(path))) from None


def _members(path: Path, archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Files of predictions in a zip, and records of them.

    Raises `DataError` if one is too large, or there twice, of which a folder could hold only the last.
    """
    names = {RESULTS_FILE, TABLE_FILE, RECORD_FILE}
    members = [one for one in archive.infolist() if one.filename.rpartition("/")[2] in names]
    seen: set[str] = set()
    for member in members:
        if member.filename in seen:
            raise DataError(f"{path}: holds '{member.filename}' twice: leave only one of them")
        seen.add(member.filename)
        # What is unpacked never exceeds the size in the header.
        if member.file_size > _LARGEST_FILE:
            raise DataError(
                f"{path}: '{member.filename}' has {member.file_size >> 20} MiB: a file of predictions "
                f"has at most {_LARGEST_FILE >> 20}"
            )
    return members


@dataclass(frozen=True, slots=True)
class _Pair:
    """Labels and predictions of the same matches."""

    names: list[str]
    truth: EventColumns
    predictions: EventColumns


def _read(predictions: str | Path, root: str | Path, split: str, actions: ActionSet) -> _Pair:
    matches = labelled_matches(root, split)
    with unpacked(predictions, matches) as place:
        files, others = prediction_files(place, matches, Path(root), split)
        if others:
            message = f"{predictions}: not in '{split}', left out: {some_names(others)}"
            warnings.warn(message, OnballWarning, stacklevel=3)
        truth = [_read_labels(match.require_labels(), root, actions) for match in matches]
        found = [_read_predictions(file, actions) for file in files]
        for match, labels, events, file in zip(matches, truth, found, files, strict=True):
            _check_halves(match, labels, events, file)
            _warn_if_empty(match, labels, events, file)
    return _Pair([m.name for m in matches], EventColumns.joined(truth), EventColumns.joined(found))


def _read_labels(file: Path, root: str | Path, actions: ActionSet) -> EventColumns:
    if len(actions.union(label_classes(root, actions))) == len(actions):
        return read_label_columns(file, actions)
    return EventColumns.of([read_labels_of(file, root, actions)], actions)


def _read_predictions(file: Path, actions: ActionSet) -> EventColumns:
    if _is_table(file):
        return EventColumns.of([read_event_table(file, actions)], actions)
    if TABLE_FILE in edited_files(file.parent, [TABLE_FILE]):
        message = f"{file.with_name(TABLE_FILE)}: changed by hand, but {file.name} is evaluated"
        warnings.warn(message, OnballWarning, stacklevel=4)
    return read_result_columns(file, actions)


def _is_table(file: Path) -> bool:
    return file.suffix.lower() == ".csv"


def labelled_matches(root: str | Path, split: str) -> list[Match]:
    """Find the matches of a split, all with labels.

    Raises:
        DataError: a match has no labels, or as in `find_matches`.
    """
    matches = find_matches(root, split)
    unlabelled = [match.name for match in matches if match.labels is None]
    if unlabelled:
        raise DataError(f"{root}: no labels to evaluate '{split}' on for {some_names(unlabelled)}")
    return matches


def _check_halves(match: Match, labels: EventColumns, events: EventColumns, file: Path) -> None:
    """Raise `DataError` for predictions in a half without labels."""
    if len(labels) == 0:
        return
    stray = events.half[~np.isin(events.half, labels.half)]
    # A half may lack labels of one action, but never all labels.
    if len(stray):
        raise DataError(
            f"{file}: {len(stray)} predictions are in half {stray[0]}, but all labels of "
            f"'{match.name}' are in half {labels.half.max()}: it is one file, so count positions "
            "from its start and write half 1"
        )


def _warn_if_empty(match: Match, labels: EventColumns, events: EventColumns, file: Path) -> None:
    if len(labels) == 0:
        warnings.warn(f"{match.labels}: no labels in it", OnballWarning, stacklevel=4)
    if len(events) == 0:
        message = f"'{match.name}': no predictions in its {file.name}: all its actions are missed"
        warnings.warn(message, OnballWarning, stacklevel=4)
