"""Features of a frozen backbone in place of frames: one memory-mapped file per match.

`onball.spotting.features` computes them. A folder of features holds

    features.npy      float32 or float16 [T, C], features of each sampled frame
    times_ms.npy      int64 [T], its time
    features.json     the backbone, the video, and how they were computed

and its name depends on the video, its sampling and the weights of the backbone, like that of decoded
frames (`onball.data.frames.cache_folder`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

from onball.errors import DataError, OnballError
from onball.files import atomic_folder, read_json_object, write_error, write_json_atomic

_FEATURES = "features.npy"
_TIMES = "times_ms.npy"
_RECORD = "features.json"
_LARGEST_HALF = float(np.finfo(np.float16).max)


class FeatureFrames:
    """Features of the sampled frames of one video, in a memory-mapped file; a `FrameSource`.

    The file is mapped again for every read, see `onball.data.frames.CachedFrames`.

    Args:
        folder: made by `write_features`.

    Raises:
        DataError: the files in the folder are missing or damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._path = folder / _FEATURES
        try:
            self._times_ms: NDArray[np.int64] = np.load(folder / _TIMES)
            features = np.load(self._path, mmap_mode="r")
        except (OSError, ValueError, EOFError) as error:
            raise DataError(f"{folder}: damaged features ({error}); delete the folder") from None
        if features.ndim != 2 or len(features) != len(self._times_ms):
            raise DataError(f"{folder}: damaged features; delete the folder")
        self.feature_dim = int(features.shape[1])
        self.dtype = str(features.dtype)

    @property
    def times_ms(self) -> NDArray[np.int64]:
        """Time of each sampled frame, int64 `[T]`, ascending."""
        return self._times_ms

    @property
    def record(self) -> dict[str, Any]:
        """The backbone, the video, and how the features were computed."""
        return read_json_object(self.folder / _RECORD, DataError)

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """Features of the frames `start` to `stop` (not included), float32 `[t, C]`, a copy."""
        part = np.load(self._path, mmap_mode="r")[start:stop]
        return np.array(part, dtype=np.float32)


def write_features(
    folder: Path,
    parts: Iterable[tuple[NDArray[np.float32], NDArray[np.int64]]],
    record: Mapping[str, Any],
    *,
    half: bool = False,
) -> FeatureFrames:
    """Write the features of a video into a folder, which appears when all of them are there.

    Args:
        folder: the folder; one that another process made first is kept.
        parts: features `[t, C]` and times `[t]` of consecutive frames.
        record: what they were computed from, for `FeatureFrames.record`.
        half: store float16.

    Raises:
        DataError: there are no frames.
        OnballError: the folder cannot be written, or a feature is too large for float16.
    """
    dtype = np.float16 if half else np.float32
    try:
        with atomic_folder(folder) as temporary:
            times: list[NDArray[np.int64]] = []
            count = width = 0
            with (temporary / _FEATURES).open("wb") as file:
                for features, pts_ms in parts:
                    if not times:
                        width = features.shape[1]
                        _write_header(file, (0, width), dtype)
                    if half and np.abs(features).max(initial=0.0) > _LARGEST_HALF:
                        raise OnballError(
                            f"{folder}: features beyond {_LARGEST_HALF:g} do not fit into float16: "
                            "leave out --half"
                        )
                    file.write(np.ascontiguousarray(features, dtype).tobytes())
                    times.append(pts_ms)
                    count += len(features)
                if count == 0:
                    raise DataError(f"{folder}: no frames to compute features of")
                # NumPy leaves room in the header for the first dimension to grow.
                file.seek(0)
                _write_header(file, (count, width), dtype)
            np.save(temporary / _TIMES, np.concatenate(times))
            write_json_atomic(temporary / _RECORD, {**record, "frames": count, "features": width})
    except OSError as error:
        raise write_error(folder, error) from error
    return FeatureFrames(folder)


def _write_header(file: BinaryIO, shape: tuple[int, int], dtype: DTypeLike) -> None:
    descr = np.lib.format.dtype_to_descr(np.dtype(dtype))
    header = {"descr": descr, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
