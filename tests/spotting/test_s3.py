"""Videos and results on S3, served by a local server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest
from tiny_matches import write_flashes
from tiny_models import random_model

from onball.cluster.archive import spot_archive
from onball.errors import InputError, OnballError, VideoError
from onball.formats.event_index import index_events
from onball.formats.event_query import query_events
from onball.models import save_model
from onball.outputs import RECORD_FILE
from onball.spotting.results import RESULT_FILES, Outcome
from onball.spotting.spotter import Spotter
from onball.spotting.videos import spot_videos
from onball.stores import Store
from onball.training.stored import StoredRun

pytestmark = [pytest.mark.medium, pytest.mark.usefixtures("one_thread")]


@pytest.fixture
def s3(monkeypatch, tmp_path):
    """An empty S3 with the bucket `league`, as the user's settings name it."""
    # Imported here: every process of pytest imports all files of tests, and one runs this one.
    import s3fs
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1,localhost",
        "XDG_CACHE_HOME": str(tmp_path / "user"),
        "LOCALAPPDATA": str(tmp_path / "user"),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("onball.stores._FIRST_PAUSE_S", 0)
    files = s3fs.S3FileSystem(skip_instance_cache=True)
    if not files.exists("league"):  # the servers of one process share their buckets
        files.mkdir("league")
    yield files
    server.stop()


def test_videos_are_read_from_and_results_written_to_s3(s3, tmp_path):
    write_flashes(tmp_path / "b", 1)
    video = tmp_path / "b" / "224p.mp4"
    s3.put_file(str(video), "league/matches/a.mp4")
    net, config = random_model()
    spotter = Spotter(net, config, device="cpu", name="random", fingerprint="0123456789")

    def spot(out: str, address: str = "s3://league/matches/*.mp4"):
        return list(spot_videos(address, out, model=spotter, cache=tmp_path / "cache"))

    (found,) = spot("s3://league/results")
    (local,) = spot_videos(video, tmp_path / "results", model=spotter)
    assert (found.outcome, found.error) == (Outcome.SPOTTED, "")
    assert found.events.events == local.events.events
    s3.invalidate_cache()
    names = {path.rpartition("/")[2] for path in s3.find("league/results/a")}
    assert names == {path.name for path in local.folder.iterdir()}
    assert spot("s3://league/results")[0].outcome is Outcome.DONE
    index = index_events("s3://league/results", "s3://league/events.parquet")
    ((count,),) = query_events("SELECT count(*) FROM events", "s3://league/events.parquet")
    assert count == index.events == len(local.events.shown)
    with pytest.raises(VideoError, match="no such file, folder or bucket"):
        spot("s3://league/results", "s3://none/matches/*.mp4")
    with pytest.raises(InputError, match="s3://none/results: no such file or bucket"):
        spot("s3://none/results")


def test_missing_credentials_and_a_server_that_is_gone_are_one_line(s3, monkeypatch):
    s3.pipe_file("league/a.txt", b"text")
    assert Store("s3://league").read("s3://league/a.txt") == b"text"
    assert Store("s3://league").read_part("s3://league/a.txt", 1, 3) == b"ex"
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(InputError, match="no credentials") as error:
        Store("s3://league").read("s3://league/a.txt")
    assert "\n" not in str(error.value)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(OnballError, match="the connection failed") as error:
        Store("s3://league").read("s3://league/a.txt")
    assert "\n" not in str(error.value)


def test_a_run_is_uploaded_to_s3_and_fetched_by_another_machine(s3, tmp_path):
    one, other = (StoredRun("s3://league/runs/one/", tmp_path / name) for name in ("one", "other"))
    one.fetch()
    one.check_writable()
    for epoch in ("epoch 1", "epoch 2"):
        for path in (one.run.config, one.run.metrics, one.run.last_checkpoint):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(epoch)
        one.publish()
    other.fetch()
    assert other.run.last_checkpoint.read_text() == "epoch 2"
    s3.invalidate_cache()
    assert len(s3.find("league/runs/one")) == 4, "the former checkpoint is deleted"
    other.clear()
    s3.invalidate_cache()
    assert s3.find("league/runs/one") == []
    nowhere = StoredRun("s3://none/runs/one", tmp_path / "none")
    with pytest.raises(InputError, match="s3://none/runs/one: no such file or bucket"):
        nowhere.check_writable()


_KILLED = """
import signal, sys
from onball.spotting.videos import spot_videos
from onball.stores import Store

uploads, upload = 0, Store.upload
def upload_or_die(self, path, address):
    global uploads
    if uploads == int(sys.argv[1]):
        signal.raise_signal(signal.SIGKILL)
    uploads += 1
    upload(self, path, address)

Store.upload = upload_or_die
model, cache = sys.argv[2:]
list(spot_videos("s3://league/a.mp4", "s3://league/out", model=model, device="cpu", cache=cache))
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
@pytest.mark.parametrize("uploads", range(len(RESULT_FILES) + 2))  # the record is first and last
def test_a_run_that_is_killed_between_uploads_publishes_nothing_by_halves(s3, tmp_path, uploads):
    write_flashes(tmp_path, 1)
    video = (tmp_path / "224p.mp4").rename(tmp_path / "a.mp4")
    s3.put_file(str(video), "league/a.mp4")
    if s3.exists("league/out"):
        s3.rm("league/out", recursive=True)
    model, cache = tmp_path / "model", tmp_path / "cache"
    save_model(*random_model(), model)

    def is_complete() -> bool:
        """True if the record on the store states that all results are there."""
        s3.invalidate_cache()
        if not s3.exists(f"league/out/a/{RECORD_FILE}"):
            return False
        (entry,) = json.loads(s3.cat_file(f"league/out/a/{RECORD_FILE}"))["results"]
        return "replaces" not in entry

    command = [sys.executable, "-c", _KILLED, str(uploads), str(model), str(cache)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert not is_complete()
    settings = {"model": model, "device": "cpu"}
    (stored,) = spot_videos("s3://league/a.mp4", "s3://league/out", cache=cache, **settings)
    assert not stored.error and is_complete()
    (local,) = spot_videos(video, tmp_path / "out", **settings)
    for name in RESULT_FILES:
        assert s3.cat_file(f"league/out/a/{name}") == (local.folder / name).read_bytes()
    assert not [path for path in cache.rglob("*") if path.is_file()]


@pytest.mark.slow
@pytest.mark.parametrize("cluster", ["local", "ray"])
@pytest.mark.parametrize("segment_minutes", [None, 1 / 15], ids=["matches", "segments"])
def test_processes_of_a_cluster_read_and_write_s3(s3, tmp_path, cluster, segment_minutes):
    if cluster == "ray":
        pytest.importorskip("ray")
    if s3.exists("league/many"):
        s3.rm("league/many", recursive=True)
    save_model(*random_model(), tmp_path / "model")
    for seed, name in enumerate("ab"):
        write_flashes(tmp_path / name, seed)
        video = (tmp_path / name / "224p.mp4").rename(tmp_path / f"{name}.mp4")
        s3.put_file(str(video), f"league/many/videos/{name}.mp4")
    found = spot_archive(
        "s3://league/many/videos",
        "s3://league/many/results",
        cluster=cluster,
        workers=2,
        segment_minutes=segment_minutes,
        model=tmp_path / "model",
    )
    assert {(one.name, one.outcome, one.error) for one in found} == {
        ("a", Outcome.SPOTTED, ""), ("b", Outcome.SPOTTED, ""),
    }  # fmt: skip
    s3.invalidate_cache()
    settings = {"model": tmp_path / "model", "device": "cpu", "threads": 1}
    for local in spot_videos(tmp_path.glob("?.mp4"), tmp_path / "out", **settings):
        place = f"league/many/results/{local.name}"
        names = {path.rpartition("/")[2] for path in s3.find(place)}
        assert names == {path.name for path in local.folder.iterdir()}
        for name in names:
            assert s3.cat_file(f"{place}/{name}") == (local.folder / name).read_bytes(), name
    assert not [path for path in (tmp_path / "user").rglob("*") if path.is_file()]
