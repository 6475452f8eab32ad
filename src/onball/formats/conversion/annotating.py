"""Projects and labels of annotation tools, in JSON: LosslessCut, OSL, Label Studio, FiftyOne, SoccerNet."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from onball.events import Team
from onball.formats.conversion.base import Conversion, Excerpt, frame_at, one_line
from onball.formats.event_table import LAG_MS, LEAD_MS
from onball.formats.soccernet import write_results

#: Names of the elements of the labelling interface of Label Studio, as in its own template.
_CONTROL, _OBJECT = "timelineLabels", "video"
_HEAD = "action"


def losslesscut(conversion: Conversion) -> str:
    """Return excerpts as a project of LosslessCut, a segment per excerpt.

    A project has one video: for several files, times are those of the match, as LosslessCut joins them.
    """
    segments = [
        {"start": one.start_ms / 1000, "end": _after(one) / 1000, **_segment(conversion, one)}
        for one in conversion.excerpts(LEAD_MS, LAG_MS)
    ]
    name = conversion.files[0].name if len(conversion.files) == 1 else ""
    project = {"version": 1, "mediaFileName": name, "cutSegments": segments}
    return _json(project)


def _after(excerpt: Excerpt) -> int:
    """End of an excerpt; LosslessCut takes a segment without length for a mistake."""
    return max(excerpt.end_ms, excerpt.start_ms + 1)


def _segment(conversion: Conversion, excerpt: Excerpt) -> dict[str, Any]:
    tags = {}
    if excerpt.team is not Team.UNKNOWN:
        tags["team"] = excerpt.team.value
    if clock := conversion.clock(excerpt.events[0]):
        tags["clock"] = clock
    if not conversion.are_certain:
        tags["confidence"] = f"{excerpt.confidence:.2f}"
    return {"name": one_line(excerpt.label.value), "tags": tags}


def osl(conversion: Conversion) -> str:
    """Return events as a data set of one video in OSL JSON 2.0, or of the files of a match."""
    labels = [label.value for label in conversion.events.classes]
    model = f" by {conversion.info.model}" if conversion.info.model else ""
    content = {
        "version": "2.0",
        "dataset_name": conversion.name,
        "description": f"Actions in football video, found{model} with onball",
        "modalities": ["video"],
        "metadata": {},
        "labels": {_HEAD: {"type": "single_label", "labels": labels}},
        "data": [_osl_video(part) for part in conversion.by_file()],
    }
    return _json(content)


def _osl_video(conversion: Conversion) -> dict[str, Any]:
    (file,) = conversion.files
    path = file.name if file.path is None else _relative(file.path, conversion.folder)
    video: dict[str, Any] = {"type": "video", "path": path}
    if conversion.rate is not None:
        video["fps"] = float(conversion.rate)
    events = []
    for event in conversion.events:
        entry: dict[str, Any] = {
            "head": _HEAD,
            "label": event.label.value,
            "position_ms": event.position_ms,
            "confidence_score": event.confidence,
        }
        if event.team is not Team.UNKNOWN:
            entry["team"] = event.team.value
        events.append(entry)
    return {"id": conversion.name, "inputs": [video], "events": events}


def _relative(path: Path, folder: Path) -> str:
    """Path relative to a folder, with slashes; absolute on another drive."""
    try:
        return Path(os.path.relpath(path.absolute(), folder.absolute())).as_posix()
    except ValueError:
        return path.absolute().as_posix()


def soccernet(conversion: Conversion) -> str:
    """Return events as `results_spotting.json`, SoccerNet's predictions."""
    with tempfile.TemporaryDirectory(prefix="onball-") as folder:
        path = Path(folder) / "results_spotting.json"
        write_results(conversion.events, path)
        return path.read_text("utf-8")


def label_studio(conversion: Conversion) -> str:
    """Return excerpts as tasks of Label Studio with predictions, regions of its timeline.

    There is a task for each file of a match. Frames are counted from 1. By default a region is the frame of
    its event.
    """
    rate = conversion.required_rate("Label Studio")
    return _json([_task(part, rate) for part in conversion.by_file()])


def _task(conversion: Conversion, rate: Fraction) -> dict[str, Any]:
    excerpts = conversion.excerpts(0, 0)
    regions = [
        {
            "id": f"event{number}",
            "from_name": _CONTROL,
            "to_name": _OBJECT,
            "type": "timelinelabels",
            "score": round(one.confidence, 4),
            "value": {
                "ranges": [_frames(one, rate)],
                "timelinelabels": [one_line(one.label.value)],
            },
        }
        for number, one in enumerate(excerpts, start=1)
    ]
    prediction: dict[str, Any] = {"model_version": conversion.info.model or "onball"}
    prediction["result"] = regions
    video = f"/data/local-files/?d={conversion.files[0].name or conversion.name}"
    return {"data": {"video": video}, "predictions": [prediction]}


def _frames(excerpt: Excerpt, rate: Fraction) -> dict[str, int]:
    return {
        "start": 1 + frame_at(excerpt.start_ms, rate),
        "end": 1 + frame_at(excerpt.end_ms, rate),
    }


def label_studio_interface(conversion: Conversion) -> str:
    """Return the labelling interface that the regions of `label_studio` belong to."""
    rate = conversion.required_rate("Label Studio")
    root = Element("View")
    control = SubElement(root, "TimelineLabels", name=_CONTROL, toName=_OBJECT)
    for label in conversion.events.classes:
        SubElement(control, "Label", value=one_line(label.value), background=label.colour)
    frame_rate = f"{float(rate):g}" if rate.denominator == 1 else f"{float(rate):.3f}"
    SubElement(root, "Video", name=_OBJECT, value="$video", frameRate=frame_rate)
    indent(root)
    return tostring(root, encoding="unicode") + "\n"


def fiftyone(conversion: Conversion) -> str:
    """Return excerpts as the labels of a FiftyOneTemporalDetectionDataset.

    Videos are named without their suffix, as FiftyOne does it.
    """
    content = {
        "classes": [label.value for label in conversion.events.classes],
        "labels": {
            Path(part.files[0].name).stem or part.name: [*_detections(part)]
            for part in conversion.by_file()
        },
    }
    return _json(content)


def _detections(conversion: Conversion) -> Iterator[dict[str, Any]]:
    for excerpt in conversion.excerpts(0, 0):
        event = excerpt.events[0]
        yield {
            "label": excerpt.label.value,
            "timestamps": [excerpt.start_ms / 1000, excerpt.end_ms / 1000],
            "confidence": excerpt.confidence,
            "attributes": {
                "team": excerpt.team.value,
                "half": event.half,
                "position_ms": event.position_ms,
            },
        }


def _json(content: Any) -> str:
    """Text of JSON in ASCII, for programs that open it in another encoding."""
    return json.dumps(content, indent=1) + "\n"
