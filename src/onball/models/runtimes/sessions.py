"""Sessions of ONNX Runtime and OpenVINO for the two graphs of an export.

A session computes with one thread per call, and any number of threads may call it at the same time: work
is parallel over chunks of a video, not inside operations.
"""

from __future__ import annotations

import threading
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from onball.errors import ModelError, optional_dependency
from onball.files import write_error

Arrays = dict[str, NDArray[Any]]


class Session(Protocol):
    """A graph with one output."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the inputs."""

    def run(self, inputs: Arrays) -> NDArray[np.float32]:
        """Compute the output for arrays by the names of the inputs."""


class OnnxSession:
    """Graph in ONNX Runtime, on the CPU.

    Args:
        path: the `.onnx` file.

    Raises:
        MissingDependencyError: ONNX Runtime is not installed.
        ModelError: it cannot load the file.
    """

    def __init__(self, path: Path) -> None:
        with optional_dependency("onnxruntime", "fast", "The runtime onnx"):
            import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        # Idle threads would otherwise take the time of those that decode the video.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.inter_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # classes of its own, without a common base
            raise ModelError(f"{path}: ONNX Runtime cannot load it ({_line(error)})") from error
        self.inputs = tuple(one.name for one in self._session.get_inputs())

    def run(self, inputs: Arrays) -> NDArray[np.float32]:
        """See `Session`."""
        (output,) = self._session.run(None, inputs)
        return np.asarray(output, np.float32)


class OpenVinoSession:
    """Graph in OpenVINO, on the CPU.

    Args:
        path: an `.onnx` file, or the `.xml` file of OpenVINO's own format.
        threads: largest number of threads that call it at the same time without waiting.

    Raises:
        MissingDependencyError: OpenVINO is not installed.
        ModelError: it cannot load the file.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        with optional_dependency("openvino", "fast", "The runtime openvino"):
            core = _openvino_core()
        settings = {
            "NUM_STREAMS": threads,
            "INFERENCE_NUM_THREADS": threads,
            "ENABLE_CPU_PINNING": False,
            # On CPUs with bfloat16 the default is bfloat16, whose scores differ.
            "INFERENCE_PRECISION_HINT": "f32",
        }
        try:
            self._model = core.compile_model(path, "CPU", settings)
        except RuntimeError as error:
            raise ModelError(f"{path}: OpenVINO cannot load it ({_line(error)})") from error
        self.inputs = tuple(one.any_name for one in self._model.inputs)
        self._requests = threading.local()

    def run(self, inputs: Arrays) -> NDArray[np.float32]:
        """See `Session`."""
        request = getattr(self._requests, "request", None)
        if request is None:
            request = self._requests.request = self._model.create_infer_request()
        outputs = request.infer(inputs, share_inputs=True, share_outputs=False)
        return np.array(outputs[0], np.float32)


def convert_to_openvino(folder: Path) -> None:
    """Replace the ONNX files of a folder by OpenVINO's own format, `.xml` and `.bin`, in float32.

    Raises:
        MissingDependencyError: OpenVINO is not installed.
        ModelError: it cannot read a file.
        OnballError: it cannot write one.
    """
    with optional_dependency("openvino", "fast", "An export for OpenVINO"):
        import openvino
    for path in sorted(folder.glob("*.onnx")):
        try:
            graph = _openvino_core().read_model(path)
        except RuntimeError as error:
            raise ModelError(f"{path.name}: OpenVINO cannot read it ({_line(error)})") from error
        try:
            openvino.save_model(graph, path.with_suffix(".xml"), compress_to_fp16=False)
        except RuntimeError as error:  # its message does not say why
            raise write_error(path.with_suffix(".xml"), error) from error
        path.unlink()


@cache
def _openvino_core() -> Any:
    """The core of OpenVINO, one for the process and kept to its end.

    Its CPU plugin gives the thread an alternate signal stack, and restores the former one when it is
    deleted. With two of them, deleted in the order in which they were made, the thread would be left
    with a stack that is freed: the next signal, such as Ctrl-C, would end the process with a
    segmentation fault.
    """
    import openvino

    return openvino.Core()


def _line(error: Exception) -> str:
    """First line of a runtime's message that says something."""
    lines = [line.strip() for line in str(error).splitlines()]
    return next((line for line in lines if line), type(error).__name__)
