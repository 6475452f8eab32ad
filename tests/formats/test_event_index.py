"""`onball index` and `onball query`: many matches in one file, and SQL on it."""

from __future__ import annotations

import csv
import os
from dataclasses import replace
from pathlib import Path

import pytest

import onball
from onball.errors import InputError
from onball.events import Event, EventList, SpottingInfo, Team
from onball.formats.event_index import read_indexed_matches
from onball.outputs import OutputConflictError

COUNTS = "SELECT team, half, action, count(*) FROM events GROUP BY ALL ORDER BY ALL"
EVENTS = (
    Event(12_480, "PASS", 0.8, "left"),
    Event(61_000, "SHOT", 0.4, "right"),
    Event(61_000, "PASS", 0.1, "left"),
    Event(2_900_040, "DRIVE", 0.75, "left", half=2),
)
INFO = SpottingInfo(
    model="demo",
    video="a.mp4",
    duration_ms=3_000_000,
    thresholds={"PASS": 0.3, "SHOT": 0.5, "DRIVE": 0.3},
    kickoffs_ms=(2_480, None),
)


@pytest.fixture
def results(tmp_path) -> Path:
    """Results of two matches of one league, in folders."""
    root = tmp_path / "results"
    EventList(EVENTS, "a", info=INFO).save(root / "league" / "a" / "results_spotting.json")
    EventList(EVENTS[:1], "b", info=replace(INFO, video="b.mp4")).save(
        root / "league" / "b" / "results_spotting.json"
    )
    return root


def rows(sql: str, index: Path, **options: object) -> list[tuple]:
    return list(onball.query_events(sql, index, **options))


def test_an_index_has_one_row_per_event_that_is_shown(results, tmp_path):
    index = tmp_path / "events.parquet"
    made = onball.index_events(results, index)
    assert (made.events, made.read, made.removed, made.problems) == (3, 2, 0, ())
    assert rows("FROM events", index) == [
        ("league/a", 1, "00:00:12", 10_000, "PASS", "left", 0.8, 12_480),
        ("league/a", 2, "00:48:20", None, "DRIVE", "left", 0.75, 2_900_040),
        ("league/b", 1, "00:00:12", 10_000, "PASS", "left", 0.8, 12_480),
    ]
    assert rows(COUNTS, index) == [("left", 1, "PASS", 2), ("left", 2, "DRIVE", 1)]
    pivot = "PIVOT events ON action USING count(*) GROUP BY match ORDER BY match"
    assert rows(pivot, index) == [("league/a", 1, 1), ("league/b", 0, 1)]
    about = rows("SELECT match, events, video, duration_ms, model FROM matches", index)
    assert about[0] == ("league/a", 2, "a.mp4", 3_000_000, "demo")


def test_other_thresholds_and_actions_are_those_of_the_call(results, tmp_path):
    index = tmp_path / "events.parquet"
    assert onball.index_events(results, index, threshold=0).events == 5
    assert (
        onball.index_events(results, index, actions=["shot"], thresholds={"shot": 0.2}).events == 1
    )
    assert onball.index_events(results, index).events == 3


def test_unusual_files_tables_and_labels_give_the_rows_of_usual_results(results, tmp_path):
    index = tmp_path / "events.parquet"
    onball.index_events(results, index, threshold=0)
    usual = rows("SELECT * EXCLUDE (match) FROM events WHERE match = 'league/a'", index)
    file = results / "league" / "a" / "results_spotting.json"
    # Text of a number that the fast reader leaves to the strict one.
    file.write_text(file.read_text().replace('"12480"', '"12480.0"'))
    onball.index_events(results, index, threshold=0)
    assert rows("SELECT * EXCLUDE (match) FROM events WHERE match = 'league/a'", index) == usual

    labels, table = tmp_path / "game" / "Labels-ball.json", tmp_path / "shots.csv"
    EventList(EVENTS).as_labels().save(labels)
    EventList(EVENTS[1:2]).save(table)
    onball.index_events([labels, table], index)
    assert rows("SELECT match, count(*) FROM events GROUP BY ALL ORDER BY ALL", index) == [
        ("game", 4),
        ("shots", 1),
    ]


def test_only_what_changed_is_read_again_and_the_rows_are_the_same(results, tmp_path):
    index, fresh = tmp_path / "events.parquet", tmp_path / "fresh.parquet"
    onball.index_events(results, index)
    before = index.stat()
    again = onball.index_events(results, index)
    assert again.read == 0 and len(again.matches) == 2
    assert index.stat().st_mtime_ns == before.st_mtime_ns, "written again without need"

    EventList(EVENTS[3:], "a", info=INFO).save(results / "league" / "aa" / "results_spotting.json")
    changed = results / "league" / "b" / "results_spotting.json"
    EventList(EVENTS, "b", info=INFO).save(changed)
    os.utime(changed, ns=(1, 1))
    update = onball.index_events(results, index)
    assert (update.read, update.removed) == (2, 0)
    onball.index_events(results, fresh)
    assert rows("FROM events", index) == rows("FROM events", fresh)
    assert read_indexed_matches(index) == read_indexed_matches(fresh)

    only = onball.index_events(results / "league" / "b", index)
    assert (only.read, only.removed) == (1, 3)  # named `b` now, not `league/b`


def test_bad_files_are_named_and_left_out(results, tmp_path, onball):
    broken = results / "league" / "b" / "results_spotting.json"
    broken.write_text("{")
    index = tmp_path / "events.parquet"
    code, shown, errors = onball("index", results, "--out", index)
    assert code == 1
    assert str(broken) in errors and "1 file could not be read" in errors
    assert f"{index}: 2 events of 1 match" in shown
    assert rows("SELECT DISTINCT match FROM events", index) == [("league/a",)]
    EventList(EVENTS[:1], "b", info=INFO).save(broken)
    assert onball("index", results, "--out", index)[:2] == (
        0,
        f"{index}: 3 events of 2 matches (1 unchanged since the last call)\n",
    )


def test_another_file_is_not_replaced_by_an_index(results, tmp_path):
    other = tmp_path / "notes.txt"
    other.write_text("mine")
    with pytest.raises(OutputConflictError, match="is not an index"):
        onball.index_events(results, other)
    assert other.read_text() == "mine"
    assert onball.index_events(results, other, overwrite=True).events == 3


def test_two_matches_of_one_name_are_an_error(results, tmp_path):
    EventList(EVENTS).save(tmp_path / "other" / "league" / "a" / "results_spotting.json")
    with pytest.raises(InputError, match="name the folder that contains both"):
        onball.index_events([results, tmp_path / "other"], tmp_path / "events.parquet")
    assert not (tmp_path / "events.parquet").exists()


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT player FROM events", 'column "player" not found'),
        ("SELECT * FROM event", 'Did you mean "events"'),
        ("SELEC 1", "syntax error"),
        ("", "one statement"),
        ("SELECT 1; SELECT 2", "one statement"),
        ("SELECT * FROM read_text('{folder}/secret.txt')", "Cannot access file"),
        ("SELECT * FROM '{folder}/secret.csv'", "Cannot access file"),
        ("COPY events TO '{folder}/copy.csv'", "one statement that reads"),
        ("EXPLAIN ANALYZE COPY events TO '{folder}/events.parquet'", "one statement that reads"),
        (
            "COPY (PIVOT events ON team USING count(*)) TO '{folder}/events.parquet' (USE_TMP_FILE 0)",
            "Cannot access file",
        ),
        ("ATTACH '{folder}/new.db'", "one statement that reads"),
        ("SET enable_external_access = true", "one statement that reads"),
    ],
)
def test_a_query_that_is_wrong_or_reaches_for_files_is_one_line(results, tmp_path, sql, message):
    index = tmp_path / "events.parquet"
    onball.index_events(results, index)
    content = index.read_bytes()
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "secret.csv").write_text("a,b\n1,2\n")
    files = sorted(tmp_path.iterdir())
    with pytest.raises(InputError, match=message) as error:
        rows(sql.format(folder=tmp_path), index)
    assert "\n" not in str(error.value)
    assert index.read_bytes() == content and sorted(tmp_path.iterdir()) == files


def test_counts_are_written_as_csv_and_kept(results, tmp_path, onball):
    index, out = tmp_path / "events.parquet", tmp_path / "counts.csv"
    onball("index", results, "--out", index)
    assert onball("query", COUNTS, index, "--out", out)[:2] == (0, f"{out}\n")
    with out.open(encoding="utf-8-sig", newline="") as file:
        read = list(csv.reader(file))
    assert read == [
        ["team", "half", "action", "count_star()"],
        ["left", "1", "PASS", "2"],
        ["left", "2", "DRIVE", "1"],
    ]
    assert "is there already" in onball("query", COUNTS, index, "--out", out)[1]
    code, _, errors = onball("query", "FROM events", index, "--out", out)
    assert code == 2 and "--overwrite" in errors
    code, shown, _ = onball("query", COUNTS, index)
    assert (code, shown) == (0, "team,half,action,count_star()\nleft,1,PASS,2\nleft,2,DRIVE,1\n")


def test_tables_of_the_caller_can_be_joined(results, tmp_path, onball):
    index, clubs = tmp_path / "events.parquet", tmp_path / "clubs.csv"
    clubs.write_text("match,home\nleague/a,Köln\nleague/b,Bonn\n", encoding="utf-8")
    onball("index", results, "--out", index)
    sql = "SELECT home, count(*) AS n FROM events JOIN clubs USING (match) GROUP BY ALL ORDER BY n"
    code, shown, _ = onball("query", sql, index, "--table", f"clubs={clubs}")
    assert (code, shown) == (0, "home,n\nBonn,1\nKöln,2\n")
    assert onball("query", sql, index, "--table", "clubs=nowhere.csv")[0] == 2
    assert onball("query", sql, index, "--table", clubs)[0] == 2


def test_a_missing_or_foreign_index_says_how_to_make_one(tmp_path):
    with pytest.raises(InputError, match="onball index"):
        onball.query_events("FROM events", tmp_path / "events.parquet")
    (tmp_path / "events.parquet").write_text("text")
    with pytest.raises(InputError, match="is not an index"):
        onball.query_events("FROM events", tmp_path / "events.parquet")


def test_teams_of_the_index_are_those_of_events(results, tmp_path):
    everything = [Event(n, "PASS", 0.9, team) for n, team in enumerate(Team)]
    EventList(tuple(everything), info=INFO).save(tmp_path / "t" / "results_spotting.json")
    onball.index_events(tmp_path / "t", tmp_path / "events.parquet")
    found = rows("SELECT team FROM events ORDER BY position_ms", tmp_path / "events.parquet")
    assert [Team(team) for (team,) in found] == list(Team)
