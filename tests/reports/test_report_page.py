"""A report of two tiny spotting runs and a classifier: what is on the page and beside it."""

from __future__ import annotations

import csv
import os
import re
import shutil
from collections.abc import Iterator
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch

from onball.actions import ACTIONS, Action
from onball.config import ExperimentConfig, SavedModelConfig, load_config, save_config
from onball.data.layout import find_matches
from onball.evaluation.metrics import SpottingReport, report_spotting
from onball.events import Event, EventList
from onball.files import write_json_atomic
from onball.formats.soccernet import read_labels, read_results, write_labels, write_results
from onball.models import build_model, save_model
from onball.reports.page import write_report
from onball.reports.runs import evaluate_classifier, evaluate_spotter, read_runs
from onball.video import VideoWriter

TINY = Path(__file__).parents[2] / "configs" / "spotting" / "tiny.yaml"
RUNS = ("good", "untrained", "clips")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def write_match(folder: Path, seed: int) -> None:
    """8 s of noise with eight labels of three actions."""
    rng = np.random.default_rng(seed)
    with VideoWriter(folder / "224p.mp4", (64, 36), 25) as writer:
        for _ in range(200):
            writer.write(rng.integers(0, 255, (36, 64, 3), np.uint8))
    events = [Event(600 + 900 * i, ACTIONS[i % 3]) for i in range(8)]
    write_labels(EventList.of(events), folder / "Labels-ball.json")


def write_run(folder: Path, root: Path, task: str, seed: int) -> ExperimentConfig:
    """A run as `onball train` leaves it, with a net that has learnt nothing."""
    config = load_config(TINY, [f"data.root={root}", f"task={task}", f"training.seed={seed}"])
    torch.manual_seed(seed)
    net = build_model(config.model, task)
    save_model(net, SavedModelConfig.of(config), folder / "model")
    save_config(config, folder / "config.yaml")
    (folder / "metrics.csv").write_text(
        "epoch,step,learning_rate,train_loss,valid_loss,map12,map10,frames_per_second,seconds\n"
        "1,4,0.002,1.5,,,,100,5\n2,8,0.001,1.25,0.75,0.5,0.6,100,5\n"
    )
    return config


def write_evaluation(run: Path, root: Path) -> None:
    """What `onball evaluate` leaves: most labels found, some late, some as another action."""
    folder = run / "evaluation" / "test"
    counts: dict[str, int] = {}
    for match in find_matches(root, "test"):
        truth = read_labels(match.require_labels())
        for action, count in truth.counts().items():
            counts[action.value] = counts.get(action.value, 0) + count
        found = [
            Event(e.position_ms + 40 * i, Action.DRIVE if i == 5 else e.label, 0.9 - 0.05 * i)
            for i, e in enumerate(truth)
            if i != 6
        ]
        found.append(Event(50, Action.PASS, 0.95))
        write_results(EventList.of(found), folder / "predictions" / match.name
                      / "results_spotting.json")  # fmt: skip
    write_json_atomic(folder / "metrics.json", {"result": {"labels": counts}})


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data") / "noise"
    for seed in range(2):
        write_match(root / "test" / "league" / "season" / f"match {seed}", seed)
    return root


@pytest.fixture(scope="module")
def runs(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    for seed, name in enumerate(RUNS):
        write_run(folder / name, root, "classification" if name == "clips" else "spotting", seed)
    write_evaluation(folder / "good", root)
    return folder


@pytest.fixture(scope="module")
def out(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report")
    write_report([runs / name for name in RUNS], out, device="cpu", today=date(2026, 2, 3))
    return out


@pytest.fixture(scope="module")
def page(out: Path) -> str:
    return (out / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def measured(root: Path, runs: Path, out: Path) -> dict[str, SpottingReport]:
    """The evaluation of each spotting run, from its files."""
    matches = find_matches(root, "test")
    places = {
        "good": runs / "good" / "evaluation" / "test" / "predictions",
        "untrained": next((out / "predictions").glob("untrained-*")),
    }
    truth = [read_labels(match.require_labels()) for match in matches]
    return {
        name: report_spotting(
            truth,
            [read_results(place / m.name / "results_spotting.json", file_order=True)
             for m in matches],
        )
        for name, place in places.items()
    }  # fmt: skip


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


def test_the_page_needs_nothing_but_itself(page):
    assert "http" not in page and "@import" not in page and "//" not in re.sub(
        r"data:image/jpeg;base64,[\w+/=]+", "", page
    )  # fmt: skip
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert sources and all(s.startswith(("#", "data:")) for s in sources)


def test_every_section_is_there_and_linked(page):
    for key in ("runs", "results", "actions", "costs", "training", "pr", "each",
                "clips_results", "clips_actions", "clips_costs", "clips_training"):  # fmt: skip
        assert f'<section id="{key}">' in page and f'<a href="#{key}">' in page
    assert "03 February 2026" in page
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_the_settings_of_each_run_are_told(page):
    rows = tables_of(page)["settings"]
    assert [row[0] for row in rows[1:]] == list(RUNS)
    assert all("test_byobnet" in row[1] and "bilstm" in row[2] for row in rows[1:])


def test_the_ap_of_the_page_is_that_of_the_evaluation(page, measured):
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


def test_an_action_without_labels_is_shown_as_such(page, out):
    rows = {row[0].upper(): row for row in tables_of(page)["ap"]}
    assert rows["GOAL"] == ["Goal", "0", "no labels", "no labels"]
    assert ["GOAL", "0", "", ""] in rows_of(out / "figures" / "ap.csv")


def test_the_tables_beside_the_page_hold_the_numbers_of_the_evaluation(out, measured):
    figures = out / "figures"
    good = measured["good"]
    ap = {row[0]: row for row in rows_of(figures / "ap.csv")}
    assert float(ap["PASS"][2]) == 100 * good.result.ap[Action.PASS]
    bars = {row[0]: row[1:] for row in rows_of(figures / "map10.csv")[1:]}
    assert float(bars["good"][0]) == 100 * good.result.map10
    intervals = good.intervals["blocks"]
    assert [float(v) for v in bars["good"][1:]] == [100 * v for v in intervals.map10]
    matrix = [[int(v) for v in row[1:]] for row in rows_of(figures / "confusion_good.csv")[1:]]
    assert matrix == good.confusion.tolist() and matrix[Action.HEADER.order][1] == 2
    counts = [int(row[2]) for row in rows_of(figures / "timing_good.csv")[1:]]
    assert counts == good.timing.counts.tolist()
    curve = [row for row in rows_of(figures / "pr_PASS.csv")[1:] if row[0] == "good"]
    assert [float(row[2]) for row in curve] == good.curves[Action.PASS].precision.tolist()
    losses = rows_of(figures / "training_loss.csv")
    assert ["good", "1", "1.5"] in losses and ["untrained", "2", "1.25"] in losses
    assert rows_of(figures / "validation_map10.csv")[1:] == [
        ["good", "2", "60.0"], ["untrained", "2", "60.0"],
    ]  # fmt: skip


def test_every_figure_is_a_picture_and_a_table(out):
    figures = out / "figures"
    pictures = {path.stem for path in figures.glob("*.png")}
    assert pictures <= {path.stem for path in figures.glob("*.csv")}
    wanted = {"training_loss", "map12", "parameters", "gflops", "tolerance", "timing_good",
              "confusion_untrained", "pr_THROW_IN", "clips_map10", "clips_training_loss"}  # fmt: skip
    assert wanted <= pictures


def test_the_gallery_has_every_kind_with_frames(page, out):
    rows = rows_of(out / "figures" / "gallery_good.csv")
    assert {row[0] for row in rows[1:]} == {"found", "false alarm", "missed", "mixed up"}
    for row in rows[1:]:
        assert (out / "figures" / row[-1]).read_bytes().startswith(b"\xff\xd8")
    assert page.count("data:image/jpeg") >= len(rows) - 1
    assert "<b>HEADER</b> found as <b>DRIVE</b>" in page


def test_a_second_report_computes_no_net(runs, root, out, measured, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a net was run again")

    monkeypatch.setattr("onball.reports.runs.Spotter.from_pretrained", refuse)
    monkeypatch.setattr("onball.reports.runs.classify_matches", refuse)
    _, spotter, clips = read_runs([runs / name for name in RUNS])
    matches, kept = find_matches(root, "test"), out / "predictions"
    again = evaluate_spotter(spotter, "test", matches, kept, device="cpu")
    assert again.report.result == measured["untrained"].result
    assert evaluate_classifier(clips, "test", matches, root, kept, device="cpu")


def test_an_evaluation_of_other_labels_or_an_older_model_is_not_taken(
    runs, root, tmp_path, measured
):
    folder = tmp_path / "good"
    shutil.copytree(runs / "good", folder)
    (run,) = read_runs([folder])
    matches = find_matches(root, "test")

    def value() -> float:
        one = evaluate_spotter(run, "test", matches, tmp_path / "kept", device="cpu")
        return one.report.result.map10

    assert value() == measured["good"].result.map10
    weights = run.folder.model / "model.safetensors"
    later = weights.stat().st_mtime + 1000
    os.utime(weights, (later, later))
    assert value() != measured["good"].result.map10
    os.utime(weights, (1, 1))
    assert value() == measured["good"].result.map10
    write_json_atomic(folder / "evaluation/test/metrics.json", {"result": {"labels": {"PASS": 9}}})
    assert value() != measured["good"].result.map10


def test_it_looks_right_in_a_browser(out):
    sync_api = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium here")
    said: list[str] = []
    asked: list[str] = []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 390, "height": 844})
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.on("request", lambda request: asked.append(request.url))
        tab.goto((out / "report.html").as_uri())
        for width in (390, 1400):
            tab.set_viewport_size({"width": width, "height": 844})
            assert tab.evaluate("document.documentElement.scrollWidth") == width
        assert tab.locator(".panel").nth(0).is_visible()
        tab.click("label[for=run-1]")
        assert tab.locator(".panel").nth(1).is_visible()
        assert not tab.locator(".panel").nth(0).is_visible()
        browser.close()
    assert said == []
    assert all(url.startswith(("file:", "data:")) for url in asked)
