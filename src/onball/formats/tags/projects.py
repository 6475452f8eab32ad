"""Projects of annotation tools in JSON: BORIS, LosslessCut, Label Studio, OSL, SoccerNet, FiftyOne.

| tool | content |
|---|---|
| BORIS | `observations`, each with events `[time, subject, behaviour, modifier, comment]` |
| LosslessCut | `cutSegments`, each with `start`, `end` and `name`, in JSON5 |
| Label Studio | tasks with `annotations`; `timelinelabels` have `ranges` of frames, counted from 1 |
| OSL 2.0 | `data`, a video each, with `events` of `label` and `position_ms` |
| SoccerNet | `annotations` or `predictions` with `gameTime`, `label` and `position` |
| FiftyOne | `labels` by video, detections with `label` and `timestamps`, or `support` in frames from 1 |

A file with several observations, tasks or videos needs the name of one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from onball.errors import LabelError
from onball.events import Team
from onball.formats.soccernet import half_of
from onball.formats.tags.base import (
    Clock,
    ReadingOptions,
    Tag,
    TagFile,
    choose_part,
    read_bytes,
    tag_file,
    text_of,
)
from onball.formats.tags.markers import period_of
from onball.formats.tags.times import exact_rate, parse_seconds

BORIS, LOSSLESSCUT, LABEL_STUDIO = "boris", "losslesscut", "label-studio"
OSL, SOCCERNET, FIFTYONE = "osl", "soccernet", "fiftyone"
#: Text in the files of each format.
_SIGNS = {
    BORIS: '"observations"',
    LOSSLESSCUT: "cutSegments",
    LABEL_STUDIO: '"timelinelabels"',
    SOCCERNET: '"annotations"',
}


def recognise_project(text: str) -> str | None:
    """Return the format of a project by its text; None if it is no JSON of a known tool."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return _kind(json.loads(text))
    except (ValueError, RecursionError):  # JSON5, or damaged: the reader says where
        return next((format for format, sign in _SIGNS.items() if sign in text), None)


def _kind(content: Any) -> str | None:
    """Format of the content of a JSON file."""
    entries = content if isinstance(content, list) else [content]
    first = entries[0] if entries and isinstance(entries[0], dict) else {}
    if first is content:
        for format, sign in _SIGNS.items():
            if format is not LABEL_STUDIO and sign.strip('"') in content:
                data = content.get("data")
                return LABEL_STUDIO if format is SOCCERNET and isinstance(data, dict) else format
        if isinstance(content.get("data"), list):
            return OSL
        if isinstance(content.get("labels"), dict):
            return FIFTYONE
        if "predictions" in content:
            return LABEL_STUDIO if isinstance(content.get("data"), dict) else SOCCERNET
    lists = [value for value in first.values() if isinstance(value, list)]
    regions = [one for values in lists for one in values if isinstance(one, dict)]
    # Tasks of Label Studio, or of its export JSON-MIN.
    is_task = "annotations" in first or isinstance(first.get("data"), dict)
    return LABEL_STUDIO if is_task or any("timelinelabels" in one for one in regions) else None


def read_project(path: Path, options: ReadingOptions, format: str) -> TagFile:
    """Read a project of one of the tools.

    Args:
        path: the file.
        options: `part` is the name of the observation, task or video to read; `fps` the frame rate of
            the video, for Label Studio.
        format: name of the tool's format.

    Raises:
        LabelError: the file is damaged, an entry cannot be read, or the part is missing or needed.
    """
    text, notes = text_of(path, read_bytes(path), options)
    content = _parsed(path, text)
    try:
        tags, clock, starts, remarks = _READERS[format](content, options)
        entries = list(tags)
    except LabelError as error:
        raise LabelError(f"{path}: {error}") from None
    return tag_file(
        path, format, entries, options.clock or clock, starts=starts, notes=(*notes, *remarks)
    )


_Read = tuple[Iterable[Tag], Clock, Mapping[int, float], Sequence[str]]
"""Tags, their clock, kick-offs in the video, and notes."""


def _parsed(path: Path, text: str) -> Any:
    """Content of a JSON file, or of one in the JSON5 that LosslessCut writes."""
    try:
        return json.loads(text)
    except RecursionError:
        raise LabelError(f"{path}: broken JSON: nested too deeply") from None
    except ValueError as problem:
        reason = str(problem)
    try:  # names without quotes, text in single quotes and commas at the end are YAML as well
        content = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError):
        content = None
    if not isinstance(content, dict) or "cutSegments" not in content:
        raise LabelError(f"{path}: broken JSON: {reason}: export the file again")
    return content


def _list(content: object, name: str) -> list[Any]:
    value = content.get(name) if isinstance(content, dict) else None
    if not isinstance(value, list):
        raise LabelError(f"'{name}' is missing, or no list")
    return value


def _object(entry: object, source: str) -> dict[str, Any]:
    if not isinstance(entry, dict):
        raise LabelError(f"{source}: expected an object, {{…}}")
    return entry


def _number(value: object, source: str, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise LabelError(f"{source}: no {name}")
    try:
        return parse_seconds(str(value)) if isinstance(value, str) else float(value)
    except LabelError as error:
        raise LabelError(f"{source}: {error}") from None


def _boris(content: Any, options: ReadingOptions) -> _Read:
    content = _object(content, "the file")
    observations = _object(content.get("observations"), "'observations'")
    observation = _object(choose_part(observations, options.part, "observation"), "the observation")
    behaviours = content.get("behaviors_conf")
    states = {
        behaviour.get("code")
        for behaviour in (behaviours.values() if isinstance(behaviours, dict) else ())
        if isinstance(behaviour, dict) and "state" in str(behaviour.get("type", "")).lower()
    }
    offset = _number(observation.get("time offset") or 0, "time offset", "number")
    tags = _boris_events(_list(observation, "events"), states, offset)
    return tags, Clock.VIDEO, {}, ()


def _boris_events(events: list[Any], states: set[Any], offset_s: float) -> Iterator[Tag]:
    """Tags of an observation; the two events of a state become one."""
    opened: dict[tuple[str, str], Tag] = {}
    for number, event in enumerate(events, start=1):
        source = f"event {number}"
        if not isinstance(event, list) or len(event) < 3:
            raise LabelError(f"{source}: not of the form [time, subject, behaviour, …]")
        subject, code = str(event[1] or ""), str(event[2])
        named = zip(("modifier", "comment"), event[3:5], strict=False)
        labels = {name: str(value) for name, value in named if value}
        time_s = _number(event[0], source, "time") - offset_s
        tag = Tag(code, time_s, team=subject or None, labels=labels, source=source)
        if code not in states:
            yield tag
        elif (code, subject) in opened:
            yield replace(opened.pop((code, subject)), end_s=time_s)
        else:
            opened[code, subject] = tag
    yield from opened.values()


def _losslesscut(content: Any, options: ReadingOptions) -> _Read:
    return _segments(_list(content, "cutSegments")), Clock.VIDEO, {}, ()


def _segments(segments: list[Any]) -> Iterator[Tag]:
    for number, entry in enumerate(segments, start=1):
        source = f"segment {number}"
        segment = _object(entry, source)
        start_s = _number(segment.get("start", 0), source, "start")
        end = segment.get("end")
        tags = segment.get("tags")
        labels = {
            str(key): str(value) for key, value in (tags.items() if isinstance(tags, dict) else ())
        }
        yield Tag(
            str(segment.get("name") or "(no name)"),
            start_s,
            None if end is None else _number(end, source, "end"),
            team=labels.pop("team", None),
            labels=labels,
            source=source,
        )


def _label_studio(content: Any, options: ReadingOptions) -> _Read:
    tasks = content if isinstance(content, list) else [content]
    parts: dict[str, Any] = {}
    for number, one in enumerate(tasks, start=1):
        name = _video_of(_object(one, f"task {number}"), number)
        parts[f"{name} ({number})" if name in parts else name] = one
    task = choose_part(parts, options.part, "task")
    remarks = []
    all_made = [
        _object(one, "annotation")
        for one in (_list(task, "annotations") if task.get("annotations") else ())
    ]
    made = [one for one in all_made if not one.get("was_cancelled")]
    if len(made) > 1:
        remarks.append(f"the first of {len(made)} annotations of the task was read")
    if not made and task.get("predictions"):
        made = _list(task, "predictions")
        remarks.append("the task has no annotation, so its prediction was read")
    if made:
        results = _list(made[0], "result")
    else:  # the export JSON-MIN has the results in the task itself
        values = [value for value in task.values() if isinstance(value, list)]
        results = [{"value": one} for value in values for one in value if isinstance(one, dict)]
    tags = list(_regions(results, options.fps))
    if timeless := len(results) - len({tag.source for tag in tags}):
        remarks.append(f"regions without a time or a label, left out: {timeless}")
    return tags, Clock.VIDEO, {}, remarks


def _video_of(task: dict[str, Any], number: int) -> str:
    """Name of the video of a task, else its number."""
    given = task.get("data")
    data = given if isinstance(given, dict) else task
    video = next((data[key] for key in ("video", "video_url", "audio") if key in data), None)
    if not video:
        return str(task.get("id", number))
    # Files of its own storage are named `/data/local-files/?d=folder/match.mp4`.
    return str(video).replace("\\", "/").rpartition("/")[2].removeprefix("?d=")


def _regions(results: list[Any], fps: float | None) -> Iterator[Tag]:
    for number, entry in enumerate(results, start=1):
        source = f"region {number}"
        value = _object(_object(entry, source).get("value"), source)
        codes = next((value[key] for key in value if key.endswith("labels")), None)
        if not isinstance(codes, list) or not codes:
            continue  # such as a rating of the whole video
        if "ranges" in value:
            if fps is None:
                raise LabelError("its ranges count frames: give the frame rate with --fps")
            rate = float(exact_rate(fps))
            spans = [
                tuple((_number(span.get(key), source, key) - 1) / rate for key in ("start", "end"))
                for span in (_object(one, source) for one in _list(value, "ranges"))
            ]
        elif "start" in value:
            spans = [tuple(_number(value.get(key), source, key) for key in ("start", "end"))]
        else:
            continue  # boxes in the image
        for start_s, end_s in spans:
            for code in codes:
                yield Tag(str(code), max(0.0, start_s), max(0.0, end_s), source=source)


def _osl(content: Any, options: ReadingOptions) -> _Read:
    items: dict[str, Any] = {}
    for number, entry in enumerate(_list(content, "data"), start=1):
        item = _object(entry, f"item {number}")
        items[str(item.get("id", number))] = item
    item = choose_part(items, options.part, "video")
    return _osl_events(_list(item, "events")), Clock.VIDEO, {}, ()


def _osl_events(events: list[Any]) -> Iterator[Tag]:
    for number, entry in enumerate(events, start=1):
        source = f"event {number}"
        event = _object(entry, source)
        if "label" not in event:
            raise LabelError(f"{source}: no 'label'")
        position_s = _milliseconds(event.get("position_ms"), source)
        kept = ("head", "confidence_score")
        labels: dict[str, str] = {key: str(event[key]) for key in kept if key in event}
        team = event.get("team")
        yield Tag(
            str(event["label"]), position_s, team=team and str(team), labels=labels, source=source
        )


def _milliseconds(value: object, source: str) -> float:
    try:
        return float(value) / 1000  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise LabelError(f"{source}: no position in milliseconds") from None


def _soccernet(content: Any, options: ReadingOptions) -> _Read:
    content = _object(content, "the file")
    key = "annotations" if "annotations" in content else "predictions"
    tags = list(_soccernet_entries(_list(content, key)))
    ends: dict[int, float] = {}
    again = False
    for tag in sorted(tags, key=lambda tag: (tag.period or 1, tag.start_s)):
        again |= any(tag.start_s < end for half, end in ends.items() if half < (tag.period or 1))
        ends[tag.period or 1] = tag.start_s
    if not again:
        return tags, Clock.VIDEO, {}, ()
    remark = "positions begin again in each half, and count from the beginning of its video"
    return tags, Clock.PERIOD, dict.fromkeys(ends, 0.0), (remark,)


def _soccernet_entries(entries: list[Any]) -> Iterator[Tag]:
    for number, item in enumerate(entries, start=1):
        source = f"annotation {number}"
        entry = _object(item, source)
        time = str(entry.get("gameTime", ""))
        half = half_of(time)
        if "position" in entry:
            start_s = _milliseconds(entry["position"], source)
        elif half is not None:  # the files of 2018 have no position
            start_s = _number(time.partition("-")[2].strip(), source, "gameTime")
        else:
            raise LabelError(f"{source}: neither 'position' nor 'gameTime' in it")
        if "label" not in entry:
            raise LabelError(f"{source}: no 'label'")
        kept = ("visibility", "confidence")
        labels: dict[str, str] = {key: str(entry[key]) for key in kept if key in entry}
        team = entry.get("team")
        yield Tag(
            str(entry["label"]),
            start_s,
            period=half,
            team=team and str(team),
            labels=labels,
            source=source,
        )


def _fiftyone(content: Any, options: ReadingOptions) -> _Read:
    content = _object(content, "the file")
    videos = _object(content.get("labels"), "'labels'")
    known = content.get("classes")
    detections = choose_part(videos, options.part, "video")
    if isinstance(detections, dict):  # one label for the video, or a field of labels
        detections = detections.get("detections", [detections])
    if not isinstance(detections, list):
        raise LabelError("the labels of the video are no list")
    classes = known if isinstance(known, list) else []
    return _fiftyone_detections(detections, classes, options.fps), Clock.VIDEO, {}, ()


def _fiftyone_detections(
    detections: list[Any], classes: list[Any], fps: float | None
) -> Iterator[Tag]:
    for number, entry in enumerate(detections, start=1):
        source = f"detection {number}"
        detection = _object(entry, source)
        label = detection.get("label")
        if isinstance(label, int) and 0 <= label < len(classes):
            label = classes[label]
        if not isinstance(label, str):
            raise LabelError(f"{source}: no 'label'")
        start_s, end_s = _fiftyone_span(detection, source, fps)
        attributes = detection.get("attributes")
        texts = {
            str(key): str(value)
            for key, value in (attributes.items() if isinstance(attributes, dict) else ())
        }
        if "confidence" in detection:
            texts["confidence"] = str(detection["confidence"])
        team = texts.pop("team", None)
        yield Tag(
            label,
            start_s,
            end_s,
            period=period_of(texts.get("half", "")),
            team=None if team == Team.UNKNOWN.value else team,
            labels=texts,
            source=source,
        )


def _fiftyone_span(
    detection: dict[str, Any], source: str, fps: float | None
) -> tuple[float, float]:
    """Beginning and end of a detection, in seconds."""
    if "timestamps" in detection:
        name, values = "timestamps", detection["timestamps"]
    else:
        name, values = "support", detection.get("support")
    if not isinstance(values, list) or len(values) != 2:
        raise LabelError(f"{source}: no 'timestamps' of the form [begin, end]")
    begin, end = (_number(value, source, f"number in '{name}'") for value in values)
    if name == "timestamps":
        return begin, end
    if fps is None:
        raise LabelError(f"{source}: its 'support' counts frames: give the frame rate with --fps")
    rate = float(exact_rate(fps))
    return (begin - 1) / rate, (end - 1) / rate


_READERS: Mapping[str, Callable[[Any, ReadingOptions], _Read]] = {
    BORIS: _boris,
    LOSSLESSCUT: _losslesscut,
    LABEL_STUDIO: _label_studio,
    OSL: _osl,
    SOCCERNET: _soccernet,
    FIFTYONE: _fiftyone,
}
