"""Edit lists, timelines and subtitles, read by OpenTimelineIO, pysrt and webvtt-py."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from xml.etree import ElementTree

import av
import numpy as np
import opentimelineio as otio
import pysrt
import pytest
import webvtt

from onball.actions import Action, ActionSet
from onball.errors import InputError
from onball.events import Event, EventList, SpottingInfo, Team, VideoPart
from onball.formats.conversion import convert_events
from onball.formats.tags.times import exact_rate, format_time_code, time_code_seconds

RATES = {
    25: Fraction(25),
    29.97: Fraction(30000, 1001),
    50: Fraction(50),
    23.976: Fraction(24000, 1001),
}
ADAPTERS = {"otio": "otio_json", "fcpxml": "fcpx_xml"}
FRAMES = (0, 1, 53, 1_799, 1_800, 17_982, 35_963, 107_892, 161_837)


def at_frames(rate, frames=FRAMES):
    """An event at each frame, at its time in whole milliseconds."""
    positions = [round(1000 * frame / rate) for frame in frames]
    return EventList.of([Event(position, Action.PASS, 0.8, Team.LEFT) for position in positions])


def text_of(tmp_path, format, events, **options):
    return convert_events(events, format, tmp_path, **options)[0].path.read_text("utf-8")


@pytest.mark.parametrize("fps", [29.97, 59.94])
def test_drop_frame_time_codes_are_those_of_opentimelineio(fps):
    rate = exact_rate(fps)
    frames = [0, 1, 1799, 1800, 1801, 3598, 3600, 17981, 17982, 17984, 107_892, 161_838, 2_000_001]
    for frame in frames:
        time = otio.opentime.RationalTime(frame, float(rate))
        code = format_time_code(frame, rate, drop_frame=True)
        assert code == otio.opentime.to_timecode(time, float(rate), True)
        assert time_code_seconds(code, fps) * rate == frame


@pytest.mark.parametrize("fps", RATES)
def test_opentimelineio_reads_the_frames_of_an_edit_list(tmp_path, fps):
    rate = RATES[fps]
    text = text_of(tmp_path, "edl", at_frames(rate), fps=fps)
    drop = fps == 29.97
    assert text.splitlines()[1] == f"FCM: {'' if drop else 'NON-'}DROP FRAME"
    assert ("01:00:00;01" if drop else "01:00:00:01") in text
    timeline = otio.adapters.read_from_string(text, "cmx_3600", rate=float(rate))
    starts = [clip.source_range.start_time for clip in timeline.find_clips()]
    hour = otio.opentime.from_timecode("01:00:00;00" if drop else "01:00:00:00", float(rate))
    assert [round(one.value - hour.value) for one in starts] == list(FRAMES)


@pytest.mark.parametrize("fps", RATES)
def test_opentimelineio_reads_the_markers_of_its_own_format(tmp_path, fps):
    rate = RATES[fps]
    events = at_frames(rate)
    timeline = otio.adapters.read_from_string(
        text_of(tmp_path, "otio", events, fps=fps), "otio_json"
    )
    (clip,) = timeline.find_clips()
    assert [marker.marked_range.start_time.value for marker in clip.markers] == list(FRAMES)
    assert {marker.marked_range.start_time.rate for marker in clip.markers} == {float(rate)}
    first = clip.markers[0]
    assert (first.name, first.comment, first.color) == ("PASS", "left, 0.80", "BLUE")
    assert dict(first.metadata["onball"]) == events[0].to_dict() | {"marker_ms": 0.0}


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """A second of video with a time code, whose name needs escapes."""
    path = tmp_path_factory.mktemp("video") / "Köln & 'Bonn'.mov"
    return write_with_time_code(path, "10:00:00:00")


def write_with_time_code(path, time_code, fps=25):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = 64, 36, "yuv420p"
        stream.metadata["timecode"] = time_code
        for _ in range(25):
            frame = av.VideoFrame.from_ndarray(np.zeros((36, 64, 3), np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("fps", RATES)
def test_times_of_fcpxml_are_exact_fractions(tmp_path, video, fps):
    rate = RATES[fps]
    text = text_of(
        tmp_path, "fcpxml", at_frames(rate), fps=fps, video=video, time_code="00:00:00:00"
    )
    root = ElementTree.fromstring(text)
    seconds = {marker: Fraction(marker.get("start").rstrip("s")) for marker in root.iter("marker")}
    (clip,) = root.iter("asset-clip")
    start = Fraction(clip.get("start").rstrip("s"))
    assert [(time - start) * rate for time in seconds.values()] == list(FRAMES)
    assert start * rate == 36_000 * round(rate), "the video's own time code"
    (sequence,) = root.iter("sequence")
    assert sequence.get("tcFormat") == ("DF" if fps == 29.97 else "NDF")
    assert root.find("resources/asset").get("src") == video.as_uri()


@pytest.mark.parametrize("fps", [25, 50])
def test_opentimelineio_reads_fcpxml(tmp_path, video, fps):
    text = text_of(tmp_path, "fcpxml", at_frames(RATES[fps]), fps=fps, video=video)
    (timeline,) = otio.adapters.read_from_string(text, "fcpx_xml")
    (clip,) = timeline.find_clips()
    start = clip.source_range.start_time
    assert start.to_seconds() == 36_000
    frames = [(one.marked_range.start_time - start).value for one in clip.markers]
    assert frames == pytest.approx(FRAMES, abs=1), "the reader cuts fractions off"
    assert clip.markers[0].name == "PASS"
    assert clip.media_reference.target_url == video.as_uri()


@pytest.mark.parametrize("format", ["fcpxml", "otio"])
def test_opentimelineio_reads_the_files_of_a_match_one_after_the_other(tmp_path, video, format):
    second = write_with_time_code(tmp_path / "second.mov", "10:20:00:00")
    parts = (VideoPart(video.name, 0, 1000), VideoPart(second.name, 1000, 1000))
    events = EventList.of(
        [Event(400, Action.SHOT), Event(1_000, Action.PASS), Event(1_240, Action.GOAL)],
        info=SpottingInfo("demo", duration_ms=2000, parts=parts),
    )
    text = text_of(tmp_path, format, events, video=[video, second])
    read = otio.adapters.read_from_string(text, ADAPTERS[format])
    timeline = read if format == "otio" else read[0]
    clips = list(timeline.find_clips())
    assert [clip.media_reference.target_url for clip in clips] == [video.as_uri(), second.as_uri()]
    first, second_start = (clip.range_in_parent().start_time.to_seconds() for clip in clips)
    assert second_start - first == 1
    starts = [36_000, 36_000 + 20 * 60]
    assert [clip.source_range.start_time.to_seconds() for clip in clips] == starts
    found = [
        [(one.name, round(one.marked_range.start_time.to_frames())) for one in clip.markers]
        for clip in clips
    ]
    begin, later = (25 * start for start in starts)
    assert found == [[("SHOT", begin + 10)], [("PASS", later), ("GOAL", later + 6)]]


def test_files_of_different_rates_need_the_rate_of_the_timeline(tmp_path, video):
    second = write_with_time_code(tmp_path / "second.mov", "10:20:00:00", fps=50)
    events = EventList.of([Event(400, Action.SHOT), Event(1_240, Action.GOAL)])
    with pytest.raises(InputError, match="different frame rates: give the one to count by with"):
        convert_events(events, "edl", tmp_path, video=[video, second])
    convert_events(events, ["edl", "otio"], tmp_path, video=[video, second], fps=50)
    convert_events(events, "osl", tmp_path, video=[video, second])


def test_timelines_begin_with_the_time_code_of_the_video_or_the_chosen_one(tmp_path, video):
    events = EventList.of([Event(400, Action.SHOT)])
    read = otio.adapters.read_from_string
    own = read(text_of(tmp_path, "otio", events, video=video), "otio_json")
    assert own.global_start_time.to_timecode() == "10:00:00:00"
    (clip,) = own.find_clips()
    assert clip.media_reference.target_url == video.as_uri()
    assert clip.markers[0].marked_range.start_time.to_timecode() == "10:00:00:10"
    assert clip.available_range().duration.value == 25
    code = "02:30:00:00"
    chosen = read(text_of(tmp_path / "b", "otio", events, video=video, time_code=code), "otio_json")
    assert chosen.global_start_time.to_timecode() == code
    assert "02:30:00:10" in text_of(tmp_path / "c", "edl", events, video=video, time_code=code)
    with pytest.raises(InputError, match="--time-code: '02:30' is not a time code"):
        convert_events(events, "edl", tmp_path / "d", video=video, time_code="02:30")


def test_markers_on_one_frame_are_written_on_neighbouring_ones(tmp_path):
    events = EventList.of(
        [Event(1000, Action.SHOT), Event(1001, Action.GOAL), Event(1040, Action.OUT)]
    )
    lines = text_of(tmp_path, "edl", events, fps=25).splitlines()
    codes = [line.split()[4] for line in lines if line[:3].isdigit()]
    assert codes == ["01:00:01:00", "01:00:01:01", "01:00:01:02"]
    names = [line.partition("|M:")[2].partition(" |")[0] for line in lines if "|M:" in line]
    assert names == ["SHOT", "GOAL", "OUT"]


def test_markers_have_the_colours_that_look_most_like_those_of_the_actions(tmp_path):
    events = EventList.of([Event(1000 * k, action) for k, action in enumerate(Action)])
    text = text_of(tmp_path, "edl", events, fps=25)
    colours = {
        action: colour for colour, action in re.findall(r"ResolveColor(\w+) \|M:([A-Z ]+) ", text)
    }
    assert [colours[name] for name in ("PASS", "DRIVE", "HEADER", "SHOT", "GOAL", "CROSS")] == [
        "Blue", "Green", "Yellow", "Red", "Red", "Purple",
    ]  # fmt: skip


@pytest.mark.parametrize("format", ["edl", "fcpxml", "otio", "label-studio"])
def test_formats_that_count_frames_need_a_frame_rate(tmp_path, format):
    with pytest.raises(InputError, match="counts frames: name the video with --video, or give"):
        convert_events(at_frames(25), format, tmp_path)
    assert not list(tmp_path.iterdir())


# Subtitles and chapters

NAMES = ActionSet.of(["Zweikampf <stark> & fair", "射门 --> 进球", "Köln|1"])
CUES = EventList.of(
    [
        Event(12_480, NAMES.names[0], 0.83, Team.LEFT),
        Event(3_600_040, NAMES.names[1], 0.5),
        Event(3_600_500, NAMES.names[2], 0.5),
    ],
    info=SpottingInfo(kickoffs_ms=(10_000, 3_000_000), classes=NAMES, duration_ms=3_601_000),
)


def test_pysrt_reads_the_subtitles(tmp_path):
    text = text_of(tmp_path, "srt", CUES)
    found = [(one.start.ordinal, one.end.ordinal, one.text) for one in pysrt.from_string(text)]
    assert found == [
        (10_000, 13_000, "1st half begins"),
        (12_480, 13_980, "Zweikampf ‹stark› & fair\nleft, 00'02, 0.83"),
        (3_000_000, 3_003_000, "2nd half begins"),
        (3_600_040, 3_601_000, "射门 --› 进球\n59'50, 0.50"),
        (3_600_500, 3_601_000, "Köln|1\n59'50, 0.50"),
    ]


def test_webvtt_reads_the_subtitles(tmp_path):
    path = convert_events(CUES, "vtt", tmp_path, lead_s=1, period_markers=False)[0].path
    captions = webvtt.read(str(path)).captions
    assert [(one.start, one.end) for one in captions] == [
        ("00:00:11.480", "00:00:13.980"),
        ("00:59:59.040", "01:00:01.000"),
        ("00:59:59.500", "01:00:01.000"),
    ]
    assert captions[0].raw_text == "Zweikampf &lt;stark&gt; &amp; fair\nleft, 00'02, 0.83"


def test_chapters_are_those_that_youtube_takes(tmp_path):
    events = EventList.of(
        [
            Event(7_000, Action.PASS), Event(14_000, Action.DRIVE), Event(60_900, Action.SHOT),
            Event(62_000, Action.GOAL), Event(3_700_000, Action.OUT),
        ]
    )  # fmt: skip
    assert text_of(tmp_path, "chapters", events).splitlines() == [
        "0:00:00 PASS, DRIVE", "0:00:55 SHOT, GOAL", "1:01:35 OUT",
    ]  # fmt: skip
    many = EventList.of([Event(40_000 + k, Action.PASS) for k in range(7)])
    lines = text_of(tmp_path / "b", "chapters", replace(many, match="b")).splitlines()
    assert lines == ["0:00 Start", "0:35 PASS, PASS, PASS, PASS and 3 more"]
