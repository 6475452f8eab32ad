import random

import pytest

from onball.actions import ACTIONS, Action
from onball.errors import LabelError
from onball.events import Event, EventList, Team
from onball.formats import read_event_table, write_event_table

HEADER = "match_id,half,position_ms,time,label,team,confidence,start_s,end_s\n"


def test_a_row_has_the_event_and_the_excerpt_around_it(tmp_path):
    events = EventList.of(
        [Event(1_500, Action.PASS, 0.25, Team.LEFT), Event(3_723_040, Action.HIGH_PASS, 0.5)],
        match="league/season/A, B",
    )
    write_event_table(events, tmp_path / "e.csv", lead_ms=2_000, lag_ms=1_000)
    assert (tmp_path / "e.csv").read_text() == (
        HEADER + '"league/season/A, B",1,1500,00:00:01.500,PASS,left,0.25,0.000,2.500\n'
        '"league/season/A, B",1,3723040,01:02:03.040,HIGH PASS,unknown,0.5,3721.040,3724.040\n'
    )


def test_written_events_are_read_back(tmp_path):
    rng = random.Random(3)
    events = EventList.of(
        [
            Event(
                rng.randrange(6_000_000),
                rng.choice(ACTIONS),
                rng.random(),
                rng.choice(list(Team)),
                rng.choice([1, 2]),
            )
            for _ in range(200)
        ],
        match='Ünal "the" match',
    )
    write_event_table(events, tmp_path / "e.csv")
    assert read_event_table(tmp_path / "e.csv") == events


def test_a_table_without_events_has_only_a_header(tmp_path):
    write_event_table(EventList(), tmp_path / "e.csv")
    assert (tmp_path / "e.csv").read_text() == HEADER
    assert len(read_event_table(tmp_path / "e.csv")) == 0


def test_derived_columns_may_be_absent(tmp_path):
    (tmp_path / "e.csv").write_text(
        "label,position_ms,half,team,confidence,match_id\nSHOT,40,1,,1,m\n"
    )
    assert read_event_table(tmp_path / "e.csv") == EventList.of([Event(40, Action.SHOT)], "m")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("m,1,40,,SHOOT,left,1,,\n", "line 3: unknown action 'SHOOT': did you mean 'SHOT'?"),
        ("m,1,-40,,SHOT,left,1,,\n", "line 3: position -40 ms is negative"),
        ("m,1,soon,,SHOT,left,1,,\n", "line 3: position_ms 'soon' is not a whole number"),
        ("m,1,40,,SHOT,home,1,,\n", "line 3: team 'home': write left, right, unknown"),
        ("m,1,40,,SHOT,left,2,,\n", "line 3: confidence 2.0 is outside [0, 1]"),
        ("m,1\n", "line 3: position_ms '' is not a whole number"),
        ("other,1,40,,SHOT,left,1,,\n", "rows of 2 matches"),
    ],
)
def test_an_invalid_row_is_reported_with_its_line(tmp_path, row, reason):
    path = tmp_path / "e.csv"
    path.write_text(HEADER + "m,1,40,,SHOT,left,1,,\n" + row)
    with pytest.raises(LabelError) as caught:
        read_event_table(path)
    assert str(caught.value).startswith(str(path))
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_columns_are_named(tmp_path):
    (tmp_path / "e.csv").write_text("time,label\n00:01,PASS\n")
    with pytest.raises(LabelError, match="line 1: no column match_id, half, position_ms, team"):
        read_event_table(tmp_path / "e.csv")
