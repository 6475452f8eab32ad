"""`onball convert`: what is written where, and how mistakes are reported."""

from __future__ import annotations

import opentimelineio as otio
import pytest
from numbered_videos import steady, write_video

from onball.actions import Action
from onball.events import Event, EventList, SpottingInfo, VideoPart
from onball.formats import write_results
from onball.formats.tags import read_tags
from onball.video import probe

FOUND = EventList.of(
    [Event(20_000, Action.PASS, 0.4), Event(62_000, Action.SHOT, 0.42), Event(63_000, Action.GOAL, 0.2)],
    info=SpottingInfo("demo", duration_ms=90_000, thresholds=dict.fromkeys(Action, 0.3)),
)  # fmt: skip


@pytest.fixture
def results(tmp_path):
    write_results(FOUND, tmp_path / "final" / "results_spotting.json")
    return tmp_path / "final"


def test_several_formats_are_written_beside_the_results(onball, results):
    arguments = ("convert", results, "--to", "sportscode,srt", "--to", "chapters")
    code, shown, error = onball(*arguments)
    assert code == 0, error
    assert f"{results / 'final.xml'}: 2 events" in shown.splitlines()
    names = {"results_spotting.json", "final.xml", "final.srt", "final.chapters.txt"}
    assert {path.name for path in results.iterdir()} == names
    assert "final.srt: 2 events (is there already)" in onball(*arguments)[1]


def test_leads_lags_and_thresholds_may_differ_by_action(onball, results):
    code, _, error = onball(
        "convert", results, "--to", "sportscode", "--lead", "4,shot=8.5", "--lag", "high pass=1",
        "--lag", "2", "-t", "goal=0.1", "--kickoff", "10", "--kickoff", "2=1:01", "--offset", "-5",
    )  # fmt: skip
    assert code == 0, error
    found = read_tags(results / "final.xml")
    spans = [(tag.code, tag.start_s, tag.end_s, tag.period) for tag in found.tags]
    assert spans == [("PASS", 11, 17, 1), ("SHOT", 48.5, 59, 2), ("GOAL", 54, 60, 2)]
    assert found.period_starts_s == {1: 5, 2: 56}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--to", "xml"], "unknown format 'xml'"),
        (["--to", "edl"], "An EDL counts frames: name the video with --video"),
        (["--to", "srt", "--lead", "shot"], "--lead: 'shot' is not a number, or an action and a number"),
        (["--to", "srt", "--lead", "zzz=3"], "unknown action 'zzz'"),
        (["--to", "srt", "-t", "1.5"], "threshold 1.5 is outside 0 to 1"),
        (["--to", "srt", "--kickoff", "5=1:00"], "--kickoff: '5=1:00' is not of the form 2=45:10"),
        (["--to", "srt", "--offset", "soon"], "--offset: 'soon' is not a time"),
        (["--to", "csv", "--region", "German"], "'German' is no language and region"),
        (["--to", "edl", "--video", "none.mp4"], "none.mp4: no such file"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line_and_nothing_is_written(onball, results, options, message):
    code, _, error = onball("convert", results, *options)
    assert code == 2 and message in error and len(error.splitlines()) == 1
    assert len(list(results.iterdir())) == 1


def test_a_table_opens_in_the_spreadsheets_of_a_region(onball, results):
    assert onball("convert", results, "--to", "csv", "--region", "de")[0] == 0
    assert (results / "final.csv").read_text("utf-8-sig").splitlines()[0].startswith("time;label;")
    assert onball("convert", results, "--to", "csv", "--excel", "-o", results / "own.csv")[0] == 0
    assert (results / "own.csv").is_file()


@pytest.fixture
def joined(tmp_path):
    """Two files of different lengths, and the results of the match that they were spotted as."""
    files = [write_video(tmp_path / f"half{k}.mp4", steady(25, k + 1)) for k in (1, 2)]
    parts = (VideoPart("half1.mp4", 0, 2000), VideoPart("half2.mp4", 2000, 3000))
    assert [probe(file).duration_ms for file in files] == [2000, 3000]
    # The second event is on the last frame of the first file, the third one on the frame after it.
    positions = {Action.PASS: 480, Action.SHOT: 1960, Action.DRIVE: 2000, Action.GOAL: 3400}
    events = [Event(position, action, 0.4) for action, position in positions.items()]
    info = SpottingInfo("demo", duration_ms=5000, parts=parts)
    write_results(EventList.of(events, info=info), tmp_path / "final" / "results_spotting.json")
    return tmp_path / "final", files


@pytest.mark.parametrize("events_first", [True, False])
def test_editors_find_events_of_a_joined_match_in_its_files(onball, joined, tmp_path, events_first):
    results, files = joined
    options = ["--video", *files, "--to", "fcpxml,otio,edl", "--out", tmp_path / "out"]
    code, _, error = onball(
        "convert", *((results, *options) if events_first else (*options, results))
    )
    assert code == 0, error
    names, frames = ["PASS", "SHOT", "DRIVE", "GOAL"], [12, 49, 50, 85]
    for suffix in ("fcpxml", "otio"):
        read = otio.adapters.read_from_file(str(tmp_path / "out" / f"final.{suffix}"))
        timeline = read if suffix == "otio" else read[0]
        clips = list(timeline.find_clips())
        assert [clip.media_reference.target_url for clip in clips] == [
            one.as_uri() for one in files
        ]
        assert [clip.source_range.duration.to_frames() for clip in clips] == [50, 75]
        assert [clip.range_in_parent().start_time.to_frames() for clip in clips] == [0, 50]
        markers = [
            [(m.name, m.marked_range.start_time.to_frames()) for m in c.markers] for c in clips
        ]
        assert markers == [[("PASS", 12), ("SHOT", 49)], [("DRIVE", 0), ("GOAL", 35)]], suffix
    path = str(tmp_path / "out" / "final.edl")
    clips = list(otio.adapters.read_from_file(path, rate=25).find_clips())
    starts = [clip.source_range.start_time.to_frames() - 25 * 3600 for clip in clips]
    assert starts == frames
    assert [tag.code for tag in read_tags(tmp_path / "out" / "final.edl", fps=25).tags] == names
    code, _, error = onball("convert", results, "--to", "otio", "--video", *reversed(files))
    assert code != 0 and "in this order: half1.mp4, half2.mp4" in error
