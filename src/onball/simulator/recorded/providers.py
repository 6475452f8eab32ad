"""Formats of recorded matches: tracking and event data of providers, and labels as events.

Events can also come from SoccerNet's `Labels-ball.json` or from onball's CSV.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from onball.errors import InputError
from onball.events import EventList
from onball.formats.event_table import read_event_table
from onball.formats.providers.loading import load_event_data
from onball.formats.providers.recognising import (
    EVENT_DATA,
    TRACKING_DATA,
    Provider,
    fitting,
    head_of,
)
from onball.formats.soccernet import read_labels

_LABELS: Mapping[str, Callable[[Path], EventList]] = {
    "csv": read_event_table,
    "soccernet": read_labels,
}
TRACKING = TRACKING_DATA
EVENTS: Mapping[str, Provider] = dict(
    sorted(
        {
            **EVENT_DATA,
            "csv": Provider(
                "onball's CSV",
                r"(?i)\A(?=.*\b(label|action)\b)[^{<\[\n]*\b(time|position_ms)\b",
            ),
            "soccernet": Provider("SoccerNet's labels", r'"(?:annotations|UrlLocal)"\s*:'),
        }.items()
    )
)


def provider_of(path: Path, name: str | None, providers: Mapping[str, Provider], flag: str) -> str:
    """Name of the provider of a file, detected by its content unless it is given.

    Args:
        path: the file.
        name: name given by the user, or None.
        providers: `TRACKING` or `EVENTS`.
        flag: option that names the provider, for error messages.

    Raises:
        InputError: if the file or the provider does not exist, or the content fits no format or several.
    """
    text = head_of(path)
    choices = ", ".join(providers)
    if name is not None:
        if name.lower() not in providers:
            raise InputError(f"unknown provider '{name}' of {path}: choose one of {choices}")
        return name.lower()
    found = fitting(providers, text)
    if len(found) != 1:
        raise InputError(f"{path}: cannot tell whose format this is: name it, {flag} {choices}")
    return found[0]


def read_events(path: Path, name: str, meta: Path | None) -> Any:
    """Read a dataset of kloppy, or an `EventList` of labels.

    Args:
        path: the file.
        name: name of its provider in `EVENTS`.
        meta: the second file that the provider needs.

    Raises:
        InputError: in one line, if a file is missing or cannot be read.
    """
    if name in _LABELS:
        return _LABELS[name](path)
    return load_event_data(path, name, meta if EVENTS[name].needs else None)
