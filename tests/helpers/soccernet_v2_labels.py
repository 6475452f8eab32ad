"""Label files of SoccerNet-v2, with two annotations in the first half and one in the second."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def annotation(game_time: str, label: str, position: object, **fields: object) -> dict[str, Any]:
    """Entry of a label file; `fields` override or extend the usual ones."""
    entry = {
        "gameTime": game_time,
        "label": label,
        "position": position,
        "team": "home",
        "visibility": "visible",
    }
    return entry | fields


#: Sorted by half and time.
ANNOTATIONS = [
    annotation("1 - 00:00", "Kick-off", "400"),
    annotation("1 - 00:02", "Yellow->red card", "2400", visibility="not shown"),
    annotation("2 - 00:01", "Ball out of play", "1200", team="not applicable"),
]


def write_labels(folder: Path, annotations: object) -> Path:
    """Write a label file into `folder`, which is created, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "Labels-v2.json"
    content = {"UrlLocal": "Équipe/", "gameHomeTeam": "Équipe", "annotations": annotations}
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return path
