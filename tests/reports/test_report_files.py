"""Figures beside the page: PNG and CSV files."""

from __future__ import annotations

import csv
from pathlib import Path

from onball.actions import Action


def rows_of(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_the_csv_files_hold_the_numbers_of_the_evaluation(out, measured):
    figures = out / "figures"
    good = measured["good"]
    ap = {row[0]: row for row in rows_of(figures / "ap.csv")}
    assert float(ap["PASS"][2]) == 100 * good.result.ap[Action.PASS]
    bars = {row[0]: row[1:] for row in rows_of(figures / "map10.csv")[1:]}
    assert float(bars["good"][0]) == 100 * good.result.map10
    intervals = good.intervals["blocks"]
    assert [float(v) for v in bars["good"][1:]] == [100 * v for v in intervals.means["map10"]]
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


def test_every_figure_is_a_png_and_a_csv_file(out):
    figures = out / "figures"
    images = {path.stem for path in figures.glob("*.png")}
    assert images <= {path.stem for path in figures.glob("*.csv")}
    wanted = {"training_loss", "map12", "parameters", "gflops", "tolerance", "timing_good",
              "confusion_untrained", "pr_THROW_IN", "clips_map10", "clips_training_loss"}  # fmt: skip
    assert wanted <= images
