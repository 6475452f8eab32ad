"""Joint training: clips of two data sets with different labels, mixed within every batch.

The second data set is SoccerNet-v2 with its 17 actions (Deliège et al. 2021, "SoccerNet-v2: A
Dataset and Benchmarks for Holistic Understanding of Broadcast Soccer Videos"). A match is a folder
`<league>/<season>/<match>` with one video per half, `1_224p.mkv` and `2_224p.mkv`, and
`Labels-v2.json`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch.utils.data import Dataset

from onball.config import DataConfig
from onball.data.clips import ClipDataset, Clips
from onball.data.frames import open_inputs
from onball.data.layout import ALL, SPLITS_FILE, find_matches
from onball.data.matches import LabelledFrames, events_within
from onball.errors import DataError
from onball.formats.soccernet_v2 import HALVES, V2_LABELS_FILE, V2Event, read_v2_labels
from onball.progress import ProgressCallback, no_progress

#: Names of the video of a half after its number, best first: the smallest is decoded fastest.
_VIDEOS = ("224p.mkv", "224p.mp4", "720p.mkv", "720p.mp4")
_ANY_VIDEO = tuple(f"{half}_{video}" for video in _VIDEOS for half in HALVES)
#: Last part of the seed of the choice of a data set, which makes it independent of the place of the
#: clip, drawn from the same three numbers. Not 0: NumPy ignores trailing zeros of a seed.
_STREAM = 1


@dataclass(frozen=True, slots=True)
class V2Half:
    """A half of a match on disk.

    Attributes:
        name: `<match> half 1` or `<match> half 2`.
        video: its video.
        labels: label file of the match.
        events: events of the half, in order of time.
    """

    name: str
    video: Path
    labels: Path
    events: list[V2Event]


def require_auxiliary_root(data: DataConfig) -> Path:
    """Return the folder of the second data set. Raises `DataError` if it is not set."""
    root = data.auxiliary.root
    if root is None:
        raise DataError(
            "data.auxiliary.root is not set, but model.auxiliary is soccernet-v2: --set "
            "data.auxiliary.root=FOLDER names the folder of SoccerNet-v2's matches"
        )
    return root


def find_halves(data: DataConfig) -> list[V2Half]:
    """Find the halves to train on and read their labels; no video is opened.

    The matches are those listed for `train` in `splits.json` in the root, else those in its folder
    `train`, else all: SoccerNet-v2 unpacks by league and not by split, and this data set only helps
    to learn features; it is never evaluated here.

    Raises `DataError` if the root (`data.auxiliary.root`) is not set, missing or without matches,
    if a half has no video or a match no labels; `LabelError` as `read_v2_labels`.
    """
    root = require_auxiliary_root(data)
    return [half for name, folder in _match_folders(root) for half in _halves(name, folder)]


def load_halves(
    halves: Sequence[V2Half],
    data: DataConfig,
    progress: ProgressCallback = no_progress,
) -> list[LabelledFrames]:
    """Open the frames of halves; they are decoded into the cache, if any.

    Args:
        halves: result of `find_halves`.
        data: settings of sampling and caching, the same as for the main data set.
        progress: called while a cache is filled, with the name of the half as its task and the
            milliseconds of video.

    Raises `DataError` for labels beyond the end of their video, and as `open_inputs`.
    """
    loaded = []
    for half in halves:
        frames = open_inputs(half.video, data, progress=progress, name=half.name).frames
        source = f"{half.labels}, {half.video.name}"
        events = events_within(half.events, frames, source, skip=data.skip_labels_outside)
        loaded.append(LabelledFrames(half.name, frames, events))
    return loaded


def _match_folders(root: Path) -> list[tuple[str, Path]]:
    """Names and folders of the matches to train on."""
    if not root.is_dir():
        raise DataError(
            f"data.auxiliary.root: {root}: no such folder: name that of SoccerNet-v2's matches"
        )
    has_splits = (root / SPLITS_FILE).is_file() or (root / "train").is_dir()
    # Matches with labels alone are found as well, so that missing videos are reported.
    found = find_matches(
        root, "train" if has_splits else ALL, prefer=_ANY_VIDEO, labels_file=V2_LABELS_FILE
    )
    return [(match.name, match.folder) for match in found]


def _halves(name: str, folder: Path) -> list[V2Half]:
    labels = folder / V2_LABELS_FILE
    if not labels.is_file():
        raise DataError(f"{folder}: no {V2_LABELS_FILE} in it: add it or remove the folder")
    events = read_v2_labels(labels)
    return [
        V2Half(
            f"{name} half {half}",
            _video(folder, half),
            labels,
            [event for event in events if event.half == half],
        )
        for half in HALVES
    ]


def _video(folder: Path, half: int) -> Path:
    for name in _VIDEOS:
        if (folder / f"{half}_{name}").is_file():
            return folder / f"{half}_{name}"
    raise DataError(
        f"{folder}: no video of half {half} in it: add {half}_{_VIDEOS[0]} or remove the folder"
    )


class JointClips(Dataset[Clips]):
    """Training clips, each drawn from one of two data sets, with the keys of `ClipDataset`.

    The data set of a clip depends on the seed and the key alone: a resumed run, or one with another
    number of worker processes, gets the same clips.

    Args:
        main: clips labelled with the classes of the net, `source` 0.
        auxiliary: clips labelled with the second label set, `source` 1, of the same length and size.
        auxiliary_share: probability of the second data set, 0 to 1.
        seed: seed of the choice.

    Raises `ValueError` if `auxiliary_share` is out of range.
    """

    def __init__(
        self, main: ClipDataset, auxiliary: ClipDataset, *, auxiliary_share: float, seed: int
    ) -> None:
        if not 0.0 <= auxiliary_share <= 1.0:
            raise ValueError("auxiliary_share: 0 to 1")
        self._datasets = [main, auxiliary]
        self._share = auxiliary_share
        self._seed = seed

    @property
    def datasets(self) -> list[ClipDataset]:
        """The two data sets, by `Clips.source`."""
        return list(self._datasets)

    def source(self, epoch: int, index: int) -> int:
        """Data set of the `index`-th clip of an epoch: 0 the main one, 1 the auxiliary one."""
        rng = np.random.default_rng((self._seed, epoch, index, _STREAM))
        return int(rng.random() < self._share)

    def __getitem__(self, key: tuple[int, int]) -> Clips:
        return self._datasets[self.source(*key)][key]
