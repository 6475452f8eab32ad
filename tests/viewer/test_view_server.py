"""The viewer's server: its answers, and the requests that it refuses."""

from __future__ import annotations

import shutil
import urllib.request
from dataclasses import replace
from http.cookiejar import CookieJar

import numpy as np
import pytest
from starlette.testclient import TestClient
from tiny_tracks import tiny_tracks

from onball.errors import InputError
from onball.events import Event, EventList, SpottingInfo, VideoPart
from onball.formats.frame_confidences import CONFIDENCES_FILE, FrameConfidences
from onball.formats.parquet import Column
from onball.formats.soccernet import RESULTS_FILE
from onball.formats.tracks_parquet import open_writer, write_tracks
from onball.viewer.corrections import CORRECTIONS_FILE, read_corrections
from onball.viewer.media import Proxies
from onball.viewer.security import HEADERS
from onball.viewer.server import ViewServer, create_app
from onball.viewer.session import ViewSession

TOKEN, PORT = "secret-of-this-launch", 8766
BASE = f"http://127.0.0.1:{PORT}"
ENTRY = {"status": "accepted", "position_ms": 1000, "label": "PASS", "original": None}


def client_of(session, tmp_path, host="127.0.0.1") -> TestClient:
    app = create_app(
        session, token=TOKEN, host=host, port=PORT, proxies=Proxies(tmp_path / "proxies")
    )
    return TestClient(app, base_url=BASE, follow_redirects=False)


@pytest.fixture
def stranger(match_folder, tmp_path):
    """A client without the token."""
    return client_of(ViewSession.open([match_folder]), tmp_path)


@pytest.fixture
def client(stranger):
    """A client that opened the address with the token."""
    assert stranger.get(f"/?token={TOKEN}").status_code == 303
    return stranger


def change(client, version, changes, **headers):
    body = {"version": version, "changes": changes}
    return client.patch("/api/matches/0/corrections", json=body, headers=headers)


# Answers


def test_the_page_and_its_files_are_served(client):
    page = client.get("/")
    assert page.status_code == 200 and "<title>onball" in page.text
    assert "javascript" in client.get("/static/viewer.js").headers["content-type"]
    assert client.get("/static/viewer.css").status_code == 200


def test_the_session_lists_the_matches_and_what_they_have(client):
    (match,) = client.get("/api/session").json()["matches"]
    assert match["name"] == "cup final" and match["video"] and match["truth"]
    assert match["predictions"] and match["decided"] == 0


def test_a_match_has_events_labels_classes_thresholds_and_the_video(client):
    match = client.get("/api/matches/0").json()
    assert match["events"]["position_ms"] == [1080, 2000, 3040, 3600]
    assert match["ids"][0] == "PASS/1/1080" and match["corrects"] == "predictions"
    assert match["truth"]["team"] == [2, 2, 0]
    assert [each["name"] for each in match["classes"]][:2] == ["PASS", "DRIVE"]
    assert match["thresholds"][:3] == [0.3, 0.3, 0.0]
    (video,) = match["video"]["files"]
    assert match["video"]["duration_ms"] == 4000 and not video["tracks"]
    assert (video["fps"], video["frames"], video["playable"]) == (25, 100, True)


def test_a_comparison_has_the_tolerance_that_was_asked_for(client):
    wide = client.get("/api/matches/0/comparison?tolerance=2").json()
    assert wide["pairs"] == [0, -1, 2, -1] and wide["tolerance_s"] == 2
    assert client.get("/api/matches/0/comparison?tolerance=0.1").json()["pairs"][0] == -1
    for bad in ("no", "-1", "nan", "1e400"):
        answer = client.get(f"/api/matches/0/comparison?tolerance={bad}")
        assert answer.status_code == 400 and "\n" not in answer.json()["error"]


def test_confidences_of_frames_come_in_the_order_of_the_classes(client, match_folder):
    assert client.get("/api/matches/0").json()["curves"] is False
    assert client.get("/api/matches/0/confidences").status_code == 404
    values = np.array([[1.0, 0.2], [0.0, 0.4]], np.float32)
    found = FrameConfidences.of(np.array([0, 80]), values, ["SHOT", "PASS"])
    found.save(match_folder / CONFIDENCES_FILE)
    match = client.get("/api/matches/0").json()
    content = client.get("/api/matches/0/confidences").content
    frames, count = np.frombuffer(content, "<u4", 2)
    assert match["curves"] and (frames, count) == (2, len(match["classes"]))
    assert np.frombuffer(content, "<u4", 2, 8).tolist() == [0, 80]
    curves = np.frombuffer(content, np.uint8, offset=16).reshape(count, frames)
    names = [each["name"] for each in match["classes"]]
    assert curves[names.index("PASS")].tolist() == [51, 102]
    assert curves[names.index("SHOT")].tolist() == [255, 0] and curves.sum() == 408
    (match_folder / CONFIDENCES_FILE).write_bytes(b"no")
    answer = client.get("/api/matches/0/confidences")
    assert answer.status_code == 400 and "no file of confidences" in answer.json()["error"]


def test_boxes_of_a_part_of_the_video_have_their_kinds_and_teams(client, match_folder):
    assert client.get("/api/matches/0/files/0/tracks?from=0&to=100").status_code == 404
    tracks = tiny_tracks([1000], duration_ms=4000)
    size = replace(tracks.video, width=96, height=64)
    team = Column("team", np.int8, ("left", "right", "unknown"))
    with open_writer(
        match_folder / "tracks.parquet", detector="test", video="match.mp4", extra=[team]
    ) as writer:
        columns = (getattr(tracks, name) for name in ("track_ids", "kinds", "boxes", "scores"))
        teams = np.tile(np.array([0, 0, 1, 1, 2], np.int8), len(tracks) // 5)
        writer.add(tracks.time_ms, *columns, teams)
        writer.finish(size)
    assert client.get("/api/matches/0").json()["video"]["files"][0]["tracks"]
    part = client.get("/api/matches/0/files/0/tracks?from=1000&to=1080").json()
    assert part["time_ms"] == [1000] * 5 + [1040] * 5 and part["team"] == [0, 0, 1, 1, 2] * 2
    kinds = [part["kinds"][kind] for kind in part["kind"]]
    assert kinds == (["person"] * 4 + ["ball"]) * 2
    assert part["boxes"][:4] == [6, 3, 10, 13] and len(part["boxes"]) == 40
    for bad in ("", "?from=5&to=5", "?from=-1&to=9", "?from=0&to=99999999", "?from=x&to=2"):
        assert client.get(f"/api/matches/0/files/0/tracks{bad}").status_code == 400
    write_tracks(tracks, match_folder / "tracks.parquet")
    answer = client.get("/api/matches/0/files/0/tracks?from=0&to=100")
    assert answer.status_code == 400 and "tracks of another video" in answer.json()["error"]


def test_a_video_is_served_in_ranges(client, match_folder):
    content = (match_folder / "match.mp4").read_bytes()
    answer = client.get("/video/0/0", headers={"Range": "bytes=100-199"})
    assert answer.status_code == 206 and answer.content == content[100:200]
    assert answer.headers["content-range"] == f"bytes 100-199/{len(content)}"
    assert client.get("/video/0/0").content == content


def test_a_thumbnail_is_a_jpeg_also_after_the_end_of_the_video(client):
    for position in (0, 1080, 10**9):
        answer = client.get(f"/thumbnail/0/{position}")
        assert answer.status_code == 200 and answer.content.startswith(b"\xff\xd8\xff")


def test_corrections_are_saved_beside_the_events_with_the_next_version(client, match_folder):
    written = change(client, 0, {"PASS/1/1080": ENTRY}).json()
    assert written["version"] == 1 and written["agreement"]["accepted"] == 1
    assert read_corrections(match_folder / CORRECTIONS_FILE).version == 1
    assert client.get("/api/matches/0/corrections").json()["version"] == 1
    assert client.get("/api/session").json()["matches"][0]["decided"] == 1


def test_a_second_tab_gets_the_present_corrections_with_a_conflict(client):
    change(client, 0, {"PASS/1/1080": ENTRY})
    answer = change(client, 0, {"DRIVE/1/2000": ENTRY})
    assert answer.status_code == 409
    assert list(answer.json()["entries"]) == ["PASS/1/1080"]


@pytest.mark.parametrize(
    "entry",
    [ENTRY | {"label": "NO SUCH"}, ENTRY | {"position_ms": -5}, {"status": "accepted"}, 7],
)
def test_entries_that_cannot_be_are_refused_and_nothing_is_written(client, match_folder, entry):
    assert change(client, 0, {"x": entry}).status_code == 400
    assert not (match_folder / CORRECTIONS_FILE).exists()


def test_a_body_that_is_no_json_or_too_large_is_refused(client):
    send = {"content-type": "application/json"}
    path = "/api/matches/0/corrections"
    assert client.patch(path, content=b"{", headers=send).status_code == 400
    assert client.patch(path, content=b" " * (9 << 20), headers=send).status_code == 413
    plain = {"content-type": "text/plain"}
    assert client.patch(path, content=b"{}", headers=plain).status_code == 415


def test_events_that_were_found_anew_are_read_again(client, match_folder):
    assert len(client.get("/api/matches/0").json()["ids"]) == 4
    EventList.of([Event(500, "SHOT", 0.5)]).save(match_folder / RESULTS_FILE)
    assert client.get("/api/matches/0").json()["ids"] == ["SHOT/1/500"]


def test_a_damaged_file_is_one_line_and_not_the_end(client, match_folder):
    (match_folder / RESULTS_FILE).write_text("{")
    answer = client.get("/api/matches/0")
    assert answer.status_code == 400 and RESULTS_FILE in answer.json()["error"]
    assert client.get("/api/session").status_code == 200


def test_a_video_that_is_gone_leaves_the_events(client, match_folder):
    (match_folder / "match.mp4").unlink()
    match = client.get("/api/matches/0").json()
    assert "no such file" in match["video"]["error"] and match["ids"]


def test_a_file_of_several_that_is_not_there_is_named(client, match_folder):
    parts = (VideoPart("match.mp4", 0, 4000), VideoPart("second.mp4", 4000, 4000))
    info = SpottingInfo("demo", parts=parts)
    EventList.of([Event(6000, "SHOT", 0.5)], info=info).save(match_folder / RESULTS_FILE)
    assert "second.mp4" in client.get("/api/matches/0").json()["video"]["error"]
    assert client.get("/video/0/1").status_code == 404
    thumbnail = client.get("/thumbnail/0/6000")
    assert thumbnail.status_code == 400 and "second.mp4" in thumbnail.json()["error"]


# Refusals


@pytest.mark.parametrize(
    "path",
    ["/", "/api/session", "/api/matches/0", "/video/0/0", "/thumbnail/0/0", "/static/viewer.js"],
)
def test_nothing_is_served_without_the_token(stranger, path):
    assert stranger.get(path).status_code == 403
    assert stranger.get(f"{path}?token=wrong").status_code == 403
    stranger.cookies.set(f"onball_view_{PORT}", "wrong")
    assert stranger.get(path).status_code == 403


def test_the_token_opens_the_page_only_and_becomes_a_strict_cookie(stranger):
    assert stranger.get(f"/api/session?token={TOKEN}").status_code == 403
    cookie = stranger.get(f"/?token={TOKEN}").headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8766", "127.0.0.1.evil.example", "", "[::1", "0x7f.1"]
)
def test_a_name_that_was_resolved_to_this_machine_is_refused(client, host):
    assert client.get("/api/session", headers={"Host": host}).status_code == 403


@pytest.mark.parametrize("host", ["127.0.0.1:8766", "localhost:8766", "[::1]:8766"])
def test_names_of_this_machine_are_accepted(client, host):
    assert client.get("/api/session", headers={"Host": host}).status_code == 200


def test_another_address_is_accepted_only_if_the_server_listens_on_all(match_folder, tmp_path):
    session = ViewSession.open([match_folder])
    for host, expected in (("127.0.0.1", 403), ("0.0.0.0", 200), ("192.0.2.7", 200)):
        client = client_of(session, tmp_path, host)
        client.get(f"/?token={TOKEN}")
        answer = client.get("/api/session", headers={"Host": "192.0.2.7:8766"})
        assert answer.status_code == expected, host
        assert client.get("/api/session", headers={"Host": "evil.example"}).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": "https://127.0.0.1:8766"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_requests_of_other_sites_are_refused(client, match_folder, headers):
    assert client.get("/api/session", headers=headers).status_code == 403
    assert change(client, 0, {"PASS/1/1080": ENTRY}, **headers).status_code == 403
    assert not (match_folder / CORRECTIONS_FILE).exists()


def test_requests_of_the_page_itself_are_accepted(client):
    own = {"Origin": BASE, "Sec-Fetch-Site": "same-origin"}
    assert change(client, 0, {"PASS/1/1080": ENTRY}, **own).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/static/../server.py",
        "/static/%2e%2e/server.py",
        "/static/..%2fserver.py",
        "/static/%2e%2e%2f%2e%2e%2fpy.typed",
        "/static/..%5cserver.py",
        "/static/%252e%252e/server.py",
        "/static//etc/passwd",
        "/static/%00",
        "/static/viewer.js%00.css",
        "/video/../api/session/../../etc/passwd",
        "/video/0/../../secret",
        "/video/%2e%2e",
        "/video/-1",
        "/video/1",
        "/video/99999999999999999999",
        "/thumbnail/0/-5",
        "/thumbnail/0/../../x",
        "/api/matches/1",
        "/api/matches/..%2f0/corrections",
        "/cup%20final/match.mp4",
        f"/{RESULTS_FILE}",
    ],
)
def test_no_path_leads_to_another_file(client, path):
    answer = client.get(path)
    assert answer.status_code in (400, 403, 404, 405), path
    assert b"import" not in answer.content and b"root:" not in answer.content


def test_a_video_behind_a_link_that_leads_out_is_not_served(client, match_folder, tmp_path):
    outside = tmp_path / "outside.mp4"
    shutil.move(match_folder / "match.mp4", outside)
    (match_folder / "match.mp4").symlink_to(outside)
    for path in (
        "/video/0/0",
        "/thumbnail/0/0",
        "/api/matches/0/files/0/frames",
        "/api/matches/0/proxy",
    ):
        answer = client.get(path)
        assert answer.status_code == 403 and "leads out" in answer.json()["error"]
    assert "leads out" in client.get("/api/matches/0").json()["video"]["error"]


def test_there_is_no_upload_and_no_other_method(client):
    for method in ("POST", "PUT", "DELETE"):
        for path in ("/", "/api/session", "/api/matches/0/corrections", "/video/0/0"):
            assert client.request(method, path, content=b"x").status_code == 405


@pytest.mark.parametrize("path", ["/", "/api/session", "/no", "/static/viewer.js"])
def test_every_answer_has_a_strict_policy(client, path):
    headers = client.get(path).headers
    assert all(headers[name] == value for name, value in HEADERS.items())
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


def test_names_with_html_stay_text_of_json(write_match, tmp_path):
    name = "<img src=x onerror=alert(1)>"
    session = ViewSession.open([write_match(name, "224p.mp4", RESULTS_FILE)])
    client = client_of(session, tmp_path)
    client.get(f"/?token={TOKEN}")
    answer = client.get("/api/session")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["matches"][0]["name"] == name


# A real server


def test_a_running_server_answers_its_address_and_ends_with_the_block(match_folder):
    with ViewServer([match_folder], port=0) as server:
        assert server.url.startswith(f"http://127.0.0.1:{server.port}/?token=")
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        with opener.open(server.url, timeout=60) as page:
            assert b"<title>onball" in page.read()
        with ViewServer([match_folder], port=server.port) as other:
            assert other.port != server.port  # a port that is taken becomes another one
    with pytest.raises(OSError):
        opener.open(server.url, timeout=5)


def test_an_address_that_cannot_be_used_is_one_line(match_folder):
    with pytest.raises(InputError, match=r"--host 203\.0\.113\.1"):
        ViewServer([match_folder], host="203.0.113.1")
