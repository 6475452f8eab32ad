"""Tables of results: one row per experiment, after repeated and concurrent writes."""

from __future__ import annotations

import csv
import subprocess
import sys

import pytest

from onball.errors import DataError
from onball.experiments import add_result, columns_of, hardware, read_results


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
