"""Evaluating a folder of prediction files against the labels of a split."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

from onball.data.layout import Match, find_matches, some_names
from onball.errors import DataError, OnballWarning
from onball.evaluation.spotting import SpottingResult, evaluate_spotting
from onball.formats.soccernet import RESULTS_FILE, read_labels, read_results


def evaluate_folder(
    predictions: str | Path, root: str | Path, split: str, tolerance_s: float = 1.0
) -> SpottingResult:
    """Spotting AP of `<predictions>/<match>/results_spotting.json` on the matches of a split.

    Args:
        predictions: the folder; for a split of one match also a prediction file itself.
        root: the folder of the data set; labels alone will do, no video is read.
        split: `train`, `valid`, `test`, `challenge` or `all`.
        tolerance_s: δ in seconds; a prediction matches within ±δ/2.

    Warns with `OnballWarning` of prediction files that belong to no match of the split. Raises
    `DataError` if a match has no prediction file or no labels, `LabelError` for a broken file.
    """
    matches = find_matches(root, split)
    unlabelled = [match.name for match in matches if match.labels is None]
    if unlabelled:
        raise DataError(f"{root}: no labels to evaluate '{split}' on for {some_names(unlabelled)}")
    files = _prediction_files(Path(predictions), matches, split)
    return evaluate_spotting(
        [read_labels(match.require_labels()) for match in matches],
        # The order in a file decides between two predictions on one frame.
        [read_results(path, file_order=True) for path in files],
        tolerance_s=tolerance_s,
    )


def _prediction_files(predictions: Path, matches: Sequence[Match], split: str) -> list[Path]:
    """The prediction file of each match."""
    if predictions.is_file():
        if len(matches) > 1:
            raise DataError(
                f"{predictions}: one file, but '{split}' has {len(matches)} matches: name the "
                f"folder that holds <match>/{RESULTS_FILE}"
            )
        return [predictions]
    if not predictions.is_dir():
        raise DataError(f"{predictions}: no such folder: name the one with the predictions")
    files = [predictions / match.name / RESULTS_FILE for match in matches]
    missing = [match.name for match, file in zip(matches, files, strict=True) if not file.is_file()]
    if missing:
        raise DataError(f"{predictions}: no <match>/{RESULTS_FILE} for {some_names(missing)}")
    others = sorted(set(predictions.rglob(RESULTS_FILE)) - set(files))
    if others:
        names = [file.parent.relative_to(predictions).as_posix() for file in others]
        message = f"{predictions}: not in '{split}', left out: {some_names(names)}"
        warnings.warn(message, OnballWarning, stacklevel=3)
    return files
