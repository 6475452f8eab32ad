"""Exports and clips from the viewer's page: settings, corrections, names, several files."""

from __future__ import annotations

import csv
import io
import time
import zipfile

import pytest
from starlette.testclient import TestClient

from onball.formats.tags import read_tags
from onball.video import probe
from onball.viewer.exporting import ClipJobs
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
