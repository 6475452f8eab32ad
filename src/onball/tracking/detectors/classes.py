"""From the classes of a detector to what a box may hold."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from onball.tracks import KINDS

#: Of a class that is none of ours.
OTHER = 255

_NAMES = {
    "person": "person",
    "people": "person",
    "player": "player",
    "players": "player",
    "goalkeeper": "goalkeeper",
    "goalkeepers": "goalkeeper",
    "referee": "referee",
    "referees": "referee",
    "main referee": "referee",
    "side referee": "referee",
    "ball": "ball",
    "sports ball": "ball",
    "football": "ball",
    "soccer ball": "ball",
}
#: Models trained on COCO seldom carry their classes: they are known by how many they are.
_COCO_80 = {0: "person", 32: "sports ball"}
_COCO_91 = {1: "person", 37: "sports ball"}  # numbered by COCO's own ids
_BY_COUNT = {80: _COCO_80, 90: _COCO_91, 91: _COCO_91}


def kinds_of(names: Mapping[int, str] | None, count: int) -> NDArray[np.uint8] | None:
    """For each class its index into `KINDS`, or `OTHER`, uint8 `[count]`.

    Args:
        names: names of the classes by number; None takes COCO's, if `count` is theirs.
        count: how many classes there are.

    Returns: None if no class is a person's or a ball's.
    """
    known = _BY_COUNT.get(count, {}) if names is None else names
    kinds = np.full(count, OTHER, np.uint8)
    for number, name in known.items():
        kind = _NAMES.get(str(name).strip().lower().replace("_", " ").replace("-", " "))
        if kind is not None and 0 <= int(number) < count:
            kinds[int(number)] = KINDS.index(kind)
    return None if (kinds == OTHER).all() else kinds
