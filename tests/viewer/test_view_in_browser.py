"""The viewer's page in Chromium: exact frames, corrections by keyboard, several tabs, accessibility."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from browsers import IS_SHOWN, SHOWN_PIXELS, launch_chromium, needs_chromium
from numbered_videos import numbered, numbers, steady, write_video
from tiny_tracks import tiny_tracks

from onball.actions import ACTIONS
from onball.events import Event, EventList, SpottingInfo, VideoPart
from onball.formats.frame_confidences import CONFIDENCES_FILE, FrameConfidences
from onball.formats.soccernet import LABELS_FILE, RESULTS_FILE
from onball.formats.tracks_parquet import write_tracks
from onball.video import probe
from onball.viewer.corrections import CORRECTIONS_FILE, apply_corrections, read_corrections
from onball.viewer.server import ViewServer

sync_api = pytest.importorskip("playwright.sync_api")
AXE = Path(__file__).parents[2] / "viewer" / "node_modules" / "axe-core" / "axe.min.js"
#: Limit of everything that is waited for, in milliseconds.
PATIENCE = 60_000

pytestmark = [
    pytest.mark.medium,
    needs_chromium,
]


@pytest.fixture(scope="module")
def browser() -> Iterator[sync_api.Browser]:
    with sync_api.sync_playwright() as playwright:
        opened = launch_chromium(playwright)
        yield opened
        opened.close()


@pytest.fixture
def open_page(browser) -> Iterator[Callable[..., sync_api.Page]]:
    """Open an address in a new tab; errors and messages of the page fail the test at its end."""
    messages: list[str] = []
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    context.set_default_timeout(PATIENCE)

    def open_url(url: str, *, own: bool = False, **settings: object) -> sync_api.Page:
        place = browser.new_context(**settings) if own else context
        place.set_default_timeout(PATIENCE)
        page = place.new_page()
        page.on("pageerror", lambda error: messages.append(str(error)))
        page.on("console", lambda m: messages.append(m.text) if m.type == "error" else None)
        page.goto(url)
        page.wait_for_selector(".event, .empty")
        return page

    yield open_url
    for each in browser.contexts:
        each.close()
    # A server that was stopped on purpose, and a version that is not the newest, are logged as well.
    expected = ("ERR_CONNECTION_REFUSED", "409 (Conflict)", "ERR_CONNECTION_RESET")
    assert [text for text in messages if not any(each in text for each in expected)] == []


@contextmanager
def serving(folder: Path, port: int = 0) -> Iterator[ViewServer]:
    with ViewServer([folder], port=port, proxies=folder / "proxies") as server:
        yield server


def shown_number(page: sync_api.Page) -> int:
    """Number that the frame on the screen encodes, once no seek is under way."""
    page.wait_for_function(f"() => {IS_SHOWN}")
    pixels = page.evaluate(f"() => {SHOWN_PIXELS}")
    width, height, data = pixels
    frame = np.array(data, np.uint8).reshape(1, height, width, 4)[..., :3]
    return numbers(frame)[0]


def wait_for_number(page: sync_api.Page, number: int) -> None:
    """Wait until a frame is shown: the picture of a seek may come after its end."""
    for _ in range(50):
        if shown_number(page) == number:
            return
    assert shown_number(page) == number


def saved(page: sync_api.Page, folder: Path, count: int) -> dict:
    """Wait until the page has saved `count` corrections, and return those of the file."""
    deadline = time.monotonic() + PATIENCE / 1000
    entries: dict = {}
    while time.monotonic() < deadline:
        page.wait_for_selector(".saved.saved", state="attached")
        file = folder / CORRECTIONS_FILE
        entries = read_corrections(file).entries if file.is_file() else {}
        if len(entries) == count:
            return entries
        page.wait_for_timeout(20)
    raise AssertionError(f"{len(entries)} entries, not {count}")


#: Frames of 33 and 50 ms in turn, and a gap, as of a telephone.
VARIABLE = [Fraction(i * 83 + j * 33 + 400 * (i > 20), 1000) for i in range(40) for j in (0, 1)]
TIMES = {
    "25 fps": steady(25, 4),
    "29.97 fps": steady(Fraction(30000, 1001), 4),
    "variable": VARIABLE,
}


@pytest.mark.parametrize(
    "rate",
    [rate if rate == "variable" else pytest.param(rate, marks=pytest.mark.slow) for rate in TIMES],
)
def test_a_click_shows_the_frame_of_the_event_and_a_key_goes_on_by_one(rate, open_page, tmp_path):
    times = TIMES[rate]
    folder = tmp_path / "match"
    folder.mkdir()
    fps = Fraction(30000, 1001) if rate.startswith("29") else 25
    write_video(folder / "match.mp4", times, fps, size=(96, 64))
    wanted = [4, len(times) // 2, len(times) - 3]
    found = [Event(round(times[frame] * 1000), "PASS", 0.9) for frame in wanted]
    EventList.of(found).save(folder / RESULTS_FILE)
    with serving(folder) as server:
        page = open_page(server.url)
        rows = page.locator(".event")
        assert rows.count() == 3
        for index, frame in ((2, wanted[2]), (0, wanted[0]), (1, wanted[1])):
            rows.nth(index).click()
            wait_for_number(page, frame)
        for expected in range(wanted[1] + 1, wanted[1] + 5):
            page.keyboard.press("ArrowRight")
            wait_for_number(page, expected)
        for expected in (wanted[1] + 3, wanted[1] + 2):
            page.keyboard.press("ArrowLeft")
            wait_for_number(page, expected)
        # Keys that come faster than the player seeks are all counted.
        for _ in range(6):
            page.keyboard.press("ArrowLeft")
        wait_for_number(page, wanted[1] - 4)
        assert page.get_by_test_id("frame").inner_text() == f"frame {wanted[1] - 4}"


@pytest.fixture
def joined_match(tmp_path: Path) -> Path:
    """Two halves that were spotted as one match: frames 0 to 49 at 25 fps, then 50 to 99 with gaps."""
    folder = tmp_path / "cup final"
    (folder / "results").mkdir(parents=True)
    images = [numbered(number, 96, 64) for number in range(100)]
    write_video(folder / "half1.mp4", steady(25, 2), size=(96, 64), frames=images[:50])
    second = write_video(folder / "half2.mp4", VARIABLE[:50], size=(96, 64), frames=images[50:])
    parts = tuple(
        VideoPart(file.name, start, probe(file).duration_ms)
        for file, start in ((folder / "half1.mp4", 0), (second, 2000))
    )
    found = [
        Event(1000, "PASS", 0.9),
        Event(1960, "PASS", 0.8),
        Event(2000 + round(VARIABLE[2] * 1000), "SHOT", 0.7),
    ]
    info = SpottingInfo("demo", parts=parts, duration_ms=parts[1].start_ms + parts[1].duration_ms)
    EventList.of(found, "cup final", info=info).save(folder / "results" / RESULTS_FILE)
    for number, name in enumerate(HALVES, 1):
        tracks = tiny_tracks([500 * number], duration_ms=2000)
        tracks = replace(tracks, video=replace(tracks.video, width=96, height=64))
        write_tracks(tracks, folder / "results" / f"tracks_{number}.parquet", video=name)
    return folder


HALVES = ("half1.mp4", "half2.mp4")


def test_a_match_in_two_files_is_shown_as_one(open_page, joined_match):
    with serving(joined_match) as server:
        page = open_page(server.url)
        rows = page.locator(".event")
        press = page.keyboard.press
        rows.nth(2).click()  # in the second file
        wait_for_number(page, 52)
        rows.nth(1).click()  # the last frame of the first one
        wait_for_number(page, 49)
        for key, frame in (("ArrowRight", 50), ("ArrowRight", 51), ("ArrowLeft", 50)):
            press(key)
            wait_for_number(page, frame)
        press("ArrowLeft")  # back over the boundary
        wait_for_number(page, 49)
        assert page.get_by_test_id("frame").inner_text() == "frame 49"
        # Playing goes on in the next file, at the same speed.
        press("Control+ArrowLeft")
        wait_for_number(page, 24)
        page.get_by_role("button", name="Play", exact=True).click()
        page.wait_for_function(
            "() => { const all = document.querySelectorAll('video');"
            " return all[0].ended && !all[1].paused && all[1].currentTime > 0.1"
            " && all[1].playbackRate === all[0].playbackRate }"
        )
        press("k")
        assert 50 <= shown_number(page) < 90
        # Corrections have times of the match; tracks are those of the file.
        rows.nth(2).click()
        wait_for_number(page, 52)
        press("Alt+ArrowLeft")
        wait_for_number(page, 51)
        time_ms = round(VARIABLE[1] * 1000)
        boxes = page.get_by_test_id("boxes")
        sync_api.expect(boxes).to_have_attribute("data-boxes", re.compile(r"\d+ 5"))
        entries = saved(page, joined_match / "results", 1)
        assert [entry.position_ms for entry in entries.values()] == [2000 + time_ms]
        # Thumbnails appear when they are loaded.
        sync_api.expect(page.locator(".event img")).to_have_count(3, timeout=PATIENCE)


@pytest.mark.slow
def test_a_click_on_the_timeline_shows_the_frame_at_that_time(open_page, match_folder):
    with serving(match_folder) as server:
        page = open_page(server.url)
        shown_number(page)
        box = page.locator(".timeline canvas").bounding_box()
        # In the lane of goals, where no event is near.
        y = box["height"] - 38 - 10
        for part in (0.25, 0.7):
            page.locator(".timeline canvas").click(position={"x": box["width"] * part, "y": y})
            start, end = map(
                float, page.locator("canvas").first.get_attribute("data-view").split(",")
            )
            ms = start + (end - start) * part
            wait_for_number(page, int(ms * 25 / 1000))


def test_events_are_corrected_by_keyboard_and_found_after_a_reload(
    open_page, match_folder, tmp_path
):
    with serving(match_folder) as server:
        page = open_page(server.url)
        press = page.keyboard.press
        assert page.locator(".event").count() == 3
        press("ArrowDown")  # the pass at 1.08 s
        wait_for_number(page, 27)
        press("Alt+ArrowLeft")  # 1.04 s
        press("Alt+ArrowLeft")  # 1.00 s
        press("a")  # and on to the drive at 2 s
        press("Shift+Digit8")  # which is a shot
        press("t")  # of the left team
        press("ArrowDown")  # the pass at 3.04 s
        press("x")
        for _ in range(5):
            press("ArrowLeft")
        press("Digit8")  # another shot, at the frame that is shown
        added_at = int(page.get_by_test_id("frame").inner_text().split()[1]) * 40
        entries = saved(page, match_folder, 4)
        first, second, third = (
            entries[name] for name in ("PASS/1/1080", "DRIVE/1/2000", "PASS/1/3040")
        )
        assert (first.status, first.position_ms, first.original.position_ms) == (
            "accepted",
            1000,
            1080,
        )
        assert (second.status, second.label, second.team) == ("accepted", "SHOT", "left")
        assert third.status == "rejected"
        (added,) = (entry for entry in entries.values() if entry.status == "added")
        assert (added.label, added.position_ms) == ("SHOT", added_at)

        page.reload()
        page.wait_for_selector(".event")
        names = [text.split("\n")[0] for text in page.locator(".event").all_inner_texts()]
        assert sorted(names) == ["Pass", "Pass", "Shot", "Shot"]
        assert page.locator(".event.rejected").count() == 1
        page.get_by_role("tab", name="Review").click()
        report = page.locator(".report").inner_text()
        assert "3 of 3 events" in report and "0.08 s" in report
    labels = apply_corrections(match_folder / RESULTS_FILE, tmp_path / "Labels-x.json").labels
    assert [(event.position_ms, str(event.label)) for event in labels] == sorted(
        [(1000, "PASS"), (2000, "SHOT"), (added_at, "SHOT")]
    )


@pytest.mark.slow
def test_a_change_is_undone_and_done_again(open_page, match_folder):
    with serving(match_folder) as server:
        page = open_page(server.url)
        page.keyboard.press("ArrowDown")
        page.keyboard.press("x")
        page.wait_for_selector(".event.rejected")
        saved(page, match_folder, 1)
        page.keyboard.press("Control+z")
        page.wait_for_selector(".event.rejected", state="detached")
        saved(page, match_folder, 0)
        page.keyboard.press("Control+Shift+Z")
        page.wait_for_selector(".event.rejected")
        saved(page, match_folder, 1)


@pytest.mark.slow
def test_keys_work_after_the_mouse_was_used_and_space_presses_what_tab_chose(
    open_page, match_folder
):
    playing = "() => !document.querySelector('video').paused"
    with serving(match_folder) as server:
        page = open_page(server.url)
        page.locator(".event").first.click()
        page.keyboard.press("Space")
        page.wait_for_function(playing)
        page.keyboard.press("k")
        page.get_by_label("Tolerance").select_option("2 s")
        page.locator("#confidence").click()
        page.keyboard.press("x")
        page.wait_for_selector(".event.rejected")
        page.get_by_role("tab", name="Events").focus()
        page.keyboard.press("Tab")
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Tab")
        page.get_by_role("tab", name="Review").focus()
        page.keyboard.press("Space")
        page.wait_for_selector(".report")
        assert not page.evaluate(playing)


def test_two_tabs_show_the_corrections_of_both(open_page, match_folder):
    with serving(match_folder) as server:
        one, two = open_page(server.url), open_page(server.url)
        one.keyboard.press("ArrowDown")
        one.keyboard.press("x")
        two.bring_to_front()
        two.wait_for_selector(".event.rejected")
        two.locator(".event").nth(1).click()
        two.keyboard.press("a")
        two.wait_for_selector(".event.accepted")
        one.bring_to_front()
        one.wait_for_selector(".event.accepted")
        statuses = {entry.status for entry in saved(one, match_folder, 2).values()}
    assert statuses == {"accepted", "rejected"}


@pytest.mark.slow
def test_changes_are_kept_while_the_server_is_away_and_saved_when_it_is_back(
    open_page, match_folder
):
    with serving(match_folder) as server:
        page = open_page(server.url)
        port = server.port
    page.keyboard.press("ArrowDown")
    page.keyboard.press("x")
    page.wait_for_selector(".saved.offline")
    assert not (match_folder / CORRECTIONS_FILE).exists()
    # Another launch has another token: the address is opened again.
    with serving(match_folder, port) as server:
        assert server.port == port
        page.goto(server.url)
        page.wait_for_selector(".event.rejected")
        saved(page, match_folder, 1)


@pytest.mark.slow
def test_figures_follow_the_confidence_and_the_tolerance(open_page, match_folder):
    with serving(match_folder) as server:
        page = open_page(server.url)
        figures = page.locator(".counts")
        sync_api.expect(figures).to_contain_text("missed", timeout=PATIENCE)
        shown = figures.inner_text().split()
        expected = "events 3 correct 2 wrong 1 missed 1 precision 66.7 recall 66.7"
        assert " ".join(shown[:12]) == expected and shown[12::2] == ["mAP12", "mAP10"]
        page.locator("#confidence").fill("0.8")
        assert " ".join(figures.inner_text().split()[:8]) == "events 1 correct 1 wrong 0 missed 2"
        assert page.locator(".event").count() == 1
        page.get_by_label("Tolerance").select_option("0.5 s")
        page.locator("#confidence").fill("0.3")
        page.wait_for_function("() => document.querySelectorAll('.event').length === 3")
        page.locator("select:has(option[value=missed])").select_option("missed")
        assert "Shot" in page.locator(".event").all_inner_texts()[0]


@pytest.mark.slow
def test_curves_are_drawn_until_they_are_hidden(open_page, match_folder):
    values = np.zeros((50, 12), np.float32)
    values[20:30, 11] = 0.9  # of goals, whose lane has nothing else
    labels = [action.value for action in ACTIONS]
    found = FrameConfidences.of(np.arange(50) * 80, values, labels)
    found.save(match_folder / CONFIDENCES_FILE)
    coloured = """() => {
        const canvas = document.querySelector('.timeline canvas');
        const top = canvas.height - 38 - 26;
        const { data } = canvas.getContext('2d').getImageData(0, top, canvas.width, 24);
        let count = 0;
        for (let i = 0; i < data.length; i += 4) count += data[i] - data[i + 1] > 30;
        return count;
    }"""
    with serving(match_folder) as server:
        page = open_page(server.url)
        page.wait_for_function(f"() => ({coloured})() > 500")
        page.keyboard.press("c")
        page.wait_for_function(f"() => ({coloured})() === 0")


@pytest.mark.slow
def test_boxes_are_those_of_the_frame_that_is_shown(open_page, match_folder):
    tracks = tiny_tracks([1000], duration_ms=4000)
    tracks = replace(tracks, video=replace(tracks.video, width=96, height=64))
    write_tracks(tracks, match_folder / "tracks.parquet", video="match.mp4")
    with serving(match_folder) as server:
        page = open_page(server.url)
        page.locator(".event").nth(1).click()  # at 2 s
        for frame in (50, 51, 52, 53):
            wait_for_number(page, frame)
            boxes = page.get_by_test_id("boxes")
            sync_api.expect(boxes).to_have_attribute("data-boxes", f"{40 * frame} 5")
            page.keyboard.press("ArrowRight")
        page.keyboard.press("b")
        sync_api.expect(boxes).to_have_count(0)
        page.get_by_role("button", name="Players and ball").click()
        sync_api.expect(boxes).to_have_count(1)


@pytest.mark.slow
def test_events_are_downloaded_with_the_settings_of_the_page(open_page, match_folder, tmp_path):
    with serving(match_folder) as server:
        page = open_page(server.url)
        page.keyboard.press("ArrowDown")
        page.keyboard.press("x")
        saved(page, match_folder, 1)
        page.keyboard.press("e")
        page.get_by_label("Seconds before").fill("2")
        page.get_by_text("For single actions").click()
        lag = page.get_by_label("DRIVE: lag")
        lag.fill("oops")
        sync_api.expect(lag).to_have_accessible_description("Enter a number")
        button = page.get_by_role("button", name="Download")
        sync_api.expect(button).to_be_disabled()
        sync_api.expect(page.get_by_text("Correct the marked fields first.")).to_be_visible()
        lag.fill("0.5")
        page.get_by_label("Table (CSV)").uncheck()
        page.get_by_label("Subtitles (SRT)").check()
        with page.expect_download() as download:
            button.click()
        assert download.value.suggested_filename == "cup final.srt"
        download.value.save_as(tmp_path / "events.srt")
    text = (tmp_path / "events.srt").read_text()
    assert "00:00:00,000 --> 00:00:02,500" in text and text.count("-->") == 2


@pytest.mark.slow
def test_names_with_html_are_shown_as_text(open_page, write_match, tmp_path):
    name = "<img src=x onerror=alert(1)>"
    folder = write_match(name, RESULTS_FILE)
    label = "<b>bold</b>"
    (tmp_path / "classes.txt").write_text(f"{label}\nPASS\n")
    with serving(folder) as server:
        page = open_page(server.url)
        assert page.locator(".match-name").inner_text() == name
        assert page.locator("img[src=x]").count() == 0


@pytest.mark.slow
def test_nothing_is_asked_of_another_server_and_nothing_is_wider_than_the_screen(
    open_page, match_folder
):
    with serving(match_folder) as server:
        page = open_page(server.url)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.reload()
        page.wait_for_selector(".event img")
        for width in (1400, 390, 320):
            page.set_viewport_size({"width": width, "height": 844})
            for tab in ("Figures", "Review", "Events"):
                page.get_by_role("tab", name=tab).click()
                assert page.evaluate("document.documentElement.scrollWidth") == width, tab
        assert asked and all(url.startswith(f"http://127.0.0.1:{server.port}/") for url in asked)


@pytest.mark.slow
@pytest.mark.skipif(not AXE.is_file(), reason="needs axe-core, which `make viewer` installs")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(scheme, browser, match_folder):
    context = browser.new_context(
        viewport={"width": 1400, "height": 900}, color_scheme=scheme, bypass_csp=True
    )
    problems = {}
    with serving(match_folder) as server:
        page = context.new_page()
        page.goto(server.url)
        page.wait_for_selector(".event img")
        page.evaluate(AXE.read_text("utf-8"))
        page.keyboard.press("ArrowDown")
        page.keyboard.press("x")
        page.wait_for_selector(".event.rejected")
        for view in ("Figures", "Review", "Events", "Export", "help", "narrow"):
            if view == "Export":
                page.keyboard.press("e")
                page.get_by_text("For single actions").click()
                page.get_by_text("Times of the match").click()
            elif view == "help":
                page.keyboard.press("Escape")
                page.keyboard.press("Shift+?")
                page.wait_for_selector("dialog[open]")
            elif view == "narrow":
                page.keyboard.press("Escape")
                page.set_viewport_size({"width": 390, "height": 844})
            else:
                page.get_by_role("tab", name=view).click()
            result = page.evaluate("axe.run()")
            for problem in result["violations"]:
                places = [node["html"][:200] for node in problem["nodes"][:3]]
                problems[view, problem["id"]] = (problem["impact"], problem["help"], places)
    context.close()
    assert problems == {}, json.dumps(list(map(str, problems.items())), indent=1)


@pytest.mark.slow
def test_a_file_that_browsers_cannot_play_gets_a_copy_with_the_same_frames(open_page, tmp_path):
    folder = tmp_path / "match"
    folder.mkdir()
    write_video(
        folder / "match.avi", steady(25, 4), codec="mpeg4", size=(96, 64), options={"qscale": "2"}
    )
    EventList.of([Event(1080, "PASS", 0.9)]).save(folder / RESULTS_FILE)
    EventList.of([Event(1000, "PASS")]).save(folder / LABELS_FILE)
    with serving(folder) as server:
        page = open_page(server.url)
        page.get_by_role("button", name="Make a copy that plays").click()
        page.wait_for_selector("video")
        page.locator(".event").first.click()
        wait_for_number(page, 27)
        page.reload()
        page.wait_for_selector("video")  # it is made once
