"""Training runs on a tiny data set: learning, initial weights, and the files they write."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from onball.config import load_config
from onball.data.clips import Clips
from onball.data.matches import LabelledMatch
from onball.errors import ConfigError, DataError, MissingDependencyError, OnballWarning
from onball.events import EventList
from onball.models import build_model, load_model
from onball.training import run
from onball.training.initial import build_initial_net
from onball.training.losses import spotting_loss
from onball.training.targets import frame_targets_of
from onball.training.trainer import make_trainer
from onball.training.validation import validate


def test_a_tiny_net_overfits_one_clip(runs):
    torch.manual_seed(0)
    config = runs.config()
    net = build_model(config.model)
    frames = torch.randint(0, 256, (1, 16, 3, 36, 64), dtype=torch.uint8)
    classes = torch.zeros(1, 16, dtype=torch.int64)
    classes[0, [3, 8, 12]] = torch.tensor([1, 8, 12])
    clips = Clips(
        frames,
        classes,
        torch.zeros_like(classes),
        torch.full_like(classes, -1),
        torch.zeros(1, 12),
        torch.zeros(1, dtype=torch.int64),
        torch.zeros(1, 16, 0),
        torch.zeros(1, 2, dtype=torch.int64),
        torch.zeros(1, 2, dtype=torch.int64),
    )
    targets = frame_targets_of(clips, config.training.loss)
    optimizer = torch.optim.AdamW(net.parameters(), lr=5e-3)
    losses = []
    for _ in range(60):
        loss = spotting_loss(net(frames), targets, config.training.loss)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.1 * losses[0]
    assert torch.equal(net(frames).logits.argmax(-1), classes)


def test_a_run_writes_config_metrics_logs_checkpoint_and_model(finished, runs, metrics):
    assert {path.name for path in finished.iterdir()} == {
        "config.yaml",
        "metrics.csv",
        "tensorboard",
        "checkpoints",
        "model",
    }
    assert [path.name for path in (finished / "checkpoints").iterdir()] == ["last.ckpt"]
    assert load_config(finished / "config.yaml") == runs.config()
    net, config = load_model(finished / "model")
    assert (config.width, config.height, config.inference.window_frames) == (64, 36, 16)
    assert not net.training
    log = metrics(finished)
    assert [(row["epoch"], row["step"]) for row in log] == [("1", "3"), ("2", "6")]
    for row in log:
        assert 0 <= float(row["map10"]) <= 1
        assert float(row["train_loss"]) > 0 and float(row["valid_loss"]) > 0
    assert "mAP10" in (finished / "model" / "README.md").read_text()


def test_training_can_start_from_a_saved_model(finished, runs, tmp_path):
    first, _ = load_model(finished / "model")
    start = f"training.initial_model={finished / 'model'}"
    net = build_initial_net(runs.config(start))
    assert net.training
    for name, values in first.state_dict().items():
        assert torch.equal(net.state_dict()[name], values), name
    runs.train(tmp_path / "run", start, "training.epochs=1", "training.clips_per_epoch=4")
    assert (tmp_path / "run" / "model" / "config.json").is_file()


def test_without_matches_to_validate_on_the_last_model_is_kept(root, runs, tmp_path, metrics):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train").symlink_to(root / "train")
    with pytest.warns(OnballWarning, match="without validation"):
        runs.train(tmp_path / "run", f"data.root={tmp_path / 'data'}", "training.epochs=1")
    assert load_model(tmp_path / "run" / "model")[1].width == 64
    assert metrics(tmp_path / "run")[0]["map10"] == ""


@pytest.fixture(scope="module")
def finished_otherwise(runs, tmp_path_factory):
    """The run `finished` with a worker process and without loggers."""
    torch.set_num_threads(1)
    settings = ("training.workers=1", "training.loggers=[]")
    return runs.train(tmp_path_factory.mktemp("runs") / "otherwise", *settings)


def test_worker_processes_give_the_same_clips(finished_otherwise, finished, assert_same_weights):
    assert_same_weights(finished_otherwise, finished)


def test_lightning_draws_no_bar_beside_that_of_onball(runs, tmp_path):
    trainer = make_trainer(runs.config(), tmp_path, [], torch.float32, torch.device("cpu"))
    assert trainer.progress_bar_callback is None


def test_without_loggers_only_the_metrics_are_written(finished_otherwise, finished, metrics):
    assert not (finished_otherwise / "tensorboard").exists()
    losses = [
        [row["train_loss"] for row in metrics(each)] for each in (finished_otherwise, finished)
    ]
    assert losses[0] == losses[1]


@pytest.mark.parametrize("logger", ["wandb", "mlflow"])
def test_a_logger_that_is_not_installed_is_reported_before_the_run(
    runs, tmp_path, monkeypatch, logger
):
    monkeypatch.setattr("onball.training.trainer.find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=rf"loggers: {logger} needs.*pip install"):
        runs.train(tmp_path / "run", f"training.loggers=[{logger}]")
    assert not (tmp_path / "run").exists()


def test_validation_leaves_the_net_in_its_mode_even_when_it_fails(runs):
    class Unreadable:
        times_ms = np.array([0, 80])

        def read(self, start, stop):
            raise DataError("video.mp4: gone")

    config = runs.config()
    net = build_model(config.model).train()
    matches = [LabelledMatch("match", Unreadable(), EventList.of([]))]
    with pytest.raises(DataError, match="gone"):
        validate(net, matches, config, torch.float32)
    assert net.training


def test_the_largest_seed_trains_and_a_larger_one_is_refused(runs, tmp_path, metrics):
    few = ["training.epochs=1", "training.clips_per_epoch=4"]
    run.train(runs.config(f"training.seed={2**31 - 1}", *few), run_dir=tmp_path / "run")
    assert len(metrics(tmp_path / "run")) == 1
    with pytest.raises(ConfigError, match=r"training\.seed: .*less than 2147483648"):
        runs.config(f"training.seed={2**31}")
