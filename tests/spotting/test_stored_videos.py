"""`spot_videos` with videos and results on a store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from irregular_videos import write_packets_again
from stores import unreliable_store
from tiny_matches import write_flashes
from tiny_models import random_model

from onball.errors import InputError, VideoError
from onball.outputs import RECORD_FILE, OutputConflictError
from onball.spotting.results import RESULT_FILES, Outcome
from onball.spotting.spotter import Spotter
from onball.spotting.videos import spot_videos

pytestmark = pytest.mark.usefixtures("one_thread")

VIDEO, OUT = "unreliable://bucket/matches/a.mp4", "unreliable://bucket/results"
FILES = {RECORD_FILE, *RESULT_FILES}


@pytest.fixture(scope="module")
def spotter():
    net, config = random_model()
    return Spotter(net, config, device="cpu", name="random", fingerprint="0123456789")


@pytest.fixture(scope="module")
def content(tmp_path_factory) -> bytes:
    """A video of 8 s."""
    folder = tmp_path_factory.mktemp("stored")
    write_flashes(folder, 1)
    return (folder / "224p.mp4").read_bytes()


@pytest.fixture
def system(content, monkeypatch):
    """A store with one video."""
    monkeypatch.setattr("onball.stores._FIRST_PAUSE_S", 0)
    system = unreliable_store()
    system.pipe("/bucket/matches/a.mp4", content)
    yield system
    system.clear()


@pytest.fixture
def spot(spotter, tmp_path):
    """Spot videos, with the cache in a folder of the test."""

    def run(videos=VIDEO, out=OUT, **settings):
        settings = {"cache": tmp_path / "cache"} | settings
        return list(spot_videos(videos, out, model=spotter, **settings))

    return run


def left_over(cache: Path) -> list[str]:
    return [path.name for path in cache.rglob("*") if path.is_file()]


def test_results_on_a_store_are_those_on_disk_with_the_record_last(system, content, spot, tmp_path):
    (tmp_path / "a.mp4").write_bytes(content)
    (local,) = spot(tmp_path / "a.mp4", tmp_path / "results")
    (stored,) = spot("unreliable://bucket/matches")
    assert (stored.outcome, stored.name, stored.address) == (Outcome.SPOTTED, "a", f"{OUT}/a")
    assert stored.events == local.events
    for name in FILES:
        assert system.cat(f"/bucket/results/a/{name}") == (local.folder / name).read_bytes()
    assert [path.rpartition("/")[2] for path in system.written] == [
        RECORD_FILE,
        *RESULT_FILES,
        RECORD_FILE,
    ]
    assert left_over(tmp_path / "cache") == []

    system.written.clear()
    (again,) = spot()
    assert (again.outcome, again.events, system.written) == (Outcome.DONE, local.events, [])
    with pytest.raises(OutputConflictError, match=f"{OUT}/a: holds results with threshold"):
        spot(threshold=0.5)
    system.pipe("/bucket/results/a/events.csv", b"time,label\n")
    assert spot()[0].outcome is Outcome.EDITED


def test_an_upload_that_is_cut_is_repeated_and_not_taken_for_an_edit(system, spot, tmp_path):
    # The record and the first file arrive; then the connection stays lost.
    put, count = system.put_file, 0

    def cut(*arguments, **settings):
        nonlocal count
        count += 1
        if count > 2:
            raise ConnectionResetError("reset by peer")
        put(*arguments, **settings)

    type(system).put_file, former = lambda self, *a, **s: cut(*a, **s), type(system).put_file
    try:
        (failed,) = spot()
    finally:
        type(system).put_file = former
    assert failed.outcome is Outcome.FAILED and "reset by peer" in failed.error
    assert system.exists("/bucket/results/a/results_spotting.json")
    assert "a.mp4" in left_over(tmp_path / "cache"), "kept for the next call"
    (done,) = spot()
    assert done.outcome is Outcome.SPOTTED
    record = json.loads(system.cat(f"/bucket/results/a/{RECORD_FILE}"))
    assert "replaces" not in record["results"][0]


def test_a_record_that_was_not_completed_is_completed_by_the_next_call(system, spot):
    assert spot()[0].outcome is Outcome.SPOTTED
    place = f"/bucket/results/a/{RECORD_FILE}"
    complete = system.cat(place)
    record = json.loads(complete)
    record["results"][0]["replaces"] = {}  # as it is before the last upload
    system.pipe(place, json.dumps(record).encode())
    assert spot()[0].outcome is Outcome.DONE
    assert system.cat(place) == complete


def test_videos_that_are_missing_or_broken_are_named_by_their_address(system, spot):
    with pytest.raises(VideoError, match=r"unreliable://bucket/none\.mp4: no such file"):
        spot(["unreliable://bucket/none.mp4", VIDEO])
    system.pipe("/bucket/matches/b.mp4", b"no video")
    (failed,) = spot("unreliable://bucket/matches/b.mp4")
    assert failed.error.startswith("unreliable://bucket/matches/b.mp4: ")
    with pytest.raises(InputError, match="cannot be joined"):
        spot([VIDEO, "unreliable://bucket/matches/b.mp4"], join=True)


def test_the_cache_makes_room_and_never_exceeds_its_size(system, spot, tmp_path, content):
    (tmp_path / "a.mp4").write_bytes(content)
    # Transport streams are downloaded.
    stream = write_packets_again(tmp_path / "a.mp4", tmp_path / "a.ts", format="mpegts")
    size_gb = stream.stat().st_size / 1e9
    address = "unreliable://bucket/matches/a.ts"
    system.pipe("/bucket/matches/a.ts", stream.read_bytes())
    (failed,) = spot(address, cache_gb=size_gb / 2)
    assert "--cache-size" in failed.error
    other = tmp_path / "cache" / "videos" / "former"
    other.mkdir(parents=True)
    (other / "z.mp4.part").write_bytes(stream.read_bytes())
    (done,) = spot(address, cache_gb=size_gb * 1.5)
    assert done.outcome is Outcome.SPOTTED and not other.exists()


def test_a_cache_on_a_disk_without_file_locks_is_one_line(system, spot, tmp_path, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise NotImplementedError("FileSystem does not appear to support flock")

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    (failed,) = spot(out=tmp_path / "results")
    assert failed.error.startswith(str(tmp_path / "cache")) and "\n" not in failed.error
    assert "files cannot be locked on this disk (not supported): choose a folder" in failed.error
