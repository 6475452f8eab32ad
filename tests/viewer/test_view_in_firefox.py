"""The viewer's page in Firefox: exact frames, corrections by keyboard, and a download."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from browsers import IS_SHOWN, SHOWN_PIXELS
from firefox import PATIENCE, Firefox, needs_firefox
from numbered_videos import numbers

from onball.events import Event, EventList
from onball.formats.soccernet import RESULTS_FILE
from onball.viewer.corrections import CORRECTIONS_FILE, read_corrections
from onball.viewer.server import ViewServer

pytestmark = [pytest.mark.slow, needs_firefox]

FRAMES = (4, 27, 50, 73, 97)
SHOWN_FRAME = "document.querySelector('[data-testid=frame]').innerText"


@pytest.fixture(scope="module")
def firefox(tmp_path_factory) -> Iterator[Firefox]:
    with Firefox(tmp_path_factory.mktemp("firefox")) as opened:
        # Debian's package only recommends the library that decodes H.264.
        plays = """const video = document.createElement('video');
            return video.canPlayType('video/mp4; codecs="avc1.42E01E"');"""
        if not opened.run(plays):
            pytest.skip("this Firefox plays no H.264: it needs libavcodec")
        opened.resize(1400, 900)
        yield opened


@pytest.fixture
def server(match_folder: Path) -> Iterator[ViewServer]:
    """A match with five passes, each at a frame of `FRAMES`."""
    (match_folder / "Labels-ball.json").unlink()
    found = [Event(frame * 40, "PASS", 0.9) for frame in FRAMES]
    EventList.of(found, "cup final").save(match_folder / RESULTS_FILE)
    with ViewServer([match_folder], port=0, proxies=match_folder / "proxies") as opened:
        yield opened


def open_match(firefox: Firefox, server: ViewServer) -> None:
    """Open the page, and wait for its events and the first frame."""
    firefox.open(server.url)
    firefox.wait_for(f"document.querySelectorAll('.event').length === {len(FRAMES)}")
    firefox.wait_for(IS_SHOWN)


def wait_for_frame(firefox: Firefox, frame: int) -> None:
    """Wait until the pixels on the screen, and the number below them, are those of a frame."""
    deadline = time.monotonic() + PATIENCE
    shown: list[object] = []
    while time.monotonic() < deadline and shown != [frame, f"frame {frame}"]:
        firefox.wait_for(IS_SHOWN)
        width, height, data = firefox.value(SHOWN_PIXELS)
        pixels = np.array(data, np.uint8).reshape(1, height, width, 4)[..., :3]
        shown = [numbers(pixels)[0], firefox.value(SHOWN_FRAME)]
    assert shown == [frame, f"frame {frame}"]


def wait_for_entries(folder: Path, count: int) -> list[tuple[str, int]]:
    """Wait for corrections in the file beside the events, and return their status and time."""
    deadline = time.monotonic() + PATIENCE
    found: list[tuple[str, int]] = []
    while time.monotonic() < deadline and len(found) != count:
        time.sleep(0.05)
        if (folder / CORRECTIONS_FILE).is_file():
            entries = read_corrections(folder / CORRECTIONS_FILE).entries.values()
            found = sorted((entry.status, entry.position_ms) for entry in entries)
    assert len(found) == count
    return found


def test_a_click_shows_the_frame_of_an_event_and_a_key_goes_on_by_one(firefox, server):
    open_match(firefox, server)
    wait_for_frame(firefox, 0)
    for index in (3, 0, 4, 2, 1):
        firefox.click(".event", index)
        wait_for_frame(firefox, FRAMES[index])
    for key, frame in (("ArrowRight", 28), ("ArrowRight", 29), ("ArrowLeft", 28)):
        firefox.press(key)
        wait_for_frame(firefox, frame)
    for _ in range(6):  # faster than it seeks
        firefox.press("ArrowRight")
    wait_for_frame(firefox, 34)


def test_a_click_on_the_timeline_shows_the_frame_at_that_time(firefox, server):
    open_match(firefox, server)
    wait_for_frame(firefox, 0)
    width, height, view = firefox.run(
        """const canvas = document.querySelector('.timeline canvas');
        return [canvas.clientWidth, canvas.clientHeight, canvas.dataset.view];"""
    )
    start, end = map(float, view.split(","))
    for x in (width // 4, width * 7 // 10):
        # In the lane of goals, where no event is near.
        firefox.click(".timeline canvas", at=(x, height - 48))
        wait_for_frame(firefox, int((start + (end - start) * x / width) / 40))


def test_corrections_by_keyboard_are_found_after_a_reload(firefox, server, match_folder):
    open_match(firefox, server)
    wait_for_frame(firefox, 0)
    firefox.press("ArrowDown")  # the first pass after the frame that is shown
    wait_for_frame(firefox, 4)
    firefox.press("Alt+ArrowLeft")
    wait_for_frame(firefox, 3)
    firefox.press("ArrowDown")
    wait_for_frame(firefox, 27)
    firefox.press("x")
    wait_for_frame(firefox, 50)
    saved = wait_for_entries(match_folder, 2)
    assert saved == [("accepted", 3 * 40), ("rejected", 27 * 40)]
    firefox.reload()
    firefox.wait_for("document.querySelectorAll('.event.rejected').length === 1")
    firefox.wait_for("document.querySelector('.event.accepted').innerText.includes('00:00.12')")


def test_playing_goes_on_from_the_frame_that_was_sought(firefox, server):
    open_match(firefox, server)
    wait_for_frame(firefox, 0)
    firefox.click(".event", 2)
    wait_for_frame(firefox, 50)
    firefox.press("l")
    firefox.wait_for("document.querySelector('video').currentTime > 2.3")
    firefox.press("k")
    firefox.wait_for("document.querySelector('video').paused")
    frame = int(str(firefox.value(SHOWN_FRAME)).split()[1])
    assert 55 < frame < 100
    firefox.press("Control+ArrowLeft")
    firefox.wait_for(f"{SHOWN_FRAME} !== 'frame {frame}'")
    wait_for_frame(firefox, int(str(firefox.value(SHOWN_FRAME)).split()[1]))


def test_events_are_downloaded(firefox, server):
    open_match(firefox, server)
    firefox.press("e")
    firefox.wait_for("document.querySelector('dialog[open].export')")
    firefox.run(
        """for (const label of document.querySelectorAll('.export label')) {
            const text = label.innerText;
            if (text === 'Table (CSV)' || text === 'Subtitles (SRT)') label.click();
        }"""
    )
    (number,) = firefox.run(
        """const buttons = [...document.querySelectorAll('.export button')];
        return buttons.flatMap((each, i) => (each.innerText.startsWith('Download') ? [i] : []));"""
    )
    firefox.click(".export button", number)
    file = firefox.downloads / "cup final.srt"
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and not (file.is_file() and file.stat().st_size):
        time.sleep(0.05)
    assert file.read_text("utf-8").count("-->") == len(FRAMES)
