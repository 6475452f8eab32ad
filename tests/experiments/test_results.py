"""Tables of results: one row per experiment, after repeated and concurrent writes."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from onball.actions import BALL_ACTIONS, ActionSet
from onball.errors import DataError, OnballError
from onball.experiments import (
    add_result,
    columns_of,
    hardware,
    read_results,
    remove_result,
)


def row(config: str = "spotting/one", **columns: str) -> dict[str, str]:
    return {"config": config, "settings": "", "seed": "0", "data": "bench", **columns}


def test_a_row_is_read_as_it_was_written_with_every_column(tmp_path):
    path = tmp_path / "new folder" / "spotting.csv"
    add_result(path, row(map12="12.50", hardware='2 CPU cores (a "fast", one)'))
    (read,) = read_results(path)
    assert tuple(read) == columns_of()
    assert (read["map12"], read["hardware"]) == ("12.50", '2 CPU cores (a "fast", one)')
    assert read["gflops"] == ""
    with path.open(newline="", encoding="utf-8") as file:
        assert next(csv.reader(file)) == list(columns_of())


def test_the_same_experiment_replaces_its_former_row(tmp_path):
    path = tmp_path / "spotting.csv"
    for name in ("spotting/one", "spotting/two"):
        add_result(path, row(name, map12="1.00"))
    add_result(path, row("spotting/one", map12="2.00"))
    assert [(r["config"], r["map12"]) for r in read_results(path)] == [
        ("spotting/one", "2.00"),
        ("spotting/two", "1.00"),
    ]


@pytest.mark.parametrize("other", [{"seed": "1"}, {"data": "mine"}, {"settings": "cpu"}])
def test_another_seed_data_set_or_setting_is_another_experiment(tmp_path, other):
    path = tmp_path / "spotting.csv"
    add_result(path, row())
    add_result(path, {**row(), **other})
    assert len(read_results(path)) == 2


def test_a_missing_file_has_no_rows_and_another_table_is_refused(tmp_path):
    assert read_results(tmp_path / "spotting.csv") == []
    (tmp_path / "shop.csv").write_text("config,price\nspotting/one,3\n")
    with pytest.raises(DataError, match=r"shop\.csv: has no column 'settings': is it a file of"):
        read_results(tmp_path / "shop.csv")


def test_a_table_of_other_classes_has_their_columns_and_takes_no_others(tmp_path):
    path = tmp_path / "spotting.csv"
    codes = ActionSet.of(["press won", "counter", "SHOT"], headline=["press won"])
    values = {"map": "30.00", "map_headline": "20.00", "AP press won": "20.00", "AP SHOT": "7.00"}
    add_result(path, row(**values), codes)
    (read,) = read_results(path)
    assert list(read)[-5:] == ["map", "map_headline", "AP press won", "AP counter", "AP SHOT"]
    assert (read["map_headline"], read["AP SHOT"], read["AP counter"]) == ("20.00", "7.00", "")
    every = ActionSet.of(codes)
    assert [name for name in columns_of(every) if name.startswith("map")] == ["map"]
    for others in (BALL_ACTIONS, ActionSet.of(["press won", "counter"])):
        with pytest.raises(DataError, match=r"holds the AP of 'press won'.* with --results"):
            add_result(path, row("spotting/two"), others)
    assert read_results(path) == [read]
    remove_result(path, row("spotting/three"))
    assert read_results(path) == [read]
    add_result(path, row("spotting/two"), codes)
    remove_result(path, row())
    (left,) = read_results(path)
    assert list(left) == list(read) and left["config"] == "spotting/two"


def test_a_table_from_before_there_were_other_classes_stays_as_it_is(tmp_path):
    table = Path(__file__).parents[2] / "results" / "spotting.csv"
    copy = tmp_path / "spotting.csv"
    copy.write_bytes(table.read_bytes())
    rows = read_results(copy)
    assert tuple(rows[0]) == columns_of()
    add_result(copy, rows[-1])
    assert copy.read_bytes() == table.read_bytes()


WRITER = """
import sys
from pathlib import Path
from onball.experiments import add_result

for number in range(25):
    name = f"spotting/{sys.argv[2]}-{number}"
    add_result(Path(sys.argv[1]), {"config": name, "settings": "", "seed": "0", "data": "bench"})
"""


@pytest.mark.slow
def test_concurrent_writers_lose_no_row(tmp_path):
    path = tmp_path / "spotting.csv"
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), name]) for name in ("a", "b")
    ]
    assert [writer.wait(timeout=240) for writer in writers] == [0, 0]
    found = {r["config"] for r in read_results(path)}
    assert found == {f"spotting/{name}-{number}" for name in "ab" for number in range(25)}


def test_the_hardware_is_named_in_one_line():
    assert hardware() and "\n" not in hardware()


def test_a_full_disk_leaves_the_former_table(tmp_path, small_disk):
    path = tmp_path / "spotting.csv"
    add_result(path, row("spotting/one", map12="1.00"))
    before = path.read_bytes()
    long = row("spotting/two", hardware="x" * 10_000)
    with small_disk(5_000), pytest.raises(OnballError, match=r"spotting\.csv: cannot be written"):
        add_result(path, long)
    assert path.read_bytes() == before
    assert {file.name for file in tmp_path.iterdir()} <= {path.name, f".{path.name}.lock"}
    add_result(path, long)
    assert len(read_results(path)) == 2
