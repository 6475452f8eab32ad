"""`onball data stats` and `onball data check`."""

from __future__ import annotations

import json
import sys
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from rich.measure import Measurement

from onball.actions import ACTIONS, Action
from onball.assets import reference_statistics
from onball.cli.data import statistics_table
from onball.data.layout import write_splits
from onball.data.statistics import Reference
from onball.data.summary import DataStatistics
from onball.events import Event, EventList, Team
from onball.formats.soccernet import write_labels


def add_match(root: Path, name: str, events: list[Event]) -> None:
    write_labels(EventList.of(events, name), root / name / "Labels-ball.json")


def passes(count: int, step_ms: int = 1000) -> list[Event]:
    return [Event(i * step_ms, Action.PASS, team=Team.LEFT) for i in range(count)]


@pytest.fixture
def data(tmp_path) -> Path:
    """Three labelled matches, two of them in splits, and none with a video."""
    root = tmp_path / "data"
    add_match(root, "league/season/a", passes(31))
    add_match(root, "league/season/b", passes(11))
    add_match(root, "league/season/c", [Event(500, Action.GOAL, team=Team.RIGHT)])
    write_splits(root, {"train": ["league/season/a"], "valid": ["league/season/b"]})
    return root


def row(shown: str, start: str) -> list[str]:
    (line,) = [line for line in shown.splitlines() if start in line]
    return line.split(start, 1)[1].split()


def test_events_are_counted_per_split_and_in_total(onball, data):
    code, shown, error = onball("data", "stats", data)
    assert code == 0, error
    assert row(shown, "action")[:4] == ["train", "valid", "no", "split"]
    # 42 events in 30 s + 10 s of play, each gap 1 s, always the same team.
    assert row(shown, "■ PASS") == [
        "31",
        "11",
        "0",
        "42",
        "63.00",
        "1.00",
        "1.00",
        "1.00",
        "1.00",
        "11",
    ]
    assert row(shown, "■ GOAL") == ["0", "0", "1", "1", "1.50", "–", "–", "–", "–", "1"]
    assert "3 matches, 43 events, 0.7 minutes in play in 3 stretches" in shown


def test_one_split_can_be_chosen(onball, data):
    code, shown, _ = onball("data", "stats", data, "--split", "valid")
    assert code == 0
    assert row(shown, "■ PASS")[:2] == ["11", "66.00"]
    assert "\n1 match, 11 events, 0.2 minutes in play in 1 stretch (" in shown


def test_a_folder_of_labels_without_splits_is_accepted(onball, tmp_path):
    add_match(tmp_path, "a", passes(7))
    code, shown, error = onball("data", "stats", tmp_path)
    assert code == 0, error
    assert row(shown, "■ PASS")[:2] == ["7", "70.00"]


def test_a_part_of_the_official_matches_is_accepted(onball, tmp_path):
    name = "england_efl/2019-2020/2019-10-01 - Stoke City - Huddersfield Town"
    add_match(tmp_path, name, passes(7))
    code, shown, error = onball("data", "stats", tmp_path)
    assert code == 0, error
    assert row(shown, "■ PASS")[:2] == ["7", "70.00"]


def test_matches_without_labels_are_left_out_with_a_warning(onball, data):
    hidden = data / "league" / "season" / "d"
    hidden.mkdir()
    (hidden / "224p.mp4").write_bytes(b"not looked at")
    code, shown, error = onball("data", "stats", data)
    assert code == 0
    assert "3 matches" in shown and "1 of 4 matches without labels: left out" in error


def test_the_figures_are_also_written_as_json(onball, data, tmp_path):
    target = tmp_path / "out" / "stats.json"
    assert onball("data", "stats", data, "--json", target)[0] == 0
    content = json.loads(target.read_text())
    assert set(content["splits"]) == {"train", "valid", "no split", "all"}
    assert content["splits"]["all"]["in_play_minutes"] == pytest.approx(40 / 60)
    clips = content["splits"]["train"]["clips"]
    assert (clips["clips"], clips["with_events"], clips["holding"]["PASS"]) == (8, 8, 8)
    train = content["splits"]["train"]["actions"]["PASS"]
    assert train == {
        "events": 31,
        "per_in_play_minute": 62.0,
        "gap_s_p10_p50_p90": [1.0, 1.0, 1.0],
        "next_event_same_team_share": 1.0,
    }
    assert "reference" not in content


def test_figures_outside_the_tolerance_end_with_exit_code_1(onball, data, tmp_path):
    target = tmp_path / "stats.json"
    code, shown, error = onball("data", "stats", data, "--reference", "--json", target)
    assert code == 1
    assert "5 of 17 figures outside" in error and "Traceback" not in error
    found = row(shown, "per minute PASS")
    assert found[:2] == ["63.000", "13.667"] and found[-1] == "outside"
    # Not one shot, where a third of a shot is expected.
    assert row(shown, "per minute SHOT")[-4:] == ["too", "few", "to", "tell"]
    rows = json.loads(target.read_text())["reference"]
    assert len(rows) == 17 and not any(entry["within"] for entry in rows)
    assert sum(entry["verdict"] == "outside" for entry in rows) == 5


def test_play_with_the_rates_of_the_reference_is_within_the_tolerances(onball, tmp_path):
    add_match(tmp_path, "match", play_with_reference_rates())
    code, shown, error = onball("data", "stats", tmp_path, "--reference")
    assert code == 0, shown + error
    assert shown.count("within") == 17 and "outside" not in shown


def play_with_reference_rates() -> list[Event]:
    """Create one hundred minutes in play with the reference's rates, medians and teams.

    The actions are in random order.
    """
    reference = Reference.of(reference_statistics())
    rng = np.random.default_rng(0)
    counts = {action: round(100 * reference.per_minute[action]) for action in ACTIONS}
    labels = [action for action, count in counts.items() for _ in range(count)]
    rng.shuffle(labels)
    medians = {a: reference.median_gap_s.get(a, 1.5) for a in ACTIONS}
    # Most gaps are the median; the others are longer, to fill the hundred minutes.
    missing = 100 * 60 - sum(medians[Action(label)] for label in labels)
    longer = missing / (0.4 * len(labels))
    assert longer > 0
    events, time, team = [], 0.0, Team.LEFT
    for i, label in enumerate(labels):
        action = Action(label)
        events.append(Event(round(time * 1000), action, team=team))
        time += medians[action] + (longer if rng.random() < 0.4 else 0.0)
        if i % 100 < 22:
            team = team.other
    return events


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["nowhere"], "nowhere: no such folder"),
        (["."], "no match in it"),
        (["labels", "--split", "train"], "write splits.json"),
        (["labels", "--split", "training"], "unknown split 'training'"),
        (["bare"], "no labelled match"),
        (["broken"], "Labels-ball.json: broken JSON"),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_code_2(
    onball, tmp_path, monkeypatch, arguments, words
):
    monkeypatch.chdir(tmp_path)
    if arguments != ["."]:
        add_match(Path("labels"), "m", passes(3))
        for folder, file in (("bare", "224p.mp4"), ("broken", "Labels-ball.json")):
            (tmp_path / folder / "m").mkdir(parents=True)
            (tmp_path / folder / "m" / file).write_text("{")
    code, _, error = onball("data", "stats", *arguments)
    assert code == 2
    assert words in error.replace("\n", " ") and "Traceback" not in error


def test_a_splits_file_that_lists_an_absent_match_is_an_error(onball, data):
    write_splits(data, {"train": ["league/season/a", "league/season/z"]})
    code, _, error = onball("data", "stats", data)
    assert code == 2 and "league/season/z" in error


def test_the_length_of_the_counted_clips_can_be_chosen(onball, data):
    code, shown, _ = onball("data", "stats", data, "--clip-frames", 100, "--fps", 25)
    assert code == 0 and row(shown, "■ PASS")[-1] == "11"
    code, shown, _ = onball("data", "stats", data, "--clip-frames", 25, "--fps", 25)
    assert row(shown, "■ PASS")[-1] == "42" and row(shown, "■ GOAL")[-1] == "1"
    assert "of 43 clips of 25 frames at 25 per second (1 s, side by side" in shown


def test_the_table_fits_into_80_columns(data):
    wide = Console(width=300)
    table = statistics_table(DataStatistics.read(data))
    assert Measurement.get(wide, wide.options, table).minimum <= 80


def test_the_figures_can_be_drawn(onball, data, tmp_path):
    pytest.importorskip("matplotlib")
    target = tmp_path / "out" / "stats.png"
    code, _, error = onball("data", "stats", data, "--picture", target)
    assert code == 0, error
    assert target.read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize("option", ["--json", "--picture"])
def test_a_file_that_onball_did_not_write_is_not_replaced(onball, data, tmp_path, option):
    target = tmp_path / ("stats.json" if option == "--json" else "stats.png")
    target.write_text("mine")
    code, shown, error = onball("data", "stats", data, option, target)
    assert code == 2 and f"{target}: is there and was not written by onball" in error
    assert not shown and target.read_text() == "mine"
    assert onball("data", "stats", data, option, target, "--overwrite")[0] == 0
    assert target.read_text(errors="replace") != "mine"


def test_written_figures_are_renewed_unless_they_were_edited_or_are_of_other_data(
    onball, data, tmp_path
):
    target = tmp_path / "stats.json"
    assert onball("data", "stats", data, "--json", target)[0] == 0
    first = target.read_text()
    assert onball("data", "stats", data, "--json", target)[0] == 0
    assert target.read_text() == first
    code, _, error = onball("data", "stats", data, "--split", "valid", "--json", target)
    assert code == 2 and "split all instead of valid" in error and target.read_text() == first
    target.write_text("edited")
    code, shown, _ = onball("data", "stats", data, "--json", target)
    assert code == 0 and f"{target}: was edited, so it is kept; --overwrite replaces it" in shown
    assert target.read_text() == "edited"


def test_drawing_without_matplotlib_names_the_package_to_install(onball, data, monkeypatch):
    monkeypatch.delitem(sys.modules, "onball.reports.statistics", raising=False)
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    code, _, error = onball("data", "stats", data, "--picture", "stats.png")
    assert code == 2 and 'pip install "onball[plot]"' in error


def test_a_check_lists_each_problem_on_a_line_and_ends_with_exit_code_1(onball, data):
    code, shown, error = onball("data", "check", data)
    assert code == 1 and "Traceback" not in error
    lines = shown.splitlines()
    assert len(lines) == 4
    assert f"{data}/splits.json: 'league/season/c' is in no split: list it, else" in lines[0]
    assert lines[1] == f"{data}/league/season/a: no video: put 224p.mp4 there"
    assert "4 problems in 3 matches, 43 labels, 0 videos\n" in error


def test_a_check_without_problems_reports_the_amounts_checked(onball, tmp_path):
    sample = files("onball") / "assets" / "sample_match"
    code, shown, error = onball("data", "check", sample, "--full", "--fps", 25)
    assert code == 0, shown
    assert "no problem in 1 match, 29 labels, 1 video (" in shown and "decoded, all)" in shown
    assert "100%" in error


def test_a_check_of_an_empty_folder_is_an_error(onball, tmp_path):
    code, _, error = onball("data", "check", tmp_path)
    assert code == 2 and "no match in it" in error
