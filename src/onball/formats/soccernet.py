"""SoccerNet's files: `Labels-ball.json` (annotations) and `results_spotting.json` (predictions).

Both hold one match: some top-level fields (`UrlLocal`, `UrlYoutube`, `halftime`) and a list of
entries with `gameTime`, `label`, `position` and more, all of them strings.

There is one strict reader of an entry, with two results: events (`read_labels`, `read_results`), and
events together with all invalid entries (`read_label_entries`). `soccernet_columns.py` reads usual
files faster, as arrays for the metric.

Reading and writing again loses nothing: other top-level fields are kept in `EventList.metadata`,
other fields of an entry in `Event.extra`, and with them every value that would be written
differently, such as a visibility "unclear" or a team "Left". A value in `extra` is written if it
still agrees with the event; a changed event takes precedence. `gameTime` is always computed: from
the kick-off of the half if `EventList.info` has it, else from the position.

Predictions of this package also say what they were made with, in a top-level object "onball" that
SoccerNet's evaluator ignores (`EventList.info`):

    "onball": {"version": 1, "model": "demo", "video": "match.mp4", "duration_ms": 5400000,
               "thresholds": {"PASS": 0.3, …}, …}
"""

from __future__ import annotations

import re
import tempfile
import zipfile
from codecs import BOM_UTF8
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, get_type_hints

import msgspec

from onball.actions import BALL_ACTIONS, Action, ActionSet
from onball.errors import DataError, LabelError
from onball.events import (
    Event,
    EventList,
    SpottingInfo,
    Team,
    format_game_time,
)
from onball.files import atomic_path, read_json_object, to_json, write_json_atomic

LABELS_FILE = "Labels-ball.json"
RESULTS_FILE = "results_spotting.json"
#: Date of the files in a submission, the first that a zip can have.
_DATE = (1980, 1, 1, 0, 0, 0)

_NOT_SHOWN = "not shown"
#: Fields of an entry that are attributes of an event, in the order of SoccerNet's files.
_FIELDS = ("gameTime", "label", "position", "half", "confidence", "team", "visibility")
_GAME_TIME = re.compile(r"\s*(\d{1,3})\s*-\s*\d+:\d{2}")
#: More digits than those of `POSITION_LIMIT_MS` are a mistake, and would overflow the arrays.
#: Data frames write whole numbers as 1000.0.
_WHOLE_NUMBER = re.compile(r"([+-]?\d{1,12})(\.0*)?", re.ASCII)
#: Key of `SpottingInfo` in a file of predictions, and the version of its keys.
_INFO = "onball"
_INFO_VERSION = 1


@dataclass(frozen=True, slots=True)
class _Kind:
    """Differences between the two files."""

    list_key: str
    entry: str
    needs_confidence: bool


_LABELS = _Kind("annotations", "annotation", needs_confidence=False)
_RESULTS = _Kind("predictions", "prediction", needs_confidence=True)


class EntryError(LabelError):
    """An entry that cannot be read.

    Args:
        message: the reason, for a reader that stops at it.
        what: the reason in short, for a list of all errors; `message` if empty.
        remedy: what to do about it, in the imperative.
    """

    def __init__(self, message: str, what: str = "", remedy: str = "correct it") -> None:
        super().__init__(message)
        self.what = what or message
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Entries:
    """The entries of a file, valid ones and invalid ones, in its order.

    Attributes:
        events: number (from 1) and event of each valid entry.
        errors: number and error of each invalid entry.
        match: the file's `UrlLocal`.
        metadata: its other top-level fields.
    """

    events: list[tuple[int, Event]]
    errors: list[tuple[int, EntryError]]
    match: str
    metadata: dict[str, Any]

    def __len__(self) -> int:
        return len(self.events) + len(self.errors)


def read_labels(path: str | Path, actions: ActionSet = BALL_ACTIONS) -> EventList:
    """Read the annotations of a `Labels-ball.json`, sorted by time; `match` is its `UrlLocal`.

    The half is the first number of `gameTime`, as for SoccerNet's evaluator. A `team` other than
    left and right is read as unknown, a missing `visibility` as visible.

    Args:
        path: the file.
        actions: the actions that may occur.

    Raises:
        LabelError: a missing or damaged file, a missing field, an unknown label or a value out of
            range. The message is one line with the file and the entry (counted from 1).
    """
    return EventList.of(*_read_strictly(path, _LABELS, actions))


def read_results(
    path: str | Path, *, file_order: bool = False, actions: ActionSet = BALL_ACTIONS
) -> EventList:
    """Read the predictions of a `results_spotting.json`; `match` is its `UrlLocal`.

    Args:
        path: the file.
        file_order: keep the events in the order of the file instead of sorting them by time.
            SoccerNet's evaluator keeps the last written of two predictions on one frame, so the
            order can change the result.
        actions: actions that may occur, beside the classes of the model that wrote the file, which
            are in its object "onball", and the 12 actions.

    Raises:
        LabelError: as in `read_labels`; here every entry also needs a `confidence`. Or the object
            "onball" in it is damaged.
    """
    events, match, metadata = _read_strictly(path, _RESULTS, actions)
    info = _pop_info(path, metadata)
    if file_order:
        return EventList(tuple(events), match, metadata, info)
    return EventList.of(events, match, metadata, info)


def read_label_entries(path: str | Path, actions: ActionSet = BALL_ACTIONS) -> Entries:
    """Read all valid and all invalid annotations of a `Labels-ball.json`, to check the file.

    Args:
        path: the file.
        actions: the actions that may occur.

    Raises:
        LabelError: the file as a whole cannot be read.
    """
    return _read(path, _LABELS, actions)


def read_result_classes(path: str | Path) -> ActionSet | None:
    """Return the classes of the model that wrote a `results_spotting.json`; None if unknown.

    They are known for files that onball wrote.

    Raises:
        LabelError: the list in the file is damaged.
    """
    content = _decode_info(path)
    return _declared_classes(path, content) if content else None


def read_result_info(path: str | Path) -> SpottingInfo | None:
    """Return the description in a `results_spotting.json` without its events; None if unknown.

    It is known for intact files that onball wrote.
    """
    try:
        return parse_info(path, _decode_info(path))
    except LabelError:
        return None  # readers of the whole file report it


def half_of(game_time: str) -> int | None:
    """Return the half of a `gameTime` such as `1 - 46:04`; None if it is of another form."""
    found = _GAME_TIME.match(game_time)
    return int(found[1]) if found else None


def write_labels(events: EventList, path: str | Path) -> None:
    """Write a `Labels-ball.json`, half by half. A confidence below 1 becomes a further field.

    Args:
        events: annotations of a match.
        path: the file.

    Raises:
        OnballError: the file cannot be written.
    """
    _write(events, path, _LABELS)


def write_results(events: EventList, path: str | Path) -> None:
    """Write a `results_spotting.json`, half by half, for SoccerNet's evaluator.

    Confidences are written with all their digits, and `events.info` as an object "onball".

    Args:
        events: predictions of a match.
        path: the file.

    Raises:
        OnballError: the file cannot be written.
    """
    _write(events, path, _RESULTS)


def write_submission(predictions: Mapping[str, EventList], path: str | Path) -> None:
    """Write a submission to SoccerNet: a zip with `<league>/<season>/<match>/results_spotting.json`.

    The same predictions give the same bytes.

    Args:
        predictions: predictions of each match by its name, `<league>/<season>/<match>`, which
            becomes their `UrlLocal`; events in the order in which they are to be written. Their
            `info` is left out.
        path: the zip; it appears only when complete.

    Raises:
        DataError: there is no match.
        OnballError: the file cannot be written.
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
            write_results(replace(events, match=name, info=None), file)
            entry = zipfile.ZipInfo(f"{name}/{RESULTS_FILE}", _DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, file.read_bytes())


def _read_strictly(
    path: str | Path, kind: _Kind, actions: ActionSet
) -> tuple[list[Event], str, dict[str, Any]]:
    """Events in the order of the file, its `UrlLocal` and its other fields."""
    entries = _read(path, kind, actions)
    for number, error in entries.errors:
        raise LabelError(f"{path}, {kind.entry} {number}: {error}")
    return [event for _, event in entries.events], entries.match, entries.metadata


def _read(path: str | Path, kind: _Kind, actions: ActionSet) -> Entries:
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
    if kind is _RESULTS:
        actions = actions.union(_declared_classes(path, content), BALL_ACTIONS)
    read = Entries([], [], match, content)
    for number, entry in enumerate(entries, start=1):
        try:
            read.events.append((number, _event(entry, kind, actions)))
        except EntryError as error:
            read.errors.append((number, error))
    return read


def _event(entry: object, kind: _Kind, actions: ActionSet) -> Event:
    """Convert an entry to an event. Raises `EntryError`."""
    if not isinstance(entry, dict):
        raise EntryError(
            _one_line(f"expected an object, {{…}}, found {entry!r}"),
            "not an object, {…}",
            "write it as SoccerNet does",
        )
    event = _parse(entry, kind, actions)
    plain = _plain_entry(event, kind)
    extra = {
        key: value
        for key, value in entry.items()
        if key != "gameTime" and (key not in plain or plain[key] != value)
    }
    return replace(event, extra=extra)


def _parse(entry: dict[str, Any], kind: _Kind, actions: ActionSet) -> Event:
    """Convert the fields of an entry that are attributes of an event. Raises `EntryError`."""
    position_ms = _whole_number(entry, "position", "milliseconds")
    try:
        label = actions.parse(_field(entry, "label"))
    except EntryError:
        raise
    except LabelError as error:
        message = _one_line(str(error))
        what, _, remedy = message.partition(": ")
        raise EntryError(message, what, remedy) from None
    try:
        return Event(
            position_ms=position_ms,
            label=label,
            confidence=_confidence(entry, kind),
            team=_team(entry.get("team")),
            half=_half(entry, kind),
            visible=entry.get("visibility") != _NOT_SHOWN,
        )
    except EntryError:
        raise
    except LabelError as error:
        if position_ms < 0:
            remedy = "count from the video's first frame"
            raise EntryError(str(error), "negative position", remedy) from None
        raise EntryError(str(error)) from None


def _field(entry: dict[str, Any], key: str) -> Any:
    if key not in entry:
        raise EntryError(f"no '{key}' in it", remedy="add it")
    return entry[key]


def _whole_number(entry: dict[str, Any], key: str, unit: str) -> int:
    value = _field(entry, key)
    number = _WHOLE_NUMBER.fullmatch(str(value).strip())
    if isinstance(value, bool) or number is None:
        raise EntryError(
            _one_line(f"{key} {value!r} is not a whole number of {unit}"),
            _one_line(f"{key} {value!r}"),
            f"write whole {unit}",
        )
    return int(number[1])


def _confidence(entry: dict[str, Any], kind: _Kind) -> float:
    if not kind.needs_confidence and "confidence" not in entry:
        return 1.0
    value = _field(entry, "confidence")
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        message = _one_line(f"confidence {value!r} is not a number")
        raise EntryError(message, remedy="write 0 to 1") from None


def _half(entry: dict[str, Any], kind: _Kind) -> int:
    # The evaluator takes the half of a prediction from its own field, of a label from gameTime.
    if kind is _RESULTS and "half" in entry:
        return _whole_number(entry, "half", "halves")
    game_time = _field(entry, "gameTime")
    half = half_of(str(game_time))
    if half is None:
        raise EntryError(
            _one_line(f"gameTime {game_time!r} is not of the form '1 - 46:04'"),
            _one_line(f"gameTime {game_time!r}"),
            "write it as '1 - 46:04'",
        )
    return half


def _team(value: object) -> Team:
    try:
        return Team(str(value).strip().lower())
    except ValueError:
        return Team.UNKNOWN


def _write(events: EventList, path: str | Path, kind: _Kind) -> None:
    # By half first, because positions start at 0 in each half; the sort keeps the order within.
    info = events.info if kind is _RESULTS else None
    entries = [
        _entry(event, kind, None if info is None else info.clock_ms(event))
        for event in sorted(events, key=lambda event: event.half)
    ]
    content = {"UrlLocal": events.match, **events.metadata}
    if info is not None:
        content[_INFO] = _info_object(info)
    write_json_atomic(path, content | {kind.list_key: entries})


def _info_object(info: SpottingInfo) -> dict[str, Any]:
    """Convert to the object of a file; attributes without a value are left out."""
    known = {key: value for key, value in to_json(info).items() if value not in (None, "", ())}
    del known["classes"]
    if not info.classes.are_ball_actions:
        known["classes"] = info.classes.as_json()
    extra: dict[str, Any] = known.pop("extra")
    return {"version": _INFO_VERSION} | known | extra


#: Types of the attributes of `SpottingInfo` in a file that differ from those in memory.
_FILE_TYPES = {
    "thresholds": dict[str, float] | None,
    "actions": tuple[str, ...] | None,
    "classes": Any,
}
_HINTS = get_type_hints(SpottingInfo) | _FILE_TYPES
_InfoObject = msgspec.defstruct(
    "_InfoObject",
    [(f.name, _HINTS[f.name], f.default) for f in fields(SpottingInfo) if f.name != "extra"],
)


class _InfoFile(msgspec.Struct):
    """The part of a file that is decoded without its events."""

    info: dict[str, Any] | None = msgspec.field(default=None, name=_INFO)


_INFO_DECODER = msgspec.json.Decoder(_InfoFile)


def _decode_info(path: str | Path) -> dict[str, Any]:
    """The object of this package in a file, as its only field; none if there is none."""
    try:
        content = _INFO_DECODER.decode(Path(path).read_bytes().removeprefix(BOM_UTF8))
    except (OSError, msgspec.MsgspecError, RecursionError):
        return {}  # readers of the whole file report it
    return {_INFO: content.info} if content.info else {}


def _declared_classes(path: str | Path, content: Mapping[str, Any]) -> ActionSet:
    """Classes of the model in the object of this package, if there is one that names them."""
    info = content.get(_INFO)
    if not isinstance(info, dict) or info.get("version") != _INFO_VERSION or "classes" not in info:
        return BALL_ACTIONS
    try:
        return ActionSet.from_json(info["classes"])
    except LabelError as error:
        raise LabelError(f"{path}, object '{_INFO}': {_one_line(str(error))}") from None


def parse_info(path: str | Path, metadata: Mapping[str, Any]) -> SpottingInfo | None:
    """Read the object of this package among the top-level fields of a file of predictions.

    Args:
        path: the file, for errors.
        metadata: its top-level fields.

    Returns:
        None if there is none, or one of another version.

    Raises:
        LabelError: the object is damaged.
    """
    content = metadata.get(_INFO)
    if not isinstance(content, dict) or content.get("version") != _INFO_VERSION:
        return None
    names = set(_InfoObject.__struct_fields__)
    known = {key: value for key, value in content.items() if key in names}
    extra = {key: value for key, value in content.items() if key not in {*names, "version"}}
    try:
        read = msgspec.structs.asdict(msgspec.convert(known, _InfoObject))
        read["classes"] = _declared_classes(path, metadata)
        return SpottingInfo(**read, extra=extra)
    except (msgspec.ValidationError, LabelError) as error:
        raise LabelError(f"{path}, object '{_INFO}': {_one_line(str(error))}") from None
    except UnicodeError:  # half of a surrogate pair, which JSON can escape
        raise LabelError(f"{path}, object '{_INFO}': has text that is not Unicode") from None


def _pop_info(path: str | Path, metadata: dict[str, Any]) -> SpottingInfo | None:
    """Take the object of this package out of the top-level fields of a file, if there is one.

    One of another version stays, as a field that is kept and not understood.
    """
    info = parse_info(path, metadata)
    if info is not None:
        del metadata[_INFO]
    return info


def _entry(event: Event, kind: _Kind, clock_ms: int | None) -> dict[str, Any]:
    """Convert an event to an entry, with the fields of `extra` that still agree with it.

    `clock_ms` is the time since the kick-off of its half, None if it is unknown.
    """
    plain = _plain_entry(event, kind)
    if clock_ms is not None:
        plain["gameTime"] = format_game_time(event.half, max(0, clock_ms))
    kept = {key: value for key, value in event.extra.items() if _holds(key, value, event, plain)}
    entry = plain | kept
    return {key: entry[key] for key in _FIELDS if key in entry} | entry


def _plain_entry(event: Event, kind: _Kind) -> dict[str, Any]:
    """The attributes of an event as SoccerNet writes them, all of them strings."""
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
    """True if a value of `extra` may be written, because reading it would give the same event."""
    if key not in _FIELDS:
        return True
    if key == "gameTime":
        return False
    try:
        # As a prediction, because only there the field `half` is read.
        labels = BALL_ACTIONS if isinstance(event.label, Action) else ActionSet.of([event.label])
        read = _parse({"confidence": "1.0"} | plain | {key: value}, _RESULTS, labels)
    except EntryError:
        return False
    return read == event


def _one_line(text: str) -> str:
    return " ".join(text.split())
