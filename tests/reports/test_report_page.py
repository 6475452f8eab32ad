"""HTML page of a report: sections, tables and behaviour in a browser."""

from __future__ import annotations

import csv
import os
import re
import shutil
from datetime import date
from functools import partial
from html.parser import HTMLParser
from pathlib import Path

import pytest
from browsers import launch_chromium, needs_chromium

from onball.actions import ACTIONS
from onball.outputs import OutputConflictError, OutputState
from onball.reports.report import report_state, write_report

RUNS = ("good", "untrained", "clips")


class Tables(HTMLParser):
    """The texts of the cells of each table, by the table's id."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[str, list[list[str]]] = {}
        self._table: list[list[str]] = []
        self._in_cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self._table = self.rows.setdefault(dict(attrs).get("id") or "", [])
        elif tag == "tr":
            self._table.append([])
        elif tag in ("td", "th"):
            self._table[-1].append("")
            self._in_cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self._table[-1][-1] += data


def tables_of(page: str) -> dict[str, list[list[str]]]:
    parser = Tables()
    parser.feed(page)
    return parser.rows


def rows_of(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_the_page_refers_to_no_other_file(page):
    assert "http" not in page and "@import" not in page and "//" not in re.sub(
        r"data:image/jpeg;base64,[\w+/=]+", "", page
    )  # fmt: skip
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert sources and all(s.startswith(("#", "data:")) for s in sources)


def test_every_section_exists_and_is_linked(page):
    for key in ("runs", "results", "actions", "costs", "training", "pr", "each",
                "clips_results", "clips_actions", "clips_costs", "clips_training",
                "definitions"):  # fmt: skip
        assert f'<section id="{key}">' in page and f'<a href="#{key}">' in page
    assert "03 February 2026" in page
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_the_first_panel_is_that_of_the_best_run(page, measured):
    best = max(measured, key=lambda name: measured[name].result.map10)
    tabs = re.findall(r'<label for="run-\d">(?:<i[^>]*></i>)?([^<]+)</label>', page)
    assert sorted(tabs) == sorted(measured) and tabs[0] == best


def test_a_report_is_written_again_if_a_run_changed_and_kept_if_it_was_edited(
    runs, out, page, tmp_path
):
    copy = shutil.copytree(out, tmp_path / "report")
    folders = [runs / name for name in RUNS]
    state = partial(report_state, folders, copy)
    assert state() is OutputState.DONE
    assert write_report(folders, copy, today=date(2027, 1, 1)) == copy / "report.html"
    assert (copy / "report.html").read_text(encoding="utf-8") == page
    os.utime(copy / "report.html", (0, 0))  # older than the runs
    assert state() is OutputState.MISSING
    with pytest.raises(OutputConflictError, match="split test instead of valid"):
        state(split="valid")
    with pytest.raises(OutputConflictError, match="holds results with runs"):
        report_state(folders[:1], copy)
    (copy / "report.html").write_text("my notes")
    assert state() is OutputState.EDITED
    assert write_report(folders, copy).read_text() == "my notes"
    assert state(overwrite=True) is OutputState.MISSING


def test_the_settings_of_each_run_are_listed(page):
    rows = tables_of(page)["settings"]
    assert [row[0] for row in rows[1:]] == ["good", "untrained", "clips"]
    assert all("test_byobnet" in row[1] and "bilstm" in row[2] for row in rows[1:])


def test_the_ap_on_the_page_agrees_with_the_evaluation(page, measured):
    header, *rows = tables_of(page)["ap"]
    assert header == ["action", "labels", "good", "untrained"]
    by_name = {row[0].upper(): row for row in rows}
    for column, name in enumerate(("good", "untrained"), 2):
        result = measured[name].result
        assert by_name["MAP10"][column] == f"{100 * result.map10:.2f}"
        assert by_name["MAP12"][column] == f"{100 * result.map12:.2f}"
        for action in ACTIONS[:3]:
            assert by_name[action][column] == f"{100 * result.ap[action]:.2f}"
            assert by_name[action][1] == str(result.truth_counts[action])
    assert measured["good"].result.map10 > measured["untrained"].result.map10


def test_an_action_without_labels_is_marked(page, out):
    rows = {row[0].upper(): row for row in tables_of(page)["ap"]}
    assert rows["GOAL"] == ["Goal", "0", "no labels", "no labels"]
    assert ["GOAL", "0", "", ""] in rows_of(out / "figures" / "ap.csv")


def test_the_gallery_has_examples_of_every_kind_with_frames(page, out):
    rows = rows_of(out / "figures" / "gallery_good.csv")
    assert {row[0] for row in rows[1:]} == {"found", "false alarm", "missed", "mixed up"}
    for row in rows[1:]:
        assert (out / "figures" / row[-1]).read_bytes().startswith(b"\xff\xd8")
    assert page.count("data:image/jpeg") >= len(rows) - 1
    assert "<b>HEADER</b> found as <b>DRIVE</b>" in page


@needs_chromium
def test_a_browser_shows_the_page_without_errors_and_requests(out):
    sync_api = pytest.importorskip("playwright.sync_api")
    messages: list[str] = []
    asked: list[str] = []
    with sync_api.sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        tab = browser.new_page(viewport={"width": 390, "height": 844})
        tab.on("console", lambda message: messages.append(message.text))
        tab.on("pageerror", lambda error: messages.append(str(error)))
        tab.on("request", lambda request: asked.append(request.url))
        tab.goto((out / "report.html").as_uri())
        for width in (390, 1400):
            tab.set_viewport_size({"width": width, "height": 844})
            assert tab.evaluate("document.documentElement.scrollWidth") == width
        assert tab.locator(".panel").nth(0).is_visible()
        frames = tab.locator(".panel:visible .frames img").first
        narrow = frames.bounding_box()["width"]
        frames.click()
        assert frames.bounding_box()["width"] > 2 * narrow, "a click enlarges the frames"
        frames.click()
        assert frames.bounding_box()["width"] == narrow
        assert not tab.locator(".scroll.wide").count()
        tab.set_viewport_size({"width": 390, "height": 844})
        assert tab.locator("#runs .scroll.wide").count() == 1, "what scrolls is marked"
        tab.click("label[for=run-1]")
        assert tab.locator(".panel").nth(1).is_visible()
        assert not tab.locator(".panel").nth(0).is_visible()
        browser.close()
    assert messages == []
    assert all(url.startswith(("file:", "data:")) for url in asked)
