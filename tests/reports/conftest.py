"""Fixtures of the tests of reports: a report of two tiny spotting runs and a clip classifier."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_runs import write_run

from onball.actions import ACTIONS, Action
from onball.data.layout import find_matches
from onball.evaluation.metrics import SpottingReport, report_spotting
from onball.events import Event, EventList
from onball.files import write_json_atomic
from onball.formats.soccernet import read_labels, read_results, write_labels, write_results
from onball.reports.report import write_report
from onball.video import VideoWriter

RUNS = ("good", "untrained", "clips")
"""Names of the runs: one with predictions of `onball evaluate`, one without, and a clip classifier."""


@pytest.fixture(scope="package", autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="package", autouse=True)
def small_images() -> Iterator[None]:
    """Write the charts of reports as PNG files of few pixels, which takes less time."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("onball.reports.figures.PNG_DPI", 40)
        yield


def write_match(folder: Path, seed: int) -> None:
    """Write 8 s of noise with eight labels of three actions."""
    rng = np.random.default_rng(seed)
    with VideoWriter(folder / "224p.mp4", (64, 36), 25) as writer:
        for _ in range(200):
            writer.write(rng.integers(0, 255, (36, 64, 3), np.uint8))
    events = [Event(600 + 900 * i, ACTIONS[i % 3]) for i in range(8)]
    write_labels(EventList.of(events), folder / "Labels-ball.json")


def write_evaluation(run: Path, root: Path) -> None:
    """Write the files of `onball evaluate`, with some detections late or of another action."""
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


@pytest.fixture(scope="package")
def made(
    make_once: Callable[..., tuple[Path, Path, Path]], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path, Path]:
    """Folders of a data set, of runs on it, and of their report, which tests only read."""

    def make() -> tuple[Path, Path, Path]:
        folder = tmp_path_factory.mktemp("reports")
        root, runs, out = folder / "noise", folder / "runs", folder / "report"
        for seed in range(2):
            write_match(root / "test" / "league" / "season" / f"match {seed}", seed)
        for seed, name in enumerate(RUNS):
            task = "classification" if name == "clips" else "spotting"
            write_run(runs / name, root, task, seed)
        write_evaluation(runs / "good", root)
        write_report([runs / name for name in RUNS], out, device="cpu", today=date(2026, 2, 3))
        return root, runs, out

    return make_once("reports", make)


@pytest.fixture(scope="package")
def root(made: tuple[Path, Path, Path]) -> Path:
    return made[0]


@pytest.fixture(scope="package")
def runs(made: tuple[Path, Path, Path]) -> Path:
    return made[1]


@pytest.fixture(scope="package")
def out(made: tuple[Path, Path, Path]) -> Path:
    return made[2]


@pytest.fixture(scope="package")
def page(out: Path) -> str:
    return (out / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="package")
def measured(root: Path, runs: Path, out: Path) -> dict[str, SpottingReport]:
    """Evaluation of each spotting run, computed from its files."""
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
