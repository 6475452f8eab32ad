"""`onball live`: lines of JSON, the summary, exit codes, Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import time
import webbrowser

import av
import pytest
from live_streams import numbered_stream

from onball.assets import sample_match
from onball.reports.live_server import LiveServer
from onball.viewer.live_view import LiveView


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return numbered_stream(tmp_path_factory.mktemp("live") / "match.mp4", 4)


def test_every_line_is_a_message_and_the_last_one_the_summary(onball, video, tmp_path, monkeypatch):
    copy, opened, published = tmp_path / "copy.mkv", [], []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    monkeypatch.setattr(LiveView, "publish", lambda _, message: published.append(message))
    # While the viewer is open after the end of the stream.
    monkeypatch.setattr(LiveView, "wait", lambda *_: signal.raise_signal(signal.SIGINT))
    arguments = ("--no-realtime", "--threads", 2, "-t", "0.01", "--record", copy, "--view")
    code, shown, notes = onball("live", video, *arguments)
    assert code == 0
    assert [json.loads(line) for line in shown.splitlines()] == json.loads(json.dumps(published))
    assert opened and f"Viewer: {opened[0]}" in notes and "Ctrl-C ends it" in notes
    messages = [json.loads(line) for line in shown.splitlines()]
    assert messages[0]["type"] == "connected" and messages[-1]["type"] == "summary"
    assert {message["type"] for message in messages[1:-1]} <= {"event"}
    assert messages[-1]["recordings"] == [str(copy)] and copy.stat().st_size > 1000
    assert "00:00:03 (the stream ended)" in notes and f"Recorded: {copy}" in notes


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.mp4"], "none.mp4: no such file"),
        (["rtmp://127.0.0.1:1/live"], "rtmp://127.0.0.1:1/live: cannot be read"),
        (["-", "--option", "listen"], "--option listen: write KEY=VALUE"),
        (["-", "--runtime", "abacus"], "abacus"),
        (["-", "--actions", "dribble"], "dribble"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(onball, arguments, message):
    code, shown, error = onball("live", *arguments)
    assert code == 2 and not shown
    assert message in error.splitlines()[-1] and "Traceback" not in error


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
def test_ctrl_c_ends_with_the_summary_a_finished_recording_and_exit_code_0(
    onball, tmp_path, monkeypatch
):
    copy = tmp_path / "copy.mp4"

    def interrupt(_: LiveServer, message: dict[str, object]) -> None:
        if message["type"] == "connected":
            # Its first packet is recorded by another thread.
            for _ in range(600):
                if copy.exists() and copy.stat().st_size:
                    break
                time.sleep(0.1)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(LiveServer, "publish", interrupt)
    # This match is played in real time: a stream that is not stopped takes longer than the test may.
    arguments = ("--http", "--port", 0, "--record", copy)
    code, shown, notes = onball("live", sample_match() / "224p.mp4", *arguments)
    assert code == 0
    messages = [json.loads(line) for line in shown.splitlines()]
    assert messages[0]["type"] == "connected"
    assert messages[-1]["type"] == "summary" and messages[-1]["reason"] == "stopped"
    assert "(stopped)" in notes and "Traceback" not in notes
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with av.open(str(copy)) as recording:
        assert recording.streams.video[0].codec.name == "h264"
