"""The page of a match: chains, bins and counts by hand, and what a browser would get."""

from __future__ import annotations

import base64
import io
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from browsers import launch_chromium, needs_chromium
from numbered_videos import numbers, steady, write_video
from PIL import Image

from onball.actions import Action, ActionSet
from onball.errors import InputError, OnballWarning
from onball.events import Event, EventList, SpottingInfo, VideoPart
from onball.formats import write_results
from onball.outputs import OutputConflictError
from onball.reports.match_summary import count_bins, count_chains, find_chains, team_of
from onball.reports.summary import write_summary


def chains(*entries):
    """Team and actions of the chains of events, given as seconds, action, team and half."""
    events = [
        Event(round(1000 * second), action, team=team, half=half)
        for second, action, team, half in ((*entry, "unknown", 1)[:4] if len(entry) == 2 else
                                           (*entry, 1)[:4] for entry in entries)
    ]  # fmt: skip
    found = find_chains(events)
    return [(one.team, " ".join(str(event.label) for event in one.events)) for one in found]


def test_a_chain_ends_with_an_event_of_the_other_team():
    assert chains((0, "PASS", "left"), (2, "DRIVE", "left"), (3, "PASS", "right"), (4, "SHOT", "right")) == [
        (1, "PASS DRIVE"), (2, "PASS SHOT"),
    ]  # fmt: skip


def test_out_and_goal_end_the_chain_before_them_whatever_their_team():
    assert chains((0, "PASS", "left"), (2, "OUT", "right"), (3, "THROW IN", "left")) == [
        (1, "PASS OUT"), (1, "THROW IN"),
    ]  # fmt: skip
    assert chains((0, "SHOT", "left"), (1, "GOAL"), (3, "PASS", "left")) == [
        (1, "SHOT GOAL"), (1, "PASS"),
    ]  # fmt: skip


def test_gaps_and_halves_end_chains():
    assert chains((0, "PASS", "left"), (15, "PASS", "left"), (30.1, "PASS", "left")) == [
        (1, "PASS PASS"), (1, "PASS"),
    ]  # fmt: skip
    assert chains((0, "PASS", "left", 1), (1, "PASS", "right", 2)) == [(1, "PASS"), (1, "PASS")]


def test_events_of_an_unknown_team_belong_to_the_chain_before():
    assert chains((0, "PASS"), (1, "DRIVE", "left"), (2, "PASS"), (3, "PASS", "right")) == [
        (1, "PASS DRIVE PASS"), (2, "PASS"),
    ]  # fmt: skip
    assert chains((0, "PASS"), (1, "DRIVE"), (2, "OUT"), (3, "THROW IN")) == [
        (0, "PASS DRIVE OUT"), (0, "THROW IN"),
    ]  # fmt: skip


def test_teams_change_sides_at_half_time():
    teams = [
        team_of(Event(0, Action.PASS, team=side, half=half))
        for half in (1, 2)
        for side in ("left", "right")
    ]
    assert teams == [1, 2, 2, 1]


def test_chains_are_counted_from_two_events_on():
    found = find_chains(
        [
            Event(0, Action.PASS, team="left"), Event(1, Action.PASS, team="left"),
            Event(2, Action.SHOT, team="left"), Event(3, Action.SHOT, team="right"),
            Event(4, Action.PASS, team="left"), Event(5, Action.PASS, team="left"),
        ]
    )  # fmt: skip
    counts = count_chains(found)
    assert (counts.chains, counts.mean_events, counts.with_attempt) == (2, 2.5, 2)
    assert counts.longest is found[0]


def test_bins_are_those_of_the_match_clock_of_each_half():
    events = EventList.of(
        [
            Event(50_000, Action.PASS), Event(60_000 + 299_999, Action.PASS),
            Event(60_000 + 300_000, Action.SHOT), Event(3_600_000 + 610_000, Action.OUT, half=2),
        ],
        info=SpottingInfo(kickoffs_ms=(60_000, 3_600_000)),
    )  # fmt: skip
    found = [(one.half, one.name, dict(one.counts)) for one in count_bins(events)]
    assert found == [
        (1, "0–5", {Action.PASS: 2}), (1, "5–10", {Action.SHOT: 1}),
        (2, "45–50", {}), (2, "50–55", {}), (2, "55–60", {Action.OUT: 1}),
    ]  # fmt: skip


def test_without_kickoffs_bins_are_those_of_the_video():
    events = EventList.of([Event(310_000, Action.PASS), Event(910_000, Action.PASS, half=2)])
    assert [(one.half, one.name) for one in count_bins(events)] == [(1, "5–10"), (2, "15–20")]
    assert count_bins(EventList()) == []


# Page


class Text(HTMLParser):
    """Texts of a page, and its tags with their attributes."""

    def __init__(self, html):
        super().__init__()
        self.texts, self.tags = [], []
        self.feed(html)

    def handle_data(self, data):
        self.texts.append(data)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


MATCH = EventList.of(
    [
        Event(1_000, Action.PASS, 0.9, "left"), Event(2_000, Action.SHOT, 0.8, "left"),
        Event(2_400, Action.GOAL, 0.7, "left"), Event(3_200, Action.PASS, 0.2, "right"),
    ],
    match="cup/FC <script>alert(1)</script> & Köln",
    info=SpottingInfo("demo <b>", video="match.mp4", thresholds=dict.fromkeys(Action, 0.3)),
)  # fmt: skip


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return write_video(tmp_path_factory.mktemp("video") / "match.mp4", steady(25, 4))


def test_the_page_needs_nothing_else_and_runs_nothing(tmp_path, video):
    page, written = write_summary(MATCH, video, tmp_path / "page.html")
    html = page.read_text("utf-8")
    parsed = Text(html)
    assert written and len(html) < 60_000
    assert not {tag for tag, _ in parsed.tags} & {"script", "iframe", "object", "form"}
    sources = [attrs[key] for _, attrs in parsed.tags for key in ("src", "href") if key in attrs]
    assert sources and all(source.startswith("data:") for source in sources)
    policy = next(attrs["content"] for tag, attrs in parsed.tags if "http-equiv" in attrs)
    assert policy.startswith("default-src 'none'")


def test_names_with_markup_stay_text(tmp_path):
    labels = ActionSet.of(["<img src=x onerror=alert(1)>", "a \"quoted\" & 'name'"])
    events = EventList.of([Event(1_000, label) for label in labels], "<i>x</i>")
    page, _ = write_summary(events, out=tmp_path / "page.html")
    parsed = Text(page.read_text("utf-8"))
    assert all(tag != "img" and "onerror" not in attrs for tag, attrs in parsed.tags)
    assert "<img src=x onerror=alert(1)>" in parsed.texts


def test_the_page_states_what_is_in_the_events(tmp_path, video):
    page, _ = write_summary(MATCH, video, tmp_path / "page.html")
    html = page.read_text("utf-8")
    text = " ".join(Text(html).texts)
    assert "match.mp4 · 00:00:04 long · found by the model demo <b> · confidence from 0.3" in text
    marks = re.findall(r'<rect x="([\d.]+)%" y="([\d.]+)"[^>]*><title>([^<]*)</title>', html)
    assert [title for *_, title in marks] == [
        "Pass, 00:00:01, left, confidence 0.90", "Shot, 00:00:02, left, confidence 0.80",
        "Goal, 00:00:02, left, confidence 0.70",
    ]  # fmt: skip
    assert [float(at) for at, *_ in marks] == sorted(float(at) for at, *_ in marks)
    assert html.count("data:image/jpeg;base64,") == 2
    assert "Chains with a shot or goal" in text and "Left team" in text


def test_without_teams_chains_are_sequences_of_play(tmp_path):
    unknown = replace(MATCH, events=tuple(replace(event, team="unknown") for event in MATCH))
    text = " ".join(
        Text(write_summary(unknown, out=tmp_path / "p.html")[0].read_text("utf-8")).texts
    )
    assert "a chain is a sequence of play of both" in text and "Both teams together" in text
    assert "The teams of the events are unknown." in text


@pytest.mark.parametrize("events", [EventList(), EventList.of([Event(0, Action.PASS)])])
def test_few_events_give_a_page(tmp_path, events):
    page, _ = write_summary(events, out=tmp_path / "page.html")
    assert ("There are no events" in page.read_text("utf-8")) is (len(events) == 0)


def test_a_page_that_is_there_is_replaced_on_request_only(tmp_path, onball):
    write_results(MATCH, tmp_path / "final" / "results_spotting.json")
    code, shown, error = onball("summary", tmp_path / "final")
    page = tmp_path / "final" / "final.summary.html"
    assert code == 0 and shown.strip() == str(page), error
    assert "(is there already)" in onball("summary", tmp_path / "final")[1]
    code, _, error = onball("summary", tmp_path / "final", "-t", "pass=0.95")
    assert code == 2 and "is there already, with other content: --overwrite" in error
    assert onball("summary", tmp_path / "final", "-t", "pass=0.95", "--overwrite")[0] == 0
    with pytest.raises(OutputConflictError):
        write_summary(tmp_path / "final")


def test_thumbnails_are_of_the_file_that_shows_the_event(tmp_path, video, onball):
    parts = (VideoPart("half_1.mp4", 0, 4_000), VideoPart("half_2.mp4", 4_000, 6_000))
    events = EventList.of(
        [Event(2_000, Action.SHOT, 0.9), Event(9_000, Action.GOAL, 0.9)],
        info=SpottingInfo(parts=parts, duration_ms=10_000),
    )
    write_results(events, tmp_path / "match" / "results_spotting.json")
    halves = [tmp_path / "half_1.mp4", tmp_path / "half_2.mp4"]
    shutil.copy(video, halves[0])
    write_video(halves[1], steady(25, 6))
    code, _, error = onball("summary", tmp_path / "match", *halves)
    assert code == 0, error
    html = (tmp_path / "match" / "match.summary.html").read_text("utf-8")
    images = re.findall(r"data:image/jpeg;base64,([^\"]+)", html)
    frames = [np.asarray(Image.open(io.BytesIO(base64.b64decode(one)))) for one in images]
    assert [numbers(frame[None]) for frame in frames] == [[50], [125]]
    assert "half_1.mp4, half_2.mp4 · 00:00:10 long" in html


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ["half_1.mp4"],
            "the events are those of 2 videos that were joined: name these, in this order:",
        ),
        (
            ["half_2.mp4", "half_1.mp4"],
            "the videos were joined in another order: name these, in this",
        ),
    ],
)
def test_other_files_than_those_that_were_joined_are_an_error(tmp_path, video, names, message):
    parts = (VideoPart("half_1.mp4", 0, 4_000), VideoPart("half_2.mp4", 4_000, 4_000))
    events = EventList.of([Event(2_000, Action.SHOT)], info=SpottingInfo(parts=parts))
    for name in names:
        shutil.copy(video, tmp_path / name)
    with pytest.raises(InputError, match=message):
        write_summary(events, [tmp_path / name for name in names], tmp_path / "page.html")
    renamed = shutil.copy(video, tmp_path / "copy.mp4")
    with pytest.warns(OnballWarning, match=r"copy.mp4: is 00:00:04 long, .* of 00:00:09"):
        longer = replace(events, info=SpottingInfo(duration_ms=9_000))
        write_summary(longer, renamed, tmp_path / "page.html")


def test_results_of_several_videos_are_refused(tmp_path):
    for name in ("a", "b"):
        write_results(MATCH, tmp_path / name / "results_spotting.json")
    with pytest.raises(InputError, match="has 2 videos: name the folder of one"):
        write_summary(tmp_path)


@pytest.mark.medium
@needs_chromium
def test_a_browser_shows_the_page_without_errors_and_sideways_scrolling(tmp_path, video):
    sync_api = pytest.importorskip("playwright.sync_api")
    page, _ = write_summary(MATCH, video, tmp_path / "page.html")
    messages: list[str] = []
    asked: list[str] = []
    with sync_api.sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        tab = browser.new_page(viewport={"width": 390, "height": 844})
        tab.on("console", lambda message: messages.append(message.text))
        tab.on("pageerror", lambda error: messages.append(str(error)))
        tab.on("request", lambda request: asked.append(request.url))
        tab.goto(page.as_uri())
        for width in (390, 1400):
            tab.set_viewport_size({"width": width, "height": 844})
            assert tab.evaluate("document.documentElement.scrollWidth") == width
        pictures = tab.locator(".thumbnails img")
        assert pictures.evaluate_all("all => all.map(one => one.naturalWidth)") == [64, 64]
        assert tab.locator("h1").inner_text() == "script> & Köln", "the match, without its folders"
        browser.close()
    assert messages == [] and all(url.startswith(("file:", "data:")) for url in asked)
