"""Training runs on a tiny data set: learning, resuming, interruption, what is left on disk."""

from __future__ import annotations

import csv
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from onball.actions import ACTIONS
from onball.config import ExperimentConfig, load_config
from onball.data.clips import LabelledMatch
from onball.errors import ConfigError, DataError, ModelError, OnballError, OnballWarning
from onball.events import Event, EventList
from onball.formats.soccernet import write_labels
from onball.models import build_net, load_model
from onball.training import run
from onball.training.losses import class_weights, spotting_loss
from onball.training.module import SpottingModule
from onball.training.validation import validate
from onball.video import VideoWriter

TINY = Path(__file__).parents[2] / "configs" / "spotting" / "tiny.yaml"
COLOURS = np.array([[220, 30, 30], [30, 220, 30], [30, 30, 220]], np.uint8)


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def write_match(folder: Path, seed: int) -> None:
    """8 s of grey; each of three actions flashes in its own colour for three frames."""
    rng = np.random.default_rng(seed)
    events = []
    with VideoWriter(folder / "224p.mp4", (64, 36), 25) as writer:
        for index in range(200):
            picture = np.full((36, 64, 3), 90, np.uint8)
            if index % 25 == 15:
                events.append(Event(index * 40, ACTIONS[rng.integers(3)]))
            if events and index * 40 - events[-1].position_ms < 120:
                picture[:] = COLOURS[events[-1].label.order]
            writer.write(picture)
    write_labels(EventList.of(events), folder / "Labels-ball.json")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("matches")
    for seed, split in enumerate(("train", "train", "valid")):
        write_match(root / split / "league" / "season" / f"match {seed}", seed)
    return root


@pytest.fixture
def config(root):
    return configured(root)


def configured(root: Path, *overrides: str) -> ExperimentConfig:
    places = [f"data.root={root}", f"data.cache={root / '.cache'}"]
    small = ["training.clips_per_epoch=10", "training.epochs=2", "training.precision=32"]
    return load_config(TINY, [*places, *small, *overrides])


def rows(run_dir: Path) -> list[dict[str, str]]:
    with (run_dir / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def assert_same_weights(one: Path, other: Path) -> None:
    first, second = (load_file(folder / "model" / "model.safetensors") for folder in (one, other))
    assert first.keys() == second.keys()
    for name in first:
        assert torch.allclose(first[name].float(), second[name].float(), atol=1e-6), name


@pytest.fixture(scope="module")
def finished(root, tmp_path_factory):
    """A run that was never interrupted."""
    run_dir = tmp_path_factory.mktemp("runs") / "whole"
    run.train(configured(root), run_dir=run_dir)
    return run_dir


def test_a_tiny_net_learns_one_clip_by_heart(config):
    torch.manual_seed(0)
    net = build_net(config.model)
    frames = torch.randint(0, 256, (1, 16, 3, 36, 64), dtype=torch.uint8)
    targets = torch.zeros(1, 16, dtype=torch.int64)
    targets[0, [3, 8, 12]] = torch.tensor([1, 8, 12])
    weights = class_weights(1.0, 5.0)
    optimizer = torch.optim.AdamW(net.parameters(), lr=5e-3)
    losses = []
    for _ in range(60):
        loss = spotting_loss(net(frames), targets, weights)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.1 * losses[0]
    assert torch.equal(net(frames).logits.argmax(-1), targets)


def test_a_run_leaves_what_it_promises(finished, root):
    assert {path.name for path in finished.iterdir()} == {
        "config.yaml",
        "metrics.csv",
        "tensorboard",
        "checkpoints",
        "model",
    }
    assert load_config(finished / "config.yaml") == configured(root)
    net, config = load_model(finished / "model")
    assert (config.width, config.height, config.inference.window_frames) == (64, 36, 16)
    assert not net.training
    log = rows(finished)
    assert [(row["epoch"], row["step"]) for row in log] == [("1", "3"), ("2", "6")]
    for row in log:
        assert 0 <= float(row["map10"]) <= 1
        assert float(row["train_loss"]) > 0 and float(row["valid_loss"]) > 0
    assert "mAP10" in (finished / "model" / "README.md").read_text()


def interrupt_at(monkeypatch: pytest.MonkeyPatch, step: int, number: signal.Signals) -> None:
    original = SpottingModule.training_step

    def training_step(self, batch, batch_idx):
        if self.global_step == step:
            signal.raise_signal(number)
        return original(self, batch, batch_idx)

    monkeypatch.setattr(SpottingModule, "training_step", training_step)


@pytest.mark.parametrize(
    ("step", "number"),
    [(1, signal.SIGINT), (2, signal.SIGTERM), (4, signal.SIGINT)],
    ids=["amid the first epoch", "in the last step of an epoch", "amid the last epoch"],
)
def test_an_interrupted_and_resumed_run_equals_a_whole_one(
    finished, config, tmp_path, monkeypatch, step, number
):
    before = signal.getsignal(number)
    with monkeypatch.context() as patched:
        interrupt_at(patched, step, number)
        with pytest.raises(
            run.TrainingInterrupted, match=f"stopped at step {step + 1} of 6.*--resume"
        ):
            run.train(config, run_dir=tmp_path / "run")
    assert signal.getsignal(number) == before
    run.train(config, run_dir=tmp_path / "run", resume=True)
    assert_same_weights(tmp_path / "run", finished)
    kept = [(row["epoch"], row["step"], row["map10"]) for row in rows(tmp_path / "run")]
    assert kept == [(row["epoch"], row["step"], row["map10"]) for row in rows(finished)]


def test_resuming_a_finished_run_changes_nothing(config, tmp_path):
    run.train(config, run_dir=tmp_path / "run")
    before = (tmp_path / "run" / "model" / "model.safetensors").read_bytes()
    run.train(config, run_dir=tmp_path / "run", resume=True)
    assert (tmp_path / "run" / "model" / "model.safetensors").read_bytes() == before
    assert len(rows(tmp_path / "run")) == 2


def test_a_folder_with_a_run_is_not_overwritten(finished, config):
    with pytest.raises(ConfigError, match="holds a training run; go on with --resume"):
        run.train(config, run_dir=finished)


def test_a_run_is_resumed_with_its_own_settings_only(finished, root):
    with pytest.raises(ConfigError, match=r"begun with training\.learning_rate=0\.002, now it is"):
        run.train(configured(root, "training.learning_rate=1e-3"), run_dir=finished, resume=True)


def test_training_can_start_from_a_saved_model(finished, root, tmp_path):
    first, _ = load_model(finished / "model")
    config = configured(root, f"training.initial_model={finished / 'model'}")
    net = run._first_net(config)
    assert net.training
    for name, values in first.state_dict().items():
        assert torch.equal(net.state_dict()[name], values), name
    run.train(config, run_dir=tmp_path / "run")
    assert (tmp_path / "run" / "model" / "config.json").is_file()


def test_a_model_with_another_net_is_no_start(finished, root, tmp_path):
    config = configured(
        root, f"training.initial_model={finished / 'model'}", "model.temporal.hidden=16"
    )
    with pytest.raises(ConfigError, match="bilstm, hidden 32, the config bilstm, hidden 16"):
        run.train(config, run_dir=tmp_path / "run")


def test_a_damaged_checkpoint_is_told_in_one_line(config, finished, tmp_path):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "last.ckpt").write_bytes(b"nothing")
    (tmp_path / "config.yaml").write_text((finished / "config.yaml").read_text())
    with pytest.raises(DataError, match=r"last\.ckpt: damaged"):
        run.train(config, run_dir=tmp_path, resume=True)


def test_a_loss_that_is_not_finite_ends_the_run_with_one_line(config, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "onball.training.module.spotting_loss",
        lambda scores, targets, weights: scores.logits.sum() * float("nan"),
    )
    with pytest.raises(OnballError, match=r"the loss became nan at step 0 .*learning_rate"):
        run.train(config, run_dir=tmp_path / "run")


def test_without_matches_to_validate_on_the_last_model_is_kept(root, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train").symlink_to(root / "train")
    config = configured(tmp_path / "data", "training.epochs=1", f"data.cache={root / '.cache'}")
    with pytest.warns(OnballWarning, match="without validation"):
        model = run.train(config, run_dir=tmp_path / "run")
    assert load_model(model)[1].width == 64
    assert rows(tmp_path / "run")[0]["map10"] == ""


def test_worker_processes_give_the_same_clips(root, finished, tmp_path):
    run.train(configured(root, "training.workers=1"), run_dir=tmp_path / "run")
    assert_same_weights(tmp_path / "run", finished)


SLOW_TO_READ = """
import time
from onball.cli.main import main
from onball.data.cache import CachedFrames

read = CachedFrames.read

def read_slowly(self, start, stop):
    time.sleep(0.5)
    return read(self, start, stop)

CachedFrames.read = read_slowly
main()
"""


@pytest.mark.slow
def test_ctrl_c_in_a_terminal_stops_a_run_that_waits_for_its_workers(root, tmp_path):
    run_dir = tmp_path / "run"
    settings = [
        f"data.cache={root / '.cache'}",
        "training.workers=1",
        "training.batch_size=1",
        "training.clips_per_epoch=2",
        "training.epochs=1000",
        "training.validate_every_epochs=1000",
    ]
    command = [sys.executable, "-c", SLOW_TO_READ, "train", str(TINY)]
    command += ["--data", str(root), "--out", str(run_dir)]
    command += [part for setting in settings for part in ("--set", setting)]
    with subprocess.Popen(
        command, start_new_session=True, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            deadline = time.monotonic() + 120
            while not (run_dir / "checkpoints" / "last.ckpt").exists():
                assert process.poll() is None and time.monotonic() < deadline
                time.sleep(0.02)
            time.sleep(0.2)  # the first epoch is over, the first clip of the second is being read
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers, too
            said = process.communicate(timeout=60)[1]
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 130
    assert re.search(r"stopped at step \d+ of 2000; .*--resume", said.replace("\n", " "))
    assert "Traceback" not in said
    assert (run_dir / "checkpoints" / "last.ckpt").is_file()


def test_an_error_in_a_worker_process_is_told_in_one_line(root, tmp_path):
    match = tmp_path / "train" / "league" / "season" / "match"
    shutil.copytree(next((root / "train").rglob("match 0")), match)
    film = (match / "224p.mp4").read_bytes()
    damaged = film.index(b"mdat") + 1500  # behind the header and the first pictures
    (match / "224p.mp4").write_bytes(film[:damaged] + bytes(len(film) - damaged))
    settings = ["data.cache=null", "training.workers=1"]
    with (
        pytest.warns(OnballWarning),
        pytest.raises(DataError, match=r"^league/season/match: no frame") as caught,
    ):
        run.train(configured(tmp_path, *settings), run_dir=tmp_path / "run")
    assert "\n" not in str(caught.value)


def test_validation_matches_that_cannot_be_read_are_an_error(root, tmp_path):
    shutil.copytree(root / "train", tmp_path / "train")
    match = tmp_path / "valid" / "league" / "season" / "match"
    shutil.copytree(next((root / "valid").rglob("match 2")), match)
    (match / "224p.mp4").unlink()
    with pytest.raises(DataError, match="no video"):
        run.train(configured(tmp_path), run_dir=tmp_path / "run")


def test_validation_leaves_the_net_in_its_mode_even_when_it_fails(config):
    class Unreadable:
        times_ms = np.array([0, 80])

        def read(self, start, stop):
            raise DataError("film.mp4: gone")

    net = build_net(config.model).train()
    matches = [LabelledMatch("match", Unreadable(), EventList.of([]))]
    weights = class_weights(1.0, 5.0).numpy()
    with pytest.raises(DataError, match="gone"):
        validate(net, matches, config.inference, weights, torch.float32)
    assert net.training


def test_a_network_for_pictures_of_another_size_is_told_before_anything_is_read(tmp_path):
    config = configured(tmp_path, "model.backbone={name: test_vit, pretrained: false}")
    with pytest.raises(
        ConfigError, match=r"backbone\.name: 'test_vit' cannot .*data\.height = 64 × 36 \("
    ):
        run.train(config, run_dir=tmp_path / "run")


def test_other_files_in_the_models_place_are_told_before_anything_is_read(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "thesis.txt").write_text("years of work")
    with pytest.raises(ModelError, match="model: holds other files"):
        run.train(configured(tmp_path), run_dir=tmp_path)


def test_the_largest_seed_trains_and_a_larger_one_is_refused(root, tmp_path):
    few = ["training.epochs=1", "training.clips_per_epoch=4"]
    run.train(configured(root, f"training.seed={2**31 - 1}", *few), run_dir=tmp_path / "run")
    assert len(rows(tmp_path / "run")) == 1
    with pytest.raises(ConfigError, match=r"training\.seed: .*less than 2147483648"):
        configured(root, f"training.seed={2**31}")
