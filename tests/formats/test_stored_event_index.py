"""`onball index` and `onball query` with results and files on a store."""

from __future__ import annotations

from pathlib import Path

import pytest
from stores import unreliable_store

from onball.errors import InputError, OnballError
from onball.events import Event, EventList
from onball.formats.event_index import index_events
from onball.formats.event_query import query_events
from onball.outputs import OutputConflictError

ROOT, INDEX = "unreliable://bucket/results", "unreliable://bucket/index/events.parquet"
COUNTS = "SELECT match, action, count(*) FROM events GROUP BY ALL ORDER BY ALL"


@pytest.fixture
def local(tmp_path) -> Path:
    """Results of two matches, in folders."""
    for name, action in (("a", "PASS"), ("b", "SHOT")):
        path = tmp_path / "results" / "league" / name / "results_spotting.json"
        EventList([Event(12_480, action, 0.8, "left")] * 2, name).save(path)
    return tmp_path / "results"


@pytest.fixture
def system(local, tmp_path, monkeypatch):
    """A store with the same results, and an empty cache."""
    monkeypatch.setattr("onball.stores._FIRST_PAUSE_S", 0)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "cache"))
    system = unreliable_store()
    for path in local.rglob("*.json"):
        system.pipe(f"/bucket/results/{path.relative_to(local).as_posix()}", path.read_bytes())
    system.pipe("/bucket/results/league/.hidden/results_spotting.json", b"{}")
    yield system
    system.clear()


def rows(index: str | Path) -> list[tuple]:
    return list(query_events(COUNTS, index))


def test_an_index_of_results_on_a_store_is_that_of_local_ones(system, local, tmp_path):
    made = index_events(ROOT, INDEX)
    index_events(local, tmp_path / "local.parquet")
    assert rows(INDEX) == rows(tmp_path / "local.parquet")
    assert rows(INDEX) == [("league/a", "PASS", 2), ("league/b", "SHOT", 2)]
    assert (made.path, made.events, made.read, made.problems) == (INDEX, 4, 2, ())
    assert made.matches[0].file == f"{ROOT}/league/a/results_spotting.json"
    one = index_events(f"{ROOT}/league/a/results_spotting.json", tmp_path / "one.parquet")
    assert [match.match for match in one.matches] == ["a"]


def test_only_what_changed_is_read_and_written_again(system):
    index_events(ROOT, INDEX)
    system.written.clear()
    before = system.bytes_read
    again = index_events(ROOT, INDEX)
    index_file = system.size("/bucket/index/events.parquet")
    assert (again.read, system.bytes_read - before) == (0, index_file)
    assert not any(path.endswith(".parquet") for path in system.written)
    system.pipe("/bucket/results/league/b/results_spotting.json", b"broken")
    changed = index_events(ROOT, INDEX)
    assert (changed.read, changed.removed, len(changed.problems)) == (0, 1, 1)
    assert changed.problems[0].startswith(f"{ROOT}/league/b/results_spotting.json: ")
    assert rows(INDEX) == [("league/a", "PASS", 2)]


def test_a_query_downloads_an_index_once_for_each_version(system, tmp_path):
    index_events(ROOT, INDEX)
    assert len(rows(INDEX)) == 2
    before = system.bytes_read
    assert len(rows(INDEX)) == 2
    assert system.bytes_read == before
    index_events(f"{ROOT}/league/a", INDEX, overwrite=True)
    assert len(rows(INDEX)) == 1
    assert len(list((tmp_path / "cache").rglob("*.parquet"))) == 1


def test_a_lost_connection_leaves_the_former_index(system):
    index_events(f"{ROOT}/league/a", INDEX)
    former = system.cat("/bucket/index/events.parquet")
    system.lose_connection("/league/b/")
    with pytest.raises(OnballError, match=r"results_spotting.json: the connection failed"):
        index_events(ROOT, INDEX, overwrite=True)
    assert system.cat("/bucket/index/events.parquet") == former


def test_errors_name_addresses(system, onball):
    system.pipe("/bucket/index/events.parquet", b"no index")
    with pytest.raises(OutputConflictError, match=f"^{INDEX}: is not an index"):
        index_events(ROOT, INDEX)
    with pytest.raises(InputError, match=f"^{INDEX}: is not an index"):
        query_events(COUNTS, INDEX)
    with pytest.raises(InputError, match=r"^unreliable://bucket/none: no results there"):
        index_events("unreliable://bucket/none", INDEX)
    with pytest.raises(InputError, match="is a folder: name a file"):
        index_events(ROOT, "unreliable://bucket/results")
    code, _, error = onball("query", COUNTS, INDEX, "--out", "unreliable://bucket/counts.csv")
    assert code == 2 and "choose another --out" in error
