"""SoccerNet's files: `Labels-ball.json` (annotations) and `results_spotting.json` (predictions).

Both hold one match: some top-level fields (`UrlLocal`, `UrlYoutube`, `halftime`) and a list of
entries with `gameTime`, `label`, `position` and more, all of them strings. Reading and writing
again loses nothing: other top-level fields travel in `EventList.metadata`, other fields of an
entry in `Event.extra`, and with them every value that would be written differently, such as a
visibility "unclear" or a team "Left". A value in `extra` is written as long as it still says what
the event says; a changed event wins. `gameTime` alone is always made anew.
"""

from __future__ import annotations

import re
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from onball.actions import parse_action
from onball.errors import DataError, LabelError
from onball.events import Event, EventList, Team
from onball.files import atomic_path, read_json_object, write_json_atomic

LABELS_FILE = "Labels-ball.json"
RESULTS_FILE = "results_spotting.json"

_NOT_SHOWN = "not shown"
#: The fields that an event has a place for, in the order of SoccerNet's files.
_FIELDS = ("gameTime", "label", "position", "half", "confidence", "team", "visibility")
_GAME_TIME = re.compile(r"\s*(\d{1,3})\s*-\s*\d+:\d{2}")
#: Twelve digits are thirty years: more is a mistake, and would not fit the arrays of the metric.
_WHOLE_NUMBER = re.compile(r"[+-]?\d{1,12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Kind:
    """What differs between the two files."""

    list_key: str
    entry: str
    needs_confidence: bool


_LABELS = _Kind("annotations", "annotation", needs_confidence=False)
_RESULTS = _Kind("predictions", "prediction", needs_confidence=True)


def read_labels(path: str | Path) -> EventList:
    """The annotations of a `Labels-ball.json`, sorted by time; `match` is its `UrlLocal`.

    The half is the first number of `gameTime`, as for SoccerNet's evaluator. A `team` other than
    left and right is read as unknown, a missing `visibility` as visible.

    Raises `LabelError` with one line that names the file and the entry (counted from 1) for a
    missing or broken file, a missing field, an unknown label, or a value out of range.
    """
    events, match, metadata = _read(path, _LABELS)
    return EventList.of(events, match, metadata)


def read_results(path: str | Path, *, file_order: bool = False) -> EventList:
    """The predictions of a `results_spotting.json`, sorted by time; `match` is its `UrlLocal`.

    Args:
        file_order: leave the events as the file has them. SoccerNet's evaluator keeps the last
            written of two predictions on one frame, so the order may touch the result.

    Raises `LabelError` as `read_labels` does; here every entry also needs a `confidence`.
    """
    events, match, metadata = _read(path, _RESULTS)
    if file_order:
        return EventList(tuple(events), match, metadata)
    return EventList.of(events, match, metadata)


def half_of(game_time: str) -> int | None:
    """The half that a `gameTime` such as `1 - 46:04` names; None if it is of another form."""
    found = _GAME_TIME.match(game_time)
    return int(found[1]) if found else None


def write_labels(events: EventList, path: str | Path) -> None:
    """Write a `Labels-ball.json`, half by half. A confidence below 1 is kept as a further field.

    The file is written aside and then renamed. Raises `OnballError` if that is not possible.
    """
    _write(events, path, _LABELS)


def write_results(events: EventList, path: str | Path) -> None:
    """Write a `results_spotting.json`, half by half, as SoccerNet's evaluation takes it.

    Confidences are written with all their digits. The file is written aside and then renamed.
    Raises `OnballError` if that is not possible.
    """
    _write(events, path, _RESULTS)


def _read(path: str | Path, kind: _Kind) -> tuple[list[Event], str, dict[str, Any]]:
    content = read_json_object(path, LabelError)
    if kind.list_key not in content:
        other = _RESULTS if kind is _LABELS else _LABELS
        hint = f" (it holds '{other.list_key}')" if other.list_key in content else ""
        raise LabelError(f"{path}: no '{kind.list_key}' in it{hint}")
    entries = content.pop(kind.list_key)
    if not isinstance(entries, list):
        raise LabelError(f"{path}: '{kind.list_key}' is not a list")
    match = content.pop("UrlLocal", "")
    if not isinstance(match, str):
        raise LabelError(f"{path}: 'UrlLocal' is not text")
    events = []
    for number, entry in enumerate(entries, start=1):
        try:
            events.append(_event(entry, kind))
        except (LabelError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise LabelError(f"{path}, {kind.entry} {number}: {reason}") from None
    return events, match, content


def _event(entry: object, kind: _Kind) -> Event:
    """One entry as an event. Raises `LabelError` or `ValueError` without naming the file."""
    if not isinstance(entry, dict):
        raise LabelError(f"expected an object, {{…}}, found {entry!r}")
    event = _parse(entry, kind)
    plain = _plain_entry(event, kind)
    extra = {
        key: value
        for key, value in entry.items()
        if key != "gameTime" and (key not in plain or plain[key] != value)
    }
    return replace(event, extra=extra)


def _parse(entry: dict[str, Any], kind: _Kind) -> Event:
    """What the entry says in the fields that an event has a place for. Raises as `_event`."""
    return Event(
        position_ms=_whole_number(entry, "position", "milliseconds"),
        label=parse_action(_field(entry, "label")),
        confidence=_confidence(entry, kind),
        team=_team(entry.get("team")),
        half=_half(entry, kind),
        visible=entry.get("visibility") != _NOT_SHOWN,
    )


def _field(entry: dict[str, Any], key: str) -> Any:
    if key not in entry:
        raise LabelError(f"no '{key}' in it")
    return entry[key]


def _whole_number(entry: dict[str, Any], key: str, unit: str) -> int:
    value = _field(entry, key)
    text = str(value).strip()
    if isinstance(value, bool) or not _WHOLE_NUMBER.fullmatch(text):
        raise LabelError(f"{key} {value!r} is not a whole number of {unit}")
    return int(text)


def _confidence(entry: dict[str, Any], kind: _Kind) -> float:
    if not kind.needs_confidence and "confidence" not in entry:
        return 1.0
    value = _field(entry, "confidence")
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise LabelError(f"confidence {value!r} is not a number") from None


def _half(entry: dict[str, Any], kind: _Kind) -> int:
    # The evaluator takes the half of a prediction from its own field, of a label from gameTime.
    if kind is _RESULTS and "half" in entry:
        return _whole_number(entry, "half", "halves")
    game_time = _field(entry, "gameTime")
    half = half_of(str(game_time))
    if half is None:
        raise LabelError(f"gameTime {game_time!r} is not of the form '1 - 46:04'")
    return half


def _team(value: object) -> Team:
    try:
        return Team(str(value).strip().lower())
    except ValueError:
        return Team.UNKNOWN


def _write(events: EventList, path: str | Path, kind: _Kind) -> None:
    # By half first, because positions begin anew with each half; the sort keeps the order within.
    entries = [_entry(event, kind) for event in sorted(events, key=lambda event: event.half)]
    content = {"UrlLocal": events.match, **events.metadata, kind.list_key: entries}
    write_json_atomic(path, content)


def _entry(event: Event, kind: _Kind) -> dict[str, Any]:
    """One event as an entry, with what its file said beside or in other words."""
    plain = _plain_entry(event, kind)
    kept = {key: value for key, value in event.extra.items() if _holds(key, value, event, plain)}
    entry = plain | kept
    return {key: entry[key] for key in _FIELDS if key in entry} | entry


def _plain_entry(event: Event, kind: _Kind) -> dict[str, Any]:
    """The event's own fields as SoccerNet writes them, all of them strings."""
    entry: dict[str, Any] = {
        "gameTime": event.game_time,
        "label": event.label.value,
        "position": str(event.position_ms),
    }
    if kind is _RESULTS:
        entry["half"] = str(event.half)
    if kind is _RESULTS or event.confidence != 1.0:
        # `float` first: a NumPy number shows its type in its `repr`.
        entry["confidence"] = repr(float(event.confidence))
    if event.team is not Team.UNKNOWN:
        entry["team"] = event.team.value
    if kind is _LABELS or not event.visible:
        entry["visibility"] = "visible" if event.visible else _NOT_SHOWN
    return entry


def _holds(key: str, value: object, event: Event, plain: dict[str, Any]) -> bool:
    """Whether the value, in the place of the event's own, still says the same."""
    if key not in _FIELDS:
        return True
    if key == "gameTime":
        return False
    try:
        # As a prediction, because only there the field `half` is looked at.
        said = _parse({"confidence": "1.0"} | plain | {key: value}, _RESULTS)
    except (LabelError, ValueError):
        return False
    return said == event


# --- A submission: `<league>/<season>/<match>/results_spotting.json` of several matches i


#: The same predictions give the same bytes: every entry carries the first date that a zip has.
_DATE = (1980, 1, 1, 0, 0, 0)


def write_submission(predictions: Mapping[str, EventList], path: str | Path) -> None:
    """Write the zip that SoccerNet's evaluator takes, with every field it asks for.

    Args:
        predictions: of each match, by its `<league>/<season>/<match>`; events in the order in
            which they are to be written. That name becomes their `UrlLocal`.
        path: the zip; it appears only when complete.

    Raises `DataError` if there is no match, `OnballError` if the file cannot be written.
    """
    if not predictions:
        raise DataError(f"{path}: no predictions to put into it")
    with (
        tempfile.TemporaryDirectory(prefix="onball-") as folder,
        atomic_path(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name, events in predictions.items():
            file = Path(folder) / RESULTS_FILE
            write_results(replace(events, match=name), file)
            entry = zipfile.ZipInfo(f"{name}/{RESULTS_FILE}", _DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, file.read_bytes())
