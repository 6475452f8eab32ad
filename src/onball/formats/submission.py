"""A submission: `<league>/<season>/<match>/results_spotting.json` of several matches in one zip."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from onball.errors import DataError
from onball.events import EventList
from onball.files import atomic_path
from onball.formats.soccernet import RESULTS_FILE, write_results

#: The same predictions give the same bytes: every entry carries the first date that a zip has.
_DATE = (1980, 1, 1, 0, 0, 0)


def write_submission(predictions: Mapping[str, EventList], path: str | Path) -> None:
    """Write the zip that SoccerNet's evaluator takes, with every field it asks for.

    Args:
        predictions: of each match, by its `<league>/<season>/<match>`; events in the order in
            which they are to be written. That name becomes their `UrlLocal`.
        path: the zip; it appears only when complete.

    Raises `DataError` if there is no match, `OnballError` if the file cannot be written.
    """
    if not predictions:
        raise DataError(f"{path}: no predictions to put into it")
    with (
        tempfile.TemporaryDirectory(prefix="onball-") as folder,
        atomic_path(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name, events in predictions.items():
            file = Path(folder) / RESULTS_FILE
            write_results(replace(events, match=name), file)
            entry = zipfile.ZipInfo(f"{name}/{RESULTS_FILE}", _DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, file.read_bytes())
