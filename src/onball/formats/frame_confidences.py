"""Confidence of each action at each sampled frame of a video, in a small file.

`confidences.npz` has three arrays: `times_ms`, int32 `[T]`, the time of each frame; `confidences`, uint8
`[T, K]`, in steps of 1/255; and `labels`, the K actions. 90 minutes at 25 frames per second with 12
actions are 1.6 million values, and compress to less than 1 MB, since most of them are near 0.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onball.errors import DataError
from onball.files import atomic_path

CONFIDENCES_FILE = "confidences.npz"
"""File of the confidences of all frames in a folder of results."""

_STEPS = 255


@dataclass(frozen=True, slots=True, eq=False)
class FrameConfidences:
    """Confidence of each action at each sampled frame of a video.

    An event is a maximum of its action's column, and has its confidence, rounded to 1/255. Values are
    those after displacement and calibration.

    Attributes:
        times_ms: int32 `[T]`, ascending: time of each frame in milliseconds.
        confidences: uint8 `[T, K]`, in steps of 1/255.
        labels: names of the K actions.
    """

    times_ms: NDArray[np.int32]
    confidences: NDArray[np.uint8]
    labels: tuple[str, ...]

    @classmethod
    def of(
        cls, times_ms: NDArray[np.int64], confidences: NDArray[np.float32], labels: Sequence[str]
    ) -> FrameConfidences:
        """Round confidences, float `[T, K]` from 0 to 1."""
        rounded = np.rint(confidences.clip(0, 1) * _STEPS).astype(np.uint8)
        return cls(times_ms.astype(np.int32), rounded, tuple(map(str, labels)))

    @classmethod
    def join(cls, parts: Sequence[tuple[int, FrameConfidences]]) -> FrameConfidences:
        """Join the confidences of the files of a match.

        Args:
            parts: for each file its begin in the timeline of the match in milliseconds, and its
                confidences; at least one.
        """
        times = [np.asarray(part.times_ms + begin, np.int32) for begin, part in parts]
        confidences = np.concatenate([part.confidences for _, part in parts])
        return cls(np.concatenate(times), confidences, parts[0][1].labels)

    def between(self, start_ms: float, end_ms: float) -> FrameConfidences:
        """Return the frames from `start_ms` to before `end_ms`."""
        chosen = (self.times_ms >= start_ms) & (self.times_ms < end_ms)
        return FrameConfidences(self.times_ms[chosen], self.confidences[chosen], self.labels)

    def save(self, path: str | Path) -> None:
        """Write a file; the same confidences give the same bytes.

        Raises:
            OnballError: it cannot be written.
        """
        labels = np.array([str(label) for label in self.labels], np.str_)
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(
                file, times_ms=self.times_ms, confidences=self.confidences, labels=labels
            )

    @classmethod
    def load(cls, path: str | Path) -> FrameConfidences:
        """Read a file.

        Raises:
            DataError: it is missing or damaged.
        """
        try:
            with np.load(path, allow_pickle=False) as arrays:
                times, confidences, labels = (
                    arrays[name] for name in ("times_ms", "confidences", "labels")
                )
        except FileNotFoundError:
            raise DataError(f"{path}: no such file") from None
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise DataError(f"{path}: no file of confidences: {error}") from None
        shape = (*times.shape, *labels.shape)
        fits = (times.dtype, confidences.dtype, labels.dtype.kind) == (np.int32, np.uint8, "U")
        if not fits or len(shape) != 2 or confidences.shape != shape or (np.diff(times) < 0).any():
            raise DataError(f"{path}: no file of confidences: its arrays do not fit together")
        return cls(times, confidences, tuple(labels.tolist()))
