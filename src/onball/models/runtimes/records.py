"""Exports of a saved model: their folders, and whether they belong to its weights.

    MODEL/config.json, model.safetensors   the saved model
    MODEL/exports/onnx/                    backbone.onnx, temporal.onnx, export.json
    MODEL/exports/openvino/                the same as .xml and .bin
    MODEL/exports/onnx-int8/ …             the same in 8-bit integers

Exports of the demo model and of models by name, whose folders are not the user's, are in the cache
(`cached_exports`). `export.json` has the digest of the net that was exported and those of the files.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from contextlib import suppress
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from pydantic import NonNegativeFloat, NonNegativeInt, ValidationError

from onball.config import BaseConfig, SavedModelConfig, explain
from onball.errors import ModelError
from onball.files import atomic_folder, file_digest, read_json_object, write_error
from onball.hub import made_files
from onball.models.runtimes.graphs import takes_float_frames
from onball.models.saved import WEIGHTS_FILE

ExportFormat = Literal["onnx", "openvino"]
ExportPrecision = Literal["float32", "int8"]
FORMATS: tuple[ExportFormat, ...] = get_args(ExportFormat)

EXPORTS = "exports"
RECORD_FILE = "export.json"


#: Largest difference of a probability that a float32 export may have.
SCORE_BOUND = 1e-4


class MeanPair(BaseConfig):
    """mAP of the saved model in PyTorch, and of the export, 0 to 1."""

    torch: NonNegativeFloat
    export: NonNegativeFloat


class Parity(BaseConfig):
    """Comparison of an export with the saved model in PyTorch.

    Attributes:
        source: videos or data set that were compared.
        frames: number of sampled frames.
        score: largest absolute difference of a probability.
        mean_score: mean absolute difference of the probabilities.
        different_frames: number of frames with a difference above `SCORE_BOUND`.
        map12, map10: mean average precision at 1 s, if the data set has labels.
    """

    source: str
    frames: NonNegativeInt
    score: NonNegativeFloat
    mean_score: NonNegativeFloat
    different_frames: NonNegativeInt = 0
    map12: MeanPair | None = None
    map10: MeanPair | None = None


class ExportRecord(BaseConfig):
    """The `export.json` of an export.

    Attributes:
        net: digest of the net, see `net_digest`.
        files: SHA-256 of each file of the export.
        versions: versions of the packages that made it.
        parity: comparison with PyTorch; every export that is saved has one.
    """

    format_version: Literal[1] = 1
    format: ExportFormat
    precision: ExportPrecision
    net: str
    files: dict[str, str]
    versions: dict[str, str]
    parity: Parity | None = None


class Export(NamedTuple):
    """An export on disk."""

    folder: Path
    record: ExportRecord


def package_versions() -> dict[str, str]:
    """Return the versions of the packages that make an export."""
    names = ("onball", "torch", "onnx", "onnxscript", "onnxruntime", "openvino")
    return {name: _version(name) for name in names if find_spec(name) is not None}


def _version(name: str) -> str:
    """Version of an importable package, whose distribution may have another name."""
    try:
        return version(name)
    except PackageNotFoundError:  # onnxruntime-gpu, openvino-nightly …
        return str(getattr(import_module(name), "__version__", "unknown"))


def net_digest(model: Path, config: SavedModelConfig) -> str:
    """Return a short digest of what an export depends on: weights, structure and size of the net.

    Settings of inference, such as a calibration, leave it unchanged.

    Args:
        model: folder of the saved model.
        config: its settings.

    Raises `ModelError` if the weights cannot be read.
    """
    settings = {
        "model": config.model.model_dump(mode="json"),
        "task": config.task,
        "size": config.size,
        "float_frames": takes_float_frames(config),
    }
    try:
        weights = file_digest(model / WEIGHTS_FILE)
    except OSError as error:
        raise ModelError(f"{model / WEIGHTS_FILE}: cannot be read ({error.strerror})") from None
    text = weights + json.dumps(settings, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def cached_exports(net: str) -> Path:
    """Folder in the cache, which may be missing, for the exports of the net with that digest."""
    return made_files() / EXPORTS / net


def export_name(format: ExportFormat, precision: ExportPrecision) -> str:
    """Name of the folder of an export: `onnx`, `openvino-int8` …"""
    return format if precision == "float32" else f"{format}-{precision}"


def find_export(
    model: Path, net: str, format: ExportFormat, precision: ExportPrecision = "float32"
) -> Export | None:
    """Return an export of a saved model, in its folder or in the cache; None if there is none.

    Args:
        model: folder of the saved model.
        net: its `net_digest`.
        format: the format.
        precision: the precision.

    Raises:
        ModelError: there is one, of other weights, of a later version, or damaged.
    """
    name = export_name(format, precision)
    for folder in (model / EXPORTS / name, cached_exports(net) / name):
        if _is_readable(folder / RECORD_FILE):
            return Export(folder, _checked_record(folder, net))
    return None


def _is_readable(file: Path) -> bool:
    """Return False for a missing file, and for one in another user's folder."""
    try:
        return file.is_file()
    except PermissionError:
        return False


def carry_exports(model: Path, target: Path, net: str) -> None:
    """Copy the exports of a saved model to a copy of it, and remove those of other weights there.

    Those that are damaged or of other weights are not copied.

    Args:
        model: folder of the saved model.
        target: folder of another one with the same `net_digest`.
        net: that digest.

    Raises `OnballError` if `target` cannot be written.
    """
    kept, wanted = _usable_exports(target, net), _usable_exports(model, net)
    try:
        for record in (target / EXPORTS).glob(f"*/{RECORD_FILE}"):
            if record.parent.name not in kept:
                shutil.rmtree(record.parent)
        for name in sorted(wanted - kept):
            with atomic_folder(target / EXPORTS / name, replace=True) as temporary:
                copy_files(model / EXPORTS / name, temporary)
    except OSError as error:
        raise write_error(target / EXPORTS, error) from error


def copy_files(folder: Path, target: Path) -> None:
    """Copy the files of a folder to another one that exists.

    Raises `OSError` of the first file that cannot be copied; `shutil.copytree` hides its reason.
    """
    for file in sorted(folder.iterdir()):
        if file.is_file():
            shutil.copyfile(file, target / file.name)


def _usable_exports(model: Path, net: str) -> set[str]:
    """Names of the exports in the folder of a model that are complete and of its weights."""
    names = set()
    for record in (model / EXPORTS).glob(f"*/{RECORD_FILE}"):
        with suppress(ModelError):
            _checked_record(record.parent, net)
            names.add(record.parent.name)
    return names


def _checked_record(folder: Path, net: str) -> ExportRecord:
    path = folder / RECORD_FILE
    again = "export the model again with `onball export … --overwrite`"
    try:
        record = ExportRecord.model_validate(read_json_object(path, ModelError))
    except ValidationError as error:
        dotted, message = explain(error, ExportRecord)
        raise ModelError(f"{path}: {dotted}: {message}: {again}") from None
    if record.net != net:
        raise ModelError(f"{folder}: is the export of other weights than those beside it: {again}")
    for name, digest in record.files.items():
        file = folder / name
        try:
            same = Path(name).name == name and file.is_file() and file_digest(file) == digest
        except OSError as error:
            raise ModelError(f"{file}: cannot be read ({error.strerror})") from None
        if not same:
            raise ModelError(f"{file}: missing, or changed since the export: {again}")
    return record
