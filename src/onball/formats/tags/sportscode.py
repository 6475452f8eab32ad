"""Sportscode XML, also as written by Wyscout, InStat, LongoMatch, Nacsport, SciSports and kloppy.

    <file><ALL_INSTANCES>
      <instance><ID>1</ID><start>12.4</start><end>20.4</end><code>Pass</code>
        <label><group>Team</group><text>Home</text></label>
      </instance> …

Times are seconds of the video. InStat writes the player into `<code>` and the action into a label of
the group `Action`. Kick-offs are instances as well: `1H` and `2H`, `1st half start`, or an instance
`Offsets` for each period.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element

from onball.errors import LabelError
from onball.formats.tags.base import (
    Clock,
    ReadingOptions,
    Tag,
    TagFile,
    parse_xml,
    read_bytes,
    tag_file,
    text_of,
)
from onball.formats.tags.markers import find_marker, period_of, plain_words
from onball.formats.tags.times import parse_seconds

NAME = "sportscode"
#: Groups of labels, as `plain_words`, that hold properties of a tag.
_ACTION = "action"
_TEAM = (
    "team", "equipo", "mannschaft", "equipe", "squadra", "ploeg", "elftal", "takim", "tim", "lag", "hold",
    "команда",
)  # fmt: skip
_PERIOD = (
    "half", "period", "halbzeit", "tiempo", "parte", "periodo", "periode", "mi temps", "tempo", "helft",
    "таим",
)  # fmt: skip
_OFFSETS = "offsets"
_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*\?>")
_DECLARED = re.compile(rb"\A\s*<\?xml[^>]*encoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")


def read_sportscode(path: Path, options: ReadingOptions) -> TagFile:
    """Read Sportscode XML.

    Args:
        path: the file.
        options: `columns["code"]` names the group of labels that holds the action, or `code` for the
            element `<code>`. By default it is the group `Action` if all instances have it.

    Raises:
        LabelError: it is no such XML, or an instance has no time that can be read.
    """
    root, notes = _parse(path, options)
    instances = [element for element in root.iter() if _name(element) == "instance"]
    tags = list(_tags(path, instances, options))
    starts, tags = _offsets(tags)
    if starts:
        notes = (*notes, "periods are marked by 'Offsets'")
    chosen = options.columns.get("code")
    if chosen is not None and chosen != "code":
        tags = [_with_code(tag, chosen) for tag in tags]
    elif chosen is None and all(_group(tag, _ACTION) or find_marker(tag.code) for tag in tags):
        tags = [_with_code(tag, _ACTION) for tag in tags]
        notes = (*notes, "actions are the labels of the group 'Action', not <code>")
    return tag_file(path, NAME, tags, options.clock or Clock.VIDEO, starts=starts, notes=notes)


def _parse(path: Path, options: ReadingOptions) -> tuple[Element, tuple[str, ...]]:
    content = read_bytes(path)
    declared = _DECLARED.match(content)
    try:
        text, notes = text_of(path, content, options)
        if notes and declared:  # one byte per character, in the encoding that the file names
            text, notes = content.decode(declared[1].decode()), ()
    except (LookupError, UnicodeError):
        raise LabelError(
            f"{path}: is not in the encoding that its first line names: give that of the program, such as "
            "--encoding cp1252"
        ) from None
    root = parse_xml(path, _DECLARATION.sub("", text, count=1).encode())
    if _name(root) != "file" and not any(_name(one) == "instance" for one in root.iter()):
        raise LabelError(f"{path}: no <instance> in it: is it Sportscode XML?")
    return root, notes


def _name(element: Element) -> str:
    """Name of an element in lower case, without its namespace."""
    return str(element.tag).rpartition("}")[2].lower()


def _tags(path: Path, instances: list[Element], options: ReadingOptions) -> Iterator[Tag]:
    for number, instance in enumerate(instances, start=1):
        children = {_name(child): child for child in reversed(instance)}
        try:
            yield _tag(instance, children, options, f"instance {number}")
        except LabelError as error:
            raise LabelError(f"{path}, instance {number}: {error}") from None


def _tag(
    instance: Element, children: dict[str, Element], options: ReadingOptions, source: str
) -> Tag:
    def text(name: str) -> str:
        child = children.get(name)
        return "" if child is None else " ".join("".join(child.itertext()).split())

    if not text("start"):
        raise LabelError("no <start> in it")
    start_s = parse_seconds(text("start"), options.fps)
    end_s = parse_seconds(text("end"), options.fps) if text("end") else None
    labels = _labels(instance)
    if note := text("free_text"):
        labels.setdefault("free_text", note)
    groups = {plain_words(group): value for group, value in labels.items()}
    team = next((groups[name] for name in _TEAM if name in groups), None)
    halves = (period_of(groups[name]) for name in _PERIOD if name in groups)
    return Tag(
        code=text("code"),
        start_s=start_s,
        end_s=end_s,
        period=next(filter(None, halves), None),
        team=team,
        labels=labels,
        source=source,
    )


def _labels(instance: Element) -> dict[str, str]:
    """Texts of the labels by group; those of one group are joined by semicolons."""
    labels: dict[str, str] = {}
    for label in instance:
        if _name(label) != "label":
            continue
        parts = {_name(child): (child.text or "").strip() for child in label}
        text = parts.get("text") or (label.text or "").strip()
        group = parts.get("group") or text
        if text:
            labels[group] = f"{labels[group]}; {text}" if group in labels else text
    return labels


def _offsets(tags: list[Tag]) -> tuple[dict[int, float], list[Tag]]:
    """Kick-offs by the instances `Offsets`, and the other tags.

    Each is of the period that a label names, or else of the next one in order of time.
    """
    marks = [tag for tag in tags if plain_words(tag.code) == _OFFSETS]
    starts: dict[int, float] = {}
    for number, mark in enumerate(sorted(marks, key=lambda tag: tag.start_s), start=1):
        named = next(filter(None, map(period_of, mark.labels.values())), None)
        starts.setdefault(mark.period or named or number, mark.start_s)
    return starts, [tag for tag in tags if plain_words(tag.code) != _OFFSETS]


def _group(tag: Tag, group: str) -> str:
    wanted = plain_words(group)
    return next((text for name, text in tag.labels.items() if plain_words(name) == wanted), "")


def _with_code(tag: Tag, group: str) -> Tag:
    """Return a tag with the label of a group as its code, and its code as a label.

    An instance without such a label keeps its code, so that it is mapped or reported.
    """
    text = _group(tag, group)
    if not text:
        return tag
    labels = {name: value for name, value in tag.labels.items() if value != text} | {
        "code": tag.code
    }
    return Tag(text, tag.start_s, tag.end_s, tag.period, tag.team, labels, tag.source)
