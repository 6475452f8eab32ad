"""`onball view`: the address that it prints, and its errors."""

from __future__ import annotations

import signal
import webbrowser

import pytest

from onball.events import Event, EventList
from onball.formats.soccernet import RESULTS_FILE
from onball.viewer.server import ViewServer
from onball.viewer.session import spot_demo


@pytest.fixture
def results(tmp_path):
    """Results of `onball spot` without their video."""
    EventList.of([Event(1000, "PASS", 0.9)]).save(tmp_path / "match" / RESULTS_FILE)
    return tmp_path / "match"


def test_it_prints_the_address_opens_the_browser_and_ends_with_ctrl_c(onball, monkeypatch, results):
    opened = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    monkeypatch.setattr(ViewServer, "wait", lambda _: signal.raise_signal(signal.SIGINT))
    code, out, note = onball("view", results, "--port", 0)
    assert code == 0 and "corrections are saved" in note
    assert out.startswith("1 match: http://127.0.0.1:") and out.split()[-1] == opened[0]
    opened.clear()
    assert onball("view", results, "--port", 0, "--no-browser")[0] == 0 and not opened


def test_an_address_for_others_is_pointed_out(onball, monkeypatch, results):
    monkeypatch.setattr(ViewServer, "wait", lambda _: None)
    code, _, note = onball("view", results, "--host", "0.0.0.0", "--port", 0, "--no-browser")
    assert code == 0 and "not encrypted" in note


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "nothing to view"),
        (("nowhere",), "nowhere: no such file or folder"),
        (("--demo", "match"), "leave the inputs out"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(onball, arguments, message):
    code, out, error = onball("view", *arguments)
    assert code == 2 and not out
    assert message in error and error.count("\n") == 1


def test_the_demo_is_spotted_once(tmp_path):
    asked = []

    def spot(video):
        asked.append(video)
        return EventList.of([Event(1000, "PASS", 0.9)])

    for _ in range(2):
        session = spot_demo(tmp_path / "demo", spot=spot)
        (match,) = session.matches
        data = session.load(match)
        assert len(data.events) == 1 and data.truth is not None and len(data.truth) == 29
        assert session.require_served(match.videos[0]).name == "224p.mp4"
    assert len(asked) == 1
