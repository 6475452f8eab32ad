"""Joint training: clips of two data sets with different labels, mixed within every batch."""

from __future__ import annotations

import numpy as np
from torch.utils.data import Dataset

from onball.config import ExperimentConfig
from onball.data.clips import ClipDataset, Clips
from onball.errors import ConfigError

#: Keeps this draw apart from that of the clip's place, which hangs on the same three numbers. Not 0:
#: NumPy's seeds do not tell trailing zeros.
_STREAM = 1


def trains_jointly(config: ExperimentConfig) -> bool:
    """Whether the experiment trains on two data sets.

    Raises `ConfigError` if the net and the data do not agree on that: a second head without a
    second data set, the data without the head, or a clip classifier, which has one head only.
    """
    wanted = config.model.auxiliary
    root = config.data.auxiliary.root
    if wanted is not None and config.task != "spotting":
        raise ConfigError(
            f"model.auxiliary: a second head is for task=spotting, not {config.task}: "
            "--set model.auxiliary=null"
        )
    if wanted is not None and root is None:
        raise ConfigError(
            f"data.auxiliary.root is not set, but model.auxiliary is {wanted}: --set "
            "data.auxiliary.root=FOLDER names the folder of SoccerNet-v2's matches"
        )
    if wanted is None and root is not None:
        raise ConfigError(
            f"data.auxiliary.root is {root}, but the net has no second head to learn from it: --set "
            "model.auxiliary=soccernet-v2, or data.auxiliary.root=null"
        )
    return wanted is not None


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
