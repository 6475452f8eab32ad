"""Runtimes of a saved model: PyTorch, or ONNX Runtime and OpenVINO with an export of the model.

    open_runtime(folder, net, config, "auto")  → the fastest that is installed and has an export

`onball.spotting.exporting` makes exports. Runtimes other than PyTorch compute on the CPU.
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from onball.config import SavedModelConfig
from onball.cores import choose_threads
from onball.errors import InputError, ModelError, OnballNotice
from onball.models import SpottingNet
from onball.models.compute import Precision, choose_device, choose_precision
from onball.models.runtimes.graphs import BACKBONE_FILE, TEMPORAL_FILE, takes_float_frames
from onball.models.runtimes.records import (
    EXPORTS,
    Export,
    ExportFormat,
    ExportPrecision,
    find_export,
    net_digest,
)
from onball.models.runtimes.sessions import Arrays, OnnxSession, OpenVinoSession, Session
from onball.spotting.compute import Compute, Floats, OutputLayout, TorchCompute

Runtime = Literal["auto", "torch", "onnx", "openvino", "onnx-int8", "openvino-int8"]
RUNTIMES: tuple[Runtime, ...] = get_args(Runtime)

#: Environment variable with the runtime that `auto` is.
RUNTIME_VARIABLE = "ONBALL_RUNTIME"

#: Runtimes that `auto` chooses from, fastest first (`benchmarks/runtimes.py`), and their packages.
_FASTEST: tuple[tuple[Runtime, str], ...] = (("openvino", "openvino"), ("onnx", "onnxruntime"))


@dataclass(frozen=True, slots=True)
class OpenedRuntime:
    """A runtime that is ready to compute.

    Attributes:
        name: `torch`, `onnx` …
        compute: arithmetic of the net.
        device: device that it computes on.
        precision: dtype of the backbone's arithmetic, or of its export.
        build: the package with its version, and a digest of the export's files.
    """

    name: Runtime
    compute: Compute
    device: torch.device
    precision: torch.dtype
    build: str


class GraphCompute:
    """Arithmetic of a net by the two graphs of an export, see `Compute`.

    Args:
        backbone: frames (and track features) → features.
        temporal: features → outputs.
        context: see `Compute`.
        layout: see `Compute`.
        float_frames: the backbone takes float32 frames from 0 to 1.
    """

    def __init__(
        self,
        backbone: Session,
        temporal: Session,
        *,
        context: int | None,
        layout: OutputLayout,
        float_frames: bool = False,
    ) -> None:
        self._backbone, self._temporal = backbone, temporal
        self._float_frames = float_frames
        self.context = context
        self.layout = layout

    def features(
        self, frames: NDArray[np.uint8] | Floats, track_features: Floats | None = None
    ) -> Floats:
        """See `Compute`."""
        if self._float_frames and frames.dtype == np.uint8:
            frames = frames.astype(np.float32) / np.float32(255)
        inputs: Arrays = {"frames": np.ascontiguousarray(frames)[None]}
        if track_features is not None:
            inputs["track_features"] = np.ascontiguousarray(track_features, np.float32)[None]
        # A net without pixels has no frames in its graph.
        needed = {name: inputs[name] for name in self._backbone.inputs}
        features: Floats = self._backbone.run(needed)[0]
        return features

    def outputs(self, features: Floats) -> Floats:
        """See `Compute`."""
        return self._temporal.run({"features": np.ascontiguousarray(features)})


def open_runtime(
    model: Path,
    net: SpottingNet,
    config: SavedModelConfig,
    runtime: Runtime = "auto",
    *,
    device: str = "auto",
    precision: Precision = "auto",
    threads: int | None = None,
) -> OpenedRuntime:
    """Open a runtime of a saved model.

    Args:
        model: folder of the saved model.
        net: its net, in evaluation mode.
        config: its settings.
        runtime: `auto` is that of the environment variable `ONBALL_RUNTIME`; without it, on a CPU,
            the fastest that is installed and that the model has an export for, else `torch`.
        device: see `onball.models.compute.choose_device`.
        precision: dtype of the backbone's arithmetic in PyTorch; exports have their own.
        threads: number of threads that will compute at the same time, see `choose_threads`.

    Raises:
        InputError: there is no such runtime or device, or they do not go together.
        ModelError: the model has no export for the runtime, or one of other weights.
        MissingDependencyError: the runtime is not installed.
    """
    runtime = find_runtime(runtime)
    if runtime == "auto":
        runtime = default_runtime()
    if runtime == "auto":
        runtime, export = _fastest(model, config, device, precision)
    elif runtime == "torch":
        export = None
    else:
        export = _require_export(model, config, runtime, device, precision)
    if export is None:
        return open_torch(net, device, precision)
    return open_export(export, net, config, runtime, threads=threads)


def open_torch(
    net: SpottingNet, device: str = "auto", precision: Precision | torch.dtype = "auto"
) -> OpenedRuntime:
    """Open PyTorch for a net, which is moved to the device.

    Raises `InputError` if the device cannot be used, or not with this precision.
    """
    place = choose_device(device)
    if not isinstance(precision, torch.dtype):
        precision = choose_precision(precision, place)
    compute = TorchCompute(net.to(place), precision)
    return OpenedRuntime("torch", compute, place, precision, f"torch {torch.__version__}")


def default_runtime() -> Runtime:
    """Return the runtime that the environment variable `ONBALL_RUNTIME` names; `auto` without it.

    Raises `InputError` if there is none of that name.
    """
    named = os.environ.get(RUNTIME_VARIABLE) or "auto"
    try:
        return find_runtime(named)
    except InputError as error:
        raise InputError(f"{RUNTIME_VARIABLE}: {error}") from None


def find_runtime(name: str) -> Runtime:
    """Return the runtime of a name. Raises `InputError` if there is none."""
    for runtime in RUNTIMES:
        if runtime == name:
            return runtime
    raise InputError(f"runtime '{name}' does not exist: take {', '.join(RUNTIMES)}")


def integer_suffix(runtime: Runtime) -> str:
    """Return what a runtime adds to the fingerprint of a model, whose scores differ in 8 bits."""
    named = default_runtime() if runtime == "auto" else runtime
    return "-int8" if named.endswith("-int8") else ""


def open_export(
    export: Export,
    net: SpottingNet,
    config: SavedModelConfig,
    runtime: Runtime | None = None,
    *,
    threads: int | None = None,
) -> OpenedRuntime:
    """Open the sessions of an export.

    Args:
        export: the export.
        net: the net that was exported.
        config: its settings.
        runtime: one of ONNX Runtime or OpenVINO; None is that of the export's format.
        threads: see `open_runtime`.

    Raises:
        MissingDependencyError: the runtime is not installed.
        ModelError: it cannot load a file of the export.
    """
    runtime = runtime or export.record.format
    backbone, temporal = (
        _open_session(_graph_file(export, file), runtime, choose_threads(threads))
        for file in (BACKBONE_FILE, TEMPORAL_FILE)
    )
    compute = GraphCompute(
        backbone,
        temporal,
        context=net.backbone.context,
        layout=TorchCompute(net).layout,
        float_frames=takes_float_frames(config),
    )
    dtype = torch.int8 if export.record.precision == "int8" else torch.float32
    return OpenedRuntime(runtime, compute, torch.device("cpu"), dtype, _build_of(export, runtime))


def _build_of(export: Export, runtime: Runtime) -> str:
    package = "onnxruntime" if runtime.startswith("onnx") else "openvino"
    files = json.dumps(export.record.files, sort_keys=True)
    digest = hashlib.sha256(files.encode()).hexdigest()[:8]
    return f"{package} {import_module(package).__version__} (export {digest})"


def _graph_file(export: Export, onnx_file: str) -> Path:
    path = export.folder / onnx_file
    return path if export.record.format == "onnx" else path.with_suffix(".xml")


def _open_session(path: Path, runtime: Runtime, threads: int) -> Session:
    if runtime.startswith("onnx"):
        return OnnxSession(path)
    return OpenVinoSession(path, threads)


def _fastest(
    model: Path, config: SavedModelConfig, device: str, precision: Precision
) -> tuple[Runtime, Export | None]:
    """The fastest runtime, and its export; PyTorch if there is none."""
    place = choose_device(device)
    if place.type != "cpu" or precision not in ("auto", "32"):
        return "torch", None
    # With bfloat16 instructions, PyTorch is faster than ONNX Runtime, which has float32 only.
    mixed = choose_precision(precision, place) is not torch.float32
    net = ""
    for runtime, package in _FASTEST:
        if find_spec(package) is None or (runtime == "onnx" and mixed):
            continue
        net = net or net_digest(model, config)
        try:
            export = _find_for(model, net, runtime)
        except ModelError as error:
            if (model / EXPORTS).is_dir():
                raise
            # An export in the cache is not the user's, and costs speed only.
            warnings.warn(f"{error}; not used", OnballNotice, stacklevel=2)
            continue
        if export is not None:
            return runtime, export
    return "torch", None


def _require_export(
    model: Path, config: SavedModelConfig, runtime: Runtime, device: str, precision: Precision
) -> Export:
    """The export that a runtime needs."""
    if device not in ("auto", "cpu"):
        raise InputError(
            f"runtime {runtime} computes on the CPU: choose device cpu, or runtime torch"
        )
    if precision not in ("auto", "32"):
        raise InputError(
            f"precision {precision} needs runtime torch: {runtime} has that of its export"
        )
    export = _find_for(model, net_digest(model, config), runtime)
    if export is None:
        format, _, int8 = runtime.partition("-")
        option = " --int8" if int8 else ""
        raise ModelError(
            f"{model}: has no export for runtime {runtime}: make one with `onball export {model} "
            f"--format {format}{option}`, or choose runtime torch"
        )
    return export


def _find_for(model: Path, net: str, runtime: Runtime) -> Export | None:
    """The export of a model that was compared with PyTorch in a runtime."""
    precision: ExportPrecision = "int8" if runtime.endswith("-int8") else "float32"
    format: ExportFormat = "openvino" if runtime.startswith("openvino") else "onnx"
    return find_export(model, net, format, precision)
