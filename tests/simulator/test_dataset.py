"""Simulated data sets on disk: layout, determinism, resuming, true boxes."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from onball.actions import Action
from onball.data.layout import VIDEO_FILE, find_matches, write_splits
from onball.errors import InputError, OnballError
from onball.formats.camera_parquet import distort
from onball.formats.parquet import arrow_schema
from onball.formats.soccernet import read_labels
from onball.formats.tracks_parquet import COLUMNS
from onball.outputs import OutputConflictError
from onball.progress import Progress
from onball.simulator.dataset import Outputs, simulate, write_dataset, write_match
from onball.simulator.planning import CRF_RANGE, PRESETS, RATES, SIZES, plan_dataset
from onball.simulator.play.match import action_rates, play_match
from onball.simulator.rendering import MatchPlan, MatchRenderer
from onball.simulator.truth import BALL_ID, TRUTH_COLUMNS
from onball.video.reading import read_frames

PLAN = MatchPlan(seed=3, duration_ms=5200, fps=12.5, crf=20)


@pytest.fixture(scope="module")
def match(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("match") / "league" / "season" / "match"
    write_match(PLAN, folder, "league/season/match")
    return folder


def test_labels_lie_on_frames_of_the_video(match):
    labels = read_labels(match / "Labels-ball.json")
    times = np.concatenate([b.pts_ms for b in read_frames(match / "224p.mp4", fps=None, size=None)])
    assert np.array_equal(times, np.arange(65) * 80)
    assert len(labels) and all(event.position_ms in times for event in labels)


def test_the_same_plan_gives_the_same_bytes(match, tmp_path):
    again = tmp_path / "again"
    write_match(PLAN, again, "league/season/match")
    for name in sorted(path.name for path in match.iterdir()):
        assert (again / name).read_bytes() == (match / name).read_bytes(), name


def test_true_boxes_contain_the_painted_ball(match):
    tracks = pq.read_table(match / "tracks.parquet")
    assert tracks.schema.equals(arrow_schema((*COLUMNS, *TRUTH_COLUMNS)))
    frame = tracks.to_pylist()
    balls = [row for row in frame if row["track_id"] == BALL_ID]
    assert len(balls) > 40
    frames = np.concatenate(
        [b.frames for b in read_frames(match / "224p.mp4", fps=None, size=None)]
    ).astype(int)
    brighter = []
    for row in balls[::3]:
        image = frames[row["time_ms"] // 80].sum(axis=2)
        x, y = round((row["x0"] + row["x1"]) / 2), round((row["y0"] + row["y1"]) / 2)
        if 6 <= x < 390 and 6 <= y < 216:
            around = image[y - 6 : y + 7, x - 6 : x + 7]
            brighter.append(image[y - 1 : y + 2, x - 1 : x + 2].max() > np.median(around) + 60)
    assert np.mean(brighter) > 0.8, "the ball is a bright dot in its box"


def test_a_data_set_has_the_layout_of_soccernet_and_is_not_simulated_twice(tmp_path):
    plan = MatchPlan(seed=0, duration_ms=400, width=64, height=36)
    splits = plan_dataset(4, {"train": 1, "valid": 1, "test": 0}, plan)
    reports: list[Progress] = []
    written = write_dataset(tmp_path, splits, processes=2, progress=reports.append)
    assert written == (*splits["train"], *splits["valid"])
    assert (reports[-1].done, reports[-1].total) == (20, 20)
    assert [m.name for m in find_matches(tmp_path, "train")] == list(splits["train"])
    assert [m.name for m in find_matches(tmp_path, "valid")] == list(splits["valid"])
    before = len(reports)
    assert write_dataset(tmp_path, splits, progress=reports.append) == ()
    assert len(reports) == before, "no frame is rendered twice"
    hidden = [path for path in tmp_path.rglob("*") if path.name.startswith(".")]
    assert not hidden, "nothing half-written is left"


def test_several_processes_paint_a_match_as_one_does(tmp_path):
    plan = MatchPlan(seed=3, duration_ms=2400, width=64, height=36)
    write_match(plan, tmp_path / "one", "m")
    write_match(plan, tmp_path / "several", "m", painters=2)
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert VIDEO_FILE in files
    for name in files:
        assert (tmp_path / "several" / name).read_bytes() == (tmp_path / "one" / name).read_bytes()


def test_a_killed_painter_ends_the_match_with_one_line(tmp_path):
    # The painters cannot end before: they have more to send than a pipe holds.
    plan = MatchPlan(seed=3, duration_ms=3000, width=64, height=36)
    splits = plan_dataset(4, {"train": 1}, plan)

    def kill(progress: Progress) -> None:
        for painter in multiprocessing.active_children():
            painter.kill()

    with pytest.raises(OnballError, match="was killed, perhaps for lack of memory"):
        write_dataset(tmp_path, splits, processes=2, progress=kill)
    assert not list(tmp_path.rglob(VIDEO_FILE)), "nothing half-written is left"


def test_a_second_data_set_in_the_same_folder_keeps_the_first(tmp_path):
    plan = MatchPlan(seed=0, duration_ms=200, width=64, height=36)
    first = plan_dataset(4, {"train": 2, "valid": 1}, plan)
    second = plan_dataset(5, {"train": 1, "test": 1}, plan)
    write_dataset(tmp_path, first)
    write_dataset(tmp_path, second)
    found = {split: [m.name for m in find_matches(tmp_path, split)] for split in first}
    assert found == {split: [*first[split], *second[split]] for split in first}


def test_a_match_with_other_settings_is_not_overwritten(tmp_path):
    plan = MatchPlan(seed=0, duration_ms=400, width=64, height=36)
    counts = {"train": 1, "valid": 0, "test": 0}
    write_dataset(tmp_path, plan_dataset(4, counts, plan))
    longer = MatchPlan(seed=0, duration_ms=800, width=64, height=36)
    changes = r"holds a match with duration_ms 400 instead of 800: --overwrite replaces it"
    with pytest.raises(OutputConflictError, match=changes):
        write_dataset(tmp_path, plan_dataset(4, counts, longer))
    (name,) = write_dataset(tmp_path, plan_dataset(4, counts, longer), overwrite=True)
    assert json.loads((tmp_path / name / "simulation.json").read_text())["duration_ms"] == 800
    assert write_dataset(tmp_path, plan_dataset(4, counts, longer)) == ()


def test_a_match_whose_labels_were_edited_is_kept(tmp_path):
    plan = MatchPlan(seed=0, duration_ms=400, width=64, height=36)
    splits = plan_dataset(4, {"train": 1}, plan)
    (name,) = write_dataset(tmp_path, splits, outputs=Outputs(video=False))
    labels = tmp_path / name / "Labels-ball.json"
    labels.write_text("edited")
    assert write_dataset(tmp_path, splits, outputs=Outputs(video=False)) == ()
    assert labels.read_text() == "edited"


def test_a_folder_that_is_no_match_is_not_replaced(tmp_path):
    splits = plan_dataset(4, {"train": 1}, PLAN)
    folder = tmp_path / next(iter(splits["train"]))
    folder.mkdir(parents=True)
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(OutputConflictError, match="is there and was not simulated"):
        write_dataset(tmp_path, splits)
    assert (folder / "notes.txt").read_text() == "mine"


def test_an_interrupted_match_leaves_no_finished_folder(tmp_path):
    def interrupt(progress: Progress) -> None:
        assert 0 < progress.done < progress.total
        raise KeyboardInterrupt

    folder = tmp_path / "match"
    plan = MatchPlan(seed=1, duration_ms=1200, width=64, height=36)
    with pytest.raises(KeyboardInterrupt):
        write_match(plan, folder, "m", progress=interrupt)
    assert not folder.exists()


def test_no_two_splits_or_data_sets_share_a_seed():
    seeds = [
        plan.seed
        for seed in (0, 1)
        for matches in plan_dataset(
            seed, dict.fromkeys(("train", "valid", "test"), 5), PLAN
        ).values()
        for plan in matches.values()
    ]
    assert len(set(seeds)) == len(seeds) == 30


def test_another_process_renders_the_same_frames(match):
    program = (
        "import hashlib; from onball.simulator.rendering import MatchRenderer, MatchPlan;"
        f"renderer = MatchRenderer(MatchPlan(seed={PLAN.seed}, duration_ms={PLAN.duration_ms}));"
        "print(hashlib.sha256(b''.join(renderer.frame(t).tobytes() for t in (0, 2000, 5000))).hexdigest())"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120
    )
    renderer = MatchRenderer(PLAN)
    here = hashlib.sha256(b"".join(renderer.frame(t).tobytes() for t in (0, 2000, 5000)))
    assert run.stdout.strip() == here.hexdigest()


def test_cameras_project_true_positions_into_true_boxes(match):
    cameras = {row["time_ms"]: row for row in pq.read_table(match / "camera.parquet").to_pylist()}
    assert list(cameras) == list(range(0, 5200, 80))
    k1 = MatchRenderer(PLAN).look.distortion
    checked = 0
    for row in pq.read_table(match / "tracks.parquet").to_pylist():
        if row["track_id"] != BALL_ID or row["time_ms"] % 400:
            continue
        camera = cameras[row["time_ms"]]
        assert camera["view"] == "main" and camera["k1"] == pytest.approx(k1)
        matrix = np.array([camera[f"m{i // 4}{i % 4}"] for i in range(12)]).reshape(3, 4)
        pixel = matrix @ [row["pitch_x"], row["pitch_y"], row["pitch_z"], 1.0]
        x, y = distort(pixel[:2] / pixel[2], 398, 224, k1)
        assert row["x0"] - 0.5 <= x <= row["x1"] + 0.5 and row["y0"] - 0.5 <= y <= row["y1"] + 0.5
        checked += 1
    assert checked > 5


def test_without_video_there_are_labels_and_tracks_of_the_same_match(match, tmp_path):
    folder = tmp_path / "match"
    write_match(PLAN, folder, "league/season/match", Outputs(video=False))
    assert sorted(path.name for path in folder.iterdir()) == [
        "Labels-ball.json", "simulation.json", "tracks.parquet",
    ]  # fmt: skip
    assert (folder / "Labels-ball.json").read_bytes() == (match / "Labels-ball.json").read_bytes()
    rows = pq.read_table(folder / "tracks.parquet").to_pylist()
    assert {row["time_ms"] for row in rows} == set(range(0, 5200, 40))
    assert all(np.isnan(row["x0"]) for row in rows)


def test_boxes_and_cameras_without_a_video_are_those_of_the_video(tmp_path):
    plan = MatchPlan(seed=3, duration_ms=800, width=128, height=72, fps=12.5)
    write_match(plan, tmp_path / "shown", "m")
    write_match(plan, tmp_path / "unseen", "m", Outputs(video=False, boxes=True))
    names = ["Labels-ball.json", "camera.parquet", "simulation.json", "tracks.parquet"]
    assert sorted(path.name for path in (tmp_path / "unseen").iterdir()) == names
    for name in ("camera.parquet", "tracks.parquet"):
        shown, unseen = (
            pq.read_table(tmp_path / match / name).replace_schema_metadata()
            for match in ("shown", "unseen")
        )
        assert shown.equals(unseen), name


def test_boxes_are_an_option_of_matches_without_a_video(tmp_path):
    with pytest.raises(InputError, match="--boxes is for --no-video"):
        simulate(tmp_path / "none", "tiny", boxes=True)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("rare", [0.5, 50])
def test_the_factor_of_rare_actions_has_limits(tmp_path, rare):
    with pytest.raises(InputError, match=r"--rare .* 1 to 20 are possible"):
        simulate(tmp_path / "none", "tiny", rare=rare)


def test_settings_that_are_the_former_ones_are_not_stored(match):
    stored = json.loads((match / "simulation.json").read_text())
    assert not {"look", "rare", "boxes"} & set(stored)


def test_rare_actions_have_higher_rates_and_frequent_ones_the_same():
    usual, wanted = action_rates(), action_rates(6)
    assert wanted[Action.GOAL] == pytest.approx(6 * usual[Action.GOAL])
    assert usual[Action.SHOT] < wanted[Action.SHOT] < 1
    assert all(wanted[action] == usual[action] for action in (Action.PASS, Action.HEADER))


@pytest.mark.slow
def test_rare_actions_are_more_frequent_in_matches():
    counts = [
        Counter(
            event.label
            for seed in range(900, 903)
            for event in play_match(seed, 600_000, rare=rare).events
        )
        for rare in (1, 6)
    ]
    rare = (Action.GOAL, Action.PLAYER_SUCCESSFUL_TACKLE, Action.FREE_KICK)
    usual, wanted = (sum(count[action] for action in rare) for count in counts)
    assert wanted > 2.5 * usual
    assert counts[1][Action.PASS] > 0.7 * counts[0][Action.PASS]


def test_mot_text_is_written_on_request(tmp_path):
    plan = MatchPlan(seed=3, duration_ms=400, width=128, height=72)
    write_match(plan, tmp_path / "m", "m", Outputs(mot=True))
    lines = (tmp_path / "m" / "gt" / "gt.txt").read_text().splitlines()
    assert {line.split(",")[0] for line in lines} == {str(frame) for frame in range(1, 11)}


def test_the_benchmark_agrees_with_its_documentation():
    bench = PRESETS["bench"]
    assert bench.counts == {"train": 4, "valid": 1, "test": 2}
    assert (bench.minutes, bench.halves, bench.size) == (20, 2, (398, 224))
    plan = MatchPlan(seed=0, duration_ms=1000, crf=None)
    crfs = [
        p.crf for s in plan_dataset(bench.seed, bench.counts, plan).values() for p in s.values()
    ]
    assert len(set(crfs)) > 2 and all(CRF_RANGE[0] <= crf <= CRF_RANGE[1] for crf in crfs)


def test_sizes_and_rates_vary_on_request():
    plan = MatchPlan(seed=0, duration_ms=1000, crf=None)
    plans = plan_dataset(1, {"train": 60}, plan, vary=True)["train"].values()
    assert {(p.width, p.height) for p in plans} == set(SIZES)
    assert {p.fps for p in plans} == set(RATES)


def test_the_plan_is_stored_beside_the_match(match):
    assert json.loads((match / "simulation.json").read_text())["seed"] == PLAN.seed


def test_the_options_of_the_command_are_arguments_of_a_function(tmp_path):
    options = {"train": 1, "valid": 0, "minutes": 0.01, "size": (64, 36), "processes": 1}
    first = simulate(tmp_path, "tiny", **options)
    assert first.matches == first.written and len(first.matches) == 2
    assert [m.name for m in find_matches(tmp_path, "test")] == [first.matches[1]]
    settings = json.loads((tmp_path / first.matches[0] / "simulation.json").read_text())
    assert (settings["duration_ms"], settings["width"], settings["halves"]) == (600, 64, 1)
    again = simulate(tmp_path, "tiny", **options)
    assert again.matches == first.matches and again.written == ()


@pytest.mark.parametrize(("cores", "processes"), [(1, 1), (2, 2), (64, 3)])
def test_there_are_no_more_processes_than_cores_of_this_process(
    tmp_path, monkeypatch, cores, processes
):
    used = []

    def write(root, splits, processes, **options):
        used.append(processes)
        write_splits(root, {split: list(plans) for split, plans in splits.items()})
        return ()

    monkeypatch.setattr("onball.simulator.dataset.available_cores", lambda: cores)
    monkeypatch.setattr("onball.simulator.dataset.write_dataset", write)
    simulate(tmp_path, "tiny")  # four matches of 15 s: a process is worth 20 s
    assert used == [processes]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mot": True, "video": False}, "--mot needs a video"),
        ({"events": "labels.json"}, "--events needs --tracking"),
        ({"preset": "huge"}, "unknown preset 'huge': choose one of tiny"),
        ({"train": 1001}, "0 to 1000 are possible"),
    ],
)
def test_options_that_contradict_each_other_are_an_error(tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        simulate(tmp_path, **options)
