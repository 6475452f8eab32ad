"""Tables of tags: CSV, XLSX and LongoMatch's CSV."""

from __future__ import annotations

import datetime

import openpyxl
import pytest

from onball.errors import LabelError
from onball.events import Event, EventList
from onball.formats.event_table import write_event_table
from onball.formats.tags import Clock, read_tags


def read(tmp_path, content, name="tags.csv", **options):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_tags(path, **options)


def times(found):
    return [(tag.code, tag.start_s, tag.end_s) for tag in found.tags]


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("code,start,end\nPass,12.5,20\nShot,62.25,70\n", {}),
        ("Código;Inicio;Fin\nPass;12,5;20\nShot;1:02,25;1:10\n", {}),
        ("action\ttime\tend\nPass\t0:12.5\t0:20\nShot\t00:01:02.250\t70\n", {}),
        ('sep=;\nAktion;Beginn;Ende\nPass;"12,5";20\nShot;62,25;70\n', {}),
        (
            "Was;Wann;Bis\nPass;12,5;20\nShot;62,25;70\n",
            {"columns": {"code": "was", "start": "Wann"}},
        ),
        (
            "x,y,z\n\nPass,12.5,20\nShot,62.25,70\n",
            {"columns": {"code": "1", "start": "2", "end": "3"}},
        ),
        ("12.5,20,Pass\n62.25,70,Shot\n", {}),
        (",code,start,end\n0,Pass,12.5,20\n1,Shot,62.25,70\n", {}),
        ("code,start,end,position\nPass,12.5,20,CM\nShot,62.25,70,ST\n", {}),
    ],
)
def test_columns_are_found_in_several_languages_and_separators(tmp_path, content, options):
    for encoding in ("utf-8", "utf-16", "cp1252"):
        found = read(tmp_path, content.encode(encoding), **options)
        assert times(found) == [("Pass", 12.5, 20), ("Shot", 62.25, 70)]


def test_other_columns_become_labels_and_rows_are_named(tmp_path):
    found = read(tmp_path, "event,time,team,half,player\n\nPass,5,Home,2nd half,Ana\n")
    (tag,) = found.tags
    assert (tag.team, tag.period, dict(tag.labels)) == ("Home", 2, {"player": "Ana"})
    assert tag.source == "row 3"


def test_a_table_of_onball_keeps_its_exact_times(tmp_path):
    events = EventList.of([Event(12_340, "pass"), Event(5_562_001, "shot", half=2)])
    write_event_table(events, tmp_path / "events.csv")
    found = read_tags(tmp_path / "events.csv")
    assert [(tag.code, tag.start_s, tag.period) for tag in found.tags] == [
        ("PASS", 12.34, 1),
        ("SHOT", 5562.001, 2),
    ]


def test_a_workbook_is_read_with_its_times(tmp_path):
    book = openpyxl.Workbook()
    book.active.title = "Tags"
    for row in (
        ["Ação", "Time", "End"],
        ["Passe", 12.5, datetime.time(0, 0, 20)],
        [None, None, None],
        ["Chute", datetime.timedelta(minutes=1, seconds=2, milliseconds=250), "1:10"],
        ["Gol", datetime.time(1, 30, 0, 500_000), None],
    ):
        book.active.append(row)
    book.create_sheet("other").append(["code", "start"])
    book.save(tmp_path / "tags.xlsx")
    found = read_tags(tmp_path / "tags.xlsx", columns={"code": "Ação"})
    assert times(found) == [("Passe", 12.5, 20), ("Chute", 62.25, 70), ("Gol", 5400.5, None)]
    assert found.tags[1].source == "row 4"
    with pytest.raises(LabelError, match=r"no sheet 'Match' in it.* \('Tags', 'other'\)"):
        read_tags(tmp_path / "tags.xlsx", part="Match")
    book["other"].append(["Passe", 3])
    book.save(tmp_path / "tags.xlsx")
    with pytest.raises(
        LabelError, match=r"holds 2 sheets: name one with --part \('Tags', 'other'\)"
    ):
        read_tags(tmp_path / "tags.xlsx")
    assert times(read_tags(tmp_path / "tags.xlsx", part="other")) == [("Passe", 3, None)]
    damaged = (tmp_path / "tags.xlsx").read_bytes()[:3000]
    with pytest.raises(LabelError, match="no workbook that can be read"):
        read(tmp_path, damaged, "damaged.xlsx")


def workbook(path, rows, merged=()):
    """Write a workbook of one sheet."""
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for cells in merged:
        book.active.merge_cells(cells)
    book.save(path)
    return path


def test_rows_of_a_title_and_merged_cells_are_those_of_a_report(tmp_path):
    rows = [
        ["Match report"], [], ["Half", "Code", "Start"], [1, "Pass", 3], [None, "Shot", 5],
        [2, "Pass", 1], [None, None, 4],
    ]  # fmt: skip
    merged = ["A1:C1", "A4:A5", "A6:A7", "B6:B7"]
    found = read_tags(workbook(tmp_path / "tags.xlsx", rows, merged))
    assert [(tag.code, tag.start_s, tag.period) for tag in found.tags] == [
        ("Pass", 3, 1), ("Shot", 5, 1), ("Pass", 1, 2), ("Pass", 4, 2),
    ]  # fmt: skip
    assert "rows above the names of the columns, left out: 1" in found.notes


@pytest.mark.parametrize(
    ("starts", "expected", "note"),
    [
        ([12 / 86400, 0.25 / 24, 0.03], [12, 900, 2592], "fractions of a day"),
        (
            [
                datetime.time(0, 12),
                datetime.time(12, 30),
                datetime.timedelta(hours=105, minutes=10),
            ],
            [12, 750, 6310],
            "the workbook has hours and minutes, up to 105 hours",
        ),
        ([datetime.time(0, 12), datetime.time(1, 30), datetime.time(2)], [720, 5400, 7200], ""),
    ],
)
def test_times_in_another_unit_of_workbooks_are_converted_with_a_note(
    tmp_path, starts, expected, note
):
    path = workbook(tmp_path / "tags.xlsx", [["Code", "Start"], *(["Pass", one] for one in starts)])
    found = read_tags(path)
    assert [tag.start_s for tag in found.tags] == pytest.approx(expected)
    assert note in " ".join(found.notes) and bool(note) == bool(found.notes)


def test_tags_that_end_before_they_begin_are_noted_and_have_no_end(tmp_path):
    found = read(tmp_path, "code,start,end\nPass,3,5\nPass,9,5\nPass,8,2\n")
    assert times(found) == [("Pass", 3, 5), ("Pass", 9, None), ("Pass", 8, None)]
    assert found.notes == (
        "tags that end before they begin, whose end was left out: 2, first row 3",
    )


def test_rows_whose_period_is_not_understood_are_noted(tmp_path):
    found = read(tmp_path, "code,time,half\nPass,3,1.0\nPass,9,2nd half\nPass,12,5\nPass,13,\n")
    assert [tag.period for tag in found.tags] == [1, 2, None, None]
    assert found.notes == ("tags without a period (1 to 4) in the column 'half': 2, first row 4",)


@pytest.mark.parametrize(
    ("rows", "clock"),
    [
        ("1,5\n1,2750\n2,2760\n2,5600", Clock.VIDEO),
        ("1,5\n1,2790\n2,3\n2,2800", Clock.PERIOD),
        ("1,5\n1,2790\n2,2703\n2,5600", Clock.MATCH),
    ],
)
def test_the_clock_is_recognised_by_the_periods(tmp_path, rows, clock):
    content = "half,time,code\n" + "\n".join(f"{row},Pass" for row in rows.splitlines())
    found = read(tmp_path, content)
    assert found.clock is clock and bool(found.notes) == (clock is not Clock.VIDEO)
    assert read(tmp_path, content, clock="period").clock is Clock.PERIOD


def test_minutes_and_seconds_are_the_match_clock(tmp_path):
    found = read(tmp_path, "period,minute,second,type\n1,0,7,Pass\n2,45,30,Shot\n")
    assert found.clock is Clock.MATCH
    assert [(tag.period, tag.start_s) for tag in found.tags] == [(1, 7), (2, 2730)]


def test_time_codes_with_frames_need_the_frame_rate(tmp_path):
    content = 'code,start\nPass,00:00:10:12\nShot,"00:10:00;00"\n'
    with pytest.raises(LabelError, match=r"row 2, column start: .* counts frames: .*--fps"):
        read(tmp_path, content)
    found = read(tmp_path, content, fps=29.97)
    # 10 minutes of drop-frame codes are 17982 frames.
    assert [tag.start_s for tag in found.tags] == [
        pytest.approx(312 * 1001 / 30000),
        pytest.approx(17982 * 1001 / 30000),
    ]


def test_states_of_boris_become_one_tag(tmp_path):
    content = (
        "Observation id,Subject,Behavior,Behavior type,Time\n"
        "one,Home,Possession,START,3.5\none,Home,Pass,POINT,4.25\none,Home,Possession,STOP,9\n"
    )
    assert sorted(times(read(tmp_path, content))) == [
        ("Pass", 4.25, None),
        ("Possession", 3.5, 9.0),
    ]


LONGOMATCH = """CATEGORY: Shot
Name;Start;Stop;Team;On target;Blocked
Shot 1;0:01:02,350;0:01:10,350;LOCAL;1;0
Shot 2;0:05:00,000;0:05:08,000;VISITOR;1;1

CATEGORY: Pass

CATEGORY: Tarjeta
Tarjeta 1;1:02:03,004;1:02:11,004;NONE
"""


def test_csv_of_longomatch_is_read_by_category(tmp_path):
    found = read(tmp_path, LONGOMATCH)
    assert found.format == "longomatch"
    assert times(found) == [
        ("Shot", 62.35, 70.35),
        ("Shot", 300, 308),
        ("Tarjeta", pytest.approx(3723.004), pytest.approx(3731.004)),
    ]
    assert [tag.team for tag in found.tags] == ["LOCAL", "VISITOR", None]
    assert found.tags[1].labels == {"Name": "Shot 2", "Tags": "On target; Blocked"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n1,2\n", "row 1: no column with the action: name it with --columns code=NAME"),
        ("code,b\nPass,2\n", "row 1: no column with the time: name it with --columns start=NAME"),
        ("code,time\nPass,noon\n", "row 2, column time: 'noon' is not a time"),
        ("code,time\nPass,\n", "row 2, the time is empty"),
        ("code,time\n,3\n", "row 2, column code: empty"),
        ("code,time\nPass,0:61:70\n", "row 2, column time: '0:61:70' is not a time"),
        ("code,time\n", "no tags in it: export them again"),
        (
            "code,time,end\nPass,3,5,4,5\n",
            "row 2, 5 cells below 3 names of columns: put times with",
        ),
        ('code,time\n"Pass,3\nShot,5\n', "row 2: a quotation mark is not closed"),
        ('code,time\nA,1\n"Pass,3' + "\nShot,5" * 20_000, "row 3: no table that can be read"),
        ("code,time\nPass,0.1\nPass,0.5\nPass,0.9\n", "all 3 times are below 1: write seconds"),
        ("CATEGORY: Shot\nShot 1;0:00\n", "row 2: not of the form Name;Start;Stop;Team"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0", "is no file of tags"),
        ("", "the file is empty"),
    ],
)
def test_a_table_that_cannot_be_used_is_one_clear_line(tmp_path, content, message):
    with pytest.raises(LabelError, match=r"tags\.csv") as raised:
        read(tmp_path, content)
    assert message in str(raised.value) and "\n" not in str(raised.value)


def test_a_missing_column_names_the_nearest(tmp_path):
    with pytest.raises(LabelError, match="no column 'Actoin' for the code: did you mean 'Action'"):
        read(tmp_path, "Action,time\nPass,3\n", columns={"code": "Actoin"})
    with pytest.raises(LabelError, match="unknown field 'codes'"):
        read(tmp_path, "Action,time\nPass,3\n", columns={"codes": "Action"})
