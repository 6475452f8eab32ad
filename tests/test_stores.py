"""Files on stores: addresses, lost connections, and errors of one line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from fsspec.registry import _registry
from stores import unreliable_store

from onball.errors import InputError, MissingDependencyError, OnballError
from onball.stores import Store, is_stored, naming


@pytest.fixture
def system():
    """An empty store at `unreliable://`."""
    system = unreliable_store()
    yield system
    system.clear()


def open_store() -> Store:
    return Store("unreliable://bucket", pause_s=0)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("s3://bucket/match.mp4", True),
        ("S3://bucket/match.mp4", True),
        ("memory://bucket/*.mp4", True),
        ("https://example.org/match.mp4", False),
        ("rtsp://camera/main", False),
        ("file:///tmp/match.mp4", False),
        ("clips/match.mp4", False),
        ("12:30 kick-off.mp4", False),
        ("nothing://bucket", False),
    ],
)
def test_addresses_of_stores_are_told_from_paths(address, expected):
    assert is_stored(address) is expected


def test_files_are_found_by_address_folder_and_pattern(system):
    for name in ("a/one.mp4", "a/two.mp4", "b/three.mp4"):
        system.pipe(f"/bucket/{name}", b"12345")
    store = open_store()
    (one,) = store.files("unreliable://bucket/a/one.mp4")
    assert (one.address, one.size, one.name) == ("unreliable://bucket/a/one.mp4", 5, "one.mp4")
    assert [file.name for file in store.files("unreliable://bucket/a/")] == ["one.mp4", "two.mp4"]
    found = store.files("unreliable://bucket/*/t*.mp4")
    assert [file.name for file in found] == ["two.mp4", "three.mp4"]
    assert store.files("unreliable://bucket/c") == []


def test_a_name_with_the_signs_of_a_pattern_is_found(system):
    for name in ("match [1080p]/match [1080p].mp4", "match 1/match 1.mp4"):
        system.pipe(f"/bucket/{name}", b"12345")
    store = open_store()
    address = "unreliable://bucket/match [1080p]"
    for given in (f"{address}/match [1080p].mp4", address):
        assert [file.name for file in store.files(given)] == ["match [1080p].mp4"]


def test_errors_without_the_path_stay_as_they_are():
    missing = MissingDependencyError("pyarrow", "query", "An index")
    with pytest.raises(MissingDependencyError) as raised, naming("s3://a/b", Path("/cache/b")):
        raise missing
    assert raised.value is missing


def test_a_lost_connection_is_opened_again(system, tmp_path):
    system.pipe("/bucket/match.mp4", b"0123456789")
    system.failures[:] = [ConnectionResetError("reset by peer"), TimeoutError("timed out")]
    store = open_store()
    (file,) = store.files("unreliable://bucket/match.mp4")
    reported = []
    store.download(file, tmp_path / "match.mp4", reported.append)
    assert (tmp_path / "match.mp4").read_bytes() == b"0123456789"
    assert system.failures == [] and reported == [0, 10]


def test_a_download_continues_where_it_stopped(system, tmp_path, monkeypatch):
    monkeypatch.setattr("onball.stores._PART_BYTES", 4)
    system.pipe("/bucket/match.mp4", b"0123456789")
    store = open_store()
    (file,) = store.files("unreliable://bucket/match.mp4")
    (tmp_path / "part").write_bytes(b"01234")
    reported = []
    store.download(file, tmp_path / "part", reported.append)
    assert (tmp_path / "part").read_bytes() == b"0123456789"
    assert reported == [5, 9, 10]


@pytest.mark.parametrize(
    ("failure", "times", "kind", "message"),
    [
        (ConnectionResetError("reset\nby peer"), 5, OnballError, "failed (reset by peer)"),
        (FileNotFoundError("gone"), 1, InputError, "no such file or bucket"),
        (PermissionError("forbidden"), 1, InputError, "access denied"),
        (type("NoCredentialsError", (Exception,), {})("none"), 1, InputError, "no credentials"),
        (ValueError("bad name"), 1, InputError, "cannot be used (bad name)"),
    ],
)
def test_errors_are_one_line_and_only_lost_connections_are_repeated(
    system, failure, times, kind, message
):
    system.failures[:] = [failure] * 9
    with pytest.raises(kind) as error:
        open_store().read("unreliable://bucket/match.mp4")
    assert message in str(error.value) and "\n" not in str(error.value)
    assert str(error.value).startswith("unreliable://bucket/match.mp4: ")
    assert len(system.failures) == 9 - times


def test_a_missing_package_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.delitem(_registry, "s3", raising=False)
    with pytest.raises(MissingDependencyError, match=r"onball\[stores\]"):
        Store("s3://bucket/match.mp4")
