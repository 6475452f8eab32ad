"""SoccerNet-v2's `Labels-v2.json`: the annotations of both halves of a match, of 17 actions.

Deliège et al., "SoccerNet-v2: A Dataset and Benchmarks for Holistic Understanding of Broadcast Soccer
Videos", CVPR Workshops 2021.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onball.errors import LabelError
from onball.events import Team
from onball.files import read_json_object
from onball.formats.soccernet import half_of

V2_LABELS_FILE = "Labels-v2.json"
HALVES = (1, 2)

#: The 17 actions in the order of the data set. Class 1 + i is the i-th, class 0 the background.
V2_ACTIONS = (
    "Penalty",
    "Kick-off",
    "Goal",
    "Substitution",
    "Offside",
    "Shots on target",
    "Shots off target",
    "Clearance",
    "Ball out of play",
    "Throw-in",
    "Foul",
    "Indirect free-kick",
    "Direct free-kick",
    "Corner",
    "Yellow card",
    "Red card",
    "Yellow->red card",
)
_CLASSES = {name: 1 + index for index, name in enumerate(V2_ACTIONS)}
_SPELLINGS = {name.lower(): name for name in V2_ACTIONS}

_MILLISECONDS = re.compile(r"\d{1,12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class V2Event:
    """One of the 17 actions at one point in time of a half.

    Attributes:
        position_ms: integer milliseconds since the first frame of the half's video.
        label: one of `V2_ACTIONS`.
        half: 1 or 2.
        visible: False if the broadcast did not show the action.
    """

    position_ms: int
    label: str
    half: int
    visible: bool = True

    @property
    def class_index(self) -> int:
        """Class of the action, 1 to 17."""
        return _CLASSES[self.label]

    @property
    def team(self) -> Team:
        """Unknown: the data set names home or away, which is no side of the pitch in the image."""
        return Team.UNKNOWN


def read_v2_labels(path: str | Path) -> list[V2Event]:
    """Read the annotations of a `Labels-v2.json`, sorted by half and then by time.

    The half is the first number of `gameTime`; case and outer blanks of a label are ignored.

    Raises:
        LabelError: a missing or damaged file, a missing field, an unknown label or a value out of
            range. The message is one line with the file and the annotation (counted from 1).
    """
    content = read_json_object(path, LabelError)
    if "annotations" not in content:
        raise LabelError(f"{path}: no 'annotations' in it")
    entries = content["annotations"]
    if not isinstance(entries, list):
        raise LabelError(f"{path}: 'annotations' is not a list")
    events = []
    for number, entry in enumerate(entries, start=1):
        try:
            events.append(_event(entry))
        except LabelError as error:
            raise LabelError(f"{path}, annotation {number}: {error}") from None
    return sorted(events, key=lambda event: (event.half, event.position_ms))


def _event(entry: object) -> V2Event:
    """Convert an entry to an event. Raises `LabelError`."""
    if not isinstance(entry, dict):
        raise LabelError(f"expected an object, {{…}}, found {entry!r}")
    return V2Event(
        position_ms=_position(_field(entry, "position")),
        label=_label(_field(entry, "label")),
        half=_half(_field(entry, "gameTime")),
        visible=entry.get("visibility") != "not shown",
    )


def _field(entry: dict[str, Any], key: str) -> Any:
    if key not in entry:
        raise LabelError(f"no '{key}' in it")
    return entry[key]


def _position(value: object) -> int:
    text = str(value).strip()
    if not _MILLISECONDS.fullmatch(text):
        raise LabelError(f"position {value!r} is not a whole number of milliseconds from 0 on")
    return int(text)


def _label(value: object) -> str:
    name = _SPELLINGS.get(str(value).strip().lower())
    if name is None:
        close = difflib.get_close_matches(str(value).strip().lower(), _SPELLINGS, n=1)
        hint = (
            f"did you mean '{_SPELLINGS[close[0]]}'?"
            if close
            else f"known: {', '.join(V2_ACTIONS)}"
        )
        raise LabelError(f"unknown action {value!r}: {hint}")
    return name


def _half(game_time: object) -> int:
    half = half_of(str(game_time))
    if half is None:
        raise LabelError(f"gameTime {game_time!r} is not of the form '1 - 12:34'")
    if half not in HALVES:
        raise LabelError(f"gameTime {game_time!r}: half {half} is not 1 or 2")
    return half
