"""Videos that are spotted from the page: the choice, jobs, growing events, and what is refused."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tiny_models import random_model

import onball.viewer.spot_queue as spot_queue
from onball.events import Event, EventList
from onball.formats.event_table import TABLE_FILE
from onball.formats.soccernet import LABELS_FILE, RESULTS_FILE, read_results
from onball.outputs import OutputState, check_outputs
from onball.spotting.journal import JOURNAL_FILE
from onball.spotting.spotter import Spotter
from onball.spotting.videos import spot_videos
from onball.viewer.growing import GrowingEvents
from onball.viewer.media import Proxies
from onball.viewer.server import create_app
from onball.viewer.session import ViewSession
from onball.viewer.spot_queue import SpotJob, SpotQueue, list_models, list_videos

TOKEN, PORT = "secret-of-this-launch", 8766
BASE = f"http://127.0.0.1:{PORT}"
PATIENCE_S = 60

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """A saved model of random weights, all of whose candidates count."""
    net, config = random_model()
    inference = config.inference.model_copy(update={"threshold": 0.0, "report_threshold": 0.0})
    folder = tmp_path_factory.mktemp("models") / "mine"
    Spotter(net, config.model_copy(update={"inference": inference})).save_pretrained(folder)
    return folder


@pytest.fixture
def videos(tmp_path: Path, small_video: Path) -> Path:
    """A folder with a video at its top, and a match with labels below."""
    folder = tmp_path / "club"
    (folder / "cup final").mkdir(parents=True)
    for file in (folder / "first.mp4", folder / "cup final" / "224p.mp4"):
        file.write_bytes(small_video.read_bytes())
    EventList.of([Event(1000, "PASS")]).save(folder / "cup final" / LABELS_FILE)
    return folder


@pytest.fixture
def make_queue(videos, model, tmp_path) -> Iterator[Callable[..., SpotQueue]]:
    made: list[SpotQueue] = []

    def make(*paths: Path) -> SpotQueue:
        session = ViewSession.open(paths or [videos])
        queue = SpotQueue(session, tmp_path / "results", [model], device="cpu", threads=1)
        made.append(queue)
        return queue

    yield make
    for queue in made:
        queue.close()


@pytest.fixture
def queue(make_queue) -> SpotQueue:
    return make_queue()


@pytest.fixture
def client(queue, tmp_path) -> TestClient:
    """A client that opened the address with the token."""
    app = create_app(
        queue.session, token=TOKEN, port=PORT, proxies=Proxies(tmp_path / "proxies"), queue=queue
    )
    client = TestClient(app, base_url=BASE, follow_redirects=False)
    assert client.get(f"/?token={TOKEN}").status_code == 303
    return client


def key_of(queue: SpotQueue, name: str) -> str:
    return next(video.key for video in queue.videos() if video.shown == name)


def end_of(job: SpotJob) -> SpotJob:
    """Wait for the end of a job."""
    limit = threading.Event()
    for _ in range(PATIENCE_S * 100):
        if job.state not in ("waiting", "running"):
            return job
        limit.wait(0.01)
    raise AssertionError(f"the job is still {job.state}")


# Choice


def test_videos_below_the_named_folders_are_listed_by_path_and_named_as_spot_names_them(queue):
    listed = {video.shown: video.result for video in queue.videos()}
    assert listed == {"club/cup final/224p.mp4": "cup final", "club/first.mp4": "first"}


def test_videos_of_one_name_get_results_of_different_names(tmp_path, small_video):
    for half in ("first half", "second half"):
        (tmp_path / "cup" / half).mkdir(parents=True)
        (tmp_path / "cup" / half / "224p.mp4").write_bytes(small_video.read_bytes())
    session = ViewSession.open([tmp_path / "cup"])
    assert [each.result for each in list_videos(session)] == ["first half_224p", "second half_224p"]


def test_a_link_that_leads_out_and_the_neighbours_of_a_named_file_are_not_listed(
    videos, tmp_path, small_video
):
    outside = tmp_path / "private.mp4"
    outside.write_bytes(small_video.read_bytes())
    (videos / "link.mp4").symlink_to(outside)
    shown = [video.shown for video in list_videos(ViewSession.open([videos]))]
    assert "club/link.mp4" not in shown and len(shown) == 2
    only = ViewSession.open([videos / "first.mp4"])
    assert [video.shown for video in list_videos(only)] == ["first.mp4"]


def test_own_models_come_first_and_published_ones_that_are_not_here_name_the_command(
    queue, model, hub
):
    listed = list_models(queue.session, [model])
    own = f"{model.parent.name}/mine"
    assert [each.title for each in listed[:3]] == [own, "demo", "ball-tracks"]
    assert not any(each.command for each in listed[:3])
    commands = {each.key: each.command for each in listed[3:]}
    assert commands["adaspot-small"] == "onball models fetch adaspot-small"
    assert all(command.startswith("onball models ") for command in commands.values())


# Jobs


def test_a_job_writes_what_spot_writes_and_the_match_shows_it(client, queue, tmp_path, model):
    asked = {"video": key_of(queue, "club/first.mp4"), "model": "own-0"}
    answer = client.post("/api/jobs", json=asked)
    assert answer.status_code == 202 and answer.json()["state"] in ("waiting", "running")
    job = end_of(queue.jobs()[0])
    assert (job.state, job.error) == ("done", "")
    folder = tmp_path / "results" / "first"
    found = read_results(folder / RESULTS_FILE)
    assert len(found) > 10 and (folder / TABLE_FILE).is_file()
    # The same request of the command finds it done.
    video = next(each.path for each in queue.videos() if each.result == "first")
    (again,) = spot_videos(video, tmp_path / "results", model=model, device="cpu")
    assert again.outcome == "done"
    match = client.get(f"/api/matches/{job.match}").json()
    assert match["growing"] is None and len(match["ids"]) == len(found)
    assert match["corrections_file"] == "corrections.json"
    assert client.get(f"/api/matches/{job.match}/growing").json() is None
    assert client.get("/api/matches/99/growing").status_code == 404


def test_a_match_with_labels_is_compared_with_them_after_its_job(client, queue):
    job = queue.add(key_of(queue, "club/cup final/224p.mp4"), "own-0")
    assert end_of(job).state == "done"
    match = client.get(f"/api/matches/{job.match}").json()
    assert match["corrects"] == "predictions" and match["truth"]["position_ms"] == [1000]
    assert client.get(f"/api/matches/{job.match}/comparison").status_code == 200
    assert [each["spotted"] for each in client.get("/api/spotting").json()["videos"]] == [
        True,
        False,
    ]


def test_a_video_that_was_added_after_the_start_becomes_a_match(client, queue, videos, small_video):
    (videos / "second.mp4").write_bytes(small_video.read_bytes())
    before = len(client.get("/api/session").json()["matches"])
    job = queue.add(key_of(queue, "club/second.mp4"), "own-0")
    assert job.match == before and end_of(job).state == "done"
    assert client.get("/api/session").json()["matches"][before]["predictions"]


@pytest.fixture
def halted(monkeypatch) -> Iterator[tuple[threading.Event, threading.Event]]:
    """Two events: a job that runs has found something; and it may go on."""
    found, go_on = threading.Event(), threading.Event()
    add = GrowingEvents.add

    def add_and_wait(self: GrowingEvents, event: Event) -> None:
        add(self, event)
        found.set()
        assert go_on.wait(PATIENCE_S)

    monkeypatch.setattr(GrowingEvents, "add", add_and_wait)
    yield found, go_on
    go_on.set()


def test_events_arrive_while_the_job_runs_and_others_wait(client, queue, halted):
    found, go_on = halted
    first = queue.add(key_of(queue, "club/cup final/224p.mp4"), "own-0")
    second = queue.add(key_of(queue, "club/first.mp4"), "own-0")
    assert found.wait(PATIENCE_S)
    match = client.get(f"/api/matches/{first.match}").json()
    growing = match["growing"]
    assert match["ids"] == [] and match["corrections_file"] is None
    assert match["truth"]["position_ms"] == [1000]  # labels are there from the beginning
    assert growing["state"] == "running" and growing["count"] == 1
    (event,) = growing["events"]
    assert event["id"] == f"{event['label']}/{event['half']}/{event['position_ms']}"
    assert growing["total_ms"] == 4000
    newer = client.get(f"/api/matches/{first.match}/growing?after=1").json()
    assert newer["events"] == [] and newer["count"] == 1
    states = [job["state"] for job in client.get("/api/jobs").json()]
    assert states == ["running", "waiting"]
    answer = client.post("/api/jobs", json={"video": first.video.key, "model": "own-0"})
    assert answer.status_code == 400 and "already" in answer.json()["error"]
    assert client.post(f"/api/jobs/{second.number}/cancel", json={}).json()["state"] == "cancelled"
    go_on.set()
    assert end_of(first).state == "done" and second.state == "cancelled"


def test_a_cancelled_job_leaves_no_results_and_continues_later(
    client, queue, halted, tmp_path, monkeypatch
):
    found, go_on = halted
    key = key_of(queue, "club/first.mp4")
    job = queue.add(key, "own-0")
    assert found.wait(PATIENCE_S)
    client.post(f"/api/jobs/{job.number}/cancel", json={})
    go_on.set()
    assert end_of(job).state == "cancelled"
    folder = tmp_path / "results" / "first"
    assert not (folder / RESULTS_FILE).exists() and (folder / JOURNAL_FILE).is_file()
    growing = client.get(f"/api/matches/{job.match}/growing").json()
    assert growing["state"] == "cancelled" and growing["count"] == 1
    monkeypatch.undo()
    again = queue.add(key, "own-0")
    assert end_of(again).state == "done" and not (folder / JOURNAL_FILE).exists()


def test_results_of_another_model_are_replaced_only_on_request(queue, tmp_path):
    folder = tmp_path / "results" / "first"
    EventList.of([Event(1000, "PASS", 0.9)]).save(folder / RESULTS_FILE)
    key = key_of(queue, "club/first.mp4")
    job = end_of(queue.add(key, "own-0"))
    assert job.state == "failed" and job.conflict
    assert "was not written by onball" in job.error and "--" not in job.error
    assert len(read_results(folder / RESULTS_FILE)) == 1
    assert end_of(queue.add(key, "own-0", overwrite=True)).state == "done"
    assert len(read_results(folder / RESULTS_FILE)) > 1


def test_a_failure_is_one_line_and_the_next_job_is_done(queue, videos, monkeypatch):
    (videos / "broken.mp4").write_bytes(b"no video" * 100)
    job = end_of(queue.add(key_of(queue, "club/broken.mp4"), "own-0"))
    assert job.state == "failed" and "broken.mp4" in job.error and "\n" not in job.error
    broken = lambda *_, **__: 1 / 0  # noqa: E731
    with monkeypatch.context() as patched:
        patched.setattr(spot_queue, "spot_videos", broken)
        job = end_of(queue.add(key_of(queue, "club/first.mp4"), "own-0"))
    assert job.error == "club/first.mp4: failed with ZeroDivisionError (division by zero)"
    assert end_of(queue.add(key_of(queue, "club/first.mp4"), "own-0")).state == "done"


def test_the_end_of_the_viewer_cancels_the_job_and_keeps_its_work(make_queue, halted, tmp_path):
    found, go_on = halted
    queue = make_queue()
    job = queue.add(key_of(queue, "club/first.mp4"), "own-0")
    assert found.wait(PATIENCE_S)
    closing = threading.Thread(target=queue.close)
    closing.start()
    assert job.cancelled.wait(PATIENCE_S)
    go_on.set()
    closing.join(PATIENCE_S)
    assert job.state == "cancelled" and not closing.is_alive()
    folder = tmp_path / "results" / "first"
    assert (folder / JOURNAL_FILE).is_file()
    assert check_outputs(folder, [RESULTS_FILE], {}) is OutputState.MISSING


# Refusals


@pytest.mark.parametrize(
    "body",
    [
        {"video": "../../etc/passwd", "model": "demo"},
        {"video": "/etc/passwd", "model": "demo"},
        {"video": "..%2f..%2fsecret.mp4", "model": "demo"},
        {"video": "\x00", "model": "demo"},
        {"video": "KEY", "model": "/tmp/model"},
        {"video": "KEY", "model": "../model"},
        {"video": "KEY", "model": ""},
        {"video": "KEY", "model": "adaspot-small"},
        {"video": "KEY"},
        {"video": "KEY", "model": "demo", "out": "/tmp"},
        {"video": 7, "model": "demo"},
        [],
    ],
)
def test_no_path_chooses_a_video_a_model_or_a_folder(client, queue, body, hub, tmp_path):
    text = json.dumps(body).replace("KEY", key_of(queue, "club/first.mp4"))
    answer = client.post(
        "/api/jobs", content=text.encode(), headers={"content-type": "application/json"}
    )
    assert answer.status_code == 400 and "\n" not in answer.json()["error"]
    assert queue.jobs() == [] and not (tmp_path / "results").exists()


def test_a_video_that_became_a_link_that_leads_out_is_not_spotted(queue, videos, tmp_path):
    key = key_of(queue, "club/first.mp4")
    (videos / "first.mp4").rename(tmp_path / "private.mp4")
    (videos / "first.mp4").symlink_to(tmp_path / "private.mp4")
    with pytest.raises(spot_queue.InputError, match="no such video"):
        queue.add(key, "own-0")


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_other_sites_start_and_cancel_nothing(client, queue, headers):
    asked = {"video": key_of(queue, "club/first.mp4"), "model": "own-0"}
    assert client.post("/api/jobs", json=asked, headers=headers).status_code == 403
    assert client.post("/api/jobs/1/cancel", json={}, headers=headers).status_code == 403
    assert queue.jobs() == []


def test_nothing_starts_without_the_token_or_as_a_form(client, queue):
    asked = {"video": key_of(queue, "club/first.mp4"), "model": "own-0"}
    form = {"content-type": "text/plain"}
    assert client.post("/api/jobs", content=json.dumps(asked), headers=form).status_code == 415
    assert client.post("/api/jobs", content=b" " * 70_000).status_code in (413, 415)
    client.cookies.clear()
    for method, path in (("POST", "/api/jobs"), ("GET", "/api/jobs"), ("GET", "/api/spotting")):
        assert client.request(method, path, json=asked).status_code == 403
    assert client.get("/api/matches/0/growing").status_code == 403
    assert queue.jobs() == []


@pytest.mark.parametrize("after", ["-1", "x", "1e9", "٣", "9" * 40])
def test_a_number_of_events_that_is_none_is_refused(client, queue, after):
    queue.session.growing[0] = GrowingEvents("live", "camera")
    assert client.get("/api/matches/0/growing", params={"after": after}).status_code == 400


def test_without_a_queue_nothing_can_be_spotted(videos, tmp_path):
    session = ViewSession.open([videos])
    app = create_app(session, token=TOKEN, port=PORT, proxies=Proxies(tmp_path))
    client = TestClient(app, base_url=BASE)
    client.get(f"/?token={TOKEN}")
    assert client.get("/api/session").json()["spotting"] is False
    assert client.get("/api/spotting").status_code == 404
    assert client.post("/api/jobs", json={"video": "", "model": ""}).status_code == 404


# Progress


def test_the_speed_is_that_of_the_last_while_without_what_was_kept():
    now = 0.0
    growing = GrowingEvents("spotting", "", clock=lambda: now)
    growing.report(60_000, 120_000)  # kept by an earlier run
    assert growing.as_json()["speed"] is None
    now = 2.0
    growing.report(70_000, 120_000)
    assert growing.as_json()["speed"] == 5.0 and growing.as_json()["left_s"] == 10.0
    for now in range(10, 60, 5):
        growing.report(70_000 + 1000 * now, 120_000)
    assert growing.as_json()["speed"] == 1.0
    growing.report(0, 120_000)  # another piece of work
    assert growing.as_json()["speed"] is None
