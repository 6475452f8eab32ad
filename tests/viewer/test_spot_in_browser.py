"""Videos spotted from the page, and a live stream, in Chromium: by keyboard, with growing timelines."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import av
import pytest
from browsers import launch_chromium, needs_chromium
from numbered_videos import steady, write_video
from tiny_models import random_model

from onball.events import Event
from onball.formats.soccernet import RESULTS_FILE
from onball.spotting.live import LiveEvent, LiveSummary
from onball.spotting.spotter import Spotter
from onball.video.notices import StreamConnected
from onball.video.recording import Recorder
from onball.viewer.growing import GrowingEvents
from onball.viewer.live_view import LiveView
from onball.viewer.server import ViewServer

sync_api = pytest.importorskip("playwright.sync_api")
AXE = Path(__file__).parents[2] / "viewer" / "node_modules" / "axe-core" / "axe.min.js"
PATIENCE = 60_000

pytestmark = [
    pytest.mark.slow,
    needs_chromium,
]


@pytest.fixture
def page() -> Iterator[sync_api.Page]:
    """A page whose errors fail the test at its end."""
    messages: list[str] = []
    with sync_api.sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        opened = browser.new_page(viewport={"width": 1400, "height": 900})
        opened.set_default_timeout(PATIENCE)
        opened.on("pageerror", lambda error: messages.append(str(error)))
        opened.on("console", lambda m: messages.append(m.text) if m.type == "error" else None)
        yield opened
        browser.close()
    assert messages == []


def serious(page: sync_api.Page) -> list[str]:
    """Problems that axe finds serious; none where it is not installed."""
    if not AXE.is_file():
        return []
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("() => axe.run(document)")["violations"]
    return [each["id"] for each in found if each["impact"] in ("serious", "critical")]


def press_until(page: sync_api.Page, key: str, selector: str) -> None:
    """Press a key until an element has the focus."""
    for _ in range(60):
        if page.evaluate("(s) => document.activeElement?.matches(s) ?? false", selector):
            return
        page.keyboard.press(key)
    raise AssertionError(f"{selector} cannot be reached by {key}")


def test_a_video_is_spotted_cancelled_and_continued_by_keyboard(page, tmp_path, monkeypatch):
    club = tmp_path / "club"
    club.mkdir()
    write_video(club / "first.mp4", steady(25, 20), 25, size=(96, 64))
    net, config = random_model()
    inference = config.inference.model_copy(update={"threshold": 0.0, "report_threshold": 0.0})
    Spotter(net, config.model_copy(update={"inference": inference})).save_pretrained(tmp_path / "m")
    halted, go_on = threading.Event(), threading.Event()
    add = GrowingEvents.add

    def add_and_wait(self: GrowingEvents, event: Event) -> None:
        add(self, event)
        if event.position_ms > 8000:
            halted.set()
            assert go_on.wait(PATIENCE / 1000)

    monkeypatch.setattr(GrowingEvents, "add", add_and_wait)
    results = tmp_path / "results"
    with ViewServer([club], port=0, results=results, models=[tmp_path / "m"]) as server:
        page.goto(server.url)
        page.wait_for_selector(".chooser button")
        press_until(page, "Tab", ".chooser button")
        page.keyboard.press("Enter")
        page.wait_for_selector(".choose")
        assert serious(page) == []
        press_until(page, "Tab", ".spot-form button[type=submit]")
        page.keyboard.press("Enter")
        page.wait_for_selector(".strip.running progress")
        assert halted.wait(PATIENCE / 1000)
        page.wait_for_selector(".event")  # events are listed before the end
        assert "events" in page.inner_text(".strip") and not page.locator(".selected").count()
        assert serious(page) == []
        page.keyboard.press("a")  # nothing can be corrected yet
        press_until(page, "Tab", ".strip button")
        page.keyboard.press("Enter")
        go_on.set()
        page.wait_for_selector(".strip.cancelled")
        assert not (results / "first" / RESULTS_FILE).exists()
        monkeypatch.undo()
        page.click(".strip button")
        page.wait_for_selector(".strip", state="detached")
        page.wait_for_selector(".selected")  # all are there: they can be corrected
        assert (results / "first" / RESULTS_FILE).is_file()
        page.locator(".event").first.click()
        page.keyboard.press("a")
        page.wait_for_selector(".badge.accepted")
        deadline = time.monotonic() + PATIENCE / 1000
        while not (results / "first" / "corrections.json").is_file():
            assert time.monotonic() < deadline


def test_a_match_without_events_offers_to_spot_its_own_video(page, tmp_path):
    for name in ("first", "second"):
        write_video(tmp_path / f"{name}.mp4", steady(25, 2), 25, size=(96, 64))
    with ViewServer([tmp_path], port=0, results=tmp_path / "results") as server:
        page.goto(f"{server.url}#1")
        page.get_by_role("button", name="Spot this video").click()
        chosen = page.locator(".choose label:has(input:checked)")
        assert "second.mp4" in chosen.inner_text()
        assert serious(page) == []


def test_a_recording_plays_while_it_grows(page, tmp_path):
    source = write_video(
        tmp_path / "source.mp4", steady(25, 8), 25, size=(96, 64), options={"g": "25", "bf": "0"}
    )
    record = tmp_path / "match.mp4"
    recorder = Recorder(record)
    state = (
        "() => { const v = document.querySelector('video'); return [v.currentTime, v.duration] }"
    )
    results = tmp_path / "results"
    with (
        av.open(str(source)) as opened,
        LiveView("udp://0.0.0.0:1", record=record, port=0, results=results) as view,
    ):
        stream = opened.streams.video[0]
        packets = [packet for packet in opened.demux(stream) if packet.dts is not None]
        page.goto(view.url)
        page.wait_for_selector("text=Nothing is recorded yet")
        recorder.connect(stream)
        for packet in packets[:90]:
            recorder.write(packet, 0.0)
        view.publish(StreamConnected(0, 96, 64, "h264", "udp").to_dict())
        view.publish(LiveEvent(Event(1000, "PASS", 0.9), 2600).to_dict())
        page.wait_for_function("() => document.querySelector('video')?.readyState >= 2")
        page.locator(".event").first.click()
        page.wait_for_function("() => !document.querySelector('video').seeking")
        at, former = page.evaluate(state)
        assert at == pytest.approx(1.02, abs=0.03) and 2 < former < 4
        for packet in packets[90:]:
            recorder.write(packet, 0.0)
        view.publish(LiveEvent(Event(6000, "SHOT", 0.9), 1500).to_dict())
        page.wait_for_selector("text=Shot >> nth=1")
        # Until the page knows of the longer recording, a click shows the end of the former one.
        deadline = time.monotonic() + PATIENCE / 1000
        while page.evaluate(state)[0] < 5.9:
            assert time.monotonic() < deadline
            page.locator(".event").nth(1).click()
            page.wait_for_function(
                "() => { const v = document.querySelector('video');"
                " return v.readyState >= 2 && !v.seeking }"
            )
        at, now = page.evaluate(state)
        assert at == pytest.approx(6.02, abs=0.03) and now > former
        assert serious(page) == []
        recorder.close()
        view.publish(LiveSummary("stopped", 8000, {}, 0, 0, 1, 0, {}, (record,)).to_dict())
        # Its events can be corrected now.
        page.wait_for_selector(".strip", state="detached")
        page.locator(".event").first.click()
        page.keyboard.press("x")
        page.wait_for_selector(".event.rejected")
        page.wait_for_function("() => document.querySelector('video')?.duration > 7.9")
