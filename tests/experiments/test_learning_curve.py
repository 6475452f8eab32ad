"""The benchmark of few labels: its clubs, choice of minutes, tables and figure, and a tiny run."""

from __future__ import annotations

import importlib
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from onball import Action, Event, EventList, read_frames, read_labels
from onball.simulator.cameras import CameraSetup
from onball.simulator.look.kits import OTHERS_DISTANCE
from onball.simulator.look.look import Look

ROOT = Path(__file__).parents[2]


@pytest.fixture
def clubs(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    yield importlib.import_module("learning_curve_clubs")
    sys.modules.pop("learning_curve_clubs", None)


@pytest.fixture
def results(clubs):
    yield importlib.import_module("learning_curve_results")
    sys.modules.pop("learning_curve_results", None)


@pytest.fixture
def curve(results):
    yield importlib.import_module("learning_curve")
    sys.modules.pop("learning_curve", None)


def row(results, club="phone", method="features", minutes=5, seed=0, map10=30.0):
    return results.Row(
        club=club, method=method, minutes=minutes, seed=seed, map10=map10, labels=9, steps=52,
        train_s=2.5, test_labels=232, model="demo_model", settings="training.epochs=4; a=b",
        hardware="2 CPU cores",
    )  # fmt: skip


def table(*rows):
    return {one.key: one for one in rows}


def test_ground_camera_and_lens_of_the_clubs_are_beyond_those_of_all_other_matches(clubs):
    setups = [CameraSetup.random(seed) for seed in range(200)]
    looks = [Look.random(seed) for seed in range(200)]
    for club in clubs.CLUBS:
        look = club.look(club.seed)
        for name in ("height", "player_px", "back"):
            usual = [getattr(setup, name) for setup in setups]
            assert not min(usual) <= getattr(club.camera, name) <= max(usual), name
        for name in ("distortion", "grain", "saturation"):
            usual = [getattr(other.lens, name) for other in looks]
            assert not min(usual) <= getattr(look.lens, name) <= max(usual), name
        grass = np.array([other.turf.grass for other in looks])
        assert np.abs(grass - look.turf.grass).max(axis=1).min() > 15


def test_matches_of_a_club_differ_by_the_visitors_alone(clubs):
    for club in clubs.CLUBS:
        one, other = club.look(1), club.look(2)
        assert replace(one, outfits=other.outfits) == other
        assert one.outfits.teams[0] == other.outfits.teams[0] == club.home
        assert one.outfits.people[1].kit == club.home
        for look in (one, other):
            shirt = look.outfits.teams[1].shirt
            assert clubs.colour_distance(shirt, club.home.shirt) > OTHERS_DISTANCE


@pytest.mark.medium
def test_frames_that_the_net_samples_are_painted_and_the_others_repeated(
    clubs, tmp_path, monkeypatch
):
    monkeypatch.setattr(clubs, "MATCH_MINUTES", 1)
    monkeypatch.setattr(clubs, "MINUTE_MS", 1600)
    match = clubs.PHONE_CLUB.match(0)
    clubs.render_pieces(match, [tmp_path / "0", tmp_path / "1"], 800)
    (batch,) = read_frames(
        tmp_path / "1" / "224p.mp4", fps=12.5, size=clubs.PHONE_CLUB.size, batch_frames=99
    )
    assert batch.pts_ms.tolist() == list(range(0, 800, 80))
    for time_ms, frame in zip(batch.pts_ms.tolist(), batch.frames, strict=True):
        shown = round(round(time_ms * 30 / 1000) * 1000 / 30)  # nearest of 30 frames per second
        difference = np.abs(match.frame(800 + shown).astype(int) - frame)
        assert difference.mean() < 6, time_ms  # compression


def test_minutes_are_nested_and_come_from_the_first_matches_as_long_as_they_suffice(curve):
    pool = [str(number) for number in range(40)]
    two, ten, all_of_two, forty = (curve.random_minutes(pool, n, 1) for n in (2, 10, 20, 40))
    assert two == ten[:2] and ten == all_of_two[:10] and all_of_two == forty[:20]
    assert sorted(all_of_two, key=int) == pool[:20] and sorted(forty, key=int) == pool
    assert ten != curve.random_minutes(pool, 10, 2)


def test_confidences_near_a_half_are_the_least_certain(curve):
    def events(*confidences):
        return EventList.of([Event(0, Action.PASS, confidence=value) for value in confidences])

    assert curve.uncertainty(events(0.5, 0.4)) == pytest.approx(0.9)
    assert curve.uncertainty(events(0.99, 0.02, 0.01)) == pytest.approx(0.04)
    assert curve.uncertainty(events()) == 0.0


def test_chance_rises_with_the_rate_of_labels_and_is_the_same_each_time(curve):
    dense, sparse = (
        EventList.of([Event(time_ms, Action.PASS) for time_ms in range(0, 60_000, step)])
        for step in (1000, 20_000)
    )
    high, low = (curve.chance_level(labels, 60_000, draws=20) for labels in (dense, sparse))
    assert 0 <= low < high < 0.1  # of one class of ten
    assert high == curve.chance_level(dense, 60_000, draws=20)


def test_rows_are_read_as_they_were_written_in_one_order(results, tmp_path):
    rows = [
        row(results, seed=1),
        row(results, method=results.CHANCE, minutes=0),
        row(results, club="a"),
    ]
    results.write_rows(tmp_path / "one.csv", table(*rows))
    results.write_rows(tmp_path / "other.csv", table(*reversed(rows)))
    assert results.read_rows(tmp_path / "one.csv") == table(*rows)
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "other.csv").read_bytes()
    assert results.read_rows(tmp_path / "missing.csv") == {}


def test_the_table_names_what_was_not_run(results):
    features = [
        row(results, club, "features", 5, seed, 30.0 + seed) for club in "ab" for seed in (0, 2)
    ]
    alone = table(*features[:2], row(results, "a", results.START, 0, 0, 20.0))
    lines = results.markdown(alone, ["a", "b"]).splitlines()
    # Two seeds: variance 2 with one degree of freedom, standard error 1, t = 12.706.
    assert "| a | 5 | 31.0 ± 12.7 (2) | not run | not run | not run |" in lines
    assert "| a | 0 | 20.0 (1) | | | |" in lines
    assert "| a | 40 | not run | – | not run | not run |" in lines
    assert lines[-1] == "| b | 0 to 40 | not run | not run | not run | not run |"
    both = results.markdown(table(*features), ["a", "b"]).splitlines()
    # Variance 2 with two degrees of freedom, standard error √(2 · (1/2 + 1/2)) / 2, t = 4.303.
    assert "| mean | 5 | 31.0 ± 3.0 (4) | not run | not run | not run |" in both


def test_the_page_shows_the_rows_of_the_repository(results, clubs):
    rows = results.read_rows(ROOT / "results" / "learning_curve.csv")
    shown = results.markdown(rows, [club.name for club in clubs.CLUBS])
    assert shown in (ROOT / "docs" / "own_data.md").read_text(encoding="utf-8")


def test_the_figure_shows_each_club_with_all_methods_that_were_run(results, tmp_path):
    rows = table(
        *(
            row(results, "a", method, n, s, 20.0 + n + s)
            for method in results.METHODS
            for n in (2, 5)
            for s in (0, 1)
        ),
        row(results, "a", results.START, 0, 0, 21.0),
        row(results, "b", "tuned", 5, 0, 25.0),
    )
    figure = results.draw(rows, ["a", "b"])
    one, other = figure.axes
    labels = [line.get_label() for line in one.get_lines()]
    titles = list(results.TITLES.values())
    assert [label for label in labels if label in titles] == titles
    assert [line.get_label() for line in other.get_lines()] == [results.TITLES["tuned"]]
    features = one.get_lines()[labels.index(titles[0])]
    assert features.get_ydata().tolist() == [22.5, 25.5]
    assert [text.get_text() for text in one.texts].count("not run") == 3  # of five minutes


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_a_tiny_curve_is_measured_and_continued(
    curve, results, clubs, tmp_path, monkeypatch, capsys
):
    for module in (curve, clubs):
        monkeypatch.setattr(module, "MINUTE_MS", 8000)
        monkeypatch.setattr(module, "MATCH_MINUTES", 2)
    for module in (curve, results):
        monkeypatch.setattr(module, "POOL", 2)
        monkeypatch.setattr(module, "MINUTES", (1, 2))
    few = ("training.epochs=1", "training.clips_per_epoch=4", "data.clip_frames=10")
    monkeypatch.setattr(curve, "BUDGET", few)
    out, plot = tmp_path / "curve", tmp_path / "plot.png"
    command = ["learning_curve.py", "--out", str(out), "--clubs", "phone", "--seeds", "1"]
    monkeypatch.setattr(sys, "argv", command)
    curve.main()
    shown = capsys.readouterr().out
    rows = curve.read_rows(out / "results.csv")
    measured = {(one.method, one.minutes) for one in rows.values()}
    everywhere = {(method, n) for method in ("features", "tuned", "scratch") for n in (1, 2)}
    assert measured == everywhere | {("uncertain", 1), (curve.START, 0), (curve.CHANCE, 0)}
    for one in rows.values():
        trained = one.method in curve.METHODS
        assert (one.steps, one.labels > 0) == ((1, True) if trained else (0, False)), one
        assert one.model == "demo_model" and str(tmp_path) not in str(one)
    assert shown.count("phone, ") == len(rows) and "| roof | 0 to 2 | not run" in shown
    before = (out / "results.csv").read_bytes()
    monkeypatch.setattr(curve, "train", lambda *args, **kwargs: pytest.fail("trains again"))
    monkeypatch.setattr(sys, "argv", [*command, "--plot", str(plot)])
    curve.main()
    assert (out / "results.csv").read_bytes() == before and plot.read_bytes()[:4] == b"\x89PNG"
    labels = read_labels(
        out / "phone" / "data" / "train" / "match-1-minute-01" / "Labels-ball.json"
    )
    assert all(0 <= event.position_ms < 8000 for event in labels)
