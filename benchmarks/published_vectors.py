"""Reference vectors of published models: made-up weights, a synthetic clip, and the outputs for them.

Their folder has one folder per model with `keys.json` (names and shapes of the published checkpoint) and
`vectors.npz` (outputs of the authors' code), and two programs, `fill.py` and `frames.py`, that make the
weights and frames. The other programs here that take such a folder read it with this module.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

#: Folder of the vectors of each model.
FOLDERS = {
    "adaspot-small": "adaspot_soccernetball_small",
    "adaspot-big": "adaspot_soccernetball_big",
    "tdeed-challenge1": "tdeed_soccernetball_challenge1",
    "tdeed-challenge2": "tdeed_soccernetball_challenge2",
    "team-baseline": "snteamspotting_baseline",
    "e2espot-rny002": "e2espot_soccer_rny002",
    "e2espot-rny008": "e2espot_soccer_rny008",
    "stacker-2023": "lromul_2023_final",
    "x3d-s": "x3d_s",
    "x3d-m": "x3d_m",
}


class Vectors:
    """Reference vectors of one model.

    Attributes:
        name: of the model.
        arrays: the reference outputs.
    """

    def __init__(self, root: Path, name: str) -> None:
        self.name = name
        self._root, self._folder = root, root / FOLDERS[name]
        with np.load(self._folder / "vectors.npz") as file:
            self.arrays: dict[str, Any] = dict(file)

    def weights(self) -> dict[str, Tensor]:
        """Made-up weights by their published names. Raises `ValueError` if they are other ones."""
        fill = _program(self._root / "fill.py")
        keys = json.loads((self._folder / "keys.json").read_text(encoding="utf-8"))["keys"]
        weights = fill.fill_all(keys, int(self.arrays["seed"]))
        _check(fill.digest(weights), self.arrays["weights_sha256"])
        return {name: torch.from_numpy(array) for name, array in weights.items()}

    def frames(
        self,
        count: int,
        height: int,
        width: int,
        *,
        grey: bool = False,
        digest: str = "frames_sha256",
    ) -> Tensor:
        """The synthetic clip, uint8 `[1, T, 3, H, W]`; `digest` is the name of its digest."""
        frames = _program(self._root / "frames.py")
        clip = frames.clip(count, height, width, int(self.arrays["frames_seed"]), grey=grey)
        _check(frames.digest(clip), self.arrays[digest])
        images = torch.from_numpy(clip)
        images = images[:, None].expand(-1, 3, -1, -1) if grey else images.permute(0, 3, 1, 2)
        return images[None]


def _program(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"published_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _check(found: str, expected: object) -> None:
    if found != str(expected):
        raise ValueError(f"the generated input has the digest {found} instead of {expected}")
