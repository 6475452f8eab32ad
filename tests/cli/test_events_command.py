"""`onball events`: lists, filters and converts results without running a model."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace

import pytest

from onball.actions import Action
from onball.events import Event, EventList, SpottingInfo, Team
from onball.formats import read_event_table, read_labels, read_results, write_results
from onball.formats.event_table import write_event_table
from onball.outputs import OutputState, check_outputs, record_outputs

FOUND = EventList.of(
    [
        Event(1_560, Action.PASS, 0.91, Team.LEFT),
        Event(62_000, Action.SHOT, 0.42, Team.RIGHT),
        Event(63_000, Action.GOAL, 0.34, Team.RIGHT),
        Event(3_723_040, Action.PASS, 0.12, Team.LEFT),
    ],
    match="cup/final",
    info=SpottingInfo(
        "demo", video="final.mp4", duration_ms=3_724_000,
        thresholds={**dict.fromkeys(Action, 0.3), Action.GOAL: 0.4},
    ),
)  # fmt: skip
REQUEST = {"model": "demo", "video": "final.mp4"}
FILES = ["results_spotting.json", "events.csv"]


def write_spotted(folder, events=FOUND):
    """The files of `onball spot`."""
    write_results(events, folder / FILES[0])
    write_event_table(events.shown, folder / FILES[1])
    record_outputs(folder, FILES, REQUEST)
    return folder


@pytest.fixture
def results(tmp_path):
    return write_spotted(tmp_path / "results" / "final")


def rows(shown):
    """The lines of a table on the screen, without the colours of the actions."""
    lines = [line.split() for line in shown.splitlines() if "■" in line]
    return [" ".join(word for word in line if word != "■") for line in lines]


def test_the_events_of_the_models_thresholds_are_listed_by_default(onball, results):
    code, shown, error = onball("events", results)
    assert code == 0, error
    assert "final: 2 events of 4 (confidence from 0.3 to 0.4, depending on the action)" in shown
    assert rows(shown) == ["00:00:01 PASS 0.91 left", "00:01:02 SHOT 0.42 right"]


@pytest.mark.parametrize(
    ("options", "times"),
    [
        (["-t", 0.1], ["00:00:01", "00:01:02", "00:01:03", "01:02:03"]),
        (["--threshold", 0.5], ["00:00:01"]),
        (["--actions", "goal,shot", "-t", 0], ["00:01:02", "00:01:03"]),
        (["-t", 0, "--start", "1:02", "--end", "63"], ["00:01:02"]),
        (["-t", 0, "--team", "Left", "--start", "0:02"], ["01:02:03"]),
    ],
)
def test_events_are_filtered_without_the_model(onball, results, options, times):
    code, shown, error = onball("events", results / "results_spotting.json", *options)
    assert code == 0, error
    assert [row.split()[0] for row in rows(shown)] == times


def test_a_folder_of_many_videos_lists_each_by_its_name(onball, results):
    write_spotted(results.parent / "cup" / "other", EventList.of([Event(5, Action.OUT, 0.9)]))
    (results / "results_spotting.json").unlink()
    code, shown, error = onball("events", results.parent)
    assert code == 0, error
    assert shown.index("cup/other: 1 event") < shown.index("final: 2 events: 1 PASS, 1 SHOT")


def test_predictions_of_other_programs_have_the_default_threshold(onball, tmp_path):
    write_results(EventList(FOUND.events), tmp_path / "results_spotting.json")
    shown = onball("events", tmp_path)[1]
    assert "3 events of 4 (confidence from 0.3)" in shown


def test_the_match_clock_and_the_half_are_shown_where_they_are_known(onball, tmp_path):
    info = replace(FOUND.info, kickoffs_ms=(1_000, 60_000))
    second = tuple(replace(e, half=1 + (e.position_ms >= 60_000)) for e in FOUND)
    write_spotted(tmp_path, EventList(second, info=info))
    shown = onball("events", tmp_path)[1]
    assert shown.splitlines()[1].split() == [
        "time",
        "clock",
        "half",
        "action",
        "confidence",
        "team",
    ]
    assert rows(shown) == ["00:00:01 00'00 1 PASS 0.91 left", "00:01:02 45'02 2 SHOT 0.42 right"]


def test_actions_that_were_not_asked_for_then_can_be_listed_now(onball, tmp_path):
    info = replace(FOUND.info, actions=(Action.PASS,))
    write_spotted(tmp_path, replace(FOUND, info=info))
    assert [row.split()[1] for row in rows(onball("events", tmp_path)[1])] == ["PASS"]
    assert [row.split()[1] for row in rows(onball("events", tmp_path, "--actions", "shot")[1])] == [
        "SHOT"
    ]


def test_without_an_event_the_most_confident_candidate_is_named(onball, results):
    code, shown, error = onball("events", results, "-t", 0.95)
    assert code == 0 and "0 events of 4" in shown
    assert "The best candidate is PASS at 00:00:01, with 0.91" in error
    error = onball("events", results, "-t", 0.95, "--actions", "shot,goal")[2]
    assert "The best candidate is SHOT at 00:01:02, with 0.42" in error, "of those asked for"


def test_another_threshold_can_be_written_into_the_results(onball, results):
    assert onball("events", results.parent, "-t", 0.1, "--write")[0] == 0
    assert len(read_event_table(results / "events.csv")) == 4
    assert read_results(results / "results_spotting.json") == FOUND
    assert check_outputs(results, FILES, REQUEST) is OutputState.DONE, "spot has nothing to do"
    assert onball("events", results, "--write")[0] == 0
    assert len(read_event_table(results / "events.csv")) == 2


def test_a_corrected_table_is_replaced_only_on_request(onball, results):
    other = write_spotted(results.parent / "another")
    corrected = (results / "events.csv").read_text() + "0:07,Header\n"
    (results / "events.csv").write_text(corrected)
    code, _, error = onball("events", results, "-t", 0.1, "--write")
    assert code == 2 and "final/events.csv: was changed by hand: --overwrite replaces it" in error
    code, shown, error = onball("events", results.parent, "-t", 0.1, "--write")
    assert code == 0 and "final/events.csv: kept, because it was edited by hand" in shown
    assert "--overwrite" in error
    assert (results / "events.csv").read_text() == corrected
    assert len(read_event_table(other / "events.csv")) == 4, "the others are written"
    (other / ".onball.json").unlink()
    code, _, error = onball("events", results.parent, "-t", 0.5, "--write")
    assert code == 2 and "another/events.csv: is there and was not written by onball" in error
    assert len(read_event_table(other / "events.csv")) == 4
    assert f"onball events {results / 'events.csv'}" in onball("events", results)[2]
    assert onball("events", results.parent, "-t", 0.1, "--write", "--overwrite")[0] == 0
    assert len(read_event_table(results / "events.csv")) == 4


def test_suggested_commands_can_be_copied_if_a_path_has_spaces(onball, tmp_path):
    table = write_spotted(tmp_path / "FC Köln" / "1. half") / "events.csv"
    table.write_text("time,label\n0:07,Header\n")
    error = onball("events", table.parent)[2]
    command = error[error.index("onball events ") :].splitlines()[0]
    assert "the changes made by hand" in error
    assert shlex.split(command) == ["onball", "events", str(table)]


def test_a_corrected_table_becomes_labels(onball, results):
    table = results / "events.csv"
    lines = table.read_text(encoding="utf-8-sig").replace("00:01:02", "00:01:04").splitlines()
    table.write_text("\n".join([*lines, "0:07,Header"]))
    labels = results / "Labels-ball.json"
    code, shown, error = onball("events", table, "--out", labels)
    assert code == 0, error
    assert "time was changed in row 3" in error and "3 events" in shown
    assert read_labels(labels) == EventList.of(
        [
            Event(1_560, Action.PASS, team=Team.LEFT),
            Event(7_000, Action.HEADER),
            Event(64_000, Action.SHOT, team=Team.RIGHT),
        ],
        "cup/final",
    )
    code, shown, error = onball("events", table, "--out", labels)
    assert code == 0 and "is there already" in shown
    table.write_text("\n".join(lines))
    code, _, error = onball("events", table, "--out", labels)
    assert code == 2 and "is there already, with other content: --overwrite replaces it" in error
    assert onball("events", table, "--out", labels, "--overwrite")[0] == 0
    assert len(read_labels(labels)) == 2


def test_chosen_events_are_written_as_predictions_that_are_all_shown(onball, results):
    out = results / "new" / "goals.json"
    assert onball("events", results, "-t", 0, "--actions", "goal", "-o", out)[0] == 0
    written = read_results(out)
    assert written.shown.events == (FOUND[2],)
    assert json.loads(out.read_text())["onball"]["video"] == "final.mp4"
    assert onball("events", results, "-o", results / "x.csv")[0] == 0
    assert read_event_table(results / "x.csv").events == FOUND.shown.events


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["absent"], "absent: no such file or folder"),
        (["results", "-o", "a.csv", "--write"], "--out and --write do not go together"),
        (["results", "-o", "a.txt"], "the suffix '.txt' is of no format"),
        (["results/final/events.csv", "--write"], "events.csv: --write takes the events from"),
        (["results", "--actions", "corner"], "unknown action 'corner'"),
        (["results", "--start", "soon"], "'soon' is not a time"),
        (["results", "--team", "home"], "team 'home'"),
        (["results", "-t", "2"], "threshold"),
        (["results", "-o", "."], ".: is a folder, not a file"),
        (["match.mp4"], "match.mp4: holds no events: name results of `onball spot`"),
        (["empty"], "no results_spotting.json, events.csv or Labels-ball.json in it"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(onball, results, monkeypatch, arguments, words):
    monkeypatch.chdir(results.parents[1])
    (results.parents[1] / "empty").mkdir()
    (results.parents[1] / "match.mp4").touch()
    code, _, error = onball("events", *arguments)
    assert code == 2 and words in " ".join(error.split()) and "Traceback" not in error
    assert sorted(path.name for path in results.parents[1].iterdir()) == [
        "empty",
        "match.mp4",
        "results",
    ]


def test_several_videos_do_not_fit_into_one_file(onball, results):
    write_spotted(results.parent / "another")
    code, _, error = onball("events", results.parent, "-o", results.parent / "a.csv")
    assert code == 2 and "has 2 videos, --out is for one" in error
