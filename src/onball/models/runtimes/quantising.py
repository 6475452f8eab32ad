"""Backbones in 8-bit integers, by post-training calibration.

Weights have a scale for each channel, activations one for each layer, from the ranges that they have on
calibration clips. The temporal head stays in float32: it costs little, and a recurrence accumulates
rounding errors.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from onball.errors import optional_dependency
from onball.models.runtimes.sessions import Arrays

#: Operations that are computed in integers. Others, such as the sigmoids of squeeze-and-excitation, cost
#: little and lose more.
_OPERATIONS = ["Conv", "Gemm", "MatMul", "Add", "Relu", "MaxPool", "AveragePool"]


def quantise(path: Path, clips: Iterable[Arrays]) -> None:
    """Replace an ONNX file by its 8-bit version.

    Args:
        path: the file.
        clips: inputs of the graph, as in use.

    Raises `MissingDependencyError` if a package for exports is missing.
    """
    with optional_dependency("onnxruntime", "fast", "An export in 8-bit integers"):
        from onnxruntime.quantization import QuantType, quantize_static
        from onnxruntime.quantization.calibrate import CalibrationDataReader
        from onnxruntime.quantization.shape_inference import quant_pre_process

    class Clips(CalibrationDataReader):  # type: ignore[misc]
        """Clips one by one, until there are no more."""

        def __init__(self) -> None:
            self._clips: Iterator[Arrays] = iter(clips)

        def get_next(self) -> Arrays | None:
            return next(self._clips, None)

    former = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with tempfile.TemporaryDirectory(prefix="onball-") as folder:
            prepared = Path(folder) / path.name
            quant_pre_process(path, prepared, skip_symbolic_shape=True)
            quantize_static(
                prepared,
                path,
                Clips(),
                op_types_to_quantize=_OPERATIONS,
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                # Mean ranges over the clips, which single outliers do not widen.
                extra_options={"CalibMovingAverage": True},
            )
    finally:
        logging.disable(former)
