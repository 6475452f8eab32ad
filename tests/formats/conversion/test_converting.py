"""Conversion of events: what is read back, files, and inputs that are out of range."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import opentimelineio as otio
import pytest
from tiny_matches import write_flashes

from onball.actions import Action, ActionSet
from onball.errors import InputError, LabelError
from onball.events import Event, EventList, SpottingInfo, Team
from onball.formats import read_results, write_results
from onball.formats.conversion import FORMATS, convert_events
from onball.formats.tags import read_tags
from onball.outputs import OutputConflictError

NAMES = ActionSet.of(["PASS", "SHOT", "Zweikampf \"Köln\" 'x'", "射门", "a & b"])
EVENTS = EventList.of(
    [
        Event(0, Action.PASS, 0.31, Team.LEFT),
        Event(12_480, NAMES.parse("射门"), 0.83, Team.RIGHT),
        Event(62_040, NAMES.names[2], 0.5),
        Event(2_800_000, Action.SHOT, 0.99, Team.RIGHT, 2),
        Event(5_400_040, NAMES.parse("a & b"), 0.7, half=2),
    ],
    match="league/2025/FC Köln - 上海",
    info=SpottingInfo(
        "demo", video="match.mp4", duration_ms=5_500_000, classes=NAMES, kickoffs_ms=(0, 2_700_000)
    ),
)


@pytest.mark.parametrize("format", FORMATS)
def test_titles_with_markup_and_line_breaks_leave_files_valid(tmp_path, format):
    events = replace(EVENTS, match="cup/Köln\n<\"Süd\" & '上海'>:\x00")
    for file in convert_events(events, format, tmp_path, fps=25):
        assert file.path.name.startswith("Köln __Süd_ & '上海'__") and file.path.parent == tmp_path
        if file.path.suffix == ".json":
            json.loads(file.path.read_text())
        elif file.path.suffix in (".xml", ".fcpxml"):
            ElementTree.parse(file.path)
        elif file.path.suffix == ".otio":
            (clip,) = otio.adapters.read_from_file(str(file.path)).find_clips()
            names = [marker.name for marker in clip.markers if "onball" in marker.metadata]
            assert names == [str(event.label) for event in EVENTS]
        elif file.path.suffix == ".edl":
            assert len(file.path.read_text("utf-8").splitlines()) == 3 + 3 * (len(EVENTS) + 2)


def test_markers_of_fcpxml_have_the_names_of_the_actions(tmp_path):
    (file,) = convert_events(EVENTS, "fcpxml", tmp_path, fps=25, period_markers=False)
    markers = list(ElementTree.parse(file.path).iter("marker"))
    assert [marker.get("value") for marker in markers] == [str(event.label) for event in EVENTS]


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    folder = tmp_path_factory.mktemp("video")
    write_flashes(folder, 0)
    return folder / "224p.mp4"


def test_results_of_soccernet_keep_everything(tmp_path):
    path = convert_events(EVENTS, "soccernet", tmp_path)[0].path
    assert read_results(path).events == EVENTS.events


def test_fiftyone_names_the_video_and_its_detections(tmp_path):
    path = convert_events(EVENTS, "fiftyone", tmp_path, lead_s=2)[0].path
    content = json.loads(path.read_text())
    assert content["classes"] == [str(name) for name in EVENTS.classes]
    (video,) = content["labels"]
    assert video == "match"
    second = content["labels"][video][1]
    assert second["timestamps"] == [10.48, 12.48] and second["confidence"] == 0.83
    assert second["attributes"] == {"team": "right", "half": 1, "position_ms": 12_480}


def test_label_studio_gets_a_task_and_the_interface_of_its_labels(tmp_path):
    task, interface = (
        file.path for file in convert_events(EVENTS, "label-studio", tmp_path, fps=50)
    )
    (content,) = json.loads(task.read_text())
    assert content["data"] == {"video": "/data/local-files/?d=match.mp4"}
    (prediction,) = content["predictions"]
    region = prediction["result"][1]
    assert region["value"] == {"ranges": [{"start": 625, "end": 625}], "timelinelabels": ["射门"]}
    shown = interface.read_text("utf-8")
    assert f'name="{region["from_name"]}" toName="{region["to_name"]}"' in shown
    assert 'value="a &amp; b"' in shown and 'frameRate="50"' in shown


def test_osl_refers_to_the_video_from_its_own_folder(tmp_path, monkeypatch, video):
    monkeypatch.chdir(tmp_path)
    few = replace(EVENTS, events=EVENTS.events[:1], info=None)
    path = convert_events(few, "osl", "out/sub", video=video)[0].path
    (item,) = json.loads(path.read_text())["data"]
    relative = Path(os.path.relpath(video, tmp_path / "out" / "sub")).as_posix()
    assert item["inputs"] == [{"type": "video", "path": relative, "fps": 25.0}]


@pytest.mark.parametrize("format", FORMATS)
def test_no_event_gives_an_empty_file_that_is_valid(tmp_path, format):
    files = convert_events(replace(EVENTS, events=(), info=None), format, tmp_path, fps=25)
    for file in files:
        text = file.path.read_bytes()
        if file.path.suffix == ".json":
            json.loads(text)
        if format not in ("srt", "xlsx"):
            assert text.strip()


def test_events_of_several_matches_are_all_converted(tmp_path):
    many = EventList.of([Event(1_000 * k + 40, Action.PASS, 0.5) for k in range(1_500)])
    files = convert_events(many, ["edl", "kloppy", "otio", "srt"], tmp_path, fps=25)
    assert {len(file.events) for file in files} == {1_500}
    found = read_tags(next(file.path for file in files if file.format == "edl"), fps=25)
    assert [round(tag.start_s, 3) for tag in found.tags[-2:]] == [1_498.04, 1_499.04]


# Times


def test_kickoffs_give_clock_halves_and_markers(tmp_path):
    unknown = replace(EVENTS, info=replace(EVENTS.info, kickoffs_ms=()))
    (file,) = convert_events(unknown, "sportscode", tmp_path, kickoffs_s=[10, 62])
    assert [event.half for event in file.events] == [1, 1, 2, 2, 2]
    text = file.path.read_text("utf-8")
    assert "<code>1H</code>" in text and "<text>00'02</text>" in text
    (second,) = convert_events(unknown, "csv", tmp_path, kickoffs_s={2: 0})
    assert {event.half for event in second.events} == {2}
    with pytest.raises(InputError, match="a kick-off is not after the one before it"):
        convert_events(unknown, "csv", tmp_path, kickoffs_s=[62, 10])


def test_an_offset_moves_events_and_kickoffs(tmp_path):
    (file,) = convert_events(EVENTS, "sportscode", tmp_path, offset_s=100.5)
    assert [event.position_ms for event in file.events][:2] == [100_500, 112_980]
    found = read_tags(file.path)
    assert found.period_starts_s == {1: 100.5, 2: 2_800.5}
    with pytest.raises(InputError, match=r"an offset of -1 s moves 1 of 5 events out of the video"):
        convert_events(EVENTS, "sportscode", tmp_path / "b", offset_s=-1)


# Files


def test_nothing_is_written_if_one_of_the_files_is_in_the_way(tmp_path):
    (tmp_path / "FC Köln - 上海.srt").write_text("mine")
    with pytest.raises(
        OutputConflictError, match=r"上海\.srt: is there already, with other content"
    ):
        convert_events(EVENTS, ["csv", "srt"], tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["FC Köln - 上海.srt"]
    files = convert_events(EVENTS, ["csv", "srt"], tmp_path, overwrite=True)
    assert [file.written for file in files] == [True, True]
    assert [file.written for file in convert_events(EVENTS, ["csv", "srt"], tmp_path)] == [
        False,
        False,
    ]


def test_results_of_many_videos_get_their_files_beside_them(tmp_path):
    for name in ("a", "b"):
        write_results(replace(EVENTS, match=name), tmp_path / name / "results_spotting.json")
    files = convert_events(tmp_path, "srt")
    assert [file.path for file in files] == [tmp_path / "a" / "a.srt", tmp_path / "b" / "b.srt"]
    other = convert_events(tmp_path, "srt", tmp_path / "out")
    assert [file.path for file in other] == [
        tmp_path / "out" / "a" / "a.srt", tmp_path / "out" / "b" / "b.srt",
    ]  # fmt: skip
    with pytest.raises(InputError, match="is one file, and there are 2 videos: name a folder"):
        convert_events(tmp_path, "srt", tmp_path / "all.srt")
    with pytest.raises(InputError, match="has 2 videos, and a video or kick-off is of one"):
        convert_events(tmp_path, "srt", kickoffs_s=[1])


def test_a_file_may_have_a_name_of_its_own(tmp_path):
    (file,) = convert_events(EVENTS, "srt", tmp_path / "any.srt")
    assert file.path == tmp_path / "any.srt" and file.path.is_file()
    with pytest.raises(InputError, match="is one file, and there are 2 formats: name a folder"):
        convert_events(EVENTS, ["srt", "vtt"], tmp_path / "other.srt")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"formats": "sportcode"}, "unknown format 'sportcode': did you mean 'sportscode'?"),
        ({"formats": []}, "no format is named"),
        ({"formats": "srt", "lead_s": -1}, "a lead of -1 s is outside 0 to 3600"),
        ({"formats": "srt", "lags_s": {"shot": 1e9}}, "a lag of 1e[+]09 s is outside"),
        ({"formats": "edl", "fps": 0}, "0 is no frame rate of a video"),
    ],
)
def test_wrong_settings_are_one_line(tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        convert_events(EVENTS, **options, out=tmp_path)


def test_an_action_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(LabelError, match="unknown action 'zzz'"):
        convert_events(EVENTS, "srt", tmp_path, leads_s={"zzz": 1})
