"""The second screen: page, server-sent events, lines of JSON and counts."""

from __future__ import annotations

import http.client
import json

import pytest

from onball.actions import ActionSet
from onball.errors import InputError
from onball.reports.live_server import LiveServer

EVENT = {
    "type": "event",
    "time": "00:00:02",
    "position_ms": 2000,
    "label": "PASS",
    "confidence": 0.5,
}
LATER = EVENT | {"position_ms": 5000, "label": "SHOT"}


@pytest.fixture
def server():
    with LiveServer(0) as server:
        yield server


def get(server: LiveServer, path: str, **headers: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(
        "127.0.0.1", int(server.url.split(":")[2][:-1]), timeout=60
    )
    connection.request("GET", path, headers=headers)
    return connection.getresponse()


def test_the_page_has_the_actions_with_their_colours_and_loads_nothing_from_elsewhere(server):
    response = get(server, "/")
    page = response.read().decode()
    assert response.status == 200 and response.headers["Content-Type"].startswith("text/html")
    assert '{"label": "PASS", "colour": "#2f7ed8"}' in page
    assert "http://" not in page and "https://" not in page


def test_names_of_actions_cannot_end_the_script():
    actions = ActionSet.of(["</script><b>", "counter"])
    with LiveServer(0, actions) as server:
        assert "</script><b>" not in get(server, "/").read().decode()


def test_events_are_sent_as_they_come_and_earlier_ones_first(server):
    server.publish(EVENT)
    response = get(server, "/events")
    assert response.headers["Content-Type"].startswith("text/event-stream")
    assert [response.readline() for _ in range(3)] == [
        b"id: 0\n",
        b"data: " + json.dumps(EVENT).encode() + b"\n",
        b"\n",
    ]
    server.publish(LATER)
    assert response.readline() == b"id: 1\n"
    assert json.loads(response.readline()[6:]) == LATER


def test_a_browser_that_reconnects_gets_what_it_lacks(server):
    server.publish(EVENT)
    server.publish(LATER)
    response = get(server, "/events", **{"Last-Event-ID": "0"})
    assert response.readline() == b"id: 1\n"


def test_messages_are_lines_of_json_and_the_stream_ends_with_the_server():
    with LiveServer(0) as server:
        server.publish(EVENT)
        response = get(server, "/events.ndjson")
        assert json.loads(response.readline()) == EVENT
        server.publish({"type": "summary"})
    assert json.loads(response.readline()) == {"type": "summary"}
    assert response.readline() == b""


def test_counts_are_those_of_the_events(server):
    for message in (EVENT, EVENT, LATER, {"type": "gap", "start_ms": 0, "end_ms": 1}):
        server.publish(message)
    counts = json.loads(get(server, "/counts").read())
    assert counts == {"position_ms": 5000, "counts": {"PASS": 2, "SHOT": 1}}


def test_other_paths_and_other_sites_get_nothing(server):
    assert get(server, "/etc/passwd").status == 404
    assert get(server, "/counts", Host="evil.example:80").status == 403


def test_a_port_that_is_taken_is_one_line(server):
    port = int(server.url.split(":")[2][:-1])
    with pytest.raises(InputError, match=f"port {port} cannot be used"):
        LiveServer(port)
