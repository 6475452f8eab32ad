"""Sportscode XML, kloppy's vocabulary, tables and workbooks, read by the programs' own libraries."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest
from kloppy import sportscode
from openpyxl import load_workbook

from onball.actions import Action, ActionSet, Label
from onball.errors import InputError
from onball.events import Event, EventList, SpottingInfo, Team
from onball.formats import read_event_table
from onball.formats.conversion import convert_events
from onball.formats.conversion.sportscode_xml import confidence_bucket, plain_codes
from onball.formats.conversion.tables import style_of

MATCH = EventList.of(
    [
        Event(2_040, Action.PASS, 0.91, Team.LEFT),
        Event(9_000, Action.PASS, 0.8, Team.LEFT),
        Event(62_000, Action.SHOT, 0.42, Team.RIGHT),
        Event(64_480, Action.GOAL, 0.34, Team.RIGHT),
        Event(120_000, Action.HEADER, 0.5, half=2),
        Event(125_000, Action.DRIVE, 0.05, half=2),
    ],
    match="1. FC Köln - Bayern",
    info=SpottingInfo(
        "demo", video="match.mp4", duration_ms=126_000, kickoffs_ms=(1_000, 100_000),
        thresholds=dict.fromkeys(Action, 0.3),
    ),
)  # fmt: skip


def converted(tmp_path, format, events=MATCH, **options):
    """The first file of a format."""
    return convert_events(events, format, tmp_path, **options)[0].path


def codes(path):
    """Codes of a Sportscode file, read by kloppy."""
    return [
        (one.code, one.timestamp.total_seconds(), one.end_timestamp.total_seconds(), one.labels)
        for one in sportscode.load(str(path)).records
    ]


def test_kloppy_reads_sportscode_with_excerpts_periods_and_labels(tmp_path):
    found = codes(converted(tmp_path, "sportscode", lags_s={"goal": 30}))
    assert found[:2] == [("1H", 1.0, 64.48, {}), ("2H", 100.0, 120.0, {})]
    labels = {"Team": "left", "Half": 1, "Clock": "00'01", "Confidence": "0.90-1.00"}
    assert found[2] == ("PASS", 0.0, 5.04, labels), "no earlier than the video"
    assert [one[:3] for one in found[3:]] == [
        ("PASS", 4.0, 12.0),
        ("SHOT", 57.0, 65.0),
        ("GOAL", 59.48, 94.48),
        ("HEADER", 115.0, 123.0),
    ]
    assert found[-1][3] == {"Half": 2, "Clock": "45'20", "Confidence": "0.50-0.60"}


def test_overlapping_excerpts_of_an_action_are_merged_on_request(tmp_path):
    found = codes(converted(tmp_path, "sportscode", merge=True, period_markers=False))
    assert [one[:3] for one in found] == [
        ("PASS", 0.0, 12.0),
        ("SHOT", 57.0, 65.0),
        ("GOAL", 59.48, 67.48),
        ("HEADER", 115.0, 123.0),
    ]
    assert found[0][3]["Events"] == 2 and found[0][3]["Confidence"] == "0.90-1.00"


def test_excerpts_end_with_the_video(tmp_path):
    found = codes(converted(tmp_path, "sportscode", threshold=0, actions=["drive"]))
    assert found[-1][1:3] == (120.0, 126.0)


def test_thresholds_of_single_actions_replace_those_of_the_model(tmp_path):
    files = convert_events(MATCH, "csv", tmp_path, thresholds={"pass": 0.9, "drive": 0.01})
    counts = {str(label): count for label, count in files[0].events.counts().items()}
    assert counts == {"PASS": 1, "SHOT": 1, "GOAL": 1, "HEADER": 1, "DRIVE": 1}
    with pytest.raises(InputError, match="threshold 3 is outside 0 to 1"):
        convert_events(MATCH, "csv", tmp_path, thresholds={"pass": 3})


def test_names_survive_in_sportscode_without_escapes_and_accents(tmp_path):
    names = ["Tor & Gegentor <2>", "Flügel", "Flugel", "射门", 'Ana "10"', "Straße"]
    known = ActionSet.of(names)
    events = EventList.of([Event(1000 * k, known.parse(name)) for k, name in enumerate(names)])
    path = converted(tmp_path, "sportscode", replace(events, match="Köln\n& <b>"))
    assert [code for code, *_ in codes(path)] == [
        "Tor + Gegentor (2)", "Flugel", "Flugel 2", "射门", 'Ana "10"', "Strasse",
    ]  # fmt: skip
    assert "&" not in path.read_text("utf-8")


def test_codes_that_have_no_plain_form_stay_different():
    assert plain_codes(["<", "(", "a\x00\nb"]) == {"<": "(", "(": "( 2", "a\x00\nb": "a b"}


@pytest.mark.parametrize(
    ("confidence", "bucket"),
    [
        (0, "0.00-0.10"),
        (0.3, "0.30-0.40"),
        (0.7, "0.70-0.80"),
        (0.799, "0.70-0.80"),
        (1, "0.90-1.00"),
    ],
)
def test_confidences_are_written_as_tenths(confidence, bucket):
    assert confidence_bucket(confidence) == bucket


def test_kloppy_reads_its_own_event_types_and_qualifiers(tmp_path):
    every = EventList.of(
        [*(Event(10_000 * k, action) for k, action in enumerate(Action)), Event(1, Label("press"))]
    )
    found = {
        labels.pop("Action"): (code, start, labels)
        for code, start, _, labels in codes(converted(tmp_path, "kloppy", every))
    }
    assert found["HIGH PASS"] == ("PASS", 30.0, {"PassType": "HIGH_PASS", "Period": 1})
    assert found["THROW IN"] == ("PASS", 60.0, {"SetPieceType": "THROW_IN", "Period": 1})
    assert found["DRIVE"] == ("CARRY", 10.0, {"Period": 1})
    assert found["OUT"] == ("BALL_OUT", 40.0, {"Period": 1})
    assert found["GOAL"] == ("SHOT", 110.0, {"ShotResult": "GOAL", "Period": 1})
    tackle = {"DuelType": "TACKLE", "DuelResult": "WON", "Period": 1}
    assert found["PLAYER SUCCESSFUL TACKLE"] == ("DUEL", 90.0, tackle)
    assert found["press"][0] == "GENERIC"
    assert len(found) == 13


def test_in_kloppy_a_goal_is_the_result_of_the_shot_before_it(tmp_path):
    found = codes(converted(tmp_path, "kloppy"))
    shots = [
        (start, labels.get("ShotResult")) for code, start, _, labels in found if code == "SHOT"
    ]
    assert shots == [(62.0, "GOAL")]


def cells(path, **style):
    return list(csv.reader(io.StringIO(path.read_text("utf-8-sig")), **style))


def test_the_table_has_the_excerpts_of_each_action(tmp_path):
    rows = cells(converted(tmp_path, "csv", lead_s=2, leads_s={"goal": 12}, lag_s=1))
    start, end = rows[0].index("start_s"), rows[0].index("end_s")
    assert [(row[start], row[end]) for row in rows[1:]] == [
        ("0.040", "3.040"), ("7.000", "10.000"), ("60.000", "63.000"), ("52.480", "65.480"),
        ("118.000", "121.000"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("region", "delimiter", "decimal"),
    [("de", ";", ","), ("pt-BR", ";", ","), ("en_GB", ",", "."), ("zh_Hans_CN", ",", "."),
     ("de_CH", ";", "."), ("es_MX", ",", "."), ("ru", ";", ",")],
)  # fmt: skip
def test_tables_open_in_the_spreadsheets_of_a_region(tmp_path, region, delimiter, decimal):
    path = converted(tmp_path, "csv", region=region)
    assert path.read_bytes().startswith(b"\xef\xbb\xbf"), "without it Excel shows KÃ¶ln"
    rows = cells(path, delimiter=delimiter)
    assert rows[1][rows[0].index("confidence")] == f"0{decimal}91"
    assert rows[1][rows[0].index("end_s")] == f"5{decimal}040"
    assert read_event_table(path).events == MATCH.shown.events, "and it is read again"


def test_the_region_of_this_computer_is_one_that_exists():
    assert style_of(None).delimiter in ";,"
    with pytest.raises(InputError, match="'German' is no language and region"):
        style_of("German")


def test_a_workbook_has_numbers_times_and_text_as_such(tmp_path):
    formula = ActionSet.of(["=1+1", "PASS"])
    events = [*MATCH.events, Event(130_000, formula.parse("=1+1"), 0.9)]
    path = converted(tmp_path, "xlsx", replace(MATCH, events=tuple(events)))
    (sheet,) = load_workbook(path).worksheets
    rows = list(sheet.iter_rows())
    named = [dict(zip((cell.value for cell in rows[0]), row, strict=True)) for row in rows[1:]]
    assert named[2]["time"].value.total_seconds() == 62.0
    assert named[3]["time"].value.total_seconds() == 64.48
    assert named[0]["confidence"].value == 0.91 and named[0]["clock"].value == "00'01"
    assert named[0]["match_id"].value == "1. FC Köln - Bayern"
    assert named[-1]["label"].value == "=1+1" and named[-1]["label"].data_type == "s"
    assert sheet.freeze_panes == "A2" and sheet.auto_filter.ref == sheet.dimensions
    again = converted(tmp_path / "again", "xlsx", replace(MATCH, events=tuple(events)))
    assert again.read_bytes() == path.read_bytes()
