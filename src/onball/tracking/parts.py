"""Detections that are kept while a long video is worked on, so that it goes on where it stopped.

Detection is what takes the time: its results lie in a folder beside the tracks file until that is
complete. Tracks are followed anew from them, so a run that was stopped gives what one in a piece does.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onball.files import atomic_path, write_json_atomic
from onball.tracking.detections import Detections

_KEY_FILE = "key.json"
_FORMAT = 1


@dataclass(frozen=True, slots=True, eq=False)
class DetectedFrames:
    """Consecutive frames and what was found in them.

    Attributes:
        times_ms: int64 `[T]`.
        cuts: bool `[T]`, which frames are the first after a camera cut.
        detections: one for each frame.
    """

    times_ms: NDArray[np.int64]
    cuts: NDArray[np.bool_]
    detections: Sequence[Detections]


class Parts:
    """The folder of kept detections.

    Args:
        tracks: the tracks file that they are for.
        key: says of which video, by what, how: parts with another key are thrown away.
    """

    def __init__(self, tracks: Path, key: dict[str, object]) -> None:
        self._folder = tracks.with_name(f".{tracks.name}.parts")
        self._count = 0
        wanted = {"format": _FORMAT, **key}
        try:
            same = json.loads((self._folder / _KEY_FILE).read_text(encoding="utf-8")) == wanted
        except (OSError, ValueError):
            same = False
        if not same:
            self.remove()
            write_json_atomic(self._folder / _KEY_FILE, wanted)

    def kept(self) -> Iterator[DetectedFrames]:
        """What was found before; reading ends at a part that is missing or damaged."""
        while True:
            try:
                with np.load(self._path(self._count), allow_pickle=False) as part:
                    frames = _unpacked(part)
            except (OSError, ValueError, KeyError, zipfile.BadZipFile):
                return
            self._count += 1
            yield frames

    def keep(self, frames: DetectedFrames) -> None:
        """One more part. Raises `OnballError` if it cannot be written."""
        counts = [len(found.scores) for found in frames.detections]
        with atomic_path(self._path(self._count)) as aside:
            np.savez_compressed(
                aside,
                times_ms=frames.times_ms,
                cuts=frames.cuts,
                counts=np.array(counts, np.int64),
                boxes=np.concatenate([f.boxes for f in frames.detections]).reshape(-1, 4),
                scores=np.concatenate([f.scores for f in frames.detections]),
                kinds=np.concatenate([f.kinds for f in frames.detections]),
            )
        self._count += 1

    def remove(self) -> None:
        """All of them: the tracks file is complete."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:06d}.npz"


def _unpacked(part: np.lib.npyio.NpzFile) -> DetectedFrames:
    ends = np.cumsum(part["counts"])[:-1]
    columns = [np.split(part[name], ends) for name in ("boxes", "scores", "kinds")]
    found = [Detections(*row) for row in zip(*columns, strict=True)]
    return DetectedFrames(part["times_ms"], part["cuts"], found)
