"""Event data of providers as tags: StatsBomb, Wyscout, Opta, Stats Perform, Sportec, DataFactory, Metrica.

The code of a tag is one of the 12 actions (`onball.formats.providers.actions`) or, with
`ReadingOptions.raw_codes`, the provider's own type of event. Times count from the kick-off of each period.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from onball.actions import Action
from onball.errors import LabelError
from onball.files import decode_text
from onball.formats.providers.actions import (
    RecordedAction,
    event_time_ms,
    is_restart_only,
    recorded_actions,
)
from onball.formats.providers.recognising import EVENT_DATA, metadata_of
from onball.formats.tags.base import (
    Clock,
    ReadingOptions,
    Tag,
    TagFile,
    parse_xml,
    read_bytes,
    tag_file,
)

#: kloppy's number of the penalty shoot-out, which is no period of play.
_SHOOT_OUT = 5
#: A goal without a time of its own is this long after its shot.
GOAL_AFTER_MS = 1000
#: Errors of the mapping for entries that kloppy accepts, but which miss a field or have one of another type.
_DAMAGED = (AttributeError, LookupError, TypeError, ValueError, OverflowError)


def read_event_data(path: Path, options: ReadingOptions, format: str) -> TagFile:
    """Read the event data of a provider.

    Args:
        path: the file.
        options: `metadata` is the second file that some providers need, `raw_codes` gives the
            provider's own types of events.
        format: name of the provider.

    Raises:
        LabelError: the file is damaged, or has no events.
        InputError: the second file is missing or does not belong to the first, or kloppy cannot read
            them.
        MissingDependencyError: kloppy is not installed.
    """
    content = _parsed(path)
    metadata = metadata_of(path, format, options.metadata)
    if metadata is not None:
        _parsed(metadata)
    from onball.formats.providers.loading import load_event_data

    dataset = load_event_data(path, format, metadata)
    teams = [str(team.name) for team in dataset.metadata.teams]
    notes: list[str] = []
    if metadata is not None and options.metadata is None:
        notes.append(f"{EVENT_DATA[format].needs.partition(',')[0]}: {metadata.name}")
    try:
        code_of = _CODES[format](content)
        if options.raw_codes:
            tags = list(_raw_tags(dataset, code_of))
        else:
            tags = _action_tags(dataset, code_of, teams, notes)
    except _DAMAGED as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise LabelError(f"{path}: an event has a value that cannot be read ({reason})") from error
    tags, shoot_out = _without_shoot_out(tags)
    if shoot_out:
        notes.append(f"left out: {shoot_out} tags of the penalty shoot-out")
    if len(tags) > 1 and all(tag.start_s.is_integer() for tag in tags):
        notes.append("times are whole seconds, so labels are up to a second early")
    tags.sort(key=lambda tag: (tag.period or 1, tag.start_s))
    made = tag_file(path, format, tags, options.clock or Clock.PERIOD, notes=notes)
    home, away = teams
    return replace(made, home=home, away=away, left=_left_team(dataset, format))


def _parsed(path: Path) -> Any:
    """Content of a file: an `Element`, or what is in the JSON. Raises `LabelError`."""
    content = read_bytes(path)
    text = decode_text(content)[0].lstrip()
    if text.startswith("<"):
        return parse_xml(path, content.lstrip())
    try:
        return json.loads(text)
    except RecursionError:
        raise LabelError(f"{path}: broken JSON: nested too deeply") from None
    except ValueError as error:
        raise LabelError(f"{path}: broken JSON, is the file complete? {error}") from None


# Actions


def _action_tags(
    dataset: Any, code_of: Callable[[Any], str], teams: Sequence[str], notes: list[str]
) -> list[Tag]:
    """Tags of the events that are one of the 12 actions; notes name the others."""
    tags: list[Tag] = []
    used: set[int] = set()
    others: dict[int, str] = {}
    untimed = late_goals = 0
    for event, actions in recorded_actions(dataset):
        if actions and is_restart_only(event):
            untimed += 1
            continue
        entry = id(event.raw_event)
        if actions:
            used.add(entry)
            tags += [_action_tag(event, action, teams, code_of(event)) for action in actions]
            late_goals += sum(_is_late(action) for action in actions)
        elif event.raw_event:
            others[entry] = code_of(event)
    counts = Counter(code for entry, code in others.items() if entry not in used)
    if counts:
        named = ", ".join(f"'{code}' {count}" for code, count in counts.most_common())
        notes.append(
            f"left out: {counts.total()} events that are none of the 12 actions (--raw-codes reads "
            f"them): {named}"
        )
    if untimed:
        notes.append(
            f"left out: {untimed} balls out of play that have no time of their own, so no label is OUT"
        )
    if late_goals:
        notes.append(f"goals have no time of their own: {GOAL_AFTER_MS / 1000:g} s after the shot")
    if not any(tag.code == Action.DRIVE for tag in tags):
        notes.append("the file has no carries, so no label is DRIVE")
    return tags


def _action_tag(event: Any, action: RecordedAction, teams: Sequence[str], code: str) -> Tag:
    time_ms = action.time_ms
    labels = _labels(event) | {"event": code}
    if action.end_ms is not None:
        time_ms = max(time_ms, action.end_ms)
    elif _is_late(action):
        time_ms += GOAL_AFTER_MS
    team = None if action.team is None else teams[action.team]
    return Tag(
        str(action.action), time_ms / 1000, period=action.half, team=team, labels=labels,
        source=f"event {event.event_id}",
    )  # fmt: skip


def _is_late(action: RecordedAction) -> bool:
    """Return True if an action is a goal with the time of its shot."""
    return action.action is Action.GOAL and action.end_ms is None


def _labels(event: Any) -> dict[str, str]:
    name = None if event.player is None else (event.player.name or event.player.full_name)
    return {"player": str(name)} if name else {}


def _without_shoot_out(tags: Sequence[Tag]) -> tuple[list[Tag], int]:
    kept = [tag for tag in tags if tag.period != _SHOOT_OUT]
    return kept, len(tags) - len(kept)


def _left_team(dataset: Any, format: str) -> str | None:
    """Team that defends the left goal in the first period, which Sportec alone records."""
    if format != "sportec":
        return None
    home, away = (str(team.name) for team in dataset.metadata.teams)
    return {"home-away": home, "away-home": away}.get(dataset.metadata.orientation.value)


# The provider's own types


def _raw_tags(dataset: Any, code_of: Callable[[Any], str]) -> Iterator[Tag]:
    """A tag for each entry of the file; events that kloppy derives from others are left out."""
    seen: set[int] = set()
    for event in dataset.records:
        if not event.raw_event or id(event.raw_event) in seen:
            continue
        seen.add(id(event.raw_event))
        yield Tag(
            code_of(event), event_time_ms(event) / 1000, period=int(event.period.id),
            team=None if event.team is None else str(event.team.name),
            labels=_labels(event), source=f"event {event.event_id}",
        )  # fmt: skip


def _joined(*parts: object) -> str:
    return ": ".join(str(part) for part in parts if part not in (None, ""))


def _by_statsbomb(content: Any) -> Callable[[Any], str]:
    def code(event: Any) -> str:
        entry = event.raw_event
        details = [value for value in entry.values() if isinstance(value, dict)]
        kinds = [one["type"] for one in details if isinstance(one.get("type"), dict)]
        return _joined(entry["type"]["name"], *(kind.get("name") for kind in kinds[:1]))

    return code


def _by_wyscout(content: Any) -> Callable[[Any], str]:
    def code(event: Any) -> str:
        entry = event.raw_event
        if isinstance(entry.get("type"), dict):  # version 3
            return str(entry["type"]["primary"])
        return _joined(entry.get("eventName"), entry.get("subEventName"))

    return code


def _by_opta(content: Any) -> Callable[[Any], str]:
    from onball.formats.providers.loading import OPTA_TYPES

    def code(event: Any) -> str:
        number = event.raw_event.type_id
        return str(OPTA_TYPES.get(number, f"type {number}"))

    return code


def _by_sportec(content: Any) -> Callable[[Any], str]:
    kinds = {str(event.get("EventId")): _path(event) for event in content.iter("Event")}
    return lambda event: kinds.get(str(event.event_id), "unknown")


def _path(event: Element) -> str:
    """Names of the elements in an event, such as `ThrowIn/Play/Pass`."""
    names = []
    element: Element | None = next(iter(event), None)
    while element is not None:
        names.append(element.tag)
        element = next(iter(element), None)
    return "/".join(names)


def _by_datafactory(content: Any) -> Callable[[Any], str]:
    kinds = {
        str(identity): str(kind)
        for kind, entries in content["incidences"].items()
        for identity in entries
        if kind != "goals"  # they are among the shots as well
    }
    return lambda event: kinds.get(str(event.event_id), "unknown")


def _by_metrica(content: Any) -> Callable[[Any], str]:
    def code(event: Any) -> str:
        subtypes = event.raw_event.get("subtypes") or []
        subtypes = [subtypes] if isinstance(subtypes, dict) else subtypes
        return _joined(event.raw_event["type"]["name"], ", ".join(one["name"] for one in subtypes))

    return code


_CODES: Mapping[str, Callable[[Any], Callable[[Any], str]]] = {
    "datafactory": _by_datafactory,
    "metrica": _by_metrica,
    "opta": _by_opta,
    "sportec": _by_sportec,
    "statsbomb": _by_statsbomb,
    "statsperform": _by_opta,
    "wyscout": _by_wyscout,
}
