"""The benchmark that labels simulated matches as SoccerNet-v2 is labelled."""

from __future__ import annotations

import sys

import pytest

from onball.actions import Action
from onball.events import Event, EventList
from onball.formats.soccernet import write_labels
from onball.formats.soccernet_v2 import read_v2_labels


@pytest.fixture
def benchmark(import_benchmark):
    return import_benchmark("simulated_soccernet_v2")


def test_two_matches_become_the_halves_of_one(benchmark, monkeypatch, tmp_path):
    halves = (
        [(1000, Action.PASS), (2000, Action.SHOT), (3500, Action.GOAL), (9000, Action.SHOT)],
        [(61_500, Action.OUT), (70_000, Action.THROW_IN), (80_000, Action.FREE_KICK)],
    )
    for number, events in enumerate(halves, start=1):
        folder = tmp_path / "data" / "train" / f"match {number}"
        folder.mkdir(parents=True)
        (folder / "224p.mp4").write_bytes(b"half %d" % number)
        labels = EventList.of([Event(time_ms, action) for time_ms, action in events])
        write_labels(labels, folder / "Labels-ball.json")

    arguments = ["simulated_soccernet_v2.py", str(tmp_path / "data"), "--out", str(tmp_path / "v2")]
    monkeypatch.setattr(sys, "argv", arguments)
    benchmark.main()

    (labels_file,) = (tmp_path / "v2").rglob("Labels-v2.json")
    found = [(event.half, event.position_ms, event.label) for event in read_v2_labels(labels_file)]
    assert found == [
        (1, 2000, "Shots on target"),
        (1, 3500, "Goal"),
        (1, 9000, "Shots off target"),
        (2, 61_500, "Ball out of play"),
        (2, 70_000, "Throw-in"),
        (2, 80_000, "Direct free-kick"),
    ]
    videos = [(labels_file.parent / f"{half}_224p.mp4").read_bytes() for half in (1, 2)]
    assert videos == [b"half 1", b"half 2"]
