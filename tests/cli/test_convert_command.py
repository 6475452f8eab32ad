"""`onball convert`: what is written where, and how mistakes are reported."""

from __future__ import annotations

import pytest

from onball.actions import Action
from onball.events import Event, EventList, SpottingInfo
from onball.formats import write_results
from onball.formats.tags import read_tags

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
