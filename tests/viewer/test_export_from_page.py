"""Exports and clips from the viewer's page: settings, corrections, names, several files."""

from __future__ import annotations

import csv
import io
import shutil
import threading
import time
import zipfile

import numpy as np
import pytest
from numbered_videos import decode_plainly, numbers
from PIL import Image
from starlette.testclient import TestClient

from onball.errors import InputError
from onball.events import Event, EventList, SpottingInfo, VideoPart
from onball.formats.soccernet import LABELS_FILE, RESULTS_FILE
from onball.formats.tags import read_tags
from onball.video import probe
from onball.viewer import exporting
from onball.viewer.exporting import ClipJobs, ClipSettings
from onball.viewer.media import Proxies
from onball.viewer.server import create_app
from onball.viewer.session import ViewSession

TOKEN, PORT = "secret-of-this-launch", 8766


@pytest.fixture
def client(match_folder, tmp_path):
    clips = ClipJobs()
    app = create_app(
        ViewSession.open([match_folder]),
        token=TOKEN,
        port=PORT,
        proxies=Proxies(tmp_path / "proxies"),
        clips=clips,
    )
    client = TestClient(app, base_url=f"http://127.0.0.1:{PORT}", follow_redirects=False)
    assert client.get(f"/?token={TOKEN}").status_code == 303
    yield client
    clips.close()


def export(client, **settings):
    return client.post("/api/matches/0/export", json=settings)


def decide(client, name: str, status: str, **changes) -> None:
    version = client.get("/api/matches/0/corrections").json()["version"]
    action, _, position = name.partition("/1/")
    original = {"position_ms": int(position), "label": action, "confidence": 0.1}
    entry = {"status": status, "position_ms": int(position), "label": action, "original": original}
    body = {"version": version, "changes": {name: entry | changes}}
    assert client.patch("/api/matches/0/corrections", json=body).status_code == 200


def rows(content: bytes) -> list[tuple[str, str]]:
    table = csv.DictReader(io.StringIO(content.decode("utf-8-sig")))
    return [(row["label"], row["time"]) for row in table]


def test_one_format_is_one_file_named_after_the_match(client):
    answer = export(client, formats=["csv"])
    assert answer.headers["content-disposition"] == ("attachment; filename*=UTF-8''cup%20final.csv")
    assert [label for label, _ in rows(answer.content)] == ["PASS", "DRIVE", "PASS"]


def test_several_formats_are_a_zip_whose_times_are_read_again(client, tmp_path):
    answer = export(
        client, formats=["sportscode", "otio", "srt"], lead_s=1, lags_s={"DRIVE": 0.5}, offset_s=10
    )
    assert answer.headers["content-disposition"].endswith("cup%20final.zip")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert sorted(archive.namelist()) == ["cup final.otio", "cup final.srt", "cup final.xml"]
        archive.extract("cup final.xml", tmp_path)
    tags = read_tags(tmp_path / "cup final.xml").tags
    drive = next(tag for tag in tags if tag.code == "DRIVE")
    assert (drive.start_s, drive.end_s) == (11.0, 12.5)


def test_corrections_and_thresholds_decide_what_is_exported(client):
    decide(client, "PASS/1/1080", "rejected")
    decide(client, "SHOT/1/3600", "accepted", position_ms=3520)  # below the threshold
    shots = [("DRIVE", "00:00:02"), ("PASS", "00:00:03"), ("SHOT", "00:00:03")]
    assert rows(export(client, formats=["csv"]).content) == shots
    higher = export(client, formats=["csv"], thresholds={"PASS": 0.5}).content
    assert rows(higher) == [shots[0], shots[2]]
    assert rows(export(client, formats=["csv"], actions=["shot"]).content) == shots[2:]


def test_kickoffs_become_markers_of_the_halves(client, tmp_path):
    for wanted, starts in ((True, {1: 0.5}), (False, {})):
        settings = {"formats": ["sportscode"], "kickoffs_s": {"1": 0.5}, "period_markers": wanted}
        (tmp_path / "tags.xml").write_bytes(export(client, **settings).content)
        tags = read_tags(tmp_path / "tags.xml")
        assert tags.period_starts_s == starts


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"formats": []}, "no format is named"),
        ({"formats": ["cvs"]}, "did you mean 'csv'"),
        ({"formats": ["csv"], "threshold": 2}, "outside 0 to 1"),
        ({"formats": ["csv"], "leads_s": {"GAOL": 2}}, "GOAL"),
        ({"formats": ["csv"], "out": "/tmp"}, "not settings of an export"),
        ({"formats": "csv"}, "not settings of an export"),
    ],
)
def test_settings_that_cannot_be_are_one_line(client, settings, words):
    answer = export(client, **settings)
    assert answer.status_code == 400 and words in answer.json()["error"]
    assert "\n" not in answer.json()["error"]


@pytest.mark.medium
def test_clips_are_cut_beside_the_events_and_their_number_is_reported(client, match_folder):
    assert client.get("/api/matches/0/clips").json()["state"] == "none"
    settings = {"lead_s": 0.4, "lag_s": 0.4, "by": "action", "actions": ["pass"]}
    assert client.post("/api/matches/0/clips", json=settings).json()["state"] == "running"
    deadline = time.monotonic() + 60
    while (state := client.get("/api/matches/0/clips").json())["state"] == "running":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert (state["state"], state["done"], state["total"]) == ("done", 2, 2), state
    clips = sorted((match_folder / "clips" / "PASS").glob("*.mp4"))
    assert [probe(clip).frame_count for clip in clips] == [20, 20]
    # Other clips are in the way: named, not replaced.
    answer = client.post("/api/matches/0/clips", json=settings | {"lead_s": 0.2})
    while (state := client.get("/api/matches/0/clips").json())["state"] == "running":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert answer.status_code == 200 and state["state"] == "failed"
    assert "--overwrite" in state["error"]


def test_clips_without_an_event_are_refused_before_anything_is_written(client, match_folder):
    answer = client.post("/api/matches/0/clips", json={"threshold": 0.99})
    assert answer.status_code == 400 and "no event is chosen" in answer.json()["error"]
    assert not (match_folder / "clips").exists()


def test_of_two_requests_at_once_one_cuts_the_clips(match_folder, monkeypatch):
    jobs, (match,) = ClipJobs(), ViewSession.open([match_folder]).matches
    events, answers, cut = EventList.load(match.predictions), [], []

    def start():
        return jobs.start(match, events, list(match.videos), ClipSettings())

    def second_request(folder):
        answers.append(start())

    monkeypatch.setattr(exporting, "require_writable", second_request)
    monkeypatch.setattr(exporting, "cut_clips", lambda *args, **settings: cut.append(args))
    answers.append(start())
    jobs.close()
    assert answers[0].state == "running" and len(cut) == 1
    assert jobs.progress(match).state == "done"


def test_clips_that_could_not_begin_are_not_under_way(match_folder):
    jobs, (match,) = ClipJobs(), ViewSession.open([match_folder]).matches
    with pytest.raises(InputError, match="no event is chosen"):
        jobs.start(match, EventList(), list(match.videos), ClipSettings())
    assert jobs.progress(match).state == "none"


@pytest.fixture
def joined_client(match_folder, tmp_path):
    """Two halves of 4 s that were spotted as one match."""
    (match_folder / "match.mp4").rename(match_folder / "half1.mp4")
    shutil.copy(match_folder / "half1.mp4", match_folder / "half2.mp4")
    (match_folder / LABELS_FILE).unlink()
    parts = (VideoPart("half1.mp4", 0, 4000), VideoPart("half2.mp4", 4000, 4000))
    found = [Event(1000, "PASS", 0.9), Event(5000, "SHOT", 0.8), Event(6000, "PASS", 0.7)]
    EventList.of(found, info=SpottingInfo("demo", parts=parts)).save(match_folder / RESULTS_FILE)
    clips = ClipJobs()
    app = create_app(
        ViewSession.open([match_folder]),
        token=TOKEN,
        port=PORT,
        proxies=Proxies(tmp_path / "proxies"),
        clips=clips,
    )
    client = TestClient(app, base_url=f"http://127.0.0.1:{PORT}")
    client.get(f"/?token={TOKEN}")
    yield client
    clips.close()


def wait_for_clips(client) -> dict:
    deadline = time.monotonic() + 60
    while (state := client.get("/api/matches/0/clips").json())["state"] == "running":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return state


def test_a_match_in_two_files_is_exported_and_cut_with_times_of_the_match(
    joined_client, match_folder
):
    assert [time for _, time in rows(export(joined_client, formats=["csv"]).content)] == [
        "00:00:01",
        "00:00:05",
        "00:00:06",
    ]
    image = joined_client.get("/thumbnail/0/5000").content
    frame = np.asarray(Image.open(io.BytesIO(image)).convert("RGB"))
    assert numbers(frame[None]) == [25]
    settings = {"lead_s": 0.2, "lag_s": 0.2, "actions": ["shot"]}
    assert joined_client.post("/api/matches/0/clips", json=settings).status_code == 200
    assert wait_for_clips(joined_client)["state"] == "done"
    (clip,) = (match_folder / "clips").glob("*.mp4")
    assert decode_plainly(clip)[0] == list(range(20, 30))


def test_clips_are_cancelled_and_those_that_are_complete_remain(
    joined_client, match_folder, monkeypatch
):
    cut, cutting, go_on = exporting.cut_clips, threading.Event(), threading.Event()

    def slowly(*args, progress, **settings):
        def report(state):
            cutting.set()
            assert go_on.wait(60)
            progress(state)

        return cut(*args, progress=report, **settings)

    monkeypatch.setattr(exporting, "cut_clips", slowly)
    joined_client.post("/api/matches/0/clips", json={"lead_s": 0.2, "lag_s": 0.2})
    assert cutting.wait(60)
    assert joined_client.post("/api/matches/0/clips/cancel").json()["state"] == "running"
    go_on.set()
    state = wait_for_clips(joined_client)
    assert state["state"] == "cancelled" and state["total"] == 3
    assert len(list((match_folder / "clips").glob("*.mp4"))) == 1
    joined_client.post("/api/matches/0/clips", json={"lead_s": 0.2, "lag_s": 0.2})
    assert wait_for_clips(joined_client)["state"] == "done"
    assert len(list((match_folder / "clips").glob("*.mp4"))) == 3
