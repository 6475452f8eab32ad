"""Results as data: one CSV per task, a row per experiment, and the curves of its training beside it."""

from __future__ import annotations

import csv
import io
import os
import platform
from collections.abc import Mapping
from pathlib import Path

from filelock import FileLock

from onball.actions import ACTIONS
from onball.errors import DataError
from onball.files import read_text, write_text_atomic

#: Columns in their order; AP per action follows. Figures of AP and mAP are in per cent.
COLUMNS = (
    "config",
    "settings",
    "seed",
    "data",
    "size",
    "hardware",
    "epochs",
    "best_epoch",
    "steps",
    "clips",
    "wall_time_s",
    "parameters",
    "gflops",
    "map12",
    "map10",
    *(f"AP {action}" for action in ACTIONS),
)
#: Rows with these in common are the same experiment: a new one takes the place of the old one.
_KEY = ("config", "settings", "seed", "data")


def read_results(path: Path) -> list[dict[str, str]]:
    """The rows of a results file; none if it is not there.

    Raises `DataError` if it lacks a column that says which experiment a row is.
    """
    if not path.exists():
        return []
    reader = csv.DictReader(io.StringIO(read_text(path, DataError)))
    missing = [name for name in _KEY if name not in (reader.fieldnames or ())]
    if missing:
        raise DataError(f"{path}: has no column '{missing[0]}': is it a file of results?")
    return list(reader)


def add_result(path: Path, row: Mapping[str, str]) -> None:
    """Write a row into a results file, in the place of an earlier one of the same experiment.

    Several processes may do so at once: each waits for the others.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f".{path.name}.lock")):
        _write_with(path, row)


def _write_with(path: Path, row: Mapping[str, str]) -> None:
    rows = read_results(path)
    key = [row[name] for name in _KEY]
    places = [i for i, former in enumerate(rows) if [former[name] for name in _KEY] == key]
    if places:
        rows[places[0]] = dict(row)
    else:
        rows.append(dict(row))
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    write_text_atomic(path, text.getvalue())


def hardware() -> str:
    """The processor and, if there is one, the GPU that torch computes on."""
    import torch  # only here: tables are read and written without it

    if torch.cuda.is_available():
        count = torch.cuda.device_count()
        return f"{count} × {torch.cuda.get_device_name()}"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{cores} CPU cores ({_processor()})"


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
