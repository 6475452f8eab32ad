"""Subtitles, edit lists and projects of annotation tools, against other libraries' readers and writers."""

from __future__ import annotations

import json

import opentimelineio as otio
import pysrt
import pytest
import webvtt
from opentimelineio.opentime import RationalTime, TimeRange

from onball.errors import LabelError
from onball.formats.tags import Clock, read_tags


def read(tmp_path, content, name="tags.txt", **options):
    path = tmp_path / name
    text = content if isinstance(content, str) else json.dumps(content)
    path.write_text(text, encoding="utf-8")
    return read_tags(path, **options)


def times(found):
    return [(tag.code, tag.start_s, tag.end_s) for tag in found.tags]


CUE = "1\n00:00:01,000 --> 00:00:02,000\nPass\n"


def test_subtitles_written_by_pysrt_are_read(tmp_path):
    items = [
        pysrt.SubRipItem(1, "00:00:12,500", "00:00:14,000", "PASS\nAna"),
        pysrt.SubRipItem(2, "01:30:00,040", "01:30:02,000", "Tiro & <i>gol</i>"),
    ]
    pysrt.SubRipFile(items).save(str(tmp_path / "tags.srt"), encoding="utf-8")
    found = read_tags(tmp_path / "tags.srt")
    assert found.format == "subtitles"
    assert times(found) == [("PASS", 12.5, 14.0), ("Tiro & gol", 5400.04, 5402.0)]
    assert found.tags[0].labels == {"text": "Ana"}


def test_subtitles_written_by_webvtt_are_read(tmp_path):
    file = webvtt.WebVTT()
    file.captions.append(webvtt.Caption("00:00:12.500", "00:00:14.000", "<v Ana>PASS"))
    file.captions.append(webvtt.Caption("01:02.250", "01:04.000", ["Saque", "de banda"]))
    file.save(str(tmp_path / "tags.vtt"))
    text = (tmp_path / "tags.vtt").read_text().replace("WEBVTT", "WEBVTT\n\nNOTE 0:01 --> later\n")
    text = text.replace("14.000", "14.000 align:start line:10%", 1)
    found = read(tmp_path, text, "tags.vtt")
    assert times(found) == [("PASS", 12.5, 14.0), ("Saque", 62.25, 64.0)]


def timeline(rate, starts, drop_frame):
    """Edit list of clips at some seconds of a timeline, as opentimelineio writes it."""
    track = otio.schema.Track("V", kind=otio.schema.TrackKind.Video)
    end = 0
    for number, start in enumerate(starts):
        frame = round(start * rate)
        gap = TimeRange(RationalTime(0, rate), RationalTime(frame - end, rate))
        if frame > end:
            track.append(otio.schema.Gap(source_range=gap))
        span = TimeRange(RationalTime(0, rate), RationalTime(50, rate))
        track.append(otio.schema.Clip(f"clip {number}", source_range=span))
        end = frame + 50
    line = otio.schema.Timeline("match")
    line.tracks.append(track)
    text = otio.adapters.write_to_string(line, "cmx_3600", rate=rate)
    return text.replace(
        "TITLE: match", f"TITLE: match\n\nFCM: {'' if drop_frame else 'NON-'}DROP FRAME"
    )


@pytest.mark.parametrize("rate", [25, 50, 30])
def test_edit_lists_written_by_opentimelineio_are_read(tmp_path, rate):
    starts = [4, 75.2, 700, 4000.4]
    found = read(tmp_path, timeline(rate, starts, False), "match.edl", fps=rate)
    assert found.format == "edl" and not found.notes
    assert times(found) == [
        (f"clip {number}", pytest.approx(start), pytest.approx(start + 50 / rate))
        for number, start in enumerate(starts)
    ]


@pytest.mark.parametrize("rate", [30000 / 1001, 60000 / 1001])
def test_drop_frame_time_codes_are_those_of_opentimelineio(tmp_path, rate):
    frames = [0, 2, 1799, 1800, 1801, 17981, 17982, 18000, 107_892, 161_838, 200_000]
    codes = [otio.opentime.to_timecode(RationalTime(frame, rate), rate, True) for frame in frames]
    for frame, code in zip(frames, codes, strict=True):
        event = f"001  001      V     C        {code} {code} {code} {code}"
        text = f"TITLE: x\nFCM: DROP FRAME\n\n{event}\n |C:ResolveColorBlue |M:PASS |D:1\n"
        with_semicolon = read(tmp_path, text, fps=round(rate, 2))
        with_colon = read(tmp_path, text.replace(";", ":"), fps=round(rate, 2))
        start = frame / rate
        hour = 3599.9964  # 01:00:00;00
        expected = start - hour if start > hour - 1e-6 else start
        assert [tag.start_s for tag in with_semicolon.tags] == [pytest.approx(expected, abs=1e-6)]
        assert with_colon.tags[0].start_s == with_semicolon.tags[0].start_s


RESOLVE = """TITLE: match
FCM: NON-DROP FRAME

001  001      V     C        01:00:18:06 01:00:18:07 01:00:18:06 01:00:18:07
 |C:ResolveColorYellow |M:PASS |D:1

002  001      V     C        01:00:20:20 01:00:20:21 01:00:20:20 01:00:20:21
seen late |C:ResolveColorGreen |M:THROW IN |D:50
* LOC: 01:00:30:00 RED     Gol de cabeza
"""


def test_markers_of_resolve_and_avid_are_read(tmp_path):
    found = read(tmp_path, RESOLVE, fps=25)
    assert times(found) == [
        ("PASS", pytest.approx(18.24), None),
        ("THROW IN", pytest.approx(20.8), pytest.approx(22.8)),
        ("Gol de cabeza", 30, None),
    ]
    assert found.tags[1].labels == {"colour": "Green", "note": "seen late"}
    assert found.notes == ("the timeline was taken to begin at 01:00:00:00",)


def test_events_of_an_edit_list_without_a_name_are_counted(tmp_path):
    unnamed = RESOLVE.replace(" |C:ResolveColorYellow |M:PASS |D:1\n", "")
    found = read(tmp_path, unnamed, fps=25)
    assert [tag.code for tag in found.tags] == ["THROW IN", "Gol de cabeza"]
    assert found.notes[0] == "events without a marker or the name of a clip, left out: 1"


BORIS = {
    "behaviors_conf": {
        "0": {"type": "Point event", "code": "pass"},
        "1": {"type": "State event", "code": "attack"},
    },
    "observations": {
        "first half": {
            "time offset": 0.0,
            "events": [
                [3.3, "home", "pass", "long", "", 82],
                [4, "home", "attack", "", ""],
                [9.5, "home", "attack", "", ""],
            ],
        },
        "second half": {"time offset": 0.0, "events": []},
    },
}


def test_an_observation_of_boris_is_read(tmp_path):
    found = read(tmp_path, BORIS, part="first half")
    assert found.format == "boris"
    assert times(found) == [("pass", 3.3, None), ("attack", 4, 9.5)]
    assert found.tags[0].team == "home" and found.tags[0].labels == {"modifier": "long"}
    with pytest.raises(
        LabelError, match=r"holds 2 observations: name one .* \('first half', 'second"
    ):
        read(tmp_path, BORIS)


def test_segments_of_losslesscut_are_read_from_json5(tmp_path):
    project = """{
  version: 2,
  mediaFileName: 'match 1.mp4',
  cutSegments: [
    { start: 1.25, end: 3, name: 'PASS', tags: { player: 'Ana' }, },
    { start: 62, name: "Tiro d'angolo", },
  ],
}
"""
    found = read(tmp_path, project, "match.llc")
    assert found.format == "losslesscut"
    assert times(found) == [("PASS", 1.25, 3), ("Tiro d'angolo", 62, None)]
    assert found.tags[0].labels == {"player": "Ana"}


def region(start, end, code):
    value = {"ranges": [{"start": start, "end": end}], "timelinelabels": [code]}
    return {"type": "timelinelabels", "value": value}


def test_ranges_of_label_studio_count_frames_from_one(tmp_path):
    rating = {"type": "choices", "value": {"choices": ["good"]}}
    task = {
        "id": 7,
        "data": {"video": "/data/upload/1/match.mp4"},
        "annotations": [{"result": [region(1, 26, "pass"), rating, region(51, 51, "shot")]}],
        "predictions": [{"result": [region(1, 2, "goal")]}],
    }
    found = read(tmp_path, [task], fps=25)
    assert found.format == "label-studio"
    assert times(found) == [("pass", 0, 1), ("shot", 2, 2)]
    assert found.notes == ("regions without a time or a label, left out: 1",)
    with pytest.raises(LabelError, match="count frames: give the frame rate with --fps"):
        read(tmp_path, [task])
    with pytest.raises(LabelError, match=r"holds 2 tasks: .*'match.mp4', 'match.mp4 \(2\)'"):
        read(tmp_path, [task, task | {"id": 8}], fps=25)
    guessed = read(tmp_path, [task | {"annotations": []}], fps=25)
    assert times(guessed)[0][0] == "goal" and "prediction" in guessed.notes[0]


def test_events_of_osl_are_read(tmp_path):
    events = [{"head": "action", "label": "PASS", "position_ms": "12480", "confidence_score": 0.5}]
    item = {"id": "match", "inputs": [{"type": "video", "path": "a.mp4"}], "events": events}
    found = read(tmp_path, {"version": "2.0", "data": [item], "description": "annotations"})
    assert found.format == "osl" and times(found) == [("PASS", 12.48, None)]


def annotation(time, label, position=None, **extra):
    entry = {"gameTime": time, "label": label, "team": "home", **extra}
    return entry if position is None else entry | {"position": str(position)}


def test_labels_of_soccernet_of_any_year_are_read(tmp_path):
    halves = {
        "UrlLocal": "x",
        "annotations": [
            annotation("1 - 44:00", "Kick-off", 2_640_000, visibility="not shown"),
            annotation("2 - 00:07", "Ball out of play", 7_500),
        ],
    }
    found = read(tmp_path, halves)
    assert found.format == "soccernet" and found.clock is Clock.PERIOD
    assert found.period_starts_s == {1: 0, 2: 0}
    assert [(tag.code, tag.period, tag.start_s) for tag in found.tags] == [
        ("Kick-off", 1, 2640),
        ("Ball out of play", 2, 7.5),
    ]
    assert found.tags[0].labels["visibility"] == "not shown"
    ball = {
        "annotations": [
            annotation("1 - 0:12", "PASS", 12_480),
            annotation("1 - 1:00", "DRIVE", 60_000),
        ]
    }
    assert read(tmp_path, ball).clock is Clock.VIDEO
    first_year = {"annotations": [annotation("1 - 18:59", "soccer-ball")]}
    assert times(read(tmp_path, first_year)) == [("soccer-ball", 1139, None)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1\n00:00:01,000 --> 00:00:02,000\n\n", "cue 1: has no text"),
        (f"{CUE}\n2\n00:00:03 --> 00:00:05\nShot\n", "cue 2: its times are not of the form"),
        (f"{CUE}2\n00:00:03,000 --> 00:00:05,000\nShot\n", "cue 1: no empty line after it"),
        (RESOLVE, "give the frame rate with --fps"),
        (RESOLVE.replace("18:06 01:00:18:07\n", "18:26 01:00:18:27\n"), "--fps"),
        ("TITLE: x\nFCM: NON-DROP FRAME\n", "--fps"),
        ('{"annotations": [', "broken JSON"),
        ('{"annotations": [{"label": "PASS"}]}', "annotation 1: neither 'position' nor 'gameTime'"),
        (
            '{"annotations": [{"gameTime": "1 - 0:01", "position": "x"}]}',
            "no position in milliseconds",
        ),
        ('{"annotations": 3}', "'annotations' is missing, or no list"),
        ('{"observations": []}', "'observations': expected an object"),
        ('{"observations": {"a": {"events": [[1]]}}}', "event 1: not of the form"),
        ('{cutSegments: [{start: "x"}]}', "segment 1: 'x' is not a time"),
        ("{cutSegments: [}", "broken JSON"),
        ('{"cutSegments": [{"start": NaN, "name": "a"}]}', "segment 1: nan s cannot be the time"),
        ('{"annotations": [{"label": "a", "position": 1e30}]}', "cannot be the time of a tag"),
        ('[{"annotations": 3, "result": 1}]', "'annotations' is missing, or no list"),
        ('{"a": 1}', "JSON of an unknown kind"),
        # a list of objects with a list in them, as tasks of Label Studio are
        ('[{"actionType": "PASS", "result": "SUCCESS", "labels": []}]', "JSON of an unknown kind"),
        ('[{"squadId": 1, "actionType": "PASS", "labels": []}]', "is IMPECT event data, which"),
        ("[" * 100_000 + '"annotations"', "broken JSON: nested too deeply"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_clear_line(tmp_path, content, message):
    with pytest.raises(LabelError, match=r"tags\.txt") as raised:
        read(tmp_path, content)
    assert message in str(raised.value) and "\n" not in str(raised.value)


def test_time_codes_that_do_not_exist_name_their_line(tmp_path):
    wrong = RESOLVE.replace("FCM: NON-DROP", "FCM: DROP")
    with pytest.raises(
        LabelError, match=r"line 4: .*drop-frame time code, for 29.97 or 59.94 .* not 25"
    ):
        read(tmp_path, wrong, fps=25)
    with pytest.raises(LabelError, match=r"line 7: '01:00:20:20' is no time code at 20 frames"):
        read(tmp_path, RESOLVE, fps=20)
