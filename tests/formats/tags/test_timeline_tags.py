"""Timelines of video editors, made by hand and by OpenTimelineIO, chapters and FiftyOne."""

from __future__ import annotations

import json

import opentimelineio as otio
import pytest
from opentimelineio.opentime import RationalTime, TimeRange

from onball.errors import InputError, LabelError
from onball.formats.tags import read_tags


def read(tmp_path, content, name, **options):
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return read_tags(path, **options)


def times(found):
    return [
        (tag.code, pytest.approx(tag.start_s), tag.end_s and pytest.approx(tag.end_s))
        for tag in found.tags
    ]


ASSETS = """<resources>
 <format id="r1" frameDuration="1001/30000s"/>
 <asset id="r2" name="match" start="3600s" duration="6000s" format="r1">
  <media-rep kind="original-media" src="file:///match%201.mov"/></asset>
 <asset id="r3" name="second" src="file:///second.mov" start="0s" duration="100s"/>
</resources>"""


def fcpxml(story, origin="0s"):
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE fcpxml>\n<fcpxml version="1.11">{ASSETS}'
        f'<library><event name="e"><project name="p"><sequence format="r1" tcStart="{origin}">'
        f"<spine>{story}</spine></sequence></project></event></library></fcpxml>"
    )


CUT = """
<asset-clip ref="r2" name="a" offset="3600s" start="3610s" duration="20s">
 <marker start="108108/30s" duration="1/25s" value="Saque de banda" note="right, 12'04"/>
 <keyword start="3612s" duration="4s" value="Pase, Presión alta"/>
 <title ref="r9" lane="1" offset="3613s" start="0s" duration="5s"><marker start="2s" value="título"/></title>
</asset-clip>
<asset-clip ref="r2" name="b" start="9000s" duration="50s">
 <chapter-marker start="9010s" value="射门"/></asset-clip>
<gap offset="3670s" start="3600s" duration="10s"/>
"""


def test_markers_of_fcpxml_have_the_times_of_the_video_wherever_its_clips_are(tmp_path):
    found = read(tmp_path, fcpxml(CUT, "3600s"), "cut.fcpxml")
    assert found.format == "fcpxml" and not found.notes
    assert times(found) == [
        ("Saque de banda", 3.6, None),
        ("Pase", 12, 16),
        ("Presión alta", 12, 16),
        ("título", 15, None),
        ("射门", 5410, None),
    ]
    assert found.tags[0].team == "right"


def test_of_several_videos_times_are_those_of_the_timeline(tmp_path):
    story = (
        '<asset-clip ref="r2" offset="0s" start="3600s" duration="60s"><marker start="3605s" value="a"/>'
        '</asset-clip><asset-clip ref="r3" offset="60s" duration="100s"><marker start="7s" value="b"/>'
        "</asset-clip>"
    )
    found = read(tmp_path, fcpxml(story), "chapters.fcpxml")
    assert times(found) == [("a", 5, None), ("b", 67, None)]
    assert found.notes == ("its clips show 2 videos: times are those of the timeline",)


def test_clips_of_fcpxml_within_others_and_in_secondary_storylines(tmp_path):
    inner = (
        '<clip offset="0s" start="100s" duration="50s"><video ref="r2" offset="90s" start="3700s" '
        'duration="80s"/><spine lane="1" offset="110s"><asset-clip ref="r2" offset="5s" start="4000s" '
        'duration="9s"><marker start="4003s" value="b"/></asset-clip></spine><marker start="120s" value="a"/>'
        "</clip>"
    )
    audition = (
        f'<audition>{inner}<clip offset="0s"><marker start="1s" value="c"/></clip></audition>'
    )
    found = read(tmp_path, fcpxml(audition), "clips.fcpxml")
    assert sorted(times(found), key=lambda one: one[0]) == [("a", 130, None), ("b", 403, None)]


def test_named_clips_are_tags_where_there_are_no_markers(tmp_path):
    story = (
        '<asset-clip ref="r2" name="Tiro" offset="0s" start="3700s" duration="8s"/>'
        '<asset-clip ref="r2" name="match 1" offset="8s" start="3800s" duration="5s"/>'
    )
    found = read(tmp_path, fcpxml(story), "named.fcpxml")
    assert times(found) == [("Tiro", 100, 108)] and "named clips were read" in found.notes[0]


def test_ranges_of_the_browser_of_final_cut_are_read_without_a_project(tmp_path):
    clip = (
        '<asset-clip ref="r2" name="match 1" start="3600s" duration="6000s"><keyword value="all"/>'
        '<rating name="Gol" value="favorite" start="3660s" duration="10s"/></asset-clip>'
    )
    text = f'<fcpxml version="1.8">{ASSETS}<event name="e">{clip}</event></fcpxml>'
    found = read(tmp_path, text, "Info.fcpxml")
    assert times(found) == [("all", 0, 6000), ("Gol", 60, 70)]
    bundle = tmp_path / "match.fcpxmld"
    bundle.mkdir()
    read(bundle, text, "Info.fcpxml")
    with pytest.raises(LabelError, match=r"is a folder: name .*match\.fcpxmld/Info\.fcpxml"):
        read_tags(bundle)


def timeline(rate, name="match"):
    """Two clips of one video, with a marker each, one on their track and one on the timeline."""

    def time(seconds):
        return RationalTime(round(seconds * rate), rate)

    def clip(start, length, marker):
        media = otio.schema.ExternalReference("match.mov", TimeRange(time(3600), time(6000)))
        made = otio.schema.Clip("match.mov", media, TimeRange(time(start), time(length)))
        made.markers.append(otio.schema.Marker(marker, TimeRange(time(start + 2), time(3))))
        return made

    track = otio.schema.Track("V1", kind=otio.schema.TrackKind.Video)
    track.extend(
        [
            clip(3700, 10, "Paß"),
            otio.schema.Gap(duration=time(5)),
            clip(9000, 30, "射门"),
        ]
    )
    track.markers.append(otio.schema.Marker("track", TimeRange(time(16), RationalTime(1, rate))))
    made = otio.schema.Timeline(name, [track])
    made.tracks.markers.append(
        otio.schema.Marker("whole", TimeRange(time(4), RationalTime(1, rate)))
    )
    return made


@pytest.mark.parametrize("rate", [25, 50, 24000 / 1001, 30000 / 1001])
def test_markers_of_opentimelineio_have_the_times_of_the_video(tmp_path, rate):
    text = otio.adapters.write_to_string(timeline(rate), "otio_json")
    found = read(tmp_path, text, "match.otio")
    assert found.format == "otio" and not found.notes

    def exact(seconds):
        return pytest.approx(seconds, abs=1 / rate)

    assert {tag.code: (tag.start_s, tag.end_s) for tag in found.tags} == {
        "whole": (exact(104), None),
        "track": (exact(5401), None),
        "Paß": (exact(102), exact(105)),
        "射门": (exact(5402), exact(5405)),
    }


def test_one_of_several_timelines_is_named(tmp_path):
    both = otio.schema.SerializableCollection("all", [timeline(25, "one"), timeline(50, "two")])
    text = otio.adapters.write_to_string(both, "otio_json")
    assert len(read(tmp_path, text, "all.otio", part="two").tags) == 4
    with pytest.raises(
        LabelError, match=r"holds 2 timelines: name one with --part \('one', 'two'\)"
    ):
        read(tmp_path, text, "all.otio")
    same = otio.schema.SerializableCollection("all", [timeline(25, "one"), timeline(50, "one")])
    text = otio.adapters.write_to_string(same, "otio_json")
    with pytest.raises(LabelError, match=r"\('one', 'one \(2\)'\)"):
        read(tmp_path, text, "all.otio")


def test_chapters_of_a_description_are_read(tmp_path):
    text = "0:00 Start\n0:07 Pase, Köln & Bonn\n1:02:03 - SHOT 47'12, GOAL and 3 more\n"
    found = read(tmp_path, text, "chapters.txt")
    assert found.format == "chapters"
    assert times(found) == [
        ("Pase", 7, None), ("Köln & Bonn", 7, None), ("SHOT", 3723, None), ("GOAL", 3723, None),
    ]  # fmt: skip
    assert found.notes == ("events that chapters only count, left out: 3",)
    described = read(tmp_path, f"The match!\n\n{text}", "description.txt", format="chapters")
    assert described.tags == found.tags and described.notes[0].endswith(
        "begin with a time, left out: 1"
    )


def test_detections_of_fiftyone_are_read(tmp_path):
    detections = [
        {"label": 1, "support": [26, 51]},
        {"label": "Paß", "timestamps": [1.5, 2], "attributes": {"team": "left", "half": 2}},
    ]
    content = {"classes": ["a", "射门"], "labels": {"match": detections, "other": []}}
    found = read(tmp_path, content, "labels.json", part="match", fps=25)
    assert found.format == "fiftyone"
    assert times(found) == [("射门", 1, 2), ("Paß", 1.5, 2)]
    assert (found.tags[1].team, found.tags[1].period) == ("left", 2)
    with pytest.raises(LabelError, match="its 'support' counts frames: give the frame rate"):
        read(tmp_path, content, "labels.json", part="match")


CLIP = '<asset-clip ref="r2" offset="0s" start="3600s" duration="60s">{}</asset-clip>'
BOMB = (
    '<!DOCTYPE fcpxml [<!ENTITY a "aaa"><!ENTITY b "&a;&a;&a;">]><fcpxml version="1.8">&b;</fcpxml>'
)


def of_otio(**changes):
    """A timeline with a marker of the given attributes."""
    made = json.loads(otio.adapters.write_to_string(timeline(25), "otio_json"))
    made["tracks"]["children"][0]["children"][0]["markers"][0].update(changes)
    return json.dumps(made)


def otio_range(value, rate):
    return {
        "OTIO_SCHEMA": "TimeRange.1",
        "start_time": {"OTIO_SCHEMA": "RationalTime.1", "value": value, "rate": rate},
        "duration": {"OTIO_SCHEMA": "RationalTime.1", "value": 1, "rate": rate},
    }


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.fcpxml", BOMB, "defines XML entities"),
        ("a.fcpxml", fcpxml(CUT)[:-40], "broken XML at line"),
        ("a.fcpxml", fcpxml(CLIP.format("")), "no marker and no named clip in it"),
        ("a.fcpxml", fcpxml(CLIP.format('<marker start="12" value="a"/>')), "has start='12', which is no"),
        ("a.fcpxml", fcpxml(CLIP.format('<marker start="1/0s" value="a"/>')), "has start='1/0s', which"),
        ("a.fcpxml", fcpxml(CLIP.format(f'<marker start="{9**15}s" value="a"/>')), "which is no time"),
        ("a.fcpxml", fcpxml(CLIP.format('<marker start="3601s" value=" "/>')), "marker 1: has no name"),
        ("a.fcpxml", fcpxml(CLIP.format('<timeMap/><marker start="1s" value="a"/>')), "faster or slower"),
        ("a.fcpxml", f'<fcpxml version="1.8">{ASSETS}<project name="a"/></fcpxml>', "has no <sequence>"),
        ("a.fcpxml", fcpxml("<clip>" * 20_000 + "</clip>" * 20_000), "nested too deeply"),
        (
            "a.fcpxml",
            fcpxml(CUT + '<gap offset="90s" duration="9s"><marker start="5s" value="x"/></gap>'),
            "'x', is where the timeline shows no video",
        ),
        ("a.otio", '{"OTIO_SCHEMA": "Timeline.1"', "broken JSON"),
        ("a.otio", '{"OTIO_SCHEMA": "Timeline.1", "tracks": 3}', "no timeline that can be read"),
        ("a.otio", '{"OTIO_SCHEMA": "Timeline.99"}', "no timeline that can be read"),
        ("a.otio", '{"OTIO_SCHEMA": "Foo.1"}', "holds UnknownSchema, and no timeline"),
        ("a.otio", '{"OTIO_SCHEMA": ' * 30_000, "nested too deeply"),
        ("a.otio", of_otio(name=""), "has no name: write the action"),
        ("a.otio", of_otio(marked_range=otio_range(5, 0)), "a time of inf frames at 25 per second"),
        ("a.otio", of_otio(marked_range=otio_range(1e300, 25)), "cannot be the time of a tag"),
        ("a.otio", of_otio(marked_range=None), "no timeline that can be read"),
        ("a.json", '{"labels": {"m": [{"label": 7, "timestamps": [1, 2]}]}}', "detection 1: no 'label'"),
        ("a.json", '{"labels": {"m": [{"label": "a", "timestamps": [1]}]}}', "no 'timestamps' of the form"),
        ("a.json", '{"labels": {"m": [{"label": "a", "timestamps": ["x", 1]}]}}', "'x' is not a time"),
        ("a.json", '{"labels": {"m": 3}}', "the labels of the video are no list"),
        ("a.txt", "0:00 Start\n", "no tags in it"),
        ("a.txt", "0:07 Pase\n0:75 Tiro\n", "chapter 2: '0:75' is not a time"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_one_clear_line(tmp_path, name, content, message):
    with pytest.raises(LabelError, match=r"a\.(fcpxml|otio|json|txt)") as raised:
        read(tmp_path, content, name)
    assert message in str(raised.value) and "\n" not in str(raised.value)


def test_without_opentimelineio_the_error_names_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "opentimelineio", None)
    with pytest.raises(InputError, match=r"onball\[otio\]"):
        read(tmp_path, of_otio(), "a.otio")
