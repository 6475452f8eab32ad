"""The benchmark of the tracker: its figures on small matches, compared with counts by hand."""

from __future__ import annotations

import csv
import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from tiny_tracks import tiny_tracks, write_tiny_tracks

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "tracker_quality.py"


@pytest.fixture(scope="module")
def benchmark():
    pytest.importorskip("trackers")
    spec = importlib.util.spec_from_file_location("tracker_quality", BENCHMARK)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def balls(benchmark, places, ids=None):
    """Frames with a ball at each position, or without one for None."""
    frames = []
    for index, place in enumerate(places):
        there = place is not None
        box = np.array([[place - 1, 9, place + 1, 11]] if there else [], float).reshape(-1, 4)
        given = [0 if ids is None else ids[index]] if there else []
        frames.append(benchmark.Frame(np.array(given, np.int64), box))
    return frames


def near(benchmark):
    return lambda one, other: benchmark.near(one, other, 20.0)


def test_perfect_tracks_score_100(benchmark):
    truth = balls(benchmark, range(10))
    figures = benchmark.scores(truth, truth, near(benchmark))
    assert figures == pytest.approx(
        {"HOTA": 100, "DetA": 100, "AssA": 100, "IDF1": 100, "MOTA": 100, "switches": 0}
    )


def test_a_new_identity_halfway_lowers_association_but_not_detection(benchmark):
    truth = balls(benchmark, range(10))
    followed = balls(benchmark, range(10), [7] * 5 + [3] * 5)
    figures = benchmark.scores(truth, followed, near(benchmark))
    assert figures["DetA"] == pytest.approx(100)
    assert figures["AssA"] == pytest.approx(50)
    assert figures["HOTA"] == pytest.approx(100 * 0.5**0.5)
    assert figures["IDF1"] == pytest.approx(50)
    assert figures["switches"] == 1


def test_a_displaced_ball_scores_by_its_distance(benchmark):
    truth = balls(benchmark, range(10))
    close = benchmark.scores(truth, balls(benchmark, range(2, 12)), near(benchmark))
    far = benchmark.scores(truth, balls(benchmark, range(12, 22)), near(benchmark))
    # Similarity 0.9, of 19 thresholds from 0.05 to 0.95 one is not met; and 0.4, less than a half.
    assert close["DetA"] == pytest.approx(100 * 18 / 19)
    assert close["MOTA"] == pytest.approx(100)
    assert far["IDF1"] == 0
    assert far["DetA"] == pytest.approx(100 * 8 / 19)


def test_identities_end_at_a_cut_or_after_a_second_out_of_sight(benchmark):
    times = np.arange(0, 4000, 250)
    places = [5.0] * 8 + [None] * 2 + [5.0] * 2 + [None] * 3 + [5.0]
    ids = benchmark.in_sight(balls(benchmark, places), times, cuts_ms=(1000,))
    ids = [int(frame.ids[0]) if len(frame.ids) else None for frame in ids]
    # Half a second between is the same body; a second is not, and neither is one after the cut.
    assert ids == [0] * 4 + [1] * 4 + [None] * 2 + [1] * 2 + [None] * 3 + [2]


def test_perfect_boxes_are_tracked_perfectly_except_the_first_of_each_track(benchmark):
    truth = tiny_tracks(duration_ms=8000)
    figures = benchmark.measure(truth, "perfect", 12.5, 1.0, 0)
    frames = 100
    for what in ("people", "ball"):
        assert figures[f"{what} DetA"] == pytest.approx(100 * (frames - 1) / frames)
        assert figures[f"{what} switches"] == 0
    assert figures["whole HOTA"] == pytest.approx(figures["people HOTA"])


def test_worse_boxes_give_lower_figures(benchmark):
    truth = tiny_tracks(duration_ms=12_000)
    hota = [
        benchmark.measure(truth, level, 12.5, 1.0, 0)["people HOTA"]
        for level in ("perfect", "medium", "strong")
    ]
    assert hota[0] > hota[1] + 10 > hota[2] + 20


def test_the_benchmark_prints_a_table_and_writes_all_figures(
    benchmark, tmp_path, monkeypatch, capsys
):
    match = tmp_path / "test" / "league" / "season" / "Home - Away"
    match.mkdir(parents=True)
    (match / "224p.mp4").touch()
    write_tiny_tracks(match)
    out = tmp_path / "figures.csv"
    arguments = [str(tmp_path), "--fps", "12.5", "--levels", "mild", "--csv", str(out)]
    monkeypatch.setattr(sys, "argv", ["tracker_quality.py", *arguments])
    benchmark.main()
    table = capsys.readouterr().out.splitlines()
    assert len(table) == 3 and len({line.count("|") for line in table}) == 1
    (row,) = csv.DictReader(out.open())
    assert (row["fps"], row["level"]) == ("12.5", "mild")
    assert f"| {float(row['people IDF1']):.1f} |" in table[2]
