"""`onball experiments run`: a row and curves for each config, even if others fail."""

from __future__ import annotations

import csv
import math
import shutil
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from onball import experiments
from onball.actions import ACTIONS
from onball.cli.main import main
from onball.config import ExperimentConfig, load_config
from onball.evaluation import evaluate_spotting
from onball.experiments import columns_of, read_results
from onball.formats.soccernet import read_labels
from onball.models import build_model, load_model
from onball.models.cost import NetCost, cost_of, measure
from onball.spotting.spotter import Spotter
from onball.training.module import TrainingModule
from onball.video import read_frames

#: Budget that suffices to learn the colours, an overlay of every config.
BUDGET = """
data: {clip_frames: 8}
training:
  epochs: 5
  clips_per_epoch: 24
  learning_rate: 5e-3
  precision: 32
  loggers: []
  augmentation: {flip: 0, jitter: {probability: 0}}
"""
SEED = "training: {epochs: 4, seed: 3}"
NEVER = "model: {temporal: {name: none}}"
CLIPS = "task: classification\nmodel: {temporal: {name: none}}"


@dataclass(frozen=True)
class Place:
    """Paths of the runs and tables of a test."""

    folder: Path
    root: Path
    overlays: tuple[Path, ...]

    @property
    def runs(self) -> Path:
        return self.folder / "runs"

    @property
    def results(self) -> Path:
        return self.folder / "results"

    def command(self, *configs: Path, settings: tuple[str, ...] = ()) -> list[str]:
        cache = f"data.cache={self.root.parent / 'cache'}"
        return [
            *("experiments", "run", *map(str, configs), "--data", str(self.root)),
            *(part for overlay in self.overlays for part in ("--with", str(overlay))),
            *(part for setting in (cache, *settings) for part in ("--set", setting)),
            *("--runs", str(self.runs), "--results", str(self.results)),
        ]

    def rows(self, task: str = "spotting") -> list[dict[str, str]]:
        return read_results(self.results / f"{task}.csv")

    def test_matches(self) -> list[Path]:
        return sorted((self.root / "test").rglob("224p.mp4"))


@pytest.fixture(scope="session")
def budgets(configs):
    return configs("budget", BUDGET, base=False), configs("seeded", SEED, base=False)


@pytest.fixture
def place(tmp_path, root, budgets) -> Place:
    return Place(tmp_path, root, budgets)


@pytest.fixture(scope="session")
def three(configs) -> list[Path]:
    return [configs("lstm", ""), configs("alone", NEVER), configs("clips", CLIPS)]


@pytest.fixture(scope="module", autouse=True)
def costs_measured_once() -> Iterator[None]:
    """Measure nets of the same settings once: it takes a second each time."""
    measured: dict[str, NetCost] = {}

    def cost_once(config: ExperimentConfig) -> NetCost:
        key = repr((config.task, config.model, config.data.size, config.data.clip_frames))
        if key not in measured:
            measured[key] = cost_of(config)
        return measured[key]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(experiments, "cost_of", cost_once)
        yield


@pytest.fixture(scope="module")
def finished(root, budgets, three, tmp_path_factory) -> Place:
    """Three experiments without interruption, which tests must not modify."""
    place = Place(tmp_path_factory.mktemp("experiments"), root, budgets)
    settings = ("training.seed=5", "training.seed=7")
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "argv", ["onball", *place.command(*three, settings=settings)])
        with pytest.raises(SystemExit) as end:
            main()
    assert not end.value.code
    return place


@pytest.fixture
def no_training(monkeypatch):
    def training_step(self, batch, batch_idx):
        raise AssertionError("trained")

    monkeypatch.setattr(TrainingModule, "training_step", training_step)


def test_each_experiment_has_one_row_with_every_column_filled(finished):
    rows = finished.rows()
    assert [row["config"] for row in rows] == ["mine/lstm", "mine/alone"]
    for row in rows:
        assert all(row[column] for column in columns_of()), row
        assert (row["epochs"], row["steps"], row["clips"]) == ("4", "24", "96")
        assert (row["data"], row["size"]) == ("flashes", "64x36")
        assert 1 <= int(row["best_epoch"]) <= 4
        scores = [float(row[f"AP {action}"]) for action in ACTIONS]
        assert float(row["map12"]) == pytest.approx(np.mean(scores), abs=0.01)
        assert float(row["map10"]) == pytest.approx(np.mean(scores[:10]), abs=0.01)
    assert [row["config"] for row in finished.rows("classification")] == ["mine/clips"]


def test_parameters_and_gflops_are_those_of_the_net(finished):
    row = finished.rows()[0]
    config = load_config(finished.runs / "mine" / "lstm_seed7" / "config.yaml")
    net = build_model(config.model, fetch_weights=False)
    assert int(row["parameters"]) == sum(p.numel() for p in net.parameters())
    assert row["gflops"] == f"{measure(net, (8, 3, 36, 64)).gflops:.2f}"


def test_the_wall_time_is_the_sum_of_the_epochs(finished):
    with (finished.results / "curves" / "mine" / "lstm_seed7.csv").open(newline="") as file:
        epochs = list(csv.DictReader(file))
    assert [epoch["epoch"] for epoch in epochs] == ["1", "2", "3", "4"]
    assert all(float(epoch["train_loss"]) > 0 < float(epoch["valid_loss"]) for epoch in epochs)
    seconds = sum(float(epoch["seconds"]) for epoch in epochs)
    assert float(finished.rows()[0]["wall_time_s"]) == pytest.approx(seconds, abs=0.51)


def test_later_overlays_and_then_later_settings_take_precedence(finished):
    config = load_config(finished.runs / "mine" / "lstm_seed7" / "config.yaml")
    assert config.training.learning_rate == 5e-3  # of the first overlay
    assert config.training.epochs == 4  # of the second
    assert config.training.seed == 7  # of the last --set
    row = finished.rows()[0]
    assert row["seed"] == "7"
    assert row["settings"] == "budget; seeded"


def test_the_map_is_that_of_the_saved_model_on_the_test_matches(finished):
    spotter = Spotter.from_pretrained(
        finished.runs / "mine" / "lstm_seed7" / "model", device="cpu", precision="32"
    )
    videos = finished.test_matches()
    assert len(videos) == 2
    labels = [read_labels(video.with_name("Labels-ball.json")) for video in videos]
    result = evaluate_spotting(labels, [spotter.spot(video) for video in videos])
    row = finished.rows()[0]
    assert result.map12 > 0.05  # the colours were learned, so that the comparison is meaningful
    assert row["map12"] == f"{100 * result.map12:.2f}"
    assert row["map10"] == f"{100 * result.map10:.2f}"
    for action in ACTIONS:
        assert row[f"AP {action}"] == f"{100 * result.ap[action]:.2f}"


def test_the_ap_of_clips_agrees_with_scikit_learn(finished):
    from sklearn.metrics import average_precision_score

    net, config = load_model(finished.runs / "mine" / "clips_seed7" / "model", "classification")
    truth, scores = [], []
    for video in finished.test_matches():
        batches = read_frames(video, config.fps, config.size)
        frames = np.concatenate([batch.frames for batch in batches])
        events = read_labels(video.with_name("Labels-ball.json"))
        # Halfway between two frames (80 ms apart) the earlier one counts.
        on_frame = [(math.ceil(e.position_ms / 80 - 0.5), e.label.order) for e in events]
        assert len(frames) == 100
        for start in (*range(0, 92, 8), 92):
            clip = torch.from_numpy(frames[start : start + 8]).permute(0, 3, 1, 2)
            with torch.no_grad():
                scores.append(net(clip[None])[0].sigmoid().numpy())
            inside = [order for frame, order in on_frame if start <= frame < start + 8]
            truth.append(np.isin(np.arange(12), inside))
    (row,) = finished.rows("classification")
    expected = [
        average_precision_score(had, given) if had.any() else 0.0
        for had, given in zip(np.array(truth).T, np.array(scores).T, strict=True)
    ]
    assert sum(expected) > 0
    for action, ap in zip(ACTIONS, expected, strict=True):
        assert row[f"AP {action}"] == f"{100 * ap:.2f}"


def test_a_second_call_trains_nothing_and_adds_no_rows(
    finished, three, tmp_path, onball, no_training
):
    place = Place(tmp_path, finished.root, finished.overlays)
    shutil.copytree(finished.folder, tmp_path, dirs_exist_ok=True)
    settings = ("training.seed=5", "training.seed=7")
    code, out, error = onball(*place.command(*three, settings=settings))
    assert code == 0
    assert "mine/lstm" in out and "mAP10" in out
    assert "1/3 mine/lstm: skipped, its row is in" in error and error.count("skipped") == 3
    assert place.rows() == finished.rows()
    assert place.rows("classification") == finished.rows("classification")


def test_an_interrupted_call_is_resumed(finished, three, place, onball, monkeypatch):
    settings = ("training.seed=5", "training.seed=7")
    command = place.command(*three[:2], settings=settings)
    original = TrainingModule.training_step

    def training_step(self, batch, batch_idx):
        if self.global_step == 8:
            signal.raise_signal(signal.SIGINT)
        return original(self, batch, batch_idx)

    with monkeypatch.context() as patched:
        patched.setattr(TrainingModule, "training_step", training_step)
        code, _, errors = onball(*command)
    assert code == 130
    assert "stopped at step 9 of 24" in errors and "Traceback" not in errors
    assert place.rows() == [] and not (place.runs / "mine" / "alone").exists()

    steps = []

    def counted_step(self, batch, batch_idx):
        steps.append(self.global_step)
        return original(self, batch, batch_idx)

    with monkeypatch.context() as patched:
        patched.setattr(TrainingModule, "training_step", counted_step)
        assert onball(*command)[0] == 0
    assert steps[0] == 9 and len(steps) == 15 + 24
    for row, whole in zip(place.rows(), finished.rows(), strict=True):
        assert {**row, "wall_time_s": ""} == {**whole, "wall_time_s": ""}


@pytest.mark.parametrize(
    ("broken", "hint"),
    [
        ("training: {epoch: 3}", "training.epoch: unknown setting; did you mean 'epochs'?"),
        ("model: {temporal: {name: bilsm}}", "did you mean 'bilstm'?"),
        ("model: {temporal: {name: bilstm, hiden: 3}}", "did you mean 'hidden'?"),
        ("model: {auxiliary: soccernet-v2}", "data.auxiliary.root is not set"),
    ],
)
def test_an_invalid_config_is_reported_before_any_training(place, configs, onball, broken, hint):
    configs_given = [configs("lstm", ""), configs("broken", broken)]
    code, _, errors = onball(*place.command(*configs_given))
    assert code == 2
    assert hint in errors and "Traceback" not in errors
    assert not place.runs.exists() and not place.results.exists()


def test_every_failing_config_is_named_and_none_is_trained(place, configs, onball, tmp_path):
    broken = configs("broken", "model: {temporal: {name: bilsm}}")
    joint = configs("joint", "model: {auxiliary: soccernet-v2}")
    tracks = configs("tracks", "model: {tracking: {features: study}}")
    command = place.command(configs("alone", NEVER), broken, joint, tracks)
    code, _, errors = onball(*command)
    assert code == 2
    assert f"{broken}: model.temporal.name: unknown name 'bilsm'" in errors
    assert f"{joint}: data.auxiliary.root is not set" in errors
    assert f"error: {tracks}: " in errors and "the model needs the tracks" in errors
    assert "3 of 4 configs cannot be trained, and none was: leave them out by --skip-f" in errors
    assert not place.runs.exists() and not place.results.exists()


def test_failing_configs_can_be_skipped(place, configs, onball):
    broken = configs("broken", "model: {temporal: {name: bilsm}}")
    settings = ("training.epochs=1", "training.clips_per_epoch=4")
    command = place.command(broken, configs("alone", NEVER), settings=settings)
    code, _, errors = onball(*command, "--skip-failing")
    assert code == 1
    assert "broken.yaml: model.temporal.name" in errors and "1 of 2 experiments failed" in errors
    assert [row["config"] for row in place.rows()] == ["mine/alone"]


def test_an_overwritten_experiment_is_trained_again_and_keeps_one_row(
    finished, three, tmp_path, onball
):
    place = Place(tmp_path, finished.root, finished.overlays)
    shutil.copytree(finished.folder, tmp_path, dirs_exist_ok=True)
    settings = ("training.seed=7", "training.epochs=1", "training.clips_per_epoch=4")
    command = place.command(three[1], settings=settings)
    code, _, error = onball(*command)
    assert code == 2
    assert "row of mine/alone with settings 'budget; seeded' instead of" in error
    assert "--overwrite replaces it, or choose another folder with --results" in error
    code, _, error = onball(*command, "--results", tmp_path / "other")
    assert code == 2 and "holds a run with training.clips_per_epoch 24 instead of 4" in error
    assert place.rows() == finished.rows()
    assert onball(*command, "--overwrite")[0] == 0
    assert [(row["config"], row["epochs"]) for row in place.rows()] == [
        ("mine/lstm", "4"),
        ("mine/alone", "1"),
    ]
    curves = (place.results / "curves" / "mine" / "alone_seed7.csv").read_text()
    assert len(curves.splitlines()) == 2


def test_results_and_runs_of_another_data_set_are_refused(finished, three, tmp_path, onball):
    place = Place(tmp_path, tmp_path / "other", finished.overlays)
    shutil.copytree(finished.folder, tmp_path, dirs_exist_ok=True)
    place.root.symlink_to(finished.root)
    settings = ("training.seed=5", "training.seed=7")
    command = place.command(three[0], settings=settings)
    code, _, error = onball(*command)
    assert code == 2
    assert "spotting.csv: holds results on the data set flashes instead of other: choose" in error
    code, _, error = onball(*command, "--results", tmp_path / "elsewhere")
    assert code == 2
    assert "lstm_seed7: was trained on the data set 'flashes' instead of 'other'" in error
    assert place.rows() == finished.rows()


def test_without_matches_to_test_on_nothing_is_trained(place, configs, onball, tmp_path):
    (tmp_path / "data").mkdir()
    for split in ("train", "valid"):
        (tmp_path / "data" / split).symlink_to(place.root / split)
    there = Place(place.folder, tmp_path / "data", place.overlays)
    code, _, errors = onball(*there.command(configs("lstm", "")))
    assert code == 2
    assert "no match under 'test'" in errors
    assert not place.runs.exists()


def test_a_failed_experiment_does_not_stop_the_others(place, configs, onball):
    # The largest of float32: the sum over several frames is infinite.
    wild = configs("wild", "training: {loss: {action_weight: 3.0e+38}}")
    command = place.command(wild, configs("alone", NEVER), settings=("training.epochs=1",))
    code, out, errors = onball(*command)
    assert code == 1
    assert "mine/wild: the loss became" in errors
    assert "1 of 2 experiments failed" in errors and "Traceback" not in errors
    assert [row["config"] for row in place.rows()] == ["mine/alone"]
    assert "mine/alone" in out


@pytest.mark.slow
def test_experiments_on_other_classes_have_a_table_of_these(place, configs, onball, tmp_path):
    root = shutil.copytree(place.root, tmp_path / "coded", ignore=shutil.ignore_patterns(".*"))
    names = {"PASS": "press won", "DRIVE": "counter", "HEADER": "lost ball"}
    for file in root.rglob("Labels-ball.json"):
        text = file.read_text()
        for usual, code in names.items():
            text = text.replace(f'"{usual}"', f'"{code}"')
        file.write_text(text)
    (root / "classes.txt").write_text("\n".join([*names.values(), "nutmeg"]))
    place = Place(tmp_path, root, place.overlays)
    fast = ("training.epochs=1", "training.clips_per_epoch=6")
    command = place.command(configs("own", NEVER), settings=fast)
    code, out, error = onball(*command)
    assert code == 0, error
    (row,) = place.rows()
    aps = [float(row[f"AP {name}"]) for name in (*names.values(), "nutmeg")]
    assert float(row["map"]) == pytest.approx(sum(aps) / 4, abs=0.01)
    assert "map12" not in row and "AP PASS" not in row
    assert "mAP " in out and "mAP12" not in out and row["map"] in out

    code, _, error = onball(*place.command(configs("usual", NEVER), settings=(
        *fast, "model.classes=[press won, counter, lost ball]",
    )))  # fmt: skip
    assert code == 2 and "holds the AP of 'press won'" in error
    assert not (place.runs / "mine" / "usual_seed3").exists(), "refused before the training"
