"""Training with tracks: they are mirrored with the frames, and nets learn from them alone."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch
from tiny_tracks import tiny_tracks

from onball.config import load_config
from onball.data.frames import tracking_inputs
from onball.data.matches import load_matches
from onball.errors import ConfigError, DataError
from onball.experiments import Experiment
from onball.models import build_model
from onball.training import run
from onball.training.module import SpottingModule, TrainingSteps

FULL = "model.tracking={features: full, dim: 32}"
ONE_STEP = ["training.epochs=1", "training.clips_per_epoch=4"]
ALONE = ["model.backbone={name: none}", FULL, "model.temporal={name: bilstm, hidden: 32}"]


def settings(root, *more):
    return [f"data.root={root}", f"data.cache={root / '.cache'}", *more]


def test_events_are_learned_from_tracks_alone(runs, tracked, tmp_path, metrics):
    more = ["training.epochs=12", "training.clips_per_epoch=40", "training.warmup_epochs=1"]
    runs.train(tmp_path / "run", *settings(tracked, *ALONE, *more))
    losses = [float(row["valid_loss"]) for row in metrics(tmp_path / "run") if row["valid_loss"]]
    assert losses[-1] < 0.6 * losses[0]


@pytest.mark.parametrize("task", ["spotting", "classification"])
def test_pixels_and_tracks_train_together_and_resume(runs, tracked, tmp_path, metrics, task):
    few = "training.clips_per_epoch=4"
    both = settings(tracked, FULL, "training.mixup.probability=1", f"task={task}", few)
    runs.train(tmp_path / "run", *both)
    assert len(metrics(tmp_path / "run")) == 2
    runs.train(tmp_path / "run", *both, resume=True)
    with pytest.raises(ConfigError, match=r"model\.tracking"):
        runs.train(tmp_path / "run", *settings(tracked, f"task={task}", few), resume=True)


def test_frames_are_cut_around_the_ball_and_cached_apart(runs, tracked, tmp_path, metrics):
    crop = "data.crop={players: 2, least_scale: 0.4}"
    whole, cut = (
        load_matches(runs.config(*settings(tracked, *more)).data, "train")[0].frames
        for more in ([], [crop])
    )
    assert cut.times_ms.tolist() == whole.times_ms.tolist()
    assert cut.read(0, 5).shape == whole.read(0, 5).shape
    runs.train(tmp_path / "run", *settings(tracked, crop, *ONE_STEP))
    assert len(metrics(tmp_path / "run")) == 1


def test_mirrored_clips_have_the_tracks_of_a_mirrored_video(runs, tracked):
    config = runs.config(*settings(tracked, *ALONE))
    net = build_model(config.model)
    module = SpottingModule(net, config, TrainingSteps.of(config.training), lambda clips: "")
    tracks = tiny_tracks([2000, 4000])
    mirrored = tracks.where(np.ones(len(tracks), bool))
    mirrored.boxes[:, [0, 2]] = tracks.video.width - tracks.boxes[:, [2, 0]]
    times = np.arange(0, 8000, 80, dtype=np.int64)
    one, other = (
        torch.from_numpy(tracking_inputs(t, times, config.model.tracking))[None]
        for t in (tracks, mirrored)
    )
    assert not torch.allclose(one, other)
    assert torch.allclose(module._mirror(one, torch.tensor([True])), other, atol=1e-4)
    assert torch.equal(module._mirror(one, torch.tensor([False])), one)


def test_missing_tracks_are_reported_with_the_command_that_makes_them(runs, root):
    with pytest.raises(DataError, match=r"tracks\.parquet: no such file.*onball track"):
        load_matches(runs.config(*ALONE).data, "train", model=runs.config(*ALONE).model)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (["training.augmentation.crop.probability=0.5"], r"augmentation\.crop\.probability"),
        (["training.augmentation.camera_shift.probability=0.5"], r"camera_shift\.probability"),
        (["model.auxiliary=soccernet-v2", "data.auxiliary.root=x"], r"have no tracks"),
        (["data.crop={}"], r"data\.crop: the net looks at no pixels"),
    ],
)
def test_settings_that_do_not_go_with_tracks_are_refused(runs, tmp_path, wrong, message):
    with pytest.raises(ConfigError, match=message):
        run.train(runs.config(*ALONE, *wrong), run_dir=tmp_path / "run")


def test_other_tracks_make_another_experiment(tmp_path):
    folders = {name: tmp_path / name for name in ("spotting", "tracks", "budgets")}
    for folder in folders.values():
        folder.mkdir()
    config, degraded, budget = (
        folders[name] / f"{stem}.yaml"
        for name, stem in (("spotting", "mine"), ("tracks", "degraded"), ("budgets", "cpu"))
    )
    shutil.copy(tracks_overlay(), degraded)
    config.write_text("model: {temporal: {name: none}}\n")
    budget.write_text("training: {epochs: 1}\n")
    experiment = Experiment(config, (budget, degraded))
    assert experiment.name == "spotting/mine+degraded"
    assert Experiment(config, (budget,)).name == "spotting/mine"
    assert experiment.load().data.tracks == load_config(degraded).data.tracks != "tracks.parquet"


def tracks_overlay():
    from onball.config import find_config

    return find_config("tracks/degraded")


def test_tracks_alone_need_no_video(runs, tracked, tmp_path):
    config = runs.config(*settings(tracked, *ALONE))
    seen = load_matches(config.data, "train", config.model)
    copied = tmp_path / "copied"
    shutil.copytree(tracked, copied)
    for video in copied.rglob("*.mp4"):
        video.unlink()
    config = runs.config(*settings(copied, *ALONE))
    unseen = load_matches(config.data, "train", config.model)
    for one, other in zip(seen, unseen, strict=True):
        assert one.frames.times_ms.tolist() == other.frames.times_ms.tolist()
        assert np.array_equal(one.track_features, other.track_features)
    runs.train(tmp_path / "run", *settings(copied, *ALONE, *ONE_STEP))
    assert (tmp_path / "run" / "model").is_dir()
    with pytest.raises(DataError, match="no video"):
        load_matches(config.data, "train")
