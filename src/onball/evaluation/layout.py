"""Where prediction files lie, and what is missing or misnamed among them."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

from onball.data.layout import Match, some_names
from onball.errors import DataError
from onball.formats.soccernet import RESULTS_FILE


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
