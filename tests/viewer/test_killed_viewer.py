"""A viewer that is killed while it saves: nothing that it acknowledged is lost, and the next one goes on."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import urllib.request
from http.client import HTTPException
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from onball.events import Event, EventList
from onball.formats.soccernet import RESULTS_FILE
from onball.viewer.corrections import CORRECTIONS_FILE, read_corrections

KILLS = 4
COUNT = 400
SERVE = """
import sys
from onball.viewer.server import ViewServer
with ViewServer([sys.argv[1]], port=0) as server:
    print(server.url, flush=True)
    server.wait()
"""


class Page:
    """Requests of a page, as the browser sends them."""

    def __init__(self, url: str) -> None:
        self._base = "{0.scheme}://{0.netloc}".format(urlsplit(url))
        cookies = urllib.request.HTTPCookieProcessor(CookieJar())
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), cookies)
        self._opener.open(url, timeout=60).close()

    def version(self) -> int:
        with self._opener.open(f"{self._base}/api/matches/0/corrections", timeout=60) as answer:
            return json.load(answer)["version"]

    def reject(self, version: int, index: int) -> int:
        """Reject an event, and return the version that has it."""
        original = {"position_ms": 100 * index, "label": "PASS", "confidence": 0.5}
        entry = {"status": "rejected", "position_ms": 100 * index, "label": "PASS"}
        changes = {f"PASS/1/{100 * index}": entry | {"original": original}}
        request = urllib.request.Request(
            f"{self._base}/api/matches/0/corrections",
            json.dumps({"version": version, "changes": changes}).encode(),
            {"Content-Type": "application/json", "Origin": self._base},
            method="PATCH",
        )
        with self._opener.open(request, timeout=60) as answer:
            return json.load(answer)["version"]


def reject_until_killed(folder: Path, first: int, rng: random.Random) -> tuple[list[int], int]:
    """Reject events from `first` on, and kill the server meanwhile.

    Returns:
        The events whose rejection was acknowledged, and the next one that was not sent.
    """
    command = [sys.executable, "-c", SERVE, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        page = Page(server.stdout.readline().strip())
        version = page.version()
        acknowledged = []
        # Only the time of the kill is random: what is checked holds for any.
        timer = threading.Timer(rng.uniform(0.01, 0.3), server.kill)
        timer.start()
        index = first
        try:
            while index < COUNT:
                version = page.reject(version, index)
                acknowledged.append(index)
                index += 1
        except (OSError, HTTPException):  # the connection ended with the server
            index += 1
        timer.join()
        server.wait()
    return acknowledged, index


@pytest.mark.slow
def test_what_a_killed_viewer_acknowledged_is_saved(tmp_path):
    folder = tmp_path / "match"
    folder.mkdir()
    events = [Event(100 * index, "PASS", 0.5) for index in range(COUNT)]
    EventList.of(events).save(folder / RESULTS_FILE)
    original = (folder / RESULTS_FILE).read_bytes()
    rng = random.Random(0)
    kept: list[int] = []
    first = 0
    for _ in range(KILLS):
        acknowledged, first = reject_until_killed(folder, first, rng)
        kept += acknowledged
        file = folder / CORRECTIONS_FILE
        saved = set(read_corrections(file).entries) if file.is_file() else set()
        assert {f"PASS/1/{100 * index}" for index in kept} <= saved
        # The change under way when it was killed is saved as a whole, or not at all.
        assert len(saved) <= len(kept) + KILLS
    assert kept
    assert (folder / RESULTS_FILE).read_bytes() == original
