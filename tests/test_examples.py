"""The programs of `examples/` run as their docstrings say."""

from __future__ import annotations

import io
import runpy
import sys
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from tiny_matches import write_flashes

from onball.assets import sample_match
from onball.formats.event_table import read_event_table
from onball.formats.soccernet import read_labels, read_results, write_results
from onball.video import cut_video, probe

EXAMPLES = Path(__file__).parents[1] / "examples"


def run_example(folder: Path, name: str, *arguments: object) -> list[str]:
    """Run an example in a folder and return what it prints."""
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patched, redirect_stdout(printed):
        patched.chdir(folder)
        patched.setattr(sys, "argv", [name, *map(str, arguments)])
        runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    return printed.getvalue().splitlines()


@pytest.fixture
def run(tmp_path):
    """Function that runs an example in an empty folder and returns what it prints."""
    return partial(run_example, tmp_path)


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    """Eight seconds of the bundled match, with passes and drives."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    cut_video(sample_match() / "224p.mp4", 58_000, 66_000, path)
    return path


@pytest.fixture(scope="module")
def spotted(clip, tmp_path_factory) -> tuple[list[str], Path]:
    """Lines printed by `spot_video` for the clip, and the folder of its results."""
    folder = tmp_path_factory.mktemp("spotted")
    return run_example(folder, "spot_video", clip), folder


def test_the_examples_are_short():
    lengths = {path.name: len(path.read_text("utf-8").splitlines()) for path in EXAMPLES.iterdir()}
    assert len(lengths) == 7 and max(lengths.values()) <= 60, lengths


@pytest.mark.medium
def test_a_video_is_spotted_and_its_events_are_saved(spotted):
    (*lines, total), folder = spotted
    events = read_results(folder / "results_spotting.json")
    assert len(lines) == len(events) > 3 and total == f"{len(events)} events in clip.mp4"
    assert len(read_event_table(folder / "events.csv")) == len(events)


@pytest.mark.medium
def test_frames_of_a_stream_give_nearly_the_same_events(run, clip, spotted):
    lines = run("stream_frames", clip)
    events = read_results(spotted[1] / "results_spotting.json")
    assert abs(len(lines) - len(events)) <= 2  # frames are scaled by another method


def test_predictions_equal_to_the_labels_score_one_hundred(run, tmp_path):
    labels = sample_match() / "Labels-ball.json"
    write_results(read_labels(labels), tmp_path / "perfect.json")
    head, *rows, mean = run("evaluate_predictions", tmp_path / "perfect.json", labels)
    counts = {action: n for action, n in read_labels(labels).counts().items() if n}
    assert head.split() == ["action", "labels", "AP"] and len(rows) == len(counts)
    assert all(row.endswith(" 100.0") for row in rows)
    assert mean == f"mAP over 12 actions: {100 * len(counts) / 12:.1f}"


@pytest.mark.medium
def test_a_simulated_match_is_drawn(run, tmp_path):
    lines = run("simulate_and_look", 0.1, 3)
    assert len(lines) >= 2 and "by the team on the" in lines[0]
    assert (tmp_path / "actions.png").stat().st_size > 10_000
    assert (tmp_path / "timeline.png").is_file()
    assert probe(next((tmp_path / "data").rglob("224p.mp4"))).duration_ms == 6000


@pytest.mark.slow
def test_a_model_is_trained_on_simulated_data_and_spots(run):
    lines = run("train_on_own_data")
    assert lines[0] == "{'train': 2, 'valid': 1, 'test': 1}"
    assert [line.split(":")[0] for line in lines[1:3]] == ["epoch 1", "epoch 2"]
    assert lines[3].endswith(" candidates")


@pytest.mark.medium
def test_a_model_is_trained_on_ones_own_data_and_spots(run, tmp_path):
    for seed, split in enumerate(("train", "valid", "test")):
        write_flashes(tmp_path / "mine" / split / "league" / "season" / f"match {seed}", seed)
    lines = run("train_on_own_data", tmp_path / "mine")
    assert lines[0] == "{'train': 1, 'valid': 1, 'test': 1}"
    assert np.isfinite([float(line.rpartition(" ")[2]) for line in lines[1:3]]).all()
    assert lines[3].startswith("league/season/match 2: ") and lines[3].endswith(" candidates")
