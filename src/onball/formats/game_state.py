"""SoccerNet's game states: JSON files of boxes, roles and pitch positions, one object per person.

A file of one half of SoccerTrack v2 has 2.7 GB. The objects of its array `annotations` are therefore
decoded one after the other, and only their boxes are kept.
"""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from onball.errors import DataError
from onball.tracks import KINDS

_CHUNK = 1 << 20
#: One annotation has fewer characters than these.
_MOST_CHARACTERS = 1 << 22
_ARRAY = re.compile(r'"annotations"\s*:\s*\[')
_BETWEEN = re.compile(r"[\s,]*")
_ROLES = {"player": "player", "goalkeeper": "goalkeeper", "referee": "referee"}
#: An image id is a prefix that names the sequence, and six digits.
_FRAME_DIGITS = 6


@dataclass(frozen=True, slots=True, eq=False)
class GameState:
    """Boxes of the people in a sequence, sorted by frame.

    Attributes:
        frames: int64 `[N]`, number of the frame, from 1.
        track_ids: int64 `[N]`.
        kinds: uint8 `[N]`, indices into `onball.tracks.KINDS`; `person` for other roles.
        boxes: float32 `[N, 4]`, x0, y0, x1, y1 in pixels.
    """

    frames: NDArray[np.int64]
    track_ids: NDArray[np.int64]
    kinds: NDArray[np.uint8]
    boxes: NDArray[np.float32]


def read_game_state(
    path: str | Path, on_progress: Callable[[int], None] | None = None
) -> GameState:
    """Read the boxes of a game-state file (`Labels-GameState.json`, or one of SoccerTrack v2).

    Annotations without a box in the image, such as lines of the pitch, are left out.

    Args:
        path: the file.
        on_progress: called with the number of bytes read.

    Raises:
        DataError: the file is missing, cut off or of another form.
    """
    path = Path(path)
    frames, ids, kinds, sides = array("q"), array("q"), array("B"), array("f")
    try:
        with path.open(encoding="utf-8") as file:
            for number, entry in enumerate(_objects(path, file, on_progress), start=1):
                box = entry.get("bbox_image")
                if entry.get("supercategory", "object") != "object" or not box:
                    continue
                try:
                    frames.append(int(str(entry["image_id"])[-_FRAME_DIGITS:]))
                    ids.append(int(entry["track_id"]))
                    x, y, w, h = (float(box[side]) for side in "xywh")
                except (KeyError, TypeError, ValueError) as error:
                    raise DataError(
                        f"{path}, annotation {number}: no image_id, track_id or box of x, y, w and h "
                        f"({error})"
                    ) from None
                role = str((entry.get("attributes") or {}).get("role"))
                kinds.append(KINDS.index(_ROLES.get(role, "person")))
                sides.extend((x, y, x + w, y + h))
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: not a text file in UTF-8") from None
    frame = np.array(frames, np.int64)
    order = np.lexsort((np.array(ids, np.int64), frame))
    return GameState(
        frame[order],
        np.array(ids, np.int64)[order],
        np.array(kinds, np.uint8)[order],
        np.array(sides, np.float32).reshape(-1, 4)[order],
    )


def _objects(
    path: Path, file: TextIO, on_progress: Callable[[int], None] | None
) -> Iterator[dict[str, Any]]:
    """Decode the objects of the array `annotations`, one after the other."""
    decode = json.JSONDecoder().raw_decode
    text, place, read = "", 0, 0

    def more() -> bool:
        nonlocal text, place, read
        chunk = file.read(_CHUNK)
        text, place = text[place:] + chunk, 0
        read += len(chunk)
        if on_progress is not None:
            on_progress(read)
        return bool(chunk)

    while (start := _ARRAY.search(text)) is None:
        place = max(0, len(text) - 64)  # the key may lie across two chunks
        if not more():
            raise DataError(f"{path}: no game state (it has no array 'annotations')")
    place = start.end()
    while True:
        between = _BETWEEN.match(text, place)
        place = between.end() if between else place
        if text[place : place + 1] == "]":
            return
        try:
            entry, place = decode(text, place)
        except json.JSONDecodeError:
            if len(text) - place > _MOST_CHARACTERS or not more():
                raise DataError(
                    f"{path}: damaged or cut off inside the array 'annotations': get the file again"
                ) from None
            continue
        if not isinstance(entry, dict):
            raise DataError(f"{path}: an annotation is no object")
        yield entry
