"""Tables of events: their columns, what spreadsheets make of them, edited times and bad cells."""

import csv
import io
import random
import warnings

import pytest

from onball.actions import ACTIONS, Action
from onball.errors import LabelError, OnballWarning
from onball.events import Event, EventList, SpottingInfo, Team
from onball.formats import read_event_table, write_event_table

HEADER = "match_id,half,position_ms,time,label,team,confidence,start_s,end_s\n"
"""Columns of tables before they were ordered for people."""


def text_of(path):
    content = path.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf"), "Excel takes a table without this mark for cp1252"
    return content.decode("utf-8-sig")


def random_events(rng, count=120, match='Ünal; "the", match', halves=(1, 2)):
    return EventList.of(
        [
            Event(
                rng.choice([rng.randrange(6_000_000), rng.randrange(4_000)]),
                rng.choice(ACTIONS),
                rng.choice([0.0, 1.0, round(rng.random(), 4)]),
                rng.choice(list(Team)),
                rng.choice(halves),
            )
            for _ in range(count)
        ],
        match=match,
    )


# Writing


def test_a_row_has_what_a_person_wants_first_and_then_the_exact_time(tmp_path):
    events = EventList.of(
        [Event(1_560, Action.PASS, 0.123456, Team.LEFT), Event(3_723_999, Action.HIGH_PASS, 0.5)],
        match="league/season/A, B",
    )
    write_event_table(events, tmp_path / "e.csv", lead_ms=2_000, lag_ms=1_000)
    assert text_of(tmp_path / "e.csv") == (
        "time,label,confidence,team,half,start_s,end_s,position_ms,match_id\n"
        '00:00:01,PASS,0.1235,left,1,0.000,2.560,1560,"league/season/A, B"\n'
        '01:02:03,HIGH PASS,0.5,unknown,1,3721.999,3724.999,3723999,"league/season/A, B"\n'
    )


def test_teams_have_a_column_only_if_one_is_known(tmp_path):
    write_event_table(EventList.of([Event(40, Action.OUT)]), tmp_path / "e.csv")
    assert "team" not in text_of(tmp_path / "e.csv")


def test_excerpts_end_with_the_video(tmp_path):
    info = SpottingInfo(duration_ms=32_700)
    events = EventList.of([Event(30_080, Action.SHOT), Event(32_690, Action.GOAL)], info=info)
    write_event_table(events, tmp_path / "e.csv")
    rows = list(csv.DictReader(io.StringIO(text_of(tmp_path / "e.csv"))))
    assert [(row["start_s"], row["end_s"]) for row in rows] == [
        ("25.080", "32.700"),
        ("27.690", "32.700"),
    ]


@pytest.mark.parametrize(
    ("position_ms", "half", "kickoff_ms", "clock"),
    [
        (287_000, 1, 0, "04'47"),
        (9_000, 1, -278_000, "04'47"),
        (9_000, 2, 0, "45'09"),
        (5_400_000, 1, 0, "90'00"),
        (9_000, 1, 10_000, ""),
    ],
)
def test_the_match_clock_counts_from_the_kickoff(tmp_path, position_ms, half, kickoff_ms, clock):
    info = SpottingInfo(kickoffs_ms=(kickoff_ms,) * half)
    events = EventList.of([Event(position_ms, Action.PASS, half=half)], info=info)
    write_event_table(events, tmp_path / "e.csv")
    (row,) = csv.DictReader(io.StringIO(text_of(tmp_path / "e.csv")))
    assert row["clock"] == clock
    assert read_event_table(tmp_path / "e.csv").events == events.events


def test_a_table_without_events_has_only_a_header(tmp_path):
    write_event_table(EventList(), tmp_path / "e.csv")
    assert text_of(tmp_path / "e.csv").splitlines() == [
        "time,label,confidence,half,start_s,end_s,position_ms,match_id"
    ]
    assert read_event_table(tmp_path / "e.csv") == EventList()


# Reading what was written, and what spreadsheets make of it


@pytest.mark.parametrize("seed", range(20))
def test_written_events_are_read_back(tmp_path, seed):
    events = random_events(random.Random(seed))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_event_table(events, tmp_path / "e.csv")
        assert read_event_table(tmp_path / "e.csv") == events
        write_event_table(read_event_table(tmp_path / "e.csv"), tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "e.csv").read_bytes()


def test_confidences_keep_four_digits(tmp_path):
    events = EventList.of([Event(0, Action.PASS, 0.00004), Event(1, Action.PASS, 0.29996)])
    write_event_table(events, tmp_path / "e.csv")
    assert [event.confidence for event in read_event_table(tmp_path / "e.csv")] == [0.0, 0.3]


def save_again(table, path, rng, delimiter, encoding, decimal, time_of):
    """Save a table as a spreadsheet might: other columns, order, separators and encoding."""
    rows = list(csv.DictReader(io.StringIO(table)))
    columns = [*rows[0], "", "notes"]
    rng.shuffle(columns)
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow([name.title() if rng.random() < 0.3 else name for name in columns])
    for row in rows:
        for name in ("confidence", "start_s", "end_s"):
            row[name] = row[name].replace(".", decimal)
        row |= {"": "", "notes": "né", "time": time_of(int(row["position_ms"]))}
        row["position_ms"] += f"{decimal}0"
        row["label"] = rng.choice([row["label"], row["label"].lower().replace(" ", "-")])
        writer.writerow([row[name] for name in columns])
        if rng.random() < 0.2:
            writer.writerow([""] * len(columns))
    out.write("\r\n" + delimiter * 3 + "\r\n")
    path.write_bytes(out.getvalue().encode(encoding))


def as_written(ms):
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}"


def without_a_zero(ms):
    return as_written(ms).removeprefix("0")


def with_milliseconds(ms):
    return f"{as_written(ms)}.{ms % 1000:03d}"


def as_excel_shows_milliseconds(ms):
    tenths = (ms + 50) // 100
    return f"{tenths // 600 % 60:02d}:{tenths // 10 % 60:02d},{tenths % 10}"


@pytest.mark.parametrize(
    "time_of", [as_written, without_a_zero, with_milliseconds, as_excel_shows_milliseconds]
)
@pytest.mark.parametrize(
    ("delimiter", "decimal", "encoding"),
    [
        (",", ".", "utf-8"),
        (";", ",", "utf-8-sig"),
        (";", ",", "cp1252"),
        ("\t", ".", "utf-16"),
        (";", ".", "latin-1"),
    ],
)
def test_tables_saved_by_spreadsheets_hold_the_same_events(
    tmp_path, time_of, delimiter, decimal, encoding
):
    rng = random.Random(7)
    events = random_events(rng, 60)
    write_event_table(events, tmp_path / "e.csv")
    table = text_of(tmp_path / "e.csv")
    save_again(table, tmp_path / "s.csv", rng, delimiter, encoding, decimal, time_of)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_event_table(tmp_path / "s.csv") == events


def test_a_line_that_names_the_separator_is_skipped(tmp_path):
    (tmp_path / "e.csv").write_text("sep=;\ntime;label\n0:04;goal\n")
    assert read_event_table(tmp_path / "e.csv") == EventList.of([Event(4_000, Action.GOAL)])


def test_tables_of_earlier_versions_are_read(tmp_path):
    (tmp_path / "e.csv").write_text(HEADER + "m,2,3723040,01:02:03.040,SHOT,left,0.123456789,1,2\n")
    event = Event(3_723_040, Action.SHOT, 0.123456789, Team.LEFT, half=2)
    assert read_event_table(tmp_path / "e.csv") == EventList.of([event], "m")


# Rows that people add and change


def test_a_new_row_needs_only_a_time_and_an_action(tmp_path):
    write_event_table(
        EventList.of([Event(5_000, Action.PASS, 0.5, half=2)], "m"), tmp_path / "e.csv"
    )
    with (tmp_path / "e.csv").open("a") as file:
        file.write("0:03,Tackle\n,Throw in,,,,,7400\n")
    assert read_event_table(tmp_path / "e.csv") == EventList.of(
        [
            Event(3_000, Action.PLAYER_SUCCESSFUL_TACKLE, half=2),
            Event(5_000, Action.PASS, 0.5, half=2),
            Event(7_400, Action.THROW_IN, half=2),
        ],
        "m",
    )


@pytest.mark.parametrize("columns", ["label,position_ms", "Action, Time ", "time,action"])
def test_two_columns_are_enough(tmp_path, columns):
    cells = {"label": "SHOT", "action": "SHOT", "position_ms": "62000", "time": "1:02"}
    row = ",".join(cells[name.strip().lower()] for name in columns.split(","))
    (tmp_path / "e.csv").write_text(f"{columns}\n{row}\n")
    assert read_event_table(tmp_path / "e.csv") == EventList.of([Event(62_000, Action.SHOT)])


@pytest.mark.parametrize(
    ("time", "position_ms"),
    [
        ("00:01:23", 83_960),  # unchanged
        ("0:01:23", 83_960),
        ("00:01:23.960", 83_960),
        ("00:01:23.961", 83_961),
        ("00:01:24", 84_000),
        ("00:01:22", 82_000),
        ("1:25", 85_000),
        ("85,5", 85_500),
        ("01:24.0", 83_960),  # as Excel shows 00:01:23.960
        ("01:25.5", 85_500),
        ("01:02:03", 3_723_000),
    ],
)
def test_a_changed_time_counts_more_than_the_position(tmp_path, time, position_ms):
    (tmp_path / "e.csv").write_text(f'label,time,position_ms\nSHOT,"{time}",83960\n')
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always")
        (event,) = read_event_table(tmp_path / "e.csv")
    assert event.position_ms == position_ms
    messages = [str(warning.message) for warning in raised]
    assert len(messages) == (position_ms != 83_960)
    assert all("e.csv: time was changed in row 2" in message for message in messages)


def test_times_that_lost_their_hours_keep_those_of_the_position(tmp_path):
    (tmp_path / "e.csv").write_text(
        "label,time,position_ms\nSHOT,02:03.0,3723040\nSHOT,00:00.0,3599970\n"
    )
    assert [event.position_ms for event in read_event_table(tmp_path / "e.csv")] == [
        3_599_970,
        3_723_040,
    ]


# Errors


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("m,1,40,,SHOOT,left,1,,\n", "row 3, column label: unknown action 'SHOOT': did you mean 'SHOT'?"),
        ("m,1,40,,player,left,1,,\n", "column label: action 'player' may be BALL PLAYER BLOCK or"),
        ("m,1,40,,,left,1,,\n", "row 3, column label: empty: write an action, or delete the row"),
        ("m,1,-40,,SHOT,left,1,,\n", "row 3: position -40 ms is negative"),
        ("m,1,soon,,SHOT,left,1,,\n", "row 3, column position_ms: 'soon' is not a whole number"),
        ("m,1,1040.5,,SHOT,left,1,,\n", "column position_ms: '1040.5' is not a whole number"),
        ("m,1,nan,,SHOT,left,1,,\n", "column position_ms: 'nan' is not a whole number"),
        ("m,1,inf,,SHOT,left,1,,\n", "column position_ms: 'inf' is not a whole number"),
        ("m,1,,12.30 Uhr,SHOT,left,1,,\n", "row 3, column time: '12.30 Uhr' is not a time"),
        ("m,1,40,,SHOT,home,1,,\n", "column team: team 'home' does not exist: known: left, right, unknown"),
        ("m,1,40,,SHOT,left,2,,\n", "row 3: confidence 2.0 is outside [0, 1]"),
        ("m,1,40,,SHOT,left,high,,\n", "row 3, column confidence: 'high' is not a number"),
        ("m,1,,,SHOT,left,1,,\n", "row 3, column time: empty: write the time of the event"),
        ("m,2,40,,SHOT,left,1,,\nm,,40,,OUT,,,,\n", "row 4, column half: empty: write 1 or 2"),
        ("other,1,40,,SHOT,left,1,,\n", "row 3, column match_id: 'other', and 'm' above: write one file"),
    ],
)  # fmt: skip
def test_an_invalid_cell_is_reported_with_its_row_and_column(tmp_path, row, reason):
    path = tmp_path / "e.csv"
    path.write_text(HEADER + "m,1,40,,SHOT,left,1,,\n" + row)
    with pytest.raises(LabelError) as caught:
        read_event_table(path)
    assert str(caught.value).startswith(str(path))
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            b"position_ms,lable\n40,PASS\n",
            "row 1, names of the columns: no 'label': is it 'lable'?",
        ),
        (b"label,half\nPASS,1\n", "row 1, names of the columns: no 'time'"),
        (b"00:01,PASS\n", "row 1, names of the columns: no 'label'"),
        (b"", "empty: no columns in it"),
        (b"PK\x03\x04...", r"a workbook \(.xlsx, .ods\), not a table: save it as CSV"),
    ],
)
def test_a_file_that_is_no_table_of_events_is_refused(tmp_path, content, reason):
    (tmp_path / "e.csv").write_bytes(content)
    with pytest.raises(LabelError, match=f"e.csv.*{reason}"):
        read_event_table(tmp_path / "e.csv")


@pytest.mark.filterwarnings("ignore::onball.errors.OnballWarning")
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_damaged_tables_give_one_short_line_and_no_other_error(tmp_path, encoding):
    rng = random.Random(5)
    write_event_table(random_events(rng, 6), tmp_path / "e.csv")
    content = text_of(tmp_path / "e.csv").encode(encoding)
    refused = 0
    for _ in range(150):
        damaged = bytearray(content)
        for _ in range(rng.randrange(1, 8)):
            at = rng.randrange(len(damaged))
            damaged[at : at + rng.randrange(9)] = rng.randbytes(rng.randrange(4))
        (tmp_path / "e.csv").write_bytes(damaged)
        try:
            read_event_table(tmp_path / "e.csv")
        except LabelError as error:
            refused += 1
            assert "\n" not in str(error) and len(str(error)) < len(str(tmp_path)) + 250
    assert refused > 50


def test_unreadable_files_are_named(tmp_path):
    for path in (tmp_path / "absent.csv", tmp_path):
        with pytest.raises(LabelError, match=path.name):
            read_event_table(path)


def test_changed_times_are_a_warning_of_this_package(tmp_path):
    (tmp_path / "e.csv").write_text("label,time,position_ms\n" + "SHOT,1:00,40\n" * 7)
    with pytest.warns(OnballWarning, match="in rows 2, 3, 4, 5, 6 and 2 more: it counts"):
        read_event_table(tmp_path / "e.csv")
