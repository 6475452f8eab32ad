"""A net as two ONNX graphs, with any batch and any number of frames.

`backbone.onnx`: `frames` `[batch, time, height, width, 3]`, and `track_features` `[batch, time, 2F]` of
a net that takes tracks → `features` `[batch, time, C]`.

`temporal.onnx`: `features` `[batch, time, C]` → `outputs` `[batch, time, F]`, see `DenseScores.outputs`.

All are float32, except frames: uint8, RGB as decoded. A net whose clips are filled up with the mean
colour (`inference.clips.outside`) takes float32 frames from 0 to 1 instead, since whole numbers cannot
express that colour. Normalisation is part of the graph. Height and width are those of the model, and 1 of
a net without pixels.
"""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from onball.config import SavedModelConfig
from onball.errors import ModelError, optional_dependency
from onball.models.nets import SpottingNet

BACKBONE_FILE = "backbone.onnx"
TEMPORAL_FILE = "temporal.onnx"
#: Sizes of the example that the net is traced with; 0 and 1 would be taken for constants.
_BATCH, _FRAMES = 2, 9


def takes_float_frames(config: SavedModelConfig) -> bool:
    """Return True if the backbone's graph takes float32 frames from 0 to 1 instead of uint8."""
    clips = config.inference.clips
    return clips is not None and clips.outside == "mean"


class _Backbone(nn.Module):
    """Frames `[B, T, H, W, 3]` (and track features) → features `[B, T, C]`."""

    def __init__(self, net: SpottingNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, frames: Tensor, track_features: Tensor | None = None) -> Tensor:
        return self.net.features(frames.permute(0, 1, 4, 2, 3), track_features).float()


class _Temporal(nn.Module):
    """Features `[B, T, C]` → outputs `[B, T, F]`."""

    def __init__(self, net: SpottingNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, features: Tensor) -> Tensor:
        return self.net.scores_from_features(features).outputs()


def write_graphs(net: SpottingNet, config: SavedModelConfig, folder: Path) -> None:
    """Write the two graphs of a net into a folder that exists.

    Args:
        net: the net, float32, on the CPU and in evaluation mode; it stays unchanged.
        config: settings of the net and of its input.
        folder: place of `backbone.onnx` and `temporal.onnx`.

    Raises:
        MissingDependencyError: a package for exports is missing.
        ModelError: the backbone is none for an export, or has an operation that ONNX does not have.
    """
    if net.backbone.export_obstacle:
        raise ModelError(
            f"the backbone {config.model.backbone.name} cannot be exported: {net.backbone.export_obstacle}"
        )
    with optional_dependency("onnxscript", "fast", "An export"):
        import onnx  # noqa: F401 - needed by torch.onnx
        import onnxscript  # noqa: F401
    # Tracing leaves traces in the net: buffers of recurrent layers, lengths of clips in shifts.
    net = copy.deepcopy(net).eval().requires_grad_(False)
    count = _FRAMES if config.model.positions is None else min(_FRAMES, config.model.positions)
    # A net without pixels gets blank frames of one pixel, see `onball.frames.BlankFrames`.
    size = (config.height, config.width) if config.model.takes_frames else (1, 1)
    frames = torch.zeros(_BATCH, count, *size, 3, dtype=torch.uint8)
    if takes_float_frames(config):
        frames = frames.float()
    inputs = {"frames": frames}
    if net.tracking is not None:
        inputs["track_features"] = torch.zeros(_BATCH, count, net.tracking.input_dim)
    _write(_Backbone(net), inputs, ["features"], folder / BACKBONE_FILE, "backbone")
    features = {"features": torch.zeros(_BATCH, count, _feature_dim(net))}
    _write(_Temporal(net), features, ["outputs"], folder / TEMPORAL_FILE, "temporal head")


def _feature_dim(net: SpottingNet) -> int:
    return net.feature_dim


def _write(
    module: nn.Module, inputs: dict[str, Tensor], outputs: list[str], path: Path, what: str
) -> None:
    """Trace a module and write its graph."""
    module, arguments = module.eval(), tuple(inputs.values())
    free = torch.export.Dim.DYNAMIC
    try:
        with _quiet(), torch.no_grad():
            traced = None
            if isinstance(module, _Backbone):
                # `torch.onnx.export` would interpret the bytecode first ("strict"), which takes minutes for
                # temporal shifts and may take their padding for constants. Recurrent heads need that.
                traced = torch.export.export(
                    module,
                    arguments,
                    dynamic_shapes={name: {0: free, 1: free} for name in inputs},
                    strict=False,
                )
            program = torch.onnx.export(
                traced or module,
                arguments,
                dynamo=True,
                dynamic_shapes={name: {0: "batch", 1: "time"} for name in inputs},
                input_names=list(inputs),
                output_names=outputs,
                verbose=False,
            )
            assert program is not None  # without a file to write, it is returned
            program.save(path, external_data=False)
    except OSError:
        raise
    except Exception as error:  # of the tracer, of the conversion and of its passes: no common base
        reason = str(error.__cause__ or error).strip().partition("\n")[0]
        raise ModelError(f"the {what} cannot be exported to ONNX ({reason})") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress the exporter's messages, which concern its authors only."""
    former = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(former)
