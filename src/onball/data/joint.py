"""SoccerNet-v2's action spotting data: 17 actions, whole matches, one video per half.

It is the second data set of joint training (Deliège et al. 2021, "SoccerNet-v2: A Dataset and
Benchmarks for Holistic Understanding of Broadcast Soccer Videos"). A match is a folder
`<league>/<season>/<match>` with `1_224p.mkv`, `2_224p.mkv` and `Labels-v2.json`.
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

#: Names of a half's video behind its number, best first: the smallest is decoded fastest.
_VIDEOS = ("224p.mkv", "224p.mp4", "720p.mkv", "720p.mp4")
_ANY_VIDEO = tuple(f"{half}_{video}" for video in _VIDEOS for half in HALVES)


@dataclass(frozen=True, slots=True)
class V2Half:
    """A half on disk.

    Attributes:
        name: `<match> half 1`.
        video: its file.
        labels: the label file of its match.
        events: its own, in order of time.
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
    """The halves to train on, with their labels; no video is opened.

    They are those of the matches that `splits.json` in the root lists for `train`, else of those in
    its folder `train`, else of all that there are: SoccerNet-v2 unpacks by league and not by split,
    and this data set only helps to learn features, it is never evaluated here.

    Raises `DataError` for a root (`data.auxiliary.root`) that is not set or missing or holds no
    match, a half without video, or a match without labels; `LabelError` as `read_v2_labels`.
    """
    root = require_auxiliary_root(data)
    return [half for name, folder in _match_folders(root) for half in _halves(name, folder)]


def load_halves(
    halves: Sequence[V2Half],
    data: DataConfig,
    progress: ProgressCallback = no_progress,
) -> list[LabelledFrames]:
    """The halves with their frames, which are decoded into the cache, if there is one.

    Args:
        halves: as `find_halves` found them.
        data: how frames are sampled, scaled and cached; the same as for the main data set.
        progress: called while a cache is filled, with the name of the half as its task and the
            milliseconds of video.

    Raises `DataError` for labels beyond the end of their video, and what reading the video raises.
    """
    loaded = []
    for half in halves:
        frames = open_inputs(half.video, data, progress=progress, name=half.name).frames
        source = f"{half.labels}, {half.video.name}"
        events = events_within(half.events, frames, source, skip=data.skip_labels_outside)
        loaded.append(LabelledFrames(half.name, frames, events))
    return loaded


def _match_folders(root: Path) -> list[tuple[str, Path]]:
    """Name and folder of every match to train on."""
    if not root.is_dir():
        raise DataError(
            f"data.auxiliary.root: {root}: no such folder: name that of SoccerNet-v2's matches"
        )
    told = (root / SPLITS_FILE).is_file() or (root / "train").is_dir()
    # A match with labels only is found as well, so that its missing videos are told.
    found = find_matches(
        root, "train" if told else ALL, prefer=_ANY_VIDEO, labels_file=V2_LABELS_FILE
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


# --- Joint training: clips of two data sets with different labels, mixed within every bat


#: Keeps this draw apart from that of the clip's place, which hangs on the same three numbers. Not 0:
#: NumPy's seeds do not tell trailing zeros.
_STREAM = 1


class JointClips(Dataset[Clips]):
    """Training clips, each from one of two data sets: as `ClipDataset`, and drawn by the same keys.

    Which one is chance that hangs on the seed and the key alone, so that a resumed run, or one with
    other worker processes, gets the same clips.

    Args:
        main: labelled with the 12 ball actions, `source` 0.
        auxiliary: labelled with the second set, `source` 1; clips of the same length and size.
        auxiliary_share: probability that a clip is the second data set's, 0 to 1.
        seed: another seed, another mixture.

    Raises `ValueError` for a share out of range.
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
        """Which data set the `index`-th clip of an epoch is from: 0 the main one, 1 the other."""
        rng = np.random.default_rng((self._seed, epoch, index, _STREAM))
        return int(rng.random() < self._share)

    def __getitem__(self, key: tuple[int, int]) -> Clips:
        return self._datasets[self.source(*key)][key]
